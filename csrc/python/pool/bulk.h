/* What the files of a bulk share: one function over many items.
 *
 * The items are handed out in chunks, from the front, to whoever takes part:
 * the caller, if it is a worker, and tasks that each invite the next while
 * there is more to do. A chunk's size follows the time that the items take. */
#ifndef PRS_BULK_H
#define PRS_BULK_H

#include "pool.h"

enum prs_bulk_op {
  PRS_BULK_MAP = 0,
  PRS_BULK_EACH = 1,
  PRS_BULK_FILTER = 2,
  PRS_BULK_REDUCE = 3,
  PRS_BULK_NATIVE = 4 /* a loop of C functions: ../native/loop.c */
};

/* A part of the outcome that begins at item `from`. */
typedef struct prs_part {
  int64_t from;
  Py_ssize_t count;
  PyObject *values[]; /* owned; NULL for what a filter left out */
} prs_part_t;

struct prs_bulk {
  PyObject_HEAD
  prs_pool_t *pool;
  PyObject *function;
  PyObject *source;     /* a tuple, a range, a sequence or an iterator */
  int op;               /* enum prs_bulk_op */
  long long start;      /* of a range */
  long long step;       /* of a range, else 0 */
  int64_t length;       /* -1 for an iterator */
  _Atomic int64_t next; /* the first item that nobody has taken */
  _Atomic int64_t done;
  _Atomic bool cancelled;
  _Atomic bool exhausted; /* the iterator */
  prs_guard_t guard;
  bool pulling;       /* somebody is inside of the iterator; under the guard */
  prs_part_t **parts; /* under the guard */
  size_t part_count;
  size_t part_space;
  PyObject *error;    /* the first one; under the guard */
  PyObject **results; /* of a sized map or filter */
  prs_task_t **tasks; /* `limit` places, of those that were invited */
  uint32_t limit;
  PyObject *progress;      /* called by the caller's thread, or NULL */
  prs_native_loop_t *loop; /* of a native one */
};

/* Items that one participant has in hand. */
typedef struct prs_chunk {
  int64_t from;
  int64_t count;
  prs_part_t *part; /* of an iterator: the items, and then the results */
  int64_t wanted;   /* how many to take next */
} prs_chunk_t;

/* Make a bulk for at most `limit` who take part; its function, its source or
 * its loop are to be filled in.
 * Returns: a new reference or NULL with an exception set. */
prs_bulk_t *prs__bulk_new(PyObject *pool, int op, uint32_t limit);
/* Ask one more to take part, if there is something to do and nobody who was
 * asked is still to come. Without memory for that the others do it. */
void prs__bulk_invite_more(prs_bulk_t *bulk);
/* Wait until nobody takes part. Ctrl-C stops everybody. */
void prs__bulk_await(prs_bulk_t *bulk);
/* Take part in a native one, as a worker or as the caller. */
void prs__bulk_run_native(prs_bulk_t *bulk);

/* Take the next items. Returns: false when there is nothing for the caller. */
bool prs__bulk_take(prs_bulk_t *bulk, prs_chunk_t *chunk);
/* Apply the function. Returns: false when the bulk was cancelled. */
bool prs__bulk_apply(prs_bulk_t *bulk, prs_chunk_t *chunk);
/* Stop everybody; steals the exception. */
void prs__bulk_fail(prs_bulk_t *bulk, PyObject *error);
/* Keep a part. Returns: false, with the bulk failed, without memory. */
bool prs__bulk_keep(prs_bulk_t *bulk, prs_part_t *part);
prs_part_t *prs__bulk_part(int64_t from, int64_t count);
/* What may still be handed out; a guess for an iterator. */
int64_t prs__bulk_left(prs_bulk_t *bulk);

#endif
