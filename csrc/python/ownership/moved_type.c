/* Moved: a closure that owns what it captures, to be called or spawned once.
 *
 * It holds the clone until that is given away, and what is needed to give
 * everything back when no thread could start. A closure that was given back can
 * be moved again: nothing was lost. */
#include "ownership.h"

typedef struct moved {
  PyObject_HEAD
  PyObject *inner;  /* what will run; NULL once it is given away */
  PyObject *source; /* the closure that was moved */
  prs_moved_cells_t cells;
  bool given_back;
} moved_t;

PyTypeObject *prs__moved_type;

/* ---- refusals ------------------------------------------------------------ */

static void refuse(PyObject *function, PyObject *name, const char *why) {
  PyObject *result =
      PyObject_CallFunction(prs__rules.refuse, "OOs", function, name, why);
  Py_XDECREF(result);
  if (result != NULL)
    PyErr_SetString(PyExc_SystemError, "pythread_rs: nothing was refused");
}

static PyObject *name_of(PyObject *function, Py_ssize_t index) {
  PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
  Py_ssize_t first = code->co_nlocalsplus - PyCode_GetNumFree(code);
  return PyTuple_GET_ITEM(code->co_localsplusnames, first + index);
}

/* Whether a captured value leaves its variable when it moves. */
static int will_leave(PyObject *content) {
  prs_kind_t kind = prs__kind_by_asking(content);
  if (kind == PRS_UNKNOWN) return -1;
  if (kind == PRS_COPY || kind == PRS_SYNC || kind == PRS_UNWRAPPED) return 0;
  if (kind == PRS_TRANSPARENT || kind == PRS_CACHE)
    return !prs__is_frozen(content);
  return kind != PRS_FUNCTION || !prs__is_item(content);
}

/* Refuse variables that are empty, or that the caller still uses. */
static bool may_move(PyObject *function) {
  PyObject *closure = PyFunction_GET_CLOSURE(function);
  uint64_t used;
  if (!prs__used_later(function, &used)) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(closure); i++) {
    PyObject *content = PyCell_Get(PyTuple_GET_ITEM(closure, i));
    if (content == NULL) {
      refuse(function, name_of(function, i), "empty");
      return false;
    }
    int leaves = 0;
    if (i < 64 && (used >> i & 1) != 0) leaves = will_leave(content);
    Py_DECREF(content);
    if (leaves == 1) refuse(function, name_of(function, i), "used");
    if (leaves != 0) return false;
  }
  return true;
}

/* ---- moving -------------------------------------------------------------- */

static bool at_top_of_script(void) {
  PyFrameObject *frame = PyEval_GetFrame();
  if (frame == NULL) return false;
  PyCodeObject *code = PyFrame_GetCode(frame);
  bool optimized = (code->co_flags & CO_OPTIMIZED) != 0;
  Py_DECREF(code);
  return !optimized;
}

static bool defaults_are_frozen(PyObject *function) {
  PyObject *defaults = PyFunction_GET_DEFAULTS(function);
  PyObject *keyword_only = PyFunction_GET_KW_DEFAULTS(function);
  PyObject *key;
  PyObject *value;
  Py_ssize_t position = 0;
  while (keyword_only != NULL &&
         PyDict_Next(keyword_only, &position, &key, &value))
    if (!prs__is_frozen(value)) return false;
  return defaults == NULL || prs__is_frozen(defaults);
}

/* Fill `inner`: the clone, or the callable itself when it captures nothing. */
static bool take_over(moved_t *self) {
  PyObject *source = self->source;
  if (!PyFunction_Check(source)) {
    self->inner = Py_NewRef(source);
    Py_CLEAR(self->source); /* it would be a second holder */
  } else if (PyFunction_GET_CLOSURE(source) != NULL) {
    if (may_move(source)) self->inner = prs__clone(source, &self->cells);
    if (self->inner != NULL && !defaults_are_frozen(source))
      Py_CLEAR(self->source); /* it would be a second holder */
  } else if (prs__rules.at_top != NULL && at_top_of_script()) {
    self->inner = PyObject_CallOneArg(prs__rules.at_top, source);
  } else {
    self->inner = Py_NewRef(source);
  }
  self->given_back = false;
  return self->inner != NULL;
}

