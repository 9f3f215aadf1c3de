/* The contract: every C name that Python sees, and what each one promises.
 *
 * cffi reads this file as it is, so it holds no #if, no #include and no guard:
 * include it through core/prs_core.h. Each function says five things, in this
 * order: Returns, Owner, Blocks, Threads, Orders. Times are nanoseconds on the
 * monotonic clock, relative unless a name says otherwise. An out-pointer is
 * untouched on error. A status is PRS_OK or one of the negative codes below;
 * numbers of the platform never leave unix/ and win/, except as an `os_error`
 * that is only shown to the user. */

enum prs_status {
  PRS_OK = 0,
  PRS_EINVAL = -1,    /* an argument that no platform accepts */
  PRS_ENOMEM = -2,    /* the process is out of memory */
  PRS_EAGAIN = -3,    /* the OS refuses one more thread */
  PRS_ETIMEDOUT = -4, /* the time is over */
  PRS_EINTR = -5,     /* a signal ended the wait early */
  PRS_EDEADLK = -6,   /* a thread would wait for itself */
  PRS_ECLOSED = -7,   /* the interpreter exits: nothing starts any more */
  PRS_ENOTSUP = -8    /* not on this platform */
};

/* The life of a packet. NEW and RUN are the only states that change. */
enum prs_state {
  PRS_NEW = 0,    /* handed to a thread that has not entered Python */
  PRS_RUN = 1,    /* the closure runs */
  PRS_DONE = 2,   /* the closure ended, its result is there */
  PRS_PARKED = 3, /* never ran: the interpreter exits */
  PRS_KILLED = 4, /* cut off while it ran: the interpreter exits */
  PRS_FORKED = 5  /* belongs to the parent of a fork */
};

enum prs_gate { PRS_GATE_OPEN = 0, PRS_GATE_CLOSED = 1, PRS_GATE_SHUT = 2 };

/* What the layer has done so far, and what it holds now. */
typedef struct prs_statistics {
  uint64_t spawned;            /* closures handed to a thread */
  uint64_t os_threads_created; /* OS threads that this layer started */
  uint64_t os_threads_reused;  /* closures that found a parked worker */
  uint64_t parks;              /* waits that went to sleep in the kernel */
  uint64_t live;               /* closures that have not ended */
  uint64_t ending;             /* that have, and whose joiners see it soon */
  uint64_t idle;               /* parked workers */
  uint64_t packets;            /* packets in memory */
  uint64_t parkers;            /* parkers in memory */
} prs_statistics_t;

/* ---- the layer ---------------------------------------------------------- */

/* Make the layer ready: fork handlers, number of CPUs. Once is enough, twice
 * does nothing.
 * Returns: PRS_OK; PRS_ENOMEM.
 * Owner:   -
 * Blocks:  no.
 * Threads: from one thread at a time.
 * Orders:  before every other call. */
int prs_init(void);

/* Count what happened since the process (or the fork) began.
 * Returns: nothing; `out` is filled.
 * Owner:   `out` is the caller's.
 * Blocks:  no.
 * Threads: any. The numbers are read one by one, not as one snapshot.
 * Orders:  none. */
void prs_statistics_read(prs_statistics_t *out);

/* Name the way in which threads wait here: "futex", "condvar", "WaitOnAddress".
 * Returns: a constant string.
 * Owner:   the layer's.
 * Blocks:  no.
 * Threads: any.
 * Orders:  none. */
const char *prs_backend(void);

/* Tell how many forks lie between the first process and this one.
 * Returns: the number.
 * Owner:   -
 * Blocks:  no.
 * Threads: any.
 * Orders:  none. */
uint32_t prs_fork_generation(void);

/* ---- the calling thread ------------------------------------------------- */

/* Read the monotonic clock.
 * Returns: nanoseconds since an arbitrary start.
 * Owner:   -
 * Blocks:  no.
 * Threads: any.
 * Orders:  none. */
uint64_t prs_now(void);

