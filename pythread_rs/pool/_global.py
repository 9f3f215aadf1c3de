"""The global pool: made when it is first used, and what the module's functions run on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec, TypeVar, cast

from pythread_rs import _ffi
from pythread_rs.ownership._scoped import lend_one
from pythread_rs.pool._handle import TaskHandle
from pythread_rs.pool._parallel import Parallel
from pythread_rs.pool._pool import BroadcastContext, ThreadPool
from pythread_rs.pool._progress import Progress
from pythread_rs.pool._scope import PoolScope

__all__ = [
    "broadcast",
    "current_thread_index",
    "global_pool",
    "install",
    "join",
    "par_chunks",
    "par_filter",
    "par_for_each",
    "par_map",
    "par_reduce",
    "par_sort",
    "scope",
    "spawn",
    "spawn_fifo",
]

P = ParamSpec("P")
A = TypeVar("A")
B = TypeVar("B")
T = TypeVar("T")
U = TypeVar("U")

_pool: ThreadPool | None = None
_lock = threading.Lock()


def global_pool() -> ThreadPool:
    """Return the pool of the process, made now if nobody has asked before.

    It has as many threads as PYTHREAD_RS_NUM_THREADS says, else `available_parallelism()`. The
    child of a fork, and whoever has shut it down, gets a new one.

    Raises:
        SpawnError: the OS refuses a thread.

    Blocks: no.
    Thread safety: any thread.

    Mirrors rayon's global pool.

    >>> global_pool() is global_pool()
    True
    """
    global _pool
    pool = _pool
    if pool is not None and not pool._core.is_closed():
        return pool
    with _lock:
        if _pool is None or _pool._core.is_closed():
            _pool = ThreadPool(name="global")
        return _pool


def _in_child() -> None:
    global _lock
    _lock = threading.Lock()  # its holder may not be here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


class _Current(Parallel):
    """The pool whose worker calls, as what waits; it needs no more than the core."""

    __slots__ = ("_core",)

    def __init__(self, core: _ffi.PoolBase) -> None:
        self._core = core


def _current() -> Parallel:
    core = _ffi.current_pool()
    return global_pool() if core is None else _Current(core)


def current_thread_index() -> int | None:
    """Return the calling worker's index in its pool, or None on any other thread.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `rayon::current_thread_index`.

    >>> current_thread_index()
    """
    core = _ffi.current_pool()
    return None if core is None else core.here()


def spawn(f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> TaskHandle[T]:
    """Run `f(*args, **kwargs)` on the current pool, as `ThreadPool.spawn` does.

    The current pool is the one whose worker calls, else the global one; so for all functions of
    this module.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.spawn`.

    Mirrors `rayon::spawn`.

    >>> spawn(sum, [1, 2, 3]).join()
    Ok(6)
    """
    closure = [f, args, kwargs]
    del f, args, kwargs
    core = _ffi.current_pool() or global_pool()._core
    handle: TaskHandle[T] = core.spawn(TaskHandle, closure)
    return handle


def spawn_fifo(f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> TaskHandle[T]:
    """Run `f(*args, **kwargs)` on the current pool in its turn, as `ThreadPool.spawn_fifo` does.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.spawn`.

    Mirrors `rayon::spawn_fifo`.

    >>> spawn_fifo(sum, [1, 2, 3]).join()
    Ok(6)
    """
    closure = [f, args, kwargs]
    del f, args, kwargs
    core = _ffi.current_pool() or global_pool()._core
    handle: TaskHandle[T] = core.spawn(TaskHandle, closure, True)
    return handle


def install(f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `f(*args, **kwargs)` on a worker of the current pool, as `ThreadPool.install` does.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.install`.

    Mirrors `rayon::ThreadPool::install`.

    >>> install(current_thread_index) is None
    False
    """
    if _ffi.current_pool() is not None:
        return cast("T", lend_one(f, *args, *kwargs.values())(*args, **kwargs))
    return global_pool().install(f, *args, **kwargs)


