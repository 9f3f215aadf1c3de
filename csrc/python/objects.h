/* What the files of the module `_objects` share. */
#ifndef PRS_OBJECTS_H
#define PRS_OBJECTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "table.h"

/* Critical sections came with free threading; under the GIL they are empty. */
#ifndef Py_BEGIN_CRITICAL_SECTION
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#endif

/* Set once, by connect(), before any type is used. */
extern const prs_table_t *prs__table;

/* Returns: false with an exception set before connect(). */
bool prs__is_connected(void);

int prs__add_type(PyObject *module, PyType_Spec *spec);
/* The same for a type that Python classes are built on.
 * Returns: the type, kept for ever; NULL with an exception set. */
PyTypeObject *prs__add_base_type(PyObject *module, PyType_Spec *spec);
int prs__add_channel_type(PyObject *module);
int prs__add_sender_type(PyObject *module);
int prs__add_receiver_type(PyObject *module);
PyObject *prs__make_channel(PyObject *module, PyObject *args);
PyObject *prs__set_refusals(PyObject *module, PyObject *callables);
int prs__add_atomics(PyObject *module);
int prs__add_barrier_type(PyObject *module);
int prs__add_once_types(PyObject *module);
int prs__add_ownership(PyObject *module);
int prs__add_arc_type(PyObject *module);
int prs__add_bulk_type(PyObject *module);
int prs__add_pool_type(PyObject *module);
int prs__add_task_type(PyObject *module);
int prs__add_future_type(PyObject *module);
int prs__add_packet_type(PyObject *module);
int prs__add_parker_type(PyObject *module);
int prs__add_results(PyObject *module);
int prs__add_scope_type(PyObject *module);
int prs__add_select(PyObject *module);
int prs__add_sending_type(PyObject *module);
int prs__add_oneshot_types(PyObject *module);
int prs__add_ticket_type(PyObject *module);
int prs__add_timer_type(PyObject *module);
int prs__add_stop_type(PyObject *module);
int prs__add_token_type(PyObject *module);
int prs__add_wait_group_type(PyObject *module);
int prs__add_weak_type(PyObject *module);
int prs__add_trace(PyObject *module);

/* Who takes a value over, and by which rule. */
typedef struct prs_sink {
  PyCFunction method; /* the C function that is called with it; or NULL */
  PyTypeObject *const *type; /* the type that is called with it; or NULL */
  bool sync; /* it must be Sync, and others may hold it, as in an `Arc` */
} prs_sink_t;

/* As prs__take_over(), for what is not of the commonest types. */
PyObject *prs__take_over_slowly(PyObject *const *slot, const prs_sink_t *sink);

/* Take over a value from the Python code that calls a C function of ours with
 * it. It leaves the variables of the caller that are never read again, and the
 * place where it stands.
 * `slot`: where it stands in the vectorcall arguments (METH_FASTCALL, or a
 *   type's tp_vectorcall). `*slot` must not be used afterwards.
 * Returns: a new reference, what is to be stored; NULL with an exception set,
 *   an OwnershipError as a rule, and nothing changed.
 * Blocks:  no; it may run Python code.
 * Threads: any. */
static inline PyObject *prs__take_over(PyObject *const *slot,
                                       const prs_sink_t *sink) {
  PyTypeObject *type = Py_TYPE(*slot);
  if (type == &PyLong_Type || type == &PyUnicode_Type ||
      type == &PyFloat_Type || type == &PyBytes_Type || type == &PyBool_Type ||
      *slot == Py_None)
    return Py_NewRef(*slot);
  return prs__take_over_slowly(slot, sink);
}
int prs__add_lockable(PyObject *module);
int prs__add_guard_types(PyObject *module);
int prs__add_mutex_type(PyObject *module);
int prs__add_rwlock_type(PyObject *module);
int prs__add_reentrant_type(PyObject *module);
int prs__add_condvar_type(PyObject *module);

/* Tell whether a thread may leave a value to whoever joins it.
 * Returns: false with an exception set. */
bool prs__may_be_result(PyObject *value);

/* Wait for one started, unfinished packet of a list of packets.
 * Returns: false when there is none; `*raised` tells of an exception set. */
bool prs__wait_for_one(PyObject *list, bool *raised);

/* Make an `Ok(value)` or an `Err(error)`. The argument is stolen, also on
 * failure; NULL, with an exception set, passes through.
 * Returns: a new reference, or NULL with an exception set. */
PyObject *prs__ok(PyObject *value);
PyObject *prs__err(PyObject *error);

/* Whether it is the class of `Ok`, of an earlier import too, which was made in
 * Python though its instances are freed by C. */
bool prs__is_result_class(PyTypeObject *type);

