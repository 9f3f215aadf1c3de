/* FutureBase: a task as the Future that was promised for it.
 *
 * The fields of concurrent.futures.Future are here, and the lock and the lists
 * are made by the first who asks for them: most futures are looked at when they
 * are finished. Under the GIL a future without a lock is one that nobody waits
 * for, since who waits takes the lock before he looks at the state. Such a one
 * is begun and finished in one step, in which nothing lets go of the GIL. */
#include "pool.h"

#include <structmember.h> /* T_OBJECT, up to 3.11 */

typedef struct prs_future {
  prs_task_t task;
  PyObject *state;     /* a str, as Future has it */
  PyObject *value;     /* what the call returned, or NULL */
  PyObject *exception; /* or NULL */
  PyObject *condition; /* or NULL: nobody has asked for it */
  PyObject *waiters;   /* a list or NULL */
  PyObject *callbacks; /* a list or NULL */
} prs_future_t;

PyTypeObject *prs__future_type;

/* The words of Future, interned, for ever. */
static PyObject *pending, *running, *finished;
static PyObject *make_condition; /* threading.Condition */

/* ---- what the worker tells ----------------------------------------------- */

#ifndef Py_GIL_DISABLED

static bool begin_quickly(prs_future_t *self) {
  if (self->condition != NULL || self->state != pending) return false;
  self->state = Py_NewRef(running); /* `pending` is held for ever */
  Py_DECREF(pending);
  return true;
}

static bool finish_quickly(prs_future_t *self, PyObject *result) {
  if (result == NULL || self->condition != NULL || self->state != running)
    return false;
  self->value = Py_NewRef(result);
  self->state = Py_NewRef(finished);
  Py_DECREF(running);
  if (PyObject_IS_GC(result)) prs__task_show(&self->task);
  return true;
}

#else

static bool begin_quickly(prs_future_t *self) {
  (void)self;
  return false;
}

static bool finish_quickly(prs_future_t *self, PyObject *result) {
  (void)self;
  (void)result;
  return false;
}

#endif

bool prs__future_begin(prs_task_t *task) {
  PyObject *future = (PyObject *)task;
  if (begin_quickly((prs_future_t *)task)) return true;
  PyObject *begins =
      PyObject_CallMethod(future, "set_running_or_notify_cancel", NULL);
  if (begins == NULL) PyErr_WriteUnraisable(future);
  Py_XDECREF(begins);
  return begins == Py_True;
}

void prs__future_finish(prs_task_t *task, PyObject *result,
                        PyObject *exception) {
  PyObject *future = (PyObject *)task;
  if (finish_quickly((prs_future_t *)task, result)) return;
  const char *method = result != NULL ? "set_result" : "set_exception";
  PyObject *told = PyObject_CallMethod(future, method, "(O)",
                                       result != NULL ? result : exception);
  if (told == NULL) PyErr_WriteUnraisable(future);
  Py_XDECREF(told);
}

/* ---- life ---------------------------------------------------------------- */

prs_task_t *prs__future_new(PyObject *type, prs_pool_t *pool,
                            PyObject *function, PyObject *args,
                            PyObject *kwargs) {
  if (!PyType_Check(type) ||
      !PyType_IsSubtype((PyTypeObject *)type, prs__future_type)) {
    PyErr_SetString(PyExc_TypeError, "submit takes a type of futures");
    return NULL;
  }
  prs_task_t *task = prs__task_new((PyTypeObject *)type, pool, PRS_TASK_FUTURE,
                                   function, args, kwargs);
  if (task != NULL) ((prs_future_t *)task)->state = Py_NewRef(pending);
  return task;
}

static int future_traverse(prs_future_t *self, visitproc visit, void *arg) {
  Py_VISIT(self->value);
  Py_VISIT(self->exception);
  Py_VISIT(self->condition);
  Py_VISIT(self->waiters);
  Py_VISIT(self->callbacks);
  return prs__task_traverse(&self->task, visit, arg);
}

static int future_clear(prs_future_t *self) {
  Py_CLEAR(self->value);
  Py_CLEAR(self->exception);
  Py_CLEAR(self->condition);
  Py_CLEAR(self->waiters);
  Py_CLEAR(self->callbacks);
  return prs__task_clear(&self->task);
}

static void future_dealloc(prs_future_t *self) {
  PyObject_GC_UnTrack(self);
  (void)future_clear(self);
  Py_CLEAR(self->state);
  prs__task_dealloc(&self->task);
}

static PyObject *future_new(PyTypeObject *type, PyObject *args,
                            PyObject *kwargs) {
  (void)args;
  (void)kwargs;
  PyErr_Format(PyExc_TypeError, "a %s comes from submit", type->tp_name);
  return NULL;
}

/* ---- what others ask for ------------------------------------------------- */

/* Give what is in the place; what `make` makes, if it is the first.
 * Owner: a new reference, or NULL with an exception set. */
