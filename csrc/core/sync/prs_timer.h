/* Timer: a receiver whose messages come from the clock. */
#ifndef PRS_TIMER_H
#define PRS_TIMER_H

#include "prs_sync.h"

/* Nobody wakes who waits for it: each waits until `due` and looks again. */
typedef struct prs_timer {
  _Atomic uint64_t due; /* of the next message; PRS_FOREVER: there is none */
  uint64_t period;
  bool once;
} prs_timer_t;

void prs_timer_init(prs_timer_t *timer, uint64_t due, uint64_t period,
                    bool once);

/* Take the message that is due. The next one of a timer that ticks is a period
 * later than now: those that were missed are not made up for.
 * Returns: false when none is due; else `*due` is its moment.
 * Blocks:  no. Threads: any; each message goes to one. */
bool prs_timer_take(prs_timer_t *timer, uint64_t now, uint64_t *due);

static inline uint64_t prs_timer_due(const prs_timer_t *timer) {
  return atomic_load_explicit(&timer->due, memory_order_relaxed);
}

#endif
