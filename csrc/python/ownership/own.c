/* Own: what every spawn asks before its thread starts. The usual cases are
 * decided here, without Python; the rest, and every refusal, there. */
#include "ownership.h"

prs_rules_t prs__rules;

PyObject *prs__set_rules(PyObject *module, PyObject *args) {
  (void)module;
  prs_rules_t rules;
  if (!PyArg_ParseTuple(args, "OOOOOOOOOOO:set_rules", &rules.classify,
                        &rules.facts, &rules.later, &rules.refuse,
                        &rules.thorough, &rules.at_top, &rules.put_back,
                        &rules.bound, &rules.dead, &rules.settled,
                        &rules.taken))
    return NULL;
  PyObject *const functions[] = {rules.classify, rules.facts,    rules.later,
                                 rules.refuse,   rules.thorough, rules.at_top,
                                 rules.put_back, rules.bound,    rules.dead,
                                 rules.settled,  rules.taken};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    Py_INCREF(functions[i]); /* for ever */
  prs__rules = rules;
  Py_RETURN_NONE;
}

bool prs__may_be_result(PyObject *value) {
  if (prs__kind_of_data(value) != PRS_UNKNOWN &&
      prs__kind_of_data(value) != PRS_NOT_SEND)
    return true;
  prs_kind_t kind = prs__kind_by_asking(value);
  if (kind != PRS_NOT_SEND) return kind != PRS_UNKNOWN;
  PyObject *result = PyObject_CallOneArg(prs__rules.bound, value);
  Py_XDECREF(result);
  return result != NULL;
}

static bool follows_calls;

PyObject *prs__follow_calls(PyObject *module, PyObject *wanted) {
  (void)module;
  int follows = PyObject_IsTrue(wanted);
  if (follows < 0) return NULL;
  follows_calls = follows != 0;
  Py_RETURN_NONE;
}

/* Functions whose call only makes an object that nobody runs. */
#define NEVER_RUNS (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)

/* Returns: 1 fine, 0 not known, -1 with an exception set. */
static int function_is_fine(PyObject *function, bool is_moved,
                            bool owns_globals) {
  PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
  if ((code->co_flags & NEVER_RUNS) != 0) return 0;
  PyObject *closure = PyFunction_GET_CLOSURE(function);
  if (closure != NULL && !is_moved && !prs__is_item(function)) return 0;
  int fine = owns_globals ? 1 : prs__globals_are_fine(function);
  for (Py_ssize_t i = 0;
       fine == 1 && closure != NULL && i < PyTuple_GET_SIZE(closure); i++) {
    PyObject *content = PyCell_GET(PyTuple_GET_ITEM(closure, i));
    if (content != NULL && PyFunction_Check(content) && content != function)
      fine = prs__globals_are_fine(content);
  }
  return fine;
}

/* Returns: 1 fine, 0 not known, -1 with an exception set. */
static int callable_is_fine(PyObject *callable, bool is_moved,
                            bool owns_globals) {
  if (PyFunction_Check(callable))
    return function_is_fine(callable, is_moved, owns_globals);
  if (PyMethod_Check(callable)) {
    PyObject *function = PyMethod_GET_FUNCTION(callable);
    return PyFunction_Check(function) ? function_is_fine(function, false, false)
                                      : 0;
  }
  return PyCFunction_Check(callable) || PyType_Check(callable);
}

static bool has_wrapped(PyObject *args, PyObject *kwargs) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++)
    if (prs__kind_of_data(PyTuple_GET_ITEM(args, i)) == PRS_UNWRAPPED)
      return true;
  PyObject *key;
  PyObject *value;
  Py_ssize_t position = 0;
  while (PyDict_Next(kwargs, &position, &key, &value))
    if (prs__kind_of_data(value) == PRS_UNWRAPPED) return true;
  return false;
}

/* `globals`: what a script's own code moved with the function, or NULL. */
static int is_fine(PyObject *closure, bool is_moved, PyObject *globals,
                   PyObject **emptied) {
  if (follows_calls) return 0;
  int fine =
      callable_is_fine(PyList_GET_ITEM(closure, 0), is_moved, globals != NULL);
  if (fine != 1) return fine;
  PyObject *const roots[] = {closure, globals};
  if (prs__is_unique(roots, globals == NULL ? 1 : 2)) return 1;
  if (has_wrapped(PyList_GET_ITEM(closure, 1), PyList_GET_ITEM(closure, 2)))
    return 0;
  prs_frames_t frames = {.pairs = prs__calling_frame(false)};
  if (frames.pairs == NULL) return PyErr_Occurred() ? -1 : 0;
  bool isolated = prs__is_isolated(closure, globals, &frames, emptied);
  Py_DECREF(frames.pairs);
  return PyErr_Occurred() ? -1 : isolated;
}

