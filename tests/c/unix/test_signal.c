/* Signals: waits end early and say so, and nothing is lost by it. */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "../closure.h"

static _Atomic uint32_t signals;

static void count_signal(int number) {
  (void)number;
  atomic_fetch_add(&signals, 1);
}

/* Without SA_RESTART, as Python installs its handlers. */
static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = count_signal;
  ASSERT_INT(0, sigaction(SIGUSR1, &action, NULL));
}

typedef struct target {
  pthread_t self;
  check_event_t ready;
  check_event_t back;
  int (*call)(struct target *target);
  int status;
  prs_packet_t *packet;
  prs_parker_t *parker;
  _Atomic uint32_t word;
} target_t;

static void run_target(void *arg) {
  target_t *target = arg;
  target->self = pthread_self();
  check_event_set(&target->ready);
  target->status = target->call(target);
  check_event_set(&target->back);
}

/* A signal may come before the wait begins: send another, until it is over. */
static int interrupt(target_t *target) {
  install();
  check_thread_t thread;
  check_thread_start(&thread, run_target, target);
  check_event_wait(&target->ready);
  uint64_t end = prs_now() + CHECK_SOON_NS;
  while (!check_event_is_set(&target->back)) {
    ASSERT(prs_now() < end);
    ASSERT_INT(0, pthread_kill(target->self, SIGUSR1));
    (void)prs_sleep(CHECK_LOOK_NS);
  }
  check_thread_join(&thread);
  return target->status;
}

static int call_wait(target_t *target) {
  int status = PRS_OK; /* "for no reason at all" is allowed */
  while (status == PRS_OK) status = prs__wait(&target->word, 0, PRS_FOREVER);
  return status;
}

static void signal_ends_a_wait(void) {
  target_t target = {.call = call_wait};
  ASSERT_INT(PRS_EINTR, interrupt(&target));
}

static int call_park(target_t *target) {
  return prs_parker_park(target->parker, PRS_FOREVER);
}

static void signal_ends_a_park(void) {
  target_t target = {.call = call_park, .parker = prs_parker_new()};
  ASSERT_INT(PRS_EINTR, interrupt(&target));
  prs_parker_unpark(target.parker);
  ASSERT_INT(PRS_OK, prs_parker_park(target.parker, 0));
  prs_parker_unref(target.parker);
}

static int call_packet_wait(target_t *target) {
  return prs_packet_wait(target->packet, PRS_FOREVER);
}

static void signal_ends_the_wait_for_a_packet(void) {
  target_t target = {.call = call_packet_wait};
  target.packet = prs_packet_new(&closure_runner);
  ASSERT_INT(PRS_EINTR, interrupt(&target));
  ASSERT_UINT(0, atomic_load(&target.packet->waiters));
  ASSERT_UINT(0, atomic_load(&prs__bystanders));
  prs__packet_publish(target.packet, PRS_DONE);
  ASSERT_INT(PRS_OK, prs_packet_wait(target.packet, PRS_FOREVER));
  prs_packet_unref(target.packet);
}

static int call_sleep(target_t *target) {
  (void)target;
  return prs_sleep(UINT64_MAX);
}

static void signal_ends_a_sleep(void) {
  target_t target = {.call = call_sleep};
  ASSERT_INT(PRS_EINTR, interrupt(&target));
}

/* ---- waits that a signal must not end ----------------------------------- */

static prs_lock_t lock;

static int call_lock(target_t *target) {
  prs__lock(&lock);
  uint32_t held = atomic_load(&target->word);
  prs__unlock(&lock);
  return (int)held;
}

/* Send `count` signals to a thread that waits, then let `release` end it. */
static int interrupt_in_vain(target_t *target, void (*release)(target_t *)) {
  install();
  check_thread_t thread;
  check_thread_start(&thread, run_target, target);
  check_event_wait(&target->ready);
  for (int i = 0; i < 20; i++) {
    ASSERT_INT(0, pthread_kill(target->self, SIGUSR1));
    (void)prs_sleep(CHECK_LOOK_NS);
    ASSERT(!check_event_is_set(&target->back));
  }
  release(target);
  check_thread_join(&thread);
  ASSERT(atomic_load(&signals) > 0);
  return target->status;
}

