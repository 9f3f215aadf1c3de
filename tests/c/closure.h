/* Closures for the tests: C functions that run as Python's callables do.
 *
 * The runner takes the steps of csrc/python/entry.c in the same order, with a
 * heap block in the place of a thread state and without a GIL. */
#ifndef CLOSURE_H
#define CLOSURE_H

#include "check.h"

typedef void (*closure_t)(void *arg);

extern const prs_runner_t closure_runner;

/* Called on the thread before it stands in the door; NULL calls nothing. */
extern void (*_Atomic closure_slow_start)(void);
/* The same, called in the door, after counting who is there. */
extern void (*_Atomic closure_slow_entry)(void);
extern _Atomic uint32_t closure_in_door;

/* What the runner attached to workers, and what it freed again. */
extern _Atomic uint32_t closure_attached;
extern _Atomic uint32_t closure_left;

/* A packet with one reference that will call `call(arg)`. */
prs_packet_t *closure_new(closure_t call, void *arg);
/* Free a packet that prs_spawn has refused, with its payload. */
void closure_drop(prs_packet_t *packet);
/* Hand a packet to a thread; it must not be refused. */
void closure_start(prs_packet_t *packet, prs_spawn_options_t options);
prs_packet_t *closure_spawn(closure_t call, void *arg);
prs_packet_t *closure_spawn_dedicated(closure_t call, void *arg);

/* Wait for a final state as Python's join does: again after each signal, and
 * with the wake-up passed on. Returns: the state. */
uint32_t closure_wait(prs_packet_t *packet);
/* Wait for DONE and give the reference back. */
void closure_join(prs_packet_t *packet);

/* The worker that runs the calling closure. */
prs_worker_t *closure_worker(void);

/* Retire the workers and see that nothing is left of any closure. */
void closure_assert_nothing_left(void);

#endif
