/* Selects over several channels, as csrc/python/select.c makes them: exactly
 * one operation of each happens. And timers. */
#include "../../csrc/core/sync/prs_timer.h"
#include "blocking.h"

enum { CHANNELS = 3, THREADS = 4, MOST_EACH = 4000 };

static prs_channel_t channels[CHANNELS];
static _Atomic uint32_t fates[THREADS * MOST_EACH]; /* times received */
static uint32_t each;

/* A select of one thread: receives from all channels, or one message offered
 * to all of them. */
typedef struct choice {
  enum prs_direction direction;
  uint32_t start; /* where it begins to look */
  void *item;
  int status;
} choice_t;

static bool try_all(choice_t *choice) {
  for (uint32_t i = 0; i < CHANNELS; i++) {
    prs_channel_t *channel = &channels[(choice->start + i) % CHANNELS];
    choice->status = choice->direction == PRS_SENDS
                         ? blocking_try_send(channel, choice->item)
                         : blocking_try_recv(channel, &choice->item);
    if (choice->status != PRS_CHANNEL_WOULD_BLOCK) return true;
  }
  return false;
}

static bool queue_all(choice_t *choice, prs_waiter_t *waiter) {
  for (uint32_t i = 0; i < CHANNELS; i++) {
    prs_wakes_t wakes = {0};
    int status = prs_channel_queue(&channels[i], choice->direction,
                                   choice->item, &waiter->nodes[i], &wakes);
    prs_wakes_send(&wakes);
    if (status != PRS_CHANNEL_QUEUED) return false;
  }
  return true;
}

static void finish(choice_t *choice, const prs_waiter_t *waiter) {
  const prs_node_t *node = &waiter->nodes[waiter->chosen];
  choice->status = node->status;
  if (node->status == PRS_CHANNEL_DISCONNECTED) {
    prs_wakes_t wakes = {0};
    prs_channel_chain(&channels[waiter->chosen], &wakes);
    prs_wakes_send(&wakes);
  } else if (choice->direction == PRS_RECEIVES) {
    choice->item = node->item;
  }
}

/* Returns: whether an operation happened. */
static bool wait_once(choice_t *choice, uint64_t timeout) {
  prs_waiter_t *waiter = prs_waiter_new(CHANNELS);
  ASSERT(waiter != NULL);
  bool happened =
      queue_all(choice, waiter) && prs_waiter_wait(waiter, timeout) == PRS_OK;
  if (!happened) happened = !prs_waiter_cancel(waiter);
  for (uint32_t i = 0; i < CHANNELS; i++)
    prs_channel_leave(&channels[i], &waiter->nodes[i]);
  if (happened) finish(choice, waiter);
  prs_waiter_free(waiter);
  return happened;
}

/* Two who find nothing at the same time and then queue are what this is about,
 * so the moment between the two is made longer. */
static void linger(uint32_t *seed) {
  _Atomic uint32_t rounds = blocking_random(seed) % 4096;
  while (atomic_load(&rounds) > 0) atomic_fetch_sub(&rounds, 1);
}

static void run_select(choice_t *choice, uint64_t timeout, uint32_t *seed) {
  while (!try_all(choice)) {
    linger(seed);
    if (wait_once(choice, timeout)) return;
    prs_yield();
  }
}

/* ---- selects against selects --------------------------------------------- */

typedef struct part {
  uint32_t number;
  bool impatient;
} part_t;

static uint64_t patience_of(const part_t *part, uint32_t *seed) {
  return part->impatient ? 1 + blocking_random(seed) % 20000 : PRS_FOREVER;
}

static void send_all(void *arg) {
  const part_t *part = arg;
  uint32_t seed = part->number + 1;
  for (uint32_t i = 0; i < each; i++) {
    choice_t choice = {.direction = PRS_SENDS,
                       .start = blocking_random(&seed),
                       .item = (void *)&fates[part->number * each + i]};
    run_select(&choice, patience_of(part, &seed), &seed);
    ASSERT_INT(PRS_CHANNEL_DONE, choice.status);
  }
}

