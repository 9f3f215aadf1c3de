/* SenderBase: the end of a channel that messages go into. */
#include "channel.h"

static PyTypeObject *sender_type;

static prs_channel_t *channel_of(prs_end_t *self) {
  return &self->shared->channel;
}

bool prs__is_sender(PyObject *object) {
  return PyObject_TypeCheck(object, sender_type);
}

/* ---- wait ---------------------------------------------------------------- */

/* Stand in the queue with the message until it is taken.
 * Returns: a channel status or PRS_ETIMEDOUT, PRS_EAGAIN; PRS__RAISED with an
 *          exception set. On DONE the message is gone. */
static int wait_for_room(prs_end_t *self, PyObject *item, uint64_t timeout,
                         PyObject *stop) {
  prs_channel_t *channel = channel_of(self);
  prs_wakes_t wakes = {NULL};
  prs_waiter_t *waiter = prs__waiter(stop == NULL ? 1 : 2);
  if (waiter == NULL) return PRS__RAISED;
  waiter->passes_on = prs__passes_on(stop);
  prs_node_t *node = &waiter->nodes[0];
  int status = prs_channel_send(channel, item, node, &wakes);
  prs__channel_wake(channel, &wakes);
  if (status == PRS_CHANNEL_QUEUED) {
    prs_reason_t reason = {(PyObject *)self->shared, "send", stop};
    status = prs__block_for(waiter, &reason, timeout);
    prs_channel_leave(channel, node);
    bool finished = status == PRS_OK || status == PRS__RAISED_LATE;
    if (finished && node->status == PRS_CHANNEL_DISCONNECTED)
      prs_channel_chain(channel, &wakes);
    if (status == PRS_OK)
      status = node->status;
    else if (finished && node->status == PRS_CHANNEL_DONE)
      Py_INCREF(item); /* sent: the caller's reference is the receiver's now */
    if (finished) prs_channel_arrive(channel, waiter, PRS_SENDS, &wakes);
    prs_wakes_send(&wakes);
    if (status == PRS__RAISED_LATE) status = PRS__RAISED;
  }
  prs_waiter_free(waiter);
  return status;
}

/* Returns: as wait_for_room, less PRS_EAGAIN. The message is the caller's
 * unless the status is DONE. */
static int send_waiting(prs_end_t *self, PyObject *item, uint64_t timeout,
                        PyObject *stop) {
  uint64_t began = timeout == PRS_FOREVER ? 0 : prs__table->now();
  for (;;) {
    uint64_t left = timeout;
    if (timeout != PRS_FOREVER) {
      uint64_t spent = prs__table->now() - began;
      left = spent >= timeout ? 0 : timeout - spent;
    }
    int status = wait_for_room(self, item, left, stop);
    if (status != PRS_EAGAIN) return status;
  }
}

/* ---- what is sent -------------------------------------------------------- */

/* A method that a value is given to: the check has to know which one it is. */
#define METHOD(function) (PyCFunction)(void (*)(void))(function)

static PyObject *sender_send(prs_end_t *self, PyObject *const *args,
                             Py_ssize_t count, PyObject *names);
static PyObject *sender_try_send(prs_end_t *self, PyObject *const *args,
                                 Py_ssize_t count);
static PyObject *sender_send_timeout(prs_end_t *self, PyObject *const *args,
                                     Py_ssize_t count, PyObject *names);
static PyObject *sender_send_deadline(prs_end_t *self, PyObject *const *args,
                                      Py_ssize_t count, PyObject *names);

static const prs_sink_t sent = {.method = METHOD(sender_send)};
static const prs_sink_t tried = {.method = METHOD(sender_try_send)};
static const prs_sink_t timed = {.method = METHOD(sender_send_timeout)};
static const prs_sink_t dated = {.method = METHOD(sender_send_deadline)};

/* ---- send ---------------------------------------------------------------- */

/* The value of a send that an exception ended has left its variable: it goes
 * with the exception. Owner: consumes `item`. */
static PyObject *raise_with(PyObject *item) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (value != NULL && PyObject_SetAttrString(value, "unsent", item) < 0)
    PyErr_Clear();
  PyErr_Restore(type, value, traceback);
  Py_DECREF(item);
  return NULL;
}

