/* Blocking: how a thread of Python waits for a waiter of core/sync. */
#include "objects.h"

static int wait_for_waiter(void *waiter, uint64_t timeout) {
  int status = prs_waiter_wait(waiter, timeout);
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

int prs__block(prs_waiter_t *waiter, uint64_t timeout) {
  int status = prs__wait_interruptibly(wait_for_waiter, waiter, timeout);
  if (status == PRS_OK || prs_waiter_cancel(waiter)) return status;
  return status == PRS__RAISED ? PRS__RAISED_LATE : PRS_OK;
}

void prs__wakes_send_detached(prs_wakes_t *wakes) {
#ifdef Py_GIL_DISABLED
  prs_wakes_send(wakes);
#else
  if (wakes->first == NULL) return;
  PyThreadState *state = PyEval_SaveThread();
  prs_wakes_send(wakes);
  prs__table->hold();
  PyEval_RestoreThread(state);
#endif
}
