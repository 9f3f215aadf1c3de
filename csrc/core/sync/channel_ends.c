/* Ends of a channel: who has them, and what follows when a side is gone. */
#include "prs_channel_inside.h"

/* ---- the ends ------------------------------------------------------------ */

void prs_channel_add_sender(prs_channel_t *channel) {
  prs__channel_lock(channel);
  channel->senders++;
  prs__channel_unlock(channel);
}

void prs_channel_add_receiver(prs_channel_t *channel) {
  prs__channel_lock(channel);
  channel->receivers++;
  prs__channel_unlock(channel);
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
void prs__channel_tell_end(prs_channel_t *channel, prs_wakes_t *wakes) {
  prs__channel_tell(channel, wakes);
  if (channel->receivers == 0 ||
      (channel->senders == 0 && channel->waking == 0))
    wake_some(&channel->receiving, wakes);
  if (channel->receivers == 0) wake_some(&channel->sending, wakes);
}

void prs_channel_chain(prs_channel_t *channel, prs_wakes_t *wakes) {
  prs__channel_lock(channel);
  prs__channel_tell_end(channel, wakes);
  prs__channel_unlock(channel);
}

void prs_channel_drop_sender(prs_channel_t *channel, prs_wakes_t *wakes) {
  prs__channel_lock(channel);
  if (--channel->senders == 0) prs__channel_tell_end(channel, wakes);
  prs__channel_unlock(channel);
}

void prs_channel_drop_receiver(prs_channel_t *channel, prs_wakes_t *wakes) {
  prs__channel_lock(channel);
  if (channel->receivers > 0 && --channel->receivers == 0)
    prs__channel_tell_end(channel, wakes);
  prs__channel_unlock(channel);
}

void *prs_channel_drain(prs_channel_t *channel) {
  void *item = NULL;
  prs__channel_lock(channel);
  if (channel->receivers == 0 && channel->count > 0)
    item = prs__channel_pop(channel);
  prs__channel_unlock(channel);
  return item;
}

void *prs_channel_clear(prs_channel_t *channel) {
  prs__channel_lock(channel);
  channel->receivers = 0;
  prs__channel_unlock(channel);
  return prs_channel_drain(channel);
}

/* ---- questions ----------------------------------------------------------- */

size_t prs_channel_len(prs_channel_t *channel) {
  prs__channel_lock(channel);
  size_t count = channel->count;
  prs__channel_unlock(channel);
  return count;
}

bool prs_channel_is_full(prs_channel_t *channel) {
  prs__channel_lock(channel);
  bool full = channel->count >= channel->capacity;
  prs__channel_unlock(channel);
  return full;
}

bool prs_channel_has_receivers(prs_channel_t *channel) {
  prs__channel_lock(channel);
  bool has = channel->receivers > 0;
  prs__channel_unlock(channel);
  return has;
}

bool prs_channel_has_senders(prs_channel_t *channel) {
  prs__channel_lock(channel);
  bool has = channel->senders > 0;
  prs__channel_unlock(channel);
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
