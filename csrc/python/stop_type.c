/* StopToken: cooperative cancellation, and how it ends a wait. */
#include "objects.h"

#include "../core/sync/prs_stop.h"

typedef struct stop_object {
  PyObject_HEAD
  prs_stop_t *stop;
} stop_object_t;

static PyTypeObject *stop_type; /* for ever, as the module is */

/* ---- life ---------------------------------------------------------------- */

static PyObject *made(PyTypeObject *type, prs_stop_t *parent) {
  stop_object_t *self = (stop_object_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->stop = prs_stop_new(parent);
  if (self->stop != NULL) return (PyObject *)self;
  Py_DECREF(self);
  return PyErr_NoMemory();
}

static PyObject *stop_new(PyTypeObject *type, PyObject *args,
                          PyObject *kwargs) {
  static char *names[] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":StopToken", names))
    return NULL;
  return prs__is_connected() ? made(type, NULL) : NULL;
}

static void stop_dealloc(stop_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  prs_stop_unref(self->stop);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- waits --------------------------------------------------------------- */

bool prs__stop_from(PyObject *arg, PyObject **out) {
  if (arg == NULL || arg == Py_None) {
    *out = NULL;
    return true;
  }
  *out = arg;
  if (PyObject_TypeCheck(arg, stop_type)) return true;
  PyErr_Format(PyExc_TypeError, "stop must be a StopToken or None, not %.100s",
               Py_TYPE(arg)->tp_name);
  return false;
}

void prs__raise_stopped(void) {
  prs__raise("pythread_rs.sync", "Stopped", "the stop token was stopped");
}

prs_stop_t *prs__stop_of(PyObject *token) {
  return ((stop_object_t *)token)->stop;
}

/* The stop came first, or at the same time as something else. */
static int stopped_before(prs_waiter_t *waiter) {
  if (!prs__give_up(waiter)) return PRS_OK;
  prs__raise_stopped();
  return PRS__RAISED;
}

int prs__block_or_stop(prs_waiter_t *waiter, uint32_t node, PyObject *token,
                       uint64_t timeout) {
  if (token == NULL) return prs__block(waiter, timeout);
  prs_stop_t *stop = prs__stop_of(token);
  if (!prs_stop_enter(stop, &waiter->nodes[node]))
    return stopped_before(waiter);
  Py_INCREF(token);
  int status = prs__block(waiter, timeout);
  prs_wakes_t wakes = {0};
  prs_stop_leave(stop, &waiter->nodes[node], &wakes);
  prs_wakes_send(&wakes);
  Py_DECREF(token);
  bool finished = status == PRS_OK || status == PRS__RAISED_LATE;
  if (!finished || waiter->chosen != node) return status;
  /* An exception that is set already, Ctrl-C, goes first. */
  if (status == PRS_OK) prs__raise_stopped();
  return PRS__RAISED;
}

/* Returns: PRS_OK when it is stopped, and as prs__block(). */
static int wait_once(prs_stop_t *stop, uint64_t timeout) {
  prs_waiter_t *waiter = prs__waiter(1);
  if (waiter == NULL) return PRS__RAISED;
  int status = PRS_OK;
  if (prs_stop_enter(stop, &waiter->nodes[0])) {
    status = prs__block(waiter, timeout);
    prs_wakes_t wakes = {0};
    prs_stop_leave(stop, &waiter->nodes[0], &wakes);
    prs_wakes_send(&wakes);
  }
  prs_waiter_free(waiter);
  return status;
}

int prs__stop_wait(PyObject *token, uint64_t timeout) {
  prs_stop_t *stop = prs__stop_of(token);
  uint64_t began = prs__table->now();
  int status = PRS_EAGAIN;
  while (status == PRS_EAGAIN && !prs_stop_is_stopped(stop)) {
    uint64_t spent = timeout == PRS_FOREVER ? 0 : prs__table->now() - began;
    status = wait_once(stop, spent < timeout ? timeout - spent : 0);
  }
  if (status == PRS__RAISED_LATE) return PRS__RAISED;
  return status == PRS_EAGAIN ? PRS_OK : status;
}

static PyObject *stop_wait(stop_object_t *self, PyObject *const *args,
                           Py_ssize_t count, PyObject *keywords) {
  static const prs_signature_t signature = {"wait", 0, 1, {"timeout", NULL}};
  PyObject *seconds = NULL;
  uint64_t timeout;
  if (!prs__arguments(&signature, args, count, keywords, &seconds) ||
      !prs__seconds_from(seconds, &timeout))
    return NULL;
  int status = prs__stop_wait((PyObject *)self, timeout);
  if (status == PRS__RAISED) return NULL;
  return PyBool_FromLong(status != PRS_ETIMEDOUT);
}

/* ---- methods ------------------------------------------------------------- */

static PyObject *stop_stop(stop_object_t *self, PyObject *unused) {
  (void)unused;
  prs_wakes_t wakes = {0};
  if (!prs_stop_is_stopped(self->stop)) {
    prs_stop_now(self->stop, &wakes);
    prs_wakes_send(&wakes);
  }
  Py_RETURN_NONE;
}

static PyObject *stop_is_stopped(stop_object_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(prs_stop_is_stopped(self->stop));
}

static PyObject *stop_raise(stop_object_t *self, PyObject *unused) {
  (void)unused;
  if (!prs_stop_is_stopped(self->stop)) Py_RETURN_NONE;
  prs__raise_stopped();
  return NULL;
}

static PyObject *stop_child(stop_object_t *self, PyObject *unused) {
  (void)unused;
  return made(Py_TYPE(self), self->stop);
}

static PyObject *stop_repr(stop_object_t *self) {
  const char *stopped = prs_stop_is_stopped(self->stop) ? "true" : "false";
  return PyUnicode_FromFormat("StopToken { stopped: %s }", stopped);
}

/* ---- documentation ------------------------------------------------------- */

PyDoc_STRVAR(
    stop_doc,
    "stop($self, /)\n--\n\n"
    "Stop the token and every child of it, now and for ever; end their "
    "waits.\n\n"
    "It returns at once, and a second call does nothing.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread. What happened before this call happens before "
    "whatever\nfollows from it.\n\n"
    "Not in Rust's std; other libraries call it `cancel`.\n\n"
    ">>> from pythread_rs.sync import StopToken\n"
    ">>> token = StopToken()\n"
    ">>> token.stop()\n"
    ">>> token.is_stopped()\n"
    "True");

PyDoc_STRVAR(is_stopped_doc,
             "is_stopped($self, /)\n--\n\n"
             "Tell whether the token, or one above it, was stopped.\n\n"
             "Blocks: no, it is one atomic load.\n"
             "Thread safety: any thread.\n\n"
             "Not in Rust's std.\n\n"
             ">>> from pythread_rs.sync import StopToken\n"
             ">>> StopToken().is_stopped()\n"
             "False");

PyDoc_STRVAR(
    raise_doc,
    "raise_if_stopped($self, /)\n--\n\n"
    "Raise `Stopped` if the token was stopped: a place where work may end.\n\n"
    "Otherwise it returns at once.\n\n"
    "Raises:\n"
    "    Stopped: the token, or one above it, was stopped.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n\n"
    "Not in Rust's std.\n\n"
    ">>> from pythread_rs.sync import StopToken\n"
    ">>> token = StopToken()\n"
    ">>> token.raise_if_stopped()\n"
    ">>> token.stop()\n"
    ">>> token.raise_if_stopped()\n"
    "Traceback (most recent call last):\n"
    "pythread_rs.sync.Stopped: the stop token was stopped");

PyDoc_STRVAR(
    wait_doc,
    "wait($self, /, timeout=None)\n--\n\n"
    "Wait until the token is stopped: a sleep that `stop` ends.\n\n"
    "Args:\n"
    "    timeout: seconds to wait at most, or a timedelta; None waits for "
    "ever.\n\n"
    "Returns:\n"
    "    Whether the token is stopped; False when the time is over.\n\n"
    "Raises:\n"
    "    ValueError: `timeout` is negative or NaN.\n"
    "    KeyboardInterrupt: Ctrl-C on the main thread.\n"
    "    RuntimeError: the interpreter is exiting.\n\n"
    "Blocks: at most `timeout`, without the GIL.\n"
    "Thread safety: any thread.\n\n"
    "Not in Rust's std.\n\n"
    ">>> from pythread_rs.sync import StopToken\n"
    ">>> StopToken().wait(0.001)\n"
    "False");

PyDoc_STRVAR(
    child_doc,
    "child($self, /)\n--\n\n"
    "Make a token below this one: it is stopped with it, and can be stopped "
    "alone.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n\n"
    "Not in Rust's std.\n\n"
    ">>> from pythread_rs.sync import StopToken\n"
    ">>> request = StopToken()\n"
    ">>> query = request.child()\n"
    ">>> query.stop()\n"
    ">>> request.is_stopped()\n"
    "False");

static PyMethodDef methods[] = {
    {"stop", (PyCFunction)stop_stop, METH_NOARGS, stop_doc},
    {"is_stopped", (PyCFunction)stop_is_stopped, METH_NOARGS, is_stopped_doc},
    {"raise_if_stopped", (PyCFunction)stop_raise, METH_NOARGS, raise_doc},
    {"wait", (PyCFunction)(void (*)(void))stop_wait,
     METH_FASTCALL | METH_KEYWORDS, wait_doc},
    {"child", (PyCFunction)stop_child, METH_NOARGS, child_doc},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "The part of `StopToken` that is C."},
                              {Py_tp_new, stop_new},
                              {Py_tp_dealloc, stop_dealloc},
                              {Py_tp_repr, stop_repr},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.StopTokenBase",
                           .basicsize = sizeof(stop_object_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_stop_type(PyObject *module) {
  stop_type = prs__add_base_type(module, &spec);
  return stop_type == NULL ? -1 : 0;
}
