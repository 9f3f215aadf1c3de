/* Parallelism: affinity and the quota of the control group, on Linux.
 *
 * A mount namespace of our own lets the test write the files that the kernel
 * would show; the rest of the system sees nothing of it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../check.h"

#if defined(__linux__)

#include <sys/mount.h>
#include <sys/stat.h>

static uint32_t parallelism(void) {
  uint32_t cpus = 0;
  ASSERT_INT(PRS_OK, prs_parallelism(&cpus));
  return cpus;
}

static int cpus_allowed(cpu_set_t *set) {
  ASSERT_INT(0, sched_getaffinity(0, sizeof *set, set));
  return CPU_COUNT(set);
}

static void affinity_is_obeyed(void) {
  cpu_set_t set;
  cpu_set_t one;
  int cpus = cpus_allowed(&set);
  ASSERT(parallelism() <= (uint32_t)cpus);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &set)) CPU_SET(cpu, &one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) > 1; cpu++)
    CPU_CLR(cpu, &one);
  ASSERT_INT(0, sched_setaffinity(0, sizeof one, &one));
  ASSERT_UINT(1, parallelism());
}

/* ---- files in the place of the kernel's --------------------------------- */

static void write_file(const char *path, const char *text) {
  FILE *stream = fopen(path, "w");
  ASSERT(stream != NULL);
  ASSERT(fputs(text, stream) >= 0);
  ASSERT_INT(0, fclose(stream));
}

static void make_folder(const char *path) { ASSERT_INT(0, mkdir(path, 0755)); }

/* Root may have a mount namespace; others need a user namespace for it. */
static void enter_namespace(void) {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
    check_skip("no mount namespace for this user, or under this tool");
  if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL) != 0)
    check_skip("no mounts in this container");
}

/* Let this process be in the groups that `lines` tell. */
static void be_in_groups(const char *lines) {
  cpu_set_t set;
  if (cpus_allowed(&set) < 2)
    check_skip("one CPU: a quota of one tells nothing");
  enter_namespace();
  write_file("/sys/fs/cgroup/groups", lines);
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%d/cgroup", (int)getpid());
  if (mount("/sys/fs/cgroup/groups", path, "none", MS_BIND, NULL) != 0)
    check_skip("no mounts on /proc in this container");
}

static uint32_t all_cpus(void) {
  cpu_set_t set;
  return (uint32_t)cpus_allowed(&set);
}

static void second_version_has_one_file(void) {
  be_in_groups("0::/mine\n");
  make_folder("/sys/fs/cgroup/mine");
  ASSERT_UINT(all_cpus(), parallelism());
  write_file("/sys/fs/cgroup/mine/cpu.max", "max 100000\n");
  ASSERT_UINT(all_cpus(), parallelism());
  write_file("/sys/fs/cgroup/mine/cpu.max", "199999 100000\n");
  ASSERT_UINT(1, parallelism());
  write_file("/sys/fs/cgroup/mine/cpu.max", "1000 100000\n");
  ASSERT_UINT(1, parallelism());
  write_file("/sys/fs/cgroup/mine/cpu.max", "200000 100000\n");
  ASSERT_UINT(2, parallelism());
  write_file("/sys/fs/cgroup/mine/cpu.max", "999900000 100000\n");
  ASSERT_UINT(all_cpus(), parallelism());
}

static void groups_above_count_too(void) {
  be_in_groups("0::/outer/inner\n");
  make_folder("/sys/fs/cgroup/outer");
  make_folder("/sys/fs/cgroup/outer/inner");
  write_file("/sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  write_file("/sys/fs/cgroup/outer/cpu.max", "100000 100000\n");
  ASSERT_UINT(1, parallelism());
}

static void first_version_has_two_files(void) {
  be_in_groups("5:memory:/mine\n4:cpu,cpuacct:/mine\n0::/\n");
  make_folder("/sys/fs/cgroup/cpu");
  make_folder("/sys/fs/cgroup/cpu/mine");
  write_file("/sys/fs/cgroup/cpu/mine/cpu.cfs_quota_us", "-1\n");
  write_file("/sys/fs/cgroup/cpu/mine/cpu.cfs_period_us", "100000\n");
  ASSERT_UINT(all_cpus(), parallelism());
  write_file("/sys/fs/cgroup/cpu/mine/cpu.cfs_quota_us", "150000\n");
  ASSERT_UINT(1, parallelism());
}

static void nonsense_is_no_limit(void) {
  static const char *texts[] = {"",         "\n",         "max\n",  "0 0\n",
                                "-5 100\n", "100000 0\n", "what?\n"};
  be_in_groups("0::/mine\nnonsense\n7:\n\n");
  make_folder("/sys/fs/cgroup/mine");
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    write_file("/sys/fs/cgroup/mine/cpu.max", texts[i]);
    ASSERT_UINT(all_cpus(), parallelism());
  }
}

const check_test_t check_tests[] = {
    TEST(affinity_is_obeyed),     TEST(second_version_has_one_file),
    TEST(groups_above_count_too), TEST(first_version_has_two_files),
    TEST(nonsense_is_no_limit),   END_OF_TESTS,
};

#else

const check_test_t check_tests[] = {END_OF_TESTS};

#endif
