/* AtomicRef: one reference on an object that threads may share.
 *
 * A C11 atomic pointer would not do: between the load of the pointer and the
 * count of a new reference another thread could drop the last one. Under the
 * GIL nobody comes in between. On a free-threaded build each step is a critical
 * section of its own object: no other atomic waits for it, and it holds no
 * call that could suspend it. What goes is dropped outside of it, as a
 * destructor may use the same atomic. */
#include "atomic.h"
#include "docs.h"

#include "csrc/python/ownership/ownership.h"

typedef struct ref_object {
  PyObject_HEAD
  PyObject *content; /* NULL only once the collector has cleared it */
} ref_object_t;

/* A lock orders what was done under this one lock. SeqCst is an order of all
 * atomics, so a fence goes with it, as in the store-buffer test: before each
 * load and behind each store. */
static void order_all(memory_order order) {
#ifdef Py_GIL_DISABLED
  if (order == memory_order_seq_cst) atomic_thread_fence(order);
#else
  (void)order; /* The GIL orders what its holders do. */
#endif
}

static bool may_hold(PyObject *value) {
  prs_kind_t kind = prs__kind_by_asking(value);
  if (kind == PRS_UNKNOWN) return false;
  if (prs__is_shareable(kind)) return true;
  bool could_be =
      kind == PRS_TRANSPARENT || kind == PRS_FUNCTION || kind == PRS_CACHE;
  if (could_be && prs__is_frozen(value)) return true;
  prs__refuse_content(value, "AtomicRef");
  return false;
}

/* ---- steps --------------------------------------------------------------- */

static PyObject *content_of(ref_object_t *self) {
  PyObject *content = self->content == NULL ? Py_None : self->content;
  Py_INCREF(content);
  return content;
}

/* Returns: a new reference. */
static PyObject *loaded(ref_object_t *self, memory_order order) {
  PyObject *content;
  order_all(order);
  Py_BEGIN_CRITICAL_SECTION(self);
  content = content_of(self);
  Py_END_CRITICAL_SECTION();
  return content;
}

/* Returns: the content before, the caller's. */
static PyObject *swapped(ref_object_t *self, PyObject *value,
                         memory_order order) {
  PyObject *before;
  Py_INCREF(value);
  order_all(order);
  Py_BEGIN_CRITICAL_SECTION(self);
  before = self->content;
  self->content = value;
  Py_END_CRITICAL_SECTION();
  order_all(order);
  if (before != NULL) return before;
  Py_INCREF(Py_None);
  return Py_None;
}

/* Put `next` in the place of `current`, by identity.
 * Returns: whether it was there; `*before` is a new reference either way. */
static bool exchanged(ref_object_t *self, PyObject *current, PyObject *next,
                      prs_orders_t orders, PyObject **before) {
  bool fits;
  PyObject *content;
  order_all(orders.success);
  Py_BEGIN_CRITICAL_SECTION(self);
  content = content_of(self);
  fits = content == current;
  if (fits) {
    /* `content` has one reference of its own, so none drops to zero here. */
    Py_INCREF(next);
    Py_XDECREF(self->content);
    self->content = next;
  }
  Py_END_CRITICAL_SECTION();
  order_all(fits ? orders.success : orders.failure);
  *before = content;
  return fits;
}

/* ---- life ---------------------------------------------------------------- */

static PyObject *ref_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *value = Py_None;
  if (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0) {
    PyErr_SetString(PyExc_TypeError, "AtomicRef() takes no keyword arguments");
    return NULL;
  }
  if (!PyArg_UnpackTuple(args, "AtomicRef", 0, 1, &value)) return NULL;
  if (!may_hold(value)) return NULL;
  ref_object_t *self = (ref_object_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  Py_INCREF(value);
  self->content = value;
  return (PyObject *)self;
}

static int ref_traverse(ref_object_t *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->content);
  return 0;
}

static int ref_clear(ref_object_t *self) {
  Py_CLEAR(self->content);
  return 0;
}

static void ref_dealloc(ref_object_t *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_TRASHCAN_BEGIN(self, ref_dealloc);
  Py_CLEAR(self->content);
  type->tp_free(self);
  Py_DECREF(type);
  Py_TRASHCAN_END;
}

/* It may hold itself. */
static PyObject *ref_repr(PyObject *self) {
  int inside = Py_ReprEnter(self);
  if (inside != 0)
    return inside > 0 ? PyUnicode_FromString("AtomicRef(..)") : NULL;
  PyObject *content = loaded((ref_object_t *)self, memory_order_relaxed);
  PyObject *text = PyObject_Repr(content);
  Py_DECREF(content);
  Py_ReprLeave(self);
  return text;
}

