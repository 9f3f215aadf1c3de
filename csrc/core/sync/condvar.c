/* Condvar: those who wait for a change, and those who are let go. */
#include "prs_rw.h"

void prs_condvar_init(prs_condvar_t *condvar) {
  *condvar = (prs_condvar_t){.generation = prs__generation()};
}

/* Whoever waited in the parent of a fork is not here. */
static void forget_parent(prs_condvar_t *condvar) {
  condvar->generation = prs__generation();
  prs__queue_forget(&condvar->queues[0]);
  prs__queue_forget(&condvar->queues[1]);
}

static void enter(prs_condvar_t *condvar) {
  prs__guard_enter(&condvar->guard);
  if (condvar->generation != prs__generation()) forget_parent(condvar);
}

static void leave(prs_condvar_t *condvar) { prs__guard_leave(&condvar->guard); }

static prs_queue_t *waiting(prs_condvar_t *condvar) {
  return &condvar->queues[condvar->current];
}

static prs_queue_t *leaving(prs_condvar_t *condvar) {
  return &condvar->queues[1u - condvar->current];
}

void prs_condvar_join(prs_condvar_t *condvar, prs_waiter_t *waiter,
                      prs_rw_t *mutex) {
  prs_node_t *node = &waiter->nodes[PRS_CONDVAR_NODE];
  node->item = mutex;
  enter(condvar);
  prs__queue_push(waiting(condvar), node);
  leave(condvar);
}

bool prs_condvar_leave(prs_condvar_t *condvar, prs_waiter_t *waiter) {
  enter(condvar);
  prs__queue_remove(&waiter->nodes[PRS_CONDVAR_NODE]);
  bool moved = waiter->nodes[PRS_MUTEX_NODE].queue != NULL;
  leave(condvar);
  return moved;
}

/* Move a waiter on to its mutex. One that gives up meanwhile takes itself out
 * there. Returns: false when it has to be woken, or has given up. */
static bool move_on(prs_node_t *node) {
  prs_waiter_t *waiter = node->waiter;
  uint32_t word = atomic_load(&waiter->word);
  if (word != PRS_WAITS && word != PRS_SLEEPS) return false;
  return prs_rw_adopt(node->item, &waiter->nodes[PRS_MUTEX_NODE], node);
}

void prs_condvar_notify_one(prs_condvar_t *condvar, prs_wakes_t *wakes) {
  enter(condvar);
  prs_node_t *first = waiting(condvar)->first;
  if (first != NULL && !move_on(first))
    (void)prs__queue_claim(waiting(condvar), NULL, wakes);
  leave(condvar);
}

static void chain(prs_condvar_t *condvar, prs_wakes_t *wakes) {
  for (int i = 0; i < PRS_CHAIN; i++)
    if (prs__queue_claim(leaving(condvar), NULL, wakes) == NULL) break;
}

void prs_condvar_chain(prs_condvar_t *condvar, prs_wakes_t *wakes) {
  enter(condvar);
  chain(condvar, wakes);
  leave(condvar);
}

/* Those who could not be moved on wake each other: the queues change places;
 * only when some of an earlier call are on their way must each be moved. */
void prs_condvar_notify_all(prs_condvar_t *condvar, prs_wakes_t *wakes) {
  enter(condvar);
  prs_node_t *next;
  for (prs_node_t *node = waiting(condvar)->first; node != NULL; node = next) {
    next = node->next;
    (void)move_on(node);
  }
  if (prs__queue_is_empty(leaving(condvar))) {
    condvar->current = 1u - condvar->current;
  } else {
    prs_queue_t *from = waiting(condvar);
    while (from->first != NULL) {
      prs_node_t *node = from->first;
      prs__queue_remove(node);
      prs__queue_push(leaving(condvar), node);
    }
  }
  chain(condvar, wakes);
  leave(condvar);
}

size_t prs_condvar_waiting(prs_condvar_t *condvar) {
  size_t count = 0;
  enter(condvar);
  prs_node_t *node = waiting(condvar)->first;
  for (; node != NULL; node = node->next) count++;
  leave(condvar);
  return count;
}
