/* Spin or sleep, and when a spawner steps back for those it has started. */
#include "closure.h"

#define SHORT_NS 1000u
#define LONG_NS 10000000u
#define SPIN_NS 300000u

/* ---- the score ---------------------------------------------------------- */

static void long_waits_end_the_spinning(void) {
  prs_patience_t patience = {.score = 1};
  ASSERT(prs__patience_spins(&patience));
  prs__patience_learn(&patience, LONG_NS);
  ASSERT(!prs__patience_spins(&patience));
}

static void short_waits_bring_it_back(void) {
  prs_patience_t patience = {.score = 0};
  prs__patience_learn(&patience, SHORT_NS);
  ASSERT(prs__patience_spins(&patience));
}

/* However long it went one way, a few waits of the other kind turn it. */
static void score_has_limits_on_both_sides(void) {
  prs_patience_t patience = {.score = 0};
  for (int i = 0; i < 1000; i++) prs__patience_learn(&patience, LONG_NS);
  for (int i = 0; i < 6; i++) prs__patience_learn(&patience, SHORT_NS);
  ASSERT(prs__patience_spins(&patience));
  for (int i = 0; i < 1000; i++) prs__patience_learn(&patience, SHORT_NS);
  for (int i = 0; i < 6; i++) prs__patience_learn(&patience, PRS_FOREVER);
  ASSERT(!prs__patience_spins(&patience));
}

static void lost_patience_comes_back_slowly(void) {
  prs_patience_t patience = {.score = 4};
  prs__patience_lose(&patience);
  prs__patience_learn(&patience, SHORT_NS);
  ASSERT(!prs__patience_spins(&patience));
  for (int i = 0; i < 10; i++) prs__patience_learn(&patience, SHORT_NS);
  ASSERT(prs__patience_spins(&patience));
}

/* ---- the spin ----------------------------------------------------------- */

static prs_watch_t watch_of(_Atomic uint32_t *word, uint32_t unwanted) {
  return (prs_watch_t){
      .word = word, .unwanted = unwanted, .other_cpu = PRS_CPU_UNKNOWN};
}

static void changed_word_ends_the_spin_at_once(void) {
  _Atomic uint32_t word = 1;
  ASSERT(prs__patience_spin(watch_of(&word, 0), PRS_FOREVER));
  ASSERT(prs__patience_defer(watch_of(&word, 0), PRS_FOREVER));
}

static void spin_ends_when_its_time_is_over(void) {
  _Atomic uint32_t word = 0;
  uint32_t cpus = 1;
  ASSERT_INT(PRS_OK, prs_parallelism(&cpus));
  uint64_t began = prs_now();
  ASSERT(!prs__patience_spin(watch_of(&word, 0), SPIN_NS));
  if (cpus > 1) ASSERT(prs_now() - began >= SPIN_NS);
  began = prs_now();
  ASSERT(!prs__patience_defer(watch_of(&word, 0), SPIN_NS));
  if (cpus > 1) ASSERT(prs_now() - began >= SPIN_NS);
}

/* The other thread wants the CPU that the caller burns: no whole spin. The
 * scheduler may move the caller in the middle, hence the second chance. */
static void spin_is_short_on_the_cpu_of_the_other(void) {
  _Atomic uint32_t word = 0;
  if (prs__cpu() == PRS_CPU_UNKNOWN) check_skip("CPUs have no numbers here");
  for (int i = 0;; i++) {
    prs_watch_t watch = watch_of(&word, 0);
    watch.other_cpu = prs__cpu();
    uint64_t began = prs_now();
    ASSERT(!prs__patience_spin(watch, LONG_NS));
    ASSERT(!prs__patience_defer(watch, LONG_NS));
    if (prs_now() - began < LONG_NS) return;
    ASSERT(i < 20);
  }
}

static void set_word(void *word) { atomic_store((_Atomic uint32_t *)word, 1); }

static void spin_sees_what_another_thread_does(void) {
  for (uint32_t i = 0; i < check_rounds(100); i++) {
    _Atomic uint32_t word = 0;
    check_thread_t thread;
    check_thread_start(&thread, set_word, &word);
    while (!prs__patience_spin(watch_of(&word, 0), SPIN_NS)) prs_yield();
    check_thread_join(&thread);
  }
}

/* ---- stepping back ------------------------------------------------------ */

static check_event_t door; /* slow starters stand before it */

static void wait_at_the_door(void) { check_event_wait(&door); }

static void nothing(void *arg) { (void)arg; }

