/* What the files of a channel share: all of it is under the guard. */
#ifndef PRS_CHANNEL_INSIDE_H
#define PRS_CHANNEL_INSIDE_H

#include <stdlib.h>

#include "prs_sync.h"

#define PRS__KEPT_SPACE 4096u /* an empty ring above it is given back */

/* ---- guard --------------------------------------------------------------- */

void prs__channel_forget_parent(prs_channel_t *channel);

static inline void prs__channel_lock(prs_channel_t *channel) {
  prs__guard_enter(&channel->guard);
  if (channel->generation != prs__generation())
    prs__channel_forget_parent(channel);
}

static inline void prs__channel_unlock(prs_channel_t *channel) {
  prs__guard_leave(&channel->guard);
}

/* ---- ring ---------------------------------------------------------------- */

/* There is space. */
static inline void prs__channel_push(prs_channel_t *channel, void *item) {
  size_t place = (channel->head + channel->count) & (channel->space - 1);
  channel->ring[place] = item;
  channel->count++;
}

/* There is a message. */
static inline void *prs__channel_pop(prs_channel_t *channel) {
  void *item = channel->ring[channel->head];
  channel->head = (channel->head + 1) & (channel->space - 1);
  channel->count--;
  if (channel->count == 0 && channel->space > PRS__KEPT_SPACE &&
      channel->capacity == PRS_UNBOUNDED) {
    free(channel->ring);
    channel->ring = NULL;
    channel->space = 0;
    channel->head = 0;
  }
  return item;
}

/* ---- those who watch ----------------------------------------------------- */

/* Tell them if the operation need not wait. */
void prs__channel_tell_all(prs_channel_t *channel, enum prs_direction direction,
                           prs_wakes_t *wakes);

/* After every change: one that watches may leave it to another. */
static inline void prs__channel_tell(prs_channel_t *channel,
                                     prs_wakes_t *wakes) {
  if (prs__queue_is_empty(&channel->watching[PRS_RECEIVES]) &&
      prs__queue_is_empty(&channel->watching[PRS_SENDS]))
    return;
  prs__channel_tell_all(channel, PRS_RECEIVES, wakes);
  prs__channel_tell_all(channel, PRS_SENDS, wakes);
}

/* ---- those who wait ------------------------------------------------------ */

/* How often in a row somebody who waits longer is passed over. */
#define PRS__MOST_PASSED_OVER 64u

/* Claim the one that came last, if it is still awake: it is back ten times
 * sooner than one that sleeps, and no thread has to be woken. */
static inline prs_node_t *prs__channel_claim_awake(prs_queue_t *queue,
                                                   const prs_waiter_t *self,
                                                   prs_wakes_t *wakes) {
  prs_node_t *last = queue->last;
  if (last == queue->first || queue->passed_over >= PRS__MOST_PASSED_OVER)
    return NULL;
  prs_waiter_t *waiter = last->waiter;
  if (!waiter->passes_on || waiter == self ||
      atomic_load(&waiter->word) != PRS_WAITS || !prs__node_claim(last, wakes))
    return NULL;
  queue->passed_over++;
  return last;
}

/* At a rendezvous each waiter has its own partner: nobody passes on. */
static inline prs_node_t *prs__channel_claim(prs_channel_t *channel,
                                             prs_queue_t *queue,
                                             const prs_node_t *node,
                                             prs_wakes_t *wakes) {
  const prs_waiter_t *self = node == NULL ? NULL : node->waiter;
  prs_node_t *other = NULL;
  if (channel->capacity > 0)
    other = prs__channel_claim_awake(queue, self, wakes);
  if (other == NULL) {
    queue->passed_over = 0;
    other = prs__queue_claim(queue, self, wakes);
  }
  if (other != NULL && other->waiter->passes_on && channel->capacity > 0) {
    other->waiter->awaited = true;
    channel->waking++;
  }
  return other;
}

/* Returns: the node of a sender whose message goes on, or NULL. */
static inline prs_node_t *prs__channel_next_sender(prs_channel_t *channel,
                                                   const prs_node_t *node,
                                                   prs_wakes_t *wakes) {
  if (prs__queue_is_empty(&channel->sending)) return NULL;
  prs_node_t *other =
      prs__channel_claim(channel, &channel->sending, node, wakes);
  if (other != NULL) other->status = PRS_CHANNEL_DONE;
  return other;
}

/* Whether no message will come to a receiver that waits. */
static inline bool prs__channel_is_over(const prs_channel_t *channel) {
  return channel->senders == 0 || channel->receivers == 0;
}

/* Wake the next few when a side is gone. */
void prs__channel_tell_end(prs_channel_t *channel, prs_wakes_t *wakes);

/* ---- passing on ---------------------------------------------------------- */

/* One that was awaited has come. */
void prs__channel_stop_awaiting(prs_channel_t *channel, prs_waiter_t *waiter);
/* It has come `back` from this direction, and nobody may need to wait: claim
 * until another one is awaited, or nobody is left who could go on. */
void prs__channel_pass_on(prs_channel_t *channel, enum prs_direction back,
                          prs_wakes_t *wakes);

#endif
