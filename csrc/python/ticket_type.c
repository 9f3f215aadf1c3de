/* Ticket: a choice that an event loop waits for, without a thread.
 *
 * While it is armed the queues hold one reference to it, and whoever claims it
 * calls its callback with that reference. Once claimed it is finished: it is
 * collected, or undone, by who comes first. */
#include "select.h"

typedef struct ticket {
  PyObject_HEAD
  prs_choice_t *choice;
  prs_waiter_t *waiter; /* NULL: not armed */
  PyObject *callback;
  _Atomic uint32_t settled;
} ticket_t;

/* ---- settle -------------------------------------------------------------- */

/* Stop waiting. Who calls it holds a reference of his own.
 * Returns: true, once, when an operation has happened: it is in the choice. */
static bool settle(ticket_t *self) {
  prs_waiter_t *waiter = self->waiter;
  if (waiter == NULL) return false;
  bool waited = prs_waiter_cancel(waiter);
  prs__choice_leave(self->choice, waiter);
  if (waited) {
    self->waiter = NULL;
    prs_waiter_free(waiter);
    Py_DECREF(self); /* the queues' */
    return false;
  }
  /* The waiter stays until nobody can be in notify() any more. */
  if (atomic_exchange(&self->settled, 1) != 0) return false;
  prs__choice_finish(self->choice, waiter);
  return true;
}

static void cancel(ticket_t *self) {
  bool happened = settle(self);
  if (!happened && self->waiter != NULL) return; /* it was settled before */
  if (happened) prs__choice_undo(self->choice);
  prs__choice_give_back(self->choice);
}

static PyObject *result_of(ticket_t *self) {
  PyObject *result = prs__choice_result(self->choice);
  prs__choice_give_back(self->choice);
  return result;
}

/* A loop that is closed takes no calls: what was claimed for it goes back. */
static void notify(prs_waiter_t *waiter) {
  ticket_t *self = waiter->context;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject *result = PyObject_CallNoArgs(self->callback);
  if (result == NULL) {
    if (PyErr_ExceptionMatches(PyExc_RuntimeError))
      PyErr_Clear();
    else
      PyErr_WriteUnraisable(self->callback);
    cancel(self);
  }
  Py_XDECREF(result);
  Py_DECREF(self);
  PyErr_Restore(type, value, traceback);
}

/* ---- arm ----------------------------------------------------------------- */

/* Returns: whether the ticket is queued; else try again, or the choice has
 * been claimed already. */
static bool queue(ticket_t *self, prs_waiter_t *waiter) {
  waiter->notify = notify;
  waiter->context = self;
  Py_INCREF(self); /* the queues' */
  self->waiter = waiter;
  return prs__choice_queue(self->choice, waiter);
}

/* (callback): the pair when an operation could be done at once, else None, and
 * the callback is going to be called once. */
static PyObject *ticket_arm(ticket_t *self, PyObject *callback) {
  if (self->waiter != NULL) {
    PyErr_SetString(PyExc_RuntimeError, "the ticket is armed already");
    return NULL;
  }
  Py_XSETREF(self->callback, Py_NewRef(callback));
  for (;;) {
    if (prs__choice_try(self->choice)) return result_of(self);
    prs_waiter_t *waiter = prs__waiter(self->choice->count);
    if (waiter == NULL) return NULL;
    if (queue(self, waiter)) Py_RETURN_NONE;
    if (settle(self)) return result_of(self);
  }
}

static PyObject *ticket_collect(ticket_t *self, PyObject *unused) {
  (void)unused;
  if (settle(self)) return result_of(self);
  Py_RETURN_NONE;
}

static PyObject *ticket_cancel(ticket_t *self, PyObject *unused) {
  (void)unused;
  cancel(self);
  Py_RETURN_NONE;
}

static PyObject *ticket_delay(ticket_t *self, PyObject *unused) {
  (void)unused;
  uint64_t delay = prs__choice_delay(self->choice);
  if (delay == PRS_FOREVER) Py_RETURN_NONE;
  return PyFloat_FromDouble((double)delay / 1e9);
}

/* ---- life ---------------------------------------------------------------- */

static PyObject *ticket_new(PyTypeObject *type, PyObject *args,
                            PyObject *kwargs) {
  PyObject *operations;
  if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
    PyErr_SetString(PyExc_TypeError, "Ticket() takes no keyword arguments");
    return NULL;
  }
  if (!PyArg_ParseTuple(args, "O!:Ticket", &PyTuple_Type, &operations))
    return NULL;
  ticket_t *self = (ticket_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->choice = prs__choice_new(&PyTuple_GET_ITEM(operations, 0),
                                 PyTuple_GET_SIZE(operations), false, false);
  if (self->choice != NULL) return (PyObject *)self;
  Py_DECREF(self);
  return NULL;
}

static int ticket_traverse(ticket_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->callback);
  return self->choice == NULL ? 0
                              : prs__choice_traverse(self->choice, visit, arg);
}

static int ticket_clear(ticket_t *self) {
  if (self->choice != NULL) cancel(self);
  Py_CLEAR(self->callback);
  return 0;
}

static void ticket_dealloc(ticket_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject *error, *value, *traceback;
  PyObject_GC_UnTrack(self);
  PyErr_Fetch(&error, &value, &traceback);
  (void)ticket_clear(self);
  prs__choice_free(self->choice);
  if (self->waiter != NULL) prs_waiter_free(self->waiter);
  PyErr_Restore(error, value, traceback);
  type->tp_free(self);
  Py_DECREF(type);
}

/* The node that stands for the queues' reference. */
static const prs_node_t *first_node(const ticket_t *self) {
  uint32_t i = 0;
  while (self->choice->operations[i].channel == NULL) i++;
  return &self->waiter->nodes[i];
}

/* A ticket that is claimed belongs to the claimer, who is no object. */
int prs__visit_tickets(const prs_queue_t *queue, visitproc visit, void *arg) {
  for (const prs_node_t *node = queue->first; node != NULL; node = node->next) {
    const prs_waiter_t *waiter = node->waiter;
    if (waiter->notify != notify ||
        atomic_load_explicit(&waiter->word, memory_order_relaxed) > PRS_SLEEPS)
      continue;
    ticket_t *ticket = waiter->context;
    if (node == first_node(ticket)) Py_VISIT(ticket);
  }
  return 0;
}

static PyMethodDef methods[] = {
    {"arm", (PyCFunction)ticket_arm, METH_O,
     "arm(callback, /)\n--\n\n"
     "Do an operation now, or have the callback called when one has been "
     "done."},
    {"collect", (PyCFunction)ticket_collect, METH_NOARGS,
     "collect()\n--\n\n"
     "Stop waiting; return what was done, or None: it may be armed again."},
    {"cancel", (PyCFunction)ticket_cancel, METH_NOARGS,
     "cancel()\n--\n\n"
     "Stop waiting, and put back what was received."},
    {"delay", (PyCFunction)ticket_delay, METH_NOARGS,
     "delay()\n--\n\nReturn the seconds until the next timer, or None."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Operations that an event loop waits for."},
    {Py_tp_new, ticket_new},
    {Py_tp_dealloc, ticket_dealloc},
    {Py_tp_traverse, ticket_traverse},
    {Py_tp_clear, ticket_clear},
    {Py_tp_methods, methods},
    {0, NULL}};

static PyType_Spec spec = {
    .name = "pythread_rs._objects.Ticket",
    .basicsize = sizeof(ticket_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots};

int prs__add_ticket_type(PyObject *module) {
  return prs__add_type(module, &spec);
}
