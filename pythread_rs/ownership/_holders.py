"""Holders: who else holds a value, in words, for the text of an error."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Container, Iterator
from types import (
    CellType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import Any, Final

from pythread_rs import _ffi
from pythread_rs.ownership._diagnostic import shown_path

__all__ = ["holders"]

_MOST: Final = 5  # more would bury the rest of the text
_PACKAGE: Final = __name__.partition(".")[0]


def holders(value: object, known: Container[int]) -> tuple[str, ...]:
    """Name those who hold a value, but for those whose ids are `known`."""
    found: list[str] = []
    for text in (*_variables(value), *_referrers(value, known)):
        if text not in found:
            found.append(text)
    weak = weakref.getweakrefcount(value) if not found else 0
    if weak:
        found.append(f"{weak} weak reference{'s' if weak > 1 else ''}")
    return tuple(found[:_MOST])


def _variables(value: object) -> Iterator[str]:
    """Frames are not seen by the collector while they run, so they are asked one by one."""
    for frame in sys._current_frames().values():
        at: FrameType | None = frame
        while at is not None:
            if not _is_own(at) and at.f_code.co_flags & 1:
                yield from _variables_of(at, value)
            at = at.f_back


def _is_own(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return isinstance(name, str) and (name == _PACKAGE or name.startswith(f"{_PACKAGE}."))


def _variables_of(frame: FrameType, value: object) -> Iterator[str]:
    code = frame.f_code
    for name, content in _ffi.locals_of(frame).items():
        if content is value:
            what = "local variable" if name in code.co_varnames else "variable"
            place = f"{shown_path(code.co_filename)}:{frame.f_lineno}"
            yield f"{what} `{name}` of `{code.co_qualname}` at {place}"


def _referrers(value: object, known: Container[int]) -> Iterator[str]:
    for holder in gc.get_referrers(value):
        if id(holder) in known or isinstance(holder, FrameType) or _runs(holder):
            continue
        text = _name_of(holder, value)
        if text:
            yield text


def _runs(holder: object) -> bool:
    """Whether it is a generator or coroutine at work: a frame, which `_variables` has looked at.

    From Python 3.14 on, the collector sees those too, and with them the generators of this file.
    """
    if isinstance(holder, GeneratorType):
        return holder.gi_running
    return isinstance(holder, CoroutineType) and holder.cr_running


def _name_of(holder: Any, value: object) -> str:
    kind = type(holder)
    if kind is dict:
        return _name_of_dict(holder, value)
    if kind is CellType:
        return _name_of_cell(holder)
    if kind is MethodType:
        return f"the bound method `{holder.__func__.__qualname__}`"
    if kind is FunctionType:
        return f"the function `{holder.__qualname__}`"
    if kind in (list, tuple, set, frozenset):
        return f"an element of {_name_of_container(holder)}"
    if kind.__module__.startswith(_PACKAGE):
        return ""
    attribute = _attribute(holder, value)
    return (
        f"attribute `{attribute}` of a `{kind.__name__}`" if attribute else f"a `{kind.__name__}`"
    )


def _name_of_container(holder: Any) -> str:
    for text in _variables(holder):
        return f"the {text}"
    for owner in gc.get_referrers(holder):
        if type(owner) is dict and "__name__" in owner:
            name = next((key for key, content in owner.items() if content is holder), None)
            if name is not None:
                return f"the global `{name}` of module `{owner['__name__']}`"
    return f"a `{type(holder).__name__}` of {len(holder)}"


def _attribute(holder: object, value: object) -> str:
    try:
        own: dict[str, object] = object.__getattribute__(holder, "__dict__")
    except Exception:  # no dict, or a class that lies about it
        return ""
    return next((name for name, content in own.items() if content is value), "")


def _name_of_dict(holder: dict[Any, Any], value: object) -> str:
    name = next((key for key, content in holder.items() if content is value), None)
    for owner in gc.get_referrers(holder):
        if isinstance(owner, ModuleType) and vars(owner) is holder:
            return f"global `{name}` of module `{owner.__name__}`"
        if getattr(type(owner), "__dictoffset__", 0) and _is_dict_of(owner, holder):
            return f"attribute `{name}` of a `{type(owner).__name__}`"
    if "__name__" in holder and "__builtins__" in holder:
        return f"global `{name}` of module `{holder['__name__']}`"
    return f"a `dict`, under the key {name!r:.40}"


def _is_dict_of(owner: object, holder: dict[Any, Any]) -> bool:
    try:
        return object.__getattribute__(owner, "__dict__") is holder
    except Exception:  # a class that lies about it
        return False


def _name_of_cell(cell: CellType) -> str:
    for closure in gc.get_referrers(cell):
        if type(closure) is not tuple:
            continue
        for function in gc.get_referrers(closure):
            if type(function) is FunctionType and function.__closure__ is closure:
                names = zip(function.__code__.co_freevars, closure, strict=True)
                name = next((name for name, own in names if own is cell), "?")
                return f"variable `{name}`, captured by `{function.__qualname__}`"
    return ""
