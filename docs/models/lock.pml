/* Lock: three threads that want one prs_lock_t (csrc/core/lock.c).
 *
 * The other models take the lock in one step; this one shows that they may. */
#include "wait.pml"

#ifdef WAITER_NOT_MARKED
#define MARK 1
#else
#define MARK 2
#endif

byte word; /* 0 free, 1 held, 2 held and somebody waits */
byte sleepers;
byte inside;

inline lock() {
  atomic {
    seen = word;
    if
    :: seen == 0 -> word = 1
    :: else
    fi
  };
  do
  :: seen == 0 -> break
  :: else ->
     atomic { seen = word; word = MARK };
     if
     :: seen == 0 -> break
     :: else
     fi;
     wait_on(word, MARK, sleepers, me)
  od
}

inline unlock() {
  atomic { seen = word; word = 0 };
#ifndef NO_WAKE
  if
  :: seen == 2 -> wake_one(sleepers)
  :: else
  fi
#endif
}

proctype Thread(byte me) {
  byte seen, rounds;
  do
  :: rounds < 2 ->
     lock();
     atomic { inside++; assert(inside == 1) };
     inside--;
     unlock();
     rounds++
  :: else -> break
  od
}

init {
  choose_odd_ends(1);
  atomic { run Thread(0); run Thread(1); run Thread(2) };
  (_nr_pr == 1);
  assert(word == 0)
}
