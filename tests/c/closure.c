/* The runner of the tests. */
#include "closure.h"

#include <stdlib.h>

typedef struct payload {
  closure_t call;
  void *arg;
} payload_t;

void (*_Atomic closure_slow_start)(void);
void (*_Atomic closure_slow_entry)(void);
_Atomic uint32_t closure_in_door;
_Atomic uint32_t closure_attached;
_Atomic uint32_t closure_left;

static _Thread_local prs_worker_t *my_worker;

static void be_slow(void (*_Atomic *hook)(void)) {
  void (*slow)(void) = atomic_load(hook);
  if (slow != NULL) slow();
}

static void attach(prs_packet_t *packet, prs_worker_t *worker) {
  be_slow(&closure_slow_start);
  if (!prs__gate_enter()) {
    prs__packet_publish(packet, PRS_PARKED);
    prs__thread_strand();
  }
  atomic_fetch_add(&closure_in_door, 1);
  be_slow(&closure_slow_entry);
  worker->attached_by = packet->runner;
  if (worker->attached == NULL) {
    worker->attached = malloc(1);
    ASSERT(worker->attached != NULL);
    atomic_fetch_add(&closure_attached, 1);
  }
  atomic_store(&packet->state, PRS_RUN);
  atomic_fetch_sub(&closure_in_door, 1);
  prs__gate_entered(true);
}

static void leave(prs_worker_t *worker) {
  ASSERT(worker == my_worker);
  free(worker->attached);
  worker->attached = NULL;
  atomic_fetch_add(&closure_left, 1);
}

static void run(prs_packet_t *packet, prs_worker_t *worker) {
  payload_t *payload = packet->payload;
  payload_t mine = *payload;
  packet->payload = NULL;
  free(payload);
  my_worker = worker;
  attach(packet, worker);
  uint64_t began = prs_now();
  mine.call(mine.arg);
  prs__spawn_learn(prs_now() - began);
  if (!prs__worker_keeps(worker)) leave(worker);
}

const prs_runner_t closure_runner = {.run = run, .leave = leave};

prs_packet_t *closure_new(closure_t call, void *arg) {
  prs_packet_t *packet = prs_packet_new(&closure_runner);
  payload_t *payload = malloc(sizeof *payload);
  ASSERT(packet != NULL && payload != NULL);
  *payload = (payload_t){.call = call, .arg = arg};
  packet->payload = payload;
  return packet;
}

void closure_drop(prs_packet_t *packet) {
  free(packet->payload);
  prs_packet_unref(packet);
}

void closure_start(prs_packet_t *packet, prs_spawn_options_t options) {
  int os_error = 0;
  ASSERT_INT(PRS_OK, prs_spawn(packet, &options, &os_error));
}

prs_packet_t *closure_spawn(closure_t call, void *arg) {
  prs_packet_t *packet = closure_new(call, arg);
  closure_start(packet, (prs_spawn_options_t){0});
  return packet;
}

prs_packet_t *closure_spawn_dedicated(closure_t call, void *arg) {
  prs_packet_t *packet = closure_new(call, arg);
  closure_start(packet, (prs_spawn_options_t){.dedicated = true});
  return packet;
}

uint32_t closure_wait(prs_packet_t *packet) {
  int status;
  do {
    status = prs_packet_wait(packet, PRS_FOREVER);
  } while (status == PRS_EINTR);
  ASSERT_INT(PRS_OK, status);
  prs_packet_chain(packet);
  return prs_packet_state(packet);
}

void closure_join(prs_packet_t *packet) {
  ASSERT_UINT(PRS_DONE, closure_wait(packet));
  prs_packet_unref(packet);
}

prs_worker_t *closure_worker(void) { return my_worker; }

/* A worker drops its reference a moment after DONE, and a worker whose idle
 * time is over leaves on its own. Behind a closed gate workers stay. */
void closure_assert_nothing_left(void) {
  ASSERT_SOON(check_statistics().live == 0);
  ASSERT_SOON(check_statistics().packets == 0);
  ASSERT_UINT(0, check_statistics().parkers);
  uint32_t ended = prs_workers_retire();
  if (prs_gate_state() != PRS_GATE_OPEN) {
    ASSERT_UINT(0, ended);
    return;
  }
  ASSERT_UINT(0, check_statistics().idle);
  ASSERT_SOON(atomic_load(&closure_left) == atomic_load(&closure_attached));
}
