/* The inner object of an Arc: the value and the two counts. */
#include "arc.h"

#include <stddef.h>
#include <structmember.h> /* T_PYSSIZET, up to 3.11 */

/* Far from what a carry into the other count would take. */
#define MOST UINT32_C(0x7fffffff)

static PyTypeObject *inner_type;

prs_inner_t *prs__inner_new(PyObject *value, uint64_t counts) {
  prs_inner_t *self = (prs_inner_t *)inner_type->tp_alloc(inner_type, 0);
  if (self == NULL) {
    Py_XDECREF(value);
    return NULL;
  }
  self->value = value;
  atomic_init(&self->counts, counts);
  return self;
}

static bool is_too_much(uint64_t counts) {
  if (prs__strong(counts) < MOST && prs__weak(counts) < MOST) return false;
  PyErr_SetString(PyExc_OverflowError, "Arc counter overflow");
  return true;
}

bool prs__inner_add(prs_inner_t *inner, uint64_t one) {
  /* Who has a count may hand out another: nothing is published by it. */
  if (is_too_much(atomic_load_explicit(&inner->counts, memory_order_relaxed)))
    return false;
  atomic_fetch_add_explicit(&inner->counts, one, memory_order_relaxed);
  return true;
}

bool prs__inner_revive(prs_inner_t *inner) {
  uint64_t seen = atomic_load_explicit(&inner->counts, memory_order_relaxed);
  do {
    if (prs__strong(seen) == 0) return false;
    /* Acquire: partner of new_cyclic's release, which publishes the value. */
  } while (!atomic_compare_exchange_weak_explicit(
      &inner->counts, &seen, seen + PRS_ONE_STRONG, memory_order_acquire,
      memory_order_relaxed));
  return true;
}

static PyObject *take_value(prs_inner_t *inner) {
  PyObject *value = inner->value;
  inner->value = NULL;
  return value;
}

PyObject *prs__inner_give_up(prs_inner_t *inner) {
  /* Release what this owner did; the last one acquires what all have done. */
  uint64_t before = atomic_fetch_sub_explicit(&inner->counts, PRS_ONE_STRONG,
                                              memory_order_acq_rel);
  return prs__strong(before) == 1 ? take_value(inner) : NULL;
}

PyObject *prs__inner_take_only(prs_inner_t *inner) {
  uint64_t seen = atomic_load_explicit(&inner->counts, memory_order_relaxed);
  do {
    if (prs__strong(seen) != 1) return NULL;
    /* Acquire: partner of the release in prs__inner_give_up(). */
  } while (!atomic_compare_exchange_weak_explicit(
      &inner->counts, &seen, seen - PRS_ONE_STRONG, memory_order_acquire,
      memory_order_relaxed));
  return take_value(inner);
}

static int inner_traverse(prs_inner_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->value);
  return 0;
}

/* No tp_clear: each cycle through here goes through an Arc, which has one. */
static void inner_dealloc(prs_inner_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (self->weakrefs != NULL) PyObject_ClearWeakRefs((PyObject *)self);
  Py_XDECREF(self->value);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(prs_inner_t, weakrefs),
     READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "What several Arcs own together."},
                              {Py_tp_dealloc, inner_dealloc},
                              {Py_tp_traverse, inner_traverse},
                              {Py_tp_members, members},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.ArcInner",
                           .basicsize = sizeof(prs_inner_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_IMMUTABLETYPE |
                                    Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           .slots = slots};

int prs__add_inner_type(PyObject *module) {
  PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
  if (type == NULL) return -1;
  Py_XSETREF(inner_type, (PyTypeObject *)type);
  return 0;
}
