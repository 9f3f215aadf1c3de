/* Worker: hand-off, idle list, time-out, retirement (csrc/core/worker.c).
 *
 * Two threads spawn and join, one retires workers as a fork does, and parked
 * workers time out. Workers and packets are numbered from 1, 0 is NULL; a
 * number is never used again, so that any use after a free is seen. How a
 * joiner sleeps is in packet.pml: here it just waits for DONE. */
#include "wait.pml"

#define WAITING 0
#define ASLEEP 1
#define WORK 2
#define RETIRE 3

#define NEW 0
#define RUN 1
#define DONE 2

/* One scenario: give other numbers by -D. */
#ifndef SPAWNERS
#define SPAWNERS 1 /* or 2 */
#endif
#ifndef EACH
#define EACH 2 /* spawns of each spawner; 4 for all of them at most */
#endif
#ifndef MOST_IDLE
#define MOST_IDLE 2
#endif
#ifndef TIME_OUTS
#define TIME_OUTS 0 /* parked workers whose time may be over */
#endif
#ifndef RETIRES
#define RETIRES 0 /* 1: workers are retired meanwhile; 2: by a spawner, at last */
#endif
#ifndef FRESH
#define FRESH 0 /* 1: the first spawn of the first spawner is `dedicated` */
#endif
#ifndef LETS_GO
#define LETS_GO 0 /* 1: nobody can tell whether a thread is gone */
#endif
#ifndef ODD_ENDS
#define ODD_ENDS 0
#endif
#define SPAWNS 4

typedef worker_t {
  byte signal;
  byte sleepers; /* on `signal` */
  byte packet;
  byte next;
  bool fresh;
  bool asked;
  bool keeps;
  bool attached;
  bool leaving; /* is in the list of those; their order is of no account */
  bool ends;
  bool freed;
  /* Not in the C code: what became of it. */
  bool was_listed;
  bool joined;
  bool ended
}

typedef packet_t {
  byte state;
  byte refs;
  byte ran;
  bool freed
}

worker_t workers[SPAWNS + 1];
packet_t packets[SPAWNS + 1];

bool locked; /* lists_lock; how it is taken is in lock.pml */
byte idle_list;
byte idle_places;
byte created;
byte spawned;
byte time_outs;
byte finished; /* spawners and the retirer */

#define W workers[w]
#define P packets[p]
#define TOUCH_W assert(w != 0 && !W.freed)
#define TOUCH_P assert(p != 0 && !P.freed)

/* ---- the idle list ------------------------------------------------------- */

/* What is done under the lock is one step where nobody looks without it: only
 * `idle_places` is read from outside. */
inline idle_pop(w) {
  w = 0;
  if
  :: idle_places == 0
  :: else ->
#ifdef LIST_WITHOUT_LOCK
     w = idle_list;
     if
     :: w != 0 -> atomic { TOUCH_W; idle_list = W.next }
     :: else
     fi;
#else
     atomic {
       !locked -> locked = true;
       w = idle_list;
       if
       :: w != 0 -> TOUCH_W; idle_list = W.next
       :: else
       fi
     };
#endif
     atomic {
       if
       :: w != 0 -> idle_places--
       :: else
       fi;
       locked = false
     }
  fi
}

inline idle_push(w) {
#ifdef LIST_WITHOUT_LOCK
  atomic { TOUCH_W; W.next = idle_list };
  atomic { idle_list = w; W.was_listed = true }
#else
  atomic {
    !locked -> TOUCH_W; W.next = idle_list; idle_list = w; W.was_listed = true
  }
#endif
}

inline idle_remove(w, found) {
  d_step {
    !locked -> locked = true;
    found = false;
    link = 0;
    at = idle_list;
    do
    :: at == 0 -> break
    :: at == w -> found = true; break
    :: else -> link = at; at = workers[at].next
    od;
    if
    :: found && link == 0 -> idle_list = W.next
    :: found && link != 0 -> workers[link].next = W.next
    :: else
    fi;
    link = 0;
    at = 0
  };
  atomic {
    if
    :: found -> idle_places--
    :: else
    fi;
    locked = false
  }
}

/* The owner's own fields change in one step with what others see. */
inline worker_keeps(w, yes) {
  if
  :: W.fresh -> yes = false
  :: !W.fresh && W.asked -> yes = W.keeps
  :: else ->
#ifndef ANSWER_CHANGES
     W.asked = true;
#endif
     taken = idle_places;
     do
     :: taken >= MOST_IDLE -> yes = false; break
     :: taken < MOST_IDLE ->
        atomic {
          if
          :: idle_places == taken ->
             idle_places++; W.keeps = true; yes = true; break
          :: else -> taken = idle_places
          fi
        }
     od;
     taken = 0
  fi
}

