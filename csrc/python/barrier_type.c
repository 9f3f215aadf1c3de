/* Barrier: threads that wait until a given number of them has arrived. */
#include "objects.h"

#include "../core/sync/prs_meet.h"

typedef struct barrier_object {
  PyObject_HEAD
  prs_barrier_t barrier;
} barrier_object_t;

/* The two results, made in Python and kept for ever. */
static PyObject *leader;
static PyObject *follower;

/* ---- life ---------------------------------------------------------------- */

static bool size_from(PyObject *arg, size_t *out) {
  PyObject *number = PyNumber_Index(arg);
  if (number == NULL) return false;
  *out = PyLong_AsSize_t(number);
  Py_DECREF(number);
  if (!PyErr_Occurred()) return true;
  if (PyErr_ExceptionMatches(PyExc_OverflowError))
    PyErr_Format(PyExc_ValueError,
                 "the number of threads must be from 0 to %zu, not %R",
                 SIZE_MAX, arg);
  return false;
}

static PyObject *barrier_new(PyTypeObject *type, PyObject *args,
                             PyObject *kwargs) {
  static char *names[] = {"n", NULL};
  PyObject *count;
  size_t size;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:Barrier", names, &count))
    return NULL;
  if (!prs__is_connected() || !size_from(count, &size)) return NULL;
  barrier_object_t *self = (barrier_object_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  prs_barrier_init(&self->barrier, size);
  return (PyObject *)self;
}

static void barrier_dealloc(barrier_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- wait ---------------------------------------------------------------- */

/* Returns: PRS_OK, `*leads` is set; as prs__block() else. */
static int queue_and_wait(barrier_object_t *self, uint64_t timeout,
                          PyObject *stop, bool *leads) {
  prs_wakes_t wakes = {0};
  prs_waiter_t *waiter = prs__waiter(stop == NULL ? 1 : 2);
  if (waiter == NULL) return PRS__RAISED;
  prs_node_t *node = &waiter->nodes[0];
  int status = prs_barrier_arrive(&self->barrier, node, &wakes);
  prs__wakes_send_detached(&wakes);
  *leads = status == PRS_MEET_DONE;
  if (!*leads) {
    prs_reason_t reason = {(PyObject *)self, "wait", stop};
    status = prs__block_for(waiter, &reason, timeout);
    bool is_open = prs_barrier_leave(&self->barrier, node, &wakes);
    prs__wakes_send_detached(&wakes);
    /* The last one was as quick as the clock: this thread was counted. */
    if (status == PRS_ETIMEDOUT && is_open) status = PRS_OK;
  }
  prs_waiter_free(waiter);
  return status;
}

static int meet(barrier_object_t *self, uint64_t timeout, PyObject *stop,
                bool *leads) {
  prs_wakes_t wakes = {0};
  *leads = true;
  if (prs_barrier_arrive(&self->barrier, NULL, &wakes) == PRS_MEET_DONE) {
    prs__wakes_send_detached(&wakes);
    return PRS_OK;
  }
  int status;
  do status = queue_and_wait(self, timeout, stop, leads);
  while (status == PRS_EAGAIN);
  return status;
}

static PyObject *result_of(bool leads) {
  return Py_NewRef(leads ? leader : follower);
}

static PyObject *barrier_wait(barrier_object_t *self, PyObject *const *args,
                              Py_ssize_t count, PyObject *keywords) {
  static const prs_signature_t signature = {"wait", 0, 0, {"stop", NULL}};
  PyObject *stop = NULL;
  bool leads;
  if (!prs__arguments(&signature, args, count, keywords, &stop) ||
      !prs__stop_from(stop, &stop))
    return NULL;
  if (meet(self, PRS_FOREVER, stop, &leads) != PRS_OK) return NULL;
  return result_of(leads);
}

static PyObject *barrier_wait_timeout(barrier_object_t *self,
                                      PyObject *const *args, Py_ssize_t count,
                                      PyObject *keywords) {
  static const prs_signature_t signature = {
      "wait_timeout", 1, 1, {"timeout", "stop", NULL}};
  PyObject *given[2];
  uint64_t timeout;
  bool leads;
  if (!prs__arguments(&signature, args, count, keywords, given) ||
      !prs__duration_from(given[0], &timeout) ||
      !prs__stop_from(given[1], &given[1]))
    return NULL;
  int status = meet(self, timeout, given[1], &leads);
  if (status == PRS_ETIMEDOUT)
    return prs__err(prs__timeout_error("timed out waiting on barrier"));
  return status == PRS_OK ? prs__ok(result_of(leads)) : NULL;
}

static PyObject *barrier_repr(PyObject *self) {
  (void)self;
  return PyUnicode_FromString("Barrier { .. }");
}

/* ---- documentation ------------------------------------------------------- */

PyDoc_STRVAR(
    wait_doc,
    "wait($self, /, *, stop=None)\n--\n\n"
    "Wait until as many threads as the barrier is for have called it.\n\n"
    "All that these threads did before happens before any of them goes on. "
    "Then the\nbarrier starts again from nothing.\n\n"
    "Args:\n"
    "    stop: a `StopToken` that ends the wait.\n\n"
    "Returns:\n"
    "    A `BarrierWaitResult`; of each round one thread is the leader, here "
    "the one that\n"
    "    came last.\n\n"
    "Raises:\n"
    "    Stopped: `stop` was stopped; the thread is no longer counted.\n"
    "    KeyboardInterrupt: Ctrl-C on the main thread; the same.\n"
    "    RuntimeError: the interpreter is exiting.\n\n"
    "Blocks: yes, without the GIL; the last one does not.\n"
    "Thread safety: any thread.\n\n"
    "Mirrors `std::sync::Barrier::wait`.\n\n"
    ">>> from pythread_rs.sync import Barrier\n"
    ">>> Barrier(1).wait().is_leader()\n"
    "True");

PyDoc_STRVAR(
    wait_timeout_doc,
    "wait_timeout($self, /, timeout, *, stop=None)\n--\n\n"
    "Wait as `wait` does, but at most `timeout`.\n\n"
    "A thread whose time is over is no longer counted, as if it had never "
    "come: the\nothers wait on, and the barrier is not broken.\n\n"
    "Args:\n"
    "    timeout: seconds, or a timedelta; at least 0.\n"
    "    stop: a `StopToken` that ends the wait.\n\n"
    "Returns:\n"
    "    `Ok(BarrierWaitResult)`, or `Err(WaitTimeoutError)`.\n\n"
    "Raises:\n"
    "    ValueError: `timeout` is negative or NaN.\n"
    "    Stopped, KeyboardInterrupt, RuntimeError: as `wait`.\n\n"
    "Blocks: at most `timeout`, without the GIL.\n"
    "Thread safety: any thread.\n\n"
    "Not in Rust, whose barriers wait for ever.\n\n"
    ">>> from pythread_rs.sync import Barrier\n"
    ">>> Barrier(2).wait_timeout(0.001)\n"
    "Err(WaitTimeoutError('timed out waiting on barrier'))");

static PyMethodDef methods[] = {
    {"wait", (PyCFunction)(void (*)(void))barrier_wait,
     METH_FASTCALL | METH_KEYWORDS, wait_doc},
    {"wait_timeout", (PyCFunction)(void (*)(void))barrier_wait_timeout,
     METH_FASTCALL | METH_KEYWORDS, wait_timeout_doc},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "The part of `Barrier` that is C."},
                              {Py_tp_new, barrier_new},
                              {Py_tp_dealloc, barrier_dealloc},
                              {Py_tp_repr, barrier_repr},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.BarrierBase",
                           .basicsize = sizeof(barrier_object_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

static PyObject *set_results(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *leads;
  PyObject *follows;
  if (!PyArg_ParseTuple(args, "OO:set_barrier_results", &leads, &follows))
    return NULL;
  leader = Py_NewRef(leads);
  follower = Py_NewRef(follows);
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_barrier_results", set_results, METH_VARARGS,
     "set_barrier_results(leader, other, /)\n--\n\n"
     "Hand over what `wait` returns."},
    {NULL, NULL, 0, NULL}};

int prs__add_barrier_type(PyObject *module) {
  if (prs__add_base_type(module, &spec) == NULL) return -1;
  return PyModule_AddFunctions(module, functions);
}
