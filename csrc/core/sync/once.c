/* Once: who runs it, who waits, and what a failure leaves.
 *
 * Whoever finishes wakes the first of those who wait; each woken thread looks
 * at the state again and wakes the next. After a failure that does not poison
 * one caller is woken, which runs it in its turn. */
#include "prs_meet.h"
#include "prs_once.h"

void prs_once_init(prs_once_t *once, bool poisons) {
  *once = (prs_once_t){.poisons = poisons, .generation = prs__generation()};
}

static void set(prs_once_t *once, uint32_t state) {
  /* Partner: prs_once_state(). */
  atomic_store_explicit(&once->state, state, memory_order_release);
}

static uint32_t after_failure(const prs_once_t *once) {
  return once->poisons ? PRS_ONCE_POISONED : PRS_ONCE_INCOMPLETE;
}

/* A run that another thread had begun in the parent of a fork has failed. The
 * thread that forked is here and goes on. */
static void forget_parent(prs_once_t *once) {
  once->generation = prs__generation();
  prs__queue_forget(&once->callers);
  prs__queue_forget(&once->waiting);
  prs__queue_forget(&once->forced);
  if (prs_once_state(once) == PRS_ONCE_RUNNING &&
      once->owner != prs__os->forker())
    set(once, after_failure(once));
}

static inline void enter(prs_once_t *once) {
  prs__guard_enter(&once->guard);
  if (once->generation != prs__generation()) forget_parent(once);
}

static inline void leave(prs_once_t *once) { prs__guard_leave(&once->guard); }

/* ---- asking -------------------------------------------------------------- */

static bool runs(int mode) {
  return mode == PRS_ONCE_CALL || mode == PRS_ONCE_CALL_FORCE;
}

static bool forces(int mode) {
  return mode == PRS_ONCE_CALL_FORCE || mode == PRS_ONCE_WAIT_FORCE;
}

static int begin(prs_once_t *once, unsigned long ident, bool *was_poisoned) {
  *was_poisoned = prs_once_state(once) == PRS_ONCE_POISONED;
  once->owner = ident;
  set(once, PRS_ONCE_RUNNING);
  return PRS_ONCE_IS_YOURS;
}

static int queue_up(prs_once_t *once, int mode, prs_node_t *node) {
  if (node == NULL) return PRS_ONCE_WOULD_BLOCK;
  prs_queue_t *queue = &once->callers;
  if (mode == PRS_ONCE_WAIT) queue = &once->waiting;
  if (mode == PRS_ONCE_WAIT_FORCE) queue = &once->forced;
  prs__queue_push(queue, node);
  return PRS_ONCE_QUEUED;
}

static int ask(prs_once_t *once, int mode, unsigned long ident,
               prs_node_t *node, bool *was_poisoned) {
  switch (prs_once_state(once)) {
    case PRS_ONCE_COMPLETE:
      return PRS_ONCE_IS_DONE;
    case PRS_ONCE_GONE:
      return PRS_ONCE_WAS_MOVED;
    case PRS_ONCE_RUNNING:
      if (once->owner == ident) return PRS_ONCE_RECURSES;
      break;
    case PRS_ONCE_POISONED:
      if (!forces(mode)) return PRS_ONCE_FAILED;
      if (runs(mode)) return begin(once, ident, was_poisoned);
      break;
    default:
      if (runs(mode)) return begin(once, ident, was_poisoned);
  }
  return queue_up(once, mode, node);
}

int prs_once_enter(prs_once_t *once, int mode, unsigned long ident,
                   prs_node_t *node, bool *was_poisoned) {
  enter(once);
  int status = ask(once, mode, ident, node, was_poisoned);
  leave(once);
  return status;
}

/* ---- waking -------------------------------------------------------------- */

static void chain(prs_once_t *once, prs_wakes_t *wakes) {
  uint32_t state = prs_once_state(once);
  if (state == PRS_ONCE_RUNNING) return;
  if (state == PRS_ONCE_INCOMPLETE) {
    (void)prs__wake_some(&once->callers, 1, wakes);
    return;
  }
  int most = prs__wake_some(&once->callers, PRS_CHAIN, wakes);
  most = prs__wake_some(&once->waiting, most, wakes);
  if (state != PRS_ONCE_POISONED)
    (void)prs__wake_some(&once->forced, most, wakes);
}

void prs_once_leave(prs_once_t *once, prs_node_t *node, bool gives_up,
                    prs_wakes_t *wakes) {
  enter(once);
  prs__queue_remove(node);
  if (gives_up || prs_once_state(once) != PRS_ONCE_INCOMPLETE)
    chain(once, wakes);
  leave(once);
}

void prs_once_finish(prs_once_t *once, bool success, prs_wakes_t *wakes) {
  enter(once);
  once->owner = 0;
  set(once, success ? PRS_ONCE_COMPLETE : after_failure(once));
  chain(once, wakes);
  leave(once);
}

uint32_t prs_once_reset(prs_once_t *once, uint32_t state, prs_wakes_t *wakes) {
  enter(once);
  uint32_t before = prs_once_state(once);
  bool changes = before == PRS_ONCE_COMPLETE ||
                 (state == PRS_ONCE_GONE && before == PRS_ONCE_INCOMPLETE);
  if (changes) {
    set(once, state);
    chain(once, wakes);
  }
  leave(once);
  return before;
}
