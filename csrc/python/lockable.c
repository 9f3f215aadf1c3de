/* Lockable: what a Mutex, an RwLock and a ReentrantLock have in common. */
#include "locks.h"

/* ---- errors -------------------------------------------------------------- */

static PyObject *makers; /* a tuple of callables, by prs_lock_error_t */

PyObject *prs__lock_error(prs_lock_error_t error, PyObject *about) {
  if (about == NULL) return NULL;
  PyObject *made = NULL;
  if (makers == NULL)
    PyErr_SetString(PyExc_RuntimeError,
                    "pythread_rs._objects is used before pythread_rs.sync");
  else
    made = PyObject_CallOneArg(PyTuple_GET_ITEM(makers, error), about);
  Py_DECREF(about);
  return made;
}

PyObject *prs__lock_raise(prs_lock_error_t error, void *about) {
  PyObject *made = prs__lock_error(error, Py_NewRef((PyObject *)about));
  if (made == NULL) return NULL;
  PyErr_SetObject((PyObject *)Py_TYPE(made), made);
  Py_DECREF(made);
  return NULL;
}

static PyObject *set_lock_errors(PyObject *module, PyObject *callables) {
  (void)module;
  if (!PyTuple_Check(callables) ||
      PyTuple_GET_SIZE(callables) != PRS_LOCK_ERRORS) {
    PyErr_Format(PyExc_TypeError, "%d callables are needed", PRS_LOCK_ERRORS);
    return NULL;
  }
  Py_INCREF(callables); /* for ever: who uses the old ones keeps them */
  makers = callables;
  Py_RETURN_NONE;
}

/* ---- panics -------------------------------------------------------------- */

static _Thread_local uint32_t panics;

uint32_t prs__panics(void) { return panics; }

static PyObject *set_panics(PyObject *module, PyObject *arg) {
  (void)module;
  unsigned long count = PyLong_AsUnsignedLong(arg);
  if (count == (unsigned long)-1 && PyErr_Occurred()) return NULL;
  panics = (uint32_t)count;
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_lock_errors", set_lock_errors, METH_O,
     "set_lock_errors(callables, /)\n--\n\n"
     "Take what makes the errors of locks."},
    {"set_panics", set_panics, METH_O,
     "set_panics(count, /)\n--\n\n"
     "Tell how often the calling thread is being unwound."},
    {NULL, NULL, 0, NULL}};

int prs__add_lockable(PyObject *module) {
  return PyModule_AddFunctions(module, functions);
}

/* ---- object -------------------------------------------------------------- */

PyObject *prs__lockable_new(PyTypeObject *type, PyObject *value) {
  if (!prs__is_connected()) return NULL;
  prs_lockable_t *self = (prs_lockable_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  prs_rw_init(&self->rw);
  self->value = Py_NewRef(value);
  return (PyObject *)self;
}

int prs__lockable_traverse(prs_lockable_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->value);
  Py_VISIT(self->entered);
  return 0;
}

int prs__lockable_clear(prs_lockable_t *self) {
  Py_CLEAR(self->value);
  Py_CLEAR(self->entered);
  return 0;
}

void prs__lockable_dealloc(prs_lockable_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)prs__lockable_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- fork ---------------------------------------------------------------- */

/* In the child only the thread that forked is left: the main thread now. */
static bool is_lost(const prs_hold_t *hold) {
  return hold->generation != prs__generation() &&
         hold->owner != prs__table->main_thread();
}

static void drop_hold(prs_lockable_t *self, prs_hold_t *hold) {
  if (hold->previous != NULL)
    hold->previous->next = hold->next;
  else
    self->holds = hold->next;
  if (hold->next != NULL) hold->next->previous = hold->previous;
  hold->lock = NULL; /* with its reference: its thread never drops it */
}

/* What a writer of the parent held may be half changed, so it is poisoned. */
static void settle(prs_lockable_t *self) {
  uint32_t readers = 0;
  bool written = false;
  prs_hold_t *next;
  for (prs_hold_t *hold = self->holds; hold != NULL; hold = next) {
    next = hold->next;
    if (is_lost(hold)) {
      if (hold->writes && hold->poisons) atomic_store(&self->poisoned, 1);
      drop_hold(self, hold);
    } else if (hold->writes) {
      written = true;
    } else {
      readers++;
    }
  }
  if (!written) {
    atomic_store(&self->owner, 0);
    self->depth = 0;
  }
  prs_rw_forget(&self->rw, written, readers);
}

