/* Packet: one thread that publishes, two that join, and one that interrupts the
 * first of them by a stop token (csrc/core/packet.c).
 *
 * Each step is one atomic operation of the C code, in its order. A joiner is
 * Python's Packet.wait: it takes a reference, waits in prs_packet_wait, comes
 * back from time to time to look at signals, and passes the wake-up on by
 * prs_packet_chain once it can run. The Python object is dropped while they
 * wait, as the finalizing interpreter does. */
#include "wait.pml"

#define NEW 0
#define RUN 1
#define DONE 2
#define KILLED 4
#define JOINERS 2
#define ONE_INTERRUPT 8 /* above the state, in the same word */
#define STATE(word) (word & 7)

byte state;
bool goes_on; /* the closure, until the first joiner was stopped */
bool ends;    /* the first joiner is to come back */
bool stopped; /* it has */
byte waiters;
byte sleepers; /* on `state` */
byte refs;
bool freed;
bool result; /* what the closure leaves for the joiner */
bool done;   /* the thread came to its end */
byte began;     /* joiners that hold their reference */
byte came_back; /* joiners that have seen the end */
byte early; /* waits that may still end by a signal or by their time */

#define TOUCH assert(!freed)

inline ref() { atomic { TOUCH; refs++ } }

inline unref() {
  atomic {
    TOUCH;
    refs--;
    if
    :: refs == 0 -> freed = true
    :: else
    fi
  }
}

inline store_final(final) {
  atomic { TOUCH; assert(STATE(state) < DONE); state = final }
}

/* prs__packet_publish. */
inline publish(final) {
#ifdef LOOK_BEFORE_PUBLISHING
  atomic { TOUCH; look = waiters };
  store_final(final);
#else
  store_final(final);
#ifdef UNREF_BEFORE_WAKING
  if
  :: final == DONE -> unref()
  :: else
  fi;
#endif
  atomic { TOUCH; look = waiters };
#endif
  if
  :: look > 0 -> atomic { TOUCH; wake_one(sleepers) }
  :: else
  fi
}

/* The end of run_packet. A thread that is killed keeps its reference for ever:
 * the process is about to end. */
proctype Thread() {
  byte look;
  atomic { TOUCH; state = RUN };
  !goes_on || stopped; /* else only a stop ends the first joiner's wait */
  if
  :: skip;
#ifndef RESULT_AFTER_DONE
     result = true;
#endif
     publish(DONE);
#ifdef RESULT_AFTER_DONE
     result = true;
#endif
#ifdef KILLED_AFTER_DONE
     publish(KILLED); /* worker->packet was still set */
#endif
#ifndef UNREF_BEFORE_WAKING
     unref();
#endif
     done = true
  :: publish(KILLED) /* worker_killed, or hold() */
  fi
}

/* sleep_for_final; ends with `seen` read last. */
inline sleep_for_final() {
#ifdef WAITERS_NOT_COUNTED
  skip;
#else
  atomic { TOUCH; waiters++ };
#endif
  do
  :: atomic { TOUCH; raw = state };
     atomic { TOUCH; seen = STATE(state) };
     if
     :: seen >= DONE -> break
     :: else
     fi;
#ifndef ENDS_NOT_LOOKED_AT
     if
     :: me == 0 && ends -> break
     :: else
     fi;
#endif
#ifdef SLEEP_WITHOUT_COMPARING
     sleepers = sleepers | BIT(me);
#else
     atomic { TOUCH; fall_asleep(state, raw, sleepers, me) };
#endif
     if
     :: !SLEEPS(sleepers, me)
     :: atomic {
          SLEEPS(sleepers, me) && odd_ends > 0 ->
            odd_ends--; sleepers = sleepers & ~BIT(me)
        }
     :: atomic { /* PRS_EINTR, PRS_ETIMEDOUT: back to Python */
          SLEEPS(sleepers, me) && early > 0 ->
            early--; sleepers = sleepers & ~BIT(me)
        };
        break
     fi
  od;
#ifndef WAITERS_NOT_COUNTED
  atomic { TOUCH; waiters-- }
#endif
}

proctype Joiner(byte me) {
  byte raw, seen, look;
#ifndef WAITER_WITHOUT_REFERENCE
  ref();
#endif
  began++;
  do
  :: atomic { TOUCH; seen = STATE(state) };
     if
     :: seen < DONE && me == 0 && ends -> break
     :: seen < DONE && !(me == 0 && ends) -> sleep_for_final()
     :: else -> break
     fi
  od;
  assert(seen != DONE || result);
  /* prs_packet_chain */
#ifndef NO_CHAIN
  atomic { TOUCH; look = waiters };
  if
  :: look > 0 -> atomic { TOUCH; wake_one(sleepers) }
  :: else
  fi;
#endif
#ifndef WAITER_WITHOUT_REFERENCE
  unref();
#endif
  if
  :: me == 0 -> stopped = true
  :: else
  fi;
  came_back++
}

/* What a stop token calls; the joiner has left it a reference. */
proctype Interrupter() {
  byte look;
#ifdef INTERRUPT_BEFORE_ENDS
  atomic { TOUCH; state = state + ONE_INTERRUPT };
  ends = true;
#else
  ends = true;
#ifndef INTERRUPT_DOES_NOT_COUNT
  atomic { TOUCH; state = state + ONE_INTERRUPT };
#endif
#endif
  atomic { TOUCH; look = waiters };
  if
  :: look > 0 -> atomic { TOUCH; sleepers = 0 } /* prs__wake_all */
  :: else
  fi;
  unref()
}

/* The Python object goes as soon as nobody needs it for a new call. */
proctype Owner() {
  began == JOINERS;
  unref()
}

init {
  choose_odd_ends(1);
  if
  :: early = 0
  :: early = 2
  fi;
  atomic {
    refs = 1;
#ifndef THREAD_WITHOUT_REFERENCE
    refs++; /* prs_spawn */
#endif
    run Thread();
    run Joiner(0);
    run Joiner(1);
    if
    :: goes_on = true; refs++; run Interrupter()
    :: skip
    fi;
    run Owner()
  };
  (_nr_pr == 1);
  assert(STATE(state) >= DONE && came_back == JOINERS && waiters == 0);
  assert(freed == done)
}
