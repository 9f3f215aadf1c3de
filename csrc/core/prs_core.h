/* What the floors of the C layer share with each other. No Python.h here.
 *
 * core/ keeps the states, unix/ or win/ makes the OS calls, python/ plugs in
 * the way into the interpreter. README.md beside this file tells the story of
 * a packet and of a worker; prs_api.h is the part that Python sees. */
#ifndef PRS_CORE_H
#define PRS_CORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../prs_api.h"

#define PRS_FOREVER UINT64_MAX
#define PRS_NAME_LIMIT 255 /* bytes of a name that reach the OS layer */

/* ---- unix/ and win/ ------------------------------------------------------ */

/* An OS thread: pthread_t or HANDLE, whichever the platform has. */
typedef struct prs_os_thread {
  uintptr_t bits;
} prs_os_thread_t;

/* What an OS thread does. `body` runs on it; `killed` runs on it instead of
 * the rest of `body` when something below ends the thread from inside (CPython
 * up to 3.13 does at finalization), and may use atomics and wake-ups only. */
typedef struct prs_os_start {
  void (*body)(void *arg);
  void (*killed)(void *arg);
  void *arg;
  size_t stack_size; /* bytes; 0 is the default, PRS_STACK_DEFAULT */
} prs_os_start_t;

#define PRS_STACK_DEFAULT ((size_t)8 << 20)

/* Start a joinable OS thread.
 * Returns: PRS_OK; PRS_EINVAL, PRS_EAGAIN or PRS_ENOMEM with `*os_error` set.
 * Owner:   `start` is copied; `start->arg` passes to the thread on PRS_OK.
 * Blocks:  no.
 * Threads: any.
 * Orders:  all before the call happens before `body`. */
int prs__thread_create(prs_os_thread_t *out, const prs_os_start_t *start,
                       int *os_error);

/* Let the OS free the calling thread's resources as it ends.
 * Returns: nothing. Owner: consumes the right to join the caller.
 * Blocks:  no. Threads: the thread itself. Orders: none. */
void prs__thread_detach_self(void);

/* Wait until an OS thread is gone and free it.
 * Returns: nothing. Owner: consumes `thread`.
 * Blocks:  yes. Threads: one caller. Orders: all it did is before that. */
void prs__thread_join(prs_os_thread_t thread);

/* Join an OS thread that has come to the end of its `body`, if it is gone;
 * where the OS cannot tell, let it go.
 * Returns: true when there is nothing left to join.
 * Owner:   consumes `thread` when it returns true.
 * Blocks:  no. Threads: one caller. Orders: none where it is let go. */
bool prs__thread_try_join(prs_os_thread_t thread);

/* The calling thread, for prs__thread_join. */
prs_os_thread_t prs__thread_self(void);

/* Stop the calling thread for ever. */
_Noreturn void prs__thread_strand(void);

/* Sleep while `*word == expected`, at most `timeout`.
 * Returns: PRS_OK when woken, when the word differs or for no reason at all;
 *          PRS_ETIMEDOUT; PRS_EINTR.
 * Owner:   the caller keeps `word` alive.
 * Blocks:  yes. Threads: any.
 * Orders:  the comparison is seq_cst against prs__wake_*. */
int prs__wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout);
void prs__wake_one(_Atomic uint32_t *word);
void prs__wake_all(_Atomic uint32_t *word);

/* The number of the CPU that runs the caller, or PRS_CPU_UNKNOWN. */
#define PRS_CPU_UNKNOWN UINT32_MAX
uint32_t prs__cpu(void);

/* Call core's handlers around each fork. Returns: PRS_OK; PRS_ENOMEM. */
int prs__fork_install(void (*prepare)(void), void (*parent)(void),
                      void (*child)(void));

/* ---- lock ---------------------------------------------------------------- */

/* A small lock on prs__wait. The child of a fork may set it to zero. */
typedef struct prs_lock {
  _Atomic uint32_t word; /* 0 free, 1 held, 2 held and somebody waits */
} prs_lock_t;

void prs__lock(prs_lock_t *lock);
bool prs__lock_try(prs_lock_t *lock);
void prs__unlock(prs_lock_t *lock);

