/* Bulk: one function over many items, by whoever takes part. */
#include "bulk.h"

#include <stdlib.h>

#define CHUNK_NS 500000u       /* what a chunk is to take */
#define PROGRESS_NS 100000000u /* between two reports */

PyTypeObject *prs__bulk_type;

/* ---- life ---------------------------------------------------------------- */

static int bulk_traverse(prs_bulk_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->pool);
  Py_VISIT(self->function);
  Py_VISIT(self->source);
  Py_VISIT(self->error);
  Py_VISIT(self->progress);
  return 0;
}

static int bulk_clear(prs_bulk_t *self) {
  Py_CLEAR(self->function);
  Py_CLEAR(self->source);
  Py_CLEAR(self->error);
  Py_CLEAR(self->progress);
  return 0;
}

static void drop_outcome(prs_bulk_t *self) {
  for (int64_t i = 0; self->results != NULL && i < self->length; i++)
    Py_XDECREF(self->results[i]);
  free(self->results);
  for (size_t i = 0; i < self->part_count; i++) {
    prs_part_t *part = self->parts[i];
    for (Py_ssize_t k = 0; k < part->count; k++) Py_XDECREF(part->values[k]);
    free(part);
  }
  free(self->parts);
}

static void bulk_dealloc(prs_bulk_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)bulk_clear(self);
  drop_outcome(self);
  for (uint32_t i = 0; self->tasks != NULL && i < self->limit; i++)
    Py_XDECREF(self->tasks[i]);
  free(self->tasks);
  if (self->loop != NULL) prs__table->native_loop_free(self->loop);
  Py_CLEAR(self->pool);
  type->tp_free(self);
  Py_DECREF(type);
}

/* Returns: false with an exception set. */
static bool read_range(prs_bulk_t *self) {
  PyObject *start = PyObject_GetAttrString(self->source, "start");
  PyObject *step = PyObject_GetAttrString(self->source, "step");
  PyObject *stop = PyObject_GetAttrString(self->source, "stop");
  if (start != NULL && step != NULL && stop != NULL) {
    int overflows[3];
    self->start = PyLong_AsLongLongAndOverflow(start, &overflows[0]);
    self->step = PyLong_AsLongLongAndOverflow(step, &overflows[1]);
    (void)PyLong_AsLongLongAndOverflow(stop, &overflows[2]);
    /* A huge one is a sequence like others. */
    if (overflows[0] != 0 || overflows[1] != 0 || overflows[2] != 0)
      self->step = 0;
  }
  Py_XDECREF(start);
  Py_XDECREF(step);
  Py_XDECREF(stop);
  return !PyErr_Occurred();
}

static bool read_source(prs_bulk_t *self) {
  self->length = -1;
  if (PyIter_Check(self->source)) return true;
  self->length = PySequence_Size(self->source);
  if (self->length < 0) return false;
  if (PyRange_Check(self->source) && !read_range(self)) return false;
  if (self->op == PRS_BULK_EACH || self->op == PRS_BULK_REDUCE) return true;
  self->results = calloc((size_t)self->length + 1, sizeof(PyObject *));
  if (self->results == NULL) PyErr_NoMemory();
  return self->results != NULL;
}

/* ---- take part ----------------------------------------------------------- */

void prs__bulk_fail(prs_bulk_t *bulk, PyObject *error) {
  prs__guard_enter(&bulk->guard);
  bool first = bulk->error == NULL;
  if (first) bulk->error = error;
  prs__guard_leave(&bulk->guard);
  atomic_store(&bulk->cancelled, true);
  if (bulk->loop != NULL) prs__table->native_loop_stop(bulk->loop);
  if (!first) Py_DECREF(error);
}

/* Put the task into a place that is free, or whose task has ended.
 * Returns: false when `limit` are taking part. */
static bool note_task(prs_bulk_t *bulk, prs_task_t *task) {
  prs_task_t *old = NULL;
  bool noted = false;
  prs__guard_enter(&bulk->guard);
  for (uint32_t i = 0; !noted && i < bulk->limit; i++) {
    old = bulk->tasks[i];
    if (old != NULL && !prs__task_is_done(old)) continue;
    bulk->tasks[i] = (prs_task_t *)Py_NewRef((PyObject *)task);
    noted = true;
  }
  prs__guard_leave(&bulk->guard);
  if (noted) Py_XDECREF(old);
  return noted;
}

/* Ask one more to take part. Returns: false with an exception set. */
static bool invite(prs_bulk_t *bulk) {
  prs_task_t *task = prs__task_new(prs__task_type, bulk->pool,
                                   PRS_TASK_BORROWS | PRS_TASK_BULK,
                                   (PyObject *)bulk, NULL, NULL);
  if (task == NULL) return false;
  bool fine = true;
  if (note_task(bulk, task)) fine = prs__pool_push(bulk->pool, task, false);
  if (!fine) prs__task_drop(task);
  Py_DECREF(task);
  return fine;
}

