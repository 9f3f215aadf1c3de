/* WeakBase: a way to an Arc's value that does not keep it alive. */
#include "arc.h"
#include "weak_docs.h"

typedef struct weak_object {
  PyObject_HEAD
  PyObject *reference; /* the inner object's only one; NULL: Weak() */
} weak_object_t;

/* Returns: a reference on the inner object; NULL when it is gone. */
static prs_inner_t *inner_of(PyObject *self) {
  PyObject *reference = ((weak_object_t *)self)->reference;
  if (reference == NULL) return NULL;
#if PY_VERSION_HEX >= 0x030D0000
  PyObject *inner;
  (void)PyWeakref_GetRef(reference, &inner);
  return (prs_inner_t *)inner;
#else
  PyObject *inner = PyWeakref_GET_OBJECT(reference);
  return inner == Py_None ? NULL : (prs_inner_t *)Py_NewRef(inner);
#endif
}

/* All Weaks of an inner object have one reference together, as CPython makes
 * no second one without a callback: it also tells them from others. */
PyObject *prs__weak_to(prs_inner_t *inner) {
  PyTypeObject *type = prs__arc_rules.weak;
  PyObject *reference = PyWeakref_NewRef((PyObject *)inner, NULL);
  PyObject *self = reference == NULL ? NULL : type->tp_alloc(type, 0);
  if (self != NULL) {
    ((weak_object_t *)self)->reference = reference;
    return self;
  }
  Py_XDECREF(reference);
  atomic_fetch_sub_explicit(&inner->counts, PRS_ONE_WEAK, memory_order_relaxed);
  return NULL;
}

static PyObject *weak_new(PyTypeObject *type, PyObject *args,
                          PyObject *kwargs) {
  static char *names[] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":Weak", names)) return NULL;
  return type->tp_alloc(type, 0);
}

static void weak_dealloc(weak_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  prs_inner_t *inner = inner_of((PyObject *)self);
  if (inner != NULL) {
    /* Release: partner of the acquire by which an only owner is found. */
    atomic_fetch_sub_explicit(&inner->counts, PRS_ONE_WEAK,
                              memory_order_release);
    Py_DECREF(inner);
  }
  Py_XDECREF(self->reference);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *weak_upgrade(PyObject *self, PyObject *unused) {
  (void)unused;
  prs_arc_t *arc = prs__arc_empty();
  if (arc == NULL) return NULL;
  prs_inner_t *inner = inner_of(self);
  if (inner != NULL && prs__inner_revive(inner)) {
    arc->inner = inner;
    return (PyObject *)arc;
  }
  Py_XDECREF(inner);
  Py_DECREF(arc);
  Py_RETURN_NONE;
}

static PyObject *weak_clone(PyObject *self, PyObject *unused) {
  (void)unused;
  prs_inner_t *inner = inner_of(self);
  if (inner == NULL) {
    PyTypeObject *type = prs__arc_rules.weak;
    PyObject *other = type->tp_alloc(type, 0);
    PyObject *reference = ((weak_object_t *)self)->reference;
    if (other != NULL)
      ((weak_object_t *)other)->reference = Py_XNewRef(reference);
    return other;
  }
  PyObject *other = NULL;
  if (prs__inner_add(inner, PRS_ONE_WEAK)) other = prs__weak_to(inner);
  Py_DECREF(inner);
  return other;
}

/* Both are 0 when the value is gone, as in Rust. */
static uint64_t counts_of(PyObject *self) {
  prs_inner_t *inner = inner_of(self);
  if (inner == NULL) return 0;
  uint64_t counts = atomic_load_explicit(&inner->counts, memory_order_acquire);
  Py_DECREF(inner);
  return prs__strong(counts) == 0 ? 0 : counts;
}

static PyObject *weak_strong_count(PyObject *self, PyObject *unused) {
  (void)unused;
  return PyLong_FromUnsignedLong(prs__strong(counts_of(self)));
}

static PyObject *weak_weak_count(PyObject *self, PyObject *unused) {
  (void)unused;
  return PyLong_FromUnsignedLong(prs__weak(counts_of(self)));
}

static PyObject *weak_ptr_eq(PyObject *self, PyObject *other) {
  if (!PyObject_TypeCheck(other, prs__arc_rules.weak))
    return PyErr_Format(PyExc_TypeError,
                        "ptr_eq() compares with a Weak, not %s",
                        Py_TYPE(other)->tp_name);
  return PyBool_FromLong(((weak_object_t *)self)->reference ==
                         ((weak_object_t *)other)->reference);
}

static PyObject *weak_repr(PyObject *self) {
  (void)self;
  return PyUnicode_FromString("(Weak)");
}

static PyMethodDef methods[] = {
    {"upgrade", weak_upgrade, METH_NOARGS, upgrade_doc},
    {"clone", weak_clone, METH_NOARGS, clone_doc},
    {"strong_count", weak_strong_count, METH_NOARGS, strong_count_doc},
    {"weak_count", weak_weak_count, METH_NOARGS, weak_count_doc},
    {"ptr_eq", weak_ptr_eq, METH_O, ptr_eq_doc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "What every Weak can do."},
                              {Py_tp_new, weak_new},
                              {Py_tp_dealloc, weak_dealloc},
                              {Py_tp_repr, weak_repr},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.WeakBase",
                           .basicsize = sizeof(weak_object_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_weak_type(PyObject *module) {
  return prs__add_type(module, &spec);
}
