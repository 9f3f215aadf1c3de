/* Parker: the token behind park and unpark, as a Python object. */
#include "objects.h"

typedef struct parker_object {
  PyObject_HEAD
  prs_parker_t *parker;
  _Atomic uint64_t mark;
} parker_object_t;

static PyTypeObject *parker_type;

_Atomic uint64_t *prs__parker_mark(PyObject *object) {
  if (!Py_IS_TYPE(object, parker_type)) return NULL;
  return &((parker_object_t *)object)->mark;
}

static PyObject *parker_new(PyTypeObject *type, PyObject *args,
                            PyObject *kwargs) {
  static char *names[] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":Parker", names)) return NULL;
  if (!prs__is_connected()) return NULL;
  parker_object_t *self = (parker_object_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->parker = prs__table->parker_new();
  if (self->parker == NULL) {
    Py_DECREF(self);
    return PyErr_NoMemory();
  }
  return (PyObject *)self;
}

static void parker_dealloc(parker_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  if (self->parker != NULL) prs__table->parker_unref(self->parker);
  type->tp_free(self);
  Py_DECREF(type);
}

static int wait_for_token(void *parker, uint64_t timeout,
                          const _Atomic uint32_t *ends) {
  return prs__table->parker_park_or(parker, timeout, ends);
}

static void interrupt(void *parker) { prs__table->parker_interrupt(parker); }

static void ref(void *parker) { prs__table->parker_ref(parker); }

static void unref(void *parker) { prs__table->parker_unref(parker); }

static PyObject *parker_park(parker_object_t *self, PyObject *const *args,
                             Py_ssize_t count) {
  static const prs_stoppable_t how = {wait_for_token, interrupt, ref, unref};
  uint64_t timeout;
  PyObject *stop;
  if (!prs__timeout_and_stop("park", args, count, &timeout, &stop)) return NULL;
  int status = prs__wait_or_stop(&how, self->parker, timeout, stop);
  if (status == PRS__RAISED) return NULL;
  return PyBool_FromLong(status == PRS_OK);
}

static PyObject *parker_unpark(parker_object_t *self, PyObject *unused) {
  (void)unused;
  prs__table->parker_unpark(self->parker);
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"park", (PyCFunction)(void (*)(void))parker_park, METH_FASTCALL,
     "park(timeout, stop=None, /)\n--\n\n"
     "Wait at most `timeout` nanoseconds, -1 for ever, and take the token. "
     "Return whether\nit was there."},
    {"unpark", (PyCFunction)parker_unpark, METH_NOARGS,
     "unpark()\n--\n\nLeave the token, waking the thread that waits for it."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A token that one thread may wait for."},
    {Py_tp_new, parker_new},
    {Py_tp_dealloc, parker_dealloc},
    {Py_tp_methods, methods},
    {0, NULL}};

static PyType_Spec spec = {
    .name = "pythread_rs._objects.Parker",
    .basicsize = sizeof(parker_object_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots};

int prs__add_parker_type(PyObject *module) {
  parker_type = prs__add_base_type(module, &spec);
  return parker_type == NULL ? -1 : 0;
}
