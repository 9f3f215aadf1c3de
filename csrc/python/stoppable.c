/* Stoppable: how a stop token ends a wait that is not for a waiter, but for a
 * packet or a parker of `_native`.
 *
 * The thread sleeps on another object's word, so that it cannot be claimed. A
 * waiter stands in the token's queue in its place; who claims that sets a flag
 * and has the thread look at it. */
#include "objects.h"

#include "../core/sync/prs_stop.h"

#define STOPPED 3 /* no status, and none of PRS__RAISED */

/* Of two: the thread that waits, and the queue's right to the waiter. */
typedef struct stoppable {
  _Atomic uint32_t refs;
  _Atomic uint32_t ends;
  const prs_stoppable_t *how;
  void *object;
  prs_waiter_t *waiter;
} stoppable_t;

static void let_go(stoppable_t *self, uint32_t refs) {
  if (atomic_fetch_sub(&self->refs, refs) != refs) return;
  self->how->unref(self->object);
  prs_waiter_free(self->waiter);
  PyMem_RawFree(self);
}

static void end_wait(prs_waiter_t *waiter) {
  stoppable_t *self = waiter->context;
  atomic_store(&self->ends, 1);
  self->how->interrupt(self->object);
  let_go(self, 1);
}

/* Returns: NULL with an exception set. */
static stoppable_t *new_stoppable(const prs_stoppable_t *how, void *object) {
  stoppable_t *self = PyMem_RawCalloc(1, sizeof *self);
  prs_waiter_t *waiter = self == NULL ? NULL : prs_waiter_new(1);
  if (waiter == NULL) {
    PyMem_RawFree(self);
    PyErr_NoMemory();
    return NULL;
  }
  waiter->notify = end_wait;
  waiter->context = self;
  how->ref(object);
  atomic_init(&self->refs, 2);
  self->how = how;
  self->object = object;
  self->waiter = waiter;
  return self;
}

/* In the child of a fork the token has forgotten its queue. */
static int wait_in_queue(void *arg, uint64_t timeout) {
  stoppable_t *self = arg;
  if (self->waiter->generation != prs__generation()) return PRS_EAGAIN;
  int status = self->how->wait(self->object, timeout, &self->ends);
  return status == PRS_EINTR && atomic_load(&self->ends) ? STOPPED : status;
}

/* Returns: a status; PRS__RAISED; STOPPED. */
static int wait_once(const prs_stoppable_t *how, void *object, uint64_t timeout,
                     prs_stop_t *stop) {
  stoppable_t *self = new_stoppable(how, object);
  if (self == NULL) return PRS__RAISED;
  prs_node_t *node = &self->waiter->nodes[0];
  if (!prs_stop_enter(stop, node)) {
    let_go(self, 2);
    return STOPPED;
  }
  int status = prs__wait_with(wait_in_queue, self, object, timeout);
  prs_wakes_t wakes = {NULL};
  bool nobody_came = prs_waiter_cancel(self->waiter);
  prs_stop_leave(stop, node, &wakes);
  prs_wakes_send(&wakes);
  let_go(self, nobody_came ? 2 : 1);
  return status;
}

static int wait_plainly(void *arg, uint64_t timeout) {
  stoppable_t *self = arg;
  return self->how->wait(self->object, timeout, NULL);
}

int prs__wait_or_stop(const prs_stoppable_t *how, void *object,
                      uint64_t timeout, PyObject *token) {
  stoppable_t plain = {.how = how, .object = object};
  if (token == NULL)
    return prs__wait_with(wait_plainly, &plain, object, timeout);
  uint64_t began = prs__table->now();
  int status = prs__wait_with(wait_plainly, &plain, object, 0);
  if (status != PRS_ETIMEDOUT) return status;
  Py_INCREF(token);
  do {
    uint64_t spent = timeout == PRS_FOREVER ? 0 : prs__table->now() - began;
    uint64_t left = spent < timeout ? timeout - spent : 0;
    status = wait_once(how, object, left, prs__stop_of(token));
  } while (status == PRS_EAGAIN);
  Py_DECREF(token);
  if (status != STOPPED) return status;
  prs__raise_stopped();
  return PRS__RAISED;
}
