/* Producers and consumers of each kind of channel, who come, give up and go in
 * large numbers: every message ends up in exactly one place. */
#include "blocking.h"

enum { MOST = 4 }; /* threads of a side */

/* Where a message ended up. */
enum fate { UNKNOWN = 0, RECEIVED, GIVEN_BACK, LOST };

typedef struct cell {
  _Atomic uint32_t fate;
  uint32_t producer;
  uint32_t number;
} cell_t;

/* How a run goes. */
typedef struct plan {
  size_t capacity;
  uint32_t producers;
  uint32_t consumers;
  uint32_t each;            /* messages of a producer */
  bool impatient;           /* some calls give up */
  bool puts_back;           /* some messages are put back */
  uint32_t consumers_leave; /* after so many messages; 0: at the end */
} plan_t;

typedef struct run {
  plan_t plan;
  prs_channel_t channel;
  cell_t *cells;
} run_t;

typedef struct part {
  run_t *run;
  uint32_t number;
  uint32_t seed;
} part_t;

static cell_t all_cells[MOST * 20000];

static void settle(cell_t *cell, enum fate fate) {
  ASSERT_UINT(UNKNOWN, atomic_exchange(&cell->fate, fate));
}

static void settle_lost(void *item) { settle(item, LOST); }

/* Mostly for ever; or so short that the end meets a partner. */
static uint64_t choose_timeout(part_t *part) {
  uint32_t dice = blocking_random(&part->seed);
  if (!part->run->plan.impatient || dice % 4 != 0) return PRS_FOREVER;
  return 1 + dice / 4 % 20000;
}

/* ---- producers ----------------------------------------------------------- */

/* Returns: false when there are no receivers any more. */
static bool send_one(part_t *part, cell_t *cell) {
  prs_channel_t *channel = &part->run->channel;
  int status = PRS_CHANNEL_WOULD_BLOCK;
  if (blocking_random(&part->seed) % 4 == 0)
    status = blocking_try_send(channel, cell);
  if (status == PRS_CHANNEL_WOULD_BLOCK)
    status = blocking_send(channel, cell, choose_timeout(part));
  if (status == PRS_CHANNEL_DONE) return true;
  settle(cell, GIVEN_BACK);
  if (status == BLOCKING_TIMED_OUT) return true;
  ASSERT_INT(PRS_CHANNEL_DISCONNECTED, status);
  return false;
}

static void produce(void *arg) {
  part_t *part = arg;
  uint32_t each = part->run->plan.each;
  cell_t *cells = &part->run->cells[part->number * each];
  uint32_t i = 0;
  while (i < each && send_one(part, &cells[i])) i++;
  while (++i < each) settle(&cells[i], GIVEN_BACK);
  blocking_drop_sender(&part->run->channel);
}

/* ---- consumers ----------------------------------------------------------- */

static int recv_one(part_t *part, cell_t **cell) {
  prs_channel_t *channel = &part->run->channel;
  void *item = NULL;
  int status = PRS_CHANNEL_WOULD_BLOCK;
  if (blocking_random(&part->seed) % 4 == 0)
    status = blocking_try_recv(channel, &item);
  if (status == PRS_CHANNEL_WOULD_BLOCK)
    status = blocking_recv(channel, &item, choose_timeout(part));
  *cell = item;
  return status;
}

/* The messages of one producer come in their order; one that was put back may
 * have been overtaken by those that somebody else took meanwhile. */
static void look_at_order(part_t *part, const cell_t *cell, uint32_t *next) {
  const plan_t *plan = &part->run->plan;
  if (plan->puts_back && plan->consumers > 1) return;
  ASSERT(cell->number >= next[cell->producer]);
  next[cell->producer] = cell->number + 1;
}

static bool wants_to_go(const part_t *part, uint32_t received) {
  uint32_t limit = part->run->plan.consumers_leave;
  return limit > 0 && received >= limit;
}

static void consume(void *arg) {
  part_t *part = arg;
  uint32_t next[MOST] = {0};
  uint32_t received = 0;
  while (!wants_to_go(part, received)) {
    cell_t *cell;
    int status = recv_one(part, &cell);
    if (status == BLOCKING_TIMED_OUT) continue;
    if (status == PRS_CHANNEL_DISCONNECTED) break;
    ASSERT_INT(PRS_CHANNEL_DONE, status);
    if (part->run->plan.puts_back && blocking_random(&part->seed) % 8 == 0) {
      ASSERT(blocking_unrecv(&part->run->channel, cell));
      continue;
    }
    look_at_order(part, cell, next);
    settle(cell, RECEIVED);
    received++;
  }
  blocking_drop_receiver(&part->run->channel, settle_lost);
}

/* ---- one run ------------------------------------------------------------- */

static void number_cells(run_t *run) {
  for (uint32_t i = 0; i < run->plan.producers * run->plan.each; i++) {
    atomic_store(&run->cells[i].fate, UNKNOWN);
    run->cells[i].producer = i / run->plan.each;
    run->cells[i].number = i % run->plan.each;
  }
}

