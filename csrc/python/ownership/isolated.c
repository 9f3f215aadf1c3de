/* The whole check: trial deletion over everything that the roots reach.
 *
 * Each reference that the graph itself holds is counted; an object with more
 * references than that is reachable from outside. It runs no Python code, and
 * stops the other threads where there is no GIL. What it may not know (a type
 * seen for the first time, a hook) it asks for and is called again. */
#include "graph.h"

static const char *const verdict_names[] = {
    [ALIASED] = "aliased",       [WEAK] = "weak",     [LEADS_OUT] = "leads out",
    [NOT_SEND] = "not send",     [OPAQUE] = "opaque", [CAPTURES] = "captures",
    [NEEDS_HOOK] = "needs hook",
};

/* ---- the walk ------------------------------------------------------------ */

static verdict_t refusal_of(prs_kind_t kind) {
  switch (kind) {
    case PRS_NOT_SEND:
      return NOT_SEND;
    case PRS_OPAQUE:
      return OPAQUE;
    case PRS_CAPTURES:
      return CAPTURES;
    case PRS_UNKNOWN:
      return UNKNOWN_TYPE;
    case PRS_COPY:
    case PRS_SYNC:
    case PRS_HANDLE:
    case PRS_UNWRAPPED:
    case PRS_TRANSPARENT:
    case PRS_CACHE:
    case PRS_OWNED:
    case PRS_LEAF:
    case PRS_FUNCTION:
    case PRS_NDARRAY:
    case PRS_HOOKED:
    case PRS_WEAKREF:
    case PRS_MOVED:
    case PRS_CELL:
      return FINE;
  }
  return OPAQUE;
}

static int visit(PyObject *child, void *arg) {
  graph_t *graph = arg;
  prs_kind_t kind = prs__kind(child);
  if (prs__is_shareable(kind) || kind == PRS_UNWRAPPED) return 0;
  if (kind == PRS_NDARRAY && prs__is_frozen_array(child) &&
      !prs__holds_objects(child))
    return 0;
  verdict_t refusal = refusal_of(kind);
  if (kind == PRS_NDARRAY && prs__holds_objects(child)) refusal = OPAQUE;
  if (refusal == UNKNOWN_TYPE) {
    graph->missing = PyType_Check(child) ? child : (PyObject *)Py_TYPE(child);
    return !fail(graph, UNKNOWN_TYPE, graph->current);
  }
  if (refusal != FINE && graph->collecting) return 0;
  node_t *node = add(graph, child, kind);
  if (node == NULL) return 1;
  node->found++;
  if (refusal == FINE) return 0;
  return !fail(graph, refusal, (size_t)(node - graph->nodes));
}

/* Makes no object: the other threads may be stopped. */
static PyObject *hooked_children(const graph_t *graph, PyObject *object) {
  PyObject *key;
  PyObject *children;
  Py_ssize_t position = 0;
  while (graph->hooks != NULL &&
         PyDict_Next(graph->hooks, &position, &key, &children))
    if (PyLong_AsVoidPtr(key) == object) return children;
  return NULL;
}

/* The list of children holds one more reference on each. */
static bool visit_hooked(graph_t *graph, PyObject *object) {
  PyObject *children = hooked_children(graph, object);
  if (children == NULL)
    return graph->collecting || fail(graph, NEEDS_HOOK, graph->current);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(children); i++) {
    PyObject *child = PyTuple_GET_ITEM(children, i);
    if (visit(child, graph) != 0) return false;
    node_t *node = find(graph, child);
    if (node != NULL) node->found++;
  }
  return true;
}

static bool visit_all(graph_t *graph) {
  for (size_t i = 0; i < graph->count; i++) {
    graph->current = i;
    PyObject *object = graph->nodes[i].object;
    prs_kind_t kind = graph->nodes[i].kind;
    if (kind == PRS_LEAF) continue;
    if (kind == PRS_HOOKED) {
      if (!visit_hooked(graph, object)) return false;
    } else if (prs__children(object, kind, visit, graph) != 0) {
      return false;
    }
  }
  return true;
}

/* ---- verdicts ------------------------------------------------------------ */

static bool weakrefs_are_inside(graph_t *graph, size_t index) {
  PyObject *weak = prs__weakrefs(graph->nodes[index].object);
  for (; weak != NULL; weak = (PyObject *)((PyWeakReference *)weak)->wr_next) {
    /* One that is being cleared has no reference left. */
    if (Py_REFCNT(weak) > 0 && find(graph, weak) == NULL)
      return fail(graph, WEAK, index);
  }
  return true;
}

