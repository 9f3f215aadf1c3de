/* A native thread as a Packet: started, settled, and given up.
 *
 * What the function uses is in a list that the call keeps. A thread without a
 * GIL cannot drop it, so whoever lets go of the call second does it attached:
 * the packet, or, for a thread that nobody waits for any more, the next pending
 * call of the interpreter or the next native spawn. */
#include <stdlib.h>

#include "native.h"

/* ---- calls that ended on their own --------------------------------------- */

static _Atomic(prs_native_call_t *) ended;
static _Atomic bool scheduled;

static void destroy(prs_native_call_t *call) {
  Py_XDECREF((PyObject *)call->keep);
  free(call);
}

static void drain(void) {
  if (atomic_load_explicit(&ended, memory_order_relaxed) == NULL) return;
  prs_native_call_t *call = atomic_exchange(&ended, NULL);
  while (call != NULL) {
    prs_native_call_t *next = call->next;
    destroy(call);
    call = next;
  }
}

static int drain_pending(void *unused) {
  (void)unused;
  atomic_store(&scheduled, false); /* before the look: a later one asks anew */
  drain();
  return 0;
}

/* Without the GIL. When the queue of pending calls is full, the next spawn
 * does it. */
static void abandoned(prs_native_call_t *call) {
  call->next = atomic_load(&ended);
  while (!atomic_compare_exchange_weak(&ended, &call->next, call)) continue;
  if (!atomic_exchange(&scheduled, true) &&
      Py_AddPendingCall(drain_pending, NULL) < 0)
    atomic_store(&scheduled, false);
}

/* ---- start --------------------------------------------------------------- */

/* Returns: a call with a list of what it keeps; NULL with an exception set. */
static prs_native_call_t *new_call(PyObject *owner) {
  prs_native_call_t *call = calloc(1, sizeof *call);
  if (call == NULL) {
    (void)PyErr_NoMemory();
    return NULL;
  }
  call->abandoned = abandoned;
  call->keep = PyList_New(0);
  if (call->keep != NULL && PyList_Append(call->keep, owner) == 0) return call;
  destroy(call);
  return NULL;
}

/* Returns: as start(), or NULL with an exception set. */
static PyObject *start_call(prs_packet_object_t *self, prs_native_call_t *call,
                            const prs_start_t *wanted) {
  int os_error = 0;
  self->packet->runner = prs__table->native_runner;
  int status = prs__packet_spawn(self, call, wanted, &os_error);
  if (status == PRS_OK) {
    self->call = call;
    Py_RETURN_NONE;
  }
  destroy(call);
  if (status == PRS__RAISED) return NULL;
  return Py_BuildValue("(ii)", status, os_error);
}

PyObject *prs__start_native(prs_packet_object_t *self, PyObject *const *args,
                            Py_ssize_t count) {
  if (!prs__wants("start_native", count, 8)) return NULL;
  PyObject *signature = args[0];
  if (!prs__is_signature(signature)) return NULL;
  drain();
  prs_native_call_t *call = new_call(args[3]);
  if (call == NULL) return NULL;
  if (!prs__native_address(args[1], call) ||
      !prs__native_fill(call, signature, args[2], 0, call->keep)) {
    destroy(call);
    return NULL;
  }
  self->result_code = ((prs_signature_object_t *)signature)->result_code;
  if (args[4] != Py_None) self->judge = Py_NewRef(args[4]);
  prs_start_t wanted = {
      .name = args[5], .stack_size = args[6], .dedicated = args[7]};
  return start_call(self, call, &wanted);
}

/* ---- settle -------------------------------------------------------------- */

/* Returns: the panic that the result is, None, or NULL with an exception. */
static PyObject *judged(PyObject *judge, PyObject *value, int error) {
  if (judge == NULL) return Py_NewRef(Py_None);
  return PyObject_CallFunction(judge, "Oi", value, error);
}

static void leave_value(prs_packet_object_t *self, PyObject *value,
                        PyObject *panic) {
  bool failed = panic != Py_None;
  PyObject *kept = Py_NewRef(failed ? panic : value);
  PyObject *judge;
  prs_native_call_t *call;
  Py_BEGIN_CRITICAL_SECTION(self);
  call = self->call;
  judge = self->judge;
  self->call = NULL;
  self->judge = NULL;
  if (call != NULL) {
    self->value = kept;
    self->failed = failed;
    kept = NULL;
  }
  Py_END_CRITICAL_SECTION();
  Py_XDECREF(kept); /* another thread was faster */
  Py_XDECREF(judge);
  if (call != NULL && prs__table->native_let_go(call)) destroy(call);
}

bool prs__native_settle(prs_packet_object_t *self) {
  uint32_t state = prs__table->packet_state(self->packet);
  if (self->call == NULL || state != PRS_DONE) return true;
  prs_native_call_t copy;
  PyObject *judge = NULL;
  bool mine;
  Py_BEGIN_CRITICAL_SECTION(self);
  mine = self->call != NULL;
  if (mine) {
    copy.result = self->call->result;
    copy.error = self->call->error;
    judge = Py_XNewRef(self->judge);
  }
  Py_END_CRITICAL_SECTION();
  if (!mine) return true;
  PyObject *value = prs__native_result(&copy, self->result_code);
  PyObject *panic = value == NULL ? NULL : judged(judge, value, copy.error);
  if (panic != NULL) leave_value(self, value, panic);
  Py_XDECREF(judge);
  Py_XDECREF(value);
  Py_XDECREF(panic);
  return panic != NULL;
}

PyObject *prs__native_kept(const prs_packet_object_t *self) {
  prs_native_call_t *call = self->call;
  if (call == NULL || atomic_load(&call->fate) != PRS_NATIVE_ENDED) return NULL;
  return call->keep;
}

void prs__native_give_up(prs_packet_object_t *self) {
  prs_native_call_t *call = self->call;
  self->call = NULL;
  if (call == NULL) return;
  /* The thread of a fork's parent is not here: nobody uses any of it. */
  bool is_gone = prs__table->packet_state(self->packet) == PRS_FORKED;
  if (prs__table->native_let_go(call) || is_gone) destroy(call);
}
