/* A harness for tests in C: each test runs in a process of its own.
 *
 * A program defines `check_tests` and is linked with check.c. `program --list`
 * prints the names; `program NAME` runs one test, after prs_init, and says by
 * its exit status how it went. run.py builds and runs them all. */
#ifndef CHECK_H
#define CHECK_H

#include "../../csrc/core/prs_core.h"

enum check_status {
  CHECK_PASSED = 0,
  CHECK_FAILED = 1,
  CHECK_USAGE = 2,
  CHECK_SKIPPED = 77,
  CHECK_LATE = 78
};

typedef struct check_test {
  const char *name;
  void (*run)(void);
} check_test_t;

/* Every test of the program; the last one has no name. */
extern const check_test_t check_tests[];
#define TEST(name) \
  { #name, name }
#define END_OF_TESTS \
  { NULL, NULL }

/* ---- assertions: they work in a release build, too ---------------------- */

#define ASSERT(truth) \
  ((truth) ? (void)0 : check_fail(__FILE__, __LINE__, #truth))

#define ASSERT_INT(expected, actual) \
  check_int(__FILE__, __LINE__, #actual, (int64_t)(expected), (int64_t)(actual))

#define ASSERT_UINT(expected, actual)                           \
  check_uint(__FILE__, __LINE__, #actual, (uint64_t)(expected), \
             (uint64_t)(actual))

#define ASSERT_TEXT(expected, actual) \
  check_text(__FILE__, __LINE__, #actual, (expected), (actual))

/* For what another thread brings about: look again and again, up to a limit
 * that no healthy run comes near. */
#define CHECK_SOON_NS 10000000000u
#define CHECK_LOOK_NS 100000u
#define ASSERT_SOON(truth)                                               \
  do {                                                                   \
    uint64_t check_end = prs_now() + CHECK_SOON_NS;                      \
    while (!(truth)) {                                                   \
      if (prs_now() > check_end) check_fail(__FILE__, __LINE__, #truth); \
      (void)prs_sleep(CHECK_LOOK_NS);                                    \
    }                                                                    \
  } while (0)

_Noreturn void check_fail(const char *file, int line, const char *what);
void check_int(const char *file, int line, const char *what, int64_t expected,
               int64_t actual);
void check_uint(const char *file, int line, const char *what, uint64_t expected,
                uint64_t actual);
void check_text(const char *file, int line, const char *what,
                const char *expected, const char *actual);

/* End the process: this test cannot run here. */
_Noreturn void check_skip(const char *why);
/* Whether run.py runs this under the named tool. */
bool check_runs_under(const char *tool);

/* How many rounds a test goes that wants `rounds` on a plain build:
 * CHECK_ROUNDS is a percentage, for slow tools and long nights. At least 1. */
uint32_t check_rounds(uint32_t rounds);

/* ---- threads and how they meet ------------------------------------------ */

typedef struct check_thread {
  prs_os_thread_t os;
  void (*body)(void *arg);
  void *arg;
} check_thread_t;

/* `thread` must stay where it is until the join. */
void check_thread_start(check_thread_t *thread, void (*body)(void *arg),
                        void *arg);
void check_thread_join(check_thread_t *thread);

/* Something that happens once; zero is "not yet". */
typedef struct check_event {
  _Atomic uint32_t happened;
} check_event_t;

void check_event_set(check_event_t *event);
void check_event_wait(check_event_t *event);
bool check_event_is_set(check_event_t *event);

/* A line that `width` threads cross together; zero is a new one. */
typedef struct check_line {
  _Atomic uint32_t arrived;
} check_line_t;

void check_line_cross(check_line_t *line, uint32_t width);

prs_statistics_t check_statistics(void);

/* ---- check_os.c: what the harness needs of the platform ----------------- */

/* End the process with CHECK_LATE when `seconds` are over. */
void check_os_deadline(unsigned seconds);
/* End the calling thread from inside, as CPython up to 3.13 does at exit. */
_Noreturn void check_os_end_thread(void);
/* Bytes of a name that the platform keeps. */
extern const size_t check_os_name_limit;
/* What prs_backend says on this platform; run.py tells. */
#ifndef CHECK_BACKEND
#define CHECK_BACKEND "futex"
#endif

#endif
