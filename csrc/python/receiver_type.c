/* ReceiverBase: the end of a channel that messages come out of. */
#include "channel.h"

static PyTypeObject *receiver_type;

static prs_channel_t *channel_of(prs_end_t *self) {
  return &self->shared->channel;
}

bool prs__is_receiver(PyObject *object) {
  return PyObject_TypeCheck(object, receiver_type);
}

/* ---- wait ---------------------------------------------------------------- */

static uint64_t left_of(uint64_t timeout, uint64_t began) {
  if (timeout == PRS_FOREVER) return timeout;
  uint64_t spent = prs__table->now() - began;
  return spent >= timeout ? 0 : timeout - spent;
}

/* The message of an interrupted receiver goes back; if there is no way back,
 * it goes with its receiver. */
static void give_back(prs_channel_t *channel, PyObject *item) {
  prs_wakes_t wakes = {NULL};
  bool kept = prs_channel_unrecv(channel, item, &wakes);
  prs_wakes_send(&wakes);
  if (kept) return;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  Py_DECREF(item);
  PyErr_Restore(type, value, traceback);
}

/* Wait with a node that is queued.
 * Returns: as wait_for_message; and PRS_CHANNEL_READY: receive again. */
static int wait_in_queue(prs_end_t *self, prs_waiter_t *waiter,
                         uint64_t timeout, PyObject *stop) {
  prs_channel_t *channel = channel_of(self);
  prs_wakes_t wakes = {NULL};
  prs_node_t *node = &waiter->nodes[0];
  prs_reason_t reason = {(PyObject *)self->shared, "recv", stop};
  int status = prs__block_for(waiter, &reason, timeout);
  prs_channel_leave(channel, node);
  if (status != PRS_OK && status != PRS__RAISED_LATE) return status;
  if (node->status == PRS_CHANNEL_DISCONNECTED)
    prs_channel_chain(channel, &wakes);
  if (status == PRS_OK)
    status = node->status;
  else if (node->status == PRS_CHANNEL_DONE)
    give_back(channel, node->item);
  if (status != PRS_CHANNEL_READY)
    prs_channel_arrive(channel, waiter, PRS_RECEIVES, &wakes);
  prs_wakes_send(&wakes);
  return status == PRS__RAISED_LATE ? PRS__RAISED : status;
}

/* Returns: a channel status, PRS_ETIMEDOUT, PRS_EAGAIN; PRS__RAISED. */
static int wait_for_message(prs_end_t *self, PyObject **item, uint64_t timeout,
                            PyObject *stop) {
  prs_channel_t *channel = channel_of(self);
  prs_wakes_t wakes = {NULL};
  void *message = NULL;
  prs_waiter_t *waiter = prs__waiter(stop == NULL ? 1 : 2);
  if (waiter == NULL) return PRS__RAISED;
  waiter->passes_on = prs__passes_on(stop);
  prs_node_t *node = &waiter->nodes[0];
  uint64_t began = timeout == PRS_FOREVER ? 0 : prs__table->now();
  int status = prs_channel_recv(channel, &message, node, &wakes);
  while (status == PRS_CHANNEL_QUEUED || status == PRS_CHANNEL_READY) {
    prs__channel_wake(channel, &wakes);
    if (status == PRS_CHANNEL_QUEUED) {
      status = wait_in_queue(self, waiter, left_of(timeout, began), stop);
      if (status == PRS_CHANNEL_DONE) message = node->item;
    } else {
      status = prs_channel_recv_again(channel, &message, node, &wakes);
    }
  }
  prs__channel_wake(channel, &wakes);
  prs_waiter_free(waiter);
  if (status == PRS_CHANNEL_DONE) *item = message;
  return status;
}

