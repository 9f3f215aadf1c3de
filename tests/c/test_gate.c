/* Gate: who may still enter while the interpreter goes away. */
#include "closure.h"

#define MILLISECOND 1000000u
#define PATIENCE_NS CHECK_SOON_NS

static void nothing(void *arg) { (void)arg; }

static void wait_for_event(void *event) { check_event_wait(event); }

/* Slow starters say that they are there and stand before the door. */
static _Atomic uint32_t outside;
static check_event_t door;

static void stand_outside(void) {
  atomic_fetch_add(&outside, 1);
  check_event_wait(&door);
}

static prs_packet_t *spawn_slow_starter(void) {
  uint32_t before = atomic_load(&outside);
  atomic_store(&closure_slow_start, stand_outside);
  prs_packet_t *packet = closure_spawn(nothing, NULL);
  ASSERT_SOON(atomic_load(&outside) == before + 1);
  return packet;
}

typedef struct closer {
  check_thread_t thread;
  uint64_t patience;
  check_event_t back;
  uint32_t live;
} closer_t;

static void close_gate(void *arg) {
  closer_t *closer = arg;
  closer->live = prs_gate_close(closer->patience);
  check_event_set(&closer->back);
}

/* ---- open, closed, shut ------------------------------------------------- */

static void gate_begins_open(void) {
  ASSERT_INT(PRS_GATE_OPEN, prs_gate_state());
  ASSERT(!prs__gate_is_sealed());
  ASSERT_UINT(0, prs__gate_starting());
}

static void close_shuts_when_nobody_is_on_the_way(void) {
  uint64_t began = prs_now();
  ASSERT_UINT(0, prs_gate_close(PATIENCE_NS));
  ASSERT_INT(PRS_GATE_SHUT, prs_gate_state());
  ASSERT(prs__gate_is_sealed());
  ASSERT_UINT(0, prs_gate_close(PATIENCE_NS));
  ASSERT_INT(PRS_GATE_SHUT, prs_gate_state());
  ASSERT(prs_now() - began < PATIENCE_NS);
}

static void spawn_after_the_close_is_refused(void) {
  closure_join(closure_spawn(nothing, NULL));
  ASSERT_UINT(0, prs_gate_close(PRS_FOREVER));
  prs_packet_t *packet = closure_new(nothing, NULL);
  prs_spawn_options_t options = {0};
  int os_error = 0;
  ASSERT_INT(PRS_ECLOSED, prs_spawn(packet, &options, &os_error));
  options.dedicated = true;
  ASSERT_INT(PRS_ECLOSED, prs_spawn(packet, &options, &os_error));
  ASSERT_UINT(1, atomic_load(&packet->refs));
  ASSERT_UINT(0, prs__gate_starting());
  ASSERT_UINT(0, check_statistics().live);
  ASSERT_UINT(1, check_statistics().spawned);
  closure_drop(packet);
  closure_assert_nothing_left();
}

static void close_tells_how_many_still_run(void) {
  check_event_t go = {0};
  prs_packet_t *packets[3];
  for (int i = 0; i < 3; i++) packets[i] = closure_spawn(wait_for_event, &go);
  for (int i = 0; i < 3; i++)
    ASSERT_SOON(prs_packet_state(packets[i]) == PRS_RUN);
  ASSERT_UINT(3, prs_gate_close(PRS_FOREVER));
  check_event_set(&go);
  for (int i = 0; i < 3; i++) closure_join(packets[i]);
  ASSERT_UINT(0, prs_gate_close(0));
  closure_assert_nothing_left();
}

/* ---- the counters ------------------------------------------------------- */

static void starts_are_counted(void) {
  ASSERT(prs__gate_start());
  ASSERT(prs__gate_start());
  ASSERT_UINT(2, prs__gate_starting());
  prs__gate_start_undo();
  ASSERT(prs__gate_enter());
  prs__gate_entered(true);
  ASSERT_UINT(0, prs__gate_starting());
  ASSERT(prs__gate_enter());
  prs__gate_entered(false);
  ASSERT_UINT(0, prs__gate_starting());
  ASSERT_UINT(0, prs_gate_close(PRS_FOREVER));
  ASSERT(!prs__gate_start());
  ASSERT(!prs__gate_enter());
  ASSERT_UINT(0, prs__gate_starting());
}

static void live_goes_up_and_down(void) {
  prs__gate_live(1);
  prs__gate_live(1);
  ASSERT_UINT(2, check_statistics().live);
  prs__gate_live(-1);
  ASSERT_UINT(1, prs_gate_close(0));
  prs__gate_live(-1);
  ASSERT_UINT(0, check_statistics().live);
}

/* ---- those who are on the way in ---------------------------------------- */

static void close_waits_for_slow_starters(void) {
  prs_packet_t *packets[3];
  for (int i = 0; i < 3; i++) packets[i] = spawn_slow_starter();
  closer_t closer = {.patience = PRS_FOREVER};
  check_thread_start(&closer.thread, close_gate, &closer);
  ASSERT_SOON(prs_gate_state() == PRS_GATE_CLOSED);
  ASSERT(!prs__gate_start());
  ASSERT_INT(PRS_OK, prs_sleep(5 * MILLISECOND));
  ASSERT(!check_event_is_set(&closer.back));
  check_event_set(&door);
  check_thread_join(&closer.thread);
  ASSERT_INT(PRS_GATE_SHUT, prs_gate_state());
  for (int i = 0; i < 3; i++) closure_join(packets[i]);
  closure_assert_nothing_left();
}

static void join_parked(void *packet) {
  ASSERT_UINT(PRS_PARKED, closure_wait(packet));
}

