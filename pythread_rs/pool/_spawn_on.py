"""spawn_on: a closure on whatever an executor has, with the handle that a thread has."""

from __future__ import annotations

import errno
from collections.abc import Callable
from concurrent.futures import Executor, Future
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from pythread_rs import _ffi
from pythread_rs._runtime import SpawnError
from pythread_rs.pool._remote import RemotePacket
from pythread_rs.pool._shipping import Local, ship
from pythread_rs.thread._handle import JoinHandle, new_join_handle
from pythread_rs.thread._thread import new_thread

__all__ = ["spawn_on"]

P = ParamSpec("P")
T = TypeVar("T")

_NO_CLOUDPICKLE = (
    "spawn_on needs cloudpickle to ship a closure to a {name}: pip install cloudpickle, here and "
    "where its workers run (the extra `distributed` has it)"
)


def spawn_on(
    executor: Executor, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> JoinHandle[T]:
    """Run `f(*args, **kwargs)` on a worker of `executor`: a thread, a process, another machine.

    A moved closure owns all that it uses, so it can be sent away. A thread pool of this process
    gets it as it is. Every other executor gets a copy, made by cloudpickle before this function
    returns, and the original is dropped. The worker needs cloudpickle, the same Python version
    and the modules that the closure imports; it does not need this package.

    A panic comes back as `Err` with the exception itself. When it happened in another process,
    its `__cause__` is a `RemoteTraceback`, and no panic hook has run here. A closure that was
    cancelled, or whose worker or answer was lost, gives `Err(JoinError(...))`, and its
    `__cause__` is what the executor says (such as `BrokenProcessPool`).

    The handle's `thread` has an id and nothing to unpark. A handle that is dropped leaves the
    closure running; how exit treats it is up to the executor.

    Args:
        executor: a `concurrent.futures.Executor`: `ThreadPoolExecutor`, `ProcessPoolExecutor`,
            `InterpreterPoolExecutor` (3.14+), Dask's `Client.get_executor()`.
        f: any callable that captures nothing, or a closure in `move(...)`.
        *args: its positional arguments: Copy, Sync, or held by nobody who uses them later.
        **kwargs: its keyword arguments.

    Returns:
        The handle, as `thread.spawn` gives it: join it, await it, detach it, or drop it.

    Raises:
        TypeError: `executor` is none, or `f` is not callable.
        OwnershipError: the worker may not own all that it would use. Nothing has been moved.
        SpawnError: the executor takes no more work: it is shut down or broken. Nothing has been
            moved.
        ModuleNotFoundError: cloudpickle is missing. Nothing has been moved.
        Exception: what pickling raised, with a note. Nothing has been moved.

    Blocks: while it pickles, and as the executor's `submit` does.
    Thread safety: any thread.

    Mirrors `std::thread::spawn`.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from pythread_rs import move
    >>> def start(executor):
    ...     data = [1, 2, 3, 4, 5]
    ...     return spawn_on(executor, move(lambda: sum(data)))
    >>> with ThreadPoolExecutor() as executor:
    ...     start(executor).join()
    Ok(15)
    """
    closure: list[Any] = [f, args, kwargs]
    del f, args, kwargs
    if not callable(getattr(executor, "submit", None)):
        kind = type(executor).__name__
        raise TypeError(f"spawn_on takes a concurrent.futures.Executor, not {kind}")
    if not callable(closure[0]):
        kind = type(closure[0]).__name__
        raise TypeError(f"spawn_on takes a callable, not {kind}: {closure[0]!r:.80}")
    dumps = None if _shares_memory(executor) else _cloudpickle(executor)
    is_moved = type(closure[0]) is _ffi.Moved
    moved = _ffi.own(closure)
    try:
        job = Local(closure, is_moved=is_moved) if dumps is None else ship(closure, dumps)
        future = _submit(executor, job)
    except BaseException:
        if moved is not None:
            moved._give_back(closure)
        raise
    closure.clear()
    return new_join_handle(RemotePacket(future), new_thread(None))


def _submit(executor: Executor, job: Callable[[], Any]) -> Future[Any]:
    try:
        return executor.submit(job)
    except RuntimeError as error:
        text = f"failed to spawn: the {type(executor).__name__} takes no work: {error}"
        raise SpawnError(errno.ESHUTDOWN, text) from error


def _shares_memory(executor: Executor) -> bool:
    """Tell whether the workers are threads of this process and of this interpreter."""
    from concurrent.futures import ThreadPoolExecutor

    kinds = type(executor).__mro__
    if any(kind.__name__ == "InterpreterPoolExecutor" for kind in kinds):
        return False  # though it is a ThreadPoolExecutor
    own = any(kind.__module__.startswith("pythread_rs.pool") for kind in kinds)
    return own or isinstance(executor, ThreadPoolExecutor)


def _cloudpickle(executor: Executor) -> Callable[[Any], bytes]:
    try:
        found = import_module("cloudpickle")
    except ModuleNotFoundError as error:
        text = _NO_CLOUDPICKLE.format(name=type(executor).__name__)
        raise ModuleNotFoundError(text, name="cloudpickle") from error
    dumps: Callable[[Any], bytes] = found.dumps
    return dumps
