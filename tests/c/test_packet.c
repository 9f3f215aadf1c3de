/* Packet: states, waits, names, references, and the race of publish and wait.
 */
#include <string.h>

#include "closure.h"

#define MILLISECOND 1000000u

static void nothing(void *arg) { (void)arg; }

static void wait_for_event(void *event) { check_event_wait(event); }

/* ---- states and references ---------------------------------------------- */

static void new_packet_is_new(void) {
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  ASSERT_UINT(PRS_NEW, prs_packet_state(packet));
  ASSERT(packet->runner == &closure_runner);
  ASSERT_UINT(1, check_statistics().packets);
  prs_packet_unref(packet);
  ASSERT_UINT(0, check_statistics().packets);
}

static void last_reference_frees(void) {
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  ASSERT_INT(PRS_OK, prs_packet_set_name(packet, "name", 4));
  prs_packet_ref(packet);
  prs_packet_unref(packet);
  ASSERT_UINT(1, check_statistics().packets);
  prs_packet_unref(packet);
  ASSERT_UINT(0, check_statistics().packets);
}

static void state_follows_the_closure(void) {
  check_event_t go = {0};
  prs_packet_t *packet = closure_spawn(wait_for_event, &go);
  ASSERT_SOON(prs_packet_state(packet) == PRS_RUN);
  check_event_set(&go);
  ASSERT_UINT(PRS_DONE, closure_wait(packet));
  ASSERT_UINT(PRS_DONE, prs_packet_state(packet));
  prs_packet_unref(packet);
  closure_assert_nothing_left();
}

static void packet_knows_whether_it_was_spawned(void) {
  prs_packet_t *packet = closure_new(nothing, NULL);
  prs_spawn_options_t options = {.stack_size = SIZE_MAX};
  int os_error = 0;
  ASSERT(!prs_packet_was_spawned(packet));
  ASSERT_INT(PRS_EINVAL, prs_spawn(packet, &options, &os_error));
  ASSERT(!prs_packet_was_spawned(packet));
  closure_start(packet, (prs_spawn_options_t){0});
  ASSERT(prs_packet_was_spawned(packet));
  ASSERT_UINT(PRS_DONE, closure_wait(packet));
  ASSERT(prs_packet_was_spawned(packet));
  prs_packet_unref(packet);
  closure_assert_nothing_left();
}

static void read_current(void *out) {
  *(prs_packet_t **)out = prs_packet_current();
}

static void current_is_the_packet_that_runs(void) {
  prs_packet_t *seen = NULL;
  ASSERT(prs_packet_current() == NULL);
  prs_packet_t *packet = closure_spawn(read_current, &seen);
  ASSERT_UINT(PRS_DONE, closure_wait(packet));
  ASSERT(seen == packet);
  prs__packet_set_current(packet);
  ASSERT(prs_packet_current() == packet);
  prs__packet_set_current(NULL);
  prs_packet_unref(packet);
  closure_assert_nothing_left();
}

/* ---- names -------------------------------------------------------------- */

static void name_is_a_copy(void) {
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  char name[] = "one";
  ASSERT(packet->name == NULL);
  ASSERT_INT(PRS_OK, prs_packet_set_name(packet, name, 3));
  name[0] = 'x';
  ASSERT_TEXT("one", packet->name);
  ASSERT_INT(PRS_OK, prs_packet_set_name(packet, "second", 6));
  ASSERT_TEXT("second", packet->name);
  ASSERT_INT(PRS_OK, prs_packet_set_name(packet, "", 0));
  ASSERT_TEXT("", packet->name);
  prs_packet_unref(packet);
}

static void long_name_is_cut_between_characters(void) {
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  char name[300];
  memset(name, 'a', sizeof name);
  ASSERT_INT(PRS_OK, prs_packet_set_name(packet, name, sizeof name));
  ASSERT_UINT(PRS_NAME_LIMIT, strlen(packet->name));
  for (size_t i = 1; i + 1 < sizeof name; i += 2)
    memcpy(name + i, "\xC3\xA9", 2);
  ASSERT_INT(PRS_OK, prs_packet_set_name(packet, name, sizeof name));
  ASSERT_UINT(PRS_NAME_LIMIT, strlen(packet->name));
  memcpy(name, "aa", 2);
  for (size_t i = 2; i + 1 < sizeof name; i += 2)
    memcpy(name + i, "\xC3\xA9", 2);
  ASSERT_INT(PRS_OK, prs_packet_set_name(packet, name, sizeof name));
  ASSERT_UINT(PRS_NAME_LIMIT - 1, strlen(packet->name));
  prs_packet_unref(packet);
}

