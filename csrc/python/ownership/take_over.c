/* Taking over: a value that is given to a C function of ours, as `send` and
 * `Mutex` are, is checked like an argument of `spawn`.
 *
 * The calling frame holds such a value in two ways that do not count: in
 * variables that it never reads again, and at the place in its value stack
 * where the argument stands. The latter is only believed when the frame calls
 * our function itself: a C function in between (`map`, `sorted`) may lend us a
 * reference of a container. */
#include "slots.h"

/* ---- the place of the argument ------------------------------------------- */

static bool is_sink(uintptr_t entry, const prs_sink_t *sink) {
  PyObject *callable = prs__value_in(entry);
  if (callable == NULL) return false;
  if (sink->type != NULL) return callable == (PyObject *)*sink->type;
  if (PyCFunction_Check(callable))
    return PyCFunction_GET_FUNCTION(callable) == sink->method;
  return Py_TYPE(callable) == &PyMethodDescr_Type &&
         ((PyMethodDescrObject *)callable)->d_method->ml_meth == sink->method;
}

static _PyInterpreterFrame *running_frame(void) {
  PyThreadState *state = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030D0000
  return state->current_frame;
#else
  return state->cframe->current_frame;
#endif
}

static bool is_of_python(const _PyInterpreterFrame *frame) {
#if PY_VERSION_HEX >= 0x030E0000
  return frame != NULL && frame->owner < FRAME_OWNED_BY_INTERPRETER;
#elif PY_VERSION_HEX >= 0x030C0000
  return frame != NULL && frame->owner != FRAME_OWNED_BY_CSTACK;
#else
  return frame != NULL;
#endif
}

/* A value, its time-out, a `stop` and the names of keywords. */
#define MOST_ABOVE 4

/* Up to 3.13 the arguments stand in the value stack; from 3.14 on they are
 * copied, and what stands topmost are the arguments of the innermost call, of
 * which the value is the first. Below it stand the callable and `self`, in an
 * order that depends on the version. */
static uintptr_t *place_in(const prs_slots_t *slots, PyObject *const *argument,
                           const prs_sink_t *sink) {
#if PY_VERSION_HEX >= 0x030E0000
  int lowest = slots->locals + 2;
  for (int i = slots->all - 1; i >= lowest && i >= slots->all - MOST_ABOVE; i--)
    if (prs__value_in(slots->first[i]) == *argument &&
        (is_sink(slots->first[i - 1], sink) ||
         is_sink(slots->first[i - 2], sink)))
      return &slots->first[i];
  return NULL;
#else
  uintptr_t *place = (uintptr_t *)argument;
  if (place < slots->first + slots->locals + 2 ||
      place >= slots->first + slots->locals + slots->code->co_stacksize)
    return NULL;
  return is_sink(place[-1], sink) || is_sink(place[-2], sink) ? place : NULL;
#endif
}

/* ---- the common case ----------------------------------------------------- */

static int instruction_of(const prs_slots_t *slots) {
#if PY_VERSION_HEX >= 0x030D0000
  const _Py_CODEUNIT *at = slots->inner->instr_ptr;
#else
  const _Py_CODEUNIT *at = slots->inner->prev_instr;
#endif
#if defined(Py_GIL_DISABLED)
  const char *first = slots->code->co_tlbc->entries[slots->inner->tlbc_index];
#else
  const char *first = slots->code->co_code_adaptive;
#endif
  return (int)((const char *)at - first);
}

/* The plain variables of the calling frame that hold a value, as bits.
 * Returns: false when something else has to do with it. */
static bool find_variables(const prs_slots_t *slots, const uintptr_t *place,
                           PyObject *value, uint64_t *holding) {
  *holding = 0;
  for (int i = 0; i < slots->all; i++) {
    if (prs__value_in(slots->first[i]) != value || &slots->first[i] == place)
      continue;
    if (i >= slots->locals || i >= 64) return false;
    *holding |= UINT64_C(1) << i;
  }
  return true;
}

/* Whether all references on a value are the calling frame's, which will not
 * use it again. */
static bool is_only_held_by(const prs_slots_t *slots, const uintptr_t *place,
                            PyObject *value, uint64_t *holding) {
  if (!find_variables(slots, place, value, holding)) return false;
  Py_ssize_t count = !prs__is_borrowed(*place);
  uint64_t dead = 0;
  if (*holding != 0 &&
      !prs__recall_dead(slots->code, instruction_of(slots), &dead))
    return false;
  if ((*holding & ~dead) != 0) return false;
  for (int i = 0; i < slots->locals && i < 64; i++)
    if ((*holding >> i & 1) != 0) count += !prs__is_borrowed(slots->first[i]);
#if defined(Py_GIL_DISABLED)
  return count == 1 && PyUnstable_Object_IsUniquelyReferenced(value);
#else
  return Py_REFCNT(value) == count;
#endif
}

/* Empty the places that held a value, of which the caller has a reference. */
static void leave(const prs_slots_t *slots, uintptr_t *place,
                  uint64_t holding) {
  for (int i = 0; i < slots->locals && i < 64; i++)
    if ((holding >> i & 1) != 0) Py_XDECREF(prs__clear_slot(&slots->first[i]));
  Py_XDECREF(prs__clear_slot(place));
}

