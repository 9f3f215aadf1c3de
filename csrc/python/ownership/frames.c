/* Frames: what the local variables hold that are never read again.
 *
 * CPython has no public way to read a local without making a reference that
 * stays (3.11), or to tell a variable's own reference from a borrowed one
 * (3.14 and later: a parameter may borrow from the caller's variable, and so
 * may the value stack). So the frames are read where they are, as greenlet
 * does; their layout is fixed within a minor version. */
#define Py_BUILD_CORE
#include <Python.h>
#if PY_VERSION_HEX >= 0x030E0000
#include <internal/pycore_interpframe_structs.h>
#endif
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>
#undef Py_BUILD_CORE

#include "ownership.h"

/* The last bit of a slot says that no reference was counted for it. */
#define BORROWED ((uintptr_t)1)
#define TAGS ((uintptr_t)3)

typedef struct slots {
  PyCodeObject *code;
  const uintptr_t *first; /* locals, cells, free variables, then the stack */
  int locals;
  int all;
} slots_t;

static slots_t slots_of(PyFrameObject *frame) {
  _PyInterpreterFrame *inner = frame->f_frame;
  slots_t slots = {.first = (const uintptr_t *)inner->localsplus};
#if PY_VERSION_HEX >= 0x030E0000
  slots.code = (PyCodeObject *)(inner->f_executable.bits & ~TAGS);
  slots.all = (int)(inner->stackpointer - inner->localsplus);
#elif PY_VERSION_HEX >= 0x030D0000
  slots.code = (PyCodeObject *)inner->f_executable;
#else
  slots.code = inner->f_code;
#endif
  slots.locals = slots.code->co_nlocalsplus;
  if (slots.all < slots.locals) slots.all = slots.locals;
  return slots;
}

static bool is_borrowed(uintptr_t slot) {
#if PY_VERSION_HEX >= 0x030E0000
  return (slot & BORROWED) != 0;
#else
  (void)slot;
  return false;
#endif
}

static PyObject *value_in(uintptr_t slot) { return (PyObject *)(slot & ~TAGS); }

static bool is_cell(const slots_t *slots, int index) {
  const char *kinds = PyBytes_AS_STRING(slots->code->co_localspluskinds);
  return (kinds[index] & (CO_FAST_CELL | CO_FAST_FREE)) != 0;
}

/* A cell that closures hold, too, keeps its value for them. */
static PyObject *own_value(const slots_t *slots, int index) {
  PyObject *value = value_in(slots->first[index]);
  if (value == NULL || is_borrowed(slots->first[index])) return NULL;
  if (!is_cell(slots, index) || !PyCell_Check(value)) return value;
  return Py_REFCNT(value) == 1 ? PyCell_GET(value) : NULL;
}

static bool is_dead(const slots_t *slots, int index, PyObject *dead) {
  if (index >= slots->locals) return false;
  PyObject *name = PyTuple_GET_ITEM(slots->code->co_localsplusnames, index);
  return PySet_Contains(dead, name) == 1;
}

/* Whether a frame further in still uses an object through a borrowed slot. */
static bool is_in_use(PyObject *frames, Py_ssize_t last, PyObject *object) {
#if PY_VERSION_HEX >= 0x030E0000
  for (Py_ssize_t f = 0; f <= last; f++) {
    PyObject *pair = PyTuple_GET_ITEM(frames, f);
    slots_t slots = slots_of((PyFrameObject *)PyTuple_GET_ITEM(pair, 0));
    PyObject *dead = PyTuple_GET_ITEM(pair, 1);
    for (int i = 0; i < slots.all; i++)
      if (is_borrowed(slots.first[i]) && value_in(slots.first[i]) == object &&
          !is_dead(&slots, i, dead))
        return true;
  }
#else
  (void)frames;
  (void)last;
  (void)object;
#endif
  return false;
}

void prs__each_dead_value(PyObject *frames, prs_credit_t credit, void *arg) {
  for (Py_ssize_t f = 0; f < PyTuple_GET_SIZE(frames); f++) {
    PyObject *pair = PyTuple_GET_ITEM(frames, f);
    slots_t slots = slots_of((PyFrameObject *)PyTuple_GET_ITEM(pair, 0));
    PyObject *dead = PyTuple_GET_ITEM(pair, 1);
    for (int i = 0; i < slots.locals; i++) {
      PyObject *value = own_value(&slots, i);
      if (value != NULL && is_dead(&slots, i, dead) &&
          !is_in_use(frames, f, value))
        credit(value, arg);
    }
  }
}

PyObject *prs__locals(PyObject *module, PyObject *frame) {
  (void)module;
  if (!PyFrame_Check(frame)) {
    PyErr_SetString(PyExc_TypeError, "locals_of() takes a frame");
    return NULL;
  }
  slots_t slots = slots_of((PyFrameObject *)frame);
  PyObject *result = PyDict_New();
  for (int i = 0; result != NULL && i < slots.locals; i++) {
    PyObject *value = value_in(slots.first[i]);
    if (value != NULL && is_cell(&slots, i) && PyCell_Check(value))
      value = PyCell_GET(value);
    PyObject *name = PyTuple_GET_ITEM(slots.code->co_localsplusnames, i);
    if (value != NULL && PyDict_SetItem(result, name, value) < 0)
      Py_CLEAR(result);
  }
  return result;
}

PyCodeObject *prs__owner_of(PyObject *cell, PyObject **name) {
  PyFrameObject *frame = (PyFrameObject *)Py_XNewRef(PyEval_GetFrame());
  PyCodeObject *owner = NULL;
  while (frame != NULL && owner == NULL) {
    slots_t slots = slots_of(frame);
    for (int i = 0; i < slots.locals; i++) {
      if (value_in(slots.first[i]) != cell) continue;
      char kind = PyBytes_AS_STRING(slots.code->co_localspluskinds)[i];
      if ((kind & CO_FAST_CELL) == 0) continue;
      *name = PyTuple_GET_ITEM(slots.code->co_localsplusnames, i);
      owner = slots.code; /* the frame that runs keeps it */
    }
    PyFrameObject *back = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = back;
  }
  Py_XDECREF(frame);
  return owner;
}
