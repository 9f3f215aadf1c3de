"""Errors of ownership, each with the code that rustc gives to it.

Nothing here reads source or lays out text before somebody asks for the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pythread_rs.ownership._diagnostic import Diagnostic, Span

__all__ = [
    "BorrowError",
    "CaptureError",
    "MutableBorrowError",
    "NotSendError",
    "OwnershipError",
    "StaticError",
    "UseAfterMoveError",
]


class OwnershipError(TypeError):
    """A value was used against the rules of ownership. `code` is rustc's error code.

    `str(error)` is the whole text, with the source lines as they are when it is first asked for.

    Attributes:
        code: rustc's code, such as `"E0382"`.
        path: how the value that is to blame is reached, such as `data['a'][2]`; else empty.
        holders: who else holds it, one sentence each.
        diagnostic: the parts of the text; None for an error with a plain text.
        span: the place that the error is about; None if it is not known.

    Mirrors the borrow checker's errors.

    >>> issubclass(UseAfterMoveError, OwnershipError)
    True
    """

    code: str = ""

    path: str
    holders: tuple[str, ...]
    diagnostic: Diagnostic | None

    def __init__(
        self, what: Diagnostic | str = "", *, path: str = "", holders: tuple[str, ...] = ()
    ) -> None:
        self.path = path
        self.holders = tuple(holders)
        self._text: str | None = None
        if isinstance(what, str):
            super().__init__(what)
            self.diagnostic = None
            self._text = what
        else:
            super().__init__(what.headline)
            self.diagnostic = what
            self.code = what.code or self.code

    @property
    def span(self) -> Span | None:
        """The place that the error is about (rustc: the primary span); None if not known.

        >>> print(UseAfterMoveError("gone").span)
        None
        """
        return None if self.diagnostic is None else self.diagnostic.primary

    def __str__(self) -> str:
        if self._text is None:
            from pythread_rs.ownership._diagnostic import render

            assert self.diagnostic is not None
            self._text = render(self.diagnostic, color=False)
        return self._text

    def __reduce__(self) -> tuple[Any, ...]:
        # The text goes along: where the copy is read, the source may be another or none.
        state = {**self.__dict__, "_text": str(self)}
        return _rebuild, (type(self), self.args), state


def _rebuild(cls: type[OwnershipError], args: tuple[Any, ...]) -> OwnershipError:
    """Make an error without its `__init__`, whose argument is no longer there."""
    error = cls.__new__(cls, *args)
    error.args = args
    return error


class CaptureError(OwnershipError):
    """A thread was to borrow variables that only their own function may use.

    Wrap the closure in `move(...)`, which gives the variables to the thread.

    Mirrors rustc's E0373.

    >>> CaptureError.code
    'E0373'
    """

    code = "E0373"


class UseAfterMoveError(OwnershipError):
    """A value was used after it had been moved: a handle was joined twice, for example.

    Mirrors rustc's E0382.

    >>> UseAfterMoveError.code
    'E0382'
    """

    code = "E0382"


class BorrowError(OwnershipError):
    """A value was to be moved to a thread while somebody else holds it, or something inside it.

    `path` leads to what is held, and `holders` says by whom.

    Mirrors rustc's E0505.

    >>> BorrowError("`data[2]` is held elsewhere", path="data[2]").path
    'data[2]'
    """

    code = "E0505"


class NotSendError(OwnershipError):
    """A value was to reach another thread that must not: it is not `Send`, or not `Sync`.

    Mirrors rustc's E0277.

    >>> NotSendError.code
    'E0277'
    """

    code = "E0277"


class MutableBorrowError(OwnershipError):
    """Two scoped threads, or one and its owner, were to use a value while one of them changes it.

    `code` is E0499 for two that change it, E0502 for one that changes and one that reads, E0506
    for the owner that assigns, E0594 for an assignment through an `Arc`, which others may read.

    Mirrors rustc's E0499, E0502, E0506 and E0594.

    >>> MutableBorrowError("`x` is changed by two threads").code
    'E0499'
    """

    code = "E0499"


class StaticError(OwnershipError):
    """A thread was to assign a module's variable, or to take its value away.

    `code` is E0133 for the assignment and E0507 for the move.

    Mirrors rustc's E0133 and E0507.

    >>> StaticError("`COUNT` is assigned by a thread").code
    'E0133'
    """

    code = "E0133"
