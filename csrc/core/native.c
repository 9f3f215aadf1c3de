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

/* A block is to take so long: a call and a look at the clock are nothing beside
 * it, and Ctrl-C and thieves have not long to wait. */
#define BLOCK_NS 50000u

prs_native_loop_t *prs_native_loop_new(uint32_t threads, int64_t count,
                                       int64_t grain) {
  int64_t units = count / grain + (count % grain != 0);
  prs_native_loop_t *loop = calloc(1, sizeof *loop);
  if (loop == NULL) return NULL;
  int64_t merged = units / PRS_SHARES_MOST + 1;
  loop->count = count;
  loop->unit = grain * merged;
  units = units / merged + (units % merged != 0);
  loop->threads = (int64_t)threads < units ? threads : (uint32_t)units;
  if (loop->threads == 0) loop->threads = 1;
  loop->shares = prs_shares_new(loop->threads, (uint32_t)units);
  if (loop->shares != NULL) return loop;
  free(loop);
  return NULL;
}

void prs_native_loop_free(prs_native_loop_t *loop) {
  prs_shares_free(loop->shares);
  free(loop);
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

/* Twice as much, or half, until a block takes as long as it should. */
static uint32_t learned(uint32_t wanted, uint32_t units, uint64_t spent) {
  if (spent > 2 * BLOCK_NS) return wanted > 1 ? wanted / 2 : 1;
  bool is_quick = spent < BLOCK_NS / 2 && units == wanted;
  return is_quick && wanted <= UINT32_MAX / 2 ? wanted * 2 : wanted;
}

static void run_block(prs_native_loop_t *loop, prs_native_call_t *call,
                      uint32_t begin, uint32_t end) {
  int64_t last = end * loop->unit;
  call->slots[0] = (uint64_t)(begin * loop->unit);
  call->slots[1] = (uint64_t)(last < loop->count ? last : loop->count);
  prs_native_invoke(call);
  if (is_failure(loop, call->result)) note_failure(loop, call);
}

int prs_native_loop_work(prs_native_loop_t *loop, uint64_t timeout) {
  prs_share_t *share = prs_shares_enter(loop->shares);
  if (share == NULL) return PRS_OK;
  prs_native_call_t call = loop->call;
  uint64_t first = prs_now();
  uint64_t now = first;
  uint32_t wanted = 1;
  uint32_t begin;
  uint32_t end;
  int status = PRS_OK;
  while (status == PRS_OK &&
         prs_shares_take(loop->shares, share, wanted, &begin, &end)) {
    uint64_t began = now;
    run_block(loop, &call, begin, end);
    now = prs_now();
    wanted = learned(wanted, end - begin, now - began);
    if (timeout != PRS_FOREVER && now - first >= timeout)
      status = PRS_ETIMEDOUT;
  }
  prs_shares_leave(share);
  return status;
}

bool prs_native_loop_has_rest(prs_native_loop_t *loop) {
  return prs_shares_has_rest(loop->shares);
}

void prs_native_loop_stop(prs_native_loop_t *loop) {
  prs_shares_stop(loop->shares);
}
