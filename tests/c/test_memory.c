/* No memory: each allocation of the layer fails once, and nothing is lost.
 *
 * The linker hands malloc and calloc to the functions below (--wrap). */
#include <stdlib.h>

#include "blocking.h"
#include "closure.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

/* How many more allocations work; below zero: all. Not thread-local, for the
 * first use of such a variable allocates on some platforms. */
static _Atomic int left = -1;

static bool is_refused(void) {
  if (left < 0) return false;
  if (left == 0) return true;
  left--;
  return false;
}

void *__wrap_malloc(size_t size) {
  return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return is_refused() ? NULL : __real_calloc(count, size);
}

static void nothing(void *arg) { (void)arg; }

static void packet_needs_memory(void) {
  left = 0;
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  left = -1;
  ASSERT(packet == NULL);
  ASSERT_UINT(0, check_statistics().packets);
}

static void parker_needs_memory(void) {
  left = 0;
  prs_parker_t *parker = prs_parker_new();
  left = -1;
  ASSERT(parker == NULL);
  ASSERT_UINT(0, check_statistics().parkers);
}

static void waiter_needs_memory(void) {
  blocking_init();
  left = 0;
  prs_waiter_t *waiter = prs_waiter_new(1);
  left = -1;
  ASSERT(waiter == NULL);
}

/* A message that finds no place stays with its sender, or its receiver. */
static void ring_that_cannot_grow_stays_as_it_is(void) {
  enum { FIRST = 16 };
  char cells[FIRST + 2];
  prs_channel_t channel;
  blocking_init();
  prs_channel_init(&channel, PRS_UNBOUNDED);
  for (int i = 0; i < FIRST; i++)
    ASSERT_INT(PRS_CHANNEL_DONE, blocking_try_send(&channel, &cells[i]));
  left = 0;
  int status = blocking_try_send(&channel, &cells[FIRST]);
  bool kept = blocking_unrecv(&channel, &cells[FIRST]);
  left = -1;
  ASSERT_INT(PRS_CHANNEL_OUT_OF_MEMORY, status);
  ASSERT(!kept);
  ASSERT_INT(PRS_CHANNEL_DONE, blocking_try_send(&channel, &cells[FIRST]));
  for (int i = 0; i <= FIRST; i++) {
    void *item = NULL;
    ASSERT_INT(PRS_CHANNEL_DONE, blocking_try_recv(&channel, &item));
    ASSERT(item == &cells[i]);
  }
  ASSERT_UINT(0, prs_channel_len(&channel));
  prs_channel_destroy(&channel);
}

static void name_that_does_not_fit_leaves_the_old_one(void) {
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  ASSERT_INT(PRS_OK, prs_packet_set_name(packet, "old", 3));
  left = 0;
  int status = prs_packet_set_name(packet, "new", 3);
  left = -1;
  ASSERT_INT(PRS_ENOMEM, status);
  ASSERT_TEXT("old", packet->name);
  prs_packet_unref(packet);
}

static void thread_needs_memory(void) {
  prs_os_start_t start = {.body = nothing, .killed = nothing};
  prs_os_thread_t thread = {.bits = 4711};
  int os_error = 0;
  left = 0;
  int status = prs__thread_create(&thread, &start, &os_error);
  left = -1;
  ASSERT_INT(PRS_ENOMEM, status);
  ASSERT(os_error != 0);
  ASSERT_UINT(4711, thread.bits);
}

/* The first allocation of a spawn is the worker, the second is what the OS
 * thread is told. */
static void spawn_needs_memory(void) {
  prs_packet_t *packet = closure_new(nothing, NULL);
  prs_spawn_options_t options = {0};
  for (int works = 0; works < 2; works++) {
    int os_error = 0;
    left = works;
    int status = prs_spawn(packet, &options, &os_error);
    left = -1;
    ASSERT_INT(PRS_ENOMEM, status);
    ASSERT((os_error != 0) == (works > 0));
    ASSERT_UINT(1, atomic_load(&packet->refs));
    ASSERT_UINT(0, prs__gate_starting());
    ASSERT_UINT(0, check_statistics().live);
    ASSERT_UINT(0, check_statistics().os_threads_created);
  }
  closure_start(packet, options);
  closure_join(packet);
  closure_assert_nothing_left();
}

/* A parked worker is there already: nothing is allocated for the spawn. */
static void reuse_needs_no_memory(void) {
  closure_join(closure_spawn(nothing, NULL));
  prs_packet_t *packet = closure_new(nothing, NULL);
  prs_spawn_options_t options = {0};
  int os_error = 0;
  left = 0;
  int status = prs_spawn(packet, &options, &os_error);
  left = -1;
  ASSERT_INT(PRS_OK, status);
  closure_join(packet);
  closure_assert_nothing_left();
}

const check_test_t check_tests[] = {
    TEST(packet_needs_memory),
    TEST(parker_needs_memory),
    TEST(waiter_needs_memory),
    TEST(ring_that_cannot_grow_stays_as_it_is),
    TEST(name_that_does_not_fit_leaves_the_old_one),
    TEST(thread_needs_memory),
    TEST(spawn_needs_memory),
    TEST(reuse_needs_no_memory),
    END_OF_TESTS,
};
