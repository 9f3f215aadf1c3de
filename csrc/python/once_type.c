/* Once: a function that one of many callers runs; and what OnceLock and
 * LazyLock share with it. */
#include "once.h"

#include "ownership/ownership.h"

/* ---- asking -------------------------------------------------------------- */

/* Returns: an enum prs_once_status, PRS_ETIMEDOUT, or PRS__RAISED. */
static int queue_and_wait(prs_once_t *once, const prs_once_request_t *request,
                          uint64_t left, bool *was_poisoned) {
  prs_waiter_t *waiter = prs__waiter(request->stop == NULL ? 1 : 2);
  if (waiter == NULL) return PRS__RAISED;
  prs_node_t *node = &waiter->nodes[0];
  int status = prs_once_enter(once, request->mode, PyThread_get_thread_ident(),
                              node, was_poisoned);
  if (status == PRS_ONCE_QUEUED) {
    prs_reason_t reason = {request->object, request->call, request->stop};
    int woken = prs__block_for(waiter, &reason, left);
    bool raised = woken == PRS__RAISED || woken == PRS__RAISED_LATE;
    prs_wakes_t wakes = {0};
    prs_once_leave(once, node, raised || woken == PRS_ETIMEDOUT, &wakes);
    prs_wakes_send(&wakes);
    status = PRS_ONCE_WOULD_BLOCK; /* look again */
    if (woken == PRS_ETIMEDOUT) status = PRS_ETIMEDOUT;
    if (raised) status = PRS__RAISED;
  }
  prs_waiter_free(waiter);
  return status;
}

static uint64_t time_left(uint64_t timeout, uint64_t began) {
  if (timeout == PRS_FOREVER) return PRS_FOREVER;
  uint64_t spent = prs__table->now() - began;
  return spent < timeout ? timeout - spent : 0;
}

static int enter_or_wait(prs_once_t *once, const prs_once_request_t *request,
                         bool *was_poisoned) {
  int status = prs_once_enter(once, request->mode, PyThread_get_thread_ident(),
                              NULL, was_poisoned);
  if (status != PRS_ONCE_WOULD_BLOCK) return status;
  uint64_t began = prs__table->now();
  do
    status = queue_and_wait(once, request, time_left(request->timeout, began),
                            was_poisoned);
  while (status == PRS_ONCE_WOULD_BLOCK);
  return status;
}

static void raise_named(const char *module, const char *error,
                        const char *format, const char *name) {
  char text[160];
  (void)PyOS_snprintf(text, sizeof text, format, name);
  prs__raise(module, error, text);
}

void prs__once_raise_moved(const char *name) {
  raise_named("pythread_rs.ownership", "UseAfterMoveError",
              "use of moved value: this %s was consumed by `into_inner()`",
              name);
}

void prs__once_raise_timeout(const char *name) {
  raise_named("pythread_rs.sync", "WaitTimeoutError", "timed out waiting on %s",
              name);
}

int prs__once_ask(prs_once_t *once, const prs_once_request_t *request,
                  bool *was_poisoned) {
  int status = enter_or_wait(once, request, was_poisoned);
  if (status == PRS_ONCE_IS_YOURS) prs__acquired(request->object, false);
  if (status == PRS_ONCE_FAILED)
    raise_named("pythread_rs.sync", "OncePoisonedError",
                "%s instance has previously been poisoned", request->name);
  else if (status == PRS_ONCE_WAS_MOVED)
    prs__once_raise_moved(request->name);
  else if (status == PRS_ONCE_RECURSES)
    raise_named("pythread_rs._runtime", "DeadlockError",
                "%s: the function that initializes it uses it", request->name);
  else
    return status;
  return PRS__RAISED;
}

void prs__once_end(PyObject *object, prs_once_t *once, bool success) {
  prs_wakes_t wakes = {0};
  prs__released(object);
  prs_once_finish(once, success, &wakes);
  prs_wakes_send(&wakes);
}

bool prs__once_options(PyObject *const *given, prs_once_request_t *request) {
  return prs__seconds_from(given[0], &request->timeout) &&
         prs__stop_from(given[1], &request->stop);
}

/* Python decides, and words the refusal, what C does not know to be fine. */
bool prs__once_may_hold(PyObject *value, const char *name) {
  if (prs__is_shareable(prs__kind(value))) return true;
  PyObject *module = PyImport_ImportModule("pythread_rs.sync._content");
  if (module == NULL) return false;
  PyObject *fine =
      PyObject_CallMethod(module, "must_be_sync", "Os", value, name);
  Py_DECREF(module);
  Py_XDECREF(fine);
  return fine != NULL;
}

