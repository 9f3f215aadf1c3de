/* Guards: MutexGuard, RwLockReadGuard, RwLockWriteGuard, ReentrantLockGuard. */
#include "locks.h"

PyTypeObject *prs__mutex_guard;
PyTypeObject *prs__read_guard;
PyTypeObject *prs__write_guard;
PyTypeObject *prs__reentrant_guard;

static const char *short_name(prs_hold_t *self) {
  return strrchr(Py_TYPE(self)->tp_name, '.') + 1;
}

/* ---- value --------------------------------------------------------------- */

/* Returns: a new reference to the value; NULL with an exception set. */
static PyObject *value_of(prs_hold_t *self) {
  PyObject *value = NULL;
  Py_BEGIN_CRITICAL_SECTION(self);
  if (self->lock != NULL) value = Py_XNewRef(self->lock->value);
  Py_END_CRITICAL_SECTION();
  return value != NULL ? value : prs__lock_raise(PRS_RELEASED, self);
}

static PyObject *guard_value(prs_hold_t *self, void *unused) {
  (void)unused;
  return value_of(self);
}

static int guard_set_value(prs_hold_t *self, PyObject *value, void *unused) {
  (void)unused;
  PyObject *old = NULL;
  bool held = false;
  if (value == NULL) {
    PyErr_SetString(PyExc_TypeError, "the value of a lock cannot be deleted");
    return -1;
  }
  Py_BEGIN_CRITICAL_SECTION(self);
  held = self->lock != NULL;
  if (held) {
    old = self->lock->value;
    self->lock->value = Py_NewRef(value);
  }
  Py_END_CRITICAL_SECTION();
  Py_XDECREF(old);
  if (held) return 0;
  (void)prs__lock_raise(PRS_RELEASED, self);
  return -1;
}

/* Rust's guards show the value. */
static PyObject *shown(prs_hold_t *self, PyObject *(*show)(PyObject *)) {
  if (self->lock == NULL)
    return PyUnicode_FromFormat("%s { <released> }", short_name(self));
  PyObject *value = value_of(self);
  if (value == NULL) return NULL;
  PyObject *text = show(value);
  Py_DECREF(value);
  return text;
}

static PyObject *guard_repr(prs_hold_t *self) {
  return shown(self, PyObject_Repr);
}

static PyObject *guard_str(prs_hold_t *self) {
  return shown(self, PyObject_Str);
}

/* ---- end ----------------------------------------------------------------- */

PyDoc_STRVAR(drop_doc,
             "drop()\n--\n\n"
             "Release the lock now: Rust's `drop(guard)`.\n\n"
             "Nothing happens when it was released before.\n\n"
             "Blocks: no.\n"
             "Thread safety: the thread that took the lock.\n\n"
             ">>> from pythread_rs.sync import Mutex\n"
             ">>> mutex = Mutex(1)\n"
             ">>> guard = mutex.lock().unwrap()\n"
             ">>> guard.drop()\n"
             ">>> guard\n"
             "MutexGuard { <released> }");

static PyObject *guard_drop(prs_hold_t *self, PyObject *unused) {
  (void)unused;
  prs__hold_release(self, false);
  Py_RETURN_NONE;
}

static PyObject *guard_enter(prs_hold_t *self, PyObject *unused) {
  (void)unused;
  if (self->lock == NULL) return prs__lock_raise(PRS_RELEASED, self);
  return Py_NewRef((PyObject *)self);
}

static PyObject *guard_exit(prs_hold_t *self, PyObject *const *args,
                            Py_ssize_t count) {
  if (count != 3) {
    PyErr_SetString(PyExc_TypeError, "__exit__() takes 3 arguments");
    return NULL;
  }
  prs__hold_release(self, prs__leaves_by_panic(self, args[0]));
  Py_RETURN_NONE;
}

static PyObject *guard_cannot(prs_hold_t *self, PyObject *unused) {
  (void)unused;
  PyErr_Format(PyExc_TypeError,
               "a %s can neither be copied nor pickled: it is the right to "
               "use what a lock protects, and there is one of it",
               short_name(self));
  return NULL;
}

PyDoc_STRVAR(
    downgrade_doc,
    "downgrade()\n--\n\n"
    "Read on, and let others read: Rust's `RwLockWriteGuard::downgrade`.\n\n"
    "No writer gets in between. This guard is consumed.\n\n"
    "Returns:\n"
    "    The `RwLockReadGuard`.\n\n"
    "Raises:\n"
    "    UseAfterMoveError: the guard was released before.\n\n"
    "Blocks: no.\n"
    "Thread safety: the thread that took the lock.\n\n"
    ">>> from pythread_rs.sync import RwLock\n"
    ">>> lock = RwLock(1)\n"
    ">>> writer = lock.write().unwrap()\n"
    ">>> writer.value = 2\n"
    ">>> reader = writer.downgrade()\n"
    ">>> lock.read().unwrap().value, reader.value\n"
    "(2, 2)");