/* Whether it is worth while, and nobody who was invited is still to come. */
static bool wants_more(prs_bulk_t *bulk) {
  if (prs__bulk_left(bulk) == 0) return false;
  bool free = false;
  prs__guard_enter(&bulk->guard);
  for (uint32_t i = 0; i < bulk->limit; i++) {
    prs_task_t *task = bulk->tasks[i];
    if (task != NULL && atomic_load(&task->state) == PRS_TASK_QUEUED) {
      free = false;
      break;
    }
    if (task == NULL || prs__task_is_done(task)) free = true;
  }
  prs__guard_leave(&bulk->guard);
  return free;
}

void prs__bulk_invite_more(prs_bulk_t *bulk) {
  if (wants_more(bulk) && !invite(bulk)) PyErr_Clear(); /* then alone */
}

static void learn(prs_chunk_t *chunk, uint64_t spent) {
  uint64_t each = spent / (uint64_t)chunk->count + 1;
  int64_t fits = (int64_t)(CHUNK_NS / each) + 1;
  int64_t doubled = chunk->wanted * 2;
  chunk->wanted = fits < doubled ? fits : doubled;
}

/* Tell how far it is. Returns: false when that raised. */
static bool report(prs_bulk_t *bulk) {
  PyObject *told = PyObject_CallFunction(bulk->progress, "LL",
                                         (long long)atomic_load(&bulk->done),
                                         (long long)bulk->length);
  if (told == NULL) prs__bulk_fail(bulk, prs__raised());
  Py_XDECREF(told);
  return told != NULL;
}

static void take_part(prs_bulk_t *bulk, bool is_caller) {
  prs_chunk_t chunk = {.wanted = 1};
  uint64_t began = prs__table->now();
  uint64_t told = began;
  while (prs__bulk_take(bulk, &chunk)) {
    prs__bulk_invite_more(bulk);
    bool fine = prs__bulk_apply(bulk, &chunk);
    uint64_t now = prs__table->now();
    if (!fine) return;
    atomic_fetch_add_explicit(&bulk->done, chunk.count, memory_order_relaxed);
    learn(&chunk, now - began);
    if (prs__hand != NULL) prs__hand_rest(prs__hand);
    if (is_caller && bulk->progress != NULL && now - told > PROGRESS_NS) {
      if (!report(bulk)) return;
      told = now;
    }
    began = prs__table->now();
  }
}

void prs__bulk_run(PyObject *object) {
  prs_bulk_t *bulk = (prs_bulk_t *)object;
  if (bulk->loop != NULL)
    prs__bulk_run_native(bulk);
  else
    take_part(bulk, false);
}

/* ---- the caller ---------------------------------------------------------- */

static void interrupt(prs_bulk_t *bulk) { prs__bulk_fail(bulk, prs__raised()); }

/* Wait for one participant; Ctrl-C stops all of them, then they are waited for.
 */
static void wait_for(prs_bulk_t *bulk, prs_task_t *task) {
  uint64_t slice = bulk->progress == NULL ? PRS_FOREVER : PROGRESS_NS;
  for (;;) {
    int status = prs__task_wait(task, slice, PRS_BORROWING, NULL);
    if (status == PRS_ETIMEDOUT) {
      if (!atomic_load(&bulk->cancelled)) (void)report(bulk);
      continue;
    }
    if (status != PRS__RAISED) return;
    interrupt(bulk);
    PyObject *more = prs__task_wait_for_sure(task, PRS_BORROWING);
    Py_XDECREF(more); /* the first one counts */
    return;
  }
}

static prs_task_t *task_at(prs_bulk_t *bulk, uint32_t i) {
  prs__guard_enter(&bulk->guard);
  prs_task_t *task = bulk->tasks[i];
  Py_XINCREF(task);
  prs__guard_leave(&bulk->guard);
  return task;
}

/* Wait until nobody takes part. Who was invited and has not come, need not.
 * Returns: whether there was anybody. */
static bool await_all(prs_bulk_t *bulk) {
  bool found = false;
  for (uint32_t i = 0; i < bulk->limit; i++) {
    prs_task_t *task = task_at(bulk, i);
    if (task == NULL) continue;
    if (!prs__task_is_done(task)) {
      found = true;
      if (prs__bulk_left(bulk) == 0 && prs__task_claim(task))
        prs__task_drop(task);
      else
        wait_for(bulk, task);
    }
    Py_DECREF(task);
  }
  return found;
}

