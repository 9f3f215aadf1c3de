/* The state of a lock that many may read or one may write, and of a condvar.
 *
 * A mutex is one that is only written. `word` tells who is in; those who wait
 * stand in one queue, first come, first served, with two exceptions that keep
 * a busy lock quick: who finds the lock free takes it at once, though others
 * have been woken for it; and who was woken in vain goes back to the front.
 * After PRS_RW_PATIENCE of that he is hungry, and the next to leave hands the
 * lock over to him. A reader does not pass a writer that waits. */
#ifndef PRS_RW_H
#define PRS_RW_H

#include "prs_sync.h"

/* Nanoseconds after which a waiter is handed the lock. Less makes a busy lock
 * slow, since a thread must wake up between any two holders. */
#define PRS_RW_PATIENCE 1000000u

enum prs_rw_word {
  PRS_RW_WRITTEN = 1u,
  PRS_RW_AWAITED = 2u, /* somebody is queued: leaving takes the guard */
  PRS_RW_READER = 4u   /* times the number of readers */
};

/* What a thread wants; a queued node has it as its item. */
enum prs_rw_wish {
  PRS_RW_READS = 0u,
  PRS_RW_WRITES = 1u,
  PRS_RW_HUNGRY = 2u,
  PRS_RW_WOKEN = 4u, /* it was woken to try again */
  PRS_RW_INSIDE = 8u /* it reads already, and may read again at any time */
};

enum prs_rw_status {
  PRS_RW_ENTERED = 0,
  PRS_RW_BUSY = 11,   /* somebody else is in; the node is not queued */
  PRS_RW_QUEUED = 12, /* the node is in the queue: wait */
  PRS_RW_CLOSED = 13  /* nobody gets in any more */
};

/* The status of a claimed node. */
enum prs_rw_claim { PRS_RW_RETRY = 0, PRS_RW_GRANTED = 1 };

typedef struct prs_rw {
  _Atomic uint32_t word; /* enum prs_rw_word; 0 and WRITTEN need no guard */
  uint32_t generation;
  prs_guard_t guard;
  bool waking; /* somebody was woken and has not tried again yet */
  bool closed;
  prs_queue_t waiting;
} prs_rw_t;

void prs_rw_init(prs_rw_t *rw);

/* Take a free lock that nobody waits for.
 * Orders: what was done before the last prs_rw_leave_first happens before. */
static inline bool prs_rw_enter_first(prs_rw_t *rw) {
#ifdef PRS_UNDER_GIL
  if (atomic_load_explicit(&rw->word, memory_order_relaxed) != 0) return false;
  atomic_store_explicit(&rw->word, PRS_RW_WRITTEN, memory_order_relaxed);
  return true;
#else
  uint32_t seen = 0; /* acquire: partner of the release when it was left */
  return atomic_compare_exchange_strong_explicit(
      &rw->word, &seen, PRS_RW_WRITTEN, memory_order_acquire,
      memory_order_relaxed);
#endif
}

/* Leave a lock that is written and that nobody waits for. */
static inline bool prs_rw_leave_first(prs_rw_t *rw) {
#ifdef PRS_UNDER_GIL
  if (atomic_load_explicit(&rw->word, memory_order_relaxed) != PRS_RW_WRITTEN)
    return false;
  atomic_store_explicit(&rw->word, 0, memory_order_relaxed);
  return true;
#else
  uint32_t seen = PRS_RW_WRITTEN; /* release: partner of the acquire above */
  return atomic_compare_exchange_strong_explicit(
      &rw->word, &seen, 0, memory_order_release, memory_order_relaxed);
#endif
}

/* Enter, or queue the node; with no node, only try.
 * Returns: an enum prs_rw_status.
 * Blocks:  no. Threads: any, attached, as for all of these. */
int prs_rw_enter(prs_rw_t *rw, uint32_t wish, prs_node_t *node,
                 prs_wakes_t *wakes);
void prs_rw_leave(prs_rw_t *rw, uint32_t wish, prs_wakes_t *wakes);
/* Turn the writer into a reader; no writer gets in between. */
void prs_rw_downgrade(prs_rw_t *rw, prs_wakes_t *wakes);
/* Give up a wait. `claimed`: the node's status counts, and is undone. */
void prs_rw_give_up(prs_rw_t *rw, prs_node_t *node, bool claimed,
                    prs_wakes_t *wakes);
/* Let nobody in any more.
 * Returns: PRS_RW_ENTERED when it is the caller's; PRS_RW_BUSY; PRS_RW_CLOSED
 *          when it was closed before. */
int prs_rw_close(prs_rw_t *rw, prs_wakes_t *wakes);
/* Queue a node whose waiter is to have the lock that is written now. Its node
 * `from` leaves the queue where it is, whose guard the caller has: afterwards
 * the waiter may be claimed here, and gone.
 * Returns: false when it is not written: the waiter should be woken. */
bool prs_rw_adopt(prs_rw_t *rw, prs_node_t *node, prs_node_t *from);
/* In the child of a fork, under the guard: keep only these. */
void prs_rw_forget(prs_rw_t *rw, bool written, uint32_t readers);

/* Count those who are queued. */
size_t prs_rw_waiting(prs_rw_t *rw);

static inline bool prs_rw_is_written(const prs_rw_t *rw) {
  return (atomic_load_explicit(&rw->word, memory_order_relaxed) &
          PRS_RW_WRITTEN) != 0;
}

/* ---- condvar ------------------------------------------------------------- */

/* A waiter has two nodes: one for here, with its mutex as the item, and one
 * for the mutex. Whom a notification finds while the mutex is held is moved to
 * the mutex's queue, as he could do nothing else but wait there; he is woken
 * when the mutex is left.
 *
 * One queue is of those who wait; the other of those whom notify_all has let
 * go and who wake each other, which a later notify_one must not count on. */
enum prs_condvar_node { PRS_CONDVAR_NODE = 0, PRS_MUTEX_NODE = 1 };

typedef struct prs_condvar {
  prs_guard_t guard;
  uint32_t generation;
  uint32_t current; /* which queue is of those who wait */
  prs_queue_t queues[2];
} prs_condvar_t;

void prs_condvar_init(prs_condvar_t *condvar);
void prs_condvar_join(prs_condvar_t *condvar, prs_waiter_t *waiter,
                      prs_rw_t *mutex);
/* Take a waiter out that was not claimed.
 * Returns: whether it had been notified: it is in the mutex's queue. */
bool prs_condvar_leave(prs_condvar_t *condvar, prs_waiter_t *waiter);
void prs_condvar_notify_one(prs_condvar_t *condvar, prs_wakes_t *wakes);
void prs_condvar_notify_all(prs_condvar_t *condvar, prs_wakes_t *wakes);
/* Each woken thread calls it, to wake the next few. */
void prs_condvar_chain(prs_condvar_t *condvar, prs_wakes_t *wakes);
/* Count those who have not been notified. */
size_t prs_condvar_waiting(prs_condvar_t *condvar);

#endif
