/* The Python object through which a thread is started and joined. */
#ifndef PRS_PACKET_H
#define PRS_PACKET_H

#include "objects.h"

typedef struct prs_packet_object {
  PyObject_HEAD
  prs_packet_t *packet;
  PyObject *value; /* the result or the panic, until it is taken */
  PyObject *bell;  /* called when the thread has ended; NULL for none */
  bool failed;     /* `value` is a panic */
  bool taken;
  prs_native_call_t *call; /* of a native thread; owned */
  PyObject *judge;         /* what makes a panic of its result, or NULL */
  char result_code;        /* of what type its result is */
} prs_packet_object_t;

/* What the caller of a start wants of the thread. */
typedef struct prs_start {
  PyObject *name;
  PyObject *stack_size;
  PyObject *dedicated;
} prs_start_t;

/* Hand the packet and its payload to a thread.
 * Returns: a status; PRS__RAISED with an exception set.
 * Owner:   the payload passes to the thread on PRS_OK only. */
int prs__packet_spawn(prs_packet_object_t *self, void *payload,
                      const prs_start_t *wanted, int *os_error);

#endif
