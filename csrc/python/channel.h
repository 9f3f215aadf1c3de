/* What the types of the two ends of a channel share. */
#ifndef PRS_CHANNEL_H
#define PRS_CHANNEL_H

#include "objects.h"

/* The channel as an object that the collector knows; both ends hold it. */
typedef struct prs_channel_object {
  PyObject_HEAD
  prs_channel_t channel;
} prs_channel_object_t;

/* A sender or a receiver. */
typedef struct prs_end {
  PyObject_HEAD
  prs_channel_object_t *shared;
  _Atomic uint32_t state;      /* enum prs_end_state */
  uint32_t generation;         /* of forks, when somebody began to wait in it */
  _Atomic(unsigned long) user; /* who waits in it; 0 for nobody */
  bool is_exclusive;           /* Rust's !Sync: one thread at a time */
} prs_end_t;

/* What every call looks at first, so that only USABLE is quick. */
enum prs_end_state {
  PRS_END_USABLE = 0,
  PRS_END_DROPPED = 1,
  PRS_END_IN_USE = 2 /* it is exclusive, and a thread waits in it */
};

extern PyTypeObject *prs__channel_type;

/* Why an operation did nothing: the index of what makes its `Err`. */
typedef enum prs_refusal {
  PRS_SEND_DISCONNECTED = 0,
  PRS_TRY_SEND_FULL = 1,
  PRS_TRY_SEND_DISCONNECTED = 2,
  PRS_SEND_TIMEOUT = 3,
  PRS_SEND_TIMEOUT_DISCONNECTED = 4,
  PRS_RECV_DISCONNECTED = 5,
  PRS_TRY_RECV_EMPTY = 6,
  PRS_TRY_RECV_DISCONNECTED = 7,
  PRS_RECV_TIMEOUT = 8,
  PRS_RECV_TIMEOUT_DISCONNECTED = 9,
  PRS_USE_AFTER_DROP = 10, /* makes an exception from the end */
  PRS_REFUSALS = 11
} prs_refusal_t;

/* Wake whom an operation on a channel has claimed. At a rendezvous the other
 * thread is let in at once: woken under the GIL it would only come to sleep
 * again, and here no messages could pile up meanwhile. */
static inline void prs__channel_wake(const prs_channel_t *channel,
                                     prs_wakes_t *wakes) {
  if (wakes->first == NULL) return;
  if (channel->capacity == 0 && wakes->first->notify == NULL &&
      wakes->first->next_woken == NULL)
    prs__wakes_send_detached(wakes);
  else
    prs_wakes_send(wakes);
}

/* Make the `Err` of a refusal; `item` is stolen, NULL for receivers. */
PyObject *prs__refuse(prs_refusal_t refusal, PyObject *item);

/* ---- ends ---------------------------------------------------------------- */

PyObject *prs__end_refuse_new(PyTypeObject *type, PyObject *args,
                              PyObject *kwargs);
PyObject *prs__end_new(PyTypeObject *type, prs_channel_object_t *shared);
int prs__end_traverse(prs_end_t *self, visitproc visit, void *arg);
/* Raise the exception of a refusal. Returns: NULL. */
PyObject *prs__end_raise(prs_end_t *self, prs_refusal_t refusal);
bool prs__end_may_be_used(prs_end_t *self);
/* Returns: false with an exception set when the end was dropped, or another
 * thread waits in it that may not share it. */
static inline bool prs__end_is_alive(prs_end_t *self) {
  /* Relaxed: to have one's own end, others have handed it over. */
  return atomic_load_explicit(&self->state, memory_order_relaxed) ==
             PRS_END_USABLE ||
         prs__end_may_be_used(self);
}
/* Before a wait in an exclusive end, and after it, if the first says so in
 * `entered`. Returns: false with an exception set when another thread waits. */
bool prs__end_enter(prs_end_t *self, bool *entered);
void prs__end_leave(prs_end_t *self);
/* Tell whether an object is a sender or a receiver. */
bool prs__is_end(PyObject *object);
bool prs__is_sender(PyObject *object);
bool prs__is_receiver(PyObject *object);
/* Returns: true for the first call only. */
static inline bool prs__end_drops(prs_end_t *self) {
  return atomic_exchange(&self->state, PRS_END_DROPPED) != PRS_END_DROPPED;
}
/* What other receivers need: as `recv`, a channel status, PRS_ETIMEDOUT or
 * PRS__RAISED; `try_recv`; and what a receiver that was dropped leaves. */
int prs__receiver_receive(prs_end_t *self, PyObject **item, uint64_t timeout,
                          PyObject *stop);
int prs__receiver_try(prs_end_t *self, PyObject **item);
void prs__receiver_dropped(prs_end_t *self);
/* `sender.sending(value)` and `sender.send_async(value)`: sending_type.c. */
PyObject *prs__sender_sending(prs_end_t *self, PyObject *const *args,
                              Py_ssize_t count);
PyObject *prs__sender_send_async(prs_end_t *self, PyObject *const *args,
                                 Py_ssize_t count);
extern const char prs__sending_doc[];
extern const char prs__send_async_doc[];
PyObject *prs__end_capacity(prs_end_t *self, void *unused);
PyObject *prs__end_len(prs_end_t *self, PyObject *unused);
PyObject *prs__end_is_empty(prs_end_t *self, PyObject *unused);
PyObject *prs__end_is_full(prs_end_t *self, PyObject *unused);
PyObject *prs__end_same_channel(prs_end_t *self, PyObject *other);

#endif
