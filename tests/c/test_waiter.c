/* Waiter: one blocked operation, claimed once, whoever wants it. */
#include "blocking.h"

#define MILLISECOND 1000000u

static prs_waiter_t *new_waiter(uint32_t count) {
  prs_waiter_t *waiter = prs_waiter_new(count);
  ASSERT(waiter != NULL);
  return waiter;
}

/* Claim the first of a queue and finish it. Returns: whether one was there. */
static bool wake_first(prs_queue_t *queue) {
  prs_wakes_t wakes = {0};
  prs_node_t *node = prs__queue_claim(queue, NULL, &wakes);
  prs_wakes_send(&wakes);
  return node != NULL;
}

/* ---- one thread ---------------------------------------------------------- */

static void new_waiter_stands_in_no_queue(void) {
  blocking_init();
  prs_waiter_t *waiter = new_waiter(3);
  ASSERT_UINT(3, waiter->count);
  for (uint32_t i = 0; i < 3; i++) {
    ASSERT(waiter->nodes[i].queue == NULL);
    ASSERT(waiter->nodes[i].waiter == waiter);
    prs__queue_remove(&waiter->nodes[i]);
  }
  prs_waiter_free(waiter);
}

static void wait_after_the_finish_returns_at_once(void) {
  blocking_init();
  prs_queue_t queue = {0};
  prs_waiter_t *waiter = new_waiter(2);
  prs__queue_push(&queue, &waiter->nodes[1]);
  ASSERT(wake_first(&queue));
  ASSERT(prs__queue_is_empty(&queue));
  ASSERT_INT(PRS_OK, prs_waiter_wait(waiter, PRS_FOREVER));
  ASSERT_INT(PRS_OK, prs_waiter_wait(waiter, 0));
  ASSERT_UINT(1, waiter->chosen);
  ASSERT(!prs_waiter_cancel(waiter));
  prs_waiter_free(waiter);
}

static void cancelled_waiter_is_not_claimed(void) {
  blocking_init();
  for (int sleeps = 0; sleeps < 2; sleeps++) {
    prs_queue_t queue = {0};
    prs_waiter_t *waiter = new_waiter(1);
    prs__queue_push(&queue, &waiter->nodes[0]);
    if (sleeps) ASSERT_INT(PRS_ETIMEDOUT, prs_waiter_wait(waiter, 0));
    ASSERT(prs_waiter_cancel(waiter));
    ASSERT(!wake_first(&queue));
    ASSERT(!prs__queue_is_empty(&queue));
    prs__queue_remove(&waiter->nodes[0]);
    ASSERT(prs__queue_is_empty(&queue));
    prs_waiter_free(waiter);
  }
}

static void wait_is_never_shorter(void) {
  static const uint64_t times[] = {1, 60000, MILLISECOND, 20 * MILLISECOND};
  blocking_init();
  prs_waiter_t *waiter = new_waiter(1);
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    uint64_t began = prs_now();
    ASSERT_INT(PRS_ETIMEDOUT, prs_waiter_wait(waiter, times[i]));
    ASSERT(prs_now() - began >= times[i]);
  }
  prs_waiter_free(waiter);
}

static void after_a_fork_nobody_will_finish(void) {
  blocking_init();
  prs_waiter_t *waiter = new_waiter(1);
  blocking_fork();
  ASSERT_INT(PRS_EAGAIN, prs_waiter_wait(waiter, PRS_FOREVER));
  ASSERT(prs_waiter_cancel(waiter));
  prs_waiter_free(waiter);
}

/* ---- queues -------------------------------------------------------------- */

enum { MANY = 5 };

typedef struct crowd {
  prs_queue_t queue;
  prs_waiter_t *waiters[MANY];
} crowd_t;

static crowd_t new_crowd(void) {
  blocking_init();
  return (crowd_t){.queue = {0}};
}

static void push_all(crowd_t *crowd) {
  for (int i = 0; i < MANY; i++) {
    crowd->waiters[i] = new_waiter(1);
    prs__queue_push(&crowd->queue, &crowd->waiters[i]->nodes[0]);
  }
}

static void free_all(crowd_t *crowd) {
  for (int i = 0; i < MANY; i++) {
    prs__queue_remove(&crowd->waiters[i]->nodes[0]);
    prs_waiter_free(crowd->waiters[i]);
  }
  ASSERT(prs__queue_is_empty(&crowd->queue));
  ASSERT(crowd->queue.last == NULL);
}

static bool is_finished(prs_waiter_t *waiter) {
  return atomic_load(&waiter->word) == PRS_FINISHED;
}

