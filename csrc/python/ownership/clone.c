/* Clones: what `move` makes of a closure. The clone has cells of its own, and
 * so have the closures that it captures, down to the last; what they held is
 * taken over and the source's cells are emptied, but for what may be shared. */
#include "ownership.h"

typedef struct twins {
  PyObject *source;
  PyObject *clone; /* borrowed: it is in a closure, or the result */
} twins_t;

typedef struct work {
  prs_moved_cells_t *cells;
  twins_t *functions;
  Py_ssize_t count;
  Py_ssize_t space;
} work_t;

static bool make_room(void **array, Py_ssize_t count, Py_ssize_t *space,
                      size_t size) {
  if (count < *space) return true;
  Py_ssize_t wanted = *space == 0 ? 4 : *space * 2;
  void *items = PyMem_Realloc(*array, (size_t)wanted * size);
  if (items == NULL) {
    PyErr_NoMemory();
    return false;
  }
  *array = items;
  *space = wanted;
  return true;
}

static PyObject *clone_function(PyObject *function, work_t *work);

/* ---- cells --------------------------------------------------------------- */

static PyObject *content_of(PyObject *cell) {
  PyObject *content;
  Py_BEGIN_CRITICAL_SECTION(cell);
  content = Py_XNewRef(PyCell_GET(cell));
  Py_END_CRITICAL_SECTION();
  return content;
}

/* Returns: what the new cell holds, or NULL with an exception set; `*stays`
 * tells whether the old one keeps its own. */
static PyObject *moved_content(PyObject *content, work_t *work, bool *stays) {
  prs_kind_t kind = prs__kind_by_asking(content);
  if (kind == PRS_UNKNOWN) return NULL;
  *stays = kind == PRS_COPY || kind == PRS_SYNC || kind == PRS_UNWRAPPED;
  if (kind == PRS_TRANSPARENT || kind == PRS_CACHE)
    *stays = prs__is_frozen(content);
  if (kind != PRS_FUNCTION) return Py_NewRef(content);
  if (prs__is_item(content)) {
    *stays = true;
    return Py_NewRef(content);
  }
  Py_ssize_t before = work->cells->count;
  PyObject *clone = clone_function(content, work);
  /* A helper that has taken nothing with it can still be called. */
  *stays = true;
  for (Py_ssize_t i = before; i < work->cells->count; i++)
    if (work->cells->pairs[i].taken) *stays = false;
  return clone;
}

static PyObject *known_target(const work_t *work, PyObject *source) {
  for (Py_ssize_t i = 0; i < work->cells->count; i++)
    if (work->cells->pairs[i].source == source)
      return Py_NewRef(work->cells->pairs[i].target);
  return NULL;
}

/* An empty cell stays empty: the variable has no value yet, or no more. */
static PyObject *clone_cell(PyObject *source, work_t *work) {
  PyObject *target = known_target(work, source);
  if (target != NULL) return target;
  prs_moved_cells_t *cells = work->cells;
  if (!make_room((void **)&cells->pairs, cells->count, &cells->space,
                 sizeof *cells->pairs))
    return NULL;
  target = PyCell_New(NULL);
  if (target == NULL) return NULL;
  Py_ssize_t index = cells->count++;
  cells->pairs[index] =
      (prs_pair_t){.source = Py_NewRef(source), .target = target};
  PyObject *content = content_of(source);
  if (content == NULL) return target;
  bool stays;
  PyObject *moved = moved_content(content, work, &stays);
  if (moved == NULL) {
    Py_DECREF(content);
    Py_DECREF(target);
    return NULL;
  }
  cells->pairs[index].taken = !stays;
  if (!stays && moved != content)
    cells->pairs[index].helper = content;
  else
    Py_DECREF(content);
  PyCell_SET(target, moved);
  return target;
}

static PyObject *clone_closure(PyObject *closure, work_t *work) {
  Py_ssize_t count = PyTuple_GET_SIZE(closure);
  PyObject *result = PyTuple_New(count);
  for (Py_ssize_t i = 0; result != NULL && i < count; i++) {
    PyObject *cell = clone_cell(PyTuple_GET_ITEM(closure, i), work);
    if (cell == NULL)
      Py_CLEAR(result);
    else
      PyTuple_SET_ITEM(result, i, cell);
  }
  return result;
}

/* ---- functions ----------------------------------------------------------- */

