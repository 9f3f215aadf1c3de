/* Memory orders: Rust's names for C11's, its checks, fences, and refusals. */
#include "atomic.h"

#include "csrc/core/pause.h"

/* In the order in which Python hands them over. */
enum { RELAXED, RELEASE, ACQUIRE, ACQ_REL, SEQ_CST, ORDERINGS };

static PyObject *orderings[ORDERINGS];
static PyObject *refuse;

static const memory_order orders[ORDERINGS] = {
    memory_order_relaxed, memory_order_release, memory_order_acquire,
    memory_order_acq_rel, memory_order_seq_cst};

static bool not_connected(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "pythread_rs._objects is used before pythread_rs.sync");
  return false;
}

static bool given_order(PyObject *arg, memory_order *out) {
  for (int i = 0; i < ORDERINGS; i++) {
    if (arg != orderings[i]) continue;
    *out = orders[i];
    return true;
  }
  if (orderings[0] == NULL) return not_connected();
  PyErr_Format(PyExc_TypeError, "an order is one of `Ordering`, not %s",
               Py_TYPE(arg)->tp_name);
  return false;
}

bool prs__order(PyObject *arg, memory_order *out) {
  if (arg != NULL && arg != Py_None) return given_order(arg, out);
  *out = memory_order_seq_cst;
  return true;
}

static bool no_such_thing(const char *thing) {
  PyErr_Format(PyExc_ValueError, "there is no such thing as %s", thing);
  return false;
}

bool prs__load_order(PyObject *arg, memory_order *out) {
  if (!prs__order(arg, out)) return false;
  if (*out == memory_order_release) return no_such_thing("a release load");
  if (*out == memory_order_acq_rel)
    return no_such_thing("an acquire-release load");
  return true;
}

bool prs__store_order(PyObject *arg, memory_order *out) {
  if (!prs__order(arg, out)) return false;
  if (*out == memory_order_acquire) return no_such_thing("an acquire store");
  if (*out == memory_order_acq_rel)
    return no_such_thing("an acquire-release store");
  return true;
}

static bool failure_order(PyObject *arg, memory_order *out) {
  if (!prs__order(arg, out)) return false;
  if (*out == memory_order_release)
    return no_such_thing("a release failure ordering");
  if (*out == memory_order_acq_rel)
    return no_such_thing("an acquire-release failure ordering");
  return true;
}

/* A failed exchange is a load only. */
static memory_order without_release(memory_order order) {
  if (order == memory_order_release) return memory_order_relaxed;
  return order == memory_order_acq_rel ? memory_order_acquire : order;
}

/* Rust takes any pair; C11 (7.17.7.4) wants a success that is no weaker than
 * the failure, so it is made stronger. */
static memory_order at_least(memory_order success, memory_order failure) {
  if (failure == memory_order_seq_cst) return memory_order_seq_cst;
  if (failure != memory_order_acquire) return success;
  if (success == memory_order_relaxed) return memory_order_acquire;
  return success == memory_order_release ? memory_order_acq_rel : success;
}

bool prs__exchange_orders(PyObject *success, PyObject *failure,
                          prs_orders_t *out) {
  if (!prs__order(success, &out->success)) return false;
  if (failure == NULL || failure == Py_None) {
    out->failure = without_release(out->success);
    return true;
  }
  if (!failure_order(failure, &out->failure)) return false;
  out->success = at_least(out->success, out->failure);
  return true;
}

/* ---- refusals ------------------------------------------------------------ */

/* The part of a type's name behind the module. */
static const char *short_name(PyObject *self) {
  const char *name = Py_TYPE(self)->tp_name;
  const char *dot = strrchr(name, '.');
  return dot == NULL ? name : dot + 1;
}

PyObject *prs__refuse_copy(PyObject *self, PyObject *unused) {
  (void)unused;
  PyErr_Format(PyExc_TypeError,
               "cannot copy or pickle `%s`: a copy would change on its own; "
               "share this one, or make a new one of `.load()`",
               short_name(self));
  return NULL;
}

int prs__refuse_bool(PyObject *self) {
  PyErr_Format(PyExc_TypeError,
               "an `%s` has no truth value: write `if atomic.load():`",
               short_name(self));
  return -1;
}

void prs__refuse_content(PyObject *value, const char *holder) {
  if (refuse == NULL) {
    (void)not_connected();
    return;
  }
  PyObject *result = PyObject_CallFunction(refuse, "Os", value, holder);
  if (result == NULL) return;
  Py_DECREF(result);
  PyErr_SetString(PyExc_SystemError, "a refusal did not raise");
}

