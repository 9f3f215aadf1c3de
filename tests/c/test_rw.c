/* A lock, step by step: who gets in, who is woken, who is next. */
#include "locking.h"

static prs_rw_t new_lock(void) {
  prs_rw_t rw;
  blocking_init();
  prs_rw_init(&rw);
  return rw;
}

static prs_rw_t new_written(void) {
  prs_rw_t rw = new_lock();
  ASSERT(prs_rw_enter_first(&rw));
  return rw;
}

static void assert_free(prs_rw_t *rw) {
  ASSERT_UINT(0, atomic_load(&rw->word));
  ASSERT_UINT(0, prs_rw_waiting(rw));
  ASSERT(!rw->waking);
}

static void free_lock_is_taken_at_once(void) {
  prs_rw_t rw = new_lock();
  ASSERT(!prs_rw_leave_first(&rw));
  ASSERT(prs_rw_enter_first(&rw));
  ASSERT(prs_rw_is_written(&rw));
  ASSERT(!prs_rw_enter_first(&rw));
  ASSERT_INT(PRS_RW_BUSY, try_to_enter(&rw, PRS_RW_WRITES));
  ASSERT_INT(PRS_RW_BUSY, try_to_enter(&rw, PRS_RW_READS));
  ASSERT(prs_rw_leave_first(&rw));
  assert_free(&rw);
}

static void many_read_or_one_writes(void) {
  prs_rw_t rw = new_lock();
  for (int i = 0; i < 3; i++)
    ASSERT_INT(PRS_RW_ENTERED, try_to_enter(&rw, PRS_RW_READS));
  for (int i = 0; i < 3; i++) {
    ASSERT(!prs_rw_enter_first(&rw));
    ASSERT_INT(PRS_RW_BUSY, try_to_enter(&rw, PRS_RW_WRITES));
    locking_leave(&rw, PRS_RW_READS);
  }
  ASSERT_INT(PRS_RW_ENTERED, try_to_enter(&rw, PRS_RW_WRITES));
  ASSERT_INT(PRS_RW_BUSY, try_to_enter(&rw, PRS_RW_READS));
  locking_leave(&rw, PRS_RW_WRITES);
  assert_free(&rw);
}

static void leaving_wakes_one_after_the_other(void) {
  prs_rw_t rw = new_written();
  prs_waiter_t *one = queue_up(&rw, PRS_RW_WRITES);
  prs_waiter_t *two = queue_up(&rw, PRS_RW_WRITES);
  ASSERT_UINT(2, prs_rw_waiting(&rw));
  ASSERT(!prs_rw_leave_first(&rw));
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT(is_claimed(one) && !is_claimed(two));
  ASSERT_INT(PRS_RW_ENTERED, try_again(&rw, one, 0));
  ASSERT(!is_claimed(two));
  prs_waiter_free(one);
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT_INT(PRS_RW_ENTERED, try_again(&rw, two, 0));
  prs_waiter_free(two);
  locking_leave(&rw, PRS_RW_WRITES);
  assert_free(&rw);
}

/* Somebody else was quicker, and leaves again before the woken one tries. */
static void nobody_else_is_woken_before_he_has_tried(void) {
  prs_rw_t rw = new_written();
  prs_waiter_t *one = queue_up(&rw, PRS_RW_WRITES);
  prs_waiter_t *two = queue_up(&rw, PRS_RW_WRITES);
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT_INT(PRS_RW_ENTERED, try_to_enter(&rw, PRS_RW_WRITES));
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT(is_claimed(one) && !is_claimed(two));
  ASSERT_INT(PRS_RW_ENTERED, try_again(&rw, one, 0));
  prs_waiter_free(one);
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT_INT(PRS_RW_RETRY, end_of(two));
}

static void who_tried_in_vain_is_next(void) {
  prs_rw_t rw = new_written();
  prs_waiter_t *one = queue_up(&rw, PRS_RW_WRITES);
  prs_waiter_t *two = queue_up(&rw, PRS_RW_WRITES);
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT_INT(PRS_RW_ENTERED, try_to_enter(&rw, PRS_RW_WRITES));
  ASSERT_INT(PRS_RW_QUEUED, try_again(&rw, one, 0));
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT(is_claimed(one) && !is_claimed(two));
  ASSERT_INT(PRS_RW_ENTERED, try_again(&rw, one, 0));
  locking_leave(&rw, PRS_RW_WRITES);
  prs_waiter_free(one);
  ASSERT_INT(PRS_RW_RETRY, end_of(two));
}

