/* Barriers, wait groups and tokens: threads that meet, without Python. */
#include "../../csrc/core/sync/prs_meet.h"
#include "blocking.h"

enum { THREADS = 4 };
#define MILLISECOND 1000000u

static prs_waiter_t *new_waiter(void) {
  prs_waiter_t *waiter = prs_waiter_new(1);
  ASSERT(waiter != NULL);
  return waiter;
}

/* Returns: whether the waiter was finished in time; else nobody can. */
static bool wait_for(prs_waiter_t *waiter, uint64_t timeout) {
  int status = prs_waiter_wait(waiter, timeout);
  return status == PRS_OK || !prs_waiter_cancel(waiter);
}

static void some_are_woken_and_no_more(void) {
  blocking_init();
  prs_queue_t queue = {0};
  prs_wakes_t wakes = {0};
  prs_waiter_t *waiters[3];
  for (int i = 0; i < 3; i++) {
    waiters[i] = new_waiter();
    prs__queue_push(&queue, &waiters[i]->nodes[0]);
  }
  ASSERT_INT(0, prs__wake_some(&queue, 2, &wakes));
  prs_wakes_send(&wakes);
  for (int i = 0; i < 2; i++)
    ASSERT_INT(PRS_OK, prs_waiter_wait(waiters[i], 0));
  ASSERT_INT(PRS_ETIMEDOUT, prs_waiter_wait(waiters[2], 0));
  ASSERT_INT(4, prs__wake_some(&queue, 5, &wakes));
  prs_wakes_send(&wakes);
  ASSERT(prs__queue_is_empty(&queue));
  for (int i = 0; i < 3; i++) prs_waiter_free(waiters[i]);
}

/* ---- barrier ------------------------------------------------------------- */

/* Returns: 1 for the leader, 0 for the others, -1 for one that gave up. */
static int meet(prs_barrier_t *barrier, uint64_t timeout) {
  prs_wakes_t wakes = {0};
  prs_waiter_t *waiter = new_waiter();
  prs_node_t *node = &waiter->nodes[0];
  int result = 1;
  if (prs_barrier_arrive(barrier, node, &wakes) == PRS_MEET_QUEUED) {
    (void)wait_for(waiter, timeout);
    result = prs_barrier_leave(barrier, node, &wakes) ? 0 : -1;
  }
  prs_wakes_send(&wakes);
  prs_waiter_free(waiter);
  return result;
}

static void barrier_for_none_or_one_opens_at_once(void) {
  blocking_init();
  for (size_t size = 0; size < 2; size++) {
    prs_barrier_t barrier;
    prs_wakes_t wakes = {0};
    prs_barrier_init(&barrier, size);
    for (int i = 0; i < 3; i++)
      ASSERT_INT(PRS_MEET_DONE, prs_barrier_arrive(&barrier, NULL, &wakes));
  }
}

static void who_gives_up_is_not_counted(void) {
  blocking_init();
  prs_barrier_t barrier;
  prs_wakes_t wakes = {0};
  prs_barrier_init(&barrier, 2);
  ASSERT_INT(PRS_MEET_WOULD_BLOCK, prs_barrier_arrive(&barrier, NULL, &wakes));
  ASSERT_INT(-1, meet(&barrier, 0));
  ASSERT_INT(-1, meet(&barrier, MILLISECOND));
  ASSERT_UINT(0, barrier.arrived);
}

static void who_gives_up_too_late_has_met(void) {
  blocking_init();
  prs_barrier_t barrier;
  prs_wakes_t wakes = {0};
  prs_barrier_init(&barrier, 2);
  prs_waiter_t *waiter = new_waiter();
  ASSERT_INT(PRS_MEET_QUEUED,
             prs_barrier_arrive(&barrier, &waiter->nodes[0], &wakes));
  ASSERT(prs_waiter_cancel(waiter));
  ASSERT_INT(PRS_MEET_DONE, prs_barrier_arrive(&barrier, NULL, &wakes));
  ASSERT(wakes.first == NULL);
  ASSERT(prs_barrier_leave(&barrier, &waiter->nodes[0], &wakes));
  ASSERT_UINT(0, barrier.arrived);
  prs_waiter_free(waiter);
}

