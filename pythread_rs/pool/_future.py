"""PoolFuture: what `submit` returns; a worker that waits for it helps."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TypeVar

from pythread_rs import _ffi

__all__ = ["PoolFuture"]

T = TypeVar("T")


class PoolFuture(_ffi.FutureBase, Future[T]):
    """A `concurrent.futures.Future` whose waiter runs its call when he is a worker of the pool.

    So tasks may wait for tasks at any depth, also in a pool of one thread. Future's fields and
    `result` are C's (csrc/python/pool/future.c); all other methods are Future's.
    """

    __module__ = "pythread_rs.pool"
    __slots__ = ()

    def _result_later(self, timeout: float | None = None) -> T:
        """Wait, and return what the call returned (called by `result`)."""
        result: T = Future[T].result(self, self._help_for(timeout))
        return result

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the call raised, as `Future.exception` does."""
        return super().exception(self._help_for(timeout))

    def _help_for(self, timeout: float | None) -> float | None:
        """Wait as a worker does; return the time that is left."""
        if self.done() or _ffi.current_pool() is None:
            return timeout
        limit = -1 if timeout is None else _ffi.nanoseconds(max(timeout, 0))
        return 0 if not self._help(limit) and timeout is not None else timeout

    def _lose(self, error: BaseException) -> None:
        """Fail in the child of a fork, where nobody will finish it; its lock may be held."""
        self._condition = threading.Condition()
        if not self.done():
            self.set_exception(error)
