/* MutexBase: a lock that one thread at a time has, with the value in it. */
#include "locks.h"

/* The value is the lock's from here on. */

static PyObject *mutex_new(PyTypeObject *type, PyObject *args,
                           PyObject *kwargs) {
  static char *names[] = {"", NULL};
  PyObject *value;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:Mutex", names, &value))
    return NULL;
  return prs__lockable_new(type, value);
}

/* ---- lock ---------------------------------------------------------------- */

static const prs_call_t try = {.name = "try_lock"};

static PyObject *enter_for(prs_lockable_t *self, const prs_call_t *call,
                           prs_lock_error_t wrapper) {
  int status;
  prs_hold_t *hold =
      prs__hold_enter(self, prs__mutex_guard, true, call, &status);
  return prs__hold_result(hold, status, wrapper);
}

PyDoc_STRVAR(
    lock_doc,
    "lock(*, stop=None)\n--\n\n"
    "Wait for the lock and take it: Rust's `Mutex::lock`.\n\n"
    "Prefer `with mutex as guard:`, which cannot keep the lock by accident.\n\n"
    "Args:\n"
    "    stop: a `StopToken` that ends the wait.\n\n"
    "Returns:\n"
    "    `Ok(guard)`; `Err(PoisonError)` when a thread panicked while it held "
    "the lock. The\n    error has the guard, `error.into_inner()`: the lock is "
    "held in either case.\n\n"
    "Raises:\n"
    "    DeadlockError: the calling thread has the lock already.\n"
    "    Stopped: the token stopped first; the lock is not held.\n"
    "    UseAfterMoveError: `into_inner` has consumed the mutex.\n"
    "    RuntimeError: it would have to wait, and the interpreter is exiting."
    "\n\n"
    "Blocks: while another thread has the lock.\n"
    "Thread safety: any thread.\n\n"
    ">>> from pythread_rs.sync import Mutex\n"
    ">>> mutex = Mutex(5)\n"
    ">>> guard = mutex.lock().unwrap()\n"
    ">>> guard.value += 1\n"
    ">>> guard.drop()\n"
    ">>> mutex\n"
    "Mutex { data: 6, poisoned: false, .. }");

static PyObject *mutex_lock(prs_lockable_t *self, PyObject *const *args,
                            Py_ssize_t count, PyObject *names) {
  prs_call_t call;
  if (!prs__call_from(&call, "lock", args, count, names)) return NULL;
  return enter_for(self, &call, PRS_POISONED);
}

PyDoc_STRVAR(
    try_lock_doc,
    "try_lock()\n--\n\n"
    "Take the lock if it is free: Rust's `Mutex::try_lock`.\n\n"
    "Returns:\n"
    "    `Ok(guard)`; `Err(TryLockError.WouldBlock)` when a thread has it, "
    "also "
    "the calling one;\n    `Err(TryLockError.Poisoned(error))` when it was "
    "free and is poisoned: `error.into_inner()`\n    is the guard.\n\n"
    "Raises:\n"
    "    UseAfterMoveError: `into_inner` has consumed the mutex.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n\n"
    ">>> from pythread_rs.sync import Mutex\n"
    ">>> mutex = Mutex(5)\n"
    ">>> with mutex:\n"
    "...     mutex.try_lock()\n"
    "Err(\"WouldBlock\")");

static PyObject *mutex_try_lock(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  return enter_for(self, &try, PRS_TRY_POISONED);
}

static PyObject *mutex_lock_for(prs_lockable_t *self, PyObject *const *args,
                                Py_ssize_t count) {
  prs_call_t call = {.name = "lock_timeout"};
  if (!prs__timed_call_from(&call, args, count)) return NULL;
  return enter_for(self, &call, PRS_TIMEOUT_POISONED);
}

/* ---- with ---------------------------------------------------------------- */

PyDoc_STRVAR(enter_doc,
             "__enter__()\n--\n\n"
             "Lock and unwrap: wait for the lock and return its guard.\n\n"
             "Raises:\n"
             "    PoisonError: a thread panicked while it held the lock; the "
             "lock is free again.");

static PyObject *mutex_enter(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  return prs__lock_begin_with(self, prs__mutex_guard);
}

PyDoc_STRVAR(exit_doc,
             "__exit__(kind, error, traceback, /)\n--\n\n"
             "Unlock; an exception poisons the mutex.");

/* ---- &mut ---------------------------------------------------------------- */

PyDoc_STRVAR(
    get_mut_doc,
    "get_mut()\n--\n\n"
    "Reach the value without a wait: Rust's `Mutex::get_mut`.\n\n"
    "Rust knows that nobody else has the mutex. Here that is looked up, and "
    "the value is reached\nthrough a guard, so that nobody else gets at it "
    "meanwhile.\n\n"
    "Returns:\n"
    "    `Ok(guard)`; `Err(PoisonError)` with the guard in it.\n\n"
    "Raises:\n"
    "    MutableBorrowError: a guard is out.\n"
    "    UseAfterMoveError: `into_inner` has consumed the mutex.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n\n"
    ">>> from pythread_rs.sync import Mutex\n"
    ">>> mutex = Mutex(0)\n"
    ">>> mutex.get_mut().unwrap().value = 10\n"
    ">>> mutex.lock().unwrap().value\n"
    "10");

static PyObject *mutex_get_mut(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  int status;
  prs_hold_t *hold =
      prs__hold_enter(self, prs__mutex_guard, true, &try, &status);
  if (hold == NULL && status == PRS_RW_BUSY)
    return prs__lock_raise(PRS_MUTABLY_BORROWED, self);
  return prs__hold_result(hold, status, PRS_POISONED);
}

/* ---- type ---------------------------------------------------------------- */

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
    {"__enter__", METHOD(mutex_enter), METH_NOARGS, enter_doc},
    {"__exit__", METHOD(prs__lock_end_with), METH_FASTCALL, exit_doc},
    {"lock", METHOD(mutex_lock), METH_FASTCALL | METH_KEYWORDS, lock_doc},
    {"try_lock", METHOD(mutex_try_lock), METH_NOARGS, try_lock_doc},
    {"_lock_for", METHOD(mutex_lock_for), METH_FASTCALL, NULL},
    {"get_mut", METHOD(mutex_get_mut), METH_NOARGS, get_mut_doc},
    {"set", METHOD(prs__lock_set), METH_FASTCALL, prs__set_doc},
    {"replace", METHOD(prs__lock_replace), METH_FASTCALL, prs__replace_doc},
    {"into_inner", METHOD(prs__lock_into_inner), METH_NOARGS,
     prs__into_inner_doc},
    {"is_poisoned", METHOD(prs__lock_poison), METH_NOARGS,
     prs__is_poisoned_doc},
    {"clear_poison", METHOD(prs__lock_clear_poison), METH_NOARGS,
     prs__clear_poison_doc},
    {"_waiting", METHOD(prs__lock_waiting), METH_NOARGS,
     "_waiting()\n--\n\nCount the threads that wait for the lock."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "__class_getitem__(item, /)\n--\n\nStand in annotations."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A value that one thread at a time may use."},
    {Py_tp_new, mutex_new},
    {Py_tp_dealloc, prs__lockable_dealloc},
    {Py_tp_traverse, prs__lockable_traverse},
    {Py_tp_clear, prs__lockable_clear},
    {Py_tp_methods, methods},
    {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.MutexBase",
                           .basicsize = sizeof(prs_lockable_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_mutex_type(PyObject *module) {
  return prs__add_type(module, &spec);
}
