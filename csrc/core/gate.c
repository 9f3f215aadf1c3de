/* Gate: who may still enter Python while the interpreter goes away.
 *
 * Two counters, because the wait for starts is given up after a while and the
 * wait for the door is not: `starting` counts from the spawn to the thread
 * state, `entering` counts only those inside PyEval_RestoreThread. */
#include "prs_core.h"

static _Atomic uint32_t gate;
static _Atomic uint32_t starting;
static _Atomic uint32_t entering;
static _Atomic uint32_t gate_waiters;
static _Atomic uint32_t sealed; /* shut, and the door is empty */

const prs_interpreter_t *prs__interpreter;

int prs_gate_state(void) { return (int)atomic_load(&gate); }

/* Count down, and wake prs_gate_close when it waits for the last one. */
static void count_down(_Atomic uint32_t *counter) {
  if (atomic_fetch_sub(counter, 1) == 1 && atomic_load(&gate_waiters) > 0)
    prs__wake_all(counter);
}

bool prs__gate_start(void) {
  /* Count first, look second: closing stores first and waits for the count. */
  atomic_fetch_add(&starting, 1);
  if (atomic_load(&gate) == PRS_GATE_OPEN) return true;
  count_down(&starting);
  return false;
}

void prs__gate_start_undo(void) { count_down(&starting); }

uint32_t prs__gate_starting(void) { return atomic_load(&starting); }

bool prs__gate_enter(void) {
  atomic_fetch_add(&entering, 1);
  if (atomic_load(&gate) != PRS_GATE_SHUT) return true;
  count_down(&entering);
  return false;
}

void prs__gate_entered(bool was_starting) {
  count_down(&entering);
  if (was_starting) count_down(&starting);
}

bool prs__gate_is_sealed(void) { return atomic_load(&sealed) != 0; }

void prs__gate_live(int change) {
  atomic_fetch_add(&prs__counters.live, (uint64_t)(int64_t)change);
}

static void wait_for_zero(_Atomic uint32_t *counter, uint64_t patience) {
  uint64_t began = prs_now();
  atomic_fetch_add(&gate_waiters, 1);
  for (;;) {
    uint32_t seen = atomic_load(counter);
    uint64_t spent = prs_now() - began;
    if (seen == 0 || spent >= patience) break;
    (void)prs__wait(counter, seen,
                    patience == PRS_FOREVER ? PRS_FOREVER : patience - spent);
  }
  atomic_fetch_sub(&gate_waiters, 1);
}

uint32_t prs_gate_close(uint64_t patience) {
  uint32_t open = PRS_GATE_OPEN;
  if (atomic_compare_exchange_strong(&gate, &open, PRS_GATE_CLOSED)) {
    wait_for_zero(&starting, patience);
    atomic_store(&gate, PRS_GATE_SHUT);
    wait_for_zero(&entering, PRS_FOREVER);
    atomic_store(&sealed, 1);
  }
  return (uint32_t)atomic_load(&prs__counters.live);
}

void prs__hold(void) {
  if (prs__interpreter != NULL) prs__interpreter->hold();
}

/* The child has one thread: nobody else starts, enters or lives. An open gate
 * stays open and a shut one stays shut. */
static void gate_in_child(void) {
  atomic_store(&starting, 0);
  atomic_store(&entering, 0);
  atomic_store(&gate_waiters, 0);
  atomic_store(&sealed, atomic_load(&gate) == PRS_GATE_SHUT);
  atomic_store(&prs__bystanders, 0);
  atomic_store(&prs__counters.live, prs_packet_current() != NULL ? 1 : 0);
}

static prs_fork_part_t gate_part = {.child = gate_in_child};

void prs__gate_init(void) { prs__fork_add(&gate_part); }
