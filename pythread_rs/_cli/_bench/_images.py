"""A Mandelbrot image in C: on all CPUs by every way, and on 1 to N threads."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pythread_rs import _ffi, assume_send, native
from pythread_rs._cli._bench._model import Experiment
from pythread_rs._cli._bench._rust import rust_way
from pythread_rs._cli._bench._stage import (
    EXECUTOR,
    JOBLIB,
    POOL,
    PROCESSES,
    SERIAL,
    THREADING,
    Stage,
    do_all,
    on_threads,
)
from pythread_rs._cli._bench._turns import Plan, Way, equals, timed

OUR_PAR_FOR = "pythread_rs native.par_for"
OUR_NATIVE = "pythread_rs native.spawn"
DEPTH = 256
# How many parts each worker gets on average: the rows in the middle cost more than those outside.
PARTS = 8


class Part(NamedTuple):
    """Every `stride`-th row of an image, from `first` on."""

    side: int
    first: int
    stride: int


def draw(part: Part) -> bytes:
    """Draw a part on its own, as another process must; return its rows."""
    pixels = bytearray(part.side * part.side)
    _ffi.mandelbrot(pixels, part.side, DEPTH, part.first, part.stride)
    rows = range(part.first, part.side, part.stride)
    return b"".join(pixels[row * part.side : (row + 1) * part.side] for row in rows)


def draw_into(pixels: bytearray, part: Part) -> None:
    """Draw a part into the image of all."""
    _ffi.mandelbrot(pixels, part.side, DEPTH, part.first, part.stride)


def whole(side: int) -> bytearray:
    """Draw the image in this thread."""
    pixels = bytearray(side * side)
    _ffi.mandelbrot(pixels, side, DEPTH)
    return pixels


def parts_of(side: int, count: int) -> tuple[Part, ...]:
    """Divide an image."""
    return tuple(Part(side, first, count) for first in range(min(count, side)))


def joined(side: int, parts: list[bytes]) -> bytearray:
    """Put the rows of all parts back where they belong."""
    pixels, count = bytearray(side * side), len(parts)
    for first, rows in enumerate(parts):
        for number in range(len(rows) // side):
            row = first + number * count
            pixels[row * side : (row + 1) * side] = rows[number * side : (number + 1) * side]
    return pixels


def in_place(side: int, draw_parts: Callable[[Callable[[Part], None]], object]) -> bytearray:
    """Let threads draw into one image."""
    pixels = bytearray(side * side)
    draw_parts(partial(draw_into, pixels))
    return pixels


def on_native_threads(side: int, threads: int) -> bytearray:
    """Give each native thread every n-th row: no two draw the same one."""
    pixels = bytearray(side * side)
    function = native.function(_ffi.mandelbrot_kernel())
    handles = [
        native.spawn(function, first, side, assume_send(pixels), side, DEPTH, threads)
        for first in range(threads)
    ]
    for handle in handles:
        handle.join().unwrap()
    return pixels


def on_par_for(side: int) -> bytearray:
    """Let native workers take blocks of rows."""
    pixels = bytearray(side * side)
    native.par_for(_ffi.mandelbrot_kernel(), side, pixels, side, DEPTH, 1)
    return pixels


def mandelbrot(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Draw an image on all CPUs."""
    side, threads = plan.size(1000, 500, 16), stage.threads
    expected = whole(side)
    parts = parts_of(side, threads * PARTS)

    def way(name: str, call: Callable[[], bytearray], *, is_ours: bool = False) -> Way:
        return timed(name, call, is_right=equals(expected), is_ours=is_ours)

    ways = [
        way(OUR_PAR_FOR, lambda: on_par_for(side), is_ours=True),
        way(OUR_NATIVE, lambda: on_native_threads(side, threads), is_ours=True),
        way(SERIAL, lambda: whole(side)),
        way(THREADING, lambda: in_place(side, lambda f: on_threads(threads, f, parts))),
        way(EXECUTOR, lambda: in_place(side, lambda f: list(stage.executor.map(f, parts)))),
    ]
    if (processes := stage.processes) is not None:
        ways.append(way(PROCESSES, lambda: joined(side, list(processes.map(draw, parts)))))
    if (pool := stage.process_pool) is not None:
        ways.append(way(POOL, lambda: joined(side, pool.map(draw, parts))))
    if stage.joblib is not None:
        parallel, delayed = stage.joblib.Parallel, stage.joblib.delayed
        ways.append(
            way(JOBLIB, lambda: joined(side, parallel(threads)(delayed(draw)(p) for p in parts)))
        )
    if stage.rust is not None:
        is_right = equals(zlib.adler32(expected))
        ways.append(rust_way(stage.rust, "image", side, DEPTH, threads, is_right=is_right))
    notes = [
        f"{threads} threads or processes. cffi lets go of the GIL for the call, so threads of any "
        "kind run in parallel; processes have to send their rows back."
    ]
    title = f"a Mandelbrot image of {side} x {side} in C, compared byte by byte"
    return Experiment("mandelbrot", title, "one image", notes=notes), ways


def thread_counts(most: int) -> list[int]:
    """Choose the numbers of threads to measure: all up to 8, then doubling, and the last.

    >>> thread_counts(4), thread_counts(24)
    ([1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 16, 24])
    """
    counts = list(range(1, min(most, 8) + 1))
    while counts[-1] * 2 < most:
        counts.append(counts[-1] * 2)
    return counts if counts[-1] == most else [*counts, most]


def scaling(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Draw an image on 1, 2 ... threads."""
    side = plan.size(1000, 400, 16)
    expected = whole(side)
    ways = [
        way
        for threads in thread_counts(stage.threads)
        for way in scaling_ways(stage, side, threads, expected)
    ]
    title = f"the image of {side} x {side} on 1 to {stage.threads} threads, every n-th row each"
    return Experiment("scaling", title, "one image"), ways


def scaling_ways(stage: Stage, side: int, threads: int, expected: bytearray) -> list[Way]:
    """Make the ways for one number of threads."""

    def way(name: str, call: Callable[[], bytearray], *, is_ours: bool = False) -> Way:
        return timed(name, call, is_right=equals(expected), is_ours=is_ours, threads=threads)

    # As many parts as threads: no more of the kept workers than that have something to do.
    parts = parts_of(side, threads)
    ways = [
        way(OUR_NATIVE, lambda: on_native_threads(side, threads), is_ours=True),
        way(THREADING, lambda: in_place(side, lambda f: on_threads(threads, f, parts))),
        way(EXECUTOR, lambda: in_place(side, lambda f: list(stage.executor.map(f, parts)))),
    ]
    if threads == 1:
        ways.append(way(SERIAL, lambda: in_place(side, lambda f: do_all(f, parts))))
    if (processes := stage.processes) is not None:
        ways.append(way(PROCESSES, lambda: joined(side, list(processes.map(draw, parts)))))
    if stage.rust is not None:
        is_right = equals(zlib.adler32(expected))
        rust = rust_way(
            stage.rust, "image", side, DEPTH, threads, is_right=is_right, threads=threads
        )
        ways.append(rust)
    return ways
