/* What the files of native calls share. */
#ifndef PRS_PYTHON_NATIVE_H
#define PRS_PYTHON_NATIVE_H

#include "../packet.h"

#define PRS_PARAMETER_NULLABLE 1u /* None is NULL */
#define PRS_PARAMETER_WRITES 2u   /* known to write: no read-only buffer */

/* One parameter. The codes are those of the module `struct`, and P for any
 * pointer. For a pointer, what it points to: `item` is i (signed), u
 * (unsigned), f (floating), or v when anything goes; `size` is the bytes of
 * one. */
typedef struct prs_parameter {
  char code;
  char item;
  uint32_t size;
  uint32_t flags;
  PyObject *text; /* as C writes its type */
} prs_parameter_t;

typedef struct prs_signature_object {
  PyObject_VAR_HEAD prs_native_kind_t kind; /* of the result */
  int32_t width;
  char result_code;
  uint32_t floating;
  prs_parameter_t parameters[];
} prs_signature_object_t;

/* Tell whether an object is a signature.
 * Returns: false with an exception set. */
bool prs__is_signature(PyObject *object);

/* Put arguments into a call, from slot `first` on. A buffer is locked by a
 * memoryview, which is appended to `keep`.
 * Returns: false with an exception set. */
bool prs__native_fill(prs_native_call_t *call, PyObject *signature,
                      PyObject *args, uint32_t first, PyObject *keep);

/* Read a function's address. Returns: false with an exception set. */
bool prs__native_address(PyObject *address, prs_native_call_t *call);

/* Returns: the result as an object, or NULL with an exception set. */
PyObject *prs__native_result(const prs_native_call_t *call, char code);

/* ---- call.c -------------------------------------------------------------- */

PyObject *prs__start_native(prs_packet_object_t *self, PyObject *const *args,
                            Py_ssize_t count);
/* Turn the result of a native thread that has ended into the packet's value,
 * and let go of what the call has kept alive.
 * Returns: false with an exception set, and nothing has changed. */
bool prs__native_settle(prs_packet_object_t *self);
/* What the collector may look at: what is kept for a call that has ended. What
 * a running one uses is none of its business: it would be cleared. */
PyObject *prs__native_kept(const prs_packet_object_t *self);
/* Give up the call of a packet that goes away, whether it has ended or not. */
void prs__native_give_up(prs_packet_object_t *self);

/* ---- loop.c -------------------------------------------------------------- */

PyObject *prs__native_loop(PyObject *module, PyObject *args);
PyObject *prs__is_mapped(PyObject *module, PyObject *address);
PyObject *prs__is_buffer(PyObject *module, PyObject *object);
PyObject *prs__native_capsule(PyObject *module, PyObject *capsule);

int prs__add_signature_type(PyObject *module);

#endif
