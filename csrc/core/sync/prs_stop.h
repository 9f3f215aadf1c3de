/* Stop: a flag that is set once, for a token and for those below it, and the
 * waits that it ends. */
#ifndef PRS_STOP_H
#define PRS_STOP_H

#include "prs_sync.h"

/* A token. The tokens of one tree share the guard of its root. */
typedef struct prs_stop {
  _Atomic uint32_t stopped; /* never goes back */
  _Atomic uint32_t refs;    /* of objects, and one of each child */
  prs_guard_t guard;        /* used in a root only */
  uint32_t generation;
  struct prs_stop *root;
  struct prs_stop *parent;
  struct prs_stop *first_child;
  struct prs_stop *next; /* siblings */
  struct prs_stop *previous;
  prs_queue_t waiting;
} prs_stop_t;

/* Make a token, under `parent` or NULL; one below a stopped token is stopped.
 * Returns: NULL without memory.
 * Owner:   the caller, by one reference. */
prs_stop_t *prs_stop_new(prs_stop_t *parent);
void prs_stop_unref(prs_stop_t *stop);

static inline bool prs_stop_is_stopped(const prs_stop_t *stop) {
  /* Partner: the store of mark(). What the stopper did before is seen. */
  return atomic_load_explicit(&stop->stopped, memory_order_acquire) != 0;
}

/* Stop a token and all below it, and wake the first of those who wait.
 * Blocks: no. Threads: any, attached. */
void prs_stop_now(prs_stop_t *stop, prs_wakes_t *wakes);

/* Queue the node of a waiter that the token shall end.
 * Returns: false when it is stopped already; the node is not queued. */
bool prs_stop_enter(prs_stop_t *stop, prs_node_t *node);
/* Take the node out again, and wake the next of those whom a stop ends: each
 * waiter calls it after its wait, whatever ended that. */
void prs_stop_leave(prs_stop_t *stop, prs_node_t *node, prs_wakes_t *wakes);

#endif