def broadcast(f: Callable[[BroadcastContext], T], /) -> list[T]:
    """Call `f(context)` once on each worker of the global pool, as `ThreadPool.broadcast` does.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.broadcast`.

    Mirrors `rayon::broadcast`.

    >>> set(broadcast(lambda context: context.num_threads)) == {global_pool().num_threads}
    True
    """
    return global_pool().broadcast(f)


def scope() -> PoolScope:
    """Open a block whose tasks end before it does, as `ThreadPool.scope` does.

    Blocks, Thread safety: as `ThreadPool.scope`.

    Mirrors `rayon::scope`.

    >>> with scope() as s:
    ...     handle = s.spawn(sum, [1, 2])
    >>> handle.join()
    Ok(3)
    """
    return PoolScope(_ffi.current_pool() or global_pool()._core)


def join(a: Callable[[], A], b: Callable[[], B], /) -> tuple[A, B]:
    """Call both functions, perhaps at the same time, as `ThreadPool.join` does.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.join`.

    Mirrors `rayon::join`.

    >>> join(lambda: 1, lambda: 2)
    (1, 2)
    """
    core = _ffi.current_pool()
    return global_pool().join(a, b) if core is None else core.join(a, b)


def par_map(f: Callable[[T], U], xs: Iterable[T], *, progress: Progress = None) -> list[U]:
    """Return `[f(x) for x in xs]`, computed on the current pool, as `ThreadPool.par_map` does.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.par_map`.

    Mirrors `into_par_iter().map(f).collect()` of rayon.

    >>> par_map(str, range(3))
    ['0', '1', '2']
    """
    return _current().par_map(f, xs, progress=progress)


def par_for_each(f: Callable[[T], object], xs: Iterable[T], *, progress: Progress = None) -> None:
    """Call `f(x)` for each item on the current pool, as `ThreadPool.par_for_each` does.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.par_map`.

    Mirrors `into_par_iter().for_each(f)` of rayon.

    >>> par_for_each(abs, range(3))
    """
    _current().par_for_each(f, xs, progress=progress)


def par_filter(f: Callable[[T], object], xs: Iterable[T], *, progress: Progress = None) -> list[T]:
    """Return the items for which `f(x)` is true, as `ThreadPool.par_filter` does.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.par_map`.

    Mirrors `into_par_iter().filter(f).collect()` of rayon.

    >>> par_filter(bool, [0, 1, 2])
    [1, 2]
    """
    return _current().par_filter(f, xs, progress=progress)


def par_reduce(f: Callable[[T, T], T], xs: Iterable[T], /, *initial: T) -> T:
    """Combine the items by an associative `f(x, y)`, as `ThreadPool.par_reduce` does.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.par_reduce`.

    Mirrors `into_par_iter().reduce` of rayon.

    >>> par_reduce(max, [3, 1, 2])
    3
    """
    return _current().par_reduce(f, xs, *initial)


def par_chunks(
    f: Callable[[Any], U], xs: Sequence[Any], size: int, *, progress: Progress = None
) -> list[U]:
    """Return `f(chunk)` for each piece of `size` items, as `ThreadPool.par_chunks` does.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.par_chunks`.

    Mirrors `par_chunks(size).map(f).collect()` of rayon.

    >>> par_chunks(sum, [1, 2, 3], 2)
    [3, 3]
    """
    return _current().par_chunks(f, xs, size, progress=progress)


def par_sort(
    xs: list[Any], /, *, key: Callable[[Any], Any] | None = None, reverse: bool = False
) -> None:
    """Sort a list in place, stably, as `ThreadPool.par_sort` does.

    Args, Returns, Raises, Blocks, Thread safety: as `ThreadPool.par_sort`.

    Mirrors `par_sort_by_key` of rayon.

    >>> numbers = [3, 1, 2]
    >>> par_sort(numbers)
    >>> numbers
    [1, 2, 3]
    """
    _current().par_sort(xs, key=key, reverse=reverse)
