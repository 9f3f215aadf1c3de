/* Stop: cooperative cancellation, handed down a tree of tokens.
 *
 * A stop marks every token below, so that looking is one load, and gathers
 * their waiters in its own queue: whoever is woken looks for the next ones in
 * the queues of its token and of those above it. Nobody enters the queue of a
 * stopped token, so all who stand there are to be woken. */
#include <stdlib.h>

#include "prs_meet.h"
#include "prs_stop.h"

/* In the child of a fork nobody waits who waited in the parent. */
static inline void refresh(prs_stop_t *stop) {
  if (stop->generation == prs__generation()) return;
  stop->generation = prs__generation();
  prs__queue_forget(&stop->waiting);
}

static inline void enter(prs_stop_t *stop) {
  prs__guard_enter(&stop->root->guard);
  refresh(stop);
}

static inline void leave(prs_stop_t *stop) {
  prs__guard_leave(&stop->root->guard);
}

/* ---- the tree ------------------------------------------------------------ */

static void link_below(prs_stop_t *stop, prs_stop_t *parent) {
  stop->next = parent->first_child;
  if (stop->next != NULL) stop->next->previous = stop;
  parent->first_child = stop;
}

static void unlink_from(prs_stop_t *stop, prs_stop_t *parent) {
  if (stop->next != NULL) stop->next->previous = stop->previous;
  if (stop->previous != NULL)
    stop->previous->next = stop->next;
  else
    parent->first_child = stop->next;
}

prs_stop_t *prs_stop_new(prs_stop_t *parent) {
  prs_stop_t *stop = calloc(1, sizeof *stop);
  if (stop == NULL) return NULL;
  atomic_init(&stop->refs, 1);
  stop->generation = prs__generation();
  stop->parent = parent;
  stop->root = parent == NULL ? stop : parent->root;
  if (parent == NULL) return stop;
  atomic_fetch_add(&parent->refs, 1);
  enter(parent);
  atomic_init(&stop->stopped, prs_stop_is_stopped(parent));
  link_below(stop, parent);
  leave(parent);
  return stop;
}

/* A loop, as a chain of children may be longer than the stack is deep. The
 * guard is in the root, which a child's own reference keeps. */
void prs_stop_unref(prs_stop_t *stop) {
  while (stop != NULL && atomic_fetch_sub(&stop->refs, 1) == 1) {
    prs_stop_t *parent = stop->parent;
    if (parent != NULL) {
      prs__guard_enter(&stop->root->guard);
      unlink_from(stop, parent);
      prs__guard_leave(&stop->root->guard);
    }
    free(stop);
    stop = parent;
  }
}

/* Returns: the token after `stop` in the tree below `top`, or NULL. */
static prs_stop_t *next_below(prs_stop_t *stop, const prs_stop_t *top) {
  if (stop->first_child != NULL) return stop->first_child;
  while (stop != top && stop->next == NULL) stop = stop->parent;
  return stop == top ? NULL : stop->next;
}

/* ---- stop ---------------------------------------------------------------- */

static void mark(prs_stop_t *stop) {
  /* Partner: prs_stop_is_stopped(). */
  atomic_store_explicit(&stop->stopped, 1, memory_order_release);
}

/* The waiters themselves are not touched: their threads use them. */
static void gather(prs_stop_t *stop, prs_stop_t *top) {
  prs_node_t *first = stop->waiting.first;
  if (first == NULL) return;
  for (prs_node_t *node = first; node != NULL; node = node->next)
    node->queue = &top->waiting;
  first->previous = top->waiting.last;
  if (first->previous == NULL)
    top->waiting.first = first;
  else
    first->previous->next = first;
  top->waiting.last = stop->waiting.last;
  stop->waiting = (prs_queue_t){0};
}

void prs_stop_now(prs_stop_t *stop, prs_wakes_t *wakes) {
  enter(stop);
  mark(stop);
  for (prs_stop_t *below = next_below(stop, stop); below != NULL;
       below = next_below(below, stop)) {
    refresh(below);
    mark(below);
    gather(below, stop);
  }
  (void)prs__wake_some(&stop->waiting, PRS_CHAIN, wakes);
  leave(stop);
}

/* ---- waits --------------------------------------------------------------- */

bool prs_stop_enter(prs_stop_t *stop, prs_node_t *node) {
  enter(stop);
  bool goes_on = !prs_stop_is_stopped(stop);
  if (goes_on) prs__queue_push(&stop->waiting, node);
  leave(stop);
  return goes_on;
}

void prs_stop_leave(prs_stop_t *stop, prs_node_t *node, prs_wakes_t *wakes) {
  enter(stop);
  for (prs_stop_t *above = stop->parent; above != NULL; above = above->parent)
    refresh(above);
  prs__queue_remove(node);
  int most = PRS_CHAIN;
  for (prs_stop_t *above = stop; above != NULL; above = above->parent)
    if (prs_stop_is_stopped(above))
      most = prs__wake_some(&above->waiting, most, wakes);
  leave(stop);
}