void prs__lock_forked(prs_lockable_t *self) {
  prs__guard_enter(&self->rw.guard);
  if (self->rw.generation != prs__generation()) settle(self);
  prs__guard_leave(&self->rw.guard);
}

/* ---- enter --------------------------------------------------------------- */

static uint64_t since(uint64_t began) { return prs__table->now() - began; }

/* Give up a wait that ended without the lock.
 * Returns: what the caller of the wait is told. */
static int give_up(prs_lockable_t *self, prs_node_t *node, int status) {
  prs_wakes_t wakes = {NULL};
  prs_rw_give_up(&self->rw, node, status == PRS__RAISED_LATE, &wakes);
  prs_wakes_send(&wakes);
  return status == PRS__RAISED_LATE ? PRS__RAISED : status;
}

/* Returns: PRS_RW_ENTERED; PRS_RW_CLOSED; PRS_ETIMEDOUT; PRS__RAISED. */
static int wait_in_line(prs_lockable_t *self, prs_waiter_t *waiter,
                        uint32_t wish, const prs_call_t *call) {
  prs_node_t *node = &waiter->nodes[0];
  prs_reason_t reason = {(PyObject *)self, call->name, call->stop};
  uint64_t timeout = call->timeout;
  uint64_t began = prs__table->now();
  for (;;) {
    prs_wakes_t wakes = {NULL};
    int status = prs_rw_enter(&self->rw, wish, node, &wakes);
    prs_wakes_send(&wakes);
    if (status != PRS_RW_QUEUED) return status;
    uint64_t spent = timeout == PRS_FOREVER ? 0 : since(began);
    uint64_t left = spent < timeout ? timeout - spent : 0;
    status = prs__block_for(waiter, &reason, left);
    if (status == PRS_EAGAIN) {
      prs__lock_settle(self);
      wish &= ~(uint32_t)PRS_RW_WOKEN;
    } else if (status != PRS_OK) {
      return give_up(self, node, status);
    } else if (node->status == PRS_RW_GRANTED) {
      return PRS_RW_ENTERED;
    } else {
      wish |= PRS_RW_WOKEN;
      if (since(began) >= PRS_RW_PATIENCE) wish |= PRS_RW_HUNGRY;
    }
    prs_waiter_renew(waiter);
  }
}

int prs__lock_wait_with(prs_lockable_t *self, prs_waiter_t *waiter,
                        uint32_t wish, const prs_call_t *call) {
  int status = wait_in_line(self, waiter, wish, call);
  if (status != PRS_RW_CLOSED) return status;
  (void)prs__lock_raise(PRS_MOVED, self);
  return PRS__RAISED;
}

static int wait_for(prs_lockable_t *self, uint32_t wish,
                    const prs_call_t *call) {
  prs_waiter_t *waiter = prs__waiter(call->stop == NULL ? 1 : 2);
  if (waiter == NULL) return PRS__RAISED;
  int status = prs__lock_wait_with(self, waiter, wish, call);
  prs_waiter_free(waiter);
  return status;
}

/* Tell whether the calling thread has a guard that reads. */
static bool reads_already(prs_lockable_t *self, unsigned long me) {
  bool found = false;
  prs__guard_enter(&self->rw.guard);
  for (prs_hold_t *hold = self->holds; hold != NULL; hold = hold->next)
    found = found || (hold->owner == me && !hold->writes);
  prs__guard_leave(&self->rw.guard);
  return found;
}

/* A thread that waited for itself would wait for ever. */
int prs__lock_enter(prs_lockable_t *self, bool writes, const prs_call_t *call) {
  prs__lock_settle(self);
  prs_wakes_t wakes = {NULL};
  uint32_t wish = writes ? PRS_RW_WRITES : PRS_RW_READS;
  int status = prs_rw_enter(&self->rw, wish, NULL, &wakes);
  if (status == PRS_RW_ENTERED) return status;
  if (status == PRS_RW_CLOSED) {
    (void)prs__lock_raise(PRS_MOVED, self);
    return PRS__RAISED;
  }
  unsigned long me = PyThread_get_thread_ident();
  bool mine = atomic_load_explicit(&self->owner, memory_order_relaxed) == me;
  bool reads = !prs_rw_is_written(&self->rw) && reads_already(self, me);
  if (reads && !writes) {
    wish |= PRS_RW_INSIDE;
    return prs_rw_enter(&self->rw, wish, NULL, &wakes);
  }
  if (call->timeout == 0) return PRS_RW_BUSY;
  if (!mine && !reads) return wait_for(self, wish, call);
  (void)prs__lock_raise(PRS_DEADLOCK, self);
  return PRS__RAISED;
}

