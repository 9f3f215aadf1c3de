/* LazyLock: a value that its first reader has made. */
#include "once.h"

#include "ownership/ownership.h"

#define NAME "LazyLock"

typedef struct lazy_lock_object {
  PyObject_HEAD
  prs_once_t once;
  PyObject *value; /* not NULL while COMPLETE, but after a collection */
  PyObject *make;  /* NULL once it was called */
} lazy_lock_object_t;

/* ---- life ---------------------------------------------------------------- */

/* The function runs on whichever thread is first, so it must not capture what
 * another thread may change; a moved closure owns what it captures. */
static bool may_make(PyObject *make) {
  if (!prs__must_be_callable(make)) return false;
  prs_kind_t kind = prs__kind_by_asking(make);
  if (kind == PRS_UNKNOWN) return false;
  return kind == PRS_MOVED || prs__once_may_hold(make, NAME);
}

static PyObject *lazy_lock_new(PyTypeObject *type, PyObject *args,
                               PyObject *kwargs) {
  static char *names[] = {"f", NULL};
  PyObject *make;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:" NAME, names, &make))
    return NULL;
  if (!prs__is_connected() || !may_make(make)) return NULL;
  lazy_lock_object_t *self = (lazy_lock_object_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  prs_once_init(&self->once, true);
  self->make = Py_NewRef(make);
  return (PyObject *)self;
}

static int lazy_lock_traverse(lazy_lock_object_t *self, visitproc visit,
                              void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->value);
  Py_VISIT(self->make);
  return 0;
}

static int lazy_lock_clear(lazy_lock_object_t *self) {
  Py_CLEAR(self->value);
  Py_CLEAR(self->make);
  return 0;
}

static void lazy_lock_dealloc(lazy_lock_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)lazy_lock_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- the value ----------------------------------------------------------- */

/* Returns: a new reference, NULL when there is none; no exception is set. */
static inline PyObject *content(lazy_lock_object_t *self) {
  PyObject *value = NULL;
  Py_BEGIN_CRITICAL_SECTION(self);
  if (prs_once_state(&self->once) == PRS_ONCE_COMPLETE)
    value = Py_NewRef(self->value != NULL ? self->value : Py_None);
  Py_END_CRITICAL_SECTION();
  return value;
}

/* The owner alone touches `make`. It is dropped before others can go on, as
 * the function and its captures are in Rust. */
static PyObject *run(lazy_lock_object_t *self) {
  PyObject *make = self->make;
  self->make = NULL;
  PyObject *value = make != NULL ? PyObject_CallNoArgs(make) : NULL;
  if (make == NULL)
    PyErr_SetString(PyExc_ReferenceError, NAME " was cleared by the collector");
  Py_XDECREF(make);
  if (value != NULL && !prs__once_may_hold(value, NAME)) Py_CLEAR(value);
  if (value != NULL) {
    Py_BEGIN_CRITICAL_SECTION(self);
    self->value = Py_NewRef(value);
    Py_END_CRITICAL_SECTION();
  }
  prs__once_end((PyObject *)self, &self->once, value != NULL);
  return value;
}

static PyObject *force(lazy_lock_object_t *self,
                       const prs_once_request_t *request) {
  bool unused;
  PyObject *value = content(self);
  while (value == NULL) {
    switch (prs__once_ask(&self->once, request, &unused)) {
      case PRS_ONCE_IS_YOURS:
        return run(self);
      case PRS_ETIMEDOUT:
        prs__once_raise_timeout(NAME);
        return NULL;
      case PRS_ONCE_IS_DONE:
        value = content(self);
        break;
      default:
        return NULL;
    }
  }
  return value;
}

static PyObject *lazy_lock_force(lazy_lock_object_t *self,
                                 PyObject *const *args, Py_ssize_t count,
                                 PyObject *keywords) {
  static const prs_signature_t signature = {
      "force", 0, 0, {"timeout", "stop", NULL}};
  PyObject *given[2];
  prs_once_request_t request = {.object = (PyObject *)self,
                                .name = NAME,
                                .call = "force",
                                .mode = PRS_ONCE_CALL};
  if (!prs__arguments(&signature, args, count, keywords, given) ||
      !prs__once_options(given, &request))
    return NULL;
  return force(self, &request);
}

