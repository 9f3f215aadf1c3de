/* Channel: waiters that pass on are let go one by one, and nobody is left. */
#include "../../csrc/core/sync/prs_channel_inside.h"
#include "pending.h"

static pending_t awake(pending_t pending) {
  pending.waiter->passes_on = true;
  return pending;
}

static pending_t passing(pending_t pending) {
  atomic_store(&pending.waiter->word, PRS_SLEEPS);
  return awake(pending);
}

static void arrive(prs_channel_t *channel, pending_t pending,
                   enum prs_direction direction) {
  prs_wakes_t wakes = {0};
  prs_channel_arrive(channel, pending.waiter, direction, &wakes);
  prs_wakes_send(&wakes);
}

static void assert_first_recv(int status, prs_channel_t *channel,
                              size_t number) {
  prs_wakes_t wakes = {0};
  void *item = NULL;
  ASSERT_INT(status, prs_channel_recv_first(channel, &item, &wakes));
  if (status == PRS_CHANNEL_DONE) ASSERT_UINT(number, number_of(item));
  prs_wakes_send(&wakes);
}

static void who_is_awake_goes_first_for_a_while(void) {
  prs_channel_t channel = new_channel(1);
  send_all(&channel, 0, 1);
  pending_t sleeper = passing(queue_send(&channel, 1000));
  size_t number = 0;
  for (; number < PRS__MOST_PASSED_OVER; number++) {
    pending_t last = awake(queue_send(&channel, number + 1));
    recv_all(&channel, number, number + 1);
    ASSERT(is_over(last));
    ASSERT(!is_over(sleeper));
    arrive(&channel, last, PRS_SENDS);
    end_send(last);
  }
  pending_t last = awake(queue_send(&channel, 1001));
  recv_all(&channel, number, number + 1);
  ASSERT(is_over(sleeper));
  ASSERT(!is_over(last));
  arrive(&channel, sleeper, PRS_SENDS);
  end_send(sleeper);
  recv_all(&channel, 1000, 1002);
  arrive(&channel, last, PRS_SENDS);
  end_send(last);
  ASSERT_UINT(0, channel.waking);
  prs_channel_destroy(&channel);
}

static void one_at_a_time_spins(void) {
  prs_channel_t channel = new_channel(1);
  prs_waiter_t *waiters[3];
  for (int i = 0; i < 3; i++) {
    waiters[i] = prs_waiter_new(1);
    ASSERT(waiters[i] != NULL);
    waiters[i]->passes_on = true;
    prs__queue_push(&channel.sending, &waiters[i]->nodes[0]);
    if (i == 1) atomic_store(&waiters[i]->word, PRS_SLEEPS);
  }
  ASSERT(!atomic_load(&waiters[0]->crowded));
  ASSERT(atomic_load(&waiters[1]->crowded)); /* while the first is awake */
  ASSERT(!atomic_load(&waiters[2]->crowded));
  for (int i = 0; i < 3; i++) {
    prs__queue_remove(&waiters[i]->nodes[0]);
    prs_waiter_free(waiters[i]);
  }
  prs_channel_destroy(&channel);
}

static void senders_go_one_by_one(void) {
  prs_channel_t channel = new_channel(2);
  send_all(&channel, 0, 2);
  pending_t first = passing(queue_send(&channel, 2));
  pending_t second = passing(queue_send(&channel, 3));
  recv_all(&channel, 0, 2);
  ASSERT(is_over(first));
  ASSERT(!is_over(second));
  arrive(&channel, first, PRS_SENDS);
  ASSERT(is_over(second));
  arrive(&channel, second, PRS_SENDS);
  ASSERT_UINT(0, channel.waking);
  recv_all(&channel, 2, 4);
  end_send(first);
  end_send(second);
  prs_channel_destroy(&channel);
}

static void receivers_go_one_by_one(void) {
  prs_channel_t channel = new_channel(PRS_UNBOUNDED);
  pending_t first = passing(queue_recv(&channel));
  pending_t second = passing(queue_recv(&channel));
  send_all(&channel, 0, 2);
  ASSERT(is_over(first));
  ASSERT(!is_over(second));
  arrive(&channel, first, PRS_RECEIVES);
  arrive(&channel, second, PRS_RECEIVES);
  ASSERT_UINT(0, channel.waking);
  end_recv(first, 0);
  end_recv(second, 1);
  prs_channel_destroy(&channel);
}