/* `full` and `gone` make the refusals. Owner: consumes `item`. */
static PyObject *conclude(int status, PyObject *item, prs_refusal_t full,
                          prs_refusal_t gone) {
  switch (status) {
    case PRS_CHANNEL_DONE:
      return prs__ok_none();
    case PRS_CHANNEL_WOULD_BLOCK:
    case PRS_ETIMEDOUT:
      return prs__refuse(full, item);
    case PRS_CHANNEL_DISCONNECTED:
      return prs__refuse(gone, item);
    case PRS_CHANNEL_OUT_OF_MEMORY:
      Py_DECREF(item);
      return PyErr_NoMemory();
    default: /* PRS__RAISED */
      return raise_with(item);
  }
}

static int try_to_send(prs_end_t *self, PyObject *item) {
  prs_wakes_t wakes = {NULL};
  int status = prs_channel_send(channel_of(self), item, NULL, &wakes);
  prs__channel_wake(channel_of(self), &wakes);
  return status;
}

/* Owner: consumes `item`. */
static PyObject *send_item(prs_end_t *self, PyObject *item, uint64_t timeout,
                           PyObject *stop) {
  bool has_time = timeout != PRS_FOREVER;
  int status = try_to_send(self, item);
  if (status == PRS_CHANNEL_DONE) return prs__ok_none();
  if (status == PRS_CHANNEL_WOULD_BLOCK)
    status = send_waiting(self, item, timeout, stop);
  return conclude(
      status, item, PRS_SEND_TIMEOUT,
      has_time ? PRS_SEND_TIMEOUT_DISCONNECTED : PRS_SEND_DISCONNECTED);
}

PyDoc_STRVAR(
    send_doc,
    "send(value, /, *, stop=None)\n--\n\n"
    "Send a message: Rust's `Sender::send`.\n\n"
    "The value moves: whoever receives it is its only owner. It is checked as "
    "an argument of\n`spawn` is.\n\n"
    "Args:\n"
    "    value: what to send; by position only.\n"
    "    stop: a `StopToken` that ends the wait.\n\n"
    "Returns:\n"
    "    `Ok(None)`, or `Err(SendError(value))` when every receiver is gone. "
    "`Ok` does not say\n    that somebody will receive it.\n\n"
    "Raises:\n"
    "    OwnershipError: the value may not be handed over; nothing was sent.\n"
    "    Stopped: the token stopped first; nothing was sent. As with every "
    "exception that ends\n        the wait, Ctrl-C too, the value is its "
    "attribute `unsent`.\n"
    "    RuntimeError: it would have to wait, and the interpreter is exiting."
    "\n\n"
    "Blocks: while a bounded channel is full; never on an unbounded one.\n"
    "Thread safety: any thread.\n\n"
    ">>> from pythread_rs.sync import mpsc\n"
    ">>> tx, rx = mpsc.channel()\n"
    ">>> tx.send(1)\n"
    "Ok(None)\n"
    ">>> del rx\n"
    ">>> tx.send(2)\n"
    "Err(SendError { .. })");

static PyObject *sender_send(prs_end_t *self, PyObject *const *args,
                             Py_ssize_t count, PyObject *names) {
  PyObject *stop = NULL;
  if (!prs__read_stop("send", args, count, 1, names, &stop)) return NULL;
  if (!prs__end_is_alive(self)) return NULL;
  PyObject *item = prs__take_over(args, &sent);
  if (item == NULL) return NULL;
  return send_item(self, item, PRS_FOREVER, stop);
}

PyDoc_STRVAR(
    try_send_doc,
    "try_send(value, /)\n--\n\n"
    "Send a message if that needs no wait: Rust's `SyncSender::try_send`.\n\n"
    "Args:\n"
    "    value: what to send; checked as by `send`.\n\n"
    "Returns:\n"
    "    `Ok(None)`, `Err(TrySendError.Full(value))`, or\n"
    "    `Err(TrySendError.Disconnected(value))` when every receiver is gone. "
    "A "
    "rendezvous is\n    full unless a receiver waits.\n\n"
    "Raises:\n"
    "    OwnershipError: the value may not be handed over.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n\n"
    ">>> from pythread_rs.sync import mpsc\n"
    ">>> tx, rx = mpsc.sync_channel(1)\n"
    ">>> tx.try_send(1)\n"
    "Ok(None)\n"
    ">>> tx.try_send(2)\n"
    "Err(TrySendError::Full(..))");

