/* Tracing: what threads do and when, for `python -m pythread_rs trace`.
 *
 * Off, it costs nothing: the methods that it follows are exchanged in their
 * tables when it is switched on, before the script begins (wrap.c), and the one
 * look at a flag stands in a wait that goes to sleep anyway. */
#ifndef PRS_TRACE_H
#define PRS_TRACE_H

#include "../channel.h"
#include "../packet.h"

/* What an event tells. The numbers are read by pythread_rs/_cli. */
typedef enum prs_trace_kind {
  PRS_TRACE_THREAD = 0,  /* a thread begins; `id`: its number, `note`: name */
  PRS_TRACE_ENDED = 1,   /* and ends */
  PRS_TRACE_WAIT = 2,    /* a wait begins: `what`, in `object` */
  PRS_TRACE_WAITED = 3,  /* and ends */
  PRS_TRACE_SPAWN = 4,   /* `id`: the number of the new thread */
  PRS_TRACE_SEND = 5,    /* `id`: the message, `note`: what it is */
  PRS_TRACE_UNPARK = 6,  /* `id`: the token */
  PRS_TRACE_DONE = 7,    /* what began with one of these three is over */
  PRS_TRACE_RECEIVE = 8, /* since `began`; `id`: the message */
  PRS_TRACE_PARKED = 9,  /* since `began`; `id`: the token that ended it */
  PRS_TRACE_PANIC = 10   /* `note`: the exception */
} prs_trace_kind_t;

typedef struct prs_trace_event {
  uint64_t time; /* nanoseconds of the monotonic clock */
  uint64_t began;
  uint64_t id;
  uintptr_t object;
  const char *what;
  PyObject *note;     /* a str, owned, or NULL */
  PyCodeObject *code; /* where, owned, or NULL */
  int instruction;
  prs_trace_kind_t kind;
} prs_trace_event_t;

/* The call that a thread is in: what a wait below it is for. */
typedef struct prs_trace_call {
  const char *what;
  uintptr_t object;
} prs_trace_call_t;

extern _Thread_local prs_trace_call_t prs__trace_call;

/* Note an event of the calling thread, and the line that its Python code is in.
 * `event`: kind and what goes with it; time and place are filled in.
 * Returns: nothing; when the limit is reached, or memory, it is counted only.
 * Owner:   consumes `event->note` and `event->code`.
 * Blocks:  no. It leaves an exception that is set alone.
 * Threads: any that is attached. */
void prs__trace_note(prs_trace_event_t *event);

/* A number that was not given before, from 1 up. */
uint64_t prs__trace_number(void);

/* ---- message.c ----------------------------------------------------------- */

/* A message goes through a channel in a box, which knows its number.
 * Returns: a new reference, or NULL with an exception set.
 * Owner:   consumes `value`. */
PyObject *prs__trace_box(PyObject *value, uint64_t number);
/* Take what a receiver returned out of its box, wherever that stands in it: the
 * box itself, in an `Ok`, or in the pair of a select.
 * `number`: of the message; untouched when there was none.
 * Returns: the result without the box. Owner: consumes `result`. */
PyObject *prs__trace_unbox(PyObject *result, uint64_t *number);
/* A short text that tells which message it was. NULL without an exception. */
PyObject *prs__trace_text(PyObject *value);
int prs__add_trace_box(PyObject *module);

/* ---- roles.c ------------------------------------------------------------- */

typedef enum prs_trace_role {
  PRS_ROLE_PASS = 0, /* what waits below it is named after it */
  PRS_ROLE_SEND = 1, /* its argument is a message */
  PRS_ROLE_SEND_TIMEOUT = 2,
  PRS_ROLE_SEND_DEADLINE = 3,
  PRS_ROLE_RECEIVE = 4, /* what it returns may be a message */
  PRS_ROLE_OPEN = 5,    /* the same, but it was not sent */
  PRS_ROLE_SPAWN = 6,
  PRS_ROLE_PARK = 7,
  PRS_ROLE_UNPARK = 8
} prs_trace_role_t;

typedef struct prs_trace_args {
  PyObject *self;
  PyObject *arg; /* of METH_NOARGS, METH_O, METH_VARARGS */
  PyObject *const *args;
  Py_ssize_t count;
  PyObject *names;
} prs_trace_args_t;

typedef struct prs_trace_method {
  PyCFunction method; /* the one that was exchanged */
  PyCFunction trampoline;
  const char *name; /* as in error texts */
  const char *what;
  int flags;
  prs_trace_role_t role;
} prs_trace_method_t;

/* A function pointer of another type, as tables of methods hold it. */
#define PRS_CAST(type, function) ((type)(void (*)(void))(function))
#define PRS_NAMED (METH_FASTCALL | METH_KEYWORDS)

/* Call a method, and note what its role says. `prs__trace_call` is set. */
PyObject *prs__trace_pass(const prs_trace_method_t *method,
                          prs_trace_args_t *call);
/* Note an event of the call that the thread is in. */
void prs__trace_mark(prs_trace_kind_t kind, uint64_t id, uint64_t began);
int prs__add_trace_roles(PyObject *module);

/* ---- wrap.c -------------------------------------------------------------- */

int prs__add_trace_wrap(PyObject *module);

#endif
