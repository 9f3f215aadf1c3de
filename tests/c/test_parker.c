/* Parker: one token, one thread that waits for it. */
#include "check.h"

#define MILLISECOND 1000000u

/* Take the token as Python does: again after each signal. */
static void park(prs_parker_t *parker) {
  int status;
  do {
    status = prs_parker_park(parker, PRS_FOREVER);
  } while (status == PRS_EINTR);
  ASSERT_INT(PRS_OK, status);
}

/* ---- the token ---------------------------------------------------------- */

static void new_parker_has_no_token(void) {
  prs_parker_t *parker = prs_parker_new();
  ASSERT_UINT(1, check_statistics().parkers);
  ASSERT_INT(PRS_ETIMEDOUT, prs_parker_park(parker, 0));
  prs_parker_unref(parker);
  ASSERT_UINT(0, check_statistics().parkers);
}

static void token_waits_for_the_park(void) {
  prs_parker_t *parker = prs_parker_new();
  prs_parker_unpark(parker);
  ASSERT_INT(PRS_OK, prs_parker_park(parker, PRS_FOREVER));
  ASSERT_INT(PRS_ETIMEDOUT, prs_parker_park(parker, 0));
  prs_parker_unref(parker);
}

static void tokens_do_not_add_up(void) {
  prs_parker_t *parker = prs_parker_new();
  prs_parker_unpark(parker);
  prs_parker_unpark(parker);
  ASSERT_INT(PRS_OK, prs_parker_park(parker, 0));
  ASSERT_INT(PRS_ETIMEDOUT, prs_parker_park(parker, 0));
  prs_parker_unref(parker);
}

static void park_is_never_shorter(void) {
  static const uint64_t times[] = {1, 60000, MILLISECOND, 20 * MILLISECOND};
  prs_parker_t *parker = prs_parker_new();
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    uint64_t began = prs_now();
    ASSERT_INT(PRS_ETIMEDOUT, prs_parker_park(parker, times[i]));
    ASSERT(prs_now() - began >= times[i]);
  }
  /* A time-out leaves no trace: the next token is kept and taken. */
  prs_parker_unpark(parker);
  ASSERT_INT(PRS_OK, prs_parker_park(parker, 0));
  prs_parker_unref(parker);
}

/* ---- two threads -------------------------------------------------------- */

typedef struct pair {
  prs_parker_t *parker;
  uint64_t timeout;
  uint32_t data; /* plain: the token orders it */
  uint32_t rounds;
  _Atomic uint32_t turn;
  prs_parker_t *other;
  int status;
} pair_t;

static void park_in_thread(void *arg) {
  pair_t *pair = arg;
  do {
    pair->status = prs_parker_park(pair->parker, pair->timeout);
  } while (pair->status == PRS_EINTR);
  ASSERT_UINT(pair->status == PRS_OK ? 4711 : 0, pair->data);
}

static void unpark_wakes_the_sleeper(void) {
  pair_t pair = {.parker = prs_parker_new(), .timeout = PRS_FOREVER};
  check_thread_t thread;
  check_thread_start(&thread, park_in_thread, &pair);
  ASSERT_SOON(check_statistics().parks > 0);
  pair.data = 4711;
  prs_parker_unpark(pair.parker);
  check_thread_join(&thread);
  ASSERT_INT(PRS_OK, pair.status);
  prs_parker_unref(pair.parker);
}

static void huge_times_do_not_overflow(void) {
  static const uint64_t times[] = {UINT64_MAX - 1, (uint64_t)INT64_MAX + 1,
                                   INT64_MAX};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    pair_t pair = {.parker = prs_parker_new(), .timeout = times[i]};
    check_thread_t thread;
    uint64_t before = check_statistics().parks;
    check_thread_start(&thread, park_in_thread, &pair);
    ASSERT_SOON(check_statistics().parks > before);
    ASSERT_INT(PRS_OK, prs_sleep(10 * MILLISECOND));
    pair.data = 4711;
    prs_parker_unpark(pair.parker);
    check_thread_join(&thread);
    ASSERT_INT(PRS_OK, pair.status);
    prs_parker_unref(pair.parker);
  }
}

