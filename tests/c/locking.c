/* What the types of csrc/python do around locks, for threads of C. */
#include "locking.h"

/* ---- waits --------------------------------------------------------------- */

/* The last node is the stop's.
 * Returns: PRS_OK when another one was claimed; PRS_ETIMEDOUT;
 *          LOCKING_STOPPED. */
static int wait_or_stop(prs_waiter_t *waiter, uint64_t timeout,
                        prs_stop_t *stop) {
  if (stop == NULL) return blocking_wait(waiter, timeout);
  uint32_t last = waiter->count - 1;
  prs_node_t *node = &waiter->nodes[last];
  if (!prs_stop_enter(stop, node))
    return prs_waiter_cancel(waiter) ? LOCKING_STOPPED : PRS_OK;
  int status = blocking_wait(waiter, timeout);
  prs_wakes_t wakes = {0};
  prs_stop_leave(stop, node, &wakes);
  prs_wakes_send(&wakes);
  if (status == PRS_OK && waiter->chosen == last) return LOCKING_STOPPED;
  return status;
}

static int give_up(prs_rw_t *rw, prs_node_t *node, int status) {
  prs_wakes_t wakes = {0};
  prs_rw_give_up(rw, node, false, &wakes);
  prs_wakes_send(&wakes);
  return status == PRS_ETIMEDOUT ? LOCKING_TIMED_OUT : status;
}

static int enter_with(prs_rw_t *rw, prs_waiter_t *waiter, uint32_t wish,
                      uint64_t timeout, prs_stop_t *stop) {
  prs_node_t *node = &waiter->nodes[0];
  uint64_t began = prs_now();
  for (;;) {
    prs_wakes_t wakes = {0};
    int status = prs_rw_enter(rw, wish, node, &wakes);
    prs_wakes_send(&wakes);
    if (status != PRS_RW_QUEUED) return status;
    status = wait_or_stop(waiter, timeout, stop);
    if (status != PRS_OK) return give_up(rw, node, status);
    if (node->status == PRS_RW_GRANTED) return PRS_RW_ENTERED;
    wish |= PRS_RW_WOKEN;
    if (prs_now() - began >= PRS_RW_PATIENCE) wish |= PRS_RW_HUNGRY;
    prs_waiter_renew(waiter);
  }
}

int locking_enter(prs_rw_t *rw, uint32_t wish, uint64_t timeout,
                  prs_stop_t *stop) {
  if (wish == PRS_RW_WRITES && prs_rw_enter_first(rw)) return PRS_RW_ENTERED;
  prs_waiter_t *waiter = prs_waiter_new(2);
  ASSERT(waiter != NULL);
  int status = enter_with(rw, waiter, wish, timeout, stop);
  prs_waiter_free(waiter);
  return status;
}

void locking_leave(prs_rw_t *rw, uint32_t wish) {
  if (wish == PRS_RW_WRITES && prs_rw_leave_first(rw)) return;
  prs_wakes_t wakes = {0};
  prs_rw_leave(rw, wish, &wakes);
  prs_wakes_send(&wakes);
}

void locking_downgrade(prs_rw_t *rw) {
  prs_wakes_t wakes = {0};
  prs_rw_downgrade(rw, &wakes);
  prs_wakes_send(&wakes);
}

/* ---- condvar ------------------------------------------------------------- */

/* A notification that came too late for this one is for another. */
static bool leave_condvar(prs_condvar_t *condvar, prs_rw_t *mutex,
                          prs_waiter_t *waiter, int status) {
  prs_wakes_t wakes = {0};
  bool notified = status == PRS_OK;
  if (notified) {
    if (waiter->chosen == PRS_CONDVAR_NODE) prs_condvar_chain(condvar, &wakes);
  } else if (prs_condvar_leave(condvar, waiter)) {
    notified = true;
    prs_rw_give_up(mutex, &waiter->nodes[PRS_MUTEX_NODE], false, &wakes);
    if (status == LOCKING_STOPPED) prs_condvar_notify_one(condvar, &wakes);
  }
  prs_wakes_send(&wakes);
  return notified;
}