/* ---- waits -------------------------------------------------------------- */

static void wait_of_no_time_is_a_look(void) {
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  ASSERT_INT(PRS_ETIMEDOUT, prs_packet_wait(packet, 0));
  prs__packet_publish(packet, PRS_DONE);
  ASSERT_INT(PRS_OK, prs_packet_wait(packet, 0));
  ASSERT_INT(PRS_OK, prs_packet_wait(packet, PRS_FOREVER));
  prs_packet_unref(packet);
}

/* Returns: what is left when `timeout` is over. */
static int wait_out(prs_packet_t *packet, uint64_t timeout) {
  int status;
  uint64_t began = prs_now();
  uint64_t spent = 0;
  do {
    status = prs_packet_wait(packet, timeout - spent);
    spent = prs_now() - began;
  } while (status == PRS_EINTR && spent < timeout);
  ASSERT(spent >= timeout);
  return status == PRS_EINTR ? PRS_ETIMEDOUT : status;
}

static void wait_is_never_shorter(void) {
  static const uint64_t times[] = {1, 60000, MILLISECOND, 70 * MILLISECOND};
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    ASSERT_INT(PRS_ETIMEDOUT, wait_out(packet, times[i]));
  ASSERT_UINT(0, atomic_load(&packet->waiters));
  ASSERT_UINT(0, atomic_load(&prs__bystanders));
  prs_packet_unref(packet);
}

static void join_current(void *out) {
  prs_packet_t *packet = prs_packet_current();
  ((int *)out)[0] = prs_packet_wait(packet, PRS_FOREVER);
  ((int *)out)[1] = prs_packet_wait(packet, 0);
}

static void closure_cannot_wait_for_itself(void) {
  int statuses[2] = {0, 0};
  closure_join(closure_spawn(join_current, statuses));
  ASSERT_INT(PRS_EDEADLK, statuses[0]);
  ASSERT_INT(PRS_EDEADLK, statuses[1]);
  closure_assert_nothing_left();
}

typedef struct joiner {
  check_thread_t thread;
  prs_packet_t *packet;
  uint64_t timeout;
  _Atomic int status;
} joiner_t;

#define NOT_BACK 1

static void join(void *arg) {
  joiner_t *joiner = arg;
  int status;
  do {
    status = prs_packet_wait(joiner->packet, joiner->timeout);
  } while (status == PRS_EINTR);
  atomic_store(&joiner->status, status);
}

static void start_joiner(joiner_t *joiner, prs_packet_t *packet,
                         uint64_t timeout) {
  joiner->packet = packet;
  joiner->timeout = timeout;
  atomic_init(&joiner->status, NOT_BACK);
  check_thread_start(&joiner->thread, join, joiner);
}

static uint32_t count_back(joiner_t *joiners, uint32_t count) {
  uint32_t back = 0;
  for (uint32_t i = 0; i < count; i++)
    back += atomic_load(&joiners[i].status) != NOT_BACK;
  return back;
}

static void huge_times_do_not_overflow(void) {
  static const uint64_t times[] = {PRS_FOREVER, UINT64_MAX - 1,
                                   (uint64_t)INT64_MAX + 1};
  enum { COUNT = sizeof times / sizeof *times };
  joiner_t joiners[COUNT];
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  for (int i = 0; i < COUNT; i++) {
    start_joiner(&joiners[i], packet, times[i]);
  }
  ASSERT_SOON(atomic_load(&packet->waiters) == COUNT);
  ASSERT_INT(PRS_OK, prs_sleep(20 * MILLISECOND));
  ASSERT_UINT(COUNT, atomic_load(&packet->waiters));
  prs__packet_publish(packet, PRS_DONE);
  for (int i = 0; i < COUNT; i++) {
    ASSERT_SOON(count_back(joiners, COUNT) > (uint32_t)i);
    prs_packet_chain(packet);
  }
  for (int i = 0; i < COUNT; i++) {
    check_thread_join(&joiners[i].thread);
    ASSERT_INT(PRS_OK, atomic_load(&joiners[i].status));
  }
  prs_packet_unref(packet);
}

/* Publish wakes one; the chain is what gets the others out. (The condvar floor
 * wakes all each time, so there is nothing to see before the chain there.) */
static void chain_wakes_all_one_after_the_other(void) {
  enum { COUNT = 8 };
  static joiner_t joiners[COUNT];
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  for (int i = 0; i < COUNT; i++)
    start_joiner(&joiners[i], packet, PRS_FOREVER);
  ASSERT_SOON(atomic_load(&packet->waiters) == COUNT);
  prs__packet_publish(packet, PRS_DONE);
  for (uint32_t back = 1; back <= COUNT; back++) {
    ASSERT_SOON(count_back(joiners, COUNT) >= back);
    prs_packet_chain(packet);
  }
  for (int i = 0; i < COUNT; i++) check_thread_join(&joiners[i].thread);
  ASSERT_UINT(0, atomic_load(&packet->waiters));
  prs_packet_unref(packet);
}

