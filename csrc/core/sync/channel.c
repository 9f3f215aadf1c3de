/* Channel: messages, and those who wait to send or to receive one.
 *
 * A message goes to the first receiver that waits, else into the ring; a
 * sender that found no room stands in the queue with its message, and whoever
 * takes one moves it up. So each message is handed over under the guard, in
 * the order of sending, and a waiter learns of it by its own word.
 *
 * While a waiter that passes on is awaited, nobody else is claimed: it will
 * look after the others when it is back. README.md tells why. */
#include "prs_channel_inside.h"

#define FIRST_SPACE 16u

void prs_channel_init(prs_channel_t *channel, size_t capacity) {
  *channel = (prs_channel_t){.capacity = capacity,
                             .senders = 1,
                             .receivers = 1,
                             .generation = prs__generation()};
}

void prs_channel_destroy(prs_channel_t *channel) { free(channel->ring); }

/* ---- guard --------------------------------------------------------------- */

/* Whoever waited in the parent of a fork is not here. Nobody held the guard:
 * a fork is made attached, with the others stopped. */
void prs__channel_forget_parent(prs_channel_t *channel) {
  channel->generation = prs__generation();
  channel->waking = 0;
  prs__queue_forget(&channel->sending);
  prs__queue_forget(&channel->receiving);
  prs__queue_forget(&channel->watching[PRS_RECEIVES]);
  prs__queue_forget(&channel->watching[PRS_SENDS]);
}

/* ---- ring ---------------------------------------------------------------- */

static bool resize(prs_channel_t *channel, size_t space) {
  void **ring = malloc(space * sizeof *ring);
  if (ring == NULL) return false;
  for (size_t i = 0; i < channel->count; i++)
    ring[i] = channel->ring[(channel->head + i) & (channel->space - 1)];
  free(channel->ring);
  channel->ring = ring;
  channel->space = space;
  channel->head = 0;
  return true;
}

static bool make_room(prs_channel_t *channel) {
  if (channel->count < channel->space) return true;
  return resize(channel,
                channel->space == 0 ? FIRST_SPACE : channel->space * 2);
}

/* ---- readiness ----------------------------------------------------------- */

static bool is_ready(const prs_channel_t *channel, enum prs_direction direction,
                     const prs_waiter_t *self) {
  if (direction == PRS_SENDS)
    return channel->receivers == 0 || channel->count < channel->capacity ||
           (channel->count == 0 &&
            prs__queue_has_other(&channel->receiving, self));
  return channel->count > 0 || channel->senders == 0 ||
         prs__queue_has_other(&channel->sending, self);
}

void prs__channel_tell_all(prs_channel_t *channel, enum prs_direction direction,
                           prs_wakes_t *wakes) {
  prs_queue_t *queue = &channel->watching[direction];
  if (prs__queue_is_empty(queue) || !is_ready(channel, direction, NULL)) return;
  prs_node_t *node;
  while ((node = prs__queue_claim(queue, NULL, wakes)) != NULL)
    node->status = PRS_CHANNEL_READY;
}

int prs_channel_queue(prs_channel_t *channel, enum prs_direction direction,
                      void *item, prs_node_t *node, prs_wakes_t *wakes) {
  int status = PRS_CHANNEL_READY;
  prs__channel_lock(channel);
  if (!is_ready(channel, direction, node->waiter)) {
    node->item = item;
    prs__queue_push(
        direction == PRS_SENDS ? &channel->sending : &channel->receiving, node);
    prs__channel_tell(channel, wakes);
    status = PRS_CHANNEL_QUEUED;
  }
  prs__channel_unlock(channel);
  return status;
}

int prs_channel_watch(prs_channel_t *channel, enum prs_direction direction,
                      prs_node_t *node) {
  int status = PRS_CHANNEL_READY;
  prs__channel_lock(channel);
  if (!is_ready(channel, direction, node->waiter)) {
    prs__queue_push(&channel->watching[direction], node);
    status = PRS_CHANNEL_QUEUED;
  }
  prs__channel_unlock(channel);
  return status;
}

bool prs_channel_is_ready(prs_channel_t *channel,
                          enum prs_direction direction) {
  prs__channel_lock(channel);
  bool ready = is_ready(channel, direction, NULL);
  prs__channel_unlock(channel);
  return ready;
}

/* ---- send and receive ---------------------------------------------------- */

static int queue_or_refuse(prs_queue_t *queue, prs_node_t *node, void *item) {
  if (node == NULL) return PRS_CHANNEL_WOULD_BLOCK;
  node->item = item;
  prs__queue_push(queue, node);
  return PRS_CHANNEL_QUEUED;
}