static void first_come_first_served(void) {
  crowd_t crowd = new_crowd();
  push_all(&crowd);
  for (int i = 0; i < MANY; i++) {
    ASSERT(!is_finished(crowd.waiters[i]));
    ASSERT(wake_first(&crowd.queue));
    ASSERT(is_finished(crowd.waiters[i]));
  }
  ASSERT(!wake_first(&crowd.queue));
  free_all(&crowd);
}

static void anyone_may_leave_the_queue(void) {
  static const int leaving[] = {0, 2, 4};
  crowd_t crowd = new_crowd();
  push_all(&crowd);
  for (size_t i = 0; i < sizeof leaving / sizeof *leaving; i++)
    prs__queue_remove(&crowd.waiters[leaving[i]]->nodes[0]);
  ASSERT(wake_first(&crowd.queue));
  ASSERT(is_finished(crowd.waiters[1]));
  ASSERT(wake_first(&crowd.queue));
  ASSERT(is_finished(crowd.waiters[3]));
  ASSERT(!wake_first(&crowd.queue));
  free_all(&crowd);
}

static void claim_passes_over_itself_and_the_gone(void) {
  crowd_t crowd = new_crowd();
  push_all(&crowd);
  ASSERT(prs_waiter_cancel(crowd.waiters[1]));
  prs_wakes_t wakes = {0};
  prs_node_t *node = prs__queue_claim(&crowd.queue, crowd.waiters[0], &wakes);
  ASSERT(node == &crowd.waiters[2]->nodes[0]);
  ASSERT(!is_finished(crowd.waiters[2]));
  prs_wakes_send(&wakes);
  ASSERT(is_finished(crowd.waiters[2]));
  ASSERT(wake_first(&crowd.queue)); /* to somebody else it is the first */
  ASSERT(is_finished(crowd.waiters[0]));
  free_all(&crowd);
}

static void forgotten_waiters_are_in_no_queue(void) {
  crowd_t crowd = new_crowd();
  push_all(&crowd);
  prs__queue_forget(&crowd.queue);
  ASSERT(prs__queue_is_empty(&crowd.queue));
  for (int i = 0; i < MANY; i++)
    ASSERT(crowd.waiters[i]->nodes[0].queue == NULL);
  free_all(&crowd);
}

/* The second claim comes too late, and must leave the list of the first one
 * whole: there may be others behind. */
static void late_claim_keeps_the_list_of_the_early_one(void) {
  blocking_init();
  prs_queue_t early = {0};
  prs_queue_t late = {0};
  prs_waiter_t *other = new_waiter(1);
  prs_waiter_t *both = new_waiter(2);
  prs__queue_push(&early, &other->nodes[0]);
  prs__queue_push(&early, &both->nodes[0]);
  prs__queue_push(&late, &both->nodes[1]);
  prs_wakes_t wakes = {0};
  ASSERT(prs__queue_claim(&early, NULL, &wakes) == &other->nodes[0]);
  ASSERT(prs__queue_claim(&early, NULL, &wakes) == &both->nodes[0]);
  ASSERT(!wake_first(&late));
  prs_wakes_send(&wakes);
  ASSERT(is_finished(other));
  ASSERT(is_finished(both));
  ASSERT_UINT(0, both->chosen);
  prs__queue_remove(&both->nodes[1]);
  prs_waiter_free(both);
  prs_waiter_free(other);
}

/* ---- those who are told by a call ---------------------------------------- */

static prs_waiter_t *told[3];
static int times_told;
static bool sleeper_was_first;
static prs_waiter_t *sleeper;

static void notify(prs_waiter_t *waiter) {
  told[times_told++] = waiter;
  sleeper_was_first = sleeper_was_first && is_finished(sleeper);
  /* Whoever cancels another one meanwhile is not kept waiting. */
  for (int i = 0; i < 3; i++)
    ASSERT(!prs_waiter_cancel(((prs_waiter_t **)waiter->context)[i]));
}

static void each_is_told_once_and_after_the_threads(void) {
  blocking_init();
  prs_queue_t queue = {0};
  prs_wakes_t wakes = {0};
  prs_waiter_t *waiters[3];
  for (int i = 0; i < 3; i++) {
    waiters[i] = new_waiter(1);
    waiters[i]->notify = notify;
    waiters[i]->context = waiters;
    prs__queue_push(&queue, &waiters[i]->nodes[0]);
  }
  sleeper = new_waiter(1);
  prs__queue_push(&queue, &sleeper->nodes[0]);
  sleeper_was_first = true;
  while (prs__queue_claim(&queue, NULL, &wakes) != NULL) continue;
  prs_wakes_send(&wakes);
  ASSERT_INT(3, times_told);
  ASSERT(sleeper_was_first);
  for (int i = 0; i < 3; i++) {
    ASSERT(told[i] == waiters[i]); /* in the order of their claims */
    prs_waiter_free(waiters[i]);
  }
  prs_waiter_free(sleeper);
}

