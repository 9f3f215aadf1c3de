/* Tokens: what a stop marks, and whom it wakes. */
#include "locking.h"

enum { CROWD = 9, DEEP = 50000 };

static prs_stop_t *new_token(prs_stop_t *parent) {
  prs_stop_t *stop = prs_stop_new(parent);
  ASSERT(stop != NULL);
  return stop;
}

static prs_waiter_t *enter(prs_stop_t *stop) {
  prs_waiter_t *waiter = prs_waiter_new(1);
  ASSERT(waiter != NULL);
  ASSERT(prs_stop_enter(stop, &waiter->nodes[0]));
  return waiter;
}

/* What each thread does after its wait. */
static void leave(prs_stop_t *stop, prs_waiter_t *waiter) {
  prs_wakes_t wakes = {0};
  prs_stop_leave(stop, &waiter->nodes[0], &wakes);
  prs_wakes_send(&wakes);
  prs_waiter_free(waiter);
}

static void stop_goes_down_and_not_up(void) {
  blocking_init();
  prs_stop_t *root = new_token(NULL);
  prs_stop_t *child = new_token(root);
  prs_stop_t *sibling = new_token(root);
  prs_stop_t *grandchild = new_token(child);
  locking_stop(child);
  locking_stop(child);
  ASSERT(prs_stop_is_stopped(child) && prs_stop_is_stopped(grandchild));
  ASSERT(!prs_stop_is_stopped(root) && !prs_stop_is_stopped(sibling));
  prs_stop_t *late = new_token(grandchild);
  ASSERT(prs_stop_is_stopped(late));
  locking_stop(root);
  ASSERT(prs_stop_is_stopped(root) && prs_stop_is_stopped(sibling));
  prs_stop_t *all[] = {root, child, sibling, grandchild, late};
  for (int i = 0; i < 5; i++) prs_stop_unref(all[i]);
}

static void nobody_waits_for_a_stopped_token(void) {
  blocking_init();
  prs_stop_t *stop = new_token(NULL);
  prs_waiter_t *waiter = enter(stop);
  locking_stop(stop);
  ASSERT(is_claimed(waiter));
  leave(stop, waiter);
  waiter = prs_waiter_new(1);
  ASSERT(waiter != NULL);
  ASSERT(!prs_stop_enter(stop, &waiter->nodes[0]));
  ASSERT(waiter->nodes[0].queue == NULL);
  prs_waiter_free(waiter);
  prs_stop_unref(stop);
}

static void who_leaves_early_is_not_woken(void) {
  blocking_init();
  prs_stop_t *stop = new_token(NULL);
  prs_waiter_t *waiter = enter(stop);
  ASSERT(prs_waiter_cancel(waiter));
  leave(stop, waiter);
  ASSERT(prs__queue_is_empty(&stop->waiting));
  locking_stop(stop);
  prs_stop_unref(stop);
}

/* At each token of a tree some wait; the next are woken by who leaves. */
static void all_of_a_tree_wake_each_other(void) {
  blocking_init();
  prs_stop_t *stops[3];
  prs_waiter_t *waiters[CROWD];
  bool left[CROWD] = {false};
  stops[0] = new_token(NULL);
  for (int i = 1; i < 3; i++) stops[i] = new_token(stops[i - 1]);
  for (int i = 0; i < CROWD; i++) waiters[i] = enter(stops[i % 3]);
  locking_stop(stops[0]);
  int rounds = 0;
  for (int done = 0; done < CROWD; rounds++)
    for (int i = 0; i < CROWD; i++) {
      ASSERT(rounds <= CROWD);
      if (left[i] || !is_claimed(waiters[i])) continue;
      leave(stops[i % 3], waiters[i]);
      left[i] = true;
      done++;
    }
  for (int i = 0; i < 3; i++) prs_stop_unref(stops[i]);
}

static int told;

static void tell(prs_waiter_t *waiter) {
  (void)waiter;
  told++;
}

/* They do not leave, so they would break the chain. */
static void those_who_are_told_do_not_count(void) {
  blocking_init();
  told = 0;
  prs_stop_t *stop = new_token(NULL);
  prs_waiter_t *waiters[CROWD];
  for (int i = 0; i < CROWD; i++) {
    waiters[i] = enter(stop);
    waiters[i]->notify = tell;
  }
  prs_waiter_t *thread = enter(stop);
  locking_stop(stop);
  ASSERT_INT(CROWD, told);
  ASSERT(is_claimed(thread));
  leave(stop, thread);
  for (int i = 0; i < CROWD; i++) prs_waiter_free(waiters[i]);
  prs_stop_unref(stop);
}

static void child_keeps_those_above_it(void) {
  blocking_init();
  prs_stop_t *root = new_token(NULL);
  prs_stop_t *last = new_token(root);
  for (int i = 0; i < DEEP; i++) {
    prs_stop_t *next = new_token(last);
    prs_stop_unref(last);
    last = next;
  }
  ASSERT_UINT(2, atomic_load(&root->refs));
  locking_stop(root);
  ASSERT(prs_stop_is_stopped(last));
  prs_stop_unref(root);
  prs_stop_unref(last);
}

static void nobody_waits_in_the_child_of_a_fork(void) {
  blocking_init();
  prs_stop_t *root = new_token(NULL);
  prs_stop_t *child = new_token(root);
  prs_waiter_t *lost[] = {enter(root), enter(child)};
  blocking_fork();
  prs_waiter_t *mine = enter(child);
  locking_stop(root);
  ASSERT(!is_claimed(lost[0]) && !is_claimed(lost[1]) && is_claimed(mine));
  leave(child, mine);
  prs_waiter_free(lost[0]);
  prs_waiter_free(lost[1]);
  prs_stop_unref(child);
  prs_stop_unref(root);
}

const check_test_t check_tests[] = {
    TEST(stop_goes_down_and_not_up),
    TEST(nobody_waits_for_a_stopped_token),
    TEST(who_leaves_early_is_not_woken),
    TEST(all_of_a_tree_wake_each_other),
    TEST(those_who_are_told_do_not_count),
    TEST(child_keeps_those_above_it),
    TEST(nobody_waits_in_the_child_of_a_fork),
    END_OF_TESTS,
};