/* ---- patience: spin or sleep --------------------------------------------- */

/* Remembers whether waits of one kind are short. */
typedef struct prs_patience {
  _Atomic int32_t score; /* above 0: they are */
  _Atomic int32_t busy;  /* grows when strangers take the CPU of a spin */
} prs_patience_t;

/* What a spinning thread waits for: that `*word` is no longer `unwanted`, by
 * the work of a thread that was last seen on `other_cpu`. */
typedef struct prs_watch {
  _Atomic uint32_t *word;
  uint32_t unwanted;
  uint32_t other_cpu;
} prs_watch_t;

#define PRS_SPIN_NS 50000u /* about two slow wake-ups */

bool prs__patience_spins(prs_patience_t *patience);
void prs__patience_learn(prs_patience_t *patience, uint64_t waited);
/* Lose all patience: several short waits must come before the next spin. */
void prs__patience_lose(prs_patience_t *patience);
/* Spin at most `longest` nanoseconds; a moment only when the other thread
 * wants this very CPU. Returns: true when the word changed. */
bool prs__patience_spin(prs_watch_t watch, uint64_t longest);
/* The same, but give the CPU away when the other thread wants this one. */
bool prs__patience_defer(prs_watch_t watch, uint64_t longest);
void prs__patience_init(void);

/* Threads that have let go of the GIL to wait in C. A new thread that finds
 * none lets its spawner run on for a moment before it asks for the GIL. */
extern _Atomic uint32_t prs__bystanders;

/* Waits of core/sync. Spin while `*word == unwanted`, if waits have been short
 * and a CPU is left for it. Returns: true when the word changed. */
bool prs_wait_spin(_Atomic uint32_t *word, uint32_t unwanted);
void prs_wait_learn(uint64_t waited);

/* How often a thread of ours let go of the GIL to wait. Who was woken by a
 * thread that holds the GIL, and comes to stand in the kernel's queue for it,
 * pays for a second wake-up: it looks at this number for a moment first. */
extern _Atomic uint32_t prs__detached;
void prs_turn_await(uint32_t turn);
void prs_turn_pass(void);

/* Tell whether the thread of an earlier spawn has still to enter Python, and
 * closures are short enough to be let through. */
bool prs_spawn_is_ahead(uint32_t *seen);
/* Step back, without the GIL, until one of them has ended: the next spawn then
 * finds its worker. Blocks: PRS_SPIN_NS at most. */
void prs_spawn_step_back(uint32_t seen);
/* How long a closure ran, attached: is it worth stepping back? */
void prs__spawn_learn(uint64_t ran);

/* ---- packet -------------------------------------------------------------- */

typedef struct prs_worker prs_worker_t;
typedef struct prs_packet prs_packet_t;

/* How the closures of one kind run. `run` is called on the worker's thread and
 * ends with the closure's last trace gone; `leave` frees what the runner keeps
 * in `worker->attached` before the thread ends. */
typedef struct prs_runner {
  void (*run)(prs_packet_t *packet, prs_worker_t *worker);
  void (*leave)(prs_worker_t *worker);
  bool outlives; /* a closure of it runs on while the interpreter goes */
} prs_runner_t;

struct prs_packet {
  _Atomic uint32_t state;   /* enum prs_state; above it, interrupts */
  _Atomic uint32_t waiters; /* joiners that sleep, or are about to */
  _Atomic uint32_t refs;
  _Atomic bool spawned;
  _Atomic uint32_t thread_cpu;  /* where its thread was last seen */
  _Atomic uint32_t spawner_cpu; /* where its spawner was */
  uint32_t generation;          /* the fork generation that made it */
  const prs_runner_t *runner;
  void *payload;        /* the runner's own: set before the spawn */
  _Atomic(void *) bell; /* the interpreter's own: rung once `run` has ended */
  char *name;           /* for the OS thread; NULL keeps it unnamed */
};

