/* Line: few ask for the GIL at once. A lock of the test stands for the GIL. */
#include "check.h"

#define THREADS 8

static prs_lock_t gil;
static _Atomic uint32_t asking;
static _Atomic uint32_t most_asking;
static uint32_t turns; /* plain: the lock orders it */

static void note_asking(void) {
  uint32_t now = atomic_fetch_add(&asking, 1) + 1;
  uint32_t most = atomic_load(&most_asking);
  while (now > most && !atomic_compare_exchange_weak(&most_asking, &most, now))
    continue;
}

static void take_turns(void *arg) {
  uint32_t rounds = *(uint32_t *)arg;
  for (uint32_t i = 0; i < rounds; i++) {
    prs_line_enter();
    note_asking();
    prs__lock(&gil);
    turns++;
    atomic_fetch_sub(&asking, 1);
    prs_line_leave();
    if (i % 16 == 0) prs_yield();
    prs__unlock(&gil);
  }
}

static void few_ask_and_all_get_their_turn(void) {
  uint32_t rounds = check_rounds(2000);
  check_thread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    check_thread_start(&threads[i], take_turns, &rounds);
  for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
  ASSERT_UINT(THREADS * rounds, turns);
  ASSERT(atomic_load(&most_asking) < THREADS);
}

static void empty_line_lets_one_through_at_once(void) {
  for (int i = 0; i < 100; i++) {
    prs_line_enter();
    prs_line_leave();
  }
  ASSERT_UINT(0, check_statistics().parks);
}

/* The line is as long as it was when those before have left. */
static void stand(void *event) {
  prs_line_enter();
  atomic_fetch_add(&asking, 1);
  check_event_wait(event);
  atomic_fetch_sub(&asking, 1);
  prs_line_leave();
}

static void those_behind_wait_for_a_place(void) {
  check_event_t go = {0};
  check_thread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) check_thread_start(&threads[i], stand, &go);
  ASSERT_SOON(check_statistics().parks >= THREADS);
  uint32_t inside = atomic_load(&asking);
  ASSERT(inside >= 1 && inside < THREADS);
  check_event_set(&go);
  for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
  ASSERT_UINT(0, atomic_load(&asking));
}

const check_test_t check_tests[] = {
    TEST(few_ask_and_all_get_their_turn),
    TEST(empty_line_lets_one_through_at_once),
    TEST(those_behind_wait_for_a_place),
    END_OF_TESTS,
};
