/* Fork: the child has one thread, and everything of the others is gone. */
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../closure.h"

#define CHILD_SECONDS 10

static void nothing(void *arg) { (void)arg; }

static void wait_for_event(void *event) { check_event_wait(event); }

static void end_well(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) ASSERT_INT(EINTR, errno);
  ASSERT(WIFEXITED(status));
  ASSERT_INT(CHECK_PASSED, WEXITSTATUS(status));
}

/* Run `body` in a child. An alarm does not pass to a child: it gets its own. */
static void fork_and_run(void (*body)(void)) {
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child == 0) {
    check_os_deadline(CHILD_SECONDS);
    body();
    _exit(CHECK_PASSED);
  }
  end_well(child);
}

/* ThreadSanitizer takes a thread of the child for the one of the parent that
 * had the same address, and aborts. */
static void need_threads_in_child(void) {
  if (check_runs_under("thread"))
    check_skip("ThreadSanitizer cannot follow the threads of a child");
}

/* ---- generation --------------------------------------------------------- */

static void second_generation(void) { ASSERT_UINT(2, prs_fork_generation()); }

static void first_generation(void) {
  ASSERT_UINT(1, prs_fork_generation());
  fork_and_run(second_generation);
  ASSERT_UINT(1, prs_fork_generation());
}

static void generation_counts_forks(void) {
  fork_and_run(first_generation);
  ASSERT_UINT(0, prs_fork_generation());
}

/* Parts that are listed twice would make a ring of the list. */
static void second_init_adds_no_part_again(void) {
  ASSERT_INT(PRS_OK, prs_init());
  fork_and_run(first_generation);
  ASSERT_UINT(0, prs_fork_generation());
}

/* ---- packets and parkers ------------------------------------------------ */

static prs_packet_t *parents;
static prs_packet_t *finished;

static void look_at_parents(void) {
  ASSERT_UINT(PRS_FORKED, prs_packet_state(parents));
  ASSERT_INT(PRS_OK, prs_packet_wait(parents, 0));
  ASSERT_INT(PRS_OK, prs_packet_wait(parents, PRS_FOREVER));
  ASSERT_UINT(PRS_DONE, prs_packet_state(finished));
  ASSERT_UINT(PRS_RUN, atomic_load(&parents->state)); /* a copy, as it was */
}

static void running_closure_stays_with_the_parent(void) {
  check_event_t go = {0};
  finished = closure_spawn(nothing, NULL);
  ASSERT_UINT(PRS_DONE, closure_wait(finished));
  parents = closure_spawn(wait_for_event, &go);
  ASSERT_SOON(prs_packet_state(parents) == PRS_RUN);
  fork_and_run(look_at_parents);
  ASSERT_UINT(PRS_RUN, prs_packet_state(parents));
  check_event_set(&go);
  closure_join(parents);
  prs_packet_unref(finished);
  closure_assert_nothing_left();
}

static prs_parker_t *parker;

static void unpark_parker(void *arg) {
  (void)arg;
  prs_parker_unpark(parker);
}

static void use_parker(void) {
  ASSERT_INT(PRS_OK, prs_parker_park(parker, 0));
  ASSERT_INT(PRS_ETIMEDOUT, prs_parker_park(parker, 0));
  prs_packet_t *packet = closure_spawn(unpark_parker, NULL);
  while (prs_parker_park(parker, PRS_FOREVER) != PRS_OK) continue;
  closure_join(packet);
}

static void parker_keeps_its_token(void) {
  need_threads_in_child();
  parker = prs_parker_new();
  prs_parker_unpark(parker);
  fork_and_run(use_parker);
  ASSERT_INT(PRS_OK, prs_parker_park(parker, 0));
  prs_parker_unref(parker);
}

/* ---- workers ------------------------------------------------------------ */

/* A worker that has its place in the list, and is not in it yet: the spawn
 * looks into the list and must not find a worker of the parent there. */
static void reserve_and_spawn(void *arg) {
  (void)arg;
  ASSERT(prs__worker_keeps(closure_worker()));
  closure_join(closure_spawn(nothing, NULL));
}