static void nobody_is_ahead_of_the_first_spawn(void) {
  uint32_t seen = 4711;
  ASSERT(!prs_spawn_is_ahead(&seen));
  ASSERT_UINT(0, seen);
}

static void starting_closure_is_ahead_until_it_has_entered(void) {
  uint32_t seen = 0;
  atomic_store(&closure_slow_start, wait_at_the_door);
  prs_packet_t *packet = closure_spawn(nothing, NULL);
  ASSERT(prs_spawn_is_ahead(&seen));
  check_event_set(&door);
  closure_join(packet);
  ASSERT(!prs_spawn_is_ahead(&seen));
  ASSERT_UINT(1, seen);
  closure_assert_nothing_left();
}

/* Nobody ends: the step back must not last, and soon not happen any more. */
static void step_back_is_given_up(void) {
  uint32_t seen = 0;
  int steps = 0;
  atomic_store(&closure_slow_start, wait_at_the_door);
  prs_packet_t *packet = closure_spawn(nothing, NULL);
  for (; prs_spawn_is_ahead(&seen); steps++) {
    uint64_t began = prs_now();
    prs_spawn_step_back(seen);
    ASSERT(prs_now() - began < CHECK_SOON_NS / 10);
    ASSERT(steps < 100);
  }
  ASSERT(steps >= 1);
  ASSERT_UINT(0, atomic_load(&prs__bystanders));
  check_event_set(&door);
  closure_join(packet);
  closure_assert_nothing_left();
}

static void step_back_ends_with_the_closure(void) {
  for (uint32_t i = 0; i < check_rounds(500); i++) {
    uint32_t seen = 0;
    prs_packet_t *packet = closure_spawn(nothing, NULL);
    (void)prs_spawn_is_ahead(&seen);
    prs_spawn_step_back(seen);
    closure_join(packet);
  }
  ASSERT_UINT(0, atomic_load(&prs__bystanders));
  closure_assert_nothing_left();
}

static void long_closures_are_not_worth_a_step_back(void) {
  uint32_t seen = 0;
  atomic_store(&closure_slow_start, wait_at_the_door);
  prs_packet_t *packet = closure_spawn(nothing, NULL);
  ASSERT(prs_spawn_is_ahead(&seen));
  for (int i = 0; i < 6; i++) prs__spawn_learn(LONG_NS);
  ASSERT(!prs_spawn_is_ahead(&seen));
  check_event_set(&door);
  closure_join(packet);
  closure_assert_nothing_left();
}

/* ---- waits and turns ----------------------------------------------------- */

static void wait_spins_only_when_waits_were_short(void) {
  _Atomic uint32_t word = 1;
  ASSERT_INT(PRS_OK, prs_init());
  for (int i = 0; i < 10; i++) prs_wait_learn(LONG_NS);
  ASSERT(prs_wait_spin(&word, 0));
  uint64_t began = prs_now();
  ASSERT(!prs_wait_spin(&word, 1));
  ASSERT(prs_now() - began < CHECK_SOON_NS / 10);
  for (int i = 0; i < 10; i++) prs_wait_learn(SHORT_NS);
  ASSERT(!prs_wait_spin(&word, 1)); /* in vain, and not for ever */
}

static void turn_ends_when_somebody_passes_it(void) {
  ASSERT_INT(PRS_OK, prs_init());
  uint32_t turn = atomic_load(&prs__detached);
  uint64_t began = prs_now();
  prs_turn_await(turn);
  ASSERT(prs_now() - began < CHECK_SOON_NS / 10);
  prs_turn_pass();
  ASSERT_UINT(turn + 1, atomic_load(&prs__detached));
  prs_turn_await(turn); /* passed already */
}

const check_test_t check_tests[] = {
    TEST(long_waits_end_the_spinning),
    TEST(short_waits_bring_it_back),
    TEST(score_has_limits_on_both_sides),
    TEST(lost_patience_comes_back_slowly),
    TEST(changed_word_ends_the_spin_at_once),
    TEST(spin_ends_when_its_time_is_over),
    TEST(spin_is_short_on_the_cpu_of_the_other),
    TEST(spin_sees_what_another_thread_does),
    TEST(nobody_is_ahead_of_the_first_spawn),
    TEST(starting_closure_is_ahead_until_it_has_entered),
    TEST(step_back_is_given_up),
    TEST(step_back_ends_with_the_closure),
    TEST(long_closures_are_not_worth_a_step_back),
    TEST(wait_spins_only_when_waits_were_short),
    TEST(turn_ends_when_somebody_passes_it),
    END_OF_TESTS,
};
