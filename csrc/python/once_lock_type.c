/* OnceLock: a place for one value, filled once and read by all. */
#include "once.h"

#define NAME "OnceLock"

typedef struct once_lock_object {
  PyObject_HEAD
  prs_once_t once;
  PyObject *value; /* not NULL while COMPLETE, but after a collection */
} once_lock_object_t;

/* ---- life ---------------------------------------------------------------- */

static PyObject *once_lock_new(PyTypeObject *type, PyObject *args,
                               PyObject *kwargs) {
  static char *names[] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":" NAME, names)) return NULL;
  if (!prs__is_connected()) return NULL;
  once_lock_object_t *self = (once_lock_object_t *)type->tp_alloc(type, 0);
  if (self != NULL) prs_once_init(&self->once, false);
  return (PyObject *)self;
}

static int once_lock_traverse(once_lock_object_t *self, visitproc visit,
                              void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->value);
  return 0;
}

static int once_lock_clear(once_lock_object_t *self) {
  Py_CLEAR(self->value);
  return 0;
}

static void once_lock_dealloc(once_lock_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)once_lock_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- the value ----------------------------------------------------------- */

/* Returns: a new reference, NULL when there is none; no exception is set. The
 * critical section keeps the value from a `take` on another thread; under the
 * GIL it is nothing. */
static inline PyObject *content(once_lock_object_t *self) {
  PyObject *value = NULL;
  Py_BEGIN_CRITICAL_SECTION(self);
  if (prs_once_state(&self->once) == PRS_ONCE_COMPLETE)
    value = Py_NewRef(self->value != NULL ? self->value : Py_None);
  Py_END_CRITICAL_SECTION();
  return value;
}

/* Complete it with a value, which is stolen. */
static void fill(once_lock_object_t *self, PyObject *value) {
  Py_BEGIN_CRITICAL_SECTION(self);
  self->value = value;
  Py_END_CRITICAL_SECTION();
  prs__once_end((PyObject *)self, &self->once, true);
}

static PyObject *get(once_lock_object_t *self, PyObject *unused) {
  (void)unused;
  PyObject *value = content(self);
  if (value != NULL) return value;
  if (prs_once_state(&self->once) != PRS_ONCE_GONE) Py_RETURN_NONE;
  prs__once_raise_moved(NAME);
  return NULL;
}

static PyObject *is_initialized(once_lock_object_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(prs_once_state(&self->once) == PRS_ONCE_COMPLETE);
}

static PyObject *set(once_lock_object_t *self, PyObject *value) {
  prs_once_request_t request = {.object = (PyObject *)self,
                                .name = NAME,
                                .call = "set",
                                .mode = PRS_ONCE_CALL,
                                .timeout = PRS_FOREVER};
  bool unused;
  if (!prs__once_may_hold(value, NAME)) return NULL;
  switch (prs__once_ask(&self->once, &request, &unused)) {
    case PRS_ONCE_IS_DONE:
      return prs__err(Py_NewRef(value));
    case PRS_ONCE_IS_YOURS:
      fill(self, Py_NewRef(value));
      return prs__ok_none();
    default:
      return NULL;
  }
}

/* ---- get_or_init --------------------------------------------------------- */

static PyObject *run(once_lock_object_t *self, PyObject *f) {
  PyObject *value = PyObject_CallNoArgs(f);
  if (value != NULL && !prs__once_may_hold(value, NAME)) Py_CLEAR(value);
  if (value == NULL) {
    prs__once_end((PyObject *)self, &self->once, false);
    return NULL;
  }
  fill(self, Py_NewRef(value));
  return value;
}

/* Returns: a new reference on the value; NULL and PRS_ONCE_IS_YOURS in
 * `status` when the caller has to make it; NULL and another status. */
static PyObject *ask(once_lock_object_t *self,
                     const prs_once_request_t *request, int *status) {
  bool unused;
  PyObject *value = content(self);
  while (value == NULL) {
    *status = prs__once_ask(&self->once, request, &unused);
    if (*status != PRS_ONCE_IS_DONE) return NULL;
    value = content(self); /* NULL: taken meanwhile */
  }
  *status = PRS_ONCE_IS_DONE;
  return value;
}

