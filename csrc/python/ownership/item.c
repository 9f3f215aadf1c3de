/* Items: functions, classes, modules, builtins. They are part of the program
 * and nobody's data: rustc lets every closure use them. */
#include "ownership.h"

/* How deep functions may be captured by functions; decorators stack up a few.
 */
#define DEEPEST 32

typedef struct chain {
  const struct chain *outer;
  PyObject *function;
  int depth;
} chain_t;

static bool is_item(PyObject *value, const chain_t *outer, bool asking);

/* A recursive function captures itself. */
static bool is_in(const chain_t *chain, PyObject *function) {
  for (; chain != NULL; chain = chain->outer)
    if (chain->function == function) return true;
  return false;
}

bool prs__only_reads(PyObject *function, bool asking) {
  if (PyFunction_GET_CLOSURE(function) == NULL) return true;
  PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
  PyObject *settled = prs__settled_names(code, asking);
  if (settled == NULL) return false;
  for (int i = code->co_nlocalsplus - PyCode_GetNumFree(code);
       i < code->co_nlocalsplus; i++) {
    PyObject *name = PyTuple_GET_ITEM(code->co_localsplusnames, i);
    if (PySet_Contains(settled, name) != 1) return false;
  }
  return true;
}

bool prs__is_of_library(PyObject *function, bool asking) {
  static PyObject *mark; /* what Python adds to the names of such code */
  if (mark == NULL) mark = PyUnicode_InternFromString("<library>");
  PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
  PyObject *settled = prs__settled_names(code, asking);
  return settled != NULL && mark != NULL && PySet_Contains(settled, mark) == 1;
}

bool prs__is_settled(PyObject *cell, bool asking) {
  if (Py_REFCNT(cell) == 1) return true;
  PyObject *name;
  PyCodeObject *owner = prs__owner_of(cell, &name);
  PyObject *settled = owner == NULL ? NULL : prs__settled_names(owner, asking);
  return settled != NULL && PySet_Contains(settled, name) == 1;
}

bool prs__cells_are_settled(PyObject *function, bool asking) {
  PyObject *closure = PyFunction_GET_CLOSURE(function);
  PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
  uint64_t *known = asking ? prs__known_settled(code) : NULL;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(closure); i++) {
    uint64_t bit = i < 64 ? UINT64_C(1) << i : 0;
    if (known != NULL && (*known & bit) != 0) continue;
    PyObject *cell = PyTuple_GET_ITEM(closure, i);
    if (!prs__is_settled(cell, asking)) return false;
    if (known != NULL && Py_REFCNT(cell) > 1) *known |= bit;
  }
  return true;
}

static bool captures_items(PyObject *function, const chain_t *outer,
                           bool asking) {
  PyObject *closure = PyFunction_GET_CLOSURE(function);
  if (closure == NULL || is_in(outer, function)) return true;
  chain_t chain = {outer, function, outer == NULL ? 1 : outer->depth + 1};
  if (chain.depth > DEEPEST || !prs__only_reads(function, asking)) return false;
  if (!prs__cells_are_settled(function, asking)) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(closure); i++) {
    PyObject *content = PyCell_GET(PyTuple_GET_ITEM(closure, i));
    if (content == NULL || !is_item(content, &chain, asking)) return false;
  }
  return true;
}

static bool is_item(PyObject *value, const chain_t *outer, bool asking) {
  if (PyFunction_Check(value)) return captures_items(value, outer, asking);
  if (PyType_Check(value))
    return (asking ? prs__kind_by_asking(value) : prs__kind(value)) == PRS_COPY;
  if (PyModule_Check(value)) return true;
  if (!PyCFunction_Check(value)) return false;
  PyObject *self = PyCFunction_GetSelf(value);
  return self == NULL || PyModule_Check(self);
}

bool prs__is_item_quietly(PyObject *value) {
  return is_item(value, NULL, false);
}

bool prs__is_item(PyObject *value) {
  bool item = is_item(value, NULL, true);
  if (PyErr_Occurred()) PyErr_Clear();
  return item;
}
