/* WaitGroup: one share of a group whose waiters wait for the last share. */
#include "objects.h"

#include "../core/sync/prs_meet.h"

typedef struct wait_group_object {
  PyObject_HEAD
  _Atomic(prs_wait_group_t *) group; /* NULL when `wait` consumed it */
} wait_group_object_t;

/* ---- life ---------------------------------------------------------------- */

static PyObject *made(PyTypeObject *type, prs_wait_group_t *group) {
  wait_group_object_t *self = (wait_group_object_t *)type->tp_alloc(type, 0);
  if (self != NULL) atomic_init(&self->group, group);
  return (PyObject *)self;
}

static PyObject *wait_group_new(PyTypeObject *type, PyObject *args,
                                PyObject *kwargs) {
  static char *names[] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":WaitGroup", names))
    return NULL;
  if (!prs__is_connected()) return NULL;
  prs_wait_group_t *group = prs_wait_group_new();
  if (group == NULL) return PyErr_NoMemory();
  PyObject *self = made(type, group);
  if (self == NULL) prs_wait_group_unref(group);
  return self;
}

static void drop_share(prs_wait_group_t *group) {
  prs_wakes_t wakes = {0};
  prs_wait_group_done(group, &wakes);
  prs_wakes_send(&wakes);
}

static void wait_group_dealloc(wait_group_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  prs_wait_group_t *group = atomic_load(&self->group);
  if (group != NULL) {
    drop_share(group);
    prs_wait_group_unref(group);
  }
  type->tp_free(self);
  Py_DECREF(type);
}

static void raise_moved(void) {
  prs__raise("pythread_rs.ownership", "UseAfterMoveError",
             "use of moved value: this WaitGroup was consumed by `wait()`; "
             "call `.clone()` before it for a second share");
}

/* ---- clone --------------------------------------------------------------- */

/* The critical section keeps the group from a `wait` on another thread. */
static prs_wait_group_t *with_one_more(wait_group_object_t *self) {
  prs_wait_group_t *group;
  Py_BEGIN_CRITICAL_SECTION(self);
  group = atomic_load(&self->group);
  if (group != NULL) {
    prs_wait_group_add(group);
    prs_wait_group_ref(group);
  }
  Py_END_CRITICAL_SECTION();
  return group;
}

static PyObject *wait_group_clone(wait_group_object_t *self, PyObject *unused) {
  (void)unused;
  prs_wait_group_t *group = with_one_more(self);
  if (group == NULL) {
    raise_moved();
    return NULL;
  }
  PyObject *clone = made(Py_TYPE(self), group);
  if (clone == NULL) {
    drop_share(group);
    prs_wait_group_unref(group);
  }
  return clone;
}

/* ---- wait ---------------------------------------------------------------- */

static int wait_once(prs_wait_group_t *group, uint64_t timeout, PyObject *stop,
                     bool *is_open) {
  prs_wakes_t wakes = {0};
  prs_waiter_t *waiter = prs__waiter(stop == NULL ? 1 : 2);
  if (waiter == NULL) {
    prs_node_t nowhere = {0};
    *is_open = prs_wait_group_leave(group, &nowhere, true, &wakes);
    prs_wakes_send(&wakes);
    return PRS__RAISED;
  }
  int status = PRS_OK;
  *is_open = prs_wait_group_enter(group, &waiter->nodes[0]) == PRS_MEET_DONE;
  if (!*is_open) {
    prs_reason_t reason = {Py_None, "wait", stop};
    status = prs__block_for(waiter, &reason, timeout);
    *is_open = prs_wait_group_leave(group, &waiter->nodes[0],
                                    status != PRS_EAGAIN, &wakes);
    prs_wakes_send(&wakes);
  }
  prs_waiter_free(waiter);
  return status;
}

/* The share of this handle is gone while it waits; if the wait fails, it is
 * back, as the handle is, unless the group has been opened meanwhile.
 * Returns: PRS_OK, PRS_ETIMEDOUT or PRS__RAISED. */
static int consume(wait_group_object_t *self, uint64_t timeout,
                   PyObject *stop) {
  prs_wait_group_t *group;
  Py_BEGIN_CRITICAL_SECTION(self);
  group = atomic_exchange(&self->group, NULL);
  Py_END_CRITICAL_SECTION();
  if (group == NULL) {
    raise_moved();
    return PRS__RAISED;
  }
  bool is_open = prs_wait_group_shares(group) == 1;
  drop_share(group);
  int status = PRS_OK;
  do
    if (!is_open) status = wait_once(group, timeout, stop, &is_open);
  while (status == PRS_EAGAIN && !is_open);
  if (is_open) {
    prs_wait_group_unref(group);
    bool raised = status == PRS__RAISED || status == PRS__RAISED_LATE;
    return raised ? PRS__RAISED : PRS_OK;
  }
  atomic_store(&self->group, group);
  return status;
}

