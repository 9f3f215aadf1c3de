"""Marks: what users say of their types, and questions about values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from pythread_rs.ownership._errors import OwnershipError
from pythread_rs.ownership._kinds import COPY, NOT_SEND, OWNED, SYNC, is_shareable, register

__all__ = ["explain", "impl_copy", "impl_send", "impl_sync", "is_send", "is_sync", "not_send"]

C = TypeVar("C", bound=type)
Traverse = Callable[[Any], Iterable[Any]]


@overload
def impl_send(cls: C, /, *, traverse: Traverse | None = None) -> C: ...
@overload
def impl_send(*, traverse: Traverse | None = None) -> Callable[[C], C]: ...
def impl_send(cls: Any = None, /, *, traverse: Traverse | None = None) -> Any:
    """Say that instances of a class may go to another thread if nobody else holds them.

    For types written in C, of which nothing is known. What they hold is asked of the collector, or
    of `traverse`. Subclasses inherit.

    Args:
        cls: the class; without it, the result is a decorator.
        traverse: `traverse(x)` lists the objects on which `x` holds one reference each, for a type
            that does not show them to the collector.

    Returns:
        The class.

    Raises:
        TypeError: `cls` is no class.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `unsafe impl Send for T`.

    >>> @impl_send
    ... class Parser: ...
    >>> is_send(Parser())
    True
    """
    return _mark(cls, OWNED, traverse)


@overload
def impl_sync(cls: C, /) -> C: ...
@overload
def impl_sync() -> Callable[[C], C]: ...
def impl_sync(cls: Any = None, /) -> Any:
    """Say that instances of a class are made for several threads, as a lock or a queue is.

    Args, Returns, Raises, Blocks, Thread safety: as `impl_send`.

    Mirrors `unsafe impl Sync for T`.

    >>> @impl_sync
    ... class Registry: ...
    >>> is_sync(Registry())
    True
    """
    return _mark(cls, SYNC, None)


@overload
def impl_copy(cls: C, /) -> C: ...
@overload
def impl_copy() -> Callable[[C], C]: ...
def impl_copy(cls: Any = None, /) -> Any:
    """Say that instances of a class never change, nor does what they reach.

    Args, Returns, Raises, Blocks, Thread safety: as `impl_send`.

    Mirrors `impl Copy for T`.

    >>> @impl_copy
    ... class Point:
    ...     __slots__ = ("x", "y")
    >>> is_sync(Point())
    True
    """
    return _mark(cls, COPY, None)


@overload
def not_send(cls: C, /) -> C: ...
@overload
def not_send() -> Callable[[C], C]: ...
def not_send(cls: Any = None, /) -> Any:
    """Say that instances of a class must stay with their thread.

    Args, Returns, Raises, Blocks, Thread safety: as `impl_send`.

    Mirrors `impl !Send for T`.

    >>> @not_send
    ... class Window: ...
    >>> is_send(Window())
    False
    """
    return _mark(cls, NOT_SEND, None)


def _mark(cls: Any, kind: int, traverse: Traverse | None) -> Any:
    if cls is None:
        return lambda later: _mark(later, kind, traverse)
    register(cls, kind, traverse)
    return cls


def is_sync(value: object, /) -> bool:
    """Tell whether several threads may hold the value at the same time.

    Args:
        value: any object.

    Blocks: no.
    Thread safety: any thread; a value that is changed meanwhile may give either answer.

    Mirrors `T: Sync`.

    >>> import threading
    >>> is_sync(7), is_sync((1, "a")), is_sync(threading.Lock()), is_sync([7])
    (True, True, True, False)
    """
    return is_shareable(value)


def is_send(value: object, /) -> bool:
    """Tell whether the value may go to another thread once nobody else holds it.

    Variables that hold the value itself do not count; whoever holds a part of it does.

    Args:
        value: any object.

    Blocks: no.
    Thread safety: any thread; a value that is changed meanwhile may give either answer.

    Mirrors `T: Send`.

    >>> part = [1]
    >>> is_send([1, 2]), is_send([part]), is_send(open)
    (True, False, True)
    """
    from pythread_rs.ownership._check import examined

    return is_shareable(value) or (_kind_is_send(value) and examined((value,), None) is None)


def _kind_is_send(value: object) -> bool:
    from pythread_rs.ownership import _kinds

    return _kinds.kind_of(value) not in (_kinds.NOT_SEND, _kinds.OPAQUE, _kinds.CAPTURES)


def explain(value: object, /) -> str:
    """Say what `spawn` would refuse about a value, and why, without a thread.

    Args:
        value: any object: a closure, or what is to be an argument. For an `OwnershipError`, its
            text.

    Returns:
        A report of one line or more.

    Blocks: no.
    Thread safety: any thread.

    >>> print(explain([1, 2]))
    `list`: Send; it moves to the thread that gets it
    >>> print(explain((1, 2)))
    `tuple`: Sync; several threads may hold it
    """
    if issubclass(type(value), OwnershipError):
        return str(value)
    from pythread_rs.ownership._explaining import explained

    return explained(value)
