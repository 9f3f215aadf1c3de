/* Gate: the main thread leaves while others come in (csrc/core/gate.c,
 * csrc/python/entry.c, prs_packet_state of packet.c).
 *
 * Two threads spawn one closure each, a parked worker gives its thread state
 * back, and somebody looks at the packets all the time. `finalizing` is
 * CPython's: a thread that asks for the GIL then is ended or stopped. */
#include "wait.pml"

#define OPEN 0
#define CLOSED 1
#define SHUT 2

#define NEW 0
#define RUN 1
#define DONE 2
#define PARKED 3
#define KILLED 4

byte gate;
byte starting;
byte entering;
byte gate_waiters;
byte sleep_on_starting;
byte sleep_on_entering;

/* One scenario: give other numbers by -D. */
#ifndef SPAWNERS
#define SPAWNERS 1 /* or 2 */
#endif
#ifndef LEAVERS
#define LEAVERS 0 /* or 1 */
#endif
#ifndef LOOKERS
#define LOOKERS 0 /* or 1 */
#endif
#ifndef ODD_ENDS
#define ODD_ENDS 0
#endif

bool gil;        /* taken */
bool finalizing;
bool sealed;     /* shut, and the door is empty */
bool gave_up;    /* its patience came to an end */

byte states[2];
bool told_parked[2]; /* somebody was told that it never ran */
bool spawned[2];

/* ---- CPython ------------------------------------------------------------- */

inline take_gil_of_a_living_interpreter() {
  assert(!finalizing);
  atomic { !gil -> gil = true };
  assert(!finalizing)
}

inline drop_gil() { gil = false }

/* ---- counters ------------------------------------------------------------ */

inline count_down(counter, bits) {
  atomic { assert(counter > 0); old = counter; counter-- };
#ifndef NO_WAKE_AT_ZERO
  if
  :: old == 1 ->
     if
     :: gate_waiters > 0 -> wake_all(bits)
     :: else
     fi
  :: else
  fi
#endif
}

inline wait_for_zero(counter, bits, patient) {
  gate_waiters++;
  do
  :: seen = counter;
     if
     :: seen == 0 -> break
     :: seen > 0 && !patient -> gave_up = true; break
     :: seen > 0
     fi;
     fall_asleep(counter, seen, bits, 0);
     if
     :: !SLEEPS(bits, 0)
     :: atomic { SLEEPS(bits, 0) && odd_ends > 0 -> odd_ends--; bits = 0 }
     :: atomic { SLEEPS(bits, 0) && !patient -> bits = 0 } /* PRS_ETIMEDOUT */
     fi
  od;
  gate_waiters--
}

/* ---- the way in ---------------------------------------------------------- */

/* Set `may`. */
inline gate_start() {
#ifdef START_COUNTED_AFTER_THE_LOOK
  seen = gate;
  starting++;
#else
  starting++;
  seen = gate;
#endif
  may = seen == OPEN;
  if
  :: !may -> count_down(starting, sleep_on_starting)
  :: else
  fi
}

inline gate_enter() {
#ifdef DOOR_COUNTED_AFTER_THE_LOOK
  seen = gate;
  entering++;
#else
  entering++;
  seen = gate;
#endif
  may = seen != SHUT;
  if
  :: !may -> count_down(entering, sleep_on_entering)
  :: else
  fi
}

inline publish(which, final) {
  atomic { assert(states[which] < DONE); states[which] = final }
}

/* run() of entry.c: attach, the closure, detach, DONE. */
proctype Thread(byte me) {
  byte seen, old;
  bool may;
#ifdef START_FORGOTTEN_TOO_EARLY
  count_down(starting, sleep_on_starting);
#endif
  gate_enter();
  if
  :: !may -> publish(me, PARKED); goto stranded
  :: else
  fi;
  assert(!finalizing); /* PyThreadState_New */
#ifdef DOOR_LEFT_TOO_EARLY
  count_down(entering, sleep_on_entering);
#endif
  take_gil_of_a_living_interpreter();
  states[me] = RUN;
#ifndef DOOR_LEFT_TOO_EARLY
  count_down(entering, sleep_on_entering);
#endif
#ifndef START_FORGOTTEN_TOO_EARLY
  count_down(starting, sleep_on_starting);
#endif
  /* The closure may block, without the GIL. */
  if
  :: skip
  :: drop_gil();
     if
     :: finalizing -> publish(me, KILLED); goto stranded /* hold() */
     :: !finalizing
     fi;
     if
     :: atomic { !gil && !finalizing -> gil = true }
     :: finalizing -> /* PyEval_RestoreThread does not return */
        if
        :: publish(me, KILLED); goto stranded /* pthread_exit, up to 3.13 */
        :: goto stranded /* sleeps for ever, from 3.14 on */
        fi
     fi
  fi;
  drop_gil();
  publish(me, DONE);
stranded:
  skip
}