static PyObject *wait_group_wait(wait_group_object_t *self,
                                 PyObject *const *args, Py_ssize_t count,
                                 PyObject *keywords) {
  static const prs_signature_t signature = {"wait", 0, 0, {"stop", NULL}};
  PyObject *stop = NULL;
  if (!prs__arguments(&signature, args, count, keywords, &stop) ||
      !prs__stop_from(stop, &stop))
    return NULL;
  if (consume(self, PRS_FOREVER, stop) != PRS_OK) return NULL;
  Py_RETURN_NONE;
}

static PyObject *wait_group_wait_timeout(wait_group_object_t *self,
                                         PyObject *const *args,
                                         Py_ssize_t count, PyObject *keywords) {
  static const prs_signature_t signature = {
      "wait_timeout", 1, 1, {"timeout", "stop", NULL}};
  PyObject *given[2];
  uint64_t timeout;
  if (!prs__arguments(&signature, args, count, keywords, given) ||
      !prs__duration_from(given[0], &timeout) ||
      !prs__stop_from(given[1], &given[1]))
    return NULL;
  int status = consume(self, timeout, given[1]);
  if (status == PRS_ETIMEDOUT)
    return prs__err(prs__timeout_error("timed out waiting on wait group"));
  return status == PRS_OK ? prs__ok_none() : NULL;
}

static PyObject *wait_group_repr(wait_group_object_t *self) {
  size_t shares = 0;
  bool is_moved;
  Py_BEGIN_CRITICAL_SECTION(self);
  prs_wait_group_t *group = atomic_load(&self->group);
  is_moved = group == NULL;
  if (!is_moved) shares = prs_wait_group_shares(group);
  Py_END_CRITICAL_SECTION();
  if (is_moved) return PyUnicode_FromString("WaitGroup { moved }");
  return PyUnicode_FromFormat("WaitGroup { count: %zu }", shares);
}

/* ---- documentation ------------------------------------------------------- */

PyDoc_STRVAR(clone_doc,
             "clone($self, /)\n--\n\n"
             "Make one more share, which the waiters wait for, too.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: `wait` has consumed this share.\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `Clone` of `crossbeam_utils::sync::WaitGroup`.\n\n"
             ">>> from pythread_rs.sync import WaitGroup\n"
             ">>> group = WaitGroup()\n"
             ">>> other = group.clone()\n"
             ">>> group\n"
             "WaitGroup { count: 2 }");

PyDoc_STRVAR(
    wait_doc,
    "wait($self, /, *, stop=None)\n--\n\n"
    "Drop this share and wait until every other one has been dropped.\n\n"
    "Args:\n"
    "    stop: a `StopToken` that ends the wait.\n\n"
    "Raises:\n"
    "    UseAfterMoveError: `wait` has consumed this share before.\n"
    "    Stopped: `stop` was stopped; the share is as it was.\n"
    "    KeyboardInterrupt: Ctrl-C on the main thread; the same.\n"
    "    RuntimeError: the interpreter is exiting.\n\n"
    "Blocks: yes, without the GIL.\n"
    "Thread safety: any thread. What happened before a share was dropped "
    "happens before\nthis returns.\n\n"
    "Mirrors `crossbeam_utils::sync::WaitGroup::wait`.\n\n"
    ">>> from pythread_rs.sync import WaitGroup\n"
    ">>> WaitGroup().wait()");

PyDoc_STRVAR(
    wait_timeout_doc,
    "wait_timeout($self, /, timeout, *, stop=None)\n--\n\n"
    "Wait as `wait` does, but at most `timeout`.\n\n"
    "Args:\n"
    "    timeout: seconds, or a timedelta; at least 0.\n"
    "    stop: a `StopToken` that ends the wait.\n\n"
    "Returns:\n"
    "    `Ok(None)`, or `Err(WaitTimeoutError)`: then the share is as it "
    "was.\n\n"
    "Raises:\n"
    "    ValueError: `timeout` is negative or NaN.\n"
    "    UseAfterMoveError, Stopped, KeyboardInterrupt, RuntimeError: as "
    "`wait`.\n\n"
    "Blocks: at most `timeout`, without the GIL.\n"
    "Thread safety: any thread.\n\n"
    "Not in Rust's crossbeam, whose groups wait for ever.\n\n"
    ">>> from pythread_rs.sync import WaitGroup\n"
    ">>> WaitGroup().wait_timeout(0.001)\n"
    "Ok(None)");

static PyMethodDef methods[] = {
    {"clone", (PyCFunction)wait_group_clone, METH_NOARGS, clone_doc},
    {"wait", (PyCFunction)(void (*)(void))wait_group_wait,
     METH_FASTCALL | METH_KEYWORDS, wait_doc},
    {"wait_timeout", (PyCFunction)(void (*)(void))wait_group_wait_timeout,
     METH_FASTCALL | METH_KEYWORDS, wait_timeout_doc},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "The part of `WaitGroup` that is C."},
                              {Py_tp_new, wait_group_new},
                              {Py_tp_dealloc, wait_group_dealloc},
                              {Py_tp_repr, wait_group_repr},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.WaitGroupBase",
                           .basicsize = sizeof(wait_group_object_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_wait_group_type(PyObject *module) {
  return prs__add_base_type(module, &spec) == NULL ? -1 : 0;
}
