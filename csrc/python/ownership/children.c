/* Children: what an object holds. CPython's tp_traverse tells, but for three
 * things: a function also visits its module, a numpy array does not visit its
 * base, and some CPythons leave out an instance's `__dict__` (gh-130327). */
#include "ownership.h"

/* ---- gh-130327 ----------------------------------------------------------- */

/* Where the pointer to a materialised `__dict__` stands before the object, in
 * words; 0 when tp_traverse visits the dict as it should. */
static Py_ssize_t dict_word;

static PyObject *wrapped_name; /* "__wrapped__" */

typedef struct probe {
  PyObject *wanted;
  bool found;
} probe_t;

static int look_for(PyObject *child, void *arg) {
  probe_t *probe = arg;
  probe->found |= child == probe->wanted;
  return 0;
}

/* The words before an object that may hold the pointer: 3.13 and later keep it
 * three words ahead, or one in a free-threaded build. */
static Py_ssize_t find_dict_word(PyObject *object, PyObject *dict) {
  for (Py_ssize_t word = -4; word < 0; word++)
    if (((PyObject **)object)[word] == dict) return word;
  return 0;
}

static PyObject *new_sample(void) {
  PyObject *type = PyObject_CallFunction((PyObject *)&PyType_Type, "s(){}",
                                         "_PythreadRsSample");
  if (type == NULL) return NULL;
  PyObject *sample = PyObject_CallNoArgs(type);
  Py_DECREF(type);
  if (sample == NULL) return NULL;
  if (PyObject_SetAttrString(sample, "a", Py_None) == 0) return sample;
  Py_DECREF(sample);
  return NULL;
}

bool prs__learn_children(void) {
  wrapped_name = PyUnicode_InternFromString("__wrapped__");
  if (wrapped_name == NULL) return false;
  PyObject *sample = new_sample();
  if (sample == NULL) return false;
  PyObject *dict = PyObject_GetAttrString(sample, "__dict__");
  if (dict != NULL) {
    probe_t probe = {.wanted = dict, .found = false};
    (void)Py_TYPE(sample)->tp_traverse(sample, look_for, &probe);
    if (!probe.found) dict_word = find_dict_word(sample, dict);
    if (!probe.found && dict_word == 0)
      PyErr_SetString(PyExc_ImportError,
                      "pythread_rs cannot see the __dict__ of objects on this "
                      "CPython: please report its version");
  }
  Py_XDECREF(dict);
  Py_DECREF(sample);
  return !PyErr_Occurred();
}

static bool hides_dict(PyTypeObject *type) {
#if PY_VERSION_HEX >= 0x030D0000
  return dict_word != 0 && PyType_HasFeature(type, Py_TPFLAGS_INLINE_VALUES);
#else
  (void)type;
  return false;
#endif
}

#define MOST_INLINE 64

typedef struct relay {
  visitproc visit;
  void *arg;
  PyObject *values[MOST_INLINE]; /* the dict's, until they are passed */
  Py_ssize_t count;
} relay_t;

static int skip_inline_values(PyObject *child, void *arg) {
  relay_t *relay = arg;
  for (Py_ssize_t i = 0; i < relay->count; i++) {
    if (relay->values[i] != child) continue;
    relay->values[i] = relay->values[--relay->count];
    return 0;
  }
  return relay->visit(child, relay->arg);
}

/* Values that the object keeps for its dict are visited through the dict. */
static int visit_with_dict(PyObject *object, visitproc visit, void *arg) {
  PyObject *dict = ((PyObject **)object)[dict_word];
  if (dict == NULL || ((PyDictObject *)dict)->ma_values == NULL)
    return Py_TYPE(object)->tp_traverse(object, visit, arg);
  relay_t relay = {.visit = visit, .arg = arg};
  PyObject *key;
  PyObject *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &key, &value))
    if (relay.count < MOST_INLINE) relay.values[relay.count++] = value;
  int stop = Py_TYPE(object)->tp_traverse(object, skip_inline_values, &relay);
  return stop != 0 ? stop : visit(dict, arg);
}

