/* Waiting on an address by mutexes and condition variables, for every POSIX
 * system without a futex. Addresses share a fixed number of buckets; a wake
 * therefore wakes all of a bucket, and the wrong ones go back to sleep. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "../core/prs_core.h"

#define NANOSECONDS 1000000000u
#define BUCKETS 64
/* POSIX does not let a signal end pthread_cond_wait, so a sleeper comes up at
 * this interval and tells its caller that a signal may have come. */
#define SLICE_NS 50000000u

typedef struct bucket {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
} bucket_t;

static bucket_t buckets[BUCKETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

const char *prs_backend(void) { return "condvar"; }

static void make_buckets(void) {
  for (int i = 0; i < BUCKETS; i++) {
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
#ifndef __APPLE__ /* macOS has a relative wait instead, see below */
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    (void)pthread_mutex_init(&buckets[i].mutex, NULL);
    (void)pthread_cond_init(&buckets[i].changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
  }
}

/* The mutexes of the parent's threads are locked for ever in the child. */
static void in_child(void) { make_buckets(); }

static void make_all(void) {
  make_buckets();
  (void)pthread_atfork(NULL, NULL, in_child);
}

static bucket_t *bucket_of(_Atomic uint32_t *word) {
  (void)pthread_once(&once, make_all);
  return &buckets[((uintptr_t)word >> 4) % BUCKETS];
}

static int timed_wait(bucket_t *bucket, uint64_t timeout) {
  struct timespec time;
#ifdef __APPLE__
  time.tv_sec = (time_t)(timeout / NANOSECONDS);
  time.tv_nsec = (long)(timeout % NANOSECONDS);
  return pthread_cond_timedwait_relative_np(&bucket->changed, &bucket->mutex,
                                            &time);
#else
  uint64_t until = prs_now() + timeout;
  time.tv_sec = (time_t)(until / NANOSECONDS);
  time.tv_nsec = (long)(until % NANOSECONDS);
  return pthread_cond_timedwait(&bucket->changed, &bucket->mutex, &time);
#endif
}

int prs__wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout) {
  bucket_t *bucket = bucket_of(word);
  uint64_t slice = timeout < SLICE_NS ? timeout : SLICE_NS;
  int error = 0;
  atomic_fetch_add_explicit(&prs__counters.parks, 1, memory_order_relaxed);
  (void)pthread_mutex_lock(&bucket->mutex);
  if (atomic_load(word) == expected) error = timed_wait(bucket, slice);
  (void)pthread_mutex_unlock(&bucket->mutex);
  if (error != ETIMEDOUT) return PRS_OK;
  return slice == timeout ? PRS_ETIMEDOUT : PRS_EINTR;
}

/* The caller changed the word before this call; taking the mutex makes sure
 * that no sleeper is between its look at the word and its sleep. */
void prs__wake_one(_Atomic uint32_t *word) { prs__wake_all(word); }

void prs__wake_all(_Atomic uint32_t *word) {
  bucket_t *bucket = bucket_of(word);
  (void)pthread_mutex_lock(&bucket->mutex);
  (void)pthread_mutex_unlock(&bucket->mutex);
  (void)pthread_cond_broadcast(&bucket->changed);
}