static void fork_forgets_who_had_arrived(void) {
  blocking_init();
  prs_barrier_t barrier;
  prs_wakes_t wakes = {0};
  prs_barrier_init(&barrier, 2);
  prs_waiter_t *waiter = new_waiter();
  ASSERT_INT(PRS_MEET_QUEUED,
             prs_barrier_arrive(&barrier, &waiter->nodes[0], &wakes));
  blocking_fork();
  ASSERT_INT(PRS_MEET_WOULD_BLOCK, prs_barrier_arrive(&barrier, NULL, &wakes));
  ASSERT_UINT(0, barrier.arrived);
  prs_waiter_free(waiter);
}

typedef struct rounds {
  prs_barrier_t barrier;
  uint32_t rounds;
  uint32_t ahead; /* plain: the barrier orders it */
  _Atomic uint32_t led;
  _Atomic uint32_t met;
} rounds_t;

static void go_round(void *arg) {
  rounds_t *rounds = arg;
  for (uint32_t i = 0; i < rounds->rounds; i++) {
    ASSERT_UINT(i, rounds->ahead);
    /* Between two meetings only the leader is allowed to write. */
    bool leads = meet(&rounds->barrier, PRS_FOREVER) == 1;
    if (leads) {
      rounds->ahead++;
      atomic_fetch_add(&rounds->led, 1);
    }
    ASSERT(meet(&rounds->barrier, PRS_FOREVER) >= 0);
  }
}

static void threads_go_round_together(void) {
  blocking_init();
  rounds_t rounds = {.rounds = check_rounds(500)};
  prs_barrier_init(&rounds.barrier, THREADS);
  check_thread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    check_thread_start(&threads[i], go_round, &rounds);
  for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
  ASSERT_UINT(rounds.rounds, atomic_load(&rounds.led));
}

static void come_or_go(void *arg) {
  rounds_t *rounds = arg;
  for (uint32_t i = 0; i < rounds->rounds; i++)
    if (meet(&rounds->barrier, i % 3 * 10000) >= 0)
      atomic_fetch_add(&rounds->met, 1);
}

/* Whatever the clock does, they get through two by two. */
static void nobody_meets_alone(void) {
  blocking_init();
  rounds_t rounds = {.rounds = check_rounds(2000)};
  prs_barrier_init(&rounds.barrier, 2);
  check_thread_t threads[3];
  for (int i = 0; i < 3; i++)
    check_thread_start(&threads[i], come_or_go, &rounds);
  for (int i = 0; i < 3; i++) check_thread_join(&threads[i]);
  ASSERT_UINT(0, atomic_load(&rounds.met) % 2);
  ASSERT_UINT(0, rounds.barrier.arrived);
}

/* ---- wait group ---------------------------------------------------------- */

/* Wait without a share. Returns: whether the group is open. */
static bool wait_for_group(prs_wait_group_t *group, uint64_t timeout,
                           bool takes_back) {
  prs_wakes_t wakes = {0};
  prs_waiter_t *waiter = new_waiter();
  bool is_open = true;
  if (prs_wait_group_enter(group, &waiter->nodes[0]) == PRS_MEET_QUEUED) {
    (void)wait_for(waiter, timeout);
    is_open =
        prs_wait_group_leave(group, &waiter->nodes[0], takes_back, &wakes);
    prs_wakes_send(&wakes);
  }
  prs_waiter_free(waiter);
  return is_open;
}

static void drop_share(prs_wait_group_t *group) {
  prs_wakes_t wakes = {0};
  prs_wait_group_done(group, &wakes);
  prs_wakes_send(&wakes);
}

