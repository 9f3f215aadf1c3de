/* Waiter: one blocked operation, whoever blocks it and whoever ends it. */
#include <stdlib.h>

#include "../pause.h"
#include "prs_sync.h"

const prs_sync_os_t *prs__os;
_Atomic uint32_t prs__waking;

/* ---- guard --------------------------------------------------------------- */

#ifndef PRS_UNDER_GIL
void prs__guard_enter(prs_guard_t *guard) {
  uint32_t seen = 0;
  if (atomic_compare_exchange_strong(&guard->word, &seen, 1)) return;
  while (atomic_exchange(&guard->word, 2) != 0)
    (void)prs__os->wait(&guard->word, 2, PRS_FOREVER);
}

void prs__guard_leave(prs_guard_t *guard) {
  if (atomic_exchange(&guard->word, 0) == 2) prs__os->wake_one(&guard->word);
}
#endif

/* ---- waiter -------------------------------------------------------------- */

prs_waiter_t *prs_waiter_new(uint32_t count) {
  prs_waiter_t *waiter =
      calloc(1, sizeof *waiter + count * sizeof waiter->nodes[0]);
  if (waiter == NULL) return NULL;
  waiter->count = count;
  waiter->generation = prs__generation();
  for (uint32_t i = 0; i < count; i++) waiter->nodes[i].waiter = waiter;
  return waiter;
}

void prs_waiter_free(prs_waiter_t *waiter) { free(waiter); }

void prs_waiter_renew(prs_waiter_t *waiter) {
  for (uint32_t i = 0; i < waiter->count; i++) waiter->nodes[i].queue = NULL;
  waiter->generation = prs__generation();
  waiter->awaited = false;
  atomic_store_explicit(&waiter->word, PRS_WAITS, memory_order_relaxed);
}

/* The claimer finishes at once: it neither sleeps nor detaches in between. */
static void wait_for_claimer(prs_waiter_t *waiter) {
  while (atomic_load(&waiter->word) == PRS_CLAIMED) prs__os->yield();
}

/* Returns: false when the waiter was claimed. */
static bool announce_sleep(prs_waiter_t *waiter) {
  uint32_t seen = PRS_WAITS;
  return atomic_compare_exchange_strong(&waiter->word, &seen, PRS_SLEEPS) ||
         seen == PRS_SLEEPS;
}

static int sleep_until_claimed(prs_waiter_t *waiter, uint64_t began,
                               uint64_t timeout) {
  while (announce_sleep(waiter)) {
    if (waiter->generation != prs__generation()) return PRS_EAGAIN;
    uint64_t left = PRS_FOREVER;
    if (timeout != PRS_FOREVER) {
      uint64_t spent = prs__os->now() - began;
      if (spent >= timeout) return PRS_ETIMEDOUT;
      left = timeout - spent;
    }
    if (prs__os->wait(&waiter->word, PRS_SLEEPS, left) == PRS_EINTR)
      return PRS_EINTR;
  }
  return PRS_OK;
}

/* A wait that goes on after a slice says SLEEPS already. */
static bool spin_until_claimed(prs_waiter_t *waiter) {
  return !atomic_load_explicit(&waiter->crowded, memory_order_relaxed) &&
         atomic_load(&waiter->word) == PRS_WAITS &&
         prs__os->spin(&waiter->word, PRS_WAITS);
}

int prs_waiter_wait(prs_waiter_t *waiter, uint64_t timeout) {
  uint64_t began = prs__os->now();
  int status = PRS_OK;
  if (timeout == 0 || !spin_until_claimed(waiter))
    status = sleep_until_claimed(waiter, began, timeout);
  if (status == PRS_OK) wait_for_claimer(waiter);
  prs__os->spin_learn(prs__os->now() - began);
  return status;
}

bool prs_waiter_cancel(prs_waiter_t *waiter) {
  uint32_t seen = PRS_WAITS;
  if (atomic_compare_exchange_strong(&waiter->word, &seen, PRS_CANCELLED))
    return true;
  if (seen == PRS_SLEEPS &&
      atomic_compare_exchange_strong(&waiter->word, &seen, PRS_CANCELLED))
    return true;
  wait_for_claimer(waiter);
  return false;
}

/* ---- wakes --------------------------------------------------------------- */

/* From the moment that the word says FINISHED, a thread may free its waiter.
 * To wake an address that is gone is harmless. */