static PyObject *lazy_lock_value(lazy_lock_object_t *self, void *unused) {
  (void)unused;
  prs_once_request_t request = {.object = (PyObject *)self,
                                .name = NAME,
                                .call = "value",
                                .mode = PRS_ONCE_CALL,
                                .timeout = PRS_FOREVER};
  return force(self, &request);
}

static PyObject *get(lazy_lock_object_t *self, PyObject *unused) {
  (void)unused;
  PyObject *value = content(self);
  if (value != NULL) return value;
  if (prs_once_state(&self->once) != PRS_ONCE_GONE) Py_RETURN_NONE;
  prs__once_raise_moved(NAME);
  return NULL;
}

/* Returns: the value; or NULL, and the function in `make`; or both NULL with an
 * exception set. Both are new references. */
static PyObject *move_out(lazy_lock_object_t *self, PyObject **make) {
  prs_wakes_t wakes = {0};
  PyObject *value = NULL;
  uint32_t before;
  *make = NULL;
  Py_BEGIN_CRITICAL_SECTION(self);
  before = prs_once_reset(&self->once, PRS_ONCE_GONE, &wakes);
  if (before == PRS_ONCE_COMPLETE) {
    value = self->value != NULL ? self->value : Py_NewRef(Py_None);
    self->value = NULL;
  } else if (before == PRS_ONCE_INCOMPLETE) {
    *make = self->make != NULL ? self->make : Py_NewRef(Py_None);
    self->make = NULL;
  }
  Py_END_CRITICAL_SECTION();
  prs_wakes_send(&wakes);
  if (before == PRS_ONCE_GONE) prs__once_raise_moved(NAME);
  if (before == PRS_ONCE_RUNNING)
    prs__raise("pythread_rs._runtime", "DeadlockError",
               NAME ": a thread is making its value");
  if (before == PRS_ONCE_POISONED)
    prs__raise("pythread_rs.sync", "OncePoisonedError",
               NAME " instance has previously been poisoned");
  return value;
}

static PyObject *into_inner(lazy_lock_object_t *self, PyObject *unused) {
  (void)unused;
  PyObject *make;
  PyObject *value = move_out(self, &make);
  if (make != NULL) return prs__err(make);
  return prs__ok(value);
}

/* Put another value in the place of one that is there. */
static PyObject *replace(lazy_lock_object_t *self, PyObject *value) {
  PyObject *old = NULL;
  if (!prs__once_may_hold(value, NAME)) return NULL;
  Py_BEGIN_CRITICAL_SECTION(self);
  if (prs_once_state(&self->once) == PRS_ONCE_COMPLETE) {
    old = self->value;
    self->value = Py_NewRef(value);
  }
  Py_END_CRITICAL_SECTION();
  bool was_there = old != NULL;
  Py_XDECREF(old);
  return PyBool_FromLong(was_there);
}

static PyObject *is_initialized(lazy_lock_object_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(prs_once_state(&self->once) == PRS_ONCE_COMPLETE);
}

static PyObject *lazy_lock_repr(lazy_lock_object_t *self) {
  PyObject *value = content(self);
  if (value == NULL) return PyUnicode_FromString(NAME "(<uninit>)");
  int inside = Py_ReprEnter((PyObject *)self);
  PyObject *text = NULL;
  if (inside > 0) text = PyUnicode_FromString(NAME "(..)");
  if (inside == 0) {
    text = PyUnicode_FromFormat(NAME "(%R)", value);
    Py_ReprLeave((PyObject *)self);
  }
  Py_DECREF(value);
  return text;
}

/* ---- documentation ------------------------------------------------------- */

