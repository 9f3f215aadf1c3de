/* Passing on: a waiter of a channel that is back claims the next one.
 *
 * While one that passes on is awaited, nobody else is claimed: it will look
 * after the others when it is back. README.md tells why. */
#include "prs_channel_inside.h"

/* Let a receiver look for itself, though nothing is there yet: senders wait,
 * and the one that calls this is likely to send more before it comes. */
static bool claim_looker(prs_channel_t *channel, prs_wakes_t *wakes) {
  prs_queue_t *queue = &channel->receiving;
  prs_node_t *node = queue->first;
  if (node == NULL || !node->waiter->passes_on) return false;
  prs_node_t *awake = prs__channel_claim_awake(queue, NULL, wakes);
  if (awake != NULL) {
    node = awake;
  } else {
    if (!prs__node_claim(node, wakes)) return false;
    queue->passed_over = 0;
  }
  node->waiter->awaited = true;
  channel->waking++;
  node->status = PRS_CHANNEL_READY;
  return true;
}

/* A sender that waits has seen a full ring, so there is space. */
static bool claim_sender(prs_channel_t *channel, prs_wakes_t *wakes) {
  prs_node_t *other = prs__channel_next_sender(channel, NULL, wakes);
  if (other != NULL) prs__channel_push(channel, other->item);
  return other != NULL;
}

static bool claim_receiver(prs_channel_t *channel, prs_wakes_t *wakes) {
  prs_node_t *other =
      prs__channel_claim(channel, &channel->receiving, NULL, wakes);
  if (other == NULL) return false;
  other->item = prs__channel_pop(channel);
  other->status = PRS_CHANNEL_DONE;
  return true;
}

/* Claim one waiter that need not wait. A receiver that is back will take more,
 * and a sender will send more, so the other side is better.
 * Returns: false when there is none. */
static bool claim_next(prs_channel_t *channel, enum prs_direction back,
                       prs_wakes_t *wakes) {
  bool sends = channel->count < channel->capacity &&
               prs__queue_has_other(&channel->sending, NULL);
  bool receives = prs__queue_has_other(&channel->receiving, NULL);
  if (receives && channel->count > 0 && !(sends && back == PRS_RECEIVES))
    return claim_receiver(channel, wakes);
  if (!sends) return false;
  if (receives && back == PRS_SENDS && claim_looker(channel, wakes))
    return true;
  return claim_sender(channel, wakes);
}

void prs__channel_pass_on(prs_channel_t *channel, enum prs_direction back,
                          prs_wakes_t *wakes) {
  while (channel->waking == 0 && channel->receivers > 0 &&
         claim_next(channel, back, wakes))
    continue;
  if (prs__channel_is_over(channel)) prs__channel_tell_end(channel, wakes);
}

/* In the child of a fork nobody is awaited. */
void prs__channel_stop_awaiting(prs_channel_t *channel, prs_waiter_t *waiter) {
  if (waiter->awaited && waiter->generation == prs__generation())
    channel->waking--;
  waiter->awaited = false;
}

void prs_channel_arrive(prs_channel_t *channel, prs_waiter_t *waiter,
                        enum prs_direction back, prs_wakes_t *wakes) {
  if (!waiter->awaited) return;
  prs__channel_lock(channel);
  prs__channel_stop_awaiting(channel, waiter);
  prs__channel_pass_on(channel, back, wakes);
  prs__channel_tell(channel, wakes);
  prs__channel_unlock(channel);
}