bool prs__must_be_callable(PyObject *f) {
  if (PyCallable_Check(f)) return true;
  PyErr_Format(PyExc_TypeError, "f must be callable, not %.100s",
               Py_TYPE(f)->tp_name);
  return false;
}

/* ---- Once ---------------------------------------------------------------- */

#define NAME "Once"

typedef struct once_object {
  PyObject_HEAD
  prs_once_t once;
} once_object_t;

/* What call_once_force gives to its function; kept for ever. */
static PyObject *state_clean;
static PyObject *state_poisoned;

static PyObject *once_new(PyTypeObject *type, PyObject *args,
                          PyObject *kwargs) {
  static char *names[] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":" NAME, names)) return NULL;
  if (!prs__is_connected()) return NULL;
  once_object_t *self = (once_object_t *)type->tp_alloc(type, 0);
  if (self != NULL) prs_once_init(&self->once, true);
  return (PyObject *)self;
}

static void once_dealloc(once_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static bool is_completed(const once_object_t *self) {
  return prs_once_state(&self->once) == PRS_ONCE_COMPLETE;
}

static PyObject *run(once_object_t *self, PyObject *f, PyObject *state) {
  PyObject *result =
      state == NULL ? PyObject_CallNoArgs(f) : PyObject_CallOneArg(f, state);
  prs__once_end((PyObject *)self, &self->once, result != NULL);
  if (result == NULL) return NULL;
  Py_DECREF(result);
  Py_RETURN_NONE;
}

static PyObject *call(once_object_t *self, PyObject *const *given, int mode) {
  prs_once_request_t request = {
      .object = (PyObject *)self,
      .name = NAME,
      .call = mode == PRS_ONCE_CALL ? "call_once" : "call_once_force",
      .mode = mode};
  bool was_poisoned = false;
  if (!prs__must_be_callable(given[0]) ||
      !prs__once_options(given + 1, &request))
    return NULL;
  if (is_completed(self)) Py_RETURN_NONE;
  switch (prs__once_ask(&self->once, &request, &was_poisoned)) {
    case PRS_ONCE_IS_DONE:
      Py_RETURN_NONE;
    case PRS_ONCE_IS_YOURS:
      if (mode == PRS_ONCE_CALL) return run(self, given[0], NULL);
      return run(self, given[0], was_poisoned ? state_poisoned : state_clean);
    case PRS_ETIMEDOUT:
      prs__once_raise_timeout(NAME);
      return NULL;
    default:
      return NULL;
  }
}

static PyObject *once_call(once_object_t *self, PyObject *const *args,
                           Py_ssize_t count, PyObject *keywords) {
  static const prs_signature_t signature = {
      "call_once", 1, 1, {"f", "timeout", "stop", NULL}};
  PyObject *given[3];
  if (!prs__arguments(&signature, args, count, keywords, given)) return NULL;
  return call(self, given, PRS_ONCE_CALL);
}

static PyObject *once_call_force(once_object_t *self, PyObject *const *args,
                                 Py_ssize_t count, PyObject *keywords) {
  static const prs_signature_t signature = {
      "call_once_force", 1, 1, {"f", "timeout", "stop", NULL}};
  PyObject *given[3];
  if (!prs__arguments(&signature, args, count, keywords, given)) return NULL;
  return call(self, given, PRS_ONCE_CALL_FORCE);
}

static PyObject *once_is_completed(once_object_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(is_completed(self));
}

/* wait(mode, nanoseconds, stop): Returns whether it is complete in time. */
static PyObject *once_wait(once_object_t *self, PyObject *const *args,
                           Py_ssize_t count) {
  prs_once_request_t request = {
      .object = (PyObject *)self, .name = NAME, .call = "wait"};
  bool unused;
  if (count != 3) {
    PyErr_SetString(PyExc_TypeError, "_wait() takes 3 arguments");
    return NULL;
  }
  request.mode = PyObject_IsTrue(args[0]) ? PRS_ONCE_WAIT_FORCE : PRS_ONCE_WAIT;
  if (!prs__timeout_from(args[1], &request.timeout) ||
      !prs__stop_from(args[2], &request.stop))
    return NULL;
  if (is_completed(self)) Py_RETURN_TRUE;
  switch (prs__once_ask(&self->once, &request, &unused)) {
    case PRS_ONCE_IS_DONE:
      Py_RETURN_TRUE;
    case PRS_ETIMEDOUT:
      Py_RETURN_FALSE;
    default:
      return NULL;
  }
}

static PyObject *once_repr(PyObject *self) {
  (void)self;
  return PyUnicode_FromString(NAME " { .. }");
}

/* ---- documentation ------------------------------------------------------- */

#define CALL_ARGS                                                         \
  "    timeout: seconds to wait at most for another thread's call, or a " \
  "timedelta; None\n"                                                     \
  "        waits for ever. The function itself may take longer.\n"        \
  "    stop: a `StopToken` that ends that wait.\n\n"
#define CALL_RAISES                                                      \
  "    DeadlockError: the function of this `Once` uses it.\n"            \
  "    WaitTimeoutError: another thread's call has not ended in time.\n" \
  "    Stopped: `stop` was stopped.\n"                                   \
  "    BaseException: whatever the function raises; it is poisoned then.\n\n"

PyDoc_STRVAR(
    call_doc,
    "call_once($self, f, *, timeout=None, stop=None)\n--\n\n"
    "Call a function unless that was done before; wait for whoever does it "
    "now.\n\n"
    "When this returns, some function has been called and has ended, and all "
    "that it did\ncan be seen.\n\n"
    "Args:\n"
    "    f: what to call, without arguments.\n" CALL_ARGS
    "Raises:\n"
    "    OncePoisonedError: the function of an earlier call "
    "raised.\n" CALL_RAISES
    "Blocks: while another thread is at it, without the GIL.\n"
    "Thread safety: any thread.\n\n"
    "Mirrors `std::sync::Once::call_once`.\n\n"
    ">>> from pythread_rs.sync import Once\n"
    ">>> once = Once()\n"
    ">>> once.call_once(lambda: print('once'))\n"
    "once\n"
    ">>> once.call_once(lambda: print('twice'))");

PyDoc_STRVAR(
    call_force_doc,
    "call_once_force($self, f, *, timeout=None, stop=None)\n--\n\n"
    "Call a function as `call_once` does, even after a function has "
    "raised.\n\n"
    "When this returns, a function has been called and has not raised.\n\n"
    "Args:\n"
    "    f: what to call, with an `OnceState` that tells whether it is "
    "poisoned.\n" CALL_ARGS "Raises:\n" CALL_RAISES
    "Blocks: while another thread is at it, without the GIL.\n"
    "Thread safety: any thread.\n\n"
    "Mirrors `std::sync::Once::call_once_force`.\n\n"
    ">>> from pythread_rs.sync import Once\n"
    ">>> Once().call_once_force(lambda state: print(state))\n"
    "OnceState { poisoned: false }");

PyDoc_STRVAR(is_completed_doc,
             "is_completed($self, /)\n--\n\n"
             "Tell whether a function has been called and has not raised.\n\n"
             "Blocks: no, it is one atomic load.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `std::sync::Once::is_completed`.\n\n"
             ">>> from pythread_rs.sync import Once\n"
             ">>> Once().is_completed()\n"
             "False");

static PyMethodDef methods[] = {
    {"call_once", (PyCFunction)(void (*)(void))once_call,
     METH_FASTCALL | METH_KEYWORDS, call_doc},
    {"call_once_force", (PyCFunction)(void (*)(void))once_call_force,
     METH_FASTCALL | METH_KEYWORDS, call_force_doc},
    {"is_completed", (PyCFunction)once_is_completed, METH_NOARGS,
     is_completed_doc},
    {"_wait", (PyCFunction)(void (*)(void))once_wait, METH_FASTCALL,
     "_wait($self, force, timeout, stop, /)\n--\n\n"
     "Wait; tell whether it was completed within `timeout` nanoseconds."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "The part of `Once` that is C."},
                              {Py_tp_new, once_new},
                              {Py_tp_dealloc, once_dealloc},
                              {Py_tp_repr, once_repr},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.OnceBase",
                           .basicsize = sizeof(once_object_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

static PyObject *set_states(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *clean;
  PyObject *poisoned;
  if (!PyArg_ParseTuple(args, "OO:set_once_states", &clean, &poisoned))
    return NULL;
  state_clean = Py_NewRef(clean);
  state_poisoned = Py_NewRef(poisoned);
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_once_states", set_states, METH_VARARGS,
     "set_once_states(clean, poisoned, /)\n--\n\n"
     "Hand over what `call_once_force` gives to its function."},
    {NULL, NULL, 0, NULL}};

int prs__add_once_types(PyObject *module) {
  if (prs__add_base_type(module, &spec) == NULL ||
      PyModule_AddFunctions(module, functions) < 0)
    return -1;
  if (prs__add_once_lock_type(module) < 0) return -1;
  return prs__add_lazy_lock_type(module);
}
