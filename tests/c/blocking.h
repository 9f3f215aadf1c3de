/* Blocking calls of channels, as the Python types make them, without Python.
 *
 * The guard is compiled in here, as in a free-threaded build. */
#ifndef BLOCKING_H
#define BLOCKING_H

#include "../../csrc/core/sync/prs_sync.h"
#include "check.h"

/* What a call says beside the enum prs_channel_status. */
#define BLOCKING_TIMED_OUT 10

/* Plug in the OS floor. The first line of each test. */
void blocking_init(void);
/* Count the generation of forks up, as the child of one sees it. */
void blocking_fork(void);
/* What prs__os holds now, to be changed by a test before it blocks. */
extern prs_sync_os_t blocking_os;

/* So many of four calls of a thread pass on, as those of Python threads do
 * under the GIL; 0 at first. Set it while nobody is in a call. */
extern uint32_t blocking_passing;

/* Send or receive, waiting at most `timeout`. A thread that was woken by a
 * disconnection wakes the next ones.
 * Returns: PRS_CHANNEL_DONE, PRS_CHANNEL_DISCONNECTED, BLOCKING_TIMED_OUT. */
int blocking_send(prs_channel_t *channel, void *item, uint64_t timeout);
int blocking_recv(prs_channel_t *channel, void **item, uint64_t timeout);
/* Without waiting. Returns: an enum prs_channel_status. */
int blocking_try_send(prs_channel_t *channel, void *item);
int blocking_try_recv(prs_channel_t *channel, void **item);
bool blocking_unrecv(prs_channel_t *channel, void *item);

void blocking_drop_sender(prs_channel_t *channel);
/* The last receiver gives what is left to `lost`; NULL forgets it. */
void blocking_drop_receiver(prs_channel_t *channel, void (*lost)(void *item));

/* Wait for a waiter, and give it up when the time is over.
 * Returns: PRS_OK when it is finished; PRS_ETIMEDOUT. */
int blocking_wait(prs_waiter_t *waiter, uint64_t timeout);

/* A number that looks random; `*seed` is any but 0. */
uint32_t blocking_random(uint32_t *seed);

#endif
