/* Python values as the arguments of a C function, and its result as one. */
#include <math.h>
#include <string.h>

#include "native.h"

/* The place of an argument, for messages. */
typedef struct place {
  const prs_parameter_t *parameter;
  Py_ssize_t number; /* from 1 */
} place_t;

static bool refuse_type(place_t place, PyObject *arg, const char *wanted) {
  PyErr_Format(PyExc_TypeError, "argument %zd: %U takes %s, not %.100s",
               place.number, place.parameter->text, wanted,
               Py_TYPE(arg)->tp_name);
  return false;
}

static bool refuse_range(place_t place, PyObject *arg) {
  PyErr_Format(PyExc_OverflowError, "argument %zd: %S does not fit %U",
               place.number, arg, place.parameter->text);
  return false;
}

/* ---- numbers ------------------------------------------------------------- */

static bool fits_signed(long long value, uint32_t bits) {
  if (bits == 64) return true;
  long long limit = 1ll << (bits - 1);
  return value >= -limit && value < limit;
}

static bool fits_unsigned(unsigned long long value, uint32_t bits) {
  return bits == 64 || value >> bits == 0;
}

static uint32_t bits_of(char code) {
  switch (code) {
    case '?':
      return 1;
    case 'b':
    case 'B':
      return 8;
    case 'h':
    case 'H':
      return 16;
    case 'i':
    case 'I':
      return 32;
    default:
      return 64;
  }
}

static bool is_signed(char code) { return strchr("bhiq", code) != NULL; }

/* `number` is an int. Returns: false when it does not fit. */
static bool put_whole(uint64_t *slot, PyObject *number, char code) {
  uint32_t bits = bits_of(code);
  if (is_signed(code)) {
    long long value = PyLong_AsLongLong(number);
    *slot = (uint64_t)value;
    return !(value == -1 && PyErr_Occurred()) && fits_signed(value, bits);
  }
  unsigned long long value = PyLong_AsUnsignedLongLong(number);
  *slot = value;
  return !(value == (unsigned long long)-1 && PyErr_Occurred()) &&
         fits_unsigned(value, bits);
}

static bool put_integer(uint64_t *slot, PyObject *arg, place_t place) {
  if (!PyIndex_Check(arg)) return refuse_type(place, arg, "an int");
  PyObject *number = PyNumber_Index(arg);
  if (number == NULL) return false;
  bool fine = put_whole(slot, number, place.parameter->code);
  Py_DECREF(number);
  if (fine) return true;
  if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_OverflowError))
    return false;
  PyErr_Clear();
  return refuse_range(place, arg);
}

static bool put_floating(uint64_t *slot, PyObject *arg, place_t place) {
  if (!PyFloat_Check(arg) && !PyNumber_Check(arg))
    return refuse_type(place, arg, "a float");
  double value = PyFloat_AsDouble(arg);
  if (value == -1 && PyErr_Occurred()) return false;
  *slot = 0;
  if (place.parameter->code == 'd') {
    memcpy(slot, &value, sizeof value);
    return true;
  }
  float narrow = (float)value;
  if (isinf(narrow) && !isinf(value)) return refuse_range(place, arg);
  memcpy(slot, &narrow, sizeof narrow);
  return true;
}

/* ---- buffers ------------------------------------------------------------- */

/* What one item of a buffer is, in the letters of a parameter's `item`; b for
 * bytes without a type, 0 when it is nothing that C has a type for. */
static char item_of(const Py_buffer *view) {
  const char *format = view->format == NULL ? "B" : view->format;
  const int one = 1;
  char order = *(const char *)&one == 1 ? '<' : '>';
  if (*format == '@' || *format == '=' || *format == order) format++;
  if (format[0] == '\0' || format[1] != '\0') return 0;
  if (strchr("Bc", *format) != NULL) return 'b';
  if (strchr("bhilqn", *format) != NULL) return 'i';
  if (strchr("?HILQNP", *format) != NULL) return 'u';
  return strchr("fd", *format) != NULL ? 'f' : 0;
}

/* Bytes without a type may be anything, if they are whole and aligned. */
static bool holds_items(const Py_buffer *view,
                        const prs_parameter_t *parameter) {
  char item = item_of(view);
  if (parameter->item == 'v' || parameter->size == 0) return true;
  if (item == 'b')
    return view->len % parameter->size == 0 &&
           (uintptr_t)view->buf % parameter->size == 0;
  return item == parameter->item && (uint32_t)view->itemsize == parameter->size;
}

static bool refuse_items(const Py_buffer *view, place_t place) {
  const char *format = view->format == NULL ? "B" : view->format;
  PyErr_Format(PyExc_TypeError,
               "argument %zd: %U cannot point into a buffer of format '%s' "
               "with %zd bytes",
               place.number, place.parameter->text, format, view->len);
  return false;
}

