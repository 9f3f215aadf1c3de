/* What the files of `csrc/python/ownership/` share. */
#ifndef PRS_OWNERSHIP_H
#define PRS_OWNERSHIP_H

#include "csrc/python/objects.h"

/* What a type means for ownership. The numbers are Python's, too
 * (pythread_rs/ownership/_kinds.py). */
typedef enum prs_kind {
  PRS_UNKNOWN = 0,     /* not classified yet */
  PRS_COPY = 1,        /* immutable through and through: shared freely */
  PRS_SYNC = 2,        /* made for several threads */
  PRS_HANDLE = 3,      /* Sync, but a move takes it out of its variable */
  PRS_TRANSPARENT = 4, /* immutable itself: as good as what it reaches */
  PRS_OWNED = 5,       /* mutable: one owner */
  PRS_LEAF = 6,        /* mutable, and reaches nothing */
  PRS_NOT_SEND = 7,    /* bound to its thread */
  PRS_OPAQUE = 8,      /* a C type that nobody has told us about */
  PRS_FUNCTION = 9,    /* a Python function: its closure and defaults count */
  PRS_NDARRAY = 10,    /* a numpy array, which hides its base */
  PRS_HOOKED = 11,     /* a C type with a `traverse=` hook */
  PRS_WEAKREF = 12,
  PRS_CAPTURES = 13,  /* a class whose methods capture variables */
  PRS_UNWRAPPED = 14, /* assume_send(x): `spawn` hands out what is in it */
  PRS_MOVED = 15,     /* a moved closure */
  PRS_CELL = 16,
  PRS_CACHE = 17 /* functools.lru_cache: as good as its function */
} prs_kind_t;

/* ---- kinds.c ------------------------------------------------------------- */

/* The kind of an object by its exact type, or PRS_UNKNOWN. Runs no Python code.
 * Threads: any; lock-free. */
prs_kind_t prs__kind(PyObject *object);

/* As prs__kind(), quick for what most data is made of. */
static inline prs_kind_t prs__kind_of_data(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  if (type == &PyLong_Type || type == &PyUnicode_Type || type == &PyFloat_Type)
    return PRS_COPY;
  if (type == &PyList_Type || type == &PyDict_Type) return PRS_OWNED;
  return prs__kind(object);
}

/* Have Python classify a type.
 * Returns: false with an exception set. */
bool prs__classify(PyTypeObject *type);

/* As prs__kind(), asking Python for what is unknown.
 * Returns: PRS_UNKNOWN with an exception set. */
prs_kind_t prs__kind_by_asking(PyObject *object);

int prs__add_kinds(PyObject *module);

static inline bool prs__is_shareable(prs_kind_t kind) {
  return kind == PRS_COPY || kind == PRS_SYNC || kind == PRS_HANDLE;
}

/* ---- children.c ---------------------------------------------------------- */

/* Visit what an object holds, with what CPython's tp_traverse leaves out.
 * Returns: what the visitor returned first, or 0. */
int prs__children(PyObject *object, prs_kind_t kind, visitproc visit,
                  void *arg);

/* Find out what this CPython's tp_traverse leaves out (gh-130327).
 * Returns: false with an exception set. */
bool prs__learn_children(void);

/* Tell whether a dict is an instance's `__dict__`, without making one. */
bool prs__is_dict_of(PyObject *owner, PyObject *dict);

/* The first weak reference on an object, or NULL. */
PyObject *prs__weakrefs(PyObject *object);

/* ---- unique.c ------------------------------------------------------------ */

/* Tell whether each thing that the roots hold, down to the last, is held by
 * nothing else, or may be shared. False means "not known".
 * Threads: under the GIL, or roots that no other thread knows; lock-free. */
bool prs__is_unique(PyObject *const *roots, Py_ssize_t count);

/* The same for one value whose own references have been accounted for. */
bool prs__is_unique_below(PyObject *value, prs_kind_t kind);

/* ---- isolated.c ---------------------------------------------------------- */

/* examine(roots, frames, hooks): the whole check, see isolated.c. */
PyObject *prs__examine(PyObject *module, PyObject *args);

/* The frames whose dead variables are no holders. */
typedef struct prs_frames {
  PyObject *pairs; /* (frame, names of its dead variables), innermost first and
                    * without a gap */
  const uintptr_t *lent; /* the place in the first frame's value stack where the
                          * argument of the call under way stands, or NULL */
} prs_frames_t;