static void hungry_one_is_handed_the_lock(void) {
  prs_rw_t rw = new_written();
  prs_waiter_t *one = queue_up(&rw, PRS_RW_WRITES);
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT_INT(PRS_RW_ENTERED, try_to_enter(&rw, PRS_RW_WRITES));
  ASSERT_INT(PRS_RW_QUEUED, try_again(&rw, one, PRS_RW_HUNGRY));
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT(prs_rw_is_written(&rw));
  ASSERT_INT(PRS_RW_BUSY, try_to_enter(&rw, PRS_RW_WRITES));
  ASSERT_INT(PRS_RW_GRANTED, end_of(one));
  locking_leave(&rw, PRS_RW_WRITES);
  assert_free(&rw);
}

static void readers_wait_behind_a_writer(void) {
  prs_rw_t rw = new_lock();
  ASSERT_INT(PRS_RW_ENTERED, try_to_enter(&rw, PRS_RW_READS));
  prs_waiter_t *writer = queue_up(&rw, PRS_RW_WRITES);
  ASSERT_INT(PRS_RW_BUSY, try_to_enter(&rw, PRS_RW_READS));
  ASSERT_INT(PRS_RW_ENTERED, try_to_enter(&rw, PRS_RW_READS | PRS_RW_INSIDE));
  locking_leave(&rw, PRS_RW_READS);
  ASSERT(!is_claimed(writer));
  locking_leave(&rw, PRS_RW_READS);
  ASSERT_INT(PRS_RW_BUSY, try_to_enter(&rw, PRS_RW_READS));
  ASSERT_INT(PRS_RW_ENTERED, try_again(&rw, writer, 0));
  prs_waiter_free(writer);
}

static void readers_wake_each_other(void) {
  prs_rw_t rw = new_written();
  prs_waiter_t *readers[4];
  for (int i = 0; i < 4; i++) readers[i] = queue_up(&rw, PRS_RW_READS);
  prs_waiter_t *writer = queue_up(&rw, PRS_RW_WRITES);
  locking_leave(&rw, PRS_RW_WRITES);
  for (int i = 0; i < 4; i++) {
    if (i < 3) ASSERT(!is_claimed(readers[i + 1]));
    ASSERT_INT(PRS_RW_ENTERED, try_again(&rw, readers[i], 0));
    prs_waiter_free(readers[i]);
  }
  ASSERT(!is_claimed(writer));
  for (int i = 0; i < 4; i++) locking_leave(&rw, PRS_RW_READS);
  ASSERT_INT(PRS_RW_RETRY, end_of(writer));
}

static void downgrade_lets_readers_in(void) {
  prs_rw_t rw = new_written();
  prs_waiter_t *reader = queue_up(&rw, PRS_RW_READS);
  prs_waiter_t *writer = queue_up(&rw, PRS_RW_WRITES);
  locking_downgrade(&rw);
  ASSERT(!prs_rw_is_written(&rw));
  ASSERT_INT(PRS_RW_ENTERED, try_again(&rw, reader, 0));
  ASSERT(!is_claimed(writer));
  prs_waiter_free(reader);
  locking_leave(&rw, PRS_RW_READS);
  locking_leave(&rw, PRS_RW_READS);
  ASSERT_INT(PRS_RW_RETRY, end_of(writer));
}

/* ---- the end of a wait --------------------------------------------------- */

static void give_up_one(prs_rw_t *rw, prs_waiter_t *waiter) {
  prs_wakes_t wakes = {0};
  bool claimed = !prs_waiter_cancel(waiter);
  prs_rw_give_up(rw, &waiter->nodes[0], claimed, &wakes);
  prs_wakes_send(&wakes);
  prs_waiter_free(waiter);
}

static void writer_that_gives_up_lets_readers_in(void) {
  prs_rw_t rw = new_lock();
  ASSERT_INT(PRS_RW_ENTERED, try_to_enter(&rw, PRS_RW_READS));
  prs_waiter_t *writer = queue_up(&rw, PRS_RW_WRITES);
  prs_waiter_t *reader = queue_up(&rw, PRS_RW_READS);
  give_up_one(&rw, writer);
  ASSERT_INT(PRS_RW_ENTERED, try_again(&rw, reader, 0));
  prs_waiter_free(reader);
  locking_leave(&rw, PRS_RW_READS);
  locking_leave(&rw, PRS_RW_READS);
  assert_free(&rw);
}

static void woken_one_that_gives_up_wakes_the_next(void) {
  prs_rw_t rw = new_written();
  prs_waiter_t *one = queue_up(&rw, PRS_RW_WRITES);
  prs_waiter_t *two = queue_up(&rw, PRS_RW_WRITES);
  locking_leave(&rw, PRS_RW_WRITES);
  give_up_one(&rw, one);
  ASSERT_INT(PRS_RW_ENTERED, try_again(&rw, two, 0));
  prs_waiter_free(two);
  locking_leave(&rw, PRS_RW_WRITES);
  assert_free(&rw);
}