prs_packet_t *prs_packet_new(const prs_runner_t *runner);
void prs_packet_ref(prs_packet_t *packet);
void prs_packet_unref(prs_packet_t *packet);
/* How many of `length` bytes fit `limit` without cutting a character. */
size_t prs__name_cut(const char *utf8, size_t length, size_t limit);
/* Give the thread's name; a copy of at most PRS_NAME_LIMIT bytes is kept.
 * Returns: PRS_OK; PRS_ENOMEM. */
int prs_packet_set_name(prs_packet_t *packet, const char *utf8, size_t length);
/* Read the state as the caller may see it: FORKED, PARKED and KILLED are also
 * computed from the fork generation, the gate and the finalization. */
uint32_t prs_packet_state(prs_packet_t *packet);
/* Tell whether prs_spawn took the packet. */
bool prs_packet_was_spawned(prs_packet_t *packet);
/* Wait at most `timeout` for a final state. The caller holds a reference.
 * Returns: PRS_OK when the state is final; PRS_ETIMEDOUT; PRS_EINTR;
 *          PRS_EDEADLK when the calling thread runs this very packet. */
int prs_packet_wait(prs_packet_t *packet, uint64_t timeout);
/* The same, and PRS_EINTR as soon as `*ends` is set: whoever sets it then calls
 * prs_packet_interrupt(). `ends` may be NULL. */
int prs_packet_wait_or(prs_packet_t *packet, uint64_t timeout,
                       const _Atomic uint32_t *ends);
/* Have every thread that waits for the packet look at its `ends`. */
void prs_packet_interrupt(prs_packet_t *packet);
/* Pass a wake-up on to the next joiner, once this one can run. */
void prs_packet_chain(prs_packet_t *packet);
/* Set the final state, once, and wake the first joiner. */
void prs__packet_publish(prs_packet_t *packet, uint32_t state);
/* Leave what the thread rings just before the final state, for those who
 * cannot wait. One bell for one packet.
 * Returns: false when there is one, or it is too late: then the final state is
 *          a moment away. */
bool prs_packet_set_bell(prs_packet_t *packet, void *bell);
/* Take the bell, NULL for none; nobody can leave one any more. A runner that
 * is inside the interpreter rings it there. */
void *prs__packet_take_bell(prs_packet_t *packet);
/* Ring the bell if the runner has not. Called on the worker's thread. */
void prs__packet_ring(prs_packet_t *packet, prs_worker_t *worker);
/* The packet whose closure the calling thread runs, or NULL. */
prs_packet_t *prs_packet_current(void);
void prs__packet_set_current(prs_packet_t *packet);

/* ---- parker -------------------------------------------------------------- */

typedef struct prs_parker prs_parker_t;

/* A parker without a token and with one reference; NULL when out of memory. */
prs_parker_t *prs_parker_new(void);
void prs_parker_ref(prs_parker_t *parker);
void prs_parker_unref(prs_parker_t *parker);
/* Take the token, waiting for it at most `timeout`; a reference is held while
 * the call waits.
 * Returns: PRS_OK when the token was taken; PRS_ETIMEDOUT; PRS_EINTR.
 * Owner:   the caller keeps its reference.
 * Blocks:  yes. Threads: one at a time for one parker.
 * Orders:  what happened before the unpark happens before the return. */
int prs_parker_park(prs_parker_t *parker, uint64_t timeout);
/* The same, and PRS_EINTR as soon as `*ends` is set: whoever sets it then calls
 * prs_parker_interrupt(). `ends` may be NULL. */
int prs_parker_park_or(prs_parker_t *parker, uint64_t timeout,
                       const _Atomic uint32_t *ends);
/* Have the thread that is parked, if one is, look at its `ends`. */
void prs_parker_interrupt(prs_parker_t *parker);
/* Leave the token, waking the thread that waits for it. Any thread. */
void prs_parker_unpark(prs_parker_t *parker);

/* Sleep, never shorter than asked unless a signal comes.
 * Returns: PRS_OK; PRS_EINTR when time may be left. */
int prs_sleep(uint64_t nanoseconds);

/* ---- worker -------------------------------------------------------------- */

