/* What the harness needs of a POSIX system. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../check.h"

static void late(int number) {
  static const char text[] = "the time of this test is over\n";
  (void)number;
  (void)!write(STDERR_FILENO, text, sizeof text - 1);
  _exit(CHECK_LATE);
}

void check_os_deadline(unsigned seconds) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = late;
  (void)sigaction(SIGALRM, &action, NULL);
  (void)alarm(seconds);
}

_Noreturn void check_os_end_thread(void) { pthread_exit(NULL); }

#if defined(__APPLE__)
const size_t check_os_name_limit = 63;
#else
const size_t check_os_name_limit = 15;
#endif