/* Tell the number by which the OS knows the calling thread.
 * Returns: the number, as in `top -H` or a debugger.
 * Owner:   -
 * Blocks:  no.
 * Threads: any.
 * Orders:  none. */
uint64_t prs_thread_os_id(void);

/* Name the calling thread for the OS, cut at the platform's limit on a UTF-8
 * boundary. An empty name is legal.
 * Returns: PRS_OK; PRS_EINVAL for a NUL inside; PRS_ENOTSUP.
 * Owner:   `utf8` stays the caller's.
 * Blocks:  no.
 * Threads: names the caller only.
 * Orders:  none. */
int prs_thread_set_name(const char *utf8, size_t length);

/* Read the calling thread's name as the OS has it, with a NUL at its end.
 * Returns: PRS_OK; PRS_EINVAL when `capacity` is too small; PRS_ENOTSUP.
 * Owner:   `buffer` is the caller's.
 * Blocks:  no.
 * Threads: reads the caller's only.
 * Orders:  none. */
int prs_thread_get_name(char *buffer, size_t capacity);

/* Let another thread run.
 * Returns: nothing.
 * Owner:   -
 * Blocks:  no longer than the scheduler decides.
 * Threads: any.
 * Orders:  none. */
void prs_yield(void);

/* Count the threads that can run at the same time: CPUs in the affinity mask,
 * cut by the CPU quota of the control group.
 * Returns: PRS_OK; PRS_ENOTSUP when the platform does not say.
 * Owner:   `out` is the caller's.
 * Blocks:  no, but reads a few small files on Linux.
 * Threads: any.
 * Orders:  none. */
int prs_parallelism(uint32_t *out);

/* ---- workers ------------------------------------------------------------ */

/* End the parked workers and wait until the OS threads are gone.
 * Returns: how many ended.
 * Owner:   -
 * Blocks:  until each has left Python; microseconds. Call without the GIL.
 * Threads: any.
 * Orders:  all that they did happens before the return. */
uint32_t prs_workers_retire(void);

/* Set how long a parked worker stays and how many may stay.
 * Returns: nothing.
 * Owner:   -
 * Blocks:  no.
 * Threads: any; a worker that is parked already keeps its old time.
 * Orders:  none. */
void prs_workers_configure(uint64_t idle_nanoseconds, uint32_t most_idle);

/* ---- gate: the way in, closed when the interpreter exits ---------------- */

/* Read the gate.
 * Returns: an enum prs_gate.
 * Owner:   -
 * Blocks:  no.
 * Threads: any.
 * Orders:  none. */
int prs_gate_state(void);

/* Close the gate: nothing starts from now on. Wait for the threads that are
 * on their way in, at most `patience`, then shut it: who comes later never
 * enters Python. Twice does nothing.
 * Returns: how many closures have not ended.
 * Owner:   -
 * Blocks:  at most `patience`, then for the threads inside the door. Call
 *          without the GIL.
 * Threads: the main thread, at exit.
 * Orders:  each thread that entered has its thread state before the return. */
uint32_t prs_gate_close(uint64_t patience);

/* ---- a kernel ------------------------------------------------------------ */

/* Draw rows `begin`, `begin + stride` ... below `end` of a Mandelbrot image:
 * the work of C that `python -m pythread_rs bench` measures with.
 * Returns: nothing; a pixel is the low byte of its number of steps, at most
 *          `depth` steps.
 * Owner:   `pixels`, side * side bytes, is the caller's; rows from 0 to side.
 * Blocks:  no.
 * Threads: any, as long as no two draw the same row.
 * Orders:  none. */
void prs_mandelbrot(int64_t begin, int64_t end, uint8_t *pixels, int64_t side,
                    int32_t depth, int64_t stride);

/* ---- Python ------------------------------------------------------------- */

/* Give the address of the function table that the module of hot types uses.
 * Returns: the address of a constant prs_table_t.
 * Owner:   the layer's.
 * Blocks:  no.
 * Threads: any.
 * Orders:  none. */
uintptr_t prs_py_table(void);