static void last_share_opens_the_group(void) {
  blocking_init();
  prs_wait_group_t *group = prs_wait_group_new();
  ASSERT(group != NULL);
  prs_wait_group_add(group);
  ASSERT_UINT(2, prs_wait_group_shares(group));
  drop_share(group);
  ASSERT(!wait_for_group(group, 0, false));
  ASSERT(!wait_for_group(group, MILLISECOND, true)); /* a share is back */
  ASSERT_UINT(2, prs_wait_group_shares(group));
  drop_share(group);
  drop_share(group);
  ASSERT(wait_for_group(group, 0, true));
  ASSERT_UINT(0, prs_wait_group_shares(group));
  prs_wait_group_unref(group);
}

static void wait_in_group(void *arg) {
  prs_wait_group_t *group = arg;
  drop_share(group);
  ASSERT(wait_for_group(group, PRS_FOREVER, false));
  prs_wait_group_unref(group);
}

static void all_wait_for_all(void) {
  blocking_init();
  for (uint32_t n = check_rounds(200); n > 0; n--) {
    prs_wait_group_t *group = prs_wait_group_new();
    ASSERT(group != NULL);
    check_thread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
      prs_wait_group_add(group);
      prs_wait_group_ref(group);
    }
    for (int i = 0; i < THREADS; i++)
      check_thread_start(&threads[i], wait_in_group, group);
    drop_share(group);
    for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
    prs_wait_group_unref(group);
  }
}

/* ---- token --------------------------------------------------------------- */

static bool take(prs_token_t *token, uint64_t timeout) {
  prs_waiter_t *waiter = new_waiter();
  bool taken = true;
  if (prs_token_take(token, &waiter->nodes[0]) == PRS_MEET_QUEUED) {
    taken = wait_for(waiter, timeout);
    prs_token_leave(token, &waiter->nodes[0]);
  }
  prs_waiter_free(waiter);
  return taken;
}

static void put(prs_token_t *token) {
  prs_wakes_t wakes = {0};
  prs_token_put(token, &wakes);
  prs_wakes_send(&wakes);
}

static void token_is_one(void) {
  blocking_init();
  prs_token_t *token = prs_token_new();
  ASSERT(token != NULL);
  ASSERT_INT(PRS_MEET_WOULD_BLOCK, prs_token_take(token, NULL));
  put(token);
  put(token);
  ASSERT(take(token, 0));
  ASSERT(!take(token, 0));
  prs_token_ref(token);
  prs_token_unref(token);
  prs_token_unref(token);
}

typedef struct game {
  prs_token_t *here;
  prs_token_t *there;
  uint32_t rounds;
  uint32_t ball; /* plain: the tokens order it */
} game_t;

static void play_back(void *arg) {
  game_t *game = arg;
  for (uint32_t i = 0; i < game->rounds; i++) {
    ASSERT(take(game->there, PRS_FOREVER));
    game->ball++;
    put(game->here);
  }
}

static void tokens_go_to_and_fro(void) {
  blocking_init();
  game_t game = {.here = prs_token_new(),
                 .there = prs_token_new(),
                 .rounds = check_rounds(1000)};
  ASSERT(game.here != NULL && game.there != NULL);
  check_thread_t other;
  check_thread_start(&other, play_back, &game);
  for (uint32_t i = 0; i < game.rounds; i++) {
    game.ball++;
    put(game.there);
    ASSERT(take(game.here, PRS_FOREVER));
  }
  check_thread_join(&other);
  ASSERT_UINT(2 * game.rounds, game.ball);
  prs_token_unref(game.here);
  prs_token_unref(game.there);
}

const check_test_t check_tests[] = {
    TEST(some_are_woken_and_no_more),
    TEST(barrier_for_none_or_one_opens_at_once),
    TEST(who_gives_up_is_not_counted),
    TEST(who_gives_up_too_late_has_met),
    TEST(fork_forgets_who_had_arrived),
    TEST(threads_go_round_together),
    TEST(nobody_meets_alone),
    TEST(last_share_opens_the_group),
    TEST(all_wait_for_all),
    TEST(token_is_one),
    TEST(tokens_go_to_and_fro),
    END_OF_TESTS,
};
