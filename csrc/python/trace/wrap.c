/* Wrap: a method of a C type is followed by exchanging the function in its
 * table, PyMethodDef.ml_meth, which the interpreter reads at each call. So the
 * methods have no code for it, and a program that is not traced runs as if
 * there were no tracing.
 *
 * The table has no place for data, so each wrapped method has a C function of
 * its own, a trampoline, which knows its number. */
#include "trace.h"

/* ---- trampolines --------------------------------------------------------- */

#define PLACES 32 /* of each of the three forms of a method */

static prs_trace_method_t wrapped[3][PLACES];
static int used[3];

static PyObject *follow(const prs_trace_method_t *one, prs_trace_args_t *call) {
  prs_trace_call_t outer = prs__trace_call;
  prs__trace_call = (prs_trace_call_t){one->what, (uintptr_t)call->self};
  PyObject *result = prs__trace_pass(one, call);
  prs__trace_call = outer;
  return result;
}

#define PLAIN_FORM 0
#define FAST_FORM 1
#define NAMED_FORM 2

#define TRAMPOLINES(n)                                                    \
  static PyObject *plain_##n(PyObject *self, PyObject *arg) {             \
    prs_trace_args_t call = {.self = self, .arg = arg};                   \
    return follow(&wrapped[PLAIN_FORM][n], &call);                        \
  }                                                                       \
  static PyObject *fast_##n(PyObject *self, PyObject *const *args,        \
                            Py_ssize_t count) {                           \
    prs_trace_args_t call = {.self = self, .args = args, .count = count}; \
    return follow(&wrapped[FAST_FORM][n], &call);                         \
  }                                                                       \
  static PyObject *named_##n(PyObject *self, PyObject *const *args,       \
                             Py_ssize_t count, PyObject *names) {         \
    prs_trace_args_t call = {                                             \
        .self = self, .args = args, .count = count, .names = names};      \
    return follow(&wrapped[NAMED_FORM][n], &call);                        \
  }

#define EIGHT(X, a, b, c, d, e, f, g, h) X(a) X(b) X(c) X(d) X(e) X(f) X(g) X(h)
#define ALL(X)                             \
  EIGHT(X, 0, 1, 2, 3, 4, 5, 6, 7)         \
  EIGHT(X, 8, 9, 10, 11, 12, 13, 14, 15)   \
  EIGHT(X, 16, 17, 18, 19, 20, 21, 22, 23) \
  EIGHT(X, 24, 25, 26, 27, 28, 29, 30, 31)

ALL(TRAMPOLINES)

#define FORMS(n)                               \
  {plain_##n, PRS_CAST(PyCFunction, fast_##n), \
   PRS_CAST(PyCFunction, named_##n)},

static const PyCFunction trampolines[PLACES][3] = {ALL(FORMS)};

/* ---- wrap ---------------------------------------------------------------- */

static int form_of(int flags) {
  switch (flags) {
    case METH_NOARGS:
    case METH_O:
    case METH_VARARGS:
      return PLAIN_FORM;
    case METH_FASTCALL:
      return FAST_FORM;
    case PRS_NAMED:
      return NAMED_FORM;
    default:
      return -1;
  }
}

/* The entry in the table of its type or module. Returns: NULL with an exception
 * set. */
static PyMethodDef *table_entry(PyObject *owner, PyObject *name) {
  PyObject *found = PyObject_GetAttr(owner, name);
  if (found == NULL) return NULL;
  PyMethodDef *entry_of = NULL;
  if (Py_IS_TYPE(found, &PyMethodDescr_Type))
    entry_of = ((PyMethodDescrObject *)found)->d_method;
  else if (PyCFunction_CheckExact(found))
    entry_of = ((PyCFunctionObject *)found)->m_ml;
  Py_DECREF(found); /* its owner keeps it */
  if (entry_of == NULL || form_of(entry_of->ml_flags) < 0) {
    PyErr_Format(PyExc_TypeError, "cannot trace %R of %R", name, owner);
    return NULL;
  }
  return entry_of;
}

static bool is_trampoline(PyCFunction method, int form) {
  for (int i = 0; i < used[form]; i++)
    if (trampolines[i][form] == method) return true;
  return false;
}

/* Before there are threads: the table is read by all of them. */
static PyObject *trace_wrap(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *owner, *name;
  const char *what;
  int role;
  if (!PyArg_ParseTuple(args, "OUsi:trace_wrap", &owner, &name, &what, &role))
    return NULL;
  PyMethodDef *method = table_entry(owner, name);
  if (method == NULL) return NULL;
  int form = form_of(method->ml_flags);
  if (is_trampoline(method->ml_meth, form)) Py_RETURN_NONE;
  if (used[form] == PLACES) {
    PyErr_SetString(PyExc_RuntimeError, "too many methods are traced");
    return NULL;
  }
  int place = used[form]++;
  wrapped[form][place] =
      (prs_trace_method_t){.method = method->ml_meth,
                           .name = method->ml_name,
                           .trampoline = trampolines[place][form],
                           .what = PyUnicode_AsUTF8(PyTuple_GET_ITEM(args, 2)),
                           .flags = method->ml_flags,
                           .role = (prs_trace_role_t)role};
  Py_INCREF(PyTuple_GET_ITEM(args, 2)); /* for ever: `what` is in it */
  method->ml_meth = trampolines[place][form];
  Py_RETURN_NONE;
}

/* ---- iterate ------------------------------------------------------------- */

static iternextfunc next_message;

static PyObject *traced_next(PyObject *self) {
  prs_trace_call_t outer = prs__trace_call;
  uint64_t began = prs__table->now();
  uint64_t number = 0;
  prs__trace_call =
      (prs_trace_call_t){"recv", (uintptr_t)((prs_end_t *)self)->shared};
  PyObject *result = next_message(self);
  if (result != NULL) result = prs__trace_unbox(result, &number);
  if (number != 0) prs__trace_mark(PRS_TRACE_RECEIVE, number, began);
  prs__trace_call = outer;
  return result;
}

/* A class that is derived has its own copy of the slot. */
static bool exchange_next(PyTypeObject *type) {
  if (type->tp_iternext == next_message) type->tp_iternext = traced_next;
  PyObject *derived =
      PyObject_CallMethod((PyObject *)type, "__subclasses__", NULL);
  bool fine = derived != NULL;
  for (Py_ssize_t i = 0; fine && i < PyList_GET_SIZE(derived); i++)
    fine = exchange_next((PyTypeObject *)PyList_GET_ITEM(derived, i));
  Py_XDECREF(derived);
  return fine;
}

static PyObject *trace_next(PyObject *module, PyObject *type) {
  (void)module;
  PyObject *slot = PyObject_GetAttrString(type, "__next__");
  if (slot == NULL) return NULL;
  if (next_message == NULL && Py_IS_TYPE(slot, &PyWrapperDescr_Type)) {
    next_message = ((PyTypeObject *)type)->tp_iternext;
    ((PyWrapperDescrObject *)slot)->d_wrapped = PRS_CAST(void *, traced_next);
  }
  Py_DECREF(slot);
  if (!exchange_next((PyTypeObject *)type)) return NULL;
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"trace_wrap", trace_wrap, METH_VARARGS,
     "trace_wrap(owner, name, what, role, /)\n--\n\n"
     "Follow the calls of a method of a C type, or of a function of this "
     "module."},
    {"trace_next", trace_next, METH_O,
     "trace_next(type, /)\n--\n\nFollow the loops over receivers."},
    {NULL, NULL, 0, NULL}};

int prs__add_trace_wrap(PyObject *module) {
  return PyModule_AddFunctions(module, functions);
}
