/* What the blocking objects share: waiters, queues of them, and channels.
 *
 * No Python.h here and no OS call: these files are compiled into the module
 * `_objects`, next to the types whose hot path they are, and into the C tests.
 * README.md beside this file tells the protocol of a wait. */
#ifndef PRS_SYNC_H
#define PRS_SYNC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../prs_core.h"

/* What these files need from below. Set once, before anything here is used. */
typedef struct prs_sync_os {
  int (*wait)(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout);
  void (*wake_one)(_Atomic uint32_t *word);
  uint64_t (*now)(void);
  void (*yield)(void);
  _Atomic uint32_t *generation; /* of forks */
  /* Spin while `*word == unwanted`, if that pays at the moment.
   * Returns: true when the word changed. */
  bool (*spin)(_Atomic uint32_t *word, uint32_t unwanted);
  /* Tell how long a wait took, so that the next one knows. */
  void (*spin_learn)(uint64_t waited);
  _Atomic uint32_t *detached;    /* grows when a thread lets go of the GIL */
  unsigned long (*forker)(void); /* in a child: the thread that forked */
} prs_sync_os_t;
extern const prs_sync_os_t *prs__os;

static inline uint32_t prs__generation(void) {
  return atomic_load_explicit(prs__os->generation, memory_order_relaxed);
}

/* ---- guard --------------------------------------------------------------- */

/* The lock of one object. Who holds it is attached to the interpreter and
 * calls nothing that could detach, so that under the GIL the GIL is the lock
 * and this one costs nothing. */
typedef struct prs_guard {
  _Atomic uint32_t word; /* 0 free, 1 held, 2 held and somebody waits */
} prs_guard_t;

#ifdef PRS_UNDER_GIL
static inline void prs__guard_enter(prs_guard_t *guard) { (void)guard; }
static inline void prs__guard_leave(prs_guard_t *guard) { (void)guard; }
#else
void prs__guard_enter(prs_guard_t *guard);
void prs__guard_leave(prs_guard_t *guard);
#endif

/* ---- waiter -------------------------------------------------------------- */

typedef struct prs_waiter prs_waiter_t;
typedef struct prs_node prs_node_t;

/* First in, first out. Belongs to an object and is under its guard. */
typedef struct prs_queue {
  prs_node_t *first;
  prs_node_t *last;
  uint32_t passed_over; /* a channel's: how often, for one that came later */
} prs_queue_t;

/* A waiter's place in one queue. A waiter may stand in several. */
struct prs_node {
  prs_node_t *next;
  prs_node_t *previous;
  prs_queue_t *queue; /* NULL: in none */
  prs_waiter_t *waiter;
  void *item;     /* what a sender offers; what a receiver was given */
  int32_t status; /* why it was claimed: the object's own codes */
};

/* One blocked operation. On the heap, since CPython may end a thread, and a
 * fork may lose one, while others still have it in their queues. */
struct prs_waiter {
  _Atomic uint32_t word; /* enum prs_waiter_word */
  uint32_t count;        /* of nodes */
  uint32_t generation;
  uint32_t chosen; /* which node was claimed; valid when FINISHED */
  uint32_t turn;   /* `*prs__os->detached` when it was claimed */
  /* Others stood in its queue before it: it does not spin. Atomic, as who moves
   * it to another queue may see others there while it looks; relaxed, as it is
   * a hint. */
  _Atomic bool crowded;
  bool slept; /* the claimer's: whether there is a thread to wake */
  /* Its thread calls prs_channel_arrive as soon as it is back, before it runs
   * anything that could wait: a channel may leave those who wait behind it to
   * it. Set before a node is queued. */
  bool passes_on;
  bool awaited; /* the claimer's: the channel does so */
  prs_waiter_t *next_woken;
  /* Who is told instead of a sleeping thread; called attached, guard-free,
   * once, with the queue's right to the waiter. NULL: a thread sleeps. */
  void (*notify)(prs_waiter_t *waiter);
  void *context; /* notify's own */
  prs_node_t nodes[];
};

