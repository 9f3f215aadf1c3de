"""`Mutex`: a value that one thread at a time may use."""

from __future__ import annotations

from datetime import timedelta
from typing import Generic, TypeVar, final

from pythread_rs import _ffi
from pythread_rs.result import Result
from pythread_rs.sync._lock_errors import LockTimeoutError, PoisonError
from pythread_rs.sync._lock_parts import LockParts, cloned, shown
from pythread_rs.sync._stop import StopToken

__all__ = ["Mutex", "MutexGuard"]

T = TypeVar("T")

MutexGuard = _ffi.MutexGuard


@final
class Mutex(LockParts, _ffi.MutexBase[T], Generic[T]):
    """A value, and the lock that every use of it takes: Rust's `Mutex`.

    The value is reached through a guard only, so nobody can forget to lock. A thread that panics
    while it has the guard poisons the mutex, and the next one learns of it: the value may be half
    changed.

    `with mutex as guard:` locks and unwraps; leaving the block by an exception poisons. A guard
    taken by `lock()` is released when its last reference goes, as in Rust; a traceback can keep
    one for long, so `with` is the better habit.

    The lock is not reentrant: a thread that locks it twice gets DeadlockError. Who finds it free
    takes it; who was woken in vain and has waited a millisecond is handed it next.

    Args:
        value: what to protect; by position only. It moves into the mutex.

    Blocks: `with` does while another thread has the lock, and so does what says so.
    Thread safety: any thread. In the child of a fork, what another thread held is free and
    poisoned.

    >>> from pythread_rs import scope
    >>> counter = Mutex(0)
    >>> def work():
    ...     with counter as guard:
    ...         guard.value += 1
    >>> with scope() as s:
    ...     for _ in range(10):
    ...         handle = s.spawn(work)
    >>> counter
    Mutex { data: 10, poisoned: false, .. }
    """

    __slots__ = ()

    def lock_timeout(
        self, seconds: float | timedelta, /, *, stop: StopToken | None = None
    ) -> Result[MutexGuard[T], LockTimeoutError[MutexGuard[T]]]:
        """Wait for the lock, but not for ever. Rust's std has no such function.

        Args:
            seconds: how long to wait at most; a float or a timedelta.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(guard)`; `Err(LockTimeoutError.Timeout)`; `Err(LockTimeoutError.Poisoned(error))`
            when a thread panicked while it held the lock: `error.into_inner()` is the guard.

        Raises:
            DeadlockError: the calling thread has the lock already.
            Stopped: the token stopped first; the lock is not held.
            UseAfterMoveError: `into_inner` has consumed the mutex.
            RuntimeError: it would have to wait, and the interpreter is exiting.
            TypeError, ValueError: `seconds` is no duration.

        Blocks: for `seconds` at most.
        Thread safety: any thread.

        >>> Mutex(0).lock_timeout(1).is_ok()
        True
        """
        return self._lock_for(_ffi.nanoseconds(seconds), stop)

    def get_cloned(self) -> Result[T, PoisonError[None]]:
        """Lock, copy the value and unlock: Rust's `Mutex::get_cloned`.

        Returns:
            `Ok(clone)`: what the value's `clone()` returns, if it has one, else a deep copy;
            `Err(PoisonError(None))`.

        Raises:
            DeadlockError, UseAfterMoveError, RuntimeError: as `lock`.

        Blocks: as `lock`.
        Thread safety: any thread. An exception of the value's `clone` poisons the mutex.

        >>> Mutex([1, 2]).get_cloned()
        Ok([1, 2])
        """
        return cloned(self.lock())

    def __repr__(self) -> str:
        return shown(self, self.try_lock, '"<locked>"')


_ffi.consume(Mutex, False)
