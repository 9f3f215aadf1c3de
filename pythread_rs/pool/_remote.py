"""RemotePacket: what a handle asks for the result, when an executor has it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from typing import Any, TypeVar, final

from pythread_rs import _ffi
from pythread_rs._runtime import Bell, JoinError
from pythread_rs.pool._shipping import read

__all__ = ["RemotePacket"]

R = TypeVar("R")


@final
class RemotePacket:
    """A `Packet` whose closure runs in an executor; its future has the answer.

    The methods are those of `_ffi.Packet` that a handle calls.
    """

    __slots__ = ("_bell", "_claim", "_future", "_generation")

    def __init__(self, future: Future[Any]) -> None:
        self._future = future
        self._generation = _ffi.fork_generation()
        self._claim = [True]  # pop() gives it to one thread
        self._bell = bell = Bell()
        future.add_done_callback(lambda _: bell())

    def is_finished(self) -> bool:
        """Tell whether the state is final."""
        return self._state() != _ffi.TIMED_OUT

    def wait(self, timeout: int, stop: _ffi.StopTokenBase | None = None, /) -> int:
        """Wait at most `timeout` nanoseconds, -1 for ever; return the state.

        Raises:
            Stopped: `stop` was stopped first.
        """
        state = self._state()
        if state == _ffi.TIMED_OUT and stop is not None:
            done = _ffi.Token()
            self._future.add_done_callback(lambda _: done.put())
            done.take(timeout, stop)
            state = self._state()
        elif state == _ffi.TIMED_OUT and timeout != 0:
            seconds = min(timeout / 1e9, threading.TIMEOUT_MAX)
            wait((self._future,), None if timeout < 0 else seconds)
            state = self._state()
        return state

    def _state(self) -> int:
        if self._future.done():
            return _ffi.DONE
        # The threads that would finish it are the parent's.
        forked = self._generation != _ffi.fork_generation()
        return _ffi.FORKED if forked else _ffi.TIMED_OUT

    def take(self, ok: Callable[[Any], R], err: Callable[[Any], R], /) -> R:
        """Return the result, to one caller only: ok(value) or err(panic)."""
        try:
            self._claim.pop()
        except IndexError:
            raise LookupError("the result was taken") from None
        failed, value = _result_of(self._future)
        return err(value) if failed else ok(value)

    def give_back(self) -> None:
        """Undo take()."""
        self._claim.append(True)

    def bell(self, _make: Callable[[], Bell], /) -> Bell:
        """Return what is rung when the future is done."""
        return self._bell

    def watcher(self) -> _Watcher:
        """Return a packet that knows when the closure has ended, and has no result."""
        return _Watcher(self._bell)


@final
class _Watcher:
    """What a detached handle keeps."""

    __slots__ = ("_bell",)

    def __init__(self, bell: Bell) -> None:
        self._bell = bell

    def is_finished(self) -> bool:
        return self._bell.has_rung


def _result_of(future: Future[Any]) -> tuple[bool, Any]:
    """Read a future that is done. A closure that left no answer is a JoinError."""
    try:
        error = future.exception(timeout=0)
    except CancelledError as cancelled:
        lost = JoinError("the closure never ran: the executor has cancelled it")
        lost.__cause__ = cancelled
        return True, lost
    if error is None:
        return read(future.result(timeout=0))
    lost = JoinError(f"the executor lost the closure or its result: {error!r}")
    lost.__cause__ = error
    return True, lost
