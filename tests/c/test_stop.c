/* Stop: a tree of tokens, and those who wait for them. */
#include "../../csrc/core/sync/prs_stop.h"
#include "blocking.h"

enum { WAITERS = 20 };

static prs_stop_t *new_stop(prs_stop_t *parent) {
  prs_stop_t *stop = prs_stop_new(parent);
  ASSERT(stop != NULL);
  return stop;
}

static void stop_now(prs_stop_t *stop) {
  prs_wakes_t wakes = {0};
  prs_stop_now(stop, &wakes);
  prs_wakes_send(&wakes);
}

static void leave(prs_stop_t *stop, prs_node_t *node) {
  prs_wakes_t wakes = {0};
  prs_stop_leave(stop, node, &wakes);
  prs_wakes_send(&wakes);
}

static void stop_goes_down_and_not_up(void) {
  blocking_init();
  prs_stop_t *root = new_stop(NULL);
  prs_stop_t *one = new_stop(root);
  prs_stop_t *other = new_stop(root);
  prs_stop_t *below = new_stop(one);
  stop_now(one);
  ASSERT(prs_stop_is_stopped(one) && prs_stop_is_stopped(below));
  ASSERT(!prs_stop_is_stopped(root) && !prs_stop_is_stopped(other));
  prs_stop_t *late = new_stop(below);
  ASSERT(prs_stop_is_stopped(late));
  prs_stop_unref(one);
  prs_stop_unref(root);
  stop_now(other);
  ASSERT(prs_stop_is_stopped(other));
  prs_stop_unref(late);
  prs_stop_unref(below);
  prs_stop_unref(other);
}

static void stopped_token_takes_nobody(void) {
  blocking_init();
  prs_stop_t *stop = new_stop(NULL);
  prs_waiter_t *waiter = prs_waiter_new(1);
  ASSERT(waiter != NULL);
  ASSERT(prs_stop_enter(stop, &waiter->nodes[0]));
  leave(stop, &waiter->nodes[0]);
  stop_now(stop);
  ASSERT(!prs_stop_enter(stop, &waiter->nodes[0]));
  ASSERT(prs_waiter_cancel(waiter));
  prs_waiter_free(waiter);
  prs_stop_unref(stop);
}

/* Waiters of every token of a line, all asleep already: whoever is woken wakes
 * the next ones, and in the end all are. */
static void woken_ones_wake_the_others(void) {
  blocking_init();
  prs_stop_t *stops[WAITERS];
  prs_waiter_t *waiters[WAITERS];
  bool left[WAITERS] = {false};
  for (int i = 0; i < WAITERS; i++) {
    stops[i] = new_stop(i < 3 ? NULL : stops[i / 3]);
    waiters[i] = prs_waiter_new(1);
    ASSERT(waiters[i] != NULL);
    ASSERT(prs_stop_enter(stops[i], &waiters[i]->nodes[0]));
  }
  stop_now(stops[6]);
  stop_now(stops[2]);
  stop_now(stops[1]);
  stop_now(stops[0]);
  for (int round = 0; round < WAITERS; round++) {
    for (int i = 0; i < WAITERS; i++) {
      if (left[i] || prs_waiter_wait(waiters[i], 0) != PRS_OK) continue;
      left[i] = true;
      leave(stops[i], &waiters[i]->nodes[0]);
    }
  }
  for (int i = WAITERS - 1; i >= 0; i--) {
    ASSERT(left[i]);
    prs_waiter_free(waiters[i]);
    prs_stop_unref(stops[i]);
  }
}

static void fork_forgets_who_waited(void) {
  blocking_init();
  prs_stop_t *root = new_stop(NULL);
  prs_stop_t *child = new_stop(root);
  prs_waiter_t *waiter = prs_waiter_new(1);
  ASSERT(waiter != NULL);
  ASSERT(prs_stop_enter(child, &waiter->nodes[0]));
  blocking_fork();
  stop_now(root);
  ASSERT(prs_stop_is_stopped(child));
  ASSERT(waiter->nodes[0].queue == NULL);
  prs_waiter_free(waiter);
  prs_stop_unref(child);
  prs_stop_unref(root);
}

static void long_line_goes_without_recursion(void) {
  blocking_init();
  prs_stop_t *stop = new_stop(NULL);
  for (uint32_t i = check_rounds(100000); i > 0; i--) {
    prs_stop_t *child = new_stop(stop);
    prs_stop_unref(stop);
    stop = child;
  }
  prs_stop_unref(stop);
}

/* ---- threads ------------------------------------------------------------- */

typedef struct crowd {
  prs_stop_t *stop; /* one of a tree */
  check_line_t *line;
} crowd_t;

static void wait_for_stop(void *arg) {
  crowd_t *crowd = arg;
  prs_stop_t *stop = new_stop(crowd->stop);
  check_line_cross(crowd->line, WAITERS + 1);
  prs_waiter_t *waiter = prs_waiter_new(1);
  ASSERT(waiter != NULL);
  if (prs_stop_enter(stop, &waiter->nodes[0])) {
    while (prs_waiter_wait(waiter, PRS_FOREVER) == PRS_EINTR) continue;
    leave(stop, &waiter->nodes[0]);
  }
  ASSERT(prs_stop_is_stopped(stop));
  prs_waiter_free(waiter);
  prs_stop_unref(stop);
}

static void all_are_woken(void) {
  blocking_init();
  for (uint32_t n = check_rounds(50); n > 0; n--) {
    check_line_t line = {0};
    prs_stop_t *root = new_stop(NULL);
    prs_stop_t *child = new_stop(root);
    crowd_t crowds[2] = {{root, &line}, {child, &line}};
    check_thread_t threads[WAITERS];
    for (int i = 0; i < WAITERS; i++)
      check_thread_start(&threads[i], wait_for_stop, &crowds[i % 2]);
    check_line_cross(&line, WAITERS + 1);
    if (n % 2 == 0) stop_now(child);
    stop_now(root);
    for (int i = 0; i < WAITERS; i++) check_thread_join(&threads[i]);
    prs_stop_unref(child);
    prs_stop_unref(root);
  }
}

const check_test_t check_tests[] = {
    TEST(stop_goes_down_and_not_up),
    TEST(stopped_token_takes_nobody),
    TEST(woken_ones_wake_the_others),
    TEST(fork_forgets_who_waited),
    TEST(long_line_goes_without_recursion),
    TEST(all_are_woken),
    END_OF_TESTS,
};