static void spawn_in_child(void) {
  prs_statistics_t now = check_statistics();
  ASSERT_UINT(0, now.idle);
  ASSERT_UINT(0, now.live);
  ASSERT_UINT(0, prs_workers_retire());
  closure_join(closure_spawn(nothing, NULL));
  closure_join(closure_spawn(nothing, NULL));
  now = check_statistics();
  ASSERT_UINT(1, now.os_threads_created);
  ASSERT_UINT(1, now.os_threads_reused);
  closure_join(closure_spawn(reserve_and_spawn, NULL));
  ASSERT_UINT(2, prs_workers_retire());
}

static void parked_workers_stay_with_the_parent(void) {
  need_threads_in_child();
  check_event_t go = {0};
  prs_packet_t *packet = closure_spawn(wait_for_event, &go);
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_UINT(1, check_statistics().idle);
  fork_and_run(spawn_in_child);
  ASSERT_UINT(1, check_statistics().idle);
  ASSERT_UINT(1, check_statistics().live);
  check_event_set(&go);
  closure_join(packet);
  closure_assert_nothing_left();
}

static void look_at_statistics(void) {
  prs_statistics_t now = check_statistics();
  ASSERT_UINT(0, now.spawned);
  ASSERT_UINT(0, now.os_threads_created);
  ASSERT_UINT(0, now.os_threads_reused);
  ASSERT_UINT(0, now.parks);
  ASSERT_UINT(1, now.packets); /* the memory is there, as a copy */
  ASSERT_UINT(1, now.parkers);
}

static void statistics_begin_again(void) {
  prs_packet_t *packet = closure_spawn(nothing, NULL);
  ASSERT_UINT(PRS_DONE, closure_wait(packet));
  ASSERT_SOON(atomic_load(&packet->refs) == 1);
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_SOON(check_statistics().packets == 1);
  parker = prs_parker_new();
  (void)prs_parker_park(parker, 1);
  fork_and_run(look_at_statistics);
  ASSERT_UINT(2, check_statistics().spawned);
  prs_parker_unref(parker);
  prs_packet_unref(packet);
  closure_assert_nothing_left();
}

/* ---- a fork inside a closure -------------------------------------------- */

static void child_of_a_closure(void) {
  ASSERT(prs_packet_current() != NULL);
  ASSERT_UINT(PRS_RUN, prs_packet_state(prs_packet_current()));
  ASSERT_INT(PRS_EDEADLK, prs_packet_wait(prs_packet_current(), 0));
  ASSERT_UINT(1, check_statistics().live);
  ASSERT(!prs__worker_keeps(closure_worker()));
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_UINT(1, check_statistics().live);
}

static void fork_here(void *arg) {
  (void)arg;
  fork_and_run(child_of_a_closure);
}

static void closure_that_forks_lives_on_in_both(void) {
  need_threads_in_child();
  closure_join(closure_spawn(fork_here, NULL));
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_UINT(1, check_statistics().os_threads_created);
  closure_assert_nothing_left();
}

/* In the child the closure's thread is the only one: as it ends, the process
 * ends, with exit status 0. */
static void fork_and_return(void *child) {
  *(pid_t *)child = fork();
  if (*(pid_t *)child == 0) check_os_deadline(CHILD_SECONDS);
}

static void child_of_a_closure_ends_with_it(void) {
  if (check_runs_under("address"))
    check_skip(
        "LeakSanitizer misses the stack of the main thread in the child");
  pid_t child = -1;
  closure_join(closure_spawn(fork_and_return, &child));
  ASSERT(child > 0);
  end_well(child);
  closure_assert_nothing_left();
}

/* ---- the gate ----------------------------------------------------------- */

static check_event_t door;

static void wait_at_the_door(void) { check_event_wait(&door); }

static void close_in_child(void) {
  ASSERT_INT(PRS_GATE_OPEN, prs_gate_state());
  ASSERT_UINT(0, prs__gate_starting());
  ASSERT_UINT(PRS_FORKED, prs_packet_state(parents));
  ASSERT_UINT(0, prs_gate_close(PRS_FOREVER));
  ASSERT_INT(PRS_GATE_SHUT, prs_gate_state());
}

static void starts_in_flight_stay_with_the_parent(void) {
  atomic_store(&closure_slow_start, wait_at_the_door);
  parents = closure_spawn(nothing, NULL);
  ASSERT(prs__gate_enter()); /* somebody is in the door, too */
  fork_and_run(close_in_child);
  prs__gate_entered(false);
  ASSERT_INT(PRS_GATE_OPEN, prs_gate_state());
  check_event_set(&door);
  closure_join(parents);
  closure_assert_nothing_left();
}

