/* Blocking: how a thread of Python waits for a waiter of core/sync. */
#include "objects.h"

typedef struct wait {
  prs_waiter_t *waiter;
  prs_wakes_t *wakes;
} wait_t;

static int wait_for_waiter(void *arg, uint64_t timeout) {
  const wait_t *wait = arg;
  prs_waiter_t *waiter = wait->waiter;
  prs_wakes_send(wait->wakes);
  int status = prs_waiter_wait(waiter, timeout);
#ifndef Py_GIL_DISABLED
  if (status == PRS_OK) prs__table->turn_await(waiter->turn);
#endif
  prs__table->hold();
  return status;
}

bool prs__may_block(void) {
  if (prs__table->gate_state() == PRS_GATE_OPEN) return true;
  PyErr_SetString(PyExc_RuntimeError,
                  "cannot wait: the interpreter is exiting");
  return false;
}

prs_waiter_t *prs__waiter(uint32_t count) {
  if (!prs__may_block()) return NULL;
  prs_waiter_t *waiter = prs_waiter_new(count);
  if (waiter == NULL) PyErr_NoMemory();
  return waiter;
}

/* The wait of a waiter is over: `claimed` or given up. At every moment a thread
 * that was claimed counts as waking, or is known not to wait: else whoever
 * looks for a deadlock finds one. In the child of a fork it no longer counts.
 */
static void arrive(const prs_waiter_t *waiter, bool claimed) {
  prs__waited();
  if (claimed && waiter->generation == prs__generation())
    atomic_fetch_sub_explicit(&prs__waking, 1, memory_order_relaxed);
}

bool prs__give_up(prs_waiter_t *waiter) {
  bool claimed = !prs_waiter_cancel(waiter);
  arrive(waiter, claimed);
  return !claimed;
}

int prs__block_waking(prs_waiter_t *waiter, prs_wakes_t *wakes,
                      uint64_t timeout) {
  wait_t wait = {.waiter = waiter, .wakes = wakes};
  int status = prs__wait_interruptibly(wait_for_waiter, &wait, timeout);
  bool claimed = status == PRS_OK || !prs_waiter_cancel(waiter);
  arrive(waiter, claimed);
  if (!claimed || status == PRS_OK) return status;
  return status == PRS__RAISED ? PRS__RAISED_LATE : PRS_OK;
}

void prs__wakes_send_detached(prs_wakes_t *wakes) {
#ifdef Py_GIL_DISABLED
  prs_wakes_send(wakes);
#else
  if (wakes->first == NULL) return;
  PyThreadState *state = PyEval_SaveThread();
  prs__table->turn_pass();
  prs_wakes_send(wakes);
  prs__table->hold();
  PyEval_RestoreThread(state);
#endif
}

bool prs__passes_on(PyObject *stop) {
#ifdef Py_GIL_DISABLED
  (void)stop;
  return false;
#else
  return stop == NULL && !prs__watches && !prs__table->on_main_thread();
#endif
}

int prs__block(prs_waiter_t *waiter, uint64_t timeout) {
  prs_wakes_t none = {NULL};
  return prs__block_waking(waiter, &none, timeout);
}

int prs__block_for(prs_waiter_t *waiter, const prs_reason_t *reason,
                   uint64_t timeout) {
  /* What a stop may end is not for ever. */
  uint64_t longest = reason->stop == NULL ? timeout : 0;
  if (!prs__may_wait(reason->object, reason->call, longest))
    return prs__give_up(waiter) ? PRS__RAISED : PRS__RAISED_LATE;
  return prs__block_or_stop(waiter, waiter->count - 1, reason->stop, timeout);
}

/* ---- arguments ----------------------------------------------------------- */

/* A moment that has passed is a duration of 0. */
bool prs__deadline_from(PyObject *moment, uint64_t *out) {
  double seconds = PyFloat_AsDouble(moment);
  if (seconds == -1.0 && PyErr_Occurred()) return false;
  if (seconds != seconds) {
    PyErr_SetString(PyExc_ValueError, "a deadline must not be NaN");
    return false;
  }
  double left = seconds - (double)prs__table->now() / 1e9;
  if (left < 0) left = 0;
  *out = left < 1e9 ? (uint64_t)(left * 1e9) : PRS_FOREVER;
  return true;
}

bool prs__wants(const char *name, Py_ssize_t count, Py_ssize_t wanted) {
  if (count == wanted) return true;
  PyErr_Format(PyExc_TypeError, "%s() takes %zd positional argument%s, not %zd",
               name, wanted, wanted == 1 ? "" : "s", count);
  return false;
}

bool prs__timeout_and_stop(const char *name, PyObject *const *args,
                           Py_ssize_t count, uint64_t *timeout,
                           PyObject **stop) {
  *stop = NULL;
  if (count != 2 && !prs__wants(name, count, 1)) return false;
  return prs__timeout_from(args[0], timeout) &&
         (count == 1 || prs__stop_from(args[1], stop));
}

bool prs__read_stop(const char *name, PyObject *const *args, Py_ssize_t count,
                    Py_ssize_t wanted, PyObject *names, PyObject **stop) {
  *stop = NULL;
  if (!prs__wants(name, count, wanted)) return false;
  Py_ssize_t keywords = names == NULL ? 0 : PyTuple_GET_SIZE(names);
  if (keywords == 0) return true;
  for (Py_ssize_t i = 0; i < keywords; i++) {
    if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "stop")) {
      PyErr_Format(PyExc_TypeError,
                   "%s() got an unexpected keyword argument %R", name,
                   PyTuple_GET_ITEM(names, i));
      return false;
    }
    if (!prs__stop_from(args[count + i], stop)) return false;
  }
  return true;
}
