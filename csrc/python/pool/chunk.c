/* Chunk: taking items from a bulk and calling its function on them. */
#include <stdlib.h>

#include "bulk.h"

#define LONGEST_PULL 1024 /* items of an iterator in one hand */

/* ---- take ---------------------------------------------------------------- */

int64_t prs__bulk_left(prs_bulk_t *bulk) {
  if (atomic_load(&bulk->cancelled)) return 0;
  if (bulk->loop != NULL) return prs__table->native_loop_has_rest(bulk->loop);
  if (bulk->length < 0) return atomic_load(&bulk->exhausted) ? 0 : INT64_MAX;
  int64_t next = atomic_load(&bulk->next);
  return next < bulk->length ? bulk->length - next : 0;
}

/* Leave something for the others: twice as many chunks as participants. */
static int64_t fair_share(prs_bulk_t *bulk, int64_t wanted) {
  int64_t share = prs__bulk_left(bulk) / (2 * (int64_t)bulk->limit);
  if (share < 1) share = 1;
  return wanted < share ? wanted : share;
}

static bool take_sized(prs_bulk_t *bulk, prs_chunk_t *chunk) {
  int64_t count = fair_share(bulk, chunk->wanted);
  int64_t from = atomic_fetch_add(&bulk->next, count);
  if (from >= bulk->length) return false;
  chunk->from = from;
  chunk->count = count < bulk->length - from ? count : bulk->length - from;
  return true;
}

prs_part_t *prs__bulk_part(int64_t from, int64_t count) {
  size_t size = sizeof(prs_part_t) + (size_t)count * sizeof(PyObject *);
  prs_part_t *part = calloc(1, size);
  if (part != NULL) part->from = from;
  return part;
}

bool prs__bulk_keep(prs_bulk_t *bulk, prs_part_t *part) {
  bool fits = true;
  prs__guard_enter(&bulk->guard);
  if (bulk->part_count == bulk->part_space) {
    size_t space = bulk->part_space == 0 ? 16 : bulk->part_space * 2;
    prs_part_t **parts = realloc(bulk->parts, space * sizeof *parts);
    fits = parts != NULL;
    if (fits) bulk->parts = parts;
    if (fits) bulk->part_space = space;
  }
  if (fits) bulk->parts[bulk->part_count++] = part;
  prs__guard_leave(&bulk->guard);
  if (fits) return true;
  for (Py_ssize_t i = 0; i < part->count; i++) Py_XDECREF(part->values[i]);
  free(part);
  PyErr_NoMemory();
  prs__bulk_fail(bulk, prs__raised());
  return false;
}

/* One at a time: an iterator is nobody's to share. */
static bool begin_pull(prs_bulk_t *bulk) {
  prs__guard_enter(&bulk->guard);
  bool free = !bulk->pulling && !atomic_load(&bulk->exhausted);
  if (free) bulk->pulling = true;
  prs__guard_leave(&bulk->guard);
  return free;
}

static void end_pull(prs_bulk_t *bulk, bool exhausted) {
  prs__guard_enter(&bulk->guard);
  bulk->pulling = false;
  if (exhausted) atomic_store(&bulk->exhausted, true);
  prs__guard_leave(&bulk->guard);
}

static bool pull(prs_bulk_t *bulk, prs_chunk_t *chunk) {
  if (!begin_pull(bulk)) return false;
  int64_t wanted = chunk->wanted < LONGEST_PULL ? chunk->wanted : LONGEST_PULL;
  prs_part_t *part = prs__bulk_part(atomic_load(&bulk->next), wanted);
  bool exhausted = part == NULL;
  if (part == NULL) PyErr_NoMemory();
  while (!exhausted && part->count < wanted && !atomic_load(&bulk->cancelled)) {
    PyObject *item = PyIter_Next(bulk->source);
    exhausted = item == NULL;
    if (item != NULL) part->values[part->count++] = item;
  }
  if (PyErr_Occurred()) prs__bulk_fail(bulk, prs__raised());
  if (part != NULL) atomic_fetch_add(&bulk->next, part->count);
  end_pull(bulk, exhausted);
  if (part == NULL || part->count == 0) {
    free(part);
    return false;
  }
  chunk->from = part->from;
  chunk->count = part->count;
  chunk->part = part;
  return true;
}

bool prs__bulk_take(prs_bulk_t *bulk, prs_chunk_t *chunk) {
  chunk->part = NULL;
  if (atomic_load(&bulk->cancelled)) return false;
  return bulk->length < 0 ? pull(bulk, chunk) : take_sized(bulk, chunk);
}

