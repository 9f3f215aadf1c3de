/* AtomicI64, AtomicU64, AtomicIsize, AtomicUsize: integers that wrap. */
#include "atomic.h"
#include "docs.h"

#define I64_RANGE "-9223372036854775808..=9223372036854775807"
#define U64_RANGE "0..=18446744073709551615"

static const prs_word_kind_t i64 = {"i64", I64_RANGE, UINT64_MAX, true, false};
static const prs_word_kind_t u64 = {"u64", U64_RANGE, UINT64_MAX, false, false};
static const prs_word_kind_t isize = {"isize", I64_RANGE, UINT64_MAX, true,
                                      false};
static const prs_word_kind_t usize = {"usize", U64_RANGE, UINT64_MAX, false,
                                      false};

/* ---- operations ---------------------------------------------------------- */

static PyObject *fetch_add(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"fetch_add", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  prs_operand_t in;
  if (!prs__word_operand(self, &params, &call, &in)) return NULL;
  return prs__word_value(
      self, atomic_fetch_add_explicit(&self->bits, in.bits, in.order));
}

static PyObject *fetch_sub(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"fetch_sub", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  prs_operand_t in;
  if (!prs__word_operand(self, &params, &call, &in)) return NULL;
  return prs__word_value(
      self, atomic_fetch_sub_explicit(&self->bits, in.bits, in.order));
}

static bool is_less(const prs_word_t *self, uint64_t one, uint64_t other) {
  if (self->kind->is_signed) return (int64_t)one < (int64_t)other;
  return one < other;
}

static uint64_t larger(const prs_word_t *self, uint64_t now, uint64_t bits) {
  return is_less(self, now, bits) ? bits : now;
}

static uint64_t smaller(const prs_word_t *self, uint64_t now, uint64_t bits) {
  return is_less(self, now, bits) ? now : bits;
}

static PyObject *fetch_max(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"fetch_max", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  prs_operand_t in;
  if (!prs__word_operand(self, &params, &call, &in)) return NULL;
  return prs__word_value(self, prs__word_replace(self, larger, in));
}

static PyObject *fetch_min(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"fetch_min", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  prs_operand_t in;
  if (!prs__word_operand(self, &params, &call, &in)) return NULL;
  return prs__word_value(self, prs__word_replace(self, smaller, in));
}

/* ---- types --------------------------------------------------------------- */

#define CLASS_DOC(T, rust, bits, range)                                      \
  T "(v=0, /)\n--\n\n"                                                       \
    "An integer of " bits " that several threads change: Rust's `" T         \
    "`.\n\n"                                                                 \
    "Arithmetic wraps around, as in Rust: it is done modulo 2**64. An "      \
    "argument "                                                              \
    "that is no `" rust                                                      \
    "`\n"                                                                    \
    "is an OverflowError, as it is a compile-time error in Rust.\n\n"        \
    "Args:\n"                                                                \
    "    v: the first value, `" range                                        \
    "`.\n\n"                                                                 \
    "Methods take `val`, `current` and `new` of the same "                   \
    "range. " PRS_DOC_ORDERS                                                 \
    "Raises:\n"                                                              \
    "    TypeError: an argument is no integer, or an order no `Ordering`.\n" \
    "    OverflowError: an integer is out of range.\n\n"                     \
    "Blocks: no.\n"                                                          \
    "Thread safety: made for any number of threads; each method is one "     \
    "atomic "                                                                \
    "step.\n\n"                                                              \
    "Mirrors `std::sync::atomic::" T                                         \
    "`. There is no `get_mut`: nothing proves "                              \
    "to Python that nobody\n"                                                \
    "else looks; use `store`.\n\n"                                           \
    ">>> from pythread_rs import spawn\n"                                    \
    ">>> counter = " T                                                       \
    "()\n"                                                                   \
    ">>> handles = [spawn(counter.fetch_add, 1) for _ in range(4)]\n"        \
    ">>> [handle.join().is_ok() for handle in handles], counter\n"           \
    "([True, True, True, True], 4)\n"

#define ENTRY(name, function, doc) \
  { name, PRS_ATOMIC_ENTRY(function), doc }

