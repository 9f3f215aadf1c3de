/* ArcBase: one strong owner of a value that several threads may hold.
 *
 * An Arc that two threads use by two names of one object is guarded by the
 * object's lock, which under the GIL is nothing. */
#include "arc.h"

#include "csrc/python/ownership/ownership.h"
#include "docs.h"

prs_arc_rules_t prs__arc_rules;

PyObject *prs__arc_refuse(const char *why, PyObject *who, PyObject *what) {
  if (prs__arc_rules.refuse == NULL) {
    PyErr_SetString(PyExc_RuntimeError,
                    "pythread_rs._objects is used before pythread_rs.sync");
    return NULL;
  }
  PyObject *result = PyObject_CallFunction(prs__arc_rules.refuse, "sOO", why,
                                           who, what == NULL ? Py_None : what);
  if (result == NULL) return NULL;
  Py_DECREF(result);
  PyErr_SetString(PyExc_SystemError, "refuse() did not raise");
  return NULL;
}

/* ---- one owner ----------------------------------------------------------- */

PyObject *prs__arc_moved(prs_arc_t *self) {
  PyObject *used = PyUnicode_FromString(self->used == NULL ? "" : self->used);
  if (used == NULL) return NULL;
  (void)prs__arc_refuse("moved", (PyObject *)self, used);
  Py_DECREF(used);
  return NULL;
}

prs_arc_t *prs__arc_empty(void) {
  PyTypeObject *type = prs__arc_rules.arc;
  return (prs_arc_t *)type->tp_alloc(type, 0);
}

prs_inner_t *prs__arc_taken(prs_arc_t *self, const char *used) {
  prs_inner_t *inner;
  Py_BEGIN_CRITICAL_SECTION(self);
  inner = self->inner;
  if (inner != NULL) self->used = used;
  self->inner = NULL;
  Py_END_CRITICAL_SECTION();
  return inner;
}

prs_inner_t *prs__arc_inner(PyObject *object) {
  prs_arc_t *self = (prs_arc_t *)object;
  prs_inner_t *inner;
  Py_BEGIN_CRITICAL_SECTION(self);
  inner = self->inner;
  Py_XINCREF(inner);
  Py_END_CRITICAL_SECTION();
  if (inner == NULL) (void)prs__arc_moved(self);
  return inner;
}

PyObject *prs__arc_value(PyObject *object) {
  prs_arc_t *self = (prs_arc_t *)object;
  PyObject *value;
  Py_BEGIN_CRITICAL_SECTION(self);
  value = self->inner == NULL ? NULL : Py_XNewRef(self->inner->value);
  Py_END_CRITICAL_SECTION();
  return value != NULL ? value : prs__arc_moved(self);
}

/* Add one to a count. Returns: a reference on the inner object, or NULL. */
static prs_inner_t *counted(prs_arc_t *self, uint64_t one) {
  prs_inner_t *inner;
  bool added = false;
  Py_BEGIN_CRITICAL_SECTION(self);
  inner = self->inner;
  if (inner != NULL) added = prs__inner_add(inner, one);
  if (added) Py_INCREF(inner);
  Py_END_CRITICAL_SECTION();
  if (inner == NULL) (void)prs__arc_moved(self);
  return added ? inner : NULL;
}

static int arc_traverse(prs_arc_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->inner);
  return 0;
}

static int arc_clear(prs_arc_t *self) {
  prs_inner_t *inner = self->inner;
  self->inner = NULL;
  if (inner == NULL) return 0;
  PyObject *value = prs__inner_give_up(inner);
  Py_DECREF(inner);
  Py_XDECREF(value);
  return 0;
}

static void arc_dealloc(prs_arc_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)arc_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- making one ---------------------------------------------------------- */

static bool is_sync(PyObject *value) {
  prs_kind_t kind = prs__kind_by_asking(value);
  if (prs__is_shareable(kind)) return true;
  return (kind == PRS_TRANSPARENT || kind == PRS_FUNCTION ||
          kind == PRS_CACHE || kind == PRS_NDARRAY) &&
         prs__is_frozen(value);
}

