/* What select, the async forms and the timers share: a choice of operations. */
#ifndef PRS_SELECT_H
#define PRS_SELECT_H

#include "../core/sync/prs_timer.h"
#include "channel.h"

/* A send that is still to be done: what `sender.sending(value)` returns. */
typedef struct prs_sending {
  PyObject_HEAD
  prs_end_t *sender;
  _Atomic(PyObject *) item; /* owned; NULL: sent, or a select has it */
} prs_sending_t;

typedef struct prs_timer_object {
  PyObject_HEAD
  prs_timer_t timer;
} prs_timer_object_t;

/* One of several operations. */
typedef struct prs_operation {
  PyObject *subject; /* a receiver, a Sending or a timer; owned */
  prs_channel_t *channel;
  prs_timer_t *timer; /* then there is no channel */
  PyObject *item;     /* a send's; owned while it is not sent */
  enum prs_direction direction;
} prs_operation_t;

/* Operations of which one is going to happen. */
typedef struct prs_choice {
  uint32_t count;
  uint32_t chosen;
  int status;      /* a channel status: how the chosen one ended */
  PyObject *item;  /* what it received; owned */
  uint64_t due;    /* of a timer that was chosen */
  bool watches;    /* nothing is to happen: which one would not wait? */
  bool biased;     /* the first of those that are ready, else any */
  uint32_t *order; /* in which they are tried */
  prs_operation_t operations[];
} prs_choice_t;

/* Make a choice; the values of the sends are taken out of their Sendings.
 * Returns: NULL with an exception set. */
prs_choice_t *prs__choice_new(PyObject *const *subjects, Py_ssize_t count,
                              bool watches, bool biased);
/* Give back the values that were not sent. It may not be tried again. */
void prs__choice_give_back(prs_choice_t *choice);
/* The same, and free it. NULL does nothing. */
void prs__choice_free(prs_choice_t *choice);
int prs__choice_traverse(const prs_choice_t *choice, visitproc visit,
                         void *arg);

/* Do one operation that need not wait. Returns: false when each must. */
bool prs__choice_try(prs_choice_t *choice);
/* Stand in every queue, with the first `count` nodes of the waiter.
 * Returns: false as soon as an operation is found that need not wait. */
bool prs__choice_queue(prs_choice_t *choice, prs_waiter_t *waiter);
/* Leave the queues. */
void prs__choice_leave(prs_choice_t *choice, prs_waiter_t *waiter);
/* Read from a finished waiter what has happened. */
void prs__choice_finish(prs_choice_t *choice, const prs_waiter_t *waiter);
/* Put back what was received. What was sent is sent. */
void prs__choice_undo(prs_choice_t *choice);
/* Returns: nanoseconds until a timer of it is due; PRS_FOREVER. */
uint64_t prs__choice_delay(const prs_choice_t *choice);
/* Returns: the pair of index and Result; only the index when it watches. */
PyObject *prs__choice_result(prs_choice_t *choice);

/* ---- the types ----------------------------------------------------------- */

bool prs__is_sending(PyObject *object);
bool prs__is_timer(PyObject *object);
bool prs__is_oneshot_receiver(PyObject *object);
/* The message of a oneshot was received: the receiver is consumed. */
void prs__oneshot_consume(PyObject *receiver);
/* Visit what waits in a queue without a thread. */
int prs__visit_tickets(const prs_queue_t *queue, visitproc visit, void *arg);

#endif
