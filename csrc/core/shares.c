/* Shares: ranges that are taken from the front, and stolen from the back.
 *
 * A share is one word, so that its owner and its thieves need one CAS each. No
 * rest comes back once a unit of it was taken, hence no ABA. Only its owner
 * fills a share that is empty. */
#include "prs_shares.h"

#include <stdlib.h>

#include "prs_core.h"

static uint64_t packed(uint32_t begin, uint32_t end) {
  return (uint64_t)begin << 32 | end;
}
static uint32_t begin_of(uint64_t rest) { return (uint32_t)(rest >> 32); }
static uint32_t end_of(uint64_t rest) { return (uint32_t)rest; }
static uint32_t half_of(uint64_t rest) {
  uint32_t left = end_of(rest) - begin_of(rest);
  return left - left / 2; /* the last one is a half */
}
static bool is_empty(uint64_t rest) { return begin_of(rest) == end_of(rest); }

/* How far from the front one takes: half at most, for there may be thieves. */
static uint32_t middle_of(uint64_t rest, uint32_t wanted) {
  uint32_t half = half_of(rest);
  return begin_of(rest) + (wanted < half ? wanted : half);
}

prs_shares_t *prs_shares_new(uint32_t count, uint32_t units) {
  prs_shares_t *shares =
      calloc(1, sizeof *shares + count * sizeof shares->each[0]);
  if (shares == NULL) return NULL;
  shares->count = count;
  atomic_init(&shares->each[0].rest, packed(0, units));
  return shares;
}

void prs_shares_free(prs_shares_t *shares) { free(shares); }

prs_share_t *prs_shares_enter(prs_shares_t *shares) {
  for (uint32_t i = 0; i < shares->count; i++) {
    uint32_t none = 0;
    if (atomic_compare_exchange_strong(&shares->each[i].owned, &none, 1))
      return &shares->each[i];
  }
  return NULL;
}

void prs_shares_leave(prs_share_t *share) { atomic_store(&share->owned, 0); }

/* Returns: false when the share is empty. */
static bool take_front(prs_share_t *share, uint32_t wanted, uint32_t *begin,
                       uint32_t *end) {
  uint64_t rest = atomic_load(&share->rest);
  uint32_t middle;
  do {
    if (is_empty(rest)) return false;
    middle = middle_of(rest, wanted);
  } while (!atomic_compare_exchange_weak(&share->rest, &rest,
                                         packed(middle, end_of(rest))));
  *begin = begin_of(rest);
  *end = middle;
  return true;
}

/* What a thief wants at once never gets into its share: else two could steal it
 * from each other for ever. */
static bool steal_from(prs_share_t *victim, prs_share_t *own, uint32_t wanted,
                       uint32_t *begin, uint32_t *end) {
  uint64_t rest = atomic_load(&victim->rest);
  uint64_t stolen;
  do {
    if (is_empty(rest)) return false;
    stolen = packed(end_of(rest) - half_of(rest), end_of(rest));
  } while (!atomic_compare_exchange_weak(
      &victim->rest, &rest, packed(begin_of(rest), begin_of(stolen))));
  *begin = begin_of(stolen);
  *end = middle_of(stolen, wanted);
  atomic_store(&own->rest, packed(*end, end_of(stolen)));
  return true;
}

static bool steal_from_any(prs_shares_t *shares, prs_share_t *own,
                           uint32_t wanted, uint32_t *begin, uint32_t *end) {
  uint32_t place = (uint32_t)(own - shares->each);
  for (uint32_t i = 1; i < shares->count; i++) {
    prs_share_t *victim = &shares->each[(place + i) % shares->count];
    if (is_empty(atomic_load(&victim->rest))) continue;
    atomic_fetch_add(&shares->begun, 1);
    bool stolen = steal_from(victim, own, wanted, begin, end);
    atomic_fetch_add(&shares->ended, 1);
    if (stolen) return true;
  }
  return false;
}

/* What is being stolen is in no share. So only a look during which nothing was
 * can tell that nothing is left: all steals that had begun at its end had ended
 * before it. */
bool prs_shares_take(prs_shares_t *shares, prs_share_t *share, uint32_t wanted,
                     uint32_t *begin, uint32_t *end) {
  if (atomic_load(&shares->stopped) != 0) return false;
  if (take_front(share, wanted, begin, end)) return true;
  while (atomic_load(&shares->stopped) == 0) {
    uint32_t ended = atomic_load(&shares->ended);
    if (steal_from_any(shares, share, wanted, begin, end)) return true;
    if (atomic_load(&shares->begun) == ended) return false;
    prs_yield();
  }
  return false;
}

bool prs_shares_has_rest(prs_shares_t *shares) {
  if (atomic_load(&shares->stopped) != 0) return false;
  for (uint32_t i = 0; i < shares->count; i++)
    if (!is_empty(atomic_load(&shares->each[i].rest))) return true;
  return false;
}

void prs_shares_stop(prs_shares_t *shares) {
  atomic_store(&shares->stopped, 1);
}
