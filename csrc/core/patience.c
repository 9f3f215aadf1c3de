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
#define PRS_PAUSES_PER_YIELD 64

_Atomic uint32_t prs__bystanders;
_Atomic uint32_t prs__detached;

/* One for each CPU but one: who is waited for needs a CPU, too. */
static _Atomic int32_t seats;
static prs_patience_t wait_patience = {.score = 1};
static prs_patience_t turn_patience = {.score = 1};

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

/* Who is waited for may want this very CPU: let it in now and then. */
static bool spin_and_yield(_Atomic uint32_t *word, uint32_t unwanted,
                           uint64_t longest) {
  uint64_t began = prs_now();
  do {
    for (int i = 0; i < PRS_PAUSES_PER_YIELD; i++) {
      if (atomic_load(word) != unwanted) return true;
      PRS_PAUSE();
    }
    prs_yield();
  } while (prs_now() - began < longest);
  return atomic_load(word) != unwanted;
}

/* A spin in vain costs more than the wait that it was to shorten, so after one
 * a good many short waits must come before the next. */
static void learn_of_spin(prs_patience_t *patience, bool successful) {
  int32_t score = atomic_load_explicit(&patience->score, memory_order_relaxed);
  score = !successful              ? -PRS_WAITS_AFTER_A_VAIN_SPIN
          : score < PRS_SCORE_MOST ? score + 1
                                   : score;
  atomic_store_explicit(&patience->score, score, memory_order_relaxed);
}

static bool spin_if_it_pays(prs_patience_t *patience, _Atomic uint32_t *word,
                            uint32_t unwanted) {
  if (atomic_load(word) != unwanted) return true;
  if (!prs__patience_spins(patience) || !take_seat()) return false;
  bool changed = spin_and_yield(word, unwanted, PRS_SPIN_NS);
  leave_seat();
  learn_of_spin(patience, changed);
  return changed;
}

bool prs_wait_spin(_Atomic uint32_t *word, uint32_t unwanted) {
  return spin_if_it_pays(&wait_patience, word, unwanted);
}

void prs_wait_learn(uint64_t waited) {
  if (waited <= PRS_SHORT_NS && !prs__patience_spins(&wait_patience))
    learn_of_spin(&wait_patience, true);
}

void prs_turn_await(uint32_t turn) {
  if (!spin_if_it_pays(&turn_patience, &prs__detached, turn) &&
      !prs__patience_spins(&turn_patience))
    learn_of_spin(&turn_patience, true); /* one more, until it may again */
}

void prs_turn_pass(void) { atomic_fetch_add(&prs__detached, 1); }