/* ---- a claimer that takes its time --------------------------------------- */

static prs_wakes_t slow_wakes;
static int yields;

static void yield_to_the_claimer(void) {
  if (++yields == 3) prs_wakes_send(&slow_wakes);
}

/* A waiter that is claimed, and finished at the third look only. */
static prs_waiter_t *new_slowly_claimed(void) {
  blocking_init();
  blocking_os.yield = yield_to_the_claimer;
  prs_queue_t queue = {0};
  prs_waiter_t *waiter = new_waiter(1);
  prs__queue_push(&queue, &waiter->nodes[0]);
  ASSERT(prs__queue_claim(&queue, NULL, &slow_wakes) == &waiter->nodes[0]);
  return waiter;
}

/* Or the claimer would write into a waiter that is gone. */
static void cancel_waits_for_the_claimer(void) {
  prs_waiter_t *waiter = new_slowly_claimed();
  ASSERT(!prs_waiter_cancel(waiter));
  ASSERT(is_finished(waiter));
  ASSERT_INT(3, yields);
  prs_waiter_free(waiter);
}

static void wait_waits_for_the_claimer(void) {
  prs_waiter_t *waiter = new_slowly_claimed();
  ASSERT_INT(PRS_OK, prs_waiter_wait(waiter, 0));
  ASSERT(is_finished(waiter));
  ASSERT_INT(3, yields);
  prs_waiter_free(waiter);
}

/* ---- odd waits ----------------------------------------------------------- */

static int waits;
static prs_queue_t odd_queue;

static int wait_that_ends_for_no_reason(_Atomic uint32_t *word,
                                        uint32_t expected, uint64_t timeout) {
  (void)timeout;
  ASSERT_UINT(PRS_SLEEPS, expected);
  ASSERT_UINT(PRS_SLEEPS, atomic_load(word));
  if (++waits == 3) ASSERT(wake_first(&odd_queue));
  return waits == 2 ? PRS_ETIMEDOUT : PRS_OK;
}

static void odd_ends_of_a_wait_are_seen_through(void) {
  blocking_init();
  blocking_os.wait = wait_that_ends_for_no_reason;
  prs_waiter_t *waiter = new_waiter(1);
  prs__queue_push(&odd_queue, &waiter->nodes[0]);
  ASSERT_INT(PRS_OK, prs_waiter_wait(waiter, PRS_FOREVER));
  ASSERT_INT(3, waits);
  prs_waiter_free(waiter);
}

static int wait_until_a_signal(_Atomic uint32_t *word, uint32_t expected,
                               uint64_t timeout) {
  (void)word;
  (void)expected;
  (void)timeout;
  return PRS_EINTR;
}

static void after_a_signal_it_may_be_waited_for_again(void) {
  blocking_init();
  blocking_os.wait = wait_until_a_signal;
  prs_queue_t queue = {0};
  prs_waiter_t *waiter = new_waiter(1);
  prs__queue_push(&queue, &waiter->nodes[0]);
  for (int i = 0; i < 3; i++)
    ASSERT_INT(PRS_EINTR, prs_waiter_wait(waiter, PRS_FOREVER));
  ASSERT(wake_first(&queue));
  ASSERT_INT(PRS_OK, prs_waiter_wait(waiter, PRS_FOREVER));
  prs_waiter_free(waiter);
}

const check_test_t check_tests[] = {
    TEST(new_waiter_stands_in_no_queue),
    TEST(wait_after_the_finish_returns_at_once),
    TEST(cancelled_waiter_is_not_claimed),
    TEST(wait_is_never_shorter),
    TEST(after_a_fork_nobody_will_finish),
    TEST(first_come_first_served),
    TEST(anyone_may_leave_the_queue),
    TEST(claim_passes_over_itself_and_the_gone),
    TEST(forgotten_waiters_are_in_no_queue),
    TEST(late_claim_keeps_the_list_of_the_early_one),
    TEST(each_is_told_once_and_after_the_threads),
    TEST(cancel_waits_for_the_claimer),
    TEST(wait_waits_for_the_claimer),
    TEST(odd_ends_of_a_wait_are_seen_through),
    TEST(after_a_signal_it_may_be_waited_for_again),
    END_OF_TESTS,
};
