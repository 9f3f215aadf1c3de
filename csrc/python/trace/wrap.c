/* Wrap: a method of a C type is followed by exchanging the function in its
 * table, PyMethodDef.ml_meth, which the interpreter reads at each call. So the
 * methods have no code for it, and a program that is not traced runs as if
 * there were no tracing.
 *
 * The table has no place for data, so each wrapped method has a C function of
 * its own, a trampoline, which knows its number. */
#include "trace.h"

typedef enum role {
  PASS = 0, /* what waits below it is named after it */
  SEND = 1, /* its argument is a message */
  SEND_TIMEOUT = 2,
  SEND_DEADLINE = 3,
  RECEIVE = 4, /* what it returns may be a message */
  OPEN = 5,    /* the same, but it was not sent */
  SPAWN = 6,
  JOIN = 7,
  PARK = 8,
  UNPARK = 9
} role_t;

typedef struct call {
  PyObject *self;
  PyObject *arg; /* of METH_NOARGS, METH_O, METH_VARARGS */
  PyObject *const *args;
  Py_ssize_t count;
  PyObject *names;
} call_t;

typedef struct wrapped {
  PyCFunction method; /* the one that was exchanged */
  PyCFunction trampoline;
  const char *what;
  int flags;
  role_t role;
} wrapped_t;

typedef PyObject *(*fast_t)(PyObject *, PyObject *const *, Py_ssize_t);
typedef PyObject *(*named_t)(PyObject *, PyObject *const *, Py_ssize_t,
                             PyObject *);

#define CAST(type, function) ((type)(void (*)(void))(function))
#define NAMED (METH_FASTCALL | METH_KEYWORDS)

static PyObject *describe_job; /* (job) -> (number, name) */
static PyObject *entry;        /* what a new thread calls */

static PyObject *invoke(const wrapped_t *wrapped, const call_t *call) {
  if (wrapped->flags == NAMED)
    return CAST(named_t, wrapped->method)(call->self, call->args, call->count,
                                          call->names);
  if (wrapped->flags == METH_FASTCALL)
    return CAST(fast_t, wrapped->method)(call->self, call->args, call->count);
  return wrapped->method(call->self, call->arg);
}

