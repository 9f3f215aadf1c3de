/* What the lock types share: the lock as an object, and the guards that are
 * out. */
#ifndef PRS_LOCKS_H
#define PRS_LOCKS_H

#include "objects.h"
#include "../core/sync/prs_rw.h"

typedef struct prs_hold prs_hold_t;

/* A Mutex, an RwLock or a ReentrantLock. */
typedef struct prs_lockable {
  PyObject_HEAD
  prs_rw_t rw;
  PyObject *value;     /* NULL once it was taken out */
  prs_hold_t *holds;   /* the guards that are out; borrowed */
  prs_hold_t *entered; /* strong: the guards of a `with` of the lock itself */
  _Atomic(unsigned long) owner; /* who writes; 0 for nobody */
  uint32_t depth;               /* how often the owner has it: ReentrantLock */
  _Atomic uint32_t poisoned;
} prs_lockable_t;

/* A guard. Whoever releases it first makes it forget its lock. */
struct prs_hold {
  PyObject_HEAD
  prs_lockable_t *lock; /* strong; NULL when released */
  prs_hold_t *next;
  prs_hold_t *previous;
  prs_hold_t *outer; /* strong: the guard of the `with` around */
  unsigned long owner;
  uint32_t generation; /* of forks, when it was taken */
  bool writes;
  bool poisons;
  bool was_panicking;
};

extern PyTypeObject *prs__mutex_guard;
extern PyTypeObject *prs__read_guard;
extern PyTypeObject *prs__write_guard;
extern PyTypeObject *prs__reentrant_guard;

/* Why an operation did nothing: the index of what makes the exception, from
 * the object that is named here. */
typedef enum prs_lock_error {
  PRS_POISONED = 0,         /* a guard or a value */
  PRS_WOULD_BLOCK = 1,      /* - */
  PRS_LOCK_TIMEOUT = 2,     /* - */
  PRS_TRY_POISONED = 3,     /* a PoisonError */
  PRS_TIMEOUT_POISONED = 4, /* a PoisonError */
  PRS_DEADLOCK = 5,         /* the lock */
  PRS_MOVED = 6,            /* the lock */
  PRS_RELEASED = 7,         /* the guard */
  PRS_BORROWED = 8,         /* the lock */
  PRS_MUTABLY_BORROWED = 9, /* the lock */
  PRS_POISONED_WITH = 10,   /* the lock: a PoisonError without a guard */
  PRS_LOCK_ERRORS = 11
} prs_lock_error_t;

/* Make an exception; `about` is stolen. Returns: NULL with another set. */
PyObject *prs__lock_error(prs_lock_error_t error, PyObject *about);
/* Raise one about an object that is borrowed. Returns: NULL. */
PyObject *prs__lock_raise(prs_lock_error_t error, void *about);

/* How often the calling thread is being unwound. */
uint32_t prs__panics(void);

/* ---- lockable.c ---------------------------------------------------------- */

PyObject *prs__lockable_new(PyTypeObject *type, PyObject *value);
void prs__lockable_dealloc(prs_lockable_t *self);
int prs__lockable_traverse(prs_lockable_t *self, visitproc visit, void *arg);
int prs__lockable_clear(prs_lockable_t *self);

/* How a call waits. */
typedef struct prs_call {
  const char *name; /* for the text of a deadlock */
  uint64_t timeout; /* 0 only tries */
  PyObject *stop;   /* a StopToken; NULL for none */
} prs_call_t;

/* Wait until the lock is entered.
 * Returns: PRS_RW_ENTERED, the caller must hand it to a guard or leave;
 *          PRS_RW_BUSY; PRS_ETIMEDOUT; PRS__RAISED with an exception set.
 * Blocks:  as prs__block. */
int prs__lock_enter(prs_lockable_t *self, bool writes, const prs_call_t *call);
/* The same without a look at who holds it already, with a waiter whose nodes
 * are in no queue; the first is used, and the last for a stop. */
int prs__lock_wait_with(prs_lockable_t *self, prs_waiter_t *waiter,
                        uint32_t wish, const prs_call_t *call);