enum prs_waiter_word {
  PRS_WAITS = 0,     /* queued or about to be, awake */
  PRS_SLEEPS = 1,    /* the thread sleeps on the word */
  PRS_CLAIMED = 2,   /* somebody is about to finish it */
  PRS_CANCELLED = 3, /* its own thread gave up */
  PRS_FINISHED = 4   /* `chosen` and its node's item and status are there */
};

/* Returns: a waiter with `count` nodes in no queue; NULL without memory. */
prs_waiter_t *prs_waiter_new(uint32_t count);
/* Owner: consumes a waiter whose nodes are in no queue. */
void prs_waiter_free(prs_waiter_t *waiter);

/* Make a waiter that is in no queue, or was lost by a fork, ready again. */
void prs_waiter_renew(prs_waiter_t *waiter);

/* Sleep until somebody has finished the waiter.
 * Returns: PRS_OK; PRS_ETIMEDOUT; PRS_EINTR: it may be waited for again;
 *          PRS_EAGAIN after a fork, in the child: nobody will finish it.
 * Blocks:  yes, call it detached. Threads: its own.
 * Orders:  what the finisher did before happens before the return. */
int prs_waiter_wait(prs_waiter_t *waiter, uint64_t timeout);

/* Give up.
 * Returns: false when somebody was faster: the waiter is finished. */
bool prs_waiter_cancel(prs_waiter_t *waiter);

/* Threads that were claimed and are on their way back: whoever waits for them
 * does not wait for ever. The thread itself counts down. */
extern _Atomic uint32_t prs__waking;

/* Waiters that were claimed under a guard, to be finished after it is left. */
typedef struct prs_wakes {
  prs_waiter_t *first;
} prs_wakes_t;

/* Finish and wake them all. Call it attached, without a guard. */
void prs_wakes_send(prs_wakes_t *wakes);

/* Under the guard of the queue's object: */
void prs__queue_push(prs_queue_t *queue, prs_node_t *node);
/* Does nothing when the node is in no queue. */
void prs__queue_remove(prs_node_t *node);
/* Take the first waiter out whom nobody has claimed yet, other than `self`.
 * Returns: its node, to be given an item and a status; NULL when none is
 *          there. The waiter is in `wakes`. */
prs_node_t *prs__queue_claim(prs_queue_t *queue, const prs_waiter_t *self,
                             prs_wakes_t *wakes);
/* The same for this node. Returns: false when its waiter was claimed, or has
 * given up. */
bool prs__node_claim(prs_node_t *node, prs_wakes_t *wakes);
/* In the child of a fork: forget those who waited in the parent. */
void prs__queue_forget(prs_queue_t *queue);

static inline bool prs__queue_is_empty(const prs_queue_t *queue) {
  return queue->first == NULL;
}

/* Tell whether a claim would find somebody now. */
bool prs__queue_has_other(const prs_queue_t *queue, const prs_waiter_t *self);

/* How many each woken thread wakes in its turn when all must wake up: a tree
 * is quick without a GIL, and no herd with one. */
#define PRS_CHAIN 2

/* ---- channel ------------------------------------------------------------- */

#define PRS_UNBOUNDED SIZE_MAX

enum prs_channel_status {
  PRS_CHANNEL_DONE = 0,
  PRS_CHANNEL_WOULD_BLOCK = 11,  /* full, or empty; the node is not queued */
  PRS_CHANNEL_DISCONNECTED = 12, /* the other side is gone */
  PRS_CHANNEL_QUEUED = 13,       /* the node is in the queue: wait */
  /* It need not wait; the node is not queued. A claimed receiver that is told
   * so calls prs_channel_recv_again. */
  PRS_CHANNEL_READY = 14,
  PRS_CHANNEL_OUT_OF_MEMORY = -2 /* nothing has changed */
};

typedef struct prs_channel {
  prs_guard_t guard;
  uint32_t generation;
  size_t capacity; /* PRS_UNBOUNDED; 0 is a rendezvous */
  size_t senders;
  size_t receivers;
  size_t waking; /* waiters that are awaited */
  void **ring;   /* `space` places, a power of two */
  size_t space;
  size_t head;
  size_t count;
  prs_queue_t sending;
  prs_queue_t receiving;
  prs_queue_t watching[2]; /* who wants to know, and do nothing: by direction */
} prs_channel_t;

