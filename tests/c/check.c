/* The main program of every test in C, and what the assertions do. */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_SECONDS 20u

/* ---- assertions --------------------------------------------------------- */

/* _Exit, for a test may fail on any thread, and in the child of a fork. */
static _Noreturn void end(enum check_status status) {
  (void)fflush(stderr);
  _Exit(status);
}

_Noreturn void check_fail(const char *file, int line, const char *what) {
  (void)fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
  end(CHECK_FAILED);
}

void check_int(const char *file, int line, const char *what, int64_t expected,
               int64_t actual) {
  if (expected == actual) return;
  (void)fprintf(stderr, "%s:%d: %s is %" PRId64 ", expected %" PRId64 "\n",
                file, line, what, actual, expected);
  end(CHECK_FAILED);
}

void check_uint(const char *file, int line, const char *what, uint64_t expected,
                uint64_t actual) {
  if (expected == actual) return;
  (void)fprintf(stderr, "%s:%d: %s is %" PRIu64 ", expected %" PRIu64 "\n",
                file, line, what, actual, expected);
  end(CHECK_FAILED);
}

void check_text(const char *file, int line, const char *what,
                const char *expected, const char *actual) {
  if (strcmp(expected, actual) == 0) return;
  (void)fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", file, line,
                what, actual, expected);
  end(CHECK_FAILED);
}

_Noreturn void check_skip(const char *why) {
  (void)fprintf(stderr, "skipped: %s\n", why);
  end(CHECK_SKIPPED);
}

bool check_runs_under(const char *tool) {
  const char *name = getenv("CHECK_TOOL");
  return name != NULL && strcmp(name, tool) == 0;
}

/* ---- environment -------------------------------------------------------- */

static unsigned long setting(const char *name, unsigned long fallback) {
  const char *text = getenv(name);
  return text != NULL ? strtoul(text, NULL, 10) : fallback;
}

uint32_t check_rounds(uint32_t rounds) {
  uint64_t scaled = (uint64_t)rounds * setting("CHECK_ROUNDS", 100) / 100;
  return scaled > 0 ? (uint32_t)scaled : 1;
}

/* ---- threads ------------------------------------------------------------ */

static void never_killed(void *arg) {
  (void)arg;
  check_fail(__FILE__, __LINE__, "a thread of the harness was not killed");
}

static void thread_body(void *arg) {
  check_thread_t *thread = arg;
  thread->body(thread->arg);
}

void check_thread_start(check_thread_t *thread, void (*body)(void *arg),
                        void *arg) {
  thread->body = body;
  thread->arg = arg;
  prs_os_start_t start = {
      .body = thread_body, .killed = never_killed, .arg = thread};
  int os_error = 0;
  ASSERT_INT(PRS_OK, prs__thread_create(&thread->os, &start, &os_error));
}

void check_thread_join(check_thread_t *thread) { prs__thread_join(thread->os); }

void check_event_set(check_event_t *event) {
  atomic_store(&event->happened, 1);
  prs__wake_all(&event->happened);
}

void check_event_wait(check_event_t *event) {
  while (!check_event_is_set(event))
    (void)prs__wait(&event->happened, 0, PRS_FOREVER);
}

bool check_event_is_set(check_event_t *event) {
  return atomic_load(&event->happened) != 0;
}

void check_line_cross(check_line_t *line, uint32_t width) {
  uint32_t arrived = atomic_fetch_add(&line->arrived, 1) + 1;
  if (arrived == width) prs__wake_all(&line->arrived);
  while ((arrived = atomic_load(&line->arrived)) < width)
    (void)prs__wait(&line->arrived, arrived, PRS_FOREVER);
}

prs_statistics_t check_statistics(void) {
  prs_statistics_t now;
  prs_statistics_read(&now);
  return now;
}

/* ---- main --------------------------------------------------------------- */

static int list(void) {
  for (const check_test_t *test = check_tests; test->name != NULL; test++)
    (void)printf("%s\n", test->name);
  return CHECK_PASSED;
}

int main(int count, char **words) {
  if (count != 2) return CHECK_USAGE;
  if (strcmp(words[1], "--list") == 0) return list();
  for (const check_test_t *test = check_tests; test->name != NULL; test++) {
    if (strcmp(words[1], test->name) != 0) continue;
    check_os_deadline((unsigned)setting("CHECK_DEADLINE", DEADLINE_SECONDS));
    ASSERT_INT(PRS_OK, prs_init());
    test->run();
    return CHECK_PASSED;
  }
  return CHECK_USAGE;
}