PyDoc_STRVAR(
    force_doc,
    "force($self, /, *, timeout=None, stop=None)\n--\n\n"
    "Return the value, which the first caller makes.\n\n"
    "Args:\n"
    "    timeout: seconds to wait at most for another thread that makes it, or "
    "a timedelta;\n"
    "        None waits for ever.\n"
    "    stop: a `StopToken` that ends that wait.\n\n"
    "Raises:\n"
    "    OncePoisonedError: the function raised, now or at another caller's "
    "time.\n"
    "    DeadlockError: the function that makes the value reads it.\n"
    "    NotSendError: what the function returned is not Sync.\n"
    "    WaitTimeoutError: another thread has not made it in time.\n"
    "    Stopped: `stop` was stopped.\n"
    "    UseAfterMoveError: `into_inner` has consumed it.\n"
    "    BaseException: whatever the function raises, at its caller.\n\n"
    "Blocks: while another thread makes the value, without the GIL.\n"
    "Thread safety: any thread; the function runs on one.\n\n"
    "Mirrors `std::sync::LazyLock::force`.\n\n"
    ">>> from pythread_rs.sync import LazyLock\n"
    ">>> LazyLock(lambda: 92).force()\n"
    "92");

PyDoc_STRVAR(get_doc,
             "get($self, /)\n--\n\n"
             "Return the value if it has been made; None if not.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: `into_inner` has consumed it.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `std::sync::LazyLock::get`.\n\n"
             ">>> from pythread_rs.sync import LazyLock\n"
             ">>> LazyLock(lambda: 92).get()");

PyDoc_STRVAR(is_initialized_doc,
             "is_initialized($self, /)\n--\n\n"
             "Tell whether the value has been made; it may be None.\n\n"
             "Blocks: no, it is one atomic load.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `get().is_some()` of `std::sync::LazyLock`.\n\n"
             ">>> from pythread_rs.sync import LazyLock\n"
             ">>> LazyLock(lambda: 92).is_initialized()\n"
             "False");

PyDoc_STRVAR(
    into_inner_doc,
    "into_inner($self, /)\n--\n\n"
    "Consume it, without making the value.\n\n"
    "Returns:\n"
    "    `Ok(value)` if it has been made, or `Err(f)` with the function.\n\n"
    "Raises:\n"
    "    OncePoisonedError: the function raised.\n"
    "    DeadlockError: a thread is making the value.\n"
    "    UseAfterMoveError: it was consumed before.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread; one of several gets the value.\n\n"
    "Mirrors `std::sync::LazyLock::into_inner` (nightly).\n\n"
    ">>> from pythread_rs.sync import LazyLock\n"
    ">>> LazyLock(int).into_inner()\n"
    "Err(<class 'int'>)");

static PyMethodDef methods[] = {
    {"force", (PyCFunction)(void (*)(void))lazy_lock_force,
     METH_FASTCALL | METH_KEYWORDS, force_doc},
    {"get", (PyCFunction)get, METH_NOARGS, get_doc},
    {"is_initialized", (PyCFunction)is_initialized, METH_NOARGS,
     is_initialized_doc},
    {"into_inner", (PyCFunction)into_inner, METH_NOARGS, into_inner_doc},
    {"_replace", (PyCFunction)replace, METH_O,
     "_replace($self, value, /)\n--\n\n"
     "Put another value in the place of one; tell whether there was one."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"value", (getter)lazy_lock_value, NULL,
     "The value, which the first reader makes; see `force` (Rust: `Deref`).",
     NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "The part of `LazyLock` that is C."},
                              {Py_tp_new, lazy_lock_new},
                              {Py_tp_dealloc, lazy_lock_dealloc},
                              {Py_tp_traverse, lazy_lock_traverse},
                              {Py_tp_clear, lazy_lock_clear},
                              {Py_tp_repr, lazy_lock_repr},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.LazyLockBase",
                           .basicsize = sizeof(lazy_lock_object_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_lazy_lock_type(PyObject *module) {
  return prs__add_base_type(module, &spec) == NULL ? -1 : 0;
}
