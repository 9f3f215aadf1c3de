/* Deque: its owner pushes and pops at the bottom, thieves take from the top
 * (csrc/core/sync/deque.c).
 *
 * Each item is taken once, by whomever, and none stays behind. The ring has few
 * places, which are used again; a full one grows in C, and is waited for here. */
#ifndef ITEMS
#define ITEMS 3
#endif
#define SPACE 2
#ifndef THIEVES
#define THIEVES 2
#endif
#ifndef TRIES
#define TRIES 2
#endif

byte top = 0;
byte bottom = 0;
byte ring[SPACE];
byte taken[ITEMS + 1]; /* how often */
byte ended;

inline take(item) {
  atomic {
    assert(item > 0);
    taken[item]++;
    assert(taken[item] == 1)
  }
}

/* Sets `won`. */
inline compare_and_swap_top(old) {
  atomic {
    won = top == old;
    if
    :: won -> top = old + 1
    :: else
    fi
  }
}

inline push(item) {
#ifdef BOTTOM_BEFORE_THE_ITEM
  bottom = bottom + 1;
  ring[(bottom - 1) % SPACE] = item
#else
  ring[bottom % SPACE] = item; /* the owner's own, until the next step */
  bottom = bottom + 1
#endif
}

inline pop() {
  b = bottom - 1;
#ifdef TOP_READ_BEFORE_THE_BOTTOM
  t = top;
  bottom = b;
#else
  bottom = b;
  t = top;
#endif
  if
  :: t < b -> take(ring[b % SPACE])
  :: t == b ->
#ifdef LAST_ONE_WITHOUT_A_RACE
     won = true;
     top = t + 1;
#else
     compare_and_swap_top(t);
#endif
     if
     :: won -> take(ring[b % SPACE])
     :: else
     fi;
     bottom = b + 1
  :: t > b -> bottom = b + 1
  fi
}

active proctype Owner() {
  byte next = 1;
  short b;
  short t;
  bool won;
  do
  :: next <= ITEMS && bottom - top < SPACE -> push(next); next++
  :: bottom > 0 && next > 1 -> pop(); if :: top >= bottom && next > ITEMS -> break :: else fi
  od;
  ended++
}

active [THIEVES] proctype Thief() {
  byte left = TRIES;
  byte t;
  byte item;
  bool won;
  do
  :: left == 0 -> break
  :: left > 0 ->
     left--;
     t = top;
     if
     :: t < bottom ->
#ifdef ITEM_READ_AFTER_THE_RACE
        compare_and_swap_top(t);
        item = ring[t % SPACE];
#else
        item = ring[t % SPACE];
        compare_and_swap_top(t);
#endif
        if
        :: won -> take(item)
        :: else
        fi
     :: else
     fi
  od;
  ended++
}

init {
  byte i;
  ended == THIEVES + 1;
  for (i : 1 .. ITEMS) {
    assert(taken[i] == 1)
  }
}
