/* The module `_objects`: types whose hot path must not pay for bytecode. */
#include "native/native.h"
#include "objects.h"

const prs_table_t *prs__table;

bool prs__is_connected(void) {
  if (prs__table != NULL) return true;
  PyErr_SetString(PyExc_RuntimeError,
                  "pythread_rs._objects is used before pythread_rs");
  return false;
}

int prs__add_type(PyObject *module, PyType_Spec *spec) {
  PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
  if (type == NULL) return -1;
  int status = PyModule_AddType(module, (PyTypeObject *)type);
  Py_DECREF(type);
  return status;
}

PyTypeObject *prs__add_base_type(PyObject *module, PyType_Spec *spec) {
  PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
  if (type == NULL) return NULL;
  if (PyModule_AddType(module, (PyTypeObject *)type) == 0)
    return (PyTypeObject *)type; /* for ever */
  Py_DECREF(type);
  return NULL;
}

PyDoc_STRVAR(connect_doc,
             "connect(address, entry, settle, main_thread, /)\n--\n\n"
             "Take the function table of `_native`, the function that runs a "
             "job on a new thread,\none that resets what Python code left on "
             "it, and the ident of the "
             "main thread.");

static PyObject *connect(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *address;
  PyObject *entry;
  PyObject *settle;
  unsigned long ident;
  if (!PyArg_ParseTuple(args, "OOOk:connect", &address, &entry, &settle,
                        &ident))
    return NULL;
  const prs_table_t *table = PyLong_AsVoidPtr(address);
  if (table == NULL && PyErr_Occurred()) return NULL;
  if (table == NULL || table->version != PRS_TABLE_VERSION) {
    PyErr_SetString(PyExc_ImportError,
                    "pythread_rs._native and pythread_rs._objects come from "
                    "different builds: install pythread_rs again");
    return NULL;
  }
  prs__table = table;
  prs__os = table->sync_os();
  table->set_entry(entry, settle);
  table->set_main_thread(ident);
  Py_RETURN_NONE;
}

static int sleep_a_while(void *unused, uint64_t timeout) {
  (void)unused;
  int status = prs__table->sleep(timeout);
  return status == PRS_OK ? PRS_ETIMEDOUT : status;
}

/* A signal ends one nap, not the sleep: the clock decides. */
static PyObject *sleep_for(PyObject *module, PyObject *const *args,
                           Py_ssize_t count) {
  (void)module;
  uint64_t left;
  PyObject *stop;
  if (!prs__is_connected() ||
      !prs__timeout_and_stop("sleep", args, count, &left, &stop))
    return NULL;
  int status = stop == NULL ? prs__wait_interruptibly(sleep_a_while, NULL, left)
                            : prs__stop_wait(stop, left);
  if (status == PRS__RAISED) return NULL;
  if (stop != NULL && status == PRS_OK) {
    prs__raise_stopped();
    return NULL;
  }
  Py_RETURN_NONE;
}

/* Keep an object for ever: not even the end of the interpreter frees it. */
static PyObject *leak(PyObject *module, PyObject *object) {
  (void)module;
  Py_INCREF(object);
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"connect", connect, METH_VARARGS, connect_doc},
    {"sleep", (PyCFunction)(void (*)(void))sleep_for, METH_FASTCALL,
     "sleep(nanoseconds, stop=None, /)\n--\n\nSleep, -1 for ever."},
    {"channel", prs__make_channel, METH_VARARGS,
     "channel(sender, receiver, capacity, exclusive=False, /)\n--\n\n"
     "Make a pair of ends of the given types; a capacity of -1 is none. In an "
     "exclusive\nreceiver one thread waits at a time."},
    {"set_refusals", prs__set_refusals, METH_O,
     "set_refusals(callables, /)\n--\n\n"
     "Take what makes the errors of channels."},
    {"count_waking", prs__count_waking, METH_NOARGS,
     "count_waking()\n--\n\n"
     "Count the threads whose wait has ended and that do not run yet."},
    {"forget_waking", prs__forget_waking, METH_NOARGS,
     "forget_waking()\n--\n\n"
     "In the child of a fork: they stayed in the parent."},
    {"set_watch", prs__set_watch, METH_VARARGS,
     "set_watch(enter, leave, took, let_go, /)\n--\n\n"
     "Tell these of each wait and each lock; None for no longer."},
    {"is_mapped", prs__is_mapped, METH_O,
     "is_mapped(address, /)\n--\n\nTell whether there is memory at an "
     "address."},
    {"is_buffer", prs__is_buffer, METH_O,
     "is_buffer(object, /)\n--\n\nTell whether a memoryview of it can be asked "
     "for."},
    {"native_capsule", prs__native_capsule, METH_O,
     "native_capsule(capsule, /)\n--\n\n"
     "Read (address, name) of a PyCapsule; the name may be None."},
    {"native_loop", prs__native_loop, METH_VARARGS,
     "native_loop(pool, signature, address, args, count, grain, check, "
     "/)\n--\n\n"
     "Call function(begin, end, *args) for blocks of range(count), here and on "
     "workers of\nthe pool. Return None or the failure as (result, errno)."},
    {"leak", leak, METH_O, "leak(object, /)\n--\n\nNever free the object."},
    {NULL, NULL, 0, NULL}};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, prs__add_barrier_type},
    {Py_mod_exec, prs__add_once_types},
    {Py_mod_exec, prs__add_ownership},
    {Py_mod_exec, prs__add_atomics},
    {Py_mod_exec, prs__add_arc_type},
    {Py_mod_exec, prs__add_packet_type},
    {Py_mod_exec, prs__add_parker_type},
    {Py_mod_exec, prs__add_results},
    {Py_mod_exec, prs__add_scope_type},
    {Py_mod_exec, prs__add_channel_type},
    {Py_mod_exec, prs__add_sender_type},
    {Py_mod_exec, prs__add_receiver_type},
    {Py_mod_exec, prs__add_signature_type},
    {Py_mod_exec, prs__add_oneshot_types},
    {Py_mod_exec, prs__add_select},
    {Py_mod_exec, prs__add_sending_type},
    {Py_mod_exec, prs__add_ticket_type},
    {Py_mod_exec, prs__add_timer_type},
    {Py_mod_exec, prs__add_stop_type},
    {Py_mod_exec, prs__add_token_type},
    {Py_mod_exec, prs__add_wait_group_type},
    {Py_mod_exec, prs__add_weak_type},
    {Py_mod_exec, prs__add_bulk_type},
    {Py_mod_exec, prs__add_pool_type},
    {Py_mod_exec, prs__add_task_type},
    {Py_mod_exec, prs__add_future_type},
    {Py_mod_exec, prs__add_lockable},
    {Py_mod_exec, prs__add_guard_types},
    {Py_mod_exec, prs__add_mutex_type},
    {Py_mod_exec, prs__add_rwlock_type},
    {Py_mod_exec, prs__add_reentrant_type},
    {Py_mod_exec, prs__add_condvar_type},
    {Py_mod_exec, prs__add_trace},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pythread_rs._objects",
    .m_doc = "Types of pythread_rs whose hot path is C.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__objects(void) { return PyModuleDef_Init(&definition); }
