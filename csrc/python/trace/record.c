/* Record: the events of each thread, in the order in which it did them.
 *
 * Each OS thread appends to chunks of its own and publishes their count; a
 * reader takes what is published. No thread waits for another. The chunks stay
 * when their thread has ended. */
#include "trace.h"

#define CHUNK 64

typedef struct chunk {
  _Atomic(struct chunk *) next;
  _Atomic uint32_t count;
  prs_trace_event_t events[CHUNK];
} chunk_t;

typedef struct record {
  struct record *next; /* of all threads, the newest first */
  unsigned long ident;
  chunk_t first;
  chunk_t *last;
} record_t;

_Atomic bool prs__traces;
_Thread_local prs_trace_call_t prs__trace_call;

static _Thread_local record_t *own;
static _Atomic(record_t *) records;
static _Atomic uint64_t last_number;
static _Atomic uint64_t events_taken; /* in whole chunks */
static _Atomic uint64_t events_dropped;
static uint64_t limit;
static PyObject *own_files;     /* where the package's own code is */
static PyObject *describe_here; /* () -> (number, name) of a foreign thread */

uint64_t prs__trace_number(void) {
  return atomic_fetch_add_explicit(&last_number, 1, memory_order_relaxed) + 1;
}

/* ---- place --------------------------------------------------------------- */

static bool is_own(PyCodeObject *code) {
  return PyUnicode_Tailmatch(code->co_filename, own_files, 0, PY_SSIZE_T_MAX,
                             -1) == 1;
}

/* The innermost frame that is not the package's own. */
static void find_place(prs_trace_event_t *event) {
  PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
  while (frame != NULL) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    if (!is_own(code)) {
      event->code = code;
      event->instruction = PyFrame_GetLasti(frame);
      Py_DECREF(frame);
      return;
    }
    Py_DECREF(code);
    PyFrameObject *outer = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = outer;
  }
}

/* ---- append -------------------------------------------------------------- */

/* Returns: whether the limit leaves room for one more chunk. */
static bool may_grow(void) {
  uint64_t before = atomic_fetch_add(&events_taken, CHUNK);
  if (before < limit) return true;
  atomic_fetch_sub(&events_taken, CHUNK);
  return false;
}

static record_t *new_record(void) {
  if (!may_grow()) return NULL;
  record_t *record = PyMem_RawCalloc(1, sizeof *record);
  if (record == NULL) return NULL;
  record->ident = PyThread_get_thread_ident();
  record->last = &record->first;
  record->next = atomic_load(&records);
  while (!atomic_compare_exchange_weak(&records, &record->next, record))
    continue;
  return record;
}

/* Returns: where the next event goes, or NULL. */
static chunk_t *room_in(record_t *record) {
  chunk_t *chunk = record->last;
  if (atomic_load_explicit(&chunk->count, memory_order_relaxed) < CHUNK)
    return chunk;
  if (!may_grow()) return NULL;
  chunk_t *next = PyMem_RawCalloc(1, sizeof *next);
  if (next == NULL) return NULL;
  atomic_store_explicit(&chunk->next, next, memory_order_release);
  return record->last = next;
}

/* The reader's acquire of `count` sees the whole event. */
static void append(record_t *record, const prs_trace_event_t *event) {
  chunk_t *chunk = record == NULL ? NULL : room_in(record);
  if (chunk == NULL) {
    atomic_fetch_add(&events_dropped, 1);
    Py_XDECREF(event->note);
    Py_XDECREF(event->code);
    return;
  }
  uint32_t count = atomic_load_explicit(&chunk->count, memory_order_relaxed);
  chunk->events[count] = *event;
  atomic_store_explicit(&chunk->count, count + 1, memory_order_release);
}

/* A thread that this package did not start says who it is at its first event.
 * Returns: false when nothing can be noted. */
static bool begin_record(prs_trace_kind_t kind, uint64_t time) {
  if (own == NULL) own = new_record();
  if (own == NULL) return false;
  bool is_new = atomic_load(&own->first.count) == 0;
  if (!is_new || kind == PRS_TRACE_THREAD) return true;
  prs_trace_event_t begin = {.kind = PRS_TRACE_THREAD, .time = time};
  PyObject *who = PyObject_CallNoArgs(describe_here);
  unsigned long long number;
  if (who != NULL && PyArg_ParseTuple(who, "KU", &number, &begin.note)) {
    begin.id = number;
    Py_INCREF(begin.note);
  }
  Py_XDECREF(who);
  PyErr_Clear();
  append(own, &begin);
  return true;
}

void prs__trace_note(prs_trace_event_t *event) {
  if (event->time == 0) event->time = prs__table->now();
  if (!prs__is_traced()) {
    Py_XDECREF(event->note);
    Py_XDECREF(event->code);
    return;
  }
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  bool ready = begin_record(event->kind, event->time);
  if (ready && event->code == NULL) find_place(event);
  append(ready ? own : NULL, event);
  PyErr_Restore(type, value, traceback);
}

