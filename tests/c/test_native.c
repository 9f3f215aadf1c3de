/* Native calls: arguments of each class, results, and who frees the call. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../csrc/core/prs_native.h"
#include "check.h"

typedef void (*any_function_t)(void);

static uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static uint64_t bits_of_float(float value) {
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  return bits;
}

/* ---- arguments and results ----------------------------------------------- */

static double mixed(int64_t a, double b, int32_t c, float d, uint8_t e,
                    double f, int64_t g, double h, int64_t i, double j,
                    int64_t k, double l, float m, float n) {
  ASSERT_INT(1, a);
  ASSERT_INT(-3, c);
  ASSERT_UINT(250, e);
  ASSERT(g == 7 && i == 9 && k == INT64_MIN);
  ASSERT(b == 0.5 && d == 1.5f && f == 2.5 && h == 3.5 && j == 4.5);
  ASSERT(l == 5.5 && m == 6.5f && n == 7.5f);
  return 8.5;
}

static double floats_first(double a, double b, double c, double d, double e,
                           int64_t f) {
  ASSERT(a == 1 && b == 2 && c == 3 && d == 4 && e == 5);
  return (double)f;
}

static void every_argument_arrives(void) {
  if (!prs__native_is_known()) check_skip("no native calls here");
  prs_native_call_t call = {
      .function = (any_function_t)mixed,
      .slots = {1, bits_of(0.5), (uint64_t)-3, bits_of_float(1.5f), 250,
                bits_of(2.5), 7, bits_of(3.5), 9, bits_of(4.5),
                (uint64_t)INT64_MIN, bits_of(5.5), bits_of_float(6.5f),
                bits_of_float(7.5f)},
      .count = 14,
      .floating = 0x3AAAu,
      .kind = PRS_NATIVE_DOUBLE};
  prs__native_call(&call);
  ASSERT_UINT(bits_of(8.5), call.result);
  prs_native_call_t other = {
      .function = (any_function_t)floats_first,
      .slots = {bits_of(1), bits_of(2), bits_of(3), bits_of(4), bits_of(5), 6},
      .count = 6,
      .floating = 0x1Fu,
      .kind = PRS_NATIVE_DOUBLE};
  prs__native_call(&other);
  ASSERT_UINT(bits_of(6), other.result);
}

static void memory_is_mapped_or_not(void) {
  ASSERT(prs__native_is_mapped((uintptr_t)mixed));
  if (prs__native_is_mapped(8)) check_skip("the platform does not say");
}

/* Each pattern of the four places that may be registers by place. */
static double first_of(double a) { return a; }
static double second_of(int64_t a, double b) { return b + (double)a; }
static double third_of(int64_t a, double b, int64_t c, double d) {
  return (double)(a + c) + b + d;
}

static void places_may_be_of_either_class(void) {
  if (!prs__native_is_known()) check_skip("no native calls here");
  const any_function_t functions[] = {(any_function_t)first_of,
                                      (any_function_t)second_of,
                                      (any_function_t)third_of};
  const uint32_t floating[] = {1, 2, 10};
  const uint64_t slots[3][4] = {
      {bits_of(4)}, {1, bits_of(4)}, {1, bits_of(4), 2, bits_of(0.5)}};
  const double expected[] = {4, 5, 7.5};
  for (uint32_t i = 0; i < 3; i++) {
    prs_native_call_t call = {.function = functions[i],
                              .count = i == 2 ? 4 : i + 1,
                              .floating = floating[i],
                              .kind = PRS_NATIVE_DOUBLE};
    memcpy(call.slots, slots[i], sizeof slots[i]);
    prs_native_invoke(&call);
    ASSERT_UINT(bits_of(expected[i]), call.result);
  }
}

static uint64_t echo(uint64_t bits) { return bits; }
static float half(float x) { return x / 2; }
static int fails(int error) {
  errno = error;
  return -1;
}

static uint64_t invoked(any_function_t function, uint64_t arg, int32_t width) {
  prs_native_call_t call = {.function = function,
                            .slots = {arg},
                            .count = 1,
                            .kind = PRS_NATIVE_WORD,
                            .width = width};
  prs_native_invoke(&call);
  return call.result;
}