#define METHODS(T, n)                                                          \
  {                                                                            \
    ENTRY("load", prs__word_load, PRS_DOC_LOAD(T, "5")),                       \
        ENTRY("store", prs__word_store, PRS_DOC_STORE(T, "5", "6")),           \
        ENTRY("swap", prs__word_swap, PRS_DOC_SWAP(T, "5", "6")),              \
        ENTRY("compare_exchange", prs__word_compare_exchange,                  \
              PRS_DOC_EXCHANGE(T, "5", "6", "")),                              \
        ENTRY("compare_exchange_weak", prs__word_compare_exchange_weak,        \
              PRS_DOC_EXCHANGE_WEAK(T, "5", "6")),                             \
        ENTRY(                                                                 \
            "fetch_add", fetch_add,                                            \
            PRS_DOC_FETCH("add", "Add, wrapping around,", T, "5", "2", "7")),  \
        ENTRY("fetch_sub", fetch_sub,                                          \
              PRS_DOC_FETCH("sub", "Subtract, wrapping around,", T, "5", "2",  \
                            "3")),                                             \
        ENTRY("fetch_and", prs__word_fetch_and,                                \
              PRS_DOC_FETCH("and", "Keep the bits that `val` has, too,", T,    \
                            "5", "6", "4")),                                   \
        ENTRY(                                                                 \
            "fetch_nand", prs__word_fetch_nand,                                \
            PRS_DOC_FETCH("nand", "Store `~(value & val)`", T, "5", "4", n)),  \
        ENTRY("fetch_or", prs__word_fetch_or,                                  \
              PRS_DOC_FETCH("or", "Add the bits of `val`", T, "5", "6", "7")), \
        ENTRY(                                                                 \
            "fetch_xor", prs__word_fetch_xor,                                  \
            PRS_DOC_FETCH("xor", "Flip the bits of `val`", T, "5", "6", "3")), \
        ENTRY("fetch_max", fetch_max,                                          \
              PRS_DOC_FETCH("max", "Store the larger of the value and `val`",  \
                            T, "5", "6", "6")),                                \
        ENTRY("fetch_min", fetch_min,                                          \
              PRS_DOC_FETCH("min", "Store the smaller of the value and `val`", \
                            T, "5", "4", "4")),                                \
        ENTRY("fetch_update", prs__word_fetch_update,                          \
              PRS_DOC_TRY_UPDATE("fetch_update",                               \
                                 "The same as `try_update`.\n\n", T, "5",      \
                                 "lambda v: v * 2", "10")),                    \
        ENTRY("try_update", prs__word_try_update,                              \
              PRS_DOC_TRY_UPDATE("try_update", "", T, "5", "lambda v: v * 2",  \
                                 "10")),                                       \
        ENTRY("update", prs__word_update,                                      \
              PRS_DOC_UPDATE(T, "5", "lambda v: v * 2", "10")),                \
        {"into_inner", prs__word_into_inner, METH_NOARGS,                      \
         PRS_DOC_INTO_INNER(T, "5")},                                          \
        {"__reduce__", prs__refuse_copy, METH_NOARGS, NULL}, {                 \
      NULL, NULL, 0, NULL                                                      \
    }                                                                          \
  }

/* The constructor, the methods and the description of one type. */
#define TYPE(T, kind, minus_5)                                                 \
  static PyObject *kind##_new(PyTypeObject *type, PyObject *args,              \
                              PyObject *kwargs) {                              \
    return prs__word_new(type, args, kwargs, &kind);                           \
  }                                                                            \
  static PyMethodDef kind##_methods[] = METHODS(T, minus_5);                   \
  static PyType_Slot kind##_slots[] = {{Py_tp_doc, (void *)kind##_doc},        \
                                       {Py_tp_new, kind##_new},                \
                                       {Py_tp_dealloc, prs__word_dealloc},     \
                                       {Py_tp_repr, prs__word_repr},           \
                                       {Py_tp_richcompare, prs__word_compare}, \
                                       {Py_tp_hash, prs__word_hash},           \
                                       {Py_nb_bool, prs__refuse_bool},         \
                                       {Py_tp_methods, kind##_methods},        \
                                       {0, NULL}};                             \
  static PyType_Spec kind##_spec = {                                           \
      .name = "pythread_rs.sync.atomic." T,                                    \
      .basicsize = sizeof(prs_word_t),                                         \
      .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,                  \
      .slots = kind##_slots};

static const char i64_doc[] =
    CLASS_DOC("AtomicI64", "i64", "64 bits", I64_RANGE);
static const char u64_doc[] =
    CLASS_DOC("AtomicU64", "u64", "64 bits, without a sign,", U64_RANGE);
static const char isize_doc[] =
    CLASS_DOC("AtomicIsize", "isize", "64 bits, on every platform,", I64_RANGE);
static const char usize_doc[] =
    CLASS_DOC("AtomicUsize", "usize",
              "64 bits, on every platform, without a sign,", U64_RANGE);

TYPE("AtomicI64", i64, "-5")
TYPE("AtomicU64", u64, "18446744073709551611")
TYPE("AtomicIsize", isize, "-5")
TYPE("AtomicUsize", usize, "18446744073709551611")

int prs__add_atomic_integers(PyObject *module) {
  if (prs__add_type(module, &i64_spec) < 0 ||
      prs__add_type(module, &u64_spec) < 0 ||
      prs__add_type(module, &isize_spec) < 0)
    return -1;
  return prs__add_type(module, &usize_spec);
}
