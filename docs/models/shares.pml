/* Shares: a range that is taken from the front, and stolen from the back
 * (csrc/core/shares.c).
 *
 * Each unit is taken once, and nobody leaves while there is one that nobody has
 * in hand, also while a thief carries some from one share to another. There are
 * not more steals than that each unit was stolen, and that all others failed. */
#ifndef UNITS
#define UNITS 3
#endif
#ifndef MANY
#define MANY 3
#endif
#ifndef WANTED
#define WANTED 1
#endif

typedef rest_t { /* one word */
  byte first;
  byte last;
}
rest_t share[MANY];
byte begun = 0;
byte ended = 0;
byte taken[UNITS]; /* how often */
byte handed_out = 0;
bool ready = false;

#define LEFT(rest) (rest.last - rest.first)
#define HALF(rest) (LEFT(rest) - LEFT(rest) / 2)

inline load(place) {
  d_step {
    seen.first = share[place].first;
    seen.last = share[place].last
  }
}

/* What is not used any more is not to tell states apart. */
inline forget() {
  d_step {
    seen.first = 0;
    seen.last = 0;
    middle = 0;
    won = false
  }
}

/* Sets `won`. */
inline compare_and_swap(place, from, to) {
  d_step {
#ifdef BLIND_SWAP
    won = true;
#else
    won = share[place].first == seen.first && share[place].last == seen.last;
#endif
    if
    :: won -> share[place].first = from; share[place].last = to
    :: else -> seen.first = share[place].first; seen.last = share[place].last
    fi
  }
}

/* How far from `from` one takes of `left` units. */
inline set_middle(from, left) {
  d_step {
    middle = left - left / 2;
    if
    :: WANTED < middle -> middle = WANTED
    :: else
    fi;
    middle = from + middle
  }
}

/* From `seen.first` to `middle`. */
inline hand_out() {
  d_step {
    do
    :: seen.first == middle -> break
    :: seen.first < middle ->
       assert(taken[seen.first] == 0);
       taken[seen.first] = 1;
       seen.first++;
       handed_out++
    od;
    found = true
  }
}

inline take_front() {
  found = false;
  load(_pid);
  do
  :: LEFT(seen) == 0 -> break
  :: LEFT(seen) > 0 ->
     set_middle(seen.first, LEFT(seen));
     atomic {
       compare_and_swap(_pid, middle, seen.last);
       if
       :: won -> hand_out(); break
       :: else
       fi
     }
  od;
  forget()
}

inline steal_from(victim) {
  load(victim);
  do
  :: LEFT(seen) == 0 -> break
  :: LEFT(seen) > 0 ->
     middle = seen.last - HALF(seen);
     atomic {
       compare_and_swap(victim, seen.first, middle);
       if
       :: won ->
          seen.first = middle;
          set_middle(seen.first, LEFT(seen));
#ifdef KEEPS_NOTHING_IN_HAND
          middle = seen.first;
          found = true;
#else
          hand_out();
#endif
       :: else
       fi
     }
     if
     :: won ->
        d_step {
          assert(share[_pid].first == share[_pid].last);
          share[_pid].first = middle;
          share[_pid].last = seen.last
        }
        break
     :: else
     fi
  od;
  forget()
}

inline look() {
  i = 1;
  do
  :: i == MANY || found -> break
  :: i < MANY && !found ->
     load((_pid + i) % MANY);
     if
     :: LEFT(seen) > 0 ->
#ifndef BEGINS_LATE
        begun++;
#endif
        steal_from((_pid + i) % MANY);
#ifdef BEGINS_LATE
        begun++;
#endif
        ended++;
        assert(ended <= UNITS * MANY) /* else two steal from each other for ever */
     :: else -> forget()
     fi;
     i++
  od;
  i = 0
}

active [MANY] proctype Participant() {
  rest_t seen;
  byte middle;
  byte i;
  byte ended_before;
  bool won;
  bool found;
  if
  :: _pid == 0 -> share[0].last = UNITS; ready = true
  :: else -> ready
  fi;
  do
  :: take_front();
     if
     :: found
     :: else ->
        do
        :: ended_before = ended;
           look();
           if
           :: found -> ended_before = 0; break
#ifdef LEAVES_AFTER_ONE_LOOK
           :: else -> goto leave
#else
#ifdef BEGUN_READ_FIRST
           :: else ->
              ended_before = begun;
              if
              :: ended == ended_before -> goto leave
              :: else
              fi
#else
           :: !found && begun == ended_before -> goto leave
           :: !found && begun != ended_before -> ended_before = 0
#endif
#endif
           fi
        od
     fi
  od;
leave:
  assert(handed_out == UNITS)
}
