/* Worker: an OS thread that runs closures, one after the other.
 *
 * README.md beside this file tells its life and the races considered. */
#include <stdlib.h>
#include <string.h>

#include "prs_core.h"

enum { WAITING = 0, ASLEEP = 1, WORK = 2, RETIRE = 3 };

static prs_lock_t lists_lock;        /* of the idle and the leaving */
static prs_worker_t *idle_list;      /* parked workers, last parked first */
static _Atomic uint32_t idle_places; /* taken, by the parked and the coming */
static _Atomic uint32_t idle_most = 32;
static _Atomic uint64_t idle_time = 10ull * 1000 * 1000 * 1000;
static prs_patience_t idle_patience = {.score = 1};

uint64_t prs__worker_idle_count(void) { return atomic_load(&idle_places); }

void prs_workers_configure(uint64_t idle_nanoseconds, uint32_t most_idle) {
  atomic_store(&idle_time, idle_nanoseconds);
  atomic_store(&idle_most, most_idle);
}

/* ---- the idle list ------------------------------------------------------- */

static prs_worker_t *idle_pop(void) {
  /* A look without the lock: a burst of spawns need not queue for nothing. */
  if (atomic_load_explicit(&idle_places, memory_order_relaxed) == 0)
    return NULL;
  prs__lock(&lists_lock);
  prs_worker_t *worker = idle_list;
  if (worker != NULL) {
    idle_list = worker->next;
    atomic_fetch_sub(&idle_places, 1);
  }
  prs__unlock(&lists_lock);
  return worker;
}

static void idle_push(prs_worker_t *worker) {
  prs__lock(&lists_lock);
  worker->next = idle_list;
  idle_list = worker;
  prs__unlock(&lists_lock);
}

/* Returns: false when it is not listed: somebody is about to signal it. */
static bool idle_remove(prs_worker_t *worker) {
  prs__lock(&lists_lock);
  prs_worker_t **link = &idle_list;
  while (*link != NULL && *link != worker) link = &(*link)->next;
  bool found = *link == worker;
  if (found) {
    *link = worker->next;
    atomic_fetch_sub(&idle_places, 1);
  }
  prs__unlock(&lists_lock);
  return found;
}

bool prs__worker_keeps(prs_worker_t *worker) {
  if (worker->fresh || worker->generation != prs_fork_generation())
    return false;
  /* The runner acts on the answer: it must not change when a place is free. */
  if (worker->asked) return worker->keeps;
  worker->asked = true;
  uint32_t taken = atomic_load(&idle_places);
  while (taken < atomic_load(&idle_most))
    if (atomic_compare_exchange_weak(&idle_places, &taken, taken + 1))
      return worker->keeps = true;
  return false;
}

/* ---- stepping back ------------------------------------------------------- */

/* A spawner that keeps the GIL piles up threads that all wait for it. It steps
 * back for those it has started, as long as they are short. */
static prs_patience_t closure_patience = {.score = 1};
static _Atomic uint32_t ended; /* closures, modulo 2^32 */
static _Atomic uint32_t end_waiters;
/* The CPU of the worker that was signalled last. */
static _Atomic uint32_t started_on = PRS_CPU_UNKNOWN;
#define STEP_BACK_NS 100000u

static void count_end(void) {
  atomic_fetch_add(&ended, 1);
  if (atomic_load(&end_waiters) > 0) prs__wake_all(&ended);
}

bool prs_spawn_is_ahead(uint32_t *seen) {
  /* Read before the look: what is starting now ends after this number. */
  *seen = atomic_load(&ended);
  return prs__gate_starting() > 0 && prs__patience_spins(&closure_patience);
}

void prs_spawn_step_back(uint32_t seen) {
  atomic_fetch_add(&prs__bystanders, 1);
  prs_watch_t watch = {
      .word = &ended, .unwanted = seen, .other_cpu = atomic_load(&started_on)};
  if (!prs__patience_spin(watch, PRS_SPIN_NS)) {
    atomic_fetch_add(&end_waiters, 1);
    (void)prs__wait(&ended, seen, STEP_BACK_NS);
    atomic_fetch_sub(&end_waiters, 1);
  }
  if (atomic_load(&ended) == seen) prs__patience_lose(&closure_patience);
  atomic_fetch_sub(&prs__bystanders, 1);
  prs__hold();
}

void prs__spawn_learn(uint64_t ran) {
  prs__patience_learn(&closure_patience, ran);
}

/* ---- the worker's own thread --------------------------------------------- */

static void signal_worker(prs_worker_t *worker, uint32_t what) {
  if (atomic_exchange(&worker->signal, what) == ASLEEP)
    prs__wake_one(&worker->signal);
}

