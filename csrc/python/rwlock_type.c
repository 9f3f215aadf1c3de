/* RwLockBase: a lock that many may read or one may write, with the value. */
#include "locks.h"

/* The value is the lock's from here on. */

static PyObject *rwlock_new(PyTypeObject *type, PyObject *args,
                            PyObject *kwargs) {
  static char *names[] = {"", NULL};
  PyObject *value;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:RwLock", names, &value))
    return NULL;
  return prs__lockable_new(type, value);
}

static const prs_call_t try = {.name = "try_write"};

static prs_hold_t *enter(prs_lockable_t *self, bool writes,
                         const prs_call_t *call, int *status) {
  PyTypeObject *type = writes ? prs__write_guard : prs__read_guard;
  return prs__hold_enter(self, type, writes, call, status);
}

static PyObject *enter_for(prs_lockable_t *self, bool writes,
                           const prs_call_t *call, prs_lock_error_t wrapper) {
  int status;
  prs_hold_t *hold = enter(self, writes, call, &status);
  return prs__hold_result(hold, status, wrapper);
}

/* ---- read and write ------------------------------------------------------ */

PyDoc_STRVAR(
    read_doc,
    "read(*, stop=None)\n"
    "--\n"
    "\n"
    "Wait until nobody writes, and read: Rust's `RwLock::read`.\n"
    "\n"
    "A reader waits behind a writer that waits, unless its thread reads "
    "already.\n"
    "\n"
    "Args:\n"
    "    stop: a `StopToken` that ends the wait.\n"
    "\n"
    "Returns:\n"
    "    `Ok(guard)`, an `RwLockReadGuard`; `Err(PoisonError)` when a writer "
    "panicked. The error\n"
    "    has the guard, `error.into_inner()`: the lock is held in either "
    "case.\n"
    "\n"
    "Raises:\n"
    "    DeadlockError: the calling thread would wait for a guard of its own.\n"
    "    Stopped: the token stopped first; the lock is not held.\n"
    "    UseAfterMoveError: `into_inner` has consumed the lock.\n"
    "    RuntimeError: it would have to wait, and the interpreter is exiting.\n"
    "\n"
    "Blocks: while another thread writes, or waits to.\n"
    "Thread safety: any thread.\n"
    "\n"
    ">>> from pythread_rs.sync import RwLock\n"
    ">>> lock = RwLock(5)\n"
    ">>> with lock.read().unwrap() as one, lock.read().unwrap() as two:\n"
    "...     one.value + two.value\n"
    "10");

static PyObject *rwlock_read(prs_lockable_t *self, PyObject *const *args,
                             Py_ssize_t count, PyObject *names) {
  prs_call_t call;
  if (!prs__call_from(&call, "read", args, count, names)) return NULL;
  return enter_for(self, false, &call, PRS_POISONED);
}

PyDoc_STRVAR(
    write_doc,
    "write(*, stop=None)\n"
    "--\n"
    "\n"
    "Wait until nobody reads or writes, and write: Rust's `RwLock::write`.\n"
    "\n"
    "Args:\n"
    "    stop: a `StopToken` that ends the wait.\n"
    "\n"
    "Returns:\n"
    "    `Ok(guard)`, an `RwLockWriteGuard`; `Err(PoisonError)` when a writer "
    "panicked. The error\n"
    "    has the guard, `error.into_inner()`: the lock is held in either "
    "case.\n"
    "\n"
    "Raises:\n"
    "    DeadlockError: the calling thread would wait for a guard of its own.\n"
    "    Stopped: the token stopped first; the lock is not held.\n"
    "    UseAfterMoveError: `into_inner` has consumed the lock.\n"
    "    RuntimeError: it would have to wait, and the interpreter is exiting.\n"
    "\n"
    "Blocks: while another thread reads or writes.\n"
    "Thread safety: any thread.\n"
    "\n"
    ">>> from pythread_rs.sync import RwLock\n"
    ">>> lock = RwLock(5)\n"
    ">>> with lock.write().unwrap() as guard:\n"
    "...     guard.value += 1\n"
    ">>> lock\n"
    "RwLock { data: 6, poisoned: false, .. }");

