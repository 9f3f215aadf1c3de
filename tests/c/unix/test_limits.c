/* Limits of the process: the OS refuses a thread, and nothing is lost by it. */
#include <stdio.h>
#include <sys/resource.h>

#include "../closure.h"

#define MIB ((size_t)1 << 20)
#define MOST_THREADS 1000

static void nothing(void *arg) { (void)arg; }

static void wait_for_event(void *event) { check_event_wait(event); }

static size_t address_space_in_use(void) {
  FILE *stream = fopen("/proc/self/statm", "r");
  unsigned long pages = 0;
  if (stream == NULL) check_skip("no /proc/self/statm here");
  ASSERT_INT(1, fscanf(stream, "%lu", &pages));
  (void)fclose(stream);
  return (size_t)pages * 4096;
}

/* Leave `room` bytes of address space: a stack of 8 MiB takes as much. */
static void leave_room(size_t room) {
  if (check_runs_under("address") || check_runs_under("thread") ||
      check_runs_under("valgrind"))
    check_skip("this tool needs the whole address space");
  struct rlimit limit;
  ASSERT_INT(0, getrlimit(RLIMIT_AS, &limit));
  limit.rlim_cur = address_space_in_use() + room;
  ASSERT_INT(0, setrlimit(RLIMIT_AS, &limit));
}

static void refused_thread_leaves_nothing_behind(void) {
  static prs_packet_t *packets[MOST_THREADS];
  check_event_t go = {0};
  leave_room(100 * MIB);
  prs_packet_t *refused = NULL;
  uint32_t started = 0;
  while (refused == NULL) {
    ASSERT(started < MOST_THREADS);
    prs_packet_t *packet = closure_new(wait_for_event, &go);
    prs_spawn_options_t options = {.dedicated = true};
    int os_error = 0;
    int status = prs_spawn(packet, &options, &os_error);
    if (status == PRS_OK) {
      packets[started++] = packet;
      continue;
    }
    ASSERT_INT(PRS_EAGAIN, status);
    ASSERT(os_error != 0);
    refused = packet;
  }
  ASSERT(started >= 2);
  ASSERT_UINT(1, atomic_load(&refused->refs));
  ASSERT_UINT(started, check_statistics().live);
  ASSERT_UINT(started, check_statistics().spawned);
  ASSERT_UINT(started, check_statistics().os_threads_created);
  check_event_set(&go);
  for (uint32_t i = 0; i < started; i++) closure_join(packets[i]);
  ASSERT_UINT(0, prs__gate_starting());
  /* The same packet may be tried again, now that there is room. */
  ASSERT_SOON(atomic_load(&closure_left) == started);
  closure_start(refused, (prs_spawn_options_t){0});
  closure_join(refused);
  closure_assert_nothing_left();
}

/* A thread that is neither joined nor detached keeps its stack: 500 of them
 * would need 4 GiB. */
static void ended_threads_give_their_stacks_back(void) {
  leave_room(512 * MIB);
  for (int i = 0; i < 500; i++)
    closure_join(closure_spawn_dedicated(nothing, NULL));
  prs_workers_configure(0, 32);
  for (int i = 0; i < 250; i++) {
    closure_join(closure_spawn(nothing, NULL));
    ASSERT_SOON(check_statistics().idle == 0);
  }
  prs_workers_configure(10000000000, 32);
  for (int i = 0; i < 250; i++) {
    closure_join(closure_spawn(nothing, NULL));
    (void)prs_workers_retire();
  }
  closure_assert_nothing_left();
}

const check_test_t check_tests[] = {
    TEST(refused_thread_leaves_nothing_behind),
    TEST(ended_threads_give_their_stacks_back),
    END_OF_TESTS,
};
