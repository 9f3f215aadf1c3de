/* NativeSignature: the types of a C function, made once from Python. */
#include "native.h"

static PyTypeObject *signature_type;

bool prs__is_signature(PyObject *object) {
  if (Py_IS_TYPE(object, signature_type)) return true;
  PyErr_SetString(PyExc_TypeError, "a NativeSignature is wanted");
  return false;
}

/* Returns: the bytes of an integer, negative for a signed one; 0 for none. */
static int32_t width_of(char code) {
  switch (code) {
    case 'b':
      return -1;
    case 'B':
    case '?':
      return 1;
    case 'h':
      return -2;
    case 'H':
      return 2;
    case 'i':
      return -4;
    case 'I':
      return 4;
    case 'q':
      return -8;
    case 'Q':
    case 'P':
      return 8;
    default:
      return 0;
  }
}

static bool read_result(prs_signature_object_t *self, char code) {
  self->result_code = code;
  self->width = width_of(code);
  self->kind = PRS_NATIVE_WORD;
  if (self->width != 0) return true;
  self->kind = PRS_NATIVE_VOID;
  if (code == 'f') self->kind = PRS_NATIVE_FLOAT;
  if (code == 'd') self->kind = PRS_NATIVE_DOUBLE;
  if (code == 'v' || self->kind != PRS_NATIVE_VOID) return true;
  PyErr_SetString(PyExc_ValueError, "the result has no type");
  return false;
}

static bool read_parameter(prs_parameter_t *parameter, PyObject *tuple) {
  int code;
  int item;
  PyObject *text;
  if (!PyArg_ParseTuple(tuple, "CCIIU", &code, &item, &parameter->size,
                        &parameter->flags, &text))
    return false;
  parameter->code = (char)code;
  parameter->item = (char)item;
  parameter->text = Py_NewRef(text);
  if (width_of(parameter->code) != 0 || code == 'f' || code == 'd') return true;
  PyErr_SetString(PyExc_ValueError, "a parameter has no type");
  return false;
}

/* Tell whether all arguments travel where the platform's file puts them. */
static bool fits(const prs_signature_object_t *self) {
  uint32_t floats = 0;
  for (Py_ssize_t i = 0; i < Py_SIZE(self); i++)
    floats += self->floating >> i & 1;
  Py_ssize_t words = Py_SIZE(self) - (Py_ssize_t)floats;
  if (floats <= PRS_NATIVE_FLOATS && words <= PRS_NATIVE_WORDS) return true;
  PyErr_Format(PyExc_TypeError,
               "a native call takes at most %d integers and pointers and %d "
               "floating numbers, not %zd and %u: pass a pointer to a struct",
               PRS_NATIVE_WORDS, PRS_NATIVE_FLOATS, words, floats);
  return false;
}

static bool read_parameters(prs_signature_object_t *self, PyObject *tuple) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
    prs_parameter_t *parameter = &self->parameters[i];
    if (!read_parameter(parameter, PyTuple_GET_ITEM(tuple, i))) return false;
    if (i < PRS_NATIVE_SLOTS &&
        (parameter->code == 'f' || parameter->code == 'd'))
      self->floating |= 1u << i;
  }
  return fits(self);
}

static PyObject *signature_new(PyTypeObject *type, PyObject *args,
                               PyObject *kwargs) {
  static char *names[] = {"result", "parameters", NULL};
  int code;
  PyObject *parameters;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "CO!:NativeSignature", names,
                                   &code, &PyTuple_Type, &parameters))
    return NULL;
  prs_signature_object_t *self = (prs_signature_object_t *)type->tp_alloc(
      type, PyTuple_GET_SIZE(parameters));
  if (self == NULL) return NULL;
  if (read_result(self, (char)code) && read_parameters(self, parameters))
    return (PyObject *)self;
  Py_DECREF(self);
  return NULL;
}

static void signature_dealloc(prs_signature_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  for (Py_ssize_t i = 0; i < Py_SIZE(self); i++)
    Py_XDECREF(self->parameters[i].text);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- what Python must do before a call ----------------------------------- */

enum { NOTHING = 0, OWNERSHIP = 1, UNWRAPPING = 2 };

static bool is_number(PyObject *arg) {
  return PyLong_CheckExact(arg) || PyFloat_CheckExact(arg) || PyBool_Check(arg);
}

/* The classes of ctypes are buffers, too, but have metaclasses of their own;
 * what cffi calls a pointer is no buffer, nor is a wrapper of ours. An int for
 * a pointer is refused, by Python. */
static int need_of(const prs_parameter_t *parameter, PyObject *arg) {
  if (parameter->code != 'P') return is_number(arg) ? NOTHING : UNWRAPPING;
  if (arg == Py_None || PyBytes_CheckExact(arg)) return NOTHING;
  bool plain =
      PyObject_CheckBuffer(arg) && Py_IS_TYPE(Py_TYPE(arg), &PyType_Type);
  return plain && !PyLong_Check(arg) ? OWNERSHIP : UNWRAPPING;
}

/* The numbers are looked at only when they are put into their slots. */
static PyObject *needs(prs_signature_object_t *self, PyObject *args) {
  if (!PyTuple_Check(args)) {
    PyErr_SetString(PyExc_TypeError, "a tuple is wanted");
    return NULL;
  }
  int most = PyTuple_GET_SIZE(args) == Py_SIZE(self) ? NOTHING : UNWRAPPING;
  for (Py_ssize_t i = 0; most != UNWRAPPING && i < Py_SIZE(self); i++) {
    int need = need_of(&self->parameters[i], PyTuple_GET_ITEM(args, i));
    if (need > most) most = need;
  }
  return PyLong_FromLong(most);
}

static PyMethodDef methods[] = {
    {"needs", (PyCFunction)needs, METH_O,
     "needs(args, /)\n--\n\n"
     "Return what is to be done before a call: 0 nothing, 1 ask who owns the\n"
     "buffers, 2 look for pointers of cffi and ctypes and for wrappers, too."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc,
     "NativeSignature(result, parameters)\n--\n\n"
     "The types of a C function: a code, and for each parameter "
     "(code, item, size,\nflags, text)."},
    {Py_tp_methods, methods},
    {Py_tp_new, signature_new},
    {Py_tp_dealloc, signature_dealloc},
    {0, NULL}};

static PyType_Spec spec = {
    .name = "pythread_rs._objects.NativeSignature",
    .basicsize = sizeof(prs_signature_object_t),
    .itemsize = sizeof(prs_parameter_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots};

int prs__add_signature_type(PyObject *module) {
  signature_type = prs__add_base_type(module, &spec);
  return signature_type == NULL ? -1 : 0;
}
