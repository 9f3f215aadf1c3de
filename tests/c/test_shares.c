/* Shares: each unit is taken once, by one; what one has left another finds. */
#include "../../csrc/core/prs_shares.h"
#include "check.h"

enum { THREADS = 4, UNITS = 4000 };

static void front_is_taken_and_half_is_left(void) {
  prs_shares_t *shares = prs_shares_new(2, 10);
  prs_share_t *own = prs_shares_enter(shares);
  uint32_t begin;
  uint32_t end;
  ASSERT(own == &shares->each[0]);
  ASSERT(prs_shares_take(shares, own, 3, &begin, &end));
  ASSERT_UINT(0, begin);
  ASSERT_UINT(3, end);
  ASSERT(prs_shares_take(shares, own, 100, &begin, &end));
  ASSERT_UINT(3, begin);
  ASSERT_UINT(7, end);
  ASSERT(prs_shares_take(shares, own, 100, &begin, &end));
  ASSERT_UINT(9, end);
  ASSERT(prs_shares_has_rest(shares));
  ASSERT(prs_shares_take(shares, own, 100, &begin, &end));
  ASSERT_UINT(9, begin);
  ASSERT_UINT(10, end);
  ASSERT(!prs_shares_has_rest(shares));
  ASSERT(!prs_shares_take(shares, own, 1, &begin, &end));
  prs_shares_free(shares);
}

static void back_half_is_stolen(void) {
  prs_shares_t *shares = prs_shares_new(2, 9);
  prs_share_t *first = prs_shares_enter(shares);
  prs_share_t *second = prs_shares_enter(shares);
  uint32_t begin;
  uint32_t end;
  ASSERT(prs_shares_enter(shares) == NULL);
  ASSERT(prs_shares_take(shares, second, 1, &begin, &end));
  ASSERT_UINT(4, begin); /* 4 to 9 are the thief's, which took one of them */
  ASSERT_UINT(5, end);
  ASSERT(prs_shares_take(shares, first, 100, &begin, &end));
  ASSERT_UINT(0, begin);
  ASSERT_UINT(2, end);
  prs_shares_leave(second);
  ASSERT(prs_shares_enter(shares) == second);
  ASSERT(prs_shares_take(shares, second, 1, &begin, &end));
  ASSERT_UINT(5, begin);
  prs_shares_free(shares);
}

static void what_was_left_behind_is_found(void) {
  prs_shares_t *shares = prs_shares_new(3, 5);
  prs_shares_leave(prs_shares_enter(shares));
  (void)prs_shares_enter(shares);
  prs_share_t *other = prs_shares_enter(shares);
  uint32_t begin;
  uint32_t end;
  uint32_t units = 0;
  while (prs_shares_take(shares, other, 1, &begin, &end)) units += end - begin;
  ASSERT_UINT(5, units);
  prs_shares_free(shares);
}

static void none_are_handed_out_after_a_stop(void) {
  prs_shares_t *shares = prs_shares_new(1, 5);
  prs_share_t *own = prs_shares_enter(shares);
  uint32_t begin;
  uint32_t end;
  ASSERT(prs_shares_take(shares, own, 1, &begin, &end));
  prs_shares_stop(shares);
  ASSERT(!prs_shares_take(shares, own, 1, &begin, &end));
  ASSERT(!prs_shares_has_rest(shares));
  prs_shares_free(shares);
  prs_shares_t *empty = prs_shares_new(1, 0);
  own = prs_shares_enter(empty);
  ASSERT(!prs_shares_take(empty, own, 1, &begin, &end));
  prs_shares_free(empty);
}

/* ---- threads ------------------------------------------------------------- */

static prs_shares_t *shared;
static _Atomic uint32_t taken[UNITS];
static check_line_t line;

static void work(void *arg) {
  uint32_t wanted = *(const uint32_t *)arg;
  check_line_cross(&line, THREADS);
  prs_share_t *own = prs_shares_enter(shared);
  uint32_t begin;
  uint32_t end;
  ASSERT(own != NULL);
  while (prs_shares_take(shared, own, wanted, &begin, &end)) {
    for (uint32_t i = begin; i < end; i++) atomic_fetch_add(&taken[i], 1);
    if (end % 7 == 0) {
      prs_shares_leave(own);
      own = prs_shares_enter(shared);
      ASSERT(own != NULL);
    }
  }
  /* Nobody else puts anything into it: they would only take from others. */
  ASSERT_UINT(0, (uint32_t)(own->rest >> 32) - (uint32_t)own->rest);
  prs_shares_leave(own);
}

static void each_unit_is_taken_once(void) {
  static uint32_t wanted[THREADS] = {1, 2, 3, 50};
  uint32_t rounds = check_rounds(50);
  for (uint32_t round = 1; round <= rounds; round++) {
    check_thread_t threads[THREADS];
    shared = prs_shares_new(THREADS, round % 5 == 0 ? 3 : UNITS);
    for (int i = 0; i < THREADS; i++)
      check_thread_start(&threads[i], work, &wanted[i]);
    for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
    uint32_t units = round % 5 == 0 ? 3 : UNITS;
    for (uint32_t i = 0; i < UNITS; i++)
      ASSERT_UINT(i < units, atomic_exchange(&taken[i], 0));
    prs_shares_free(shared);
  }
}

/* A thread that finds nothing may leave only when all is in somebody's hands,
 * also while another one carries two of three units to its own share. */
static void wait_for_others(void *arg) {
  (void)arg;
  prs_share_t *own = prs_shares_enter(shared);
  uint32_t begin;
  uint32_t end;
  check_line_cross(&line, 3);
  while (prs_shares_take(shared, own, 1, &begin, &end)) {
    atomic_fetch_add(&taken[0], 1);
    ASSERT_SOON(atomic_load(&taken[0]) >= 3);
  }
  prs_shares_leave(own);
}

static void nobody_leaves_while_there_is_something(void) {
  uint32_t rounds = check_rounds(2000);
  for (uint32_t round = 0; round < rounds; round++) {
    check_thread_t threads[3];
    shared = prs_shares_new(3, 3);
    atomic_store(&taken[0], 0);
    for (int i = 0; i < 3; i++)
      check_thread_start(&threads[i], wait_for_others, NULL);
    for (int i = 0; i < 3; i++) check_thread_join(&threads[i]);
    ASSERT_UINT(3, atomic_load(&taken[0]));
    prs_shares_free(shared);
  }
}

const check_test_t check_tests[] = {
    TEST(front_is_taken_and_half_is_left),
    TEST(back_half_is_stolen),
    TEST(what_was_left_behind_is_found),
    TEST(none_are_handed_out_after_a_stop),
    TEST(each_unit_is_taken_once),
    TEST(nobody_leaves_while_there_is_something),
    END_OF_TESTS};
