/* TaskBase: a task as its handle, which is what most programs see of it. */
#include "pool.h"

int prs__task_traverse(prs_task_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->pool);
  Py_VISIT(self->function);
  Py_VISIT(self->args);
  Py_VISIT(self->kwargs);
  Py_VISIT(self->bell);
  Py_VISIT(self->on_panic);
  Py_VISIT(self->result);
  return 0;
}

int prs__task_clear(prs_task_t *self) {
  Py_CLEAR(self->function);
  Py_CLEAR(self->args);
  Py_CLEAR(self->kwargs);
  Py_CLEAR(self->bell);
  Py_CLEAR(self->on_panic);
  Py_CLEAR(self->result);
  return 0;
}

void prs__task_dealloc(prs_task_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)prs__task_clear(self);
  Py_CLEAR(self->pool);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- join ---------------------------------------------------------------- */

static PyObject *raise_used(void) {
  prs__raise("pythread_rs.ownership", "UseAfterMoveError",
             "use of moved value: this TaskHandle was consumed by `join()` or "
             "`detach()`; a task can be joined once, so keep the result "
             "instead of the handle");
  return NULL;
}

/* Returns: an Ok or an Err. The result leaves the task. */
static PyObject *take_result(prs_task_t *self) {
  if (atomic_exchange(&self->taken, true)) return raise_used();
  PyObject *result = self->result;
  self->result = NULL;
  return self->failed ? prs__err(result) : prs__ok(result);
}

static PyObject *conclude(prs_task_t *self, int status, PyObject *seconds) {
  switch (status) {
    case PRS_OK:
      return take_result(self);
    case PRS_ETIMEDOUT:
      PyErr_Format(PyExc_TimeoutError, "%R has not finished after %R seconds",
                   self, seconds);
      return NULL;
    case PRS_EDEADLK:
      prs__raise("pythread_rs._runtime", "DeadlockError",
                 "failed to join task: a task cannot wait for its own end");
      return NULL;
    case PRS_EAGAIN:
      if (atomic_exchange(&self->taken, true)) return raise_used();
      return prs__err(PyObject_CallNoArgs(prs__pool_rules.lost));
    default: /* PRS__RAISED */
      return NULL;
  }
}

PyDoc_STRVAR(
    join_doc,
    "join($self, /, timeout=None, *, stop=None)\n--\n\n"
    "Wait for the task and take its result, consuming the handle.\n\n"
    "A worker of the pool that joins does not idle: it runs the task itself if "
    "nobody has begun\nit, else helps with what that task has made. Time spent "
    "so is not cut short by `timeout`\nor `stop`.\n\n"
    "Args:\n"
    "    timeout: seconds to wait at most, or a timedelta; None waits for "
    "ever.\n"
    "    stop: a `StopToken` that ends the wait.\n\n"
    "Returns:\n"
    "    `Ok(value)` with what the function returned, or `Err(exception)` with "
    "the very\n    exception that left it. A task that a fork left in the "
    "parent gives\n    `Err(JoinError(...))`.\n\n"
    "Raises:\n"
    "    TimeoutError: the time is over; the handle is as it was.\n"
    "    Stopped: the token stopped first; the handle is as it was.\n"
    "    UseAfterMoveError: the handle was joined or detached before.\n"
    "    DeadlockError: the task joins itself, or one that waits for it on "
    "this "
    "thread.\n"
    "    KeyboardInterrupt: Ctrl-C on the main thread; the handle is as it "
    "was.\n\n"
    "Blocks: yes, without the GIL.\n"
    "Thread safety: any thread; of several that join, one gets the result.\n\n"
    "Mirrors `std::thread::JoinHandle::join`.\n\n"
    ">>> from pythread_rs.pool import ThreadPool\n"
    ">>> with ThreadPool(1) as pool:\n"
    "...     pool.spawn(sum, [1, 2, 3]).join()\n"
    "Ok(6)");

static PyObject *task_join(prs_task_t *self, PyObject *const *args,
                           Py_ssize_t count, PyObject *keywords) {
  static const prs_signature_t signature = {
      "join", 0, 1, {"timeout", "stop", NULL}};
  PyObject *given[2] = {NULL, NULL};
  PyObject *stop;
  uint64_t timeout;
  if (!prs__arguments(&signature, args, count, keywords, given) ||
      !prs__seconds_from(given[0], &timeout) ||
      !prs__stop_from(given[1], &stop))
    return NULL;
  if (atomic_load(&self->taken)) return raise_used();
  int status = prs__task_wait(self, timeout, "join", stop);
  return conclude(self, status, given[0] == NULL ? Py_None : given[0]);
}

PyDoc_STRVAR(is_finished_doc,
             "is_finished($self, /)\n--\n\n"
             "Tell whether the task has ended: `join` would return at once.\n\n"
             "Blocks: no, it is one atomic load.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `std::thread::JoinHandle::is_finished`.");

static PyObject *task_is_finished(prs_task_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(prs__task_is_done(self) || prs__task_is_lost(self));
}

PyDoc_STRVAR(detach_doc,
             "detach($self, /)\n--\n\n"
             "Let the task go on alone, consuming the handle. Dropping the "
             "handle does the same. Returns nothing.\n\n"
             "Raises:\n"
             "    UseAfterMoveError: the handle was joined or detached before."
             "\n\n"
             "Blocks: no.\n"
             "Thread safety: any thread.\n\n"
             "Mirrors `drop(handle)`.");

static PyObject *task_detach(prs_task_t *self, PyObject *unused) {
  (void)unused;
  if (atomic_exchange(&self->taken, true)) return raise_used();
  Py_RETURN_NONE;
}