/* Returns: as wait_for_message, less PRS_EAGAIN. */
int prs__receiver_receive(prs_end_t *self, PyObject **item, uint64_t timeout,
                          PyObject *stop) {
  uint64_t began = timeout == PRS_FOREVER ? 0 : prs__table->now();
  int status = PRS_EAGAIN;
  bool entered;
  if (!prs__end_enter(self, &entered)) return PRS__RAISED;
  while (status == PRS_EAGAIN)
    status = wait_for_message(self, item, left_of(timeout, began), stop);
  if (entered) prs__end_leave(self);
  /* Senders may have waited whose messages were left to somebody else. */
  if (status == PRS_ETIMEDOUT &&
      prs__receiver_try(self, item) == PRS_CHANNEL_DONE)
    return PRS_CHANNEL_DONE;
  return status;
}

int prs__receiver_try(prs_end_t *self, PyObject **item) {
  prs_wakes_t wakes = {NULL};
  void *message = NULL;
  int status = prs_channel_recv(channel_of(self), &message, NULL, &wakes);
  prs__channel_wake(channel_of(self), &wakes);
  *item = message;
  return status;
}

/* Before a wait. */
static int try_first(prs_end_t *self, PyObject **item) {
  prs_wakes_t wakes = {NULL};
  void *message = NULL;
  int status = prs_channel_recv_first(channel_of(self), &message, &wakes);
  prs__channel_wake(channel_of(self), &wakes);
  *item = message;
  return status;
}

/* ---- receive ------------------------------------------------------------- */

static PyObject *conclude(int status, PyObject *item, prs_refusal_t empty,
                          prs_refusal_t gone) {
  switch (status) {
    case PRS_CHANNEL_DONE:
      return prs__ok(item);
    case PRS_CHANNEL_WOULD_BLOCK:
    case PRS_ETIMEDOUT:
      return prs__refuse(empty, NULL);
    case PRS_CHANNEL_DISCONNECTED:
      return prs__refuse(gone, NULL);
    default: /* PRS__RAISED */
      return NULL;
  }
}

static PyObject *receive_until(prs_end_t *self, uint64_t timeout,
                               PyObject *stop, prs_refusal_t gone) {
  PyObject *item = NULL;
  if (!prs__end_is_alive(self)) return NULL;
  int status = try_first(self, &item);
  if (status == PRS_CHANNEL_WOULD_BLOCK)
    status = prs__receiver_receive(self, &item, timeout, stop);
  return conclude(status, item, PRS_RECV_TIMEOUT, gone);
}

PyDoc_STRVAR(
    recv_doc,
    "recv(*, stop=None)\n--\n\n"
    "Wait for a message: Rust's `Receiver::recv`.\n\n"
    "Args:\n"
    "    stop: a `StopToken` that ends the wait.\n\n"
    "Returns:\n"
    "    `Ok(message)`, or `Err(RecvError())` when the channel is empty and "
    "every sender is\n    gone.\n\n"
    "Raises:\n"
    "    Stopped: the token stopped first; no message was taken.\n"
    "    RuntimeError: it would have to wait, and the interpreter is exiting."
    "\n\n"
    "Blocks: until there is a message, or no sender.\n"
    "Thread safety: any thread; each message goes to one receiver.\n\n"
    ">>> from pythread_rs.sync import mpsc\n"
    ">>> tx, rx = mpsc.channel()\n"
    ">>> tx.send(1)\n"
    "Ok(None)\n"
    ">>> del tx\n"
    ">>> rx.recv(), rx.recv()\n"
    "(Ok(1), Err(RecvError))");

static PyObject *receiver_recv(prs_end_t *self, PyObject *const *args,
                               Py_ssize_t count, PyObject *names) {
  PyObject *stop = NULL;
  if (!prs__read_stop("recv", args, count, 0, names, &stop)) return NULL;
  return receive_until(self, PRS_FOREVER, stop, PRS_RECV_DISCONNECTED);
}

PyDoc_STRVAR(
    try_recv_doc,
    "try_recv($self, /)\n--\n\n"
    "Take a message if one is there: Rust's `Receiver::try_recv`.\n\n"
    "Returns:\n"
    "    `Ok(message)`, `Err(TryRecvError.Empty)`, or "
    "`Err(TryRecvError.Disconnected)` when\n    no message will ever come.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread; each message goes to one receiver.\n\n"
    ">>> from pythread_rs.sync import mpsc\n"
    ">>> tx, rx = mpsc.channel()\n"
    ">>> rx.try_recv()\n"
    "Err(Empty)");

