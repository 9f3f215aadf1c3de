/* Harmless: functions that any number of threads may call at the same time,
 * since they reach nothing that can be changed. Quick, for calls that lend a
 * function out for a microsecond; what it cannot tell, the whole check can. */
#include "ownership.h"

#define NEVER_RUNS (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)
#define DEEPEST 4 /* functions that capture functions */

static bool function_is_harmless(PyObject *function, int depth);

static bool value_is_harmless(PyObject *value, PyObject *holder, int depth) {
  if (value == NULL || value == holder) return true;
  if (prs__is_shareable(prs__kind_of_data(value))) return true;
  if (PyFunction_Check(value))
    return depth < DEEPEST && function_is_harmless(value, depth + 1);
  return prs__is_frozen(value);
}

static bool all_are_harmless(PyObject *tuple, PyObject *holder, int depth) {
  for (Py_ssize_t i = 0; tuple != NULL && i < PyTuple_GET_SIZE(tuple); i++)
    if (!value_is_harmless(PyTuple_GET_ITEM(tuple, i), holder, depth))
      return false;
  return true;
}

static bool function_is_harmless(PyObject *function, int depth) {
  PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
  if ((code->co_flags & NEVER_RUNS) != 0) return false;
  PyObject *closure = PyFunction_GET_CLOSURE(function);
  if (PyFunction_GET_KW_DEFAULTS(function) != NULL) return false;
  if (!all_are_harmless(PyFunction_GET_DEFAULTS(function), function, depth))
    return false;
  if (closure != NULL && !prs__only_reads(function, true)) return false;
  for (Py_ssize_t i = 0; closure != NULL && i < PyTuple_GET_SIZE(closure); i++)
    if (!value_is_harmless(PyCell_GET(PyTuple_GET_ITEM(closure, i)), function,
                           depth))
      return false;
  return prs__globals_are_fine(function) == 1;
}

bool prs__is_harmless(PyObject *callable) {
  bool harmless = false;
  if (PyFunction_Check(callable))
    harmless = function_is_harmless(callable, 0);
  else if (PyCFunction_Check(callable) || PyType_Check(callable))
    harmless = prs__is_item(callable);
  PyErr_Clear(); /* the whole check raises it again */
  return harmless;
}

PyObject *prs__harmless(PyObject *module, PyObject *callable) {
  (void)module;
  return PyBool_FromLong(prs__is_harmless(callable));
}