PyObject *prs__arc_content(PyObject *value) {
  bool fits = is_sync(value);
  if (!fits && PyErr_Occurred()) return NULL;
  if (!fits) return prs__arc_refuse("not sync", Py_None, value);
  return Py_NewRef(value);
}

static PyObject *arc_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"", NULL};
  PyObject *value;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:Arc", names, &value))
    return NULL;
  PyObject *content = prs__arc_content(value);
  if (content == NULL) return NULL;
  prs_inner_t *inner = prs__inner_new(content, PRS_ONE_STRONG);
  if (inner == NULL) return NULL;
  prs_arc_t *self = (prs_arc_t *)type->tp_alloc(type, 0);
  if (self == NULL) {
    Py_DECREF(inner);
    return NULL;
  }
  self->inner = inner;
  return (PyObject *)self;
}

static PyObject *arc_new_cyclic(PyObject *type, PyObject *make) {
  (void)type;
  prs_arc_t *self = prs__arc_empty();
  if (self == NULL) return NULL;
  prs_inner_t *inner = prs__inner_new(NULL, PRS_ONE_WEAK);
  PyObject *weak = inner == NULL ? NULL : prs__weak_to(inner);
  PyObject *value = weak == NULL ? NULL : PyObject_CallOneArg(make, weak);
  Py_XDECREF(weak);
  PyObject *content = value == NULL ? NULL : prs__arc_content(value);
  Py_XDECREF(value);
  if (content == NULL) {
    Py_XDECREF(inner);
    Py_DECREF(self);
    return NULL;
  }
  inner->value = content;
  /* Release: partner of the acquire in prs__inner_revive(). */
  atomic_fetch_add_explicit(&inner->counts, PRS_ONE_STRONG,
                            memory_order_release);
  self->inner = inner;
  return (PyObject *)self;
}

static PyObject *arc_clone(PyObject *object, PyObject *unused) {
  (void)unused;
  prs_arc_t *other = prs__arc_empty();
  if (other == NULL) return NULL;
  other->inner = counted((prs_arc_t *)object, PRS_ONE_STRONG);
  if (other->inner != NULL) return (PyObject *)other;
  Py_DECREF(other);
  return NULL;
}

static PyObject *arc_downgrade(PyObject *object, PyObject *unused) {
  (void)unused;
  prs_inner_t *inner = counted((prs_arc_t *)object, PRS_ONE_WEAK);
  if (inner == NULL) return NULL;
  PyObject *weak = prs__weak_to(inner);
  Py_DECREF(inner);
  return weak;
}

/* ---- counts -------------------------------------------------------------- */

bool prs__arc_read_counts(PyObject *self, uint64_t *counts) {
  prs_inner_t *inner = prs__arc_inner(self);
  if (inner == NULL) return false;
  /* Acquire: an owner who is gone has done all that it did. */
  *counts = atomic_load_explicit(&inner->counts, memory_order_acquire);
  Py_DECREF(inner);
  return true;
}

static PyObject *arc_strong_count(PyObject *self, PyObject *unused) {
  (void)unused;
  uint64_t counts;
  if (!prs__arc_read_counts(self, &counts)) return NULL;
  return PyLong_FromUnsignedLong(prs__strong(counts));
}

static PyObject *arc_weak_count(PyObject *self, PyObject *unused) {
  (void)unused;
  uint64_t counts;
  if (!prs__arc_read_counts(self, &counts)) return NULL;
  return PyLong_FromUnsignedLong(prs__weak(counts));
}

static PyObject *arc_is_unique(PyObject *self, PyObject *unused) {
  (void)unused;
  uint64_t counts;
  if (!prs__arc_read_counts(self, &counts)) return NULL;
  return PyBool_FromLong(counts == PRS_ONE_STRONG);
}

