/* Frames: what the local variables hold that are never read again, and how a
 * value that is handed over leaves them. */
#include "slots.h"

static bool is_cell(const prs_slots_t *slots, int index) {
  return (prs__slot_kind(slots, index) & (CO_FAST_CELL | CO_FAST_FREE)) != 0;
}

static PyObject *function_of(const prs_slots_t *slots) {
#if PY_VERSION_HEX >= 0x030E0000
  uintptr_t bits = slots->inner->f_funcobj.bits;
  return prs__is_borrowed(bits) ? NULL : prs__value_in(bits);
#elif PY_VERSION_HEX >= 0x030C0000
  return slots->inner->f_funcobj;
#else
  return (PyObject *)slots->inner->f_func;
#endif
}

/* Whether nobody but the frame can reach a variable that its function has
 * captured: the function is only held by the frame, which runs it for the
 * last time, as it runs a moved closure. */
static bool runs_for_the_last_time(const prs_slots_t *slots) {
  PyObject *function = function_of(slots);
  if (function == NULL || !PyFunction_Check(function)) return false;
  PyObject *closure = PyFunction_GET_CLOSURE(function);
  return Py_REFCNT(function) == 1 && closure != NULL &&
         Py_REFCNT(closure) == 1 && prs__weakrefs(function) == NULL;
}

/* A cell that others hold, too, keeps its value for them. */
static bool is_own_cell(const prs_slots_t *slots, int index, PyObject *cell) {
  if ((prs__slot_kind(slots, index) & CO_FAST_FREE) == 0)
    return Py_REFCNT(cell) == 1;
  return Py_REFCNT(cell) == 2 && runs_for_the_last_time(slots);
}

/* What a variable holds a counted reference on, or NULL. */
static PyObject *own_value(const prs_slots_t *slots, int index) {
  PyObject *value = prs__value_in(slots->first[index]);
  if (value == NULL || prs__is_borrowed(slots->first[index])) return NULL;
  if (!is_cell(slots, index) || !PyCell_Check(value)) return value;
  return is_own_cell(slots, index, value) ? PyCell_GET(value) : NULL;
}

static bool is_dead(const prs_slots_t *slots, int index, PyObject *dead) {
  if (index >= slots->locals) return false;
  PyObject *name = PyTuple_GET_ITEM(slots->code->co_localsplusnames, index);
  return PySet_Contains(dead, name) == 1;
}

/* Whether a frame further in still uses an object through a borrowed slot. */
static bool is_in_use(const prs_frames_t *frames, Py_ssize_t last,
                      PyObject *object) {
#if PY_VERSION_HEX >= 0x030E0000
  for (Py_ssize_t f = 0; f <= last; f++) {
    PyObject *pair = PyTuple_GET_ITEM(frames->pairs, f);
    prs_slots_t slots =
        prs__slots_of((PyFrameObject *)PyTuple_GET_ITEM(pair, 0));
    PyObject *dead = PyTuple_GET_ITEM(pair, 1);
    for (int i = 0; i < slots.all; i++)
      if (prs__is_borrowed(slots.first[i]) &&
          prs__value_in(slots.first[i]) == object &&
          &slots.first[i] != frames->lent && !is_dead(&slots, i, dead))
        return true;
  }
#else
  (void)frames;
  (void)last;
  (void)object;
#endif
  return false;
}

void prs__each_dead_value(const prs_frames_t *frames, prs_credit_t credit,
                          void *arg) {
  const uintptr_t *lent = frames->lent;
  if (lent != NULL && !prs__is_borrowed(*lent))
    credit(prs__value_in(*lent), NULL, 0, arg);
  for (Py_ssize_t f = 0; f < PyTuple_GET_SIZE(frames->pairs); f++) {
    PyObject *pair = PyTuple_GET_ITEM(frames->pairs, f);
    PyObject *frame = PyTuple_GET_ITEM(pair, 0);
    prs_slots_t slots = prs__slots_of((PyFrameObject *)frame);
    PyObject *dead = PyTuple_GET_ITEM(pair, 1);
    for (int i = 0; i < slots.locals; i++) {
      PyObject *value = own_value(&slots, i);
      if (value != NULL && is_dead(&slots, i, dead) &&
          !is_in_use(frames, f, value))
        credit(value, frame, i, arg);
    }
  }
}

void prs__each_borrowed_slot(const prs_frames_t *frames, prs_credit_t tell,
                             void *arg) {
#if PY_VERSION_HEX >= 0x030E0000
  for (Py_ssize_t f = 0; f < PyTuple_GET_SIZE(frames->pairs); f++) {
    PyObject *frame = PyTuple_GET_ITEM(PyTuple_GET_ITEM(frames->pairs, f), 0);
    prs_slots_t slots = prs__slots_of((PyFrameObject *)frame);
    for (int i = 0; i < slots.locals; i++)
      if (prs__is_borrowed(slots.first[i]) &&
          prs__value_in(slots.first[i]) != NULL)
        tell(prs__value_in(slots.first[i]), frame, i, arg);
  }
#else
  (void)frames;
  (void)tell;
  (void)arg;
#endif
}

PyObject *prs__empty_variable(PyObject *frame, int index) {
  prs_slots_t slots = prs__slots_of((PyFrameObject *)frame);
  PyObject *cell = prs__value_in(slots.first[index]);
  if (!is_cell(&slots, index) || cell == NULL || !PyCell_Check(cell))
    return prs__clear_slot(&slots.first[index]);
  PyObject *old = PyCell_GET(cell);
  PyCell_SET(cell, NULL); /* nobody else knows the cell */
  return old;
}

void prs__refill_variable(PyObject *frame, int index, PyObject *value) {
  prs_slots_t slots = prs__slots_of((PyFrameObject *)frame);
  PyObject *old = prs__value_in(slots.first[index]);
  if (is_cell(&slots, index) && old != NULL && PyCell_Check(old)) {
    if (PyCell_GET(old) == NULL) PyCell_SET(old, Py_NewRef(value));
    return;
  }
  if (old != Py_None) return; /* a debugger has put something else there */
#if PY_VERSION_HEX < 0x030E0000
  Py_DECREF(old);
#endif
  slots.first[index] = (uintptr_t)Py_NewRef(value);
}

PyObject *prs__locals(PyObject *module, PyObject *frame) {
  (void)module;
  if (!PyFrame_Check(frame)) {
    PyErr_SetString(PyExc_TypeError, "locals_of() takes a frame");
    return NULL;
  }
  prs_slots_t slots = prs__slots_of((PyFrameObject *)frame);
  PyObject *result = PyDict_New();
  for (int i = 0; result != NULL && i < slots.locals; i++) {
    PyObject *value = prs__value_in(slots.first[i]);
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
    prs_slots_t slots = prs__slots_of(frame);
    for (int i = 0; i < slots.locals; i++) {
      if (prs__value_in(slots.first[i]) != cell) continue;
      if ((prs__slot_kind(&slots, i) & CO_FAST_CELL) == 0) continue;
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

PyObject *prs__function_of(PyFrameObject *frame) {
  prs_slots_t slots = prs__slots_of(frame);
  return function_of(&slots);
}
