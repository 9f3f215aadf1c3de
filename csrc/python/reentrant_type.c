/* ReentrantLockBase: a lock that its owner may take again and again. */
#include "locks.h"

/* The value is the lock's from here on. */

static PyObject *reentrant_new(PyTypeObject *type, PyObject *args,
                               PyObject *kwargs) {
  static char *names[] = {"", NULL};
  PyObject *value;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:ReentrantLock", names,
                                   &value))
    return NULL;
  return prs__lockable_new(type, value);
}

static bool is_mine(const prs_lockable_t *self) {
  return atomic_load_explicit(&self->owner, memory_order_relaxed) ==
         PyThread_get_thread_ident();
}

/* Returns: a guard of the lock that the calling thread has already. */
static prs_hold_t *enter_again(prs_lockable_t *self) {
  if (self->depth == UINT32_MAX) {
    PyErr_SetString(PyExc_OverflowError,
                    "lock count overflow in reentrant mutex");
    return NULL;
  }
  prs_hold_t *hold = prs__hold_new(prs__reentrant_guard);
  if (hold == NULL) return NULL;
  hold->poisons = false;
  prs__hold_attach(hold, self, true);
  return hold;
}

static const prs_call_t try = {.name = "try_lock"};

static prs_hold_t *enter(prs_lockable_t *self, const prs_call_t *call,
                         int *status) {
  *status = PRS__RAISED;
  prs__lock_settle(self);
  if (is_mine(self)) return enter_again(self);
  return prs__hold_enter(self, prs__reentrant_guard, true, call, status);
}

/* ---- lock ---------------------------------------------------------------- */

PyDoc_STRVAR(
    lock_doc,
    "lock(*, stop=None)\n"
    "--\n"
    "\n"
    "Wait for the lock and take it once more: Rust's `ReentrantLock::lock`.\n"
    "\n"
    "Args:\n"
    "    stop: a `StopToken` that ends the wait.\n"
    "\n"
    "Returns:\n"
    "    The guard. Other threads wait until every guard of this thread is "
    "gone.\n"
    "\n"
    "Raises:\n"
    "    Stopped: the token stopped first; the lock is not held.\n"
    "    UseAfterMoveError: `into_inner` has consumed the lock.\n"
    "    RuntimeError: it would have to wait, and the interpreter is exiting.\n"
    "    OverflowError: the thread has taken it 4,294,967,295 times.\n"
    "\n"
    "Blocks: while another thread has the lock.\n"
    "Thread safety: any thread.\n"
    "\n"
    ">>> from pythread_rs.sync import ReentrantLock\n"
    ">>> lock = ReentrantLock([1])\n"
    ">>> with lock.lock() as one, lock.lock() as two:\n"
    "...     one.value is two.value\n"
    "True");

static PyObject *reentrant_lock(prs_lockable_t *self, PyObject *const *args,
                                Py_ssize_t count, PyObject *names) {
  prs_call_t call;
  int status;
  if (!prs__call_from(&call, "lock", args, count, names)) return NULL;
  return (PyObject *)enter(self, &call, &status);
}

PyDoc_STRVAR(try_lock_doc,
             "try_lock()\n"
             "--\n"
             "\n"
             "Take the lock if no other thread has it: Rust's "
             "`ReentrantLock::try_lock`.\n"
             "\n"
             "Returns:\n"
             "    `Ok(guard)`; `Err(TryLockError.WouldBlock)`.\n"
             "\n"
             "Raises:\n"
             "    UseAfterMoveError: `into_inner` has consumed the lock.\n"
             "\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n"
             "\n"
             ">>> from pythread_rs.sync import ReentrantLock\n"
             ">>> ReentrantLock(1).try_lock()\n"
             "Ok(1)");

static PyObject *reentrant_try_lock(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  int status;
  prs_hold_t *hold = enter(self, &try, &status);
  return prs__hold_result(hold, status, PRS_POISONED);
}

static PyObject *reentrant_lock_for(prs_lockable_t *self, PyObject *const *args,
                                    Py_ssize_t count) {
  prs_call_t call = {.name = "lock_timeout"};
  int status;
  if (!prs__timed_call_from(&call, args, count)) return NULL;
  prs_hold_t *hold = enter(self, &call, &status);
  return prs__hold_result(hold, status, PRS_POISONED);
}

