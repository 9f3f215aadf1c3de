/* Waiting on an address: the one thing that every other wait is made of. */
#include "check.h"

#define MILLISECOND 1000000u
/* Windows counts a wait in milliseconds and takes this number for "for ever".
 */
#define INFINITY_MS UINT32_MAX

/* ---- one thread --------------------------------------------------------- */

static void other_value_returns_at_once(void) {
  _Atomic uint32_t word = 1;
  ASSERT_INT(PRS_OK, prs__wait(&word, 0, PRS_FOREVER));
  ASSERT_INT(PRS_OK, prs__wait(&word, UINT32_MAX, 0));
}

static void zero_time_is_over_at_once(void) {
  _Atomic uint32_t word = 0;
  uint64_t began = prs_now();
  ASSERT_INT(PRS_ETIMEDOUT, prs__wait(&word, 0, 0));
  ASSERT(prs_now() - began < CHECK_SOON_NS / 10);
}

/* Callers go by the clock and wait again for what is left: that must come to
 * an end, in few rounds. */
static void time_runs_out_in_few_rounds(void) {
  static const uint64_t times[] = {
      1, 999, 100000, MILLISECOND, 2345678, 20 * MILLISECOND, 60000001u};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    _Atomic uint32_t word = 7;
    uint64_t began = prs_now();
    uint64_t spent;
    int rounds = 0;
    for (; (spent = prs_now() - began) < times[i]; rounds++)
      (void)prs__wait(&word, 7, times[i] - spent);
    ASSERT(rounds < 100);
    ASSERT(spent < CHECK_SOON_NS);
  }
}

static void each_wait_that_sleeps_counts_as_a_park(void) {
  _Atomic uint32_t word = 0;
  uint64_t before = check_statistics().parks;
  (void)prs__wait(&word, 0, 1);
  ASSERT_UINT(before + 1, check_statistics().parks);
}

static void wake_of_nobody_does_nothing(void) {
  _Atomic uint32_t word = 3;
  prs__wake_one(&word);
  prs__wake_all(&word);
  ASSERT_UINT(3, atomic_load(&word));
  ASSERT_INT(PRS_ETIMEDOUT, prs__wait(&word, 3, MILLISECOND));
}

/* ---- several threads ---------------------------------------------------- */

typedef struct waiter {
  check_thread_t thread;
  _Atomic uint32_t *word;
  uint64_t timeout;
  int status;
} waiter_t;

static void wait_while_zero(void *arg) {
  waiter_t *waiter = arg;
  do {
    waiter->status = prs__wait(waiter->word, 0, waiter->timeout);
  } while (waiter->status != PRS_ETIMEDOUT && atomic_load(waiter->word) == 0);
}

static void set_and_wake_all(_Atomic uint32_t *word) {
  atomic_store(word, 1);
  prs__wake_all(word);
}

/* A number that overflowed on its way to the OS would be a short wait. */
static void huge_times_do_not_overflow(void) {
  static const uint64_t times[] = {UINT64_MAX - 1,
                                   UINT64_MAX / 2,
                                   (uint64_t)INT64_MAX + 1,
                                   (uint64_t)1000000000 << 32,
                                   (uint64_t)INFINITY_MS * MILLISECOND,
                                   (uint64_t)(INFINITY_MS - 1) * MILLISECOND};
  enum { COUNT = sizeof times / sizeof *times };
  _Atomic uint32_t word = 0;
  waiter_t waiters[COUNT];
  for (int i = 0; i < COUNT; i++) {
    waiters[i] = (waiter_t){.word = &word, .timeout = times[i]};
    check_thread_start(&waiters[i].thread, wait_while_zero, &waiters[i]);
  }
  ASSERT_SOON(check_statistics().parks >= COUNT);
  ASSERT_INT(PRS_OK, prs_sleep(20 * MILLISECOND));
  set_and_wake_all(&word);
  for (int i = 0; i < COUNT; i++) {
    check_thread_join(&waiters[i].thread);
    ASSERT(waiters[i].status != PRS_ETIMEDOUT);
  }
}

