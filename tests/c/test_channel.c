/* Channel: what each call says while both sides are there. */
#include "pending.h"

#define SPACE_KEPT 4096u /* places of an empty ring; see channel.c */

/* ---- without limit ------------------------------------------------------- */

static void unbounded_keeps_the_order(void) {
  prs_channel_t channel = new_channel(PRS_UNBOUNDED);
  assert_recv_says(PRS_CHANNEL_WOULD_BLOCK, &channel);
  send_all(&channel, 0, 10);
  recv_all(&channel, 0, 5);
  send_all(&channel, 10, 20);
  ASSERT_UINT(15, prs_channel_len(&channel));
  ASSERT(!prs_channel_is_full(&channel));
  recv_all(&channel, 5, 20);
  assert_recv_says(PRS_CHANNEL_WOULD_BLOCK, &channel);
  prs_channel_destroy(&channel);
}

/* From every position of the head, so that the ring is copied in two parts. */
static void ring_grows_wherever_its_head_is(void) {
  for (size_t head = 0; head < 16; head++) {
    prs_channel_t channel = new_channel(PRS_UNBOUNDED);
    send_all(&channel, 0, head + 1);
    recv_all(&channel, 0, head);
    send_all(&channel, head + 1, head + 100);
    recv_all(&channel, head, head + 100);
    ASSERT_UINT(128, channel.space);
    prs_channel_destroy(&channel);
  }
}

static void large_ring_is_given_back_when_empty(void) {
  prs_channel_t channel = new_channel(PRS_UNBOUNDED);
  send_all(&channel, 0, SPACE_KEPT);
  recv_all(&channel, 0, SPACE_KEPT);
  ASSERT_UINT(SPACE_KEPT, channel.space);
  send_all(&channel, 0, 3 * SPACE_KEPT);
  recv_all(&channel, 0, 3 * SPACE_KEPT - 1);
  ASSERT_UINT(4 * SPACE_KEPT, channel.space);
  recv_all(&channel, 3 * SPACE_KEPT - 1, 3 * SPACE_KEPT);
  ASSERT_UINT(0, channel.space);
  ASSERT(channel.ring == NULL);
  send_all(&channel, 0, 20); /* and it grows again */
  recv_all(&channel, 0, 20);
  prs_channel_destroy(&channel);
}

/* ---- with a limit -------------------------------------------------------- */

static void bounded_is_full_at_its_capacity(void) {
  static const size_t capacities[] = {1, 2, 15, 16, 17, 5000};
  for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
    size_t capacity = capacities[i];
    prs_channel_t channel = new_channel(capacity);
    for (int round = 0; round < 3; round++) {
      send_all(&channel, 0, capacity);
      ASSERT(prs_channel_is_full(&channel));
      ASSERT_INT(PRS_CHANNEL_WOULD_BLOCK,
                 blocking_try_send(&channel, message(capacity)));
      recv_all(&channel, 0, 1);
      ASSERT(!prs_channel_is_full(&channel));
      send_all(&channel, capacity, capacity + 1);
      recv_all(&channel, 1, capacity + 1);
    }
    prs_channel_destroy(&channel);
  }
}

/* A receiver moves the first sender's message up, so the next one waits on. */
static void waiting_senders_go_on_in_their_order(void) {
  prs_channel_t channel = new_channel(1);
  send_all(&channel, 0, 1);
  pending_t first = queue_send(&channel, 1);
  pending_t second = queue_send(&channel, 2);
  ASSERT_UINT(1, prs_channel_len(&channel));
  recv_all(&channel, 0, 1);
  end_send(first);
  ASSERT(!is_over(second));
  ASSERT_INT(PRS_CHANNEL_WOULD_BLOCK, blocking_try_send(&channel, message(3)));
  recv_all(&channel, 1, 2);
  end_send(second);
  recv_all(&channel, 2, 3);
  prs_channel_destroy(&channel);
}

static void sender_that_gives_up_keeps_its_message(void) {
  prs_channel_t channel = new_channel(1);
  send_all(&channel, 0, 1);
  pending_t first = queue_send(&channel, 1);
  pending_t second = queue_send(&channel, 2);
  ASSERT_UINT(1, number_of(first.node->item));
  give_up(&channel, first);
  recv_all(&channel, 0, 1);
  end_send(second);
  recv_all(&channel, 2, 3);
  assert_recv_says(PRS_CHANNEL_WOULD_BLOCK, &channel);
  prs_channel_destroy(&channel);
}

/* ---- rendezvous ---------------------------------------------------------- */

static void rendezvous_needs_two(void) {
  prs_channel_t channel = new_channel(0);
  ASSERT(prs_channel_is_full(&channel));
  ASSERT_INT(PRS_CHANNEL_WOULD_BLOCK, blocking_try_send(&channel, message(0)));
  assert_recv_says(PRS_CHANNEL_WOULD_BLOCK, &channel);
  pending_t receiver = queue_recv(&channel);
  send_all(&channel, 1, 2);
  end_recv(receiver, 1);
  pending_t first = queue_send(&channel, 2);
  pending_t second = queue_send(&channel, 3);
  ASSERT_UINT(0, prs_channel_len(&channel));
  recv_all(&channel, 2, 4);
  end_send(first);
  end_send(second);
  prs_channel_destroy(&channel);
}

