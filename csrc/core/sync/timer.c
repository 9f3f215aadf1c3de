/* Timer: messages that come from the clock, without a thread. */
#include "prs_timer.h"

void prs_timer_init(prs_timer_t *timer, uint64_t due, uint64_t period,
                    bool once) {
  atomic_init(&timer->due, due);
  timer->period = period;
  timer->once = once;
}

static uint64_t next_after(const prs_timer_t *timer, uint64_t now) {
  if (timer->once || timer->period >= PRS_FOREVER - now) return PRS_FOREVER;
  return now + timer->period;
}

/* The moment is all that is shared, so no order is needed. */
bool prs_timer_take(prs_timer_t *timer, uint64_t now, uint64_t *due) {
  uint64_t seen = prs_timer_due(timer);
  while (seen != PRS_FOREVER && seen <= now)
    if (atomic_compare_exchange_weak_explicit(
            &timer->due, &seen, next_after(timer, now), memory_order_relaxed,
            memory_order_relaxed)) {
      *due = seen;
      return true;
    }
  return false;
}
