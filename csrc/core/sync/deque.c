/* Deque: one owner at the bottom, thieves at the top.
 *
 * After Chase and Lev, "Dynamic circular work-stealing deque" (2005), with the
 * orders of Le, Pop, Cohen and Nardelli, "Correct and efficient work-stealing
 * for weak memory models" (2013), where their fences are seq_cst operations:
 * the checkers of races know those. */
#include "prs_deque.h"

#include <stdlib.h>

#define FIRST_SPACE 64

/* The GIL orders all: what is attached is alone. */
#ifdef PRS_UNDER_GIL
#define ORDER_ALL memory_order_relaxed
#define ORDER_ACQUIRE memory_order_relaxed
#define ORDER_RELEASE memory_order_relaxed
#else
#define ORDER_ALL memory_order_seq_cst
#define ORDER_ACQUIRE memory_order_acquire /* partner: ORDER_RELEASE */
#define ORDER_RELEASE memory_order_release
#endif
#define ORDER_OWN memory_order_relaxed /* only the owner writes it */

struct prs_ring {
  int64_t space;     /* a power of two */
  prs_ring_t *older; /* a thief may still read it: freed with the deque */
  _Atomic uintptr_t items[];
};

static prs_ring_t *new_ring(int64_t space, prs_ring_t *older) {
  size_t size = sizeof(prs_ring_t) + (size_t)space * sizeof(uintptr_t);
  prs_ring_t *ring = malloc(size);
  if (ring == NULL) return NULL;
  ring->space = space;
  ring->older = older;
  for (int64_t i = 0; i < space; i++) atomic_init(&ring->items[i], 0);
  return ring;
}

static uintptr_t get(prs_ring_t *ring, int64_t place) {
  return atomic_load_explicit(&ring->items[place & (ring->space - 1)],
                              memory_order_relaxed); /* top and bottom order */
}

static void put(prs_ring_t *ring, int64_t place, uintptr_t item) {
  atomic_store_explicit(&ring->items[place & (ring->space - 1)], item,
                        memory_order_relaxed); /* the bottom's store orders */
}

bool prs_deque_init(prs_deque_t *deque) {
  prs_ring_t *ring = new_ring(FIRST_SPACE, NULL);
  if (ring == NULL) return false;
  atomic_init(&deque->top, 0);
  atomic_init(&deque->bottom, 0);
  atomic_init(&deque->ring, ring);
  return true;
}

void prs_deque_destroy(prs_deque_t *deque) {
  prs_ring_t *ring = atomic_load(&deque->ring);
  while (ring != NULL) {
    prs_ring_t *older = ring->older;
    free(ring);
    ring = older;
  }
}

/* Returns: the bigger ring, or NULL without memory. */
static prs_ring_t *grow(prs_deque_t *deque, prs_ring_t *ring, int64_t top,
                        int64_t bottom) {
  prs_ring_t *bigger = new_ring(ring->space * 2, ring);
  if (bigger == NULL) return NULL;
  for (int64_t i = top; i < bottom; i++) put(bigger, i, get(ring, i));
  atomic_store_explicit(&deque->ring, bigger, ORDER_RELEASE);
  return bigger;
}

bool prs_deque_push(prs_deque_t *deque, uintptr_t item) {
  int64_t bottom = atomic_load_explicit(&deque->bottom, ORDER_OWN);
  int64_t top = atomic_load_explicit(&deque->top, ORDER_ACQUIRE);
  prs_ring_t *ring = atomic_load_explicit(&deque->ring, ORDER_OWN);
  if (bottom - top >= ring->space) {
    ring = grow(deque, ring, top, bottom);
    if (ring == NULL) return false;
  }
  put(ring, bottom, item);
  atomic_store_explicit(&deque->bottom, bottom + 1, ORDER_ALL);
  return true;
}

uintptr_t prs_deque_pop(prs_deque_t *deque) {
  int64_t bottom = atomic_load_explicit(&deque->bottom, ORDER_OWN) - 1;
  prs_ring_t *ring = atomic_load_explicit(&deque->ring, ORDER_OWN);
  atomic_store_explicit(&deque->bottom, bottom, ORDER_ALL);
  int64_t top = atomic_load_explicit(&deque->top, ORDER_ALL);
  uintptr_t item = 0;
  if (top <= bottom) item = get(ring, bottom);
  if (top < bottom) return item;
  /* Empty, or the last one, for which thieves compete. */
  if (top == bottom &&
      !atomic_compare_exchange_strong_explicit(
          &deque->top, &top, top + 1, ORDER_ALL,
          memory_order_relaxed)) /* a lost race reads nothing */
    item = 0;
  atomic_store_explicit(&deque->bottom, bottom + 1, ORDER_RELEASE);
  return item;
}

uintptr_t prs_deque_newest(prs_deque_t *deque) {
  int64_t bottom = atomic_load_explicit(&deque->bottom, ORDER_OWN);
  int64_t top = atomic_load_explicit(&deque->top, ORDER_ACQUIRE);
  if (top >= bottom) return 0;
  return get(atomic_load_explicit(&deque->ring, ORDER_OWN), bottom - 1);
}

int prs_deque_steal(prs_deque_t *deque, uintptr_t mark, uintptr_t *out) {
  int64_t top = atomic_load_explicit(&deque->top, ORDER_ALL);
  int64_t bottom = atomic_load_explicit(&deque->bottom, ORDER_ALL);
  if (top >= bottom) return PRS_STEAL_EMPTY;
  prs_ring_t *ring = atomic_load_explicit(&deque->ring, ORDER_ACQUIRE);
  uintptr_t item = get(ring, top);
  if ((item & mark) != mark) return PRS_STEAL_REFUSED;
  if (!atomic_compare_exchange_strong_explicit(
          &deque->top, &top, top + 1, ORDER_ALL,
          memory_order_relaxed)) /* a lost race reads nothing */
    return PRS_STEAL_AGAIN;
  *out = item;
  return PRS_STEAL_TAKEN;
}

size_t prs_deque_len(prs_deque_t *deque) {
  int64_t top = atomic_load_explicit(&deque->top, ORDER_ALL);
  int64_t bottom = atomic_load_explicit(&deque->bottom, ORDER_ALL);
  return bottom > top ? (size_t)(bottom - top) : 0;
}

uintptr_t prs_deque_at(prs_deque_t *deque, size_t age) {
  if (age >= prs_deque_len(deque)) return 0;
  return get(atomic_load(&deque->ring),
             atomic_load(&deque->top) + (int64_t)age);
}
