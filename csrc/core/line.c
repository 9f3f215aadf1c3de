/* Line: few threads ask for the GIL at once, the others stand in line.
 *
 * A thread that waits for the GIL wakes up every 5 ms to ask again. Thousands
 * that were woken together keep every CPU busy with asking, and the one that
 * holds the GIL hardly runs. Those in this line sleep until it is their turn.
 *
 * Nobody who holds the GIL ever waits here, so the line cannot be part of a
 * deadlock; the main thread never stands in it. */
#include "prs_core.h"

/* So that the next one is awake when the GIL comes free; measured against 1, 4,
 * 16 and no line with 5,000 threads (docs/design.md, 2.4). */
#define PRS_LINE_PLACES 2

static _Atomic uint32_t places = PRS_LINE_PLACES;
static _Atomic uint32_t waiters;

static bool take_place(void) {
  uint32_t left = atomic_load(&places);
  while (left > 0)
    if (atomic_compare_exchange_weak(&places, &left, left - 1)) return true;
  return false;
}

void prs_line_enter(void) {
  if (take_place()) return;
  atomic_fetch_add(&waiters, 1);
  while (!take_place()) (void)prs__wait(&places, 0, PRS_FOREVER);
  atomic_fetch_sub(&waiters, 1);
}

void prs_line_leave(void) {
  atomic_fetch_add(&places, 1);
  if (atomic_load(&waiters) > 0) prs__wake_one(&places);
}

/* Those in line are threads of the parent. A thread that forks holds the GIL,
 * so it has no place here. */
static void in_child(void) {
  atomic_store(&places, PRS_LINE_PLACES);
  atomic_store(&waiters, 0);
}

static prs_fork_part_t line_part = {.child = in_child};

void prs__line_init(void) { prs__fork_add(&line_part); }
