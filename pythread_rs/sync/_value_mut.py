"""ValueMut: what stands for Rust's `&mut T` to the content of a cell."""

from typing import Generic, Protocol, TypeVar, cast, final

__all__ = ["Cell", "ValueMut"]

T = TypeVar("T")


class Cell(Protocol[T]):
    """Something with one value in it."""

    def get(self) -> T | None:
        """Return the value, None if there is none."""
        ...

    def _replace(self, value: T, /) -> bool: ...


@final
class ValueMut(Generic[T]):
    """The value of a cell, to be read and assigned.

    Rust makes sure that nobody else reads while it is held. Here a reader on another thread sees
    the old value or the new one.

    Thread safety: every attribute, from any thread.

    Mirrors `&mut T`.

    >>> from pythread_rs.sync import OnceLock
    >>> cell = OnceLock.from_(5)
    >>> content = cell.get_mut()
    >>> content.value += 1
    >>> cell
    OnceLock(6)
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("_cell",)
    __thread_send__ = "not_send"

    _cell: Cell[T]

    def __init__(self) -> None:
        raise TypeError("a ValueMut comes from get_mut() of a cell")

    @property
    def value(self) -> T:
        """The value; assign to it to put another one in its place (Rust: `*reference`).

        Raises:
            ValueError: it was taken out meanwhile.
            NotSendError: what is assigned is not Sync.
        """
        # None may be the value itself, so that the cell has to tell.
        value = self._cell.get()
        if value is None and not _is_initialized(self._cell):
            raise _gone()
        return value  # type: ignore[return-value]  # None only if T has it

    @value.setter
    def value(self, value: T) -> None:
        if not self._cell._replace(value):
            raise _gone()

    def __repr__(self) -> str:
        return repr(self.value)


def _is_initialized(cell: object) -> bool:
    return bool(cell.is_initialized())  # type: ignore[attr-defined]


def _gone() -> ValueError:
    return ValueError("the value was taken out of its cell")


def value_mut(cell: Cell[T]) -> ValueMut[T]:
    """Make the reference to a cell that has a value."""
    reference = cast("ValueMut[T]", object.__new__(ValueMut))
    reference._cell = cell
    return reference
