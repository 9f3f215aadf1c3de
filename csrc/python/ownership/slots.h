/* Slots: the variables and the value stack of a frame, read where they are.
 *
 * CPython has no public way to read a local without making a reference that
 * stays (3.11), or to tell a variable's own reference from a borrowed one
 * (3.14 and later: a parameter may borrow from the caller's variable, and so
 * may the value stack). So the frames are read where they are, as greenlet
 * does; their layout is fixed within a minor version. */
#ifndef PRS_SLOTS_H
#define PRS_SLOTS_H

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
#define PRS_BORROWED ((uintptr_t)1)
#define PRS_TAGS ((uintptr_t)3)

typedef struct prs_slots {
  PyCodeObject *code;
  _PyInterpreterFrame *inner;
  uintptr_t *first; /* locals, cells, free variables, then the stack */
  int locals;
  int all; /* up to 3.13 nobody knows how much of the stack is in use */
} prs_slots_t;

static inline prs_slots_t prs__slots_of_inner(_PyInterpreterFrame *inner) {
  prs_slots_t slots = {.inner = inner, .first = (uintptr_t *)inner->localsplus};
#if PY_VERSION_HEX >= 0x030E0000
  slots.code = (PyCodeObject *)(inner->f_executable.bits & ~PRS_TAGS);
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

static inline prs_slots_t prs__slots_of(PyFrameObject *frame) {
  return prs__slots_of_inner(frame->f_frame);
}

static inline bool prs__is_borrowed(uintptr_t slot) {
#if PY_VERSION_HEX >= 0x030E0000
  return (slot & PRS_BORROWED) != 0;
#else
  (void)slot;
  return false;
#endif
}

static inline PyObject *prs__value_in(uintptr_t slot) {
  return (PyObject *)(slot & ~PRS_TAGS);
}

/* The kind of a variable, by CPython's bits. */
static inline int prs__slot_kind(const prs_slots_t *slots, int index) {
  return PyBytes_AS_STRING(slots->code->co_localspluskinds)[index];
}

/* Put None into a slot. Returns: the reference that it held, or NULL where it
 * held a borrowed one. Never leaves NULL: 3.12 and later read locals
 * unchecked. */
static inline PyObject *prs__clear_slot(uintptr_t *slot) {
  PyObject *old = prs__is_borrowed(*slot) ? NULL : prs__value_in(*slot);
#if PY_VERSION_HEX >= 0x030E0000
  *slot = (uintptr_t)Py_None | PRS_BORROWED; /* as immortal ones are kept */
#else
  *slot = (uintptr_t)Py_NewRef(Py_None);
#endif
  return old;
}

#endif
