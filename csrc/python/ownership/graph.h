/* The graph of what a value leads to: a table of the objects that were met. Its
 * functions are inline, as the walk is made of them. */
#ifndef PRS_OWNERSHIP_GRAPH_H
#define PRS_OWNERSHIP_GRAPH_H

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

static inline void graph_free(graph_t *graph) {
  PyMem_RawFree(graph->nodes);
  PyMem_RawFree(graph->slots);
}

static inline size_t *slot_of(const graph_t *graph, PyObject *object) {
  uint64_t mixed =
      (uint64_t)((uintptr_t)object >> 4) * UINT64_C(0x9E3779B97F4A7C15);
  size_t mask = graph->slot_count - 1;
  for (size_t i = (size_t)(mixed >> 32) & mask;; i = (i + 1) & mask) {
    size_t *slot = &graph->slots[i];
    if (*slot == 0 || graph->nodes[*slot - 1].object == object) return slot;
  }
}

static inline bool grow(graph_t *graph) {
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

static inline node_t *find(const graph_t *graph, PyObject *object) {
  if (graph->slot_count == 0) return NULL;
  size_t index = *slot_of(graph, object);
  return index == 0 ? NULL : &graph->nodes[index - 1];
}

static inline bool fail(graph_t *graph, verdict_t verdict, size_t wrong) {
  graph->verdict = verdict;
  graph->wrong = wrong;
  return false;
}

/* Returns: NULL with the verdict set when there is no memory. */
static inline node_t *add(graph_t *graph, PyObject *object, prs_kind_t kind) {
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

/* ---- frozen.c ------------------------------------------------------------ */

/* Whether an array of numpy holds references to objects. */
bool prs__holds_objects(PyObject *array);
/* Whether nobody can ever change its numbers. */
bool prs__is_frozen_array(PyObject *array);
/* Whether a cell is as good as the function in it, which nobody can change. */
bool prs__is_frozen_cell(PyObject *cell);
/* Whether nobody can ever change what a value leads to. `asking`: Python may be
 * asked for what is not known. */
bool prs__is_frozen_with(PyObject *value, bool asking);

#endif
