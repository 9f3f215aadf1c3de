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

/* ---- wait ---------------------------------------------------------------- */

/* What a guard was before a wait, which takes its lock away. */
typedef struct pause {
  prs_lockable_t *lock; /* strong */
  bool was_panicking;
} pause_t;

static prs_hold_t *guard_from(PyObject *arg) {
  if (!Py_IS_TYPE(arg, prs__mutex_guard)) {
    PyErr_Format(PyExc_TypeError, "a Condvar waits with a MutexGuard, not %s",
                 Py_TYPE(arg)->tp_name);
    return NULL;
  }
  prs_hold_t *hold = (prs_hold_t *)arg;
  if (hold->lock != NULL) return hold;
  (void)prs__lock_raise(PRS_RELEASED, hold);
  return NULL;
}

static pause_t pause_hold(prs_hold_t *hold) {
  prs_lockable_t *lock = hold->lock;
  pause_t pause = {.lock = (prs_lockable_t *)Py_NewRef((PyObject *)lock),
                   .was_panicking = hold->was_panicking};
  prs__hold_release(hold, false);
  return pause;
}

/* Consumes the pause. */
static void resume_hold(prs_hold_t *hold, pause_t *pause, bool entered) {
  if (entered) {
    prs__hold_attach(hold, pause->lock, true);
    hold->was_panicking = pause->was_panicking;
  }
  Py_DECREF(pause->lock);
}

/* Leave the condvar after a wait. Who was woken wakes others, and hands on a
 * notification that it cannot use. */
static void leave(condvar_object_t *self, prs_node_t *node, int status) {
  prs_wakes_t wakes = {NULL};
  bool claimed = status == PRS_OK || status == PRS__RAISED_LATE;
  if (!claimed) prs_condvar_leave(&self->condvar, node);
  if (status == PRS__RAISED_LATE)
    prs_condvar_notify_one(&self->condvar, &wakes);
  if (claimed) prs_condvar_chain(&self->condvar, &wakes);
  prs_wakes_send(&wakes);
}

/* Returns: PRS_OK, PRS_ETIMEDOUT, the guard holds the lock again; PRS__RAISED
 * with an exception set, and it does not. */
static int wait_with(condvar_object_t *self, prs_hold_t *hold,
                     uint64_t timeout) {
  prs_waiter_t *waiter = prs__waiter(1);
  if (waiter == NULL) {
    prs__hold_release(hold, false);
    return PRS__RAISED;
  }
  prs_condvar_join(&self->condvar, &waiter->nodes[0]);
  pause_t pause = pause_hold(hold);
  int status = prs__block(waiter, timeout);
  leave(self, &waiter->nodes[0], status);
  prs_waiter_free(waiter);
  if (status == PRS__RAISED_LATE) status = PRS__RAISED;
  if (status == PRS_EAGAIN) status = PRS_OK; /* a fork wakes its child */
  if (status != PRS__RAISED && !prs_rw_enter_first(&pause.lock->rw)) {
    prs__lock_settle(pause.lock);
    if (prs__lock_wait(pause.lock, PRS_RW_WRITES, PRS_FOREVER) !=
        PRS_RW_ENTERED)
      status = PRS__RAISED;
  }
  resume_hold(hold, &pause, status != PRS__RAISED);
  return status;
}

PyDoc_STRVAR(
    wait_doc,
    "wait(guard, /)\n"
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
    "\n"
    "Returns:\n"
    "    `Ok(guard)`; `Err(PoisonError)` with the guard in it when the mutex "
    "is poisoned.\n"
    "\n"
    "Raises:\n"
    "    UseAfterMoveError: the guard was released before.\n"
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

static PyObject *condvar_wait(condvar_object_t *self, PyObject *guard) {
  prs_hold_t *hold = guard_from(guard);
  if (hold == NULL || wait_with(self, hold, PRS_FOREVER) == PRS__RAISED)
    return NULL;
  Py_INCREF(hold);
  return prs__hold_result(hold, PRS_RW_ENTERED, PRS_POISONED);
}

/* What _wait_for returns, added up. */
#define TIMED_OUT 1
#define POISONED 2

static PyObject *condvar_wait_for(condvar_object_t *self, PyObject *const *args,
                                  Py_ssize_t count) {
  uint64_t timeout;
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "_wait_for() takes 2 arguments");
    return NULL;
  }
  if (!prs__timeout_from(args[1], &timeout)) return NULL;
  prs_hold_t *hold = guard_from(args[0]);
  if (hold == NULL) return NULL;
  int status = wait_with(self, hold, timeout);
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

/* ---- type ---------------------------------------------------------------- */

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
    {"wait", METHOD(condvar_wait), METH_O, wait_doc},
    {"_wait_for", METHOD(condvar_wait_for), METH_FASTCALL, NULL},
    {"notify_one", METHOD(condvar_notify_one), METH_NOARGS, one_doc},
    {"notify_all", METHOD(condvar_notify_all), METH_NOARGS, all_doc},
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
