/* Waiter: one blocked operation in two queues, and two who want to end it
 * (csrc/core/sync/waiter.c).
 *
 * Two sources of tokens, each with a guard and a queue. A giver takes the first
 * waiters out under its guard and finishes them after it, from one list. A
 * taker wants one token of any source: it is a select, and stands in both
 * queues. Its waiter is freed after each attempt, and the next one may have the
 * same address. */
#include "wait.pml"

#define WAITS 0
#define SLEEPING 1 /* PRS_SLEEPS */
#define CLAIMED 2
#define CANCELLED 3
#define FINISHED 4

#define TAKERS 2
#define SOURCES 2
#define NONE 9

#ifndef FIRST_GIVES
#define FIRST_GIVES 2
#endif
#ifndef SECOND_GIVES
#define SECOND_GIVES 1
#endif
#ifndef EARLY
#define EARLY 1 /* waits that may end by their time */
#endif
#ifndef ODD_ENDS
#define ODD_ENDS 0
#endif

byte word[TAKERS];
byte sleepers[TAKERS];
bool slept[TAKERS];
byte next[TAKERS];
byte chosen[TAKERS];
byte items[TAKERS]; /* bits: the nodes that were given something */
bool freed[TAKERS];

bool guard[SOURCES];
byte queue[SOURCES]; /* bits: who stands in it */
byte tokens[SOURCES];

byte early;
byte got;
byte gone; /* takers that gave up */

#define TOUCH(which) assert(!freed[which])
#define STANDS(which, where) (queue[where] & BIT(which))

inline enter(where) { atomic { !guard[where] -> guard[where] = true } }
inline leave(where) { guard[where] = false }

inline compare_exchange(which, expected, new) {
  atomic {
    TOUCH(which);
    seen = word[which];
    if
    :: seen == expected -> word[which] = new
    :: else
    fi
  }
}

/* ---- who gives ----------------------------------------------------------- */

/* Sets `claimed`. */
inline claim(which) {
#ifdef NEXT_CLEARED_BEFORE_THE_CLAIM
  atomic { TOUCH(which); next[which] = NONE };
#endif
#ifdef CLAIM_BY_A_PLAIN_STORE
  atomic { TOUCH(which); seen = word[which] };
  claimed = seen == WAITS || seen == SLEEPING;
  if
  :: claimed -> atomic { word[which] = CLAIMED; slept[which] = seen == SLEEPING }
  :: else
  fi
#else
  claimed = false;
  compare_exchange(which, WAITS, CLAIMED);
  if
  :: seen == WAITS -> claimed = true
  :: seen == SLEEPING ->
     compare_exchange(which, SLEEPING, CLAIMED);
     claimed = seen == SLEEPING
  :: else
  fi;
  if
  :: claimed -> atomic { TOUCH(which); slept[which] = seen == SLEEPING }
  :: else
  fi
#endif
}

/* prs__queue_claim, and what its caller does with the node. Sets `claimed`. */
inline queue_claim(where) {
  claimed = false;
  who = 0;
  do
  :: who < TAKERS && STANDS(who, where) ->
     claim(who);
     if
     :: claimed ->
        atomic {
          TOUCH(who);
          queue[where] = queue[where] & ~BIT(who);
          chosen[who] = where
        };
        atomic { TOUCH(who); next[who] = list; list = who };
#ifndef GIVEN_AFTER_FINISHED
        atomic { TOUCH(who); items[who] = items[who] | BIT(where) };
#endif
        break
     :: else -> who++
     fi
  :: who < TAKERS && !STANDS(who, where) -> who++
  :: who == TAKERS -> break
  od
}

/* prs_wakes_send. */
inline send_wakes() {
  do
  :: list == NONE -> break
  :: else ->
     who = list;
#ifndef NEXT_READ_AFTER_FINISHED
     atomic { TOUCH(who); list = next[who] };
#endif
#ifndef SLEPT_READ_AFTER_FINISHED
     atomic { TOUCH(who); wakes = slept[who] };
#endif
     atomic { TOUCH(who); assert(word[who] == CLAIMED); word[who] = FINISHED };
#ifdef SLEPT_READ_AFTER_FINISHED
     atomic { TOUCH(who); wakes = slept[who] };
#endif
#ifdef GIVEN_AFTER_FINISHED
     atomic { TOUCH(who); items[who] = items[who] | BIT(me) };
#endif
     if
#ifndef NO_WAKE
     :: wakes -> wake_one(sleepers[who]) /* an address is enough */
#endif
     :: else
     fi;
#ifdef NEXT_READ_AFTER_FINISHED
     atomic { TOUCH(who); list = next[who] };
#endif
     skip
  od
}

proctype Giver(byte me; byte gives) {
  byte seen, who, list = NONE;
  bool claimed, wakes;
  enter(me);
  do
  :: gives == 0 -> break
  :: else ->
     gives--;
     queue_claim(me);
     if
     :: claimed
     :: else -> tokens[me]++
     fi
  od;
  leave(me);
  send_wakes()
}

