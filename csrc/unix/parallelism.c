/* How many threads can run at the same time on a POSIX system. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/prs_core.h"

#if defined(__linux__)

#define PATH_SPACE 4352 /* PATH_MAX and a file name */
#define MOST_CPUS 65536

/* The mask is as long as the kernel wants it: grow until it fits. */
static uint32_t cpus_in_affinity(void) {
  for (int cpus = 1024; cpus <= MOST_CPUS; cpus *= 2) {
    cpu_set_t *set = CPU_ALLOC((size_t)cpus);
    if (set == NULL) return 0;
    size_t size = CPU_ALLOC_SIZE((size_t)cpus);
    int error = sched_getaffinity(0, size, set) == 0 ? 0 : errno;
    uint32_t count = error == 0 ? (uint32_t)CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (error != EINVAL) return count;
  }
  return 0;
}

/* Read two numbers of a file such as cpu.max ("max 100000" has no limit).
 * Returns: CPUs that the quota pays for, at least 1; 0 for no limit. */
static uint32_t quota_in(const char *folder, const char *file,
                         const char *period_file) {
  char path[PATH_SPACE];
  long long quota = 0;
  long long period = 0;
  (void)snprintf(path, sizeof path, "%s/%s", folder, file);
  FILE *stream = fopen(path, "re");
  if (stream == NULL) return 0;
  int found = fscanf(stream, "%lld %lld", &quota, &period);
  (void)fclose(stream);
  if (period_file != NULL && found >= 1) {
    (void)snprintf(path, sizeof path, "%s/%s", folder, period_file);
    stream = fopen(path, "re");
    if (stream == NULL) return 0;
    found += fscanf(stream, "%lld", &period) == 1;
    (void)fclose(stream);
  }
  if (found < 2 || quota <= 0 || period <= 0) return 0;
  return quota / period > 0 ? (uint32_t)(quota / period) : 1;
}

static uint32_t smaller_limit(uint32_t one, uint32_t other) {
  if (one == 0) return other;
  return other != 0 && other < one ? other : one;
}

/* A group is held to the quota of each group above it, up to the mount. */
static uint32_t quota_upwards(const char *mount, char *group, bool second) {
  char folder[PATH_SPACE];
  uint32_t least = 0;
  for (;;) {
    (void)snprintf(folder, sizeof folder, "%.2048s%.2048s", mount, group);
    least = smaller_limit(least, second ? quota_in(folder, "cpu.max", NULL)
                                        : quota_in(folder, "cpu.cfs_quota_us",
                                                   "cpu.cfs_period_us"));
    char *slash = strrchr(group, '/');
    if (slash == NULL) return least;
    *slash = '\0';
  }
}

/* The mount points are the usual ones; Rust's std looks there first, too. */
static uint32_t quota_of_line(char *line) {
  line[strcspn(line, "\n")] = '\0';
  char *controllers = strchr(line, ':');
  char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
  if (group == NULL) return 0;
  *group++ = '\0';
  controllers++;
  if (*controllers == '\0') return quota_upwards("/sys/fs/cgroup", group, true);
  for (char *name = strtok(controllers, ","); name != NULL;
       name = strtok(NULL, ","))
    if (strcmp(name, "cpu") == 0)
      return quota_upwards("/sys/fs/cgroup/cpu", group, false);
  return 0;
}

static uint32_t cpus_in_quota(void) {
  char line[PATH_SPACE];
  uint32_t least = 0;
  FILE *stream = fopen("/proc/self/cgroup", "re");
  if (stream == NULL) return 0;
  while (fgets(line, sizeof line, stream) != NULL)
    least = smaller_limit(least, quota_of_line(line));
  (void)fclose(stream);
  return least;
}

#else

static uint32_t cpus_in_affinity(void) { return 0; }
static uint32_t cpus_in_quota(void) { return 0; }
static uint32_t smaller_limit(uint32_t one, uint32_t other) {
  return one == 0 ? other : one;
}

#endif

int prs_parallelism(uint32_t *out) {
  uint32_t cpus = cpus_in_affinity();
  if (cpus == 0) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (online < 1) return PRS_ENOTSUP;
    cpus = (uint32_t)online;
  }
  *out = smaller_limit(cpus, cpus_in_quota());
  return PRS_OK;
}
