/* Locks: a value is put in from outside of a guard, and moves as it does. */
#include "locks.h"

/* Lock for writing, exchange the value, and unlock. The guard is seen by
 * nobody, so that its type does not matter. Returns: the old value. NULL:
 * `*error` is the `Err` that gives the new one back, or NULL with an exception
 * set. Owner:   consumes `value`. */
static PyObject *exchange(prs_lockable_t *self, PyObject *value,
                          const char *name, PyObject **error) {
  prs_call_t call = {.name = name, .timeout = PRS_FOREVER};
  int status;
  prs_hold_t *hold =
      prs__hold_enter(self, prs__mutex_guard, true, &call, &status);
  *error = NULL;
  if (hold == NULL) {
    Py_DECREF(value);
    return NULL;
  }
  PyObject *old = NULL;
  if (prs__lock_is_poisoned(self)) {
    *error = prs__err(prs__lock_error(PRS_POISONED, value));
  } else {
    old = self->value != NULL ? self->value : Py_NewRef(Py_None); /* cleared */
    self->value = value;
  }
  prs__hold_release(hold, false);
  Py_DECREF(hold);
  return old;
}

const char prs__set_doc[] =
    "set(value, /)\n--\n\n"
    "Lock, put a value in and unlock: Rust's `Mutex::set` and "
    "`RwLock::set`.\n\n"
    "The old value is dropped after the lock has been released.\n\n"
    "Args:\n"
    "    value: what to put in; by position only. It moves into the lock.\n\n"
    "Returns:\n"
    "    `Ok(None)`; `Err(PoisonError(value))`, which gives the new value back."
    "\n\n"
    "Raises:\n"
    "    OwnershipError: somebody else goes on using the value; nothing has "
    "happened.\n"
    "    DeadlockError, UseAfterMoveError, RuntimeError: as `lock` and `write`."
    "\n\n"
    "Blocks: as `lock` and `write`.\n"
    "Thread safety: any thread.\n\n"
    ">>> from pythread_rs.sync import Mutex\n"
    ">>> mutex = Mutex(1)\n"
    ">>> mutex.set(2), mutex\n"
    "(Ok(None), Mutex { data: 2, poisoned: false, .. })";

PyObject *prs__lock_set(prs_lockable_t *self, PyObject *const *args,
                        Py_ssize_t count) {
  static const prs_sink_t sink = {
      .method = (PyCFunction)(void (*)(void))prs__lock_set};
  if (!prs__wants("set", count, 1)) return NULL;
  PyObject *error;
  PyObject *value = prs__take_over(args, &sink);
  if (value == NULL) return NULL;
  PyObject *old = exchange(self, value, "set", &error);
  if (old == NULL) return error;
  Py_DECREF(old);
  return prs__ok_none();
}

const char prs__replace_doc[] =
    "replace(value, /)\n--\n\n"
    "Put a value in and return the old one: Rust's `Mutex::replace` and "
    "`RwLock::replace`.\n\n"
    "Args:\n"
    "    value: what to put in; by position only. It moves into the lock.\n\n"
    "Returns:\n"
    "    `Ok(old)`; `Err(PoisonError(value))`, which gives the new value back."
    "\n\n"
    "Raises:\n"
    "    OwnershipError: somebody else goes on using the value; nothing has "
    "happened.\n"
    "    DeadlockError, UseAfterMoveError, RuntimeError: as `lock` and `write`."
    "\n\n"
    "Blocks: as `lock` and `write`.\n"
    "Thread safety: any thread.\n\n"
    ">>> from pythread_rs.sync import RwLock\n"
    ">>> RwLock(1).replace(2)\n"
    "Ok(1)";

PyObject *prs__lock_replace(prs_lockable_t *self, PyObject *const *args,
                            Py_ssize_t count) {
  static const prs_sink_t sink = {
      .method = (PyCFunction)(void (*)(void))prs__lock_replace};
  if (!prs__wants("replace", count, 1)) return NULL;
  PyObject *error;
  PyObject *value = prs__take_over(args, &sink);
  if (value == NULL) return NULL;
  PyObject *old = exchange(self, value, "replace", &error);
  return old == NULL ? error : prs__ok(old);
}
