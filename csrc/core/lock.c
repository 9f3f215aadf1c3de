/* A small lock: one word, no owner, no memory of its own. */
#include "prs_core.h"

bool prs__lock_try(prs_lock_t *lock) {
  uint32_t seen = 0;
  return atomic_compare_exchange_strong(&lock->word, &seen, 1);
}

void prs__lock(prs_lock_t *lock) {
  if (prs__lock_try(lock)) return;
  /* From here on the word says 2, so that the holder knows to wake someone. */
  while (atomic_exchange(&lock->word, 2) != 0)
    (void)prs__wait(&lock->word, 2, PRS_FOREVER);
}

void prs__unlock(prs_lock_t *lock) {
  if (atomic_exchange(&lock->word, 0) == 2) prs__wake_one(&lock->word);
}
