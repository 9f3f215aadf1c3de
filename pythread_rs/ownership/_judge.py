"""Whether a use of an object is a read, now that the object's type is known."""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from enum import IntEnum
from types import (
    FunctionType,
    MappingProxyType,
    MemberDescriptorType,
    SimpleNamespace,
)
from typing import Any

from pythread_rs.ownership._values import Use

__all__ = ["Verdict", "is_plain", "judge", "python_method", "type_of"]


class Verdict(IntEnum):
    """What a use does to an object, the worst last."""

    NONE = 0
    READ = 1
    MUTATES = 2
    UNKNOWN = 3


_EMPTY: dict[str, int] = {}
_VIEWS: tuple[object, ...] = (_EMPTY.keys(), _EMPTY.values(), _EMPTY.items())
_STRINGS = frozenset(
    name for kind in (str, bytes) for name in vars(kind) if not name.startswith("_")
)
_SEQUENCE = frozenset({"index", "count"})
_DICT = frozenset({"get", "keys", "values", "items", "copy"})
_SET = frozenset(
    {"union", "intersection", "difference", "symmetric_difference", "copy"}
    | {"issubset", "issuperset", "isdisjoint"}
)

_KEYS, _VALUES, _ITEMS = (type(view) for view in _VIEWS)

# Methods known not to mutate, by the type that they are of.
_READ_METHODS: dict[type, frozenset[str]] = {
    list: _SEQUENCE | {"copy"},
    tuple: _SEQUENCE,
    range: _SEQUENCE,
    dict: _DICT,
    OrderedDict: _DICT,
    defaultdict: _DICT,
    Counter: _DICT | {"most_common", "elements", "total"},
    MappingProxyType: _DICT,
    set: _SET,
    frozenset: _SET,
    deque: _SEQUENCE | {"copy"},
    str: _STRINGS,
    bytes: _STRINGS,
    bytearray: _STRINGS,
    memoryview: frozenset({"tolist", "tobytes", "hex"}),
    SimpleNamespace: frozenset(),
    _KEYS: frozenset({"isdisjoint"}),
    _VALUES: frozenset(),
    _ITEMS: frozenset({"isdisjoint"}),
}
# The same for types of modules that may not be imported.
_READ_METHODS_ELSEWHERE: dict[tuple[str, str], frozenset[str]] = {
    ("array", "array"): _SEQUENCE | {"tolist", "tobytes", "buffer_info"},
    ("numpy", "ndarray"): frozenset(
        [
            "sum",
            "mean",
            "min",
            "max",
            "std",
            "var",
            "prod",
            "any",
            "all",
            "argmin",
            "argmax",
            "argsort",
            "cumsum",
            "cumprod",
            "dot",
            "nonzero",
            "copy",
            "tolist",
            "tobytes",
            "item",
            "astype",
            "round",
            "trace",
            "ptp",
            "searchsorted",
        ]
    ),
}
_IMMUTABLE = frozenset({tuple, frozenset, str, bytes, range})
# Types of which an element is an object of its own: no views, no proxies.
_PLAIN = frozenset({list, tuple, dict, OrderedDict, defaultdict, Counter, set, frozenset, deque})

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_RICH = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
_OPERATORS = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "divmod",
    "pow",
    "lshift",
    "rshift",
    "and",
    "xor",
    "or",
    "matmul",
]
_ARITHMETIC = (
    *tuple(f"__{side}{name}__" for name in _OPERATORS for side in ("", "r")),
    "__neg__",
    "__pos__",
    "__invert__",
    "__abs__",
    "__round__",
    "__int__",
    "__float__",
    "__index__",
)
_SPECIAL: dict[str, tuple[str, ...]] = {
    "index": ("__getitem__", "__missing__", "__class_getitem__"),
    "iter": ("__iter__", "__next__", "__getitem__", "__len__", "__reversed__"),
    "len": ("__len__",),
    "contains": ("__contains__", "__iter__", "__getitem__", *_RICH),
    "compare": (*_RICH, "__hash__"),
    "truth": ("__bool__", "__len__"),
    "format": ("__format__", "__str__", "__repr__"),
    "hash": ("__hash__", "__eq__"),
    "arith": (*_ARITHMETIC, "__bool__", "__format__"),
    "mapping": ("keys", "__getitem__"),
}


def type_of(value: object) -> type:
    """Give an object's type, whatever `__class__` says."""
    return type(value)