static bool check_buffer(const Py_buffer *view, place_t place) {
  if (!PyBuffer_IsContiguous(view, 'C')) {
    PyErr_Format(PyExc_BufferError,
                 "argument %zd: the buffer is not C-contiguous: pass a copy",
                 place.number);
    return false;
  }
  if (view->readonly && (place.parameter->flags & PRS_PARAMETER_WRITES) != 0) {
    PyErr_Format(PyExc_TypeError,
                 "argument %zd: the buffer is read-only, and %U may write: "
                 "declare it const, or pass a writable buffer",
                 place.number, place.parameter->text);
    return false;
  }
  if (!holds_items(view, place.parameter)) return refuse_items(view, place);
  return true;
}

/* The memoryview locks the buffer: its owner refuses to resize it. */
static bool put_buffer(uint64_t *slot, PyObject *arg, place_t place,
                       PyObject *keep) {
  if (!PyObject_CheckBuffer(arg))
    return refuse_type(place, arg, "a buffer or a pointer");
  PyObject *memory = PyMemoryView_FromObject(arg);
  if (memory == NULL) return false;
  const Py_buffer *view = PyMemoryView_GET_BUFFER(memory);
  *slot = (uint64_t)(uintptr_t)view->buf;
  bool fine = check_buffer(view, place) && PyList_Append(keep, memory) == 0;
  Py_DECREF(memory);
  return fine;
}

/* Pointers of cffi and ctypes come here as ints: Python has checked them. */
static bool put_pointer(uint64_t *slot, PyObject *arg, place_t place,
                        PyObject *keep) {
  if (arg == Py_None) {
    *slot = 0;
    if ((place.parameter->flags & PRS_PARAMETER_NULLABLE) != 0) return true;
    PyErr_Format(PyExc_TypeError,
                 "argument %zd: %U takes no None: declare it _Nullable, or "
                 "pass a NULL of cffi",
                 place.number, place.parameter->text);
    return false;
  }
  if (PyLong_Check(arg)) return put_whole(slot, arg, 'Q');
  return put_buffer(slot, arg, place, keep);
}

static bool put(uint64_t *slot, PyObject *arg, place_t place, PyObject *keep) {
  switch (place.parameter->code) {
    case 'P':
      return put_pointer(slot, arg, place, keep);
    case 'f':
    case 'd':
      return put_floating(slot, arg, place);
    default:
      return put_integer(slot, arg, place);
  }
}

bool prs__native_fill(prs_native_call_t *call, PyObject *signature,
                      PyObject *args, uint32_t first, PyObject *keep) {
  const prs_signature_object_t *types = (prs_signature_object_t *)signature;
  Py_ssize_t wanted = Py_SIZE(types) - (Py_ssize_t)first;
  Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (count != wanted) {
    PyErr_Format(PyExc_TypeError,
                 "the function takes %zd argument%s, and %zd were given",
                 wanted, wanted == 1 ? "" : "s", count);
    return false;
  }
  for (Py_ssize_t i = 0; i < count; i++) {
    Py_ssize_t at = i + (Py_ssize_t)first;
    place_t place = {.parameter = &types->parameters[at], .number = i + 1};
    if (!put(&call->slots[at], PyTuple_GET_ITEM(args, i), place, keep))
      return false;
  }
  call->count = (uint32_t)Py_SIZE(types);
  call->floating = types->floating;
  call->kind = types->kind;
  call->width = types->width;
  return true;
}

/* ---- the function and its result ----------------------------------------- */

bool prs__native_address(PyObject *address, prs_native_call_t *call) {
  uint64_t bits;
  if (!prs__table->native_is_known()) {
    PyErr_SetString(PyExc_NotImplementedError,
                    "native calls are not known on this processor");
    return false;
  }
  if (!PyLong_Check(address) || !put_whole(&bits, address, 'Q')) {
    if (!PyErr_Occurred())
      PyErr_SetString(PyExc_TypeError, "an address is an int");
    return false;
  }
  if (bits == 0) {
    PyErr_SetString(PyExc_ValueError, "the function is NULL");
    return false;
  }
  call->function = (void (*)(void))(uintptr_t)bits;
  return true;
}

PyObject *prs__native_result(const prs_native_call_t *call, char code) {
  double wide;
  float narrow;
  switch (code) {
    case 'v':
      Py_RETURN_NONE;
    case '?':
      return PyBool_FromLong(call->result != 0);
    case 'd':
      memcpy(&wide, &call->result, sizeof wide);
      return PyFloat_FromDouble(wide);
    case 'f':
      memcpy(&narrow, &call->result, sizeof narrow);
      return PyFloat_FromDouble((double)narrow);
    default:
      if (is_signed(code)) return PyLong_FromLongLong((int64_t)call->result);
      return PyLong_FromUnsignedLongLong(call->result);
  }
}
