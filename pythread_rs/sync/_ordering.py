"""`Ordering`: how an atomic operation orders what a thread does around it."""

from __future__ import annotations

from typing import ClassVar, Final, NoReturn, final

__all__ = ["Ordering"]

# In the order in which the C types want them.
_NAMES: Final = ("Relaxed", "Release", "Acquire", "AcqRel", "SeqCst")


@final
class Ordering:
    """How an atomic operation orders what a thread does around it.

    There are five, and no others can be made:

        Relaxed   nothing but the operation itself is atomic
        Release   a store: what was done before it has happened for whoever acquires it
        Acquire   a load: what was done before the store that it reads has happened
        AcqRel    both, for an operation that loads and stores
        SeqCst    both, and all such operations have one order that all threads agree on

    Blocks: no.
    Thread safety: it never changes.

    Mirrors `std::sync::atomic::Ordering`.

    >>> Ordering.Acquire
    Acquire
    """

    __slots__ = ("_name",)
    __module__ = "pythread_rs.sync.atomic"
    __thread_send__ = "copy"

    Relaxed: ClassVar[Ordering]
    Release: ClassVar[Ordering]
    Acquire: ClassVar[Ordering]
    AcqRel: ClassVar[Ordering]
    SeqCst: ClassVar[Ordering]

    _name: str

    def __init__(self) -> None:
        raise TypeError("there are five orderings: write `Ordering.SeqCst`, for example")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an ordering has no attribute to set: {name!r}")

    def __repr__(self) -> str:
        return self._name

    def __reduce__(self) -> str:
        """Copy and pickle by name: it stays the one object that the C types know."""
        return f"Ordering.{self._name}"


def _made(name: str) -> Ordering:
    ordering = object.__new__(Ordering)
    object.__setattr__(ordering, "_name", name)
    return ordering


ORDERINGS: Final = tuple(map(_made, _NAMES))
for _name, _ordering in zip(_NAMES, ORDERINGS, strict=True):
    setattr(Ordering, _name, _ordering)