/* Two senders wait, one of them is awaited, and the ring is empty. */
static void prepare(prs_channel_t *channel, pending_t *first,
                    pending_t *second) {
  *channel = new_channel(1);
  send_all(channel, 0, 1);
  *first = passing(queue_send(channel, 1));
  *second = passing(queue_send(channel, 2));
  assert_first_recv(PRS_CHANNEL_DONE, channel, 0);
  assert_first_recv(PRS_CHANNEL_DONE, channel, 1);
  ASSERT(is_over(*first));
  ASSERT(!is_over(*second));
}

static void receiver_that_is_awake_looks_first(void) {
  prs_channel_t channel;
  pending_t first, second;
  void *item = NULL;
  prs_wakes_t wakes = {0};
  prepare(&channel, &first, &second);
  pending_t sleeper = passing(queue_recv(&channel));
  pending_t last = awake(queue_recv(&channel));
  arrive(&channel, first, PRS_SENDS);
  ASSERT(is_over(last));
  ASSERT(!is_over(sleeper));
  ASSERT_INT(PRS_CHANNEL_READY, last.node->status);
  ASSERT_INT(PRS_CHANNEL_DONE,
             prs_channel_recv_again(&channel, &item, last.node, &wakes));
  ASSERT_UINT(2, number_of(item));
  prs_wakes_send(&wakes);
  prs_waiter_free(last.waiter);
  end_send(first);
  end_send(second);
  give_up(&channel, sleeper);
  prs_channel_destroy(&channel);
}

static void receiver_looks_again(void) {
  prs_channel_t channel;
  pending_t first, second;
  void *item = NULL;
  prs_wakes_t wakes = {0};
  prepare(&channel, &first, &second);
  assert_first_recv(PRS_CHANNEL_WOULD_BLOCK, &channel, 0);
  pending_t third = passing(queue_recv(&channel));
  arrive(&channel, first, PRS_SENDS);
  ASSERT(is_over(third));
  ASSERT(!is_over(second));
  ASSERT_INT(PRS_CHANNEL_READY, third.node->status);
  ASSERT_INT(PRS_CHANNEL_DONE,
             prs_channel_recv_again(&channel, &item, third.node, &wakes));
  prs_wakes_send(&wakes);
  ASSERT_UINT(2, number_of(item));
  arrive(&channel, second, PRS_SENDS);
  ASSERT_UINT(0, channel.waking);
  end_send(first);
  end_send(second);
  prs_waiter_free(third.waiter);
  prs_channel_destroy(&channel);
}

static void receiver_that_does_not_pass_on_is_given_the_message(void) {
  prs_channel_t channel;
  pending_t first, second;
  prepare(&channel, &first, &second);
  pending_t third = queue_recv(&channel);
  arrive(&channel, first, PRS_SENDS);
  ASSERT(is_over(second));
  arrive(&channel, second, PRS_SENDS);
  end_send(first);
  end_send(second);
  end_recv(third, 2);
  prs_channel_destroy(&channel);
}

static void who_does_not_wait_takes_it_from_a_sender(void) {
  prs_channel_t channel;
  pending_t first, second;
  prepare(&channel, &first, &second);
  recv_all(&channel, 2, 3);
  ASSERT(is_over(second));
  arrive(&channel, first, PRS_SENDS);
  arrive(&channel, second, PRS_SENDS);
  ASSERT_UINT(0, channel.waking);
  end_send(first);
  end_send(second);
  prs_channel_destroy(&channel);
}

static void who_looked_in_vain_passes_on(void) {
  prs_channel_t channel;
  pending_t first, second;
  prepare(&channel, &first, &second);
  pending_t third = passing(queue_recv(&channel));
  arrive(&channel, first, PRS_SENDS);
  arrive(&channel, third, PRS_RECEIVES); /* interrupted, say */
  ASSERT(is_over(second));
  arrive(&channel, second, PRS_SENDS);
  recv_all(&channel, 2, 3);
  end_send(first);
  end_send(second);
  ASSERT_INT(PRS_CHANNEL_READY, end_pending(third));
  prs_channel_destroy(&channel);
}