/* leave(): a parked worker whose time is over. */
proctype Leaver() {
  byte seen, old;
  bool may;
  gate_enter();
  if
  :: may ->
     take_gil_of_a_living_interpreter();
     count_down(entering, sleep_on_entering);
     drop_gil()
  :: else
  fi
}

proctype Spawner(byte me) {
  byte seen, old;
  bool may;
  if
  :: atomic { !gil && !finalizing -> gil = true };
     gate_start();
     if
     :: may -> atomic { spawned[me] = true; run Thread(me) }
     :: else
     fi;
     drop_gil()
  :: finalizing
  fi
}

/* ---- who looks ----------------------------------------------------------- */

#ifdef PARKED_AS_SOON_AS_SHUT
#define NOBODY_ENTERS (gate == SHUT)
#else
#define NOBODY_ENTERS sealed
#endif

/* prs_packet_state: sets `view`. */
inline look_at(which) {
  view = states[which];
  if
  :: view < DONE ->
     if
     :: NOBODY_ENTERS ->
#ifndef STATE_READ_ONCE
        view = states[which];
#endif
        if
        :: view == NEW -> view = PARKED
        :: view == RUN ->
           if
           :: finalizing -> view = KILLED
           :: !finalizing
           fi
        :: else
        fi
     :: !NOBODY_ENTERS
     fi
  :: else
  fi
}

/* What was told once stays so; except that a thread that was told to be
 * KILLED may have left Python already, and publish DONE. */
inline look_and_remember(which) {
  look_at(which);
  assert(told == NEW || view == told || (told == KILLED && view == DONE));
  if
  :: view >= DONE -> told = view
  :: else
  fi;
  if
  :: view == PARKED -> told_parked[which] = true
  :: else
  fi
}

proctype Looker() {
  byte view, told;
end_nothing_to_see:
  spawned[0];
  look_and_remember(0);
  look_and_remember(0)
}

/* ---- the main thread ----------------------------------------------------- */

inline close_gate(patient) {
  gate = CLOSED; /* from OPEN: nobody else closes */
  wait_for_zero(starting, sleep_on_starting, patient);
#ifdef SHUT_AFTER_THE_DOOR
  wait_for_zero(entering, sleep_on_entering, true);
  gate = SHUT;
#else
  gate = SHUT;
  wait_for_zero(entering, sleep_on_entering, true);
#endif
  sealed = true
}

/* Patient: no second passes while it waits for the starts. */
proctype Main(bool patient) {
  byte view, seen, told;
  atomic { !gil -> gil = true }; /* it runs the atexit callback */
#ifndef CLOSED_WITH_THE_GIL
  drop_gil();
#endif
  close_gate(patient);
  /* Who was spawned has entered, unless patience came to an end. */
  assert(gave_up || ((!spawned[0] || states[0] != NEW) &&
                     (!spawned[1] || states[1] != NEW)));
  atomic { !gil -> gil = true };
  finalizing = true;
  /* A __del__ that joins now must not wait for ever. */
  if
  :: spawned[0] -> look_and_remember(0); assert(view >= DONE)
  :: else
  fi
}

init {
  bool patient;
  choose_odd_ends(ODD_ENDS);
  if
  :: patient = true
  :: patient = false
  fi;
  atomic {
    run Main(patient);
    run Spawner(0);
    if
    :: SPAWNERS > 1 -> run Spawner(1)
    :: else
    fi;
    if
    :: LEAVERS > 0 -> run Leaver()
    :: else
    fi;
    if
    :: LOOKERS > 0 -> run Looker()
    :: else
    fi
  };
  sealed;
  timeout ->
    assert(gave_up || (states[0] != PARKED && states[1] != PARKED));
    assert(!told_parked[0] || states[0] == NEW || states[0] == PARKED)
}
