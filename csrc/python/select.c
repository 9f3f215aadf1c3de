/* select: wait until one of several operations has happened.
 *
 * Try all; when each must wait, stand in the queue of each with one waiter, so
 * that whoever comes first takes the whole select; sleep; leave the queues.
 * While it queues, a select does no operation, as it may have been claimed
 * already: when it finds one that need not wait it gives up and starts over. */
#include "select.h"

/* The waiter is queued, or gave up half-way.
 * Returns: PRS_OK when the choice is finished; else as prs__block(). */
static int wait_queued(prs_choice_t *choice, prs_waiter_t *waiter,
                       uint64_t timeout, PyObject *stop) {
  int status = PRS_EAGAIN;
  prs_reason_t reason = {Py_None, "select", stop};
  if (prs__choice_queue(choice, waiter))
    status = prs__block_for(waiter, &reason, timeout);
  else if (!prs__give_up(waiter))
    status = PRS_OK;
  prs__choice_leave(choice, waiter);
  bool finished = status == PRS_OK || status == PRS__RAISED_LATE;
  if (finished) prs__choice_finish(choice, waiter);
  if (status == PRS__RAISED_LATE) prs__choice_undo(choice);
  return status == PRS__RAISED_LATE ? PRS__RAISED : status;
}

static int wait_once(prs_choice_t *choice, uint64_t timeout, PyObject *stop) {
  prs_waiter_t *waiter = prs__waiter(choice->count + (stop == NULL ? 0 : 1));
  if (waiter == NULL) return PRS__RAISED;
  int status = wait_queued(choice, waiter, timeout, stop);
  prs_waiter_free(waiter);
  return status;
}

/* Two selects that find each other ready at the same time both give up; the
 * yield lets one of them be first. */
static int start_over(int status) {
#ifndef PRS_UNDER_GIL
  if (status == PRS_EAGAIN) prs__os->yield();
#endif
  return status;
}

/* Returns: PRS_OK, PRS_ETIMEDOUT, PRS__RAISED. */
static int run(prs_choice_t *choice, uint64_t timeout, PyObject *stop) {
  uint64_t began =
      timeout == PRS_FOREVER || timeout == 0 ? 0 : prs__table->now();
  for (;;) {
    if (prs__choice_try(choice)) return PRS_OK;
    if (timeout == 0) return PRS_ETIMEDOUT;
    uint64_t left = timeout;
    if (timeout != PRS_FOREVER) {
      uint64_t spent = prs__table->now() - began;
      if (spent >= timeout) return PRS_ETIMEDOUT;
      left = timeout - spent;
    }
    uint64_t delay = prs__choice_delay(choice);
    int status =
        start_over(wait_once(choice, delay < left ? delay : left, stop));
    if (status == PRS_OK || status == PRS__RAISED) return status;
  }
}

static prs_choice_t *choice_from(PyObject *operations, bool watches,
                                 bool biased) {
  PyObject *fast = PySequence_Fast(operations, "operations must be a sequence");
  if (fast == NULL) return NULL;
  Py_ssize_t count = PySequence_Fast_GET_SIZE(fast);
  prs_choice_t *choice =
      prs__choice_new(PySequence_Fast_ITEMS(fast), count, watches, biased);
  Py_DECREF(fast);
  return choice;
}

/* (operations, timeout, stop, watches, biased): the pair, or None. */
static PyObject *select_one(PyObject *module, PyObject *const *args,
                            Py_ssize_t count) {
  (void)module;
  uint64_t timeout;
  PyObject *stop;
  if (!prs__wants("select", count, 5) || !prs__is_connected()) return NULL;
  if (!prs__seconds_from(args[1], &timeout) || !prs__stop_from(args[2], &stop))
    return NULL;
  prs_choice_t *choice =
      choice_from(args[0], args[3] == Py_True, args[4] == Py_True);
  if (choice == NULL) return NULL;
  int status = run(choice, timeout, stop);
  PyObject *result = NULL;
  if (status == PRS_OK)
    result = prs__choice_result(choice);
  else if (status == PRS_ETIMEDOUT)
    result = Py_NewRef(Py_None);
  prs__choice_free(choice);
  return result;
}

static PyMethodDef functions[] = {
    {"select", (PyCFunction)(void (*)(void))select_one, METH_FASTCALL,
     "select(operations, timeout, stop, watches, biased, /)\n--\n\n"
     "Do one of several operations; None when the time is over."},
    {NULL, NULL, 0, NULL}};

int prs__add_select(PyObject *module) {
  return PyModule_AddFunctions(module, functions);
}
