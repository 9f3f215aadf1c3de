/* What the files of the module `_objects` share. */
#ifndef PRS_OBJECTS_H
#define PRS_OBJECTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "table.h"

/* Critical sections came with free threading; under the GIL they are empty. */
#ifndef Py_BEGIN_CRITICAL_SECTION
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#endif

/* Set once, by connect(), before any type is used. */
extern const prs_table_t *prs__table;

/* Returns: false with an exception set before connect(). */
bool prs__is_connected(void);

int prs__add_type(PyObject *module, PyType_Spec *spec);
int prs__add_ownership(PyObject *module);
int prs__add_packet_type(PyObject *module);
int prs__add_parker_type(PyObject *module);
int prs__add_scope_type(PyObject *module);

/* Who takes a value over, and by which rule. */
typedef struct prs_sink {
  PyCFunction method; /* the C function that is called with it; or NULL */
  PyTypeObject *const *type; /* the type that is called with it; or NULL */
  bool sync; /* it must be Sync, and others may hold it, as in an `Arc` */
} prs_sink_t;

/* As prs__take_over(), for what is not of the commonest types. */
PyObject *prs__take_over_slowly(PyObject *const *slot, const prs_sink_t *sink);

/* Take over a value from the Python code that calls a C function of ours with
 * it. It leaves the variables of the caller that are never read again, and the
 * place where it stands.
 * `slot`: where it stands in the vectorcall arguments (METH_FASTCALL, or a
 *   type's tp_vectorcall). `*slot` must not be used afterwards.
 * Returns: a new reference, what is to be stored; NULL with an exception set,
 *   an OwnershipError as a rule, and nothing changed.
 * Blocks:  no; it may run Python code.
 * Threads: any. */
static inline PyObject *prs__take_over(PyObject *const *slot,
                                       const prs_sink_t *sink) {
  PyTypeObject *type = Py_TYPE(*slot);
  if (type == &PyLong_Type || type == &PyUnicode_Type ||
      type == &PyFloat_Type || type == &PyBytes_Type || type == &PyBool_Type ||
      *slot == Py_None)
    return Py_NewRef(*slot);
  return prs__take_over_slowly(slot, sink);
}

/* Tell whether a thread may leave a value to whoever joins it.
 * Returns: false with an exception set. */
bool prs__may_be_result(PyObject *value);

/* Wait for one started, unfinished packet of a list of packets.
 * Returns: false when there is none; `*raised` tells of an exception set. */
bool prs__wait_for_one(PyObject *list, bool *raised);

/* A blocking function of the layer and its object. */
typedef int (*prs_waiting_t)(void *object, uint64_t timeout);

/* Wait without the GIL; on the main thread in slices, with a look at signals
 * between them.
 * Returns: a status, or PRS__RAISED with an exception set. */
#define PRS__RAISED 1
int prs__wait_interruptibly(prs_waiting_t wait, void *object, uint64_t timeout);

/* Read nanoseconds, -1 for ever. Returns: false with an exception set. */
bool prs__timeout_from(PyObject *arg, uint64_t *out);

#endif
