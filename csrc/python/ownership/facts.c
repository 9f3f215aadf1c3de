/* Facts about code that Python finds out once (pythread_rs/ownership), kept
 * with the code object: the globals that a function names, and what a function
 * still uses after a call of `move`. */
#include "ownership.h"

#if PY_VERSION_HEX < 0x030C0000
#define PyUnstable_Eval_RequestCodeExtraIndex _PyEval_RequestCodeExtraIndex
#define PyUnstable_Code_GetExtra _PyCode_GetExtra
#define PyUnstable_Code_SetExtra _PyCode_SetExtra
#endif

#define SITES 16

typedef struct site {
  int instruction;
  PyCodeObject *closure; /* never dereferenced */
  uint64_t mask;
  PyObject *dead; /* with no closure: the names of dead variables */
} site_t;         /* their bits are in `mask` */

typedef struct facts {
  PyObject *names; /* a tuple, NULL when not known yet */
  bool assigns;
  uint64_t settled_cells;
  PyObject *settled; /* a frozenset, NULL when not known yet */
  unsigned next;     /* the oldest site is forgotten first */
  site_t sites[SITES];
} facts_t;

static Py_ssize_t index_of_facts = -1;

static void free_facts(void *pointer) {
  facts_t *facts = pointer;
  if (facts == NULL) return;
  Py_XDECREF(facts->names);
  Py_XDECREF(facts->settled);
  for (int i = 0; i < SITES; i++) Py_XDECREF(facts->sites[i].dead);
  PyMem_Free(facts);
}

bool prs__init_facts(void) {
  if (index_of_facts < 0)
    index_of_facts = PyUnstable_Eval_RequestCodeExtraIndex(free_facts);
  if (index_of_facts < 0)
    PyErr_SetString(PyExc_ImportError,
                    "pythread_rs: no code extra index is left");
  return index_of_facts >= 0;
}

/* Returns: NULL with an exception set. */
static facts_t *facts_of(PyCodeObject *code) {
  void *facts = NULL;
  if (PyUnstable_Code_GetExtra((PyObject *)code, index_of_facts, &facts) < 0)
    return NULL;
  if (facts != NULL) return facts;
  facts = PyMem_Calloc(1, sizeof(facts_t));
  if (facts == NULL) {
    (void)PyErr_NoMemory();
    return NULL;
  }
  if (PyUnstable_Code_SetExtra((PyObject *)code, index_of_facts, facts) == 0)
    return facts;
  PyMem_Free(facts);
  return NULL;
}

/* ---- globals ------------------------------------------------------------- */

static bool learn_names(PyCodeObject *code, facts_t *facts) {
  PyObject *told = PyObject_CallOneArg(prs__rules.facts, (PyObject *)code);
  PyObject *names;
  int assigns;
  if (told == NULL) return false;
  bool read = PyArg_ParseTuple(told, "O!p", &PyTuple_Type, &names, &assigns);
  if (read && facts->names == NULL) {
    facts->assigns = assigns != 0;
    facts->names = Py_NewRef(names);
  }
  Py_DECREF(told);
  return read;
}

/* Returns: 1 yes, 0 no, -1 with an exception set. */
static int may_be_read(PyObject *value) {
  prs_kind_t kind = prs__kind_by_asking(value);
  if (kind == PRS_UNKNOWN) return -1;
  if (prs__is_shareable(kind) || kind == PRS_FUNCTION || kind == PRS_CAPTURES ||
      kind == PRS_UNWRAPPED)
    return 1;
  return (kind == PRS_TRANSPARENT || kind == PRS_CACHE) &&
         prs__is_frozen(value);
}

static int check_names(PyObject *names, PyObject *globals) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
    PyObject *value =
        PyDict_GetItemWithError(globals, PyTuple_GET_ITEM(names, i));
    if (value == NULL && PyErr_Occurred()) return -1;
    if (value == NULL) continue;
    Py_INCREF(value);
    int fine = may_be_read(value);
    Py_DECREF(value);
    if (fine != 1) return fine;
  }
  return 1;
}

int prs__globals_are_fine(PyObject *function) {
  PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
  facts_t *facts;
  int fine = -1;
  PyObject *names = NULL;
  Py_BEGIN_CRITICAL_SECTION(code);
  facts = facts_of(code);
  if (facts != NULL && (facts->names != NULL || learn_names(code, facts))) {
    fine = !facts->assigns;
    names = Py_NewRef(facts->names);
  }
  Py_END_CRITICAL_SECTION();
  if (fine == 1) fine = check_names(names, PyFunction_GET_GLOBALS(function));
  Py_XDECREF(names);
  return fine;
}

/* ---- variables that are assigned once ------------------------------------ */

_Thread_local PyCodeObject *prs__wanted;

PyObject *prs__settled_names(PyCodeObject *code, bool asking) {
  PyObject *settled = NULL;
  facts_t *facts;
  Py_BEGIN_CRITICAL_SECTION(code);
  facts = facts_of(code);
  if (facts != NULL) settled = facts->settled;
  Py_END_CRITICAL_SECTION();
  if (settled == NULL && !asking) prs__wanted = code;
  if (settled != NULL || facts == NULL || !asking) return settled;
  PyObject *told = PyObject_CallOneArg(prs__rules.settled, (PyObject *)code);
  if (told == NULL) return NULL;
  Py_BEGIN_CRITICAL_SECTION(code);
  if (facts->settled == NULL) facts->settled = Py_NewRef(told);
  settled = facts->settled;
  Py_END_CRITICAL_SECTION();
  Py_DECREF(told);
  return settled;
}

