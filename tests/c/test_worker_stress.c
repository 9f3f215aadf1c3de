/* Races of spawn, hand-off, idle time-out, retire and join, in large numbers.
 */
#include "closure.h"

#define SPAWNERS 4

static _Atomic uint32_t ran;

static void count_run(void *arg) {
  (void)arg;
  atomic_fetch_add(&ran, 1);
}

typedef struct crowd {
  check_line_t line;
  uint32_t each;
  void (*round)(uint32_t number);
} crowd_t;

static void spawner(void *arg) {
  crowd_t *crowd = arg;
  check_line_cross(&crowd->line, SPAWNERS);
  for (uint32_t i = 0; i < crowd->each; i++) crowd->round(i);
}

/* Let SPAWNERS threads do `rounds` rounds all in all, from one line. */
static void run_crowd(void (*round)(uint32_t number), uint32_t rounds) {
  crowd_t crowd = {.each = check_rounds(rounds) / SPAWNERS + 1, .round = round};
  check_thread_t threads[SPAWNERS];
  for (int i = 0; i < SPAWNERS; i++)
    check_thread_start(&threads[i], spawner, &crowd);
  for (int i = 0; i < SPAWNERS; i++) check_thread_join(&threads[i]);
  closure_assert_nothing_left();
  prs_statistics_t now = check_statistics();
  ASSERT_UINT(now.spawned, atomic_load(&ran));
  ASSERT_UINT(now.spawned, now.os_threads_created + now.os_threads_reused);
  ASSERT_UINT(now.os_threads_created, atomic_load(&closure_attached));
}

/* ---- hand-off ----------------------------------------------------------- */

static void spawn_and_join(uint32_t number) {
  (void)number;
  closure_join(closure_spawn(count_run, NULL));
}

static void hand_off_with_joins(void) { run_crowd(spawn_and_join, 20000); }

static void spawn_and_drop(uint32_t number) {
  prs_packet_t *packet = closure_spawn(count_run, NULL);
  if (number % 64 == 63) (void)closure_wait(packet); /* or memory would grow */
  prs_packet_unref(packet);
}

static void hand_off_without_joins(void) { run_crowd(spawn_and_drop, 10000); }

/* Eight at a time, joined in the other order. */
static void spawn_burst(uint32_t number) {
  enum { BURST = 8 };
  prs_packet_t *packets[BURST];
  (void)number;
  for (int i = 0; i < BURST; i++) packets[i] = closure_spawn(count_run, NULL);
  for (int i = BURST; i > 0; i--) closure_join(packets[i - 1]);
}

static void bursts(void) { run_crowd(spawn_burst, 1500); }

/* ---- joiners that race -------------------------------------------------- */

static void join_too(void *packet) {
  ASSERT_UINT(PRS_DONE, closure_wait(packet));
  prs_packet_unref(packet);
  atomic_fetch_add(&ran, 1);
}

/* Three joiners of one packet: two closures and the spawner itself. */
static void join_by_three(uint32_t number) {
  (void)number;
  prs_packet_t *packet = closure_spawn(count_run, NULL);
  prs_packet_ref(packet);
  prs_packet_ref(packet);
  prs_packet_t *second = closure_spawn(join_too, packet);
  prs_packet_t *third = closure_spawn(join_too, packet);
  closure_join(packet);
  closure_join(second);
  closure_join(third);
}

static void three_joiners_of_one_packet(void) {
  run_crowd(join_by_three, 3000);
}

/* ---- workers that leave ------------------------------------------------- */

/* A worker that has no idle time takes itself off the list while a spawner
 * may already have taken it. */
static void no_idle_time_races_with_spawn(void) {
  prs_workers_configure(0, 32);
  run_crowd(spawn_and_join, 3000);
}

static void short_idle_time_races_with_spawn(void) {
  prs_workers_configure(2000, 32);
  run_crowd(spawn_and_join, 3000);
}

static void cap_of_one_races_with_spawn(void) {
  prs_workers_configure(1000000000, 1);
  run_crowd(spawn_and_join, 3000);
}

static void change_settings(uint32_t number) {
  prs_workers_configure(number % 3 == 0 ? 0 : 1000000000, number % 4);
  spawn_and_join(number);
}

static void settings_change_while_workers_come_and_go(void) {
  run_crowd(change_settings, 2000);
}

static void spawn_or_retire(uint32_t number) {
  if (number % 8 == 0) (void)prs_workers_retire();
  spawn_and_join(number);
}

static void retire_races_with_spawn(void) { run_crowd(spawn_or_retire, 4000); }

static void spawn_of_all_kinds(uint32_t number) {
  prs_packet_t *packet = closure_new(count_run, NULL);
  prs_spawn_options_t options = {
      .dedicated = number % 3 == 0,
      .stack_size = number % 5 == 0 ? (size_t)256 << 10 : 0};
  if (number % 2 == 0)
    ASSERT_INT(PRS_OK, prs_packet_set_name(packet, "stress", 6));
  closure_start(packet, options);
  closure_join(packet);
}

static void all_kinds_of_spawn(void) { run_crowd(spawn_of_all_kinds, 2000); }

/* ---- stepping back ------------------------------------------------------ */

static void spawn_and_step_back(uint32_t number) {
  uint32_t seen;
  prs_packet_t *packet = closure_spawn(count_run, NULL);
  if (number % 2 == 0 && prs_spawn_is_ahead(&seen)) prs_spawn_step_back(seen);
  closure_join(packet);
}

static void spawners_step_back(void) {
  run_crowd(spawn_and_step_back, 6000);
  ASSERT_UINT(0, atomic_load(&prs__bystanders));
}

const check_test_t check_tests[] = {
    TEST(hand_off_with_joins),
    TEST(hand_off_without_joins),
    TEST(bursts),
    TEST(three_joiners_of_one_packet),
    TEST(no_idle_time_races_with_spawn),
    TEST(short_idle_time_races_with_spawn),
    TEST(cap_of_one_races_with_spawn),
    TEST(settings_change_while_workers_come_and_go),
    TEST(retire_races_with_spawn),
    TEST(all_kinds_of_spawn),
    TEST(spawners_step_back),
    END_OF_TESTS,
};