/* ---- receivers that wait ------------------------------------------------- */

static void waiting_receivers_are_served_in_their_order(void) {
  static const size_t capacities[] = {0, 1, PRS_UNBOUNDED};
  for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
    prs_channel_t channel = new_channel(capacities[i]);
    pending_t first = queue_recv(&channel);
    pending_t gone = queue_recv(&channel);
    pending_t second = queue_recv(&channel);
    give_up(&channel, gone);
    send_all(&channel, 1, 2);
    ASSERT(!is_over(second));
    send_all(&channel, 2, 3);
    end_recv(first, 1);
    end_recv(second, 2);
    ASSERT_UINT(0, prs_channel_len(&channel));
    prs_channel_destroy(&channel);
  }
}

/* One waiter that sends to and receives from the same channel: it is no
 * partner of its own. */
static void nobody_meets_himself(void) {
  prs_channel_t channel = new_channel(0);
  prs_wakes_t wakes = {0};
  void *item;
  prs_waiter_t *waiter = prs_waiter_new(2);
  ASSERT(waiter != NULL);
  ASSERT_INT(PRS_CHANNEL_QUEUED,
             prs_channel_send(&channel, message(1), &waiter->nodes[0], &wakes));
  ASSERT_INT(PRS_CHANNEL_QUEUED,
             prs_channel_recv(&channel, &item, &waiter->nodes[1], &wakes));
  send_all(&channel, 2, 3);
  ASSERT_INT(PRS_OK, prs_waiter_wait(waiter, 0));
  ASSERT_UINT(1, waiter->chosen);
  ASSERT_UINT(2, number_of(waiter->nodes[1].item));
  assert_recv_says(PRS_CHANNEL_WOULD_BLOCK, &channel); /* claimed already */
  prs_channel_leave(&channel, &waiter->nodes[0]);
  prs_channel_leave(&channel, &waiter->nodes[1]);
  prs_waiter_free(waiter);
  prs_channel_destroy(&channel);
}

/* ---- a message that is put back ------------------------------------------ */

static void message_put_back_is_the_next_one(void) {
  prs_channel_t channel = new_channel(PRS_UNBOUNDED);
  ASSERT(blocking_unrecv(&channel, message(0))); /* into no ring at all */
  send_all(&channel, 1, 4);
  recv_all(&channel, 0, 2);
  ASSERT(blocking_unrecv(&channel, message(1)));
  ASSERT(blocking_unrecv(&channel, message(0)));
  recv_all(&channel, 0, 4);
  pending_t receiver = queue_recv(&channel);
  ASSERT(blocking_unrecv(&channel, message(9)));
  end_recv(receiver, 9);
  prs_channel_destroy(&channel);
}

/* It may be one too many, and nobody moves up until there is room. */
static void bounded_may_be_fuller_than_full(void) {
  prs_channel_t channel = new_channel(1);
  send_all(&channel, 0, 1);
  pending_t sender = queue_send(&channel, 2);
  recv_all(&channel, 0, 1);
  end_send(sender);
  sender = queue_send(&channel, 3);
  ASSERT(blocking_unrecv(&channel, message(0)));
  ASSERT_UINT(2, prs_channel_len(&channel));
  ASSERT(prs_channel_is_full(&channel));
  recv_all(&channel, 0, 1);
  ASSERT(!is_over(sender));
  recv_all(&channel, 2, 3);
  end_send(sender);
  recv_all(&channel, 3, 4);
  prs_channel_destroy(&channel);
}

static void rendezvous_keeps_what_is_put_back(void) {
  prs_channel_t channel = new_channel(0);
  ASSERT(blocking_unrecv(&channel, message(1)));
  pending_t sender = queue_send(&channel, 2);
  recv_all(&channel, 1, 2);
  ASSERT(!is_over(sender));
  recv_all(&channel, 2, 3);
  end_send(sender);
  prs_channel_destroy(&channel);
}

/* The ring is full, so that it has to grow at its front. */
static void message_is_put_back_into_a_full_ring(void) {
  prs_channel_t channel = new_channel(16);
  send_all(&channel, 0, 8);
  recv_all(&channel, 0, 8);
  send_all(&channel, 1, 17);
  ASSERT_UINT(16, channel.space);
  ASSERT(blocking_unrecv(&channel, message(0)));
  recv_all(&channel, 0, 17);
  prs_channel_destroy(&channel);
}

const check_test_t check_tests[] = {
    TEST(unbounded_keeps_the_order),
    TEST(ring_grows_wherever_its_head_is),
    TEST(large_ring_is_given_back_when_empty),
    TEST(bounded_is_full_at_its_capacity),
    TEST(waiting_senders_go_on_in_their_order),
    TEST(sender_that_gives_up_keeps_its_message),
    TEST(rendezvous_needs_two),
    TEST(waiting_receivers_are_served_in_their_order),
    TEST(nobody_meets_himself),
    TEST(message_put_back_is_the_next_one),
    TEST(bounded_may_be_fuller_than_full),
    TEST(rendezvous_keeps_what_is_put_back),
    TEST(message_is_put_back_into_a_full_ring),
    END_OF_TESTS,
};
