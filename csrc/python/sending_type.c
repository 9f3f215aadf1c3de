/* Sending: a send that a select is to do, or that an event loop waits for. */
#include "select.h"

static PyTypeObject *sending_type;
static PyObject *make_coroutine; /* (sending) -> coroutine */

bool prs__is_sending(PyObject *object) {
  return Py_IS_TYPE(object, sending_type);
}

/* Owner: consumes `item`. */
static PyObject *made(PyObject *sender, PyObject *item) {
  if (item == NULL) return NULL;
  prs_sending_t *self = PyObject_GC_New(prs_sending_t, sending_type);
  if (self == NULL) {
    Py_DECREF(item);
    return NULL;
  }
  self->sender = (prs_end_t *)Py_NewRef(sender);
  atomic_init(&self->item, item);
  PyObject_GC_Track(self);
  return (PyObject *)self;
}

const char prs__sending_doc[] =
    "sending($self, value, /)\n--\n\n"
    "Make a send that `select` may do: an operation, not yet done.\n\n"
    "Args:\n"
    "    value: what to send; checked as by `send`.\n\n"
    "Returns:\n"
    "    A `Sending`. It keeps the value until a select has sent it.\n\n"
    "Raises:\n"
    "    OwnershipError: the value may not be handed over.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n\n"
    "Rust: `send(tx, value) -> result` in crossbeam's `select!`.\n\n"
    ">>> from pythread_rs.sync import mpsc, select\n"
    ">>> tx, rx = mpsc.channel()\n"
    ">>> select(rx, tx.sending(1))\n"
    "(1, Ok(None))";

const char prs__send_async_doc[] =
    "send_async($self, value, /)\n--\n\n"
    "Send a message from a coroutine: `await tx.send_async(value)`.\n\n"
    "A cancelled send has sent nothing, or was done already.\n\n"
    "Args:\n"
    "    value: what to send; checked as by `send`, at this call.\n\n"
    "Returns:\n"
    "    A coroutine that returns what `send` returns.\n\n"
    "Raises:\n"
    "    OwnershipError: the value may not be handed over.\n\n"
    "Blocks: no thread; the task waits while a bounded channel is full.\n"
    "Thread safety: any thread, under its own running event loop.\n\n"
    ">>> import asyncio\n"
    ">>> from pythread_rs.sync import mpsc\n"
    ">>> tx, rx = mpsc.channel()\n"
    ">>> async def main():\n"
    "...     return await tx.send_async(1)\n"
    ">>> asyncio.run(main()), rx.recv()\n"
    "(Ok(None), Ok(1))";

#define METHOD(function) (PyCFunction)(void (*)(void))(function)

static const prs_sink_t chosen = {.method = METHOD(prs__sender_sending)};
static const prs_sink_t awaited = {.method = METHOD(prs__sender_send_async)};

PyObject *prs__sender_sending(prs_end_t *self, PyObject *const *args,
                              Py_ssize_t count) {
  if (!prs__wants("sending", count, 1) || !prs__end_is_alive(self)) return NULL;
  return made((PyObject *)self, prs__take_over(args, &chosen));
}

PyObject *prs__sender_send_async(prs_end_t *self, PyObject *const *args,
                                 Py_ssize_t count) {
  if (!prs__wants("send_async", count, 1) || !prs__end_is_alive(self))
    return NULL;
  PyObject *sending = made((PyObject *)self, prs__take_over(args, &awaited));
  if (sending == NULL) return NULL;
  PyObject *coroutine = PyObject_CallOneArg(make_coroutine, sending);
  Py_DECREF(sending);
  return coroutine;
}

/* ---- life ---------------------------------------------------------------- */

static int sending_traverse(prs_sending_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->sender);
  PyObject *item = atomic_load_explicit(&self->item, memory_order_relaxed);
  Py_VISIT(item);
  return 0;
}

/* The sender stays until the object is gone: others read it. */
static int sending_clear(prs_sending_t *self) {
  PyObject *item = atomic_exchange(&self->item, NULL);
  Py_XDECREF(item);
  return 0;
}

static void sending_dealloc(prs_sending_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)sending_clear(self);
  Py_DECREF(self->sender);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- methods ------------------------------------------------------------- */

PyDoc_STRVAR(into_inner_doc,
             "into_inner($self, /)\n--\n\n"
             "Take the value back: it is not sent any more.\n\n"
             "Returns:\n"
             "    The value.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: it was sent, or a select has it.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Not in Rust, where a select takes the value when it sends.\n\n"
             ">>> from pythread_rs.sync import mpsc\n"
             ">>> tx, rx = mpsc.channel()\n"
             ">>> tx.sending(1).into_inner()\n"
             "1");

static PyObject *sending_into_inner(prs_sending_t *self, PyObject *unused) {
  (void)unused;
  PyObject *item = atomic_exchange(&self->item, NULL);
  if (item == NULL)
    prs__raise("pythread_rs.ownership", "UseAfterMoveError",
               "error[E0382]: use of moved value: the message of this "
               "`Sending` was sent before, or a select has it");
  return item;
}

static PyObject *sending_is_spent(prs_sending_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(atomic_load(&self->item) == NULL);
}

static PyObject *sending_repr(prs_sending_t *self) {
  (void)self;
  return PyUnicode_FromString("Sending { .. }");
}

static PyMethodDef methods[] = {
    {"into_inner", (PyCFunction)sending_into_inner, METH_NOARGS,
     into_inner_doc},
    {"_is_spent", (PyCFunction)sending_is_spent, METH_NOARGS, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

PyDoc_STRVAR(type_doc,
             "A message on its way: `sender.sending(value)`, an operation for "
             "`select`.\n\n"
             "It keeps the value until a select has sent it.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors an arm `send(tx, value)` of crossbeam's `select!`.\n\n"
             ">>> from pythread_rs.sync import mpsc, select\n"
             ">>> tx, rx = mpsc.channel()\n"
             ">>> select(tx.sending(1)), rx.recv()\n"
             "((0, Ok(None)), Ok(1))");

static PyType_Slot slots[] = {{Py_tp_doc, (void *)type_doc},
                              {Py_tp_dealloc, sending_dealloc},
                              {Py_tp_traverse, sending_traverse},
                              {Py_tp_clear, sending_clear},
                              {Py_tp_repr, sending_repr},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.Sending",
                           .basicsize = sizeof(prs_sending_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_IMMUTABLETYPE |
                                    Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           .slots = slots};

static PyObject *set_send_async(PyObject *module, PyObject *callable) {
  (void)module;
  Py_XSETREF(make_coroutine, Py_NewRef(callable));
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_send_async", set_send_async, METH_O,
     "set_send_async(make, /)\n--\n\nTake what makes `send_async`."},
    {NULL, NULL, 0, NULL}};

int prs__add_sending_type(PyObject *module) {
  sending_type = prs__add_base_type(module, &spec);
  if (sending_type == NULL) return -1;
  return PyModule_AddFunctions(module, functions);
}
