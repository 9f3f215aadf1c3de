/* OS threads by POSIX. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../core/prs_core.h"
#include "platform.h"

#define NANOSECONDS 1000000000u

/* glibc counts the static thread-locals in its minimum, so it is asked at run
 * time; musl's constant of 2 KiB is too small to take a signal on. */
static size_t least_stack(void) {
  long least = sysconf(_SC_THREAD_STACK_MIN);
  size_t floor = (size_t)16 << 10;
  return least > 0 && (size_t)least > floor ? (size_t)least : floor;
}

/* Whole pages, for macOS refuses anything else. Returns 0 when the size does
 * not fit the address space. */
static size_t legal_stack(size_t wanted) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (wanted == 0) wanted = PRS_STACK_DEFAULT;
  if (wanted < least_stack()) wanted = least_stack();
  if (wanted > SIZE_MAX / 2) return 0;
  return (wanted + page - 1) / page * page;
}

static int status_of(int error) {
  switch (error) {
    case 0:
      return PRS_OK;
    case EINVAL:
      return PRS_EINVAL;
    case ENOMEM:
      return PRS_ENOMEM;
    default:
      return PRS_EAGAIN;
  }
}

/* pthread_exit unwinds through here when CPython ends the thread. */
static void *trampoline(void *arg) {
  prs_os_start_t start = *(prs_os_start_t *)arg;
  free(arg);
  pthread_cleanup_push(start.killed, start.arg);
  start.body(start.arg);
  pthread_cleanup_pop(0);
  return NULL;
}

static int create(pthread_t *thread, size_t stack, prs_os_start_t *start) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  error = pthread_attr_setstacksize(&attributes, stack);
  if (error == 0)
    error = pthread_create(thread, &attributes, trampoline, start);
  (void)pthread_attr_destroy(&attributes);
  return error;
}

int prs__thread_create(prs_os_thread_t *out, const prs_os_start_t *start,
                       int *os_error) {
  size_t stack = legal_stack(start->stack_size);
  if (stack == 0) {
    *os_error = EINVAL;
    return PRS_EINVAL;
  }
  prs_os_start_t *copy = malloc(sizeof *copy);
  if (copy == NULL) {
    *os_error = ENOMEM;
    return PRS_ENOMEM;
  }
  *copy = *start;
  pthread_t thread;
  int error = create(&thread, stack, copy);
  if (error != 0) {
    free(copy);
    *os_error = error;
    return status_of(error);
  }
  out->bits = (uintptr_t)thread;
  return PRS_OK;
}

void prs__thread_detach_self(void) { (void)pthread_detach(pthread_self()); }

void prs__thread_join(prs_os_thread_t thread) {
  (void)pthread_join((pthread_t)thread.bits, NULL);
}

bool prs__thread_try_join(prs_os_thread_t thread) {
  return prs__platform_try_join((pthread_t)thread.bits);
}

prs_os_thread_t prs__thread_self(void) {
  return (prs_os_thread_t){.bits = (uintptr_t)pthread_self()};
}

_Noreturn void prs__thread_strand(void) {
  for (;;) (void)pause();
}

uint64_t prs_now(void) {
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

uint64_t prs_thread_os_id(void) { return prs__platform_thread_id(); }

int prs_thread_set_name(const char *utf8, size_t length) {
  char name[PRS_PLATFORM_NAME_LIMIT + 1];
  if (memchr(utf8, 0, length) != NULL) return PRS_EINVAL;
  length = prs__name_cut(utf8, length, PRS_PLATFORM_NAME_LIMIT);
  memcpy(name, utf8, length);
  name[length] = '\0';
  return prs__platform_set_name(name);
}

int prs_thread_get_name(char *buffer, size_t capacity) {
  if (capacity < PRS_PLATFORM_NAME_LIMIT + 1) return PRS_EINVAL;
  return prs__platform_get_name(buffer, capacity);
}

void prs_yield(void) { (void)sched_yield(); }

int prs_sleep(uint64_t nanoseconds) {
  struct timespec time = {.tv_sec = (time_t)(nanoseconds / NANOSECONDS),
                          .tv_nsec = (long)(nanoseconds % NANOSECONDS)};
  int status = nanosleep(&time, NULL) == 0 ? PRS_OK : PRS_EINTR;
  prs__hold();
  return status;
}

uint32_t prs__cpu(void) { return prs__platform_cpu(); }

int prs__fork_install(void (*prepare)(void), void (*parent)(void),
                      void (*child)(void)) {
  return pthread_atfork(prepare, parent, child) == 0 ? PRS_OK : PRS_ENOMEM;
}
