/* Roles: what is noted of a call that is followed, by what the method does. */
#include "trace.h"

typedef PyObject *(*fast_t)(PyObject *, PyObject *const *, Py_ssize_t);
typedef PyObject *(*named_t)(PyObject *, PyObject *const *, Py_ssize_t,
                             PyObject *);

static PyObject *describe_job; /* (job) -> (number, name) */
static PyObject *entry;        /* what a new thread calls */

static PyObject *invoke(const prs_trace_method_t *wrapped,
                        const prs_trace_args_t *call) {
  if (wrapped->flags == PRS_NAMED)
    return PRS_CAST(named_t, wrapped->method)(call->self, call->args,
                                              call->count, call->names);
  if (wrapped->flags == METH_FASTCALL)
    return PRS_CAST(fast_t, wrapped->method)(call->self, call->args,
                                             call->count);
  return wrapped->method(call->self, call->arg);
}

void prs__trace_mark(prs_trace_kind_t kind, uint64_t id, uint64_t began) {
  prs_trace_event_t event = {
      .kind = kind,
      .id = id,
      .began = began,
      .what = prs__trace_call.what,
      .object = prs__trace_call.object,
  };
  prs__trace_note(&event);
}

/* ---- send and receive ---------------------------------------------------- */

/* Check what the method itself checks before it takes the value.
 * Returns: false with the same exception set. */
static bool may_send(const prs_trace_method_t *wrapped,
                     const prs_trace_args_t *call) {
  PyObject *stop;
  uint64_t timeout;
  Py_ssize_t wanted = wrapped->role == PRS_ROLE_SEND ? 1 : 2;
  if (!prs__read_stop(wrapped->name, call->args, call->count, wanted,
                      call->names, &stop))
    return false;
  if (wrapped->role == PRS_ROLE_SEND_TIMEOUT &&
      !prs__duration_from(call->args[1], &timeout))
    return false;
  if (wrapped->role == PRS_ROLE_SEND_DEADLINE &&
      !prs__deadline_from(call->args[1], &timeout))
    return false;
  return prs__end_is_alive((prs_end_t *)call->self);
}

/* Take the value over and put it into a box, as the method would take it: the
 * calling frame is looked at for a call of the trampoline. */
static PyObject *boxed(const prs_trace_method_t *wrapped,
                       const prs_trace_args_t *call, uint64_t number) {
  prs_sink_t sink = {.method = wrapped->trampoline};
  PyObject *item = prs__take_over(call->args, &sink);
  if (item == NULL) return NULL;
  prs_trace_event_t event = {.kind = PRS_TRACE_SEND,
                             .id = number,
                             .what = wrapped->what,
                             .object = prs__trace_call.object,
                             .note = prs__trace_text(item)};
  prs__trace_note(&event);
  return prs__trace_box(item, number);
}

/* The exception of a send that was interrupted has the value. */
static void open_unsent(void) {
  PyObject *type, *value, *traceback;
  uint64_t number;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  PyObject *unsent =
      value == NULL ? NULL : PyObject_GetAttrString(value, "unsent");
  if (unsent != NULL) {
    unsent = prs__trace_unbox(unsent, &number);
    (void)PyObject_SetAttrString(value, "unsent", unsent);
    Py_DECREF(unsent);
  }
  PyErr_Clear();
  PyErr_Restore(type, value, traceback);
}

#define MOST_ARGUMENTS 3 /* a value, a time and a `stop` */

static PyObject *send(const prs_trace_method_t *wrapped,
                      prs_trace_args_t *call) {
  if (!may_send(wrapped, call)) return NULL;
  PyObject *copy[MOST_ARGUMENTS];
  Py_ssize_t all = call->count;
  if (call->names != NULL) all += PyTuple_GET_SIZE(call->names);
  prs__trace_call.object = (uintptr_t)((prs_end_t *)call->self)->shared;
  uint64_t number = prs__trace_number();
  PyObject *box = boxed(wrapped, call, number);
  if (box == NULL) return NULL;
  copy[0] = box;
  for (Py_ssize_t i = 1; i < all && i < MOST_ARGUMENTS; i++)
    copy[i] = call->args[i];
  call->args = copy;
  PyObject *result = invoke(wrapped, call);
  Py_DECREF(box);
  if (result == NULL) open_unsent();
  prs__trace_mark(PRS_TRACE_DONE, number, 0);
  return result;
}

static PyObject *receive(const prs_trace_method_t *wrapped,
                         prs_trace_args_t *call) {
  uint64_t began = prs__table->now();
  uint64_t number = 0;
  PyObject *result = invoke(wrapped, call);
  if (result == NULL) return NULL;
  result = prs__trace_unbox(result, &number);
  if (number != 0 && wrapped->role == PRS_ROLE_RECEIVE)
    prs__trace_mark(PRS_TRACE_RECEIVE, number, began);
  return result;
}

