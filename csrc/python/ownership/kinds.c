/* Kinds: what each type means for ownership, in a table that reads without a
 * lock.
 *
 * Python decides (pythread_rs/ownership/_kinds.py); this table remembers. An
 * entry holds for one version of its type, so that a class that was changed is
 * decided anew. Types are not kept alive: Python clears the entry of a type
 * that goes. */
#include "ownership.h"

#include <stdatomic.h>

/* A class is a value, too: its entry as a value has its address plus one. */
#define AS_VALUE 1u
#define FIRST_SIZE 1024

typedef struct entry {
  _Atomic uintptr_t key;
  _Atomic uint64_t value; /* version << 8 | kind; 0: nothing known */
} entry_t;

typedef struct kind_table {
  size_t size; /* a power of two */
  size_t used;
  entry_t entries[];
} kind_table_t;

static _Atomic(kind_table_t *) current;

/* Writers are few: classes that are seen for the first time. */
#ifdef Py_GIL_DISABLED
static PyMutex writers;
#define LOCK_WRITERS() PyMutex_Lock(&writers)
#define UNLOCK_WRITERS() PyMutex_Unlock(&writers)
#else
#define LOCK_WRITERS() (void)0
#define UNLOCK_WRITERS() (void)0
#endif

static size_t slot_of(uintptr_t key, size_t size) {
  uint64_t mixed = (uint64_t)(key >> 4) * UINT64_C(0x9E3779B97F4A7C15);
  return (size_t)(mixed >> 32) & (size - 1);
}

/* A reader may meet a half-written entry: its value is 0 then. */
static entry_t *find(kind_table_t *table, uintptr_t key) {
  for (size_t i = slot_of(key, table->size);; i = (i + 1) & (table->size - 1)) {
    uintptr_t there =
        atomic_load_explicit(&table->entries[i].key, memory_order_acquire);
    if (there == key || there == 0) return &table->entries[i];
  }
}

static kind_table_t *new_table(size_t size) {
  kind_table_t *table =
      PyMem_RawCalloc(1, sizeof *table + size * sizeof(entry_t));
  if (table != NULL) table->size = size;
  return table;
}

static void put(kind_table_t *table, uintptr_t key, uint64_t value) {
  entry_t *entry = find(table, key);
  if (atomic_load(&entry->key) == 0) table->used++;
  atomic_store(&entry->value, value);
  /* Partner of the acquire in find(): who sees the key sees the value. */
  atomic_store_explicit(&entry->key, key, memory_order_release);
}

/* The old table stays: a reader may be in it. All of them together are no
 * larger than the new one. */
static kind_table_t *grown(kind_table_t *old) {
  if (old != NULL && old->used * 2 < old->size) return old;
  kind_table_t *table = new_table(old == NULL ? FIRST_SIZE : old->size * 2);
  if (table == NULL) return NULL;
  for (size_t i = 0; old != NULL && i < old->size; i++) {
    uint64_t value = atomic_load(&old->entries[i].value);
    if (value != 0) put(table, atomic_load(&old->entries[i].key), value);
  }
  atomic_store(&current, table);
  return table;
}

static uint64_t version_of(PyTypeObject *type) {
  return (uint64_t)type->tp_version_tag << 8;
}

static prs_kind_t look_up(PyTypeObject *type, uintptr_t as_value) {
  kind_table_t *table = atomic_load_explicit(&current, memory_order_acquire);
  if (table == NULL) return PRS_UNKNOWN;
  uint64_t value = atomic_load(&find(table, (uintptr_t)type | as_value)->value);
  if (value == 0 || (value & ~UINT64_C(0xff)) != version_of(type))
    return PRS_UNKNOWN;
  /* A class that has run out of versions could change unseen. */
  if (version_of(type) == 0 && PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE))
    return PRS_OPAQUE;
  return (prs_kind_t)(value & 0xff);
}

static prs_kind_t kind_of_class(PyTypeObject *type) {
  if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) return PRS_COPY;
  return look_up(type, AS_VALUE);
}

prs_kind_t prs__kind(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  if (type == &PyLong_Type || type == &PyUnicode_Type || object == Py_None ||
      type == &PyFloat_Type || type == &PyBool_Type || type == &PyBytes_Type)
    return PRS_COPY;
  if (type == &PyList_Type || type == &PyDict_Type) return PRS_OWNED;
  if (type == &PyTuple_Type) return PRS_TRANSPARENT;
  if (type == &PyFunction_Type) return PRS_FUNCTION;
  if (type == &PyCell_Type) return PRS_CELL;
  if (PyType_Check(object)) return kind_of_class((PyTypeObject *)object);
  return look_up(type, 0);
}

bool prs__classify(PyTypeObject *type) {
  if (prs__rules.classify == NULL) {
    PyErr_SetString(PyExc_RuntimeError,
                    "pythread_rs._objects is used before pythread_rs");
    return false;
  }
  PyObject *result = PyObject_CallOneArg(prs__rules.classify, (PyObject *)type);
  Py_XDECREF(result);
  return result != NULL;
}