static PyObject *rwlock_write(prs_lockable_t *self, PyObject *const *args,
                              Py_ssize_t count, PyObject *names) {
  prs_call_t call;
  if (!prs__call_from(&call, "write", args, count, names)) return NULL;
  return enter_for(self, true, &call, PRS_POISONED);
}

PyDoc_STRVAR(try_read_doc,
             "try_read()\n"
             "--\n"
             "\n"
             "Read if that takes no wait: Rust's `RwLock::try_read`.\n"
             "\n"
             "Returns:\n"
             "    `Ok(guard)`; `Err(TryLockError.WouldBlock)` when somebody "
             "writes or waits to;\n"
             "    `Err(TryLockError.Poisoned(error))`: `error.into_inner()` is "
             "the guard.\n"
             "\n"
             "Raises:\n"
             "    UseAfterMoveError: `into_inner` has consumed the lock.\n"
             "\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n"
             "\n"
             ">>> from pythread_rs.sync import RwLock\n"
             ">>> lock = RwLock(5)\n"
             ">>> with lock.writing():\n"
             "...     lock.try_read()\n"
             "Err(\"WouldBlock\")");

static PyObject *rwlock_try_read(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  return enter_for(self, false, &try, PRS_TRY_POISONED);
}

PyDoc_STRVAR(try_write_doc,
             "try_write()\n"
             "--\n"
             "\n"
             "Write if that takes no wait: Rust's `RwLock::try_write`.\n"
             "\n"
             "Returns:\n"
             "    `Ok(guard)`; `Err(TryLockError.WouldBlock)` when somebody "
             "reads or writes;\n"
             "    `Err(TryLockError.Poisoned(error))`: `error.into_inner()` is "
             "the guard.\n"
             "\n"
             "Raises:\n"
             "    UseAfterMoveError: `into_inner` has consumed the lock.\n"
             "\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n"
             "\n"
             ">>> from pythread_rs.sync import RwLock\n"
             ">>> lock = RwLock(5)\n"
             ">>> with lock.reading():\n"
             "...     lock.try_write()\n"
             "Err(\"WouldBlock\")");

static PyObject *rwlock_try_write(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  return enter_for(self, true, &try, PRS_TRY_POISONED);
}

static PyObject *rwlock_read_for(prs_lockable_t *self, PyObject *const *args,
                                 Py_ssize_t count) {
  prs_call_t call = {.name = "read_timeout"};
  if (!prs__timed_call_from(&call, args, count)) return NULL;
  return enter_for(self, false, &call, PRS_TIMEOUT_POISONED);
}

static PyObject *rwlock_write_for(prs_lockable_t *self, PyObject *const *args,
                                  Py_ssize_t count) {
  prs_call_t call = {.name = "write_timeout"};
  if (!prs__timed_call_from(&call, args, count)) return NULL;
  return enter_for(self, true, &call, PRS_TIMEOUT_POISONED);
}

/* ---- with ---------------------------------------------------------------- */

/* The error has no guard: what a traceback keeps must not keep a lock. */
static PyObject *enter_or_raise(prs_lockable_t *self, bool writes) {
  const prs_call_t call = {.name = writes ? "write" : "read",
                           .timeout = PRS_FOREVER};
  int status;
  prs_hold_t *hold = enter(self, writes, &call, &status);
  if (hold == NULL || !prs__lock_is_poisoned(self)) return (PyObject *)hold;
  Py_DECREF(hold);
  return prs__lock_raise(PRS_POISONED_WITH, self);
}

PyDoc_STRVAR(
    reading_doc,
    "reading()\n"
    "--\n"
    "\n"
    "Do what `read().unwrap()` does, for `with lock.reading() as guard:`.\n"
    "\n"
    "Returns:\n"
    "    The `RwLockReadGuard`.\n"
    "\n"
    "Raises:\n"
    "    PoisonError: a writer panicked; the lock is not held.\n"
    "    DeadlockError: the calling thread would wait for a guard of its own.\n"
    "    UseAfterMoveError: `into_inner` has consumed the lock.\n"
    "    RuntimeError: it would have to wait, and the interpreter is exiting.\n"
    "\n"
    "Blocks: as `read`.\n"
    "Thread safety: any thread.\n"
    "\n"
    ">>> from pythread_rs.sync import RwLock\n"
    ">>> lock = RwLock(5)\n"
    ">>> with lock.reading() as guard:\n"
    "...     guard.value\n"
    "5");

