/* A condvar, step by step: who is notified, who is moved, who is left. */
#include "locking.h"

enum { CROWD = 9 };

static prs_condvar_t condvar;
static prs_rw_t mutex;

static void start(void) {
  blocking_init();
  prs_condvar_init(&condvar);
  prs_rw_init(&mutex);
}

static prs_waiter_t *join_it(void) {
  prs_waiter_t *waiter = prs_waiter_new(2);
  ASSERT(waiter != NULL);
  prs_condvar_join(&condvar, waiter, &mutex);
  return waiter;
}

static void chain(void) {
  prs_wakes_t wakes = {0};
  prs_condvar_chain(&condvar, &wakes);
  prs_wakes_send(&wakes);
}

static void give_up_mutex(prs_waiter_t *waiter) {
  prs_wakes_t wakes = {0};
  prs_rw_give_up(&mutex, &waiter->nodes[PRS_MUTEX_NODE], false, &wakes);
  prs_wakes_send(&wakes);
}

static int count_claimed(prs_waiter_t *const *waiters, int count) {
  int claimed = 0;
  for (int i = 0; i < count; i++) claimed += is_claimed(waiters[i]);
  return claimed;
}

static void notification_of_nobody_is_not_kept(void) {
  start();
  locking_notify_one(&condvar);
  locking_notify_all(&condvar);
  prs_waiter_t *waiter = join_it();
  ASSERT(!is_claimed(waiter));
  ASSERT_UINT(1, prs_condvar_waiting(&condvar));
  ASSERT(prs_waiter_cancel(waiter));
  ASSERT(!prs_condvar_leave(&condvar, waiter));
  ASSERT_UINT(0, prs_condvar_waiting(&condvar));
  prs_waiter_free(waiter);
}

static void first_to_wait_is_first_to_go(void) {
  start();
  prs_waiter_t *waiters[3];
  for (int i = 0; i < 3; i++) waiters[i] = join_it();
  for (int i = 0; i < 3; i++) {
    ASSERT(!is_claimed(waiters[i]));
    locking_notify_one(&condvar);
    ASSERT(is_claimed(waiters[i]));
    ASSERT_UINT(PRS_CONDVAR_NODE, waiters[i]->chosen);
    ASSERT_UINT(2u - (uint32_t)i, prs_condvar_waiting(&condvar));
    prs_waiter_free(waiters[i]);
  }
}

static void held_mutex_takes_over_who_is_notified(void) {
  start();
  prs_waiter_t *waiter = join_it();
  ASSERT(prs_rw_enter_first(&mutex));
  locking_notify_one(&condvar);
  ASSERT(!is_claimed(waiter));
  ASSERT_UINT(0, prs_condvar_waiting(&condvar));
  ASSERT_UINT(1, prs_rw_waiting(&mutex));
  locking_leave(&mutex, PRS_RW_WRITES);
  ASSERT(is_claimed(waiter));
  ASSERT_UINT(PRS_MUTEX_NODE, waiter->chosen);
  ASSERT_INT(PRS_RW_RETRY, end_of(waiter));
}

static void who_was_moved_and_gives_up_was_notified(void) {
  start();
  prs_waiter_t *waiter = join_it();
  ASSERT(prs_rw_enter_first(&mutex));
  locking_notify_one(&condvar);
  ASSERT(prs_waiter_cancel(waiter));
  ASSERT(prs_condvar_leave(&condvar, waiter));
  give_up_mutex(waiter);
  ASSERT_UINT(0, prs_rw_waiting(&mutex));
  prs_waiter_free(waiter);
}

/* He takes himself out; the notification is for the next one. */
static void who_has_given_up_is_passed_over(void) {
  start();
  prs_waiter_t *one = join_it();
  prs_waiter_t *two = join_it();
  ASSERT(prs_waiter_cancel(one));
  ASSERT(prs_rw_enter_first(&mutex));
  locking_notify_one(&condvar);
  ASSERT_INT(0, end_of(two));
  ASSERT(!prs_condvar_leave(&condvar, one));
  prs_waiter_free(one);
}

static void all_of_them_wake_each_other(void) {
  start();
  prs_waiter_t *waiters[CROWD];
  for (int i = 0; i < CROWD; i++) waiters[i] = join_it();
  locking_notify_all(&condvar);
  ASSERT_UINT(0, prs_condvar_waiting(&condvar));
  for (int claimed = PRS_CHAIN; claimed < CROWD; claimed += PRS_CHAIN) {
    ASSERT_INT(claimed, count_claimed(waiters, CROWD));
    chain();
  }
  ASSERT_INT(CROWD, count_claimed(waiters, CROWD));
  for (int i = 0; i < CROWD; i++) prs_waiter_free(waiters[i]);
}

static void held_mutex_takes_over_all(void) {
  start();
  prs_waiter_t *waiters[CROWD];
  for (int i = 0; i < CROWD; i++) waiters[i] = join_it();
  ASSERT(prs_rw_enter_first(&mutex));
  locking_notify_all(&condvar);
  ASSERT_INT(0, count_claimed(waiters, CROWD));
  ASSERT_UINT(CROWD, prs_rw_waiting(&mutex));
  for (int i = 0; i < CROWD; i++) {
    ASSERT(prs_waiter_cancel(waiters[i]));
    ASSERT(prs_condvar_leave(&condvar, waiters[i]));
    give_up_mutex(waiters[i]);
    prs_waiter_free(waiters[i]);
  }
}

/* Those on their way have been notified already. */
static void later_notification_is_for_who_came_later(void) {
  start();
  prs_waiter_t *waiters[CROWD];
  for (int i = 0; i < CROWD; i++) waiters[i] = join_it();
  locking_notify_all(&condvar);
  prs_waiter_t *late = join_it();
  ASSERT_UINT(1, prs_condvar_waiting(&condvar));
  locking_notify_one(&condvar);
  ASSERT_INT(0, end_of(late));
  late = join_it();
  locking_notify_all(&condvar);
  ASSERT_INT(2 * PRS_CHAIN, count_claimed(waiters, CROWD));
  for (int i = 0; i < CROWD; i++) chain();
  ASSERT_INT(CROWD, count_claimed(waiters, CROWD));
  ASSERT_INT(0, end_of(late));
  for (int i = 0; i < CROWD; i++) prs_waiter_free(waiters[i]);
}

static void nobody_waits_in_the_child_of_a_fork(void) {
  start();
  prs_waiter_t *lost = join_it();
  blocking_fork();
  ASSERT_UINT(0, prs_condvar_waiting(&condvar));
  locking_notify_all(&condvar);
  ASSERT(!is_claimed(lost));
  ASSERT(!prs_condvar_leave(&condvar, lost));
  prs_waiter_free(lost);
}

const check_test_t check_tests[] = {
    TEST(notification_of_nobody_is_not_kept),
    TEST(first_to_wait_is_first_to_go),
    TEST(held_mutex_takes_over_who_is_notified),
    TEST(who_was_moved_and_gives_up_was_notified),
    TEST(who_has_given_up_is_passed_over),
    TEST(all_of_them_wake_each_other),
    TEST(held_mutex_takes_over_all),
    TEST(later_notification_is_for_who_came_later),
    TEST(nobody_waits_in_the_child_of_a_fork),
    END_OF_TESTS,
};