/* ---- who takes ----------------------------------------------------------- */

inline wait_for_claimer() { word[me] != CLAIMED }

/* Sets `cancelled`. */
inline cancel() {
#ifdef CANCELLED_BY_A_PLAIN_STORE
  seen = word[me];
  cancelled = seen == WAITS || seen == SLEEPING;
  if
  :: cancelled -> word[me] = CANCELLED
  :: else
  fi;
#else
  compare_exchange(me, WAITS, CANCELLED);
  cancelled = seen == WAITS;
  if
  :: seen == SLEEPING ->
     compare_exchange(me, SLEEPING, CANCELLED);
     cancelled = seen == SLEEPING
  :: else
  fi;
#endif
  if
#ifndef CANCEL_WITHOUT_WAITING
  :: !cancelled -> wait_for_claimer()
#endif
  :: else
  fi
}

/* Sets `awake`: claimed; else its time is over. */
inline sleep_until_claimed() {
  awake = false;
  over = false;
  do
  ::
#ifdef ANNOUNCED_BY_A_PLAIN_STORE
     seen = word[me];
     if
     :: seen == WAITS -> word[me] = SLEEPING
     :: else
     fi;
#else
     compare_exchange(me, WAITS, SLEEPING);
#endif
     if
     :: seen != WAITS && seen != SLEEPING ->
        wait_for_claimer();
        awake = true;
        break
     :: over && (seen == WAITS || seen == SLEEPING) -> break
     :: !over && (seen == WAITS || seen == SLEEPING)
     fi;
     fall_asleep(word[me], SLEEPING, sleepers[me], 0);
     if
     :: !SLEEPS(sleepers[me], 0)
     :: atomic {
          SLEEPS(sleepers[me], 0) && odd_ends > 0 -> odd_ends--; sleepers[me] = 0
        }
     :: atomic {
          SLEEPS(sleepers[me], 0) && early > 0 -> early--; sleepers[me] = 0
        };
        over = true
     fi
  od
}

/* Sets `took`. */
inline take_one_that_lies_there(where) {
  atomic { /* nothing else is done under the guard */
    !guard[where];
    took = tokens[where] > 0;
    if
    :: took -> tokens[where]--; got++
    :: else
    fi
  }
}

/* Sets `queued`: nothing lies there. */
inline stand_in(where) {
  enter(where);
  queued = tokens[where] == 0;
  if
  :: queued -> queue[where] = queue[where] | BIT(me)
  :: else ->
#ifdef TAKEN_BEFORE_CANCELLING
     tokens[where]--;
     got++;
     took = true;
#endif
     skip
  fi;
  leave(where)
}

inline leave_queue(where) {
  atomic { !guard[where]; queue[where] = queue[where] & ~BIT(me) }
}

inline new_waiter() {
  atomic {
    word[me] = WAITS;
    slept[me] = false;
    next[me] = NONE;
    items[me] = 0;
    chosen[me] = NONE;
    freed[me] = false
  }
}

inline free_waiter() {
  atomic {
    assert(!STANDS(me, 0) && !STANDS(me, 1));
    freed[me] = true
  }
}

proctype Taker(byte me) {
  byte seen;
  bool took, queued, awake, over, cancelled;
again:
  take_one_that_lies_there(0);
  if
  :: !took -> take_one_that_lies_there(1)
  :: else
  fi;
  if
  :: took -> goto done
  :: else
  fi;
  new_waiter();
  stand_in(0);
  if
  :: queued -> stand_in(1)
  :: else
  fi;
  if
  :: queued -> sleep_until_claimed()
  :: else -> awake = false; over = false
  fi;
  cancelled = false;
  if
  :: awake
  :: else -> cancel()
  fi;
#ifndef FREED_IN_A_QUEUE
  leave_queue(0);
  leave_queue(1);
#endif
  if
  :: !cancelled ->
     assert(items[me] == BIT(chosen[me]));
     atomic { got++; assert(!took); took = true }
  :: else -> assert(items[me] == 0)
  fi;
  free_waiter();
  if
  :: took
  :: !took && over -> gone++
  :: else -> goto again /* something lay there when it came */
  fi;
done:
  skip
}

init {
  choose_odd_ends(ODD_ENDS);
  if
  :: early = 0
  :: early = EARLY
  fi;
  atomic {
    freed[0] = true;
    freed[1] = true;
    run Giver(0, FIRST_GIVES);
    run Giver(1, SECOND_GIVES);
    run Taker(0);
    run Taker(1)
  };
  (_nr_pr == 1);
  assert(got + gone == TAKERS);
  assert(got + tokens[0] + tokens[1] == FIRST_GIVES + SECOND_GIVES)
}
