/* Worker: where it finds tasks, when it sleeps and whom a new task wakes.
 *
 * Nobody is woken while somebody is on his way to look for work: who comes
 * finds it, and wakes the next if there is more. Under the GIL that is one
 * wake-up for thousands of small tasks. No wake-up is lost: a pusher queues,
 * then looks for sleepers; a sleeper lies down, then looks at the queues. */
#include "pool.h"

#define REST_NS 5000000u /* CPython's own switch interval */
#define FAIRNESS 64      /* of so many tasks one comes from the line first */

_Thread_local prs_hand_t *prs__hand;

/* ---- wake ---------------------------------------------------------------- */

static bool claim_idle(prs_pool_t *pool, prs_wakes_t *wakes) {
  if (prs__queue_claim(&pool->idle, NULL, wakes) == NULL) return false;
  atomic_fetch_sub(&pool->sleepers, 1);
  atomic_fetch_add(&pool->searching, 1);
  return true;
}

/* Partner of each seq_cst load here: the stores of lie_down(). */
static void wake_one(prs_pool_t *pool, bool borrows) {
  if (atomic_load(&pool->searching) != 0) return;
  bool idle = atomic_load(&pool->sleepers) != 0;
  if (!idle && !(borrows && atomic_load(&pool->waiting) != 0)) return;
  prs_wakes_t wakes = {NULL};
  prs__guard_enter(&pool->guard);
  if (!claim_idle(pool, &wakes) && borrows)
    (void)prs__queue_claim(&pool->helpers, NULL, &wakes);
  prs__guard_leave(&pool->guard);
  if (wakes.first != NULL) prs_wakes_send(&wakes);
}

/* Workers are few, and line.c keeps them from being a herd. */
static void wake_all(prs_pool_t *pool) {
  prs_wakes_t wakes = {NULL};
  prs__guard_enter(&pool->guard);
  while (claim_idle(pool, &wakes)) continue;
  while (prs__queue_claim(&pool->helpers, NULL, &wakes) != NULL) continue;
  prs__guard_leave(&pool->guard);
  prs_wakes_send(&wakes);
}

/* ---- queue --------------------------------------------------------------- */

static bool refuse_closed(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "cannot run a task: the pool is shut down");
  return false;
}

static bool put_in_line(prs_pool_t *pool, prs_task_t *task) {
  bool is_future = (task->kind & PRS_TASK_FUTURE) != 0;
  prs__guard_enter(&pool->guard);
  bool open =
      !atomic_load(&pool->closed) && !(is_future && pool->promises_nothing);
  bool fits = open && prs__bag_put(&pool->injector, task);
  if (fits) atomic_fetch_add(&pool->injected, 1);
  if (fits && is_future) atomic_fetch_add(&pool->promised, 1);
  prs__guard_leave(&pool->guard);
  if (!open) return refuse_closed();
  if (!fits) PyErr_NoMemory();
  return fits;
}

bool prs__pool_push(prs_pool_t *pool, prs_task_t *task, bool in_line) {
  prs_hand_t *hand = in_line ? NULL : prs__hand_of(pool);
  bool borrows = (task->kind & PRS_TASK_BORROWS) != 0;
  Py_INCREF(task);
  bool fits = hand == NULL ? put_in_line(pool, task)
                           : prs_deque_push(&hand->deque, prs__tagged(task));
  if (!fits) {
    if (hand != NULL) PyErr_NoMemory();
    Py_DECREF(task);
    return false;
  }
  wake_one(pool, hand != NULL && borrows);
  return true;
}

bool prs__pool_post(prs_pool_t *pool, uint32_t index, prs_task_t *task) {
  prs_hand_t *hand = &pool->hands[index];
  Py_INCREF(task);
  prs__guard_enter(&pool->guard);
  bool open = !atomic_load(&pool->closed);
  bool fits = open && prs__bag_put(&hand->inbox, task);
  if (fits) atomic_fetch_add(&hand->letters, 1);
  prs__guard_leave(&pool->guard);
  if (fits) {
    wake_all(pool);
    return true;
  }
  Py_DECREF(task);
  if (!open) return refuse_closed();
  PyErr_NoMemory();
  return false;
}

/* ---- find ---------------------------------------------------------------- */

/* Returns: the task when it was still to be run, else NULL. */
static prs_task_t *claimed(prs_task_t *task) {
  if (prs__task_claim(task)) return task;
  Py_DECREF(task);
  return NULL;
}

