/* What the files of the pool share: tasks, and the workers that run them.
 *
 * A task is queued in exactly one place: the deque of the worker that made it,
 * the injector, for what comes from outside, or the inbox of one worker. Who
 * takes it out claims it by its state; a joiner may have claimed it before,
 * then the place was stale. README.md beside this file tells who sleeps and who
 * wakes. */
#ifndef PRS_POOL_H
#define PRS_POOL_H

#include "../../core/sync/prs_deque.h"
#include "../objects.h"

typedef struct prs_task prs_task_t;
typedef struct prs_pool prs_pool_t;
typedef struct prs_hand prs_hand_t;
typedef struct prs_bulk prs_bulk_t;

/* ---- task ---------------------------------------------------------------- */

enum prs_task_state {
  PRS_TASK_QUEUED = 0,
  PRS_TASK_RUNS = 1,
  PRS_TASK_DONE = 2
};

/* What a task is, as bits. */
enum prs_task_kind {
  /* Its waiter is inside of a function of the package until it has ended: it
   * waits for nothing that its waiter does. Whoever waits may run it. */
  PRS_TASK_BORROWS = 1,
  PRS_TASK_REPORTS = 2, /* its panic is told to the hook, and unwound */
  PRS_TASK_FUTURE = 4,  /* it is a Future, too: see future.c */
  PRS_TASK_BULK = 8,    /* `function` is a prs_bulk_t to take part in */
  PRS_TASK_MOVED = 16,  /* the function is a moved closure's */
  PRS_TASK_PINNED = 32  /* only its worker may run it */
};

struct prs_task {
  PyObject_HEAD
  _Atomic uint32_t state;     /* enum prs_task_state */
  _Atomic bool taken;         /* the result: by join or detach */
  bool failed;                /* `result` is an exception */
  uint8_t kind;               /* enum prs_task_kind */
  uint32_t generation;        /* of forks */
  _Atomic(prs_hand_t *) hand; /* who runs it */
  prs_task_t *below; /* what that worker runs meanwhile, stopped in it */
  prs_guard_t guard;
  prs_queue_t joiners;
  prs_pool_t *pool;
  PyObject *function;
  PyObject *args;     /* a tuple */
  PyObject *kwargs;   /* a dict or NULL */
  PyObject *on_panic; /* told of the exception before joiners see it, or NULL */
  PyObject *bell;     /* called when it has ended, or NULL; under the guard */
  PyObject *result;
};

extern PyTypeObject *prs__task_type;
int prs__task_traverse(prs_task_t *self, visitproc visit, void *arg);
int prs__task_clear(prs_task_t *self);
void prs__task_dealloc(prs_task_t *self);

/* Make a task; references are taken on all that is given.
 * Returns: a new reference or NULL with an exception set. */
prs_task_t *prs__task_new(PyTypeObject *type, prs_pool_t *pool, int kind,
                          PyObject *function, PyObject *args, PyObject *kwargs);

/* Show a task to the garbage collector, which does not see it before its end.
 */
void prs__task_show(prs_task_t *task);
/* Claim a task. Returns: false when somebody else has. */
bool prs__task_claim(prs_task_t *task);
/* Run a task that was claimed. Never leaves an exception. */
void prs__task_run(prs_task_t *task, prs_hand_t *hand);
/* End a task that was claimed without running it. */
void prs__task_drop(prs_task_t *task);
static inline bool prs__task_is_done(prs_task_t *task) {
  /* Partner: the store in publish(). */
  return atomic_load_explicit(&task->state, memory_order_acquire) ==
         PRS_TASK_DONE;
}
/* Tell whether it was left in the parent of a fork: it will never end. */
bool prs__task_is_lost(prs_task_t *task);
/* Wait until the task has ended, and help meanwhile when the caller is a worker
 * of its pool. `call` is the method that waits; `stop` is a StopToken or NULL.
 * Returns: PRS_OK; PRS_ETIMEDOUT; PRS_EAGAIN: lost in a fork; PRS_EDEADLK: the
 *          caller runs it; PRS__RAISED with an exception set. */
int prs__task_wait(prs_task_t *task, uint64_t timeout, const char *call,
                   PyObject *stop);
/* A wait of somebody who has lent something: it cannot be refused. */
#define PRS_BORROWING "scope"
/* The same, to the end: what is raised meanwhile is kept and handed out, since
 * the task borrows. Returns: the exception, or NULL. */
PyObject *prs__task_wait_for_sure(prs_task_t *task, const char *call);
/* Take the result of a task that has ended: a new reference, or NULL with its
 * exception raised. */
PyObject *prs__task_outcome(prs_task_t *task);

/* Tell whether the worker runs it, or something on top of it. */
bool prs__task_is_mine(prs_task_t *task, prs_hand_t *hand);
/* Methods of handles: task_type.c and waiting.c. */
PyObject *prs__task_help(prs_task_t *self, PyObject *timeout);
PyObject *prs__task_runner(prs_task_t *self, PyObject *unused);
PyObject *prs__task_run_here(prs_task_t *self, PyObject *unused);
PyObject *prs__task_bell(prs_task_t *self, PyObject *make);

extern PyTypeObject *prs__future_type;
/* Make a task of a type that is a Future.
 * Returns: a new reference or NULL with an exception set. */
prs_task_t *prs__future_new(PyObject *type, prs_pool_t *pool,
                            PyObject *function, PyObject *args,
                            PyObject *kwargs);
/* Tell a future that its call begins. Returns: false when it was cancelled. */
bool prs__future_begin(prs_task_t *task);
/* Tell it how the call has ended; one of the two is NULL. */
void prs__future_finish(prs_task_t *task, PyObject *result,
                        PyObject *exception);