struct prs_worker {
  _Atomic uint32_t signal; /* what the parked worker is told */
  prs_packet_t *packet;    /* runs now; NULL while parked */
  prs_worker_t *next;      /* in the idle list, or among those that leave */
  const prs_runner_t *attached_by;
  void *attached; /* the runner's own, kept from closure to closure */
  prs_os_thread_t thread;
  _Atomic uint32_t cpu; /* where it was last seen */
  _Atomic bool ends;    /* the last that its thread does here */
  uint32_t generation;
  bool fresh;    /* asked for one closure only */
  bool asked;    /* and `keeps` is the answer, until the closure has ended */
  bool keeps;    /* a place in the idle list is reserved */
  bool has_name; /* `name` is what the OS called the thread at first */
  char name[PRS_NAME_LIMIT + 1];
};

typedef struct prs_spawn_options {
  size_t stack_size; /* bytes; 0 is the default; else a fresh thread */
  bool dedicated;    /* a fresh thread that ends with its closure */
} prs_spawn_options_t;

/* Run the packet on a thread of its own.
 * Returns: PRS_OK; PRS_ECLOSED; PRS_ENOMEM; PRS_EINVAL, PRS_EAGAIN, PRS_ENOMEM
 *          with `*os_error` set when it was the platform that refused.
 * Owner:   takes one reference and the payload on PRS_OK only.
 * Blocks:  no. Threads: any.
 * Orders:  all before the call happens before `run`. */
int prs_spawn(prs_packet_t *packet, const prs_spawn_options_t *options,
              int *os_error);
/* Tell, near the end of `run`, whether this worker will be used again. */
bool prs__worker_keeps(prs_worker_t *worker);
uint64_t prs__worker_idle_count(void);
void prs__worker_init(void);

/* ---- gate ---------------------------------------------------------------- */

/* Count a start. Returns: false when the gate is closed. */
bool prs__gate_start(void);
void prs__gate_start_undo(void);
/* Stand in the door. Returns: false when the gate is shut: never enter. */
bool prs__gate_enter(void);
uint32_t prs__gate_starting(void);
/* Leave the door, inside. `starting` tells that prs__gate_start counted it. */
void prs__gate_entered(bool starting);
/* Whether no thread will ever enter any more: shut, and nobody in the door. */
bool prs__gate_is_sealed(void);
void prs__gate_live(int change);
void prs__gate_init(void);

/* ---- line ---------------------------------------------------------------- */

/* Stand in line before asking for the GIL, and leave when it is held.
 * Blocks: prs_line_enter does, without the GIL. Threads: any but the main one.
 * Orders: none. */
void prs_line_enter(void);
void prs_line_leave(void);
void prs__line_init(void);

/* Hooks of the python floor; NULL in a program without Python. `hold` may
 * never return. */
typedef struct prs_interpreter {
  bool (*finalizing)(void); /* asked from any thread, without the GIL */
  void (*hold)(void);       /* stop a thread that must not return to Python */
  /* Enter, if the gate lets it, ring and leave. Consumes the bell. */
  void (*ring)(prs_worker_t *worker, void *bell);
} prs_interpreter_t;
extern const prs_interpreter_t *prs__interpreter;
/* End of every blocking function: stay in C when the interpreter finalizes. */
void prs__hold(void);

/* ---- fork ---------------------------------------------------------------- */

/* One who must be told of forks. Registered for good, before the first fork. */
typedef struct prs_fork_part {
  void (*prepare)(void);
  void (*parent)(void);
  void (*child)(void);
  struct prs_fork_part *next;
} prs_fork_part_t;

void prs__fork_add(prs_fork_part_t *part);
/* Where the generation stands, for those who look at it at every step. */
_Atomic uint32_t *prs__fork_generation_word(void);
int prs__fork_init(void);

/* ---- counters ------------------------------------------------------------ */

typedef struct prs_counters {
  _Atomic uint64_t spawned;
  _Atomic uint64_t created;
  _Atomic uint64_t reused;
  _Atomic uint64_t parks;
  _Atomic uint64_t live;
  _Atomic uint64_t ending;
  _Atomic uint64_t packets;
  _Atomic uint64_t parkers;
} prs_counters_t;
extern prs_counters_t prs__counters;

#endif
