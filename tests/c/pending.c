/* Calls of a channel that wait, taken apart: no thread is needed to see their
 * end. */
#include "pending.h"

static char cells[40000];

void *message(size_t number) { return &cells[number]; }

size_t number_of(void *item) { return (size_t)((char *)item - cells); }

prs_channel_t new_channel(size_t capacity) {
  prs_channel_t channel;
  blocking_init();
  prs_channel_init(&channel, capacity);
  return channel;
}

void send_all(prs_channel_t *channel, size_t from, size_t to) {
  for (size_t i = from; i < to; i++)
    ASSERT_INT(PRS_CHANNEL_DONE, blocking_try_send(channel, message(i)));
}

void recv_all(prs_channel_t *channel, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    void *item = NULL;
    ASSERT_INT(PRS_CHANNEL_DONE, blocking_try_recv(channel, &item));
    ASSERT_UINT(i, number_of(item));
  }
}

void assert_recv_says(int status, prs_channel_t *channel) {
  void *item = &cells[7];
  ASSERT_INT(status, blocking_try_recv(channel, &item));
  ASSERT(item == &cells[7]);
}

static pending_t start_pending(void) {
  prs_waiter_t *waiter = prs_waiter_new(1);
  ASSERT(waiter != NULL);
  return (pending_t){waiter, &waiter->nodes[0]};
}

pending_t queue_recv(prs_channel_t *channel) {
  prs_wakes_t wakes = {0};
  void *item;
  pending_t pending = start_pending();
  ASSERT_INT(PRS_CHANNEL_QUEUED,
             prs_channel_recv(channel, &item, pending.node, &wakes));
  ASSERT(wakes.first == NULL);
  return pending;
}

pending_t queue_send(prs_channel_t *channel, size_t number) {
  prs_wakes_t wakes = {0};
  pending_t pending = start_pending();
  ASSERT_INT(PRS_CHANNEL_QUEUED,
             prs_channel_send(channel, message(number), pending.node, &wakes));
  ASSERT(wakes.first == NULL);
  return pending;
}

bool is_over(pending_t pending) {
  return atomic_load(&pending.waiter->word) == PRS_FINISHED;
}

int end_pending(pending_t pending) {
  ASSERT_INT(PRS_OK, prs_waiter_wait(pending.waiter, 0));
  ASSERT(pending.node->queue == NULL);
  int status = pending.node->status;
  prs_waiter_free(pending.waiter);
  return status;
}

void end_recv(pending_t pending, size_t number) {
  ASSERT(is_over(pending));
  ASSERT_UINT(number, number_of(pending.node->item));
  ASSERT_INT(PRS_CHANNEL_DONE, end_pending(pending));
}

void end_send(pending_t pending) {
  ASSERT(is_over(pending));
  ASSERT_INT(PRS_CHANNEL_DONE, end_pending(pending));
}

void give_up(prs_channel_t *channel, pending_t pending) {
  ASSERT(prs_waiter_cancel(pending.waiter));
  prs_channel_leave(channel, pending.node);
  prs_waiter_free(pending.waiter);
}
