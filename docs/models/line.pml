/* Line: few threads ask for the GIL at once (csrc/core/line.c, attach and
 * take_gil of csrc/python/entry.c, wait_detached of interruptible.c).
 *
 * Four threads want the GIL, two of them twice; one may find the gate shut and
 * stay in C for ever. One more thread takes the GIL without standing in line,
 * as the main thread does. */
#include "wait.pml"

#ifndef PLACES
#define PLACES 2
#endif
#define THREADS 4

byte places = PLACES;
byte waiters;
byte sleepers; /* on `places` */
bool gil;
byte asking;   /* threads of the line that ask for the GIL, or hold it */

/* Sets `has_place`. */
inline take_place() {
  left = places;
  do
  :: left == 0 -> has_place = false; break
  :: left > 0 ->
#ifdef PLACE_TAKEN_BY_A_PLAIN_STORE
     places = left - 1;
     has_place = true;
     break
#else
     atomic {
       if
       :: places == left -> places--; has_place = true; break
       :: else -> left = places
       fi
     }
#endif
  od;
  left = 0
}

inline line_enter() {
  take_place();
  if
  :: has_place
  :: else ->
#ifndef WAITER_NOT_COUNTED
     waiters++;
#endif
     do
     :: take_place();
        if
        :: has_place -> break
        :: else
        fi;
        wait_on(places, 0, sleepers, me)
     od;
#ifndef WAITER_NOT_COUNTED
     waiters--
#endif
  fi
}

inline line_leave() {
  has_place = false;
#ifdef LOOK_BEFORE_LEAVING
  look = waiters;
  places++;
#else
  places++;
  look = waiters;
#endif
  if
  :: look > 0 -> wake_one(sleepers)
  :: else
  fi
}

proctype Thread(byte me; byte rounds; bool refused) {
  byte left, look;
  bool has_place;
  do
  :: rounds == 0 -> break
  :: rounds > 0 && refused ->
     line_enter();
#ifndef STRANDED_WITH_ITS_PLACE
     line_leave();
#endif
     break
  :: rounds > 0 && !refused ->
     line_enter();
     atomic { asking++; assert(asking <= PLACES) };
     atomic { !gil -> gil = true };
     asking--;
     line_leave();
     gil = false;
     rounds--
  od
}

proctype Main() {
  atomic { !gil -> gil = true };
  gil = false
}

init {
  bool refused;
  choose_odd_ends(1);
  if
  :: refused = true
  :: refused = false
  fi;
  atomic {
    run Thread(0, 2, false);
    run Thread(1, 1, false);
    run Thread(2, 1, false);
    run Thread(3, 1, refused);
    run Main()
  };
  (_nr_pr == 1);
  assert(places == PLACES && waiters == 0)
}
