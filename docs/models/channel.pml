/* Channel: senders, receivers, and messages between them
 * (csrc/core/sync/channel*.c, and what the types do around it).
 *
 * What is done under the guard is one step here, and so is a claim; how a
 * thread sleeps and how a claim meets a cancellation is in waiter.pml. A waiter
 * is claimed in one step and finished in a later one, so that its time may end
 * in between. PRS_CHAIN is 1: already two threads need their chain.
 *
 * With PASSES_ON, threads pass on: while one of them is on its way back, nobody
 * else is claimed. */

#define WAITS 0
#define CLAIMED 2
#define CANCELLED 3
#define FINISHED 4

/* How a message came to its end. */
#define UNKNOWN 0
#define RECEIVED 1
#define GIVEN_BACK 2
#define LOST 3 /* the last receiver threw it away */

#define DONE 0
#define READY 1 /* look again */
#define DISCONNECTED 2

#define SENDERS 2
#define THREADS 4 /* 0 and 1 send, 2 and 3 receive */
#define SPACE 6
#define NOBODY 9

/* One scenario: give other numbers by -D. */
#ifndef CAPACITY
#define CAPACITY 1 /* 0 is a rendezvous, SPACE is no limit */
#endif
#ifndef FIRST_SENDS
#define FIRST_SENDS 2
#endif
#ifndef SECOND_SENDS
#define SECOND_SENDS 1
#endif
#ifndef EARLY
#define EARLY 0 /* waits that may end by their time */
#endif
#ifndef PUTS_BACK
#define PUTS_BACK 0 /* or 1: messages that may be put back */
#endif
#ifndef LEAVES
#define LEAVES 0 /* receivers that may go before the end */
#endif

#ifndef PASSES_ON
#define PASSES_ON 0 /* 1: all of them do, 2: one of each side */
#endif
#define PASSES(who)                                                            \
  (CAPACITY > 0 && (PASSES_ON == 1 || (PASSES_ON == 2 && (who) % 2 == 0)))

/* Message number `n` (1, 2, ...) of sender `s`. */
#define MESSAGE(s, n) ((s) * 4 + (n))
#define SENDER_OF(m) ((m) / 4)
#define NUMBER_OF(m) ((m) % 4)

byte senders = 2;
byte receivers = 2;
byte ring[SPACE];
byte count;

byte word[THREADS];
byte item[THREADS];
byte status[THREADS];
byte line[THREADS];  /* who waits: the senders' queue and the receivers' are */
byte length;         /* one here, in the order of coming */

byte waking; /* how many that pass on were claimed and are not back */
bool awaited[THREADS];

byte fates[8];
byte handed[SENDERS]; /* the number of its last message that was taken */
byte early;
byte puts_back;
byte leaves;
bool some_left; /* a receiver went before the end */

#define SENDS(who) ((who) < SENDERS)

/* ---- queues: part of a step ---------------------------------------------- */

inline push_waiter() {
  word[me] = WAITS;
  line[length] = me;
  length++
}

inline remove_at(place) {
  do
  :: place + 1 < length -> line[place] = line[place + 1]; place++
  :: else -> break
  od;
  length--;
  line[length] = 0
}

#define WAITS_AT(place, sends) \
  (SENDS(line[place]) == sends && word[line[place]] == WAITS)
#define AWAKE_AT(place, sends) \
  (place < length && WAITS_AT(place, sends) && PASSES(line[place]))

/* Claim the first that sends, or receives; or a later one that passes on, for
 * it may be awake while the first sleeps. Sets `other`. */
inline claim(sends) {
  other = NOBODY;
  place = 0;
  do
  :: place == length -> break
  :: place < length && WAITS_AT(place, sends) &&
       (AWAKE_AT(place + 1, sends) || AWAKE_AT(place + 2, sends) ||
        AWAKE_AT(place + 3, sends)) -> place++
  :: place < length && WAITS_AT(place, sends) ->
     other = line[place];
     word[other] = CLAIMED;
     wakes = wakes | (1 << other);
     if
     :: PASSES(other) -> awaited[other] = true; waking++
     :: else
     fi;
     remove_at(place);
     break
  :: place < length && !WAITS_AT(place, sends) -> place++
  od;
  place = 0
}

