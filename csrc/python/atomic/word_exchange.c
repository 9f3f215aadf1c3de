/* Words: compare-and-exchange, and updates by a function in a loop of it. */
#include "atomic.h"

static bool exchanged(prs_word_t *self, bool weak, uint64_t *now, uint64_t next,
                      prs_orders_t orders) {
  if (weak)
    return atomic_compare_exchange_weak_explicit(
        &self->bits, now, next, orders.success, orders.failure);
  return atomic_compare_exchange_strong_explicit(
      &self->bits, now, next, orders.success, orders.failure);
}

static PyObject *compare_exchange(prs_word_t *self, const prs_params_t *params,
                                  const prs_call_t *call, bool weak) {
  PyObject *given[PRS_MOST_PARAMS];
  uint64_t now;
  uint64_t next;
  prs_orders_t orders;
  if (!prs__atomic_arguments(params, call, given) ||
      !prs__word_bits(self->kind, given[0], &now) ||
      !prs__word_bits(self->kind, given[1], &next) ||
      !prs__exchange_orders(given[2], given[3], &orders))
    return NULL;
  if (exchanged(self, weak, &now, next, orders))
    return prs__ok(prs__word_value(self, now));
  return prs__err(prs__word_value(self, now));
}

PyObject *prs__word_compare_exchange(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {
      "compare_exchange", {"current", "new", "success", "failure"}, 2, 4};
  const prs_call_t call = {args, count, names};
  return compare_exchange(self, &params, &call, false);
}

PyObject *prs__word_compare_exchange_weak(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {
      "compare_exchange_weak", {"current", "new", "success", "failure"}, 2, 4};
  const prs_call_t call = {args, count, names};
  return compare_exchange(self, &params, &call, true);
}

/* ---- update -------------------------------------------------------------- */

typedef struct step {
  PyObject *function;
  prs_orders_t orders; /* of the store; of the loads */
  bool may_stop;       /* None leaves the value as it is */
} step_t;

static bool step_from(const prs_params_t *params, const prs_call_t *call,
                      step_t *out) {
  PyObject *given[PRS_MOST_PARAMS];
  if (!prs__atomic_arguments(params, call, given)) return false;
  out->function = given[0];
  memory_order load;
  if (given[2] != NULL && !prs__load_order(given[2], &load)) return false;
  return prs__exchange_orders(given[1], given[2], &out->orders);
}

/* One try. Returns: 1 done, 0 another thread was faster, -1 stopped by None,
 * -2 with an exception set. */
static int try_step(prs_word_t *self, const step_t *step, PyObject *shown,
                    uint64_t *now) {
  PyObject *result = PyObject_CallOneArg(step->function, shown);
  if (result == NULL) return -2;
  uint64_t next;
  bool stops = step->may_stop && result == Py_None;
  bool fits = !stops && prs__word_bits(self->kind, result, &next);
  Py_DECREF(result);
  if (stops) return -1;
  if (!fits) return -2;
  return exchanged(self, true, now, next, step->orders);
}

/* `*status` as of try_step(). Returns: the value that the last call got. */
static PyObject *updated(prs_word_t *self, const step_t *step, int *status) {
  uint64_t now = atomic_load_explicit(&self->bits, step->orders.failure);
  for (;;) {
    PyObject *shown = prs__word_value(self, now);
    if (shown == NULL) return NULL;
    *status = try_step(self, step, shown, &now);
    if (*status == 1 || *status == -1) return shown;
    Py_DECREF(shown);
    if (*status == -2) return NULL;
  }
}

static PyObject *try_update(prs_word_t *self, const prs_params_t *params,
                            const prs_call_t *call) {
  step_t step = {.may_stop = true};
  if (!step_from(params, call, &step)) return NULL;
  int status = 0;
  PyObject *shown = updated(self, &step, &status);
  return status == -1 ? prs__err(shown) : prs__ok(shown);
}

PyObject *prs__word_fetch_update(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {
      "fetch_update", {"f", "set_order", "fetch_order"}, 1, 3};
  const prs_call_t call = {args, count, names};
  return try_update(self, &params, &call);
}

PyObject *prs__word_try_update(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {
      "try_update", {"f", "set_order", "fetch_order"}, 1, 3};
  const prs_call_t call = {args, count, names};
  return try_update(self, &params, &call);
}

PyObject *prs__word_update(PRS_METHOD_ARGUMENTS) {
  static const prs_params_t params = {
      "update", {"f", "set_order", "fetch_order"}, 1, 3};
  const prs_call_t call = {args, count, names};
  step_t step = {.may_stop = false};
  if (!step_from(&params, &call, &step)) return NULL;
  int status = 0;
  return updated(self, &step, &status);
}
