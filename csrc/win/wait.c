/* Waiting on an address by WaitOnAddress, which needs synchronization.lib. */
#include "../core/prs_core.h"
#include "platform.h"

const char *prs_backend(void) { return "WaitOnAddress"; }

int prs__wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout) {
  DWORD limit = INFINITE;
  if (timeout != PRS_FOREVER) limit = prs__platform_milliseconds(timeout);
  atomic_fetch_add_explicit(&prs__counters.parks, 1, memory_order_relaxed);
  if (WaitOnAddress((volatile void *)word, &expected, sizeof expected, limit))
    return PRS_OK;
  /* A limit that was cut to 49 days is over before `timeout` is: then the end
   * of the wait is one for no reason at all. */
  if (GetLastError() == ERROR_TIMEOUT && limit < INFINITE - 1)
    return PRS_ETIMEDOUT;
  return PRS_OK;
}

void prs__wake_one(_Atomic uint32_t *word) {
  WakeByAddressSingle((void *)word);
}

void prs__wake_all(_Atomic uint32_t *word) { WakeByAddressAll((void *)word); }
