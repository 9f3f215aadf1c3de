/* Short random programs of a few threads on one channel, and what each call
 * said: one line of JSON a program, for tests/sync/linearizability.py to judge.
 *
 *   {"capacity": 1, "senders": 1, "receivers": 2, "calls": [
 *     [thread, "operation", argument, result, invoked, returned], ...]}
 *
 * `invoked` and `returned` are the readings of one counter. A thread sends or
 * receives, and drops its end at last, so that nobody waits for ever. */
#include <inttypes.h>
#include <stdio.h>

#include "blocking.h"

enum { THREADS = 4, MOST_TURNS = 5, MOST_CALLS = 2 * MOST_TURNS + 1 };

typedef struct call {
  const char *operation;
  uint32_t argument; /* a message; 0 for none */
  int status;
  uint32_t received;
  uint32_t invoked;
  uint32_t returned;
} call_t;

typedef struct program {
  prs_channel_t channel;
  size_t capacity;
  uint32_t senders; /* the first threads; then come the receivers */
  uint32_t receivers;
} program_t;

typedef struct player {
  uint32_t number;
  uint32_t seed;
  uint32_t count;
  call_t calls[MOST_CALLS];
} player_t;

static program_t program;
static player_t players[THREADS];
static _Atomic uint32_t clock_now;
static _Atomic uint32_t round_now; /* of all programs; 0 before the first */
static _Atomic uint32_t finished;
static _Atomic bool over;

static uint32_t tick(void) { return atomic_fetch_add(&clock_now, 1); }

static void *message(uint32_t number) { return (void *)(uintptr_t)number; }

/* ---- one call ------------------------------------------------------------ */

static uint64_t some_time(player_t *player) {
  return 1 + blocking_random(&player->seed) % 2000;
}

static void do_send(player_t *player, call_t *call) {
  prs_channel_t *channel = &program.channel;
  void *item = message(call->argument);
  switch (blocking_random(&player->seed) % 4) {
    case 0:
      call->operation = "try_send";
      call->invoked = tick();
      call->status = blocking_try_send(channel, item);
      break;
    case 1: {
      uint64_t timeout = some_time(player);
      call->operation = "send_timeout";
      call->invoked = tick();
      call->status = blocking_send(channel, item, timeout);
      break;
    }
    default:
      call->operation = "send";
      call->invoked = tick();
      call->status = blocking_send(channel, item, PRS_FOREVER);
  }
  call->returned = tick();
}

static void do_recv(player_t *player, call_t *call) {
  prs_channel_t *channel = &program.channel;
  void *item = NULL;
  switch (blocking_random(&player->seed) % 4) {
    case 0:
      call->operation = "try_recv";
      call->invoked = tick();
      call->status = blocking_try_recv(channel, &item);
      break;
    case 1: {
      uint64_t timeout = some_time(player);
      call->operation = "recv_timeout";
      call->invoked = tick();
      call->status = blocking_recv(channel, &item, timeout);
      break;
    }
    default:
      call->operation = "recv";
      call->invoked = tick();
      call->status = blocking_recv(channel, &item, PRS_FOREVER);
  }
  call->returned = tick();
  call->received = (uint32_t)(uintptr_t)item;
}

static void do_put_back(call_t *call, uint32_t number) {
  call->operation = "put_back";
  call->argument = number;
  call->invoked = tick();
  call->status = blocking_unrecv(&program.channel, message(number))
                     ? PRS_CHANNEL_DONE
                     : PRS_CHANNEL_DISCONNECTED;
  call->returned = tick();
}

static void do_drop(player_t *player, call_t *call) {
  bool sends = player->number < program.senders;
  call->operation = sends ? "drop_sender" : "drop_receiver";
  call->invoked = tick();
  if (sends)
    blocking_drop_sender(&program.channel);
  else
    blocking_drop_receiver(&program.channel, NULL);
  call->returned = tick();
}

/* ---- one thread ---------------------------------------------------------- */

static call_t *next_call(player_t *player) {
  ASSERT(player->count < MOST_CALLS);
  call_t *call = &player->calls[player->count++];
  *call = (call_t){.operation = NULL};
  return call;
}

static void hesitate(player_t *player) {
  uint32_t dice = blocking_random(&player->seed);
  if (dice % 8 == 0) prs_yield();
  for (uint32_t i = dice / 8 % 64; i > 0; i--) (void)prs_now();
}