static void finish(prs_waiter_t *waiter) {
  bool slept = waiter->slept;
  atomic_store(&waiter->word, PRS_FINISHED);
  if (slept) prs__os->wake_one(&waiter->word);
}

/* Threads first: what a notify does may take long. It may also let others run,
 * who wait for FINISHED, attached, when they cancel. */
void prs_wakes_send(prs_wakes_t *wakes) {
  prs_waiter_t *to_notify = NULL;
  while (wakes->first != NULL) {
    prs_waiter_t *waiter = wakes->first;
    wakes->first = waiter->next_woken;
    if (waiter->notify == NULL) {
      finish(waiter);
      continue;
    }
    atomic_store(&waiter->word, PRS_FINISHED);
    waiter->next_woken = to_notify;
    to_notify = waiter;
  }
  while (to_notify != NULL) {
    prs_waiter_t *waiter = to_notify;
    to_notify = waiter->next_woken;
    waiter->notify(waiter);
  }
}

/* ---- queue --------------------------------------------------------------- */

/* Where a thread that is awake is preferred, one at a time spins. */
static bool is_crowd(const prs_queue_t *queue, const prs_waiter_t *waiter) {
  if (queue->last == NULL || !waiter->passes_on) return queue->last != NULL;
  return atomic_load(&queue->last->waiter->word) == PRS_WAITS;
}

void prs__queue_push(prs_queue_t *queue, prs_node_t *node) {
  bool crowd = is_crowd(queue, node->waiter);
  if (crowd || node->waiter->passes_on)
    atomic_store_explicit(&node->waiter->crowded, crowd, memory_order_relaxed);
  node->queue = queue;
  node->next = NULL;
  node->previous = queue->last;
  if (queue->last == NULL)
    queue->first = node;
  else
    queue->last->next = node;
  queue->last = node;
}

void prs__queue_remove(prs_node_t *node) {
  prs_queue_t *queue = node->queue;
  if (queue == NULL) return;
  if (node->previous == NULL)
    queue->first = node->next;
  else
    node->previous->next = node->next;
  if (node->next == NULL)
    queue->last = node->previous;
  else
    node->next->previous = node->previous;
  node->queue = NULL;
}

/* Nothing but the word may be touched before the claim: whoever claimed it in
 * another queue has it in a list. */
static bool claim(prs_waiter_t *waiter) {
  uint32_t seen = PRS_WAITS;
  if (atomic_compare_exchange_strong(&waiter->word, &seen, PRS_CLAIMED)) {
    waiter->slept = false;
    return true;
  }
  if (seen == PRS_SLEEPS &&
      atomic_compare_exchange_strong(&waiter->word, &seen, PRS_CLAIMED)) {
    waiter->slept = true;
    return true;
  }
  return false;
}

bool prs__node_claim(prs_node_t *node, prs_wakes_t *wakes) {
  prs_waiter_t *waiter = node->waiter;
  if (!claim(waiter)) return false;
  prs__queue_remove(node);
  if (waiter->notify == NULL)
    atomic_fetch_add_explicit(&prs__waking, 1, memory_order_relaxed);
  waiter->chosen = (uint32_t)(node - waiter->nodes);
  waiter->turn = atomic_load_explicit(prs__os->detached, memory_order_relaxed);
  waiter->next_woken = wakes->first;
  wakes->first = waiter;
  return true;
}

/* Nodes of waiters that were claimed elsewhere, or that gave up, stay in the
 * queue: their own thread is about to take them out. */
prs_node_t *prs__queue_claim(prs_queue_t *queue, const prs_waiter_t *self,
                             prs_wakes_t *wakes) {
  for (prs_node_t *node = queue->first; node != NULL; node = node->next) {
    prs_waiter_t *waiter = node->waiter;
    if (waiter != self && prs__node_claim(node, wakes)) return node;
  }
  return NULL;
}

bool prs__queue_has_other(const prs_queue_t *queue, const prs_waiter_t *self) {
  for (prs_node_t *node = queue->first; node != NULL; node = node->next)
    if (node->waiter != self && atomic_load(&node->waiter->word) <= PRS_SLEEPS)
      return true;
  return false;
}

void prs__queue_forget(prs_queue_t *queue) {
  for (prs_node_t *node = queue->first; node != NULL; node = node->next)
    node->queue = NULL;
  queue->first = NULL;
  queue->last = NULL;
  queue->passed_over = 0;
}
