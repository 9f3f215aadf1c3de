/* Pool: the object that workers and tasks hold; the public class is Python's.
 */
#include <stdlib.h>

#include "../ownership/ownership.h"
#include "pool.h"

static PyTypeObject *pool_type;

/* ---- life ---------------------------------------------------------------- */

static bool make_hands(prs_pool_t *self, uint32_t count) {
  self->hands = calloc(count, sizeof *self->hands);
  if (self->hands == NULL) return false;
  for (uint32_t i = 0; i < count; i++) {
    prs_hand_t *hand = &self->hands[i];
    hand->pool = self;
    hand->index = i;
    hand->seed = 2463534242u + i * 2654435769u;
    if (hand->seed == 0) hand->seed = 1;
    if (!prs_deque_init(&hand->deque)) return false;
    self->count++;
  }
  return true;
}

static PyObject *pool_new(PyTypeObject *type, PyObject *args,
                          PyObject *kwargs) {
  static char *names[] = {"", "", NULL};
  unsigned int count;
  PyObject *handler;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "IO:PoolBase", names, &count,
                                   &handler))
    return NULL;
  if (!prs__is_connected()) return NULL;
  prs_pool_t *self = (prs_pool_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->generation = prs__generation();
  if (handler != Py_None) self->panic_handler = Py_NewRef(handler);
  if (make_hands(self, count == 0 ? 1 : count)) return (PyObject *)self;
  Py_DECREF(self);
  return PyErr_NoMemory();
}

static int pool_traverse(prs_pool_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->panic_handler);
  return 0;
}

static int pool_clear(prs_pool_t *self) {
  Py_CLEAR(self->panic_handler);
  return 0;
}

/* Each task that is queued holds the pool, so there is none. */
static void pool_dealloc(prs_pool_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)pool_clear(self);
  for (uint32_t i = 0; i < self->count; i++) {
    prs_deque_destroy(&self->hands[i].deque);
    free(self->hands[i].inbox.tasks);
  }
  free(self->hands);
  free(self->injector.tasks);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- tasks --------------------------------------------------------------- */

static void give_back(PyObject *moved, PyObject *closure) {
  if (moved == Py_None) return;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject *done = PyObject_CallMethod(moved, "_give_back", "(O)", closure);
  if (done == NULL) PyErr_WriteUnraisable(moved);
  Py_XDECREF(done);
  PyErr_Restore(type, value, traceback);
}

static prs_task_t *task_of(prs_pool_t *self, PyObject *type, int kind,
                           PyObject *closure) {
  PyObject *args = PyList_GET_ITEM(closure, 1);
  PyObject *kwargs = PyList_GET_ITEM(closure, 2);
  if (PyDict_GET_SIZE(kwargs) == 0) kwargs = NULL;
  if (kwargs == NULL && PyTuple_GET_SIZE(args) == 0) args = NULL;
  return prs__task_new((PyTypeObject *)type, self, kind,
                       PyList_GET_ITEM(closure, 0), args, kwargs);
}

static PyObject *accept(prs_pool_t *self, prs_task_t *task, bool in_line) {
  if (task != NULL && prs__pool_push(self, task, in_line))
    return (PyObject *)task;
  Py_XDECREF(task);
  return NULL;
}

static bool is_closure(PyObject *closure) {
  if (!PyList_CheckExact(closure) || PyList_GET_SIZE(closure) != 3) {
    PyErr_SetString(PyExc_TypeError, "a closure is [function, args, kwargs]");
    return false;
  }
  PyObject *function = PyList_GET_ITEM(closure, 0);
  if (PyCallable_Check(function)) return true;
  PyErr_Format(PyExc_TypeError, "spawn takes a callable, not %.100s: %.80R",
               Py_TYPE(function)->tp_name, function);
  return false;
}