static void lock_that_was_handed_over_goes_back(void) {
  prs_rw_t rw = new_written();
  prs_waiter_t *one = queue_up(&rw, PRS_RW_WRITES | PRS_RW_HUNGRY);
  prs_waiter_t *two = queue_up(&rw, PRS_RW_WRITES);
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT(prs_rw_is_written(&rw));
  give_up_one(&rw, one);
  ASSERT(!prs_rw_is_written(&rw));
  ASSERT_INT(PRS_RW_RETRY, end_of(two));
}

static void closed_lock_sends_everybody_away(void) {
  prs_wakes_t wakes = {0};
  prs_rw_t rw = new_written();
  ASSERT_INT(PRS_RW_BUSY, prs_rw_close(&rw, &wakes));
  prs_waiter_t *one = queue_up(&rw, PRS_RW_WRITES);
  prs_waiter_t *two = queue_up(&rw, PRS_RW_READS);
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT_INT(PRS_RW_ENTERED, prs_rw_close(&rw, &wakes));
  prs_wakes_send(&wakes);
  ASSERT_INT(PRS_RW_CLOSED, prs_rw_close(&rw, &wakes));
  ASSERT_INT(PRS_RW_CLOSED, try_to_enter(&rw, PRS_RW_READS));
  ASSERT(!prs_rw_enter_first(&rw));
  ASSERT_INT(PRS_RW_CLOSED, try_again(&rw, one, 0));
  ASSERT_INT(PRS_RW_CLOSED, try_again(&rw, two, 0));
  prs_waiter_free(one);
  prs_waiter_free(two);
}

/* ---- adoption and fork --------------------------------------------------- */

static void only_a_written_lock_adopts(void) {
  prs_rw_t rw = new_lock();
  prs_queue_t queue = {0};
  prs_waiter_t *waiter = prs_waiter_new(2);
  ASSERT(waiter != NULL);
  prs__queue_push(&queue, &waiter->nodes[1]);
  ASSERT(!prs_rw_adopt(&rw, &waiter->nodes[0], &waiter->nodes[1]));
  ASSERT(!prs__queue_is_empty(&queue));
  ASSERT(prs_rw_enter_first(&rw));
  ASSERT(prs_rw_adopt(&rw, &waiter->nodes[0], &waiter->nodes[1]));
  ASSERT(prs__queue_is_empty(&queue));
  ASSERT_UINT(1, prs_rw_waiting(&rw));
  locking_leave(&rw, PRS_RW_WRITES);
  ASSERT_INT(PRS_RW_ENTERED, try_again(&rw, waiter, 0));
  blocking_fork();
  prs_waiter_renew(waiter);
  ASSERT(!prs_rw_adopt(&rw, &waiter->nodes[0], &waiter->nodes[1]));
  prs_waiter_free(waiter);
}

static void child_of_a_fork_keeps_what_it_has(void) {
  prs_rw_t rw = new_lock();
  ASSERT_INT(PRS_RW_ENTERED, try_to_enter(&rw, PRS_RW_READS));
  ASSERT_INT(PRS_RW_ENTERED, try_to_enter(&rw, PRS_RW_READS));
  prs_waiter_t *waiter = queue_up(&rw, PRS_RW_WRITES);
  blocking_fork();
  prs_rw_forget(&rw, false, 1);
  ASSERT_UINT(0, prs_rw_waiting(&rw));
  ASSERT_INT(PRS_EAGAIN, prs_waiter_wait(waiter, PRS_FOREVER));
  ASSERT(prs_waiter_cancel(waiter));
  prs_waiter_free(waiter);
  ASSERT_INT(PRS_RW_BUSY, try_to_enter(&rw, PRS_RW_WRITES));
  locking_leave(&rw, PRS_RW_READS);
  assert_free(&rw);
  prs_rw_forget(&rw, true, 0);
  ASSERT(prs_rw_is_written(&rw));
  locking_leave(&rw, PRS_RW_WRITES);
  assert_free(&rw);
}

const check_test_t check_tests[] = {
    TEST(free_lock_is_taken_at_once),
    TEST(many_read_or_one_writes),
    TEST(leaving_wakes_one_after_the_other),
    TEST(nobody_else_is_woken_before_he_has_tried),
    TEST(who_tried_in_vain_is_next),
    TEST(hungry_one_is_handed_the_lock),
    TEST(readers_wait_behind_a_writer),
    TEST(readers_wake_each_other),
    TEST(downgrade_lets_readers_in),
    TEST(writer_that_gives_up_lets_readers_in),
    TEST(woken_one_that_gives_up_wakes_the_next),
    TEST(lock_that_was_handed_over_goes_back),
    TEST(closed_lock_sends_everybody_away),
    TEST(only_a_written_lock_adopts),
    TEST(child_of_a_fork_keeps_what_it_has),
    END_OF_TESTS,
};
