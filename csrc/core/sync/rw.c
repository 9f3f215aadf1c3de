/* Lock: who is in, who waits, and who is next. See prs_rw.h. */
#include "prs_rw.h"

void prs_rw_init(prs_rw_t *rw) {
  *rw = (prs_rw_t){.generation = prs__generation()};
}

/* ---- queue --------------------------------------------------------------- */

static uint32_t wish_of(const prs_node_t *node) {
  return (uint32_t)(uintptr_t)node->item;
}

static void push_in_front(prs_queue_t *queue, prs_node_t *node) {
  if (queue->first == NULL) {
    prs__queue_push(queue, node);
    return;
  }
  node->queue = queue;
  node->previous = NULL;
  node->next = queue->first;
  queue->first->previous = node;
  queue->first = node;
}

static void wait_in_queue(prs_rw_t *rw, uint32_t wish, prs_node_t *node) {
  node->item = (void *)(uintptr_t)wish;
  node->status = PRS_RW_RETRY;
  if (wish & PRS_RW_WOKEN)
    push_in_front(&rw->waiting, node);
  else
    prs__queue_push(&rw->waiting, node);
}

/* ---- word ---------------------------------------------------------------- */

/* The word changes under the guard, but from 0 to WRITTEN and back. */

static bool fits(uint32_t word, uint32_t wish) {
  if (word & PRS_RW_WRITTEN) return false;
  return !(wish & PRS_RW_WRITES) || word < PRS_RW_READER;
}

static uint32_t share_of(uint32_t wish) {
  return wish & PRS_RW_WRITES ? PRS_RW_WRITTEN : PRS_RW_READER;
}

/* A reader that comes lets those who wait go first. */
static bool may_pass(const prs_rw_t *rw, uint32_t wish) {
  if (wish & (PRS_RW_WRITES | PRS_RW_WOKEN | PRS_RW_INSIDE)) return true;
  return prs__queue_is_empty(&rw->waiting) && !rw->waking;
}

/* Take it, or mark it as awaited. Returns: whether it was taken. */
static bool take_or_mark(prs_rw_t *rw, uint32_t wish, bool marks) {
  uint32_t seen = atomic_load_explicit(&rw->word, memory_order_relaxed);
  for (;;) {
    bool takes = may_pass(rw, wish) && fits(seen, wish);
    if (!takes && !marks) return false;
    uint32_t wanted = takes ? seen + share_of(wish) : seen | PRS_RW_AWAITED;
    if (atomic_compare_exchange_weak_explicit(&rw->word, &seen, wanted,
                                              memory_order_acquire,
                                              memory_order_relaxed))
      return takes;
  }
}

/* The mark must be there while somebody is queued, and costs when it is there
 * otherwise. */
static void settle_mark(prs_rw_t *rw) {
  if (!prs__queue_is_empty(&rw->waiting) || rw->waking || rw->closed) return;
  atomic_fetch_and_explicit(&rw->word, ~(uint32_t)PRS_RW_AWAITED,
                            memory_order_release);
}

/* ---- next ---------------------------------------------------------------- */

static bool next_fits(const prs_rw_t *rw) {
  if (rw->waking || prs__queue_is_empty(&rw->waiting)) return false;
  uint32_t word = atomic_load_explicit(&rw->word, memory_order_relaxed);
  return rw->closed || fits(word, wish_of(rw->waiting.first));
}

/* Hand it over to those who are hungry, wake one who is not. The mark is on
 * the word as long as they are queued, so nobody takes it meanwhile. */
static void wake_next(prs_rw_t *rw, prs_wakes_t *wakes) {
  while (next_fits(rw)) {
    prs_node_t *node = prs__queue_claim(&rw->waiting, NULL, wakes);
    if (node == NULL) break;
    uint32_t wish = wish_of(node);
    uint32_t word = atomic_load_explicit(&rw->word, memory_order_relaxed);
    if ((wish & PRS_RW_HUNGRY) && !rw->closed && fits(word, wish)) {
      atomic_fetch_add_explicit(&rw->word, share_of(wish),
                                memory_order_relaxed);
      node->status = PRS_RW_GRANTED;
    } else {
      node->status = PRS_RW_RETRY;
      rw->waking = true;
    }
  }
  settle_mark(rw);
}

/* ---- operations ---------------------------------------------------------- */

