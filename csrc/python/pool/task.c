/* Task: one call that a pool has accepted, how it runs and how it ends. */
#include "../../core/sync/prs_stop.h"
#include "pool.h"

PyTypeObject *prs__task_type;
prs_pool_rules_t prs__pool_rules;

/* ---- life ---------------------------------------------------------------- */

/* A task is out of sight of the collector until it has ended: its pool holds
 * it, so that it is garbage under no circumstances, and a million of them would
 * be looked at again and again. What it holds counts as held by somebody. */
static void hide(prs_task_t *task) { PyObject_GC_UnTrack(task); }

/* It has ended. What is left must hold something to be part of a cycle. */
static void show(prs_task_t *task) {
  bool holds = task->result != NULL && PyObject_IS_GC(task->result);
  if (!holds && task->pool->panic_handler == NULL) return;
  prs__task_show(task);
}

void prs__task_show(prs_task_t *task) {
  Py_BEGIN_CRITICAL_SECTION(task);
  if (!PyObject_GC_IsTracked((PyObject *)task)) PyObject_GC_Track(task);
  Py_END_CRITICAL_SECTION();
}

prs_task_t *prs__task_new(PyTypeObject *type, prs_pool_t *pool, int kind,
                          PyObject *function, PyObject *args,
                          PyObject *kwargs) {
  prs_task_t *task = (prs_task_t *)type->tp_alloc(type, 0);
  if (task == NULL) return NULL;
  task->kind = (uint8_t)kind;
  task->generation = prs__generation();
  task->pool = (prs_pool_t *)Py_NewRef((PyObject *)pool);
  task->function = Py_XNewRef(function);
  task->args = Py_XNewRef(args);
  task->kwargs = Py_XNewRef(kwargs);
  hide(task);
  return task;
}

bool prs__task_claim(prs_task_t *task) {
#ifdef PRS_UNDER_GIL
  if (atomic_load_explicit(&task->state, memory_order_relaxed) !=
      PRS_TASK_QUEUED)
    return false;
  atomic_store_explicit(&task->state, PRS_TASK_RUNS, memory_order_relaxed);
  return true;
#else
  uint32_t queued = PRS_TASK_QUEUED;
  return atomic_compare_exchange_strong(&task->state, &queued, PRS_TASK_RUNS);
#endif
}

bool prs__task_is_lost(prs_task_t *task) {
  if (task->generation == prs__generation() || prs__task_is_done(task))
    return false;
  /* The thread that forked goes on in the child, with what it runs. */
  prs_task_t *mine = prs__hand == NULL ? NULL : prs__hand_top(prs__hand);
  while (mine != NULL && mine != task) mine = mine->below;
  return mine == NULL;
}

/* ---- run ----------------------------------------------------------------- */

/* Wake the first joiners; each wakes the next. */
static void wake_some(prs_task_t *task, prs_wakes_t *wakes) {
  for (int i = 0; i < PRS_CHAIN; i++)
    if (prs__queue_claim(&task->joiners, NULL, wakes) == NULL) return;
}

static void publish(prs_task_t *task) {
  prs_wakes_t wakes = {NULL};
  prs__guard_enter(&task->guard);
  /* Partner: prs__task_is_done. */
  atomic_store_explicit(&task->state, PRS_TASK_DONE, memory_order_release);
  wake_some(task, &wakes);
  PyObject *bell = task->bell;
  task->bell = NULL;
  prs__guard_leave(&task->guard);
  if (wakes.first != NULL) prs_wakes_send(&wakes);
  if (bell == NULL) return;
  PyObject *told = PyObject_CallNoArgs(bell);
  if (told == NULL) PyErr_WriteUnraisable(bell);
  Py_XDECREF(told);
  Py_DECREF(bell);
}

static void chain(prs_task_t *task) {
  prs_wakes_t wakes = {NULL};
  prs__guard_enter(&task->guard);
  if (prs__task_is_done(task)) wake_some(task, &wakes);
  prs__guard_leave(&task->guard);
  prs_wakes_send(&wakes);
}