static void play(player_t *player) {
  uint32_t turns = 2 + blocking_random(&player->seed) % (MOST_TURNS - 1);
  player->count = 0;
  for (uint32_t i = 0; i < turns; i++) {
    hesitate(player);
    call_t *call = next_call(player);
    if (player->number < program.senders) {
      call->argument = 100 * (player->number + 1) + i;
      do_send(player, call);
      continue;
    }
    do_recv(player, call);
    if (call->received != 0 && blocking_random(&player->seed) % 8 == 0)
      do_put_back(next_call(player), call->received);
  }
  do_drop(player, next_call(player));
}

static void play_all(void *arg) {
  player_t *player = arg;
  for (uint32_t seen = 0;;) {
    while (atomic_load(&round_now) == seen) prs_yield();
    seen = atomic_load(&round_now);
    if (atomic_load(&over)) return;
    if (player->number < program.senders + program.receivers) play(player);
    atomic_fetch_add(&finished, 1);
  }
}

/* ---- what was said ------------------------------------------------------- */

static const char *word_for(const call_t *call) {
  switch (call->status) {
    case PRS_CHANNEL_DONE:
      return "\"ok\"";
    case PRS_CHANNEL_WOULD_BLOCK:
      return "\"would_block\"";
    case PRS_CHANNEL_DISCONNECTED:
      return "\"disconnected\"";
    case BLOCKING_TIMED_OUT:
      return "\"timeout\"";
  }
  check_fail(__FILE__, __LINE__, "no other status");
}

static void print_call(const player_t *player, const call_t *call) {
  (void)printf("[%" PRIu32 ", \"%s\", %" PRIu32 ", ", player->number,
               call->operation, call->argument);
  if (call->received != 0)
    (void)printf("%" PRIu32, call->received);
  else
    (void)printf("%s", word_for(call));
  (void)printf(", %" PRIu32 ", %" PRIu32 "]", call->invoked, call->returned);
}

static void print_program(void) {
  const char *comma = "";
  (void)printf("{\"capacity\": ");
  if (program.capacity == PRS_UNBOUNDED)
    (void)printf("null");
  else
    (void)printf("%zu", program.capacity);
  (void)printf(", \"senders\": %" PRIu32 ", \"receivers\": %" PRIu32
               ", \"calls\": [",
               program.senders, program.receivers);
  for (uint32_t i = 0; i < program.senders + program.receivers; i++)
    for (uint32_t j = 0; j < players[i].count; j++) {
      (void)printf("%s", comma);
      print_call(&players[i], &players[i].calls[j]);
      comma = ", ";
    }
  (void)printf("]}\n");
}

/* ---- all of them --------------------------------------------------------- */

static void start_program(size_t capacity, uint32_t *seed) {
  uint32_t count = 2 + blocking_random(seed) % (THREADS - 1);
  program.capacity = capacity;
  program.senders = 1 + blocking_random(seed) % (count - 1);
  program.receivers = count - program.senders;
  prs_channel_init(&program.channel, capacity);
  blocking_passing = 2 * (blocking_random(seed) % 3);
  for (uint32_t i = 1; i < program.senders; i++)
    prs_channel_add_sender(&program.channel);
  for (uint32_t i = 1; i < program.receivers; i++)
    prs_channel_add_receiver(&program.channel);
  atomic_store(&clock_now, 0);
  atomic_store(&finished, 0);
  atomic_fetch_add(&round_now, 1);
}

static void run_programs(size_t capacity) {
  check_thread_t threads[THREADS];
  uint32_t seed = 1 + (uint32_t)prs_now() % 1000000;
  blocking_init();
  for (uint32_t i = 0; i < THREADS; i++) {
    players[i].number = i;
    players[i].seed = seed + i;
    check_thread_start(&threads[i], play_all, &players[i]);
  }
  for (uint32_t i = 0; i < check_rounds(1000); i++) {
    start_program(capacity, &seed);
    while (atomic_load(&finished) < THREADS) prs_yield();
    print_program();
    prs_channel_destroy(&program.channel);
  }
  atomic_store(&over, true);
  atomic_fetch_add(&round_now, 1);
  for (int i = 0; i < THREADS; i++) check_thread_join(&threads[i]);
}

static void rendezvous(void) { run_programs(0); }

static void bounded_by_one(void) { run_programs(1); }

static void bounded_by_two(void) { run_programs(2); }

static void unbounded(void) { run_programs(PRS_UNBOUNDED); }

const check_test_t check_tests[] = {
    TEST(rendezvous), TEST(bounded_by_one), TEST(bounded_by_two),
    TEST(unbounded),  END_OF_TESTS,
};
