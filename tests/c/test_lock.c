/* The small lock that guards the idle list. */
#include "check.h"

static void try_takes_a_free_lock_only(void) {
  prs_lock_t lock = {0};
  ASSERT(prs__lock_try(&lock));
  ASSERT(!prs__lock_try(&lock));
  prs__unlock(&lock);
  prs__lock(&lock);
  ASSERT(!prs__lock_try(&lock));
  prs__unlock(&lock);
  ASSERT_UINT(0, atomic_load(&lock.word));
}

typedef struct shared {
  prs_lock_t lock;
  uint32_t rounds;
  uint32_t count; /* plain: the lock orders it */
} shared_t;

static void add_under_lock(void *arg) {
  shared_t *shared = arg;
  for (uint32_t i = 0; i < shared->rounds; i++) {
    if (i % 3 != 0 || !prs__lock_try(&shared->lock)) prs__lock(&shared->lock);
    shared->count++;
    if (i % 64 == 0) prs_yield(); /* so that others find it held */
    prs__unlock(&shared->lock);
  }
}

static void lock_lets_one_in(void) {
  enum { THREADS = 4 };
  shared_t shared = {.rounds = check_rounds(10000)};
  check_thread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    check_thread_start(&threads[i], add_under_lock, &shared);
  for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
  ASSERT_UINT(THREADS * shared.rounds, shared.count);
  ASSERT_UINT(0, atomic_load(&shared.lock.word));
}

static void lock_once(void *arg) {
  shared_t *shared = arg;
  prs__lock(&shared->lock);
  shared->count++;
  prs__unlock(&shared->lock);
}

static void unlock_wakes_those_who_wait(void) {
  enum { THREADS = 4 };
  shared_t shared = {0};
  check_thread_t threads[THREADS];
  prs__lock(&shared.lock);
  for (int i = 0; i < THREADS; i++)
    check_thread_start(&threads[i], lock_once, &shared);
  ASSERT_SOON(check_statistics().parks >= THREADS);
  ASSERT_UINT(2, atomic_load(&shared.lock.word));
  ASSERT_UINT(0, shared.count);
  prs__unlock(&shared.lock);
  for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
  ASSERT_UINT(THREADS, shared.count);
}

const check_test_t check_tests[] = {
    TEST(try_takes_a_free_lock_only),
    TEST(lock_lets_one_in),
    TEST(unlock_wakes_those_who_wait),
    END_OF_TESTS,
};
