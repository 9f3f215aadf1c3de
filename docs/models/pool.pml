/* Pool: who sleeps and who wakes (csrc/python/pool/worker.c).
 *
 * Tasks are pushed into one queue, which stands for the line and the deques. A
 * push wakes at most one worker, and none while one is on his way to look. A
 * task lasts until another has begun, so that two workers must be awake. When
 * nothing moves any more, no task is left. */
#ifndef PUSHERS
#define PUSHERS 2
#endif
#ifndef EACH
#define EACH 2
#endif
#ifndef WORKERS
#define WORKERS 2
#endif

byte queue;
byte runs;
byte sleepers;
byte searching;
bool idle[WORKERS];
bool signal[WORKERS];

/* What the pool's guard protects is one step. */
inline claim_idle() {
  atomic {
    who = 0;
    do
    :: who < WORKERS && !idle[who] -> who++
    :: else -> break
    od;
    if
    :: who < WORKERS ->
       idle[who] = false;
       sleepers--;
       searching++;
       signal[who] = true
    :: else
    fi;
    who = 0
  }
}

inline wake_one() {
  look = searching;
  if
  :: look > 0
  :: else ->
     look = sleepers;
     if
     :: look > 0 -> claim_idle()
     :: else
     fi
  fi;
  look = 0
}

inline find() {
  atomic {
    found = queue > 0;
    if
    :: found -> queue--; runs++
    :: else
    fi
  }
}

inline work() { runs >= 2 }

inline lie_down() {
#ifdef LOOKS_BEFORE_LYING_DOWN
  look = queue;
  atomic { idle[me] = true; sleepers++ }
#else
  atomic { idle[me] = true; sleepers++ };
  look = queue;
#endif
}

/* Sets `woken`. */
inline get_up() {
  atomic {
    woken = !idle[me];
    if
    :: woken
    :: else -> idle[me] = false; sleepers--
    fi;
    signal[me] = false
  }
}

inline stop_searching() {
#ifdef LOOKS_BEFORE_IT_STOPS
  look = queue;
  searching--;
#else
  searching--;
  look = queue;
#endif
#ifndef WAKES_NOBODY_ELSE
  if
  :: look > 0 -> wake_one()
  :: else
  fi;
#endif
  look = 0
}

active [WORKERS] proctype Worker() {
  byte me = _pid;
  byte look;
  byte who;
  bool found;
  bool woken;
  do
  :: find();
     if
     :: found -> work()
     :: else ->
        lie_down();
        if
        :: look > 0
        :: else ->
end:       signal[me]
        fi;
        look = 0;
        get_up();
#ifdef SEARCHES_THOUGH_NOT_WOKEN
        woken = true;
#endif
        if
        :: woken ->
           find();
           stop_searching();
           if
           :: found -> work()
           :: else
           fi
        :: else
        fi
     fi
  od
}

active [PUSHERS] proctype Pusher() {
  byte left = EACH;
  byte look;
  byte who;
  do
  :: left == 0 -> break
  :: left > 0 ->
     left--;
#ifdef WAKES_BEFORE_IT_PUSHES
     wake_one();
     queue++
#else
     queue++;
     wake_one()
#endif
  od
}

/* Workers stay; here nothing moves any more. */
init {
  timeout;
  assert(runs == PUSHERS * EACH);
  assert(queue == 0);
  assert(searching == 0);
  assert(sleepers == WORKERS)
}
