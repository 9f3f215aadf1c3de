/* Native calls: C functions that run on workers without Python. */
#ifndef PRS_NATIVE_H
#define PRS_NATIVE_H

#include "prs_core.h"
#include "prs_shares.h"

/* So many arguments of each class travel in registers on every platform that
 * is known here; a call with more is refused before it gets here. */
#define PRS_NATIVE_WORDS 6
#define PRS_NATIVE_FLOATS 8
#define PRS_NATIVE_SLOTS (PRS_NATIVE_WORDS + PRS_NATIVE_FLOATS)

typedef enum prs_native_kind {
  PRS_NATIVE_VOID = 0,
  PRS_NATIVE_WORD = 1, /* an integer or a pointer */
  PRS_NATIVE_DOUBLE = 2,
  PRS_NATIVE_FLOAT = 3
} prs_native_kind_t;

/* Who has let go of a call. */
typedef enum prs_native_fate {
  PRS_NATIVE_OWNED = 0,
  PRS_NATIVE_ENDED = 1,    /* the thread has: its owner frees it */
  PRS_NATIVE_ABANDONED = 2 /* the owner has: the thread calls `abandoned` */
} prs_native_fate_t;

/* One call: what is called, with what, and what came out. An argument is 64
 * bits: a double's, a float's in the lower half, or an integer's, extended to
 * its sign. A result narrower than 64 bits is extended likewise. */
typedef struct prs_native_call prs_native_call_t;
struct prs_native_call {
  void (*function)(void);
  uint64_t slots[PRS_NATIVE_SLOTS];
  uint64_t result;
  uint32_t count;    /* of slots */
  uint32_t floating; /* bit i: slot i is a float or a double */
  prs_native_kind_t kind;
  int32_t width; /* bytes of an integer result, negative for a signed one */
  int32_t error; /* errno after the call, which began with 0 */
  _Atomic uint32_t fate;
  /* Called by the thread as the last thing, when nobody else will free the
   * call; within the gate, without the GIL. */
  void (*abandoned)(prs_native_call_t *call);
  void *keep;              /* the owner's: what must outlive the call */
  prs_native_call_t *next; /* the owner's */
};

/* Make the call on the calling thread: `result` and `error` are set.
 * Returns: nothing. Owner: the caller's. Blocks: as the function does.
 * Threads: any. Orders: none. */
void prs_native_invoke(prs_native_call_t *call);

/* Let go of a call that a packet has been started with.
 * Returns: true when the thread has let go, too: the caller frees it.
 * Owner:   else the thread calls `abandoned`.
 * Blocks:  no. Threads: one, once.
 * Orders:  what the thread did happens before a true. */
bool prs_native_let_go(prs_native_call_t *call);

/* The runner of packets whose payload is a prs_native_call_t. */
extern const prs_runner_t prs_native_runner;

/* ---- loops --------------------------------------------------------------- */

/* Which results end a loop early. */
typedef enum prs_native_check {
  PRS_CHECK_NONE = 0,
  PRS_CHECK_NONZERO = 1,
  PRS_CHECK_NEGATIVE = 2
} prs_native_check_t;

/* An index range that several threads work on. The first two arguments of the
 * call are the begin and the end of a block. */
typedef struct prs_native_loop {
  prs_native_call_t call;
  int64_t count;
  int64_t unit;     /* blocks begin at multiples of it */
  uint32_t threads; /* at least 1, at most one for each unit */
  prs_native_check_t check;
  prs_shares_t *shares;
  _Atomic uint32_t failed; /* 1: somebody writes the two below; 2: written */
  uint64_t result;
  int32_t error;
} prs_native_loop_t;

/* Make a loop over range(count), at least 0, in blocks of at least `grain`, at
 * least 1, for at most so many threads at once; both are at most 2**62.
 * Returns: it, with its call and check to be filled in; or NULL without memory.
 * Owner: the caller's, for prs_native_loop_free. Blocks: no. Threads: any.
 * Orders: none. */
prs_native_loop_t *prs_native_loop_new(uint32_t threads, int64_t count,
                                       int64_t grain);
void prs_native_loop_free(prs_native_loop_t *loop);

/* Take part: call the function for blocks until none is left, at most `timeout`
 * and one block more.
 * Returns: PRS_OK when no block is left, or when as many as `threads` take part
 *          already; PRS_ETIMEDOUT.
 * Owner: the caller's. Blocks: as the function does. Threads: any number.
 * Orders: none. */
int prs_native_loop_work(prs_native_loop_t *loop, uint64_t timeout);
/* Tell whether there is a block for one more; a guess while others steal. */
bool prs_native_loop_has_rest(prs_native_loop_t *loop);
/* Hand out no more blocks. */
void prs_native_loop_stop(prs_native_loop_t *loop);

/* ---- unix/ and win/ ------------------------------------------------------ */

/* Tell whether native calls are known on this processor. */
bool prs__native_is_known(void);

/* Tell whether there is memory at an address: none is left of a library that
 * was closed. Returns: true where the platform does not say. */
bool prs__native_is_mapped(uintptr_t address);

/* Put the arguments where this platform wants them and call, with errno 0.
 * Returns: nothing; `call->result` holds the bits of the result, and may hold
 *          more than a narrow result is wide; `call->error` is errno then.
 * Owner: the caller's. Blocks: as the function does. Threads: any.
 * Orders: none. */
void prs__native_call(prs_native_call_t *call);

#endif
