/* The unique tree: the common case of the check, without a table.
 *
 * From a root that only this thread knows, each child with a single reference
 * can be reached through its parent alone, and so on downwards. So nobody else
 * sees any of it, now or while we look: no stop of other threads is needed,
 * also without a GIL. Whatever has more than one reference, or a weak one, is
 * left to the whole check (isolated.c). */
#include "ownership.h"

#define ON_STACK 64

typedef struct stack {
  PyObject **items;
  size_t count;
  size_t space;
  PyObject *first[ON_STACK];
} stack_t;

static void stack_init(stack_t *stack) {
  stack->items = stack->first;
  stack->count = 0;
  stack->space = ON_STACK;
}

static void stack_free(stack_t *stack) {
  if (stack->items != stack->first) PyMem_RawFree(stack->items);
}

static bool push(stack_t *stack, PyObject *object) {
  if (stack->count == stack->space) {
    bool first = stack->items == stack->first;
    size_t bytes = stack->space * 2 * sizeof *stack->items;
    PyObject **items = PyMem_RawRealloc(first ? NULL : stack->items, bytes);
    if (items == NULL) return false;
    if (first) memcpy(items, stack->first, sizeof stack->first);
    stack->items = items;
    stack->space *= 2;
  }
  stack->items[stack->count++] = object;
  return true;
}

static bool has_one_reference(PyObject *object) {
#if defined(Py_GIL_DISABLED)
  /* Public from 3.14 on, which is the first free-threaded one supported. */
  return PyUnstable_Object_IsUniquelyReferenced(object) != 0;
#else
  return Py_REFCNT(object) == 1;
#endif
}

static bool holds_only_shareable(PyObject *tuple) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
    if (!prs__is_shareable(prs__kind_of_data(PyTuple_GET_ITEM(tuple, i))))
      return false;
  return true;
}

static bool is_plain_function(PyObject *object) {
  PyFunctionObject *function = (PyFunctionObject *)object;
  if (function->func_closure == NULL && function->func_kwdefaults == NULL &&
      function->func_dict == NULL)
    return function->func_defaults == NULL ||
           holds_only_shareable(function->func_defaults);
  return prs__is_frozen(object);
}

/* Not zero: not known to be unique. */
static int visit(PyObject *child, void *arg) {
  prs_kind_t kind = prs__kind_of_data(child);
  switch (kind) {
    case PRS_COPY:
    case PRS_SYNC:
    case PRS_HANDLE:
      return 0;
    case PRS_LEAF:
      return !has_one_reference(child) || prs__weakrefs(child) != NULL;
    case PRS_TRANSPARENT:
      if (PyTuple_CheckExact(child) && holds_only_shareable(child)) return 0;
      break;
    case PRS_FUNCTION:
      if (is_plain_function(child)) return 0;
      break;
    case PRS_OWNED:
    case PRS_CELL:
    case PRS_MOVED:
      break;
    case PRS_UNKNOWN:
    case PRS_NOT_SEND:
    case PRS_OPAQUE:
    case PRS_NDARRAY:
    case PRS_HOOKED:
    case PRS_WEAKREF:
    case PRS_CAPTURES:
    case PRS_UNWRAPPED:
    case PRS_CACHE:
      return 1;
  }
  if (!has_one_reference(child) || prs__weakrefs(child) != NULL) return 1;
  return !push(arg, child);
}

static int visit_list(PyObject *list, void *stack) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++)
    if (visit(PyList_GET_ITEM(list, i), stack) != 0) return 1;
  return 0;
}

static int visit_dict(PyObject *dict, void *stack) {
  PyObject *key;
  PyObject *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &key, &value))
    if (visit(key, stack) != 0 || visit(value, stack) != 0) return 1;
  return 0;
}

static int visit_children(PyObject *object, stack_t *stack) {
  if (PyList_CheckExact(object)) return visit_list(object, stack);
  if (PyDict_CheckExact(object)) return visit_dict(object, stack);
  return prs__children(object, prs__kind(object), visit, stack);
}

static bool walk(stack_t *stack) {
  while (stack->count > 0)
    if (visit_children(stack->items[--stack->count], stack) != 0) return false;
  return true;
}

bool prs__is_unique(PyObject *const *roots, Py_ssize_t count) {
  stack_t stack;
  stack_init(&stack);
  bool unique = true;
  for (Py_ssize_t i = 0; unique && i < count; i++)
    unique = push(&stack, roots[i]);
  unique = unique && walk(&stack);
  stack_free(&stack);
  return unique;
}

bool prs__is_unique_below(PyObject *value, prs_kind_t kind) {
  if (prs__weakrefs(value) != NULL) return false;
  switch (kind) {
    case PRS_LEAF:
      return true;
    case PRS_TRANSPARENT:
    case PRS_FUNCTION:
    case PRS_OWNED:
    case PRS_CELL:
    case PRS_MOVED:
      return prs__is_unique(&value, 1);
    case PRS_COPY:
    case PRS_SYNC:
    case PRS_HANDLE:
    case PRS_UNKNOWN:
    case PRS_NOT_SEND:
    case PRS_OPAQUE:
    case PRS_NDARRAY:
    case PRS_HOOKED:
    case PRS_WEAKREF:
    case PRS_CAPTURES:
    case PRS_UNWRAPPED:
    case PRS_CACHE:
      return false;
  }
  return false;
}
