/* The function table that `_native` hands to `_objects` at import.
 *
 * All thread state lives in `_native`; the module of hot types reaches it by
 * these pointers, so that the two can be separate extension modules. */
#ifndef PRS_TABLE_H
#define PRS_TABLE_H

#include "../core/prs_core.h"
#include "../core/prs_native.h"
#include "../core/sync/prs_sync.h"

/* Changes whenever the table does: both modules come from one build. */
#define PRS_TABLE_VERSION 6u

typedef struct prs_table {
  uint32_t version;
  const prs_runner_t *python_runner;
  const prs_runner_t *native_runner;
  bool (*native_is_known)(void);
  bool (*native_is_mapped)(uintptr_t address);
  bool (*native_let_go)(prs_native_call_t *call);
  prs_native_loop_t *(*native_loop_new)(uint32_t threads, int64_t count,
                                        int64_t grain);
  void (*native_loop_free)(prs_native_loop_t *loop);
  int (*native_loop_work)(prs_native_loop_t *loop, uint64_t timeout);
  bool (*native_loop_has_rest)(prs_native_loop_t *loop);
  void (*native_loop_stop)(prs_native_loop_t *loop);
  prs_packet_t *(*packet_new)(const prs_runner_t *runner);
  void (*packet_ref)(prs_packet_t *packet);
  void (*packet_unref)(prs_packet_t *packet);
  int (*packet_set_name)(prs_packet_t *packet, const char *utf8, size_t length);
  uint32_t (*packet_state)(prs_packet_t *packet);
  bool (*packet_was_spawned)(prs_packet_t *packet);
  int (*packet_wait_or)(prs_packet_t *packet, uint64_t timeout,
                        const _Atomic uint32_t *ends);
  void (*packet_interrupt)(prs_packet_t *packet);
  void (*packet_chain)(prs_packet_t *packet);
  bool (*packet_set_bell)(prs_packet_t *packet, void *bell);
  int (*spawn)(prs_packet_t *packet, const prs_spawn_options_t *options,
               int *os_error);
  prs_parker_t *(*parker_new)(void);
  void (*parker_ref)(prs_parker_t *parker);
  void (*parker_unref)(prs_parker_t *parker);
  int (*parker_park_or)(prs_parker_t *parker, uint64_t timeout,
                        const _Atomic uint32_t *ends);
  void (*parker_interrupt)(prs_parker_t *parker);
  void (*parker_unpark)(prs_parker_t *parker);
  int (*sleep)(uint64_t nanoseconds);
  uint64_t (*now)(void);
  void (*line_enter)(void);
  void (*line_leave)(void);
  bool (*spawn_is_ahead)(uint32_t *seen);
  void (*spawn_step_back)(uint32_t seen);
  /* Take over what every thread of ours calls, with its job as argument, and
   * a function that resets what Python code left where C cannot reach. */
  void (*set_entry)(void *callable, void *settle);
  /* Tell which thread is the main one (PyThread_get_thread_ident). */
  void (*set_main_thread)(unsigned long ident);
  bool (*on_main_thread)(void);
  unsigned long (*main_thread)(void);
  int (*gate_state)(void);
  /* Stay in C for ever when the interpreter finalizes. */
  void (*hold)(void);
  const prs_sync_os_t *(*sync_os)(void);
  void (*turn_await)(uint32_t turn);
  void (*turn_pass)(void);
} prs_table_t;

#endif
