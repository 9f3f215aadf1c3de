/* Parker: one thread parks, another leaves one token (csrc/core/parker.c).
 *
 * The token comes once. So one park must return with it, however many have
 * given up before: by their time, by a signal, by a stop token's interrupt, or
 * for no reason. In some runs it comes only when a park was interrupted. */
#include "wait.pml"

#define EMPTY 0
#define TOKEN 1
#define PARKED 2

byte word;
byte sleepers;
byte refs = 1; /* the owner's, which is the parking thread */
bool freed;
byte early = 2; /* parks that may still give up */
bool waits_for_stop; /* the token comes after an interrupted park */
bool ends;    /* the first park is to come back */
bool stopped; /* it has */

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

inline exchange(new) { atomic { TOUCH; seen = word; word = new } }

/* Sets `taken`. */
inline give_up() {
#ifdef GIVING_UP_LOSES_THE_TOKEN
  exchange(EMPTY);
  taken = false
#else
  exchange(EMPTY);
  taken = seen == TOKEN
#endif
}

/* Take the token if it is there, else announce. Sets `taken`. */
inline take_or_announce() {
  taken = false;
#ifdef ANNOUNCED_BY_A_PLAIN_STORE
  atomic { TOUCH; seen = word };
  if
  :: seen == EMPTY -> atomic { TOUCH; word = PARKED }
#else
  atomic {
    TOUCH;
    seen = word;
    if
    :: seen == EMPTY -> word = PARKED
    :: else
    fi
  };
  if
  :: seen == EMPTY
#endif
  :: seen == PARKED
  :: seen == TOKEN -> exchange(EMPTY); taken = seen == TOKEN
  fi
}

/* Whether this park ends by the stop: only the first one has a token for it. */
inline look_at_ends() {
  atomic { ended = ends && !stopped }
}

inline park() {
#ifdef ENDS_READ_BEFORE_ANNOUNCING
  look_at_ends();
#endif
  take_or_announce();
  do
  :: taken -> break
  :: !taken && early > 0 -> early--; give_up(); break
  :: else ->
#ifndef ENDS_READ_BEFORE_ANNOUNCING
     look_at_ends();
#endif
     if
     :: ended -> give_up(); stopped = true; break
     :: else
     fi;
     atomic { TOUCH; fall_asleep(word, PARKED, sleepers, 0) };
     if
     :: !SLEEPS(sleepers, 0)
     :: atomic {
          SLEEPS(sleepers, 0) && odd_ends > 0 -> odd_ends--; sleepers = 0
        }
     :: atomic { SLEEPS(sleepers, 0) && early > 0 -> early--; sleepers = 0 };
        give_up();
        break
     fi;
     take_or_announce()
  od
}

proctype Parking() {
  byte seen;
  bool taken, ended;
  choose_odd_ends(1);
  do
  :: ref(); park(); unref();
     if
     :: taken -> break
     :: else
     fi
  od;
  unref() /* nobody else has a handle now */
}

/* The caller's own reference lives until the call began. */
proctype Unparking() {
  byte seen;
  !waits_for_stop || stopped;
#ifndef UNPARK_WITHOUT_REFERENCE
  atomic { refs++ };
#endif
  exchange(TOKEN);
  if
  :: seen == PARKED ->
#ifndef NO_WAKE
     atomic { TOUCH; wake_one(sleepers) }
#endif
     skip
  :: else
  fi;
#ifndef UNPARK_WITHOUT_REFERENCE
  unref()
#endif
}

/* What a stop token calls, with a reference that the parking thread left. */
proctype Interrupting() {
  byte seen;
  ends = true;
  atomic {
    TOUCH;
    seen = word;
    if
#ifndef INTERRUPT_LEAVES_IT_ANNOUNCED
    :: seen == PARKED -> word = EMPTY
#endif
    :: else
    fi
  };
  if
  :: seen == PARKED -> atomic { TOUCH; wake_one(sleepers) }
  :: else
  fi;
  unref()
}

init {
  atomic {
    if
    :: waits_for_stop = true; refs++; run Interrupting()
    :: skip
    fi;
    run Parking();
    run Unparking()
  }
}