/* Who parks or unparks holds a reference of its own: the owner may let go. */
static void sleeper_keeps_the_parker_alive(void) {
  pair_t pair = {.parker = prs_parker_new(), .timeout = 30 * MILLISECOND};
  check_thread_t thread;
  check_thread_start(&thread, park_in_thread, &pair);
  ASSERT_SOON(check_statistics().parks > 0);
  prs_parker_unref(pair.parker);
  ASSERT_UINT(1, check_statistics().parkers);
  check_thread_join(&thread);
  ASSERT_UINT(0, check_statistics().parkers);
}

static void unpark_in_thread(void *arg) {
  pair_t *pair = arg;
  prs_parker_unpark(pair->parker);
}

/* The waiter drops the last reference of its own as soon as it is woken, while
 * the other thread is still inside prs_parker_unpark, which has one borrowed.
 */
static void unpark_outlives_the_owner(void) {
  for (uint32_t i = 0; i < check_rounds(300); i++) {
    pair_t pair = {.parker = prs_parker_new()};
    check_thread_t thread;
    check_thread_start(&thread, unpark_in_thread, &pair);
    park(pair.parker);
    prs_parker_unref(pair.parker);
    check_thread_join(&thread);
  }
  ASSERT_UINT(0, check_statistics().parkers);
}

/* One token a round: a lost one would end the game. */
static void take_token(prs_parker_t *parker, uint64_t timeout) {
  while (prs_parker_park(parker, timeout) != PRS_OK) continue;
}

static void play(pair_t *pair, prs_parker_t *mine, prs_parker_t *theirs) {
  for (uint32_t i = 0; i < pair->rounds; i++) {
    uint64_t timeout = pair->timeout;
    if (timeout != PRS_FOREVER) timeout = 1 + i * 37 % timeout;
    take_token(mine, timeout);
    pair->data++;
    prs_parker_unpark(theirs);
  }
}

static void play_second(void *arg) {
  pair_t *pair = arg;
  play(pair, pair->other, pair->parker);
}

static void ping_pong(uint64_t timeout, uint32_t rounds) {
  pair_t pair = {.parker = prs_parker_new(),
                 .other = prs_parker_new(),
                 .timeout = timeout,
                 .rounds = check_rounds(rounds)};
  check_thread_t second;
  check_thread_start(&second, play_second, &pair);
  prs_parker_unpark(pair.parker);
  play(&pair, pair.parker, pair.other);
  check_thread_join(&second);
  ASSERT_UINT(2 * pair.rounds, pair.data);
  prs_parker_unref(pair.parker);
  prs_parker_unref(pair.other);
}

static void each_round_passes_one_token(void) { ping_pong(PRS_FOREVER, 10000); }

/* Times about as long as a round takes, so that their ends meet the tokens. */
static void no_token_is_lost_to_a_time_out(void) { ping_pong(30000, 10000); }

/* ---- interrupts ---------------------------------------------------------- */

typedef struct stopped {
  prs_parker_t *parker;
  _Atomic uint32_t ends;
  check_line_t line;
  int status;
} stopped_t;

static void park_until_stopped(void *arg) {
  stopped_t *stopped = arg;
  check_line_cross(&stopped->line, 2);
  do {
    stopped->status =
        prs_parker_park_or(stopped->parker, PRS_FOREVER, &stopped->ends);
  } while (stopped->status == PRS_EINTR && !atomic_load(&stopped->ends));
}

