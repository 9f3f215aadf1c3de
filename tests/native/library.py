"""The C library of the tests: it echoes its arguments, waits, marks and fails."""

from __future__ import annotations

import itertools
import random

INTEGERS = {
    "int8_t": (-(2**7), 2**7 - 1),
    "uint8_t": (0, 2**8 - 1),
    "int16_t": (-(2**15), 2**15 - 1),
    "uint16_t": (0, 2**16 - 1),
    "int32_t": (-(2**31), 2**31 - 1),
    "uint32_t": (0, 2**32 - 1),
    "int64_t": (-(2**63), 2**63 - 1),
    "uint64_t": (0, 2**64 - 1),
    "_Bool": (0, 1),
}
FLOATS = ("float", "double")
MOST_INTEGERS, MOST_FLOATS = 6, 8


def signatures() -> list[tuple[str, ...]]:
    """List parameter types: each alone, pairs of classes, the limits, and mixed orders."""
    found: list[tuple[str, ...]] = [(), *((name,) for name in (*INTEGERS, *FLOATS))]
    found += itertools.product(("int64_t", "double", "float", "int8_t"), repeat=3)
    rng = random.Random(1)
    for _ in range(40):
        types = rng.choices(list(INTEGERS), k=rng.randint(0, MOST_INTEGERS))
        types += rng.choices(FLOATS, k=rng.randint(0, MOST_FLOATS))
        rng.shuffle(types)
        found.append(tuple(types))
    full = ["int16_t", "double"] * MOST_INTEGERS + ["float"] * (MOST_FLOATS - MOST_INTEGERS)
    return [*found, tuple(full), tuple(reversed(full))]


SIGNATURES = signatures()

DECLARATIONS = """
int64_t integer_seen(int i);
double float_seen(int i);
void set_flag(int32_t *flag);
int32_t get_flag(const int32_t *flag);
int32_t wait_for_flag(int32_t *flag, int32_t milliseconds);
int32_t answer(int32_t *question, int32_t *reply, int32_t milliseconds);
int32_t ask_and_wait(int32_t *question, int32_t *reply, int32_t milliseconds);
void fill(uint8_t *bytes, size_t count, int value);
double sum(const double *numbers, size_t count);
int64_t sum_bytes(const uint8_t *bytes, size_t count);
int fail(int status, int error);
void *same(void *pointer);
uint64_t narrow(uint64_t bits);
uint64_t thread_number(void);
void mark(int64_t begin, int64_t end, uint8_t *marks);
void mark_slowly(int64_t begin, int64_t end, uint8_t *marks, int32_t *started);
int fail_at(int64_t begin, int64_t end, int64_t bad, uint8_t *marks);
int32_t meet(int64_t begin, int64_t end, int32_t *arrived, int32_t expected);
void count_inside(int64_t begin, int64_t end, int32_t *inside);
void mark_begin(int64_t begin, int64_t end, uint8_t *begins);
int forks(void);
typedef struct { int x, y; } pair_t;
int by_value(pair_t pair);
long double long_one(long double x);
int variable(int n, ...);
"""

