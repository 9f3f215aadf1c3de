/* Packet: the Python object through which a thread is started and joined.
 *
 * It owns one reference on the C packet and the place for the result. It is
 * C, not Python, because every spawn and every join passes here. */
#include "native/native.h"
#include "packet.h"

/* The interpreter needs so much to run anything: on 16 KiB, the least of most
 * platforms, a call of a few Python functions is a crash. */
#define LEAST_STACK ((size_t)256 << 10)

typedef prs_packet_object_t packet_object_t;

static PyObject *packet_new(PyTypeObject *type, PyObject *args,
                            PyObject *kwargs) {
  static char *names[] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":Packet", names)) return NULL;
  if (!prs__is_connected()) return NULL;
  packet_object_t *self = (packet_object_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->packet = prs__table->packet_new(prs__table->python_runner);
  if (self->packet == NULL) {
    Py_DECREF(self);
    return PyErr_NoMemory();
  }
  return (PyObject *)self;
}

static int packet_traverse(packet_object_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->value);
  Py_VISIT(self->bell);
  Py_VISIT(self->judge);
  Py_VISIT(prs__native_kept(self));
  return 0;
}

static int packet_clear(packet_object_t *self) {
  prs__native_give_up(self);
  Py_CLEAR(self->judge);
  Py_CLEAR(self->value);
  Py_CLEAR(self->bell);
  return 0;
}

static void packet_dealloc(packet_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)packet_clear(self);
  if (self->packet != NULL) prs__table->packet_unref(self->packet);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- start --------------------------------------------------------------- */

static int give_name(packet_object_t *self, PyObject *name) {
  if (name == Py_None) return 0;
  Py_ssize_t length = 0;
  const char *utf8 = PyUnicode_AsUTF8AndSize(name, &length);
  if (utf8 == NULL) return -1;
  if (prs__table->packet_set_name(self->packet, utf8, (size_t)length) == PRS_OK)
    return 0;
  PyErr_NoMemory();
  return -1;
}

/* Under the GIL a burst of spawns would pile up threads that wait for it. */
static void let_earlier_starts_in(void) {
#ifndef Py_GIL_DISABLED
  uint32_t seen;
  if (!prs__table->spawn_is_ahead(&seen)) return;
  Py_BEGIN_ALLOW_THREADS
  prs__table->spawn_step_back(seen);
  Py_END_ALLOW_THREADS
#endif
}

PyDoc_STRVAR(start_doc,
             "start(job, name, stack_size, dedicated, /)\n--\n\n"
             "Run entry(job) on a thread of its own. Return None, or the tuple "
             "(status, os_error)\nwhen nothing was started.");

/* Returns: false with an exception set. */
static bool read_options(const prs_start_t *wanted,
                         prs_spawn_options_t *options) {
  size_t stack_size = PyLong_AsSize_t(wanted->stack_size);
  if (stack_size == (size_t)-1 && PyErr_Occurred()) return false;
  int dedicated = PyObject_IsTrue(wanted->dedicated);
  if (dedicated < 0) return false;
  if (stack_size != 0 && stack_size < LEAST_STACK) stack_size = LEAST_STACK;
  *options = (prs_spawn_options_t){.stack_size = stack_size,
                                   .dedicated = dedicated != 0};
  return true;
}

int prs__packet_spawn(prs_packet_object_t *self, void *payload,
                      const prs_start_t *wanted, int *os_error) {
  prs_spawn_options_t options;
  if (!read_options(wanted, &options) || give_name(self, wanted->name) < 0)
    return PRS__RAISED;
  let_earlier_starts_in();
  self->packet->payload = payload;
  int status = prs__table->spawn(self->packet, &options, os_error);
  if (status != PRS_OK) self->packet->payload = NULL;
  return status;
}

static PyObject *packet_start(packet_object_t *self, PyObject *const *args,
                              Py_ssize_t count) {
  if (!prs__wants("start", count, 4)) return NULL;
  prs_start_t wanted = {
      .name = args[1], .stack_size = args[2], .dedicated = args[3]};
  int os_error = 0;
  PyObject *job = Py_NewRef(args[0]);
  int status = prs__packet_spawn(self, job, &wanted, &os_error);
  if (status == PRS_OK) Py_RETURN_NONE;
  Py_DECREF(job);
  if (status == PRS__RAISED) return NULL;
  return Py_BuildValue("(ii)", status, os_error);
}

PyDoc_STRVAR(
    start_native_doc,
    "start_native(signature, address, args, owner, judge, name, stack_size, "
    "dedicated, /)\n--\n\n"
    "Call a C function on a thread of its own, and keep `owner` until it has "
    "ended;\njudge(result, errno) then returns a panic or None. Otherwise as "
    "start().");

/* ---- wait ---------------------------------------------------------------- */

static int wait_for_packet(void *packet, uint64_t timeout,
                           const _Atomic uint32_t *ends) {
  return prs__table->packet_wait_or(packet, timeout, ends);
}

