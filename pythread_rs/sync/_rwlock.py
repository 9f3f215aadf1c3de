"""`RwLock`: a value that many threads may read or one may write."""

from __future__ import annotations

from datetime import timedelta
from typing import Generic, TypeVar, final

from pythread_rs import _ffi
from pythread_rs.result import Result
from pythread_rs.sync._lock_errors import LockTimeoutError, PoisonError
from pythread_rs.sync._lock_parts import LockParts, cloned, shown
from pythread_rs.sync._stop import StopToken

__all__ = ["RwLock", "RwLockReadGuard", "RwLockWriteGuard"]

T = TypeVar("T")

RwLockReadGuard = _ffi.RwLockReadGuard
RwLockWriteGuard = _ffi.RwLockWriteGuard


@final
class RwLock(LockParts, _ffi.RwLockBase[T], Generic[T]):
    """A value that many threads may read at once, or one may write: Rust's `RwLock`.

    Writers do not starve: a reader that comes waits behind a writer that waits, unless its thread
    reads already. Readers do not either: who was woken in vain and has waited a millisecond is
    let in next. A thread that would wait for a guard of its own gets DeadlockError.

    Only a writer that panics poisons. The value of a read guard cannot be assigned; that nobody
    changes what it refers to is up to the readers.

    Args:
        value: what to protect; by position only. It moves into the lock.

    Blocks: what says so.
    Thread safety: any thread. In the child of a fork, what another thread read is free; what
    another wrote is free and poisoned.

    >>> lock = RwLock({"a": 1})
    >>> with lock.reading() as config:
    ...     config.value["a"]
    1
    >>> with lock.writing() as config:
    ...     config.value = {"a": 2}
    >>> lock
    RwLock { data: {'a': 2}, poisoned: false, .. }
    """

    __slots__ = ()

    def read_timeout(
        self, seconds: float | timedelta, /, *, stop: StopToken | None = None
    ) -> Result[RwLockReadGuard[T], LockTimeoutError[RwLockReadGuard[T]]]:
        """Wait until nobody writes, but not for ever, and read. Rust's std has no such function.

        Args:
            seconds: how long to wait at most; a float or a timedelta.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(guard)`; `Err(LockTimeoutError.Timeout)`; `Err(LockTimeoutError.Poisoned(error))`:
            `error.into_inner()` is the guard.

        Raises:
            DeadlockError, Stopped, UseAfterMoveError, RuntimeError: as `read`.
            TypeError, ValueError: `seconds` is no duration.

        Blocks: for `seconds` at most.
        Thread safety: any thread.

        >>> lock = RwLock(5)
        >>> lock.read_timeout(1).unwrap().value
        5
        """
        return self._read_for(_ffi.nanoseconds(seconds), stop)

    def write_timeout(
        self, seconds: float | timedelta, /, *, stop: StopToken | None = None
    ) -> Result[RwLockWriteGuard[T], LockTimeoutError[RwLockWriteGuard[T]]]:
        """Wait until nobody reads or writes, but not for ever, and write.

        Rust's std has no such function.

        Args:
            seconds: how long to wait at most; a float or a timedelta.
            stop: a `StopToken` that ends the wait.

        Returns:
            As `read_timeout`.

        Raises:
            DeadlockError, Stopped, UseAfterMoveError, RuntimeError: as `write`.
            TypeError, ValueError: `seconds` is no duration.

        Blocks: for `seconds` at most.
        Thread safety: any thread.

        >>> lock = RwLock(5)
        >>> lock.write_timeout(1).unwrap().value = 6
        """
        return self._write_for(_ffi.nanoseconds(seconds), stop)

    def get_cloned(self) -> Result[T, PoisonError[None]]:
        """Read the value, copied: Rust's `RwLock::get_cloned`.

        Returns:
            `Ok(clone)`: what the value's `clone()` returns, if it has one, else a deep copy;
            `Err(PoisonError(None))`.

        Raises:
            DeadlockError, UseAfterMoveError, RuntimeError: as `read`.

        Blocks: as `read`.
        Thread safety: any thread.

        >>> RwLock([1, 2]).get_cloned()
        Ok([1, 2])
        """
        return cloned(self.read())

    def __repr__(self) -> str:
        return shown(self, self.try_read, "<locked>")


_ffi.consume(RwLock, False)
