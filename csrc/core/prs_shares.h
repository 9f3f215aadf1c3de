/* Shares: a range of units that several threads work on. Each has a share and
 * takes from its front; who has nothing left steals half of another's rest. */
#ifndef PRS_SHARES_H
#define PRS_SHARES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PRS_SHARES_MOST UINT32_MAX /* units */

/* Alone on its cache lines, but for a neighbour's edge. */
typedef struct prs_share {
  _Atomic uint64_t rest; /* the first unit in the upper half; the end below */
  _Atomic uint32_t owned;
  char apart[128 - sizeof(uint64_t) - sizeof(uint32_t)];
} prs_share_t;

typedef struct prs_shares {
  _Atomic uint32_t begun; /* steals */
  _Atomic uint32_t ended;
  _Atomic uint32_t stopped;
  uint32_t count; /* at least 1 */
  prs_share_t each[];
} prs_shares_t;

/* Returns: shares of range(units), all in the first one; or NULL without
 *          memory.
 * Owner: the caller's, for prs_shares_free. Blocks: no. Threads: any.
 * Orders: none. */
prs_shares_t *prs_shares_new(uint32_t count, uint32_t units);
void prs_shares_free(prs_shares_t *shares);

/* Returns: a share that is the caller's until it leaves, or NULL: each has
 *          somebody already.
 * Owner: the shares'. Blocks: no. Threads: any. Orders: none. */
prs_share_t *prs_shares_enter(prs_shares_t *shares);
/* Whatever is left in the share may be stolen, or be the next one's. */
void prs_shares_leave(prs_share_t *share);

/* Take units [*begin, *end): `wanted`, but at most half of what is left in
 * one's share, and at least one. Who has nothing left steals half of another's
 * rest, and takes from that.
 * Returns: false when nobody has any left, or after a stop.
 * Owner: the units are the caller's alone. Blocks: no; it may yield while
 * another is between two instructions. Threads: the one whose share it is.
 * Orders: none between units. */
bool prs_shares_take(prs_shares_t *shares, prs_share_t *share, uint32_t wanted,
                     uint32_t *begin, uint32_t *end);

/* Tell whether anything can be taken; a guess while others steal. */
bool prs_shares_has_rest(prs_shares_t *shares);
/* Hand out no more. */
void prs_shares_stop(prs_shares_t *shares);

#endif