void prs__bulk_await(prs_bulk_t *bulk) {
  while (await_all(bulk)) continue;
}

static int by_place(const void *one, const void *other) {
  int64_t left = (*(prs_part_t *const *)one)->from;
  int64_t right = (*(prs_part_t *const *)other)->from;
  return left < right ? -1 : left > right;
}

static Py_ssize_t count_kept(PyObject *const *values, int64_t count) {
  Py_ssize_t kept = 0;
  for (int64_t i = 0; i < count; i++) kept += values[i] != NULL;
  return kept;
}

/* Move the values behind `*end` of the list, without what was left out. */
static void move_values(PyObject *list, Py_ssize_t *end, PyObject **values,
                        int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    if (values[i] == NULL) continue;
    PyList_SET_ITEM(list, (*end)++, values[i]);
    values[i] = NULL;
  }
}

static PyObject *outcome(prs_bulk_t *bulk) {
  if (bulk->error != NULL) {
    PyObject *error = bulk->error;
    bulk->error = NULL;
    prs__raise_again(error);
    return NULL;
  }
  if (bulk->op == PRS_BULK_EACH) Py_RETURN_NONE;
  Py_ssize_t count =
      bulk->results == NULL ? 0 : count_kept(bulk->results, bulk->length);
  for (size_t i = 0; i < bulk->part_count; i++)
    count += count_kept(bulk->parts[i]->values, bulk->parts[i]->count);
  PyObject *list = PyList_New(count);
  if (list == NULL) return NULL;
  Py_ssize_t end = 0;
  if (bulk->results != NULL)
    move_values(list, &end, bulk->results, bulk->length);
  if (bulk->part_count > 1)
    qsort(bulk->parts, bulk->part_count, sizeof *bulk->parts, by_place);
  for (size_t i = 0; i < bulk->part_count; i++)
    move_values(list, &end, bulk->parts[i]->values, bulk->parts[i]->count);
  return list;
}

static PyObject *run_all(prs_bulk_t *bulk) {
  if (prs__hand_of(bulk->pool) != NULL)
    take_part(bulk, true);
  else if (!invite(bulk))
    return NULL;
  prs__bulk_await(bulk);
  if (bulk->progress != NULL && !atomic_load(&bulk->cancelled))
    (void)report(bulk);
  return outcome(bulk);
}

prs_bulk_t *prs__bulk_new(PyObject *pool, int op, uint32_t limit) {
  prs_bulk_t *bulk = (prs_bulk_t *)prs__bulk_type->tp_alloc(prs__bulk_type, 0);
  if (bulk == NULL) return NULL;
  bulk->pool = (prs_pool_t *)Py_NewRef(pool);
  bulk->op = op;
  bulk->limit = limit;
  bulk->tasks = calloc(limit, sizeof *bulk->tasks);
  if (bulk->tasks != NULL) return bulk;
  Py_DECREF(bulk);
  (void)PyErr_NoMemory();
  return NULL;
}

/* bulk(pool, op, function, source, progress): run it all. */
static PyObject *run_bulk(PyObject *module, PyObject *const *args,
                          Py_ssize_t count) {
  (void)module;
  if (!prs__wants("bulk", count, 5)) return NULL;
  prs_bulk_t *bulk = prs__bulk_new(args[0], (int)PyLong_AsLong(args[1]),
                                   ((prs_pool_t *)args[0])->count);
  if (bulk == NULL) return NULL;
  bulk->function = Py_NewRef(args[2]);
  bulk->source = Py_NewRef(args[3]);
  bulk->progress = args[4] == Py_None ? NULL : Py_NewRef(args[4]);
  PyObject *result = read_source(bulk) ? run_all(bulk) : NULL;
  Py_DECREF(bulk);
  return result;
}

/* ---- the type ------------------------------------------------------------ */

static PyMethodDef functions[] = {
    {"bulk", (PyCFunction)(void (*)(void))run_bulk, METH_FASTCALL,
     "bulk(pool, op, function, source, progress, /)\n--\n\n"
     "Apply a function to all items, on the pool's workers, and wait."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "One function over many items."},
                              {Py_tp_dealloc, bulk_dealloc},
                              {Py_tp_traverse, bulk_traverse},
                              {Py_tp_clear, bulk_clear},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.Bulk",
                           .basicsize = sizeof(prs_bulk_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_IMMUTABLETYPE |
                                    Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           .slots = slots};

int prs__add_bulk_type(PyObject *module) {
  PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
  if (type == NULL) return -1;
  prs__bulk_type = (PyTypeObject *)type; /* for ever */
  return PyModule_AddFunctions(module, functions);
}
