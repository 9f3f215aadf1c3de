/* Words: what atomic integers and booleans share, on 64 bits.
 *
 * Addition, subtraction and the bitwise operations are the same for signed and
 * unsigned numbers of two's complement; only reading, writing and comparing
 * them differ, and those ask the word's kind.
 *
 * Each operation is one of C11's. A compiler that cannot see an order's value
 * may take seq_cst for it, which is stronger; gcc does. */
#include "atomic.h"

/* ---- values -------------------------------------------------------------- */

PyObject *prs__word_value(const prs_word_t *self, uint64_t bits) {
  if (self->kind->is_bool) return PyBool_FromLong(bits != 0);
  if (self->kind->is_signed) return PyLong_FromLongLong((int64_t)bits);
  return PyLong_FromUnsignedLongLong(bits);
}

static bool out_of_range(const prs_word_kind_t *kind) {
  PyErr_Format(PyExc_OverflowError,
               "the value does not fit into the type `%s` whose range is "
               "`%s`",
               kind->rust, kind->range);
  return false;
}

static bool bits_of_bool(PyObject *value, uint64_t *out) {
  if (!PyBool_Check(value)) {
    PyErr_Format(PyExc_TypeError, "an `AtomicBool` holds True or False, not %s",
                 Py_TYPE(value)->tp_name);
    return false;
  }
  *out = value == Py_True;
  return true;
}

static bool bits_of_unsigned(const prs_word_kind_t *kind, PyObject *value,
                             uint64_t *out) {
  PyObject *number = PyNumber_Index(value);
  if (number == NULL) return false;
  unsigned long long bits = PyLong_AsUnsignedLongLong(number);
  Py_DECREF(number);
  if (bits == (unsigned long long)-1 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) return out_of_range(kind);
    return false;
  }
  *out = bits;
  return true;
}

bool prs__word_bits(const prs_word_kind_t *kind, PyObject *value,
                    uint64_t *out) {
  if (kind->is_bool) return bits_of_bool(value, out);
  if (!kind->is_signed) return bits_of_unsigned(kind, value, out);
  int overflow;
  long long bits = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow != 0) return out_of_range(kind);
  if (bits == -1 && PyErr_Occurred()) return false;
  *out = (uint64_t)bits;
  return true;
}

bool prs__word_operand(const prs_word_t *self, const prs_params_t *params,
                       const prs_call_t *call, prs_operand_t *out) {
  PyObject *given[PRS_MOST_PARAMS];
  return prs__atomic_arguments(params, call, given) &&
         prs__word_bits(self->kind, given[0], &out->bits) &&
         prs__order(given[1], &out->order);
}

/* ---- life ---------------------------------------------------------------- */

PyObject *prs__word_new(PyTypeObject *type, PyObject *args, PyObject *kwargs,
                        const prs_word_kind_t *kind) {
  PyObject *value = NULL;
  uint64_t bits = 0;
  if (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0) {
    PyErr_Format(PyExc_TypeError, "%s() takes no keyword arguments",
                 type->tp_name);
    return NULL;
  }
  if (!PyArg_UnpackTuple(args, "atomic", 0, 1, &value)) return NULL;
  if (value != NULL && !prs__word_bits(kind, value, &bits)) return NULL;
  prs_word_t *self = (prs_word_t *)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  atomic_init(&self->bits, bits);
  self->kind = kind;
  return (PyObject *)self;
}

void prs__word_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *value_now(PyObject *self, memory_order order) {
  prs_word_t *word = (prs_word_t *)self;
  return prs__word_value(word, atomic_load_explicit(&word->bits, order));
}

PyObject *prs__word_into_inner(PyObject *self, PyObject *unused) {
  (void)unused;
  return value_now(self, memory_order_seq_cst);
}

/* Relaxed, as in Rust: what is printed orders nothing. */
PyObject *prs__word_repr(PyObject *self) {
  PyObject *value = value_now(self, memory_order_relaxed);
  if (value == NULL) return NULL;
  PyObject *text = PyObject_Repr(value);
  Py_DECREF(value);
  return text;
}

Py_hash_t prs__word_hash(PyObject *self) {
  return PyBaseObject_Type.tp_hash(self);
}

PyObject *prs__word_compare(PyObject *self, PyObject *other, int operation) {
  (void)self;
  (void)operation;
  if (!PyLong_Check(other) && !PyFloat_Check(other)) Py_RETURN_NOTIMPLEMENTED;
  PyErr_SetString(PyExc_TypeError,
                  "an atomic cannot be compared with a number: compare "
                  "`atomic.load()`");
  return NULL;
}

/* ---- load, store, swap --------------------------------------------------- */

PyObject *prs__word_load(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"load", {"order"}, 0, 1};
  const prs_call_t call = {args, count, names};
  PyObject *given[PRS_MOST_PARAMS];
  memory_order order;
  if (!prs__atomic_arguments(&params, &call, given) ||
      !prs__load_order(given[0], &order))
    return NULL;
  return value_now((PyObject *)self, order);
}

PyObject *prs__word_store(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"store", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  PyObject *given[PRS_MOST_PARAMS];
  uint64_t bits;
  memory_order order;
  if (!prs__atomic_arguments(&params, &call, given) ||
      !prs__word_bits(self->kind, given[0], &bits) ||
      !prs__store_order(given[1], &order))
    return NULL;
  atomic_store_explicit(&self->bits, bits, order);
  Py_RETURN_NONE;
}

PyObject *prs__word_swap(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"swap", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  prs_operand_t in;
  if (!prs__word_operand(self, &params, &call, &in)) return NULL;
  return prs__word_value(
      self, atomic_exchange_explicit(&self->bits, in.bits, in.order));
}

/* ---- bitwise ------------------------------------------------------------- */

PyObject *prs__word_fetch_and(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"fetch_and", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  prs_operand_t in;
  if (!prs__word_operand(self, &params, &call, &in)) return NULL;
  return prs__word_value(
      self, atomic_fetch_and_explicit(&self->bits, in.bits, in.order));
}

PyObject *prs__word_fetch_or(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"fetch_or", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  prs_operand_t in;
  if (!prs__word_operand(self, &params, &call, &in)) return NULL;
  return prs__word_value(
      self, atomic_fetch_or_explicit(&self->bits, in.bits, in.order));
}

PyObject *prs__word_fetch_xor(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"fetch_xor", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  prs_operand_t in;
  if (!prs__word_operand(self, &params, &call, &in)) return NULL;
  return prs__word_value(
      self, atomic_fetch_xor_explicit(&self->bits, in.bits, in.order));
}

uint64_t prs__word_replace(prs_word_t *self, prs_next_t next,
                           prs_operand_t operand) {
  uint64_t now = atomic_load_explicit(&self->bits, memory_order_relaxed);
  /* Relaxed on failure: the exchange that succeeds has the order asked for. */
  while (!atomic_compare_exchange_weak_explicit(
      &self->bits, &now, next(self, now, operand.bits), operand.order,
      memory_order_relaxed)) {
  }
  return now;
}

static uint64_t nand(const prs_word_t *self, uint64_t now, uint64_t bits) {
  return ~(now & bits) & self->kind->mask;
}

PyObject *prs__word_fetch_nand(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {"fetch_nand", {"val", "order"}, 1, 2};
  const prs_call_t call = {args, count, names};
  prs_operand_t in;
  if (!prs__word_operand(self, &params, &call, &in)) return NULL;
  return prs__word_value(self, prs__word_replace(self, nand, in));
}
