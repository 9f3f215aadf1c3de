/* Parker: one thread parks, another leaves one token (csrc/core/parker.c).
 *
 * The token comes once. So one park must return with it, however many have
 * given up before: by their time, by a signal, or for no reason. */
#include "wait.pml"

#define EMPTY 0
#define TOKEN 1
#define PARKED 2

byte word;
byte sleepers;
byte refs = 1; /* the owner's, which is the parking thread */
bool freed;
byte early = 2; /* parks that may still give up */

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

inline park() {
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
  fi;
  do
  :: taken -> break
  :: !taken && early > 0 -> early--; give_up(); break
  :: else ->
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
     atomic {
       TOUCH;
       if
       :: word == TOKEN -> word = EMPTY; taken = true
       :: else
       fi
     }
  od
}

active proctype Parking() {
  byte seen;
  bool taken;
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
active proctype Unparking() {
  byte seen;
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