static bool is_closure(PyObject *closure) {
  if (PyList_CheckExact(closure) && PyList_GET_SIZE(closure) == 3) return true;
  PyErr_SetString(PyExc_TypeError, "own() takes [function, args, kwargs]");
  return false;
}

/* Put `item` first; the old one is not dropped here. */
static PyObject *exchange(PyObject *closure, PyObject *item) {
  PyObject *old = PyList_GET_ITEM(closure, 0);
  PyList_SET_ITEM(closure, 0, item);
  return old;
}

/* ---- handles ------------------------------------------------------------- */

static bool is_argument(PyObject *closure, PyObject *value) {
  PyObject *args = PyList_GET_ITEM(closure, 1);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++)
    if (PyTuple_GET_ITEM(args, i) == value) return true;
  PyObject *key;
  PyObject *named;
  Py_ssize_t position = 0;
  while (PyDict_Next(PyList_GET_ITEM(closure, 2), &position, &key, &named))
    if (named == value) return true;
  return false;
}

static bool has_handle(PyObject *closure) {
  PyObject *args = PyList_GET_ITEM(closure, 1);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++)
    if (prs__kind_of_data(PyTuple_GET_ITEM(args, i)) == PRS_HANDLE) return true;
  PyObject *key;
  PyObject *named;
  Py_ssize_t position = 0;
  while (PyDict_Next(PyList_GET_ITEM(closure, 2), &position, &key, &named))
    if (prs__kind_of_data(named) == PRS_HANDLE) return true;
  return false;
}

typedef struct leaving {
  PyObject *closure;
  prs_places_t places;
} leaving_t;

static void note_handle(PyObject *value, PyObject *frame, int index,
                        void *arg) {
  leaving_t *leaving = arg;
  if (prs__kind_of_data(value) == PRS_HANDLE &&
      is_argument(leaving->closure, value))
    (void)prs__add_place(&leaving->places, value, frame, index);
}

/* Handles may be held by others, too, but they leave the variables that the
 * caller never reads again: a channel is closed when its last user has gone.
 * Returns: what undoes it, or NULL, perhaps with an exception set. */
static PyObject *leave_handles(PyObject *closure) {
  if (!has_handle(closure)) return NULL;
  prs_frames_t frames = {.pairs = prs__calling_frame(false)};
  if (frames.pairs == NULL) return NULL;
  leaving_t leaving = {.closure = closure};
  prs__each_dead_value(&frames, note_handle, &leaving);
  PyObject *emptied = NULL;
  if (leaving.places.count > 0) emptied = prs__empty(&leaving.places);
  Py_DECREF(frames.pairs);
  return emptied;
}

/* ---- own ----------------------------------------------------------------- */

/* Returns: what undoes the check, a new reference; NULL with an exception set
 * and nothing changed. */
static PyObject *check(PyObject *closure, PyObject *moved, PyObject *globals) {
  PyObject *undo = NULL;
  int fine = is_fine(closure, moved != NULL, globals, &undo);
  if (fine < 0) return NULL;
  if (fine == 0) {
    undo = PyObject_CallFunction(prs__rules.thorough, "OO", closure,
                                 moved == NULL ? Py_None : moved);
    if (undo != Py_None) return undo; /* it gives `moved` back, too */
    Py_CLEAR(undo);
  } else if (undo != NULL && moved != NULL) {
    prs__emptied_with(undo, Py_NewRef(moved));
  }
  if (undo != NULL) return undo;
  return Py_NewRef(moved == NULL ? Py_None : moved);
}

/* Returns: as check(). Both arguments are used up. */
static PyObject *both(PyObject *undo, PyObject *handles) {
  if (handles == NULL) return undo;
  if (undo == Py_None)
    Py_DECREF(undo);
  else
    prs__emptied_with(handles, undo);
  return handles;
}

static void take_back(PyObject *closure, PyObject *moved) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  prs__moved_take_back(moved, exchange(closure, Py_NewRef(moved)));
  PyErr_Restore(type, value, traceback);
}

PyObject *prs__own(PyObject *module, PyObject *closure) {
  (void)module;
  if (!is_closure(closure)) return NULL;
  PyObject *moved = PyList_GET_ITEM(closure, 0);
  PyObject *globals = NULL;
  if (Py_TYPE(moved) == prs__moved_type) {
    PyObject *inner = prs__moved_give(moved);
    if (inner == NULL) return NULL;
    (void)exchange(closure, inner); /* the reference is ours now */
    globals = prs__moved_globals(moved, inner);
  } else {
    moved = NULL;
  }
  PyObject *undo = check(closure, moved, globals);
  if (undo == NULL) {
    if (moved != NULL) take_back(closure, moved);
  } else {
    undo = both(undo, leave_handles(closure));
    PyErr_Clear(); /* the handles stay where they are, too */
  }
  Py_XDECREF(moved);
  return undo;
}
