/* Waiting on an address by the Linux futex. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../core/prs_core.h"

#define NANOSECONDS 1000000000u

const char *prs_backend(void) { return "futex"; }

static long futex(_Atomic uint32_t *word, int operation, uint32_t value,
                  const struct timespec *timeout) {
  return syscall(SYS_futex, (uint32_t *)word, operation, value, timeout, NULL,
                 0);
}

int prs__wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout) {
  struct timespec time;
  struct timespec *limit = NULL;
  if (timeout != PRS_FOREVER) {
    /* 584 years fit: the largest value divided gives a legal tv_sec. */
    time.tv_sec = (time_t)(timeout / NANOSECONDS);
    time.tv_nsec = (long)(timeout % NANOSECONDS);
    limit = &time;
  }
  atomic_fetch_add_explicit(&prs__counters.parks, 1, memory_order_relaxed);
  if (futex(word, FUTEX_WAIT_PRIVATE, expected, limit) == 0) return PRS_OK;
  switch (errno) {
    case ETIMEDOUT:
      return PRS_ETIMEDOUT;
    case EINTR:
      return PRS_EINTR;
    default: /* EAGAIN: the word differs already */
      return PRS_OK;
  }
}

void prs__wake_one(_Atomic uint32_t *word) {
  (void)futex(word, FUTEX_WAKE_PRIVATE, 1, NULL);
}

void prs__wake_all(_Atomic uint32_t *word) {
  (void)futex(word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL);
}
