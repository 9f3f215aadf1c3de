/* Worker: closures find a thread, threads are kept, reused, and end. */
#include "closure.h"

#define MIB ((size_t)1 << 20)
#define SECOND 1000000000u

static void nothing(void *arg) { (void)arg; }

static void read_id(void *out) { *(uint64_t *)out = prs_thread_os_id(); }

static void wait_for_event(void *event) { check_event_wait(event); }

static uint64_t id_of(prs_spawn_options_t options) {
  uint64_t id = 0;
  prs_packet_t *packet = closure_new(read_id, &id);
  closure_start(packet, options);
  closure_join(packet);
  return id;
}

/* Run `count` closures at the same time, and join them. */
static void run_at_once(int count) {
  check_event_t go = {0};
  prs_packet_t *packets[16];
  for (int i = 0; i < count; i++)
    packets[i] = closure_spawn(wait_for_event, &go);
  check_event_set(&go);
  for (int i = 0; i < count; i++) closure_join(packets[i]);
}

/* ---- one after the other ------------------------------------------------ */

static void closure_runs_on_a_thread_of_its_own(void) {
  uint64_t id = id_of((prs_spawn_options_t){0});
  ASSERT(id != 0 && id != prs_thread_os_id());
  closure_assert_nothing_left();
}

static void set_number(void *out) { *(int *)out = 4711; }

static void join_sees_all_that_the_closure_did(void) {
  for (uint32_t i = 0; i < check_rounds(1000); i++) {
    int number = 0; /* plain: a missing order is a data race for TSan */
    closure_join(closure_spawn(set_number, &number));
    ASSERT_INT(4711, number);
  }
  closure_assert_nothing_left();
}

static void spawn_after_a_join_finds_the_worker(void) {
  uint64_t first = id_of((prs_spawn_options_t){0});
  for (uint32_t i = 0; i < check_rounds(2000); i++)
    ASSERT_UINT(first, id_of((prs_spawn_options_t){0}));
  ASSERT_UINT(1, check_statistics().os_threads_created);
  ASSERT_UINT(check_rounds(2000), check_statistics().os_threads_reused);
  ASSERT_UINT(1, atomic_load(&closure_attached));
  ASSERT_UINT(0, atomic_load(&closure_left));
  closure_assert_nothing_left();
}

static void last_parked_is_used_first(void) {
  check_event_t go[2] = {{0}, {0}};
  prs_packet_t *first = closure_spawn(wait_for_event, &go[0]);
  prs_packet_t *second = closure_spawn(wait_for_event, &go[1]);
  check_event_set(&go[0]);
  closure_join(first);
  check_event_set(&go[1]);
  uint64_t id = 0;
  closure_join(second);
  ASSERT_UINT(2, prs__worker_idle_count());
  prs_packet_t *third = closure_new(read_id, &id);
  closure_start(third, (prs_spawn_options_t){0});
  closure_join(third);
  ASSERT_UINT(id, id_of((prs_spawn_options_t){0}));
  ASSERT_UINT(2, check_statistics().os_threads_created);
  closure_assert_nothing_left();
}

/* ---- fresh threads ------------------------------------------------------ */

static void dedicated_thread_is_fresh_and_not_kept(void) {
  uint64_t pooled = id_of((prs_spawn_options_t){0});
  for (int i = 0; i < 10; i++)
    ASSERT(pooled != id_of((prs_spawn_options_t){.dedicated = true}));
  prs_statistics_t now = check_statistics();
  ASSERT_UINT(11, now.os_threads_created);
  ASSERT_UINT(0, now.os_threads_reused);
  ASSERT_UINT(1, now.idle);
  ASSERT_UINT(10, atomic_load(&closure_left));
  closure_assert_nothing_left();
}

static void touch_stack(void *arg) {
  (void)arg;
  volatile unsigned char block[12 * MIB];
  for (size_t i = 0; i < sizeof block; i += 1024) block[i] = 1;
}

static void stack_size_gets_a_fresh_thread_of_that_size(void) {
  (void)id_of((prs_spawn_options_t){0});
  prs_packet_t *packet = closure_new(touch_stack, NULL);
  closure_start(packet, (prs_spawn_options_t){.stack_size = 16 * MIB});
  closure_join(packet);
  ASSERT_UINT(2, check_statistics().os_threads_created);
  ASSERT_UINT(1, check_statistics().idle);
  closure_assert_nothing_left();
}

static void refused(size_t stack_size, int one, int other) {
  prs_packet_t *packet = closure_new(nothing, NULL);
  prs_spawn_options_t options = {.stack_size = stack_size};
  void *payload = packet->payload;
  int os_error = 0;
  int status = prs_spawn(packet, &options, &os_error);
  ASSERT(status == one || status == other);
  ASSERT(os_error != 0);
  ASSERT(packet->payload == payload);
  ASSERT_UINT(1, atomic_load(&packet->refs));
  ASSERT_UINT(PRS_NEW, prs_packet_state(packet));
  prs_statistics_t now = check_statistics();
  ASSERT_UINT(0, now.spawned);
  ASSERT_UINT(0, now.os_threads_created);
  ASSERT_UINT(0, now.live);
  ASSERT_UINT(0, prs__gate_starting());
  closure_drop(packet);
  ASSERT_UINT(0, check_statistics().packets);
}

static void refused_spawn_leaves_nothing_behind(void) {
  refused(SIZE_MAX, PRS_EINVAL, PRS_EINVAL);
  refused(SIZE_MAX / 4, PRS_EAGAIN, PRS_EINVAL);
  closure_join(closure_spawn(nothing, NULL));
  closure_assert_nothing_left();
}

