/* The end of the interpreter: what a join sees, and who is held in C.
 *
 * The hooks of the python floor are played by functions of the test. */
#include "closure.h"

static void wait_for_event(void *event) { check_event_wait(event); }

static _Atomic uint32_t finalizes;
static _Atomic uint32_t holds;

static bool finalizing(void) { return atomic_load(&finalizes) != 0; }

static void hold(void) { atomic_fetch_add(&holds, 1); }

static const prs_interpreter_t interpreter = {.finalizing = finalizing,
                                              .hold = hold};

static void unfinished_closure_is_killed_when_all_ends(void) {
  prs__interpreter = &interpreter;
  check_event_t go = {0};
  prs_packet_t *packet = closure_spawn(wait_for_event, &go);
  ASSERT_SOON(prs_packet_state(packet) == PRS_RUN);
  atomic_store(&finalizes, 1);
  ASSERT_UINT(PRS_RUN, prs_packet_state(packet));
  ASSERT_UINT(1, prs_gate_close(0));
  ASSERT_UINT(PRS_KILLED, prs_packet_state(packet));
  ASSERT_INT(PRS_OK, prs_packet_wait(packet, PRS_FOREVER));
  atomic_store(&finalizes, 0);
  ASSERT_UINT(PRS_RUN, prs_packet_state(packet));
  check_event_set(&go);
  closure_join(packet);
}

static void every_blocking_call_ends_with_a_hold(void) {
  prs__interpreter = &interpreter;
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  prs_parker_t *parker = prs_parker_new();
  (void)prs_packet_wait(packet, 1);
  ASSERT_UINT(1, atomic_load(&holds));
  (void)prs_parker_park(parker, 1);
  ASSERT_UINT(2, atomic_load(&holds));
  (void)prs_sleep(1);
  ASSERT_UINT(3, atomic_load(&holds));
  prs_spawn_step_back(0);
  ASSERT_UINT(4, atomic_load(&holds));
  (void)prs_workers_retire();
  ASSERT_UINT(5, atomic_load(&holds));
  prs__hold();
  ASSERT_UINT(6, atomic_load(&holds));
  prs_parker_unref(parker);
  prs_packet_unref(packet);
}

const check_test_t check_tests[] = {
    TEST(unfinished_closure_is_killed_when_all_ends),
    TEST(every_blocking_call_ends_with_a_hold),
    END_OF_TESTS,
};
