/* Message: the box in which a message goes through a channel while tracing, so
 * that an arrow joins the send and the receive of this one. */
#include "trace.h"

typedef struct box {
  PyObject_HEAD
  PyObject *value;
  uint64_t number;
} box_t;

static PyTypeObject *box_type;

/* ---- the box ------------------------------------------------------------- */

PyObject *prs__trace_box(PyObject *value, uint64_t number) {
  box_t *box = PyObject_GC_New(box_t, box_type);
  if (box == NULL) {
    Py_DECREF(value);
    return NULL;
  }
  box->value = value;
  box->number = number;
  PyObject_GC_Track(box);
  return (PyObject *)box;
}

static int box_traverse(box_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->value);
  return 0;
}

static int box_clear(box_t *self) {
  Py_CLEAR(self->value);
  return 0;
}

/* A message that nobody received may run code: an exception that is on its way
 * is not its business. */
static void box_dealloc(box_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject *error, *value, *traceback;
  PyObject_GC_UnTrack(self);
  PyErr_Fetch(&error, &value, &traceback);
  (void)box_clear(self);
  PyErr_Restore(error, value, traceback);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyType_Slot slots[] = {{Py_tp_doc, "A message on its way, traced."},
                              {Py_tp_dealloc, box_dealloc},
                              {Py_tp_traverse, box_traverse},
                              {Py_tp_clear, box_clear},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.TracedMessage",
                           .basicsize = sizeof(box_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_IMMUTABLETYPE |
                                    Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           .slots = slots};

/* ---- out of the box ------------------------------------------------------ */

static bool is_box(PyObject *object) { return Py_IS_TYPE(object, box_type); }

/* Replace a box, in a place that only the caller knows of, by its content. */
static void open_in(PyObject **place, uint64_t *number) {
  if (*place == NULL || !is_box(*place)) return;
  box_t *box = (box_t *)*place;
  *number = box->number;
  *place = Py_XNewRef(box->value);
  Py_DECREF(box);
}

PyObject *prs__trace_unbox(PyObject *result, uint64_t *number) {
  PyObject *inner = result;
  if (PyTuple_CheckExact(result) && PyTuple_GET_SIZE(result) == 2)
    inner = PyTuple_GET_ITEM(result, 1);
  PyObject **content = prs__ok_content(inner);
  if (content != NULL)
    open_in(content, number);
  else
    open_in(&result, number);
  return result;
}

static PyObject *unbox(PyObject *module, PyObject *object) {
  (void)module;
  uint64_t number;
  return prs__trace_unbox(Py_NewRef(object), &number);
}

/* ---- text ---------------------------------------------------------------- */

#define LONGEST 40 /* characters; what a hover text has room for */

/* Only what has a repr that runs nobody's code is shown by value. */
static PyObject *text_of(PyObject *value) {
  if (PyUnicode_CheckExact(value)) {
    bool fits = PyUnicode_GET_LENGTH(value) <= LONGEST;
    PyObject *head = PyUnicode_Substring(value, 0, LONGEST);
    if (head == NULL) return NULL;
    PyObject *text = PyUnicode_FromFormat(fits ? "%R" : "%R...", head);
    Py_DECREF(head);
    return text;
  }
  if (PyLong_CheckExact(value)) {
    int overflow;
    (void)PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0) return PyObject_Repr(value);
  }
  if (value == Py_None || PyBool_Check(value) || PyFloat_CheckExact(value))
    return PyObject_Repr(value);
  return PyUnicode_FromString(Py_TYPE(value)->tp_name);
}

PyObject *prs__trace_text(PyObject *value) {
  PyObject *text = text_of(value);
  if (text == NULL) PyErr_Clear();
  return text;
}

static PyMethodDef functions[] = {
    {"trace_unbox", unbox, METH_O,
     "trace_unbox(object, /)\n--\n\nReturn a message without its box."},
    {NULL, NULL, 0, NULL}};

int prs__add_trace_box(PyObject *module) {
  box_type = prs__add_base_type(module, &spec);
  return box_type == NULL ? -1 : PyModule_AddFunctions(module, functions);
}