static prs_task_t *from_inbox(prs_hand_t *hand) {
  prs_task_t *found = NULL;
  while (found == NULL && atomic_load(&hand->letters) != 0) {
    prs__guard_enter(&hand->pool->guard);
    prs_task_t *task = prs__bag_take(&hand->inbox);
    if (task != NULL) atomic_fetch_sub(&hand->letters, 1);
    prs__guard_leave(&hand->pool->guard);
    if (task == NULL) return NULL;
    found = claimed(task);
  }
  return found;
}

static prs_task_t *from_line(prs_pool_t *pool) {
  prs_task_t *found = NULL;
  while (found == NULL && atomic_load(&pool->injected) != 0) {
    prs__guard_enter(&pool->guard);
    prs_task_t *task = prs__bag_take(&pool->injector);
    if (task != NULL) atomic_fetch_sub(&pool->injected, 1);
    prs__guard_leave(&pool->guard);
    if (task == NULL) return NULL;
    found = claimed(task);
  }
  return found;
}

static prs_task_t *from_own(prs_hand_t *hand) {
  uintptr_t item;
  while ((item = prs_deque_pop(&hand->deque)) != 0) {
    prs_task_t *task = claimed(prs__untagged(item));
    if (task != NULL) return task;
  }
  return NULL;
}

static prs_task_t *from_victim(prs_hand_t *victim, uintptr_t mark) {
  for (;;) {
    uintptr_t item;
    int status = prs_deque_steal(&victim->deque, mark, &item);
    if (status == PRS_STEAL_AGAIN) continue;
    if (status != PRS_STEAL_TAKEN) return NULL;
    prs_task_t *task = claimed(prs__untagged(item));
    if (task != NULL) return task;
  }
}

static uint32_t random_from(prs_hand_t *hand) {
  uint32_t seed = hand->seed; /* xorshift, Marsaglia 2003 */
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return hand->seed = seed;
}

static prs_task_t *from_others(prs_hand_t *hand, uintptr_t mark) {
  prs_pool_t *pool = hand->pool;
  if (pool->count == 1) return NULL;
  uint32_t first = random_from(hand) % pool->count;
  for (uint32_t i = 0; i < pool->count; i++) {
    prs_hand_t *victim = &pool->hands[(first + i) % pool->count];
    prs_task_t *task = victim == hand ? NULL : from_victim(victim, mark);
    if (task != NULL) return task;
  }
  return NULL;
}

static prs_task_t *find(prs_hand_t *hand) {
  prs_task_t *task = from_inbox(hand);
  if (task == NULL && ++hand->ticks % FAIRNESS == 0)
    task = from_line(hand->pool);
  if (task == NULL) task = from_own(hand);
  if (task == NULL) task = from_line(hand->pool);
  return task != NULL ? task : from_others(hand, 0);
}

static bool has_work(prs_hand_t *hand) {
  prs_pool_t *pool = hand->pool;
  if (atomic_load(&pool->injected) != 0) return true;
  if (atomic_load(&hand->letters) != 0) return true;
  for (uint32_t i = 0; i < pool->count; i++)
    if (prs_deque_len(&pool->hands[i].deque) != 0) return true;
  return false;
}

/* ---- help ---------------------------------------------------------------- */

/* What a joiner runs meanwhile must not wait for what is stopped below it, so
 * it takes what its own tasks and those of its target's worker have made, and
 * what borrows, which nobody else waits for. */
prs_task_t *prs__pool_help(prs_hand_t *hand, prs_task_t *target) {
  prs_task_t *task = from_inbox(hand);
  if (task == NULL) task = from_own(hand);
  if (task != NULL) return task;
  prs_hand_t *thief = atomic_load_explicit(&target->hand, memory_order_relaxed);
  if (thief != NULL && thief->pool == hand->pool && thief != hand)
    task = from_victim(thief, 0);
  return task != NULL ? task : from_others(hand, PRS_TASK_BORROWS);
}

bool prs__pool_has_help(prs_hand_t *hand, prs_task_t *target) {
  prs_pool_t *pool = hand->pool;
  if (atomic_load(&hand->letters) != 0) return true;
  for (uint32_t i = 0; i < pool->count; i++) {
    prs_hand_t *other = &pool->hands[i];
    uintptr_t oldest = prs_deque_at(&other->deque, 0);
    if (oldest == 0) continue;
    if ((oldest & PRS_TASK_BORROWS) != 0 || other == hand) return true;
    if (atomic_load(&target->hand) == other) return true;
  }
  return false;
}

void prs__pool_forget_newest(prs_hand_t *hand, prs_task_t *task) {
  if (prs_deque_newest(&hand->deque) != prs__tagged(task)) return;
  uintptr_t item = prs_deque_pop(&hand->deque);
  if (item == 0) return;
  if (item == prs__tagged(task))
    Py_DECREF(task);
  else if (!prs_deque_push(&hand->deque, item))
    Py_FatalError("a place in a deque that was there is gone");
}