enum prs_direction { PRS_RECEIVES = 0, PRS_SENDS = 1 };

/* One sender and one receiver. */
void prs_channel_init(prs_channel_t *channel, size_t capacity);
/* Frees the ring. The caller has taken the messages. */
void prs_channel_destroy(prs_channel_t *channel);

/* Hand over a message. With a node, and when there is no room, the node is
 * queued with the message in it.
 * Returns: an enum prs_channel_status; the message is the channel's on DONE
 *          and on QUEUED only.
 * Blocks:  no. Threads: any, attached. */
int prs_channel_send(prs_channel_t *channel, void *item, prs_node_t *node,
                     prs_wakes_t *wakes);
/* Take a message, in the same way. With a node, it leaves the messages of
 * senders that wait to those who are awaited. */
int prs_channel_recv(prs_channel_t *channel, void **item, prs_node_t *node,
                     prs_wakes_t *wakes);
/* The same, without a node, for who is going to wait if it would block. */
int prs_channel_recv_first(prs_channel_t *channel, void **item,
                           prs_wakes_t *wakes);
/* The same, by a receiver whose node was claimed with READY, with this node. */
int prs_channel_recv_again(prs_channel_t *channel, void **item,
                           prs_node_t *node, prs_wakes_t *wakes);
/* After a wait that was finished, whatever follows from it: wake who is next.
 * Does nothing for a waiter that is not awaited. */
void prs_channel_arrive(prs_channel_t *channel, prs_waiter_t *waiter,
                        enum prs_direction back, prs_wakes_t *wakes);

/* Queue a node, and do nothing else: for who waits for one of several
 * operations, and may have been claimed through another queue already.
 * Returns: PRS_CHANNEL_QUEUED, or PRS_CHANNEL_READY. */
int prs_channel_queue(prs_channel_t *channel, enum prs_direction direction,
                      void *item, prs_node_t *node, prs_wakes_t *wakes);
/* The same for who waits until an operation need not wait, and does not do it:
 * its node is claimed at the next chance. */
int prs_channel_watch(prs_channel_t *channel, enum prs_direction direction,
                      prs_node_t *node);
/* Tell whether an operation would not wait. */
bool prs_channel_is_ready(prs_channel_t *channel, enum prs_direction direction);

/* Put a message back as the next one: its receiver was interrupted.
 * Returns: false when there is no memory or no receiver left. */
bool prs_channel_unrecv(prs_channel_t *channel, void *item, prs_wakes_t *wakes);
/* Take a node out of its queue. */
void prs_channel_leave(prs_channel_t *channel, prs_node_t *node);

void prs_channel_add_sender(prs_channel_t *channel);
void prs_channel_add_receiver(prs_channel_t *channel);
/* The last one disconnects and wakes the other side, as a chain. */
void prs_channel_drop_sender(prs_channel_t *channel, prs_wakes_t *wakes);
void prs_channel_drop_receiver(prs_channel_t *channel, prs_wakes_t *wakes);
/* Wake the next few of a disconnected channel; each woken thread calls it. */
void prs_channel_chain(prs_channel_t *channel, prs_wakes_t *wakes);
/* Take the oldest message of a channel without receivers.
 * Returns: NULL when there is none. */
void *prs_channel_drain(prs_channel_t *channel);
/* The same for a channel whose receivers nobody can reach any more. */
void *prs_channel_clear(prs_channel_t *channel);

size_t prs_channel_len(prs_channel_t *channel);
bool prs_channel_is_full(prs_channel_t *channel);
/* Whether the other side of a sender (or receiver) is gone. */
bool prs_channel_has_receivers(prs_channel_t *channel);
bool prs_channel_has_senders(prs_channel_t *channel);

/* Visit the messages in it, without the guard: for a collector that has
 * stopped everybody. */
int prs_channel_visit(const prs_channel_t *channel,
                      int (*visit)(void *item, void *arg), void *arg);

#endif
