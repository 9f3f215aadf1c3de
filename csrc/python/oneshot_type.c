/* OneshotSenderBase, OneshotReceiverBase: a channel for one message. */
#include "select.h"

static PyTypeObject *sender_type;
static PyTypeObject *receiver_type;
static PyObject *errors; /* a tuple of 4 callables, in the order below */

enum { EMPTY, DISCONNECTED, TIMEOUT, TIMEOUT_DISCONNECTED, ERRORS };

static prs_channel_t *channel_of(prs_end_t *self) {
  return &self->shared->channel;
}

bool prs__is_oneshot_receiver(PyObject *object) {
  return PyObject_TypeCheck(object, receiver_type);
}

#define METHOD(function) (PyCFunction)(void (*)(void))(function)

/* ---- sender -------------------------------------------------------------- */

static void drop_sender(prs_end_t *self) {
  prs_wakes_t wakes = {NULL};
  prs_channel_drop_sender(channel_of(self), &wakes);
  prs_wakes_send(&wakes);
}

/* Owner: consumes `item` and the sender. */
static PyObject *send_and_drop(prs_end_t *self, PyObject *item) {
  prs_wakes_t wakes = {NULL};
  int status = prs_channel_send(channel_of(self), item, NULL, &wakes);
  prs_wakes_send(&wakes);
  drop_sender(self);
  if (status == PRS_CHANNEL_DONE) return prs__ok_none();
  if (status == PRS_CHANNEL_DISCONNECTED)
    return prs__refuse(PRS_SEND_DISCONNECTED, item);
  Py_DECREF(item);
  return PyErr_NoMemory();
}

PyDoc_STRVAR(
    send_doc,
    "send($self, value, /)\n--\n\n"
    "Send the message: Rust's `oneshot::Sender::send`. It consumes "
    "the sender.\n\n"
    "Args:\n"
    "    value: what to send; checked as an argument of `spawn` is.\n\n"
    "Returns:\n"
    "    `Ok(None)`, or `Err(SendError(value))` when the receiver is "
    "gone.\n\n"
    "Raises:\n"
    "    OwnershipError: the value may not be handed over; the sender "
    "is as it was.\n"
    "    UseAfterMoveError: it has sent already.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread; one call succeeds.\n\n"
    ">>> from pythread_rs.sync import oneshot\n"
    ">>> tx, rx = oneshot.channel()\n"
    ">>> tx.send(1), rx.recv()\n"
    "(Ok(None), Ok(1))");

static PyObject *sender_send(prs_end_t *self, PyObject *const *args,
                             Py_ssize_t count) {
  static const prs_sink_t sent = {.method = METHOD(sender_send)};
  if (!prs__wants("send", count, 1) || !prs__end_is_alive(self)) return NULL;
  PyObject *item = prs__take_over(args, &sent);
  if (item == NULL) return NULL;
  if (prs__end_drops(self)) return send_and_drop(self, item);
  Py_DECREF(item);
  return prs__end_raise(self, PRS_USE_AFTER_DROP);
}

static PyObject *sender_drop(prs_end_t *self, PyObject *unused) {
  (void)unused;
  if (prs__end_drops(self)) drop_sender(self);
  Py_RETURN_NONE;
}

static PyObject *sender_is_disconnected(prs_end_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(!prs_channel_has_receivers(channel_of(self)));
}

/* ---- receiver ------------------------------------------------------------ */

void prs__oneshot_consume(PyObject *receiver) {
  if (prs__end_drops((prs_end_t *)receiver))
    prs__receiver_dropped((prs_end_t *)receiver);
}

static PyObject *error_of(int error, prs_end_t *receiver) {
  PyObject *make = PyTuple_GET_ITEM(errors, error);
  return PyObject_CallOneArg(make, (PyObject *)receiver);
}

/* The receiver is consumed unless nothing has come yet. */
static PyObject *conclude(prs_end_t *self, int status, PyObject *item,
                          int empty, int gone) {
  switch (status) {
    case PRS_CHANNEL_DONE:
      prs__oneshot_consume((PyObject *)self);
      return prs__ok(item);
    case PRS_CHANNEL_WOULD_BLOCK:
    case PRS_ETIMEDOUT:
      return error_of(empty, self);
    case PRS_CHANNEL_DISCONNECTED:
      prs__oneshot_consume((PyObject *)self);
      return gone == ERRORS ? prs__refuse(PRS_RECV_DISCONNECTED, NULL)
                            : error_of(gone, self);
    default: /* PRS__RAISED */
      return NULL;
  }
}

static PyObject *receive(prs_end_t *self, uint64_t timeout, PyObject *stop,
                         int gone) {
  PyObject *item = NULL;
  if (!prs__end_is_alive(self)) return NULL;
  int status = prs__receiver_try(self, &item);
  if (status == PRS_CHANNEL_WOULD_BLOCK)
    status = prs__receiver_receive(self, &item, timeout, stop);
  return conclude(self, status, item, TIMEOUT, gone);
}

