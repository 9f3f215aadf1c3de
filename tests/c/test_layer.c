/* The layer as a whole: made ready once, its counters, clock and numbers. */
#include "closure.h"

static void nothing(void *arg) { (void)arg; }

static void init_twice_does_nothing(void) {
  ASSERT_INT(PRS_OK, prs_init());
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_INT(PRS_OK, prs_init());
  ASSERT_UINT(1, check_statistics().spawned);
  closure_assert_nothing_left();
}

static void backend_is_the_one_that_was_built(void) {
  ASSERT_TEXT(CHECK_BACKEND, prs_backend());
}

static void statistics_begin_at_zero(void) {
  prs_statistics_t now = check_statistics();
  ASSERT_UINT(0, now.spawned);
  ASSERT_UINT(0, now.os_threads_created);
  ASSERT_UINT(0, now.os_threads_reused);
  ASSERT_UINT(0, now.parks);
  ASSERT_UINT(0, now.live);
  ASSERT_UINT(0, now.ending);
  ASSERT_UINT(0, now.idle);
  ASSERT_UINT(0, now.packets);
  ASSERT_UINT(0, now.parkers);
}

static void statistics_count_closures(void) {
  closure_join(closure_spawn(nothing, NULL));
  closure_join(closure_spawn(nothing, NULL));
  closure_join(closure_spawn_dedicated(nothing, NULL));
  prs_statistics_t now = check_statistics();
  ASSERT_UINT(3, now.spawned);
  ASSERT_UINT(2, now.os_threads_created);
  ASSERT_UINT(1, now.os_threads_reused);
  ASSERT_UINT(1, now.idle);
  ASSERT_UINT(0, now.live);
  ASSERT_SOON(check_statistics().ending == 0);
  closure_assert_nothing_left();
}

static void wait_for_event(void *event) { check_event_wait(event); }

static void statistics_tell_what_is_held_now(void) {
  check_event_t go = {0};
  prs_packet_t *packet = closure_spawn(wait_for_event, &go);
  prs_parker_t *parker = prs_parker_new();
  prs_statistics_t now = check_statistics();
  ASSERT_UINT(1, now.live);
  ASSERT_UINT(1, now.packets);
  ASSERT_UINT(1, now.parkers);
  ASSERT_SOON(check_statistics().parks > 0);
  check_event_set(&go);
  prs_parker_unref(parker);
  closure_join(packet);
  closure_assert_nothing_left();
}

static void generation_begins_at_zero(void) {
  ASSERT_UINT(0, prs_fork_generation());
  ASSERT_UINT(0, atomic_load(prs__fork_generation_word()));
}

static void clock_never_goes_back(void) {
  uint64_t last = prs_now();
  uint64_t first = last;
  uint64_t end = last + 2000000;
  while (last < end) {
    uint64_t now = prs_now();
    ASSERT(now >= last);
    last = now;
  }
  ASSERT(last - first >= 2000000);
}

static void read_clock(void *out) { *(uint64_t *)out = prs_now(); }

static void clock_is_one_for_all_threads(void) {
  for (uint32_t i = 0; i < check_rounds(100); i++) {
    uint64_t theirs = 0;
    uint64_t before = prs_now();
    check_thread_t thread;
    check_thread_start(&thread, read_clock, &theirs);
    check_thread_join(&thread);
    uint64_t after = prs_now();
    ASSERT(before <= theirs && theirs <= after);
  }
}

static void read_id(void *out) { *(uint64_t *)out = prs_thread_os_id(); }

static void each_thread_has_its_own_os_id(void) {
  uint64_t theirs = 0;
  check_thread_t thread;
  check_thread_start(&thread, read_id, &theirs);
  check_thread_join(&thread);
  ASSERT(theirs != 0);
  ASSERT(theirs != prs_thread_os_id());
  ASSERT_UINT(prs_thread_os_id(), prs_thread_os_id());
}

static void set_event(void *event) { check_event_set(event); }

static void yield_lets_others_come_first(void) {
  check_event_t event = {0};
  check_thread_t thread;
  check_thread_start(&thread, set_event, &event);
  while (!check_event_is_set(&event)) prs_yield();
  check_thread_join(&thread);
}

static void cpu_is_a_number_of_this_machine(void) {
  uint32_t cpu = prs__cpu();
  ASSERT(cpu == PRS_CPU_UNKNOWN || cpu < 65536);
}

static void parallelism_is_at_least_one(void) {
  uint32_t cpus = 0;
  ASSERT_INT(PRS_OK, prs_parallelism(&cpus));
  ASSERT(cpus >= 1 && cpus <= 65536);
}

const check_test_t check_tests[] = {
    TEST(init_twice_does_nothing),
    TEST(backend_is_the_one_that_was_built),
    TEST(statistics_begin_at_zero),
    TEST(statistics_count_closures),
    TEST(statistics_tell_what_is_held_now),
    TEST(generation_begins_at_zero),
    TEST(clock_never_goes_back),
    TEST(clock_is_one_for_all_threads),
    TEST(each_thread_has_its_own_os_id),
    TEST(yield_lets_others_come_first),
    TEST(cpu_is_a_number_of_this_machine),
    TEST(parallelism_is_at_least_one),
    END_OF_TESTS,
};
