/* Hold: a guard's claim on its lock, from the moment it is taken to its end. */
#include "locks.h"

/* ---- memory -------------------------------------------------------------- */

#ifdef Py_GIL_DISABLED
#define take_spare(type) NULL
#define keep_spare(hold) false
#else
/* Guards come and go with every `with`, so some are kept. */
#define SPARES 8
static prs_hold_t *spares[SPARES];
static int spare_count;

static prs_hold_t *take_spare(PyTypeObject *type) {
  if (spare_count == 0) return NULL;
  prs_hold_t *hold = spares[--spare_count];
  return (prs_hold_t *)PyObject_Init((PyObject *)hold, type);
}

static bool keep_spare(prs_hold_t *hold) {
  if (spare_count == SPARES) return false;
  spares[spare_count++] = hold;
  return true;
}
#endif

prs_hold_t *prs__hold_new(PyTypeObject *type) {
  prs_hold_t *hold = take_spare(type);
  if (hold == NULL) hold = PyObject_GC_New(prs_hold_t, type);
  if (hold == NULL) return NULL;
  hold->lock = NULL;
  hold->next = NULL;
  hold->previous = NULL;
  hold->outer = NULL;
  PyObject_GC_Track(hold);
  return hold;
}

/* ---- attach and release -------------------------------------------------- */

/* Readers come and go while others do: their list is under the guard. */
static void link_reader(prs_lockable_t *lock, prs_hold_t *hold) {
  prs__guard_enter(&lock->rw.guard);
  hold->next = lock->holds;
  if (lock->holds != NULL) lock->holds->previous = hold;
  lock->holds = hold;
  prs__guard_leave(&lock->rw.guard);
}

static void unlink_hold(prs_lockable_t *lock, prs_hold_t *hold) {
  if (hold->previous != NULL)
    hold->previous->next = hold->next;
  else
    lock->holds = hold->next;
  if (hold->next != NULL) hold->next->previous = hold->previous;
  hold->next = NULL;
  hold->previous = NULL;
}

static void attach(prs_hold_t *hold, prs_lockable_t *lock, bool writes) {
  Py_INCREF(lock);
  hold->lock = lock;
  hold->owner = PyThread_get_thread_ident();
  hold->generation = prs__generation();
  hold->writes = writes;
  hold->was_panicking = prs__panics() > 0;
  if (!writes) {
    link_reader(lock, hold);
    return;
  }
  atomic_store_explicit(&lock->owner, hold->owner, memory_order_relaxed);
  hold->next = lock->holds; /* of a ReentrantLock there may be more */
  if (hold->next != NULL) hold->next->previous = hold;
  lock->holds = hold;
  lock->depth++;
}

/* A ReentrantLock is taken by the first guard and let go by the last. */
static bool is_only(const prs_hold_t *hold) {
  return !hold->writes || hold->lock->depth == 1;
}

void prs__hold_attach(prs_hold_t *hold, prs_lockable_t *lock, bool writes) {
  attach(hold, lock, writes);
  if (prs__watches && is_only(hold)) prs__acquired((PyObject *)lock, !writes);
}

void prs__hold_tell(const prs_hold_t *hold) {
  if (!prs__watches || hold->lock == NULL || !is_only(hold)) return;
  PyObject *lock = Py_NewRef((PyObject *)hold->lock);
  prs__released(lock);
  Py_DECREF(lock);
}

static void leave_writing(prs_lockable_t *lock, prs_hold_t *hold,
                          prs_wakes_t *wakes) {
  unlink_hold(lock, hold);
  if (--lock->depth > 0) return;
  atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
  prs__lock_leave(lock, true, wakes);
}

static void leave_reading(prs_lockable_t *lock, prs_hold_t *hold,
                          prs_wakes_t *wakes) {
  prs__guard_enter(&lock->rw.guard);
  unlink_hold(lock, hold);
  prs__guard_leave(&lock->rw.guard);
  prs__lock_leave(lock, false, wakes);
}