/* The same as prs__ok(None); under the GIL one object serves all calls. */
PyObject *prs__ok_none(void);

/* Where an `Ok` that nobody else has seen yet keeps its value.
 * Returns: NULL when it is none. */
PyObject **prs__ok_content(PyObject *result);

/* The exception that is set, taken: a new reference; and raised, stolen. */
PyObject *prs__raised(void);
void prs__raise_again(PyObject *exception);

/* A blocking function of the layer and its object. */
typedef int (*prs_waiting_t)(void *object, uint64_t timeout);

/* Wait without the GIL; on the main thread in slices, with a look at signals
 * between them.
 * Returns: a status, or PRS__RAISED with an exception set. */
#define PRS__RAISED 1
int prs__wait_interruptibly(prs_waiting_t wait, void *object, uint64_t timeout);
/* The same when the function takes something else; a trace names `object`. */
int prs__wait_with(prs_waiting_t wait, void *arg, const void *object,
                   uint64_t timeout);

/* ---- trace/ -------------------------------------------------------------- */

/* Whether a trace is being written; see trace/trace.h. */
extern _Atomic bool prs__traces;
static inline bool prs__is_traced(void) {
  return atomic_load_explicit(&prs__traces, memory_order_relaxed);
}
void prs__trace_wait(const void *object);
void prs__trace_waited(void);
/* A word of a Parker or a Token, for the trace: which unpark its token is from.
 * Returns: NULL for another object. */
_Atomic uint64_t *prs__token_mark(PyObject *object);
_Atomic uint64_t *prs__parker_mark(PyObject *object);

/* ---- blocking.c ---------------------------------------------------------- */

/* Ask, before a wait, whether waits are still allowed: not after the exit gate
 * has closed. Returns: false with an exception set. */
bool prs__may_block(void);

/* A waiter for the calling thread. Returns: NULL with an exception set. */
prs_waiter_t *prs__waiter(uint32_t count);

/* Wait for a waiter whose nodes are queued. Afterwards nobody claims it any
 * more; those of its nodes that were not claimed are still in their queues.
 * Returns: PRS_OK when it is finished; else it was cancelled: PRS_ETIMEDOUT;
 *          PRS_EAGAIN in the child of a fork: start over; PRS__RAISED with an
 *          exception set. PRS__RAISED_LATE: finished, and an exception is set.
 * Blocks:  detached; Ctrl-C is seen on the main thread. */
#define PRS__RAISED_LATE 2
int prs__block(prs_waiter_t *waiter, uint64_t timeout);
/* The same; whom the caller has to wake is woken detached, so that he does not
 * find the GIL taken. They must be threads. */
int prs__block_waking(prs_waiter_t *waiter, prs_wakes_t *wakes,
                      uint64_t timeout);

/* Whether the calling thread can promise to come back from a wait before it
 * runs any Python code, so that others may be left to it: not the main thread,
 * which handles signals, nor one that a stop may wake. On a free-threaded build
 * those who wait need not be let go one by one. */
bool prs__passes_on(PyObject *stop);

/* Read a moment of time.monotonic() as nanoseconds from now. */
bool prs__deadline_from(PyObject *moment, uint64_t *out);
/* Give up a waiter that was queued and is not going to be waited for.
 * Returns: false when it is finished. */
bool prs__give_up(prs_waiter_t *waiter);
/* Check how many positional arguments a method got. */
bool prs__wants(const char *name, Py_ssize_t count, Py_ssize_t wanted);
/* The same, and read the keyword `stop`; NULL for none. */
bool prs__read_stop(const char *name, PyObject *const *args, Py_ssize_t count,
                    Py_ssize_t wanted, PyObject *names, PyObject **stop);

/* ---- deadlock.c ---------------------------------------------------------- */

/* Whether PYTHREAD_RS_DEADLOCK asks for the graph of waits. */
extern bool prs__watches;
PyObject *prs__set_watch(PyObject *module, PyObject *args);
PyObject *prs__count_waking(PyObject *module, PyObject *unused);
PyObject *prs__forget_waking(PyObject *module, PyObject *unused);
bool prs__watch_wait(PyObject *object, const char *what, uint64_t timeout);
void prs__watch_waited(void);
void prs__watch_acquired(PyObject *object, bool shared);
void prs__watch_released(PyObject *object);

/* Before a wait for `object`, and `what` the call is. Returns: false with
 * DeadlockError set when it could never end. */
static inline bool prs__may_wait(PyObject *object, const char *what,
                                 uint64_t timeout) {
  return !prs__watches || prs__watch_wait(object, what, timeout);
}
/* After it, however it ended. */
static inline void prs__waited(void) {
  if (prs__watches) prs__watch_waited();
}
/* The calling thread has taken a lock, `shared` with others that read; or is
 * about to let it go. */
