/* CondvarBase: waiting for a change of what a Mutex protects. */
#include "locks.h"

typedef struct condvar_object {
  PyObject_HEAD
  prs_condvar_t condvar;
} condvar_object_t;

static PyObject *condvar_new(PyTypeObject *type, PyObject *args,
                             PyObject *kwargs) {
  static char *names[] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":Condvar", names))
    return NULL;
  if (!prs__is_connected()) return NULL;
  condvar_object_t *self = (condvar_object_t *)type->tp_alloc(type, 0);
  if (self != NULL) prs_condvar_init(&self->condvar);
  return (PyObject *)self;
}

static void condvar_dealloc(condvar_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- guard --------------------------------------------------------------- */

static prs_hold_t *guard_from(PyObject *arg) {
  if (!Py_IS_TYPE(arg, prs__mutex_guard)) {
    PyErr_Format(PyExc_TypeError, "a Condvar waits with a MutexGuard, not %s",
                 Py_TYPE(arg)->tp_name);
    return NULL;
  }
  prs_hold_t *hold = (prs_hold_t *)arg;
  if (hold->lock != NULL) prs__lock_settle(hold->lock);
  if (hold->lock != NULL) return hold;
  (void)prs__lock_raise(PRS_RELEASED, hold);
  return NULL;
}

/* ---- wait ---------------------------------------------------------------- */

/* Whoever is next for the mutex is woken when this thread has let go of the
 * GIL, unless Python code is to run before.
 * Returns: as prs__block. */
static int block(condvar_object_t *self, prs_waiter_t *waiter,
                 prs_wakes_t *wakes, const prs_call_t *call) {
  if (call->stop == NULL && !prs__watches)
    return prs__block_waking(waiter, wakes, call->timeout);
  prs_wakes_send(wakes);
  prs_reason_t reason = {(PyObject *)self, call->name, call->stop};
  return prs__block_for(waiter, &reason, call->timeout);
}

/* Leave the queues after a wait that nobody ended.
 * Returns: whether it had been notified nevertheless. */
static bool give_up(condvar_object_t *self, prs_lockable_t *lock,
                    prs_waiter_t *waiter, prs_wakes_t *wakes) {
  if (!prs_condvar_leave(&self->condvar, waiter)) return false;
  prs_rw_give_up(&lock->rw, &waiter->nodes[PRS_MUTEX_NODE], false, wakes);
  return true;
}

/* Hand on a notification that an exception makes useless. */
static void hand_on(condvar_object_t *self, prs_lockable_t *lock,
                    prs_waiter_t *waiter, bool claimed, prs_wakes_t *wakes) {
  if (claimed && waiter->chosen == PRS_MUTEX_NODE)
    prs_rw_give_up(&lock->rw, &waiter->nodes[PRS_MUTEX_NODE], true, wakes);
  prs_condvar_notify_one(&self->condvar, wakes);
}

/* Leave the condvar when the wait has ended.
 * Returns: PRS_OK for a notification, PRS_ETIMEDOUT or PRS__RAISED. */
static int conclude(condvar_object_t *self, prs_lockable_t *lock,
                    prs_waiter_t *waiter, int status) {
  prs_wakes_t wakes = {NULL};
  bool claimed = status == PRS_OK || status == PRS__RAISED_LATE;
  bool notified = claimed;
  if (status == PRS_EAGAIN) prs__lock_settle(lock);
  if (!claimed) notified = give_up(self, lock, waiter, &wakes);
  if (claimed && waiter->chosen == PRS_CONDVAR_NODE)
    prs_condvar_chain(&self->condvar, &wakes);
  if (status == PRS__RAISED_LATE) status = PRS__RAISED;
  if (status == PRS__RAISED && notified)
    hand_on(self, lock, waiter, claimed, &wakes);
  prs_wakes_send(&wakes);
  if (status == PRS__RAISED) return status;
  return status == PRS_ETIMEDOUT && !notified ? status : PRS_OK;
}

/* Take the mutex again. Returns: false with an exception set. */
static bool enter_again(prs_lockable_t *lock, prs_waiter_t *waiter,
                        bool claimed, const prs_call_t *call) {
  prs_call_t again = {call->name, PRS_FOREVER, call->stop};
  uint32_t wish = PRS_RW_WRITES;
  if (claimed && waiter->chosen == PRS_MUTEX_NODE) {
    if (waiter->nodes[PRS_MUTEX_NODE].status == PRS_RW_GRANTED) return true;
    wish |= PRS_RW_WOKEN;
  } else {
    prs__lock_settle(lock);
  }
  prs_waiter_renew(waiter);
  return prs__lock_wait_with(lock, waiter, wish, &again) == PRS_RW_ENTERED;
}

/* Wait with a guard that has lost its lock.
 * Returns: PRS_OK or PRS_ETIMEDOUT when the lock is entered again; PRS__RAISED
 *          when it is not. */
static int wait_without(condvar_object_t *self, prs_lockable_t *lock,
                        prs_waiter_t *waiter, prs_wakes_t wakes,
                        const prs_call_t *call) {
  int status = block(self, waiter, &wakes, call);
  bool claimed = status == PRS_OK;
  status = conclude(self, lock, waiter, status);
  if (status == PRS__RAISED || enter_again(lock, waiter, claimed, call))
    return status;
  if (status == PRS_OK) {
    prs_condvar_notify_one(&self->condvar, &wakes);
    prs_wakes_send(&wakes);
  }
  return PRS__RAISED;
}

/* Returns: as wait_without; the guard has the lock when that is entered. */
static int wait_with(condvar_object_t *self, prs_hold_t *hold,
                     const prs_call_t *call) {
  prs_wakes_t wakes = {NULL};
  bool was_panicking = hold->was_panicking;
  prs_waiter_t *waiter = prs__waiter(call->stop == NULL ? 2 : 3);
  if (waiter == NULL) {
    prs__hold_release(hold, false);
    return PRS__RAISED;
  }
  prs__hold_tell(hold);
  if (guard_from((PyObject *)hold) == NULL) {
    prs_waiter_free(waiter);
    return PRS__RAISED;
  }
  prs_condvar_join(&self->condvar, waiter, &hold->lock->rw);
  prs_lockable_t *lock = prs__hold_detach(hold, false, &wakes);
  int status = wait_without(self, lock, waiter, wakes, call);
  prs_waiter_free(waiter);
  if (status != PRS__RAISED) {
    prs__hold_attach(hold, lock, true);
    hold->was_panicking = was_panicking;
  }
  Py_DECREF(lock);
  return status;
}

PyDoc_STRVAR(
    wait_doc,
    "wait(guard, /, *, stop=None)\n"
    "--\n"
    "\n"
    "Release the lock, wait for a notification and take the lock again: Rust's "
    "`Condvar::wait`.\n"
    "\n"
    "The guard is consumed, and the same one comes back: both `guard = "
    "cv.wait(guard).unwrap()` and\n"
    "`cv.wait(guard)` work. A wait may end without a notification, so it "
    "belongs into a loop that\n"
    "looks at the value; `wait_while` is that loop.\n"
    "\n"
    "Args:\n"
    "    guard: the `MutexGuard` of the calling thread; by position only.\n"
    "    stop: a `StopToken` that ends the wait, for the mutex too.\n"
    "\n"
    "Returns:\n"
    "    `Ok(guard)`; `Err(PoisonError)` with the guard in it when the mutex "
    "is poisoned.\n"
    "\n"
    "Raises:\n"
    "    UseAfterMoveError: the guard was released before.\n"
    "    Stopped: the token stopped first; the guard is released.\n"
    "    RuntimeError: the interpreter is exiting; the guard is released.\n"
    "    BaseException: what a signal handler raised, such as "
    "KeyboardInterrupt. The guard is\n"
    "        released, as it was consumed.\n"
    "\n"
    "Blocks: until notified, then while another thread has the mutex.\n"
    "Thread safety: any thread. Guards of different mutexes may be waited with "
    "at once.\n"
    "\n"
    ">>> from pythread_rs import scope\n"
    ">>> from pythread_rs.sync import Condvar, Mutex\n"
    ">>> ready, changed = Mutex(False), Condvar()\n"
    ">>> def announce():\n"
    "...     with ready as guard:\n"
    "...         guard.value = True\n"
    "...     changed.notify_one()\n"
    ">>> with scope() as s, ready as guard:\n"
    "...     handle = s.spawn(announce)\n"
    "...     while not guard.value:\n"
    "...         guard = changed.wait(guard).unwrap()\n"
    "...     guard.drop()");

static PyObject *condvar_wait(condvar_object_t *self, PyObject *const *args,
                              Py_ssize_t count, PyObject *names) {
  prs_call_t call = {.name = "wait", .timeout = PRS_FOREVER};
  if (!prs__read_stop("wait", args, count, 1, names, &call.stop)) return NULL;
  prs_hold_t *hold = guard_from(args[0]);
  if (hold == NULL || wait_with(self, hold, &call) == PRS__RAISED) return NULL;
  Py_INCREF(hold);
  return prs__hold_result(hold, PRS_RW_ENTERED, PRS_POISONED);
}

/* What _wait_for returns, added up. */
#define TIMED_OUT 1
#define POISONED 2

static PyObject *condvar_wait_for(condvar_object_t *self, PyObject *const *args,
                                  Py_ssize_t count) {
  prs_call_t call = {.name = "wait_timeout"};
  if (!prs__wants("_wait_for", count, 3) ||
      !prs__timeout_from(args[1], &call.timeout) ||
      !prs__stop_from(args[2], &call.stop))
    return NULL;
  prs_hold_t *hold = guard_from(args[0]);
  if (hold == NULL) return NULL;
  int status = wait_with(self, hold, &call);
  if (status == PRS__RAISED) return NULL;
  long outcome = status == PRS_ETIMEDOUT ? TIMED_OUT : 0;
  if (prs__lock_is_poisoned(hold->lock)) outcome += POISONED;
  return PyLong_FromLong(outcome);
}

/* ---- notify -------------------------------------------------------------- */

PyDoc_STRVAR(one_doc,
             "notify_one()\n"
             "--\n"
             "\n"
             "Wake one thread that waits, the one that began first: Rust's "
             "`Condvar::notify_one`.\n"
             "\n"
             "Nothing is kept for a thread that waits later.\n"
             "\n"
             "Blocks: no.\n"
             "Thread safety: any thread, with or without the mutex.\n"
             "\n"
             ">>> from pythread_rs.sync import Condvar\n"
             ">>> Condvar().notify_one()");

static PyObject *condvar_notify_one(condvar_object_t *self, PyObject *unused) {
  (void)unused;
  prs_wakes_t wakes = {NULL};
  prs_condvar_notify_one(&self->condvar, &wakes);
  prs_wakes_send(&wakes);
  Py_RETURN_NONE;
}

PyDoc_STRVAR(all_doc,
             "notify_all()\n"
             "--\n"
             "\n"
             "Wake every thread that waits now: Rust's `Condvar::notify_all`.\n"
             "\n"
             "Blocks: no.\n"
             "Thread safety: any thread, with or without the mutex.\n"
             "\n"
             ">>> from pythread_rs.sync import Condvar\n"
             ">>> Condvar().notify_all()");

static PyObject *condvar_notify_all(condvar_object_t *self, PyObject *unused) {
  (void)unused;
  prs_wakes_t wakes = {NULL};
  prs_condvar_notify_all(&self->condvar, &wakes);
  prs_wakes_send(&wakes);
  Py_RETURN_NONE;
}

static PyObject *condvar_waiting(condvar_object_t *self, PyObject *unused) {
  (void)unused;
  return PyLong_FromSize_t(prs_condvar_waiting(&self->condvar));
}

/* ---- type ---------------------------------------------------------------- */

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
    {"wait", METHOD(condvar_wait), METH_FASTCALL | METH_KEYWORDS, wait_doc},
    {"_wait_for", METHOD(condvar_wait_for), METH_FASTCALL, NULL},
    {"notify_one", METHOD(condvar_notify_one), METH_NOARGS, one_doc},
    {"notify_all", METHOD(condvar_notify_all), METH_NOARGS, all_doc},
    {"_waiting", METHOD(condvar_waiting), METH_NOARGS,
     "_waiting()\n--\n\nCount the threads that wait and are not notified."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Waiting for a change of what a Mutex protects."},
    {Py_tp_new, condvar_new},
    {Py_tp_dealloc, condvar_dealloc},
    {Py_tp_methods, methods},
    {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.CondvarBase",
                           .basicsize = sizeof(condvar_object_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_condvar_type(PyObject *module) {
  return prs__add_type(module, &spec);
}
