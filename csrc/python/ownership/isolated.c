/* The whole check: trial deletion over everything that the roots reach.
 *
 * Each reference that the graph itself holds is counted; an object with more
 * references than that is reachable from outside. It runs no Python code, and
 * stops the other threads where there is no GIL. What it may not know (a type
 * seen for the first time, a hook) it asks for and is called again. */
#include "ownership.h"

typedef enum verdict {
  FINE,
  ALIASED,      /* somebody else holds it */
  WEAK,         /* a weak reference from outside leads to it */
  LEADS_OUT,    /* a weak reference that leads outside */
  NOT_SEND,     /* bound to its thread */
  OPAQUE,       /* of an unknown C type */
  CAPTURES,     /* a class whose methods capture variables */
  UNKNOWN_TYPE, /* to be classified first */
  NEEDS_HOOK,   /* to be asked for its children first */
  NO_MEMORY
} verdict_t;

static const char *const verdict_names[] = {
    [ALIASED] = "aliased",       [WEAK] = "weak",     [LEADS_OUT] = "leads out",
    [NOT_SEND] = "not send",     [OPAQUE] = "opaque", [CAPTURES] = "captures",
    [NEEDS_HOOK] = "needs hook",
};

#define NOBODY ((size_t)-1)

typedef struct node {
  PyObject *object;
  size_t parent;
  Py_ssize_t found;
  prs_kind_t kind;
} node_t;

typedef struct graph {
  node_t *nodes;
  size_t count;
  size_t space;
  size_t *slots; /* index + 1 */
  size_t slot_count;
  size_t current; /* the node whose children are visited */
  size_t wrong;   /* the node that the verdict is about */
  PyObject *missing;
  PyObject *hooks; /* id -> children, for PRS_HOOKED */
  bool collecting; /* only list what can be reached: no verdict */
  bool asking;     /* Python may be asked for unknown types */
  verdict_t verdict;
} graph_t;

/* ---- the table ----------------------------------------------------------- */

static void graph_free(graph_t *graph) {
  PyMem_RawFree(graph->nodes);
  PyMem_RawFree(graph->slots);
}

static size_t *slot_of(const graph_t *graph, PyObject *object) {
  uint64_t mixed =
      (uint64_t)((uintptr_t)object >> 4) * UINT64_C(0x9E3779B97F4A7C15);
  size_t mask = graph->slot_count - 1;
  for (size_t i = (size_t)(mixed >> 32) & mask;; i = (i + 1) & mask) {
    size_t *slot = &graph->slots[i];
    if (*slot == 0 || graph->nodes[*slot - 1].object == object) return slot;
  }
}

static bool grow(graph_t *graph) {
  size_t space = graph->space == 0 ? 32 : graph->space * 2;
  node_t *nodes = PyMem_RawRealloc(graph->nodes, space * sizeof *nodes);
  if (nodes == NULL) return false;
  graph->nodes = nodes;
  size_t *slots = PyMem_RawCalloc(space * 2, sizeof *slots);
  if (slots == NULL) return false;
  PyMem_RawFree(graph->slots);
  graph->slots = slots;
  graph->slot_count = space * 2;
  graph->space = space;
  for (size_t i = 0; i < graph->count; i++)
    *slot_of(graph, graph->nodes[i].object) = i + 1;
  return true;
}

static node_t *find(const graph_t *graph, PyObject *object) {
  if (graph->slot_count == 0) return NULL;
  size_t index = *slot_of(graph, object);
  return index == 0 ? NULL : &graph->nodes[index - 1];
}

static bool fail(graph_t *graph, verdict_t verdict, size_t wrong) {
  graph->verdict = verdict;
  graph->wrong = wrong;
  return false;
}

/* Returns: NULL with the verdict set when there is no memory. */
static node_t *add(graph_t *graph, PyObject *object, prs_kind_t kind) {
  node_t *known = find(graph, object);
  if (known != NULL) return known;
  if (graph->count == graph->space && !grow(graph)) {
    (void)fail(graph, NO_MEMORY, graph->current);
    return NULL;
  }
  *slot_of(graph, object) = graph->count + 1;
  graph->nodes[graph->count] = (node_t){
      .object = object, .parent = graph->current, .found = 0, .kind = kind};
  return &graph->nodes[graph->count++];
}

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

#define ARRAY_IS_WRITEABLE 0x400

/* numpy's type numbers of what holds references: objects and structures. */
static bool holds_objects(PyObject *array) {
  const char *head = (const char *)array;
  PyObject *description = *(PyObject *const *)(head + sizeof(PyObject) + 40);
  int number = *(const int *)((const char *)description + sizeof(PyObject) +
                              sizeof(PyObject *) + 4);
  return number == 17 || number == 20;
}

/* A read-only array over bytes can never be made writable again. */
static bool is_frozen_array(PyObject *array) {
  if (Py_TYPE(array)->tp_dictoffset != 0) return false; /* a subclass */
  const char *head = (const char *)array + sizeof(PyObject);
  int flags = *(const int *)(head + 48);
  if ((flags & ARRAY_IS_WRITEABLE) != 0) return false;
  PyObject *base = *(PyObject *const *)(head + 32);
  while (base != NULL && prs__kind(base) == PRS_NDARRAY)
    base = *(PyObject *const *)((const char *)base + sizeof(PyObject) + 32);
  return base != NULL && PyBytes_CheckExact(base);
}

static int visit(PyObject *child, void *arg) {
  graph_t *graph = arg;
  prs_kind_t kind = prs__kind(child);
  if (prs__is_shareable(kind) || kind == PRS_UNWRAPPED) return 0;
  if (kind == PRS_NDARRAY && is_frozen_array(child) && !holds_objects(child))
    return 0;
  verdict_t refusal = refusal_of(kind);
  if (kind == PRS_NDARRAY && holds_objects(child)) refusal = OPAQUE;
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
    return holds_objects(child) || !is_frozen_array(child);
  if (kind == PRS_FUNCTION) return visit_frozen_function(child, graph);
  if (kind != PRS_TRANSPARENT && kind != PRS_CACHE &&
      !is_own_dict(graph, child))
    return 1;
  return add(graph, child, kind) == NULL;
}

static bool is_frozen(PyObject *value, bool asking) {
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

bool prs__is_frozen(PyObject *value) {
  bool frozen = is_frozen(value, true);
  if (PyErr_Occurred()) PyErr_Clear();
  return frozen;
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
  if (node->kind == PRS_CELL) {
    graph_t graph = {.current = NOBODY};
    bool frozen = visit_frozen_cell(node->object, &graph) == 0;
    graph_free(&graph);
    return frozen;
  }
  return (node->kind == PRS_TRANSPARENT || node->kind == PRS_FUNCTION ||
          node->kind == PRS_CACHE) &&
         is_frozen(node->object, false);
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
