/* Calls of a channel that wait, taken apart: no thread is needed to see their
 * end. Each message has a number. */
#ifndef PENDING_H
#define PENDING_H

#include "blocking.h"

/* The message of this number, up to 40,000, and back. */
void *message(size_t number);
size_t number_of(void *item);

/* A channel with one sender and one receiver. */
prs_channel_t new_channel(size_t capacity);

/* Without waiting: messages from `from` up to, not including, `to`. */
void send_all(prs_channel_t *channel, size_t from, size_t to);
void recv_all(prs_channel_t *channel, size_t from, size_t to);
void assert_recv_says(int status, prs_channel_t *channel);

/* A call that waits. */
typedef struct pending {
  prs_waiter_t *waiter;
  prs_node_t *node;
} pending_t;

pending_t queue_recv(prs_channel_t *channel);
pending_t queue_send(prs_channel_t *channel, size_t number);
bool is_over(pending_t pending);
/* Free one that is over. Returns: the status that it was claimed with. */
int end_pending(pending_t pending);
void end_recv(pending_t pending, size_t number);
void end_send(pending_t pending);
/* Cancel one that nobody has claimed, and free it. */
void give_up(prs_channel_t *channel, pending_t pending);

#endif