def known_base(kind: type) -> type | None:
    """Give the first type in the MRO that the tables know."""
    for base in kind.__mro__:
        if base in _READ_METHODS or _elsewhere(base) is not None:
            return base
    return None


def _elsewhere(kind: type) -> frozenset[str] | None:
    key = (kind.__module__, kind.__qualname__)
    methods = _READ_METHODS_ELSEWHERE.get(key)
    # The name alone proves nothing: any class may call itself so.
    module = sys.modules.get(key[0]) if methods is not None else None
    return methods if getattr(module, key[1], None) is kind else None


def is_plain(kind: type) -> bool:
    """Tell whether what an object of this type yields is another object than itself."""
    base = known_base(kind)
    return base in _PLAIN or (base is None and _is_python_class(kind))


def _is_python_class(kind: type) -> bool:
    """Tell whether a class was made by a `class` statement, over such classes only.

    A type of an extension module may be mistaken for one; its methods and descriptors are then
    unknown all the same, because they are not Python functions.
    """
    return bool(kind.__flags__ & _HEAP_TYPE) and all(
        base is object or base.__flags__ & _HEAP_TYPE for base in kind.__mro__
    )


def judge(use: Use, kind: type) -> Verdict:
    """Say what a use does to an object of exactly this type."""
    if use.op == "mutate" or use.op == "next":
        return Verdict.MUTATES
    base = known_base(kind)
    if use.op == "inplace":
        return Verdict.READ if kind in _IMMUTABLE else Verdict.MUTATES
    if use.op == "method":
        return _judge_method(use.name, kind, base)
    if use.op == "attr":
        return _judge_attribute(use.name, kind, base)
    if use.op not in _SPECIAL:
        return Verdict.UNKNOWN
    if base is None and not _is_python_class(kind):
        return Verdict.UNKNOWN
    if use.op == "index" and issubclass(kind, defaultdict):
        return Verdict.MUTATES
    if kind is base:
        return Verdict.READ
    overridden = any(_python_definition(kind, name, base) for name in _SPECIAL[use.op])
    return Verdict.UNKNOWN if overridden else Verdict.READ


def _definition(kind: type, name: str) -> tuple[type, Any] | None:
    for base in kind.__mro__:
        if name in vars(base):
            return base, vars(base)[name]
    return None


def _python_definition(kind: type, name: str, base: type | None) -> bool:
    """Tell whether a special method is code of somebody, not of a type that is known."""
    found = _definition(kind, name)
    if found is None or found[1] is None:
        return False
    owner = found[0]
    return owner is not object and (base is None or owner not in base.__mro__)


def _customizes_attributes(kind: type) -> bool:
    found = _definition(kind, "__getattribute__")
    custom = found is not None and isinstance(found[1], FunctionType)
    return custom or _definition(kind, "__getattr__") is not None


def _judge_attribute(name: str, kind: type, base: type | None) -> Verdict:
    """Judge a plain attribute load: data is a read, what runs code or is bound is unknown."""
    found = _definition(kind, name)
    if kind is base:
        bound = found is not None and callable(found[1])
        return Verdict.UNKNOWN if bound else Verdict.READ
    if not (_is_python_class(kind) or base is not None) or _customizes_attributes(kind):
        return Verdict.UNKNOWN
    if found is None or isinstance(found[1], MemberDescriptorType):
        return Verdict.READ
    return Verdict.UNKNOWN if hasattr(type_of(found[1]), "__get__") else Verdict.READ


def _judge_method(name: str, kind: type, base: type | None) -> Verdict:
    """Judge a method call by the table of the type that the method is of."""
    if base is None or _customizes_attributes(kind):
        return Verdict.UNKNOWN
    found = _definition(kind, name)
    if found is None or found[0] not in base.__mro__:
        return Verdict.UNKNOWN
    if kind is not base and name not in {"append", "pop", "clear"}:
        # Methods of a builtin may call overridden ones.
        return Verdict.UNKNOWN
    elsewhere = _elsewhere(base)
    reads = _READ_METHODS[base] if elsewhere is None else elsewhere
    return Verdict.READ if name in reads else Verdict.MUTATES


def python_method(kind: type, name: str) -> FunctionType | None:
    """Give the plain Python function that a method call runs, if that is what it runs."""
    found = _definition(kind, name)
    if found is None or not isinstance(found[1], FunctionType) or _customizes_attributes(kind):
        return None
    return found[1]
