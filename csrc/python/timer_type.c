/* TimerBase: a receiver whose messages come from the clock. */
#include "select.h"

static PyTypeObject *timer_type;

bool prs__is_timer(PyObject *object) {
  return PyObject_TypeCheck(object, timer_type);
}

static uint64_t later(uint64_t now, uint64_t delay) {
  return delay >= PRS_FOREVER - now ? PRS_FOREVER : now + delay;
}

/* (delay, period, at): nanoseconds, -1 for ever; a period of None is no second
 * message; with `at` the delay is a moment of the clock. */
static PyObject *timer_new(PyTypeObject *type, PyObject *args,
                           PyObject *kwargs) {
  PyObject *delay;
  PyObject *period;
  uint64_t first;
  uint64_t then = 0;
  int at = 0;
  if (kwargs != NULL || !PyArg_ParseTuple(args, "OO|p", &delay, &period, &at)) {
    PyErr_SetString(PyExc_TypeError,
                    "cannot make a Timer: it comes from after(), at(), tick() "
                    "or never()");
    return NULL;
  }
  if (!prs__is_connected() || !prs__timeout_from(delay, &first)) return NULL;
  if (period != Py_None && !prs__timeout_from(period, &then)) return NULL;
  prs_timer_object_t *self = (prs_timer_object_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  uint64_t due = at ? first : later(prs__table->now(), first);
  prs_timer_init(&self->timer, due, then, period == Py_None);
  return (PyObject *)self;
}

static void timer_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *timer_is_due(prs_timer_object_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(prs_timer_due(&self->timer) <= prs__table->now());
}

static PyObject *timer_is_spent(prs_timer_object_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(prs_timer_due(&self->timer) == PRS_FOREVER);
}

static PyMethodDef methods[] = {
    {"_is_due", (PyCFunction)timer_is_due, METH_NOARGS, NULL},
    {"_is_spent", (PyCFunction)timer_is_spent, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "The part of `Timer` that is C."},
                              {Py_tp_new, timer_new},
                              {Py_tp_dealloc, timer_dealloc},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.TimerBase",
                           .basicsize = sizeof(prs_timer_object_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_timer_type(PyObject *module) {
  timer_type = prs__add_base_type(module, &spec);
  return timer_type == NULL ? -1 : 0;
}
