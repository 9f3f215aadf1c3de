/* What an Arc passes on to its content: Rust's Deref, for every way in which
 * Python reads an object. Special methods are looked up on the class, so each
 * has its slot here. Nothing that assigns is passed on. */
#include "arc.h"

/* An Arc's own names win. A lookup beforehand is quicker than the exception of
 * a lookup that finds nothing, 250 ns on 3.11. */
PyObject *prs__arc_attribute(PyObject *self, PyObject *name) {
  if (_PyType_Lookup(Py_TYPE(self), name) != NULL)
    return PyObject_GenericGetAttr(self, name);
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return NULL;
  PyObject *result = PyObject_GetAttr(value, name);
  Py_DECREF(value);
  return result;
}

int prs__arc_set_attribute(PyObject *self, PyObject *name, PyObject *value) {
  (void)value;
  (void)prs__arc_refuse("assign", self, name);
  return -1;
}

/* ---- text ---------------------------------------------------------------- */

/* The inner object stands for all its Arcs: a cycle may go through others. */
PyObject *prs__arc_repr(PyObject *self) {
  prs_inner_t *inner = prs__arc_inner(self);
  if (inner == NULL) {
    PyErr_Clear();
    return PyUnicode_FromString("Arc { moved }");
  }
  PyObject *result = NULL;
  int entered = Py_ReprEnter((PyObject *)inner);
  if (entered > 0) result = PyUnicode_FromString("Arc { .. }");
  if (entered == 0) {
    PyObject *value = prs__arc_value(self);
    result = value == NULL ? NULL : PyObject_Repr(value);
    Py_XDECREF(value);
    Py_ReprLeave((PyObject *)inner);
  }
  Py_DECREF(inner);
  return result;
}

PyObject *prs__arc_str(PyObject *self) {
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return NULL;
  PyObject *result = PyObject_Str(value);
  Py_DECREF(value);
  return result;
}

PyObject *prs__arc_format(PyObject *self, PyObject *spec) {
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return NULL;
  PyObject *result = PyObject_Format(value, spec);
  Py_DECREF(value);
  return result;
}

/* ---- comparison ---------------------------------------------------------- */

Py_hash_t prs__arc_hash(PyObject *self) {
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return -1;
  Py_hash_t result = PyObject_Hash(value);
  Py_DECREF(value);
  return result;
}

PyObject *prs__arc_compare(PyObject *self, PyObject *other, int operator) {
  PyObject *one = prs__arc_value(self);
  if (one == NULL) return NULL;
  PyObject *two = PyObject_TypeCheck(other, prs__arc_rules.arc)
                      ? prs__arc_value(other)
                      : Py_NewRef(other);
  PyObject *result =
      two == NULL ? NULL : PyObject_RichCompare(one, two, operator);
  Py_DECREF(one);
  Py_XDECREF(two);
  return result;
}

int prs__arc_bool(PyObject *self) {
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return -1;
  int result = PyObject_IsTrue(value);
  Py_DECREF(value);
  return result;
}

/* ---- calls and containers ------------------------------------------------ */

PyObject *prs__arc_call(PyObject *self, PyObject *args, PyObject *kwargs) {
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return NULL;
  PyObject *result = PyObject_Call(value, args, kwargs);
  Py_DECREF(value);
  return result;
}

PyObject *prs__arc_iter(PyObject *self) {
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return NULL;
  PyObject *result = PyObject_GetIter(value);
  Py_DECREF(value);
  return result;
}

PyObject *prs__arc_reversed(PyObject *self, PyObject *unused) {
  (void)unused;
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return NULL;
  PyObject *result = PyObject_CallOneArg((PyObject *)&PyReversed_Type, value);
  Py_DECREF(value);
  return result;
}

Py_ssize_t prs__arc_length(PyObject *self) {
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return -1;
  Py_ssize_t result = PyObject_Size(value);
  Py_DECREF(value);
  return result;
}

PyObject *prs__arc_item(PyObject *self, PyObject *key) {
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return NULL;
  PyObject *result = PyObject_GetItem(value, key);
  Py_DECREF(value);
  return result;
}

int prs__arc_set_item(PyObject *self, PyObject *key, PyObject *value) {
  (void)key;
  (void)value;
  (void)prs__arc_refuse("set item", self, NULL);
  return -1;
}

int prs__arc_contains(PyObject *self, PyObject *item) {
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return -1;
  int result = PySequence_Contains(value, item);
  Py_DECREF(value);
  return result;
}

/* ---- with ---------------------------------------------------------------- */

/* What cannot be entered is a TypeError in a `with` statement. */
static PyObject *call_method(PyObject *const *arguments, size_t count,
                             const char *name) {
  PyObject *method = PyUnicode_InternFromString(name);
  if (method == NULL) return NULL;
  PyObject *value = arguments[0];
  if (!PyObject_HasAttr((PyObject *)Py_TYPE(value), method)) {
    Py_DECREF(method);
    return PyErr_Format(
        PyExc_TypeError,
        "'%s' object does not support the context manager protocol",
        Py_TYPE(value)->tp_name);
  }
  PyObject *result = PyObject_VectorcallMethod(method, arguments, count, NULL);
  Py_DECREF(method);
  return result;
}

PyObject *prs__arc_enter(PyObject *self, PyObject *unused) {
  (void)unused;
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return NULL;
  PyObject *const arguments[] = {value};
  PyObject *result = call_method(arguments, 1, "__enter__");
  Py_DECREF(value);
  return result;
}

PyObject *prs__arc_exit(PyObject *self, PyObject *const *args,
                        Py_ssize_t count) {
  if (count != 3) {
    PyErr_SetString(PyExc_TypeError, "__exit__() takes 3 arguments");
    return NULL;
  }
  PyObject *value = prs__arc_value(self);
  if (value == NULL) return NULL;
  PyObject *const arguments[] = {value, args[0], args[1], args[2]};
  PyObject *result = call_method(arguments, 4, "__exit__");
  Py_DECREF(value);
  return result;
}
