/* Calls: how the types read what they are called with, and name an error that
 * a Python module defines. */
#include "objects.h"

#include <math.h>

/* ---- arguments ----------------------------------------------------------- */

static int place_of(const prs_signature_t *signature, PyObject *keyword) {
  for (int i = 0; signature->names[i] != NULL; i++)
    if (PyUnicode_CompareWithASCIIString(keyword, signature->names[i]) == 0)
      return i;
  return -1;
}

static bool read_keyword(const prs_signature_t *signature, PyObject *keyword,
                         PyObject *value, PyObject **out) {
  int place = place_of(signature, keyword);
  if (place >= 0 && out[place] == NULL) {
    out[place] = value;
    return true;
  }
  PyErr_Format(PyExc_TypeError,
               place < 0 ? "%s() got an unexpected keyword argument '%U'"
                         : "%s() got multiple values for argument '%U'",
               signature->method, keyword);
  return false;
}

bool prs__arguments(const prs_signature_t *signature, PyObject *const *args,
                    Py_ssize_t count, PyObject *keywords, PyObject **out) {
  if (count > signature->positional) {
    PyErr_Format(PyExc_TypeError,
                 "%s() takes at most %d positional arguments (%zd given)",
                 signature->method, signature->positional, count);
    return false;
  }
  for (int i = 0; signature->names[i] != NULL; i++)
    out[i] = i < count ? args[i] : NULL;
  Py_ssize_t named = keywords == NULL ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t i = 0; i < named; i++)
    if (!read_keyword(signature, PyTuple_GET_ITEM(keywords, i), args[count + i],
                      out))
      return false;
  for (int i = 0; i < signature->required; i++) {
    if (out[i] != NULL) continue;
    PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s'",
                 signature->method, signature->names[i]);
    return false;
  }
  return true;
}

/* ---- seconds ------------------------------------------------------------- */

#define NANOSECONDS 1e9
#define EXACT 9007199254740992.0 /* 2^53: no fraction above it */

/* Whatever is neither a small int nor a usual float is Python's to read. */
static bool ask_python(PyObject *seconds, uint64_t *out) {
  PyObject *module = PyImport_ImportModule("pythread_rs._ffi");
  if (module == NULL) return false;
  PyObject *whole = PyObject_CallMethod(module, "nanoseconds", "O", seconds);
  Py_DECREF(module);
  if (whole == NULL) return false;
  bool fine = prs__timeout_from(whole, out);
  Py_DECREF(whole);
  return fine;
}

bool prs__duration_from(PyObject *seconds, uint64_t *out) {
  if (PyFloat_CheckExact(seconds)) {
    double exact = PyFloat_AS_DOUBLE(seconds) * NANOSECONDS;
    if (exact >= 0 && exact < EXACT) {
      *out = (uint64_t)ceil(exact);
      return true;
    }
  }
  return ask_python(seconds, out);
}

bool prs__seconds_from(PyObject *seconds, uint64_t *out) {
  if (seconds != NULL && seconds != Py_None)
    return prs__duration_from(seconds, out);
  *out = PRS_FOREVER;
  return true;
}

/* ---- errors -------------------------------------------------------------- */

PyObject *prs__error(const char *module, const char *name, const char *text) {
  PyObject *found = PyImport_ImportModule(module);
  if (found == NULL) return NULL;
  PyObject *error = PyObject_CallMethod(found, name, "s", text);
  Py_DECREF(found);
  return error;
}

PyObject *prs__timeout_error(const char *text) {
  return prs__error("pythread_rs.sync", "WaitTimeoutError", text);
}

void prs__raise(const char *module, const char *name, const char *text) {
  PyObject *error = prs__error(module, name, text);
  if (error == NULL) return;
  PyErr_SetObject((PyObject *)Py_TYPE(error), error);
  Py_DECREF(error);
}
