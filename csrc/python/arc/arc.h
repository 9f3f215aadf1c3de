/* Arc: what its files share.
 *
 * Three kinds of objects. The *inner* one holds the value and the counts;
 * Python code does not see it. An *Arc* is one strong owner and has one
 * reference on the inner object, so that the collector, who visits the one and
 * the other, finds the same owners as the strong count. A *Weak* reaches the
 * inner object through a weak reference of Python's, which the collector clears
 * before it takes a cycle apart: nobody can upgrade into rubble.
 *
 * The value is there as long as the strong count is not zero. Whoever takes the
 * last count away takes the value out, and drops it on its own thread. */
#ifndef PRS_ARC_H
#define PRS_ARC_H

#include <stdatomic.h>

#include "csrc/python/objects.h"

typedef struct prs_inner {
  PyObject_HEAD
  PyObject *value;         /* NULL when nobody owns it: strong is 0 */
  _Atomic uint64_t counts; /* strong << 32 | weak: one load sees both */
  PyObject *weakrefs;
} prs_inner_t;

typedef struct prs_arc {
  PyObject_HEAD
  prs_inner_t *inner; /* NULL when it was consumed; under the object's lock */
  const char *used;   /* what consumed it; NULL: nothing, or the collector */
} prs_arc_t;

#define PRS_ONE_WEAK UINT64_C(1)
#define PRS_ONE_STRONG (UINT64_C(1) << 32)

static inline uint32_t prs__strong(uint64_t counts) {
  return (uint32_t)(counts >> 32);
}

static inline uint32_t prs__weak(uint64_t counts) { return (uint32_t)counts; }

/* The public classes, subclasses of those here, and the function that raises:
 * refuse(why, who, what). Set once at import, for ever. */
typedef struct prs_arc_rules {
  PyTypeObject *arc;
  PyTypeObject *weak;
  PyObject *refuse;
} prs_arc_rules_t;
extern prs_arc_rules_t prs__arc_rules;

/* Set the exception that belongs to a refusal. Returns: NULL. */
PyObject *prs__arc_refuse(const char *why, PyObject *who, PyObject *what);

/* ---- inner_type.c
 * ------------------------------------------------------------- */

/* Returns: an inner object with `value` and these counts; NULL with an
 *          exception set. Owner: steals `value`, which may be NULL, always. */
prs_inner_t *prs__inner_new(PyObject *value, uint64_t counts);

/* Add one to the strong or the weak count.
 * Returns: false with an exception set when there are too many.
 * Threads: the caller keeps a strong count from going away. */
bool prs__inner_add(prs_inner_t *inner, uint64_t one);

/* Add one to the strong count, unless it is zero: the value is gone then. */
bool prs__inner_revive(prs_inner_t *inner);

/* Take one strong count away. Returns: the value, to be dropped by the caller,
 *          when it was the last; else NULL. */
PyObject *prs__inner_give_up(prs_inner_t *inner);

/* Take the only strong count away.
 * Returns: the value; NULL, and nothing has changed, when there are others. */
PyObject *prs__inner_take_only(prs_inner_t *inner);

int prs__add_inner_type(PyObject *module);

/* ---- type.c -------------------------------------------------------------- */

/* Returns: a consumed Arc, to be filled; NULL with an exception set. */
prs_arc_t *prs__arc_empty(void);

/* Returns: a reference on the value; NULL with E0382 set. */
PyObject *prs__arc_value(PyObject *self);

/* Returns: a reference on the inner object; NULL with E0382 set. */
prs_inner_t *prs__arc_inner(PyObject *self);

/* Set E0382 for a consumed Arc. Returns: NULL. */
PyObject *prs__arc_moved(prs_arc_t *self);

/* Take the owner's part out of the object, which is consumed by that.
 * Returns: the object's reference; NULL, without an exception, when it was
 *          consumed before. */
prs_inner_t *prs__arc_taken(prs_arc_t *self, const char *used);

/* Returns: false with E0382 set. */
bool prs__arc_read_counts(PyObject *self, uint64_t *counts);

/* Let nobody in who is not Sync. Returns: `value` itself, a new reference;
 *          NULL with E0277 set. */
PyObject *prs__arc_content(PyObject *value);

/* ---- unwrap.c ------------------------------------------------------------ */

PyObject *prs__arc_into_inner(PyObject *self, PyObject *unused);
PyObject *prs__arc_try_unwrap(PyObject *self, PyObject *unused);

/* Pass the owner's part on to a new object, for `downcast`. */
PyObject *prs__arc_hand_over(PyObject *self, PyObject *unused);

/* Replace the content. Returns: False when there are other owners, or Weaks. */
PyObject *prs__arc_replace(PyObject *self, PyObject *value);

/* Have a content of one's own, made by clone(content) if it is shared. */
PyObject *prs__arc_unshare(PyObject *self, PyObject *clone);

/* ---- forward.c ----------------------------------------------------------- */

/* What an Arc passes on to its content. */
PyObject *prs__arc_repr(PyObject *self);
PyObject *prs__arc_str(PyObject *self);
Py_hash_t prs__arc_hash(PyObject *self);
PyObject *prs__arc_compare(PyObject *self, PyObject *other, int operator);
PyObject *prs__arc_call(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *prs__arc_iter(PyObject *self);
Py_ssize_t prs__arc_length(PyObject *self);
PyObject *prs__arc_item(PyObject *self, PyObject *key);
int prs__arc_set_item(PyObject *self, PyObject *key, PyObject *value);
int prs__arc_contains(PyObject *self, PyObject *item);
int prs__arc_bool(PyObject *self);
int prs__arc_set_attribute(PyObject *self, PyObject *name, PyObject *value);
PyObject *prs__arc_attribute(PyObject *self, PyObject *name);
PyObject *prs__arc_format(PyObject *self, PyObject *spec);
PyObject *prs__arc_reversed(PyObject *self, PyObject *unused);
PyObject *prs__arc_enter(PyObject *self, PyObject *unused);
PyObject *prs__arc_exit(PyObject *self, PyObject *const *args,
                        Py_ssize_t count);

/* ---- weak.c -------------------------------------------------------------- */

/* Returns: a Weak that leads to the inner object, which counts it already;
 *          NULL with an exception set. */
PyObject *prs__weak_to(prs_inner_t *inner);

#endif