static PyObject *rwlock_reading(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  return enter_or_raise(self, false);
}

PyDoc_STRVAR(
    writing_doc,
    "writing()\n"
    "--\n"
    "\n"
    "Do what `write().unwrap()` does, for `with lock.writing() as guard:`.\n"
    "\n"
    "Returns:\n"
    "    The `RwLockWriteGuard`.\n"
    "\n"
    "Raises:\n"
    "    PoisonError: a writer panicked; the lock is not held.\n"
    "    DeadlockError: the calling thread would wait for a guard of its own.\n"
    "    UseAfterMoveError: `into_inner` has consumed the lock.\n"
    "    RuntimeError: it would have to wait, and the interpreter is exiting.\n"
    "\n"
    "Blocks: as `write`.\n"
    "Thread safety: any thread.\n"
    "\n"
    ">>> from pythread_rs.sync import RwLock\n"
    ">>> lock = RwLock(5)\n"
    ">>> with lock.writing() as guard:\n"
    "...     guard.value = 6");

static PyObject *rwlock_writing(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  return enter_or_raise(self, true);
}

/* ---- &mut ---------------------------------------------------------------- */

PyDoc_STRVAR(get_mut_doc,
             "get_mut()\n"
             "--\n"
             "\n"
             "Reach the value without a wait: Rust's `RwLock::get_mut`. See "
             "`Mutex.get_mut`.\n"
             "\n"
             "Returns:\n"
             "    `Ok(guard)`, an `RwLockWriteGuard`; `Err(PoisonError)` with "
             "the guard in it.\n"
             "\n"
             "Raises:\n"
             "    MutableBorrowError: a guard is out.\n"
             "    UseAfterMoveError: `into_inner` has consumed the lock.\n"
             "\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n"
             "\n"
             ">>> from pythread_rs.sync import RwLock\n"
             ">>> lock = RwLock(0)\n"
             ">>> lock.get_mut().unwrap().value = 10\n"
             ">>> lock.read().unwrap().value\n"
             "10");

static PyObject *rwlock_get_mut(prs_lockable_t *self, PyObject *unused) {
  (void)unused;
  int status;
  prs_hold_t *hold = enter(self, true, &try, &status);
  if (hold == NULL && status == PRS_RW_BUSY)
    return prs__lock_raise(PRS_MUTABLY_BORROWED, self);
  return prs__hold_result(hold, status, PRS_POISONED);
}

/* ---- type ---------------------------------------------------------------- */

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef methods[] = {
    {"read", METHOD(rwlock_read), METH_FASTCALL | METH_KEYWORDS, read_doc},
    {"write", METHOD(rwlock_write), METH_FASTCALL | METH_KEYWORDS, write_doc},
    {"try_read", METHOD(rwlock_try_read), METH_NOARGS, try_read_doc},
    {"try_write", METHOD(rwlock_try_write), METH_NOARGS, try_write_doc},
    {"_read_for", METHOD(rwlock_read_for), METH_FASTCALL, NULL},
    {"_write_for", METHOD(rwlock_write_for), METH_FASTCALL, NULL},
    {"reading", METHOD(rwlock_reading), METH_NOARGS, reading_doc},
    {"writing", METHOD(rwlock_writing), METH_NOARGS, writing_doc},
    {"get_mut", METHOD(rwlock_get_mut), METH_NOARGS, get_mut_doc},
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
    {Py_tp_doc, "A value that many may read or one may write."},
    {Py_tp_new, rwlock_new},
    {Py_tp_dealloc, prs__lockable_dealloc},
    {Py_tp_traverse, prs__lockable_traverse},
    {Py_tp_clear, prs__lockable_clear},
    {Py_tp_methods, methods},
    {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.RwLockBase",
                           .basicsize = sizeof(prs_lockable_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_rwlock_type(PyObject *module) {
  return prs__add_type(module, &spec);
}
