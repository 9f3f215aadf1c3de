/* Future: what a task tells the future that was promised for it.
 *
 * Under the GIL a future without a condition is one that nobody waits for: who
 * waits makes the condition before he looks at the state. Its fields are then
 * written in one step, in which nothing lets go of the GIL. */
#include "pool.h"

#ifndef Py_GIL_DISABLED

/* The future's variables, made before the step, as making them may collect. */
static PyObject *variables_of(PyObject *future) {
  PyObject *variables = PyObject_GenericGetDict(future, NULL);
  if (variables == NULL) PyErr_Clear();
  return variables;
}

static bool is_unwatched(PyObject *variables) {
  static PyObject *condition;
  if (condition == NULL) condition = PyUnicode_InternFromString("_condition");
  if (condition == NULL) PyErr_Clear();
  return condition != NULL && PyDict_Contains(variables, condition) == 0;
}

static bool state_is(PyObject *variables, const char *wanted) {
  PyObject *state = PyDict_GetItemString(variables, "_state");
  return state != NULL && PyUnicode_Check(state) &&
         PyUnicode_CompareWithASCIIString(state, wanted) == 0;
}

/* Returns: whether it was done; if not, the methods of the future do it. */
static bool begin_quickly(PyObject *future) {
  static PyObject *running; /* for ever */
  if (running == NULL) running = PyUnicode_InternFromString("RUNNING");
  PyObject *variables = variables_of(future);
  if (variables == NULL) return false;
  bool done = running != NULL && is_unwatched(variables) &&
              state_is(variables, "PENDING") &&
              PyDict_SetItemString(variables, "_state", running) == 0;
  PyErr_Clear();
  Py_DECREF(variables);
  return done;
}

static bool finish_quickly(PyObject *future, PyObject *result) {
  static PyObject *finished; /* for ever */
  if (finished == NULL) finished = PyUnicode_InternFromString("FINISHED");
  PyObject *variables = result == NULL ? NULL : variables_of(future);
  if (variables == NULL) return false;
  bool done = finished != NULL && is_unwatched(variables) &&
              state_is(variables, "RUNNING") &&
              PyDict_SetItemString(variables, "_result", result) == 0 &&
              PyDict_SetItemString(variables, "_state", finished) == 0;
  PyErr_Clear();
  Py_DECREF(variables);
  return done;
}

#else

static bool begin_quickly(PyObject *future) {
  (void)future;
  return false;
}

static bool finish_quickly(PyObject *future, PyObject *result) {
  (void)future;
  (void)result;
  return false;
}

#endif

bool prs__future_begin(PyObject *future) {
  if (begin_quickly(future)) return true;
  PyObject *begins =
      PyObject_CallMethod(future, "set_running_or_notify_cancel", NULL);
  if (begins == NULL) PyErr_WriteUnraisable(future);
  Py_XDECREF(begins);
  return begins == Py_True;
}

void prs__future_finish(PyObject *future, PyObject *result,
                        PyObject *exception) {
  if (finish_quickly(future, result)) return;
  const char *method = result != NULL ? "set_result" : "set_exception";
  PyObject *told = PyObject_CallMethod(future, method, "(O)",
                                       result != NULL ? result : exception);
  if (told == NULL) PyErr_WriteUnraisable(future);
  Py_XDECREF(told);
}