static PyObject *receiver_try_recv(prs_end_t *self, PyObject *unused) {
  (void)unused;
  PyObject *item = NULL;
  if (!prs__end_is_alive(self)) return NULL;
  int status = prs__receiver_try(self, &item);
  return conclude(status, item, PRS_TRY_RECV_EMPTY, PRS_TRY_RECV_DISCONNECTED);
}

PyDoc_STRVAR(recv_timeout_doc,
             "recv_timeout(timeout, /, *, stop=None)\n--\n\n"
             "Wait for a message, no longer than a time: Rust's "
             "`Receiver::recv_timeout`.\n\n"
             "Args:\n"
             "    timeout: seconds (float or timedelta).\n"
             "    stop: a `StopToken` that ends the wait.\n\n"
             "Returns:\n"
             "    `Ok(message)`, `Err(RecvTimeoutError.Timeout)` (a "
             "`TimeoutError`), or\n"
             "    `Err(RecvTimeoutError.Disconnected)`.\n\n"
             "Raises:\n"
             "    Stopped, RuntimeError: as `recv`.\n\n"
             "Blocks: at most `timeout`.\n"
             "Thread safety: any thread; each message goes to one receiver.\n\n"
             ">>> from pythread_rs.sync import mpsc\n"
             ">>> tx, rx = mpsc.channel()\n"
             ">>> rx.recv_timeout(0.001)\n"
             "Err(Timeout)");

static PyObject *receiver_recv_timeout(prs_end_t *self, PyObject *const *args,
                                       Py_ssize_t count, PyObject *names) {
  PyObject *stop = NULL;
  uint64_t timeout;
  if (!prs__read_stop("recv_timeout", args, count, 1, names, &stop) ||
      !prs__duration_from(args[0], &timeout))
    return NULL;
  return receive_until(self, timeout, stop, PRS_RECV_TIMEOUT_DISCONNECTED);
}

PyDoc_STRVAR(
    recv_deadline_doc,
    "recv_deadline(deadline, /, *, stop=None)\n--\n\n"
    "Wait for a message until a time: Rust's `Receiver::recv_deadline`.\n\n"
    "Args:\n"
    "    deadline: seconds of `time.monotonic()`.\n"
    "    stop: a `StopToken` that ends the wait.\n\n"
    "Returns:\n"
    "    As `recv_timeout`.\n\n"
    "Raises:\n"
    "    Stopped, RuntimeError: as `recv`.\n\n"
    "Blocks: until `deadline` at the latest.\n"
    "Thread safety: any thread; each message goes to one receiver.\n\n"
    ">>> import time\n"
    ">>> from pythread_rs.sync import mpsc\n"
    ">>> tx, rx = mpsc.channel()\n"
    ">>> rx.recv_deadline(time.monotonic() + 0.001)\n"
    "Err(Timeout)");

static PyObject *receiver_recv_deadline(prs_end_t *self, PyObject *const *args,
                                        Py_ssize_t count, PyObject *names) {
  PyObject *stop = NULL;
  uint64_t timeout;
  if (!prs__read_stop("recv_deadline", args, count, 1, names, &stop) ||
      !prs__deadline_from(args[0], &timeout))
    return NULL;
  return receive_until(self, timeout, stop, PRS_RECV_TIMEOUT_DISCONNECTED);
}

/* ---- iterate ------------------------------------------------------------- */

static PyObject *receiver_next(prs_end_t *self) {
  PyObject *item = NULL;
  if (!prs__end_is_alive(self)) return NULL;
  int status = try_first(self, &item);
  if (status == PRS_CHANNEL_DONE) return item;
  if (status == PRS_CHANNEL_WOULD_BLOCK)
    status = prs__receiver_receive(self, &item, PRS_FOREVER, NULL);
  return status == PRS_CHANNEL_DONE ? item : NULL;
}

/* The next message, or nothing: StopIteration. */
static PyObject *receiver_try_next(prs_end_t *self, PyObject *unused) {
  (void)unused;
  PyObject *item = NULL;
  if (!prs__end_is_alive(self)) return NULL;
  if (prs__receiver_try(self, &item) == PRS_CHANNEL_DONE) return item;
  PyErr_SetNone(PyExc_StopIteration);
  return NULL;
}