static void note(prs_trace_kind_t kind, uint64_t id, uint64_t began) {
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
static bool may_send(const wrapped_t *wrapped, const call_t *call) {
  PyObject *stop;
  uint64_t timeout;
  Py_ssize_t wanted = wrapped->role == SEND ? 1 : 2;
  if (!prs__read_stop(wrapped->what, call->args, call->count, wanted,
                      call->names, &stop))
    return false;
  if (wrapped->role == SEND_TIMEOUT &&
      !prs__duration_from(call->args[1], &timeout))
    return false;
  if (wrapped->role == SEND_DEADLINE &&
      !prs__deadline_from(call->args[1], &timeout))
    return false;
  return prs__end_is_alive((prs_end_t *)call->self);
}

/* Take the value over and put it into a box, as the method would take it: the
 * calling frame is looked at for a call of the trampoline. */
static PyObject *boxed(const wrapped_t *wrapped, const call_t *call,
                       uint64_t number) {
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

static PyObject *send(const wrapped_t *wrapped, call_t *call) {
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
  note(PRS_TRACE_DONE, number, 0);
  return result;
}

static PyObject *receive(const wrapped_t *wrapped, call_t *call) {
  uint64_t began = prs__table->now();
  uint64_t number = 0;
  PyObject *result = invoke(wrapped, call);
  if (result == NULL) return NULL;
  result = prs__trace_unbox(result, &number);
  if (number != 0 && wrapped->role == RECEIVE)
    note(PRS_TRACE_RECEIVE, number, began);
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

static PyObject *spawn(const wrapped_t *wrapped, call_t *call) {
  if (call->count < 1) return invoke(wrapped, call);
  prs_trace_event_t event = {.kind = PRS_TRACE_SPAWN,
                             .what = wrapped->what,
                             .object = packet_of(call->self)};
  event.id = number_of(call->args[0], &event.note);
  prs__trace_note(&event);
  PyObject *result = invoke(wrapped, call);
  note(PRS_TRACE_DONE, event.id, 0);
  return result;
}

static PyObject *join(const wrapped_t *wrapped, call_t *call) {
  prs__trace_call.object = packet_of(call->self);
  return invoke(wrapped, call);
}

/* What every new thread calls in the place of the entry. */
static PyObject *run(PyObject *module, PyObject *job) {
  (void)module;
  prs_trace_event_t begin = {.kind = PRS_TRACE_THREAD};
  prs__trace_call = (prs_trace_call_t){NULL, 0};
  begin.id = number_of(job, &begin.note);
  prs__trace_note(&begin);
  PyObject *result = PyObject_CallOneArg(entry, job);
  note(PRS_TRACE_ENDED, begin.id, 0);
  return result;
}

/* ---- park ---------------------------------------------------------------- */

/* A token stands for any number of unparks; its arrow comes from the first. */
static PyObject *unpark(const wrapped_t *wrapped, call_t *call) {
  uint64_t number = prs__trace_number();
  uint64_t none = 0;
  _Atomic uint64_t *mark = prs__token_mark(call->self);
  note(PRS_TRACE_UNPARK, number, 0);
  if (mark != NULL) (void)atomic_compare_exchange_strong(mark, &none, number);
  PyObject *result = invoke(wrapped, call);
  note(PRS_TRACE_DONE, number, 0);
  return result;
}

static PyObject *park(const wrapped_t *wrapped, call_t *call) {
  uint64_t began = prs__table->now();
  PyObject *result = invoke(wrapped, call);
  _Atomic uint64_t *mark = prs__token_mark(call->self);
  if (result != Py_True || mark == NULL) return result;
  uint64_t number = atomic_exchange(mark, 0);
  if (number != 0) note(PRS_TRACE_PARKED, number, began);
  return result;
}

/* ---- trampolines --------------------------------------------------------- */

#define PLACES 32 /* of each of the three forms of a method */

static wrapped_t wrapped[3][PLACES];
static int used[3];

static PyObject *pass(const wrapped_t *one, call_t *call) {
  switch (one->role) {
    case SEND:
    case SEND_TIMEOUT:
    case SEND_DEADLINE:
      return send(one, call);
    case RECEIVE:
    case OPEN:
      return receive(one, call);
    case SPAWN:
      return spawn(one, call);
    case JOIN:
      return join(one, call);
    case PARK:
      return park(one, call);
    case UNPARK:
      return unpark(one, call);
    default:
      return invoke(one, call);
  }
}

static PyObject *follow(const wrapped_t *one, call_t *call) {
  prs_trace_call_t outer = prs__trace_call;
  prs__trace_call = (prs_trace_call_t){one->what, (uintptr_t)call->self};
  PyObject *result = pass(one, call);
  prs__trace_call = outer;
  return result;
}

#define PLAIN_FORM 0
#define FAST_FORM 1
#define NAMED_FORM 2

#define TRAMPOLINES(n)                                               \
  static PyObject *plain_##n(PyObject *self, PyObject *arg) {        \
    call_t call = {.self = self, .arg = arg};                        \
    return follow(&wrapped[PLAIN_FORM][n], &call);                   \
  }                                                                  \
  static PyObject *fast_##n(PyObject *self, PyObject *const *args,   \
                            Py_ssize_t count) {                      \
    call_t call = {.self = self, .args = args, .count = count};      \
    return follow(&wrapped[FAST_FORM][n], &call);                    \
  }                                                                  \
  static PyObject *named_##n(PyObject *self, PyObject *const *args,  \
                             Py_ssize_t count, PyObject *names) {    \
    call_t call = {                                                  \
        .self = self, .args = args, .count = count, .names = names}; \
    return follow(&wrapped[NAMED_FORM][n], &call);                   \
  }

#define EIGHT(X, a, b, c, d, e, f, g, h) X(a) X(b) X(c) X(d) X(e) X(f) X(g) X(h)
#define ALL(X)                             \
  EIGHT(X, 0, 1, 2, 3, 4, 5, 6, 7)         \
  EIGHT(X, 8, 9, 10, 11, 12, 13, 14, 15)   \
  EIGHT(X, 16, 17, 18, 19, 20, 21, 22, 23) \
  EIGHT(X, 24, 25, 26, 27, 28, 29, 30, 31)

ALL(TRAMPOLINES)