/* ---- interrupts ---------------------------------------------------------- */

typedef struct stopped {
  prs_packet_t *packet;
  _Atomic uint32_t ends;
  check_line_t line;
  int status;
} stopped_t;

static void join_until_stopped(void *arg) {
  stopped_t *stopped = arg;
  check_line_cross(&stopped->line, 2);
  do {
    stopped->status =
        prs_packet_wait_or(stopped->packet, PRS_FOREVER, &stopped->ends);
  } while (stopped->status == PRS_EINTR && !atomic_load(&stopped->ends));
}

/* Joiner and interrupter come from one line: they meet in all orders. */
static void interrupt_and_join_never_miss_each_other(void) {
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  for (uint32_t i = 0; i < check_rounds(2000); i++) {
    stopped_t stopped = {.packet = packet};
    check_thread_t thread;
    check_thread_start(&thread, join_until_stopped, &stopped);
    check_line_cross(&stopped.line, 2);
    atomic_store(&stopped.ends, 1);
    prs_packet_interrupt(packet);
    check_thread_join(&thread);
    ASSERT_INT(PRS_EINTR, stopped.status);
    ASSERT_UINT(PRS_NEW, prs_packet_state(packet));
  }
  prs__packet_publish(packet, PRS_DONE);
  ASSERT_UINT(PRS_DONE, prs_packet_state(packet));
  prs_packet_unref(packet);
}

/* Whom an interrupt does not mean sleeps on, and is woken by the end. */
static void interrupt_leaves_other_joiners_asleep(void) {
  joiner_t joiner;
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  start_joiner(&joiner, packet, PRS_FOREVER);
  uint64_t parks = 0;
  for (int i = 0; i < 3; i++) {
    ASSERT_SOON(check_statistics().parks > parks);
    parks = check_statistics().parks;
    prs_packet_interrupt(packet);
  }
  ASSERT_INT(NOT_BACK, atomic_load(&joiner.status));
  prs__packet_publish(packet, PRS_DONE);
  check_thread_join(&joiner.thread);
  ASSERT_INT(PRS_OK, atomic_load(&joiner.status));
  prs_packet_interrupt(packet);
  ASSERT_UINT(PRS_DONE, prs_packet_state(packet));
  prs_packet_unref(packet);
}

static void end_goes_before_an_interrupt(void) {
  const _Atomic uint32_t ends = 1;
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  ASSERT_INT(PRS_EINTR, prs_packet_wait_or(packet, PRS_FOREVER, &ends));
  prs__packet_publish(packet, PRS_DONE);
  ASSERT_INT(PRS_OK, prs_packet_wait_or(packet, PRS_FOREVER, &ends));
  prs_packet_unref(packet);
}

/* ---- the bell ------------------------------------------------------------ */

typedef struct bell {
  prs_packet_t *packet;
  _Atomic uint32_t rings;
  uint32_t state; /* of the packet, when it rang */
} bell_t;

static void ring(prs_worker_t *worker, void *arg) {
  bell_t *bell = arg;
  ASSERT(worker != NULL);
  bell->state = prs_packet_state(bell->packet);
  atomic_fetch_add(&bell->rings, 1);
}

static bool never_finalizing(void) { return false; }

static void no_hold(void) {}

static const prs_interpreter_t with_bells = {
    .finalizing = never_finalizing, .hold = no_hold, .ring = ring};

static void bell_rings_once_before_done(void) {
  prs__interpreter = &with_bells;
  for (int dedicated = 0; dedicated < 2; dedicated++) {
    check_event_t go = {0};
    bell_t bell = {0};
    prs_packet_t *packet = closure_new(wait_for_event, &go);
    bell.packet = packet;
    closure_start(packet, (prs_spawn_options_t){.dedicated = dedicated != 0});
    ASSERT(prs_packet_set_bell(packet, &bell));
    ASSERT(!prs_packet_set_bell(packet, &bell));
    ASSERT_UINT(0, atomic_load(&bell.rings));
    check_event_set(&go);
    ASSERT_UINT(PRS_DONE, closure_wait(packet));
    ASSERT_UINT(1, atomic_load(&bell.rings));
    ASSERT_UINT(PRS_RUN, bell.state);
    ASSERT(!prs_packet_set_bell(packet, &bell));
    prs_packet_unref(packet);
  }
  closure_assert_nothing_left();
}