static PyObject *ensured(PyObject *self, PyObject **place,
                         PyObject *(*make)(void)) {
  (void)self; /* under the GIL the section is empty */
  PyObject *found;
  Py_BEGIN_CRITICAL_SECTION(self);
  found = Py_XNewRef(*place);
  Py_END_CRITICAL_SECTION();
  if (found != NULL) return found;
  PyObject *made = make(); /* may let go of the GIL */
  if (made == NULL) return NULL;
  Py_BEGIN_CRITICAL_SECTION(self);
  if (*place == NULL) *place = Py_NewRef(made);
  found = Py_NewRef(*place);
  Py_END_CRITICAL_SECTION();
  Py_DECREF(made);
  return found;
}

static PyObject *new_condition(void) {
  return PyObject_CallNoArgs(make_condition);
}

static PyObject *new_list(void) { return PyList_New(0); }

/* Whoever writes to a future may make it part of a cycle. */
static int set_attribute(PyObject *self, PyObject *name, PyObject *value) {
  prs__task_show((prs_task_t *)self);
  return PyObject_GenericSetAttr(self, name, value);
}

static PyObject *get_condition(PyObject *self, void *unused) {
  (void)unused;
  return ensured(self, &((prs_future_t *)self)->condition, new_condition);
}

/* In the child of a fork, where the lock may be held by nobody. */
static int set_condition(PyObject *self, PyObject *value, void *unused) {
  (void)unused;
  prs_future_t *future = (prs_future_t *)self;
  PyObject *old;
  Py_BEGIN_CRITICAL_SECTION(self);
  old = future->condition;
  future->condition = Py_XNewRef(value);
  Py_END_CRITICAL_SECTION();
  Py_XDECREF(old);
  return 0;
}

static PyObject *get_waiters(PyObject *self, void *unused) {
  (void)unused;
  prs__task_show((prs_task_t *)self);
  return ensured(self, &((prs_future_t *)self)->waiters, new_list);
}

static PyObject *get_callbacks(PyObject *self, void *unused) {
  (void)unused;
  prs__task_show((prs_task_t *)self);
  return ensured(self, &((prs_future_t *)self)->callbacks, new_list);
}

PyDoc_STRVAR(
    result_doc,
    "result($self, /, timeout=None)\n--\n\n"
    "Return what the call returned, as `Future.result` does; a worker helps.");

static PyObject *future_result(prs_future_t *self, PyObject *const *args,
                               Py_ssize_t count, PyObject *keywords) {
  PyObject *value = NULL;
  Py_BEGIN_CRITICAL_SECTION(self);
  if (self->state == finished && self->exception == NULL && count == 0 &&
      keywords == NULL)
    value = Py_NewRef(self->value == NULL ? Py_None : self->value);
  Py_END_CRITICAL_SECTION();
  if (value != NULL) return value;
  PyObject *method = PyObject_GetAttrString((PyObject *)self, "_result_later");
  if (method == NULL) return NULL;
  value = PyObject_Vectorcall(method, args, (size_t)count, keywords);
  Py_DECREF(method);
  return value;
}

/* ---- the type ------------------------------------------------------------ */

#define METHOD(function) (PyCFunction)(void (*)(void))(function)

static PyMethodDef methods[] = {
    {"result", METHOD(future_result), METH_FASTCALL | METH_KEYWORDS,
     result_doc},
    {"_help", METHOD(prs__task_help), METH_O, NULL},
    {"_runner", METHOD(prs__task_runner), METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyMemberDef members[] = {
    {"_state", T_OBJECT, offsetof(prs_future_t, state), 0, NULL},
    {"_result", T_OBJECT, offsetof(prs_future_t, value), 0, NULL},
    {"_exception", T_OBJECT, offsetof(prs_future_t, exception), 0, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef properties[] = {
    {"_condition", get_condition, set_condition, NULL, NULL},
    {"_waiters", get_waiters, NULL, NULL, NULL},
    {"_done_callbacks", get_callbacks, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "The fields of a Future, and its task."},
    {Py_tp_new, future_new},
    {Py_tp_setattro, set_attribute},
    {Py_tp_dealloc, future_dealloc},
    {Py_tp_traverse, future_traverse},
    {Py_tp_clear, future_clear},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.FutureBase",
                           .basicsize = sizeof(prs_future_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_BASETYPE |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = slots};

int prs__add_future_type(PyObject *module) {
  PyObject *threading = PyImport_ImportModule("threading");
  if (threading == NULL) return -1;
  make_condition = PyObject_GetAttrString(threading, "Condition");
  Py_DECREF(threading);
  pending = PyUnicode_InternFromString("PENDING");
  running = PyUnicode_InternFromString("RUNNING");
  finished = PyUnicode_InternFromString("FINISHED");
  if (make_condition == NULL || pending == NULL || running == NULL ||
      finished == NULL)
    return -1;
  prs__future_type = prs__add_base_type(module, &spec);
  return prs__future_type == NULL ? -1 : 0;
}