/* The field is what Python would read, without making a new reference. */
static bool leads_inside(graph_t *graph, size_t index) {
  PyObject *target = ((PyWeakReference *)graph->nodes[index].object)->wr_object;
  if (target == Py_None || find(graph, target) != NULL) return true;
  if (prs__is_shareable(prs__kind(target))) return true;
  return fail(graph, LEADS_OUT, index);
}

static bool may_be_shared(const node_t *node) {
  if (node->kind == PRS_CELL) return prs__is_frozen_cell(node->object);
  return (node->kind == PRS_TRANSPARENT || node->kind == PRS_FUNCTION ||
          node->kind == PRS_CACHE) &&
         prs__is_frozen_with(node->object, false);
}

static bool judge(graph_t *graph, size_t roots) {
  for (size_t i = roots; i < graph->count; i++) {
    node_t *node = &graph->nodes[i];
    if (Py_REFCNT(node->object) != node->found && !may_be_shared(node))
      return fail(graph, ALIASED, i);
    if (node->kind == PRS_WEAKREF && !leads_inside(graph, i)) return false;
    if (!weakrefs_are_inside(graph, i) && !may_be_shared(node)) return false;
    graph->verdict = FINE;
  }
  return true;
}

/* ---- variables that are never read again --------------------------------- */

static void credit(PyObject *value, PyObject *frame, int index, void *arg) {
  (void)frame;
  (void)index;
  node_t *node = find(arg, value);
  if (node != NULL) node->found++;
}

/* ---- examine ------------------------------------------------------------- */

typedef struct examination {
  graph_t graph;
  PyObject *roots;
  prs_frames_t frames;
  prs_places_t places; /* the variables that what is handed over leaves */
  bool done;
} examination_t;

static void note(PyObject *value, PyObject *frame, int index, void *arg) {
  examination_t *it = arg;
  node_t *node = find(&it->graph, value);
  if (node == NULL || frame == NULL || may_be_shared(node)) return;
  if (!prs__add_place(&it->places, value, frame, index))
    (void)fail(&it->graph, NO_MEMORY, NOBODY);
}

static void examine_graph(examination_t *it) {
  graph_t *graph = &it->graph;
  graph->current = NOBODY;
  size_t count = (size_t)PyTuple_GET_SIZE(it->roots);
  for (size_t i = 0; i < count; i++) {
    PyObject *root = PyTuple_GET_ITEM(it->roots, (Py_ssize_t)i);
    if (add(graph, root, prs__kind(root)) == NULL) return;
  }
  if (!visit_all(graph)) return;
  prs__each_dead_value(&it->frames, credit, graph);
  if (!judge(graph, count)) return;
  prs__each_dead_value(&it->frames, note, it);
  if (it->places.count > 0) prs__each_borrowed_slot(&it->frames, note, it);
}

#ifdef Py_GIL_DISABLED
/* The callback of the collector's visitor runs with every other thread
 * stopped; the first object is enough for us. */
static int while_stopped(PyObject *object, void *arg) {
  (void)object;
  examination_t *it = arg;
  if (!it->done) examine_graph(it);
  it->done = true;
  return 0;
}
#endif

static void examine_alone(examination_t *it) {
#ifdef Py_GIL_DISABLED
  PyUnstable_GC_VisitObjects(while_stopped, it);
#else
  examine_graph(it);
#endif
}

/* Returns: false with an exception set and nothing changed. */
static bool empty_places(examination_t *it, PyObject **emptied) {
  *emptied = NULL;
  if (it->graph.verdict != FINE || it->places.count == 0) {
    prs__free_places(&it->places);
    return true;
  }
  *emptied = prs__empty(&it->places);
  return *emptied != NULL;
}

bool prs__is_isolated(PyObject *closure, PyObject *globals,
                      const prs_frames_t *frames, PyObject **emptied) {
  *emptied = NULL;
  PyObject *roots = globals == NULL ? PyTuple_Pack(1, closure)
                                    : PyTuple_Pack(2, closure, globals);
  if (roots == NULL) return false;
  examination_t it = {.roots = roots, .frames = *frames, .done = false};
  examine_alone(&it);
  graph_free(&it.graph);
  bool known = empty_places(&it, emptied);
  Py_DECREF(roots);
  return known && it.graph.verdict == FINE;
}