/* ---- life ---------------------------------------------------------------- */

static PyObject *receiver_clone(prs_end_t *self, PyObject *unused) {
  (void)unused;
  if (!prs__end_is_alive(self)) return NULL;
  PyObject *other = prs__end_new(Py_TYPE(self), self->shared);
  if (other != NULL) prs_channel_add_receiver(channel_of(self));
  return other;
}

/* Messages that nobody will receive are dropped with the last receiver. */
void prs__receiver_dropped(prs_end_t *self) {
  prs_channel_t *channel = channel_of(self);
  prs_wakes_t wakes = {NULL};
  prs_channel_drop_receiver(channel, &wakes);
  prs_wakes_send(&wakes);
  if (prs_channel_has_receivers(channel)) return;
  void *item;
  while ((item = prs_channel_drain(channel)) != NULL)
    Py_DECREF((PyObject *)item);
}

PyDoc_STRVAR(drop_doc,
             "drop($self, /)\n--\n\n"
             "Drop this receiver now: Rust's `drop(receiver)`.\n\n"
             "`del` drops it when no other name is left. "
             "With the last one go the messages that\n"
             "are still in the channel, and senders are told; who waits on it "
             "gets a `RecvError`.\n\n"
             "Returns:\n"
             "    None, also when it was dropped before.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread. Twice does nothing.\n\n"
             ">>> from pythread_rs.sync import mpsc\n"
             ">>> tx, rx = mpsc.channel()\n"
             ">>> rx.drop()\n"
             ">>> tx.send(1)\n"
             "Err(SendError { .. })");

static PyObject *receiver_drop(prs_end_t *self, PyObject *unused) {
  (void)unused;
  if (prs__end_drops(self)) prs__receiver_dropped(self);
  Py_RETURN_NONE;
}

static void receiver_finalize(PyObject *self) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  if (prs__end_drops((prs_end_t *)self))
    prs__receiver_dropped((prs_end_t *)self);
  PyErr_Restore(type, value, traceback);
}

static void receiver_dealloc(prs_end_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  receiver_finalize((PyObject *)self);
  Py_DECREF(self->shared);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *receiver_is_disconnected(prs_end_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(!prs_channel_has_senders(channel_of(self)));
}

#define METHOD(function) (PyCFunction)(void (*)(void))(function)
#define KEYWORDS (METH_FASTCALL | METH_KEYWORDS)

static PyMethodDef methods[] = {
    {"recv", METHOD(receiver_recv), KEYWORDS, recv_doc},
    {"try_recv", METHOD(receiver_try_recv), METH_NOARGS, try_recv_doc},
    {"recv_timeout", METHOD(receiver_recv_timeout), KEYWORDS, recv_timeout_doc},
    {"recv_deadline", METHOD(receiver_recv_deadline), KEYWORDS,
     recv_deadline_doc},
    {"drop", METHOD(receiver_drop), METH_NOARGS, drop_doc},
    {"is_disconnected", METHOD(receiver_is_disconnected), METH_NOARGS,
     "is_disconnected($self, /)\n--\n\n"
     "Tell whether every sender is gone: Rust's "
     "`Receiver::is_disconnected`.\n\n"
     "Messages may be left.\n\n"
     "Blocks: no.\n"
     "Thread safety: any thread."},
    {"_clone", METHOD(receiver_clone), METH_NOARGS, NULL},
    {"_try_next", METHOD(receiver_try_next), METH_NOARGS, NULL},
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
    {Py_tp_doc, "The end of a channel that messages come out of."},
    {Py_tp_new, prs__end_refuse_new},
    {Py_tp_dealloc, receiver_dealloc},
    {Py_tp_traverse, prs__end_traverse},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, receiver_next},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.ReceiverBase",
                           .basicsize = sizeof(prs_end_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_receiver_type(PyObject *module) {
  receiver_type = prs__add_base_type(module, &spec);
  return receiver_type == NULL ? -1 : 0;
}