/* spawn(type, closure, in_line=False): the closure is taken out of its list. */
static PyObject *pool_spawn(prs_pool_t *self, PyObject *const *args,
                            Py_ssize_t count) {
  bool in_line = count == 3 && args[2] == Py_True;
  if (count != 3 && !prs__wants("spawn", count, 2)) return NULL;
  PyObject *closure = args[1];
  if (!is_closure(closure)) return NULL;
  PyObject *moved = prs__own(NULL, closure);
  if (moved == NULL) return NULL;
  int kind = PRS_TASK_REPORTS | (moved == Py_None ? 0 : PRS_TASK_MOVED);
  PyObject *handle =
      accept(self, task_of(self, args[0], kind, closure), in_line);
  if (handle == NULL)
    give_back(moved, closure);
  else if (PyList_SetSlice(closure, 0, 3, NULL) < 0) /* the task owns it now */
    PyErr_Clear();
  Py_DECREF(moved);
  return handle;
}

/* lend(type, closure, on_panic, list): the caller has checked it and waits for
 * all tasks of the list, which has it before it can start. */
static PyObject *pool_lend(prs_pool_t *self, PyObject *const *args,
                           Py_ssize_t count) {
  if (!prs__wants("lend", count, 4)) return NULL;
  if (!is_closure(args[1])) return NULL;
  prs_task_t *task = task_of(self, args[0], PRS_TASK_BORROWS, args[1]);
  if (task == NULL) return NULL;
  task->on_panic = Py_NewRef(args[2]);
  if (PyList_Append(args[3], (PyObject *)task) == 0) {
    if (prs__pool_push(self, task, false)) return (PyObject *)task;
    prs__task_drop(task);
  }
  Py_DECREF(task);
  return NULL;
}

static PyObject *pool_submit(prs_pool_t *self, PyObject *const *args,
                             Py_ssize_t count) {
  if (!prs__wants("submit", count, 4)) return NULL;
  PyObject *kwargs = PyDict_GET_SIZE(args[3]) == 0 ? NULL : args[3];
  PyObject *given = kwargs == NULL && PyTuple_GET_SIZE(args[2]) == 0
                        ? NULL
                        : args[2]; /* NULL: called without any */
  prs_task_t *task = prs__future_new(args[0], self, args[1], given, kwargs);
  if (task == NULL) return NULL;
  if (prs__pool_push(self, task, true)) return (PyObject *)task;
  Py_DECREF(task);
  return NULL;
}

/* ---- the type ------------------------------------------------------------ */

static PyObject *pool_work(prs_pool_t *self, PyObject *arg) {
  unsigned long index = PyLong_AsUnsignedLong(arg);
  if (index == (unsigned long)-1 && PyErr_Occurred()) return NULL;
  if (index >= self->count) {
    PyErr_SetString(PyExc_IndexError, "there is no such worker");
    return NULL;
  }
  Py_INCREF(self);
  int status = prs__work(&self->hands[index]);
  Py_DECREF(self);
  if (status < 0) return NULL;
  Py_RETURN_NONE;
}

static PyObject *pool_here(prs_pool_t *self, PyObject *unused) {
  (void)unused;
  prs_hand_t *hand = prs__hand_of(self);
  if (hand == NULL) Py_RETURN_NONE;
  return PyLong_FromUnsignedLong(hand->index);
}

static PyObject *pool_is_closed(prs_pool_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(atomic_load(&self->closed));
}

static PyObject *pool_statistics(prs_pool_t *self, PyObject *unused) {
  (void)unused;
  unsigned long long queued = atomic_load(&self->injected);
  unsigned int running = 0;
  for (uint32_t i = 0; i < self->count; i++) {
    queued += prs_deque_len(&self->hands[i].deque);
    running += prs__hand_top(&self->hands[i]) != NULL;
  }
  return Py_BuildValue(
      "{sIsIsIsIsKsKsK}", "threads", self->count, "running", running,
      "sleeping", atomic_load(&self->sleepers), "waiting",
      atomic_load(&self->waiting), "queued", queued, "promised",
      (unsigned long long)atomic_load(&self->promised), "keeping",
      (unsigned long long)atomic_load(&self->keeping));
}