inline look_who_waits() {
  place = 0;
  some_send = false;
  some_receive = false;
  do
  :: place == length -> break
  :: else ->
     if
     :: word[line[place]] == WAITS && SENDS(line[place]) -> some_send = true
     :: word[line[place]] == WAITS && !SENDS(line[place]) ->
        if
        :: !some_receive -> first_passes = PASSES(line[place])
        :: else
        fi;
        some_receive = true
     :: else
     fi;
     place++
  od;
  place = 0
}

/* Nobody waits who need not, unless somebody will look after him. */
inline assert_rest() {
  look_who_waits();
  assert(waking > 0 || !some_send || (count >= CAPACITY && !some_receive));
  assert(waking > 0 || !some_receive || count == 0);
  some_send = false; /* fewer states */
  some_receive = false;
  first_passes = false
}

/* ---- ring: part of a step ------------------------------------------------ */

inline push(message) {
  assert(count < CAPACITY);
  ring[count] = message;
  count++
}

inline pop(message) {
  message = ring[0];
  do
  :: place + 1 < count -> ring[place] = ring[place + 1]; place++
  :: else -> break
  od;
  place = 0;
  count--;
  ring[count] = 0
}

inline push_front(message) {
  place = count;
  do
  :: place == 0 -> break
  :: else -> ring[place] = ring[place - 1]; place--
  od;
  ring[0] = message;
  count++
}

/* Each sender's messages are taken in their order. */
inline hand_over(message) {
  assert(NUMBER_OF(message) > handed[SENDER_OF(message)]);
  handed[SENDER_OF(message)] = NUMBER_OF(message)
}

/* ---- steps under the guard, each with its `other` to be finished --------- */

/* Give to the first receiver that waits. Sets `other`. */
inline give(message) {
  claim(false);
  if
  :: other != NOBODY ->
     item[other] = message;
     status[other] = DONE;
     hand_over(message)
  :: else
  fi
}

/* Sets `other`, `queued` and `gone`. */
inline send(message) {
  queued = false;
  gone = receivers == 0;
  other = NOBODY;
  if
  :: gone
#ifdef ROOM_BEFORE_THE_QUEUE
  :: !gone && count < CAPACITY -> push(message)
  :: !gone && count >= CAPACITY ->
     give(message);
#else
  :: !gone ->
     if
     :: waking > 0
     :: waking == 0 -> give(message)
     fi;
#endif
     if
     :: other != NOBODY
     :: other == NOBODY && count < CAPACITY -> push(message)
     :: other == NOBODY && count >= CAPACITY ->
        item[me] = message;
        queued = true;
        push_waiter()
     fi
  fi;
  assert_rest()
}

/* Sets `message`, `other`, `queued` and `gone`. */
inline recv() {
  queued = false;
  gone = false;
  other = NOBODY;
  message = 0;
#ifdef TAKEN_FROM_A_SENDER_FIRST
  claim(true);
  if
  :: other != NOBODY -> message = item[other]; status[other] = DONE
  :: else
  fi;
#endif
#ifdef DISCONNECTED_BEFORE_EMPTY
  gone = senders == 0;
#endif
  if
  :: message != 0 || gone
  :: else ->
     if
     :: count > 0 ->
        pop(message);
        if
#ifdef MOVED_UP_THOUGH_FULL
        :: CAPACITY > 0 && waking == 0 ->
#else
        :: count < CAPACITY && CAPACITY > 0 && waking == 0 ->
#endif
#ifndef NOT_MOVED_UP
           claim(true);
#endif
           if
           :: other != NOBODY -> push(item[other]); status[other] = DONE
           :: else
           fi
        :: else
        fi
     :: count == 0 ->
        if
        :: claim(true)
        :: waking > 0 && senders > 0 /* one that may wait leaves it to them */
        fi;
        if
        :: other != NOBODY -> message = item[other]; status[other] = DONE
        :: other == NOBODY && senders == 0 -> gone = true
        :: other == NOBODY && senders > 0 -> queued = true; push_waiter()
        fi
     fi
  fi;
  if
  :: message != 0 -> hand_over(message)
  :: else
  fi;
  assert_rest()
}

