/* The way into Python and out of it, for the threads of this package.
 *
 * One function attaches, runs the closure, makes the thread state as new and
 * detaches. The state is our own and is kept by the worker: making one costs
 * more than all the rest, and cffi's own states die too late, on another
 * thread. csrc/README.md tells the rules: no lock of ours is held while the
 * GIL is taken, and nobody enters when the gate is shut. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "table.h"

/* Rounds of clearing thread-locals whose destructors make new ones. */
#define CLEAR_ROUNDS 4
/* How long a worker lets its spawner run on to the join before it asks for
 * the GIL: asking too early costs both a sleep. */
#define GIL_COURTESY_NS 10000u
/* Thread state ids that CPython will not reach by counting. */
#define FIRST_STATE_ID (1ull << 62)

static PyObject *entry; /* called with the job; kept for ever */
static PyObject
    *settle; /* resets what the C layer cannot reach; raises nothing */
static PyInterpreterState *interpreter;
static _Atomic unsigned long main_thread;
static _Atomic uint64_t next_state_id = FIRST_STATE_ID;

/* Up to 3.12 PyThreadState_New holds a lock that a fork does not take: a child
 * forked at that moment hangs. So the fork takes this one. From 3.13 on
 * CPython's fork takes its own lock, first, and this would be in its way. */
#define GUARDS_STATE_NEW (PY_VERSION_HEX < 0x030D0000)
static prs_lock_t state_lock;

static bool finalizing(void) {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing();
#else
  return _Py_IsFinalizing();
#endif
}

static bool on_main_thread(void) {
  return PyThread_get_thread_ident() == atomic_load(&main_thread);
}

/* CPython up to 3.13 unwinds a thread that comes back now, which aborts the
 * process when C++ frames are below us. */
static void hold(void) {
  if (!finalizing() || on_main_thread()) return;
  prs_packet_t *packet = prs_packet_current();
  if (packet != NULL) prs__packet_publish(packet, PRS_KILLED);
  prs__thread_strand();
}

/* ---- attach -------------------------------------------------------------- */

static PyThreadState *new_state(void) {
  if (GUARDS_STATE_NEW) prs__lock(&state_lock);
  PyThreadState *state = PyThreadState_New(interpreter);
  if (GUARDS_STATE_NEW) prs__unlock(&state_lock);
  return state;
}

/* A thread that may not enter says so and stops where it is: it must not
 * touch what the interpreter is taking down. */
static _Noreturn void strand(prs_packet_t *packet) {
  if (packet != NULL) prs__packet_publish(packet, PRS_PARKED);
#ifndef Py_GIL_DISABLED
  prs_line_leave();
#endif
  prs__thread_strand();
}

/* Take the GIL, which few may ask for at once. */
static void take_gil(PyThreadState *state) {
  PyEval_RestoreThread(state);
#ifndef Py_GIL_DISABLED
  prs_line_leave();
#endif
}

/* Returns: NULL, still in line, when the gate is shut or no memory is left. */
static PyThreadState *try_attach(prs_worker_t *worker, prs_packet_t *packet) {
#ifndef Py_GIL_DISABLED
  prs_line_enter();
#endif
  if (!prs__gate_enter()) return NULL;
  PyThreadState *state = worker->attached;
  if (state == NULL) state = new_state();
  if (state == NULL) {
    prs__gate_entered(packet != NULL);
    return NULL;
  }
  worker->attached = state;
  take_gil(state);
  if (packet != NULL) atomic_store(&packet->state, PRS_RUN);
  prs__gate_entered(packet != NULL);
  return state;
}

static PyThreadState *attach(prs_worker_t *worker, prs_packet_t *packet) {
  PyThreadState *state = try_attach(worker, packet);
  if (state == NULL) strand(packet);
  return state;
}

/* ---- clean --------------------------------------------------------------- */

static void clear_tracing(PyThreadState *state) {
  if (state->c_tracefunc != NULL) PyEval_SetTrace(NULL, NULL);
  if (state->c_profilefunc != NULL) PyEval_SetProfile(NULL, NULL);
}

/* Destroy every threading.local of this thread and the thread-state dict.
 * From 3.13 on the locals hang on two fields of the state instead.
 * Returns: whether there was anything. */