static void wake_all_wakes_all(void) {
  enum { COUNT = 8 };
  _Atomic uint32_t word = 0;
  waiter_t waiters[COUNT];
  for (int i = 0; i < COUNT; i++) {
    waiters[i] = (waiter_t){.word = &word, .timeout = PRS_FOREVER};
    check_thread_start(&waiters[i].thread, wait_while_zero, &waiters[i]);
  }
  ASSERT_SOON(check_statistics().parks >= COUNT);
  set_and_wake_all(&word);
  for (int i = 0; i < COUNT; i++) check_thread_join(&waiters[i].thread);
}

/* As many waits at once as the condvar floor has buckets, and more: some share
 * one, and a wake for one word must not be lost on the sleeper of another. */
static void words_that_share_a_bucket_are_told_apart(void) {
  enum { COUNT = 70 };
  static struct {
    _Atomic uint32_t word;
    uint32_t space[3];
  } words[COUNT];
  static waiter_t waiters[COUNT];
  for (int i = 0; i < COUNT; i++) {
    waiters[i] = (waiter_t){.word = &words[i].word, .timeout = PRS_FOREVER};
    check_thread_start(&waiters[i].thread, wait_while_zero, &waiters[i]);
  }
  ASSERT_SOON(check_statistics().parks >= COUNT);
  for (int i = 0; i < COUNT; i++) {
    atomic_store(&words[i].word, 1);
    prs__wake_one(&words[i].word);
    check_thread_join(&waiters[i].thread);
  }
}

/* ---- tokens: no wake-up is lost ----------------------------------------- */

typedef struct tokens {
  _Atomic uint32_t left;
  uint32_t goal;
  _Atomic uint32_t taken;
} tokens_t;

static bool take(tokens_t *tokens) {
  uint32_t left = atomic_load(&tokens->left);
  while (left > 0)
    if (atomic_compare_exchange_weak(&tokens->left, &left, left - 1))
      return true;
  return false;
}

static void take_tokens(void *arg) {
  tokens_t *tokens = arg;
  while (atomic_load(&tokens->taken) < tokens->goal) {
    if (take(tokens))
      atomic_fetch_add(&tokens->taken, 1);
    else
      (void)prs__wait(&tokens->left, 0, PRS_FOREVER);
  }
  /* The others sleep, and no token will come any more. */
  atomic_fetch_add(&tokens->left, 1);
  prs__wake_all(&tokens->left);
}

static void each_token_wakes_a_taker(void) {
  enum { TAKERS = 4 };
  tokens_t tokens = {.goal = check_rounds(5000)};
  check_thread_t takers[TAKERS];
  for (int i = 0; i < TAKERS; i++)
    check_thread_start(&takers[i], take_tokens, &tokens);
  for (uint32_t i = 0; i < tokens.goal; i++) {
    atomic_fetch_add(&tokens.left, 1);
    prs__wake_one(&tokens.left);
  }
  for (int i = 0; i < TAKERS; i++) check_thread_join(&takers[i]);
  ASSERT(atomic_load(&tokens.taken) >= tokens.goal);
}

/* ---- ping-pong: plain data passes with the word ------------------------- */

typedef struct table {
  _Atomic uint32_t turn;
  uint32_t rounds;
  uint32_t ball; /* plain: a missing order is a data race for TSan */
} table_t;

static void play(table_t *table, uint32_t mine) {
  for (uint32_t i = 0; i < table->rounds; i++) {
    uint32_t turn;
    while ((turn = atomic_load(&table->turn)) != mine)
      (void)prs__wait(&table->turn, turn, PRS_FOREVER);
    table->ball++;
    atomic_store(&table->turn, 1 - mine);
    prs__wake_one(&table->turn);
  }
}

static void play_second(void *table) { play(table, 1); }

static void data_passes_with_the_word(void) {
  table_t table = {.rounds = check_rounds(10000)};
  check_thread_t second;
  check_thread_start(&second, play_second, &table);
  play(&table, 0);
  check_thread_join(&second);
  ASSERT_UINT(2 * table.rounds, table.ball);
}

const check_test_t check_tests[] = {
    TEST(other_value_returns_at_once),
    TEST(zero_time_is_over_at_once),
    TEST(time_runs_out_in_few_rounds),
    TEST(each_wait_that_sleeps_counts_as_a_park),
    TEST(wake_of_nobody_does_nothing),
    TEST(huge_times_do_not_overflow),
    TEST(wake_all_wakes_all),
    TEST(words_that_share_a_bucket_are_told_apart),
    TEST(each_token_wakes_a_taker),
    TEST(data_passes_with_the_word),
    END_OF_TESTS,
};