/* Who parks and who interrupts come from one line: they meet in all orders. */
static void interrupt_and_park_never_miss_each_other(void) {
  for (uint32_t i = 0; i < check_rounds(2000); i++) {
    stopped_t stopped = {.parker = prs_parker_new()};
    check_thread_t thread;
    check_thread_start(&thread, park_until_stopped, &stopped);
    check_line_cross(&stopped.line, 2);
    atomic_store(&stopped.ends, 1);
    prs_parker_interrupt(stopped.parker);
    check_thread_join(&thread);
    ASSERT_INT(PRS_EINTR, stopped.status);
    prs_parker_unpark(stopped.parker);
    ASSERT_INT(PRS_OK, prs_parker_park(stopped.parker, 0));
    prs_parker_unref(stopped.parker);
  }
}

static void token_goes_before_an_interrupt(void) {
  const _Atomic uint32_t ends = 1;
  prs_parker_t *parker = prs_parker_new();
  prs_parker_unpark(parker);
  prs_parker_interrupt(parker);
  ASSERT_INT(PRS_OK, prs_parker_park_or(parker, PRS_FOREVER, &ends));
  ASSERT_INT(PRS_EINTR, prs_parker_park_or(parker, PRS_FOREVER, &ends));
  prs_parker_ref(parker);
  prs_parker_unref(parker);
  ASSERT_UINT(1, check_statistics().parkers);
  prs_parker_unref(parker);
}

/* An interrupt that came too late for another wait ends no park. */
static void late_interrupt_is_slept_through(void) {
  pair_t pair = {.parker = prs_parker_new(), .timeout = PRS_FOREVER};
  check_thread_t thread;
  check_thread_start(&thread, park_in_thread, &pair);
  uint64_t parks = 0;
  for (int i = 0; i < 3; i++) {
    ASSERT_SOON(check_statistics().parks > parks);
    parks = check_statistics().parks;
    prs_parker_interrupt(pair.parker);
  }
  pair.data = 4711;
  prs_parker_unpark(pair.parker);
  check_thread_join(&thread);
  ASSERT_INT(PRS_OK, pair.status);
  prs_parker_unref(pair.parker);
}

/* ---- storms ------------------------------------------------------------- */

typedef struct storm {
  prs_parker_t *parker;
  _Atomic uint32_t credit; /* given with each unpark */
  uint32_t each;
} storm_t;

static void give_credit(void *arg) {
  storm_t *storm = arg;
  for (uint32_t i = 0; i < storm->each; i++) {
    atomic_fetch_add(&storm->credit, 1);
    prs_parker_unpark(storm->parker);
  }
}

/* Tokens may merge, credit may not get lost: after the last unpark there is a
 * token, or the parker has seen all of the credit. */
static void no_token_is_lost_in_a_storm(void) {
  enum { GIVERS = 4 };
  storm_t storm = {.parker = prs_parker_new(), .each = check_rounds(3000)};
  check_thread_t givers[GIVERS];
  uint32_t seen = 0;
  for (int i = 0; i < GIVERS; i++)
    check_thread_start(&givers[i], give_credit, &storm);
  while (seen < GIVERS * storm.each)
    if (prs_parker_park(storm.parker, PRS_FOREVER) == PRS_OK)
      seen += atomic_exchange(&storm.credit, 0);
  for (int i = 0; i < GIVERS; i++) check_thread_join(&givers[i]);
  ASSERT_UINT(GIVERS * storm.each, seen);
  prs_parker_unref(storm.parker);
}

const check_test_t check_tests[] = {
    TEST(new_parker_has_no_token),
    TEST(token_waits_for_the_park),
    TEST(tokens_do_not_add_up),
    TEST(park_is_never_shorter),
    TEST(unpark_wakes_the_sleeper),
    TEST(huge_times_do_not_overflow),
    TEST(sleeper_keeps_the_parker_alive),
    TEST(unpark_outlives_the_owner),
    TEST(each_round_passes_one_token),
    TEST(no_token_is_lost_to_a_time_out),
    TEST(no_token_is_lost_in_a_storm),
    TEST(interrupt_and_park_never_miss_each_other),
    TEST(token_goes_before_an_interrupt),
    TEST(late_interrupt_is_slept_through),
    END_OF_TESTS,
};