static bool clear_locals(PyThreadState *state) {
  bool found = false;
#if PY_VERSION_HEX >= 0x030D0000
  found = state->threading_local_key != NULL;
  Py_CLEAR(state->threading_local_key);
  Py_CLEAR(state->threading_local_sentinel);
#endif
  if (state->dict != NULL && PyDict_GET_SIZE(state->dict) > 0) {
    found = true;
    PyDict_Clear(state->dict);
  }
  return found;
}

/* A late asynchronous exception may come out of it, once. */
static void call_settle(void) {
  PyObject *result = NULL;
  for (int i = 0; i < 2 && result == NULL; i++) {
    result = PyObject_CallNoArgs(settle);
    PyErr_Clear();
  }
  Py_XDECREF(result);
}

/* An asynchronous exception may come late, when the closure it was meant for
 * has ended. Taking it back would leave CPython's flag up for ever (up
 * to 3.12), so it is raised where it does no harm. */
static void drop_async_exception(PyThreadState *state) {
  while (state->async_exc != NULL) {
    call_settle();
  }
}

/* Drop all that Python code left on this thread.
 * Returns: whether there was anything whose destructor may have left more. */
static bool clear_once(PyThreadState *state) {
  bool found = clear_locals(state) || state->context != NULL;
  Py_CLEAR(state->context);
  state->context_ver++;
  clear_tracing(state);
  Py_CLEAR(state->async_gen_firstiter);
  Py_CLEAR(state->async_gen_finalizer);
  state->coroutine_origin_tracking_depth = 0;
  return found;
}

/* Make the state as new: the next closure finds nothing of this one. */
static void clean(PyThreadState *state) {
  int rounds = 0;
  while (rounds < CLEAR_ROUNDS && clear_once(state)) rounds++;
  /* From 3.13 on asyncio's running loop is kept where no header shows it. */
  if (rounds > 0) call_settle();
  drop_async_exception(state);
  PyErr_Clear();
  /* Caches all over CPython (context variables, asyncio's running loop) believe
   * that a state with the same id is the same thread: give it another one. */
  state->id = atomic_fetch_add(&next_state_id, 1);
}

/* ---- run ----------------------------------------------------------------- */

/* The entry catches everything; what comes out nevertheless is a defect of
 * ours, which is shown and ends nothing. */
static void call_entry(PyObject *job) {
  PyObject *result = PyObject_CallOneArg(entry, job);
  if (result == NULL) PyErr_WriteUnraisable(entry);
  Py_XDECREF(result);
  Py_DECREF(job);
}

/* A state that goes with an asynchronous exception leaves CPython's flag up:
 * up to 3.12 each thread then looks for it for ever, and 3.11 hangs under a
 * trace function. */
static void delete_state(prs_worker_t *worker) {
  drop_async_exception(worker->attached);
  PyThreadState_Clear(worker->attached);
  worker->attached = NULL;
  PyThreadState_DeleteCurrent();
}

static const prs_runner_t python_runner;

/* Call a bell. A late asynchronous exception may come out of it, once. */
static void call_bell(PyObject *bell) {
  PyObject *result = PyObject_CallNoArgs(bell);
  if (result == NULL) {
    PyErr_Clear();
    result = PyObject_CallNoArgs(bell);
  }
  if (result == NULL) PyErr_WriteUnraisable(bell);
  Py_XDECREF(result);
  Py_DECREF(bell);
}

static void detach(prs_worker_t *worker) {
  if (prs__worker_keeps(worker))
    (void)PyEval_SaveThread();
  else
    delete_state(worker);
}

/* Tell those who await the end of a closure that knows no Python. Behind a shut
 * gate nobody is left to be told. */
static void enter_and_ring(prs_worker_t *worker, void *bell) {
  if (worker->attached == NULL) worker->attached_by = &python_runner;
  PyThreadState *state = try_attach(worker, NULL);
  if (state == NULL) {
#ifndef Py_GIL_DISABLED
    prs_line_leave();
#endif
    return;
  }
  call_bell(bell);
  clean(state);
  detach(worker);
}

static void run(prs_packet_t *packet, prs_worker_t *worker) {
  PyObject *job = packet->payload;
  packet->payload = NULL;
#ifndef Py_GIL_DISABLED
  prs_watch_t watch = {.word = &prs__bystanders,
                       .unwanted = 0,
                       .other_cpu = atomic_load(&packet->spawner_cpu)};
  (void)prs__patience_defer(watch, GIL_COURTESY_NS);
#endif
  worker->attached_by = packet->runner;
  PyThreadState *state = attach(worker, packet);
  drop_async_exception(state);
  uint64_t began = prs_now();
  call_entry(job);
  prs__spawn_learn(prs_now() - began);
  (void)prs__worker_keeps(worker);
  clean(state);
  /* Those who await the end hear of it when nothing of the closure is left, as
   * a joiner does; DONE is published a moment later, without the GIL. */
  PyObject *bell = prs__packet_take_bell(packet);
  if (bell != NULL) {
    call_bell(bell);
    clean(state);
  }
  detach(worker);
}