static PyObject *get_or_init(once_lock_object_t *self, PyObject *const *args,
                             Py_ssize_t count, PyObject *keywords) {
  static const prs_signature_t signature = {
      "get_or_init", 1, 1, {"f", "timeout", "stop", NULL}};
  PyObject *given[3];
  prs_once_request_t request = {.object = (PyObject *)self,
                                .name = NAME,
                                .call = "get_or_init",
                                .mode = PRS_ONCE_CALL};
  int status;
  if (!prs__arguments(&signature, args, count, keywords, given) ||
      !prs__must_be_callable(given[0]) ||
      !prs__once_options(given + 1, &request))
    return NULL;
  PyObject *value = ask(self, &request, &status);
  if (status == PRS_ONCE_IS_YOURS) return run(self, given[0]);
  if (status == PRS_ETIMEDOUT) prs__once_raise_timeout(NAME);
  return value;
}

/* ---- wait ---------------------------------------------------------------- */

static PyObject *wait(once_lock_object_t *self, PyObject *const *args,
                      Py_ssize_t count, PyObject *keywords) {
  static const prs_signature_t signature = {"wait", 0, 0, {"stop", NULL}};
  prs_once_request_t request = {.object = (PyObject *)self,
                                .name = NAME,
                                .call = "wait",
                                .mode = PRS_ONCE_WAIT_FORCE,
                                .timeout = PRS_FOREVER};
  int status;
  if (!prs__arguments(&signature, args, count, keywords, &request.stop) ||
      !prs__stop_from(request.stop, &request.stop))
    return NULL;
  return ask(self, &request, &status);
}

static PyObject *wait_timeout(once_lock_object_t *self, PyObject *const *args,
                              Py_ssize_t count, PyObject *keywords) {
  static const prs_signature_t signature = {
      "wait_timeout", 1, 1, {"timeout", "stop", NULL}};
  prs_once_request_t request = {.object = (PyObject *)self,
                                .name = NAME,
                                .call = "wait_timeout",
                                .mode = PRS_ONCE_WAIT_FORCE};
  PyObject *given[2];
  int status;
  if (!prs__arguments(&signature, args, count, keywords, given) ||
      !prs__duration_from(given[0], &request.timeout) ||
      !prs__stop_from(given[1], &request.stop))
    return NULL;
  PyObject *value = ask(self, &request, &status);
  if (status == PRS_ETIMEDOUT)
    return prs__err(prs__timeout_error("timed out waiting on " NAME));
  return prs__ok(value);
}

/* ---- taking it out ------------------------------------------------------- */

/* Returns: false with an exception set. `*out` is the value or NULL. */
static bool move_out(once_lock_object_t *self, uint32_t next, PyObject **out) {
  prs_wakes_t wakes = {0};
  uint32_t before;
  *out = NULL;
  Py_BEGIN_CRITICAL_SECTION(self);
  before = prs_once_reset(&self->once, next, &wakes);
  if (before == PRS_ONCE_COMPLETE) {
    *out = self->value;
    self->value = NULL;
  }
  Py_END_CRITICAL_SECTION();
  prs_wakes_send(&wakes);
  if (before == PRS_ONCE_GONE) prs__once_raise_moved(NAME);
  return before != PRS_ONCE_GONE;
}

static PyObject *take(once_lock_object_t *self, PyObject *unused) {
  (void)unused;
  PyObject *value;
  if (!move_out(self, PRS_ONCE_INCOMPLETE, &value)) return NULL;
  return value != NULL ? value : Py_NewRef(Py_None);
}

static PyObject *into_inner(once_lock_object_t *self, PyObject *unused) {
  (void)unused;
  PyObject *value;
  if (!move_out(self, PRS_ONCE_GONE, &value)) return NULL;
  return value != NULL ? value : Py_NewRef(Py_None);
}

