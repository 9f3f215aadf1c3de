/* What the files of `csrc/python/atomic/` share. */
#ifndef PRS_ATOMIC_H
#define PRS_ATOMIC_H

#include "csrc/python/objects.h"

#include <stdatomic.h>

/* ---- arguments.c --------------------------------------------------------- */

#define PRS_MOST_PARAMS 4

/* The parameters of a method, in order. */
typedef struct prs_params {
  const char *method;
  const char *names[PRS_MOST_PARAMS];
  int least; /* how many have no default */
  int most;
} prs_params_t;

/* The arguments of a METH_FASTCALL | METH_KEYWORDS call. */
typedef struct prs_call {
  PyObject *const *args;
  Py_ssize_t count;
  PyObject *names; /* of the keywords, or NULL */
} prs_call_t;

/* Sort the arguments of a call by parameter: borrowed references, NULL for
 * what was not given.
 * Returns: false with a TypeError set. */
bool prs__arguments_by_name(const prs_params_t *params, const prs_call_t *call,
                            PyObject **out);

/* As prs__arguments_by_name(), quick when there are no keywords. */
static inline bool prs__atomic_arguments(const prs_params_t *params,
                                         const prs_call_t *call,
                                         PyObject **out) {
  if (call->names != NULL || call->count < params->least ||
      call->count > params->most)
    return prs__arguments_by_name(params, call, out);
  for (int i = 0; i < params->most; i++)
    out[i] = i < call->count ? call->args[i] : NULL;
  return true;
}

#define PRS_ATOMIC_ENTRY(function) \
  (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS

/* ---- ordering.c ---------------------------------------------------------- */

/* Read an `Ordering`; NULL and None stand for SeqCst.
 * Returns: false with a TypeError, or with a ValueError where there is no such
 * thing as that order. */
bool prs__order(PyObject *arg, memory_order *out);
bool prs__load_order(PyObject *arg, memory_order *out);
bool prs__store_order(PyObject *arg, memory_order *out);

typedef struct prs_orders {
  memory_order success;
  memory_order failure;
} prs_orders_t;

/* Read the two orders of a compare-and-exchange. The failure's default is the
 * success's without its release part.
 * Returns: false with an exception set. */
bool prs__exchange_orders(PyObject *success, PyObject *failure,
                          prs_orders_t *out);

/* Raise the TypeError with which copies and pickles are refused. */
PyObject *prs__refuse_copy(PyObject *self, PyObject *unused);

/* Raise the TypeError with which `if atomic:` is refused. */
int prs__refuse_bool(PyObject *self);

/* Refuse what is not Sync, in rustc's words: sets a NotSendError. */
void prs__refuse_content(PyObject *value, const char *holder);

/* ---- word.c: what integers and booleans share ---------------------------- */

/* What the 64 bits of a word stand for. */
typedef struct prs_word_kind {
  const char *rust; /* Rust's name of the value's type */
  const char *range;
  uint64_t mask;
  bool is_signed;
  bool is_bool;
} prs_word_kind_t;

typedef struct prs_word {
  PyObject_HEAD
  _Atomic uint64_t bits;
  const prs_word_kind_t *kind;
} prs_word_t;

/* Returns: a new reference. */
PyObject *prs__word_value(const prs_word_t *self, uint64_t bits);

/* Returns: false with a TypeError or an OverflowError set. */
bool prs__word_bits(const prs_word_kind_t *kind, PyObject *value,
                    uint64_t *out);

/* The constructor: one optional value. */
PyObject *prs__word_new(PyTypeObject *type, PyObject *args, PyObject *kwargs,
                        const prs_word_kind_t *kind);

/* A value and an order. */
typedef struct prs_operand {
  uint64_t bits;
  memory_order order;
} prs_operand_t;

bool prs__word_operand(const prs_word_t *self, const prs_params_t *params,
                       const prs_call_t *call, prs_operand_t *out);

/* Replace the value by `next(self, value, bits)` in one step.
 * Returns: the value before. */
typedef uint64_t (*prs_next_t)(const prs_word_t *self, uint64_t now,
                               uint64_t bits);
uint64_t prs__word_replace(prs_word_t *self, prs_next_t next,
                           prs_operand_t operand);

void prs__word_dealloc(PyObject *self);
PyObject *prs__word_repr(PyObject *self);

/* By identity, as for any object without `==`. */
Py_hash_t prs__word_hash(PyObject *self);

/* Methods, as METH_FASTCALL | METH_KEYWORDS. */
#define PRS_METHOD_ARGUMENTS \
  prs_word_t *self, PyObject *const *args, Py_ssize_t count, PyObject *names

PyObject *prs__word_load(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_store(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_swap(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_compare_exchange(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_compare_exchange_weak(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_fetch_and(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_fetch_nand(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_fetch_or(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_fetch_xor(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_fetch_update(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_try_update(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_update(PRS_METHOD_ARGUMENTS);
PyObject *prs__word_into_inner(PyObject *self, PyObject *unused);

/* Refuses `==` and `<` with a number: nobody could say when it was loaded. */
PyObject *prs__word_compare(PyObject *self, PyObject *other, int operation);

/* ---- the types ----------------------------------------------------------- */

int prs__add_atomic_integers(PyObject *module);
int prs__add_atomic_bool(PyObject *module);
int prs__add_atomic_ref(PyObject *module);

#endif
