/* Blocking calls of locks and condvars, as the Python types make them, without
 * Python; and calls that wait, taken apart, so that no thread is needed. */
#ifndef LOCKING_H
#define LOCKING_H

#include "../../csrc/core/sync/prs_rw.h"
#include "../../csrc/core/sync/prs_stop.h"
#include "blocking.h"

/* What a call says beside the enum prs_rw_status. */
#define LOCKING_TIMED_OUT 20
#define LOCKING_STOPPED 21

/* Enter, waiting at most `timeout`, and while `stop` is not stopped, which may
 * be NULL. `wish` is PRS_RW_READS or PRS_RW_WRITES.
 * Returns: PRS_RW_ENTERED, PRS_RW_CLOSED, LOCKING_TIMED_OUT, LOCKING_STOPPED.
 */
int locking_enter(prs_rw_t *rw, uint32_t wish, uint64_t timeout,
                  prs_stop_t *stop);
void locking_leave(prs_rw_t *rw, uint32_t wish);
void locking_downgrade(prs_rw_t *rw);

/* Leave the mutex, wait for a notification and enter it again.
 * Returns: PRS_RW_ENTERED; LOCKING_TIMED_OUT with the mutex, too;
 *          LOCKING_STOPPED without it. */
int locking_wait(prs_condvar_t *condvar, prs_rw_t *mutex, uint64_t timeout,
                 prs_stop_t *stop);
void locking_notify_one(prs_condvar_t *condvar);
void locking_notify_all(prs_condvar_t *condvar);
void locking_stop(prs_stop_t *stop);

/* ---- without threads ----------------------------------------------------- */

/* Try. Returns: an enum prs_rw_status. */
int try_to_enter(prs_rw_t *rw, uint32_t wish);
/* Queue a new waiter of one node; it has to wait. */
prs_waiter_t *queue_up(prs_rw_t *rw, uint32_t wish);
/* Let one that was claimed try again, with these wishes more.
 * Returns: an enum prs_rw_status. */
int try_again(prs_rw_t *rw, prs_waiter_t *waiter, uint32_t more);
/* Returns: whether somebody has claimed it. */
bool is_claimed(prs_waiter_t *waiter);
/* Free one that was claimed. Returns: the status of the node. */
int end_of(prs_waiter_t *waiter);

#endif
