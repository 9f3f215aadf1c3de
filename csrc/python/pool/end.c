/* End: how a pool is closed, drained at exit and emptied in the child of a
 * fork. */
#include <stdlib.h>

#include "pool.h"

static void wake_everybody(prs_pool_t *self, prs_wakes_t *wakes) {
  while (prs__queue_claim(&self->idle, NULL, wakes) != NULL) {
    atomic_fetch_sub(&self->sleepers, 1);
    atomic_fetch_add(&self->searching, 1);
  }
}

PyObject *prs__pool_close(prs_pool_t *self, PyObject *unused) {
  (void)unused;
  prs_wakes_t wakes = {NULL};
  prs__guard_enter(&self->guard);
  atomic_store(&self->closed, true);
  if (self->generation == prs__generation()) wake_everybody(self, &wakes);
  prs__guard_leave(&self->guard);
  prs_wakes_send(&wakes);
  Py_RETURN_NONE;
}

void prs__pool_kept_promise(prs_pool_t *pool) {
  if (atomic_fetch_sub(&pool->promised, 1) != 1) return;
  prs_wakes_t wakes = {NULL};
  prs__guard_enter(&pool->guard);
  while (prs__queue_claim(&pool->draining, NULL, &wakes) != NULL) continue;
  prs__guard_leave(&pool->guard);
  prs_wakes_send(&wakes);
}

static bool stand_for_drain(prs_pool_t *self, prs_node_t *node) {
  prs__guard_enter(&self->guard);
  bool waits = atomic_load(&self->promised) != 0;
  if (waits) prs__queue_push(&self->draining, node);
  prs__guard_leave(&self->guard);
  return waits;
}

static int wait_for_drain(prs_pool_t *self, uint64_t timeout) {
  prs_waiter_t *waiter = prs__waiter(1);
  if (waiter == NULL) return PRS__RAISED;
  int status = PRS_OK;
  if (stand_for_drain(self, &waiter->nodes[0])) {
    status = prs__block(waiter, timeout);
    prs__guard_enter(&self->guard);
    prs__queue_remove(&waiter->nodes[0]);
    prs__guard_leave(&self->guard);
  }
  prs_waiter_free(waiter);
  return status;
}

/* drain(timeout): take no Future any more and wait until every one is finished.
 * Returns: whether they are. */
PyObject *prs__pool_drain(prs_pool_t *self, PyObject *timeout) {
  uint64_t limit;
  if (!prs__timeout_from(timeout, &limit)) return NULL;
  prs__guard_enter(&self->guard);
  self->promises_nothing = true;
  prs__guard_leave(&self->guard);
  while (atomic_load(&self->promised) != 0) {
    int status = wait_for_drain(self, limit);
    if (status == PRS__RAISED || status == PRS__RAISED_LATE) return NULL;
    if (status == PRS_ETIMEDOUT) Py_RETURN_FALSE;
  }
  Py_RETURN_TRUE;
}

/* Take one more queued task out of the pool, or NULL. */
static prs_task_t *take_queued(prs_pool_t *self) {
  prs__guard_enter(&self->guard);
  prs_task_t *task = prs__bag_take(&self->injector);
  if (task != NULL) atomic_fetch_sub(&self->injected, 1);
  for (uint32_t i = 0; task == NULL && i < self->count; i++) {
    task = prs__bag_take(&self->hands[i].inbox);
    if (task != NULL) atomic_fetch_sub(&self->hands[i].letters, 1);
  }
  prs__guard_leave(&self->guard);
  for (uint32_t i = 0; task == NULL && i < self->count; i++) {
    uintptr_t item;
    int status = PRS_STEAL_AGAIN;
    while (status == PRS_STEAL_AGAIN)
      status = prs_deque_steal(&self->hands[i].deque, 0, &item);
    if (status == PRS_STEAL_TAKEN) task = prs__untagged(item);
  }
  return task;
}

static int note_future(PyObject *list, prs_task_t *task) {
  if ((task->kind & PRS_TASK_FUTURE) == 0 || prs__task_is_done(task)) return 0;
  return PyList_Append(list, (PyObject *)task);
}

/* queued_futures(): those whose call has not begun; futures are only ever in
 * the line. */
PyObject *prs__pool_queued_futures(prs_pool_t *self, PyObject *unused) {
  (void)unused;
  PyObject *list = PyList_New(0);
  size_t count = list == NULL ? 0 : atomic_load(&self->injected);
  prs_task_t **tasks = calloc(count + 1, sizeof *tasks);
  if (list == NULL || tasks == NULL) {
    free(tasks);
    Py_XDECREF(list);
    return PyErr_NoMemory();
  }
  prs__guard_enter(&self->guard);
  prs_bag_t *bag = &self->injector;
  size_t found = bag->count < count ? bag->count : count;
  for (size_t i = 0; i < found; i++) {
    tasks[i] = bag->tasks[(bag->head + i) & (bag->space - 1)];
    Py_INCREF(tasks[i]);
  }
  prs__guard_leave(&self->guard);
  int status = 0;
  for (size_t i = 0; i < found; i++) {
    if (status == 0) status = note_future(list, tasks[i]);
    Py_DECREF(tasks[i]);
  }
  free(tasks);
  if (status == 0) return list;
  Py_DECREF(list);
  return NULL;
}

static void forget_parent(prs_pool_t *pool) {
  pool->generation = prs__generation();
  prs__queue_forget(&pool->idle);
  prs__queue_forget(&pool->helpers);
  prs__queue_forget(&pool->draining);
  atomic_store(&pool->sleepers, 0);
  atomic_store(&pool->waiting, 0);
  atomic_store(&pool->searching, 0);
  atomic_store(&pool->promised, 0);
  atomic_store(&pool->keeping, 0);
  atomic_store(&pool->closed, true);
}

/* abandon(): in the child of a fork, empty the pool of what will never run.
 * Returns: the futures that were not finished. */
PyObject *prs__pool_abandon(prs_pool_t *self, PyObject *unused) {
  (void)unused;
  PyObject *list = PyList_New(0);
  if (list == NULL) return NULL;
  if (self->generation == prs__generation()) return list;
  forget_parent(self);
  int status = 0;
  for (uint32_t i = 0; i < self->count; i++) {
    prs_hand_t *hand = &self->hands[i];
    for (prs_task_t *task = prs__hand_top(hand); task != NULL;
         task = task->below)
      if (hand != prs__hand && status == 0) status = note_future(list, task);
  }
  prs_task_t *task;
  while ((task = take_queued(self)) != NULL) {
    if (status == 0) status = note_future(list, task);
    Py_DECREF(task);
  }
  if (status == 0) return list;
  Py_DECREF(list);
  return NULL;
}
