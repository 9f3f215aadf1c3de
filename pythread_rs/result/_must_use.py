"""The `Err` that warns when it is dropped unread, for runs with `PYTHREAD_RS_MUST_USE=1`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast
from warnings import warn

from ._err import Err
from ._errors import UnusedResultWarning, safe_repr
from ._variant import Variant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Never

E = TypeVar("E")


def watched(error: E, where: str) -> Err[E]:
    """Return an `Err` that issues an `UnusedResultWarning` if it is dropped before anybody looks.

    To look is: read an attribute, call a method, compare it, hash it, iterate over it, copy or
    pickle it, print it, ask `isinstance` about it or `match` it, with whatever outcome. Printing
    counts because Rust's `println!("{:?}", handle.join())` uses the result too; only a result that
    is thrown away is a mistake for certain. Keeping it in a variable or a list is not looking. What
    a result refuses, such as `if result:`, is none either; that raises already.

    Args:
        error: The payload.
        where: The place that spawned the thread, as `FILE:LINE`.

    Returns:
        An object that every test takes for a plain `Err`, except `type(x) is Err`.

    Thread safety: as for an `Err`. It may be dropped on any thread; the warning is issued there.
    """
    return cast("Err[E]", _WatchedErr(Err(error), where))


class _WatchedErr(Variant):
    """A stand-in for an `Err` that notes the first look and then hands everything on.

    It is no subclass: `isinstance(x, Err)` and `case Err():` would succeed on one by its type
    alone, without a call that could be noted. As it is they ask for `__class__`.
    """

    __slots__ = ("_inner", "_where")

    _inner: Err[Any]
    _where: str | None

    def __init__(self, inner: Err[Any], where: str) -> None:
        object.__setattr__(self, "_inner", inner)
        object.__setattr__(self, "_where", where)

    def _look(self) -> Err[Any]:
        """Note that somebody looked, and return the plain `Err`."""
        object.__setattr__(self, "_where", None)
        return self._inner

    def __del__(self) -> None:
        if self._where is not None:
            shown = safe_repr(self._inner.error)
            text = f"unused `Err` that must be handled: {shown} (thread spawned at {self._where})"
            # Level 2 is the line that dropped it, as a destructor runs on top of that.
            warn(text, UnusedResultWarning, stacklevel=2)

    # A type checker knows a `__class__` that can be set, and takes this for a mistake.
    if not TYPE_CHECKING:

        @property
        def __class__(self) -> type[Err]:
            self._look()
            return Err

    # Python looks up special methods on the type, past `__getattr__`.

    def __getattr__(self, name: str) -> Any:
        return getattr(self._look(), name)

    def __repr__(self) -> str:
        return repr(self._look())

    def __eq__(self, other: object) -> bool:
        return self._look() == other

    def __hash__(self) -> int:
        return hash(self._look())

    def __iter__(self) -> Iterator[Never]:
        return iter(self._look())

    def __reduce__(self) -> tuple[type[Err[Any]], tuple[Any]]:
        return self._look().__reduce__()