static void release_lock(target_t *target) {
  atomic_store(&target->word, 1);
  prs__unlock(&lock);
}

static void signal_opens_no_lock(void) {
  target_t target = {.call = call_lock};
  prs__lock(&lock);
  ASSERT_INT(1, interrupt_in_vain(&target, release_lock));
}

static int call_close(target_t *target) {
  (void)target;
  return (int)prs_gate_close(PRS_FOREVER);
}

static void release_gate(target_t *target) {
  (void)target;
  prs__gate_start_undo();
}

static void signal_does_not_cut_the_close_short(void) {
  target_t target = {.call = call_close};
  ASSERT(prs__gate_start());
  ASSERT_INT(0, interrupt_in_vain(&target, release_gate));
  ASSERT_INT(PRS_GATE_SHUT, prs_gate_state());
}

static void tell_thread(void *out) { *(pthread_t *)out = pthread_self(); }

static void signal_does_not_wake_a_parked_worker(void) {
  install();
  pthread_t worker;
  closure_join(closure_spawn(tell_thread, &worker));
  for (int i = 0; i < 20; i++) {
    ASSERT_INT(0, pthread_kill(worker, SIGUSR1));
    (void)prs_sleep(CHECK_LOOK_NS);
  }
  ASSERT_SOON(atomic_load(&signals) > 0);
  ASSERT_UINT(1, check_statistics().idle);
  closure_join(closure_spawn(tell_thread, &worker));
  ASSERT_UINT(1, check_statistics().os_threads_created);
  closure_assert_nothing_left();
}

/* ---- a storm ------------------------------------------------------------ */

typedef struct game {
  prs_parker_t *mine;
  prs_parker_t *theirs;
  uint32_t rounds;
  check_event_t over;
} game_t;

static void take_token(prs_parker_t *parker) {
  while (prs_parker_park(parker, PRS_FOREVER) != PRS_OK) continue;
}

static void give_back(void *arg) {
  game_t *game = arg;
  for (uint32_t i = 0; i < game->rounds; i++) {
    take_token(game->theirs);
    prs_parker_unpark(game->mine);
  }
}

typedef struct sender {
  pthread_t target;
  game_t *game;
} sender_t;

static void send_signals(void *arg) {
  sender_t *sender = arg;
  while (!check_event_is_set(&sender->game->over)) {
    ASSERT_INT(0, pthread_kill(sender->target, SIGUSR1));
    prs_yield();
  }
}

/* A park that a signal ends gives up its place; a token that comes in that
 * moment must be taken or left. There is one token, so a lost one is seen. */
static void no_token_is_lost_to_signals(void) {
  install();
  game_t game = {.mine = prs_parker_new(),
                 .theirs = prs_parker_new(),
                 .rounds = check_rounds(3000)};
  sender_t sender = {.target = pthread_self(), .game = &game};
  check_thread_t player;
  check_thread_t storm;
  check_thread_start(&player, give_back, &game);
  check_thread_start(&storm, send_signals, &sender);
  for (uint32_t i = 0; i < game.rounds; i++) {
    prs_parker_unpark(game.theirs);
    take_token(game.mine);
  }
  check_event_set(&game.over);
  check_thread_join(&storm);
  check_thread_join(&player);
  prs_parker_unref(game.mine);
  prs_parker_unref(game.theirs);
}

const check_test_t check_tests[] = {
    TEST(signal_ends_a_wait),
    TEST(signal_ends_a_park),
    TEST(signal_ends_the_wait_for_a_packet),
    TEST(signal_ends_a_sleep),
    TEST(signal_opens_no_lock),
    TEST(signal_does_not_cut_the_close_short),
    TEST(signal_does_not_wake_a_parked_worker),
    TEST(no_token_is_lost_to_signals),
    END_OF_TESTS,
};