#define FORMS(n) \
  {plain_##n, CAST(PyCFunction, fast_##n), CAST(PyCFunction, named_##n)},

static const PyCFunction trampolines[PLACES][3] = {ALL(FORMS)};

/* ---- wrap ---------------------------------------------------------------- */

static int form_of(int flags) {
  switch (flags) {
    case METH_NOARGS:
    case METH_O:
    case METH_VARARGS:
      return PLAIN_FORM;
    case METH_FASTCALL:
      return FAST_FORM;
    case NAMED:
      return NAMED_FORM;
    default:
      return -1;
  }
}

/* The entry in the table of its type or module. Returns: NULL with an exception
 * set. */
static PyMethodDef *table_entry(PyObject *owner, PyObject *name) {
  PyObject *found = PyObject_GetAttr(owner, name);
  if (found == NULL) return NULL;
  PyMethodDef *entry_of = NULL;
  if (Py_IS_TYPE(found, &PyMethodDescr_Type))
    entry_of = ((PyMethodDescrObject *)found)->d_method;
  else if (PyCFunction_CheckExact(found))
    entry_of = ((PyCFunctionObject *)found)->m_ml;
  Py_DECREF(found); /* its owner keeps it */
  if (entry_of == NULL || form_of(entry_of->ml_flags) < 0) {
    PyErr_Format(PyExc_TypeError, "cannot trace %R of %R", name, owner);
    return NULL;
  }
  return entry_of;
}

static bool is_trampoline(PyCFunction method, int form) {
  for (int i = 0; i < used[form]; i++)
    if (trampolines[i][form] == method) return true;
  return false;
}

/* Before there are threads: the table is read by all of them. */
static PyObject *trace_wrap(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *owner, *name;
  const char *what;
  int role;
  if (!PyArg_ParseTuple(args, "OUsi:trace_wrap", &owner, &name, &what, &role))
    return NULL;
  PyMethodDef *method = table_entry(owner, name);
  if (method == NULL) return NULL;
  int form = form_of(method->ml_flags);
  if (is_trampoline(method->ml_meth, form)) Py_RETURN_NONE;
  if (used[form] == PLACES) {
    PyErr_SetString(PyExc_RuntimeError, "too many methods are traced");
    return NULL;
  }
  int place = used[form]++;
  wrapped[form][place] =
      (wrapped_t){.method = method->ml_meth,
                  .trampoline = trampolines[place][form],
                  .what = PyUnicode_AsUTF8(PyTuple_GET_ITEM(args, 2)),
                  .flags = method->ml_flags,
                  .role = (role_t)role};
  Py_INCREF(PyTuple_GET_ITEM(args, 2)); /* for ever: `what` is in it */
  method->ml_meth = trampolines[place][form];
  Py_RETURN_NONE;
}

/* ---- iterate ------------------------------------------------------------- */

static iternextfunc next_message;

static PyObject *traced_next(PyObject *self) {
  prs_trace_call_t outer = prs__trace_call;
  uint64_t began = prs__table->now();
  uint64_t number = 0;
  prs__trace_call =
      (prs_trace_call_t){"recv", (uintptr_t)((prs_end_t *)self)->shared};
  PyObject *result = next_message(self);
  if (result != NULL) result = prs__trace_unbox(result, &number);
  if (number != 0) note(PRS_TRACE_RECEIVE, number, began);
  prs__trace_call = outer;
  return result;
}

/* A class that is derived has its own copy of the slot. */
static bool exchange_next(PyTypeObject *type) {
  if (type->tp_iternext == next_message) type->tp_iternext = traced_next;
  PyObject *derived =
      PyObject_CallMethod((PyObject *)type, "__subclasses__", NULL);
  bool fine = derived != NULL;
  for (Py_ssize_t i = 0; fine && i < PyList_GET_SIZE(derived); i++)
    fine = exchange_next((PyTypeObject *)PyList_GET_ITEM(derived, i));
  Py_XDECREF(derived);
  return fine;
}

static PyObject *trace_next(PyObject *module, PyObject *type) {
  (void)module;
  PyObject *slot = PyObject_GetAttrString(type, "__next__");
  if (slot == NULL) return NULL;
  if (next_message == NULL && Py_IS_TYPE(slot, &PyWrapperDescr_Type)) {
    next_message = ((PyTypeObject *)type)->tp_iternext;
    ((PyWrapperDescrObject *)slot)->d_wrapped = CAST(void *, traced_next);
  }
  Py_DECREF(slot);
  if (!exchange_next((PyTypeObject *)type)) return NULL;
  Py_RETURN_NONE;
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
    {"trace_wrap", trace_wrap, METH_VARARGS,
     "trace_wrap(owner, name, what, role, /)\n--\n\n"
     "Follow the calls of a method of a C type, or of a function of this "
     "module."},
    {"trace_next", trace_next, METH_O,
     "trace_next(type, /)\n--\n\nFollow the loops over receivers."},
    {"trace_entry", trace_entry, METH_VARARGS,
     "trace_entry(run, describe, /)\n--\n\n"
     "Return what a new thread is to call instead of run."},
    {"_trace_run", run, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

int prs__add_trace_wrap(PyObject *module) {
  return PyModule_AddFunctions(module, functions);
}
