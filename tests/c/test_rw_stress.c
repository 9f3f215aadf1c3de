/* Threads that enter, leave, wait, notify, give up and are stopped in large
 * numbers. What a lock protects is not atomic, so that ThreadSanitizer sees
 * whether it protects. */
#include "locking.h"

enum { THREADS = 4 };

typedef struct part {
  uint32_t number;
  uint32_t seed;
  uint32_t rounds;
} part_t;

static prs_rw_t rw;
static prs_condvar_t condvar;
static uint32_t count;  /* under `rw` */
static uint32_t turn;   /* under `rw` */
static uint32_t stock;  /* under `rw` */
static bool is_closing; /* under `rw` */
static _Atomic uint32_t expected;

static void start_all(void (*work)(void *), part_t *parts,
                      check_thread_t *threads, uint32_t rounds) {
  blocking_init();
  prs_rw_init(&rw);
  prs_condvar_init(&condvar);
  count = turn = stock = 0;
  is_closing = false;
  atomic_store(&expected, 0);
  for (uint32_t i = 0; i < THREADS; i++) {
    parts[i] = (part_t){i, 4711 + i, check_rounds(rounds)};
    check_thread_start(&threads[i], work, &parts[i]);
  }
}

static void join_all(check_thread_t *threads) {
  for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
}

static void assert_nobody_is_left(void) {
  ASSERT_UINT(0, atomic_load(&rw.word));
  ASSERT_UINT(0, prs_rw_waiting(&rw));
  ASSERT_UINT(0, prs_condvar_waiting(&condvar));
}

static void run_all(void (*work)(void *), uint32_t rounds) {
  part_t parts[THREADS];
  check_thread_t threads[THREADS];
  start_all(work, parts, threads, rounds);
  join_all(threads);
  assert_nobody_is_left();
}

/* ---- readers and writers ------------------------------------------------- */

static void add_one(void) {
  count++;
  atomic_fetch_add(&expected, 1);
}

static void read_it(void) {
  uint32_t seen = count;
  ASSERT_UINT(seen, count);
  locking_leave(&rw, PRS_RW_READS);
}

static void write_and_read(uint32_t dice) {
  uint64_t timeout = dice % 3 == 0 ? 1 + dice % 20000 : PRS_FOREVER;
  bool reads = dice / 16 % 2 == 0;
  uint32_t wish = reads ? PRS_RW_READS : PRS_RW_WRITES;
  if (locking_enter(&rw, wish, timeout, NULL) != PRS_RW_ENTERED) {
    ASSERT(timeout != PRS_FOREVER);
    return;
  }
  if (reads) {
    read_it();
    return;
  }
  add_one();
  if (dice / 32 % 4 == 0) {
    locking_downgrade(&rw);
    read_it();
  } else {
    locking_leave(&rw, PRS_RW_WRITES);
  }
}

static void come_and_go(void *arg) {
  part_t *part = arg;
  for (uint32_t i = 0; i < part->rounds; i++)
    write_and_read(blocking_random(&part->seed));
}

static void one_writes_or_many_read(void) {
  run_all(come_and_go, 20000);
  ASSERT_UINT(atomic_load(&expected), count);
}

/* ---- notifications ------------------------------------------------------- */

static void notify_sometimes_inside(uint32_t round) {
  if (round % 2 == 0) locking_notify_all(&condvar);
  locking_leave(&rw, PRS_RW_WRITES);
  if (round % 2 != 0) locking_notify_all(&condvar);
}

static void take_turns(void *arg) {
  part_t *part = arg;
  for (uint32_t i = 0; i < part->rounds; i++) {
    uint64_t timeout = i % 3 == 0 ? 50000 : PRS_FOREVER;
    ASSERT_INT(PRS_RW_ENTERED,
               locking_enter(&rw, PRS_RW_WRITES, PRS_FOREVER, NULL));
    while (turn % THREADS != part->number)
      (void)locking_wait(&condvar, &rw, timeout, NULL);
    turn++;
    notify_sometimes_inside(i);
  }
}

static void turns_go_round(void) {
  run_all(take_turns, 2000);
  ASSERT_UINT(THREADS * check_rounds(2000), turn);
}

/* ---- stops --------------------------------------------------------------- */

/* Each operation has a token of its own, which the next thread stops. */
static _Atomic(prs_stop_t *) tokens[THREADS];
static prs_stop_t *root;

static prs_stop_t *offer_token(const part_t *part) {
  prs_stop_t *mine = prs_stop_new(root);
  ASSERT(mine != NULL);
  ASSERT(atomic_exchange(&tokens[part->number], mine) == NULL);
  return mine;
}

