/* Deque: one owner, several thieves; each item is taken once, by one. */
#include "../../csrc/core/sync/prs_deque.h"
#include "check.h"

#include <stdlib.h>

enum { THIEVES = 3, BIG = 1000 };

static void owner_takes_the_newest_first(void) {
  prs_deque_t deque;
  ASSERT(prs_deque_init(&deque));
  ASSERT_UINT(0, prs_deque_pop(&deque));
  for (uintptr_t i = 1; i <= 3; i++) ASSERT(prs_deque_push(&deque, i));
  ASSERT_UINT(3, prs_deque_len(&deque));
  ASSERT_UINT(3, prs_deque_newest(&deque));
  ASSERT_UINT(1, prs_deque_at(&deque, 0));
  ASSERT_UINT(0, prs_deque_at(&deque, 3));
  ASSERT_UINT(3, prs_deque_pop(&deque));
  ASSERT_UINT(2, prs_deque_pop(&deque));
  ASSERT_UINT(1, prs_deque_pop(&deque));
  ASSERT_UINT(0, prs_deque_pop(&deque));
  ASSERT_UINT(0, prs_deque_newest(&deque));
  ASSERT_UINT(0, prs_deque_len(&deque));
  prs_deque_destroy(&deque);
}

static void thief_takes_the_oldest_first(void) {
  prs_deque_t deque;
  uintptr_t item = 0;
  ASSERT(prs_deque_init(&deque));
  ASSERT_INT(PRS_STEAL_EMPTY, prs_deque_steal(&deque, 0, &item));
  for (uintptr_t i = 1; i <= 3; i++) ASSERT(prs_deque_push(&deque, i));
  ASSERT_INT(PRS_STEAL_TAKEN, prs_deque_steal(&deque, 0, &item));
  ASSERT_UINT(1, item);
  ASSERT_UINT(3, prs_deque_pop(&deque));
  ASSERT_INT(PRS_STEAL_TAKEN, prs_deque_steal(&deque, 0, &item));
  ASSERT_UINT(2, item);
  ASSERT_INT(PRS_STEAL_EMPTY, prs_deque_steal(&deque, 0, &item));
  prs_deque_destroy(&deque);
}

static void thief_leaves_what_lacks_the_mark(void) {
  prs_deque_t deque;
  uintptr_t item = 0;
  ASSERT(prs_deque_init(&deque));
  ASSERT(prs_deque_push(&deque, 8));
  ASSERT(prs_deque_push(&deque, 9));
  ASSERT_INT(PRS_STEAL_REFUSED, prs_deque_steal(&deque, 1, &item));
  ASSERT_INT(PRS_STEAL_TAKEN, prs_deque_steal(&deque, 8, &item));
  ASSERT_INT(PRS_STEAL_TAKEN, prs_deque_steal(&deque, 1, &item));
  ASSERT_UINT(9, item);
  prs_deque_destroy(&deque);
}

static void it_grows_and_wraps(void) {
  prs_deque_t deque;
  uintptr_t item = 0;
  uintptr_t oldest = 1;
  ASSERT(prs_deque_init(&deque));
  for (uintptr_t i = 1; i <= BIG; i++) {
    ASSERT(prs_deque_push(&deque, i));
    if (i % 3 != 0) continue;
    ASSERT_INT(PRS_STEAL_TAKEN, prs_deque_steal(&deque, 0, &item));
    ASSERT_UINT(oldest++, item);
  }
  for (uintptr_t i = BIG; i >= oldest; i--)
    ASSERT_UINT(i, prs_deque_pop(&deque));
  ASSERT_UINT(0, prs_deque_pop(&deque));
  prs_deque_destroy(&deque);
}

/* ---- races --------------------------------------------------------------- */

static prs_deque_t shared;
static _Atomic bool over;
static _Atomic uint32_t *taken; /* how often each item was */

/* What an item points to is plain: the deque orders it. */
static uintptr_t *payload;

static void note(uintptr_t item) {
  ASSERT_UINT(item, payload[item]);
  atomic_fetch_add(&taken[item], 1);
}

static void steal_until_over(void *unused) {
  (void)unused;
  for (;;) {
    bool last = atomic_load(&over);
    uintptr_t item = 0;
    int status = prs_deque_steal(&shared, 0, &item);
    if (status == PRS_STEAL_TAKEN) note(item);
    if (status == PRS_STEAL_EMPTY && last) return;
    if (status == PRS_STEAL_EMPTY) prs_yield();
  }
}

static void pop_some(uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    uintptr_t item = prs_deque_pop(&shared);
    if (item != 0) note(item);
  }
}

static void each_item_is_taken_once(void) {
  uint32_t items = check_rounds(40) * 1000;
  check_thread_t thieves[THIEVES];
  taken = calloc(items + 1, sizeof *taken);
  payload = calloc(items + 1, sizeof *payload);
  ASSERT(taken != NULL && payload != NULL);
  ASSERT(prs_deque_init(&shared));
  for (int i = 0; i < THIEVES; i++)
    check_thread_start(&thieves[i], steal_until_over, NULL);
  for (uint32_t i = 1; i <= items; i++) {
    payload[i] = i;
    ASSERT(prs_deque_push(&shared, i));
    /* Mostly few items: the last one is what owner and thieves race for. */
    if (i % 7 == 0) pop_some(5);
    if (i % 1000 < 10) pop_some(1);
  }
  pop_some(items);
  atomic_store(&over, true);
  for (int i = 0; i < THIEVES; i++) check_thread_join(&thieves[i]);
  for (uint32_t i = 1; i <= items; i++) ASSERT_UINT(1, atomic_load(&taken[i]));
  prs_deque_destroy(&shared);
  free(payload);
  free(taken);
}

const check_test_t check_tests[] = {
    TEST(owner_takes_the_newest_first),     TEST(thief_takes_the_oldest_first),
    TEST(thief_leaves_what_lacks_the_mark), TEST(it_grows_and_wraps),
    TEST(each_item_is_taken_once),          END_OF_TESTS,
};
