/* Parker: one token, one thread that may wait for it. */
#include <stdlib.h>

#include "prs_core.h"

enum { EMPTY = 0, TOKEN = 1, PARKED = 2 };

struct prs_parker {
  _Atomic uint32_t word;
  _Atomic uint32_t refs;
};

prs_parker_t *prs_parker_new(void) {
  prs_parker_t *parker = malloc(sizeof *parker);
  if (parker == NULL) return NULL;
  atomic_init(&parker->word, EMPTY);
  atomic_init(&parker->refs, 1);
  atomic_fetch_add(&prs__counters.parkers, 1);
  return parker;
}

void prs_parker_ref(prs_parker_t *parker) {
  atomic_fetch_add(&parker->refs, 1);
}

void prs_parker_unref(prs_parker_t *parker) {
  if (atomic_fetch_sub(&parker->refs, 1) != 1) return;
  atomic_fetch_sub(&prs__counters.parkers, 1);
  free(parker);
}

/* Take the token if it is there, else announce that somebody sleeps. */
static bool take_or_announce(prs_parker_t *parker) {
  uint32_t seen = EMPTY;
  if (atomic_compare_exchange_strong(&parker->word, &seen, PARKED))
    return false;
  if (seen == PARKED) return false; /* after a wake-up for no reason */
  return atomic_exchange(&parker->word, EMPTY) == TOKEN;
}

/* Leave without a token, unless one came in the last moment. */
static int give_up(prs_parker_t *parker, int why) {
  return atomic_exchange(&parker->word, EMPTY) == TOKEN ? PRS_OK : why;
}

/* It announces itself, then looks at `ends`; an interrupt comes when `ends` is
 * set, and takes back what was announced. Both are seq_cst, so one of the two
 * sees the other. */
static int park(prs_parker_t *parker, uint64_t timeout,
                const _Atomic uint32_t *ends) {
  if (take_or_announce(parker)) return PRS_OK;
  if (timeout == 0) return give_up(parker, PRS_ETIMEDOUT);
  uint64_t began = prs_now();
  do {
    if (ends != NULL && atomic_load(ends) != 0)
      return give_up(parker, PRS_EINTR);
    uint64_t spent = prs_now() - began;
    if (timeout != PRS_FOREVER && spent >= timeout)
      return give_up(parker, PRS_ETIMEDOUT);
    uint64_t left = timeout == PRS_FOREVER ? PRS_FOREVER : timeout - spent;
    int status = prs__wait(&parker->word, PARKED, left);
    if (status == PRS_EINTR) return give_up(parker, PRS_EINTR);
  } while (!take_or_announce(parker));
  return PRS_OK;
}

int prs_parker_park_or(prs_parker_t *parker, uint64_t timeout,
                       const _Atomic uint32_t *ends) {
  prs_parker_ref(parker);
  int status = park(parker, timeout, ends);
  prs_parker_unref(parker);
  prs__hold();
  return status;
}

int prs_parker_park(prs_parker_t *parker, uint64_t timeout) {
  return prs_parker_park_or(parker, timeout, NULL);
}

void prs_parker_interrupt(prs_parker_t *parker) {
  uint32_t seen = PARKED;
  if (atomic_compare_exchange_strong(&parker->word, &seen, EMPTY))
    prs__wake_one(&parker->word);
}

void prs_parker_unpark(prs_parker_t *parker) {
  /* The waiter may drop the last other reference as soon as it sees TOKEN. */
  atomic_fetch_add(&parker->refs, 1);
  if (atomic_exchange(&parker->word, TOKEN) == PARKED)
    prs__wake_one(&parker->word);
  prs_parker_unref(parker);
}
