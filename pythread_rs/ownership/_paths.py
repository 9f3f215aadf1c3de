"""Paths: how a value is reached from what was to be moved, as Python would write it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from types import CellType, FunctionType, MethodType
from typing import Any, Final

__all__ = ["path_text", "variable_of"]


_MOST_STEPS: Final = 20


def path_text(start: str, path: Sequence[object]) -> str:
    """Write the path whose first object is called `start`."""
    steps = list(pairwise(path))
    left_out = len(steps) - _MOST_STEPS
    if left_out > 0:
        half = _MOST_STEPS // 2
        first, last = steps[:half], steps[-half:]
        middle = f" ... ({left_out} more steps) ... "
        return start + _written(first) + middle + _written(last)
    return start + _written(steps)


def _written(steps: list[tuple[object, object]]) -> str:
    return "".join(_step(holder, held) for holder, held in steps)


def variable_of(function: FunctionType, cell: object) -> str:
    """Return the name under which a function captures a cell; empty if it does not."""
    cells = function.__closure__ or ()
    names = function.__code__.co_freevars
    return next((name for name, own in zip(names, cells, strict=True) if own is cell), "")


def _step(holder: Any, held: object) -> str:
    """Write one step; what cannot be told is written as the type that is passed through."""
    kind = type(holder)
    if kind in (list, tuple) or issubclass(kind, (list, tuple)):
        return _index_step(holder, held)
    if issubclass(kind, dict):
        return _key_step(holder, held)
    if kind is CellType:
        return ""
    if kind is FunctionType:
        return _function_step(holder, held)
    if kind is MethodType:
        return ".__self__" if holder.__self__ is held else ".__func__"
    return _attribute_step(holder, held)


def _index_step(holder: Sequence[object], held: object) -> str:
    for index in range(len(holder)):
        if holder[index] is held:
            return f"[{index}]"
    return _attribute_step(holder, held)


def _key_step(holder: dict[object, object], held: object) -> str:
    for key in list(dict.keys(holder)):
        if dict.get(holder, key) is held:
            return (
                f"[{key!r:.40}]"
                if isinstance(key, (str, int, bytes))
                else f"[{type(key).__name__}]"
            )
        if key is held:
            return " (a key)"
    return _attribute_step(holder, held)


def _function_step(holder: FunctionType, held: object) -> str:
    if isinstance(held, CellType):
        return f".{variable_of(holder, held)}"
    if held is holder.__defaults__:
        return ".__defaults__"
    if held is holder.__kwdefaults__:
        return ".__kwdefaults__"
    return ".__dict__" if held is holder.__dict__ else ".__closure__"


def _attribute_step(holder: object, held: object) -> str:
    try:
        attributes: dict[str, object] = object.__getattribute__(holder, "__dict__")
    except Exception:  # no dict, or a class that lies about it
        attributes = {}
    if held is attributes:
        return ".__dict__"
    for name in list(attributes):
        if attributes[name] is held:
            return f".{name}"
    for base in type(holder).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if _slot(holder, base, name) is held:
                return f".{name}"
    return _known_attribute(holder, held)


def _slot(holder: object, base: type, name: str) -> object:
    try:
        return base.__dict__[name].__get__(holder)
    except Exception:  # not set, or mangled
        return None


def _known_attribute(holder: object, held: object) -> str:
    """Ask C types that show what they hold."""
    for name in ("func", "args", "keywords", "obj", "base", "default_factory", "__self__"):
        with suppress(Exception):  # a property that raises
            if getattr(holder, name, None) is held:
                return f".{name}"
    return f" (in a `{type(holder).__name__}`)"
