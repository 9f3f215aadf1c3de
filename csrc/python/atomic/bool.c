/* AtomicBool: one bit of a word. */
#include "atomic.h"
#include "docs.h"

static const prs_word_kind_t boolean = {"bool", "False or True", 1, false,
                                        true};

static PyObject *fetch_not(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"fetch_not", {"order"}, 0, 1};
  const prs_call_t call = {args, count, names};
  PyObject *given[PRS_MOST_PARAMS];
  memory_order order;
  if (!prs__atomic_arguments(&params, &call, given) ||
      !prs__order(given[0], &order))
    return NULL;
  return prs__word_value(self,
                         atomic_fetch_xor_explicit(&self->bits, 1, order));
}

PyDoc_STRVAR(
    class_doc,
    "AtomicBool(v=False, /)\n--\n\n"
    "A boolean that several threads change: Rust's `AtomicBool`.\n\n"
    "Args:\n"
    "    v: the first value, True or False.\n\n"
    "Methods take `val`, `current` and `new`, which are booleans, "
    "too. " PRS_DOC_ORDERS
    "Raises:\n"
    "    TypeError: an argument is no boolean, or an order no `Ordering`.\n\n"
    "Blocks: no.\n"
    "Thread safety: made for any number of threads; each method is one atomic "
    "step.\n\n"
    "Mirrors `std::sync::atomic::AtomicBool`. There is no `get_mut`: nothing "
    "proves to Python that\n"
    "nobody else looks; use `store`.\n\n"
    ">>> ready = AtomicBool()\n"
    ">>> ready.store(True, Ordering.Release)\n"
    ">>> ready.load(Ordering.Acquire)\n"
    "True\n");

#define T "AtomicBool"
#define ENTRY(name, function, doc) \
  { name, PRS_ATOMIC_ENTRY(function), doc }

static PyMethodDef methods[] = {
    ENTRY("load", prs__word_load, PRS_DOC_LOAD(T, "True")),
    ENTRY("store", prs__word_store, PRS_DOC_STORE(T, "True", "False")),
    ENTRY("swap", prs__word_swap, PRS_DOC_SWAP(T, "True", "False")),
    ENTRY("compare_exchange", prs__word_compare_exchange,
          PRS_DOC_EXCHANGE(T, "True", "False", "")),
    ENTRY("compare_exchange_weak", prs__word_compare_exchange_weak,
          PRS_DOC_EXCHANGE_WEAK(T, "True", "False")),
    ENTRY("fetch_and", prs__word_fetch_and,
          PRS_DOC_FETCH("and", "Store `value and val`", T, "True", "False",
                        "False")),
    ENTRY("fetch_nand", prs__word_fetch_nand,
          PRS_DOC_FETCH("nand", "Store `not (value and val)`", T, "True",
                        "True", "False")),
    ENTRY("fetch_or", prs__word_fetch_or,
          PRS_DOC_FETCH("or", "Store `value or val`", T, "False", "True",
                        "True")),
    ENTRY("fetch_xor", prs__word_fetch_xor,
          PRS_DOC_FETCH("xor", "Store `value != val`", T, "True", "True",
                        "False")),
    ENTRY("fetch_not", fetch_not,
          "fetch_not(order=None)\n--\n\n"
          "Flip the value and return the one before: Rust's `fetch_not`.\n\n"
          ">>> atomic = AtomicBool(True)\n"
          ">>> atomic.fetch_not(), atomic.load()\n"
          "(True, False)\n"),
    ENTRY("fetch_update", prs__word_fetch_update,
          PRS_DOC_TRY_UPDATE("fetch_update", "The same as `try_update`.\n\n", T,
                             "True", "lambda v: not v", "False")),
    ENTRY("try_update", prs__word_try_update,
          PRS_DOC_TRY_UPDATE("try_update", "", T, "True", "lambda v: not v",
                             "False")),
    ENTRY("update", prs__word_update,
          PRS_DOC_UPDATE(T, "True", "lambda v: not v", "False")),
    {"into_inner", prs__word_into_inner, METH_NOARGS,
     PRS_DOC_INTO_INNER(T, "True")},
    {"__reduce__", prs__refuse_copy, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyObject *bool_new(PyTypeObject *type, PyObject *args,
                          PyObject *kwargs) {
  return prs__word_new(type, args, kwargs, &boolean);
}

static PyType_Slot slots[] = {{Py_tp_doc, (void *)class_doc},
                              {Py_tp_new, bool_new},
                              {Py_tp_dealloc, prs__word_dealloc},
                              {Py_tp_repr, prs__word_repr},
                              {Py_tp_richcompare, prs__word_compare},
                              {Py_tp_hash, prs__word_hash},
                              {Py_nb_bool, prs__refuse_bool},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {
    .name = "pythread_rs.sync.atomic.AtomicBool",
    .basicsize = sizeof(prs_word_t),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots};

int prs__add_atomic_bool(PyObject *module) {
  return prs__add_type(module, &spec);
}
