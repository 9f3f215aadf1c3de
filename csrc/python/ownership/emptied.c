/* Emptied: the variables that a handed-over value has left.
 *
 * A dead variable is credited by the check, and emptied once the check has
 * succeeded: whoever gets the value is its only holder. Until the value has
 * really gone everything can be put back. */
#include "ownership.h"

typedef struct emptied {
  PyObject_HEAD
  prs_places_t places;
  PyObject *moved; /* the moved closure that was taken apart, or NULL */
} emptied_t;

static PyTypeObject *emptied_type;

bool prs__add_place(prs_places_t *places, PyObject *value, PyObject *frame,
                    int index) {
  if (places->count == places->space) {
    size_t space = places->space == 0 ? 8 : places->space * 2;
    prs_place_t *items = PyMem_RawRealloc(places->items, space * sizeof *items);
    if (items == NULL) return false;
    places->items = items;
    places->space = space;
  }
  places->items[places->count++] =
      (prs_place_t){.frame = frame, .value = value, .index = index};
  return true;
}

void prs__free_places(prs_places_t *places) {
  PyMem_RawFree(places->items);
  *places = (prs_places_t){0};
}

PyObject *prs__empty(prs_places_t *places) {
  emptied_t *self = PyObject_GC_New(emptied_t, emptied_type);
  if (self == NULL) {
    prs__free_places(places);
    return NULL;
  }
  self->places = *places;
  self->moved = NULL;
  *places = (prs_places_t){0};
  for (size_t i = 0; i < self->places.count; i++) {
    prs_place_t *place = &self->places.items[i];
    Py_INCREF(place->frame);
    /* Never the last reference: the roots of the check hold the value. */
    Py_XDECREF(prs__empty_variable(place->frame, place->index));
  }
  PyObject_GC_Track(self);
  return (PyObject *)self;
}

void prs__emptied_with(PyObject *emptied, PyObject *moved) {
  Py_XSETREF(((emptied_t *)emptied)->moved, moved);
}

static int emptied_traverse(PyObject *object, visitproc visit, void *arg) {
  emptied_t *self = (emptied_t *)object;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->moved);
  for (size_t i = 0; i < self->places.count; i++)
    Py_VISIT(self->places.items[i].frame);
  return 0;
}

static int emptied_clear(PyObject *object) {
  emptied_t *self = (emptied_t *)object;
  Py_CLEAR(self->moved);
  prs_places_t places = self->places;
  self->places = (prs_places_t){0};
  for (size_t i = 0; i < places.count; i++) Py_DECREF(places.items[i].frame);
  prs__free_places(&places);
  return 0;
}

static void emptied_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  (void)emptied_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/* The values are borrowed: whoever calls this still has the closure. */
static PyObject *emptied_give_back(PyObject *object, PyObject *closure) {
  emptied_t *self = (emptied_t *)object;
  for (size_t i = 0; i < self->places.count; i++) {
    prs_place_t *place = &self->places.items[i];
    prs__refill_variable(place->frame, place->index, place->value);
  }
  PyObject *moved = Py_XNewRef(self->moved);
  (void)emptied_clear(object);
  if (moved == NULL) Py_RETURN_NONE;
  PyObject *result = PyObject_CallMethod(moved, "_give_back", "O", closure);
  Py_DECREF(moved);
  return result;
}

static PyMethodDef methods[] = {
    {"_give_back", emptied_give_back, METH_O,
     "_give_back(closure, /)\n--\n\nPut the values back, which `closure` "
     "still holds."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "The variables that a handed-over value has left."},
    {Py_tp_traverse, emptied_traverse},
    {Py_tp_clear, emptied_clear},
    {Py_tp_dealloc, emptied_dealloc},
    {Py_tp_methods, methods},
    {0, NULL}};

static PyType_Spec spec = {.name = "pythread_rs._objects.Emptied",
                           .basicsize = sizeof(emptied_t),
                           .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                    Py_TPFLAGS_DISALLOW_INSTANTIATION |
                                    Py_TPFLAGS_IMMUTABLETYPE,
                           .slots = type_slots};

int prs__add_emptied_type(PyObject *module) {
  PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
  if (type == NULL) return -1;
  int status = PyModule_AddType(module, (PyTypeObject *)type);
  emptied_type = (PyTypeObject *)type; /* kept for ever */
  return status;
}