static int enter_again(prs_rw_t *mutex, prs_waiter_t *waiter, int status,
                       prs_stop_t *stop) {
  uint32_t wish = PRS_RW_WRITES;
  if (status == PRS_OK && waiter->chosen == PRS_MUTEX_NODE) {
    if (waiter->nodes[PRS_MUTEX_NODE].status == PRS_RW_GRANTED)
      return PRS_RW_ENTERED;
    wish |= PRS_RW_WOKEN;
  }
  prs_waiter_renew(waiter);
  return enter_with(mutex, waiter, wish, PRS_FOREVER, stop);
}

int locking_wait(prs_condvar_t *condvar, prs_rw_t *mutex, uint64_t timeout,
                 prs_stop_t *stop) {
  prs_waiter_t *waiter = prs_waiter_new(3);
  ASSERT(waiter != NULL);
  prs_condvar_join(condvar, waiter, mutex);
  locking_leave(mutex, PRS_RW_WRITES);
  int status = wait_or_stop(waiter, timeout, stop);
  bool notified = leave_condvar(condvar, mutex, waiter, status);
  int outcome = status;
  if (status != LOCKING_STOPPED)
    outcome = enter_again(mutex, waiter, status, stop);
  prs_waiter_free(waiter);
  if (outcome == LOCKING_STOPPED && status != LOCKING_STOPPED && notified)
    locking_notify_one(condvar);
  if (outcome == PRS_RW_ENTERED && !notified) return LOCKING_TIMED_OUT;
  return outcome;
}

void locking_notify_one(prs_condvar_t *condvar) {
  prs_wakes_t wakes = {0};
  prs_condvar_notify_one(condvar, &wakes);
  prs_wakes_send(&wakes);
}

void locking_notify_all(prs_condvar_t *condvar) {
  prs_wakes_t wakes = {0};
  prs_condvar_notify_all(condvar, &wakes);
  prs_wakes_send(&wakes);
}

void locking_stop(prs_stop_t *stop) {
  prs_wakes_t wakes = {0};
  prs_stop_now(stop, &wakes);
  prs_wakes_send(&wakes);
}

/* ---- without threads ----------------------------------------------------- */

int try_to_enter(prs_rw_t *rw, uint32_t wish) {
  prs_wakes_t wakes = {0};
  int status = prs_rw_enter(rw, wish, NULL, &wakes);
  prs_wakes_send(&wakes);
  return status;
}

prs_waiter_t *queue_up(prs_rw_t *rw, uint32_t wish) {
  prs_wakes_t wakes = {0};
  prs_waiter_t *waiter = prs_waiter_new(1);
  ASSERT(waiter != NULL);
  ASSERT_INT(PRS_RW_QUEUED, prs_rw_enter(rw, wish, &waiter->nodes[0], &wakes));
  ASSERT(wakes.first == NULL);
  return waiter;
}

int try_again(prs_rw_t *rw, prs_waiter_t *waiter, uint32_t more) {
  prs_wakes_t wakes = {0};
  prs_node_t *node = &waiter->nodes[0];
  uint32_t wish = (uint32_t)(uintptr_t)node->item;
  ASSERT(is_claimed(waiter));
  prs_waiter_renew(waiter);
  int status = prs_rw_enter(rw, wish | PRS_RW_WOKEN | more, node, &wakes);
  prs_wakes_send(&wakes);
  return status;
}

bool is_claimed(prs_waiter_t *waiter) {
  return atomic_load(&waiter->word) == PRS_FINISHED;
}

int end_of(prs_waiter_t *waiter) {
  ASSERT(is_claimed(waiter));
  int status = waiter->nodes[waiter->chosen].status;
  prs_waiter_free(waiter);
  return status;
}
