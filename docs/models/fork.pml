/* Fork: a copy of the process with one thread in it (csrc/core/fork.c, and the
 * `child` functions of worker.c, gate.c, line.c and csrc/python/entry.c).
 *
 * One thread forks: the main one, or a closure of this package. Meanwhile one
 * worker ends its closure and is listed, and one thread starts. At the fork the
 * checker goes on in the parent or in the child; in the child the others stop
 * where they are, for good.
 *
 * -DPYTHON=312 or 313: up to 3.12 the fork of CPython does not take the lock
 * that PyThreadState_New holds, so this package takes one around both. From
 * 3.13 on CPython takes its own, before our handlers run. */

#ifndef PYTHON
#define PYTHON 313
#endif

#if PYTHON < 313
#define GUARDS_STATE_NEW
#else
#define CPYTHON_FORKS_UNDER_ITS_LOCK
#endif
#ifdef FORK_WITHOUT_THE_STATE_LOCK
#undef GUARDS_STATE_NEW
#endif
#ifdef FORK_WITH_BOTH_LOCKS
#define GUARDS_STATE_NEW
#endif

#define NEW 0
#define RUN 1
#define DONE 2
#define FORKED 5

#define OWN 0    /* packets: of the closure that forks, */
#define OTHER 1  /* of the thread that starts, */
#define CHILDS 2 /* and of the thread that the child spawns */

bool in_child;
bool gil;
bool head_lock;  /* CPython's, in PyThreadState_New */
bool state_lock; /* ours around it, up to 3.12 */
bool lists_lock;
bool listed;     /* a worker of the parent is on the idle list, */
bool leaving;    /* or leaves, and waits for somebody to join it */
byte idle_places;
byte starting;
byte entering;
byte places = 1; /* of the line, that is: one thread may ask for the GIL */
byte fork_generation;
byte generations[3];
byte states[3];
bool in_closure; /* the thread that forks runs one of our closures */
bool forked;     /* the fork is over, here or there */

#define LOCK(lock) atomic { !lock -> lock = true }
#define UNLOCK(lock) lock = false

/* ---- the way in: attach -------------------------------------------------- */

inline attach(packet) {
  atomic { places > 0 -> places-- };
  entering++;
#ifdef GUARDS_STATE_NEW
  LOCK(state_lock);
#endif
  LOCK(head_lock);
  UNLOCK(head_lock);
#ifdef GUARDS_STATE_NEW
  UNLOCK(state_lock);
#endif
  LOCK(gil);
  places++;
  states[packet] = RUN;
  entering--;
  starting--
}

/* ---- the parent's other threads ------------------------------------------ */

proctype Starting() provided (!in_child) {
  starting++;
  attach(OTHER);
  UNLOCK(gil);
  states[OTHER] = DONE
}

proctype Ending() provided (!in_child) {
  if
  :: idle_places++;
     LOCK(lists_lock);
     listed = true;
     UNLOCK(lists_lock)
  :: leaving = true
  fi
}

/* ---- the child ----------------------------------------------------------- */

proctype ChildThread() {
  attach(CHILDS);
  UNLOCK(gil);
  states[CHILDS] = DONE
}

/* prs_packet_state. */
#define VIEW(packet) \
  (states[packet] >= DONE -> states[packet] : \
   (generations[packet] != fork_generation -> FORKED : states[packet]))

inline reset_in_child() {
#ifndef GENERATION_NOT_COUNTED
  fork_generation++;
#endif
  state_lock = false;
#ifndef LINE_NOT_RESET
  places = 1;
#endif
#ifndef LISTS_LOCK_NOT_RESET
  lists_lock = false;
#endif
#ifndef IDLE_LIST_NOT_RESET
  listed = false;
#endif
#ifndef LEAVING_NOT_RESET
  leaving = false;
#endif
  idle_places = 0;
#ifndef OWN_PACKET_NOT_TAKEN_OVER
  if
  :: in_closure -> generations[OWN] = fork_generation
  :: else
  fi;
#endif
#ifndef GATE_NOT_RESET
  starting = 0;
  entering = 0
#endif
}

/* What a program does in a child, with the GIL in its hand: look at threads of
 * the parent, spawn and join, close the gate. */
inline live_in_child() {
  assert(VIEW(OTHER) >= DONE);
  assert(!in_closure || VIEW(OWN) == RUN);
  starting++;
  LOCK(lists_lock);
  assert(!listed); /* a worker that is not there would never run it, */
  assert(!leaving); /* and a thread that is not there never be joined */
  UNLOCK(lists_lock);
  generations[CHILDS] = fork_generation;
  run ChildThread();
  UNLOCK(gil); /* join */
  states[CHILDS] == DONE;
  LOCK(gil);
  starting == 0; /* prs_gate_close */
  entering == 0
}

/* ---- fork ---------------------------------------------------------------- */

proctype Forking() {
  LOCK(gil); /* os.fork is called with it */
#ifdef CPYTHON_FORKS_UNDER_ITS_LOCK
  LOCK(head_lock);
#endif
  /* prepare, last added first */
#ifdef GUARDS_STATE_NEW
  LOCK(state_lock);
#endif
  LOCK(lists_lock);
  if
  :: in_child = true;
     /* pthread_atfork's handlers run before anything of CPython's. */
     reset_in_child();
#ifdef CPYTHON_FORKS_UNDER_ITS_LOCK
     UNLOCK(head_lock);
#endif
     LOCK(head_lock); /* CPython deletes the other thread states */
     UNLOCK(head_lock);
     live_in_child()
  :: skip;
#ifdef GUARDS_STATE_NEW
     UNLOCK(state_lock);
#endif
     UNLOCK(lists_lock);
#ifdef CPYTHON_FORKS_UNDER_ITS_LOCK
     UNLOCK(head_lock);
#endif
     UNLOCK(gil)
  fi;
  forked = true
}

/* In the child the parent's threads are in no end state: so it is asked, when
 * nothing moves any more, whether the fork came to its end. */
init {
  if
  :: in_closure = true; states[OWN] = RUN
  :: in_closure = false
  fi;
  atomic { run Starting(); run Ending(); run Forking() };
  timeout ->
    assert(forked);
    assert(in_child || (states[OTHER] == DONE && starting + entering == 0));
    assert(in_child || listed || leaving)
}
