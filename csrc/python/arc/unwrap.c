/* Giving the content of an Arc back, and making it one's own. */
#include "arc.h"

/* ---- giving the value back ----------------------------------------------- */

PyObject *prs__arc_into_inner(PyObject *object, PyObject *unused) {
  (void)unused;
  prs_inner_t *inner = prs__arc_taken((prs_arc_t *)object, "into_inner");
  if (inner == NULL) return prs__arc_moved((prs_arc_t *)object);
  PyObject *value = prs__inner_give_up(inner);
  Py_DECREF(inner);
  if (value == NULL) Py_RETURN_NONE;
  return value;
}

/* Pass the owner's part on to a new object: what Rust's `self` does. */
static PyObject *handed_over(prs_arc_t *self, const char *used) {
  prs_arc_t *other = prs__arc_empty();
  if (other == NULL) return NULL;
  other->inner = prs__arc_taken(self, used);
  if (other->inner != NULL) return (PyObject *)other;
  Py_DECREF(other);
  return prs__arc_moved(self);
}

PyObject *prs__arc_try_unwrap(PyObject *object, PyObject *unused) {
  (void)unused;
  PyObject *owner = handed_over((prs_arc_t *)object, "try_unwrap");
  if (owner == NULL) return NULL;
  /* Nobody else knows this object. */
  PyObject *value = prs__inner_take_only(((prs_arc_t *)owner)->inner);
  if (value == NULL) return prs__err(owner);
  Py_CLEAR(((prs_arc_t *)owner)->inner);
  Py_DECREF(owner);
  return prs__ok(value);
}

PyObject *prs__arc_hand_over(PyObject *object, PyObject *unused) {
  (void)unused;
  return handed_over((prs_arc_t *)object, "downcast");
}

/* ---- a value of one's own ------------------------------------------------ */

PyObject *prs__arc_replace(PyObject *object, PyObject *value) {
  prs_arc_t *self = (prs_arc_t *)object;
  PyObject *content = prs__arc_content(value);
  if (content == NULL) return NULL;
  bool alone = false;
  prs_inner_t *inner;
  Py_BEGIN_CRITICAL_SECTION(self);
  inner = self->inner;
  /* Acquire: partner of the release in prs__inner_give_up(). */
  if (inner != NULL)
    alone = atomic_load_explicit(&inner->counts, memory_order_acquire) ==
            PRS_ONE_STRONG;
  if (alone) {
    PyObject *old = inner->value;
    inner->value = content;
    content = old;
  }
  Py_END_CRITICAL_SECTION();
  Py_DECREF(content);
  return inner == NULL ? prs__arc_moved(self) : PyBool_FromLong(alone);
}

/* Put an inner object of one's own in the place of the shared one. */
static PyObject *move_to(prs_arc_t *self, prs_inner_t *own) {
  prs_inner_t *shared;
  Py_BEGIN_CRITICAL_SECTION(self);
  shared = self->inner;
  if (shared != NULL) self->inner = own;
  Py_END_CRITICAL_SECTION();
  if (shared == NULL) {
    Py_DECREF(own);
    return prs__arc_moved(self);
  }
  PyObject *old = prs__inner_give_up(shared);
  Py_DECREF(shared);
  Py_XDECREF(old);
  Py_RETURN_NONE;
}

/* The value of an only owner leaves those behind who hold a Weak. */
static bool leave_weaks(prs_arc_t *self) {
  prs_inner_t *own = prs__inner_new(NULL, PRS_ONE_STRONG);
  if (own == NULL) return false;
  prs_inner_t *old = NULL;
  Py_BEGIN_CRITICAL_SECTION(self);
  if (self->inner != NULL) own->value = prs__inner_take_only(self->inner);
  if (own->value != NULL) {
    old = self->inner;
    self->inner = own;
  }
  Py_END_CRITICAL_SECTION();
  Py_XDECREF(old != NULL ? old : own);
  return true;
}

PyObject *prs__arc_unshare(PyObject *object, PyObject *clone) {
  prs_arc_t *self = (prs_arc_t *)object;
  uint64_t counts;
  if (!prs__arc_read_counts(object, &counts)) return NULL;
  if (prs__strong(counts) == 1 && prs__weak(counts) != 0) {
    if (!leave_weaks(self) || !prs__arc_read_counts(object, &counts))
      return NULL;
  }
  if (counts == PRS_ONE_STRONG) Py_RETURN_NONE;
  PyObject *value = prs__arc_value(object);
  if (value == NULL) return NULL;
  PyObject *copy = PyObject_CallOneArg(clone, value);
  Py_DECREF(value);
  PyObject *content = copy == NULL ? NULL : prs__arc_content(copy);
  Py_XDECREF(copy);
  if (content == NULL) return NULL;
  prs_inner_t *own = prs__inner_new(content, PRS_ONE_STRONG);
  return own == NULL ? NULL : move_to(self, own);
}
