"""PoolFuture: what `submit` returns; a worker that waits for it helps."""

from __future__ import annotations

import sysconfig
import threading
from concurrent.futures import Future, _base
from typing import Any, Final, TypeVar

from pythread_rs import _ffi

__all__ = ["PoolFuture"]

T = TypeVar("T")

_HAS_GIL: Final = not sysconfig.get_config_var("Py_GIL_DISABLED")


class PoolFuture(Future[T]):
    """A `concurrent.futures.Future` whose waiter runs its call when he is a worker of the pool.

    So tasks may wait for tasks at any depth, also in a pool of one thread.
    """

    _task: _ffi.TaskBase[Any] | None = None

    # A condition costs as much as the rest of a submit, and most futures are looked at when they
    # are finished. So it is made by the first who asks for it. Under the GIL the worker may
    # finish a future that has none in one step (csrc/python/pool/future.c): whoever waits, adds a
    # callback or cancels has made it before he looks at the state.
    if _HAS_GIL:

        def __init__(self) -> None:
            self._state = _base.PENDING
            self._result = None
            self._exception = None
            self._waiters: list[Any] = []
            self._done_callbacks: list[Any] = []

        def __getattr__(self, name: str) -> Any:
            if name != "_condition":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return self.__dict__.setdefault(name, threading.Condition())

    def result(self, timeout: float | None = None) -> T:
        """Return what the call returned, as `Future.result` does."""
        if self._state == _base.FINISHED and self._exception is None:
            return self._result  # type: ignore[return-value]  # it is there before the state
        return super().result(self._help(timeout))

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the call raised, as `Future.exception` does."""
        return super().exception(self._help(timeout))

    def _help(self, timeout: float | None) -> float | None:
        """Wait as a worker does; return the time that is left."""
        task = self._task
        if task is None or self.done() or _ffi.current_pool() is None:
            return timeout
        limit = -1 if timeout is None else _ffi.nanoseconds(max(timeout, 0))
        return 0 if not task._help(limit) and timeout is not None else timeout

    def _lose(self, error: BaseException) -> None:
        """Fail in the child of a fork, where nobody will finish it; its lock may be held."""
        self._condition = threading.Condition()
        if not self.done():
            self.set_exception(error)
