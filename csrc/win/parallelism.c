/* How many threads can run at the same time on Windows. */
#include "../core/prs_core.h"
#include "platform.h"

/* A job object counts CPU time in hundredths of a percent of all CPUs. */
#define WHOLE_MACHINE 10000u

static uint32_t count_bits(DWORD_PTR mask) {
  uint32_t count = 0;
  for (; mask != 0; mask &= mask - 1) count++;
  return count;
}

/* A mask speaks of one group of at most 64 CPUs, and both are zero when the
 * process has threads in several: only a mask that leaves CPUs out says more
 * than the count over all groups does. */
static uint32_t cpus_in_affinity(uint32_t all) {
  DWORD_PTR ours = 0;
  DWORD_PTR whole = 0;
  if (!GetProcessAffinityMask(GetCurrentProcess(), &ours, &whole)) return all;
  return ours != 0 && ours != whole ? count_bits(ours) : all;
}

/* Returns: CPUs that the hard cap of the process's job pays for, at least 1;
 * 0 for no cap. */
static uint32_t cpus_in_job(uint32_t all) {
  JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate = {0};
  if (!QueryInformationJobObject(NULL, JobObjectCpuRateControlInformation,
                                 &rate, sizeof rate, NULL))
    return 0;
  DWORD flags = rate.ControlFlags;
  if ((flags & JOB_OBJECT_CPU_RATE_CONTROL_ENABLE) == 0) return 0;
  uint64_t share = WHOLE_MACHINE;
  if ((flags & JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE) != 0)
    share = HIWORD(rate.CpuRate); /* MaxRate, where the headers have it */
  else if ((flags & JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP) != 0)
    share = rate.CpuRate;
  uint64_t cpus = all * share / WHOLE_MACHINE;
  return cpus > 0 ? (uint32_t)cpus : 1;
}

int prs_parallelism(uint32_t *out) {
  uint32_t all = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
  if (all == 0) return PRS_ENOTSUP;
  uint32_t cpus = cpus_in_affinity(all);
  uint32_t paid = cpus_in_job(all);
  *out = paid != 0 && paid < cpus ? paid : cpus;
  return PRS_OK;
}
