"""native: C functions on threads without Python, against threads and C, and on all CPUs."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from harness.batches import Batch, Rival, interleave, rows, timed
from harness.report import OURS, Bar, Check, Report, Row
from harness.shape import Options, main

from pythread_rs import available_parallelism, native, spawn

ROUNDS = 60
SIZE = 25
IMAGE_ROUNDS = 60
SIDE = 500  # pixels
DEPTH = 400

THREADING = "threading.Thread, the same function of cffi"
POOL = "ThreadPoolExecutor.submit().result()"
CLOSURE = "pythread_rs.spawn, the same function"
IN_C = "C: a parked thread and a futex"
LEAST_OF_LINEAR = 0.95

DECLARATIONS = """
double root(double x);
void mandelbrot(int64_t begin, int64_t end, uint8_t *pixels, int32_t side, int32_t depth);
int futex_start(void);
double futex_call(double x);
void futex_stop(void);
"""

SOURCE = r"""
#include <math.h>
#include <stdint.h>

double root(double x) { return sqrt(x); }

void mandelbrot(int64_t begin, int64_t end, uint8_t *pixels, int32_t side, int32_t depth) {
  for (int64_t row = begin; row < end; row++)
    for (int32_t column = 0; column < side; column++) {
      double cr = 3.0 * column / side - 2.0, ci = 2.0 * (double)row / side - 1.0;
      double zr = 0, zi = 0;
      int32_t n = 0;
      while (n < depth && zr * zr + zi * zi < 4) {
        double t = zr * zr - zi * zi + cr;
        zi = 2 * zr * zi + ci;
        zr = t;
        n++;
      }
      pixels[row * side + column] = (uint8_t)n;
    }
}

#if defined(__linux__)
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic uint32_t asked, done;
static double argument, result;
static pthread_t parked;

static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
  while (atomic_load(word) == value)
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, 0, 0, 0);
}
static void store_and_wake(_Atomic uint32_t *word, uint32_t value) {
  atomic_store(word, value);
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}
static void *serve(void *unused) {
  for (;;) {
    sleep_while(&asked, 0);
    if (atomic_load(&asked) == 2) return unused;
    atomic_store(&asked, 0);
    result = root(argument);
    store_and_wake(&done, 1);
  }
}
int futex_start(void) { return pthread_create(&parked, 0, serve, 0) == 0; }
double futex_call(double x) {
  argument = x;
  atomic_store(&done, 0);
  store_and_wake(&asked, 1);
  sleep_while(&done, 0);
  return result;
}
void futex_stop(void) {
  store_and_wake(&asked, 2);
  pthread_join(parked, 0);
}
#else
int futex_start(void) { return 0; }
double futex_call(double x) { return root(x); }
void futex_stop(void) {}
#endif
"""


@contextmanager
def kernel() -> Generator[Any, None, None]:
    """Compile the functions and give cffi's `lib`."""
    import cffi

    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    libraries = [] if sys.platform == "win32" else ["m"]
    flags = ["/O2"] if sys.platform == "win32" else ["-O2"]
    ffi.set_source("native_kernel", SOURCE, libraries=libraries, extra_compile_args=flags)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = Path(ffi.compile(folder))
        specification = importlib.util.spec_from_file_location("native_kernel", file)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        yield module.lib


def on_thread(function: Any) -> None:
    """Run it on a new thread of Python's own."""
    thread = threading.Thread(target=function, args=(2.0,))
    thread.start()
    thread.join()


def nothing(_: object) -> None:
    """Look at no result."""


def latency(lib: Any, options: Options) -> tuple[list[Row], list[str]]:
    """Time one call on another thread, by each way that there is."""
    root = lib.root
    has_futex = bool(lib.futex_start())
    with ThreadPoolExecutor(1) as pool:
        pause = options.pause
        rivals = [
            timed(OURS, lambda: native.spawn(root, 2.0).join(), nothing, pause=pause),
            timed(THREADING, lambda: on_thread(root), nothing, pause=pause),
            timed(POOL, lambda: pool.submit(root, 2.0).result(), nothing, pause=pause),
            timed(CLOSURE, lambda: spawn(root, 2.0).join(), nothing, pause=pause),
        ]
        bars = {THREADING: Bar("ratio", 0.15, 0.08), POOL: Bar("ratio", 0.8)}
        if has_futex:
            rivals.append(timed(IN_C, lambda: lib.futex_call(2.0), nothing, pause=pause))
            bars[IN_C] = Bar("ratio", 1.5)
        batches = interleave(rivals, rounds=options.rounds(ROUNDS), size=SIZE)
    if has_futex:
        lib.futex_stop()
    return rows(batches, bars), [] if has_futex else ["no futex here: no rival in C"]


def image(lib: Any, options: Options) -> tuple[list[Row], list[Check], list[str]]:
    """Draw the Mandelbrot set on one CPU and on all, by turns."""
    cpus = available_parallelism()
    serial, parallel = bytearray(SIDE * SIDE), bytearray(SIDE * SIDE)
    draw = native.function(lib.mandelbrot)

    def on_one() -> None:
        # The buffer is used again: the thread has ended then.
        from pythread_rs import assume_send

        pixels = assume_send(serial)
        native.spawn(draw, 0, SIDE, pixels, SIDE, DEPTH).join().unwrap()

    def on_all() -> None:
        native.par_for(draw, SIDE, parallel, SIDE, DEPTH)

    one, several = measured(on_one), measured(on_all)
    batches = interleave(
        [Rival("one", one), Rival("all", several)], rounds=options.rounds(IMAGE_ROUNDS), size=1
    )
    # Whatever else runs on the machine only adds to a time: the least of each is what it takes.
    speedup = min(batches["one"].seconds) / min(batches["all"].seconds)
    table = [
        Row("Mandelbrot in C, native.spawn, one CPU", median(batches["one"].seconds)),
        Row(f"Mandelbrot in C, native.par_for, {cpus} CPUs", median(batches["all"].seconds)),
        Row(
            "CPUs / speed-up, 1 is linear", cpus / speedup, unit="",
            bar=Bar("value", 1 / LEAST_OF_LINEAR),
        ),
    ]  # fmt: skip
    checks = [Check("both images are the same, byte for byte", serial == parallel)]
    return (
        table,
        checks,
        [f"speed-up of par_for {speedup:.2f} on {cpus} CPUs, the quickest of each"],
    )


def measured(call: Any) -> Any:
    """Make the run of a rival of a function that takes milliseconds."""

    def run(count: int) -> Batch:
        batch = Batch()
        cpu = process_time()
        for _ in range(count):
            begin = perf_counter()
            call()
            batch.seconds.append(perf_counter() - begin)
        batch.wall = sum(batch.seconds)
        batch.cpu = process_time() - cpu
        return batch

    return run


def measure(options: Options) -> Report:
    """Time single calls, then the image."""
    with kernel() as lib:
        table, notes = latency(lib, options)
        more, checks, more_notes = image(lib, options)
    return Report(
        shape="native",
        title="sqrt in C on another thread, started and joined",
        rows=[*table, *more],
        checks=checks,
        notes=[*notes, *more_notes],
    )


if __name__ == "__main__":
    main(measure, __doc__)