/* ---- with ---------------------------------------------------------------- */

static PyObject *reentrant_enter(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  static const prs_call_t call = {.name = "lock", .timeout = PRS_FOREVER};
  int status;
  prs_hold_t *hold = enter(self, &call, &status);
  if (hold == NULL) return NULL;
  return prs__lock_push(self, hold);
}

/* ---- value --------------------------------------------------------------- */

PyDoc_STRVAR(
    get_mut_doc,
    "get_mut()\n"
    "--\n"
    "\n"
    "Return the value without a wait: Rust's `ReentrantLock::get_mut`.\n"
    "\n"
    "Here it is the object itself, which can be changed but not replaced.\n"
    "\n"
    "Raises:\n"
    "    MutableBorrowError: a guard is out.\n"
    "    UseAfterMoveError: `into_inner` has consumed the lock.\n"
    "\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n"
    "\n"
    ">>> from pythread_rs.sync import ReentrantLock\n"
    ">>> lock = ReentrantLock([1])\n"
    ">>> lock.get_mut().append(2)\n"
    ">>> lock\n"
    "ReentrantLock { data: [1, 2], .. }");

static PyObject *reentrant_get_mut(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  int status = PRS_RW_BUSY;
  prs_hold_t *hold = NULL;
  prs__lock_settle(self);
  if (!is_mine(self))
    hold = prs__hold_enter(self, prs__reentrant_guard, true, &try, &status);
  if (hold == NULL)
    return status == PRS_RW_BUSY ? prs__lock_raise(PRS_MUTABLY_BORROWED, self)
                                 : NULL;
  PyObject *value = Py_XNewRef(self->value);
  Py_DECREF(hold);
  return value != NULL ? value : Py_NewRef(Py_None);
}

PyDoc_STRVAR(into_inner_doc,
             "into_inner()\n"
             "--\n"
             "\n"
             "Take the value out and consume the lock: Rust's "
             "`ReentrantLock::into_inner`.\n"
             "\n"
             "Returns:\n"
             "    The value.\n"
             "\n"
             "Raises:\n"
             "    BorrowError: a guard is out.\n"
             "    UseAfterMoveError: the lock was consumed before.\n"
             "\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n"
             "\n"
             ">>> from pythread_rs.sync import ReentrantLock\n"
             ">>> ReentrantLock(5).into_inner()\n"
             "5");

static PyObject *reentrant_into_inner(prs_lockable_t *self, PyObject *unused) {
  PyObject *result = prs__lock_into_inner(self, unused);
  if (result == NULL) return NULL;
  PyObject *value = PyObject_GetAttrString(result, "value");
  Py_DECREF(result);
  return value;
}

/* ---- type ---------------------------------------------------------------- */

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
    {"lock", METHOD(reentrant_lock), METH_FASTCALL | METH_KEYWORDS, lock_doc},
    {"try_lock", METHOD(reentrant_try_lock), METH_NOARGS, try_lock_doc},
    {"_lock_for", METHOD(reentrant_lock_for), METH_FASTCALL, NULL},
    {"__enter__", METHOD(reentrant_enter), METH_NOARGS,
     "__enter__()\n--\n\nWait for the lock and return a guard."},
    {"__exit__", METHOD(prs__lock_end_with), METH_FASTCALL,
     "__exit__(kind, error, traceback, /)\n--\n\nRelease that guard."},
    {"get_mut", METHOD(reentrant_get_mut), METH_NOARGS, get_mut_doc},
    {"into_inner", METHOD(reentrant_into_inner), METH_NOARGS, into_inner_doc},
    {"_waiting", METHOD(prs__lock_waiting), METH_NOARGS,
     "_waiting()\n--\n\nCount the threads that wait for the lock."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,
     "__class_getitem__(item, /)\n--\n\nStand in annotations."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A value that one thread at a time may look at, repeatedly."},
    {Py_tp_new, reentrant_new},
    {Py_tp_dealloc, prs__lockable_dealloc},
    {Py_tp_traverse, prs__lockable_traverse},
    {Py_tp_clear, prs__lockable_clear},
    {Py_tp_methods, methods},
    {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.ReentrantLockBase",
                           .basicsize = sizeof(prs_lockable_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_reentrant_type(PyObject *module) {
  return prs__add_type(module, &spec);
}
