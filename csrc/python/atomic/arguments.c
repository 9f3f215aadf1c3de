/* Arguments by position or by name, for calls that must not pay for parsing. */
#include "atomic.h"

static int index_of(const prs_params_t *params, PyObject *name) {
  for (int i = 0; i < params->most; i++)
    if (PyUnicode_CompareWithASCIIString(name, params->names[i]) == 0) return i;
  return -1;
}

static bool wrong_count(const prs_params_t *params, Py_ssize_t given) {
  const char *limit = given > params->most           ? "at most"
                      : params->least < params->most ? "at least"
                                                     : "exactly";
  int wanted = given > params->most ? params->most : params->least;
  PyErr_Format(PyExc_TypeError, "%s() takes %s %d argument%s (%zd given)",
               params->method, limit, wanted, wanted == 1 ? "" : "s", given);
  return false;
}

static bool put_keyword(const prs_params_t *params, PyObject *name,
                        PyObject *value, PyObject **out) {
  int index = index_of(params, name);
  if (index < 0) {
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R",
                 params->method, name);
    return false;
  }
  if (out[index] != NULL) {
    PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument %R",
                 params->method, name);
    return false;
  }
  out[index] = value;
  return true;
}

bool prs__arguments_by_name(const prs_params_t *params, const prs_call_t *call,
                            PyObject **out) {
  if (call->count > params->most) return wrong_count(params, call->count);
  for (int i = 0; i < params->most; i++)
    out[i] = i < call->count ? call->args[i] : NULL;
  Py_ssize_t keywords = call->names == NULL ? 0 : PyTuple_GET_SIZE(call->names);
  for (Py_ssize_t i = 0; i < keywords; i++) {
    PyObject *name = PyTuple_GET_ITEM(call->names, i);
    if (!put_keyword(params, name, call->args[call->count + i], out))
      return false;
  }
  for (int i = 0; i < params->least; i++)
    if (out[i] == NULL) return wrong_count(params, call->count + keywords);
  return true;
}