static void bell_that_the_runner_took_is_not_rung(void) {
  prs__interpreter = &with_bells;
  bell_t bell = {0};
  prs_packet_t *packet = closure_new(nothing, NULL);
  ASSERT(prs_packet_set_bell(packet, &bell));
  ASSERT(prs__packet_take_bell(packet) == &bell);
  ASSERT(prs__packet_take_bell(packet) == NULL);
  prs__packet_ring(packet, NULL);
  closure_start(packet, (prs_spawn_options_t){0});
  ASSERT_UINT(PRS_DONE, closure_wait(packet));
  ASSERT_UINT(0, atomic_load(&bell.rings));
  prs_packet_unref(packet);
  closure_assert_nothing_left();
}

/* Who comes too late is told so; who does not is told of the end. */
static void bell_and_end_never_miss_each_other(void) {
  prs__interpreter = &with_bells;
  for (uint32_t i = 0; i < check_rounds(3000); i++) {
    bell_t bell = {0};
    prs_packet_t *packet = closure_new(nothing, NULL);
    bell.packet = packet;
    closure_start(packet, (prs_spawn_options_t){0});
    bool set = prs_packet_set_bell(packet, &bell);
    ASSERT_UINT(PRS_DONE, closure_wait(packet));
    ASSERT_UINT(set ? 1 : 0, atomic_load(&bell.rings));
    prs_packet_unref(packet);
  }
  closure_assert_nothing_left();
}

/* ---- races -------------------------------------------------------------- */

typedef struct race {
  prs_packet_t *packet;
  check_line_t line;
  uint32_t result; /* plain: publish and wait order it */
} race_t;

static void publish_race(void *arg) {
  race_t *race = arg;
  check_line_cross(&race->line, 2);
  race->result = 4711;
  prs__packet_publish(race->packet, PRS_DONE);
  prs_packet_unref(race->packet);
}

/* Joiner and publisher come from one line, so that they meet in all orders. */
static void publish_and_wait_never_miss_each_other(void) {
  for (uint32_t i = 0; i < check_rounds(3000); i++) {
    race_t race = {.packet = prs_packet_new(&closure_runner)};
    prs_packet_ref(race.packet);
    prs_packet_t *publisher = closure_spawn(publish_race, &race);
    check_line_cross(&race.line, 2);
    ASSERT_UINT(PRS_DONE, closure_wait(race.packet));
    ASSERT_UINT(4711, race.result);
    prs_packet_unref(race.packet);
    closure_join(publisher);
  }
  closure_assert_nothing_left();
}

static void timeouts_race_with_publish(void) {
  for (uint32_t i = 0; i < check_rounds(2000); i++) {
    race_t race = {.packet = prs_packet_new(&closure_runner)};
    prs_packet_ref(race.packet);
    prs_packet_t *publisher = closure_spawn(publish_race, &race);
    check_line_cross(&race.line, 2);
    while (prs_packet_wait(race.packet, 1 + i % 50 * 1000) != PRS_OK) continue;
    ASSERT_UINT(4711, race.result);
    prs_packet_unref(race.packet);
    closure_join(publisher);
  }
  closure_assert_nothing_left();
}

static void dropped_packet_is_freed_by_its_thread(void) {
  for (uint32_t i = 0; i < check_rounds(1000); i++)
    prs_packet_unref(closure_spawn(nothing, NULL));
  closure_assert_nothing_left();
}

const check_test_t check_tests[] = {
    TEST(new_packet_is_new),
    TEST(last_reference_frees),
    TEST(state_follows_the_closure),
    TEST(packet_knows_whether_it_was_spawned),
    TEST(current_is_the_packet_that_runs),
    TEST(name_is_a_copy),
    TEST(long_name_is_cut_between_characters),
    TEST(wait_of_no_time_is_a_look),
    TEST(wait_is_never_shorter),
    TEST(closure_cannot_wait_for_itself),
    TEST(huge_times_do_not_overflow),
    TEST(chain_wakes_all_one_after_the_other),
    TEST(interrupt_and_join_never_miss_each_other),
    TEST(interrupt_leaves_other_joiners_asleep),
    TEST(end_goes_before_an_interrupt),
    TEST(bell_rings_once_before_done),
    TEST(bell_that_the_runner_took_is_not_rung),
    TEST(bell_and_end_never_miss_each_other),
    TEST(publish_and_wait_never_miss_each_other),
    TEST(timeouts_race_with_publish),
    TEST(dropped_packet_is_freed_by_its_thread),
    END_OF_TESTS,
};
