/* Deadlock: who waits for what and who holds what, told to Python when it asked
 * for that. Off, which is usual, each of these is one look at a flag. */
#include "objects.h"

bool prs__watches;

static PyObject *watch_enter;  /* (object, what, timed) before a wait */
static PyObject *watch_leave;  /* () after it */
static PyObject *watch_took;   /* (object, shared) by the calling thread */
static PyObject *watch_let_go; /* (object) */

PyObject *prs__set_watch(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *callables[4];
  if (!PyArg_ParseTuple(args, "OOOO:set_watch", &callables[0], &callables[1],
                        &callables[2], &callables[3]))
    return NULL;
  for (int i = 0; i < 4; i++) Py_INCREF(callables[i]); /* for ever */
  watch_enter = callables[0];
  watch_leave = callables[1];
  watch_took = callables[2];
  watch_let_go = callables[3];
  prs__watches = watch_enter != Py_None;
  Py_RETURN_NONE;
}

PyObject *prs__count_waking(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyLong_FromUnsignedLong(atomic_load(&prs__waking));
}

PyObject *prs__forget_waking(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  atomic_store(&prs__waking, 0);
  Py_RETURN_NONE;
}

bool prs__watch_wait(PyObject *object, const char *what, uint64_t timeout) {
  PyObject *result =
      PyObject_CallFunction(watch_enter, "OsO", object, what,
                            timeout == PRS_FOREVER ? Py_False : Py_True);
  Py_XDECREF(result);
  return result != NULL;
}

/* What fails here must not hide how the wait ended. */
static void tell(PyObject *callable, PyObject *one, PyObject *two) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject *result = PyObject_CallFunctionObjArgs(callable, one, two, NULL);
  if (result == NULL) PyErr_WriteUnraisable(callable);
  Py_XDECREF(result);
  PyErr_Restore(type, value, traceback);
}

void prs__watch_waited(void) { tell(watch_leave, NULL, NULL); }

void prs__watch_acquired(PyObject *object, bool shared) {
  tell(watch_took, object, shared ? Py_True : Py_False);
}

void prs__watch_released(PyObject *object) { tell(watch_let_go, object, NULL); }
