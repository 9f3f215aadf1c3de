"""What the ends of all channels share: iterators, and the refusal to be copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar, final

from pythread_rs import _ffi

__all__ = ["Iter", "TryIter", "cannot_be_copied", "cannot_be_pickled"]

T = TypeVar("T")

if TYPE_CHECKING:
    _Receiver = _ffi.ReceiverBase[T]


@final
class Iter(Generic[T]):
    """The messages of a receiver until its channel ends: Rust's `mpsc::Iter`."""

    __slots__ = ("_receiver",)

    def __init__(self, receiver: _Receiver[T]) -> None:
        self._receiver = receiver

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return next(self._receiver)

    def __repr__(self) -> str:
        return "Iter { .. }"


@final
class TryIter(Generic[T]):
    """The messages that are there: Rust's `mpsc::TryIter`."""

    __slots__ = ("_receiver",)

    def __init__(self, receiver: _Receiver[T]) -> None:
        self._receiver = receiver

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return self._receiver._try_next()

    def __repr__(self) -> str:
        return "TryIter { .. }"


def cannot_be_copied(end: object, *, clone: bool) -> NoReturn:
    """Refuse `copy.copy`."""
    name = type(end).__name__
    how = "use `.clone()`" if clone else "it belongs to one owner"
    raise TypeError(f"a {name} cannot be copied: {how}")


def cannot_be_pickled(end: object) -> NoReturn:
    """Refuse `pickle`."""
    raise TypeError(
        f"cannot pickle a {type(end).__name__}: it reaches the threads of this process only"
    )