static PyObject *path_to(const graph_t *graph, size_t index) {
  PyObject *path = PyList_New(0);
  for (; path != NULL && index != NOBODY; index = graph->nodes[index].parent)
    if (PyList_Append(path, graph->nodes[index].object) < 0) Py_CLEAR(path);
  if (path != NULL && PyList_Reverse(path) < 0) Py_CLEAR(path);
  return path;
}

static PyObject *told(const graph_t *graph) {
  if (graph->verdict == FINE) Py_RETURN_NONE;
  if (graph->verdict == NO_MEMORY) return PyErr_NoMemory();
  if (graph->verdict == UNKNOWN_TYPE)
    return Py_BuildValue("(sO)", "unknown", graph->missing);
  PyObject *path = path_to(graph, graph->wrong);
  if (path == NULL) return NULL;
  return Py_BuildValue("(sN)", verdict_names[graph->verdict], path);
}

/* Ask Python for what the walk did not know.
 * Returns: whether there was anything; `*known`: false with an exception. */
static bool can_learn(const graph_t *graph, bool *known) {
  if (graph->verdict == UNKNOWN_TYPE) {
    PyObject *type = Py_NewRef(graph->missing);
    *known = prs__classify((PyTypeObject *)type);
    Py_DECREF(type);
    return true;
  }
  if (graph->verdict == FINE || prs__wanted == NULL) return false;
  PyObject *code = Py_NewRef((PyObject *)prs__wanted);
  *known = prs__settled_names((PyCodeObject *)code, true) != NULL;
  Py_DECREF(code);
  return true;
}

PyObject *prs__examine(PyObject *module, PyObject *args) {
  (void)module;
  examination_t it = {.done = false};
  unsigned long long lent = 0;
  if (!PyArg_ParseTuple(args, "O!O!O!|K:examine", &PyTuple_Type, &it.roots,
                        &PyTuple_Type, &it.frames.pairs, &PyDict_Type,
                        &it.graph.hooks, &lent))
    return NULL;
  it.frames.lent = (const uintptr_t *)(uintptr_t)lent;
  for (;;) {
    prs__wanted = NULL;
    examine_alone(&it);
    bool known = false;
    if (!can_learn(&it.graph, &known)) break;
    PyObject *hooks = it.graph.hooks;
    graph_free(&it.graph);
    prs__free_places(&it.places);
    it.graph = (graph_t){.hooks = hooks};
    it.done = false;
    if (!known) return NULL;
  }
  PyObject *result = NULL;
  if (empty_places(&it, &result) && result == NULL) result = told(&it.graph);
  graph_free(&it.graph);
  return result;
}

/* ---- mutable_nodes ------------------------------------------------------- */

static PyObject *mutable_ones(const graph_t *graph) {
  PyObject *result = PyDict_New();
  for (size_t i = 0; result != NULL && i < graph->count; i++) {
    const node_t *node = &graph->nodes[i];
    if (node->kind == PRS_TRANSPARENT || node->kind == PRS_FUNCTION ||
        node->kind == PRS_WEAKREF || node->kind == PRS_CACHE)
      continue;
    PyObject *key = PyLong_FromVoidPtr(node->object);
    if (key == NULL || PyDict_SetItem(result, key, node->object) < 0)
      Py_CLEAR(result);
    Py_XDECREF(key);
  }
  return result;
}

PyObject *prs__mutable_nodes(PyObject *module, PyObject *objects) {
  (void)module;
  PyObject *items = PySequence_Tuple(objects);
  if (items == NULL) return NULL;
  PyObject *result = NULL;
  bool again = true;
  while (again) {
    again = false;
    graph_t graph = {.collecting = true, .current = NOBODY};
    bool whole = true;
    for (Py_ssize_t i = 0; whole && i < PyTuple_GET_SIZE(items); i++)
      whole = visit(PyTuple_GET_ITEM(items, i), &graph) == 0;
    if (whole && visit_all(&graph)) {
      result = mutable_ones(&graph);
    } else if (graph.verdict == UNKNOWN_TYPE) {
      again = prs__classify((PyTypeObject *)graph.missing);
    } else {
      PyErr_NoMemory();
    }
    graph_free(&graph);
  }
  Py_DECREF(items);
  return result;
}
