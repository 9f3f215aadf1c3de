/* A loop over an index range in C, on the caller and on native workers. */
#include <stdlib.h>

#include "native.h"

static void free_packets(prs_packet_t **packets, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) prs__table->packet_unref(packets[i]);
  PyMem_Free(packets);
}

/* Start a worker for the loop. Returns: its packet, or NULL: then the others
 * do the work. */
static prs_packet_t *start_worker(prs_native_loop_t *loop) {
  prs_packet_t *packet = prs__table->packet_new(prs__table->native_loop_runner);
  if (packet == NULL) return NULL;
  prs_spawn_options_t options = {0};
  int os_error;
  packet->payload = loop;
  atomic_fetch_add(&loop->refs, 1);
  if (prs__table->spawn(packet, &options, &os_error) == PRS_OK) return packet;
  prs__table->native_loop_unref(loop);
  prs__table->packet_unref(packet);
  return NULL;
}

static int work(void *loop, uint64_t timeout) {
  int status = prs__table->native_loop_work(loop, timeout);
  prs__table->hold();
  return status;
}

static int wait_for_packet(void *packet, uint64_t timeout) {
  return prs__table->packet_wait_or(packet, timeout, NULL);
}

/* Wait, whatever the signal handlers raise; the first exception stays, and
 * the loop hands out no more. */
static void wait_for(prs_waiting_t wait, void *object, prs_native_loop_t *loop,
                     PyObject *error[3]) {
  while (prs__wait_interruptibly(wait, object, PRS_FOREVER) == PRS__RAISED) {
    prs__table->native_loop_stop(loop);
    if (error[0] == NULL)
      PyErr_Fetch(&error[0], &error[1], &error[2]);
    else
      PyErr_Clear();
  }
}

/* Returns: false with what a signal handler raised. */
static bool run(prs_native_loop_t *loop) {
  PyObject *error[3] = {NULL, NULL, NULL};
  uint32_t others = loop->threads - 1;
  prs_packet_t **packets =
      PyMem_Calloc(others == 0 ? 1 : others, sizeof *packets);
  if (packets == NULL) {
    (void)PyErr_NoMemory();
    return false;
  }
  uint32_t count = 0;
  while (count < others && (packets[count] = start_worker(loop)) != NULL)
    count++;
  wait_for(work, loop, loop, error);
  for (uint32_t i = 0; i < count; i++)
    wait_for(wait_for_packet, packets[i], loop, error);
  free_packets(packets, count);
  if (error[0] == NULL) return true;
  PyErr_Restore(error[0], error[1], error[2]);
  return false;
}

static PyObject *outcome(prs_native_loop_t *loop, char code) {
  if (atomic_load(&loop->failed) != 2) Py_RETURN_NONE;
  prs_native_call_t call = {.result = loop->result};
  PyObject *value = prs__native_result(&call, code);
  return value == NULL ? NULL : Py_BuildValue("(Ni)", value, loop->error);
}

/* Never more threads than blocks of the least size. */
static uint32_t useful(uint32_t threads, int64_t count, int64_t grain) {
  int64_t blocks = count / grain + (count % grain != 0);
  if ((int64_t)threads > blocks) threads = (uint32_t)blocks;
  return threads == 0 ? 1 : threads;
}

/* Returns: false with an exception set. */
static bool fill(prs_native_loop_t *loop, PyObject *signature,
                 PyObject *address, PyObject *args, PyObject *keep) {
  return prs__native_address(address, &loop->call) &&
         prs__native_fill(&loop->call, signature, args, 2, keep);
}

PyObject *prs__native_loop(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *signature;
  PyObject *address;
  PyObject *values;
  long long count;
  long long grain;
  unsigned int threads;
  int check;
  if (!PyArg_ParseTuple(args, "OOO!LLIi:native_loop", &signature, &address,
                        &PyTuple_Type, &values, &count, &grain, &threads,
                        &check) ||
      !prs__is_signature(signature))
    return NULL;
  prs_native_loop_t *loop = calloc(1, sizeof *loop);
  if (loop == NULL) return PyErr_NoMemory();
  loop->count = count;
  loop->grain = grain;
  loop->threads = useful(threads, count, grain);
  loop->check = (prs_native_check_t)check;
  atomic_store(&loop->refs, 1);
  PyObject *keep = PyList_New(0);
  PyObject *result = NULL;
  if (keep != NULL && fill(loop, signature, address, values, keep) && run(loop))
    result = outcome(loop, ((prs_signature_object_t *)signature)->result_code);
  Py_XDECREF(keep);
  prs__table->native_loop_unref(loop);
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