PyDoc_STRVAR(recv_doc,
             "recv($self, /, *, stop=None)\n--\n\n"
             "Wait for the message: Rust's `oneshot::Receiver::recv`. It "
             "consumes the receiver.\n\n"
             "Args:\n"
             "    stop: a `StopToken` that ends the wait.\n\n"
             "Returns:\n"
             "    `Ok(message)`, or `Err(RecvError())` when the sender went "
             "without a message.\n\n"
             "Raises:\n"
             "    Stopped: the token stopped first; the receiver is as it was."
             "\n"
             "    UseAfterMoveError: it has received already.\n"
             "    RuntimeError: it would have to wait, and the interpreter is "
             "exiting.\n\n"
             "Blocks: until there is a message, or no sender.\n"
             "Thread safety: any thread.\n\n"
             ">>> from pythread_rs.sync import oneshot\n"
             ">>> tx, rx = oneshot.channel()\n"
             ">>> tx.drop()\n"
             ">>> rx.recv()\n"
             "Err(RecvError)");

static PyObject *receiver_recv(prs_end_t *self, PyObject *const *args,
                               Py_ssize_t count, PyObject *names) {
  PyObject *stop = NULL;
  if (!prs__read_stop("recv", args, count, 0, names, &stop)) return NULL;
  return receive(self, PRS_FOREVER, stop, ERRORS);
}

PyDoc_STRVAR(try_recv_doc,
             "try_recv($self, /)\n--\n\n"
             "Take the message if it is there: Rust's "
             "`oneshot::Receiver::try_recv`.\n\n"
             "Returns:\n"
             "    `Ok(message)`, `Err(TryRecvError.Empty(receiver))`, which "
             "holds this receiver, to be\n    used again, or "
             "`Err(TryRecvError.Disconnected)`.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: it has received already.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             ">>> from pythread_rs.sync import oneshot\n"
             ">>> tx, rx = oneshot.channel()\n"
             ">>> rx.try_recv()\n"
             "Err(Empty(..))\n"
             ">>> tx.send(1), rx.try_recv()\n"
             "(Ok(None), Ok(1))");

static PyObject *receiver_try_recv(prs_end_t *self, PyObject *unused) {
  (void)unused;
  PyObject *item = NULL;
  if (!prs__end_is_alive(self)) return NULL;
  int status = prs__receiver_try(self, &item);
  return conclude(self, status, item, EMPTY, DISCONNECTED);
}

PyDoc_STRVAR(recv_timeout_doc,
             "recv_timeout($self, timeout, /, *, stop=None)\n--\n\n"
             "Wait for the message, no longer than a time: Rust's "
             "`oneshot::Receiver::recv_timeout`.\n\n"
             "Args:\n"
             "    timeout: seconds (float or timedelta).\n"
             "    stop: a `StopToken` that ends the wait.\n\n"
             "Returns:\n"
             "    `Ok(message)`, `Err(RecvTimeoutError.Timeout(receiver))` (a "
             "`TimeoutError`), which\n    holds this receiver, to be used "
             "again, or `Err(RecvTimeoutError.Disconnected)`.\n\n"
             "Raises:\n"
             "    Stopped, UseAfterMoveError, RuntimeError: as `recv`.\n\n"
             "Blocks: at most `timeout`.\n"
             "Thread safety: any thread.\n\n"
             ">>> from pythread_rs.sync import oneshot\n"
             ">>> tx, rx = oneshot.channel()\n"
             ">>> rx.recv_timeout(0.001)\n"
             "Err(Timeout(..))");

static PyObject *receiver_recv_timeout(prs_end_t *self, PyObject *const *args,
                                       Py_ssize_t count, PyObject *names) {
  PyObject *stop = NULL;
  uint64_t timeout;
  if (!prs__read_stop("recv_timeout", args, count, 1, names, &stop) ||
      !prs__seconds_from(args[0], &timeout))
    return NULL;
  return receive(self, timeout, stop, TIMEOUT_DISCONNECTED);
}

PyDoc_STRVAR(recv_deadline_doc,
             "recv_deadline($self, deadline, /, *, stop=None)\n--\n\n"
             "Wait for the message until a time: Rust's "
             "`oneshot::Receiver::recv_deadline`.\n\n"
             "Args:\n"
             "    deadline: seconds of `time.monotonic()`.\n"
             "    stop: a `StopToken` that ends the wait.\n\n"
             "Returns:\n"
             "    As `recv_timeout`.\n\n"
             "Raises:\n"
             "    As `recv_timeout`.\n\n"
             "Blocks: until `deadline` at the latest.\n"
             "Thread safety: any thread.\n\n"
             ">>> from pythread_rs.sync import oneshot\n"
             ">>> tx, rx = oneshot.channel()\n"
             ">>> rx.recv_deadline(0.0)\n"
             "Err(Timeout(..))");

static PyObject *receiver_recv_deadline(prs_end_t *self, PyObject *const *args,
                                        Py_ssize_t count, PyObject *names) {
  PyObject *stop = NULL;
  uint64_t timeout;
  if (!prs__read_stop("recv_deadline", args, count, 1, names, &stop) ||
      !prs__deadline_from(args[0], &timeout))
    return NULL;
  return receive(self, timeout, stop, TIMEOUT_DISCONNECTED);
}