/* Sleep until told. Returns: WORK or RETIRE. */
static uint32_t sleep_for_signal(prs_worker_t *worker) {
  uint32_t seen = WAITING;
  if (!atomic_compare_exchange_strong(&worker->signal, &seen, ASLEEP))
    return seen;
  uint64_t began = prs_now();
  uint64_t longest = atomic_load(&idle_time);
  for (;;) {
    uint64_t spent = prs_now() - began;
    if (spent >= longest && idle_remove(worker)) return RETIRE;
    (void)prs__wait(&worker->signal, ASLEEP,
                    spent >= longest ? PRS_FOREVER : longest - spent);
    uint32_t told = atomic_load(&worker->signal);
    if (told != ASLEEP) return told;
  }
}

static uint32_t next_signal(prs_worker_t *worker, uint32_t spawner_cpu) {
  uint64_t began = prs_now();
  bool spins = prs__patience_spins(&idle_patience);
  prs_watch_t watch = {
      .word = &worker->signal, .unwanted = WAITING, .other_cpu = spawner_cpu};
  if (spins) (void)prs__patience_spin(watch, PRS_SPIN_NS);
  uint32_t told = sleep_for_signal(worker);
  prs__patience_learn(&idle_patience, prs_now() - began);
  return told;
}

static void remember_name(prs_worker_t *worker) {
  worker->has_name =
      prs_thread_get_name(worker->name, sizeof worker->name) == PRS_OK;
}

/* The closure may have renamed the thread behind our back, so this is done
 * each time; the joiner does not wait for it. */
static void restore_name(const prs_worker_t *worker) {
  if (worker->has_name)
    (void)prs_thread_set_name(worker->name, strlen(worker->name));
}

/* A thread that ends by itself cannot be waited for by those who join its
 * closure, and a fork just then would see a thread too many. So who leaves
 * stays joinable, in a list that it enters before its joiner can see DONE. A
 * fork waits for all of them. Others that leave join those that are gone, and
 * wait for nobody: threads that end one after the other pile up as soon as the
 * machine is busy, until the OS has no room for one more. */
static prs_worker_t *leaving_list;
static prs_worker_t **leaving_end = &leaving_list;
#define LEAVING_LOOKS 4u /* at threads that are still on their way */

/* Call it with the lock. */
static void leaving_push(prs_worker_t *worker) {
  worker->next = NULL;
  *leaving_end = worker;
  leaving_end = &worker->next;
}

/* Call it with the lock. Returns: NULL when nobody leaves. */
static prs_worker_t *leaving_pop(void) {
  prs_worker_t *worker = leaving_list;
  if (worker == NULL) return NULL;
  leaving_list = worker->next;
  if (leaving_list == NULL) leaving_end = &leaving_list;
  return worker;
}

static void announce_leaving(prs_worker_t *worker) {
  prs__lock(&lists_lock);
  leaving_push(worker);
  prs__unlock(&lists_lock);
}

/* Join the thread of a worker that is in no list any more. */
static void join_and_free(prs_worker_t *worker) {
  prs__thread_join(worker->thread);
  free(worker);
}

/* Who is still on its way goes to the end of the list: others are looked at
 * the next time. The lock is kept, for a fork must not miss one of them. */
static void join_the_gone(void) {
  prs__lock(&lists_lock);
  uint32_t looks = 0;
  while (looks < LEAVING_LOOKS) {
    prs_worker_t *worker = leaving_pop();
    if (worker == NULL) break;
    if (atomic_load(&worker->ends) && prs__thread_try_join(worker->thread)) {
      free(worker);
    } else {
      leaving_push(worker);
      looks++;
    }
  }
  prs__unlock(&lists_lock);
}

static void join_all_that_leave(void) {
  prs__lock(&lists_lock);
  prs_worker_t *worker = leaving_list;
  leaving_list = NULL;
  leaving_end = &leaving_list;
  prs__unlock(&lists_lock);
  while (worker != NULL) {
    prs_worker_t *next = worker->next;
    join_and_free(worker);
    worker = next;
  }
}

/* Run one closure. The runner ends with nothing of it left on this thread; a
 * worker that stays is on the idle list before the joiner can see DONE, so
 * that a spawn after a join finds it. */
static bool run_packet(prs_worker_t *worker, uint32_t *spawner_cpu) {
  prs_packet_t *packet = worker->packet;
  *spawner_cpu = atomic_load(&packet->spawner_cpu);
  atomic_store(&packet->thread_cpu, prs__cpu());
  if (packet->name != NULL)
    (void)prs_thread_set_name(packet->name, strlen(packet->name));
  prs__packet_set_current(packet);
  packet->runner->run(packet, worker);
  prs__packet_ring(packet, worker);
  prs__packet_set_current(NULL);
  bool stays = prs__worker_keeps(worker);
  if (!stays && worker->attached != NULL) worker->attached_by->leave(worker);
  worker->packet = NULL;
  worker->asked = worker->keeps = false;
  atomic_store(&worker->cpu, prs__cpu());
  atomic_store(&worker->signal, WAITING);
  if (stays)
    idle_push(worker);
  else
    announce_leaving(worker);
  atomic_fetch_add(&prs__counters.ending, 1);
  prs__gate_live(-1);
  count_end();
  prs__packet_publish(packet, PRS_DONE);
  atomic_fetch_sub(&prs__counters.ending, 1);
  prs_packet_unref(packet);
  return stays;
}