_HEAD = """
#include <errno.h>
#include <stdint.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>
#include <pthread.h>
#include <sys/wait.h>

static int64_t integers[16];
static double floats[16];
int64_t integer_seen(int i) { return integers[i]; }
double float_seen(int i) { return floats[i]; }

static void nap(void) {
  struct timespec pause = {0, 100000};
  nanosleep(&pause, 0);
}
static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
void set_flag(int32_t *flag) { __atomic_store_n(flag, 1, __ATOMIC_SEQ_CST); }
int32_t get_flag(const int32_t *flag) { return __atomic_load_n(flag, __ATOMIC_SEQ_CST); }
int32_t wait_for_flag(int32_t *flag, int32_t milliseconds) {
  int64_t end = now() + milliseconds;
  while (!get_flag(flag) && now() < end) nap();
  return get_flag(flag);
}
int32_t answer(int32_t *question, int32_t *reply, int32_t milliseconds) {
  int32_t asked = wait_for_flag(question, milliseconds);
  set_flag(reply);
  return asked;
}
int32_t ask_and_wait(int32_t *question, int32_t *reply, int32_t milliseconds) {
  set_flag(question);
  return wait_for_flag(reply, milliseconds);
}
void fill(uint8_t *bytes, size_t count, int value) {
  for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)value;
}
double sum(const double *numbers, size_t count) {
  double total = 0;
  for (size_t i = 0; i < count; i++) total += numbers[i];
  return total;
}
int64_t sum_bytes(const uint8_t *bytes, size_t count) {
  int64_t total = 0;
  for (size_t i = 0; i < count; i++) total += bytes[i];
  return total;
}
int fail(int status, int error) { errno = error; return status; }
void *same(void *pointer) { return pointer; }
uint64_t narrow(uint64_t bits) { return bits; }
uint64_t thread_number(void) { return (uint64_t)pthread_self(); }
void mark(int64_t begin, int64_t end, uint8_t *marks) {
  for (int64_t i = begin; i < end; i++) marks[i]++;
}
void mark_slowly(int64_t begin, int64_t end, uint8_t *marks, int32_t *started) {
  for (int64_t i = begin; i < end; i++) {
    set_flag(started);
    struct timespec pause = {0, 20000000};
    nanosleep(&pause, 0);
    marks[i]++;
  }
}
int fail_at(int64_t begin, int64_t end, int64_t bad, uint8_t *marks) {
  for (int64_t i = begin; i < end; i++) {
    if (i == bad) { errno = ERANGE; return -7; }
    marks[i]++;
  }
  return 0;
}
/* Returns: 0 when so many came within ten seconds. */
int32_t meet(int64_t begin, int64_t end, int32_t *arrived, int32_t expected) {
  int64_t last = now() + 10000;
  __atomic_add_fetch(arrived, (int32_t)(end - begin), __ATOMIC_SEQ_CST);
  while (get_flag(arrived) < expected && now() < last) nap();
  return get_flag(arrived) < expected;
}
/* inside[0]: how many are in it; inside[1]: the most so far. */
void count_inside(int64_t begin, int64_t end, int32_t *inside) {
  int32_t mine = __atomic_add_fetch(&inside[0], 1, __ATOMIC_SEQ_CST);
  int32_t most = get_flag(&inside[1]);
  while (mine > most && !__atomic_compare_exchange_n(
      &inside[1], &most, mine, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
  for (int64_t i = begin; i < end; i++) nap();
  __atomic_sub_fetch(&inside[0], 1, __ATOMIC_SEQ_CST);
}
void mark_begin(int64_t begin, int64_t end, uint8_t *begins) {
  begins[begin] = end > begin ? 1 : 2;
}
int forks(void) {
  pid_t child = fork();
  if (child == 0) _exit(7);
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}
typedef struct { int x, y; } pair_t;
int by_value(pair_t pair) { return pair.x + pair.y; }
long double long_one(long double x) { return x; }
int variable(int n, ...) { return n; }
"""


def _echoing(number: int, types: tuple[str, ...]) -> tuple[str, str]:
    """Declare and define a function that notes its arguments and returns how many they are."""
    parameters = ", ".join(f"{name} a{i}" for i, name in enumerate(types)) or "void"
    head = f"int echo{number}({parameters})"
    notes = "".join(
        f"{'floats' if name in FLOATS else 'integers'}[{i}] = a{i}; "
        for i, name in enumerate(types)
    )
    return f"{head};\n", f"{head} {{ {notes}return {len(types)}; }}\n"


def _returning(name: str) -> tuple[str, str]:
    """Declare and define a function that returns its argument, cut out of something wider."""
    wide = "double" if name in FLOATS else "uint64_t"
    head = f"{name} return_{name}({wide} x)"
    return f"{head};\n", f"{head} {{ return ({name})x; }}\n"


def declarations_and_source() -> tuple[str, str]:
    """Return what cffi reads, and what the compiler does."""
    pairs = [_echoing(number, types) for number, types in enumerate(SIGNATURES)]
    pairs += [_returning(name) for name in (*INTEGERS, *FLOATS)]
    declared = "".join(head for head, _ in pairs)
    defined = "".join(body for _, body in pairs)
    return DECLARATIONS + declared, _HEAD + defined