PyObject *prs__move(PyObject *module, PyObject *function) {
  (void)module;
  if (Py_TYPE(function) == prs__moved_type) return Py_NewRef(function);
  if (!PyCallable_Check(function))
    return PyErr_Format(PyExc_TypeError,
                        "move takes a closure or another callable, not %s",
                        Py_TYPE(function)->tp_name);
  moved_t *self = PyObject_GC_New(moved_t, prs__moved_type);
  if (self == NULL) return NULL;
  self->inner = NULL;
  self->source = Py_NewRef(function);
  self->cells = (prs_moved_cells_t){0};
  PyObject_GC_Track(self);
  if (take_over(self)) return (PyObject *)self;
  Py_DECREF(self);
  return NULL;
}

PyObject *prs__moved_inner(PyObject *moved) {
  return ((moved_t *)moved)->inner;
}

PyObject *prs__moved_globals(PyObject *moved, PyObject *inner) {
  PyObject *source = ((moved_t *)moved)->source;
  if (source == NULL || inner == source || !PyFunction_Check(inner) ||
      !PyFunction_Check(source))
    return NULL;
  PyObject *globals = PyFunction_GET_GLOBALS(inner);
  return globals == PyFunction_GET_GLOBALS(source) ? NULL : globals;
}

PyObject *prs__moved_give(PyObject *moved) {
  moved_t *self = (moved_t *)moved;
  if (self->inner == NULL && self->given_back && !take_over(self)) return NULL;
  PyObject *inner;
  Py_BEGIN_CRITICAL_SECTION(self);
  inner = self->inner;
  self->inner = NULL;
  Py_END_CRITICAL_SECTION();
  if (inner == NULL)
    refuse(self->source == NULL ? Py_None : self->source, Py_None, "spent");
  return inner;
}

void prs__moved_take_back(PyObject *moved, PyObject *inner) {
  moved_t *self = (moved_t *)moved;
  prs__put_back(&self->cells);
  prs__free_cells(&self->cells);
  if (self->source == NULL) {
    self->inner = inner;
    return;
  }
  if (inner != self->source) {
    PyObject *result = PyObject_CallFunctionObjArgs(prs__rules.put_back,
                                                    self->source, inner, NULL);
    if (result == NULL) PyErr_WriteUnraisable(prs__rules.put_back);
    Py_XDECREF(result);
  }
  self->given_back = true;
  Py_DECREF(inner);
}

/* ---- take ---------------------------------------------------------------- */

static PyObject *take_from(PyObject *cell) {
  PyObject *content;
  Py_BEGIN_CRITICAL_SECTION(cell);
  content = PyCell_GET(cell);
  PyCell_SET(cell, NULL);
  Py_END_CRITICAL_SECTION();
  return content;
}

PyObject *prs__take(PyObject *module, PyObject *function) {
  (void)module;
  PyObject *closure =
      PyFunction_Check(function) ? PyFunction_GET_CLOSURE(function) : NULL;
  if (closure == NULL && PyFunction_Check(function) && at_top_of_script()) {
    PyObject *moved = PyObject_CallOneArg(prs__rules.at_top, function);
    PyObject *value = NULL;
    if (moved != NULL && moved != function) value = PyObject_CallNoArgs(moved);
    Py_XDECREF(moved);
    if (value != NULL || PyErr_Occurred()) return value;
  }
  if (closure == NULL && PyFunction_Check(function)) {
    refuse(function, Py_None, "static");
    return NULL;
  }
  if (closure == NULL || PyTuple_GET_SIZE(closure) != 1) {
    PyErr_SetString(PyExc_TypeError,
                    "take takes a lambda that captures one variable and "
                    "returns it: take(lambda: data)");
    return NULL;
  }
  if (!may_move(function)) return NULL;
  PyObject *cell = PyTuple_GET_ITEM(closure, 0);
  PyObject *content = PyCell_Get(cell);
  int leaves = content == NULL ? 0 : will_leave(content);
  if (leaves != 1) {
    if (leaves == 0) return content;
    Py_DECREF(content);
    return NULL;
  }
  Py_DECREF(content);
  return take_from(cell);
}

