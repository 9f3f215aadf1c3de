/* Channel: when a side goes, when a process forks, and when a thread waits. */
#include "pending.h"

#define MILLISECOND 1000000u

/* ---- the other side is gone ---------------------------------------------- */

static void receivers_get_what_was_sent_before_the_end(void) {
  prs_channel_t channel = new_channel(PRS_UNBOUNDED);
  prs_channel_add_sender(&channel);
  send_all(&channel, 0, 3);
  blocking_drop_sender(&channel);
  ASSERT(prs_channel_has_senders(&channel));
  blocking_drop_sender(&channel);
  ASSERT(!prs_channel_has_senders(&channel));
  recv_all(&channel, 0, 3);
  assert_recv_says(PRS_CHANNEL_DISCONNECTED, &channel);
  ASSERT(blocking_unrecv(&channel, message(2)));
  recv_all(&channel, 2, 3);
  prs_channel_destroy(&channel);
}

static size_t lost_count;

static void count_lost(void *item) {
  ASSERT_UINT(lost_count, number_of(item));
  lost_count++;
}

static void last_receiver_drains(void) {
  prs_channel_t channel = new_channel(PRS_UNBOUNDED);
  prs_channel_add_receiver(&channel);
  send_all(&channel, 0, 30);
  blocking_drop_receiver(&channel, count_lost);
  ASSERT(prs_channel_has_receivers(&channel));
  ASSERT_UINT(0, lost_count);
  blocking_drop_receiver(&channel, count_lost);
  ASSERT(!prs_channel_has_receivers(&channel));
  ASSERT_UINT(30, lost_count);
  ASSERT_INT(PRS_CHANNEL_DISCONNECTED, blocking_try_send(&channel, message(0)));
  ASSERT(!blocking_unrecv(&channel, message(0)));
  prs_channel_destroy(&channel);
}

enum { WAITING = 7 };

/* How many of them are over, all with DISCONNECTED. */
static int count_disconnected(const pending_t *waiting) {
  int count = 0;
  for (int i = 0; i < WAITING; i++) {
    if (!is_over(waiting[i])) continue;
    ASSERT_INT(PRS_CHANNEL_DISCONNECTED, waiting[i].node->status);
    count++;
  }
  return count;
}

/* The first PRS_CHAIN are woken by the drop, then as many by each of them. */
static void assert_chain(prs_channel_t *channel, pending_t *waiting) {
  int awake = PRS_CHAIN;
  while (count_disconnected(waiting) < WAITING) {
    ASSERT_INT(awake, count_disconnected(waiting));
    prs_wakes_t wakes = {0};
    prs_channel_chain(channel, &wakes);
    prs_wakes_send(&wakes);
    awake = awake + PRS_CHAIN < WAITING ? awake + PRS_CHAIN : WAITING;
  }
  for (int i = 0; i < WAITING; i++)
    ASSERT_INT(PRS_CHANNEL_DISCONNECTED, end_pending(waiting[i]));
  prs_channel_destroy(channel);
}

static void receivers_wake_as_a_chain(void) {
  prs_channel_t channel = new_channel(0);
  pending_t waiting[WAITING];
  for (int i = 0; i < WAITING; i++) waiting[i] = queue_recv(&channel);
  blocking_drop_sender(&channel);
  assert_chain(&channel, waiting);
}

static void senders_wake_as_a_chain_and_keep_their_messages(void) {
  prs_channel_t channel = new_channel(0);
  pending_t waiting[WAITING];
  for (size_t i = 0; i < WAITING; i++) waiting[i] = queue_send(&channel, i);
  blocking_drop_receiver(&channel, NULL);
  for (size_t i = 0; i < WAITING; i++)
    ASSERT_UINT(i, number_of(waiting[i].node->item));
  assert_chain(&channel, waiting);
}

static int times_told;

static void count_told(prs_waiter_t *waiter) {
  (void)waiter;
  times_told++;
}

/* Who is told by a call wakes nobody, so it takes no thread's place. */
static void calls_are_no_links_of_the_chain(void) {
  prs_channel_t channel = new_channel(0);
  pending_t waiting[WAITING];
  for (int i = 0; i < WAITING; i++) {
    waiting[i] = queue_recv(&channel);
    if (i % 2 == 0) waiting[i].waiter->notify = count_told;
  }
  blocking_drop_sender(&channel);
  ASSERT_INT(2 + PRS_CHAIN, count_disconnected(waiting));
  ASSERT_INT(2, times_told);
  prs_wakes_t wakes = {0};
  prs_channel_chain(&channel, &wakes);
  prs_wakes_send(&wakes);
  ASSERT_INT(WAITING, count_disconnected(waiting));
  ASSERT_INT(4, times_told);
  for (int i = 0; i < WAITING; i++) (void)end_pending(waiting[i]);
  prs_channel_destroy(&channel);
}

/* ---- fork ---------------------------------------------------------------- */

