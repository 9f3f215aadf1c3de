/* Native calls: C functions on workers, with no GIL and no Python at all.
 *
 * A worker that has run Python may run one, with its thread state parked; the
 * other way round, too. What the function uses is kept alive by the call, and
 * the call by whoever lets go of it last: its owner or its thread. */
#include <stdlib.h>

#include "prs_native.h"

/* ---- one call ------------------------------------------------------------ */

/* The platform leaves what is above a narrow result undefined. */
static uint64_t widened(uint64_t bits, int32_t width) {
  int32_t bytes = width < 0 ? -width : width;
  if (bytes == 0 || bytes >= 8) return bits;
  uint32_t unused = 64u - 8u * (uint32_t)bytes;
  bits <<= unused;
  return width < 0 ? (uint64_t)((int64_t)bits >> unused) : bits >> unused;
}

void prs_native_invoke(prs_native_call_t *call) {
  prs__native_call(call);
  if (call->kind == PRS_NATIVE_WORD)
    call->result = widened(call->result, call->width);
}

bool prs_native_let_go(prs_native_call_t *call) {
  return atomic_exchange(&call->fate, PRS_NATIVE_ABANDONED) == PRS_NATIVE_ENDED;
}

/* A thread that has not begun when the gate is shut is PARKED to all who look,
 * so it must not begin: what it would use may be on its way out. */
static void begin(prs_packet_t *packet) {
  if (!prs__gate_enter()) {
    prs__packet_publish(packet, PRS_PARKED);
    prs__thread_strand();
  }
  atomic_store(&packet->state, PRS_RUN);
  prs__gate_entered(true);
}

/* Behind the gate nobody is left who could free it. */
static void end_abandoned(prs_native_call_t *call) {
  if (!prs__gate_enter()) return;
  call->abandoned(call);
  prs__gate_entered(false);
}

static void run_call(prs_packet_t *packet, prs_worker_t *worker) {
  (void)worker;
  prs_native_call_t *call = packet->payload;
  begin(packet);
  prs_native_invoke(call);
  if (atomic_exchange(&call->fate, PRS_NATIVE_ENDED) == PRS_NATIVE_ABANDONED)
    end_abandoned(call);
}

/* A worker that has something of Python is left by the runner of Python. */
static void leave(prs_worker_t *worker) { (void)worker; }

const prs_runner_t prs_native_runner = {
    .run = run_call, .leave = leave, .outlives = true};

/* ---- loops --------------------------------------------------------------- */

/* The more is left, the larger the block: few blocks, and small ones at the
 * end, so that all threads end at the same time. */
#define SHARES 8

/* Returns: false when no block is left. */
static bool take_block(prs_native_loop_t *loop, int64_t *first, int64_t *last) {
  int64_t next = atomic_load(&loop->next);
  int64_t size;
  do {
    int64_t left = loop->count - next;
    if (left <= 0 || atomic_load(&loop->stopped) != 0) return false;
    size = left / ((int64_t)loop->threads * SHARES);
    if (size < loop->grain) size = loop->grain;
    if (size > left) size = left;
  } while (!atomic_compare_exchange_weak(&loop->next, &next, next + size));
  *first = next;
  *last = next + size;
  return true;
}

static bool is_failure(const prs_native_loop_t *loop, uint64_t result) {
  if (loop->check == PRS_CHECK_NONZERO) return result != 0;
  return loop->check == PRS_CHECK_NEGATIVE && (int64_t)result < 0;
}

/* The first failure is the one that is told. */
static void note_failure(prs_native_loop_t *loop,
                         const prs_native_call_t *call) {
  uint32_t none = 0;
  if (!atomic_compare_exchange_strong(&loop->failed, &none, 1)) return;
  loop->result = call->result;
  loop->error = call->error;
  atomic_store(&loop->failed, 2);
  prs_native_loop_stop(loop);
}

int prs_native_loop_work(prs_native_loop_t *loop, uint64_t timeout) {
  uint64_t began = timeout == PRS_FOREVER ? 0 : prs_now();
  prs_native_call_t call = loop->call;
  int64_t first;
  int64_t last;
  while (take_block(loop, &first, &last)) {
    call.slots[0] = (uint64_t)first;
    call.slots[1] = (uint64_t)last;
    prs_native_invoke(&call);
    if (is_failure(loop, call.result)) note_failure(loop, &call);
    if (timeout != PRS_FOREVER && prs_now() - began >= timeout)
      return PRS_ETIMEDOUT;
  }
  return PRS_OK;
}

void prs_native_loop_stop(prs_native_loop_t *loop) {
  atomic_store(&loop->stopped, 1);
}

void prs_native_loop_unref(prs_native_loop_t *loop) {
  if (atomic_fetch_sub(&loop->refs, 1) == 1) free(loop);
}

static void run_loop(prs_packet_t *packet, prs_worker_t *worker) {
  (void)worker;
  prs_native_loop_t *loop = packet->payload;
  begin(packet);
  (void)prs_native_loop_work(loop, PRS_FOREVER);
  prs_native_loop_unref(loop);
}

const prs_runner_t prs_native_loop_runner = {
    .run = run_loop, .leave = leave, .outlives = true};