/* The whole check with the dead variables of one frame, for the usual call.
 * They are empty afterwards if it succeeds, as is what `*emptied` tells then:
 * a new reference, or NULL when there were none.
 * `globals`: a second root, or NULL.
 * False means "not known", perhaps with an exception set. */
bool prs__is_isolated(PyObject *closure, PyObject *globals,
                      const prs_frames_t *frames, PyObject **emptied);

/* mutable_nodes(objects): what mutable objects can be reached. */
PyObject *prs__mutable_nodes(PyObject *module, PyObject *objects);

/* ---- frames.c ------------------------------------------------------------ */

/* `frame`: NULL for the place where an argument stands. */
typedef void (*prs_credit_t)(PyObject *value, PyObject *frame, int index,
                             void *arg);

/* Tell each value that a dead variable holds a counted reference on, or the
 * place of an argument. */
void prs__each_dead_value(const prs_frames_t *frames, prs_credit_t credit,
                          void *arg);

/* Tell each value that a variable holds without a counted reference. */
void prs__each_borrowed_slot(const prs_frames_t *frames, prs_credit_t tell,
                             void *arg);

/* Empty a variable: None in a slot, nothing in a cell.
 * Returns: the reference that it held, or NULL. */
PyObject *prs__empty_variable(PyObject *frame, int index);

/* Put a value back into an emptied variable. */
void prs__refill_variable(PyObject *frame, int index, PyObject *value);

/* The function that a frame runs, borrowed, or NULL. */
PyObject *prs__function_of(PyFrameObject *frame);

/* Find the frame of this thread that owns a cell.
 * Returns: its code, borrowed, and the variable's name; NULL if none does. */
PyCodeObject *prs__owner_of(PyObject *cell, PyObject **name);

/* Tell whether a value reaches nothing that can be changed. */
bool prs__is_frozen(PyObject *value);

/* ---- item.c -------------------------------------------------------------- */

/* Tell whether a value is an item, as rustc says: a function that captures
 * nothing but items, a class, a module, a builtin. */
bool prs__is_item(PyObject *value);

/* The same without asking Python; what is not known yet is no item. */
bool prs__is_item_quietly(PyObject *value);

/* locals_of(frame): its variables, in a dict that the frame does not keep. */
PyObject *prs__locals(PyObject *module, PyObject *frame);

/* Tell whether nobody can put another value into a cell: it has one holder,
 * which only reads, or its variable is assigned once in all of its code.
 * `asking`: whether Python may be asked. */
bool prs__is_settled(PyObject *cell, bool asking);

/* Tell whether a function assigns none of the variables that it captures. */
bool prs__only_reads(PyObject *function, bool asking);

/* Tell whether a function is Python's library's or an installed package's. */
bool prs__is_of_library(PyObject *function, bool asking);

/* Tell whether nobody can put another value into a function's cells. That a
 * variable is assigned once is known of its owner's code for good, and kept
 * with the function's: the owner may run on another thread next time. */
bool prs__cells_are_settled(PyObject *function, bool asking);

/* The free variables of a code object of which that is known, as bits.
 * Returns: NULL without memory, an exception is set. */
uint64_t *prs__known_settled(PyCodeObject *code);

/* ---- harmless.c -----------------------------------------------------------
 */

/* Tell whether any number of threads may call a function at the same time: it
 * reaches nothing that can be changed. False means "not known". */
bool prs__is_harmless(PyObject *callable);
PyObject *prs__harmless(PyObject *module, PyObject *callable);

/* ---- facts.c ------------------------------------------------------------- */

bool prs__init_facts(void);

/* Tell whether no global that a function's code names stands in the way.
 * Returns: 1 yes, 0 not known, -1 with an exception set. */
int prs__globals_are_fine(PyObject *function);

/* The names of a code object's variables that are assigned once in it and what
 * is nested in it, or that a function does not assign at all.
 * Returns: a borrowed reference; NULL, perhaps with an exception set. */
PyObject *prs__settled_names(PyCodeObject *code, bool asking);

/* What it could not answer without asking, last. Not a reference. */
extern _Thread_local PyCodeObject *prs__wanted;

/* Tell which captured variables are used after the call that is under way: a
 * bit for each of the function's free variables, from the 64th on none.
 * Returns: false with an exception set. */
bool prs__used_later(PyObject *function, uint64_t *mask);

/* The innermost frame that is not the package's own, or of any (`whoever`),
 * with its variables that are dead, as prs__examine() takes them.
 * Returns: NULL with an exception set, or without when there is none. */
PyObject *prs__calling_frame(bool whoever);

/* Recall which variables are dead at an instruction: a bit for each of the
 * first 64. Returns: false when nobody has asked yet. */