void prs__lock_leave(prs_lockable_t *self, bool writes, prs_wakes_t *wakes) {
  if (writes && prs_rw_leave_first(&self->rw)) return;
  prs_rw_leave(&self->rw, writes ? PRS_RW_WRITES : PRS_RW_READS, wakes);
}

/* ---- arguments ----------------------------------------------------------- */

bool prs__call_from(prs_call_t *call, const char *method, PyObject *const *args,
                    Py_ssize_t count, PyObject *names) {
  *call = (prs_call_t){.name = method, .timeout = PRS_FOREVER};
  if (count == 0 && names == NULL) return true;
  return prs__read_stop(method, args, count, 0, names, &call->stop);
}

bool prs__timed_call_from(prs_call_t *call, PyObject *const *args,
                          Py_ssize_t count) {
  if (!prs__wants(call->name, count, 2) ||
      !prs__timeout_from(args[0], &call->timeout) ||
      !prs__stop_from(args[1], &call->stop))
    return false;
  if (call->timeout == 0) call->timeout = 1;
  return true;
}

/* ---- methods ------------------------------------------------------------- */

const char prs__into_inner_doc[] =
    "into_inner()\n--\n\n"
    "Take the value out and consume the lock: Rust's `into_inner`.\n\n"
    "Whoever uses the lock afterwards, or waits for it now, gets "
    "UseAfterMoveError.\n\n"
    "Returns:\n"
    "    `Ok(value)`; `Err(PoisonError)` with the value in it.\n\n"
    "Raises:\n"
    "    BorrowError: a guard is out.\n"
    "    UseAfterMoveError: the lock was consumed before.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n\n"
    ">>> from pythread_rs.sync import Mutex\n"
    ">>> Mutex(5).into_inner()\n"
    "Ok(5)";

const char prs__is_poisoned_doc[] =
    "is_poisoned()\n--\n\n"
    "Tell whether a thread panicked while it could change the value: Rust's "
    "`is_poisoned`.\n\n"
    "Raises:\n"
    "    UseAfterMoveError: `into_inner` has consumed the lock.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread; another may poison it at any time.\n\n"
    ">>> from pythread_rs.sync import Mutex\n"
    ">>> Mutex(5).is_poisoned()\n"
    "False";

const char prs__clear_poison_doc[] =
    "clear_poison()\n--\n\n"
    "Say that the value is whole again: Rust's `clear_poison`.\n\n"
    "Raises:\n"
    "    UseAfterMoveError: `into_inner` has consumed the lock.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread; sensible with the guard.\n\n"
    ">>> from pythread_rs.sync import Mutex\n"
    ">>> mutex = Mutex(5)\n"
    ">>> mutex.clear_poison()\n"
    ">>> mutex.is_poisoned()\n"
    "False";

PyObject *prs__lock_into_inner(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  prs_wakes_t wakes = {NULL};
  prs__lock_settle(self);
  int status = prs_rw_close(&self->rw, &wakes);
  prs_wakes_send(&wakes);
  if (status != PRS_RW_ENTERED)
    return prs__lock_raise(status == PRS_RW_BUSY ? PRS_BORROWED : PRS_MOVED,
                           self);
  PyObject *value = self->value;
  self->value = NULL;
  if (value == NULL) value = Py_NewRef(Py_None); /* the collector was here */
  if (!prs__lock_is_poisoned(self)) return prs__ok(value);
  return prs__err(prs__lock_error(PRS_POISONED, value));
}

static bool is_open(prs_lockable_t *self) {
  prs__lock_settle(self);
  if (!self->rw.closed) return true;
  (void)prs__lock_raise(PRS_MOVED, self);
  return false;
}

PyObject *prs__lock_poison(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  if (!is_open(self)) return NULL;
  return PyBool_FromLong(prs__lock_is_poisoned(self));
}

PyObject *prs__lock_clear_poison(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  if (!is_open(self)) return NULL;
  atomic_store_explicit(&self->poisoned, 0, memory_order_relaxed);
  Py_RETURN_NONE;
}

PyObject *prs__lock_waiting(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  prs__lock_settle(self);
  return PyLong_FromSize_t(prs_rw_waiting(&self->rw));
}
