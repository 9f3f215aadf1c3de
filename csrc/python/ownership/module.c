/* What ownership adds to the module `_objects`. */
#include "ownership.h"

PyDoc_STRVAR(
    move_doc,
    "move(f, /)\n--\n\n"
    "Let a closure own the variables that it captures.\n"
    "\n"
    "The closure is copied with variables of its own, and so are the closures "
    "that it captures. The\n"
    "values go over: a variable of the caller that held one is empty "
    "afterwards, and whoever reads it\n"
    "gets a NameError at that line. Copy values, immutable ones through and "
    "through, and what is made\n"
    "for several threads (locks, queues, loggers) stay where they are, too.\n"
    "\n"
    "What comes back runs once. When `spawn` refuses it, the values are back "
    "in their variables.\n"
    "\n"
    "Args:\n"
    "    f: a function, as an argument or below the decorator `@move`; or "
    "another callable, which is\n"
    "        checked with all that it holds.\n"
    "\n"
    "Returns:\n"
    "    A callable for one call, or for `spawn`.\n"
    "\n"
    "Raises:\n"
    "    TypeError: `f` is not callable.\n"
    "    UseAfterMoveError: a captured variable is empty, or is read later by "
    "the caller. Nothing\n"
    "        has been moved.\n"
    "\n"
    "Blocks: no.\n"
    "Thread safety: the variables must be the calling thread's own.\n"
    "\n"
    "Mirrors `move || ...`.\n"
    "\n"
    ">>> from pythread_rs import spawn\n"
    ">>> def total():\n"
    "...     data = [1, 2, 3]\n"
    "...     return spawn(move(lambda: sum(data)))\n"
    ">>> total().join()\n"
    "Ok(6)\n");

PyDoc_STRVAR(take_doc,
             "take(f, /)\n--\n\n"
             "Take the value out of a variable, which is empty afterwards.\n"
             "\n"
             "Args:\n"
             "    f: a lambda that names the variable: `take(lambda: data)`.\n"
             "\n"
             "Returns:\n"
             "    The value. The variable held the only reference, or somebody "
             "else holds the value, too.\n"
             "\n"
             "Raises:\n"
             "    TypeError: `f` captures no variable, or several.\n"
             "    UseAfterMoveError: the variable is empty, or is read later "
             "by the caller.\n"
             "    StaticError: the variable is a global.\n"
             "\n"
             "Blocks: no.\n"
             "Thread safety: the variable must be the calling thread's own.\n"
             "\n"
             "Mirrors a move out of a variable.\n"
             "\n"
             ">>> def handed_on():\n"
             "...     data = [1, 2, 3]\n"
             "...     return take(lambda: data)\n"
             ">>> handed_on()\n"
             "[1, 2, 3]\n");

static PyObject *is_item(PyObject *module, PyObject *value) {
  (void)module;
  return PyBool_FromLong(prs__is_item(value));
}

static PyObject *is_frozen(PyObject *module, PyObject *value) {
  (void)module;
  return PyBool_FromLong(prs__is_frozen(value));
}

static PyObject *globals_are_fine(PyObject *module, PyObject *function) {
  (void)module;
  if (!PyFunction_Check(function)) Py_RETURN_TRUE;
  int fine = prs__globals_are_fine(function);
  return fine < 0 ? NULL : PyBool_FromLong(fine);
}

/* Each cell is emptied before its content goes, so that a closure which leads
 * back to itself is passed once. */
static void empty(PyObject *function) {
  PyObject *closure =
      PyFunction_Check(function) ? PyFunction_GET_CLOSURE(function) : NULL;
  if (closure == NULL || Py_EnterRecursiveCall(" in empty_cells()")) return;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(closure); i++) {
    PyObject *cell = PyTuple_GET_ITEM(closure, i);
    PyObject *content = PyCell_Get(cell);
    if (content == NULL || prs__is_item(content)) {
      Py_XDECREF(content);
      continue;
    }
    if (PyCell_Set(cell, NULL) < 0) PyErr_Clear();
    empty(content);
    Py_DECREF(content);
  }
  Py_LeaveRecursiveCall();
}

