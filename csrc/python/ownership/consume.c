/* Consume: a class whose call takes its only argument over, as `Mutex(x)` does.
 *
 * The check has to see where the argument stands in the caller's frame, which
 * a tp_new no longer can: its arguments are in a tuple. So such a class gets a
 * vectorcall. */
#include "ownership.h"

/* What is not a call with one argument is what it would be without this. */
static PyObject *call_plainly(PyObject *callable, PyObject *const *args,
                              Py_ssize_t count, PyObject *names) {
  PyObject *own = PyTuple_New(count);
  PyObject *keywords = names == NULL ? NULL : PyDict_New();
  PyObject *result = NULL;
  if (own == NULL || (names != NULL && keywords == NULL)) goto done;
  for (Py_ssize_t i = 0; i < count; i++)
    PyTuple_SET_ITEM(own, i, Py_NewRef(args[i]));
  for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++)
    if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[count + i]) <
        0)
      goto done;
  result = PyType_Type.tp_call(callable, own, keywords);
done:
  Py_XDECREF(own);
  Py_XDECREF(keywords);
  return result;
}

static PyObject *make(PyObject *callable, PyObject *const *args, size_t flags,
                      PyObject *names, bool sync) {
  PyTypeObject *type = (PyTypeObject *)callable;
  if (PyVectorcall_NARGS(flags) != 1 || names != NULL)
    return call_plainly(callable, args, PyVectorcall_NARGS(flags), names);
  const prs_sink_t sink = {.type = &type, .sync = sync};
  PyObject *value = prs__take_over(args, &sink);
  if (value == NULL) return NULL;
  PyObject *own = PyTuple_Pack(1, value);
  Py_DECREF(value);
  if (own == NULL) return NULL;
  PyObject *made = type->tp_new(type, own, NULL);
  Py_DECREF(own);
  return made;
}

static PyObject *consuming(PyObject *callable, PyObject *const *args,
                           size_t flags, PyObject *names) {
  return make(callable, args, flags, names, false);
}

/* What others may hold needs no look at the caller, unless it is a handle,
 * which leaves the caller's variables. The class itself refuses the rest. */
static PyObject *sharing(PyObject *callable, PyObject *const *args,
                         size_t flags, PyObject *names) {
  Py_ssize_t count = PyVectorcall_NARGS(flags);
  if (count == 1 && names == NULL && prs__kind_by_asking(args[0]) == PRS_HANDLE)
    return make(callable, args, flags, names, true);
  if (PyErr_Occurred()) return NULL;
  return call_plainly(callable, args, count, names);
}

PyObject *prs__consume(PyObject *module, PyObject *args) {
  (void)module;
  PyTypeObject *type;
  int sync;
  if (!PyArg_ParseTuple(args, "O!p:consume", &PyType_Type, &type, &sync))
    return NULL;
  type->tp_vectorcall = sync ? sharing : consuming;
  Py_RETURN_NONE;
}
