"""Why an Arc refuses something, in rustc's words, and how to clone its content."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from pythread_rs.ownership import Frozen, MutableBorrowError, NotSendError, UseAfterMoveError
from pythread_rs.ownership._diagnostic import Diagnostic, Note
from pythread_rs.ownership._kinds import (
    CACHE,
    COPY,
    FUNCTION,
    NDARRAY,
    TRANSPARENT,
    is_shareable,
    kind_of,
)
from pythread_rs.ownership._refusals import required_by, spans, type_name
from pythread_rs.ownership._sites import user_frame
from pythread_rs.ownership._source import argument_span, name_span

__all__ = ["cloned", "not_alone", "refuse"]

_MUTEX: Final = "to change it from several threads, put it in a lock: `Arc(Mutex(...))`"
_IMMUTABLE: Final = (COPY, TRANSPARENT, FUNCTION, CACHE, NDARRAY)
_FREEZE: Final = "to only read it, share an immutable copy: `Arc(freeze(...))`"


def refuse(why: str, who: Any, what: Any) -> NoReturn:
    """Raise the error for what an Arc does not do; called from C."""
    if why == "moved":
        raise _moved(what)
    if why == "not sync":
        raise _not_sync(what)
    raise _assigned(who, what)


def _moved(used: str) -> UseAfterMoveError:
    by = f"`{used}()`" if used else "the garbage collector, which found it in a dead cycle"
    return UseAfterMoveError(
        f"use of moved value: this Arc was consumed by {by}; "
        "if it is needed later, consume a clone: `arc.clone()`"
    )


def _not_sync(value: object) -> NotSendError:
    culprit = _culprit(value)
    kind, whole = type_name(culprit), type_name(value)
    headline = f"`{kind}` cannot be shared between threads safely"
    notes: list[Note | str] = [
        Note(f"the trait `Sync` is not implemented for `{kind}`", level="help")
    ]
    if culprit is not value:
        notes.append(f"required because it appears within the type `{whole}`")
    notes.append(f"required for `Arc<{whole}>` to implement `Send`")
    frame = user_frame()
    place = None
    if frame is not None:
        code, lasti = frame.f_code, frame.f_lasti
        place = argument_span(code, lasti, 0, headline, primary=True)
        place = place or name_span(code, lasti, headline, primary=True)
    places = spans(place, required_by(frame))
    return NotSendError(Diagnostic("E0277", headline, places, tuple(notes), (_MUTEX, _FREEZE)))


def _culprit(value: Any) -> object:
    """Find what is not Sync in something immutable."""
    if kind_of(value) == TRANSPARENT:
        own: dict[str, Any] | None = getattr(value, "__dict__", None)
        parts: Iterable[Any] = gc.get_referents(value) if own is None else own.values()
        for part in parts:
            if not is_shareable(part):
                return _culprit(part)
    return value


def _assigned(arc: Any, name: str | None) -> MutableBorrowError:
    """Refuse to change the content through an Arc; without a name, it was an item."""
    kind = type_name(arc.value)
    notes = (
        Note(
            "trait `DerefMut` is required to modify through a dereference, but it is not "
            f"implemented for `Arc<{kind}>`",
            level="help",
        ),
    )
    fixes = [
        "what threads change together belongs in a lock: `Arc(Mutex(..))`, then "
        "`with arc as guard: ..`"
    ]
    if name == "value":
        fixes.append("to change this owner's content only, copied if shared: `arc.make_mut()`")
    return _cannot_assign("cannot assign to data in an `Arc`", notes, tuple(fixes))


def not_alone() -> MutableBorrowError:
    """Refuse to change what has got other owners since `get_mut` or `make_mut`."""
    notes = ("it was cloned, downgraded or consumed after the mutable borrow",)
    fixes = ("assign before `clone()`, or borrow again: `arc.make_mut()`",)
    headline = "cannot assign to data in an `Arc` that has other owners"
    return _cannot_assign(headline, notes, fixes)


def _cannot_assign(
    headline: str, notes: tuple[Note | str, ...], fixes: tuple[str, ...]
) -> MutableBorrowError:
    frame = user_frame()
    place = None
    if frame is not None:
        place = name_span(frame.f_code, frame.f_lasti, "cannot assign", primary=True)
    return MutableBorrowError(Diagnostic("E0594", headline, spans(place), notes, fixes))


def cloned(value: Any) -> Any:
    """Clone a content as Rust's `Clone` would: what is immutable is its own clone."""
    if hasattr(value, "clone"):
        return value.clone()
    if kind_of(value) in _IMMUTABLE or issubclass(type(value), Frozen):
        return value
    kind = type_name(value)
    raise TypeError(
        f"the trait bound `{kind}: Clone` is not satisfied: a `{kind}` has no method `clone`, "
        "so the content of an Arc that has other owners cannot be cloned"
    )
