/* Token: the state that a public Parker and its Unparkers share. */
#include "objects.h"

#include "../core/sync/prs_meet.h"

typedef struct token_object {
  PyObject_HEAD
  prs_token_t *token;
  _Atomic uint64_t mark;
} token_object_t;

static PyTypeObject *token_type;

_Atomic uint64_t *prs__token_mark(PyObject *object) {
  if (!Py_IS_TYPE(object, token_type)) return prs__parker_mark(object);
  return &((token_object_t *)object)->mark;
}

static PyObject *token_new(PyTypeObject *type, PyObject *args,
                           PyObject *kwargs) {
  static char *names[] = {NULL};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":Token", names)) return NULL;
  if (!prs__is_connected()) return NULL;
  token_object_t *self = (token_object_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->token = prs_token_new();
  if (self->token != NULL) return (PyObject *)self;
  Py_DECREF(self);
  return PyErr_NoMemory();
}

static void token_dealloc(token_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  if (self->token != NULL) prs_token_unref(self->token);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- take and put -------------------------------------------------------- */

static void put(prs_token_t *token) {
  prs_wakes_t wakes = {0};
  prs_token_put(token, &wakes);
  prs_wakes_send(&wakes);
}

static int queue_and_wait(prs_token_t *token, uint64_t timeout,
                          PyObject *stop) {
  prs_waiter_t *waiter = prs__waiter(stop == NULL ? 1 : 2);
  if (waiter == NULL) return PRS__RAISED;
  int status = PRS_OK;
  if (prs_token_take(token, &waiter->nodes[0]) == PRS_MEET_QUEUED) {
    prs_reason_t reason = {Py_None, "park", stop};
    status = prs__block_for(waiter, &reason, timeout);
    prs_token_leave(token, &waiter->nodes[0]);
    /* It was given to a thread that will not tell of it. */
    if (status == PRS__RAISED_LATE) put(token);
  }
  prs_waiter_free(waiter);
  return status;
}

static PyObject *token_take(token_object_t *self, PyObject *const *args,
                            Py_ssize_t count) {
  uint64_t timeout;
  PyObject *stop;
  if (!prs__timeout_and_stop("take", args, count, &timeout, &stop)) return NULL;
  if (prs_token_take(self->token, NULL) == PRS_MEET_DONE) Py_RETURN_TRUE;
  int status;
  do status = queue_and_wait(self->token, timeout, stop);
  while (status == PRS_EAGAIN);
  if (status == PRS__RAISED || status == PRS__RAISED_LATE) return NULL;
  return PyBool_FromLong(status == PRS_OK);
}

static PyObject *token_put(token_object_t *self, PyObject *unused) {
  (void)unused;
  put(self->token);
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"take", (PyCFunction)(void (*)(void))token_take, METH_FASTCALL,
     "take($self, timeout, stop=None, /)\n--\n\n"
     "Wait at most `timeout` nanoseconds, -1 for ever, and take the token. "
     "Return whether\nit was there."},
    {"put", (PyCFunction)token_put, METH_NOARGS,
     "put($self, /)\n--\n\nLeave the token, waking the thread that waits for "
     "it."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {
    {Py_tp_doc, "What one thread leaves and another takes."},
    {Py_tp_new, token_new},
    {Py_tp_dealloc, token_dealloc},
    {Py_tp_methods, methods},
    {0, NULL}};

static PyType_Spec spec = {
    .name = "pythread_rs._objects.Token",
    .basicsize = sizeof(token_object_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots};

int prs__add_token_type(PyObject *module) {
  token_type = prs__add_base_type(module, &spec);
  return token_type == NULL ? -1 : 0;
}