/* ---- methods ------------------------------------------------------------- */

#define ARGUMENTS \
  ref_object_t *self, PyObject *const *args, Py_ssize_t count, PyObject *names

static PyObject *ref_load(ARGUMENTS) {
  static const prs_params_t params = {"load", {"order"}, 0, 1};
  const prs_call_t call = {args, count, names};
  PyObject *given[PRS_MOST_PARAMS];
  memory_order order;
  if (!prs__atomic_arguments(&params, &call, given) ||
      !prs__load_order(given[0], &order))
    return NULL;
  return loaded(self, order);
}

static PyObject *ref_store(ARGUMENTS) {
  static const prs_params_t params = {"store", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  PyObject *given[PRS_MOST_PARAMS];
  memory_order order;
  if (!prs__atomic_arguments(&params, &call, given) ||
      !prs__store_order(given[1], &order) || !may_hold(given[0]))
    return NULL;
  Py_DECREF(swapped(self, given[0], order));
  Py_RETURN_NONE;
}

static PyObject *ref_swap(ARGUMENTS) {
  static const prs_params_t params = {"swap", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  PyObject *given[PRS_MOST_PARAMS];
  memory_order order;
  if (!prs__atomic_arguments(&params, &call, given) ||
      !prs__order(given[1], &order) || !may_hold(given[0]))
    return NULL;
  return swapped(self, given[0], order);
}

static PyObject *ref_into_inner(PyObject *self, PyObject *unused) {
  (void)unused;
  return swapped((ref_object_t *)self, Py_None, memory_order_seq_cst);
}

static PyObject *compare_exchange(ref_object_t *self,
                                  const prs_params_t *params,
                                  const prs_call_t *call) {
  PyObject *given[PRS_MOST_PARAMS];
  prs_orders_t orders;
  if (!prs__atomic_arguments(params, call, given) ||
      !prs__exchange_orders(given[2], given[3], &orders) || !may_hold(given[1]))
    return NULL;
  PyObject *before;
  if (exchanged(self, given[0], given[1], orders, &before))
    return prs__ok(before);
  return prs__err(before);
}

static PyObject *ref_compare_exchange(ARGUMENTS) {
  static const prs_params_t params = {
      "compare_exchange", {"current", "new", "success", "failure"}, 2, 4};
  const prs_call_t call = {args, count, names};
  return compare_exchange(self, &params, &call);
}

/* It never fails for no reason, which is allowed. */
static PyObject *ref_compare_exchange_weak(ARGUMENTS) {
  static const prs_params_t params = {
      "compare_exchange_weak", {"current", "new", "success", "failure"}, 2, 4};
  const prs_call_t call = {args, count, names};
  return compare_exchange(self, &params, &call);
}

typedef struct step {
  PyObject *function;
  prs_orders_t orders; /* of the store; of the loads */
  bool may_stop;       /* None leaves the content as it is */
  bool stopped;
} step_t;

/* Replace the content by what the function makes of it, again and again until
 * no other thread was faster.
 * Returns: the content before, or NULL with an exception set. */
static PyObject *updated(ref_object_t *self, step_t *step) {
  PyObject *now = loaded(self, step->orders.failure);
  for (;;) {
    PyObject *next = PyObject_CallOneArg(step->function, now);
    step->stopped = step->may_stop && next == Py_None;
    bool fits = next != NULL && (step->stopped || may_hold(next));
    PyObject *before = NULL;
    bool done = fits && (step->stopped ||
                         exchanged(self, now, next, step->orders, &before));
    Py_XDECREF(next);
    if (done) {
      Py_XDECREF(before);
      return now;
    }
    Py_DECREF(now);
    if (!fits) return NULL;
    now = before;
  }
}

static bool step_from(const prs_params_t *params, const prs_call_t *call,
                      step_t *out) {
  PyObject *given[PRS_MOST_PARAMS];
  memory_order load;
  if (!prs__atomic_arguments(params, call, given) ||
      !prs__load_order(given[2], &load))
    return false;
  out->function = given[0];
  return prs__exchange_orders(given[1], given[2], &out->orders);
}

static PyObject *try_update(ref_object_t *self, const prs_params_t *params,
                            const prs_call_t *call) {
  step_t step = {.may_stop = true};
  if (!step_from(params, call, &step)) return NULL;
  PyObject *before = updated(self, &step);
  return step.stopped ? prs__err(before) : prs__ok(before);
}

static PyObject *ref_fetch_update(ARGUMENTS) {
  static const prs_params_t params = {
      "fetch_update", {"f", "set_order", "fetch_order"}, 1, 3};
  const prs_call_t call = {args, count, names};
  return try_update(self, &params, &call);
}

static PyObject *ref_try_update(ARGUMENTS) {
  static const prs_params_t params = {
      "try_update", {"f", "set_order", "fetch_order"}, 1, 3};
  const prs_call_t call = {args, count, names};
  return try_update(self, &params, &call);
}

static PyObject *ref_update(ARGUMENTS) {
  static const prs_params_t params = {
      "update", {"f", "set_order", "fetch_order"}, 1, 3};
  const prs_call_t call = {args, count, names};
  step_t step = {.may_stop = false};
  if (!step_from(&params, &call, &step)) return NULL;
  return updated(self, &step);
}

/* ---- the type ------------------------------------------------------------ */

PyDoc_STRVAR(
    class_doc,
    "AtomicRef(p=None, /)\n--\n\n"
    "A reference on one object, which several threads exchange: Rust's "
    "`AtomicPtr`.\n\n"
    "The object must be Sync: Copy, frozen, or made for several threads. Two "
    "objects are the same\n"
    "when `is` says so, whatever `==` says; equal numbers and strings may be "
    "two objects.\n\n"
    "Args:\n"
    "    p: the first object.\n\n"
    "Methods take `val` and `new`, which must be Sync, and `current`, any "
    "object. " PRS_DOC_ORDERS
    "Raises:\n"
    "    TypeError: an order is no `Ordering`.\n"
    "    NotSendError: an object is not Sync; nothing has changed.\n\n"
    "Blocks: no.\n"
    "Thread safety: made for any number of threads; each method is one atomic "
    "step.\n\n"
    "Mirrors `std::sync::atomic::AtomicPtr`, without arithmetic of addresses; "
    "what it leads to is\n"
    "kept alive, as by the crate `arc-swap`. There is no `get_mut`: use "
    "`store`.\n\n"
    ">>> settings = AtomicRef((\"localhost\", 80))\n"
    ">>> settings.swap((\"localhost\", 8080))\n"
    "('localhost', 80)\n"
    ">>> settings.load()\n"
    "('localhost', 8080)\n");

#define T "AtomicRef"
#define ENTRY(name, function, doc) \
  { name, PRS_ATOMIC_ENTRY(function), doc }

static PyMethodDef methods[] = {
    ENTRY("load", ref_load, PRS_DOC_LOAD(T, "'a'")),
    ENTRY("store", ref_store, PRS_DOC_STORE(T, "'a'", "'b'")),
    ENTRY("swap", ref_swap, PRS_DOC_SWAP(T, "'a'", "'b'")),
    ENTRY("compare_exchange", ref_compare_exchange,
          PRS_DOC_EXCHANGE(T, "'a'", "'b'",
                           "Both are compared by identity.\n\n")),
    ENTRY("compare_exchange_weak", ref_compare_exchange_weak,
          PRS_DOC_EXCHANGE_WEAK(T, "'a'", "'b'")),
    ENTRY("fetch_update", ref_fetch_update,
          PRS_DOC_TRY_UPDATE("fetch_update", "The same as `try_update`.\n\n", T,
                             "'a'", "lambda v: v + 'b'", "'ab'")),
    ENTRY("try_update", ref_try_update,
          PRS_DOC_TRY_UPDATE("try_update", "To store None, take `update`.\n\n",
                             T, "'a'", "lambda v: v + 'b'", "'ab'")),
    ENTRY("update", ref_update,
          PRS_DOC_UPDATE(T, "'a'", "lambda v: v + 'b'", "'ab'")),
    {"into_inner", ref_into_inner, METH_NOARGS,
     "into_inner()\n--\n\n"
     "Return the object, of which the atomic lets go: Rust's `into_inner`.\n\n"
     "None is left in its place: Python cannot know who else holds the "
     "atomic.\n\n"
     ">>> AtomicRef('a').into_inner()\n'a'\n"},
    {"__reduce__", prs__refuse_copy, METH_NOARGS, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_doc, (void *)class_doc},
                              {Py_tp_new, ref_new},
                              {Py_tp_traverse, ref_traverse},
                              {Py_tp_clear, ref_clear},
                              {Py_tp_dealloc, ref_dealloc},
                              {Py_tp_repr, ref_repr},
                              {Py_nb_bool, prs__refuse_bool},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {
    .name = "pythread_rs.sync.atomic.AtomicRef",
    .basicsize = sizeof(ref_object_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots};

int prs__add_atomic_ref(PyObject *module) {
  return prs__add_type(module, &spec);
}