prs_lockable_t *prs__hold_detach(prs_hold_t *hold, bool panicked,
                                 prs_wakes_t *wakes) {
  prs_lockable_t *lock = hold->lock;
  prs__lock_settle(lock);
  if (hold->lock == NULL) return NULL;
  hold->lock = NULL;
  if (panicked && hold->writes && hold->poisons)
    atomic_store_explicit(&lock->poisoned, 1, memory_order_relaxed);
  if (hold->writes)
    leave_writing(lock, hold, wakes);
  else
    leave_reading(lock, hold, wakes);
  return lock;
}

void prs__hold_release(prs_hold_t *hold, bool panicked) {
  if (prs__watches) prs__hold_tell(hold);
  if (hold->lock == NULL) return;
  prs_wakes_t wakes = {NULL};
  prs_lockable_t *lock = prs__hold_detach(hold, panicked, &wakes);
  if (wakes.first != NULL) prs_wakes_send(&wakes);
  Py_XDECREF(lock);
}

bool prs__hold_downgrade(prs_hold_t *writer, prs_hold_t *reader) {
  prs__hold_tell(writer);
  prs_lockable_t *lock = writer->lock;
  if (lock == NULL) return false;
  prs_wakes_t wakes = {NULL};
  prs__lock_settle(lock);
  unlink_hold(lock, writer);
  lock->depth = 0;
  atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
  writer->lock = NULL;
  attach(reader, lock, false);
  prs_rw_downgrade(&lock->rw, &wakes);
  prs_wakes_send(&wakes);
  prs__acquired((PyObject *)lock, true);
  Py_DECREF(lock);
  return true;
}

/* ---- enter --------------------------------------------------------------- */

prs_hold_t *prs__hold_enter(prs_lockable_t *lock, PyTypeObject *type,
                            bool writes, const prs_call_t *call, int *status) {
  prs_hold_t *hold = prs__hold_new(type);
  *status = PRS__RAISED;
  if (hold == NULL) return NULL;
  *status = PRS_RW_ENTERED;
  if (!writes || !prs_rw_enter_first(&lock->rw))
    *status = prs__lock_enter(lock, writes, call);
  if (*status != PRS_RW_ENTERED) {
    Py_DECREF(hold);
    return NULL;
  }
  hold->poisons = type != prs__reentrant_guard;
  prs__hold_attach(hold, lock, writes);
  return hold;
}

/* The guard is in the error: the lock is held all the same. */
static PyObject *poisoned_result(prs_hold_t *hold, prs_lock_error_t wrapper) {
  PyObject *error = prs__lock_error(PRS_POISONED, (PyObject *)hold);
  if (wrapper != PRS_POISONED) error = prs__lock_error(wrapper, error);
  return prs__err(error);
}

PyObject *prs__hold_result(prs_hold_t *hold, int status,
                           prs_lock_error_t wrapper) {
  if (hold != NULL) {
    if (prs__lock_is_poisoned(hold->lock))
      return poisoned_result(hold, wrapper);
    return prs__ok((PyObject *)hold);
  }
  if (status == PRS_RW_BUSY)
    return prs__err(prs__lock_error(PRS_WOULD_BLOCK, Py_NewRef(Py_None)));
  if (status == PRS_ETIMEDOUT)
    return prs__err(prs__lock_error(PRS_LOCK_TIMEOUT, Py_NewRef(Py_None)));
  return NULL;
}

/* ---- with ---------------------------------------------------------------- */

/* A generator that is closed is dropped, as a future is in Rust: no panic. */
static bool is_panic(PyObject *kind) {
  if (kind == Py_None) return false;
  return !PyErr_GivenExceptionMatches(kind, PyExc_GeneratorExit);
}

/* Whether the runtime clears the frames of a panic that began after the guard
 * was taken. */