/* The other thread, which may be at work on it, puts it back. */
static void take_token_back(const part_t *part, prs_stop_t *mine) {
  while (atomic_exchange(&tokens[part->number], NULL) != mine) prs_yield();
  prs_stop_unref(mine);
}

static void stop_another(const part_t *part) {
  _Atomic(prs_stop_t *) *place = &tokens[(part->number + 1) % THREADS];
  prs_stop_t *other = atomic_exchange(place, NULL);
  if (other == NULL) return;
  locking_stop(other);
  atomic_store(place, other);
}

static void write_unless_stopped(void *arg) {
  part_t *part = arg;
  for (uint32_t i = 0; i < part->rounds; i++) {
    prs_stop_t *mine = offer_token(part);
    bool reads = blocking_random(&part->seed) % 3 == 0;
    uint32_t wish = reads ? PRS_RW_READS : PRS_RW_WRITES;
    int status = locking_enter(&rw, wish, PRS_FOREVER, mine);
    if (status != PRS_RW_ENTERED) {
      ASSERT_INT(LOCKING_STOPPED, status);
      ASSERT(prs_stop_is_stopped(mine));
    } else if (reads) {
      read_it();
    } else {
      add_one();
      stop_another(part);
      locking_leave(&rw, PRS_RW_WRITES);
    }
    take_token_back(part, mine);
  }
}

static void stops_and_locks(void) {
  blocking_init();
  root = prs_stop_new(NULL);
  ASSERT(root != NULL);
  run_all(write_unless_stopped, 5000);
  ASSERT_UINT(atomic_load(&expected), count);
  ASSERT_UINT(1, atomic_load(&root->refs));
  prs_stop_unref(root);
}

/* ---- stops and notifications --------------------------------------------- */

/* Take one from the stock. Returns: PRS_RW_ENTERED with the lock. */
static int take_one(prs_stop_t *stop) {
  int status = locking_enter(&rw, PRS_RW_WRITES, PRS_FOREVER, stop);
  while (status == PRS_RW_ENTERED && stock == 0 && !is_closing)
    status = locking_wait(&condvar, &rw, PRS_FOREVER, stop);
  return status;
}

static void take_unless_stopped(void *arg) {
  part_t *part = arg;
  bool closing = false;
  while (!closing) {
    prs_stop_t *mine = offer_token(part);
    if (take_one(part->number == 0 ? NULL : mine) == PRS_RW_ENTERED) {
      closing = stock == 0;
      if (!closing) stock--;
      if (!closing) count++;
      locking_leave(&rw, PRS_RW_WRITES);
    }
    stop_another(part);
    take_token_back(part, mine);
  }
}

/* A notification that a stopped thread had goes to another: else the stock
 * stays, with a thread that waits for it. */
static void give_one_at_a_time(uint32_t rounds) {
  for (uint32_t i = 0; i < rounds; i++) {
    ASSERT_INT(PRS_RW_ENTERED,
               locking_enter(&rw, PRS_RW_WRITES, PRS_FOREVER, NULL));
    stock++;
    if (i % 2 == 0) locking_notify_one(&condvar);
    locking_leave(&rw, PRS_RW_WRITES);
    if (i % 2 != 0) locking_notify_one(&condvar);
  }
}

static uint32_t stock_left(void) {
  ASSERT_INT(PRS_RW_ENTERED,
             locking_enter(&rw, PRS_RW_WRITES, PRS_FOREVER, NULL));
  uint32_t left = stock;
  locking_leave(&rw, PRS_RW_WRITES);
  return left;
}

static void stops_and_notifications(void) {
  part_t parts[THREADS];
  check_thread_t threads[THREADS];
  uint32_t rounds = check_rounds(3000);
  blocking_init();
  root = prs_stop_new(NULL);
  ASSERT(root != NULL);
  start_all(take_unless_stopped, parts, threads, 0);
  give_one_at_a_time(rounds);
  ASSERT_SOON(stock_left() == 0);
  ASSERT_INT(PRS_RW_ENTERED,
             locking_enter(&rw, PRS_RW_WRITES, PRS_FOREVER, NULL));
  is_closing = true;
  locking_notify_all(&condvar);
  locking_leave(&rw, PRS_RW_WRITES);
  join_all(threads);
  assert_nobody_is_left();
  ASSERT_UINT(rounds, count);
  prs_stop_unref(root);
}

const check_test_t check_tests[] = {
    TEST(one_writes_or_many_read), TEST(turns_go_round), TEST(stops_and_locks),
    TEST(stops_and_notifications), END_OF_TESTS,
};