static PyObject *receiver_is_ready(prs_end_t *self, PyObject *unused) {
  (void)unused;
  if (!prs__end_is_alive(self)) return NULL;
  return PyBool_FromLong(prs_channel_len(channel_of(self)) > 0);
}

static PyObject *receiver_drop(prs_end_t *self, PyObject *unused) {
  (void)unused;
  prs__oneshot_consume((PyObject *)self);
  Py_RETURN_NONE;
}

/* ---- life ---------------------------------------------------------------- */

/* What a dropped message runs must not see the exception of another. */
static void end_dealloc(prs_end_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject *error, *value, *traceback;
  PyObject_GC_UnTrack(self);
  PyErr_Fetch(&error, &value, &traceback);
  if (prs__is_oneshot_receiver((PyObject *)self))
    prs__oneshot_consume((PyObject *)self);
  else if (prs__end_drops(self))
    drop_sender(self);
  PyErr_Restore(error, value, traceback);
  Py_DECREF(self->shared);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- types --------------------------------------------------------------- */

#define KEYWORDS (METH_FASTCALL | METH_KEYWORDS)

static PyMethodDef sender_methods[] = {
    {"send", METHOD(sender_send), METH_FASTCALL, send_doc},
    {"drop", METHOD(sender_drop), METH_NOARGS,
     "drop($self, /)\n--\n\n"
     "Drop this sender now: Rust's `drop(sender)`.\n\n"
     "Blocks: no.\n"
     "Thread safety: any thread."},
    {"is_disconnected", METHOD(sender_is_disconnected), METH_NOARGS,
     "is_disconnected($self, /)\n--\n\n"
     "Tell whether the receiver is gone.\n\n"
     "Blocks: no.\n"
     "Thread safety: any thread."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyMethodDef receiver_methods[] = {
    {"recv", METHOD(receiver_recv), KEYWORDS, recv_doc},
    {"try_recv", METHOD(receiver_try_recv), METH_NOARGS, try_recv_doc},
    {"recv_timeout", METHOD(receiver_recv_timeout), KEYWORDS, recv_timeout_doc},
    {"recv_deadline", METHOD(receiver_recv_deadline), KEYWORDS,
     recv_deadline_doc},
    {"is_ready", METHOD(receiver_is_ready), METH_NOARGS,
     "is_ready($self, /)\n--\n\n"
     "Tell whether the message is there: Rust's `Receiver::is_ready`.\n\n"
     "Blocks: no.\n"
     "Thread safety: any thread."},
    {"drop", METHOD(receiver_drop), METH_NOARGS,
     "drop($self, /)\n--\n\n"
     "Drop this receiver now: Rust's `drop(receiver)`.\n\n"
     "Blocks: no.\n"
     "Thread safety: any thread."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot sender_slots[] = {
    {Py_tp_doc, "Sends one message."}, {Py_tp_new, prs__end_refuse_new},
    {Py_tp_dealloc, end_dealloc},      {Py_tp_traverse, prs__end_traverse},
    {Py_tp_methods, sender_methods},   {0, NULL}};

static PyType_Slot receiver_slots[] = {
    {Py_tp_doc, "Receives one message."}, {Py_tp_new, prs__end_refuse_new},
    {Py_tp_dealloc, end_dealloc},         {Py_tp_traverse, prs__end_traverse},
    {Py_tp_methods, receiver_methods},    {0, NULL}};

#define BASE                                                      \
  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | \
      Py_TPFLAGS_IMMUTABLETYPE

static PyType_Spec sender_spec = {
    .name = "pythread_rs._objects.OneshotSenderBase",
    .basicsize = sizeof(prs_end_t),
    .flags = BASE,
    .slots = sender_slots};

static PyType_Spec receiver_spec = {
    .name = "pythread_rs._objects.OneshotReceiverBase",
    .basicsize = sizeof(prs_end_t),
    .flags = BASE,
    .slots = receiver_slots};

static PyObject *set_oneshot_errors(PyObject *module, PyObject *callables) {
  (void)module;
  if (!PyTuple_Check(callables) || PyTuple_GET_SIZE(callables) != ERRORS) {
    PyErr_SetString(PyExc_TypeError, "set_oneshot_errors() takes a tuple of 4");
    return NULL;
  }
  Py_XSETREF(errors, Py_NewRef(callables));
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_oneshot_errors", set_oneshot_errors, METH_O,
     "set_oneshot_errors(callables, /)\n--\n\n"
     "Take what makes the errors of oneshot channels."},
    {NULL, NULL, 0, NULL}};

int prs__add_oneshot_types(PyObject *module) {
  sender_type = prs__add_base_type(module, &sender_spec);
  receiver_type = prs__add_base_type(module, &receiver_spec);
  if (sender_type == NULL || receiver_type == NULL) return -1;
  return PyModule_AddFunctions(module, functions);
}