/* ---- the worker's own thread --------------------------------------------- */

inline announce_leaving() {
#ifdef ENDS_TOO_EARLY
  W.ends = true;
#endif
  atomic { !locked -> TOUCH_W; W.leaving = true }
}

inline free_joined(thread) {
  assert(!workers[thread].joined);
  workers[thread].joined = true;
  workers[thread].freed = true
}

inline join_and_free(thread) {
  atomic { workers[thread].ended -> free_joined(thread) }
}

/* Who has set `ends` may be gone. */
inline join_the_gone() {
  do
  :: at < created ->
     at++;
#ifdef LOOKS_WITHOUT_THE_LOCK
     atomic { found = workers[at].leaving; workers[at].leaving = false };
     if
     :: found && workers[at].ended -> atomic { free_joined(at) }
     :: found && !workers[at].ended -> workers[at].leaving = true
     :: else
     fi
#else
     atomic {
       !locked ->
       if
       :: workers[at].leaving && workers[at].ends ->
          if
          :: LETS_GO || workers[at].ended ->
             workers[at].leaving = false; free_joined(at)
          :: !workers[at].ended /* back into the list */
          fi
       :: else
       fi
     }
#endif
  :: else -> break
  od;
  at = 0
}

inline unref(p) {
  atomic {
    TOUCH_P;
    P.refs--;
    if
    :: P.refs == 0 -> P.freed = true
    :: else
    fi
  }
}

inline publish_done() {
  atomic {
    TOUCH_P;
    assert(P.state == RUN && (!stays || W.was_listed));
    P.state = DONE
  };
  unref(p)
}

/* Set `stays`. */
inline run_packet() {
  atomic {
    TOUCH_W;
    p = W.packet;
    TOUCH_P;
    assert(P.state == NEW);
    P.state = RUN;
    P.ran++;
    W.attached = true
  };
  /* The runner asks first: if the worker goes, so does the thread state. */
  worker_keeps(w, stays);
  if
  :: !stays -> W.attached = false
  :: else
  fi;
  worker_keeps(w, stays);
  /* The answer is the same: no state is lost, and none is left over. */
  assert(stays == W.attached);
#ifdef DONE_BEFORE_LISTED
  publish_done();
#endif
#ifndef PACKET_CLEARED_AFTER_LISTING
  W.packet = 0;
#endif
  atomic { W.asked = false; W.keeps = false };
#ifndef SIGNAL_CLEARED_AFTER_LISTING
  W.signal = WAITING;
#endif
  if
  :: stays -> idle_push(w)
#ifdef ANNOUNCED_AFTER_DONE
  :: else
#else
  :: else -> announce_leaving()
#endif
  fi;
#ifdef PACKET_CLEARED_AFTER_LISTING
  W.packet = 0;
#endif
#ifdef SIGNAL_CLEARED_AFTER_LISTING
  W.signal = WAITING;
#endif
#ifndef DONE_BEFORE_LISTED
  publish_done();
#endif
#ifdef ANNOUNCED_AFTER_DONE
  if
  :: !stays -> announce_leaving()
  :: else
  fi;
#endif
  p = 0
}

/* Set `told`. */
inline sleep_for_signal() {
  over = false;
#ifdef ASLEEP_BY_A_PLAIN_STORE
  told = W.signal;
  if
  :: told == WAITING -> W.signal = ASLEEP; told = ASLEEP
  :: else
  fi;
#else
  atomic {
    told = W.signal;
    if
    :: told == WAITING -> W.signal = ASLEEP; told = ASLEEP
    :: else
    fi
  };
#endif
  do
  :: told != ASLEEP -> break
  :: told == ASLEEP ->
     if
     :: !over && time_outs > 0 -> atomic { time_outs--; over = true }
     :: skip
     fi;
     if
     :: over ->
        idle_remove(w, found);
#ifdef TIME_OUT_WITHOUT_A_LOOK
        found = true;
#endif
        if
        :: found -> told = RETIRE; break
        :: else
        fi
     :: else
     fi;
     fall_asleep(W.signal, ASLEEP, W.sleepers, 0);
end_parked:
     if
     :: !SLEEPS(W.sleepers, 0)
     :: atomic {
          SLEEPS(W.sleepers, 0) && odd_ends > 0 ->
            odd_ends--; W.sleepers = 0
        }
     :: atomic { /* the idle time is over */
          SLEEPS(W.sleepers, 0) && !over && time_outs > 0 ->
            time_outs--; over = true; W.sleepers = 0
        }
     fi;
     told = W.signal
  od
}

