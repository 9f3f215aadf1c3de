/* Results: an `Ok` or an `Err` made without a call of its Python class.
 *
 * Both are Python classes with one slot each (pythread_rs/result), so an
 * instance is the head of an object and one reference. A call of the class runs
 * an `__init__` in bytecode; here the instance is allocated and its slot is
 * written. The classes are handed over at import and never let go.
 *
 * Under the GIL an instance of `Ok`, of which there is one for each message, is
 * also freed here, and some are kept: what CPython does for a class with slots
 * takes longer than all the rest of a `recv`. */
#include "objects.h"

#include <stddef.h>
#include <structmember.h> /* T_OBJECT_EX, up to 3.11 */

typedef struct result_object {
  PyObject_HEAD
  PyObject *content;
} result_object_t;

static PyTypeObject *ok_type;
static PyTypeObject *err_type;
static PyObject *none_in_ok;

/* Tell whether instances of a class are what this file writes. */
static bool has_one_slot(PyTypeObject *type, const char *name) {
  PyObject *member = PyObject_GetAttrString((PyObject *)type, name);
  if (member == NULL) return false;
  bool fits = Py_IS_TYPE(member, &PyMemberDescr_Type) && PyType_IS_GC(type) &&
              type->tp_itemsize == 0 &&
              type->tp_basicsize == sizeof(result_object_t);
  if (fits) {
    const PyMemberDef *slot = ((PyMemberDescrObject *)member)->d_member;
    fits = slot->type == T_OBJECT_EX &&
           slot->offset == offsetof(result_object_t, content);
  }
  Py_DECREF(member);
  if (!fits)
    PyErr_Format(PyExc_TypeError, "%s must have the slot `%s` and nothing else",
                 type->tp_name, name);
  return fits;
}

/* ---- memory -------------------------------------------------------------- */

#ifdef Py_GIL_DISABLED
#define take_spare(type) NULL
#define free_quickly(type)

bool prs__is_result_class(PyTypeObject *type) { return type == ok_type; }
#else
#define SPARES 16
static result_object_t *spares[SPARES];
static int spare_count;

static result_object_t *take_spare(PyTypeObject *type) {
  if (spare_count == 0 || type != ok_type) return NULL;
  result_object_t *result = spares[--spare_count];
  return (result_object_t *)PyObject_Init((PyObject *)result, type);
}

/* The content is let go last, as it may run anything. */
static void free_result(result_object_t *result) {
  PyTypeObject *type = Py_TYPE(result);
  PyObject *content = result->content;
  if (type == ok_type && spare_count < SPARES)
    spares[spare_count++] = result;
  else
    PyObject_GC_Del(result);
  Py_XDECREF(content);
  Py_DECREF(type);
}

/* Only what the collector may know of can hold another result, and that one
 * another: the trashcan keeps such a row from using up the stack. */
static void result_dealloc(PyObject *self) {
  result_object_t *result = (result_object_t *)self;
  if (!PyObject_GC_IsTracked(self) &&
      (result->content == NULL || !PyObject_IS_GC(result->content))) {
    free_result(result);
    return;
  }
  PyObject_GC_UnTrack(self);
  Py_TRASHCAN_BEGIN(self, result_dealloc);
  free_result(result);
  Py_TRASHCAN_END;
}

bool prs__is_result_class(PyTypeObject *type) {
  return type->tp_dealloc == result_dealloc;
}

/* CPython's own way stays for a class that needs more than that. */
static void free_quickly(PyTypeObject *type) {
  if (type->tp_finalize == NULL && type->tp_del == NULL &&
      type->tp_weaklistoffset == 0 && type->tp_dictoffset == 0)
    type->tp_dealloc = result_dealloc;
}
#endif

static PyObject *made(PyTypeObject *type, PyObject *content) {
  if (content == NULL) return NULL;
  if (type == NULL) {
    PyErr_SetString(PyExc_RuntimeError,
                    "pythread_rs._objects is used before pythread_rs");
    Py_DECREF(content);
    return NULL;
  }
  result_object_t *result = take_spare(type);
  if (result == NULL) result = PyObject_GC_New(result_object_t, type);
  if (result == NULL) {
    Py_DECREF(content);
    return NULL;
  }
  result->content = content;
  /* What the collector does not know is in no cycle, nor is its holder, which
   * never changes; tuples do the same. */
  if (PyObject_IS_GC(content)) PyObject_GC_Track((PyObject *)result);
  return (PyObject *)result;
}

PyObject *prs__ok(PyObject *value) { return made(ok_type, value); }

PyObject *prs__err(PyObject *error) { return made(err_type, error); }

PyObject **prs__ok_content(PyObject *result) {
  if (!Py_IS_TYPE(result, ok_type)) return NULL;
  return &((result_object_t *)result)->content;
}

/* On a free-threaded build every thread would write the reference count of one
 * shared object, which costs more than an object of one's own. */
PyObject *prs__ok_none(void) {
#ifndef Py_GIL_DISABLED
  if (none_in_ok != NULL) {
    Py_INCREF(none_in_ok);
    return none_in_ok;
  }
#endif
  Py_INCREF(Py_None);
  return prs__ok(Py_None);
}

/* Classes that come later, after the package was imported anew, replace these;
 * whoever uses an object of the old ones keeps it alive. */
static PyObject *set_results(PyObject *module, PyObject *args) {
  (void)module;
  PyTypeObject *ok;
  PyTypeObject *err;
  if (!PyArg_ParseTuple(args, "O!O!:set_results", &PyType_Type, &ok,
                        &PyType_Type, &err))
    return NULL;
  if (!has_one_slot(ok, "value") || !has_one_slot(err, "error")) return NULL;
  Py_INCREF(ok);
  Py_INCREF(err);
  ok_type = ok;
  err_type = err;
  free_quickly(ok);
  none_in_ok = NULL;
  none_in_ok = prs__ok_none();
  if (none_in_ok == NULL) return NULL;
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"set_results", set_results, METH_VARARGS,
                                   "set_results(ok, err, /)\n--\n\n"
                                   "Hand over the classes `Ok` and `Err`."},
                                  {NULL, NULL, 0, NULL}};

int prs__add_results(PyObject *module) {
  return PyModule_AddFunctions(module, functions);
}