void prs__lock_leave(prs_lockable_t *self, bool writes, prs_wakes_t *wakes);
/* After a fork: free what threads of the parent held. */
void prs__lock_forked(prs_lockable_t *self);
static inline void prs__lock_settle(prs_lockable_t *self) {
  if (self->rw.generation != prs__generation()) prs__lock_forked(self);
}
static inline bool prs__lock_is_poisoned(const prs_lockable_t *self) {
  return atomic_load_explicit(&self->poisoned, memory_order_relaxed) != 0;
}

/* Read the arguments of a call that waits: none but `stop`; or nanoseconds, too
 * (of which 0 is as good as 1), and `stop` by place.
 * Returns: false with an exception set. */
bool prs__call_from(prs_call_t *call, const char *method, PyObject *const *args,
                    Py_ssize_t count, PyObject *names);
bool prs__timed_call_from(prs_call_t *call, PyObject *const *args,
                          Py_ssize_t count);

/* Methods that all of them have, and those that can be poisoned. */
PyObject *prs__lock_into_inner(prs_lockable_t *self, PyObject *unused);
PyObject *prs__lock_poison(prs_lockable_t *self, PyObject *unused);
PyObject *prs__lock_clear_poison(prs_lockable_t *self, PyObject *unused);
PyObject *prs__lock_waiting(prs_lockable_t *self, PyObject *unused);
extern const char prs__into_inner_doc[];
extern const char prs__is_poisoned_doc[];
extern const char prs__clear_poison_doc[];

/* ---- lock_value.c -------------------------------------------------------- */

/* Methods that take a value over: METH_FASTCALL. */
PyObject *prs__lock_set(prs_lockable_t *self, PyObject *const *args,
                        Py_ssize_t count);
PyObject *prs__lock_replace(prs_lockable_t *self, PyObject *const *args,
                            Py_ssize_t count);
extern const char prs__set_doc[];
extern const char prs__replace_doc[];

/* ---- hold.c -------------------------------------------------------------- */

/* A guard of nothing yet. Returns: NULL with an exception set. */
prs_hold_t *prs__hold_new(PyTypeObject *type);
/* Give it a lock that was entered. */
void prs__hold_attach(prs_hold_t *self, prs_lockable_t *lock, bool writes);
/* Tell whoever looks for deadlocks that the lock, if it has one, is about to be
 * left: afterwards the next one may have it. That runs Python code, which may
 * release the guard. */
void prs__hold_tell(const prs_hold_t *self);
/* Leave the lock, which it has; whoever is next is in `wakes`.
 * Returns: the lock, with its reference; NULL when a fork has taken it. */
prs_lockable_t *prs__hold_detach(prs_hold_t *self, bool panicked,
                                 prs_wakes_t *wakes);
/* Leave the lock, if it has one. */
void prs__hold_release(prs_hold_t *self, bool panicked);
/* Make a reader of the writer, which has no lock afterwards.
 * Returns: false when it had none. */
bool prs__hold_downgrade(prs_hold_t *writer, prs_hold_t *reader);
/* Enter and make a guard. Returns: NULL, and `*status` is not ENTERED. */
prs_hold_t *prs__hold_enter(prs_lockable_t *lock, PyTypeObject *type,
                            bool writes, const prs_call_t *call, int *status);
/* The result for a caller: Ok(guard), Err(...), or NULL with an exception.
 * `wrapper` makes the error out of a PoisonError; PRS_POISONED leaves it. */
PyObject *prs__hold_result(prs_hold_t *hold, int status,
                           prs_lock_error_t wrapper);
/* Tell whether a `with` block is left by an exception that is a panic. */
bool prs__leaves_by_panic(const prs_hold_t *hold, PyObject *kind);
void prs__hold_dealloc(prs_hold_t *hold);
int prs__hold_traverse(prs_hold_t *hold, visitproc visit, void *arg);
int prs__hold_clear(prs_hold_t *hold);

/* Make a guard the one of the `with` that begins, with its reference.
 * Returns: a new reference to it. */
PyObject *prs__lock_push(prs_lockable_t *lock, prs_hold_t *hold);
/* Enter for a `with` of the lock itself, which keeps the guard until it ends.
 * Returns: the guard; NULL with an exception set, also for a poisoned lock. */
PyObject *prs__lock_begin_with(prs_lockable_t *lock, PyTypeObject *type);
/* The end of that `with`: METH_FASTCALL. */
PyObject *prs__lock_end_with(prs_lockable_t *lock, PyObject *const *args,
                             Py_ssize_t count);

#endif