static void receive_all(void *arg) {
  const part_t *part = arg;
  uint32_t seed = part->number + 100;
  for (uint32_t i = 0; i < each; i++) {
    choice_t choice = {.start = blocking_random(&seed)};
    run_select(&choice, patience_of(part, &seed), &seed);
    ASSERT_INT(PRS_CHANNEL_DONE, choice.status);
    atomic_fetch_add((_Atomic uint32_t *)choice.item, 1);
  }
}

static void init_channels(size_t capacity) {
  blocking_init();
  for (uint32_t i = 0; i < CHANNELS; i++)
    prs_channel_init(&channels[i], capacity);
}

static void destroy_channels(void) {
  for (uint32_t i = 0; i < CHANNELS; i++) {
    ASSERT(prs__queue_is_empty(&channels[i].sending));
    ASSERT(prs__queue_is_empty(&channels[i].receiving));
    prs_channel_destroy(&channels[i]);
  }
}

static void run_parts(size_t capacity, bool impatient, uint32_t pairs) {
  check_thread_t threads[2 * THREADS];
  part_t parts[2 * THREADS];
  init_channels(capacity);
  for (uint32_t i = 0; i < pairs * each; i++) atomic_store(&fates[i], 0);
  for (uint32_t i = 0; i < 2 * pairs; i++) {
    parts[i] = (part_t){.number = i / 2, .impatient = impatient};
    check_thread_start(&threads[i], i % 2 ? send_all : receive_all, &parts[i]);
  }
  for (uint32_t i = 0; i < 2 * pairs; i++) check_thread_join(&threads[i]);
  for (uint32_t i = 0; i < pairs * each; i++)
    ASSERT_UINT(1, atomic_load(&fates[i]));
  destroy_channels();
}

static void choose_each(uint32_t most) {
  each = (uint32_t)check_rounds(most);
  if (each > MOST_EACH) each = MOST_EACH;
}

static void selects_meet_selects(void) {
  choose_each(1000);
  for (size_t capacity = 0; capacity < 3; capacity++)
    run_parts(capacity, false, THREADS);
}

static void selects_that_give_up_lose_nothing(void) {
  choose_each(1000);
  for (size_t capacity = 0; capacity < 3; capacity++)
    run_parts(capacity, true, THREADS);
}

/* With nobody else who could wake them, two who miss each other hang. */
static void one_pair_never_misses_the_other(void) {
  choose_each(4000);
  run_parts(0, false, 1);
}

static void both_sides_of_one_channel(void) {
  init_channels(0);
  prs_waiter_t *waiter = prs_waiter_new(2);
  ASSERT(waiter != NULL);
  prs_wakes_t wakes = {0};
  ASSERT_INT(PRS_CHANNEL_QUEUED,
             prs_channel_queue(&channels[0], PRS_SENDS, &waiter,
                               &waiter->nodes[0], &wakes));
  ASSERT_INT(PRS_CHANNEL_QUEUED,
             prs_channel_queue(&channels[0], PRS_RECEIVES, NULL,
                               &waiter->nodes[1], &wakes));
  ASSERT(prs_channel_is_ready(&channels[0], PRS_RECEIVES));
  ASSERT(prs__queue_has_other(&channels[0].sending, NULL));
  ASSERT(!prs__queue_has_other(&channels[0].sending, waiter));
  ASSERT(prs_waiter_cancel(waiter));
  ASSERT(!prs_channel_is_ready(&channels[0], PRS_RECEIVES));
  prs_channel_leave(&channels[0], &waiter->nodes[0]);
  prs_channel_leave(&channels[0], &waiter->nodes[1]);
  prs_waiter_free(waiter);
  destroy_channels();
}

/* ---- the end of a channel ------------------------------------------------ */

static void select_until_the_end(void *unused) {
  (void)unused;
  uint32_t seed = 1;
  choice_t choice = {.start = 0};
  run_select(&choice, PRS_FOREVER, &seed);
  ASSERT_INT(PRS_CHANNEL_DISCONNECTED, choice.status);
}

