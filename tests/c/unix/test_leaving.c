/* Threads that leave wait for nobody, and leave nothing behind. */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>

#include "../closure.h"

#define THREADS 50

static pthread_key_t key;
static check_event_t may_go = {0};

/* Runs when the thread has come to the end of what this package does there. */
static void linger(void *event) { check_event_wait(event); }

static void will_linger(void *arg) {
  (void)arg;
  ASSERT_INT(0, pthread_setspecific(key, &may_go));
}

static void nothing(void *arg) { (void)arg; }

static uint32_t threads_of_the_process(void) {
  DIR *tasks = opendir("/proc/self/task");
  if (tasks == NULL) check_skip("no /proc/self/task");
  uint32_t count = 0;
  for (struct dirent *task; (task = readdir(tasks)) != NULL;)
    count += task->d_name[0] != '.';
  (void)closedir(tasks);
  return count;
}

static unsigned long address_space_kib(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%lu", &pages) != 1)
    check_skip("no /proc/self/statm");
  (void)fclose(file);
  return pages * 4;
}

static void nobody_waits_for_one_that_lingers(void) {
  ASSERT_INT(0, pthread_key_create(&key, linger));
  closure_join(closure_spawn_dedicated(will_linger, NULL));
  uint32_t lingering = threads_of_the_process();
  for (int i = 0; i < THREADS; i++)
    closure_join(closure_spawn_dedicated(nothing, NULL));
  ASSERT_SOON(threads_of_the_process() <= lingering);
  check_event_set(&may_go);
  closure_assert_nothing_left();
  ASSERT_SOON(threads_of_the_process() < lingering);
}

/* A stack stays until its thread is joined. */
static void those_that_are_gone_are_joined(void) {
  ASSERT_INT(0, pthread_key_create(&key, linger));
  closure_join(closure_spawn_dedicated(will_linger, NULL));
  unsigned long before = address_space_kib();
  for (int i = 0; i < THREADS; i++) {
    uint32_t live = threads_of_the_process();
    closure_join(closure_spawn_dedicated(nothing, NULL));
    ASSERT_SOON(threads_of_the_process() <= live);
  }
  unsigned long stacks =
      (address_space_kib() - before) * 1024 / PRS_STACK_DEFAULT;
  ASSERT_UINT(true, stacks < THREADS / 2);
  check_event_set(&may_go);
  closure_assert_nothing_left();
}

const check_test_t check_tests[] = {
    TEST(nobody_waits_for_one_that_lingers),
    TEST(those_that_are_gone_are_joined),
    END_OF_TESTS,
};
