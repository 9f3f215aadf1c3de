"""Who takes part: pools that are kept for the whole run, so that nobody pays for their start."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any, Protocol, Self, TypeVar

from pythread_rs import spawn
from pythread_rs._cli._bench import _rust
from pythread_rs._cli._bench._turns import Way, equals, timed
from pythread_rs.pool import ThreadPool

J = TypeVar("J")
T = TypeVar("T")

SERIAL = "serial"
THREADING = "threading.Thread"
EXECUTOR = "ThreadPoolExecutor"
PROCESSES = "ProcessPoolExecutor"
POOL = "multiprocessing.Pool"
JOBLIB = "joblib"
OUR_SPAWN = "pythread_rs spawn"
OUR_MAP = "pythread_rs par_map"

WARM_UP_SECONDS = 0.05


class MapPool(Protocol):
    """What is used of `multiprocessing.Pool`."""

    def map(self, function: Callable[[Any], T], items: Sequence[Any], /) -> list[T]: ...

    def terminate(self) -> None: ...

    def join(self) -> None: ...


class Stage:
    """The pools, all with the same number of workers. Use it in a `with` block.

    Args:
        threads: How many workers each has.
        show: Gets what is being started.

    `missing` says of each that could not be started why; processes and Rust may be None then.
    """

    __slots__ = (
        "_show",
        "_stack",
        "executor",
        "joblib",
        "missing",
        "pool",
        "process_pool",
        "processes",
        "rust",
        "threads",
    )

    def __init__(self, threads: int, show: Callable[[str], None]) -> None:
        self.threads = threads
        self.missing: dict[str, str] = {}
        self._show = show
        self._stack = ExitStack()
        self.processes: Executor | None = None
        self.process_pool: MapPool | None = None
        self.joblib: Any = None
        self.rust: _rust.Rust | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._stack = stack
            self.pool = stack.enter_context(ThreadPool(self.threads))
            self.executor = stack.enter_context(ThreadPoolExecutor(self.threads))
            self._show("starting processes")
            start_tracker()
            with interrupts_held():
                self._start(PROCESSES, self._start_processes)
                self._start(POOL, self._start_pool)
                self._start(JOBLIB, self._start_joblib)
            self._show("building the rival in Rust")
            self._start(_rust.NAME, self._start_rust)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, name: str, start: Callable[[], None]) -> None:
        try:
            start()
        except ImportError:
            self.missing[name] = "not installed"
        except _rust.RustError as error:
            self.missing[name] = str(error)
        except Exception as error:
            # No semaphores, no memory, no processes left: the others can still be measured.
            self.missing[name] = f"could not be started: {error!r}"

    def _start_processes(self) -> None:
        # Not by fork: a child of a process with threads may inherit locks that nobody opens.
        context = multiprocessing.get_context("spawn")
        processes = ProcessPoolExecutor(self.threads, context, ignore_interrupts)
        self._stack.callback(processes.shutdown, cancel_futures=True)
        list(processes.map(time.sleep, [WARM_UP_SECONDS] * self.threads * 2))
        self.processes = processes

    def _start_pool(self) -> None:
        pool: MapPool = multiprocessing.get_context("spawn").Pool(self.threads, ignore_interrupts)
        self._stack.callback(pool.join)
        self._stack.callback(pool.terminate)
        pool.map(time.sleep, [WARM_UP_SECONDS] * self.threads * 2)
        self.process_pool = pool

    def _start_joblib(self) -> None:
        joblib: Any = import_module("joblib")
        self._stack.callback(end_joblib)
        nap = joblib.delayed(time.sleep)
        joblib.Parallel(self.threads)(nap(WARM_UP_SECONDS) for _ in range(self.threads * 2))
        self.joblib = joblib

    def _start_rust(self) -> None:
        self.rust = _rust.Rust()
        self._stack.callback(self.rust.close)


def end_joblib() -> None:
    """End the worker processes that joblib keeps."""
    loky: Any = import_module("joblib.externals.loky")
    loky.get_reusable_executor().shutdown(wait=True, kill_workers=True)


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that made the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def start_tracker() -> None:
    """Start the helper process of `multiprocessing`: later its start would let Ctrl-C through."""
    if sys.platform != "win32":
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()


@contextmanager
def interrupts_held() -> Generator[None]:
    """Put Ctrl-C off while the block runs: children that begin would print a traceback each."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def do_all(function: Callable[[J], T], items: Sequence[J]) -> list[T]:
    """Do some items in this thread."""
    return [function(item) for item in items]


def on_threads(threads: int, function: Callable[[J], T], items: Sequence[J]) -> list[T]:
    """Do the items on new `threading.Thread`s, every n-th item on the n-th."""
    results: dict[int, list[T]] = {}

    def work(slot: int) -> None:
        results[slot] = do_all(function, items[slot::threads])

    running = [threading.Thread(target=work, args=(slot,)) for slot in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return woven([results[slot] for slot in range(threads)], len(items))


def on_spawn(threads: int, function: Callable[[J], T], items: tuple[J, ...]) -> list[T]:
    """Do the same on threads of this package."""
    handles = [spawn(do_all, function, items[slot::threads]) for slot in range(threads)]
    return woven([handle.join().unwrap() for handle in handles], len(items))


def woven(parts: Sequence[Sequence[T]], count: int) -> list[T]:
    """Put the results of every n-th item back into the order of the items.

    >>> woven([[0, 2, 4], [1, 3]], 5)
    [0, 1, 2, 3, 4]
    """
    return [parts[number % len(parts)][number // len(parts)] for number in range(count)]


def mapping_ways(
    stage: Stage, function: Callable[[J], T], items: tuple[J, ...], expected: list[T]
) -> list[Way]:
    """Make the ways of calling a function for each item: all those that there are.

    Args:
        stage: Who takes part.
        function: Of a module, so that it can be sent to another process.
        items: Its arguments, which can be sent, too.
        expected: The results of the serial way.
    """

    def way(name: str, call: Callable[[], list[T]], *, is_ours: bool = False) -> Way:
        return timed(name, call, is_right=equals(expected), is_ours=is_ours)

    threads = stage.threads
    ways = [
        way(OUR_MAP, lambda: stage.pool.par_map(function, items), is_ours=True),
        way(OUR_SPAWN, lambda: on_spawn(threads, function, items), is_ours=True),
        way(SERIAL, lambda: do_all(function, items)),
        way(THREADING, lambda: on_threads(threads, function, items)),
        way(EXECUTOR, lambda: list(stage.executor.map(function, items))),
    ]
    if (processes := stage.processes) is not None:
        chunk = max(1, len(items) // (threads * 4))
        ways.append(way(PROCESSES, lambda: list(processes.map(function, items, chunksize=chunk))))
    if (pool := stage.process_pool) is not None:
        ways.append(way(POOL, lambda: pool.map(function, items)))
    if stage.joblib is not None:
        parallel, delayed = stage.joblib.Parallel, stage.joblib.delayed
        ways.append(
            way(JOBLIB, lambda: parallel(threads)(delayed(function)(item) for item in items))
        )
    return ways