static void child_of_a_fork_has_the_messages_but_no_waiters(void) {
  prs_channel_t channel = new_channel(1);
  send_all(&channel, 0, 1);
  pending_t lost = queue_send(&channel, 1);
  blocking_fork();
  recv_all(&channel, 0, 1);
  assert_recv_says(PRS_CHANNEL_WOULD_BLOCK, &channel);
  ASSERT(!is_over(lost));
  ASSERT(lost.node->queue == NULL);
  pending_t receiver = queue_recv(&channel);
  send_all(&channel, 2, 3);
  end_recv(receiver, 2);
  give_up(&channel, lost);
  prs_channel_destroy(&channel);
}

/* The thread that forks may wait itself: a signal handler ran meanwhile. */
static void who_forked_while_waiting_starts_over(void) {
  prs_channel_t channel = new_channel(1);
  pending_t receiver = queue_recv(&channel);
  ASSERT_INT(PRS_ETIMEDOUT, prs_waiter_wait(receiver.waiter, 0));
  blocking_fork();
  ASSERT_INT(PRS_EAGAIN, prs_waiter_wait(receiver.waiter, PRS_FOREVER));
  give_up(&channel, receiver);
  ASSERT(prs__queue_is_empty(&channel.receiving));
  prs_channel_destroy(&channel);
}

/* ---- visit --------------------------------------------------------------- */

static int visit_up_to_five(void *item, void *arg) {
  size_t *next = arg;
  ASSERT_UINT(*next, number_of(item));
  return ++*next == 5 ? -1 : 0;
}

static void visit_sees_each_message_and_may_stop(void) {
  prs_channel_t channel = new_channel(PRS_UNBOUNDED);
  send_all(&channel, 0, 15);
  recv_all(&channel, 0, 14);
  send_all(&channel, 15, 18); /* around the end of the ring */
  size_t next = 14;
  ASSERT_INT(0, prs_channel_visit(&channel, visit_up_to_five, &next));
  ASSERT_UINT(18, next);
  recv_all(&channel, 14, 18);
  send_all(&channel, 0, 9);
  next = 0;
  ASSERT_INT(-1, prs_channel_visit(&channel, visit_up_to_five, &next));
  ASSERT_UINT(5, next);
  prs_channel_destroy(&channel);
}

/* ---- two threads --------------------------------------------------------- */

static void send_in_thread(void *channel) {
  ASSERT_INT(PRS_CHANNEL_DONE, blocking_send(channel, message(5), PRS_FOREVER));
}

static bool somebody_waits(prs_channel_t *channel) {
  prs__guard_enter(&channel->guard);
  bool waits = channel->sending.first != NULL &&
               atomic_load(&channel->sending.first->waiter->word) == PRS_SLEEPS;
  prs__guard_leave(&channel->guard);
  return waits;
}

static void receiver_wakes_the_sender_that_sleeps(void) {
  prs_channel_t channel = new_channel(0);
  check_thread_t thread;
  void *item = NULL;
  check_thread_start(&thread, send_in_thread, &channel);
  ASSERT_SOON(somebody_waits(&channel));
  ASSERT_INT(PRS_CHANNEL_DONE, blocking_recv(&channel, &item, PRS_FOREVER));
  ASSERT_UINT(5, number_of(item));
  check_thread_join(&thread);
  prs_channel_destroy(&channel);
}

static void time_is_over_without_a_partner(void) {
  prs_channel_t channel = new_channel(0);
  void *item = NULL;
  uint64_t began = prs_now();
  ASSERT_INT(BLOCKING_TIMED_OUT, blocking_recv(&channel, &item, MILLISECOND));
  ASSERT_INT(BLOCKING_TIMED_OUT,
             blocking_send(&channel, message(1), MILLISECOND));
  ASSERT(prs_now() - began >= 2 * MILLISECOND);
  ASSERT(prs__queue_is_empty(&channel.receiving));
  ASSERT(prs__queue_is_empty(&channel.sending));
  prs_channel_destroy(&channel);
}

static void clear_takes_what_unreachable_receivers_left(void) {
  prs_channel_t channel;
  int item = 0;
  blocking_init();
  prs_channel_init(&channel, PRS_UNBOUNDED);
  ASSERT_INT(PRS_CHANNEL_DONE, blocking_try_send(&channel, &item));
  ASSERT(prs_channel_clear(&channel) == &item);
  ASSERT(prs_channel_clear(&channel) == NULL);
  prs_channel_destroy(&channel);
}

const check_test_t check_tests[] = {
    TEST(clear_takes_what_unreachable_receivers_left),
    TEST(receivers_get_what_was_sent_before_the_end),
    TEST(last_receiver_drains),
    TEST(receivers_wake_as_a_chain),
    TEST(senders_wake_as_a_chain_and_keep_their_messages),
    TEST(calls_are_no_links_of_the_chain),
    TEST(child_of_a_fork_has_the_messages_but_no_waiters),
    TEST(who_forked_while_waiting_starts_over),
    TEST(visit_sees_each_message_and_may_stop),
    TEST(receiver_wakes_the_sender_that_sleeps),
    TEST(time_is_over_without_a_partner),
    END_OF_TESTS,
};
