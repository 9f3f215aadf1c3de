/* Deque: the work of one worker, which others steal from (Chase and Lev).
 *
 * The owner pushes and pops at the bottom, thieves take from the top. Under the
 * GIL every operation is made attached, so nothing has to be ordered. */
#ifndef PRS_DEQUE_H
#define PRS_DEQUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct prs_ring prs_ring_t;

typedef struct prs_deque {
  _Atomic int64_t top;
  _Atomic int64_t bottom;
  _Atomic(prs_ring_t *) ring;
} prs_deque_t;

enum prs_steal {
  PRS_STEAL_EMPTY = 0,
  PRS_STEAL_TAKEN = 1,
  PRS_STEAL_AGAIN = 2,  /* another was faster: there may be more */
  PRS_STEAL_REFUSED = 3 /* the oldest item lacks the wanted mark */
};

/* Returns: false without memory. */
bool prs_deque_init(prs_deque_t *deque);
/* Frees it. Nobody else uses it, and the caller has taken the items. */
void prs_deque_destroy(prs_deque_t *deque);
/* Returns: false without memory; nothing has changed.
 * Threads: the owner. Orders: the item happens before whoever takes it; what
 * the owner reads afterwards (seq_cst) is read after the push. */
bool prs_deque_push(prs_deque_t *deque, uintptr_t item);
/* Take the newest item. Returns: 0 when there is none. Threads: the owner. */
uintptr_t prs_deque_pop(prs_deque_t *deque);
/* Look at the newest item; a thief may take it. Threads: the owner. */
uintptr_t prs_deque_newest(prs_deque_t *deque);
/* Take the oldest item, if it has all bits of `mark`.
 * Returns: an enum prs_steal. Threads: any. */
int prs_deque_steal(prs_deque_t *deque, uintptr_t mark, uintptr_t *out);
/* Threads: any; a number that may be old. */
size_t prs_deque_len(prs_deque_t *deque);
/* Read an item by its age, 0 the oldest; 0 when there is none.
 * Threads: any, while nobody takes or pushes. */
uintptr_t prs_deque_at(prs_deque_t *deque, size_t age);

#endif