static inline void prs__acquired(PyObject *lock, bool shared) {
  if (prs__watches) prs__watch_acquired(lock, shared);
}
static inline void prs__released(PyObject *lock) {
  if (prs__watches) prs__watch_released(lock);
}

/* Why a thread waits. */
typedef struct prs_reason {
  PyObject *object; /* what for; borrowed */
  const char *call; /* the method's name */
  PyObject *stop;   /* a StopToken; NULL for none */
} prs_reason_t;

/* As prs__block_or_stop() with the last node, but whoever looks for deadlocks
 * is asked first: PRS__RAISED with DeadlockError set. The waiter is queued. */
int prs__block_for(prs_waiter_t *waiter, const prs_reason_t *reason,
                   uint64_t timeout);

/* Wake threads without the GIL, from a call that may block anyway: a thread
 * that wakes on this CPU runs at once, and would only find the GIL taken and
 * sleep again. None of the waiters has a `notify`. */
void prs__wakes_send_detached(prs_wakes_t *wakes);

/* ---- stop_type.c --------------------------------------------------------- */

/* Read a `stop=` argument: a StopToken, or None or NULL for none.
 * Returns: false with an exception set. */
bool prs__stop_from(PyObject *arg, PyObject **out);

/* As prs__block(), for a wait that a stop ends, too: PRS__RAISED with `Stopped`
 * set. `node` is a node of the waiter that stands in no queue; it is in none
 * afterwards. `token` may be NULL: no stop. A token that is stopped already
 * ends the wait at once, but an operation that somebody has finished meanwhile
 * is done: so try first, then block. */
int prs__block_or_stop(prs_waiter_t *waiter, uint32_t node, PyObject *token,
                       uint64_t timeout);

/* Sleep at most `timeout`, or until the token is stopped.
 * Returns: PRS_OK when it is stopped, PRS_ETIMEDOUT; PRS__RAISED. */
int prs__stop_wait(PyObject *token, uint64_t timeout);
struct prs_stop *prs__stop_of(PyObject *token);
void prs__raise_stopped(void);

/* ---- stoppable.c --------------------------------------------------------- */

/* What is waited for without a waiter. `wait` ends with PRS_EINTR when `*ends`
 * is set and `interrupt` was called. */
typedef struct prs_stoppable {
  int (*wait)(void *object, uint64_t timeout, const _Atomic uint32_t *ends);
  void (*interrupt)(void *object);
  void (*ref)(void *object);
  void (*unref)(void *object);
} prs_stoppable_t;

/* As prs__wait_interruptibly(), for a wait that a stop ends, too: PRS__RAISED
 * with `Stopped` set. What need not be waited for is had all the same. `token`
 * may be NULL: no stop. */
int prs__wait_or_stop(const prs_stoppable_t *how, void *object,
                      uint64_t timeout, PyObject *token);

/* ---- calls.c ------------------------------------------------------------- */

/* The parameters of a METH_FASTCALL | METH_KEYWORDS method: how many of them
 * must be given, and how many may be given by place. */
typedef struct prs_signature {
  const char *method;
  int required;
  int positional;
  const char *names[4]; /* up to NULL */
} prs_signature_t;

/* Read the arguments into `out`, borrowed, one for each name, NULL for what was
 * not given. Returns: false with an exception set. */
bool prs__arguments(const prs_signature_t *signature, PyObject *const *args,
                    Py_ssize_t count, PyObject *keywords, PyObject **out);

/* Read a duration as users give it: seconds or a timedelta.
 * Returns: false with an exception set. */
bool prs__duration_from(PyObject *seconds, uint64_t *out);
/* The same, and None or NULL is for ever. */
bool prs__seconds_from(PyObject *seconds, uint64_t *out);

/* Make an error that the Python module defines. For the rare path.
 * Returns: a new reference, or NULL with another exception set. */
PyObject *prs__error(const char *module, const char *name, const char *text);
/* A WaitTimeoutError of pythread_rs.sync. */
PyObject *prs__timeout_error(const char *text);
/* Make an error, and raise it. */
void prs__raise(const char *module, const char *name, const char *text);

/* Read nanoseconds, -1 for ever. Returns: false with an exception set. */
bool prs__timeout_from(PyObject *arg, uint64_t *out);
/* Read the arguments of a METH_FASTCALL method: nanoseconds, and a token that
 * may be left out. Returns: false with an exception set. */
bool prs__timeout_and_stop(const char *name, PyObject *const *args,
                           Py_ssize_t count, uint64_t *timeout,
                           PyObject **stop);

#endif