/* ---- the type ------------------------------------------------------------ */

static int moved_traverse(moved_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->inner);
  Py_VISIT(self->source);
  for (Py_ssize_t i = 0; i < self->cells.count; i++) {
    Py_VISIT(self->cells.pairs[i].source);
    Py_VISIT(self->cells.pairs[i].helper);
  }
  return 0;
}

static int moved_clear(moved_t *self) {
  Py_CLEAR(self->inner);
  Py_CLEAR(self->source);
  prs__free_cells(&self->cells);
  return 0;
}

static void moved_dealloc(moved_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)moved_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *moved_call(PyObject *self, PyObject *args, PyObject *kwargs) {
  PyObject *inner = prs__moved_give(self);
  if (inner == NULL) return NULL;
  PyObject *result = PyObject_Call(inner, args, kwargs);
  Py_DECREF(inner);
  return result;
}

static PyObject *moved_repr(moved_t *self) {
  PyObject *shown = self->inner != NULL ? self->inner : self->source;
  if (shown == NULL) return PyUnicode_FromString("Moved { given away }");
  PyObject *name = PyObject_GetAttrString(shown, "__qualname__");
  if (name == NULL) {
    PyErr_Clear();
    name = PyObject_Repr(shown);
  }
  if (name == NULL) return NULL;
  const char *state = self->inner != NULL ? ""
                      : self->given_back  ? ", given back"
                                          : ", given away";
  PyObject *text = PyUnicode_FromFormat("Moved { %U%s }", name, state);
  Py_DECREF(name);
  return text;
}

/* A name, a docstring: what decorators and tools ask a function for. */
static PyObject *moved_getattro(PyObject *self, PyObject *name) {
  PyObject *value = PyObject_GenericGetAttr(self, name);
  moved_t *moved = (moved_t *)self;
  PyObject *shown = moved->source != NULL ? moved->source : moved->inner;
  if (value != NULL || shown == NULL ||
      !PyErr_ExceptionMatches(PyExc_AttributeError))
    return value;
  static const char *const forwarded[] = {"__name__", "__qualname__"};
  for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
    if (PyUnicode_CompareWithASCIIString(name, forwarded[i]) == 0) {
      PyErr_Clear();
      return PyObject_GetAttr(shown, name);
    }
  return NULL;
}

static PyObject *moved_source(PyObject *self, void *unused) {
  (void)unused;
  PyObject *source = ((moved_t *)self)->source;
  return Py_NewRef(source == NULL ? Py_None : source);
}

static PyObject *moved_give_back(PyObject *self, PyObject *closure) {
  if (!PyList_Check(closure) || PyList_GET_SIZE(closure) < 1) {
    PyErr_SetString(PyExc_TypeError, "give_back() takes the closure's list");
    return NULL;
  }
  PyObject *inner = Py_NewRef(PyList_GET_ITEM(closure, 0));
  if (PyList_SetItem(closure, 0, Py_NewRef(Py_None)) < 0) PyErr_Clear();
  prs__moved_take_back(self, inner);
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"_give_back", moved_give_back, METH_O,
     "_give_back(closure, /)\n--\n\nUndo what own() and move() did."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef attributes[] = {
    {"_source", moved_source, NULL, "The closure that was moved.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A closure that owns what it captures; it runs once."},
    {Py_tp_traverse, moved_traverse},
    {Py_tp_clear, moved_clear},
    {Py_tp_dealloc, moved_dealloc},
    {Py_tp_call, moved_call},
    {Py_tp_repr, moved_repr},
    {Py_tp_getattro, moved_getattro},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.Moved",
                           .basicsize = sizeof(moved_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_DISALLOW_INSTANTIATION |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_moved_type(PyObject *module) {
  PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
  if (type == NULL) return -1;
  int status = PyModule_AddType(module, (PyTypeObject *)type);
  prs__moved_type = (PyTypeObject *)type; /* kept for ever */
  return status;
}