static void a_narrow_result_is_widened(void) {
  if (!prs__native_is_known()) check_skip("no native calls here");
  any_function_t function = (any_function_t)echo;
  uint64_t bits = 0x123456789ABCDEFFu;
  ASSERT_UINT(0xFF, invoked(function, bits, 1));
  ASSERT_INT(-1, (int64_t)invoked(function, bits, -1));
  ASSERT_UINT(0xDEFF, invoked(function, bits, 2));
  ASSERT_INT((int16_t)0xDEFF, (int64_t)invoked(function, bits, -2));
  ASSERT_UINT(0x9ABCDEFFu, invoked(function, bits, 4));
  ASSERT_INT((int32_t)0x9ABCDEFFu, (int64_t)invoked(function, bits, -4));
  ASSERT_UINT(bits, invoked(function, bits, 8));
  ASSERT_UINT(bits, invoked(function, bits, -8));
}

static void floats_and_errno_come_back(void) {
  if (!prs__native_is_known()) check_skip("no native calls here");
  prs_native_call_t call = {.function = (any_function_t)half,
                            .slots = {bits_of_float(3)},
                            .count = 1,
                            .floating = 1,
                            .kind = PRS_NATIVE_FLOAT};
  prs_native_invoke(&call);
  ASSERT_UINT(bits_of_float(1.5f), call.result);
  ASSERT_INT(0, call.error);
  prs_native_call_t failing = {.function = (any_function_t)fails,
                               .slots = {ERANGE},
                               .count = 1,
                               .kind = PRS_NATIVE_WORD,
                               .width = -4};
  prs_native_invoke(&failing);
  ASSERT_INT(-1, (int64_t)failing.result);
  ASSERT_INT(ERANGE, failing.error);
}

/* ---- on a thread --------------------------------------------------------- */

static check_event_t go;
static _Atomic uint32_t abandoned_calls;

static int64_t wait_for_go(int64_t result) {
  check_event_wait(&go);
  return result;
}

static void count_abandoned(prs_native_call_t *call) {
  ASSERT_INT(5, (int64_t)call->result);
  free(call);
  atomic_fetch_add(&abandoned_calls, 1);
}

static prs_packet_t *spawn_call(prs_native_call_t **out) {
  prs_native_call_t *call = calloc(1, sizeof *call);
  prs_packet_t *packet = prs_packet_new(&prs_native_runner);
  ASSERT(call != NULL && packet != NULL);
  *call = (prs_native_call_t){.function = (any_function_t)wait_for_go,
                              .slots = {5},
                              .count = 1,
                              .kind = PRS_NATIVE_WORD,
                              .width = -8,
                              .abandoned = count_abandoned};
  prs_spawn_options_t options = {0};
  int os_error;
  packet->payload = call;
  ASSERT_INT(PRS_OK, prs_spawn(packet, &options, &os_error));
  *out = call;
  return packet;
}

static void who_lets_go_second_frees(void) {
  if (!prs__native_is_known()) check_skip("no native calls here");
  prs_native_call_t *joined;
  prs_native_call_t *left;
  prs_packet_t *first = spawn_call(&joined);
  prs_packet_t *second = spawn_call(&left);
  ASSERT_SOON(prs_packet_state(second) == PRS_RUN);
  ASSERT(!prs_native_let_go(left));
  check_event_set(&go);
  ASSERT_INT(PRS_OK, prs_packet_wait(first, PRS_FOREVER));
  ASSERT_INT(PRS_OK, prs_packet_wait(second, PRS_FOREVER));
  ASSERT_UINT(1, atomic_load(&abandoned_calls));
  ASSERT_INT(5, (int64_t)joined->result);
  ASSERT(prs_native_let_go(joined));
  free(joined);
  prs_packet_unref(first);
  prs_packet_unref(second);
}

static void behind_the_gate_nothing_is_freed(void) {
  if (!prs__native_is_known()) check_skip("no native calls here");
  prs_native_call_t *left;
  prs_packet_t *packet = spawn_call(&left);
  ASSERT_SOON(prs_packet_state(packet) == PRS_RUN);
  ASSERT_UINT(1, prs_gate_close(CHECK_SOON_NS));
  ASSERT_INT(PRS_RUN, (int)prs_packet_state(packet));
  ASSERT(!prs_native_let_go(left));
  check_event_set(&go);
  ASSERT_INT(PRS_OK, prs_packet_wait(packet, PRS_FOREVER));
  ASSERT_INT(PRS_DONE, (int)prs_packet_state(packet));
  ASSERT_UINT(0, atomic_load(&abandoned_calls));
  free(left);
  prs_packet_unref(packet);
}