proctype Worker(byte w) {
  byte p, told, taken, link, at;
  bool stays, found, over;
  told = WORK;
  do
  :: run_packet();
     if
     :: !stays -> break
     :: else
     fi;
     sleep_for_signal();
     if
     :: told == RETIRE -> break
     :: else
     fi
  od;
#ifdef JOINED_WHENEVER_RETIRED
  found = told == RETIRE; /* somebody joins this thread */
#else
  atomic { TOUCH_W; found = told == RETIRE && W.signal == RETIRE };
#endif
#ifdef ANNOUNCED_THOUGH_JOINED
  found = false;
#endif
  if
  :: told == RETIRE && !found -> announce_leaving()
  :: else
  fi;
  join_the_gone();
  atomic { TOUCH_W; W.ends = true };
  W.ended = true
}

/* The wake-up uses the worker's address as a key only: it may be freed. */
inline signal_worker(w, what) {
  atomic { TOUCH_W; old = W.signal; W.signal = what };
#ifndef NO_WAKE
  if
  :: old == ASLEEP -> wake_one(W.sleepers)
  :: else
  fi;
#endif
  old = 0
}

/* ---- spawn and retire ---------------------------------------------------- */

inline spawn(fresh_one) {
  atomic { spawned++; p = spawned; P.refs = 2 };
  w = 0;
  if
  :: !fresh_one -> idle_pop(w)
  :: else
  fi;
  if
  :: w != 0 ->
#ifdef SIGNAL_BEFORE_PACKET
     signal_worker(w, WORK);
     atomic { TOUCH_W; W.packet = p }
#else
     atomic { TOUCH_W; W.packet = p };
     signal_worker(w, WORK)
#endif
  :: else ->
     atomic {
       created++;
       w = created;
       W.packet = p;
       W.fresh = fresh_one;
       run Worker(w)
     }
  fi;
  w = 0
}

inline retire() {
  do
  :: idle_pop(w);
     if
     :: w == 0 -> break
     :: else
     fi;
     signal_worker(w, RETIRE);
     join_and_free(w);
     w = 0
  od;
  w = 0;
  d_step { /* the whole list */
    !locked ->
    w = 1;
    do
    :: w <= created ->
       taken[w] = workers[w].leaving;
       workers[w].leaving = false;
       w++
    :: else -> break
    od;
    w = 1
  };
  do
  :: w <= SPAWNS ->
     if
     :: taken[w] -> join_and_free(w)
     :: else
     fi;
     w++
  :: else -> break
  od;
  w = 0
}

/* As a fork after the last join must find it, but for threads that time out. */
inline check_nobody_is_left() {
  d_step {
    w = 1;
    do
    :: w <= created -> assert(W.ended || TIME_OUTS || SPAWNERS > 1); w++
    :: else -> break
    od;
    w = 0
  }
}

proctype Spawner(bool fresh_one) {
  byte p, w, old, i;
  bool taken[SPAWNS + 1];
  do
  :: i < EACH ->
     spawn((fresh_one && i == 0));
     P.state == DONE; /* join */
     unref(p);
     i++
  :: else -> break
  od;
  p = 0;
  if
  :: RETIRES == 2 -> retire(); check_nobody_is_left()
  :: else
  fi;
  finished++
}

proctype Retirer() {
  byte w, old;
  bool taken[SPAWNS + 1];
  retire();
  finished++
}

#define ALL_STAY \
  (MOST_IDLE >= SPAWNERS && !TIME_OUTS && !RETIRES && !FRESH)

inline check_the_end() {
  d_step {
    /* If every worker stays, a spawn after a join finds one. */
    assert(!ALL_STAY || created <= SPAWNERS);
    w = idle_list;
    do
    :: w != 0 -> TOUCH_W; listed++; w = W.next
    :: else -> break
    od;
    assert(listed == idle_places && listed <= MOST_IDLE);
    w = 1;
    do
    :: w <= created ->
       assert(W.freed == W.joined);
       assert(!W.ended || W.joined != W.leaving);
       if
       :: !W.ended -> listed--
       :: else
       fi;
       w++
    :: else -> break
    od;
    assert(listed == 0); /* who lives is parked */
    w = 1;
    do
    :: w <= spawned -> assert(packets[w].ran == 1 && packets[w].freed); w++
    :: else -> break
    od
  }
}

init {
  byte w, listed;
  choose_odd_ends(ODD_ENDS);
  time_outs = TIME_OUTS;
  atomic {
    run Spawner(FRESH);
    if
    :: SPAWNERS > 1 -> run Spawner(0)
    :: else
    fi;
    if
    :: RETIRES == 1 -> run Retirer()
    :: else -> finished++
    fi
  };
  finished == SPAWNERS + 1;
  timeout -> check_the_end()
}
