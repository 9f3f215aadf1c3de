/* What the harness needs of Windows. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <process.h>
#include <stdio.h>

#include "../check.h"

/* A thread that Windows made, so that the harness needs nothing of the code
 * under test to end it. */
static VOID CALLBACK late(PVOID context, BOOLEAN fired) {
  (void)context, (void)fired;
  (void)fprintf(stderr, "the time of this test is over\n");
  (void)fflush(stderr);
  (void)TerminateProcess(GetCurrentProcess(), CHECK_LATE);
}

void check_os_deadline(unsigned seconds) {
  HANDLE timer = NULL;
  ASSERT(CreateTimerQueueTimer(&timer, NULL, late, NULL, seconds * 1000u, 0,
                               WT_EXECUTEONLYONCE));
}

_Noreturn void check_os_end_thread(void) {
  _endthreadex(0);
  for (;;) continue; /* the header does not say that it never returns */
}

const size_t check_os_name_limit = PRS_NAME_LIMIT;
