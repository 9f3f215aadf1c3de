/* Once: something that one thread does while the others wait for it. */
#ifndef PRS_ONCE_H
#define PRS_ONCE_H

#include "prs_sync.h"

enum prs_once_state {
  PRS_ONCE_INCOMPLETE = 0, /* nobody has done it */
  PRS_ONCE_POISONED = 1,   /* somebody tried and failed */
  PRS_ONCE_RUNNING = 2,
  PRS_ONCE_COMPLETE = 3,
  PRS_ONCE_GONE = 4 /* its content was moved out, it with it */
};

typedef struct prs_once {
  _Atomic uint32_t state;
  prs_guard_t guard;
  uint32_t generation;
  bool poisons;        /* by a failure; else it can be tried again */
  unsigned long owner; /* who runs it */
  prs_queue_t callers; /* who would run it, or see it done */
  prs_queue_t waiting; /* who waits for an end, good or bad */
  prs_queue_t forced;  /* who waits for the good end */
} prs_once_t;

enum prs_once_mode {
  PRS_ONCE_CALL,
  PRS_ONCE_CALL_FORCE, /* poison is no hindrance */
  PRS_ONCE_WAIT,
  PRS_ONCE_WAIT_FORCE
};

enum prs_once_status {
  PRS_ONCE_IS_DONE = 0,
  PRS_ONCE_IS_YOURS = 3, /* the caller runs it, then finishes */
  PRS_ONCE_FAILED = 4,   /* it is poisoned */
  PRS_ONCE_WAS_MOVED = 5,
  PRS_ONCE_RECURSES = 6, /* the caller runs it already */
  PRS_ONCE_WOULD_BLOCK = 7,
  PRS_ONCE_QUEUED = 8
};

void prs_once_init(prs_once_t *once, bool poisons);

static inline uint32_t prs_once_state(const prs_once_t *once) {
  /* Partner: the store of set(). What was done before is seen. */
  return atomic_load_explicit(&once->state, memory_order_acquire);
}

/* Ask for what `mode` says.
 * `ident`: the calling thread. `was_poisoned`: set on IS_YOURS.
 * Returns: an enum prs_once_status; QUEUED only with a node. */
int prs_once_enter(prs_once_t *once, int mode, unsigned long ident,
                   prs_node_t *node, bool *was_poisoned);
/* After the wait, whatever ended it. `gives_up`: the thread does not ask
 * again, so that another one has to, if it was its turn. */
void prs_once_leave(prs_once_t *once, prs_node_t *node, bool gives_up,
                    prs_wakes_t *wakes);
/* The owner has ended; `success` or not. */
void prs_once_finish(prs_once_t *once, bool success, prs_wakes_t *wakes);
/* Take a complete one to `state`, INCOMPLETE or GONE, or an incomplete one to
 * GONE; else nothing is done. Returns: the state before. */
uint32_t prs_once_reset(prs_once_t *once, uint32_t state, prs_wakes_t *wakes);

#endif