static void the_end_reaches_every_select(void) {
  check_thread_t threads[20];
  init_channels(0);
  for (uint32_t i = 0; i < 20; i++)
    check_thread_start(&threads[i], select_until_the_end, NULL);
  blocking_drop_sender(&channels[1]);
  for (uint32_t i = 0; i < 20; i++) check_thread_join(&threads[i]);
  destroy_channels();
}

/* ---- those who watch ----------------------------------------------------- */

static void watch_until_ready(void *arg) {
  enum prs_direction direction = *(enum prs_direction *)arg;
  prs_waiter_t *waiter = prs_waiter_new(1);
  ASSERT(waiter != NULL);
  if (prs_channel_watch(&channels[0], direction, &waiter->nodes[0]) ==
      PRS_CHANNEL_QUEUED) {
    ASSERT_INT(PRS_OK, prs_waiter_wait(waiter, CHECK_SOON_NS));
    ASSERT_INT(PRS_CHANNEL_READY, waiter->nodes[0].status);
  }
  prs_channel_leave(&channels[0], &waiter->nodes[0]);
  prs_waiter_free(waiter);
}

static void watchers_are_told(void) {
  static enum prs_direction directions[] = {PRS_RECEIVES, PRS_SENDS};
  check_thread_t threads[4];
  for (uint32_t round = 0; round < check_rounds(100); round++) {
    void *item = NULL;
    enum prs_direction *direction = &directions[round % 2];
    init_channels(1);
    if (*direction == PRS_SENDS) (void)blocking_try_send(&channels[0], &item);
    for (uint32_t i = 0; i < 4; i++)
      check_thread_start(&threads[i], watch_until_ready, direction);
    int status = *direction == PRS_SENDS
                     ? blocking_try_recv(&channels[0], &item)
                     : blocking_try_send(&channels[0], &item);
    ASSERT_INT(PRS_CHANNEL_DONE, status);
    for (uint32_t i = 0; i < 4; i++) check_thread_join(&threads[i]);
    destroy_channels();
  }
}

/* ---- timers -------------------------------------------------------------- */

static void timers_take_each_message_once(void) {
  prs_timer_t timer;
  uint64_t due = 0;
  prs_timer_init(&timer, 100, 0, true);
  ASSERT(!prs_timer_take(&timer, 99, &due));
  ASSERT(prs_timer_take(&timer, 150, &due));
  ASSERT_UINT(100, due);
  ASSERT(!prs_timer_take(&timer, UINT64_MAX - 1, &due));
  prs_timer_init(&timer, 100, 10, false);
  ASSERT(prs_timer_take(&timer, 135, &due)); /* 110, 120, 130 are missed */
  ASSERT(!prs_timer_take(&timer, 144, &due));
  ASSERT(prs_timer_take(&timer, 145, &due));
  ASSERT_UINT(145, due);
  prs_timer_init(&timer, 0, PRS_FOREVER, false);
  ASSERT(prs_timer_take(&timer, 1, &due));
  ASSERT_UINT(PRS_FOREVER, prs_timer_due(&timer));
}

static prs_timer_t shared_timer;
static _Atomic uint32_t taken;

static void take_ticks(void *unused) {
  (void)unused;
  uint64_t due;
  for (uint64_t now = 0; now < 2000; now++)
    if (prs_timer_take(&shared_timer, now, &due)) atomic_fetch_add(&taken, 1);
}

static void a_tick_goes_to_one(void) {
  check_thread_t threads[THREADS];
  atomic_store(&taken, 0);
  prs_timer_init(&shared_timer, 0, 1000000, false);
  for (uint32_t i = 0; i < THREADS; i++)
    check_thread_start(&threads[i], take_ticks, NULL);
  for (uint32_t i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
  ASSERT_UINT(1, atomic_load(&taken));
}

const check_test_t check_tests[] = {
    TEST(selects_meet_selects),
    TEST(selects_that_give_up_lose_nothing),
    TEST(one_pair_never_misses_the_other),
    TEST(both_sides_of_one_channel),
    TEST(the_end_reaches_every_select),
    TEST(watchers_are_told),
    TEST(timers_take_each_message_once),
    TEST(a_tick_goes_to_one),
    END_OF_TESTS,
};