#define METHOD(function) (PyCFunction)(void (*)(void))(function)

static PyMethodDef methods[] = {
    {"work", METHOD(pool_work), METH_O,
     "work(index, /)\n--\n\nBe a worker until the pool is closed and empty."},
    {"spawn", METHOD(pool_spawn), METH_FASTCALL,
     "spawn(handle type, closure, in_line=False, /)\n--\n\n"
     "Check a closure and queue it."},
    {"lend", METHOD(pool_lend), METH_FASTCALL,
     "lend(handle type, closure, on_panic, list, /)\n--\n\n"
     "Queue a closure that the caller will wait for, as for all of the list."},
    {"submit", METHOD(pool_submit), METH_FASTCALL,
     "submit(future type, function, args, kwargs, /)\n--\n\n"
     "Queue a call whose outcome a Future gets."},
    {"install", METHOD(prs__pool_install), METH_O,
     "install(function, /)\n--\n\nCall it on a worker and wait."},
    {"join", METHOD(prs__pool_join), METH_FASTCALL,
     "join(a, b, /)\n--\n\nCall both, on a worker, and wait."},
    {"broadcast", METHOD(prs__pool_broadcast), METH_O,
     "broadcast(functions, /)\n--\n\nCall each on its worker and wait."},
    {"close", METHOD(prs__pool_close), METH_NOARGS,
     "close()\n--\n\nTake nothing more; workers end when all is done."},
    {"drain", METHOD(prs__pool_drain), METH_O,
     "drain(nanoseconds, /)\n--\n\n"
     "Take no Future more and wait; tell whether all are finished."},
    {"stand_in", METHOD(prs__pool_stand_in), METH_NOARGS,
     "stand_in()\n--\n\nRun what stands in the line, on any thread."},
    {"queued_futures", METHOD(prs__pool_queued_futures), METH_NOARGS,
     "queued_futures()\n--\n\nList those whose call has not begun."},
    {"abandon", METHOD(prs__pool_abandon), METH_NOARGS,
     "abandon()\n--\n\nEmpty it in the child of a fork; list the Futures."},
    {"here", METHOD(pool_here), METH_NOARGS,
     "here()\n--\n\nReturn the calling worker's index, or None."},
    {"is_closed", METHOD(pool_is_closed), METH_NOARGS,
     "is_closed()\n--\n\nTell whether the pool takes no more."},
    {"statistics", METHOD(pool_statistics), METH_NOARGS,
     "statistics()\n--\n\nCount workers and tasks."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, "Workers, and the tasks for them."},
                              {Py_tp_new, pool_new},
                              {Py_tp_dealloc, pool_dealloc},
                              {Py_tp_traverse, pool_traverse},
                              {Py_tp_clear, pool_clear},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.PoolBase",
                           .basicsize = sizeof(prs_pool_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

static PyObject *pool_current(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (prs__hand == NULL) Py_RETURN_NONE;
  return Py_NewRef((PyObject *)prs__hand->pool);
}

static PyObject *pool_set_rules(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *panicked;
  PyObject *lost;
  PyObject *lend;
  if (!PyArg_ParseTuple(args, "OOO:set_pool_rules", &panicked, &lost, &lend))
    return NULL;
  prs__pool_rules.panicked = Py_NewRef(panicked);
  prs__pool_rules.lost = Py_NewRef(lost);
  prs__pool_rules.lend = Py_NewRef(lend);
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"current_pool", pool_current, METH_NOARGS,
     "current_pool()\n--\n\nReturn the pool whose worker calls, or None."},
    {"set_pool_rules", pool_set_rules, METH_VARARGS,
     "set_pool_rules(panicked, lost, lend, /)\n--\n\nTake Python's part."},
    {NULL, NULL, 0, NULL}};

int prs__add_pool_type(PyObject *module) {
  pool_type = prs__add_base_type(module, &spec);
  if (pool_type == NULL) return -1;
  return PyModule_AddFunctions(module, functions);
}
