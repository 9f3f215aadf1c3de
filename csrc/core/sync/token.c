/* Token: what one thread leaves and another takes, one at most. */
#include <stdlib.h>

#include "prs_meet.h"

prs_token_t *prs_token_new(void) {
  prs_token_t *token = calloc(1, sizeof *token);
  if (token == NULL) return NULL;
  atomic_init(&token->refs, 1);
  token->generation = prs__generation();
  return token;
}

void prs_token_ref(prs_token_t *token) { atomic_fetch_add(&token->refs, 1); }

void prs_token_unref(prs_token_t *token) {
  if (atomic_fetch_sub(&token->refs, 1) == 1) free(token);
}

static inline void enter(prs_token_t *token) {
  prs__guard_enter(&token->guard);
  if (token->generation == prs__generation()) return;
  token->generation = prs__generation();
  prs__queue_forget(&token->waiting);
}

static inline void leave(prs_token_t *token) {
  prs__guard_leave(&token->guard);
}

int prs_token_take(prs_token_t *token, prs_node_t *node) {
  int status = PRS_MEET_WOULD_BLOCK;
  enter(token);
  if (token->is_there) {
    token->is_there = false;
    status = PRS_MEET_DONE;
  } else if (node != NULL) {
    prs__queue_push(&token->waiting, node);
    status = PRS_MEET_QUEUED;
  }
  leave(token);
  return status;
}

void prs_token_leave(prs_token_t *token, prs_node_t *node) {
  enter(token);
  prs__queue_remove(node);
  leave(token);
}

void prs_token_put(prs_token_t *token, prs_wakes_t *wakes) {
  enter(token);
  if (prs__queue_claim(&token->waiting, NULL, wakes) == NULL)
    token->is_there = true;
  leave(token);
}
