"""Small operations under pyperf: worker processes of their own, calibration, medians.

    python benchmarks/perf.py                   everything, some minutes
    python benchmarks/perf.py --fast -o FILE    fewer processes; FILE is for `pyperf stats`
    python benchmarks/perf.py --only fork_join  one group

pyperf measures each way in twenty processes, one after the other, which shows what differs from
process to process (addresses, hash seeds). `run.py` and `python -m pythread_rs bench` let the ways
take turns in one process, so that all meet the same machine. pyperf is in the extra `bench`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from typing import Any

try:
    pyperf: Any = import_module("pyperf")
except ImportError:
    sys.exit("perf.py needs pyperf: pip install 'pythread_rs[bench]'")

from pythread_rs import available_parallelism, native
from pythread_rs._cli._bench import _forking, _images, _mapping, _starting, _tiny
from pythread_rs._cli._bench._stage import on_threads
from pythread_rs.native import Function
from pythread_rs.pool import ThreadPool

THREADS = available_parallelism()
TASKS = 1_000
ITEMS = range(100_000)
FEW = range(5_000)
SIDE = 300
DEEP, SHALLOW = 16, 9
BLOCKS = tuple(range(0, 20_000, _mapping.PRIME_BLOCK))
OURS = "pythread_rs"


# Made when they are first used: a worker of pyperf measures one way and needs one of them.
@cache
def pool() -> ThreadPool:
    return ThreadPool(THREADS)


@cache
def executor() -> Executor:
    return ThreadPoolExecutor(THREADS)


@cache
def wide() -> Executor:
    return ThreadPoolExecutor(_forking.forks_of(SHALLOW) + 1)


@cache
def processes() -> Executor:
    return ProcessPoolExecutor(THREADS, get_context("spawn"))


@cache
def kernel() -> Function:
    from pythread_rs import _ffi

    return native.function(_ffi.mandelbrot_kernel())


def submitted(made: Callable[[], Executor]) -> None:
    made().submit(_starting.nothing).result()


def all_submitted(made: Callable[[], Executor | ThreadPool]) -> None:
    futures = [made().submit(_tiny.nothing) for _ in range(TASKS)]
    for future in futures:
        future.result()


def all_spawned() -> None:
    handles = [pool().spawn(_tiny.nothing) for _ in range(TASKS)]
    for handle in handles:
        handle.join()


def drawn_by_threads() -> bytearray:
    parts = _images.parts_of(SIDE, THREADS * _images.PARTS)
    return _images.in_place(SIDE, lambda draw: on_threads(THREADS, draw, parts))


def counted(made: Callable[[], Executor]) -> list[int]:
    return list(made().map(_mapping.count_primes, BLOCKS))


# Group -> way -> what is timed, and how many things one call does.
GROUPS: dict[str, dict[str, tuple[Callable[[], Any], int]]] = {
    "spawn_join": {
        OURS: (_starting.on_spawn, 1),
        "threading.Thread": (_starting.on_threading, 1),
        "ThreadPoolExecutor": (lambda: submitted(executor), 1),
        "ProcessPoolExecutor": (lambda: submitted(processes), 1),
    },
    "native_call": {
        OURS: (lambda: native.spawn(kernel(), 0, 0, b"", 0, 0, 1).join(), 1),
        "threading.Thread": (lambda: _starting.on_threading(_starting.draw_nothing), 1),
        "ThreadPoolExecutor": (lambda: executor().submit(_starting.draw_nothing).result(), 1),
    },
    "tiny_tasks": {
        OURS: (all_spawned, TASKS),
        f"{OURS} submit": (lambda: all_submitted(pool), TASKS),
        "ThreadPoolExecutor": (lambda: all_submitted(executor), TASKS),
    },
    "tiny_items": {
        OURS: (lambda: pool().par_map(_tiny.plus_one, ITEMS), len(ITEMS)),
        "a loop": (lambda: [_tiny.plus_one(item) for item in ITEMS], len(ITEMS)),
        "ThreadPoolExecutor": (lambda: list(executor().map(_tiny.plus_one, FEW)), len(FEW)),
    },
    "fork_join": {
        OURS: (lambda: pool().install(_forking.fib_by_join, DEEP), _forking.forks_of(DEEP)),
        "threading.Thread": (
            lambda: _forking.fib_by_threads(SHALLOW),
            _forking.forks_of(SHALLOW),
        ),
        "ThreadPoolExecutor": (
            lambda: _forking.fib_by_executor(wide(), SHALLOW),
            _forking.forks_of(SHALLOW),
        ),
    },
    "mandelbrot": {
        OURS: (lambda: _images.on_par_for(SIDE), 1),
        "a loop": (lambda: _images.whole(SIDE), 1),
        "threading.Thread": (drawn_by_threads, 1),
    },
    "primes": {
        OURS: (lambda: pool().par_map(_mapping.count_primes, BLOCKS), 1),
        "a loop": (lambda: [_mapping.count_primes(block) for block in BLOCKS], 1),
        "ThreadPoolExecutor": (lambda: counted(executor), 1),
        "ProcessPoolExecutor": (lambda: counted(processes), 1),
    },
}


def add_only(command: list[str], arguments: Any) -> None:
    """Hand the choice on to the workers, who find their way by its number in the list."""
    if arguments.only:
        command += ["--only", arguments.only]


def table(group: str, found: dict[str, Any]) -> list[str]:
    """Write the medians of a group, and ours divided by each."""
    ours = found[OURS].median()
    return [
        f"{group}: {way}: {bench.median() * 1e6:.3f} us, stdev {bench.stdev() * 1e6:.3f}"
        + ("" if way.startswith(OURS) else f", ours / it {ours / bench.median():.3f}")
        for way, bench in found.items()
        if bench.get_nvalue() > 1
    ]


def main() -> None:
    # pyperf starts its workers with an environment that is nearly empty.
    inherited = {"program_args": (os.path.abspath(__file__),), "add_cmdline_args": add_only}
    runner = pyperf.Runner(**inherited)
    runner.argparser.add_argument("--only", choices=GROUPS, help="measure one group")
    chosen = runner.parse_args().only
    lines: list[str] = []
    for group, ways in GROUPS.items():
        if chosen not in {None, group}:
            continue
        found: dict[str, Any] = {}
        for way, (call, count) in ways.items():
            bench = runner.bench_func(f"{group}: {way}", call, inner_loops=count)
            if bench is not None:
                found[way] = bench
        if len(found) == len(ways) and not runner.args.worker:
            lines += table(group, found)
    print("\n".join(lines), end="\n" if lines else "")


if __name__ == "__main__":
    main()