/* ---- apply --------------------------------------------------------------- */

static PyObject *item_at(prs_bulk_t *bulk, prs_chunk_t *chunk, int64_t i) {
  if (chunk->part != NULL) return Py_NewRef(chunk->part->values[i]);
  int64_t place = chunk->from + i;
  if (bulk->step != 0)
    return PyLong_FromLongLong(bulk->start + place * bulk->step);
  if (PyTuple_CheckExact(bulk->source))
    return Py_NewRef(PyTuple_GET_ITEM(bulk->source, place));
  return PySequence_GetItem(bulk->source, place);
}

static PyObject *call_one(PyObject *function, PyObject *item) {
  PyObject *args[2] = {NULL, item};
  return PyObject_Vectorcall(function, args + 1,
                             1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
}

/* Put the outcome of one item into `*slot`. */
static bool map_one(prs_bulk_t *bulk, PyObject *item, PyObject **slot) {
  PyObject *result = call_one(bulk->function, item);
  if (result == NULL) return false;
  Py_XSETREF(*slot, result);
  return true;
}

static bool filter_one(prs_bulk_t *bulk, PyObject *item, PyObject **slot) {
  PyObject *result = call_one(bulk->function, item);
  if (result == NULL) return false;
  int keep = PyObject_IsTrue(result);
  Py_DECREF(result);
  if (keep >= 0) Py_XSETREF(*slot, keep ? Py_NewRef(item) : NULL);
  return keep >= 0;
}

static bool reduce_one(prs_bulk_t *bulk, PyObject *item, PyObject **sum) {
  if (*sum == NULL) {
    *sum = Py_NewRef(item);
    return true;
  }
  PyObject *args[3] = {NULL, *sum, item};
  PyObject *result = PyObject_Vectorcall(
      bulk->function, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
  if (result == NULL) return false;
  Py_XSETREF(*sum, result);
  return true;
}

static bool each_one(prs_bulk_t *bulk, PyObject *item, PyObject **slot) {
  (void)slot;
  PyObject *result = call_one(bulk->function, item);
  Py_XDECREF(result);
  return result != NULL;
}

typedef bool (*one_t)(prs_bulk_t *bulk, PyObject *item, PyObject **slot);

/* Returns: whether every item was done. */
static bool apply_all(prs_bulk_t *bulk, prs_chunk_t *chunk, PyObject **slots,
                      bool one_slot) {
  static const one_t functions[] = {map_one, each_one, filter_one, reduce_one};
  one_t one = functions[bulk->op];
  for (int64_t i = 0; i < chunk->count; i++) {
    /* Relaxed: whoever sees it late does one item more. */
    if (atomic_load_explicit(&bulk->cancelled, memory_order_relaxed))
      return false;
    PyObject *item = item_at(bulk, chunk, i);
    bool fine = item != NULL && one(bulk, item, one_slot ? slots : slots + i);
    Py_XDECREF(item);
    if (fine) continue;
    prs__bulk_fail(bulk, prs__raised());
    return false;
  }
  return true;
}

static bool reduce_chunk(prs_bulk_t *bulk, prs_chunk_t *chunk) {
  prs_part_t *sum = prs__bulk_part(chunk->from, 1);
  if (sum == NULL) {
    PyErr_NoMemory();
    prs__bulk_fail(bulk, prs__raised());
    return false;
  }
  bool fine = apply_all(bulk, chunk, sum->values, true);
  sum->count = 1;
  return prs__bulk_keep(bulk, sum) && fine;
}

static void drop_part(prs_part_t *part) {
  for (Py_ssize_t i = 0; i < part->count; i++) Py_XDECREF(part->values[i]);
  free(part);
}

bool prs__bulk_apply(prs_bulk_t *bulk, prs_chunk_t *chunk) {
  prs_part_t *part = chunk->part;
  if (bulk->op == PRS_BULK_REDUCE || bulk->op == PRS_BULK_EACH) {
    bool fine = bulk->op == PRS_BULK_REDUCE
                    ? reduce_chunk(bulk, chunk)
                    : apply_all(bulk, chunk, NULL, true);
    if (part != NULL) drop_part(part);
    return fine;
  }
  if (part == NULL)
    return apply_all(bulk, chunk, bulk->results + chunk->from, false);
  bool fine = apply_all(bulk, chunk, part->values, false);
  return prs__bulk_keep(bulk, part) && fine;
}