static void start_and_join(run_t *run) {
  part_t parts[2 * MOST];
  check_thread_t threads[2 * MOST];
  uint32_t count = run->plan.producers + run->plan.consumers;
  for (uint32_t i = 1; i < run->plan.producers; i++)
    prs_channel_add_sender(&run->channel);
  for (uint32_t i = 1; i < run->plan.consumers; i++)
    prs_channel_add_receiver(&run->channel);
  for (uint32_t i = 0; i < count; i++) {
    parts[i] = (part_t){.run = run, .number = i, .seed = 4711 + i};
    check_thread_start(&threads[i], i < run->plan.producers ? produce : consume,
                       &parts[i]);
  }
  for (uint32_t i = 0; i < count; i++) check_thread_join(&threads[i]);
}

static void assert_fates(const run_t *run) {
  const plan_t *plan = &run->plan;
  uint32_t fates[LOST + 1] = {0};
  for (uint32_t i = 0; i < plan->producers * plan->each; i++)
    fates[atomic_load(&run->cells[i].fate)]++;
  ASSERT_UINT(0, fates[UNKNOWN]);
  ASSERT(fates[RECEIVED] > 0 || plan->consumers_leave > 0);
  if (plan->consumers_leave > 0) return;
  ASSERT_UINT(0, fates[LOST]);
  if (!plan->impatient) ASSERT_UINT(0, fates[GIVEN_BACK]);
}

static void run_plan(plan_t plan) {
  run_t run = {.plan = plan, .cells = all_cells};
  blocking_init();
  prs_channel_init(&run.channel, plan.capacity);
  number_cells(&run);
  start_and_join(&run);
  assert_fates(&run);
  ASSERT_UINT(0, run.channel.count);
  ASSERT_UINT(0, run.channel.waking);
  ASSERT(prs__queue_is_empty(&run.channel.sending));
  ASSERT(prs__queue_is_empty(&run.channel.receiving));
  prs_channel_destroy(&run.channel);
}

/* ---- all kinds ----------------------------------------------------------- */

static const size_t capacities[] = {0, 1, 3, PRS_UNBOUNDED};
static const uint32_t sides[][2] = {{1, 1}, {MOST, 1}, {1, MOST}, {MOST, MOST}};

/* Each capacity with each number of threads. */
static void run_all(plan_t plan, uint32_t messages) {
  for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++)
    for (size_t j = 0; j < sizeof sides / sizeof *sides; j++) {
      plan.capacity = capacities[i];
      plan.producers = sides[j][0];
      plan.consumers = sides[j][1];
      plan.each = check_rounds(messages) / plan.producers + 1;
      for (blocking_passing = 0; blocking_passing <= 4; blocking_passing += 2)
        run_plan(plan);
    }
}

static void every_message_arrives(void) { run_all((plan_t){0}, 4000); }

static void every_message_arrives_or_comes_back(void) {
  run_all((plan_t){.impatient = true}, 4000);
}

static void messages_are_put_back(void) {
  run_all((plan_t){.impatient = true, .puts_back = true}, 4000);
}

/* Short lives, so that the end of the channel is most of it. */
static void receivers_leave_early(void) {
  for (uint32_t i = 0; i < check_rounds(40); i++)
    run_all((plan_t){.impatient = i % 2 == 0,
                     .puts_back = i % 3 == 0,
                     .consumers_leave = 1 + i % 8},
            100);
}

static void senders_leave_early(void) {
  for (uint32_t i = 0; i < check_rounds(40); i++)
    run_all((plan_t){.impatient = i % 2 == 0, .puts_back = i % 3 == 0}, i % 16);
}

/* ---- a crowd at the end of a channel ------------------------------------- */

enum { CROWD = 40 };

static void recv_until_the_end(void *channel) {
  void *item = NULL;
  ASSERT_INT(PRS_CHANNEL_DISCONNECTED,
             blocking_recv(channel, &item, PRS_FOREVER));
}

static void send_until_the_end(void *channel) {
  ASSERT_INT(PRS_CHANNEL_DISCONNECTED,
             blocking_send(channel, channel, PRS_FOREVER));
}

static uint32_t length_of(prs_channel_t *channel, const prs_queue_t *queue) {
  uint32_t length = 0;
  prs__guard_enter(&channel->guard);
  for (prs_node_t *node = queue->first; node != NULL; node = node->next)
    length++;
  prs__guard_leave(&channel->guard);
  return length;
}

static void chain_reaches_everybody(void) {
  for (int side = 0; side < 2; side++) {
    prs_channel_t channel;
    check_thread_t threads[CROWD];
    blocking_init();
    prs_channel_init(&channel, 0);
    for (int i = 0; i < CROWD; i++)
      check_thread_start(&threads[i],
                         side ? send_until_the_end : recv_until_the_end,
                         &channel);
    ASSERT_SOON(length_of(&channel, side ? &channel.sending
                                         : &channel.receiving) == CROWD);
    if (side)
      blocking_drop_receiver(&channel, NULL);
    else
      blocking_drop_sender(&channel);
    for (int i = 0; i < CROWD; i++) check_thread_join(&threads[i]);
    prs_channel_destroy(&channel);
  }
}

const check_test_t check_tests[] = {
    TEST(every_message_arrives),
    TEST(every_message_arrives_or_comes_back),
    TEST(messages_are_put_back),
    TEST(receivers_leave_early),
    TEST(senders_leave_early),
    TEST(chain_reaches_everybody),
    END_OF_TESTS,
};