bool prs__recall_dead(PyCodeObject *code, int instruction, uint64_t *dead);

/* ---- emptied.c ----------------------------------------------------------- */

/* A variable that is to be emptied, or was. */
typedef struct prs_place {
  PyObject *frame; /* owned once it is emptied */
  PyObject *value; /* borrowed from whoever gets it */
  int index;
} prs_place_t;

typedef struct prs_places {
  prs_place_t *items;
  size_t count;
  size_t space;
} prs_places_t;

/* Returns: false without memory. Makes no object. */
bool prs__add_place(prs_places_t *places, PyObject *value, PyObject *frame,
                    int index);
void prs__free_places(prs_places_t *places);

/* Empty all places, whose values somebody else holds, too.
 * Returns: what puts everything back, or NULL with an exception set and nothing
 * changed. `places` is used up. */
PyObject *prs__empty(prs_places_t *places);

/* Let it give back a moved closure as well, which is stolen. */
void prs__emptied_with(PyObject *emptied, PyObject *moved);

int prs__add_emptied_type(PyObject *module);

/* ---- clone.c ------------------------------------------------------------- */

/* A captured variable that was moved. */
typedef struct prs_pair {
  PyObject *source; /* the cell that it came from, owned */
  PyObject *target; /* the clone's cell, borrowed from its closure */
  PyObject *helper; /* the function of which the clone has a clone, owned */
  bool taken;       /* `source` was emptied for it */
} prs_pair_t;

typedef struct prs_moved_cells {
  prs_pair_t *pairs;
  Py_ssize_t count;
  Py_ssize_t space;
} prs_moved_cells_t;

/* Clone a function with fresh cells, deeply, and take its captures over.
 * Returns: a new reference, or NULL with an exception set and nothing taken. */
PyObject *prs__clone(PyObject *function, prs_moved_cells_t *cells);

/* Put back what was taken, while the clone still lives. */
void prs__put_back(prs_moved_cells_t *cells);

void prs__free_cells(prs_moved_cells_t *cells);

/* ---- moved_type.c -------------------------------------------------------- */

extern PyTypeObject *prs__moved_type;
PyObject *prs__move(PyObject *module, PyObject *function);
PyObject *prs__take(PyObject *module, PyObject *function);
int prs__add_moved_type(PyObject *module);

/* What a moved closure will run, or NULL. A borrowed reference. */
PyObject *prs__moved_inner(PyObject *moved);

/* Take out what it will run: a new reference, or NULL with E0382 set. */
PyObject *prs__moved_give(PyObject *moved);

/* The globals that a script's own code moved with the closure, or NULL. */
PyObject *prs__moved_globals(PyObject *moved, PyObject *inner);

/* Undo that, and the move: `inner` is stolen. */
void prs__moved_take_back(PyObject *moved, PyObject *inner);

/* ---- own.c --------------------------------------------------------------- */

/* Python functions that decide what C cannot. */
typedef struct prs_rules {
  PyObject *classify; /* classify(type): calls set_kind() */
  PyObject *facts;    /* facts(code) -> (global names, assigns any) */
  PyObject *later;    /* later(function) -> mask of its free variables */
  PyObject *refuse;   /* refuse(function, name, why): raises E0382 */
  PyObject *thorough; /* thorough(closure): takes apart, or raises */
  PyObject *at_top;   /* at_top(function): moves a script's globals */
  PyObject *put_back; /* put_back(function, clone): undoes that */
  PyObject *bound;    /* bound(value): raises E0277 for a result */
  PyObject *dead;     /* dead(frame): the names of its dead variables */
  PyObject *settled;  /* settled(code): the names that it assigns once */
  PyObject *taken;    /* taken(closure, lent, sync): as thorough, of a value */
} prs_rules_t;

extern prs_rules_t prs__rules;
PyObject *prs__set_rules(PyObject *module, PyObject *args);
PyObject *prs__own(PyObject *module, PyObject *closure);

/* take_over(value): what prs__take_over() does, for tests. */
PyObject *prs__take_over_alone(PyObject *module, PyObject *const *args,
                               Py_ssize_t count);

/* share(value): the same for what must be Sync. */
/* consume(cls, sync): a call of the class takes its only argument over. */
PyObject *prs__consume(PyObject *module, PyObject *args);
PyObject *prs__share_alone(PyObject *module, PyObject *const *args,
                           Py_ssize_t count);

/* follow_calls(wanted): have Python look at the functions that are called. */
PyObject *prs__follow_calls(PyObject *module, PyObject *wanted);

#endif