static bool is_cleared(const prs_hold_t *hold) {
  return prs__panics() > 0 && !hold->was_panicking &&
         hold->owner == PyThread_get_thread_ident();
}

bool prs__leaves_by_panic(const prs_hold_t *hold, PyObject *kind) {
  if (kind == Py_None) return false;
  return is_panic(kind) || is_cleared(hold);
}

/* The error has no guard: what a traceback keeps must not keep a lock. */
static PyObject *refuse_poisoned(prs_lockable_t *lock, prs_hold_t *hold) {
  Py_DECREF(hold);
  return prs__lock_raise(PRS_POISONED_WITH, lock);
}

/* The guards of such blocks are a chain: of a ReentrantLock there may be
 * several, and one that was dropped inside its block, or waits for a Condvar,
 * stays while other threads come and go. */
PyObject *prs__lock_push(prs_lockable_t *lock, prs_hold_t *hold) {
  prs__guard_enter(&lock->rw.guard);
  hold->outer = lock->entered;
  lock->entered = hold;
  prs__guard_leave(&lock->rw.guard);
  return Py_NewRef((PyObject *)hold);
}

/* Returns: the innermost guard of the calling thread, with its reference. */
static prs_hold_t *pop(prs_lockable_t *lock) {
  unsigned long me = PyThread_get_thread_ident();
  prs__guard_enter(&lock->rw.guard);
  prs_hold_t **place = &lock->entered;
  while (*place != NULL && (*place)->owner != me) place = &(*place)->outer;
  prs_hold_t *hold = *place;
  if (hold != NULL) {
    *place = hold->outer;
    hold->outer = NULL;
  }
  prs__guard_leave(&lock->rw.guard);
  return hold;
}

PyObject *prs__lock_begin_with(prs_lockable_t *lock, PyTypeObject *type) {
  static const prs_call_t call = {.name = "lock", .timeout = PRS_FOREVER};
  int status;
  prs_hold_t *hold = prs__hold_enter(lock, type, true, &call, &status);
  if (hold == NULL) return NULL;
  if (prs__lock_is_poisoned(lock)) return refuse_poisoned(lock, hold);
  return prs__lock_push(lock, hold);
}

PyObject *prs__lock_end_with(prs_lockable_t *lock, PyObject *const *args,
                             Py_ssize_t count) {
  if (count != 3) {
    PyErr_SetString(PyExc_TypeError, "__exit__() takes 3 arguments");
    return NULL;
  }
  prs_hold_t *hold = pop(lock);
  if (hold == NULL) Py_RETURN_NONE;
  prs__hold_release(hold, prs__leaves_by_panic(hold, args[0]));
  Py_DECREF(hold);
  Py_RETURN_NONE;
}

/* ---- type slots ---------------------------------------------------------- */

/* A guard that is dropped while an exception is on its way through its frame,
 * or while the frames of a panic are cleared. */
static bool is_unwinding(const prs_hold_t *hold) {
  if (is_cleared(hold)) return true;
  PyObject *pending = PyErr_Occurred();
  return pending != NULL && is_panic(pending) && !hold->was_panicking &&
         hold->owner == PyThread_get_thread_ident();
}

void prs__hold_dealloc(prs_hold_t *hold) {
  PyTypeObject *type = Py_TYPE(hold);
  PyObject_GC_UnTrack(hold);
  if (hold->lock != NULL) prs__hold_release(hold, is_unwinding(hold));
  Py_CLEAR(hold->outer);
  if (!keep_spare(hold)) PyObject_GC_Del(hold);
  Py_DECREF(type);
}

int prs__hold_traverse(prs_hold_t *hold, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(hold));
  Py_VISIT(hold->lock);
  Py_VISIT(hold->outer);
  return 0;
}

/* A guard in a cycle, inside what it guards: the lock is left with it. */
int prs__hold_clear(prs_hold_t *hold) {
  prs__hold_release(hold, false);
  Py_CLEAR(hold->outer);
  return 0;
}