/* Put another value in the place of one that is there. */
static PyObject *replace(once_lock_object_t *self, PyObject *value) {
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

static PyObject *once_lock_repr(once_lock_object_t *self) {
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

PyDoc_STRVAR(get_doc,
             "get($self, /)\n--\n\n"
             "Return the value, or None if there is none yet.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: `into_inner` has consumed it.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `std::sync::OnceLock::get`.\n\n"
             ">>> from pythread_rs.sync import OnceLock\n"
             ">>> OnceLock().get()");

PyDoc_STRVAR(is_initialized_doc,
             "is_initialized($self, /)\n--\n\n"
             "Tell whether there is a value, which may be None.\n\n"
             "Blocks: no, it is one atomic load.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `get().is_some()` of `std::sync::OnceLock`.\n\n"
             ">>> from pythread_rs.sync import OnceLock\n"
             ">>> OnceLock().is_initialized()\n"
             "False");

PyDoc_STRVAR(
    set_doc,
    "set($self, value, /)\n--\n\n"
    "Put a value in, if there is none; wait for whoever makes one now.\n\n"
    "Returns:\n"
    "    `Ok(None)`, or `Err(value)` with the value given: there is one "
    "already.\n\n"
    "Raises:\n"
    "    NotSendError: the value is not Sync, so that threads cannot share "
    "it.\n"
    "    DeadlockError: called by the function that makes the value.\n"
    "    UseAfterMoveError: `into_inner` has consumed it.\n\n"
    "Blocks: while another thread's function runs, without the GIL.\n"
    "Thread safety: any thread; one of several succeeds.\n\n"
    "Mirrors `std::sync::OnceLock::set`.\n\n"
    ">>> from pythread_rs.sync import OnceLock\n"
    ">>> cell = OnceLock()\n"
    ">>> cell.set(92), cell.set(62), cell.get()\n"
    "(Ok(None), Err(62), 92)");

PyDoc_STRVAR(
    get_or_init_doc,
    "get_or_init($self, f, *, timeout=None, stop=None)\n--\n\n"
    "Return the value; if there is none, one of the callers makes it.\n\n"
    "A function that raises leaves it empty, and the next caller tries.\n\n"
    "Args:\n"
    "    f: makes the value, called without arguments.\n"
    "    timeout: seconds to wait at most for another thread's function, or a "
    "timedelta; None\n"
    "        waits for ever.\n"
    "    stop: a `StopToken` that ends that wait.\n\n"
    "Raises:\n"
    "    NotSendError: what `f` returned is not Sync.\n"
    "    DeadlockError: called by the function that makes the value.\n"
    "    WaitTimeoutError: another thread's function has not ended in time.\n"
    "    Stopped: `stop` was stopped.\n"
    "    UseAfterMoveError: `into_inner` has consumed it.\n"
    "    BaseException: whatever `f` raises.\n\n"
    "Blocks: while another thread's function runs, without the GIL.\n"
    "Thread safety: any thread; `f` runs on one.\n\n"
    "Mirrors `std::sync::OnceLock::get_or_init`.\n\n"
    ">>> from pythread_rs.sync import OnceLock\n"
    ">>> cell = OnceLock()\n"
    ">>> cell.get_or_init(lambda: 92), cell.get_or_init(lambda: 1 / 0)\n"
    "(92, 92)");

PyDoc_STRVAR(wait_doc,
             "wait($self, /, *, stop=None)\n--\n\n"
             "Wait until there is a value, and return it.\n\n"
             "Args:\n"
             "    stop: a `StopToken` that ends the wait.\n\n"
             "Raises:\n"
             "    Stopped: `stop` was stopped.\n"
             "    DeadlockError: called by the function that makes the value.\n"
             "    UseAfterMoveError: `into_inner` has consumed it.\n"
             "    KeyboardInterrupt: Ctrl-C on the main thread.\n"
             "    RuntimeError: the interpreter is exiting.\n\n"
             "Blocks: yes, without the GIL.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `std::sync::OnceLock::wait`.\n\n"
             ">>> from pythread_rs.sync import OnceLock\n"
             ">>> OnceLock.from_(3).wait()\n"
             "3");

PyDoc_STRVAR(wait_timeout_doc,
             "wait_timeout($self, /, timeout, *, stop=None)\n--\n\n"
             "Wait as `wait` does, but at most `timeout`.\n\n"
             "Args:\n"
             "    timeout: seconds, or a timedelta; at least 0.\n"
             "    stop: a `StopToken` that ends the wait.\n\n"
             "Returns:\n"
             "    `Ok(value)`, or `Err(WaitTimeoutError)`.\n\n"
             "Raises:\n"
             "    ValueError: `timeout` is negative or NaN.\n"
             "    Stopped, DeadlockError, UseAfterMoveError, "
             "KeyboardInterrupt, RuntimeError: as\n"
             "        `wait`.\n\n"
             "Blocks: at most `timeout`, without the GIL.\n"
             "Thread safety: any thread.\n\n"
             "Not in Rust, which waits for ever.\n\n"
             ">>> from pythread_rs.sync import OnceLock\n"
             ">>> OnceLock().wait_timeout(0.001)\n"
             "Err(WaitTimeoutError('timed out waiting on OnceLock'))");

PyDoc_STRVAR(take_doc,
             "take($self, /)\n--\n\n"
             "Take the value out, or None if there is none, and start from "
             "empty.\n\n"
             "Rust asks for `&mut self`: use it where no other thread uses "
             "the lock.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: `into_inner` has consumed it.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread; one of several gets the value.\n\n"
             "Mirrors `std::sync::OnceLock::take`.\n\n"
             ">>> from pythread_rs.sync import OnceLock\n"
             ">>> cell = OnceLock.from_(3)\n"
             ">>> cell.take(), cell\n"
             "(3, OnceLock(<uninit>))");

PyDoc_STRVAR(into_inner_doc,
             "into_inner($self, /)\n--\n\n"
             "Consume the lock; return its value, or None if there is "
             "none.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: it was consumed before.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread; one of several gets the value.\n\n"
             "Mirrors `std::sync::OnceLock::into_inner`.\n\n"
             ">>> from pythread_rs.sync import OnceLock\n"
             ">>> OnceLock.from_('hello').into_inner()\n"
             "'hello'");

static PyMethodDef methods[] = {
    {"get", (PyCFunction)get, METH_NOARGS, get_doc},
    {"is_initialized", (PyCFunction)is_initialized, METH_NOARGS,
     is_initialized_doc},
    {"set", (PyCFunction)set, METH_O, set_doc},
    {"get_or_init", (PyCFunction)(void (*)(void))get_or_init,
     METH_FASTCALL | METH_KEYWORDS, get_or_init_doc},
    {"wait", (PyCFunction)(void (*)(void))wait, METH_FASTCALL | METH_KEYWORDS,
     wait_doc},
    {"wait_timeout", (PyCFunction)(void (*)(void))wait_timeout,
     METH_FASTCALL | METH_KEYWORDS, wait_timeout_doc},
    {"take", (PyCFunction)take, METH_NOARGS, take_doc},
    {"into_inner", (PyCFunction)into_inner, METH_NOARGS, into_inner_doc},
    {"_replace", (PyCFunction)replace, METH_O,
     "_replace($self, value, /)\n--\n\n"
     "Put another value in the place of one; tell whether there was one."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "The part of `OnceLock` that is C."},
                              {Py_tp_new, once_lock_new},
                              {Py_tp_dealloc, once_lock_dealloc},
                              {Py_tp_traverse, once_lock_traverse},
                              {Py_tp_clear, once_lock_clear},
                              {Py_tp_repr, once_lock_repr},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.OnceLockBase",
                           .basicsize = sizeof(once_lock_object_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_once_lock_type(PyObject *module) {
  return prs__add_base_type(module, &spec) == NULL ? -1 : 0;
}
