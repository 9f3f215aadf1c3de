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

void prs_condvar_join(prs_condvar_t *condvar, prs_node_t *node) {
  enter(condvar);
  prs__queue_push(waiting(condvar), node);
  leave(condvar);
}

void prs_condvar_leave(prs_condvar_t *condvar, prs_node_t *node) {
  enter(condvar);
  prs__queue_remove(node);
  leave(condvar);
}

void prs_condvar_notify_one(prs_condvar_t *condvar, prs_wakes_t *wakes) {
  enter(condvar);
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

/* The queues change places; only when those of an earlier call are still on
 * their way must each be moved. */
void prs_condvar_notify_all(prs_condvar_t *condvar, prs_wakes_t *wakes) {
  enter(condvar);
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