/* ---- functions ----------------------------------------------------------- */

PyDoc_STRVAR(
    fence_doc,
    "fence(order, /)\n--\n\n"
    "Order what this thread did before against what it does afterwards.\n\n"
    "Args:\n"
    "    order: an `Ordering`, stronger than Relaxed.\n\n"
    "Raises:\n"
    "    TypeError: `order` is no `Ordering`.\n"
    "    ValueError: it is Relaxed; there is no such thing as a relaxed "
    "fence.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n\n"
    "Mirrors `std::sync::atomic::fence`. Returns nothing.\n\n"
    ">>> fence(Ordering.SeqCst)\n");

static PyObject *fence(PyObject *module, PyObject *arg) {
  (void)module;
  memory_order order;
  if (!given_order(arg, &order)) return NULL;
  if (order == memory_order_relaxed) {
    (void)no_such_thing("a relaxed fence");
    return NULL;
  }
  atomic_thread_fence(order);
  Py_RETURN_NONE;
}

PyDoc_STRVAR(
    compiler_fence_doc,
    "compiler_fence(order, /)\n--\n\n"
    "Do what `fence` does towards signal handlers of the same thread only.\n\n"
    "CPython never reorders what bytecode does, so this is here for the sake "
    "of programs that are\n"
    "translated from Rust.\n\n"
    "Args:\n"
    "    order: an `Ordering`, stronger than Relaxed.\n\n"
    "Raises:\n"
    "    TypeError: `order` is no `Ordering`.\n"
    "    ValueError: it is Relaxed; there is no such thing as a relaxed "
    "compiler fence.\n\n"
    "Blocks: no.\n"
    "Thread safety: any thread.\n\n"
    "Mirrors `std::sync::atomic::compiler_fence`. Returns nothing.\n\n"
    ">>> compiler_fence(Ordering.AcqRel)\n");

static PyObject *compiler_fence(PyObject *module, PyObject *arg) {
  (void)module;
  memory_order order;
  if (!given_order(arg, &order)) return NULL;
  if (order == memory_order_relaxed) {
    (void)no_such_thing("a relaxed compiler fence");
    return NULL;
  }
  atomic_signal_fence(order);
  Py_RETURN_NONE;
}

PyDoc_STRVAR(
    spin_loop_doc,
    "spin_loop()\n--\n\n"
    "Take one breath in a loop that waits for an atomic to change.\n\n"
    "On a build with the GIL the thread that is waited for may want it, so "
    "it is let go for a moment;\n"
    "on a free-threaded one the CPU is told that this is a spin loop. Waiting "
    "for longer is the\n"
    "business of `park`, a lock or a channel.\n\n"
    "Blocks: no; where another thread wants the GIL, until it is back.\n"
    "Thread safety: any thread.\n\n"
    "Mirrors `std::hint::spin_loop`. Returns nothing.\n\n"
    ">>> ready = AtomicBool(True)\n"
    ">>> while not ready.load():\n"
    "...     spin_loop()\n");

static PyObject *spin_loop(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
#ifdef Py_GIL_DISABLED
  PRS_PAUSE();
#else
  Py_BEGIN_ALLOW_THREADS;
  PRS_PAUSE();
  Py_END_ALLOW_THREADS;
#endif
  Py_RETURN_NONE;
}

/* Handed over at import, and never let go. */
static PyObject *set_atomics(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *given[ORDERINGS];
  PyObject *refusal;
  if (!PyArg_ParseTuple(args, "(OOOOO)O:set_atomics", &given[0], &given[1],
                        &given[2], &given[3], &given[4], &refusal))
    return NULL;
  for (int i = 0; i < ORDERINGS; i++) {
    Py_INCREF(given[i]);
    orderings[i] = given[i];
  }
  Py_INCREF(refusal);
  refuse = refusal;
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"fence", fence, METH_O, fence_doc},
    {"compiler_fence", compiler_fence, METH_O, compiler_fence_doc},
    {"spin_loop", spin_loop, METH_NOARGS, spin_loop_doc},
    {"set_atomics", set_atomics, METH_VARARGS,
     "set_atomics(orderings, refuse, /)\n--\n\n"
     "Hand over Relaxed, Release, Acquire, AcqRel, SeqCst, and what raises "
     "E0277 for the\ncontent of an AtomicRef."},
    {NULL, NULL, 0, NULL}};

int prs__add_atomics(PyObject *module) {
  if (PyModule_AddFunctions(module, functions) < 0 ||
      prs__add_atomic_integers(module) < 0 || prs__add_atomic_bool(module) < 0)
    return -1;
  return prs__add_atomic_ref(module);
}
