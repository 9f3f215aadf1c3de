/* Meeting points: barriers, wait groups, and tokens that one thread leaves for
 * another. Each is under its own guard; every call is made attached and does
 * not block. */
#ifndef PRS_MEET_H
#define PRS_MEET_H

#include "prs_sync.h"

enum prs_meet_status {
  PRS_MEET_DONE = 0,        /* there is nothing to wait for */
  PRS_MEET_WOULD_BLOCK = 1, /* and no node was given */
  PRS_MEET_QUEUED = 2       /* the node is in the queue: wait, then leave */
};

/* Claim at most `most` threads of a queue. Those who are told by a call do not
 * wake others in their turn, so they do not count.
 * Returns: how many of the `most` are left. */
int prs__wake_some(prs_queue_t *queue, int most, prs_wakes_t *wakes);

/* ---- barrier ------------------------------------------------------------- */

typedef struct prs_barrier {
  prs_guard_t guard;
  uint32_t generation;
  size_t size;
  size_t arrived;         /* in this round */
  size_t round;           /* wraps around */
  prs_queue_t waiting[2]; /* of this round, and of the one before it */
} prs_barrier_t;

void prs_barrier_init(prs_barrier_t *barrier, size_t size);

/* Arrive.
 * Returns: DONE for the last of a round, which opens it and is the leader;
 *          WOULD_BLOCK without a node, when not the last: nothing changed;
 *          QUEUED: counted, and to wait. */
int prs_barrier_arrive(prs_barrier_t *barrier, prs_node_t *node,
                       prs_wakes_t *wakes);
/* After the wait, whatever ended it; wakes the next of an open round.
 * Returns: true when the round was opened; else the thread is un-counted. */
bool prs_barrier_leave(prs_barrier_t *barrier, prs_node_t *node,
                       prs_wakes_t *wakes);

/* ---- wait group ---------------------------------------------------------- */

typedef struct prs_wait_group {
  _Atomic uint32_t refs;
  prs_guard_t guard;
  uint32_t generation;
  size_t shares;
  prs_queue_t waiting;
} prs_wait_group_t;

/* Returns: a group with one share and one reference; NULL without memory. */
prs_wait_group_t *prs_wait_group_new(void);
void prs_wait_group_ref(prs_wait_group_t *group);
void prs_wait_group_unref(prs_wait_group_t *group);
/* Who adds a share has one. */
void prs_wait_group_add(prs_wait_group_t *group);
/* The last share opens the group for ever. */
void prs_wait_group_done(prs_wait_group_t *group, prs_wakes_t *wakes);
size_t prs_wait_group_shares(prs_wait_group_t *group);
/* Returns: DONE when there is no share left; else QUEUED. */
int prs_wait_group_enter(prs_wait_group_t *group, prs_node_t *node);
/* After the wait; a thread that gave up takes its share back.
 * Returns: true when there is no share left. */
bool prs_wait_group_leave(prs_wait_group_t *group, prs_node_t *node,
                          bool takes_back, prs_wakes_t *wakes);

/* ---- token --------------------------------------------------------------- */

typedef struct prs_token {
  _Atomic uint32_t refs;
  prs_guard_t guard;
  uint32_t generation;
  bool is_there;
  prs_queue_t waiting;
} prs_token_t;

/* Returns: an absent token with one reference; NULL without memory. */
prs_token_t *prs_token_new(void);
void prs_token_ref(prs_token_t *token);
void prs_token_unref(prs_token_t *token);
/* Take the token, or wait for it; a claimed node was given the token. */
int prs_token_take(prs_token_t *token, prs_node_t *node);
void prs_token_leave(prs_token_t *token, prs_node_t *node);
/* Leave the token, or give it to the first who waits. */
void prs_token_put(prs_token_t *token, prs_wakes_t *wakes);

#endif