inline unrecv(message) {
  handed[SENDER_OF(message)] = NUMBER_OF(message) - 1;
  other = NOBODY;
#ifndef PUT_BACK_PAST_A_WAITER
  if
  :: waking > 0
  :: waking == 0 -> give(message)
  fi;
#endif
  if
  :: other != NOBODY
#ifdef PUT_BACK_AT_THE_END
  :: other == NOBODY -> ring[count] = message; count++
#else
  :: other == NOBODY -> push_front(message)
#endif
  fi;
  assert_rest()
}

/* Wake the next one of a side whose other side is gone. */
inline chain() {
  other = NOBODY;
  if
#ifdef DISCONNECTED_WHILE_AWAITED
  :: senders == 0 -> claim(false)
#else
  :: receivers == 0 || (senders == 0 && waking == 0) -> claim(false)
#endif
  :: else
  fi;
  if
  :: other == NOBODY && receivers == 0 -> claim(true)
  :: else
  fi;
  if
  :: other != NOBODY ->
     assert(receivers == 0 || count == 0);
     status[other] = DISCONNECTED;
     if
     :: awaited[other] -> come_back(other) /* it is not awaited */
     :: else
     fi
  :: else
  fi
}

/* ---- passing on: part of a step ------------------------------------------ */

inline come_back(who) {
  awaited[who] = false;
  waking--
}

/* `sends`: it comes back from a send. */
inline pass_on(sends) {
  do
  :: waking == 0 && receivers > 0 ->
     look_who_waits();
     some_send = some_send && count < CAPACITY;
     other = NOBODY;
     if
     :: some_receive && count > 0 && !(some_send && !sends) ->
        claim(false);
        pop(item[other]);
        hand_over(item[other]);
        status[other] = DONE
     :: else ->
        if
        :: !some_send -> break
        :: some_send && some_receive && sends && first_passes ->
           claim(false);
           status[other] = READY;
#ifdef LOOKS_WITHOUT_PASSING_ON
           come_back(other);
           break
#endif
           skip
        :: some_send ->
           claim(true);
           push(item[other]);
           status[other] = DONE
        fi
     fi
  :: else -> break
  od;
  if
  :: senders == 0 || receivers == 0 -> chain()
  :: else
  fi;
  other = NOBODY;
  assert_rest()
}


#ifdef LATE_CLAIM_DOES_NOT_ARRIVE
#define ARRIVES (!late)
#else
#define ARRIVES true
#endif

/* prs_channel_arrive. */
inline arrive(sends) {
  if
  :: awaited[me] && ARRIVES ->
     atomic {
       come_back(me);
#ifndef NOT_PASSED_ON
       pass_on(sends)
#endif
     };
     finish()
  :: else
  fi
}

/* ---- after a step -------------------------------------------------------- */

inline finish_one(who) {
  assert(word[who] == CLAIMED);
  atomic { word[who] = FINISHED; wakes = wakes & ~(1 << who) }
}

/* prs_wakes_send. */
inline finish() {
  other = NOBODY;
  do
  :: (wakes & 1) -> finish_one(0)
  :: (wakes & 2) -> finish_one(1)
  :: (wakes & 4) -> finish_one(2)
  :: (wakes & 8) -> finish_one(3)
  :: wakes == 0 -> break
  od
}

/* prs__block, and the node's way out of the queue. Sets `over`: nobody claimed
 * it, and its time has ended. */
inline block() {
  over = false;
  late = false;
  if
  :: word[me] == FINISHED
  :: atomic { word[me] != FINISHED && early > 0 -> early--; late = true };
     atomic {
       if
       :: word[me] == WAITS -> word[me] = CANCELLED; over = true
       :: else
       fi
     };
     if
     :: over ->
#ifndef STAYS_IN_THE_QUEUE
        atomic {
          place = 0;
          do
          :: line[place] == me -> remove_at(place); break
          :: else -> place++
          od;
          place = 0
        };
#endif
        skip
     :: else -> word[me] == FINISHED
     fi
  fi
}

