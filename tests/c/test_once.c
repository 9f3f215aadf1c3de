/* Once: one runs it, the others wait, and a failure leaves what it should. */
#include "../../csrc/core/sync/prs_meet.h"
#include "../../csrc/core/sync/prs_once.h"
#include "blocking.h"

enum { THREADS = 4, ME = 7, OTHER = 8 };

static unsigned long forker(void) { return OTHER; }

static int ask(prs_once_t *once, int mode, unsigned long ident) {
  bool was_poisoned = false;
  return prs_once_enter(once, mode, ident, NULL, &was_poisoned);
}

static void finish(prs_once_t *once, bool success) {
  prs_wakes_t wakes = {0};
  prs_once_finish(once, success, &wakes);
  prs_wakes_send(&wakes);
}

static uint32_t reset(prs_once_t *once, uint32_t state) {
  prs_wakes_t wakes = {0};
  uint32_t before = prs_once_reset(once, state, &wakes);
  prs_wakes_send(&wakes);
  return before;
}

static void first_one_runs_it(void) {
  blocking_init();
  prs_once_t once;
  prs_once_init(&once, true);
  ASSERT_INT(PRS_ONCE_WOULD_BLOCK, ask(&once, PRS_ONCE_WAIT, ME));
  ASSERT_INT(PRS_ONCE_IS_YOURS, ask(&once, PRS_ONCE_CALL, ME));
  for (int mode = PRS_ONCE_CALL; mode <= PRS_ONCE_WAIT_FORCE; mode++) {
    ASSERT_INT(PRS_ONCE_RECURSES, ask(&once, mode, ME));
    ASSERT_INT(PRS_ONCE_WOULD_BLOCK, ask(&once, mode, OTHER));
  }
  finish(&once, true);
  for (int mode = PRS_ONCE_CALL; mode <= PRS_ONCE_WAIT_FORCE; mode++)
    ASSERT_INT(PRS_ONCE_IS_DONE, ask(&once, mode, OTHER));
}

static void failure_poisons_or_not(void) {
  blocking_init();
  prs_once_t once;
  bool was_poisoned = false;
  prs_once_init(&once, true);
  ASSERT_INT(PRS_ONCE_IS_YOURS, ask(&once, PRS_ONCE_CALL, ME));
  finish(&once, false);
  ASSERT_INT(PRS_ONCE_FAILED, ask(&once, PRS_ONCE_CALL, ME));
  ASSERT_INT(PRS_ONCE_FAILED, ask(&once, PRS_ONCE_WAIT, ME));
  ASSERT_INT(PRS_ONCE_WOULD_BLOCK, ask(&once, PRS_ONCE_WAIT_FORCE, ME));
  ASSERT_UINT(PRS_ONCE_POISONED, reset(&once, PRS_ONCE_GONE));
  ASSERT_INT(PRS_ONCE_IS_YOURS, prs_once_enter(&once, PRS_ONCE_CALL_FORCE, ME,
                                               NULL, &was_poisoned));
  ASSERT(was_poisoned);
  finish(&once, true);
  ASSERT_INT(PRS_ONCE_IS_DONE, ask(&once, PRS_ONCE_CALL, ME));
  prs_once_init(&once, false);
  ASSERT_INT(PRS_ONCE_IS_YOURS, ask(&once, PRS_ONCE_CALL, ME));
  ASSERT_UINT(PRS_ONCE_RUNNING, reset(&once, PRS_ONCE_GONE));
  finish(&once, false);
  ASSERT_INT(PRS_ONCE_IS_YOURS, ask(&once, PRS_ONCE_CALL, ME));
  finish(&once, true);
  ASSERT_UINT(PRS_ONCE_COMPLETE, reset(&once, PRS_ONCE_INCOMPLETE));
  ASSERT_UINT(PRS_ONCE_INCOMPLETE, reset(&once, PRS_ONCE_INCOMPLETE));
  ASSERT_UINT(PRS_ONCE_INCOMPLETE, reset(&once, PRS_ONCE_GONE));
  ASSERT_INT(PRS_ONCE_WAS_MOVED, ask(&once, PRS_ONCE_CALL, ME));
}