int prs_rw_enter(prs_rw_t *rw, uint32_t wish, prs_node_t *node,
                 prs_wakes_t *wakes) {
  int status = PRS_RW_ENTERED;
  prs__guard_enter(&rw->guard);
  if (wish & PRS_RW_WOKEN) rw->waking = false;
  if (rw->closed) {
    status = PRS_RW_CLOSED;
  } else if (!take_or_mark(rw, wish, node != NULL)) {
    status = node == NULL ? PRS_RW_BUSY : PRS_RW_QUEUED;
    if (node != NULL) wait_in_queue(rw, wish, node);
  }
  /* Readers wake each other; and whoever is next when this one failed. */
  if (wish & PRS_RW_WOKEN) wake_next(rw, wakes);
  prs__guard_leave(&rw->guard);
  return status;
}

void prs_rw_leave(prs_rw_t *rw, uint32_t wish, prs_wakes_t *wakes) {
  prs__guard_enter(&rw->guard);
  atomic_fetch_sub_explicit(&rw->word, share_of(wish), memory_order_release);
  wake_next(rw, wakes);
  prs__guard_leave(&rw->guard);
}

void prs_rw_downgrade(prs_rw_t *rw, prs_wakes_t *wakes) {
  prs__guard_enter(&rw->guard);
  atomic_fetch_add_explicit(&rw->word, PRS_RW_READER - PRS_RW_WRITTEN,
                            memory_order_release);
  wake_next(rw, wakes);
  prs__guard_leave(&rw->guard);
}

void prs_rw_give_up(prs_rw_t *rw, prs_node_t *node, bool claimed,
                    prs_wakes_t *wakes) {
  prs__guard_enter(&rw->guard);
  if (!claimed)
    prs__queue_remove(node);
  else if (node->status == PRS_RW_GRANTED)
    atomic_fetch_sub_explicit(&rw->word, share_of(wish_of(node)),
                              memory_order_release);
  else
    rw->waking = false;
  wake_next(rw, wakes);
  prs__guard_leave(&rw->guard);
}

int prs_rw_close(prs_rw_t *rw, prs_wakes_t *wakes) {
  int status = PRS_RW_CLOSED;
  prs__guard_enter(&rw->guard);
  if (!rw->closed) {
    bool taken = take_or_mark(rw, PRS_RW_WRITES, false);
    status = taken ? PRS_RW_ENTERED : PRS_RW_BUSY;
    if (taken) {
      rw->closed = true;
      atomic_fetch_or_explicit(&rw->word, PRS_RW_AWAITED, memory_order_relaxed);
      wake_next(rw, wakes);
    }
  }
  prs__guard_leave(&rw->guard);
  return status;
}

static bool mark_if_written(prs_rw_t *rw) {
  uint32_t seen = atomic_load_explicit(&rw->word, memory_order_relaxed);
  while (seen & PRS_RW_WRITTEN)
    if (atomic_compare_exchange_weak_explicit(
            &rw->word, &seen, seen | PRS_RW_AWAITED, memory_order_relaxed,
            memory_order_relaxed))
      return true;
  return false;
}

bool prs_rw_adopt(prs_rw_t *rw, prs_node_t *node, prs_node_t *from) {
  prs__guard_enter(&rw->guard);
  bool adopts =
      rw->generation == prs__generation() && !rw->closed && mark_if_written(rw);
  if (adopts) {
    prs__queue_remove(from);
    wait_in_queue(rw, PRS_RW_WRITES, node);
  }
  prs__guard_leave(&rw->guard);
  return adopts;
}

void prs_rw_forget(prs_rw_t *rw, bool written, uint32_t readers) {
  prs__queue_forget(&rw->waiting);
  rw->waking = false;
  rw->generation = prs__generation();
  uint32_t word = readers * PRS_RW_READER + (written ? PRS_RW_WRITTEN : 0u);
  if (rw->closed) word = PRS_RW_WRITTEN | PRS_RW_AWAITED;
  atomic_store(&rw->word, word);
}

size_t prs_rw_waiting(prs_rw_t *rw) {
  size_t count = 0;
  prs__guard_enter(&rw->guard);
  for (prs_node_t *node = rw->waiting.first; node != NULL; node = node->next)
    count++;
  prs__guard_leave(&rw->guard);
  return count;
}
