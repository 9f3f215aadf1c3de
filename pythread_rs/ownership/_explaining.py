"""Explaining: what the check finds about a value, in a few lines."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from pythread_rs import _ffi
from pythread_rs.ownership._check import examined
from pythread_rs.ownership._holders import holders
from pythread_rs.ownership._kinds import NOT_SEND, OPAQUE, is_shareable, kind_of
from pythread_rs.ownership._paths import path_text
from pythread_rs.ownership._refusals import captures, statics, type_name

__all__ = ["explained"]

_WHY = {
    "aliased": "is also held by",
    "weak": "has a weak reference from outside",
    "leads out": "is a weak reference that leads outside",
    "not send": "is bound to its thread",
    "opaque": "is of a C type that nobody has described: see impl_send",
    "captures": "is a class whose methods capture variables",
}


def explained(value: Any) -> str:
    """Return the report."""
    kind = type_name(value)
    if type(value) is FunctionType:
        return _explained_function(value)
    if is_shareable(value):
        return f"`{kind}`: Sync; several threads may hold it"
    if kind_of(value) in (NOT_SEND, OPAQUE):
        why = _WHY["not send" if kind_of(value) == NOT_SEND else "opaque"]
        return f"`{kind}`: not Send; it {why}"
    found = examined((value,), None)
    if not isinstance(found, tuple):
        return f"`{kind}`: Send; it moves to the thread that gets it"
    why, path = found
    text = f"`{path_text('value', path)}` (a `{type_name(path[-1])}`) {_WHY[why]}"
    lines = [f"`{kind}`: not Send; {text}"]
    if why in ("aliased", "weak"):
        lines += [f"  {holder}" for holder in holders(path[-1], {id(item) for item in path})]
    return "\n".join(lines)


def _explained_function(function: FunctionType) -> str:
    error: Exception | None = None
    if not _ffi.is_item(function):
        error = captures(function, None)
    elif not _ffi.globals_are_fine(function):
        error = statics(function, None)
    if error is None:
        return f"`{function.__qualname__}`: Send; it captures nothing"
    return str(error)
