/* What the models share: prs__wait, prs__wake_one, prs__wake_all.
 *
 * A sleeper is a bit in a byte that belongs to a word: which of several
 * sleepers a wake-up reaches is left open, as the kernel leaves it. A wait may
 * also end for no reason, `odd_ends` times in a run, or by a signal or its own
 * time, where the model allows for that. Both are choices of the checker: in
 * some runs they never happen, so they cannot hide a lost wake-up. */

byte odd_ends; /* waits that may still end without a wake-up */

#define BIT(me) (1 << (me))
#define SLEEPS(bits, me) ((bits) & BIT(me))

/* Choose at the start of a run how many waits will end for no reason. */
inline choose_odd_ends(most) {
  do
  :: odd_ends < most -> odd_ends++
  :: break
  od
}

/* Fall asleep if the word is as expected: one step, as the kernel promises. */
inline fall_asleep(word, expected, bits, me) {
  atomic {
    if
    :: (word) == (expected) -> bits = bits | BIT(me)
    :: else
    fi
  }
}

/* Sleep until woken or for no reason. */
inline stay_asleep(bits, me) {
  if
  :: !SLEEPS(bits, me)
  :: atomic {
       SLEEPS(bits, me) && odd_ends > 0 ->
         odd_ends--;
         bits = bits & ~BIT(me)
     }
  fi
}

inline wait_on(word, expected, bits, me) {
  fall_asleep(word, expected, bits, me);
  stay_asleep(bits, me)
}

/* Wake any one of the first six. */
inline wake_one(bits) {
  atomic {
    if
    :: SLEEPS(bits, 0) -> bits = bits & ~BIT(0)
    :: SLEEPS(bits, 1) -> bits = bits & ~BIT(1)
    :: SLEEPS(bits, 2) -> bits = bits & ~BIT(2)
    :: SLEEPS(bits, 3) -> bits = bits & ~BIT(3)
    :: SLEEPS(bits, 4) -> bits = bits & ~BIT(4)
    :: SLEEPS(bits, 5) -> bits = bits & ~BIT(5)
    :: bits == 0
    fi
  }
}

inline wake_all(bits) { bits = 0 }
