/* Channel: the object behind both ends, and what the ends have in common. */
#include "select.h"

PyTypeObject *prs__channel_type;

static PyObject *refusals; /* a tuple of PRS_REFUSALS callables */

/* ---- the object ---------------------------------------------------------- */

static int visit_item(void *item, void *arg) {
  void **both = arg;
  return (*(visitproc *)both[0])(item, both[1]);
}

static int channel_traverse(prs_channel_object_t *self, visitproc visit,
                            void *arg) {
  void *both[] = {&visit, arg};
  Py_VISIT(Py_TYPE(self));
  const prs_channel_t *channel = &self->channel;
  int stopped = prs__visit_tickets(&channel->sending, visit, arg);
  if (stopped == 0)
    stopped = prs__visit_tickets(&channel->receiving, visit, arg);
  return stopped != 0 ? stopped : prs_channel_visit(channel, visit_item, both);
}

static int channel_clear(prs_channel_object_t *self) {
  void *item;
  while ((item = prs_channel_clear(&self->channel)) != NULL)
    Py_DECREF((PyObject *)item);
  return 0;
}

static void channel_dealloc(prs_channel_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)channel_clear(self);
  prs_channel_destroy(&self->channel);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyType_Slot slots[] = {{Py_tp_doc, "Messages between two ends."},
                              {Py_tp_dealloc, channel_dealloc},
                              {Py_tp_traverse, channel_traverse},
                              {Py_tp_clear, channel_clear},
                              {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.Channel",
                           .basicsize = sizeof(prs_channel_object_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_IMMUTABLETYPE |
                                    Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           .slots = slots};

/* ---- refusals ------------------------------------------------------------ */

PyObject *prs__refuse(prs_refusal_t refusal, PyObject *item) {
  PyObject *make = PyTuple_GET_ITEM(refusals, refusal);
  if (item == NULL) return PyObject_CallNoArgs(make);
  PyObject *result = PyObject_CallOneArg(make, item);
  Py_DECREF(item);
  return result;
}

PyObject *prs__set_refusals(PyObject *module, PyObject *callables) {
  (void)module;
  if (!PyTuple_Check(callables) ||
      PyTuple_GET_SIZE(callables) != PRS_REFUSALS) {
    PyErr_SetString(PyExc_TypeError, "set_refusals() takes a tuple of 11");
    return NULL;
  }
  Py_XSETREF(refusals, Py_NewRef(callables));
  Py_RETURN_NONE;
}

/* ---- a pair -------------------------------------------------------------- */

PyObject *prs__make_channel(PyObject *module, PyObject *args) {
  (void)module;
  PyTypeObject *sender;
  PyTypeObject *receiver;
  Py_ssize_t capacity;
  int exclusive = 0;
  if (!PyArg_ParseTuple(args, "O!O!n|p:channel", &PyType_Type, &sender,
                        &PyType_Type, &receiver, &capacity, &exclusive))
    return NULL;
  if (!prs__is_connected()) return NULL;
  prs_channel_object_t *shared =
      (prs_channel_object_t *)prs__channel_type->tp_alloc(prs__channel_type, 0);
  if (shared == NULL) return NULL;
  prs_channel_init(&shared->channel,
                   capacity < 0 ? PRS_UNBOUNDED : (size_t)capacity);
  PyObject *ends[2] = {prs__end_new(sender, shared), NULL};
  if (ends[0] != NULL) ends[1] = prs__end_new(receiver, shared);
  if (ends[1] != NULL) ((prs_end_t *)ends[1])->is_exclusive = exclusive != 0;
  PyObject *pair = ends[1] == NULL ? NULL : PyTuple_Pack(2, ends[0], ends[1]);
  Py_XDECREF(ends[0]);
  Py_XDECREF(ends[1]);
  Py_DECREF(shared);
  return pair;
}

/* ---- ends ---------------------------------------------------------------- */

PyObject *prs__end_refuse_new(PyTypeObject *type, PyObject *args,
                              PyObject *kwargs) {
  (void)args;
  (void)kwargs;
  PyErr_Format(PyExc_TypeError,
               "cannot make a %s: it comes from channel() or sync_channel()",
               type->tp_name);
  return NULL;
}

PyObject *prs__end_new(PyTypeObject *type, prs_channel_object_t *shared) {
  prs_end_t *self = (prs_end_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  self->shared = (prs_channel_object_t *)Py_NewRef((PyObject *)shared);
  return (PyObject *)self;
}

/* The channel stays until the end is gone: another thread may be using it. */
int prs__end_traverse(prs_end_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->shared);
  return 0;
}

PyObject *prs__end_raise(prs_end_t *self, prs_refusal_t refusal) {
  PyObject *error = prs__refuse(refusal, Py_NewRef((PyObject *)self));
  if (error != NULL) PyErr_SetObject((PyObject *)Py_TYPE(error), error);
  Py_XDECREF(error);
  return NULL;
}

/* ---- one thread at a time ------------------------------------------------ */

/* Only a wait is noticed: to note each receive of a message that is there would
 * cost every receive. In the child of a fork nobody waits who waited before. */
static bool is_in_use_by_other(prs_end_t *self) {
  if (self->generation != prs__generation()) return false;
  unsigned long user = atomic_load(&self->user);
  return user != 0 && user != PyThread_get_thread_ident();
}

static void raise_not_sync(void) {
  prs__raise("pythread_rs.ownership", "NotSendError",
             "error[E0277]: `mpsc::Receiver` cannot be shared between threads "
             "safely: another thread waits in this one\n"
             " = help: the trait `Sync` is not implemented for "
             "`mpsc::Receiver`\n"
             " = help: move it to the thread that receives, or use "
             "`sync.mpmc`: its receivers have `clone()`, one for each thread");
}

bool prs__end_may_be_used(prs_end_t *self) {
  if (atomic_load(&self->state) == PRS_END_DROPPED) {
    (void)prs__end_raise(self, PRS_USE_AFTER_DROP);
    return false;
  }
  if (!is_in_use_by_other(self)) return true;
  raise_not_sync();
  return false;
}

/* A signal handler may receive while its own thread waits. */
bool prs__end_enter(prs_end_t *self, bool *entered) {
  *entered = false;
  if (!self->is_exclusive) return true;
  unsigned long me = PyThread_get_thread_ident();
  if (self->generation != prs__generation()) {
    self->generation = prs__generation();
    atomic_store(&self->user, 0);
  }
  unsigned long seen = 0;
  if (atomic_compare_exchange_strong(&self->user, &seen, me)) {
    uint32_t usable = PRS_END_USABLE;
    atomic_compare_exchange_strong(&self->state, &usable, PRS_END_IN_USE);
    *entered = true;
  } else if (seen != me) {
    raise_not_sync();
    return false;
  }
  return true;
}

/* It may have been dropped meanwhile, by anybody. */
void prs__end_leave(prs_end_t *self) {
  uint32_t in_use = PRS_END_IN_USE;
  atomic_compare_exchange_strong(&self->state, &in_use, PRS_END_USABLE);
  atomic_store(&self->user, 0);
}

bool prs__is_end(PyObject *object) {
  return prs__is_sender(object) || prs__is_receiver(object);
}

PyObject *prs__end_capacity(prs_end_t *self, void *unused) {
  (void)unused;
  size_t capacity = self->shared->channel.capacity;
  if (capacity == PRS_UNBOUNDED) Py_RETURN_NONE;
  return PyLong_FromSize_t(capacity);
}

PyObject *prs__end_len(prs_end_t *self, PyObject *unused) {
  (void)unused;
  return PyLong_FromSize_t(prs_channel_len(&self->shared->channel));
}

PyObject *prs__end_is_empty(prs_end_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(prs_channel_len(&self->shared->channel) == 0);
}

PyObject *prs__end_is_full(prs_end_t *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(prs_channel_is_full(&self->shared->channel));
}

PyObject *prs__end_same_channel(prs_end_t *self, PyObject *other) {
  if (!prs__is_end(other)) {
    PyErr_Format(PyExc_TypeError, "not an end of a channel: %.100R", other);
    return NULL;
  }
  return PyBool_FromLong(self->shared == ((prs_end_t *)other)->shared);
}

int prs__add_channel_type(PyObject *module) {
  PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
  if (type == NULL) return -1;
  prs__channel_type = (PyTypeObject *)type; /* for ever */
  return 0;
}
