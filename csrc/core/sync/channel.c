/* Channel: messages, and those who wait to send or to receive one.
 *
 * A message goes to the first receiver that waits, else into the ring; a
 * sender that found no room stands in the queue with its message, and whoever
 * takes one moves it up. So each message is handed over under the guard, in
 * the order of sending, and a waiter learns of it by its own word.
 *
 * While a waiter that passes on is awaited, nobody else is claimed: it will
 * look after the others when it is back. README.md tells why. */
#include <stdlib.h>

#include "prs_sync.h"

#define FIRST_SPACE 16u
#define KEPT_SPACE 4096u /* an empty ring above it is given back */

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
static void forget_parent(prs_channel_t *channel) {
  channel->generation = prs__generation();
  channel->waking = 0;
  prs__queue_forget(&channel->sending);
  prs__queue_forget(&channel->receiving);
  prs__queue_forget(&channel->watching[PRS_RECEIVES]);
  prs__queue_forget(&channel->watching[PRS_SENDS]);
}

static inline void enter(prs_channel_t *channel) {
  prs__guard_enter(&channel->guard);
  if (channel->generation != prs__generation()) forget_parent(channel);
}

static inline void leave(prs_channel_t *channel) {
  prs__guard_leave(&channel->guard);
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

static void push(prs_channel_t *channel, void *item) {
  size_t place = (channel->head + channel->count) & (channel->space - 1);
  channel->ring[place] = item;
  channel->count++;
}

static void *pop(prs_channel_t *channel) {
  void *item = channel->ring[channel->head];
  channel->head = (channel->head + 1) & (channel->space - 1);
  channel->count--;
  if (channel->count == 0 && channel->space > KEPT_SPACE &&
      channel->capacity == PRS_UNBOUNDED) {
    free(channel->ring);
    channel->ring = NULL;
    channel->space = 0;
    channel->head = 0;
  }
  return item;
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

static void tell_all(prs_channel_t *channel, enum prs_direction direction,
                     prs_wakes_t *wakes) {
  prs_queue_t *queue = &channel->watching[direction];
  if (prs__queue_is_empty(queue) || !is_ready(channel, direction, NULL)) return;
  prs_node_t *node;
  while ((node = prs__queue_claim(queue, NULL, wakes)) != NULL)
    node->status = PRS_CHANNEL_READY;
}

/* After every change: one that watches may leave it to another. */
static inline void tell(prs_channel_t *channel, prs_wakes_t *wakes) {
  if (prs__queue_is_empty(&channel->watching[PRS_RECEIVES]) &&
      prs__queue_is_empty(&channel->watching[PRS_SENDS]))
    return;
  tell_all(channel, PRS_RECEIVES, wakes);
  tell_all(channel, PRS_SENDS, wakes);
}

int prs_channel_queue(prs_channel_t *channel, enum prs_direction direction,
                      void *item, prs_node_t *node, prs_wakes_t *wakes) {
  int status = PRS_CHANNEL_READY;
  enter(channel);
  if (!is_ready(channel, direction, node->waiter)) {
    node->item = item;
    prs__queue_push(
        direction == PRS_SENDS ? &channel->sending : &channel->receiving, node);
    tell(channel, wakes);
    status = PRS_CHANNEL_QUEUED;
  }
  leave(channel);
  return status;
}

int prs_channel_watch(prs_channel_t *channel, enum prs_direction direction,
                      prs_node_t *node) {
  int status = PRS_CHANNEL_READY;
  enter(channel);
  if (!is_ready(channel, direction, node->waiter)) {
    prs__queue_push(&channel->watching[direction], node);
    status = PRS_CHANNEL_QUEUED;
  }
  leave(channel);
  return status;
}

bool prs_channel_is_ready(prs_channel_t *channel,
                          enum prs_direction direction) {
  enter(channel);
  bool ready = is_ready(channel, direction, NULL);
  leave(channel);
  return ready;
}

/* ---- send and receive ---------------------------------------------------- */

static const prs_waiter_t *waiter_of(const prs_node_t *node) {
  return node == NULL ? NULL : node->waiter;
}

static int queue_or_refuse(prs_queue_t *queue, prs_node_t *node, void *item) {
  if (node == NULL) return PRS_CHANNEL_WOULD_BLOCK;
  node->item = item;
  prs__queue_push(queue, node);
  return PRS_CHANNEL_QUEUED;
}

/* At a rendezvous each waiter has its own partner: nobody passes on. */
static prs_node_t *claim(prs_channel_t *channel, prs_queue_t *queue,
                         const prs_node_t *node, prs_wakes_t *wakes) {
  prs_node_t *other = prs__queue_claim(queue, waiter_of(node), wakes);
  if (other != NULL && other->waiter->passes_on && channel->capacity > 0) {
    other->waiter->awaited = true;
    channel->waking++;
  }
  return other;
}

static int send(prs_channel_t *channel, void *item, prs_node_t *node,
                prs_wakes_t *wakes) {
  if (channel->receivers == 0) return PRS_CHANNEL_DISCONNECTED;
  if (channel->waking == 0 && !prs__queue_is_empty(&channel->receiving)) {
    prs_node_t *other = claim(channel, &channel->receiving, node, wakes);
    if (other != NULL) {
      other->item = item;
      other->status = PRS_CHANNEL_DONE;
      return PRS_CHANNEL_DONE;
    }
  }
  if (channel->count >= channel->capacity)
    return queue_or_refuse(&channel->sending, node, item);
  if (!make_room(channel)) return PRS_CHANNEL_OUT_OF_MEMORY;
  push(channel, item);
  return PRS_CHANNEL_DONE;
}

int prs_channel_send(prs_channel_t *channel, void *item, prs_node_t *node,
                     prs_wakes_t *wakes) {
  enter(channel);
  int status = send(channel, item, node, wakes);
  tell(channel, wakes);
  leave(channel);
  return status;
}

/* Returns: the node of a sender whose message goes on, or NULL. */
static prs_node_t *next_sender(prs_channel_t *channel, const prs_node_t *node,
                               prs_wakes_t *wakes) {
  if (prs__queue_is_empty(&channel->sending)) return NULL;
  prs_node_t *other = claim(channel, &channel->sending, node, wakes);
  if (other != NULL) other->status = PRS_CHANNEL_DONE;
  return other;
}

/* Whether no message will come to a receiver that waits. */
static bool is_over(const prs_channel_t *channel) {
  return channel->senders == 0 || channel->receivers == 0;
}

static int recv(prs_channel_t *channel, void **item, prs_node_t *node,
                prs_wakes_t *wakes) {
  if (channel->count > 0) {
    *item = pop(channel);
    /* A message that was put back may have made it fuller than full. */
    if (channel->count < channel->capacity && channel->capacity > 0 &&
        channel->waking == 0) {
      prs_node_t *other = next_sender(channel, node, wakes);
      /* There is room: a place was just left. */
      if (other != NULL) push(channel, other->item);
    }
    return PRS_CHANNEL_DONE;
  }
  prs_node_t *other = NULL;
  if (node == NULL || channel->waking == 0 || is_over(channel))
    other = next_sender(channel, node, wakes);
  if (other != NULL) {
    *item = other->item;
    return PRS_CHANNEL_DONE;
  }
  if (is_over(channel)) return PRS_CHANNEL_DISCONNECTED;
  return queue_or_refuse(&channel->receiving, node, NULL);
}

int prs_channel_recv(prs_channel_t *channel, void **item, prs_node_t *node,
                     prs_wakes_t *wakes) {
  enter(channel);
  int status = recv(channel, item, node, wakes);
  tell(channel, wakes);
  leave(channel);
  return status;
}

int prs_channel_recv_first(prs_channel_t *channel, void **item,
                           prs_wakes_t *wakes) {
  int status = PRS_CHANNEL_WOULD_BLOCK;
  enter(channel);
  if (channel->count > 0 || channel->waking == 0) {
    status = recv(channel, item, NULL, wakes);
    tell(channel, wakes);
  }
  leave(channel);
  return status;
}

bool prs_channel_unrecv(prs_channel_t *channel, void *item,
                        prs_wakes_t *wakes) {
  bool kept = false;
  enter(channel);
  prs_node_t *other = NULL;
  if (channel->waking == 0)
    other = claim(channel, &channel->receiving, NULL, wakes);
  if (other != NULL) {
    other->item = item;
    other->status = PRS_CHANNEL_DONE;
    kept = true;
  } else if (channel->receivers > 0 && make_room(channel)) {
    channel->head = (channel->head + channel->space - 1) & (channel->space - 1);
    channel->ring[channel->head] = item;
    channel->count++;
    kept = true;
    tell(channel, wakes);
  }
  leave(channel);
  return kept;
}

void prs_channel_leave(prs_channel_t *channel, prs_node_t *node) {
  enter(channel);
  prs__queue_remove(node);
  leave(channel);
}

/* ---- the ends ------------------------------------------------------------ */

void prs_channel_add_sender(prs_channel_t *channel) {
  enter(channel);
  channel->senders++;
  leave(channel);
}

void prs_channel_add_receiver(prs_channel_t *channel) {
  enter(channel);
  channel->receivers++;
  leave(channel);
}

/* Those who are told by a call do not wake others in their turn, so they do
 * not count. */
static void wake_some(prs_queue_t *queue, prs_wakes_t *wakes) {
  for (int threads = 0; threads < PRS_CHAIN;) {
    prs_node_t *node = prs__queue_claim(queue, NULL, wakes);
    if (node == NULL) return;
    node->status = PRS_CHANNEL_DISCONNECTED;
    if (node->waiter->notify == NULL) threads++;
  }
}

/* A receiver may be dropped while another thread waits on it. Who is awaited
 * sees to it that the others receive what is left before. */
static void chain(prs_channel_t *channel, prs_wakes_t *wakes) {
  tell(channel, wakes);
  if (channel->receivers == 0 ||
      (channel->senders == 0 && channel->waking == 0))
    wake_some(&channel->receiving, wakes);
  if (channel->receivers == 0) wake_some(&channel->sending, wakes);
}

void prs_channel_chain(prs_channel_t *channel, prs_wakes_t *wakes) {
  enter(channel);
  chain(channel, wakes);
  leave(channel);
}

void prs_channel_drop_sender(prs_channel_t *channel, prs_wakes_t *wakes) {
  enter(channel);
  if (--channel->senders == 0) chain(channel, wakes);
  leave(channel);
}

void prs_channel_drop_receiver(prs_channel_t *channel, prs_wakes_t *wakes) {
  enter(channel);
  if (channel->receivers > 0 && --channel->receivers == 0)
    chain(channel, wakes);
  leave(channel);
}

void *prs_channel_drain(prs_channel_t *channel) {
  void *item = NULL;
  enter(channel);
  if (channel->receivers == 0 && channel->count > 0) item = pop(channel);
  leave(channel);
  return item;
}

void *prs_channel_clear(prs_channel_t *channel) {
  enter(channel);
  channel->receivers = 0;
  leave(channel);
  return prs_channel_drain(channel);
}

/* ---- passing on ---------------------------------------------------------- */

/* Let a receiver look for itself, though nothing is there yet: senders wait,
 * and the one that calls this is likely to send more before it comes. */
static bool claim_looker(prs_channel_t *channel, prs_wakes_t *wakes) {
  prs_node_t *node = channel->receiving.first;
  if (node == NULL || !node->waiter->passes_on || !prs__node_claim(node, wakes))
    return false;
  node->waiter->awaited = true;
  channel->waking++;
  node->status = PRS_CHANNEL_READY;
  return true;
}

/* A sender that waits has seen a full ring, so there is space. */
static bool claim_sender(prs_channel_t *channel, prs_wakes_t *wakes) {
  prs_node_t *other = next_sender(channel, NULL, wakes);
  if (other != NULL) push(channel, other->item);
  return other != NULL;
}

static bool claim_receiver(prs_channel_t *channel, prs_wakes_t *wakes) {
  prs_node_t *other = claim(channel, &channel->receiving, NULL, wakes);
  if (other == NULL) return false;
  other->item = pop(channel);
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

/* One that is awaited has come, and nobody may need to wait: claim until
 * another one is awaited, or nobody is left who could go on. */
static void pass_on(prs_channel_t *channel, enum prs_direction back,
                    prs_wakes_t *wakes) {
  while (channel->waking == 0 && channel->receivers > 0 &&
         claim_next(channel, back, wakes))
    continue;
  if (is_over(channel)) chain(channel, wakes);
}

/* In the child of a fork nobody is awaited. */
static void stop_awaiting(prs_channel_t *channel, prs_waiter_t *waiter) {
  if (waiter->awaited && waiter->generation == prs__generation())
    channel->waking--;
  waiter->awaited = false;
}

void prs_channel_arrive(prs_channel_t *channel, prs_waiter_t *waiter,
                        enum prs_direction back, prs_wakes_t *wakes) {
  if (!waiter->awaited) return;
  enter(channel);
  stop_awaiting(channel, waiter);
  pass_on(channel, back, wakes);
  tell(channel, wakes);
  leave(channel);
}

int prs_channel_recv_again(prs_channel_t *channel, void **item,
                           prs_node_t *node, prs_wakes_t *wakes) {
  enter(channel);
  stop_awaiting(channel, node->waiter);
  prs_waiter_renew(node->waiter);
  int status = recv(channel, item, node, wakes);
  pass_on(channel, PRS_RECEIVES, wakes);
  tell(channel, wakes);
  leave(channel);
  return status;
}

/* ---- questions ----------------------------------------------------------- */

size_t prs_channel_len(prs_channel_t *channel) {
  enter(channel);
  size_t count = channel->count;
  leave(channel);
  return count;
}

bool prs_channel_is_full(prs_channel_t *channel) {
  enter(channel);
  bool full = channel->count >= channel->capacity;
  leave(channel);
  return full;
}

bool prs_channel_has_receivers(prs_channel_t *channel) {
  enter(channel);
  bool has = channel->receivers > 0;
  leave(channel);
  return has;
}

bool prs_channel_has_senders(prs_channel_t *channel) {
  enter(channel);
  bool has = channel->senders > 0;
  leave(channel);
  return has;
}

int prs_channel_visit(const prs_channel_t *channel,
                      int (*visit)(void *item, void *arg), void *arg) {
  for (size_t i = 0; i < channel->count; i++) {
    void *item = channel->ring[(channel->head + i) & (channel->space - 1)];
    int stopped = visit(item, arg);
    if (stopped != 0) return stopped;
  }
  return 0;
}
