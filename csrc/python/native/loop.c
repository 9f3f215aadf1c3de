/* A loop over an index range in C, on the caller and on workers of a pool. */
#include "../pool/bulk.h"
#include "native.h"

static int work(void *loop, uint64_t timeout) {
  int status = prs__table->native_loop_work(loop, timeout);
  prs__table->hold();
  return status;
}

/* Whatever a signal handler raises ends the loop. */
void prs__bulk_run_native(prs_bulk_t *bulk) {
  prs__bulk_invite_more(bulk);
  while (prs__wait_interruptibly(work, bulk->loop, PRS_FOREVER) == PRS__RAISED)
    prs__bulk_fail(bulk, prs__raised());
}

/* Returns: None; (result, errno) of the first failure; NULL with what a signal
 *          handler raised. */
static PyObject *run(prs_bulk_t *bulk, char code) {
  prs__bulk_run_native(bulk);
  prs__bulk_await(bulk);
  if (bulk->error != NULL) {
    prs__raise_again(bulk->error);
    bulk->error = NULL;
    return NULL;
  }
  prs_native_loop_t *loop = bulk->loop;
  if (atomic_load(&loop->failed) != 2) Py_RETURN_NONE;
  prs_native_call_t call = {.result = loop->result};
  PyObject *value = prs__native_result(&call, code);
  return value == NULL ? NULL : Py_BuildValue("(Ni)", value, loop->error);
}

/* Returns: false with an exception set. What the call uses is the bulk's. */
static bool fill(prs_bulk_t *bulk, PyObject *signature, PyObject *address,
                 PyObject *args) {
  bulk->source = PyList_New(0);
  return bulk->source != NULL &&
         prs__native_address(address, &bulk->loop->call) &&
         prs__native_fill(&bulk->loop->call, signature, args, 2, bulk->source);
}

/* The caller is one of those who take part, whatever the pool is. */
static prs_bulk_t *new_bulk(PyObject *pool, long long count, long long grain) {
  uint32_t threads = ((prs_pool_t *)pool)->count;
  prs_bulk_t *bulk = prs__bulk_new(pool, PRS_BULK_NATIVE, threads);
  if (bulk == NULL) return NULL;
  bulk->loop = prs__table->native_loop_new(threads, count, grain);
  if (bulk->loop != NULL) {
    bulk->limit = bulk->loop->threads - 1;
    return bulk;
  }
  Py_DECREF(bulk);
  (void)PyErr_NoMemory();
  return NULL;
}

PyObject *prs__native_loop(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *pool;
  PyObject *signature;
  PyObject *address;
  PyObject *values;
  long long count;
  long long grain;
  int check;
  if (!PyArg_ParseTuple(args, "OOOO!LLi:native_loop", &pool, &signature,
                        &address, &PyTuple_Type, &values, &count, &grain,
                        &check) ||
      !prs__is_signature(signature))
    return NULL;
  prs_bulk_t *bulk = new_bulk(pool, count, grain);
  if (bulk == NULL) return NULL;
  bulk->loop->check = (prs_native_check_t)check;
  PyObject *result = NULL;
  if (fill(bulk, signature, address, values))
    result = run(bulk, ((prs_signature_object_t *)signature)->result_code);
  Py_DECREF(bulk);
  return result;
}

PyObject *prs__is_mapped(PyObject *module, PyObject *address) {
  (void)module;
  void *pointer = PyLong_AsVoidPtr(address);
  if (pointer == NULL && PyErr_Occurred()) return NULL;
  return PyBool_FromLong(prs__table->native_is_mapped((uintptr_t)pointer));
}

PyObject *prs__is_buffer(PyObject *module, PyObject *object) {
  (void)module;
  return PyBool_FromLong(PyObject_CheckBuffer(object));
}

PyObject *prs__native_capsule(PyObject *module, PyObject *capsule) {
  (void)module;
  if (!PyCapsule_CheckExact(capsule)) {
    PyErr_SetString(PyExc_TypeError, "a PyCapsule is wanted");
    return NULL;
  }
  const char *name = PyCapsule_GetName(capsule);
  if (name == NULL && PyErr_Occurred()) return NULL;
  void *pointer = PyCapsule_GetPointer(capsule, name);
  if (pointer == NULL) return NULL;
  return Py_BuildValue("(Nz)", PyLong_FromVoidPtr(pointer), name);
}
