/* Barrier: threads that wait until a given number of them has arrived.
 *
 * Who is late in leaving a round does not hold up the next one, so the waiters
 * of two rounds may exist at once, each in the queue of its round's parity. */
#include "prs_meet.h"

/* Those who meet are few, as a rule, and all are wanted for the next round:
 * more at once than elsewhere. Measured against 1, 2 and 3 with 4 and 8
 * threads. */
#define CHAIN 8

int prs__wake_some(prs_queue_t *queue, int most, prs_wakes_t *wakes) {
  while (most > 0) {
    prs_node_t *node = prs__queue_claim(queue, NULL, wakes);
    if (node == NULL) break;
    if (node->waiter->notify == NULL) most--;
  }
  return most;
}

void prs_barrier_init(prs_barrier_t *barrier, size_t size) {
  *barrier = (prs_barrier_t){.size = size, .generation = prs__generation()};
}

/* Those who had arrived in the parent of a fork are not here. */
static void forget_parent(prs_barrier_t *barrier) {
  barrier->generation = prs__generation();
  prs__queue_forget(&barrier->waiting[0]);
  prs__queue_forget(&barrier->waiting[1]);
  barrier->arrived = 0;
  barrier->round++;
}

static inline void enter(prs_barrier_t *barrier) {
  prs__guard_enter(&barrier->guard);
  if (barrier->generation != prs__generation()) forget_parent(barrier);
}

static inline void leave(prs_barrier_t *barrier) {
  prs__guard_leave(&barrier->guard);
}

/* The next round but one has the queue of this one, so the last of the round
 * before, if more threads than `size` use the barrier, are woken at once. */
static void open_round(prs_barrier_t *barrier, prs_wakes_t *wakes) {
  prs_queue_t *here = &barrier->waiting[barrier->round & 1];
  prs_queue_t *before = &barrier->waiting[(barrier->round + 1) & 1];
  while (prs__queue_claim(before, NULL, wakes) != NULL) continue;
  barrier->arrived = 0;
  barrier->round++;
  (void)prs__wake_some(here, CHAIN, wakes);
}

static int arrive(prs_barrier_t *barrier, prs_node_t *node,
                  prs_wakes_t *wakes) {
  /* A barrier for none is one for one, as in Rust. */
  if (barrier->arrived + 1 >= barrier->size) {
    open_round(barrier, wakes);
    return PRS_MEET_DONE;
  }
  if (node == NULL) return PRS_MEET_WOULD_BLOCK;
  barrier->arrived++;
  node->item = (void *)barrier->round;
  prs__queue_push(&barrier->waiting[barrier->round & 1], node);
  return PRS_MEET_QUEUED;
}

int prs_barrier_arrive(prs_barrier_t *barrier, prs_node_t *node,
                       prs_wakes_t *wakes) {
  enter(barrier);
  int status = arrive(barrier, node, wakes);
  leave(barrier);
  return status;
}

bool prs_barrier_leave(prs_barrier_t *barrier, prs_node_t *node,
                       prs_wakes_t *wakes) {
  enter(barrier);
  size_t round = (size_t)node->item;
  bool is_open = round != barrier->round;
  prs__queue_remove(node);
  if (!is_open)
    barrier->arrived--;
  else if (round + 1 == barrier->round)
    (void)prs__wake_some(&barrier->waiting[round & 1], CHAIN, wakes);
  leave(barrier);
  return is_open;
}
