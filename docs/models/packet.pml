/* Packet: one thread that publishes, two that join (csrc/core/packet.c).
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

byte state;
byte waiters;
byte sleepers; /* on `state` */
byte refs;
bool freed;
bool result; /* what the closure leaves for the joiner */
byte published;
byte began;     /* joiners that hold their reference */
byte came_back; /* joiners that have seen the end */
byte early = 0; /* waits that may still end by a signal or by their time */

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

/* prs__packet_publish, then the unref of run_packet. */
inline publish(final) {
#ifdef LOOK_BEFORE_PUBLISHING
  atomic { TOUCH; look = waiters };
  atomic { TOUCH; assert(state < DONE); state = final; published++ };
#else
  atomic { TOUCH; assert(state < DONE); state = final; published++ };
#ifdef UNREF_BEFORE_WAKING
  unref();
#endif
  atomic { TOUCH; look = waiters };
#endif
  if
  :: look > 0 -> atomic { TOUCH; wake_one(sleepers) }
  :: else
  fi;
#ifndef UNREF_BEFORE_WAKING
  unref()
#endif
}

proctype Thread() {
  byte look;
  atomic { TOUCH; state = RUN };
  if
  :: skip
#ifdef RESULT_AFTER_DONE
     ;
#else
     ; result = true;
#endif
     publish(DONE)
#ifdef RESULT_AFTER_DONE
     ; result = true
#endif
#ifdef KILLED_AFTER_DONE
     /* worker->packet is still set when the thread is ended in Python. */
     ; publish(KILLED)
#endif
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
     atomic { TOUCH; seen = state };
     if
     :: seen >= DONE -> break
     :: else
     fi;
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
  :: atomic { TOUCH; seen = state };
     if
     :: seen < DONE -> sleep_for_final()
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
  came_back++
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
    run Owner()
  };
  (_nr_pr == 1);
  assert(published == 1 && came_back == JOINERS);
  assert(freed && refs == 0 && waiters == 0)
}