/* ---- how many stay, and how long ---------------------------------------- */

static void no_more_than_the_cap_stay(void) {
  prs_workers_configure(10ull * SECOND, 3);
  run_at_once(8);
  ASSERT_UINT(8, check_statistics().os_threads_created);
  ASSERT_UINT(3, check_statistics().idle);
  ASSERT_SOON(atomic_load(&closure_left) == 5);
  run_at_once(8);
  ASSERT_UINT(3, check_statistics().idle);
  ASSERT_UINT(3, check_statistics().os_threads_reused);
  closure_assert_nothing_left();
}

static void cap_of_zero_keeps_none(void) {
  prs_workers_configure(10ull * SECOND, 0);
  for (int i = 0; i < 5; i++) closure_join(closure_spawn(nothing, NULL));
  ASSERT_UINT(0, check_statistics().idle);
  ASSERT_UINT(5, check_statistics().os_threads_created);
  ASSERT_UINT(5, atomic_load(&closure_left));
  closure_assert_nothing_left();
}

typedef struct keeping {
  bool first;
  bool second;
} keeping_t;

static void ask_twice(void *out) {
  keeping_t *keeping = out;
  keeping->first = prs__worker_keeps(closure_worker());
  prs_workers_configure(10ull * SECOND, 0);
  keeping->second = prs__worker_keeps(closure_worker());
}

/* The runner asks, then cleans up: the answer must hold. */
static void promised_place_is_kept(void) {
  keeping_t keeping = {0};
  closure_join(closure_spawn(ask_twice, &keeping));
  ASSERT(keeping.first && keeping.second);
  ASSERT_UINT(1, check_statistics().idle);
  closure_join(closure_spawn_dedicated(ask_twice, &keeping));
  ASSERT(!keeping.first && !keeping.second);
  closure_assert_nothing_left();
}

static void parked_worker_leaves_when_its_time_is_over(void) {
  prs_workers_configure(1000000, 32);
  run_at_once(4);
  ASSERT_SOON(check_statistics().idle == 0);
  ASSERT_SOON(atomic_load(&closure_left) == 4);
  uint64_t created = check_statistics().os_threads_created;
  prs_workers_configure(10ull * SECOND, 32);
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_UINT(created + 1, check_statistics().os_threads_created);
  ASSERT_UINT(1, check_statistics().idle);
  closure_assert_nothing_left();
}

static void idle_time_without_end_does_not_overflow(void) {
  prs_workers_configure(UINT64_MAX, 32);
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_SOON(check_statistics().parks > 0);
  ASSERT_INT(PRS_OK, prs_sleep(20000000));
  ASSERT_UINT(1, check_statistics().idle);
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_UINT(1, check_statistics().os_threads_created);
  closure_assert_nothing_left();
}

/* ---- retire ------------------------------------------------------------- */

static void retire_ends_all_that_are_parked(void) {
  ASSERT_UINT(0, prs_workers_retire());
  run_at_once(5);
  ASSERT_UINT(5, prs_workers_retire());
  ASSERT_UINT(5, atomic_load(&closure_left));
  ASSERT_UINT(0, check_statistics().idle);
  ASSERT_UINT(0, prs_workers_retire());
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_UINT(6, check_statistics().os_threads_created);
  closure_assert_nothing_left();
}

static void retire_lets_running_closures_be(void) {
  check_event_t go = {0};
  prs_packet_t *packet = closure_spawn(wait_for_event, &go);
  ASSERT_UINT(0, prs_workers_retire());
  check_event_set(&go);
  closure_join(packet);
  ASSERT_UINT(1, prs_workers_retire());
  closure_assert_nothing_left();
}

static void retire_others(void *out) {
  *(uint32_t *)out = prs_workers_retire();
}

static void closure_may_retire_the_others(void) {
  uint32_t ended = 0;
  run_at_once(3);
  closure_join(closure_spawn(retire_others, &ended));
  ASSERT_UINT(2, ended);
  ASSERT_UINT(1, check_statistics().idle);
  closure_assert_nothing_left();
}

/* ---- closures that spawn ------------------------------------------------ */

static void spawn_and_join(void *depth) {
  int left = *(int *)depth;
  if (left == 0) return;
  left--;
  closure_join(closure_spawn(spawn_and_join, &left));
}

static void closures_spawn_and_join_closures(void) {
  int depth = 20;
  closure_join(closure_spawn(spawn_and_join, &depth));
  ASSERT_UINT(21, check_statistics().spawned);
  closure_assert_nothing_left();
}

const check_test_t check_tests[] = {
    TEST(closure_runs_on_a_thread_of_its_own),
    TEST(join_sees_all_that_the_closure_did),
    TEST(spawn_after_a_join_finds_the_worker),
    TEST(last_parked_is_used_first),
    TEST(dedicated_thread_is_fresh_and_not_kept),
    TEST(stack_size_gets_a_fresh_thread_of_that_size),
    TEST(refused_spawn_leaves_nothing_behind),
    TEST(no_more_than_the_cap_stay),
    TEST(cap_of_zero_keeps_none),
    TEST(promised_place_is_kept),
    TEST(parked_worker_leaves_when_its_time_is_over),
    TEST(idle_time_without_end_does_not_overflow),
    TEST(retire_ends_all_that_are_parked),
    TEST(retire_lets_running_closures_be),
    TEST(closure_may_retire_the_others),
    TEST(closures_spawn_and_join_closures),
    END_OF_TESTS,
};