/* `__wrapped__` leads to the clone of what it led to. */
static int copy_dict(PyFunctionObject *from, PyFunctionObject *to,
                     const work_t *work) {
  if (from->func_dict == NULL || PyDict_GET_SIZE(from->func_dict) == 0)
    return 0;
  PyObject *dict = PyDict_Copy(from->func_dict);
  if (dict == NULL) return -1;
  Py_XSETREF(to->func_dict, dict);
  PyObject *wrapped = PyDict_GetItemString(dict, "__wrapped__");
  for (Py_ssize_t i = 0; wrapped != NULL && i < work->count; i++)
    if (work->functions[i].source == wrapped)
      return PyDict_SetItemString(dict, "__wrapped__",
                                  work->functions[i].clone);
  return 0;
}

static void copy_field(PyObject **to, PyObject *from) {
  Py_XSETREF(*to, Py_XNewRef(from));
}

static int dress(PyFunctionObject *from, PyFunctionObject *to, work_t *work) {
  copy_field(&to->func_name, from->func_name);
  copy_field(&to->func_module, from->func_module);
  copy_field(&to->func_doc, from->func_doc);
  copy_field(&to->func_annotations, from->func_annotations);
  if (from->func_defaults != NULL &&
      PyFunction_SetDefaults((PyObject *)to, from->func_defaults) < 0)
    return -1;
  if (from->func_kwdefaults != NULL &&
      PyFunction_SetKwDefaults((PyObject *)to, from->func_kwdefaults) < 0)
    return -1;
  PyObject *closure = clone_closure(from->func_closure, work);
  if (closure == NULL) return -1;
  Py_XSETREF(to->func_closure, closure);
  return copy_dict(from, to, work);
}

static PyObject *known_clone(const work_t *work, PyObject *function) {
  for (Py_ssize_t i = 0; i < work->count; i++)
    if (work->functions[i].source == function)
      return Py_NewRef(work->functions[i].clone);
  return NULL;
}

static PyObject *clone_function(PyObject *function, work_t *work) {
  PyObject *clone = known_clone(work, function);
  if (clone != NULL) return clone;
  if (!make_room((void **)&work->functions, work->count, &work->space,
                 sizeof *work->functions))
    return NULL;
  PyFunctionObject *from = (PyFunctionObject *)function;
  clone = PyFunction_NewWithQualName(from->func_code, from->func_globals,
                                     from->func_qualname);
  if (clone == NULL) return NULL;
  work->functions[work->count++] = (twins_t){function, clone};
  if (from->func_closure == NULL ||
      dress(from, (PyFunctionObject *)clone, work) == 0)
    return clone;
  Py_DECREF(clone);
  return NULL;
}

/* ---- moving -------------------------------------------------------------- */

static void empty_sources(prs_moved_cells_t *cells) {
  for (Py_ssize_t i = 0; i < cells->count; i++) {
    if (!cells->pairs[i].taken) continue;
    if (PyCell_Set(cells->pairs[i].source, NULL) < 0) PyErr_Clear();
  }
}

PyObject *prs__clone(PyObject *function, prs_moved_cells_t *cells) {
  work_t work = {.cells = cells};
  PyObject *clone = clone_function(function, &work);
  PyMem_Free(work.functions);
  if (clone == NULL)
    prs__free_cells(cells);
  else
    empty_sources(cells);
  return clone;
}

void prs__put_back(prs_moved_cells_t *cells) {
  for (Py_ssize_t i = 0; i < cells->count; i++) {
    prs_pair_t *pair = &cells->pairs[i];
    if (!pair->taken || PyCell_GET(pair->source) != NULL) continue;
    PyObject *content = Py_XNewRef(pair->helper);
    if (content == NULL) content = content_of(pair->target);
    if (content == NULL) continue;
    if (PyCell_Set(pair->source, content) < 0) PyErr_Clear();
    if (PyCell_Set(pair->target, NULL) < 0) PyErr_Clear();
    Py_DECREF(content);
  }
}

void prs__free_cells(prs_moved_cells_t *cells) {
  for (Py_ssize_t i = 0; i < cells->count; i++) {
    Py_DECREF(cells->pairs[i].source);
    Py_XDECREF(cells->pairs[i].helper);
  }
  PyMem_Free(cells->pairs);
  *cells = (prs_moved_cells_t){0};
}