static void look_at_shut_gate(void) {
  ASSERT_INT(PRS_GATE_SHUT, prs_gate_state());
  ASSERT(prs__gate_is_sealed());
  ASSERT(!prs__gate_start());
  ASSERT(!prs__gate_enter());
}

static void shut_gate_stays_shut(void) {
  ASSERT_UINT(0, prs_gate_close(0));
  fork_and_run(look_at_shut_gate);
}

/* ---- the line ------------------------------------------------------------ */

static check_event_t enough;

static void stand_in_line(void *arg) {
  (void)arg;
  prs_line_enter();
  check_event_wait(&enough);
  prs_line_leave();
}

static void pass_the_line(void) {
  for (int i = 0; i < 10; i++) {
    prs_line_enter();
    prs_line_leave();
  }
}

static void those_in_line_stay_with_the_parent(void) {
  enum { THREADS = 4 };
  check_thread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    check_thread_start(&threads[i], stand_in_line, NULL);
  ASSERT_SOON(check_statistics().parks >= THREADS);
  fork_and_run(pass_the_line);
  check_event_set(&enough);
  for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
}

/* ---- those who are told ------------------------------------------------- */

static int prepared;
static int in_parent;
static int in_child;

static void prepare(void) { prepared++; }
static void parent(void) { in_parent++; }
static void child(void) { in_child++; }

static void look_at_calls(void) {
  ASSERT_INT(1, prepared);
  ASSERT_INT(0, in_parent);
  ASSERT_INT(1, in_child);
  ASSERT_UINT(1, prs_fork_generation());
}

static void parts_are_told_of_a_fork(void) {
  static prs_fork_part_t part = {
      .prepare = prepare, .parent = parent, .child = child};
  static prs_fork_part_t silent;
  prs__fork_add(&part);
  prs__fork_add(&silent);
  fork_and_run(look_at_calls);
  ASSERT_INT(1, in_parent);
  ASSERT_INT(0, in_child);
}

static void installed_handlers_are_called(void) {
  ASSERT_INT(PRS_OK, prs__fork_install(prepare, parent, child));
  fork_and_run(look_at_calls);
  ASSERT_INT(1, in_parent);
}

/* ---- churn -------------------------------------------------------------- */

static void churn(void *arg) {
  (void)arg;
  while (!check_event_is_set(&enough))
    closure_join(closure_spawn(nothing, NULL));
}

static void churn_in_child(void) {
  ASSERT_UINT(0, check_statistics().live);
  for (int i = 0; i < 5; i++) closure_join(closure_spawn(nothing, NULL));
  (void)prs_workers_retire();
}

static void fork_during_churn(void) {
  need_threads_in_child();
  if (check_runs_under("address"))
    check_skip(
        "AddressSanitizer's allocator may be locked for ever in a child");
  enum { SPAWNERS = 3 };
  check_thread_t spawners[SPAWNERS];
  prs_workers_configure(1000, 2); /* so that the idle list is never at rest */
  for (int i = 0; i < SPAWNERS; i++)
    check_thread_start(&spawners[i], churn, NULL);
  for (uint32_t i = 0; i < check_rounds(100); i++) fork_and_run(churn_in_child);
  check_event_set(&enough);
  for (int i = 0; i < SPAWNERS; i++) check_thread_join(&spawners[i]);
  closure_assert_nothing_left();
}

const check_test_t check_tests[] = {
    TEST(generation_counts_forks),
    TEST(second_init_adds_no_part_again),
    TEST(running_closure_stays_with_the_parent),
    TEST(parker_keeps_its_token),
    TEST(parked_workers_stay_with_the_parent),
    TEST(statistics_begin_again),
    TEST(closure_that_forks_lives_on_in_both),
    TEST(child_of_a_closure_ends_with_it),
    TEST(starts_in_flight_stay_with_the_parent),
    TEST(shut_gate_stays_shut),
    TEST(those_in_line_stay_with_the_parent),
    TEST(parts_are_told_of_a_fork),
    TEST(installed_handlers_are_called),
    TEST(fork_during_churn),
    END_OF_TESTS,
};
