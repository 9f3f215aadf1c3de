/* Blocking calls that Ctrl-C ends: without the GIL, in slices on the main
 * thread. A signal can land between the interpreter's last look and the sleep,
 * or be taken by another thread; an endless sleep would swallow it. */
#include "objects.h"

#define SLICE_FIRST_NS 1000000u /* 1 ms, doubled up to 64 ms */
#define SLICE_LAST_NS 64000000u

static int wait_detached(prs_waiting_t wait, void *object, uint64_t timeout) {
  PyThreadState *state = PyEval_SaveThread();
#ifndef Py_GIL_DISABLED
  prs__table->turn_pass();
#endif
  int status = wait(object, timeout);
#ifdef Py_GIL_DISABLED
  PyEval_RestoreThread(state);
#else
  /* Many may have been woken at once; see core/line.c. */
  bool lines_up = !prs__table->on_main_thread();
  if (lines_up) prs__table->line_enter();
  PyEval_RestoreThread(state);
  if (lines_up) prs__table->line_leave();
#endif
  return status;
}

static uint64_t smaller(uint64_t one, uint64_t other) {
  return one < other ? one : other;
}

static int wait_interruptibly(prs_waiting_t wait, void *object,
                              uint64_t timeout) {
  uint64_t began = prs__table->now();
  bool on_main_thread = prs__table->on_main_thread();
  uint64_t slice = on_main_thread ? SLICE_FIRST_NS : PRS_FOREVER;
  uint64_t left = timeout;
  for (;;) {
    int status = wait_detached(wait, object, smaller(slice, left));
    if (status != PRS_ETIMEDOUT && status != PRS_EINTR) return status;
    /* Elsewhere it would only run the collector, and with it finalizers, while
     * others may count on this thread to come back. */
    if (on_main_thread && PyErr_CheckSignals() < 0) return PRS__RAISED;
    if (timeout != PRS_FOREVER) {
      uint64_t spent = prs__table->now() - began;
      if (spent >= timeout) return PRS_ETIMEDOUT;
      left = timeout - spent;
    }
    if (slice < SLICE_LAST_NS) slice *= 2;
  }
}

int prs__wait_with(prs_waiting_t wait, void *arg, const void *object,
                   uint64_t timeout) {
  if (!prs__is_traced()) return wait_interruptibly(wait, arg, timeout);
  prs__trace_wait(object);
  int status = wait_interruptibly(wait, arg, timeout);
  prs__trace_waited();
  return status;
}

int prs__wait_interruptibly(prs_waiting_t wait, void *object,
                            uint64_t timeout) {
  return prs__wait_with(wait, object, object, timeout);
}

bool prs__timeout_from(PyObject *arg, uint64_t *out) {
  long long timeout = PyLong_AsLongLong(arg);
  if (timeout == -1 && PyErr_Occurred()) return false;
  *out = timeout < 0 ? PRS_FOREVER : (uint64_t)timeout;
  return true;
}
