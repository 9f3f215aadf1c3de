/* Wait group: threads that wait until every share of it has been dropped. */
#include <stdlib.h>

#include "prs_meet.h"

prs_wait_group_t *prs_wait_group_new(void) {
  prs_wait_group_t *group = calloc(1, sizeof *group);
  if (group == NULL) return NULL;
  atomic_init(&group->refs, 1);
  group->generation = prs__generation();
  group->shares = 1;
  return group;
}

void prs_wait_group_ref(prs_wait_group_t *group) {
  atomic_fetch_add(&group->refs, 1);
}

void prs_wait_group_unref(prs_wait_group_t *group) {
  if (atomic_fetch_sub(&group->refs, 1) == 1) free(group);
}

static inline void enter(prs_wait_group_t *group) {
  prs__guard_enter(&group->guard);
  if (group->generation == prs__generation()) return;
  group->generation = prs__generation();
  prs__queue_forget(&group->waiting);
}

static inline void leave(prs_wait_group_t *group) {
  prs__guard_leave(&group->guard);
}

void prs_wait_group_add(prs_wait_group_t *group) {
  enter(group);
  group->shares++;
  leave(group);
}

void prs_wait_group_done(prs_wait_group_t *group, prs_wakes_t *wakes) {
  enter(group);
  if (--group->shares == 0)
    (void)prs__wake_some(&group->waiting, PRS_CHAIN, wakes);
  leave(group);
}

size_t prs_wait_group_shares(prs_wait_group_t *group) {
  enter(group);
  size_t shares = group->shares;
  leave(group);
  return shares;
}

int prs_wait_group_enter(prs_wait_group_t *group, prs_node_t *node) {
  enter(group);
  int status = PRS_MEET_DONE;
  if (group->shares > 0) {
    prs__queue_push(&group->waiting, node);
    status = PRS_MEET_QUEUED;
  }
  leave(group);
  return status;
}

bool prs_wait_group_leave(prs_wait_group_t *group, prs_node_t *node,
                          bool takes_back, prs_wakes_t *wakes) {
  enter(group);
  bool is_open = group->shares == 0;
  prs__queue_remove(node);
  if (is_open)
    (void)prs__wake_some(&group->waiting, PRS_CHAIN, wakes);
  else if (takes_back)
    group->shares++;
  leave(group);
  return is_open;
}