static int visit_items(PyObject *dict, visitproc visit, void *arg) {
  PyObject *key;
  PyObject *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &key, &value)) {
    Py_VISIT(key);
    Py_VISIT(value);
  }
  return 0;
}

/* ---- functions and arrays ------------------------------------------------ */

/* A function's dicts are part of the program, as the function is: what counts
 * is what they hold. */
static int visit_values(PyObject *dict, visitproc visit, void *arg) {
  PyObject *key;
  PyObject *value;
  Py_ssize_t position = 0;
  while (dict != NULL && PyDict_Next(dict, &position, &key, &value))
    Py_VISIT(value);
  return 0;
}

static int visit_function(PyObject *object, visitproc visit, void *arg) {
  PyFunctionObject *function = (PyFunctionObject *)object;
  Py_VISIT(function->func_closure);
  Py_VISIT(function->func_defaults);
  int stop = visit_values(function->func_kwdefaults, visit, arg);
  return stop != 0 ? stop : visit_values(function->func_dict, visit, arg);
}

typedef struct filter {
  visitproc visit;
  void *arg;
} filter_t;

static int visit_callable(PyObject *child, void *arg) {
  filter_t *filter = arg;
  bool wanted = PyFunction_Check(child) || PyMethod_Check(child) ||
                Py_TYPE(child) == prs__moved_type;
  return wanted ? filter->visit(child, filter->arg) : 0;
}

/* What the cache holds is its own business: it has a lock. */
static int visit_cached_function(PyObject *object, visitproc visit, void *arg) {
  filter_t filter = {visit, arg};
  PyTypeObject *type = Py_TYPE(object);
  int stop = type->tp_traverse(object, visit_callable, &filter);
  if (stop != 0 || type->tp_dictoffset <= 0) return stop;
  /* Of its attributes only this one holds the function once more. */
  PyObject *dict = *(PyObject **)((char *)object + type->tp_dictoffset);
  PyObject *wrapped =
      dict == NULL ? NULL : PyDict_GetItemWithError(dict, wrapped_name);
  return wrapped == NULL ? 0 : visit(wrapped, arg);
}

/* The head of numpy's PyArrayObject: the same since NumPy 1.7. */
typedef struct array_head {
  PyObject_HEAD
  char *data;
  int dimensions;
  Py_ssize_t *shape;
  Py_ssize_t *strides;
  PyObject *base;
  PyObject *description;
} array_head_t;

/* The last owner may be a buffer of another library; an object array holds
 * references that it does not visit (isolated.c refuses those). */
static int visit_array(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(((array_head_t *)object)->base);
  traverseproc attributes = Py_TYPE(object)->tp_traverse; /* of a subclass */
  return attributes == NULL ? 0 : attributes(object, visit, arg);
}

int prs__children(PyObject *object, prs_kind_t kind, visitproc visit,
                  void *arg) {
  if (kind == PRS_FUNCTION) return visit_function(object, visit, arg);
  if (kind == PRS_NDARRAY) return visit_array(object, visit, arg);
  if (kind == PRS_CACHE) return visit_cached_function(object, visit, arg);
  if (kind == PRS_MOVED) {
    PyObject *inner = prs__moved_inner(object);
    return inner == NULL ? 0 : visit(inner, arg);
  }
  PyTypeObject *type = Py_TYPE(object);
  if (type->tp_traverse == NULL) return 0;
  if (hides_dict(type)) return visit_with_dict(object, visit, arg);
  if (dict_word != 0 && type == &PyDict_Type)
    return visit_items(object, visit, arg);
  return type->tp_traverse(object, visit, arg);
}

bool prs__is_dict_of(PyObject *owner, PyObject *dict) {
  PyTypeObject *type = Py_TYPE(owner);
  if (type->tp_dictoffset > 0)
    return *(PyObject **)((char *)owner + type->tp_dictoffset) == dict;
  if (!PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT)) return false;
  return find_dict_word(owner, dict) != 0;
}

PyObject *prs__weakrefs(PyObject *object) {
  Py_ssize_t offset = Py_TYPE(object)->tp_weaklistoffset;
  /* It is negative where the list stands before the object. */
  return offset == 0 ? NULL : *(PyObject **)((char *)object + offset);
}