#ifdef NO_CHAIN
#define CHAINS false
#else
#ifdef LATE_CLAIM_WITHOUT_CHAIN
#define CHAINS (!late)
#else
#define CHAINS true
#endif
#endif

/* Who was woken by a disconnection wakes the next one. Sets `gone`. */
inline look_at_status() {
  gone = status[me] == DISCONNECTED;
  if
  :: gone && CHAINS -> atomic { chain() }; finish()
  :: else
  fi
}

inline settle(message, fate) {
  assert(fates[message] == UNKNOWN);
  assert(fate != LOST || some_left);
  fates[message] = fate
}

/* ---- threads ------------------------------------------------------------- */

proctype Sender(byte me; byte last) {
  byte number, place, wakes, other = NOBODY;
  bool queued, gone, over, late, some_send, some_receive, first_passes;
  do
  :: number == last -> break
  :: else ->
     number++;
     if
     :: gone
     :: else ->
        atomic { send(MESSAGE(me, number)) };
        finish();
        if
        :: queued ->
           block();
           if
           :: over
           :: else -> look_at_status(); arrive(true)
           fi
        :: else -> over = false
        fi
     fi;
     if
     :: gone || over -> settle(MESSAGE(me, number), GIVEN_BACK)
     :: else
     fi
  od;
  atomic {
    senders--;
    if
    :: senders == 0 -> chain()
    :: else
    fi
  };
  finish()
}

inline drain() {
  do
  :: atomic {
       if
       :: receivers == 0 && count > 0 -> pop(message); settle(message, LOST)
       :: else -> break
       fi
     }
  od
}

proctype Receiver(byte me) {
  byte message, place, wakes, other = NOBODY;
  bool queued, gone, over, late, received;
  bool some_send, some_receive, first_passes;
  do
  :: atomic { leaves > 0 -> leaves--; some_left = true; break }
  :: atomic { recv() };
     finish();
     over = false;
     received = !queued;
     do
     :: !queued -> break
     :: else ->
        block();
        if
        :: over -> break
        :: !over && status[me] == READY ->
           atomic { come_back(me); recv(); pass_on(false) };
           finish();
           received = !queued
        :: else ->
           look_at_status();
           message = item[me];
           arrive(false);
           break
        fi
     od;
     item[me] = 0;
     if
     :: gone -> break
     :: over
#ifdef TIME_OUT_DROPS_THE_MESSAGE
     :: !gone && !over && !received && late
#endif
     :: !gone && !over -> settle(message, RECEIVED)
     :: atomic { !gone && !over && puts_back > 0 ->
          puts_back--;
          unrecv(message)
        };
        finish()
     fi
  od;
#ifdef DRAINED_BEFORE_THE_DROP
  if
  :: receivers == 1 ->
     do
     :: atomic { count > 0 -> pop(message); settle(message, LOST) }
     :: atomic { count == 0 -> break }
     od
  :: else
  fi;
#endif
  atomic {
    receivers--;
    if
    :: receivers == 0 -> chain()
    :: else
    fi
  };
#ifndef DROPPED_WITHOUT_WAKING
  finish();
#endif
#ifndef DRAINED_BEFORE_THE_DROP
  drain()
#endif
}

init {
  byte i;
  atomic {
    if
    :: early = 0
    :: early = EARLY
    fi;
    if
    :: puts_back = 0
    :: puts_back = PUTS_BACK
    fi;
    if
    :: leaves = 0
    :: leaves = LEAVES
    fi;
    run Sender(0, FIRST_SENDS);
    run Sender(1, SECOND_SENDS);
    run Receiver(2);
    run Receiver(3)
  };
  (_nr_pr == 1);
  assert(count == 0 && length == 0);
  do
  :: i == FIRST_SENDS -> break
  :: else -> i++; assert(fates[MESSAGE(0, i)] != UNKNOWN)
  od;
  i = 0;
  do
  :: i == SECOND_SENDS -> break
  :: else -> i++; assert(fates[MESSAGE(1, i)] != UNKNOWN)
  od
}
