/* OS threads: start, end, join, detach, stack size, sleep. */
#include "check.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static void never_killed(void *arg) {
  (void)arg;
  ASSERT(!"the killed handler runs only when the thread is ended from inside");
}

static int create(prs_os_thread_t *thread, void (*body)(void *), void *arg,
                  size_t stack_size) {
  prs_os_start_t start = {.body = body,
                          .killed = never_killed,
                          .arg = arg,
                          .stack_size = stack_size};
  int os_error = 0;
  int status = prs__thread_create(thread, &start, &os_error);
  ASSERT((status == PRS_OK) == (os_error == 0));
  return status;
}

/* ---- start, join, detach ------------------------------------------------ */

static void count(void *arg) { ++*(int *)arg; }

static void join_sees_all_that_the_thread_did(void) {
  int calls = 0; /* plain: a missing order is a data race for TSan */
  for (uint32_t i = 0; i < check_rounds(200); i++) {
    prs_os_thread_t thread;
    ASSERT_INT(PRS_OK, create(&thread, count, &calls, 0));
    prs__thread_join(thread);
  }
  ASSERT_INT(check_rounds(200), calls);
}

static void nothing(void *arg) { (void)arg; }

static void ended_thread_can_be_joined_without_waiting(void) {
  for (uint32_t i = 0; i < check_rounds(200); i++) {
    prs_os_thread_t thread;
    ASSERT_INT(PRS_OK, create(&thread, nothing, NULL, 0));
    ASSERT_SOON(prs__thread_try_join(thread));
  }
}

static void detach_and_tell(void *event) {
  prs__thread_detach_self();
  check_event_set(event);
}

static void detached_thread_runs_to_its_end(void) {
  for (uint32_t i = 0; i < check_rounds(100); i++) {
    static check_event_t event;
    event = (check_event_t){0};
    prs_os_thread_t thread;
    ASSERT_INT(PRS_OK, create(&thread, detach_and_tell, &event, 0));
    check_event_wait(&event);
  }
}

typedef struct self {
  prs_os_thread_t thread;
  check_event_t told;
  check_event_t go;
  bool ended; /* plain: see above */
} self_t;

static void tell_self(void *arg) {
  self_t *self = arg;
  self->thread = prs__thread_self();
  check_event_set(&self->told);
  check_event_wait(&self->go);
  self->ended = true;
}

static void self_is_what_another_thread_joins(void) {
  self_t self = {0};
  prs_os_thread_t thread;
  ASSERT_INT(PRS_OK, create(&thread, tell_self, &self, 0));
  check_event_wait(&self.told);
  ASSERT(self.thread.bits == thread.bits);
  check_event_set(&self.go);
  prs__thread_join(self.thread);
  ASSERT(self.ended);
}

static void be_stranded(void *event) {
  check_event_set(event);
  prs__thread_strand();
}

static void stranded_thread_never_comes_back(void) {
  static check_event_t stranded;
  prs_os_thread_t thread;
  ASSERT_INT(PRS_OK, create(&thread, be_stranded, &stranded, 0));
  check_event_wait(&stranded);
  /* Coming back from a _Noreturn function would crash: give it the time. */
  ASSERT_INT(PRS_OK, prs_sleep(20000000));
}

/* ---- stack -------------------------------------------------------------- */

/* Touch `size` bytes of stack, a piece in each frame. */
static unsigned touch(size_t size) {
  volatile unsigned char piece[16 * KIB];
  for (size_t i = 0; i < sizeof piece; i += KIB) piece[i] = (unsigned char)size;
  unsigned below = size > sizeof piece ? touch(size - sizeof piece) : 0;
  return below + piece[0];
}

static void touch_stack(void *size) { (void)touch(*(size_t *)size); }

static void run_with_stack(size_t stack_size, size_t touched) {
  prs_os_thread_t thread;
  ASSERT_INT(PRS_OK, create(&thread, touch_stack, &touched, stack_size));
  prs__thread_join(thread);
}

static void default_stack_holds_seven_mebibytes(void) {
  run_with_stack(0, 7 * MIB);
}

