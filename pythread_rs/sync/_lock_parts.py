"""What the locks share: clones of what is in them, their Debug form, and the refusal of copies."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from pythread_rs import _ffi
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.result import Err, Ok, Result
from pythread_rs.sync._lock_errors import PoisonError, TryLockError

__all__ = ["LockParts", "clone_of", "cloned", "shown"]

T = TypeVar("T")


class LockParts:
    """A handle that is moved to a thread, and can be neither copied nor pickled."""

    __slots__ = ()
    __thread_send__ = "handle"

    def __copy__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be copied: share it by an `Arc`")

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__copy__()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled: it is for the threads of one process"
        )


def clone_of(value: T) -> T:
    """Do what Rust's `Clone` does: the value's own `clone()`, else a deep copy."""
    clone: Any = getattr(value, "clone", None)
    if clone is None:
        return copy.deepcopy(value)
    copied: T = clone()
    return copied


def shown(
    lock: _ffi.MutexBase[Any] | _ffi.RwLockBase[Any],
    attempt: Callable[[], Result[Any, TryLockError[Any]]],
    locked: str,
) -> str:
    """Show a lock in Rust's Debug form, with its value if `attempt` gets at it, else `locked`."""
    try:
        result = attempt()
    except UseAfterMoveError:
        return f"{type(lock).__name__} {{ <moved> }}"
    if isinstance(result, Ok):
        guard, poisoned = result.value, False
    elif isinstance(result.error, TryLockError.Poisoned):
        guard, poisoned = result.error.into_inner(), True
    else:
        return _debug(lock, locked, lock.is_poisoned())
    with guard:
        return _debug(lock, repr(guard.value), poisoned)


def _debug(lock: object, data: str, poisoned: bool) -> str:
    return f"{type(lock).__name__} {{ data: {data}, poisoned: {str(poisoned).lower()}, .. }}"


def cloned(result: Result[Any, PoisonError[Any]]) -> Result[Any, PoisonError[None]]:
    """Copy what the guard of a result has, and let it go."""
    if isinstance(result, Err):
        result.error.__unwrap_failed__()
        return Err(PoisonError(None))
    with result.value as guard:
        return Ok(clone_of(guard.value))
