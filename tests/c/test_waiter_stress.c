/* Races of claim, sleep and cancel, in large numbers. */
#include "blocking.h"

/* ---- guard --------------------------------------------------------------- */

typedef struct counted {
  prs_guard_t guard;
  uint32_t rounds;
  uint32_t count; /* plain: the guard orders it */
} counted_t;

static void count_under_guard(void *arg) {
  counted_t *counted = arg;
  for (uint32_t i = 0; i < counted->rounds; i++) {
    prs__guard_enter(&counted->guard);
    counted->count++;
    if (i % 64 == 0) prs_yield(); /* so that others find it held */
    prs__guard_leave(&counted->guard);
  }
}

static void guard_lets_one_in(void) {
  enum { THREADS = 4 };
  blocking_init();
  counted_t counted = {.rounds = check_rounds(10000)};
  check_thread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    check_thread_start(&threads[i], count_under_guard, &counted);
  for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
  ASSERT_UINT(THREADS * counted.rounds, counted.count);
  ASSERT_UINT(0, atomic_load(&counted.guard.word));
}

/* ---- two objects that give tokens ---------------------------------------- */

enum { GIVERS = 2, TAKERS = 2 };

/* Tokens lie there or go to the first who waits. */
typedef struct source {
  prs_guard_t guard;
  prs_queue_t queue;
  uint32_t tokens;
} source_t;

typedef struct market {
  source_t sources[GIVERS];
  uint32_t each;
  _Atomic uint32_t taken;
} market_t;

typedef struct part {
  market_t *market;
  uint32_t number;
} part_t;

/* Several at once, so that their takers are woken from one list. */
static void give(source_t *source, uint32_t count) {
  prs_wakes_t wakes = {0};
  prs__guard_enter(&source->guard);
  while (count-- > 0) {
    prs_node_t *node = prs__queue_claim(&source->queue, NULL, &wakes);
    if (node != NULL)
      node->status = 4711;
    else
      source->tokens++;
  }
  prs__guard_leave(&source->guard);
  prs_wakes_send(&wakes);
}

static bool has_tokens(source_t *source) {
  prs__guard_enter(&source->guard);
  bool has = source->tokens > 0;
  prs__guard_leave(&source->guard);
  return has;
}

/* Never in stock, or nobody would have to wait. */
static void giver(void *arg) {
  part_t *part = arg;
  source_t *source = &part->market->sources[part->number];
  for (uint32_t i = 0; i < part->market->each; i += TAKERS) {
    while (has_tokens(source)) prs_yield();
    give(source, TAKERS);
  }
}

static bool take_one_that_lies_there(source_t *source) {
  prs__guard_enter(&source->guard);
  bool found = source->tokens > 0;
  if (found) source->tokens--;
  prs__guard_leave(&source->guard);
  return found;
}

/* Stand in a queue. Returns: false, and not there, when a token lies there. */
static bool stand_in(source_t *source, prs_node_t *node) {
  prs__guard_enter(&source->guard);
  bool waits = source->tokens == 0;
  if (waits) prs__queue_push(&source->queue, node);
  prs__guard_leave(&source->guard);
  return waits;
}

/* Select: one token of any source. Returns: how many it got. */
static uint32_t take_any(market_t *market, uint64_t timeout) {
  for (int i = 0; i < GIVERS; i++)
    if (take_one_that_lies_there(&market->sources[i])) return 1;
  prs_waiter_t *waiter = prs_waiter_new(GIVERS);
  ASSERT(waiter != NULL);
  bool waits = true;
  for (int i = 0; i < GIVERS && waits; i++)
    waits = stand_in(&market->sources[i], &waiter->nodes[i]);
  int status = waits ? prs_waiter_wait(waiter, timeout) : PRS_EAGAIN;
  bool claimed = status == PRS_OK || !prs_waiter_cancel(waiter);
  for (int i = 0; i < GIVERS; i++) {
    source_t *source = &market->sources[i];
    prs__guard_enter(&source->guard);
    prs__queue_remove(&waiter->nodes[i]);
    prs__guard_leave(&source->guard);
    bool chosen = claimed && waiter->chosen == (uint32_t)i;
    ASSERT_INT(chosen ? 4711 : 0, waiter->nodes[i].status);
  }
  prs_waiter_free(waiter);
  return claimed ? 1 : 0;
}

static void taker(void *arg) {
  part_t *part = arg;
  market_t *market = part->market;
  uint32_t all = GIVERS * market->each;
  uint32_t seed = 77 + part->number;
  while (atomic_load(&market->taken) < all) {
    /* Times about as long as a round takes, so that their ends meet it. */
    uint64_t timeout = 1 + blocking_random(&seed) % 30000;
    atomic_fetch_add(&market->taken, take_any(market, timeout));
  }
}

static void each_token_is_taken_once(void) {
  blocking_init();
  market_t market = {.each = TAKERS * check_rounds(4000)};
  part_t parts[GIVERS + TAKERS];
  check_thread_t threads[GIVERS + TAKERS];
  for (uint32_t i = 0; i < GIVERS + TAKERS; i++) {
    parts[i] = (part_t){&market, i};
    check_thread_start(&threads[i], i < GIVERS ? giver : taker, &parts[i]);
  }
  for (int i = 0; i < GIVERS + TAKERS; i++) check_thread_join(&threads[i]);
  ASSERT_UINT(GIVERS * market.each, atomic_load(&market.taken));
  for (int i = 0; i < GIVERS; i++) {
    ASSERT(prs__queue_is_empty(&market.sources[i].queue));
    ASSERT_UINT(0, market.sources[i].tokens);
  }
}

/* Nobody's time ends, so each wake-up that is lost ends the test. */
static void patient_taker(void *arg) {
  part_t *part = arg;
  for (uint32_t got = 0; got < part->market->each;)
    got += take_any(part->market, PRS_FOREVER);
  atomic_fetch_add(&part->market->taken, part->market->each);
}

static void no_wake_up_is_lost(void) {
  blocking_init();
  market_t market = {.each = TAKERS * check_rounds(4000)};
  part_t parts[GIVERS + TAKERS];
  check_thread_t threads[GIVERS + TAKERS];
  for (uint32_t i = 0; i < GIVERS + TAKERS; i++) {
    parts[i] = (part_t){&market, i};
    check_thread_start(&threads[i], i < GIVERS ? giver : patient_taker,
                       &parts[i]);
  }
  for (int i = 0; i < GIVERS + TAKERS; i++) check_thread_join(&threads[i]);
  ASSERT_UINT(GIVERS * market.each, atomic_load(&market.taken));
}

const check_test_t check_tests[] = {
    TEST(guard_lets_one_in),
    TEST(each_token_is_taken_once),
    TEST(no_wake_up_is_lost),
    END_OF_TESTS,
};