static void fork_fails_a_run_of_another_thread(void) {
  blocking_init();
  blocking_os.forker = forker;
  for (int poisons = 0; poisons < 2; poisons++) {
    prs_once_t once;
    prs_once_init(&once, poisons);
    ASSERT_INT(PRS_ONCE_IS_YOURS, ask(&once, PRS_ONCE_CALL, ME));
    blocking_fork();
    ASSERT_INT(poisons ? PRS_ONCE_FAILED : PRS_ONCE_IS_YOURS,
               ask(&once, PRS_ONCE_CALL, OTHER));
    prs_once_init(&once, poisons);
    ASSERT_INT(PRS_ONCE_IS_YOURS, ask(&once, PRS_ONCE_CALL, OTHER));
    blocking_fork();
    ASSERT_INT(PRS_ONCE_RECURSES, ask(&once, PRS_ONCE_CALL, OTHER));
    ASSERT_INT(PRS_ONCE_WOULD_BLOCK, ask(&once, PRS_ONCE_CALL, ME));
  }
}

/* ---- threads ------------------------------------------------------------- */

typedef struct race {
  prs_once_t once;
  _Atomic uint32_t failures_left;
  _Atomic uint32_t idents;
  uint32_t runs; /* plain: the once orders it */
  check_line_t line;
} race_t;

static int ask_and_wait(prs_once_t *once, int mode, unsigned long ident) {
  for (;;) {
    prs_wakes_t wakes = {0};
    bool was_poisoned = false;
    prs_waiter_t *waiter = prs_waiter_new(1);
    ASSERT(waiter != NULL);
    prs_node_t *node = &waiter->nodes[0];
    int status = prs_once_enter(once, mode, ident, node, &was_poisoned);
    if (status == PRS_ONCE_QUEUED) {
      while (prs_waiter_wait(waiter, PRS_FOREVER) == PRS_EINTR) continue;
      prs_once_leave(once, node, false, &wakes);
      prs_wakes_send(&wakes);
    }
    prs_waiter_free(waiter);
    if (status != PRS_ONCE_QUEUED) return status;
  }
}

static void call_or_wait(void *arg) {
  race_t *race = arg;
  uint32_t ident = atomic_fetch_add(&race->idents, 1);
  int mode = ident % 2 == 0 ? PRS_ONCE_CALL : PRS_ONCE_WAIT_FORCE;
  check_line_cross(&race->line, 2 * THREADS);
  while (ask_and_wait(&race->once, mode, ident + 1) == PRS_ONCE_IS_YOURS) {
    race->runs++;
    uint32_t left = atomic_load(&race->failures_left);
    if (left > 0) atomic_store(&race->failures_left, left - 1);
    finish(&race->once, left == 0);
  }
  ASSERT_UINT(THREADS, race->runs);
}

/* All but the last run fail; each wakes another caller, and the last one those
 * who wait for the good end. */
static void after_a_failure_another_one_runs(void) {
  blocking_init();
  for (uint32_t n = check_rounds(200); n > 0; n--) {
    race_t race = {.failures_left = THREADS - 1};
    prs_once_init(&race.once, false);
    check_thread_t threads[2 * THREADS];
    for (int i = 0; i < 2 * THREADS; i++)
      check_thread_start(&threads[i], call_or_wait, &race);
    for (int i = 0; i < 2 * THREADS; i++) check_thread_join(&threads[i]);
  }
}

/* Who is woken to run it, and gives up, lets another one know. */
static void who_gives_up_passes_it_on(void) {
  blocking_init();
  prs_once_t once;
  prs_wakes_t wakes = {0};
  bool unused;
  prs_once_init(&once, false);
  prs_waiter_t *waiters[2] = {prs_waiter_new(1), prs_waiter_new(1)};
  ASSERT(waiters[0] != NULL && waiters[1] != NULL);
  ASSERT_INT(PRS_ONCE_IS_YOURS, ask(&once, PRS_ONCE_CALL, ME));
  for (int i = 0; i < 2; i++)
    ASSERT_INT(PRS_ONCE_QUEUED, prs_once_enter(&once, PRS_ONCE_CALL, OTHER,
                                               &waiters[i]->nodes[0], &unused));
  finish(&once, false);
  ASSERT(!prs_waiter_cancel(waiters[0]));
  ASSERT_INT(PRS_ETIMEDOUT, prs_waiter_wait(waiters[1], 0));
  prs_once_leave(&once, &waiters[0]->nodes[0], true, &wakes);
  prs_wakes_send(&wakes);
  ASSERT_INT(PRS_OK, prs_waiter_wait(waiters[1], 0));
  prs_once_leave(&once, &waiters[1]->nodes[0], false, &wakes);
  prs_waiter_free(waiters[0]);
  prs_waiter_free(waiters[1]);
}

const check_test_t check_tests[] = {
    TEST(first_one_runs_it),
    TEST(failure_poisons_or_not),
    TEST(fork_fails_a_run_of_another_thread),
    TEST(after_a_failure_another_one_runs),
    TEST(who_gives_up_passes_it_on),
    END_OF_TESTS,
};