/* A joiner that sleeps already is woken by the straggler, when that comes. */
static void stragglers_are_parked_when_patience_ends(void) {
  prs_packet_t *packet = spawn_slow_starter();
  check_thread_t joiner;
  check_thread_start(&joiner, join_parked, packet);
  ASSERT_SOON(atomic_load(&packet->waiters) == 1);
  ASSERT_UINT(1, prs_gate_close(MILLISECOND));
  ASSERT_INT(PRS_GATE_SHUT, prs_gate_state());
  ASSERT_UINT(PRS_PARKED, prs_packet_state(packet));
  ASSERT_UINT(PRS_PARKED, closure_wait(packet));
  check_event_set(&door);
  check_thread_join(&joiner);
  ASSERT_SOON(atomic_load(&packet->state) == PRS_PARKED);
  prs_packet_unref(packet);
}

static void no_patience_shuts_at_once(void) {
  prs_packet_t *packet = spawn_slow_starter();
  uint64_t began = prs_now();
  ASSERT_UINT(1, prs_gate_close(0));
  ASSERT(prs_now() - began < PATIENCE_NS);
  ASSERT_UINT(PRS_PARKED, prs_packet_state(packet));
  prs_packet_unref(packet);
}

/* Patience is for the starts; whoever is in the door is inside Python's own
 * functions and must be waited for, however long it takes. */
static void close_waits_for_those_in_the_door(void) {
  ASSERT(prs__gate_enter());
  closer_t closer = {.patience = 0};
  check_thread_start(&closer.thread, close_gate, &closer);
  ASSERT_SOON(prs_gate_state() == PRS_GATE_SHUT);
  ASSERT_INT(PRS_OK, prs_sleep(5 * MILLISECOND));
  ASSERT(!check_event_is_set(&closer.back));
  ASSERT(!prs__gate_enter());
  prs__gate_entered(false);
  check_thread_join(&closer.thread);
}

static void wait_in_the_door(void) { check_event_wait(&door); }

/* Shut, with one in the door: it runs yet, so nobody may say it never will. */
static void closure_in_the_door_is_not_parked(void) {
  atomic_store(&closure_slow_entry, wait_in_the_door);
  prs_packet_t *packet = closure_spawn(nothing, NULL);
  ASSERT_SOON(atomic_load(&closure_in_door) == 1);
  closer_t closer = {.patience = 0};
  check_thread_start(&closer.thread, close_gate, &closer);
  ASSERT_SOON(prs_gate_state() == PRS_GATE_SHUT);
  ASSERT(!prs__gate_is_sealed());
  ASSERT_UINT(PRS_NEW, prs_packet_state(packet));
  ASSERT_INT(PRS_ETIMEDOUT, prs_packet_wait(packet, 0));
  check_event_set(&door);
  check_thread_join(&closer.thread);
  closure_join(packet);
  closure_assert_nothing_left();
}

/* ---- the race of close and spawn ---------------------------------------- */

static _Atomic uint32_t entered;
static _Atomic uint32_t done;
static _Atomic uint32_t parked;
static _Atomic uint32_t refused_spawns;

static void count_entry(void *arg) {
  (void)arg;
  atomic_fetch_add(&entered, 1);
}

static void spawn_until_closed(void *arg) {
  (void)arg;
  for (;;) {
    prs_packet_t *packet = closure_new(count_entry, NULL);
    prs_spawn_options_t options = {0};
    int os_error = 0;
    int status = prs_spawn(packet, &options, &os_error);
    if (status == PRS_ECLOSED) {
      closure_drop(packet);
      atomic_fetch_add(&refused_spawns, 1);
      return;
    }
    ASSERT_INT(PRS_OK, status);
    uint32_t state = closure_wait(packet);
    ASSERT(state == PRS_DONE || state == PRS_PARKED);
    atomic_fetch_add(state == PRS_DONE ? &done : &parked, 1);
    ASSERT_UINT(state, prs_packet_state(packet));
    prs_packet_unref(packet);
  }
}

static void close_against_spawners(uint64_t patience) {
  enum { SPAWNERS = 4 };
  check_thread_t spawners[SPAWNERS];
  for (int i = 0; i < SPAWNERS; i++)
    check_thread_start(&spawners[i], spawn_until_closed, NULL);
  ASSERT_SOON(check_statistics().spawned >= check_rounds(1000));
  (void)prs_gate_close(patience);
  /* Whoever was let in has its state, and may run on; nobody comes after. */
  ASSERT(!prs__gate_enter());
  for (int i = 0; i < SPAWNERS; i++) check_thread_join(&spawners[i]);
  ASSERT_UINT(SPAWNERS, atomic_load(&refused_spawns));
  ASSERT_UINT(atomic_load(&done), atomic_load(&entered));
  ASSERT_UINT(check_statistics().spawned,
              atomic_load(&done) + atomic_load(&parked));
}

static void close_races_with_spawners(void) {
  close_against_spawners(PRS_FOREVER);
  ASSERT_UINT(0, atomic_load(&parked));
  ASSERT_UINT(0, prs__gate_starting());
  closure_assert_nothing_left();
}

static void shut_races_with_spawners(void) { close_against_spawners(0); }

const check_test_t check_tests[] = {
    TEST(gate_begins_open),
    TEST(close_shuts_when_nobody_is_on_the_way),
    TEST(spawn_after_the_close_is_refused),
    TEST(close_tells_how_many_still_run),
    TEST(starts_are_counted),
    TEST(live_goes_up_and_down),
    TEST(close_waits_for_slow_starters),
    TEST(stragglers_are_parked_when_patience_ends),
    TEST(no_patience_shuts_at_once),
    TEST(close_waits_for_those_in_the_door),
    TEST(closure_in_the_door_is_not_parked),
    TEST(close_races_with_spawners),
    TEST(shut_races_with_spawners),
    END_OF_TESTS,
};
