/* Choice: several operations of which exactly one happens. */
#include "select.h"

/* ---- life ---------------------------------------------------------------- */

static bool read_end(prs_operation_t *operation, PyObject *end) {
  if (!prs__end_is_alive((prs_end_t *)end)) return false;
  operation->channel = &((prs_end_t *)end)->shared->channel;
  return true;
}

static bool read_sending(prs_operation_t *operation, bool watches) {
  prs_sending_t *sending = (prs_sending_t *)operation->subject;
  operation->direction = PRS_SENDS;
  if (!read_end(operation, (PyObject *)sending->sender)) return false;
  if (watches) return true;
  operation->item = atomic_exchange(&sending->item, NULL);
  if (operation->item != NULL) return true;
  prs__raise("pythread_rs.ownership", "UseAfterMoveError",
             "error[E0382]: use of moved value: the message of this `Sending` "
             "was sent before, or another select has it");
  return false;
}

static bool read_operation(prs_operation_t *operation, PyObject *subject,
                           bool watches) {
  operation->subject = Py_NewRef(subject);
  if (prs__is_receiver(subject) || prs__is_oneshot_receiver(subject))
    return read_end(operation, subject);
  if (prs__is_sending(subject)) return read_sending(operation, watches);
  if (prs__is_timer(subject)) {
    operation->timer = &((prs_timer_object_t *)subject)->timer;
    return true;
  }
  PyErr_Format(PyExc_TypeError,
               "an operation is a receiver or a `sender.sending(value)`, not a "
               "%.100s",
               Py_TYPE(subject)->tp_name);
  return false;
}

prs_choice_t *prs__choice_new(PyObject *const *subjects, Py_ssize_t count,
                              bool watches, bool biased) {
  size_t operations = (size_t)count * sizeof(prs_operation_t);
  prs_choice_t *choice = PyMem_Calloc(
      1, sizeof *choice + operations + (size_t)count * sizeof(uint32_t));
  if (choice == NULL) {
    PyErr_NoMemory();
    return NULL;
  }
  choice->order = (uint32_t *)(choice->operations + count);
  choice->watches = watches;
  choice->biased = biased;
  for (Py_ssize_t i = 0; i < count; i++) {
    choice->order[i] = (uint32_t)i;
    choice->count++;
    if (read_operation(&choice->operations[i], subjects[i], watches)) continue;
    prs__choice_free(choice);
    return NULL;
  }
  return choice;
}

void prs__choice_give_back(prs_choice_t *choice) {
  for (uint32_t i = 0; i < choice->count; i++) {
    prs_operation_t *operation = &choice->operations[i];
    if (operation->item == NULL) continue;
    prs_sending_t *sending = (prs_sending_t *)operation->subject;
    atomic_store(&sending->item, operation->item);
    operation->item = NULL;
  }
}

void prs__choice_free(prs_choice_t *choice) {
  if (choice == NULL) return;
  prs__choice_give_back(choice);
  for (uint32_t i = 0; i < choice->count; i++)
    Py_DECREF(choice->operations[i].subject);
  Py_XDECREF(choice->item);
  PyMem_Free(choice);
}

int prs__choice_traverse(const prs_choice_t *choice, visitproc visit,
                         void *arg) {
  for (uint32_t i = 0; i < choice->count; i++) {
    Py_VISIT(choice->operations[i].subject);
    Py_VISIT(choice->operations[i].item);
  }
  Py_VISIT(choice->item);
  return 0;
}

/* ---- order --------------------------------------------------------------- */

/* The generator of Steele, Lea and Flood: SplitMix64. */
static uint64_t next_random(uint64_t *state) {
  uint64_t mixed = *state += 0x9E3779B97F4A7C15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
  return mixed ^ (mixed >> 31);
}

/* The clock and the address are what two selects at once differ in. */
static void shuffle(prs_choice_t *choice, uint64_t now) {
  uint64_t state = now ^ ((uint64_t)(uintptr_t)choice << 20);
  for (uint32_t i = choice->count; i > 1; i--) {
    uint32_t other = (uint32_t)(next_random(&state) % i);
    uint32_t place = choice->order[i - 1];
    choice->order[i - 1] = choice->order[other];
    choice->order[other] = place;
  }
}

/* ---- try ----------------------------------------------------------------- */

static int try_timer(prs_choice_t *choice, prs_timer_t *timer, uint64_t now) {
  bool due = choice->watches ? prs_timer_due(timer) <= now
                             : prs_timer_take(timer, now, &choice->due);
  return due ? PRS_CHANNEL_DONE : PRS_CHANNEL_WOULD_BLOCK;
}

/* Returns: a channel status. */
static int try_operation(prs_choice_t *choice, prs_operation_t *operation,
                         uint64_t now, prs_wakes_t *wakes) {
  if (operation->timer != NULL) return try_timer(choice, operation->timer, now);
  if (choice->watches)
    return prs_channel_is_ready(operation->channel, operation->direction)
               ? PRS_CHANNEL_DONE
               : PRS_CHANNEL_WOULD_BLOCK;
  if (operation->direction == PRS_SENDS) {
    int status =
        prs_channel_send(operation->channel, operation->item, NULL, wakes);
    if (status == PRS_CHANNEL_DONE) operation->item = NULL;
    return status;
  }
  void *item = NULL;
  int status = prs_channel_recv(operation->channel, &item, NULL, wakes);
  if (status == PRS_CHANNEL_DONE) choice->item = item;
  return status;
}