static PyObject *arc_ptr_eq(PyObject *self, PyObject *other) {
  if (!PyObject_TypeCheck(other, prs__arc_rules.arc))
    return PyErr_Format(PyExc_TypeError,
                        "ptr_eq() compares with an Arc, not %s",
                        Py_TYPE(other)->tp_name);
  prs_inner_t *one = prs__arc_inner(self);
  prs_inner_t *two = one == NULL ? NULL : prs__arc_inner(other);
  PyObject *result = two == NULL ? NULL : PyBool_FromLong(one == two);
  Py_XDECREF(one);
  Py_XDECREF(two);
  return result;
}

/* ---- the type ------------------------------------------------------------ */

static PyObject *get_value(PyObject *self, void *unused) {
  (void)unused;
  return prs__arc_value(self);
}

static PyGetSetDef getters[] = {{"value", get_value, NULL, value_doc, NULL},
                                {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {
    {"clone", arc_clone, METH_NOARGS, clone_doc},
    {"downgrade", arc_downgrade, METH_NOARGS, downgrade_doc},
    {"strong_count", arc_strong_count, METH_NOARGS, strong_count_doc},
    {"weak_count", arc_weak_count, METH_NOARGS, weak_count_doc},
    {"is_unique", arc_is_unique, METH_NOARGS, is_unique_doc},
    {"ptr_eq", arc_ptr_eq, METH_O, ptr_eq_doc},
    {"into_inner", prs__arc_into_inner, METH_NOARGS, into_inner_doc},
    {"try_unwrap", prs__arc_try_unwrap, METH_NOARGS, try_unwrap_doc},
    {"new_cyclic", arc_new_cyclic, METH_O | METH_CLASS, new_cyclic_doc},
    {"_arc_hand_over", prs__arc_hand_over, METH_NOARGS, NULL},
    {"_arc_replace", prs__arc_replace, METH_O, NULL},
    {"_arc_unshare", prs__arc_unshare, METH_O, NULL},
    {"__format__", prs__arc_format, METH_O, NULL},
    {"__reversed__", prs__arc_reversed, METH_NOARGS, NULL},
    {"__enter__", prs__arc_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))prs__arc_exit, METH_FASTCALL,
     NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "What every Arc can do."},
                              {Py_tp_new, arc_new},
                              {Py_tp_dealloc, arc_dealloc},
                              {Py_tp_traverse, arc_traverse},
                              {Py_tp_clear, arc_clear},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, getters},
                              {Py_tp_repr, prs__arc_repr},
                              {Py_tp_str, prs__arc_str},
                              {Py_tp_hash, prs__arc_hash},
                              {Py_tp_richcompare, prs__arc_compare},
                              {Py_tp_call, prs__arc_call},
                              {Py_tp_iter, prs__arc_iter},
                              {Py_tp_getattro, prs__arc_attribute},
                              {Py_tp_setattro, prs__arc_set_attribute},
                              {Py_mp_length, prs__arc_length},
                              {Py_mp_subscript, prs__arc_item},
                              {Py_mp_ass_subscript, prs__arc_set_item},
                              {Py_sq_contains, prs__arc_contains},
                              {Py_nb_bool, prs__arc_bool},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.ArcBase",
                           .basicsize = sizeof(prs_arc_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

/* Classes that come later, after the package was imported anew, replace these;
 * the old ones stay, as objects of theirs do. */
static PyObject *set_arcs(PyObject *module, PyObject *args) {
  (void)module;
  prs_arc_rules_t rules;
  if (!PyArg_ParseTuple(args, "O!O!O:set_arcs", &PyType_Type, &rules.arc,
                        &PyType_Type, &rules.weak, &rules.refuse))
    return NULL;
  Py_INCREF(rules.arc);
  Py_INCREF(rules.weak);
  Py_INCREF(rules.refuse);
  prs__arc_rules = rules;
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_arcs", set_arcs, METH_VARARGS,
     "set_arcs(arc, weak, refuse, /)\n--\n\n"
     "Hand over the public classes, and the function that raises refusals."},
    {NULL, NULL, 0, NULL}};

int prs__add_arc_type(PyObject *module) {
  if (prs__add_inner_type(module) < 0) return -1;
  if (PyModule_AddFunctions(module, functions) < 0) return -1;
  return prs__add_type(module, &spec);
}