static PyObject *sender_try_send(prs_end_t *self, PyObject *const *args,
                                 Py_ssize_t count) {
  if (!prs__wants("try_send", count, 1)) return NULL;
  if (!prs__end_is_alive(self)) return NULL;
  PyObject *item = prs__take_over(args, &tried);
  if (item == NULL) return NULL;
  return conclude(try_to_send(self, item), item, PRS_TRY_SEND_FULL,
                  PRS_TRY_SEND_DISCONNECTED);
}

PyDoc_STRVAR(send_timeout_doc,
             "send_timeout(value, timeout, /, *, stop=None)\n--\n\n"
             "Send a message, waiting for room no longer than a time: Rust's "
             "`Sender::send_timeout`.\n\n"
             "Args:\n"
             "    value: what to send; checked as by `send`.\n"
             "    timeout: seconds (float or timedelta).\n"
             "    stop: a `StopToken` that ends the wait.\n\n"
             "Returns:\n"
             "    `Ok(None)`, `Err(SendTimeoutError.Timeout(value))` (a "
             "`TimeoutError`), "
             "or\n    `Err(SendTimeoutError.Disconnected(value))`.\n\n"
             "Raises:\n"
             "    OwnershipError: the value may not be handed over.\n"
             "    Stopped, RuntimeError: as `send`.\n\n"
             "Blocks: at most `timeout`.\n"
             "Thread safety: any thread.\n\n"
             ">>> from pythread_rs.sync import mpsc\n"
             ">>> tx, rx = mpsc.sync_channel(0)\n"
             ">>> tx.send_timeout(1, 0.001)\n"
             "Err(SendTimeoutError::Timeout(..))");

static PyObject *send_until(prs_end_t *self, PyObject *const *args,
                            const prs_sink_t *sink, PyObject *stop,
                            uint64_t timeout) {
  if (!prs__end_is_alive(self)) return NULL;
  PyObject *item = prs__take_over(args, sink);
  if (item == NULL) return NULL;
  return send_item(self, item, timeout, stop);
}

/* A time that cannot end is told apart from none, for the sake of the error. */
#define ALMOST_FOREVER (PRS_FOREVER - 1)

static PyObject *sender_send_timeout(prs_end_t *self, PyObject *const *args,
                                     Py_ssize_t count, PyObject *names) {
  PyObject *stop = NULL;
  uint64_t timeout;
  if (!prs__read_stop("send_timeout", args, count, 2, names, &stop) ||
      !prs__duration_from(args[1], &timeout))
    return NULL;
  return send_until(self, args, &timed, stop,
                    timeout == PRS_FOREVER ? ALMOST_FOREVER : timeout);
}

PyDoc_STRVAR(send_deadline_doc,
             "send_deadline(value, deadline, /, *, stop=None)\n--\n\n"
             "Send a message, waiting for room until a time: Rust's "
             "`Sender::send_deadline`.\n\n"
             "Args:\n"
             "    value: what to send; checked as by `send`.\n"
             "    deadline: seconds of `time.monotonic()`.\n"
             "    stop: a `StopToken` that ends the wait.\n\n"
             "Returns:\n"
             "    As `send_timeout`.\n\n"
             "Raises:\n"
             "    As `send_timeout`.\n\n"
             "Blocks: until `deadline` at the latest.\n"
             "Thread safety: any thread.\n\n"
             ">>> import time\n"
             ">>> from pythread_rs.sync import mpsc\n"
             ">>> tx, rx = mpsc.sync_channel(0)\n"
             ">>> tx.send_deadline(1, time.monotonic() + 0.001)\n"
             "Err(SendTimeoutError::Timeout(..))");

static PyObject *sender_send_deadline(prs_end_t *self, PyObject *const *args,
                                      Py_ssize_t count, PyObject *names) {
  PyObject *stop = NULL;
  uint64_t timeout;
  if (!prs__read_stop("send_deadline", args, count, 2, names, &stop) ||
      !prs__deadline_from(args[1], &timeout))
    return NULL;
  return send_until(self, args, &dated, stop,
                    timeout == PRS_FOREVER ? ALMOST_FOREVER : timeout);
}