static void rest_is_received_before_the_end_is_told(void) {
  prs_channel_t channel = new_channel(4);
  pending_t waiting[3];
  for (int i = 0; i < 3; i++) waiting[i] = passing(queue_recv(&channel));
  send_all(&channel, 0, 2);
  blocking_drop_sender(&channel);
  ASSERT(!is_over(waiting[1]));
  arrive(&channel, waiting[0], PRS_RECEIVES);
  arrive(&channel, waiting[1], PRS_RECEIVES);
  end_recv(waiting[0], 0);
  end_recv(waiting[1], 1);
  ASSERT(is_over(waiting[2]));
  ASSERT_INT(PRS_CHANNEL_DISCONNECTED, end_pending(waiting[2]));
  prs_channel_destroy(&channel);
}

/* The drop does not reach all of them at once. */
static void nothing_is_sent_to_nobody(void) {
  enum { MANY = PRS_CHAIN + 2 };
  prs_channel_t channel = new_channel(1);
  pending_t waiting[MANY];
  send_all(&channel, 0, 1);
  for (size_t i = 0; i < MANY; i++)
    waiting[i] = passing(queue_send(&channel, 1 + i));
  recv_all(&channel, 0, 1);
  ASSERT(is_over(waiting[0]));
  blocking_drop_receiver(&channel, NULL);
  ASSERT(!is_over(waiting[MANY - 1]));
  arrive(&channel, waiting[0], PRS_SENDS);
  ASSERT_UINT(0, channel.count);
  end_send(waiting[0]);
  for (size_t i = 1; i < MANY; i++)
    ASSERT_INT(PRS_CHANNEL_DISCONNECTED, end_pending(waiting[i]));
  prs_channel_destroy(&channel);
}

static void nobody_is_awaited_in_a_child(void) {
  prs_channel_t channel = new_channel(2);
  pending_t first = passing(queue_recv(&channel));
  send_all(&channel, 0, 1);
  ASSERT_UINT(1, channel.waking);
  blocking_fork();
  pending_t second = passing(queue_recv(&channel));
  send_all(&channel, 1, 2);
  ASSERT(is_over(second));
  arrive(&channel, first, PRS_RECEIVES);
  ASSERT_UINT(1, channel.waking);
  arrive(&channel, second, PRS_RECEIVES);
  ASSERT_UINT(0, channel.waking);
  end_recv(first, 0);
  end_recv(second, 1);
  prs_channel_destroy(&channel);
}

static void node_is_claimed_once(void) {
  prs_channel_t channel = new_channel(1);
  prs_wakes_t wakes = {0};
  pending_t only = queue_recv(&channel);
  ASSERT(prs__node_claim(only.node, &wakes));
  ASSERT(!prs__node_claim(only.node, &wakes));
  ASSERT(prs__queue_is_empty(&channel.receiving));
  prs_wakes_send(&wakes);
  (void)end_pending(only);
  prs_channel_destroy(&channel);
}

static void nobody_is_awaited_at_a_rendezvous(void) {
  prs_channel_t channel = new_channel(0);
  pending_t first = passing(queue_recv(&channel));
  pending_t second = passing(queue_recv(&channel));
  send_all(&channel, 0, 2);
  ASSERT_UINT(0, channel.waking);
  end_recv(first, 0);
  end_recv(second, 1);
  prs_channel_destroy(&channel);
}

const check_test_t check_tests[] = {
    TEST(who_is_awake_goes_first_for_a_while),
    TEST(receiver_that_is_awake_looks_first),
    TEST(one_at_a_time_spins),
    TEST(senders_go_one_by_one),
    TEST(receivers_go_one_by_one),
    TEST(receiver_looks_again),
    TEST(receiver_that_does_not_pass_on_is_given_the_message),
    TEST(who_does_not_wait_takes_it_from_a_sender),
    TEST(who_looked_in_vain_passes_on),
    TEST(rest_is_received_before_the_end_is_told),
    TEST(nothing_is_sent_to_nobody),
    TEST(nobody_is_awaited_in_a_child),
    TEST(nobody_is_awaited_at_a_rendezvous),
    TEST(node_is_claimed_once),
    END_OF_TESTS,
};
