"""ThreadPool: a fixed set of workers that steal work from each other."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Final, ParamSpec, TypeVar

from pythread_rs import _ffi
from pythread_rs.ownership._scoped import lend_one, lend_together
from pythread_rs.pool._future import PoolFuture
from pythread_rs.pool._handle import TaskHandle
from pythread_rs.pool._parallel import Parallel
from pythread_rs.pool._scope import PoolScope
from pythread_rs.pool._workers import Crew
from pythread_rs.thread import Builder, available_parallelism

__all__ = ["BroadcastContext", "ThreadPool"]

P = ParamSpec("P")
T = TypeVar("T")

_VARIABLE: Final = "PYTHREAD_RS_NUM_THREADS"
_COURTESY: Final = 200  # naps; whoever is later than that finds his task cancelled
_NAP: Final = 0.0001  # seconds
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class BroadcastContext:
    """Which worker runs a function that was given to all of them.

    Attributes:
        index: the worker's number.
        num_threads: how many there are.

    Thread safety: immutable.

    Mirrors `rayon::BroadcastContext`.

    >>> with ThreadPool(2) as pool:
    ...     pool.broadcast(lambda context: context)[1]
    BroadcastContext(index=1, num_threads=2)
    """

    index: int
    num_threads: int


class ThreadPool(Parallel, Executor):
    """A fixed set of worker threads with a queue each, who steal from each other when idle.

    It is a `concurrent.futures.Executor`, too.

    Args:
        num_threads: how many workers; None or 0 asks the environment variable
            PYTHREAD_RS_NUM_THREADS, else `available_parallelism()`.
        name: the workers' names: a prefix, or a function of the worker's index.
        stack_size: bytes of each worker's stack; None is 8 MiB.
        start_handler: called as `start_handler(index)` first on each worker.
        exit_handler: called as `exit_handler(index)` last on each worker.
        panic_handler: called as `panic_handler(exception)` on the worker, in the place of the
            panic hook, for each panic of a task from `spawn`.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: `num_threads` is negative, or PYTHREAD_RS_NUM_THREADS is no number.
        SpawnError: the OS refuses a thread; none is left.

    Blocks: no. `shutdown` and the end of a `with` block wait for all that was accepted.
    Thread safety: every method, from any thread.

    Mirrors `rayon::ThreadPool`.

    >>> with ThreadPool(2) as pool:
    ...     pool.spawn(sum, [1, 2, 3]).join(), pool.submit(pow, 2, 5).result()
    (Ok(6), 32)
    """

    __module__ = "pythread_rs.pool"
    __thread_send__ = "sync"

    def __init__(
        self,
        num_threads: int | None = None,
        *,
        name: str | Callable[[int], str] | None = None,
        stack_size: int | None = None,
        start_handler: Callable[[int], object] | None = None,
        exit_handler: Callable[[int], object] | None = None,
        panic_handler: Callable[[BaseException], object] | None = None,
    ) -> None:
        count = _checked_count(num_threads)
        for handler in (start_handler, exit_handler, panic_handler):
            if handler is not None and not callable(handler):
                raise TypeError(f"a handler is a callable, not {type(handler).__name__}")
        builders = _builders(count, name, stack_size)
        self._count = count
        self._core = _ffi.PoolBase(count, panic_handler)
        self._crew = Crew(self._core)
        self._crew.start(builders, start_handler, exit_handler)

    # -- Tasks. ------------------------------------------------------------------------------------

    def spawn(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> TaskHandle[T]:
        """Run `f(*args, **kwargs)` on a worker, which must own all that it uses.

        Args:
            f: any callable that captures nothing, or a closure in `move(...)`.
            *args: its positional arguments, checked as by `thread.spawn`.
            **kwargs: its keyword arguments.

        Returns:
            The handle that owns the task. Dropping it detaches the task.

        Raises:
            TypeError: `f` is not callable.
            OwnershipError: the task may not own all that it would use. Nothing has been moved.
            RuntimeError: the pool is shut down.

        Blocks: no.
        Thread safety: any thread. From a worker the task goes into its own queue, newest first.

        Mirrors `rayon::ThreadPool::spawn`.

        >>> from pythread_rs import move
        >>> def start(pool):
        ...     data = [1, 2, 3]
        ...     return pool.spawn(move(lambda: sum(data)))
        >>> with ThreadPool(2) as pool:
        ...     start(pool).join()
        Ok(6)
        """
        closure = [f, args, kwargs]
        del f, args, kwargs
        handle: TaskHandle[T] = self._core.spawn(TaskHandle, closure)
        return handle

    def spawn_fifo(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> TaskHandle[T]:
        """Run `f(*args, **kwargs)` on a worker, behind all that stands in the pool's line.

        As `spawn`, but in the order of the calls: also what a worker spawns waits its turn, where
        `spawn` puts the newest first.

        Args, Returns, Raises, Blocks, Thread safety: as `spawn`.

        Mirrors `rayon::ThreadPool::spawn_fifo`.

        >>> with ThreadPool(1) as pool:
        ...     def parent():
        ...         return [pool.spawn_fifo(print, n) for n in range(3)]
        ...     handles = pool.install(parent)
        0
        1
        2
        """
        closure = [f, args, kwargs]
        del f, args, kwargs
        handle: TaskHandle[T] = self._core.spawn(TaskHandle, closure, True)
        return handle

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn(*args, **kwargs)` on a worker, in the order of submission, unchecked.

        What was submitted is finished before the interpreter exits.

        Args:
            fn: any callable.
            *args: its positional arguments.
            **kwargs: its keyword arguments.

        Returns:
            A `concurrent.futures.Future`.

        Raises:
            RuntimeError: the pool is shut down, or the interpreter is exiting.

        Blocks: no. `result()` of a future, called on a worker of the pool, helps.
        Thread safety: any thread.

        Mirrors `concurrent.futures.Executor.submit`; no counterpart in Rust.

        >>> with ThreadPool(2) as pool:
        ...     pool.submit(pow, 2, 10).result()
        1024
        """
        future: Future[T] = self._core.submit(PoolFuture, fn, args, kwargs)
        return future

    def install(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `f(*args, **kwargs)` on a worker, wait, and hand on how it ended.

        Args:
            f: any callable that another thread may run; it borrows, as its caller only waits.
            *args: its positional arguments.
            **kwargs: its keyword arguments.

        Returns:
            What `f` returned.

        Raises:
            OwnershipError: `f` uses what is bound to the calling thread, such as a guard.
            BaseException: what `f` raised, with its traceback.
            RuntimeError: the pool is shut down.

        Blocks: until `f` has ended, also when Ctrl-C comes: then KeyboardInterrupt is raised.
        Thread safety: any thread; a worker of the pool calls `f` at once.

        Mirrors `rayon::ThreadPool::install`.

        >>> with ThreadPool(2) as pool:
        ...     pool.install(pow, 2, 3)
        8
        """
        f = lend_one(f, *args, *kwargs.values())
        return self._core.install(partial(f, *args, **kwargs) if args or kwargs else f)

    def broadcast(self, f: Callable[[BroadcastContext], T], /) -> list[T]:
        """Call `f(context)` once on each worker and return the values in the workers' order.

        The first panic, in that order, is raised when all have ended.

        Args:
            f: called by all workers at once: it may read the caller's variables, but not change
                them.

        Raises:
            OwnershipError: `f` would change what it shares. Nothing has run.

        Blocks: until all have ended.
        Thread safety: any thread, a worker included.

        Mirrors `rayon::ThreadPool::broadcast`.

        >>> with ThreadPool(3) as pool:
        ...     pool.broadcast(lambda context: context.index * 10)
        [0, 10, 20]
        """
        f, _ = lend_together(f, f)
        contexts = (BroadcastContext(index, self._count) for index in range(self._count))
        return self._core.broadcast(tuple(partial(f, context) for context in contexts))

    def scope(self) -> PoolScope:
        """Open a block whose tasks all end before it does; they may borrow.

        The first panic of a task that nobody joined leaves the block as it is, traceback
        included; an exception of the block itself wins.

        Returns:
            A context manager that gives the `PoolScope`.

        Blocks: the end of the block waits for the tasks; a worker of the pool helps.
        Thread safety: each call makes a scope of its own.

        Mirrors `rayon::ThreadPool::scope`.

        >>> with ThreadPool(2) as pool:
        ...     with pool.scope() as s:
        ...         handles = [s.spawn(pow, n, 2) for n in range(3)]
        ...     [handle.join().unwrap() for handle in handles]
        [0, 1, 4]
        """
        return PoolScope(self._core)

    # -- The pool itself. --------------------------------------------------------------------------

    @property
    def num_threads(self) -> int:
        """How many workers there are (Rust: `current_num_threads`)."""
        return self._count

    _max_workers = num_threads  # dask asks for it

    def current_thread_index(self) -> int | None:
        """Return the calling worker's index, or None on a thread that is not of this pool.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `rayon::ThreadPool::current_thread_index`.
        """
        return self._core.here()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; the workers end when all that was accepted is done.

        Args:
            wait: whether to wait for that.
            cancel_futures: whether futures whose call has not begun are cancelled.

        Raises:
            RuntimeError: a worker of the pool would wait for itself.
            KeyboardInterrupt: Ctrl-C on the main thread; the pool goes on ending.

        Blocks: with `wait`.
        Thread safety: any thread, any number of times.

        Mirrors `concurrent.futures.Executor.shutdown`; rayon's pools end when dropped.
        """
        if cancel_futures:
            self._let_in()
        self._core.close()
        if cancel_futures:
            for future in self._core.queued_futures():
                future.cancel()
        if wait:
            self._crew.wait()

    def _let_in(self) -> None:
        """Let a worker that was just woken begin, before the rest is cancelled."""
        for _ in range(_COURTESY):
            now = self._core.statistics()
            if now["running"] or not now["queued"]:
                return
            time.sleep(_NAP)

    def __del__(self) -> None:
        core = getattr(self, "_core", None)  # the constructor may have refused
        if core is not None:
            core.close()

    def __repr__(self) -> str:
        state = "shut down" if self._core.is_closed() else "open"
        return f"ThreadPool {{ num_threads: {self._count}, {state}, .. }}"


def _checked_count(count: int | None) -> int:
    if count is not None and (isinstance(count, bool) or not isinstance(count, int)):
        raise TypeError(f"a number of threads is an int, not {type(count).__name__}")
    if count is not None and count < 0:
        raise ValueError(f"a pool has at least 1 thread, not {count}")
    return count or _count_from_environment() or available_parallelism()


def _count_from_environment() -> int:
    text = os.environ.get(_VARIABLE, "")
    if text and not text.isdecimal():
        raise ValueError(f"{_VARIABLE} is a number of threads, not {text!r}")
    return int(text or 0)


def _builders(
    count: int, name: str | Callable[[int], str] | None, stack_size: int | None
) -> list[Builder]:
    prefix = f"ThreadPool-{next(_numbers)}" if name is None else name
    names = [prefix(i) if callable(prefix) else f"{prefix}-{i}" for i in range(count)]
    return [Builder(name=one, stack_size=stack_size) for one in names]
