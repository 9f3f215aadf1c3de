"""ArcMut: the right to put another content into an Arc that has one owner."""

from __future__ import annotations

from typing import Generic, TypeVar, final

from pythread_rs import _ffi

__all__ = ["ArcMut"]

T = TypeVar("T")


@final
class ArcMut(Generic[T]):
    """The content of an Arc with one owner, to be assigned; from `get_mut` and `make_mut`.

    Attributes:
        value: the content; assign to replace it. Raises `MutableBorrowError` (E0594) when the Arc
            has been cloned or downgraded meanwhile, and `NotSendError` for what is not Sync.

    Thread safety: belongs to the thread that made it.

    Mirrors the `&mut T` of `Arc::get_mut`.

    >>> five = Arc(5)
    >>> five.make_mut().value += 1
    >>> five
    6
    """

    __slots__ = ("_arc",)
    __thread_send__ = "not_send"

    def __init__(self, arc: _ffi.ArcBase[T]) -> None:
        self._arc = arc

    @property
    def value(self) -> T:
        """The content (Rust: `*place`)."""
        return self._arc.value

    @value.setter
    def value(self, value: T) -> None:
        if not self._arc._arc_replace(value):
            from pythread_rs.sync._arc_refusals import not_alone

            raise not_alone()

    def __repr__(self) -> str:
        return repr(self._arc)