bool prs__choice_try(prs_choice_t *choice) {
  uint64_t now = prs__table->now();
  if (!choice->biased) shuffle(choice, now);
  for (uint32_t i = 0; i < choice->count; i++) {
    uint32_t index = choice->order[i];
    prs_wakes_t wakes = {NULL};
    choice->status =
        try_operation(choice, &choice->operations[index], now, &wakes);
    choice->chosen = index;
    if (wakes.first != NULL) prs_wakes_send(&wakes);
    if (choice->status != PRS_CHANNEL_WOULD_BLOCK) return true;
  }
  return false;
}

/* ---- wait ---------------------------------------------------------------- */

static int queue_operation(const prs_choice_t *choice,
                           const prs_operation_t *operation, prs_node_t *node) {
  if (operation->timer != NULL) return PRS_CHANNEL_QUEUED;
  if (choice->watches)
    return prs_channel_watch(operation->channel, operation->direction, node);
  prs_wakes_t wakes = {NULL};
  int status = prs_channel_queue(operation->channel, operation->direction,
                                 operation->item, node, &wakes);
  if (wakes.first != NULL) prs_wakes_send(&wakes);
  return status;
}

bool prs__choice_queue(prs_choice_t *choice, prs_waiter_t *waiter) {
  for (uint32_t i = 0; i < choice->count; i++) {
    uint32_t index = choice->order[i];
    if (queue_operation(choice, &choice->operations[index],
                        &waiter->nodes[index]) != PRS_CHANNEL_QUEUED)
      return false;
  }
  return true;
}

void prs__choice_leave(prs_choice_t *choice, prs_waiter_t *waiter) {
  for (uint32_t i = 0; i < choice->count; i++)
    if (choice->operations[i].channel != NULL)
      prs_channel_leave(choice->operations[i].channel, &waiter->nodes[i]);
}

/* Those who wait for a channel that has ended are woken as a chain, so each
 * goes on with it. */
void prs__choice_finish(prs_choice_t *choice, const prs_waiter_t *waiter) {
  const prs_node_t *node = &waiter->nodes[waiter->chosen];
  prs_operation_t *operation = &choice->operations[waiter->chosen];
  choice->chosen = waiter->chosen;
  choice->status = node->status;
  if (node->status == PRS_CHANNEL_DISCONNECTED) {
    prs_wakes_t wakes = {NULL};
    prs_channel_chain(operation->channel, &wakes);
    prs_wakes_send(&wakes);
  } else if (node->status == PRS_CHANNEL_DONE) {
    if (operation->direction == PRS_SENDS)
      operation->item = NULL; /* it is the receiver's now */
    else
      choice->item = node->item;
  }
}

/* If there is no way back, the message goes with its receiver. */
void prs__choice_undo(prs_choice_t *choice) {
  PyObject *item = choice->item;
  if (item == NULL) return;
  choice->item = NULL;
  prs_wakes_t wakes = {NULL};
  bool kept = prs_channel_unrecv(choice->operations[choice->chosen].channel,
                                 item, &wakes);
  prs_wakes_send(&wakes);
  if (kept) return;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  Py_DECREF(item);
  PyErr_Restore(type, value, traceback);
}

uint64_t prs__choice_delay(const prs_choice_t *choice) {
  uint64_t first = PRS_FOREVER;
  for (uint32_t i = 0; i < choice->count; i++) {
    const prs_timer_t *timer = choice->operations[i].timer;
    if (timer == NULL) continue;
    uint64_t due = prs_timer_due(timer);
    if (due < first) first = due;
  }
  if (first == PRS_FOREVER) return PRS_FOREVER;
  uint64_t now = prs__table->now();
  return first > now ? first - now : 0;
}

/* ---- result -------------------------------------------------------------- */

/* Owner: consumes what was received, or what could not be sent. */
static PyObject *outcome(prs_choice_t *choice, prs_operation_t *operation) {
  if (operation->timer != NULL)
    return prs__ok(PyFloat_FromDouble((double)choice->due / 1e9));
  bool sends = operation->direction == PRS_SENDS;
  PyObject *item = sends ? operation->item : choice->item;
  switch (choice->status) {
    case PRS_CHANNEL_DONE:
      choice->item = NULL;
      return sends ? prs__ok_none() : prs__ok(item);
    case PRS_CHANNEL_DISCONNECTED:
      operation->item = NULL;
      return prs__refuse(sends ? PRS_SEND_DISCONNECTED : PRS_RECV_DISCONNECTED,
                         item);
    default: /* PRS_CHANNEL_OUT_OF_MEMORY */
      return PyErr_NoMemory();
  }
}

PyObject *prs__choice_result(prs_choice_t *choice) {
  prs_operation_t *operation = &choice->operations[choice->chosen];
  if (choice->watches) return PyLong_FromLong((long)choice->chosen);
  if (prs__is_oneshot_receiver(operation->subject))
    prs__oneshot_consume(operation->subject);
  PyObject *result = outcome(choice, operation);
  if (result == NULL) return NULL;
  PyObject *index = PyLong_FromLong((long)choice->chosen);
  PyObject *pair = index == NULL ? NULL : PyTuple_New(2);
  if (pair == NULL) {
    Py_XDECREF(index);
    Py_DECREF(result);
    return NULL;
  }
  PyTuple_SET_ITEM(pair, 0, index);
  PyTuple_SET_ITEM(pair, 1, result);
  return pair;
}
