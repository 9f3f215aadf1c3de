/* ScopeBase: the end of a scope, which no signal may leave early.
 *
 * A signal handler can raise between any two bytecodes, so a loop in Python
 * has gaps through which it would get out before the threads are joined. */
#include "objects.h"

/* Wait for every packet of the list, which threads of the scope may make
 * longer meanwhile.
 * Returns: what a signal handler raised first, or NULL. */
static PyObject *wait_for_all(PyObject *list) {
  PyObject *interrupt = NULL;
  bool raised = false;
  while (prs__wait_for_one(list, &raised)) {
    if (!raised) continue;
    PyObject *error = prs__raised();
    if (interrupt == NULL)
      interrupt = error;
    else
      Py_DECREF(error);
  }
  return interrupt;
}

PyDoc_STRVAR(exit_doc,
             "__exit__(kind, error, traceback, /)\n--\n\n"
             "Join every thread, then call _leave(error, interrupt).");

static PyObject *scope_exit(PyObject *self, PyObject *const *args,
                            Py_ssize_t count) {
  if (count != 3) {
    PyErr_SetString(PyExc_TypeError, "__exit__() takes 3 arguments");
    return NULL;
  }
  PyObject *list = PyObject_GetAttrString(self, "_waiting");
  if (list == NULL) return NULL;
  PyObject *interrupt = wait_for_all(list);
  Py_DECREF(list);
  PyObject *result = PyObject_CallMethod(
      self, "_leave", "OO", args[1], interrupt != NULL ? interrupt : Py_None);
  Py_XDECREF(interrupt);
  return result;
}

static PyMethodDef methods[] = {
    {"__exit__", (PyCFunction)(void (*)(void))scope_exit, METH_FASTCALL,
     exit_doc},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A block whose end waits for the packets in its _waiting."},
    {Py_tp_methods, methods},
    {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.ScopeBase",
                           .basicsize = sizeof(PyObject),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                           .slots = slots};

int prs__add_scope_type(PyObject *module) {
  return prs__add_type(module, &spec);
}
