"""Kinds: what each type means for ownership, decided once per class.

The C table asks here for a class that it has not seen. In the order of its bases, each class is
looked up among what users have registered, its own `__thread_send__`, and the types of CPython and
its library that are known. A C type that nobody knows is opaque: it may hide what it holds.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from types import CellType, FunctionType
from typing import Any, Final

from pythread_rs import _ffi
from pythread_rs.ownership._known_types import known_kind

__all__ = [
    "CACHE",
    "CAPTURES",
    "CELL",
    "COPY",
    "FUNCTION",
    "HANDLE",
    "HOOKED",
    "LEAF",
    "MOVED",
    "NDARRAY",
    "NOT_SEND",
    "OPAQUE",
    "OWNED",
    "SYNC",
    "TRANSPARENT",
    "UNWRAPPED",
    "WEAKREF",
    "classify",
    "hook_of",
    "is_shareable",
    "kind_of",
    "register",
]

from pythread_rs.ownership._known_types import (
    CACHE,
    CAPTURES,
    CELL,
    COPY,
    FUNCTION,
    HANDLE,
    HOOKED,
    LEAF,
    MOVED,
    NDARRAY,
    NOT_SEND,
    OPAQUE,
    OWNED,
    SYNC,
    TRANSPARENT,
    UNWRAPPED,
    WEAKREF,
)

Traverse = Callable[[Any], Iterable[Any]]

_WORDS: Final = {
    "copy": COPY,
    "sync": SYNC,
    "send": OWNED,
    "not_send": NOT_SEND,
    "handle": HANDLE,
    "transparent": TRANSPARENT,
    "unwrapped": UNWRAPPED,
}

# Classes are held weakly: a registered one may go.
_registered: weakref.WeakKeyDictionary[type, int] = weakref.WeakKeyDictionary()
_hooks: weakref.WeakKeyDictionary[type, Traverse] = weakref.WeakKeyDictionary()
_watched: dict[int, weakref.ref[type]] = {}
_changing = threading.Lock()


def kind_of(value: object) -> int:
    """Return the kind of a value."""
    return _ffi.kind_of(value)


def is_shareable(value: object) -> bool:
    """Tell whether several threads may hold the value: it is Copy or Sync, through and through."""
    kind = kind_of(value)
    if kind in (COPY, SYNC, HANDLE):
        return True
    return kind in (TRANSPARENT, FUNCTION, CACHE, NDARRAY) and _ffi.is_frozen(value)


def hook_of(cls: type) -> Traverse | None:
    """Return the `traverse=` hook of a class or of its nearest base that has one."""
    return next((_hooks[base] for base in cls.__mro__ if base in _hooks), None)


def register(cls: type, kind: int, traverse: Traverse | None = None) -> None:
    """Remember what a class is, and decide all classes anew, as some may inherit from it."""
    if not isinstance(cls, type):
        raise TypeError(f"only a class can be registered, not {cls!r:.80}")
    if traverse is not None and not callable(traverse):
        raise TypeError(f"traverse is a function that lists what an object holds, not {traverse!r}")
    with _changing:
        _registered[cls] = HOOKED if traverse is not None else kind
        if traverse is not None:
            _hooks[cls] = traverse
        else:
            _hooks.pop(cls, None)
    _ffi.forget_kinds()


def classify(cls: type) -> None:
    """Decide about a class and tell the C table, which forgets it when the class goes."""
    address = id(cls)
    if address not in _watched and cls.__flags__ & _HEAP_TYPE:
        _watched[address] = weakref.ref(cls, _forgetting(address))
    _ffi.set_kind(cls, _kind(cls), _kind_as_value(cls))


_HEAP_TYPE: Final = 1 << 9
_HAS_GC: Final = 1 << 14


# Past whatever a metaclass has to say.
_namespace: Final[Callable[[type], Mapping[str, Any]]] = type.__dict__["__dict__"].__get__
_qualname: Final[Callable[[type], str]] = type.__dict__["__qualname__"].__get__


def _forgetting(address: int) -> Callable[[weakref.ref[type]], None]:
    def forget(_: weakref.ref[type]) -> None:
        _ffi.forget_kind(address)
        _watched.pop(address, None)

    return forget


def _kind(cls: type) -> int:
    for base in type.mro(cls) if cls is not type else (type,):
        if (registered := _registered.get(base)) is not None:
            return _as_registered(cls, base, registered)
        if (said := _namespace(base).get("__thread_send__")) is not None:
            return _in_words(base, said)
        if not _ffi.is_python_class(base):
            if base.__module__ == "typing" and _qualname(base) == "Generic":
                continue  # it adds nothing to an instance; in C from 3.12 on
            return _kind_over(cls, base)
        if (known := known_kind(base)) is not None and known != OWNED:
            return known if base is cls or known != COPY else _with_own_state(cls, known)
    return OPAQUE


def _as_registered(cls: type, base: type, kind: int) -> int:
    """Walk a registered C type that shows what it holds; one that does not holds nothing."""
    if kind == OWNED and not _ffi.is_python_class(base) and not base.__flags__ & _HAS_GC:
        return LEAF if cls is base else OWNED
    return kind


def _in_words(cls: type, said: object) -> int:
    kind = _WORDS.get(said) if isinstance(said, str) else None
    if kind is None:
        raise TypeError(
            f"{_qualname(cls)}.__thread_send__ is 'send', 'not_send', 'sync' or 'copy', "
            f"not {said!r:.80}"
        )
    return kind


def _kind_over(cls: type, base: type) -> int:
    """Decide about a class over the C type `base`, or about `base` itself."""
    known = known_kind(base)
    if known is None:
        return OPAQUE
    if cls is base:
        return known
    if _is_frozen_dataclass(cls):
        return TRANSPARENT
    return _with_own_state(cls, known)


def _with_own_state(cls: type, kind: int) -> int:
    """Tell what a subclass is: an attribute of its own makes an instance mutable."""
    if kind in (COPY, TRANSPARENT):
        return OWNED if cls.__dictoffset__ != 0 or _has_slots(cls) else kind
    return OWNED if kind == LEAF else kind


def _has_slots(cls: type) -> bool:
    for base in type.mro(cls):
        if _ffi.is_python_class(base) and _namespace(base).get("__slots__"):
            return True
    return False


def _is_frozen_dataclass(cls: type) -> bool:
    parameters = _namespace(cls).get("__dataclass_params__")
    return parameters is not None and getattr(parameters, "frozen", False) is True


# -- Classes as values. ----------------------------------------------------------------------------


def _kind_as_value(cls: type) -> int:
    """Tell whether a class is part of the program, or its methods capture what can be changed.

    That takes a class statement inside a function. What decorators keep in cells of their own
    belongs to the method, as a module-level decorator's does to its function.
    """
    for base in type.mro(cls) if cls is not type else (type,):
        if not _ffi.is_python_class(base) or "<locals>" not in _qualname(base):
            continue
        for member in _namespace(base).values():
            if _captures(member, f"{_qualname(base)}."):
                return CAPTURES
    return COPY


def _captures(member: object, prefix: str) -> bool:
    kind = type(member)
    if kind is property:
        accessors: tuple[Any, ...] = (member.fget, member.fset, member.fdel)  # type: ignore[attr-defined]
        return any(_captures(f, prefix) for f in accessors if f is not None)
    if kind in (staticmethod, classmethod):
        return _captures(member.__func__, prefix)  # type: ignore[attr-defined]
    if not isinstance(member, FunctionType):
        return False
    is_own = member.__code__.co_qualname.startswith(prefix)
    return any(_is_mutable(cell, prefix, is_own) for cell in member.__closure__ or ())


def _is_mutable(cell: CellType, prefix: str, is_own: bool) -> bool:
    try:
        content = cell.cell_contents
    except ValueError:  # `__class__` while the class is made
        return False
    if isinstance(content, type):
        return False
    if not is_own:  # a decorator's, which may have the method inside
        return isinstance(content, FunctionType) and _captures(content, prefix)
    if isinstance(content, FunctionType):
        return not _ffi.is_item(content) and not _ffi.is_frozen(content)
    return not is_shareable(content)
