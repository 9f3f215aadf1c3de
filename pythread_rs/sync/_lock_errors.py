"""Errors of locks: why there is no guard, or one of a lock that a thread panicked with.

Exception
 +-- PoisonError                     a thread panicked while it held the lock
 +-- TryLockError
 |    +-- TryLockError.Poisoned      has the PoisonError
 |    +-- TryLockError.WouldBlock    a value
 +-- LockTimeoutError
      +-- LockTimeoutError.Poisoned  has the PoisonError
      +-- LockTimeoutError.Timeout   a value, and a TimeoutError

A thread that waits for a lock of its own gets `DeadlockError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, TypeVar

from pythread_rs import _ffi
from pythread_rs._runtime import DeadlockError
from pythread_rs.ownership import BorrowError, MutableBorrowError, UseAfterMoveError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LockTimeoutError", "PoisonError", "TryLockError"]

T = TypeVar("T")

_POISONED = "poisoned lock: another task failed inside"
_NOTHING: Any = object()


class PoisonError(Exception, Generic[T]):
    """A thread panicked while it held the lock: Rust's `PoisonError`.

    What the lock protects may be half changed. `into_inner()` gets at it all the same; the lock's
    `clear_poison()` says that it is whole again.

    As in Rust the error of `lock()` holds the lock until it goes. It lets go when an `unwrap` of
    its `Err` is refused, since the traceback keeps the error alive. The error that `with mutex:`
    raises has no guard.

    Args:
        inner: the guard, or the value that came out of the lock or did not get into it.

    >>> PoisonError(3), str(PoisonError(3)), PoisonError(3).into_inner()
    (PoisonError { .. }, 'poisoned lock: another task failed inside', 3)
    """

    def __init__(self, inner: T, /) -> None:
        super().__init__(_POISONED)
        self._inner: T = inner

    def into_inner(self) -> T:
        """Give up the guard or the value: Rust's `PoisonError::into_inner`.

        Returns:
            The guard or the value.

        Raises:
            UseAfterMoveError: it was given up before, or there is none.

        Blocks: no.
        Thread safety: use an error on one thread at a time.

        >>> error = PoisonError([1])
        >>> error.into_inner()
        [1]
        """
        inner = self.get_ref()
        self._inner = _NOTHING
        return inner

    def get_ref(self) -> T:
        """Look at the guard or the value: Rust's `PoisonError::get_ref`.

        Returns:
            The guard or the value, which the error keeps.

        Raises:
            UseAfterMoveError: it was given up before, or there is none.

        Blocks: no.
        Thread safety: use an error on one thread at a time.

        >>> PoisonError("kept").get_ref()
        'kept'
        """
        if self._inner is _NOTHING:
            raise UseAfterMoveError(
                "error[E0382]: use of moved value: this `PoisonError` has given up its guard\n"
                "  = help: `match mutex.lock():` with `case Err(error):` has it"
            )
        return self._inner

    def get_mut(self) -> T:
        """Do what `get_ref` does, as there is no difference here: Rust's `PoisonError::get_mut`.

        Returns:
            The guard or the value, which the error keeps.

        Raises:
            UseAfterMoveError: it was given up before, or there is none.

        Blocks: no.
        Thread safety: use an error on one thread at a time.

        >>> PoisonError([1]).get_mut()
        [1]
        """
        return self.get_ref()

    def __unwrap_failed__(self) -> None:
        """Leave the lock: an exception keeps this error, and must not keep the lock."""
        inner: Any = self._inner
        self._inner = _NOTHING
        if isinstance(inner, tuple):  # from a Condvar
            inner = inner[0]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(inner, _GUARDS):
            inner.drop()  # pyright: ignore[reportUnknownMemberType]

    def __repr__(self) -> str:
        return "PoisonError { .. }"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PoisonError cannot be pickled: it holds a lock, or what was in one")


_GUARDS = (_ffi.MutexGuard, _ffi.RwLockReadGuard, _ffi.RwLockWriteGuard)


class _RefusalError(Exception):
    """Why there is no guard; two of one class that hold nothing are equal."""

    _text: ClassVar[str] = _POISONED
    _debug: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__(self._text)

    def __repr__(self) -> str:
        return self._debug

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()


class _PoisonedError(Exception, Generic[T]):
    """What both errors have when the lock was free and is poisoned."""

    __match_args__ = ("error",)

    def __init__(self, error: PoisonError[T], /) -> None:
        Exception.__init__(self, _POISONED)
        self.error = error

    def into_inner(self) -> T:
        """Give up the guard, as `error.into_inner()` does."""
        return self.error.into_inner()

    def __unwrap_failed__(self) -> None:
        self.error.__unwrap_failed__()

    def __eq__(self, other: object) -> bool:
        return object.__eq__(self, other)

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __reduce__(self) -> NoReturn:
        self.error.__reduce__()


class TryLockError(_RefusalError, Generic[T]):
    """`try_lock` and its relatives did not get the lock as they should: Rust's `TryLockError`.

    >>> from pythread_rs.result import Err
    >>> from pythread_rs.sync import Mutex
    >>> mutex = Mutex(0)
    >>> with mutex:
    ...     match mutex.try_lock():
    ...         case Err(TryLockError.WouldBlock):
    ...             print("taken")
    taken
    >>> str(TryLockError.WouldBlock)
    'try_lock failed because the operation would block'
    """

    Poisoned: ClassVar[type[_TryPoisoned[Any]]]
    WouldBlock: ClassVar[TryLockError[Any]]


class _TryPoisoned(_PoisonedError[T], TryLockError[T]):
    """The lock was free, and a thread has panicked with it; `error` has the guard."""

    _debug = '"Poisoned(..)"'


class _WouldBlock(TryLockError[Any]):
    """Somebody has the lock."""

    _text = "try_lock failed because the operation would block"
    _debug = '"WouldBlock"'


class LockTimeoutError(_RefusalError, Generic[T]):
    """`lock_timeout` and its relatives did not get the lock as they should.

    Rust's std has no such functions; the form is `TryLockError`'s.

    >>> isinstance(LockTimeoutError.Timeout, TimeoutError), LockTimeoutError.Timeout
    (True, "Timeout")
    """

    Poisoned: ClassVar[type[_TimeoutPoisoned[Any]]]
    Timeout: ClassVar[LockTimeoutError[Any]]


class _TimeoutPoisoned(_PoisonedError[T], LockTimeoutError[T]):
    """The lock became free, and a thread has panicked with it; `error` has the guard."""

    _debug = '"Poisoned(..)"'


class _TimedOutError(LockTimeoutError[Any], TimeoutError):
    """The time was over."""

    _text = "timed out waiting for the lock"
    _debug = '"Timeout"'


TryLockError.Poisoned = _TryPoisoned
TryLockError.WouldBlock = _WouldBlock()
LockTimeoutError.Poisoned = _TimeoutPoisoned
LockTimeoutError.Timeout = _TimedOutError()

for _outer, _name, _class in (
    (TryLockError, "Poisoned", _TryPoisoned),
    (LockTimeoutError, "Poisoned", _TimeoutPoisoned),
):
    _class.__name__ = _name
    _class.__qualname__ = f"{_outer.__name__}.{_name}"


def _poisoned(inner: Any) -> PoisonError[Any]:
    return PoisonError(inner)


def _poisoned_with(_: object) -> PoisonError[Any]:
    return PoisonError(_NOTHING)


def _deadlock(lock: object) -> DeadlockError:
    return DeadlockError(
        f"the current thread holds this {type(lock).__name__} already and would wait for itself: "
        f"drop the guard first"
    )


def _moved(lock: object) -> UseAfterMoveError:
    return UseAfterMoveError(
        f"error[E0382]: use of moved value: `into_inner` has consumed this `{type(lock).__name__}`"
    )


def _released(guard: object) -> UseAfterMoveError:
    return UseAfterMoveError(
        f"error[E0382]: use of moved value: this `{type(guard).__name__}` was dropped, and its "
        f"lock released"
    )


def _borrowed(lock: object) -> BorrowError:
    return BorrowError(
        f"error[E0505]: cannot move out of this `{type(lock).__name__}` because it is borrowed: "
        f"a guard of it is out"
    )


def _mutably_borrowed(lock: object) -> MutableBorrowError:
    return MutableBorrowError(
        f"error[E0499]: cannot borrow this `{type(lock).__name__}` as mutable: a guard of it is out"
    )


def _connect() -> None:
    """Hand over what makes each error of csrc/python/locks.h, in its order."""
    makers: tuple[Callable[[Any], BaseException], ...] = (
        _poisoned,
        lambda _: _WouldBlock(),
        lambda _: _TimedOutError(),
        _TryPoisoned,
        _TimeoutPoisoned,
        _deadlock,
        _moved,
        _released,
        _borrowed,
        _mutably_borrowed,
        _poisoned_with,
    )
    _ffi.set_lock_errors(makers)


_connect()
