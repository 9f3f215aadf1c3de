/* Handles: every thread's handle is closed, by whoever owns it. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "../closure.h"

static void nothing(void *arg) { (void)arg; }

/* The first number that is free: Windows and wine give the numbers of closed
 * handles out again, and wine does not count handles. */
static uintptr_t free_number(void) {
  HANDLE handle = CreateEventW(NULL, TRUE, FALSE, NULL);
  ASSERT(handle != NULL);
  ASSERT(CloseHandle(handle));
  return (uintptr_t)handle;
}

static void join_once(void) {
  check_thread_t thread;
  check_thread_start(&thread, nothing, NULL);
  check_thread_join(&thread);
}

static void detach_once(void) {
  closure_join(closure_spawn_dedicated(nothing, NULL));
}

static void retire_once(void) {
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_UINT(1, prs_workers_retire());
}

/* The first rounds make what is made once; later ones leave nothing. */
static void assert_no_leak(void (*once)(void)) {
  enum { ROUNDS = 100 };
  for (int i = 0; i < 5; i++) once();
  ASSERT_SOON(atomic_load(&closure_left) == atomic_load(&closure_attached));
  uintptr_t before = free_number();
  for (int i = 0; i < ROUNDS; i++) once();
  ASSERT_SOON(free_number() < before + ROUNDS); /* they are 4 apart */
}

static void joined_threads_leave_no_handle(void) { assert_no_leak(join_once); }

static void detached_threads_leave_no_handle(void) {
  assert_no_leak(detach_once);
}

static void retired_workers_leave_no_handle(void) {
  assert_no_leak(retire_once);
}

static void sleep_once(void) { ASSERT_INT(PRS_OK, prs_sleep(1000)); }

static void sleeps_leave_no_handle(void) { assert_no_leak(sleep_once); }

static prs_os_thread_t told;
static check_event_t has_told;

static DWORD WINAPI strange_thread(void *arg) {
  (void)arg;
  told = prs__thread_self();
  check_event_set(&has_told);
  return 0;
}

/* A thread that somebody else started, Python's main thread for one. */
static void strange_thread_can_be_joined(void) {
  HANDLE strange = CreateThread(NULL, 0, strange_thread, NULL, 0, NULL);
  ASSERT(strange != NULL);
  check_event_wait(&has_told);
  prs__thread_join(told);
  ASSERT_UINT(WAIT_OBJECT_0, WaitForSingleObject(strange, 0));
  ASSERT(CloseHandle(strange));
}

static void affinity_is_obeyed(void) {
  uint32_t cpus = 0;
  DWORD_PTR ours = 0;
  DWORD_PTR whole = 0;
  ASSERT(GetProcessAffinityMask(GetCurrentProcess(), &ours, &whole));
  if (!SetProcessAffinityMask(GetCurrentProcess(), ours & -ours))
    check_skip("no affinity here");
  ASSERT_INT(PRS_OK, prs_parallelism(&cpus));
  ASSERT_UINT(1, cpus);
}

const check_test_t check_tests[] = {
    TEST(joined_threads_leave_no_handle),
    TEST(detached_threads_leave_no_handle),
    TEST(retired_workers_leave_no_handle),
    TEST(sleeps_leave_no_handle),
    TEST(strange_thread_can_be_joined),
    TEST(affinity_is_obeyed),
    END_OF_TESTS,
};