static PyObject *empty_cells(PyObject *module, PyObject *function) {
  (void)module;
  empty(function);
  PyErr_Clear();
  Py_RETURN_NONE;
}

static PyObject *running(PyObject *module, PyObject *args) {
  (void)module;
  PyFrameObject *frame;
  unsigned long long address;
  if (!PyArg_ParseTuple(args, "O!K:running", &PyFrame_Type, &frame, &address))
    return NULL;
  PyObject *function = prs__function_of(frame);
  bool same = (uintptr_t)function == (uintptr_t)address;
  return Py_NewRef(same && function != NULL ? function : Py_None);
}

static PyMethodDef functions[] = {
    {"running", running, METH_VARARGS,
     "running(frame, address, /)\n--\n\n"
     "Return the function that a frame runs if it is the one at an address, or "
     "None."},
    {"examine", prs__examine, METH_VARARGS,
     "examine(roots, frames, hooks, lent=0, /)\n--\n\n"
     "Return None when all that the roots hold is held by nothing else, or "
     "the tuple\n(what is wrong, path to it from a root). What dead variables "
     "of the frames held leaves them;\nthen the result is what puts it "
     "back."},
    {"take_over", (PyCFunction)(void (*)(void))prs__take_over_alone,
     METH_FASTCALL,
     "take_over(value, /)\n--\n\n"
     "Take a value over as `spawn` does an argument, and return it."},
    {"consume", prs__consume, METH_VARARGS,
     "consume(cls, sync, /)\n--\n\n"
     "Have a call of the class take its only argument over; `sync`: share "
     "it."},
    {"share", (PyCFunction)(void (*)(void))prs__share_alone, METH_FASTCALL,
     "share(value, /)\n--\n\n"
     "Take a value over as an `Arc` does, and return it."},
    {"is_item", is_item, METH_O,
     "is_item(value, /)\n--\n\n"
     "Tell whether a value is a function without captures, a class, a "
     "module or a\nbuiltin."},
    {"is_frozen", is_frozen, METH_O,
     "is_frozen(value, /)\n--\n\n"
     "Tell whether a value reaches nothing that can be changed."},
    {"globals_are_fine", globals_are_fine, METH_O,
     "globals_are_fine(function, /)\n--\n\n"
     "Tell whether no global that a function names can be changed."},
    {"empty_cells", empty_cells, METH_O,
     "empty_cells(function, /)\n--\n\n"
     "Drop what a moved closure has captured, and its closures, too."},
    {"locals_of", prs__locals, METH_O,
     "locals_of(frame, /)\n--\n\n"
     "Return a frame's variables in a dict that the frame does not keep."},
    {"follow_calls", prs__follow_calls, METH_O,
     "follow_calls(wanted, /)\n--\n\n"
     "Leave every check to Python, which looks at called functions, too."},
    {"mutable_nodes", prs__mutable_nodes, METH_O,
     "mutable_nodes(objects, /)\n--\n\n"
     "Return a dict, by id, of the mutable objects that can be reached."},
    {"set_rules", prs__set_rules, METH_VARARGS,
     "set_rules(classify, facts, later, refuse, thorough, at_top, put_back, "
     "bound, dead, settled, taken, /)\n--\n\n"
     "Take the functions that decide what C cannot."},
    {"own", prs__own, METH_O,
     "own(closure, /)\n--\n\n"
     "Let a new thread own `[function, args, kwargs]`; return what undoes it."},
    {"move", prs__move, METH_O, move_doc},
    {"take", prs__take, METH_O, take_doc},
    {NULL, NULL, 0, NULL}};

int prs__add_ownership(PyObject *module) {
  if (PyModule_AddFunctions(module, functions) < 0) return -1;
  if (prs__add_kinds(module) < 0 || prs__add_moved_type(module) < 0 ||
      prs__add_emptied_type(module) < 0)
    return -1;
  return prs__init_facts() && prs__learn_children() ? 0 : -1;
}