void prs__pool_stand(prs_hand_t *hand, prs_node_t *node) {
  prs__guard_enter(&hand->pool->guard);
  prs__queue_push(&hand->pool->helpers, node);
  atomic_fetch_add(&hand->pool->waiting, 1);
  prs__guard_leave(&hand->pool->guard);
}

void prs__pool_leave(prs_pool_t *pool, prs_node_t *node) {
  prs__guard_enter(&pool->guard);
  prs__queue_remove(node);
  atomic_fetch_sub(&pool->waiting, 1);
  prs__guard_leave(&pool->guard);
}

/* ---- sleep --------------------------------------------------------------- */

static void lie_down(prs_pool_t *pool, prs_node_t *node) {
  prs__guard_enter(&pool->guard);
  prs__queue_push(&pool->idle, node);
  atomic_fetch_add(&pool->sleepers, 1);
  prs__guard_leave(&pool->guard);
}

/* Returns: whether it was woken, and counts as searching. */
static bool get_up(prs_pool_t *pool, prs_node_t *node) {
  prs__guard_enter(&pool->guard);
  bool woken = node->queue == NULL;
  if (!woken) atomic_fetch_sub(&pool->sleepers, 1);
  prs__queue_remove(node);
  prs__guard_leave(&pool->guard);
  return woken;
}

static bool sleep_until_woken(prs_hand_t *hand) {
  prs_pool_t *pool = hand->pool;
  prs_waiter_t *waiter = prs_waiter_new(1);
  if (waiter == NULL) return false; /* then it looks again and again */
  prs_node_t *node = &waiter->nodes[0];
  lie_down(pool, node);
  if (has_work(hand) || atomic_load(&pool->closed)) {
    (void)prs__give_up(waiter);
  } else if (prs__block(waiter, PRS_FOREVER) != PRS_OK) {
    PyErr_Clear(); /* an asynchronous exception that came for no task */
  }
  bool woken = get_up(pool, node);
  prs_waiter_free(waiter);
  hand->since = prs__table->now();
  return woken;
}

/* ---- work ---------------------------------------------------------------- */

void prs__hand_rest(prs_hand_t *hand) {
#ifdef Py_GIL_DISABLED
  (void)hand;
#else
  uint64_t now = prs__table->now();
  if (now - hand->since < REST_NS) return;
  PyThreadState *state = PyEval_SaveThread();
  prs__table->hold();
  PyEval_RestoreThread(state);
  hand->since = prs__table->now();
#endif
}

static void stop_searching(prs_hand_t *hand) {
  prs_pool_t *pool = hand->pool;
  atomic_fetch_sub(&pool->searching, 1);
  if (atomic_load(&pool->sleepers) != 0 && has_work(hand))
    wake_one(pool, false);
}

/* Returns: NULL when the pool is closed and nothing is left. */
static prs_task_t *next_task(prs_hand_t *hand) {
  for (;;) {
    bool closed = atomic_load(&hand->pool->closed);
    prs_task_t *task = find(hand);
    if (task != NULL || closed) return task;
    if (!sleep_until_woken(hand)) continue;
    task = find(hand);
    stop_searching(hand);
    if (task != NULL) return task;
  }
}

/* In the child of a fork the task that forked has ended: so does the thread,
 * as its exception says. */
static int end_in_child(prs_task_t *task) {
  if (!task->failed || task->result == NULL) return 0;
  prs__raise_again(Py_NewRef(task->result));
  return -1;
}

/* stand_in(): do the line's work when every worker is taken. */
PyObject *prs__pool_stand_in(prs_pool_t *self, PyObject *unused) {
  (void)unused;
  prs_task_t *task;
  while ((task = from_line(self)) != NULL) {
    prs__task_run(task, NULL);
    Py_DECREF(task);
  }
  Py_RETURN_NONE;
}

int prs__work(prs_hand_t *hand) {
  uint32_t generation = prs__generation();
  prs_task_t *task;
  int status = 0;
  hand->since = prs__table->now();
  atomic_store(&hand->ident, PyThread_get_thread_ident());
  prs__hand = hand;
  while ((task = next_task(hand)) != NULL) {
    prs__task_run(task, hand);
    bool forked = generation != prs__generation();
    if (forked) status = end_in_child(task);
    Py_DECREF(task);
    if (forked) break;
    prs__hand_rest(hand);
  }
  prs__hand = NULL;
  return status;
}
