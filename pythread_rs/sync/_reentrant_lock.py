"""`ReentrantLock`: a value that one thread at a time may look at, as often as it likes."""

from __future__ import annotations

from datetime import timedelta
from typing import Generic, TypeVar, final

from pythread_rs import _ffi
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.result import Ok, Result
from pythread_rs.sync._lock_errors import LockTimeoutError
from pythread_rs.sync._lock_parts import LockParts
from pythread_rs.sync._stop import StopToken

__all__ = ["ReentrantLock", "ReentrantLockGuard"]

T = TypeVar("T")

ReentrantLockGuard = _ffi.ReentrantLockGuard


@final
class ReentrantLock(LockParts, _ffi.ReentrantLockBase[T], Generic[T]):
    """A lock that its owner may take again and again: Rust's `ReentrantLock`.

    Other threads wait until every guard of the owner is gone. As several guards of one thread may
    be out, none can assign the value. There is no poisoning.

    Args:
        value: what to protect; by position only. It moves into the lock.

    Blocks: `with` does while another thread has the lock, and so does what says so.
    Thread safety: any thread. In the child of a fork, what another thread held is free.

    >>> log = ReentrantLock([])
    >>> def note(text):
    ...     with log as lines:
    ...         lines.value.append(text)
    >>> with log:
    ...     note("a"), note("b")
    (None, None)
    >>> log
    ReentrantLock { data: ['a', 'b'], .. }
    """

    __slots__ = ()

    def lock_timeout(
        self, seconds: float | timedelta, /, *, stop: StopToken | None = None
    ) -> Result[ReentrantLockGuard[T], LockTimeoutError[ReentrantLockGuard[T]]]:
        """Wait for the lock, but not for ever. Rust's std has no such function.

        Args:
            seconds: how long to wait at most; a float or a timedelta.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(guard)`; `Err(LockTimeoutError.Timeout)`.

        Raises:
            Stopped: the token stopped first; the lock is not held.
            UseAfterMoveError: `into_inner` has consumed the lock.
            RuntimeError: it would have to wait, and the interpreter is exiting.
            TypeError, ValueError: `seconds` is no duration.

        Blocks: for `seconds` at most.
        Thread safety: any thread.

        >>> ReentrantLock(1).lock_timeout(0.1).is_ok()
        True
        """
        return self._lock_for(_ffi.nanoseconds(seconds), stop)

    def __repr__(self) -> str:
        try:
            result = self.try_lock()
        except UseAfterMoveError:
            return "ReentrantLock { <moved> }"
        if isinstance(result, Ok):
            with result.value as guard:
                return f"ReentrantLock {{ data: {guard.value!r}, .. }}"
        return "ReentrantLock { data: <locked>, .. }"


_ffi.consume(ReentrantLock, False)