static void large_stack_is_as_large_as_asked(void) {
  run_with_stack(64 * MIB, 60 * MIB);
}

static void run_little(size_t stack_size) {
  int calls = 0;
  prs_os_thread_t thread;
  ASSERT_INT(PRS_OK, create(&thread, count, &calls, stack_size));
  prs__thread_join(thread);
  ASSERT_INT(1, calls);
}

static void tiny_and_odd_stacks_are_rounded_up(void) {
  if (check_runs_under("thread"))
    check_skip("ThreadSanitizer itself needs more than the least stack");
  run_little(1);
  run_little(4097);
  run_little((64 << 10) - 1);
  run_with_stack(MIB + 1, MIB / 2);
}

static void refused(size_t stack_size, int one, int other) {
  prs_os_start_t start = {.body = count,
                          .killed = never_killed,
                          .arg = NULL,
                          .stack_size = stack_size};
  prs_os_thread_t thread = {.bits = 4711};
  int os_error = 0;
  int status = prs__thread_create(&thread, &start, &os_error);
  ASSERT(status == one || status == other);
  ASSERT(os_error != 0);
  ASSERT_UINT(4711, thread.bits);
}

static void stack_of_the_whole_address_space_is_invalid(void) {
  refused(SIZE_MAX, PRS_EINVAL, PRS_EINVAL);
  refused(SIZE_MAX / 2 + 1, PRS_EINVAL, PRS_EINVAL);
}

/* Windows says EINVAL: the C runtime there takes 32 bits. */
static void stack_beyond_all_memory_is_refused(void) {
  refused(SIZE_MAX / 4, PRS_EAGAIN, PRS_EINVAL);
}

/* ---- sleep -------------------------------------------------------------- */

static void sleep_is_never_shorter(void) {
  static const uint64_t times[] = {0, 1, 999, 50000, 1000000, 2345678};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    uint64_t began = prs_now();
    ASSERT_INT(PRS_OK, prs_sleep(times[i]));
    ASSERT(prs_now() - began >= times[i]);
  }
}

typedef struct sleeper {
  uint64_t time;
  check_event_t began;
  check_event_t woke;
} sleeper_t;

static void sleep_and_tell(void *arg) {
  sleeper_t *sleeper = arg;
  check_event_set(&sleeper->began);
  (void)prs_sleep(sleeper->time);
  check_event_set(&sleeper->woke);
}

/* A number that overflowed on its way to the OS would be a short sleep. */
static void sleep_of_centuries_does_not_overflow(void) {
  static sleeper_t sleepers[] = {{.time = UINT64_MAX},
                                 {.time = UINT64_MAX - 1},
                                 {.time = INT64_MAX},
                                 {.time = (uint64_t)INT64_MAX + 1},
                                 {.time = UINT64_MAX / 100 * 99}};
  enum { COUNT = sizeof sleepers / sizeof *sleepers };
  for (int i = 0; i < COUNT; i++) {
    prs_os_thread_t thread;
    ASSERT_INT(PRS_OK, create(&thread, sleep_and_tell, &sleepers[i], 0));
  }
  for (int i = 0; i < COUNT; i++) check_event_wait(&sleepers[i].began);
  ASSERT_INT(PRS_OK, prs_sleep(50000000));
  for (int i = 0; i < COUNT; i++)
    ASSERT(!check_event_is_set(&sleepers[i].woke));
}

const check_test_t check_tests[] = {
    TEST(join_sees_all_that_the_thread_did),
    TEST(ended_thread_can_be_joined_without_waiting),
    TEST(detached_thread_runs_to_its_end),
    TEST(self_is_what_another_thread_joins),
    TEST(stranded_thread_never_comes_back),
    TEST(default_stack_holds_seven_mebibytes),
    TEST(large_stack_is_as_large_as_asked),
    TEST(tiny_and_odd_stacks_are_rounded_up),
    TEST(stack_of_the_whole_address_space_is_invalid),
    TEST(stack_beyond_all_memory_is_refused),
    TEST(sleep_is_never_shorter),
    TEST(sleep_of_centuries_does_not_overflow),
    END_OF_TESTS,
};