/* Tell Python of a panic; what fails there must not hide it. */
static void tell_panic(prs_task_t *task, PyObject *panic) {
  PyObject *told = Py_None;
  if ((task->kind & PRS_TASK_REPORTS) != 0) {
    PyObject *moved =
        (task->kind & PRS_TASK_MOVED) != 0 ? task->function : Py_None;
    PyObject *handler = task->pool->panic_handler;
    told =
        PyObject_CallFunctionObjArgs(prs__pool_rules.panicked, panic, moved,
                                     handler == NULL ? Py_None : handler, NULL);
    if (told == NULL) PyErr_WriteUnraisable(prs__pool_rules.panicked);
    Py_XDECREF(told);
  }
  if (task->on_panic == NULL) return;
  told = PyObject_CallOneArg(task->on_panic, panic);
  if (told == NULL) PyErr_WriteUnraisable(task->on_panic);
  Py_XDECREF(told);
}

static PyObject *call(prs_task_t *task) {
  if (task->args == NULL) return PyObject_CallNoArgs(task->function);
  return PyObject_Call(task->function, task->args, task->kwargs);
}

static void run_call(prs_task_t *task) {
  PyObject *result = call(task);
  if (result != NULL && (task->kind & PRS_TASK_REPORTS) != 0 &&
      !prs__may_be_result(result))
    Py_CLEAR(result);
  if (result == NULL) {
    result = prs__raised();
    task->failed = true;
    tell_panic(task, result);
  }
  task->result = result;
}

static void run_future(prs_task_t *task) {
  if (!prs__future_begin(task)) return;
  atomic_fetch_add(&task->pool->keeping, 1);
  PyObject *result = call(task);
  PyObject *exception = result == NULL ? prs__raised() : NULL;
  Py_CLEAR(task->function);
  Py_CLEAR(task->args);
  Py_CLEAR(task->kwargs);
  prs__future_finish(task, result, exception);
  atomic_fetch_sub(&task->pool->keeping, 1);
  Py_XDECREF(result);
  Py_XDECREF(exception);
}

static void drop_call(prs_task_t *task) {
  Py_CLEAR(task->function);
  Py_CLEAR(task->args);
  Py_CLEAR(task->kwargs);
  Py_CLEAR(task->on_panic);
}

void prs__task_drop(prs_task_t *task) {
  drop_call(task);
  publish(task);
}

void prs__task_run(prs_task_t *task, prs_hand_t *hand) {
  if (hand != NULL) {
    task->below = prs__hand_top(hand);
    prs__hand_set_top(hand, task);
    atomic_store_explicit(&task->hand, hand, memory_order_relaxed);
  }
  if ((task->kind & PRS_TASK_FUTURE) != 0)
    run_future(task);
  else if ((task->kind & PRS_TASK_BULK) != 0)
    prs__bulk_run(task->function);
  else
    run_call(task);
  drop_call(task);
  show(task);
  if (hand != NULL) {
    prs__hand_set_top(hand, task->below);
    task->below = NULL;
    atomic_store_explicit(&task->hand, NULL, memory_order_relaxed);
  }
  publish(task);
  if ((task->kind & PRS_TASK_FUTURE) != 0) prs__pool_kept_promise(task->pool);
}

/* ---- wait ---------------------------------------------------------------- */

bool prs__task_is_mine(prs_task_t *task, prs_hand_t *hand) {
  for (prs_task_t *mine = prs__hand_top(hand); mine != NULL; mine = mine->below)
    if (mine == task) return true;
  return false;
}

/* Returns: whether something was run. */
static bool help(prs_task_t *task, prs_hand_t *hand) {
  if ((task->kind & PRS_TASK_PINNED) == 0 && prs__task_claim(task)) {
    prs__pool_forget_newest(hand, task);
    prs__task_run(task, hand);
    return true;
  }
  prs_task_t *other = prs__pool_help(hand, task);
  if (other == NULL) return false;
  prs__task_run(other, hand);
  Py_DECREF(other);
  prs__hand_rest(hand);
  return true;
}

