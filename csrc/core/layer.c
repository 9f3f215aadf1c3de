/* The layer as a whole: made ready once, and counted. */
#include "prs_core.h"

prs_counters_t prs__counters;

int prs_init(void) {
  static _Atomic uint32_t done;
  if (atomic_exchange(&done, 1) != 0) return PRS_OK;
  prs__patience_init();
  prs__gate_init();
  prs__worker_init();
  return prs__fork_init();
}

void prs_statistics_read(prs_statistics_t *out) {
  *out = (prs_statistics_t){
      .spawned = atomic_load(&prs__counters.spawned),
      .os_threads_created = atomic_load(&prs__counters.created),
      .os_threads_reused = atomic_load(&prs__counters.reused),
      .parks = atomic_load(&prs__counters.parks),
      .live = atomic_load(&prs__counters.live),
      .idle = prs__worker_idle_count(),
      .packets = atomic_load(&prs__counters.packets),
      .parkers = atomic_load(&prs__counters.parkers),
  };
}