/* ---- life ---------------------------------------------------------------- */

PyDoc_STRVAR(clone_doc,
             "clone($self, /)\n--\n\n"
             "Make one more sender of the same channel: Rust's `Sender::clone`."
             "\n\n"
             "Returns:\n"
             "    The new sender. The channel ends when the last one is gone."
             "\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             ">>> from pythread_rs.sync import mpsc\n"
             ">>> tx, rx = mpsc.channel()\n"
             ">>> tx.clone().send(1), rx.recv()\n"
             "(Ok(None), Ok(1))");

static PyObject *sender_clone(prs_end_t *self, PyObject *unused) {
  (void)unused;
  if (!prs__end_is_alive(self)) return NULL;
  PyObject *other = prs__end_new(Py_TYPE(self), self->shared);
  if (other != NULL) prs_channel_add_sender(channel_of(self));
  return other;
}

static void drop(prs_end_t *self) {
  prs_wakes_t wakes = {NULL};
  prs_channel_drop_sender(channel_of(self), &wakes);
  prs_wakes_send(&wakes);
}

PyDoc_STRVAR(drop_doc,
             "drop($self, /)\n--\n\n"
             "Drop this sender now: Rust's `drop(sender)`; `del` drops it when "
             "no other name is left.\n\n"
             "Returns:\n"
             "    None, also when it was dropped before.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread. Twice does nothing.\n\n"
             ">>> from pythread_rs.sync import mpsc\n"
             ">>> tx, rx = mpsc.channel()\n"
             ">>> tx.drop()\n"
             ">>> rx.recv()\n"
             "Err(RecvError)");

static PyObject *sender_drop(prs_end_t *self, PyObject *unused) {
  (void)unused;
  if (prs__end_drops(self)) drop(self);
  Py_RETURN_NONE;
}

static void sender_dealloc(prs_end_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (prs__end_drops(self)) drop(self);
  Py_DECREF(self->shared);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *sender_is_disconnected(prs_end_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(!prs_channel_has_receivers(channel_of(self)));
}

static PyMethodDef methods[] = {
    {"send", METHOD(sender_send), METH_FASTCALL | METH_KEYWORDS, send_doc},
    {"try_send", METHOD(sender_try_send), METH_FASTCALL, try_send_doc},
    {"send_timeout", METHOD(sender_send_timeout), METH_FASTCALL | METH_KEYWORDS,
     send_timeout_doc},
    {"send_deadline", METHOD(sender_send_deadline),
     METH_FASTCALL | METH_KEYWORDS, send_deadline_doc},
    {"sending", METHOD(prs__sender_sending), METH_FASTCALL, prs__sending_doc},
    {"send_async", METHOD(prs__sender_send_async), METH_FASTCALL,
     prs__send_async_doc},
    {"clone", METHOD(sender_clone), METH_NOARGS, clone_doc},
    {"drop", METHOD(sender_drop), METH_NOARGS, drop_doc},
    {"is_disconnected", METHOD(sender_is_disconnected), METH_NOARGS,
     "is_disconnected($self, /)\n--\n\n"
     "Tell whether every receiver is gone: Rust's "
     "`Sender::is_disconnected`.\n\n"
     "Blocks: no.\n"
     "Thread safety: any thread."},
    {"_len", METHOD(prs__end_len), METH_NOARGS, NULL},
    {"_is_empty", METHOD(prs__end_is_empty), METH_NOARGS, NULL},
    {"_is_full", METHOD(prs__end_is_full), METH_NOARGS, NULL},
    {"_same_channel", METHOD(prs__end_same_channel), METH_O, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"_capacity", (getter)prs__end_capacity, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "The end of a channel that messages go into."},
    {Py_tp_new, prs__end_refuse_new},
    {Py_tp_dealloc, sender_dealloc},
    {Py_tp_traverse, prs__end_traverse},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.SenderBase",
                           .basicsize = sizeof(prs_end_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_sender_type(PyObject *module) {
  sender_type = prs__add_base_type(module, &spec);
  return sender_type == NULL ? -1 : 0;
}