static void interrupt(void *packet) { prs__table->packet_interrupt(packet); }

static void ref(void *packet) { prs__table->packet_ref(packet); }

static void unref(void *packet) { prs__table->packet_unref(packet); }

PyDoc_STRVAR(
    wait_doc,
    "wait(timeout, stop=None, /)\n--\n\n"
    "Wait at most `timeout` nanoseconds, -1 for ever. Return the final "
    "state, or the\nnegative status with which the wait ended.");

/* Returns: a status, or PRS__RAISED. */
static int wait_until_final(prs_packet_t *packet, uint64_t timeout,
                            PyObject *stop) {
  static const prs_stoppable_t how = {wait_for_packet, interrupt, ref, unref};
  prs__table->packet_ref(packet);
  int status = prs__wait_or_stop(&how, packet, timeout, stop);
  prs__table->packet_chain(packet);
  prs__table->packet_unref(packet);
  return status;
}

static PyObject *packet_wait(packet_object_t *self, PyObject *const *args,
                             Py_ssize_t count) {
  uint64_t timeout;
  PyObject *stop;
  if (!prs__timeout_and_stop("wait", args, count, &timeout, &stop)) return NULL;
  prs_packet_t *packet = self->packet;
  if (prs__table->packet_state(packet) < PRS_DONE) {
    bool is_python = self->call == NULL; /* a native thread waits for nobody */
    uint64_t longest = stop == NULL ? timeout : 0;
    if (is_python && timeout != 0 &&
        !prs__may_wait((PyObject *)self, "join", longest))
      return NULL;
    int status = wait_until_final(packet, timeout, stop);
    if (is_python) prs__waited();
    if (status == PRS__RAISED) return NULL;
    if (status != PRS_OK) return PyLong_FromLong(status);
  }
  return PyLong_FromLong((long)prs__table->packet_state(packet));
}

static PyObject *packet_same(packet_object_t *self, PyObject *other) {
  bool same = Py_IS_TYPE(other, Py_TYPE(self)) &&
              ((packet_object_t *)other)->packet == self->packet;
  return PyBool_FromLong(same);
}

static PyObject *packet_is_finished(packet_object_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(prs__table->packet_state(self->packet) >= PRS_DONE);
}

PyDoc_STRVAR(
    bell_doc,
    "bell(make, /)\n--\n\n"
    "Return what the thread calls when nothing of its closure is left: "
    "make(), the same\nfor every caller. None when it is too late; "
    "wait() then takes a moment at most.");

/* Returns: a new reference, or NULL when it is too late. */
static PyObject *keep_bell(packet_object_t *self, PyObject *made) {
  PyObject *bell;
  Py_BEGIN_CRITICAL_SECTION(self);
  if (self->bell == NULL) {
    Py_INCREF(made); /* for the thread, which may take it at once */
    if (prs__table->packet_set_bell(self->packet, made))
      self->bell = Py_NewRef(made);
    else
      Py_DECREF(made);
  }
  bell = Py_XNewRef(self->bell);
  Py_END_CRITICAL_SECTION();
  return bell;
}

static PyObject *packet_bell(packet_object_t *self, PyObject *make) {
  PyObject *made = PyObject_CallNoArgs(make);
  if (made == NULL) return NULL;
  PyObject *bell = keep_bell(self, made);
  Py_DECREF(made);
  if (bell == NULL) Py_RETURN_NONE;
  return bell;
}

/* ---- the result ---------------------------------------------------------- */

static PyObject *put(packet_object_t *self, PyObject *value, bool failed) {
  PyObject *old;
  Py_BEGIN_CRITICAL_SECTION(self);
  old = self->value;
  self->value = Py_NewRef(value);
  self->failed = failed;
  Py_END_CRITICAL_SECTION();
  Py_XDECREF(old);
  Py_RETURN_NONE;
}

static PyObject *packet_put_ok(packet_object_t *self, PyObject *value) {
  if (!prs__may_be_result(value)) return NULL;
  return put(self, value, false);
}

static PyObject *packet_put_err(packet_object_t *self, PyObject *value) {
  return put(self, value, true);
}

PyDoc_STRVAR(
    take_doc,
    "take(ok, err, /)\n--\n\n"
    "Return the result, to one caller only: ok(value) or err(panic). "
    "The packet keeps it,\nfor give_back(), until it is dropped; also when "
    "the call raises. Raise LookupError when\nit was taken, EOFError when the "
    "thread left none.");

static void untake(packet_object_t *self) {
  Py_BEGIN_CRITICAL_SECTION(self);
  self->taken = false;
  Py_END_CRITICAL_SECTION();
}

