/* The layer as a whole: made ready once, and counted. */
#include "prs_core.h"

prs_counters_t prs__counters;

/* What the parent did is not counted here; what it held in memory is here as
 * a copy. Others set `live`, for they know who lives on. */
static void counters_in_child(void) {
  atomic_store(&prs__counters.spawned, 0);
  atomic_store(&prs__counters.created, 0);
  atomic_store(&prs__counters.reused, 0);
  atomic_store(&prs__counters.parks, 0);
  atomic_store(&prs__counters.ending, 0);
}

static prs_fork_part_t counters_part = {.child = counters_in_child};

int prs_init(void) {
  static _Atomic uint32_t done;
  if (atomic_exchange(&done, 1) != 0) return PRS_OK;
  prs__fork_add(&counters_part);
  prs__patience_init();
  prs__gate_init();
  prs__worker_init();
  prs__line_init();
  return prs__fork_init();
}

void prs_statistics_read(prs_statistics_t *out) {
  *out = (prs_statistics_t){
      .spawned = atomic_load(&prs__counters.spawned),
      .os_threads_created = atomic_load(&prs__counters.created),
      .os_threads_reused = atomic_load(&prs__counters.reused),
      .parks = atomic_load(&prs__counters.parks),
      .live = atomic_load(&prs__counters.live),
      .ending = atomic_load(&prs__counters.ending),
      .idle = prs__worker_idle_count(),
      .packets = atomic_load(&prs__counters.packets),
      .parkers = atomic_load(&prs__counters.parkers),
  };
}