static void leave(prs_worker_t *worker) {
  (void)attach(worker, NULL);
  delete_state(worker);
}

static const prs_runner_t python_runner = {.run = run, .leave = leave};

static const prs_interpreter_t this_interpreter = {
    .finalizing = finalizing, .hold = hold, .ring = enter_and_ring};

/* ---- fork ---------------------------------------------------------------- */

static void before_fork(void) { prs__lock(&state_lock); }

static void in_parent(void) { prs__unlock(&state_lock); }

static void in_child(void) {
  atomic_store(&state_lock.word, 0);
  atomic_store(&main_thread, PyThread_get_thread_ident());
}

static prs_fork_part_t entry_part = {
    .prepare = GUARDS_STATE_NEW ? before_fork : NULL,
    .parent = GUARDS_STATE_NEW ? in_parent : NULL,
    .child = in_child};

/* ---- table --------------------------------------------------------------- */

static void set_entry(void *callable, void *settles) {
  entry = Py_NewRef(callable);
  settle = Py_NewRef(settles);
  interpreter = PyInterpreterState_Get();
}

static void set_main_thread(unsigned long ident) {
  atomic_store(&main_thread, ident);
}

/* In the child of a fork it is the thread that forked. */
static unsigned long the_main_thread(void) { return atomic_load(&main_thread); }

static const prs_sync_os_t *sync_os(void) {
  static prs_sync_os_t os = {.wait = prs__wait,
                             .wake_one = prs__wake_one,
                             .now = prs_now,
                             .yield = prs_yield,
                             .spin = prs_wait_spin,
                             .spin_learn = prs_wait_learn,
                             .detached = &prs__detached,
                             .forker = the_main_thread};
  os.generation = prs__fork_generation_word();
  return &os;
}

static const prs_table_t table = {
    .version = PRS_TABLE_VERSION,
    .python_runner = &python_runner,
    .native_runner = &prs_native_runner,
    .native_is_known = prs__native_is_known,
    .native_is_mapped = prs__native_is_mapped,
    .native_let_go = prs_native_let_go,
    .native_loop_new = prs_native_loop_new,
    .native_loop_free = prs_native_loop_free,
    .native_loop_work = prs_native_loop_work,
    .native_loop_has_rest = prs_native_loop_has_rest,
    .native_loop_stop = prs_native_loop_stop,
    .packet_new = prs_packet_new,
    .packet_ref = prs_packet_ref,
    .packet_unref = prs_packet_unref,
    .packet_set_name = prs_packet_set_name,
    .packet_state = prs_packet_state,
    .packet_was_spawned = prs_packet_was_spawned,
    .packet_wait_or = prs_packet_wait_or,
    .packet_interrupt = prs_packet_interrupt,
    .packet_chain = prs_packet_chain,
    .packet_set_bell = prs_packet_set_bell,
    .spawn = prs_spawn,
    .parker_new = prs_parker_new,
    .parker_ref = prs_parker_ref,
    .parker_unref = prs_parker_unref,
    .parker_park_or = prs_parker_park_or,
    .parker_interrupt = prs_parker_interrupt,
    .parker_unpark = prs_parker_unpark,
    .sleep = prs_sleep,
    .now = prs_now,
    .line_enter = prs_line_enter,
    .line_leave = prs_line_leave,
    .spawn_is_ahead = prs_spawn_is_ahead,
    .spawn_step_back = prs_spawn_step_back,
    .set_entry = set_entry,
    .set_main_thread = set_main_thread,
    .on_main_thread = on_main_thread,
    .main_thread = the_main_thread,
    .gate_state = prs_gate_state,
    .hold = prs__hold,
    .sync_os = sync_os,
    .turn_await = prs_turn_await,
    .turn_pass = prs_turn_pass,
};

uintptr_t prs_py_table(void) {
  if (prs__interpreter == NULL) {
    prs__interpreter = &this_interpreter;
    prs__fork_add(&entry_part);
  }
  return (uintptr_t)&table;
}