static PyObject *packet_take(packet_object_t *self, PyObject *const *args,
                             Py_ssize_t count) {
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "take() takes 2 arguments");
    return NULL;
  }
  if (!prs__native_settle(self)) return NULL;
  PyObject *value;
  bool failed;
  bool taken;
  Py_BEGIN_CRITICAL_SECTION(self);
  value = Py_XNewRef(self->value);
  failed = self->failed;
  taken = self->taken;
  self->taken = true;
  Py_END_CRITICAL_SECTION();
  PyObject *result = NULL;
  if (taken) {
    PyErr_SetString(PyExc_LookupError, "the result was taken");
  } else if (value == NULL) {
    PyErr_SetString(PyExc_EOFError, "there is no result");
  } else {
    result = PyObject_CallOneArg(args[failed ? 1 : 0], value);
    /* Here: at the end of the stack there is no call left to undo it by. */
    if (result == NULL) untake(self);
  }
  Py_XDECREF(value);
  return result;
}

PyDoc_STRVAR(give_back_doc,
             "give_back()\n--\n\n"
             "Undo take(): the caller was interrupted before it could keep the "
             "result.");

static PyObject *packet_give_back(packet_object_t *self, PyObject *unused) {
  (void)unused;
  untake(self);
  Py_RETURN_NONE;
}

PyDoc_STRVAR(watcher_doc,
             "watcher()\n--\n\n"
             "Return a packet for the same thread that has no result: to wait "
             "without keeping\nthe result alive.");

static PyObject *packet_watcher(packet_object_t *self, PyObject *unused) {
  (void)unused;
  PyTypeObject *type = Py_TYPE(self);
  packet_object_t *other = (packet_object_t *)type->tp_alloc(type, 0);
  if (other == NULL) return NULL;
  prs__table->packet_ref(self->packet);
  other->packet = self->packet;
  return (PyObject *)other;
}

/* Returns: the list's packet if it was started and has not ended, else NULL; a
 * new reference. */
static packet_object_t *unfinished(PyObject *list, Py_ssize_t index) {
  PyObject *item = PyList_GetItem(list, index);
  if (item == NULL) {
    PyErr_Clear(); /* the list got shorter */
    return NULL;
  }
  packet_object_t *self = (packet_object_t *)item;
  if (!prs__table->packet_was_spawned(self->packet)) return NULL;
  if (prs__table->packet_state(self->packet) >= PRS_DONE) return NULL;
  return (packet_object_t *)Py_NewRef(item);
}

/* Returns: a status, or PRS__RAISED. */
static int wait_at_end(packet_object_t *self) {
  if (self->call == NULL &&
      !prs__may_wait((PyObject *)self, "scope", PRS_FOREVER))
    return PRS__RAISED;
  int status = wait_until_final(self->packet, PRS_FOREVER, NULL);
  if (self->call == NULL) prs__waited();
  return status;
}

bool prs__wait_for_one(PyObject *list, bool *raised) {
  for (Py_ssize_t i = PyList_GET_SIZE(list); i > 0; i--) {
    packet_object_t *packet = unfinished(list, i - 1);
    if (packet == NULL) continue;
    *raised = wait_at_end(packet) == PRS__RAISED;
    Py_DECREF(packet);
    return true;
  }
  return false;
}

static PyMethodDef methods[] = {
    {"start", (PyCFunction)(void (*)(void))packet_start, METH_FASTCALL,
     start_doc},
    {"start_native", (PyCFunction)(void (*)(void))prs__start_native,
     METH_FASTCALL, start_native_doc},
    {"same", (PyCFunction)packet_same, METH_O,
     "same(other, /)\n--\n\nTell whether two packets are of one thread."},
    {"wait", (PyCFunction)(void (*)(void))packet_wait, METH_FASTCALL, wait_doc},
    {"is_finished", (PyCFunction)packet_is_finished, METH_NOARGS,
     "is_finished()\n--\n\nTell whether the state is final. Never blocks."},
    {"bell", (PyCFunction)packet_bell, METH_O, bell_doc},
    {"put_ok", (PyCFunction)packet_put_ok, METH_O,
     "put_ok(value, /)\n--\n\n"
     "Leave the closure's value. Raise E0277 for one that is bound to its "
     "thread."},
    {"put_err", (PyCFunction)packet_put_err, METH_O,
     "put_err(panic, /)\n--\n\nLeave the exception that left the closure."},
    {"take", (PyCFunction)(void (*)(void))packet_take, METH_FASTCALL, take_doc},
    {"give_back", (PyCFunction)packet_give_back, METH_NOARGS, give_back_doc},
    {"watcher", (PyCFunction)packet_watcher, METH_NOARGS, watcher_doc},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "One thread: start it, wait for it, take its result."},
    {Py_tp_new, packet_new},
    {Py_tp_dealloc, packet_dealloc},
    {Py_tp_traverse, packet_traverse},
    {Py_tp_clear, packet_clear},
    {Py_tp_methods, methods},
    {0, NULL}};

static PyType_Spec spec = {
    .name = "pythread_rs._objects.Packet",
    .basicsize = sizeof(packet_object_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots};

int prs__add_packet_type(PyObject *module) {
  return prs__add_type(module, &spec);
}