/* ---- loops --------------------------------------------------------------- */

#define INDICES 10000

static _Atomic uint32_t marks[INDICES];

static int mark(int64_t first, int64_t last, int64_t bad) {
  for (int64_t i = first; i < last; i++) {
    if (i == bad) return (int)i;
    atomic_fetch_add(&marks[i], 1);
  }
  return 0;
}

static prs_native_loop_t *new_loop(int64_t bad) {
  prs_native_loop_t *loop = prs_native_loop_new(4, INDICES, 3);
  ASSERT(loop != NULL);
  loop->call = (prs_native_call_t){.function = (any_function_t)mark,
                                   .slots = {0, 0, (uint64_t)bad},
                                   .count = 3,
                                   .kind = PRS_NATIVE_WORD,
                                   .width = -4};
  loop->check = PRS_CHECK_NONZERO;
  return loop;
}

static void take_part(void *loop) {
  ASSERT_INT(PRS_OK, prs_native_loop_work(loop, PRS_FOREVER));
}

static void each_index_is_taken_once(void) {
  if (!prs__native_is_known()) check_skip("no native calls here");
  prs_native_loop_t *loop = new_loop(-1);
  check_thread_t threads[5]; /* one more than can take part */
  for (int i = 0; i < 5; i++) check_thread_start(&threads[i], take_part, loop);
  for (int i = 0; i < 5; i++) check_thread_join(&threads[i]);
  for (int i = 0; i < INDICES; i++) ASSERT_UINT(1, atomic_load(&marks[i]));
  ASSERT(!prs_native_loop_has_rest(loop));
  prs_native_loop_free(loop);
}

static void a_loop_ends_early(void) {
  if (!prs__native_is_known()) check_skip("no native calls here");
  prs_native_loop_t *loop = new_loop(4);
  ASSERT_INT(PRS_ETIMEDOUT, prs_native_loop_work(loop, 0));
  ASSERT(prs_native_loop_has_rest(loop));
  ASSERT_INT(PRS_OK, prs_native_loop_work(loop, PRS_FOREVER));
  ASSERT_UINT(2, atomic_load(&loop->failed));
  ASSERT_UINT(4, loop->result);
  ASSERT_UINT(0, atomic_load(&marks[INDICES - 1]));
  prs_native_loop_free(loop);
  prs_native_loop_t *stopped = new_loop(-1);
  prs_native_loop_stop(stopped);
  ASSERT_INT(PRS_OK, prs_native_loop_work(stopped, PRS_FOREVER));
  ASSERT_UINT(0, atomic_load(&marks[INDICES - 1]));
  prs_native_loop_free(stopped);
}

/* A range that 32 bits cannot count is cut into larger units. */
static void sizes_of_loops(void) {
  const int64_t most = (int64_t)1 << 62;
  const int64_t sizes[][3] = {
      {0, 1, 1},    {1, most, 1}, {most, most, 1}, {most, 1, 0},
      {most, 7, 0}, {5, 2, 3},    {most, 3000, 0}, {4294967296, 1, 0}};
  for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    prs_native_loop_t *loop = prs_native_loop_new(64, sizes[i][0], sizes[i][1]);
    uint64_t rest = atomic_load(&loop->shares->each[0].rest);
    int64_t units = (int64_t)(uint32_t)rest;
    ASSERT_INT(0, loop->unit % sizes[i][1]);
    ASSERT(units * (double)loop->unit >= (double)sizes[i][0]);
    ASSERT(units == 0 || (units - 1) * loop->unit < sizes[i][0]);
    ASSERT_UINT(sizes[i][2] == 0 ? 64 : (uint32_t)sizes[i][2], loop->threads);
    prs_native_loop_free(loop);
  }
}

const check_test_t check_tests[] = {TEST(every_argument_arrives),
                                    TEST(memory_is_mapped_or_not),
                                    TEST(places_may_be_of_either_class),
                                    TEST(a_narrow_result_is_widened),
                                    TEST(floats_and_errno_come_back),
                                    TEST(who_lets_go_second_frees),
                                    TEST(behind_the_gate_nothing_is_freed),
                                    TEST(each_index_is_taken_once),
                                    TEST(a_loop_ends_early),
                                    TEST(sizes_of_loops),
                                    END_OF_TESTS};