/* _panic(): the exception of a task that has ended, if nobody took it. */
static PyObject *task_panic(prs_task_t *self, PyObject *unused) {
  (void)unused;
  bool is_there = prs__task_is_done(self) && self->failed &&
                  !atomic_load(&self->taken) && self->result != NULL;
  return Py_NewRef(is_there ? self->result : Py_None);
}

/* _help(timeout): a worker's wait for a task, without its result.
 * Returns: whether it has ended. */
PyObject *prs__task_help(prs_task_t *self, PyObject *arg) {
  uint64_t timeout;
  if (!prs__timeout_from(arg, &timeout)) return NULL;
  if (prs__hand_of(self->pool) == NULL) Py_RETURN_FALSE;
  int status = prs__task_wait(self, timeout, "result", NULL);
  if (status == PRS__RAISED || status == PRS_EDEADLK)
    return conclude(self, status, Py_None);
  return PyBool_FromLong(status == PRS_OK);
}

/* _runner(): the thread that runs it now, or None. */
PyObject *prs__task_runner(prs_task_t *self, PyObject *unused) {
  (void)unused;
  prs_hand_t *hand = atomic_load(&self->hand);
  if (hand == NULL) Py_RETURN_NONE;
  return PyLong_FromUnsignedLong(atomic_load(&hand->ident));
}

static PyObject *task_state(prs_task_t *self, void *unused) {
  (void)unused;
  static const char *const words[] = {"queued", "running", "finished"};
  if (atomic_load(&self->taken)) return PyUnicode_FromString("used");
  if (prs__task_is_lost(self)) return PyUnicode_FromString("lost");
  return PyUnicode_FromString(words[atomic_load(&self->state)]);
}

static PyObject *task_new(PyTypeObject *type, PyObject *args,
                          PyObject *kwargs) {
  (void)args;
  (void)kwargs;
  PyErr_Format(PyExc_TypeError, "a %s comes from spawn", type->tp_name);
  return NULL;
}

#define METHOD(function) (PyCFunction)(void (*)(void))(function)

static PyMethodDef methods[] = {
    {"join", METHOD(task_join), METH_FASTCALL | METH_KEYWORDS, join_doc},
    {"is_finished", METHOD(task_is_finished), METH_NOARGS, is_finished_doc},
    {"detach", METHOD(task_detach), METH_NOARGS, detach_doc},
    {"_panic", METHOD(task_panic), METH_NOARGS, NULL},
    {"_help", METHOD(prs__task_help), METH_O, NULL},
    {"_runner", METHOD(prs__task_runner), METH_NOARGS, NULL},
    {"_run_here", METHOD(prs__task_run_here), METH_NOARGS, NULL},
    {"_bell", METHOD(prs__task_bell), METH_O, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"_state", (getter)task_state, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "One call that a pool has accepted."},
                              {Py_tp_new, task_new},
                              {Py_tp_dealloc, prs__task_dealloc},
                              {Py_tp_traverse, prs__task_traverse},
                              {Py_tp_clear, prs__task_clear},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.TaskBase",
                           .basicsize = sizeof(prs_task_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

/* ---- scope --------------------------------------------------------------- */

/* A task of the list that has not ended: a new reference, or NULL. */
static prs_task_t *unfinished(PyObject *list) {
  prs_task_t *found = NULL;
  Py_BEGIN_CRITICAL_SECTION(list);
  for (Py_ssize_t i = PyList_GET_SIZE(list); found == NULL && i > 0; i--) {
    prs_task_t *task = (prs_task_t *)PyList_GET_ITEM(list, i - 1);
    if (!prs__task_is_done(task) && !prs__task_is_lost(task))
      found = (prs_task_t *)Py_NewRef((PyObject *)task);
  }
  Py_END_CRITICAL_SECTION();
  return found;
}

/* Wait for every task of the list, which may get longer meanwhile.
 * Returns: what a signal handler raised first, or NULL. */
static PyObject *wait_for_all(PyObject *list) {
  PyObject *first = NULL;
  prs_task_t *task;
  while ((task = unfinished(list)) != NULL) {
    PyObject *interrupt = prs__task_wait_for_sure(task, PRS_BORROWING);
    Py_DECREF(task);
    if (first == NULL)
      first = interrupt;
    else
      Py_XDECREF(interrupt);
  }
  return first;
}

static PyObject *scope_exit(PyObject *self, PyObject *const *args,
                            Py_ssize_t count) {
  if (!prs__wants("__exit__", count, 3)) return NULL;
  PyObject *list = PyObject_GetAttrString(self, "_waiting");
  if (list == NULL) return NULL;
  PyObject *interrupt = wait_for_all(list);
  Py_DECREF(list);
  PyObject *result = PyObject_CallMethod(
      self, "_leave", "OO", args[1], interrupt != NULL ? interrupt : Py_None);
  Py_XDECREF(interrupt);
  return result;
}

static PyMethodDef scope_methods[] = {
    {"__exit__", METHOD(scope_exit), METH_FASTCALL,
     "__exit__(kind, error, traceback, /)\n--\n\n"
     "Wait for every task, then call _leave(error, interrupt)."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot scope_slots[] = {
    {Py_tp_doc, "A block whose end waits for the tasks in its _waiting."},
    {Py_tp_methods, scope_methods},
    {0, NULL}};

static PyType_Spec scope_spec = {
    .name = "pythread_rs._objects.TaskScopeBase",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = scope_slots};

int prs__add_task_type(PyObject *module) {
  if (prs__add_type(module, &scope_spec) < 0) return -1;
  prs__task_type = prs__add_base_type(module, &spec);
  return prs__task_type == NULL ? -1 : 0;
}