/* A handle may be held by others; it leaves the caller's variables all the
 * same, so that a channel is closed when its last user has gone. */
static PyObject *take_handle(uintptr_t *place, PyObject *value) {
  if (place == NULL) return Py_NewRef(value);
  prs_slots_t slots = prs__slots_of_inner(running_frame());
  uint64_t holding;
  uint64_t dead = 0;
  if (!find_variables(&slots, place, value, &holding)) return Py_NewRef(value);
  int instruction = instruction_of(&slots);
  if (holding != 0 && !prs__recall_dead(slots.code, instruction, &dead)) {
    PyObject *frames = prs__calling_frame(true); /* asks */
    if (frames == NULL && PyErr_Occurred()) return NULL;
    Py_XDECREF(frames);
    (void)prs__recall_dead(slots.code, instruction, &dead);
  }
  Py_INCREF(value);
  leave(&slots, place, holding & dead);
  return value;
}

/* Returns: a new reference, or NULL without an exception: not known. */
static PyObject *take_quickly(uintptr_t *place, PyObject *value,
                              prs_kind_t kind) {
  prs_slots_t slots = prs__slots_of_inner(running_frame());
  uint64_t holding;
  if (!is_only_held_by(&slots, place, value, &holding) ||
      !prs__is_unique_below(value, kind))
    return NULL;
  Py_INCREF(value);
  leave(&slots, place, holding);
  return value;
}

/* ---- the rest ------------------------------------------------------------ */

/* Stands for what `spawn` checks: no function, one argument. */
static PyObject *closure_of(PyObject *value) {
  return Py_BuildValue("[O(O){}]", Py_None, value);
}

/* Returns: 1 taken over, 0 not known, -1 with an exception set. */
static int is_isolated(PyObject *closure, const uintptr_t *place) {
  prs_frames_t frames = {.pairs = prs__calling_frame(true), .lent = place};
  if (frames.pairs == NULL) return PyErr_Occurred() ? -1 : 0;
  PyObject *emptied;
  bool isolated = prs__is_isolated(closure, NULL, &frames, &emptied);
  Py_DECREF(frames.pairs);
  Py_XDECREF(emptied);
  return PyErr_Occurred() ? -1 : isolated;
}

static PyObject *take_thoroughly(uintptr_t *place, PyObject *value,
                                 prs_kind_t kind, bool sync) {
  PyObject *closure = closure_of(value);
  if (closure == NULL) return NULL;
  int fine = 0;
  if (!sync && kind != PRS_UNWRAPPED) fine = is_isolated(closure, place);
  if (fine == 0) {
    PyObject *result = PyObject_CallFunction(
        prs__rules.taken, "OKO", closure, (unsigned long long)(uintptr_t)place,
        sync ? Py_True : Py_False);
    fine = result == NULL ? -1 : 1;
    Py_XDECREF(result);
  }
  PyObject *taken = NULL;
  if (fine == 1)
    taken = Py_NewRef(PyTuple_GET_ITEM(PyList_GET_ITEM(closure, 1), 0));
  Py_DECREF(closure);
  if (taken != NULL && place != NULL) Py_XDECREF(prs__clear_slot(place));
  return taken;
}

PyObject *prs__take_over_slowly(PyObject *const *slot, const prs_sink_t *sink) {
  PyObject *value = *slot;
  prs_kind_t kind = prs__kind_by_asking(value);
  if (kind == PRS_UNKNOWN) return NULL;
  if (kind == PRS_COPY || kind == PRS_SYNC) return Py_NewRef(value);
  _PyInterpreterFrame *frame = running_frame();
  uintptr_t *place = NULL;
  if (is_of_python(frame)) {
    prs_slots_t slots = prs__slots_of_inner(frame);
    place = place_in(&slots, slot, sink);
  }
  if (kind == PRS_HANDLE) return take_handle(place, value);
  if (place != NULL && !sink->sync) {
    PyObject *taken = take_quickly(place, value, kind);
    if (taken != NULL) return taken;
  }
  if ((kind == PRS_TRANSPARENT || kind == PRS_FUNCTION || kind == PRS_CACHE) &&
      prs__is_frozen(value))
    return Py_NewRef(value);
  return take_thoroughly(place, value, kind, sink->sync);
}

/* ---- for tests ----------------------------------------------------------- */

PyObject *prs__take_over_alone(PyObject *module, PyObject *const *args,
                               Py_ssize_t count) {
  static const prs_sink_t sink = {
      .method = (PyCFunction)(void (*)(void))prs__take_over_alone};
  (void)module;
  if (count == 1) return prs__take_over(args, &sink);
  PyErr_SetString(PyExc_TypeError, "take_over() takes 1 argument");
  return NULL;
}

PyObject *prs__share_alone(PyObject *module, PyObject *const *args,
                           Py_ssize_t count) {
  static const prs_sink_t sink = {
      .method = (PyCFunction)(void (*)(void))prs__share_alone, .sync = true};
  (void)module;
  if (count == 1) return prs__take_over(args, &sink);
  PyErr_SetString(PyExc_TypeError, "share() takes 1 argument");
  return NULL;
}
