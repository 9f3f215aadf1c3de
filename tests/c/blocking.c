/* What the types of csrc/python do around core/sync, for threads of C. */
#include "blocking.h"

prs_sync_os_t blocking_os = {.wait = prs__wait,
                             .wake_one = prs__wake_one,
                             .now = prs_now,
                             .yield = prs_yield,
                             .spin = prs_wait_spin,
                             .spin_learn = prs_wait_learn,
                             .detached = &prs__detached};

void blocking_init(void) {
  blocking_os.generation = prs__fork_generation_word();
  prs__os = &blocking_os;
}

void blocking_fork(void) { atomic_fetch_add(prs__fork_generation_word(), 1); }

/* ---- one blocking call --------------------------------------------------- */

int blocking_wait(prs_waiter_t *waiter, uint64_t timeout) {
  int status;
  do {
    status = prs_waiter_wait(waiter, timeout);
  } while (status == PRS_EINTR && timeout == PRS_FOREVER);
  if (status == PRS_OK || !prs_waiter_cancel(waiter)) return PRS_OK;
  return status;
}

uint32_t blocking_passing;

static prs_waiter_t *waiter_of_call(void) {
  static _Thread_local uint32_t calls;
  prs_waiter_t *waiter = prs_waiter_new(1);
  ASSERT(waiter != NULL);
  waiter->passes_on = calls++ % 4 < blocking_passing;
  return waiter;
}

static void arrive(prs_channel_t *channel, prs_waiter_t *waiter,
                   enum prs_direction direction) {
  prs_wakes_t wakes = {0};
  prs_channel_arrive(channel, waiter, direction, &wakes);
  prs_wakes_send(&wakes);
}

/* Returns: why the node was claimed, or BLOCKING_TIMED_OUT. */
static int end_of_wait(prs_channel_t *channel, prs_waiter_t *waiter,
                       uint64_t timeout) {
  prs_node_t *node = &waiter->nodes[0];
  if (blocking_wait(waiter, timeout) != PRS_OK) {
    prs_channel_leave(channel, node);
    return BLOCKING_TIMED_OUT;
  }
  ASSERT_UINT(0, waiter->chosen);
  if (node->status == PRS_CHANNEL_DISCONNECTED) {
    prs_wakes_t wakes = {0};
    prs_channel_chain(channel, &wakes);
    prs_wakes_send(&wakes);
  }
  return node->status;
}

int blocking_send(prs_channel_t *channel, void *item, uint64_t timeout) {
  prs_wakes_t wakes = {0};
  prs_waiter_t *waiter = waiter_of_call();
  int status = prs_channel_send(channel, item, &waiter->nodes[0], &wakes);
  prs_wakes_send(&wakes);
  if (status == PRS_CHANNEL_QUEUED)
    status = end_of_wait(channel, waiter, timeout);
  arrive(channel, waiter, PRS_SENDS);
  prs_waiter_free(waiter);
  return status;
}

int blocking_recv(prs_channel_t *channel, void **item, uint64_t timeout) {
  prs_wakes_t wakes = {0};
  prs_waiter_t *waiter = waiter_of_call();
  int status = prs_channel_recv(channel, item, &waiter->nodes[0], &wakes);
  prs_wakes_send(&wakes);
  while (status == PRS_CHANNEL_QUEUED) {
    status = end_of_wait(channel, waiter, timeout);
    if (status == PRS_CHANNEL_DONE) *item = waiter->nodes[0].item;
    if (status != PRS_CHANNEL_READY) break;
    status = prs_channel_recv_again(channel, item, &waiter->nodes[0], &wakes);
    prs_wakes_send(&wakes);
  }
  arrive(channel, waiter, PRS_RECEIVES);
  prs_waiter_free(waiter);
  return status;
}

/* ---- calls that do not block --------------------------------------------- */

int blocking_try_send(prs_channel_t *channel, void *item) {
  prs_wakes_t wakes = {0};
  int status = prs_channel_send(channel, item, NULL, &wakes);
  prs_wakes_send(&wakes);
  return status;
}

int blocking_try_recv(prs_channel_t *channel, void **item) {
  prs_wakes_t wakes = {0};
  int status = prs_channel_recv(channel, item, NULL, &wakes);
  prs_wakes_send(&wakes);
  return status;
}

bool blocking_unrecv(prs_channel_t *channel, void *item) {
  prs_wakes_t wakes = {0};
  bool kept = prs_channel_unrecv(channel, item, &wakes);
  prs_wakes_send(&wakes);
  return kept;
}

void blocking_drop_sender(prs_channel_t *channel) {
  prs_wakes_t wakes = {0};
  prs_channel_drop_sender(channel, &wakes);
  prs_wakes_send(&wakes);
}

void blocking_drop_receiver(prs_channel_t *channel, void (*lost)(void *item)) {
  prs_wakes_t wakes = {0};
  prs_channel_drop_receiver(channel, &wakes);
  prs_wakes_send(&wakes);
  void *item;
  while ((item = prs_channel_drain(channel)) != NULL)
    if (lost != NULL) lost(item);
}

/* ---- numbers ------------------------------------------------------------- */

/* Marsaglia's xorshift32. */
uint32_t blocking_random(uint32_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return *seed;
}
