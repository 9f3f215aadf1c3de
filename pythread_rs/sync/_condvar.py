"""`Condvar`: waiting until what a mutex protects has changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar, final

from pythread_rs import _ffi
from pythread_rs.result import Err, Ok, Result
from pythread_rs.sync._lock_errors import PoisonError
from pythread_rs.sync._lock_parts import LockParts
from pythread_rs.sync._stop import StopToken

__all__ = ["Condvar", "WaitTimeoutResult"]

T = TypeVar("T")

# What `_wait_for` returns, added up.
_TIMED_OUT = 1
_POISONED = 2


@final
class WaitTimeoutResult:
    """Whether a wait ended because its time was over: Rust's `WaitTimeoutResult`.

    >>> WaitTimeoutResult(True), WaitTimeoutResult(True).timed_out()
    (WaitTimeoutResult(true), True)
    """

    __slots__ = ("_timed_out",)
    __thread_send__ = "copy"

    def __init__(self, timed_out: bool, /) -> None:
        self._timed_out = timed_out

    def timed_out(self) -> bool:
        """Tell whether the time was over: Rust's `WaitTimeoutResult::timed_out`.

        Blocks: no.
        Thread safety: any thread.

        >>> WaitTimeoutResult(False).timed_out()
        False
        """
        return self._timed_out

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WaitTimeoutResult):
            return NotImplemented
        return self._timed_out == other._timed_out

    def __hash__(self) -> int:
        return hash((WaitTimeoutResult, self._timed_out))

    def __repr__(self) -> str:
        return f"WaitTimeoutResult({str(self._timed_out).lower()})"


Waited = Result["_ffi.MutexGuard[T]", PoisonError["_ffi.MutexGuard[T]"]]
TimedPair = tuple["_ffi.MutexGuard[T]", WaitTimeoutResult]
TimedWait = Result["TimedPair[T]", PoisonError["TimedPair[T]"]]


@final
class Condvar(LockParts, _ffi.CondvarBase):
    """Waiting until another thread says that something has changed: Rust's `Condvar`.

    A wait gives the mutex of its guard away and takes it back before it returns. It can end
    without a notification, so look at the value again: `wait_while` does. Notifications wake in
    the order in which the waits began.

    Blocks: the waits do.
    Thread safety: any thread. Several mutexes may be used with one Condvar, as on Linux in Rust.
    In the child of a fork nobody waits.

    >>> from pythread_rs import scope
    >>> from pythread_rs.sync import Mutex
    >>> started, changed = Mutex(False), Condvar()
    >>> def begin():
    ...     started.set(True).unwrap()
    ...     changed.notify_one()
    >>> with scope() as s, started as guard:
    ...     handle = s.spawn(begin)
    ...     _ = changed.wait_while(guard, lambda value: not value).unwrap()
    ...     print(guard.value)
    ...     guard.drop()
    True
    """

    __slots__ = ()

    def wait_while(
        self,
        guard: _ffi.MutexGuard[T],
        f: Callable[[T], bool],
        /,
        *,
        stop: StopToken | None = None,
    ) -> Waited[T]:
        """Wait as long as `f(value)` is true: Rust's `Condvar::wait_while`.

        Args:
            guard: the `MutexGuard` of the calling thread. It comes back, as from `wait`.
            f: called with the value, which it may look at; the mutex is held meanwhile.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(guard)`; `Err(PoisonError)` with the guard in it when the mutex is poisoned.

        Raises:
            Stopped, UseAfterMoveError, RuntimeError, BaseException: as `wait`.
            BaseException: what `f` raises; the guard stays as it is.

        Blocks: as `wait`.
        Thread safety: any thread.

        >>> from pythread_rs.sync import Mutex
        >>> with Mutex(0) as guard:
        ...     Condvar().wait_while(guard, lambda value: value > 0)
        Ok(0)
        """
        while f(guard.value):
            result = self.wait(guard, stop=stop)
            if isinstance(result, Err):
                return result
        return Ok(guard)

    def wait_timeout(
        self,
        guard: _ffi.MutexGuard[T],
        seconds: float | timedelta,
        /,
        *,
        stop: StopToken | None = None,
    ) -> TimedWait[T]:
        """Wait for a notification, but not for ever: Rust's `Condvar::wait_timeout`.

        Args:
            guard: the `MutexGuard` of the calling thread. It comes back, as from `wait`.
            seconds: how long to wait at most; a float or a timedelta.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok((guard, result))`, where `result.timed_out()` tells whether the time was over;
            `Err(PoisonError)` with the same pair in it when the mutex is poisoned.

        Raises:
            Stopped, UseAfterMoveError, RuntimeError, BaseException: as `wait`.
            TypeError, ValueError: `seconds` is no duration.

        Blocks: for `seconds` at most, then while another thread has the mutex.
        Thread safety: any thread.

        >>> from pythread_rs.sync import Mutex
        >>> with Mutex(0) as guard:
        ...     Condvar().wait_timeout(guard, 0.001)
        Ok((0, WaitTimeoutResult(true)))
        """
        return _timed(guard, self._wait_for(guard, _ffi.nanoseconds(seconds), stop))

    def wait_timeout_while(
        self,
        guard: _ffi.MutexGuard[T],
        seconds: float | timedelta,
        f: Callable[[T], bool],
        /,
        *,
        stop: StopToken | None = None,
    ) -> TimedWait[T]:
        """Wait as long as `f(value)` is true, but not for ever: Rust's `wait_timeout_while`.

        Args:
            guard: the `MutexGuard` of the calling thread. It comes back, as from `wait`.
            seconds: how long to wait at most; a float or a timedelta.
            f: called with the value, which it may look at; the mutex is held meanwhile.
            stop: a `StopToken` that ends the wait.

        Returns:
            As `wait_timeout`; `timed_out()` is true only if `f(value)` was true at the end.

        Raises:
            Stopped, UseAfterMoveError, RuntimeError, BaseException: as `wait`.
            TypeError, ValueError: `seconds` is no duration.
            BaseException: what `f` raises; the guard stays as it is.

        Blocks: for `seconds` at most, then while another thread has the mutex.
        Thread safety: any thread.

        >>> from pythread_rs.sync import Mutex
        >>> with Mutex(0) as guard:
        ...     Condvar().wait_timeout_while(guard, 0.001, lambda value: value == 0)
        Ok((0, WaitTimeoutResult(true)))
        """
        left = _ffi.nanoseconds(seconds)
        end = time.monotonic_ns() + left
        while f(guard.value):
            if left == 0:
                return _timed(guard, _TIMED_OUT)
            outcome = self._wait_for(guard, left, stop)
            if outcome & _POISONED:
                return _timed(guard, outcome)
            if left > 0:
                left = max(end - time.monotonic_ns(), 0)
        return _timed(guard, 0)

    def __repr__(self) -> str:
        return "Condvar { .. }"


def _timed(guard: _ffi.MutexGuard[T], outcome: int) -> TimedWait[T]:
    pair = (guard, WaitTimeoutResult(bool(outcome & _TIMED_OUT)))
    return Err(PoisonError(pair)) if outcome & _POISONED else Ok(pair)
