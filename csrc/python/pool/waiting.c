/* Waiting: what a pool does for a caller who waits for it, and so may borrow.
 */
#include <stdlib.h>

#include "../ownership/ownership.h"
#include "pool.h"

/* Wait for a task that borrows and take its outcome; Ctrl-C comes after it. */
static PyObject *finish(prs_task_t *task) {
  PyObject *interrupt = prs__task_wait_for_sure(task, PRS_BORROWING);
  PyObject *result = prs__task_outcome(task);
  if (interrupt != NULL) {
    if (result == NULL) PyErr_Clear();
    Py_CLEAR(result);
    prs__raise_again(interrupt);
  }
  return result;
}

/* _run_here(): let a worker of its pool run it now, if nobody has begun it. */
PyObject *prs__task_run_here(prs_task_t *self, PyObject *unused) {
  (void)unused;
  prs_hand_t *hand = prs__hand_of(self->pool);
  if (hand == NULL || (self->kind & PRS_TASK_PINNED) != 0 ||
      prs__task_is_lost(self) || !prs__task_claim(self))
    Py_RETURN_NONE;
  Py_INCREF(self);
  prs__task_run(self, hand);
  Py_DECREF(self);
  Py_RETURN_NONE;
}

/* _bell(make): what is rung when the task has ended; None when `join` does not
 * wait. */
PyObject *prs__task_bell(prs_task_t *self, PyObject *make) {
  prs_hand_t *hand = prs__hand_of(self->pool);
  if (hand != NULL && prs__task_is_mine(self, hand)) Py_RETURN_NONE;
  if (prs__task_is_done(self) || prs__task_is_lost(self)) Py_RETURN_NONE;
  PyObject *made = PyObject_CallNoArgs(make);
  if (made == NULL) return NULL;
  PyObject *bell = NULL;
  prs__guard_enter(&self->guard);
  if (!prs__task_is_done(self)) {
    if (self->bell == NULL) self->bell = Py_NewRef(made);
    bell = Py_NewRef(self->bell);
  }
  prs__guard_leave(&self->guard);
  Py_DECREF(made);
  return bell != NULL ? bell : Py_NewRef(Py_None);
}

/* install(function): call it on a worker and wait. */
PyObject *prs__pool_install(prs_pool_t *self, PyObject *function) {
  if (prs__hand_of(self) != NULL) return PyObject_CallNoArgs(function);
  prs_task_t *task = prs__task_new(prs__task_type, self, PRS_TASK_BORROWS,
                                   function, NULL, NULL);
  if (task == NULL) return NULL;
  PyObject *result = prs__pool_push(self, task, false) ? finish(task) : NULL;
  Py_DECREF(task);
  return result;
}

/* Wait for the second half while the outcome of the first one is at hand.
 * Owner: consumes `first`; NULL with an exception set is an outcome, too. */
static PyObject *join_second(PyObject *first, prs_task_t *task) {
  PyObject *panic = first == NULL ? prs__raised() : NULL;
  PyObject *second = finish(task);
  if (panic != NULL) {
    if (second == NULL) PyErr_Clear();
    Py_XDECREF(second);
    prs__raise_again(panic);
    return NULL;
  }
  PyObject *both = second == NULL ? NULL : PyTuple_Pack(2, first, second);
  Py_XDECREF(second);
  Py_DECREF(first);
  return both;
}

/* What may run at the same time, without what wraps it.
 * Returns: a pair; NULL with E0499 or E0502 set: one changes what the other
 *          uses. */
static PyObject *lent(PyObject *a, PyObject *b) {
  if (prs__is_harmless(a) && prs__is_harmless(b)) return PyTuple_Pack(2, a, b);
  return PyObject_CallFunctionObjArgs(prs__pool_rules.lend, a, b, NULL);
}

static PyObject *join_both(prs_pool_t *self, PyObject *a, PyObject *b) {
  prs_task_t *task =
      prs__task_new(prs__task_type, self, PRS_TASK_BORROWS, b, NULL, NULL);
  if (task == NULL) return NULL;
  PyObject *both = NULL;
  if (prs__pool_push(self, task, false))
    both = join_second(PyObject_CallNoArgs(a), task);
  Py_DECREF(task);
  return both;
}

/* join(a, b), on a worker. */
PyObject *prs__pool_join(prs_pool_t *self, PyObject *const *args,
                         Py_ssize_t count) {
  if (!prs__wants("join", count, 2)) return NULL;
  PyObject *pair = lent(args[0], args[1]);
  if (pair == NULL) return NULL;
  PyObject *both =
      join_both(self, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
  Py_DECREF(pair);
  return both;
}

/* Post a task to each worker. Returns: how many were posted. */
static uint32_t post_all(prs_pool_t *self, PyObject *functions,
                         prs_task_t **tasks) {
  const int kind = PRS_TASK_BORROWS | PRS_TASK_PINNED;
  for (uint32_t i = 0; i < self->count; i++) {
    tasks[i] = prs__task_new(prs__task_type, self, kind,
                             PyTuple_GET_ITEM(functions, i), NULL, NULL);
    if (tasks[i] == NULL) return i;
    if (prs__pool_post(self, i, tasks[i])) continue;
    Py_DECREF(tasks[i]);
    return i;
  }
  return self->count;
}

/* Put outcome `i` into the list; the first exception stays. */
static PyObject *collect(PyObject *results, uint32_t i, prs_task_t *task) {
  PyObject *result = finish(task);
  Py_DECREF(task);
  if (result == NULL) {
    Py_XDECREF(results);
    return NULL;
  }
  if (results == NULL)
    Py_DECREF(result);
  else
    PyList_SET_ITEM(results, i, result);
  return results;
}

/* broadcast(functions): one for each worker, in a tuple. */
PyObject *prs__pool_broadcast(prs_pool_t *self, PyObject *functions) {
  if (!PyTuple_Check(functions) || PyTuple_GET_SIZE(functions) != self->count) {
    PyErr_SetString(PyExc_TypeError, "broadcast() takes one function a worker");
    return NULL;
  }
  prs_task_t **tasks = calloc(self->count, sizeof *tasks);
  if (tasks == NULL) return PyErr_NoMemory();
  uint32_t posted = post_all(self, functions, tasks);
  PyObject *error = posted < self->count ? prs__raised() : NULL;
  PyObject *results = error == NULL ? PyList_New(self->count) : NULL;
  if (results == NULL && error == NULL) error = prs__raised();
  for (uint32_t i = 0; i < posted; i++) {
    results = collect(results, i, tasks[i]);
    if (results != NULL || !PyErr_Occurred()) continue;
    PyObject *panic = prs__raised();
    if (error == NULL)
      error = panic;
    else
      Py_DECREF(panic);
  }
  free(tasks);
  if (error != NULL) prs__raise_again(error);
  return results;
}