/* ---- threads ------------------------------------------------------------- */

/* Tell which thread a job is for. Returns: its number; 0 when that is not
 * known. `name`: a new reference, or NULL. */
static uint64_t number_of(PyObject *job, PyObject **name) {
  unsigned long long number = 0;
  PyObject *found;
  PyObject *who = PyObject_CallOneArg(describe_job, job);
  *name = NULL;
  if (who != NULL && PyArg_ParseTuple(who, "KU", &number, &found))
    *name = Py_NewRef(found);
  Py_XDECREF(who);
  PyErr_Clear();
  return number;
}

/* The packet, by its address: it outlives the thread and all who wait. */
static uintptr_t packet_of(PyObject *object) {
  return (uintptr_t)((prs_packet_object_t *)object)->packet;
}

static PyObject *spawn(const prs_trace_method_t *wrapped,
                       prs_trace_args_t *call) {
  if (call->count < 1) return invoke(wrapped, call);
  prs_trace_event_t event = {.kind = PRS_TRACE_SPAWN,
                             .what = wrapped->what,
                             .object = packet_of(call->self)};
  event.id = number_of(call->args[0], &event.note);
  prs__trace_note(&event);
  PyObject *result = invoke(wrapped, call);
  prs__trace_mark(PRS_TRACE_DONE, event.id, 0);
  return result;
}

/* What every new thread calls in the place of the entry. */
static PyObject *run(PyObject *module, PyObject *job) {
  (void)module;
  prs_trace_event_t begin = {.kind = PRS_TRACE_THREAD};
  prs__trace_call = (prs_trace_call_t){NULL, 0};
  begin.id = number_of(job, &begin.note);
  prs__trace_note(&begin);
  PyObject *result = PyObject_CallOneArg(entry, job);
  prs__trace_mark(PRS_TRACE_ENDED, begin.id, 0);
  return result;
}

/* ---- park ---------------------------------------------------------------- */

/* A token stands for any number of unparks; its arrow comes from the first. */
static PyObject *unpark(const prs_trace_method_t *wrapped,
                        prs_trace_args_t *call) {
  uint64_t number = prs__trace_number();
  uint64_t none = 0;
  _Atomic uint64_t *mark = prs__token_mark(call->self);
  prs__trace_mark(PRS_TRACE_UNPARK, number, 0);
  if (mark != NULL) (void)atomic_compare_exchange_strong(mark, &none, number);
  PyObject *result = invoke(wrapped, call);
  prs__trace_mark(PRS_TRACE_DONE, number, 0);
  return result;
}

static PyObject *park(const prs_trace_method_t *wrapped,
                      prs_trace_args_t *call) {
  uint64_t began = prs__table->now();
  PyObject *result = invoke(wrapped, call);
  _Atomic uint64_t *mark = prs__token_mark(call->self);
  if (result != Py_True || mark == NULL) return result;
  uint64_t number = atomic_exchange(mark, 0);
  if (number != 0) prs__trace_mark(PRS_TRACE_PARKED, number, began);
  return result;
}

/* ---- all ----------------------------------------------------------------- */

PyObject *prs__trace_pass(const prs_trace_method_t *one,
                          prs_trace_args_t *call) {
  switch (one->role) {
    case PRS_ROLE_SEND:
    case PRS_ROLE_SEND_TIMEOUT:
    case PRS_ROLE_SEND_DEADLINE:
      return send(one, call);
    case PRS_ROLE_RECEIVE:
    case PRS_ROLE_OPEN:
      return receive(one, call);
    case PRS_ROLE_SPAWN:
      return spawn(one, call);
    case PRS_ROLE_PARK:
      return park(one, call);
    case PRS_ROLE_UNPARK:
      return unpark(one, call);
    default:
      return invoke(one, call);
  }
}

/* (run, describe): what a new thread has called so far. */
static PyObject *trace_entry(PyObject *module, PyObject *args) {
  PyObject *next, *describe;
  if (!PyArg_ParseTuple(args, "OO:trace_entry", &next, &describe)) return NULL;
  entry = Py_NewRef(next);
  describe_job = Py_NewRef(describe);
  return PyObject_GetAttrString(module, "_trace_run");
}

static PyMethodDef functions[] = {
    {"trace_entry", trace_entry, METH_VARARGS,
     "trace_entry(run, describe, /)\n--\n\n"
     "Return what a new thread is to call instead of run."},
    {"_trace_run", run, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

int prs__add_trace_roles(PyObject *module) {
  return PyModule_AddFunctions(module, functions);
}
