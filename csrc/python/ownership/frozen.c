/* Frozen values: what nobody can ever change, so that all may hold it. */
#include "graph.h"

/* ---- arrays -------------------------------------------------------------- */

#define ARRAY_IS_WRITEABLE 0x400

/* numpy's type numbers of what holds references: objects and structures. */
bool prs__holds_objects(PyObject *array) {
  const char *head = (const char *)array;
  PyObject *description = *(PyObject *const *)(head + sizeof(PyObject) + 40);
  int number = *(const int *)((const char *)description + sizeof(PyObject) +
                              sizeof(PyObject *) + 4);
  return number == 17 || number == 20;
}

/* A read-only array over bytes can never be made writable again. */
bool prs__is_frozen_array(PyObject *array) {
  if (Py_TYPE(array)->tp_dictoffset != 0) return false; /* a subclass */
  const char *head = (const char *)array + sizeof(PyObject);
  int flags = *(const int *)(head + 48);
  if ((flags & ARRAY_IS_WRITEABLE) != 0) return false;
  PyObject *base = *(PyObject *const *)(head + 32);
  while (base != NULL && prs__kind(base) == PRS_NDARRAY)
    base = *(PyObject *const *)((const char *)base + sizeof(PyObject) + 32);
  return base != NULL && PyBytes_CheckExact(base);
}

/* ---- frozen values ------------------------------------------------------- */

/* An instance's own `__dict__`, which nobody else holds, is as the instance. */
static bool is_own_dict(const graph_t *graph, PyObject *child) {
  if (graph->current == NOBODY || !PyDict_CheckExact(child)) return false;
  PyObject *owner = graph->nodes[graph->current].object;
  return Py_REFCNT(child) == 1 && prs__is_dict_of(owner, child);
}

static int visit_frozen(PyObject *child, void *arg);

static bool is_item(PyObject *value, const graph_t *graph) {
  return graph->asking ? prs__is_item(value) : prs__is_item_quietly(value);
}

/* A cell is as good as the function in it, if nobody assigns the variable. */
static int visit_frozen_cell(PyObject *cell, graph_t *graph) {
  PyObject *content = PyCell_GET(cell);
  if (content == NULL || !is_item(content, graph)) return 1;
  if (!prs__is_settled(cell, graph->asking)) return 1;
  return visit_frozen(content, graph);
}

/* The cells of a function are looked at together with it, as its code tells
 * who assigns them. */
static int visit_frozen_function(PyObject *object, graph_t *graph) {
  if (find(graph, object) != NULL) return 0;
  PyFunctionObject *function = (PyFunctionObject *)object;
  if (function->func_closure == NULL &&
      prs__is_of_library(object, graph->asking))
    return 0; /* its defaults, such as a cache, are its own business */
  if (!prs__only_reads(object, graph->asking)) return 1;
  if (add(graph, object, PRS_FUNCTION) == NULL) return 1;
  PyObject *closure = function->func_closure;
  if (closure == NULL) return 0;
  if (!is_item(object, graph)) return 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(closure); i++) {
    PyObject *content = PyCell_GET(PyTuple_GET_ITEM(closure, i));
    if (content == NULL || visit_frozen(content, graph) != 0) return 1;
  }
  return 0;
}

/* What else a function holds. */
static int visit_defaults(PyObject *object, graph_t *graph) {
  PyFunctionObject *function = (PyFunctionObject *)object;
  PyObject *const dicts[] = {function->func_kwdefaults, function->func_dict};
  for (size_t i = 0; i < sizeof dicts / sizeof *dicts; i++) {
    PyObject *key;
    PyObject *value;
    Py_ssize_t position = 0;
    while (dicts[i] != NULL && PyDict_Next(dicts[i], &position, &key, &value))
      if (visit_frozen(value, graph) != 0) return 1;
  }
  PyObject *defaults = function->func_defaults;
  return defaults == NULL ? 0 : visit_frozen(defaults, graph);
}

/* So is a weak reference without callback, or one that leads nowhere. */
static int visit_frozen_weakref(PyObject *object, graph_t *graph) {
  PyWeakReference *weak = (PyWeakReference *)object;
  if (weak->wr_callback != NULL || Py_TYPE(object) != &_PyWeakref_RefType)
    return 1;
  if (weak->wr_object == Py_None) return 0;
  return visit_frozen(weak->wr_object, graph);
}

/* Not zero: something that can be changed, or no memory. */
static int visit_frozen(PyObject *child, void *arg) {
  graph_t *graph = arg;
  prs_kind_t kind =
      graph->asking ? prs__kind_by_asking(child) : prs__kind(child);
  if (prs__is_shareable(kind)) return 0;
  if (kind == PRS_CELL) return 1; /* who holds it can fill it */
  if (kind == PRS_WEAKREF) return visit_frozen_weakref(child, graph);
  if (kind == PRS_NDARRAY)
    return prs__holds_objects(child) || !prs__is_frozen_array(child);
  if (kind == PRS_FUNCTION) return visit_frozen_function(child, graph);
  if (kind != PRS_TRANSPARENT && kind != PRS_CACHE &&
      !is_own_dict(graph, child))
    return 1;
  return add(graph, child, kind) == NULL;
}

bool prs__is_frozen_with(PyObject *value, bool asking) {
  graph_t graph = {.current = NOBODY, .asking = asking};
  bool frozen = visit_frozen(value, &graph) == 0;
  for (size_t i = 0; frozen && i < graph.count; i++) {
    graph.current = i;
    PyObject *object = graph.nodes[i].object;
    prs_kind_t kind = graph.nodes[i].kind;
    frozen = kind == PRS_FUNCTION
                 ? visit_defaults(object, &graph) == 0
                 : prs__children(object, kind, visit_frozen, &graph) == 0;
  }
  graph_free(&graph);
  return frozen;
}

bool prs__is_frozen_cell(PyObject *cell) {
  graph_t graph = {.current = NOBODY};
  bool frozen = visit_frozen_cell(cell, &graph) == 0;
  graph_free(&graph);
  return frozen;
}

bool prs__is_frozen(PyObject *value) {
  bool frozen = prs__is_frozen_with(value, true);
  if (PyErr_Occurred()) PyErr_Clear();
  return frozen;
}
