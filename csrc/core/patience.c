/* Patience: whether a waiter spins before it sleeps.
 *
 * Waking a thread that sleeps on another CPU costs 5 us on some machines and
 * 20 us on a virtual one whose CPUs are idle; what it waits for often takes 3.
 * A waiter therefore spins if the last waits of its kind were short, and goes
 * to sleep at once when they were not, so a busy machine pays for a few wrong
 * guesses and no more. README.md has the figures. */
#include "pause.h"
#include "prs_core.h"

#define PRS_SHORT_NS 100000u /* a wait that would have been a good spin */
#define PRS_SCORE_MOST 4
#define PRS_PAUSES_PER_LOOK 16
#define PRS_YIELDS 3
#define PRS_WAITS_AFTER_A_VAIN_SPIN 16
#define PRS_BUSY_MOST 1000
#define PRS_SLICE_NS 500000u /* a thread of this package is never so long */
#define PRS_PAUSES_PER_YIELD 64

/* Threads spin on the second while others write the rest: lines of their own
 * keep them out of each other's caches. */
#define PRS_CACHE_LINE 64
_Atomic uint32_t prs__bystanders;
_Alignas(PRS_CACHE_LINE) _Atomic uint32_t prs__detached;

/* One for each CPU but one: who is waited for needs a CPU, too. */
static _Alignas(PRS_CACHE_LINE) _Atomic int32_t seats;
static _Alignas(PRS_CACHE_LINE) prs_patience_t wait_patience = {.score = 1};
static _Alignas(PRS_CACHE_LINE) prs_patience_t turn_patience = {.score = 1};

static bool several_cpus;

void prs__patience_init(void) {
  uint32_t cpus = 1;
  (void)prs_parallelism(&cpus);
  several_cpus = cpus > 1;
  atomic_store(&seats, cpus > 1 ? (int32_t)cpus - 1 : 0);
}

bool prs__patience_spins(prs_patience_t *patience) {
  return atomic_load_explicit(&patience->score, memory_order_relaxed) > 0;
}

/* The score is a guess about the future: a lost update costs one guess, so
 * relaxed loads and stores are enough. */
void prs__patience_learn(prs_patience_t *patience, uint64_t waited) {
  int32_t score = atomic_load_explicit(&patience->score, memory_order_relaxed);
  if (waited <= PRS_SHORT_NS)
    score = score < PRS_SCORE_MOST ? score + 1 : score;
  else
    score = score > -PRS_SCORE_MOST ? score - 1 : score;
  atomic_store_explicit(&patience->score, score, memory_order_relaxed);
}

void prs__patience_lose(prs_patience_t *patience) {
  atomic_store_explicit(&patience->score, -PRS_SCORE_MOST,
                        memory_order_relaxed);
}

/* Spinning on the CPU that the other thread was last seen on keeps it from
 * running. */
static bool elsewhere(uint32_t other_cpu) {
  return several_cpus &&
         (other_cpu == PRS_CPU_UNKNOWN || other_cpu != prs__cpu());
}

bool prs__patience_spin(prs_watch_t watch, uint64_t longest) {
  uint64_t began = prs_now();
  do {
    for (int i = 0; i < PRS_PAUSES_PER_LOOK; i++) {
      if (atomic_load(watch.word) != watch.unwanted) return true;
      PRS_PAUSE();
    }
    if (!elsewhere(watch.other_cpu)) return false;
  } while (prs_now() - began < longest);
  return false;
}

/* Giving the CPU away wins when nobody else wants it, and loses a whole time
 * slice to every busy stranger: a few times and no more. */
bool prs__patience_defer(prs_watch_t watch, uint64_t longest) {
  if (elsewhere(watch.other_cpu)) return prs__patience_spin(watch, longest);
  for (int i = 0; i < PRS_YIELDS; i++) {
    if (atomic_load(watch.word) != watch.unwanted) return true;
    prs_yield();
  }
  return atomic_load(watch.word) != watch.unwanted;
}

/* ---- waits of core/sync -------------------------------------------------- */

static bool take_seat(void) {
  if (atomic_fetch_sub(&seats, 1) > 0) return true;
  atomic_fetch_add(&seats, 1);
  return false;
}

static void leave_seat(void) { atomic_fetch_add(&seats, 1); }

/* How a spin went. */
enum outcome {
  IN_TIME,
  IN_VAIN,   /* it costs more than the wait that it was to shorten */
  CPU_TAKEN, /* by a stranger, who kept it for a time slice */
};

/* Who is waited for may want this very CPU: let it in now and then. */
static enum outcome spin_and_yield(_Atomic uint32_t *word, uint32_t unwanted,
                                   uint64_t longest) {
  uint64_t began = prs_now();
  uint64_t now = began;
  do {
    for (int i = 0; i < PRS_PAUSES_PER_YIELD; i++) {
      if (atomic_load(word) != unwanted) return IN_TIME;
      PRS_PAUSE();
    }
    prs_yield();
    uint64_t before = now;
    now = prs_now();
    if (now - before > PRS_SLICE_NS) return CPU_TAKEN;
  } while (now - began < longest);
  return atomic_load(word) != unwanted ? IN_TIME : IN_VAIN;
}

static void set_score(prs_patience_t *patience, int32_t score) {
  atomic_store_explicit(&patience->score, score, memory_order_relaxed);
}

/* One short wait more. */
static void gain_patience(prs_patience_t *patience) {
  int32_t score = atomic_load_explicit(&patience->score, memory_order_relaxed);
  if (score < PRS_SCORE_MOST) set_score(patience, score + 1);
}

/* After a spin that did not pay, many short waits must come before the next;
 * on a machine that stays busy, more and more. */
static void learn_of_spin(prs_patience_t *patience, enum outcome outcome) {
  if (outcome == IN_TIME) gain_patience(patience);
  if (outcome == IN_VAIN) set_score(patience, -PRS_WAITS_AFTER_A_VAIN_SPIN);
  int32_t busy = atomic_load_explicit(&patience->busy, memory_order_relaxed);
  int32_t next = busy / 2;
  if (outcome == CPU_TAKEN) {
    next = busy < PRS_BUSY_MOST ? 4 * busy + PRS_WAITS_AFTER_A_VAIN_SPIN : busy;
    set_score(patience, -next);
  }
  if (next != busy)
    atomic_store_explicit(&patience->busy, next, memory_order_relaxed);
}

static bool spin_if_it_pays(prs_patience_t *patience, _Atomic uint32_t *word,
                            uint32_t unwanted) {
  if (atomic_load(word) != unwanted) return true;
  if (!prs__patience_spins(patience) || !take_seat()) return false;
  enum outcome outcome = spin_and_yield(word, unwanted, PRS_SPIN_NS);
  leave_seat();
  learn_of_spin(patience, outcome);
  return outcome == IN_TIME || atomic_load(word) != unwanted;
}

bool prs_wait_spin(_Atomic uint32_t *word, uint32_t unwanted) {
  return spin_if_it_pays(&wait_patience, word, unwanted);
}

void prs_wait_learn(uint64_t waited) {
  if (waited <= PRS_SHORT_NS && !prs__patience_spins(&wait_patience))
    gain_patience(&wait_patience);
}

void prs_turn_await(uint32_t turn) {
  if (!spin_if_it_pays(&turn_patience, &prs__detached, turn) &&
      !prs__patience_spins(&turn_patience))
    gain_patience(&turn_patience); /* one more, until it may again */
}

void prs_turn_pass(void) { atomic_fetch_add(&prs__detached, 1); }