/* ---- workers ------------------------------------------------------------- */

typedef struct prs_bag {
  prs_task_t **tasks; /* a ring of `space` places, a power of two */
  size_t space;
  size_t head;
  size_t count;
} prs_bag_t;

/* One worker. */
struct prs_hand {
  prs_deque_t deque; /* of tagged tasks, see prs__tagged() */
  prs_pool_t *pool;
  uint32_t index;
  uint32_t seed;                /* of the choice of victims */
  uint32_t ticks;               /* tasks taken */
  _Atomic(unsigned long) ident; /* of its thread; 0 before it works */
  uint64_t since;               /* when it last let others have the GIL */
  _Atomic(prs_task_t *) top;    /* what it runs; others only look */
  prs_bag_t inbox;          /* under the pool's guard: only it may run these */
  _Atomic uint32_t letters; /* in the inbox */
};

struct prs_pool {
  PyObject_HEAD
  prs_guard_t guard;
  uint32_t generation;
  uint32_t count; /* of workers */
  prs_hand_t *hands;
  prs_bag_t injector;        /* under the guard */
  _Atomic size_t injected;   /* in it */
  prs_queue_t idle;          /* workers with nothing to do; under the guard */
  prs_queue_t helpers;       /* workers that wait for a task; under the guard */
  _Atomic uint32_t sleepers; /* in `idle` */
  _Atomic uint32_t waiting;  /* in `helpers` */
  _Atomic uint32_t searching; /* woken to look for work, not there yet */
  _Atomic bool closed;        /* takes nothing from outside any more */
  _Atomic size_t promised;    /* futures not finished */
  _Atomic size_t keeping;     /* futures whose call runs */
  bool promises_nothing;      /* takes no future; under the guard */
  prs_queue_t draining;       /* who waits for that; under the guard */
  PyObject *panic_handler;    /* or NULL */
};

extern _Thread_local prs_hand_t *prs__hand;

/* The innermost task that a worker runs, or NULL. Relaxed: only the worker
 * itself goes on from it to those below. */
static inline prs_task_t *prs__hand_top(prs_hand_t *hand) {
  return atomic_load_explicit(&hand->top, memory_order_relaxed);
}
static inline void prs__hand_set_top(prs_hand_t *hand, prs_task_t *task) {
  atomic_store_explicit(&hand->top, task, memory_order_relaxed);
}

static inline uintptr_t prs__tagged(prs_task_t *task) {
  return (uintptr_t)task | (task->kind & PRS_TASK_BORROWS);
}
static inline prs_task_t *prs__untagged(uintptr_t item) {
  return (prs_task_t *)(item & ~(uintptr_t)PRS_TASK_BORROWS);
}

/* The calling thread as a worker of the pool, or NULL. */
static inline prs_hand_t *prs__hand_of(prs_pool_t *pool) {
  return prs__hand != NULL && prs__hand->pool == pool ? prs__hand : NULL;
}

/* Queue a task: with the calling worker, or at the end of the line.
 * Returns: false with an exception set, nothing has changed. */
bool prs__pool_push(prs_pool_t *pool, prs_task_t *task, bool in_line);
/* Give a task to one worker only. */
bool prs__pool_post(prs_pool_t *pool, uint32_t index, prs_task_t *task);
/* Find a task that the joiner of `target` may run, claimed: a new reference. */
prs_task_t *prs__pool_help(prs_hand_t *hand, prs_task_t *target);
/* Take a task out of the bottom of the worker's deque, if it is there. */
void prs__pool_forget_newest(prs_hand_t *hand, prs_task_t *task);
/* Stand among the helpers with a node; see prs__pool_leave. */
void prs__pool_stand(prs_hand_t *hand, prs_node_t *node);
bool prs__pool_has_help(prs_hand_t *hand, prs_task_t *target);
void prs__pool_leave(prs_pool_t *pool, prs_node_t *node);
/* One future of the pool was finished. */
void prs__pool_kept_promise(prs_pool_t *pool);
/* Let others have the GIL after a while: a task in C does not. */
void prs__hand_rest(prs_hand_t *hand);
int prs__work(prs_hand_t *hand);

bool prs__bag_put(prs_bag_t *bag, prs_task_t *task);
prs_task_t *prs__bag_take(prs_bag_t *bag);

/* Methods of the type: waiting.c and end.c. */
PyObject *prs__pool_install(prs_pool_t *self, PyObject *function);
PyObject *prs__pool_join(prs_pool_t *self, PyObject *const *args,
                         Py_ssize_t count);
PyObject *prs__pool_broadcast(prs_pool_t *self, PyObject *functions);
PyObject *prs__pool_close(prs_pool_t *self, PyObject *unused);
PyObject *prs__pool_drain(prs_pool_t *self, PyObject *timeout);
PyObject *prs__pool_stand_in(prs_pool_t *self, PyObject *unused);
PyObject *prs__pool_queued_futures(prs_pool_t *self, PyObject *unused);
PyObject *prs__pool_abandon(prs_pool_t *self, PyObject *unused);

/* ---- bulk ---------------------------------------------------------------- */

extern PyTypeObject *prs__bulk_type;
/* Take part in a bulk until it is exhausted. */
void prs__bulk_run(PyObject *bulk);

/* ---- Python's part ------------------------------------------------------- */

typedef struct prs_pool_rules {
  PyObject *panicked; /* panicked(panic, moved function or None, handler) */
  PyObject *lost;     /* lost(): the JoinError of a task left in the parent */
  PyObject *lend;     /* lend(a, b) -> both, if they may run at the same time */
} prs_pool_rules_t;
extern prs_pool_rules_t prs__pool_rules;

#endif