uint64_t *prs__known_settled(PyCodeObject *code) {
  facts_t *facts;
  Py_BEGIN_CRITICAL_SECTION(code);
  facts = facts_of(code);
  Py_END_CRITICAL_SECTION();
  return facts == NULL ? NULL : &facts->settled_cells;
}

/* ---- use after a move ---------------------------------------------------- */

static const site_t *recall(const facts_t *facts, const site_t *wanted) {
  for (int i = 0; i < SITES; i++) {
    const site_t *site = &facts->sites[i];
    if (site->closure == wanted->closure &&
        site->instruction == wanted->instruction &&
        (site->closure != NULL || site->dead != NULL))
      return site;
  }
  return NULL;
}

static void keep(PyCodeObject *code, facts_t *facts, const site_t *site) {
  (void)code; /* under the GIL a critical section is nothing */
  PyObject *old;
  Py_BEGIN_CRITICAL_SECTION(code);
  site_t *place = &facts->sites[facts->next++ % SITES];
  old = place->dead;
  *place = *site;
  Py_END_CRITICAL_SECTION();
  Py_XDECREF(old);
}

static bool ask(PyObject *function, uint64_t *mask) {
  PyObject *told = PyObject_CallOneArg(prs__rules.later, function);
  if (told == NULL) return false;
  *mask = PyLong_AsUnsignedLongLong(told);
  Py_DECREF(told);
  return !PyErr_Occurred();
}

static bool used_later(PyObject *function, PyFrameObject *frame,
                       PyCodeObject *code, uint64_t *mask) {
  site_t site = {.instruction = PyFrame_GetLasti(frame),
                 .closure = (PyCodeObject *)PyFunction_GET_CODE(function)};
  facts_t *facts;
  const site_t *known = NULL;
  Py_BEGIN_CRITICAL_SECTION(code);
  facts = facts_of(code);
  if (facts != NULL) known = recall(facts, &site);
  if (known != NULL) *mask = known->mask;
  Py_END_CRITICAL_SECTION();
  if (known != NULL) return true;
  if (facts == NULL || !ask(function, mask)) return false;
  site.mask = *mask;
  keep(code, facts, &site);
  return true;
}

bool prs__used_later(PyObject *function, uint64_t *mask) {
  PyFrameObject *frame = PyEval_GetFrame();
  *mask = 0;
  if (frame == NULL) return true;
  PyCodeObject *code = PyFrame_GetCode(frame);
  bool known = used_later(function, frame, code, mask);
  Py_DECREF(code);
  return known;
}

/* ---- dead variables of the caller ---------------------------------------- */

static bool is_own(PyFrameObject *frame) {
  PyObject *globals = PyFrame_GetGlobals(frame);
  static PyObject *key;
  if (key == NULL) key = PyUnicode_InternFromString("__name__");
  PyObject *name = key == NULL ? NULL : PyDict_GetItemWithError(globals, key);
  const char *text =
      name != NULL && PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
  if (text == NULL) PyErr_Clear();
  bool own = text != NULL && strncmp(text, "pythread_rs", 11) == 0 &&
             (text[11] == '\0' || text[11] == '.');
  Py_DECREF(globals);
  return own;
}

/* Returns: a new reference, or NULL. */
static PyFrameObject *users_frame(void) {
  PyFrameObject *frame = (PyFrameObject *)Py_XNewRef(PyEval_GetFrame());
  while (frame != NULL && is_own(frame)) {
    PyFrameObject *back = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = back;
  }
  return frame;
}

static uint64_t bits_of(PyCodeObject *code, PyObject *names) {
  uint64_t bits = 0;
  for (int i = 0; i < code->co_nlocalsplus && i < 64; i++) {
    PyObject *name = PyTuple_GET_ITEM(code->co_localsplusnames, i);
    if (PySet_Contains(names, name) == 1) bits |= UINT64_C(1) << i;
  }
  return bits;
}

bool prs__recall_dead(PyCodeObject *code, int instruction, uint64_t *dead) {
  site_t site = {.instruction = instruction};
  const site_t *known;
  Py_BEGIN_CRITICAL_SECTION(code);
  facts_t *facts = facts_of(code);
  known = facts == NULL ? NULL : recall(facts, &site);
  if (known != NULL) *dead = known->mask;
  Py_END_CRITICAL_SECTION();
  if (known == NULL) PyErr_Clear();
  return known != NULL;
}

static PyObject *dead_in(PyFrameObject *frame, PyCodeObject *code) {
  site_t site = {.instruction = PyFrame_GetLasti(frame)};
  facts_t *facts;
  PyObject *dead = NULL;
  Py_BEGIN_CRITICAL_SECTION(code);
  facts = facts_of(code);
  const site_t *known = facts == NULL ? NULL : recall(facts, &site);
  if (known != NULL) dead = Py_NewRef(known->dead);
  Py_END_CRITICAL_SECTION();
  if (dead != NULL || facts == NULL) return dead;
  dead = PyObject_CallOneArg(prs__rules.dead, (PyObject *)frame);
  if (dead == NULL) return NULL;
  site.dead = Py_NewRef(dead);
  site.mask = bits_of(code, dead);
  keep(code, facts, &site);
  return dead;
}

PyObject *prs__calling_frame(bool whoever) {
  PyFrameObject *frame =
      whoever ? (PyFrameObject *)Py_XNewRef(PyEval_GetFrame()) : users_frame();
  if (frame == NULL) return NULL;
  PyCodeObject *code = PyFrame_GetCode(frame);
  PyObject *dead = dead_in(frame, code);
  Py_DECREF(code);
  PyObject *frames =
      dead == NULL ? NULL : Py_BuildValue("((OO))", (PyObject *)frame, dead);
  Py_XDECREF(dead);
  Py_DECREF(frame);
  return frames;
}