static PyObject *guard_downgrade(prs_hold_t *self, PyObject *unused) {
  (void)unused;
  prs_hold_t *reader = prs__hold_new(prs__read_guard);
  if (reader == NULL) return NULL;
  if (!prs__hold_downgrade(self, reader)) {
    Py_DECREF(reader);
    return prs__lock_raise(PRS_RELEASED, self);
  }
  return (PyObject *)reader;
}

/* ---- types --------------------------------------------------------------- */

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

#define COMMON_METHODS                                                        \
  {"drop", METHOD(guard_drop), METH_NOARGS, drop_doc},                        \
      {"__enter__", METHOD(guard_enter), METH_NOARGS,                         \
       "__enter__()\n--\n\nReturn the guard."},                               \
      {"__exit__", METHOD(guard_exit), METH_FASTCALL,                         \
       "__exit__(kind, error, traceback, /)\n--\n\nRelease the lock."},       \
      {"__copy__", METHOD(guard_cannot), METH_NOARGS, NULL},                  \
      {"__deepcopy__", METHOD(guard_cannot), METH_O, NULL},                   \
      {"__reduce_ex__", METHOD(guard_cannot), METH_O, NULL}, {                \
    "__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS,                \
        "__class_getitem__(item, /)\n--\n\nStand in annotations, as in X[T]." \
  }

static PyMethodDef methods[] = {COMMON_METHODS, {NULL, NULL, 0, NULL}};

static PyMethodDef write_methods[] = {
    COMMON_METHODS,
    {"downgrade", METHOD(guard_downgrade), METH_NOARGS, downgrade_doc},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef writable[] = {
    {"value", (getter)guard_value, (setter)guard_set_value,
     "What the lock protects; may be assigned.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyGetSetDef readable[] = {
    {"value", (getter)guard_value, NULL, "What the lock protects.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

/* The attribute is set before the type becomes immutable. */
static PyTypeObject *add_guard(PyObject *module, const char *name,
                               const char *doc, PyMethodDef *its_methods,
                               PyGetSetDef *properties) {
  PyType_Slot slots[] = {{Py_tp_doc, (void *)(uintptr_t)doc},
                         {Py_tp_dealloc, prs__hold_dealloc},
                         {Py_tp_traverse, prs__hold_traverse},
                         {Py_tp_clear, prs__hold_clear},
                         {Py_tp_repr, guard_repr},
                         {Py_tp_str, guard_str},
                         {Py_tp_methods, its_methods},
                         {Py_tp_getset, properties},
                         {0, NULL}};
  PyType_Spec spec = {.name = name,
                      .basicsize = sizeof(prs_hold_t),
                      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                               Py_TPFLAGS_DISALLOW_INSTANTIATION,
                      .slots = slots};
  PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
  if (type == NULL) return NULL;
  PyObject *kind = PyUnicode_FromString("not_send");
  if (kind == NULL ||
      PyObject_SetAttrString(type, "__thread_send__", kind) < 0 ||
      PyModule_AddType(module, (PyTypeObject *)type) < 0) {
    Py_XDECREF(kind);
    Py_DECREF(type);
    return NULL;
  }
  Py_DECREF(kind);
  ((PyTypeObject *)type)->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
  return (PyTypeObject *)type; /* for ever */
}

#define GUARD_DOC(rust, lock, take)                                           \
  "The right to use what a lock protects, until it is dropped: Rust's `" rust \
  "`.\n\n"                                                                    \
  "It comes from its lock and is a context manager. It is released at the "   \
  "end of the `with`\nblock, by `drop()`, or when its last reference goes. "  \
  "It stays on its thread.\n\n"                                               \
  "Blocks: no.\n"                                                             \
  "Thread safety: the thread that took the lock.\n\n"                         \
  ">>> from pythread_rs.sync import " lock                                    \
  "\n"                                                                        \
  ">>> with " lock "(5)" take                                                 \
  " as guard:\n"                                                              \
  "...     guard.value\n"                                                     \
  "5"

int prs__add_guard_types(PyObject *module) {
  prs__mutex_guard =
      add_guard(module, "pythread_rs.sync.MutexGuard",
                GUARD_DOC("MutexGuard", "Mutex", ""), methods, writable);
  prs__read_guard = add_guard(
      module, "pythread_rs.sync.RwLockReadGuard",
      GUARD_DOC("RwLockReadGuard", "RwLock", ".reading()"), methods, readable);
  prs__write_guard =
      add_guard(module, "pythread_rs.sync.RwLockWriteGuard",
                GUARD_DOC("RwLockWriteGuard", "RwLock", ".writing()"),
                write_methods, writable);
  prs__reentrant_guard = add_guard(
      module, "pythread_rs.sync.ReentrantLockGuard",
      GUARD_DOC("ReentrantLockGuard", "ReentrantLock", ""), methods, readable);
  bool made = prs__mutex_guard != NULL && prs__read_guard != NULL &&
              prs__write_guard != NULL && prs__reentrant_guard != NULL;
  return made ? 0 : -1;
}
