/* What differs between the Unix systems, each body in one place. */
#ifndef PRS_PLATFORM_H
#define PRS_PLATFORM_H

#include <pthread.h>

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* prctl(2): a name has 16 bytes with the NUL at its end. */
#define PRS_PLATFORM_NAME_LIMIT 15

static inline uint64_t prs__platform_thread_id(void) {
  return (uint64_t)syscall(SYS_gettid);
}

static inline int prs__platform_set_name(const char *name) {
  return pthread_setname_np(pthread_self(), name) == 0 ? PRS_OK : PRS_EINVAL;
}

static inline int prs__platform_get_name(char *buffer, size_t capacity) {
  int error = pthread_getname_np(pthread_self(), buffer, capacity);
  return error == 0 ? PRS_OK : PRS_EINVAL;
}

static inline uint32_t prs__platform_cpu(void) {
  int cpu = sched_getcpu();
  return cpu >= 0 ? (uint32_t)cpu : PRS_CPU_UNKNOWN;
}

static inline bool prs__platform_try_join(pthread_t thread) {
  return pthread_tryjoin_np(thread, NULL) == 0;
}

#elif defined(__APPLE__)

/* MAXTHREADNAMESIZE is 64 with the NUL; a thread can name only itself. */
#define PRS_PLATFORM_NAME_LIMIT 63

static inline uint64_t prs__platform_thread_id(void) {
  uint64_t id = 0;
  (void)pthread_threadid_np(NULL, &id);
  return id;
}

static inline int prs__platform_set_name(const char *name) {
  return pthread_setname_np(name) == 0 ? PRS_OK : PRS_EINVAL;
}

static inline int prs__platform_get_name(char *buffer, size_t capacity) {
  int error = pthread_getname_np(pthread_self(), buffer, capacity);
  return error == 0 ? PRS_OK : PRS_EINVAL;
}

static inline uint32_t prs__platform_cpu(void) { return PRS_CPU_UNKNOWN; }

#else

#define PRS_PLATFORM_NAME_LIMIT 15

static inline uint64_t prs__platform_thread_id(void) {
  return (uint64_t)(uintptr_t)pthread_self();
}

static inline int prs__platform_set_name(const char *name) {
  (void)name;
  return PRS_ENOTSUP;
}

static inline int prs__platform_get_name(char *buffer, size_t capacity) {
  (void)buffer;
  (void)capacity;
  return PRS_ENOTSUP;
}

static inline uint32_t prs__platform_cpu(void) { return PRS_CPU_UNKNOWN; }

#endif

#if !defined(__linux__)
/* There is no way to ask whether a thread is gone, and no waiting here: what
 * is left of it frees itself. */
static inline bool prs__platform_try_join(pthread_t thread) {
  return pthread_detach(thread) == 0;
}
#endif

#endif