prs_kind_t prs__kind_by_asking(PyObject *object) {
  prs_kind_t kind = prs__kind(object);
  if (kind != PRS_UNKNOWN) return kind;
  PyTypeObject *unknown =
      PyType_Check(object) ? (PyTypeObject *)object : Py_TYPE(object);
  if (!prs__classify(unknown)) return PRS_UNKNOWN;
  kind = prs__kind(object);
  /* Its version ran out, or another thread changed it: the safe side. */
  return kind == PRS_UNKNOWN ? PRS_OPAQUE : kind;
}

/* What every class that a class statement made has in common. */
static destructor python_dealloc;

/* ---- for Python ---------------------------------------------------------- */

/* CPython gives a class its version when it is first looked into. */
static void want_version(PyTypeObject *type) {
#if PY_VERSION_HEX >= 0x030C0000
  (void)PyUnstable_Type_AssignVersionTag(type);
#else
  (void)PyObject_HasAttrString((PyObject *)type, "__pythread_rs__");
#endif
}

static int set_both(PyTypeObject *type, uint64_t kind, uint64_t as_value) {
  want_version(type);
  LOCK_WRITERS();
  kind_table_t *table = grown(atomic_load(&current));
  if (table != NULL) {
    uint64_t version = version_of(type);
    put(table, (uintptr_t)type, kind == 0 ? 0 : version | kind);
    put(table, (uintptr_t)type | AS_VALUE,
        as_value == 0 ? 0 : version | as_value);
  }
  UNLOCK_WRITERS();
  if (table != NULL) return 0;
  PyErr_NoMemory();
  return -1;
}

static PyObject *set_kind(PyObject *module, PyObject *args) {
  (void)module;
  PyTypeObject *type;
  unsigned char kind, as_value;
  if (!PyArg_ParseTuple(args, "O!bb:set_kind", &PyType_Type, &type, &kind,
                        &as_value))
    return NULL;
  if (set_both(type, kind, as_value) < 0) return NULL;
  Py_RETURN_NONE;
}

static PyObject *forget_kind(PyObject *module, PyObject *address) {
  (void)module;
  PyTypeObject *type = PyLong_AsVoidPtr(address);
  if (type == NULL && PyErr_Occurred()) return NULL;
  LOCK_WRITERS();
  kind_table_t *table = atomic_load(&current);
  for (uintptr_t part = 0; table != NULL && part <= AS_VALUE; part++)
    atomic_store(&find(table, (uintptr_t)type | part)->value, 0);
  UNLOCK_WRITERS();
  Py_RETURN_NONE;
}

static PyObject *forget_kinds(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  LOCK_WRITERS();
  kind_table_t *table = atomic_load(&current);
  for (size_t i = 0; table != NULL && i < table->size; i++)
    atomic_store(&table->entries[i].value, 0);
  UNLOCK_WRITERS();
  Py_RETURN_NONE;
}

static PyObject *kind_of(PyObject *module, PyObject *object) {
  (void)module;
  prs_kind_t kind = prs__kind_by_asking(object);
  return kind == PRS_UNKNOWN ? NULL : PyLong_FromLong((long)kind);
}

static PyObject *known_kinds(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  size_t known = 0;
  kind_table_t *table = atomic_load(&current);
  for (size_t i = 0; table != NULL && i < table->size; i++)
    known += atomic_load(&table->entries[i].value) != 0;
  return PyLong_FromSize_t(known);
}

static PyObject *is_python_class(PyObject *module, PyObject *type) {
  (void)module;
  if (!PyType_Check(type)) Py_RETURN_FALSE;
  PyTypeObject *class = (PyTypeObject *)type;
  return PyBool_FromLong(class->tp_dealloc == python_dealloc ||
                         prs__is_result_class(class));
}

static PyMethodDef functions[] = {
    {"is_python_class", is_python_class, METH_O,
     "is_python_class(type, /)\n--\n\n"
     "Tell whether a class was made by a class statement, not in C."},
    {"set_kind", set_kind, METH_VARARGS,
     "set_kind(type, kind, as_value, /)\n--\n\n"
     "Remember the kind of a type's instances and of the type as a value."},
    {"forget_kind", forget_kind, METH_O,
     "forget_kind(address, /)\n--\n\nForget a type that goes."},
    {"forget_kinds", forget_kinds, METH_NOARGS,
     "forget_kinds()\n--\n\nForget all kinds: the rules have changed."},
    {"kind_of", kind_of, METH_O,
     "kind_of(object, /)\n--\n\nReturn the kind of an object."},
    {"known_kinds", known_kinds, METH_NOARGS,
     "known_kinds()\n--\n\nReturn how many kinds are remembered."},
    {NULL, NULL, 0, NULL}};

int prs__add_kinds(PyObject *module) {
  PyObject *sample = PyObject_CallFunction((PyObject *)&PyType_Type, "s(){}",
                                           "_PythreadRsSample");
  if (sample == NULL) return -1;
  python_dealloc = ((PyTypeObject *)sample)->tp_dealloc;
  Py_DECREF(sample);
  return PyModule_AddFunctions(module, functions);
}
