/* What the types over prs_once_t share. */
#ifndef PRS_PYTHON_ONCE_H
#define PRS_PYTHON_ONCE_H

#include "objects.h"

#include "../core/sync/prs_once.h"

typedef struct prs_once_request {
  PyObject *object; /* the Once, OnceLock or LazyLock; borrowed */
  const char *name; /* of its type, for texts */
  const char *call; /* of the method */
  int mode;         /* enum prs_once_mode */
  uint64_t timeout;
  PyObject *stop; /* or NULL */
} prs_once_request_t;

/* Ask, and wait while another thread runs it.
 * Returns: PRS_ONCE_IS_DONE; PRS_ONCE_IS_YOURS: the caller runs it and must
 *          finish; PRS_ETIMEDOUT; PRS__RAISED with an exception set. */
int prs__once_ask(prs_once_t *once, const prs_once_request_t *request,
                  bool *was_poisoned);

/* End a run of `object`. Keeps the exception that is set. */
void prs__once_end(PyObject *object, prs_once_t *once, bool success);

/* Raise the WaitTimeoutError of a call that another thread's run held up. */
void prs__once_raise_timeout(const char *name);
/* Raise the UseAfterMoveError of one whose content was moved out. */
void prs__once_raise_moved(const char *name);

/* Read `timeout=` and `stop=` from two borrowed arguments. */
bool prs__once_options(PyObject *const *given, prs_once_request_t *request);

/* Tell whether several threads may hold a value, and refuse it if not: the
 * content of a `name`. Returns: false with an exception set. */
bool prs__once_may_hold(PyObject *value, const char *name);

bool prs__must_be_callable(PyObject *f);

int prs__add_once_lock_type(PyObject *module);
int prs__add_lazy_lock_type(PyObject *module);

#endif