/* Put the waiter into the task's queue. Returns: false when it has ended. */
static bool stand(prs_task_t *task, prs_node_t *node) {
  prs__guard_enter(&task->guard);
  bool runs = !prs__task_is_done(task);
  if (runs) prs__queue_push(&task->joiners, node);
  prs__guard_leave(&task->guard);
  return runs;
}

static void leave(prs_task_t *task, prs_node_t *node) {
  prs__guard_enter(&task->guard);
  prs__queue_remove(node);
  prs__guard_leave(&task->guard);
}

/* How a wait may end before its task does. */
typedef struct limits {
  uint64_t timeout;
  const char *call; /* the method that waits */
  PyObject *stop;   /* a StopToken or NULL */
  bool surely;      /* not before */
} limits_t;

/* Sleep until the task has ended or there is something to help with. */
static int sleep_once(prs_task_t *task, prs_hand_t *hand,
                      const limits_t *limits) {
  const prs_reason_t reason = {(PyObject *)task, limits->call, limits->stop};
  prs_waiter_t *waiter = limits->surely ? prs_waiter_new(3) : prs__waiter(3);
  if (waiter == NULL) {
    if (limits->surely) PyErr_NoMemory();
    return PRS__RAISED;
  }
  int status = PRS_OK;
  if (stand(task, &waiter->nodes[0])) {
    if (hand != NULL) prs__pool_stand(hand, &waiter->nodes[1]);
    if (hand != NULL && prs__pool_has_help(hand, task))
      (void)prs__give_up(waiter);
    else
      status = prs__block_for(waiter, &reason, limits->timeout);
    leave(task, &waiter->nodes[0]);
    if (hand != NULL) prs__pool_leave(hand->pool, &waiter->nodes[1]);
    chain(task);
  }
  prs_waiter_free(waiter);
  return status == PRS__RAISED_LATE ? PRS__RAISED : status;
}

static bool is_stopped(PyObject *token) {
  return token != NULL && prs_stop_is_stopped(prs__stop_of(token));
}

static int wait_for(prs_task_t *task, limits_t limits) {
  prs_hand_t *hand = prs__hand_of(task->pool);
  uint64_t timeout = limits.timeout;
  uint64_t began = timeout == PRS_FOREVER ? 0 : prs__table->now();
  while (!prs__task_is_done(task)) {
    if (prs__task_is_lost(task)) return PRS_EAGAIN;
    if (hand != NULL && prs__task_is_mine(task, hand)) return PRS_EDEADLK;
    if (is_stopped(limits.stop)) {
      prs__raise_stopped();
      return PRS__RAISED;
    }
    if (timeout == 0) return PRS_ETIMEDOUT;
    if (hand != NULL && help(task, hand)) continue;
    if (timeout != PRS_FOREVER) {
      uint64_t spent = prs__table->now() - began;
      if (spent >= timeout) return PRS_ETIMEDOUT;
      limits.timeout = timeout - spent;
    }
    int status = sleep_once(task, hand, &limits);
    if (status == PRS__RAISED || status == PRS_ETIMEDOUT) return status;
  }
  return PRS_OK;
}

int prs__task_wait(prs_task_t *task, uint64_t timeout, const char *call,
                   PyObject *stop) {
  Py_INCREF(task);
  int status = wait_for(
      task, (limits_t){.timeout = timeout, .call = call, .stop = stop});
  Py_DECREF(task);
  return status;
}

PyObject *prs__task_wait_for_sure(prs_task_t *task, const char *call) {
  const limits_t none = {.timeout = PRS_FOREVER, .call = call, .surely = true};
  PyObject *first = NULL;
  while (wait_for(task, none) == PRS__RAISED) {
    PyObject *error = prs__raised();
    if (first == NULL)
      first = error;
    else
      Py_DECREF(error);
  }
  return first;
}

PyObject *prs__task_outcome(prs_task_t *task) {
  if (!prs__task_is_done(task)) {
    PyObject *error = PyObject_CallNoArgs(prs__pool_rules.lost);
    if (error != NULL) prs__raise_again(error);
    return NULL;
  }
  PyObject *result = task->result;
  task->result = NULL;
  if (!task->failed) return result;
  prs__raise_again(result);
  return NULL;
}