static int send(prs_channel_t *channel, void *item, prs_node_t *node,
                prs_wakes_t *wakes) {
  if (channel->receivers == 0) return PRS_CHANNEL_DISCONNECTED;
  if (channel->waking == 0 && !prs__queue_is_empty(&channel->receiving)) {
    prs_node_t *other =
        prs__channel_claim(channel, &channel->receiving, node, wakes);
    if (other != NULL) {
      other->item = item;
      other->status = PRS_CHANNEL_DONE;
      return PRS_CHANNEL_DONE;
    }
  }
  if (channel->count >= channel->capacity)
    return queue_or_refuse(&channel->sending, node, item);
  if (!make_room(channel)) return PRS_CHANNEL_OUT_OF_MEMORY;
  prs__channel_push(channel, item);
  return PRS_CHANNEL_DONE;
}

int prs_channel_send(prs_channel_t *channel, void *item, prs_node_t *node,
                     prs_wakes_t *wakes) {
  prs__channel_lock(channel);
  int status = send(channel, item, node, wakes);
  prs__channel_tell(channel, wakes);
  prs__channel_unlock(channel);
  return status;
}

static int recv(prs_channel_t *channel, void **item, prs_node_t *node,
                prs_wakes_t *wakes) {
  if (channel->count > 0) {
    *item = prs__channel_pop(channel);
    /* A message that was put back may have made it fuller than full. */
    if (channel->count < channel->capacity && channel->capacity > 0 &&
        channel->waking == 0) {
      prs_node_t *other = prs__channel_next_sender(channel, node, wakes);
      /* There is room: a place was just left. */
      if (other != NULL) prs__channel_push(channel, other->item);
    }
    return PRS_CHANNEL_DONE;
  }
  prs_node_t *other = NULL;
  if (node == NULL || channel->waking == 0 || prs__channel_is_over(channel))
    other = prs__channel_next_sender(channel, node, wakes);
  if (other != NULL) {
    *item = other->item;
    return PRS_CHANNEL_DONE;
  }
  if (prs__channel_is_over(channel)) return PRS_CHANNEL_DISCONNECTED;
  return queue_or_refuse(&channel->receiving, node, NULL);
}

int prs_channel_recv(prs_channel_t *channel, void **item, prs_node_t *node,
                     prs_wakes_t *wakes) {
  prs__channel_lock(channel);
  int status = recv(channel, item, node, wakes);
  prs__channel_tell(channel, wakes);
  prs__channel_unlock(channel);
  return status;
}

int prs_channel_recv_first(prs_channel_t *channel, void **item,
                           prs_wakes_t *wakes) {
  int status = PRS_CHANNEL_WOULD_BLOCK;
  prs__channel_lock(channel);
  if (channel->count > 0 || channel->waking == 0) {
    status = recv(channel, item, NULL, wakes);
    prs__channel_tell(channel, wakes);
  }
  prs__channel_unlock(channel);
  return status;
}

int prs_channel_recv_again(prs_channel_t *channel, void **item,
                           prs_node_t *node, prs_wakes_t *wakes) {
  prs__channel_lock(channel);
  prs__channel_stop_awaiting(channel, node->waiter);
  prs_waiter_renew(node->waiter);
  int status = recv(channel, item, node, wakes);
  prs__channel_pass_on(channel, PRS_RECEIVES, wakes);
  prs__channel_tell(channel, wakes);
  prs__channel_unlock(channel);
  return status;
}

bool prs_channel_unrecv(prs_channel_t *channel, void *item,
                        prs_wakes_t *wakes) {
  bool kept = false;
  prs__channel_lock(channel);
  prs_node_t *other = NULL;
  if (channel->waking == 0)
    other = prs__channel_claim(channel, &channel->receiving, NULL, wakes);
  if (other != NULL) {
    other->item = item;
    other->status = PRS_CHANNEL_DONE;
    kept = true;
  } else if (channel->receivers > 0 && make_room(channel)) {
    channel->head = (channel->head + channel->space - 1) & (channel->space - 1);
    channel->ring[channel->head] = item;
    channel->count++;
    kept = true;
    prs__channel_tell(channel, wakes);
  }
  prs__channel_unlock(channel);
  return kept;
}

void prs_channel_leave(prs_channel_t *channel, prs_node_t *node) {
  prs__channel_lock(channel);
  prs__queue_remove(node);
  prs__channel_unlock(channel);
}