static void worker_body(void *arg) {
  prs_worker_t *worker = arg;
  worker->thread = prs__thread_self();
  remember_name(worker);
  uint32_t told = WORK;
  uint32_t spawner_cpu;
  while (run_packet(worker, &spawner_cpu)) {
    restore_name(worker);
    told = next_signal(worker, spawner_cpu);
    if (told == RETIRE) break;
  }
  if (worker->attached != NULL) worker->attached_by->leave(worker);
  bool joined = told == RETIRE && atomic_load(&worker->signal) == RETIRE;
  if (told == RETIRE && !joined) announce_leaving(worker);
  join_the_gone();
  atomic_store(&worker->ends, true); /* from here on it may be freed */
}

/* CPython ended this thread while it asked for the GIL. Locks may be held by
 * others for ever, so only atomics and wake-ups are used. */
static void worker_killed(void *arg) {
  prs_worker_t *worker = arg;
  if (worker->packet != NULL) prs__packet_publish(worker->packet, PRS_KILLED);
}

/* ---- spawn and retire ---------------------------------------------------- */

static int start_worker(prs_packet_t *packet,
                        const prs_spawn_options_t *options, int *os_error) {
  prs_worker_t *worker = calloc(1, sizeof *worker);
  if (worker == NULL) return PRS_ENOMEM;
  worker->packet = packet;
  worker->generation = prs_fork_generation();
  worker->fresh = options->dedicated || options->stack_size != 0;
  prs_os_start_t start = {.body = worker_body,
                          .killed = worker_killed,
                          .arg = worker,
                          .stack_size = options->stack_size};
  prs_os_thread_t thread;
  int status = prs__thread_create(&thread, &start, os_error);
  if (status != PRS_OK) {
    free(worker);
    return status;
  }
  atomic_fetch_add(&prs__counters.created, 1);
  return PRS_OK;
}

int prs_spawn(prs_packet_t *packet, const prs_spawn_options_t *options,
              int *os_error) {
  if (!prs__gate_start()) return PRS_ECLOSED;
  prs_packet_ref(packet);
  atomic_store(&packet->spawned, true);
  prs__gate_live(1);
  atomic_store(&packet->spawner_cpu, prs__cpu());
  prs_worker_t *worker = NULL;
  if (!options->dedicated && options->stack_size == 0) worker = idle_pop();
  if (worker != NULL) {
    worker->packet = packet;
    atomic_store(&packet->thread_cpu, atomic_load(&worker->cpu));
    atomic_store(&started_on, atomic_load(&worker->cpu));
    signal_worker(worker, WORK);
    atomic_fetch_add(&prs__counters.reused, 1);
  } else {
    int status = start_worker(packet, options, os_error);
    if (status != PRS_OK) {
      prs__gate_live(-1);
      atomic_store(&packet->spawned, false);
      prs_packet_unref(packet);
      prs__gate_start_undo();
      return status;
    }
  }
  atomic_fetch_add(&prs__counters.spawned, 1);
  return PRS_OK;
}

/* ---- retire -------------------------------------------------------------- */

uint32_t prs_workers_retire(void) {
  uint32_t ended = 0;
  /* Behind a closed gate a worker can no longer free what it keeps of Python:
   * it stays where it is, and waiting for it would never end. */
  if (prs_gate_state() != PRS_GATE_OPEN) return 0;
  for (prs_worker_t *worker; (worker = idle_pop()) != NULL; ended++) {
    signal_worker(worker, RETIRE);
    join_and_free(worker);
  }
  join_all_that_leave();
  prs__hold();
  return ended;
}

/* ---- fork ---------------------------------------------------------------- */

static void before_fork(void) { prs__lock(&lists_lock); }

static void in_parent(void) { prs__unlock(&lists_lock); }

/* The parked workers are threads of the parent: forget them. The closure that
 * forked, if one did, now belongs to this process. */
static void in_child(void) {
  atomic_store(&lists_lock.word, 0);
  idle_list = NULL;
  leaving_list = NULL;
  leaving_end = &leaving_list;
  atomic_store(&idle_places, 0);
  atomic_store(&end_waiters, 0);
  if (prs_packet_current() != NULL)
    prs_packet_current()->generation = prs_fork_generation();
}

static prs_fork_part_t worker_part = {
    .prepare = before_fork, .parent = in_parent, .child = in_child};

void prs__worker_init(void) { prs__fork_add(&worker_part); }