/* ---- waits --------------------------------------------------------------- */

/* A join waits for a packet, by whose address it finds its thread. */
void prs__trace_wait(const void *object) {
  prs_trace_event_t event = {.kind = PRS_TRACE_WAIT,
                             .what = prs__trace_call.what,
                             .object = (uintptr_t)object};
  prs__trace_note(&event);
}

void prs__trace_waited(void) {
  prs_trace_event_t event = {.kind = PRS_TRACE_WAITED};
  prs__trace_note(&event);
}

/* ---- Python -------------------------------------------------------------- */

static PyObject *trace_start(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *files, *describe;
  unsigned long long most;
  if (!PyArg_ParseTuple(args, "KUO:trace_start", &most, &files, &describe))
    return NULL;
  if (!prs__is_connected()) return NULL;
  limit = most;
  own_files = Py_NewRef(files); /* for ever, as the next */
  describe_here = Py_NewRef(describe);
  atomic_store(&prs__traces, true);
  return PyLong_FromUnsignedLongLong(prs__table->now());
}

static PyObject *trace_stop(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  atomic_store(&prs__traces, false);
  return PyLong_FromUnsignedLongLong(prs__table->now());
}

static PyObject *or_none(PyObject *object) {
  return object == NULL ? Py_None : object;
}

static PyObject *as_tuple(const prs_trace_event_t *event) {
  return Py_BuildValue(
      "(iKKKKzOOi)", (int)event->kind, (unsigned long long)event->time,
      (unsigned long long)event->began, (unsigned long long)event->id,
      (unsigned long long)event->object, event->what, or_none(event->note),
      or_none((PyObject *)event->code), event->instruction);
}

/* Returns: false with an exception set. */
static bool read_chunk(chunk_t *chunk, PyObject *list) {
  uint32_t count = atomic_load_explicit(&chunk->count, memory_order_acquire);
  for (uint32_t i = 0; i < count; i++) {
    PyObject *event = as_tuple(&chunk->events[i]);
    int status = event == NULL ? -1 : PyList_Append(list, event);
    Py_XDECREF(event);
    if (status < 0) return false;
  }
  return true;
}

static PyObject *read_record(record_t *record) {
  PyObject *list = PyList_New(0);
  chunk_t *chunk = &record->first;
  while (list != NULL && chunk != NULL) {
    if (!read_chunk(chunk, list)) Py_CLEAR(list);
    chunk = atomic_load_explicit(&chunk->next, memory_order_acquire);
  }
  return list;
}

static PyObject *trace_read(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  PyObject *all = PyList_New(0);
  record_t *record = atomic_load(&records);
  for (; all != NULL && record != NULL; record = record->next) {
    PyObject *list = read_record(record);
    if (list == NULL || PyList_Append(all, list) < 0) Py_CLEAR(all);
    Py_XDECREF(list);
  }
  if (all == NULL) return NULL;
  return Py_BuildValue("(NK)", all,
                       (unsigned long long)atomic_load(&events_dropped));
}

/* (kind, note, code, instruction): an event that Python code knows of. */
static PyObject *trace_note(PyObject *module, PyObject *args) {
  (void)module;
  int kind, instruction;
  PyObject *note, *code;
  if (!PyArg_ParseTuple(args, "iUOi:trace_note", &kind, &note, &code,
                        &instruction))
    return NULL;
  prs_trace_event_t event = {.kind = (prs_trace_kind_t)kind,
                             .note = Py_NewRef(note),
                             .instruction = instruction};
  if (PyCode_Check(code)) event.code = (PyCodeObject *)Py_NewRef(code);
  prs__trace_note(&event);
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"trace_start", trace_start, METH_VARARGS,
     "trace_start(limit, files, describe, /)\n--\n\n"
     "Note events from now on, at most about `limit`. Code in files whose "
     "names "
     "begin with\n`files` is passed over; describe() names a thread that is "
     "not "
     "ours. Return the time."},
    {"trace_stop", trace_stop, METH_NOARGS,
     "trace_stop()\n--\n\nNote nothing any more. Return the time."},
    {"trace_read", trace_read, METH_NOARGS,
     "trace_read()\n--\n\n"
     "Return the events of each OS thread, and how many were dropped."},
    {"trace_note", trace_note, METH_VARARGS,
     "trace_note(kind, note, code, instruction, /)\n--\n\nNote an event."},
    {NULL, NULL, 0, NULL}};

int prs__add_trace(PyObject *module) {
  if (PyModule_AddFunctions(module, functions) < 0) return -1;
  if (prs__add_trace_box(module) < 0) return -1;
  if (prs__add_trace_roles(module) < 0) return -1;
  return prs__add_trace_wrap(module);
}
