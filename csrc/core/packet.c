/* Packet: what a thread and those who join it share. */
#include <stdlib.h>
#include <string.h>

#include "prs_core.h"

/* The state's word also counts the interrupts: a joiner that looked at `ends`
 * before the interrupt finds another word than it has read, and does not fall
 * asleep. The count may wrap around, or be lost with the next state. */
#define STATE_MASK 0xFFu
#define ONE_INTERRUPT 0x100u

static prs_patience_t join_patience = {.score = 1};
static _Thread_local prs_packet_t *current;

prs_packet_t *prs_packet_new(const prs_runner_t *runner) {
  prs_packet_t *packet = calloc(1, sizeof *packet);
  if (packet == NULL) return NULL;
  atomic_init(&packet->refs, 1);
  atomic_init(&packet->thread_cpu, PRS_CPU_UNKNOWN);
  packet->generation = prs_fork_generation();
  packet->runner = runner;
  atomic_fetch_add(&prs__counters.packets, 1);
  return packet;
}

void prs_packet_ref(prs_packet_t *packet) {
  atomic_fetch_add(&packet->refs, 1);
}

void prs_packet_unref(prs_packet_t *packet) {
  if (atomic_fetch_sub(&packet->refs, 1) != 1) return;
  atomic_fetch_sub(&prs__counters.packets, 1);
  free(packet->name);
  free(packet);
}

/* Cut before the first byte that does not fit; a byte 10xxxxxx continues a
 * character, so the cut moves back to the character's start. */
size_t prs__name_cut(const char *utf8, size_t length, size_t limit) {
  if (length <= limit) return length;
  while (limit > 0 && ((unsigned char)utf8[limit] & 0xC0) == 0x80) limit--;
  return limit;
}

int prs_packet_set_name(prs_packet_t *packet, const char *utf8, size_t length) {
  length = prs__name_cut(utf8, length, PRS_NAME_LIMIT);
  char *copy = malloc(length + 1);
  if (copy == NULL) return PRS_ENOMEM;
  memcpy(copy, utf8, length);
  copy[length] = '\0';
  free(packet->name);
  packet->name = copy;
  return PRS_OK;
}

prs_packet_t *prs_packet_current(void) { return current; }

void prs__packet_set_current(prs_packet_t *packet) { current = packet; }

static uint32_t stored_state(prs_packet_t *packet) {
  return atomic_load(&packet->state) & STATE_MASK;
}

uint32_t prs_packet_state(prs_packet_t *packet) {
  uint32_t state = stored_state(packet);
  if (state >= PRS_DONE) return state;
  if (packet->generation != prs_fork_generation()) return PRS_FORKED;
  /* A thread that has not entered when the gate is sealed never will: who was
   * in the door when it was shut has stored RUN before. The state is read
   * again, for that may have been between the two looks. */
  if (prs__gate_is_sealed()) {
    state = stored_state(packet);
    if (state == PRS_NEW) return PRS_PARKED;
    /* Only the finalizing thread still runs Python: nothing will end this. */
    if (state == PRS_RUN && !packet->runner->outlives &&
        prs__interpreter != NULL && prs__interpreter->finalizing())
      return PRS_KILLED;
  }
  return state;
}

/* Stands in the place of a bell when none will be rung any more. */
static char no_bell;

bool prs_packet_set_bell(prs_packet_t *packet, void *bell) {
  void *none = NULL;
  return atomic_compare_exchange_strong(&packet->bell, &none, bell);
}

void *prs__packet_take_bell(prs_packet_t *packet) {
  if (atomic_load(&packet->bell) == &no_bell) return NULL;
  void *bell = atomic_exchange(&packet->bell, &no_bell);
  return bell == &no_bell ? NULL : bell;
}

void prs__packet_ring(prs_packet_t *packet, prs_worker_t *worker) {
  void *bell = prs__packet_take_bell(packet);
  if (bell != NULL) prs__interpreter->ring(worker, bell);
}

bool prs_packet_was_spawned(prs_packet_t *packet) {
  return atomic_load(&packet->spawned);
}

static bool is_set(const _Atomic uint32_t *ends) {
  return ends != NULL && atomic_load(ends) != 0;
}

/* Sleep until the state is final. The joiner counts itself, then looks at the
 * state; the thread publishes the state, then looks at the count. Both are
 * seq_cst, so one of the two sees the other. `ends` and the count of interrupts
 * are read and written in the same way. */
static int sleep_for_final(prs_packet_t *packet, uint64_t began,
                           uint64_t timeout, const _Atomic uint32_t *ends) {
  int status = PRS_OK;
  atomic_fetch_add(&packet->waiters, 1);
  while (status == PRS_OK) {
    uint32_t raw = atomic_load(&packet->state);
    if (prs_packet_state(packet) >= PRS_DONE) break;
    if (is_set(ends)) {
      status = PRS_EINTR;
      break;
    }
    uint64_t spent = prs_now() - began;
    if (timeout != PRS_FOREVER && spent >= timeout) {
      status = PRS_ETIMEDOUT;
      break;
    }
    uint64_t left = timeout == PRS_FOREVER ? PRS_FOREVER : timeout - spent;
    status = prs__wait(&packet->state, raw, left);
    if (status == PRS_ETIMEDOUT) status = PRS_OK; /* the clock decides */
  }
  atomic_fetch_sub(&packet->waiters, 1);
  return status;
}

/* Spin through NEW and RUN. Returns: true when the state is final. */
static bool spin_for_final(prs_packet_t *packet) {
  prs_watch_t watch = {.word = &packet->state,
                       .unwanted = PRS_NEW,
                       .other_cpu = atomic_load(&packet->thread_cpu)};
  if (!prs__patience_spin(watch, PRS_SPIN_NS)) return false;
  watch.unwanted = PRS_RUN;
  watch.other_cpu = atomic_load(&packet->thread_cpu);
  return prs__patience_spin(watch, PRS_SPIN_NS);
}

int prs_packet_wait_or(prs_packet_t *packet, uint64_t timeout,
                       const _Atomic uint32_t *ends) {
  if (packet == current) return PRS_EDEADLK;
  if (prs_packet_state(packet) >= PRS_DONE) return PRS_OK;
  if (timeout == 0) return PRS_ETIMEDOUT;
  uint64_t began = prs_now();
  int status = PRS_OK;
  bool spins = timeout > 2 * PRS_SPIN_NS && prs__patience_spins(&join_patience);
  atomic_fetch_add(&prs__bystanders, 1);
  if (!spins || !spin_for_final(packet) ||
      prs_packet_state(packet) < PRS_DONE) /* an interrupt */
    status = sleep_for_final(packet, began, timeout, ends);
  atomic_fetch_sub(&prs__bystanders, 1);
  prs__patience_learn(&join_patience, prs_now() - began);
  prs__hold();
  return status;
}

int prs_packet_wait(prs_packet_t *packet, uint64_t timeout) {
  return prs_packet_wait_or(packet, timeout, NULL);
}

void prs_packet_interrupt(prs_packet_t *packet) {
  atomic_fetch_add(&packet->state, ONE_INTERRUPT);
  if (atomic_load(&packet->waiters) > 0) prs__wake_all(&packet->state);
}

void prs_packet_chain(prs_packet_t *packet) {
  if (atomic_load(&packet->waiters) > 0) prs__wake_one(&packet->state);
}

void prs__packet_publish(prs_packet_t *packet, uint32_t state) {
  atomic_store(&packet->state, state);
  if (atomic_load(&packet->waiters) > 0) prs__wake_one(&packet->state);
}
