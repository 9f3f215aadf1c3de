/* Threads that something below ends from inside, as CPython up to 3.13 does
 * with a thread that asks for the GIL while the interpreter goes away. */
#include <stdlib.h>

#include "closure.h"

/* ---- the thread --------------------------------------------------------- */

typedef struct victim {
  int killed; /* plain: the join orders it */
  int came_back;
} victim_t;

static void end_inside(void *arg) {
  victim_t *victim = arg;
  check_os_end_thread();
  victim->came_back++;
}

static void return_normally(void *arg) { (void)arg; }

static void note_killed(void *arg) { ((victim_t *)arg)->killed++; }

static victim_t run(void (*body)(void *)) {
  victim_t victim = {0};
  prs_os_start_t start = {.body = body, .killed = note_killed, .arg = &victim};
  prs_os_thread_t thread;
  int os_error = 0;
  ASSERT_INT(PRS_OK, prs__thread_create(&thread, &start, &os_error));
  prs__thread_join(thread);
  return victim;
}

static void killed_runs_instead_of_the_rest(void) {
  victim_t victim = run(end_inside);
  ASSERT_INT(1, victim.killed);
  ASSERT_INT(0, victim.came_back);
}

static void killed_does_not_run_after_a_normal_end(void) {
  victim_t victim = run(return_normally);
  ASSERT_INT(0, victim.killed);
}

/* ---- the closure -------------------------------------------------------- */

typedef struct doomed {
  check_event_t go;
  _Atomic uintptr_t thread;
  prs_worker_t *_Atomic worker;
} doomed_t;

static void wait_and_end(void *arg) {
  doomed_t *doomed = arg;
  atomic_store(&doomed->thread, prs__thread_self().bits);
  atomic_store(&doomed->worker, closure_worker());
  check_event_wait(&doomed->go);
  check_os_end_thread();
}

/* A killed worker frees nothing, for the process is about to end and locks may
 * be held for ever. This process goes on, so the test cleans up. */
static void bury(doomed_t *doomed, prs_packet_t *packet) {
  prs__thread_join((prs_os_thread_t){.bits = atomic_load(&doomed->thread)});
  free(atomic_load(&doomed->worker)->attached);
  free(atomic_load(&doomed->worker));
  prs_packet_unref(packet); /* the reference of the thread */
  prs_packet_unref(packet);
}

static void killed_closure_is_said_to_be_killed(void) {
  doomed_t doomed = {0};
  check_event_set(&doomed.go);
  prs_packet_t *packet = closure_spawn(wait_and_end, &doomed);
  ASSERT_UINT(PRS_KILLED, closure_wait(packet));
  ASSERT_UINT(PRS_KILLED, prs_packet_state(packet));
  bury(&doomed, packet);
  ASSERT_UINT(0, check_statistics().packets);
}

static void join_killed(void *packet) {
  ASSERT_UINT(PRS_KILLED, closure_wait(packet));
}

static void sleeping_joiners_of_a_killed_closure_wake(void) {
  enum { JOINERS = 4 };
  doomed_t doomed = {0};
  prs_packet_t *packet = closure_spawn(wait_and_end, &doomed);
  check_thread_t joiners[JOINERS];
  for (int i = 0; i < JOINERS; i++)
    check_thread_start(&joiners[i], join_killed, packet);
  ASSERT_SOON(atomic_load(&packet->waiters) == JOINERS);
  check_event_set(&doomed.go);
  for (int i = 0; i < JOINERS; i++) check_thread_join(&joiners[i]);
  bury(&doomed, packet);
}

static void reused_worker_can_be_killed_too(void) {
  doomed_t doomed = {0};
  closure_join(closure_spawn(return_normally, NULL));
  check_event_set(&doomed.go);
  prs_packet_t *packet = closure_spawn(wait_and_end, &doomed);
  ASSERT_UINT(PRS_KILLED, closure_wait(packet));
  ASSERT_UINT(1, check_statistics().os_threads_created);
  bury(&doomed, packet);
}

static void next_spawn_works_after_a_kill(void) {
  doomed_t doomed = {0};
  check_event_set(&doomed.go);
  prs_packet_t *packet = closure_spawn(wait_and_end, &doomed);
  ASSERT_UINT(PRS_KILLED, closure_wait(packet));
  closure_join(closure_spawn(return_normally, NULL));
  ASSERT_UINT(2, check_statistics().os_threads_created);
  bury(&doomed, packet);
}

const check_test_t check_tests[] = {
    TEST(killed_runs_instead_of_the_rest),
    TEST(killed_does_not_run_after_a_normal_end),
    TEST(killed_closure_is_said_to_be_killed),
    TEST(sleeping_joiners_of_a_killed_closure_wake),
    TEST(reused_worker_can_be_killed_too),
    TEST(next_spawn_works_after_a_kill),
    END_OF_TESTS,
};
