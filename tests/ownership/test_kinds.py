"""What the check knows of types: the table of kinds, one program for each row."""

from __future__ import annotations

import array
import ast
import asyncio
import collections
import contextvars
import ctypes
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import io
import itertools
import logging
import operator
import pathlib
import queue
import random
import re
import socket
import sqlite3
import sys
import threading
import types
import uuid
import weakref
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from pythread_rs import Ok, _ffi, spawn
from pythread_rs.ownership import (
    OwnershipError,
    explain,
    is_send,
    is_sync,
)


class Plain:
    def __init__(self, value: object = None) -> None:
        self.value = value

    def method(self) -> object:
        return self.value


class Slotted:
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = [1]


class Point(NamedTuple):
    x: int
    y: Any


class Colour(enum.Enum):
    RED = 1


class OfList(list[int]):
    pass


class OfInt(int):
    pass


@dataclasses.dataclass
class Record:
    values: list[int]


@dataclasses.dataclass(frozen=True)
class FrozenRecord:
    value: Any


def counted() -> Iterator[int]:
    kept = [1]
    yield from kept


async def awaited() -> int:
    return 1


def started(iterator: Iterator[Any]) -> Iterator[Any]:
    next(iterator)
    return iterator


def materialised(value: Any) -> Any:
    assert value.__dict__
    return value


def capturing(value: Any) -> Callable[[], Any]:
    return lambda: value


def cyclic() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def with_weakref() -> list[Any]:
    made = Plain()
    return [made, weakref.ref(made)]


def with_callback() -> list[Any]:
    made, seen = Plain(), []  # type: ignore[var-annotated]
    return [made, seen, weakref.ref(made, seen.append)]


def raised_before() -> Exception:
    return ValueError([1]).with_traceback(None)


OWNED: dict[str, Callable[[], Any]] = {
    "list": lambda: [1, [2]],
    "dict": lambda: {"a": [1], (1, 2): {}},
    "set": lambda: {1, "a"},
    "deque": lambda: collections.deque([[1]]),
    "OrderedDict": lambda: collections.OrderedDict(a=[1]),
    "defaultdict": lambda: collections.defaultdict(list, a=[1]),
    "Counter": lambda: collections.Counter("abc"),
    "ChainMap": lambda: collections.ChainMap({"a": 1}),
    "UserDict": lambda: collections.UserDict(a=1),
    "bytearray": lambda: bytearray(8),
    "array": lambda: array.array("d", [1.0]),
    "memoryview": lambda: memoryview(bytearray(8)),
    "slice of a memoryview": lambda: memoryview(bytearray(8))[2:4],
    "instance": lambda: Plain([1]),
    "instance with its __dict__": lambda: materialised(Plain([1])),
    "slots": Slotted,
    "dataclass": lambda: Record([1]),
    "frozen dataclass of a list": lambda: FrozenRecord([1]),
    "namedtuple of a list": lambda: Point(1, [2]),
    "tuple of a list": lambda: (1, [2]),
    "list subclass": lambda: OfList([1]),
    "int subclass": lambda: OfInt(1),
    "namespace": lambda: types.SimpleNamespace(a=[1]),
    "partial": lambda: functools.partial(print, [1]),
    "bound method": lambda: Plain([1]).method,
    "bound method of C": lambda: [].append,
    "closure": lambda: capturing([1]),
    "cell": lambda: types.CellType([1]),
    "iterator": lambda: iter([1]),
    "zip": lambda: zip([1], [2], strict=True),
    "enumerate": lambda: enumerate([1]),
    "map": lambda: map(int, ["1"]),
    "chain": lambda: itertools.chain([1], [2]),
    "dict view": lambda: {"a": 1}.items(),
    "generator": counted,
    "suspended generator": lambda: started(counted()),
    "BytesIO": lambda: io.BytesIO(b"abc"),
    "StringIO": lambda: io.StringIO("abc"),
    "Random": lambda: random.Random(1),
    "exception": raised_before,
    "cycle": cyclic,
    "weak reference inside": with_weakref,
    "weak reference with a callback": with_callback,
    "mapping proxy": lambda: types.MappingProxyType({"a": 1}),
    "itemgetter of a list": lambda: operator.itemgetter([1]),
}
SHAREABLE: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "int": lambda: 10**20,
    "float": lambda: 1.5,
    "str": lambda: str(10**9),
    "bytes": lambda: bytes(8),
    "range": lambda: range(10**20),
    "Decimal": lambda: decimal.Decimal("1.5"),
    "Fraction": lambda: fractions.Fraction(1, 2),
    "date": lambda: dt.date(2024, 1, 1),
    "datetime": lambda: dt.datetime.now(dt.UTC),
    "UUID": uuid.uuid4,
    "pattern": lambda: re.compile("a+b"),
    "path": lambda: pathlib.Path("a/b"),
    "enum member": lambda: Colour.RED,
    "class": lambda: Plain,
    "module": lambda: re,
    "function": lambda: counted,
    "builtin": lambda: len,
    "tuple": lambda: (1, ("a", 2.5)),
    "tuple of a Decimal": lambda: (decimal.Decimal(1), uuid.uuid4()),
    "frozenset": lambda: frozenset([1, (2, 3)]),
    "namedtuple": lambda: Point(1, 2),
    "frozen dataclass": lambda: FrozenRecord((1, 2)),
    "slice": lambda: slice(1, 2),
    "generic alias": lambda: list[int],
    "itemgetter": lambda: operator.itemgetter(1),
    "Lock": threading.Lock,
    "RLock": threading.RLock,
    "Event": threading.Event,
    "Condition": threading.Condition,
    "Semaphore": lambda: threading.Semaphore(2),
    "Barrier": lambda: threading.Barrier(2),
    "Queue": queue.Queue,
    "SimpleQueue": queue.SimpleQueue,
    "Logger": lambda: logging.getLogger("test"),
    "ContextVar": lambda: contextvars.ContextVar("x"),
}


class Loop:
    """An event loop in a list that closes it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def __del__(self) -> None:
        self.loop.close()


def with_traceback() -> BaseException:
    try:
        raise ValueError  # its traceback is what this is about
    except ValueError as error:
        return error


BOUND: dict[str, Callable[[], Any]] = {
    "frame": sys._getframe,
    "traceback": lambda: with_traceback().__traceback__,
    "exception with a traceback": with_traceback,
    "threading.local": threading.local,
    "ctypes": lambda: ctypes.c_int(1),
    "socket": lambda: socket.socket(),
    "file": lambda: open(__file__, "rb"),  # noqa: SIM115  # goes with its list
    "decompressor": lambda: zlib.decompressobj(),
    "syntax tree": lambda: ast.parse("x = 1"),
    "tee": lambda: itertools.tee([1])[0],
    "event loop": Loop,
    "context": contextvars.copy_context,
    "database": lambda: sqlite3.connect(":memory:"),
}


def consume(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize("make", OWNED.values(), ids=OWNED)
def test_what_nobody_else_holds_goes_to_the_thread(make: Callable[[], Any]) -> None:
    handle = spawn(consume, make())  # not within the assert: pytest keeps its parts
    assert handle.join().is_ok()


@pytest.mark.parametrize("make", OWNED.values(), ids=OWNED)
def test_what_somebody_holds_stays(make: Callable[[], Any]) -> None:
    held = make()
    with pytest.raises(OwnershipError) as refusal:
        spawn(consume, [held])
    assert refusal.value.code == "E0505"
    assert held is not None


@pytest.mark.parametrize("make", SHAREABLE.values(), ids=SHAREABLE)
def test_what_is_copy_or_sync_may_be_held(make: Callable[[], Any]) -> None:
    held = make()
    handle = spawn(consume, [held])
    assert handle.join() == Ok("list")
    handle = spawn(consume, held)
    assert handle.join().is_ok()
    assert is_sync(held)
    assert is_send(held)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("make", BOUND.values(), ids=BOUND)
def test_what_is_bound_or_unknown_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(OwnershipError) as refusal:
        spawn(consume, [make()])
    assert refusal.value.code == "E0277"
    assert not is_send(make())
    assert "not Send" in explain(make())


def test_a_coroutine_may_go() -> None:
    handle = spawn(asyncio.run, awaited())
    assert handle.join() == Ok(1)


# -- Places where a type hides what it holds. ------------------------------------------------------


class NamedRef(weakref.ref[Plain]):
    """A subclass has room for attributes, which `weakref.ref` knows nothing of."""


def in_a_callback(value: Any) -> Any:
    target = Plain()
    return [target, weakref.ref(target, capturing_callback(value))]


def capturing_callback(value: Any) -> Callable[[object], None]:
    return lambda _: value.append(1)


def in_a_subclass_of_ref(value: Any) -> Any:
    target = Plain()
    made = NamedRef(target)
    made.value = value  # type: ignore[attr-defined]
    return [target, made]


def in_a_template(value: Any) -> Any:
    if sys.version_info < (3, 14):
        pytest.skip("there are no template strings")
    return eval("t'{value}'", {"value": value})


def in_an_instance_dict(value: Any) -> Any:
    made = Plain()
    attributes = made.__dict__
    made.value = value
    made.me = made  # type: ignore[attr-defined]
    return attributes


def in_a_default(value: Any) -> Any:
    def made(kept: Any = value) -> Any:
        return kept

    return made


def in_a_keyword_default(value: Any) -> Any:
    def made(*, kept: Any = value) -> Any:
        return kept

    return made


def in_a_function_attribute(value: Any) -> Any:
    made = capturing(1)
    made.value = value  # type: ignore[attr-defined]
    return made


def in_a_method_caller(value: Any) -> Any:
    made = operator.methodcaller("append", value)
    made([])
    return made


def in_an_exception(value: Any) -> Any:
    made = ValueError()
    made.__context__ = KeyError(value)
    return made


HIDDEN: dict[str, Callable[[Any], Any]] = {
    "callback of a weak reference": in_a_callback,
    "subclass of weakref.ref": in_a_subclass_of_ref,
    "template string": in_a_template,
    "dict of an instance": in_an_instance_dict,
    "default": in_a_default,
    "keyword-only default": in_a_keyword_default,
    "attribute of a function": in_a_function_attribute,
    "method caller": in_a_method_caller,
    "context of an exception": in_an_exception,
    "cached function": lambda value: functools.lru_cache(capturing(value)),
    "match": lambda value: re.match(b"", memoryview(value)),
    "generic alias": lambda value: types.GenericAlias(list, (value,)),
    "chain map": lambda value: collections.ChainMap({"a": value}),
    "key of a dict": lambda value: {in_a_default(value): 1},
    "frame of a generator": lambda value: started(iter_over(value)),
    "unstarted generator": lambda value: iter_over(value),
    "slice": lambda value: slice(value),
    "frozen dataclass": FrozenRecord,
    "frozen dataclass with its __dict__": lambda value: materialised(FrozenRecord(value)),
    "super": lambda value: super(Plain, Plain(value)),
    "view of a dict": lambda value: {"a": value}.values(),
}


def iter_over(value: Any) -> Iterator[int]:
    yield 1
    yield len(value)


@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN)
def test_what_hides_a_held_object_is_refused(hide: Callable[[Any], Any]) -> None:
    held = bytearray(b"held")
    with pytest.raises(OwnershipError) as refusal:
        spawn(consume, [hide(held)])
    assert refusal.value.code == "E0505"
    assert held == b"held"


@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN)
def test_what_hides_an_object_of_its_own_goes(hide: Callable[[Any], Any]) -> None:
    handle = spawn(consume, [hide(bytearray(b"alone"))])
    assert handle.join() == Ok("list")


def test_a_variable_that_two_closures_share_stays_if_one_assigns_it() -> None:
    def make(value: Any) -> tuple[Callable[[], None], Callable[[], Any]]:
        def write() -> None:
            nonlocal value
            value = [2]

        return write, lambda: value

    for value in (None, len, Plain, [1]):
        write, read = make(value)
        with pytest.raises(OwnershipError) as refusal:
            spawn(consume, [write])
        assert refusal.value.code == "E0505"
        with pytest.raises(OwnershipError):
            spawn(consume, [read])
        assert read() == value
        del write


def test_the_dict_of_an_instance_does_not_hide_what_is_in_it() -> None:
    """On some CPythons the instance's values are not visited from there (gh-130327)."""
    made = Plain([1])
    attributes = made.__dict__
    found = _ffi.mutable_nodes([attributes])
    assert id(made.value) in found


@pytest.mark.parametrize("make", [dict, list, set, lambda: types.CellType(len)])
def test_an_immutable_object_that_is_held_must_not_lead_to_what_changes(
    make: Callable[[], Any],
) -> None:
    """Also if nobody else holds that, and though an instance's own `__dict__` is a dict, too."""
    kept = FrozenRecord(make())
    looked_at = materialised(FrozenRecord(make()))
    functions = (in_a_default(make()), in_a_keyword_default(make()))
    for held in (kept, looked_at, (make(),), Point(1, make()), *functions):
        with pytest.raises(OwnershipError) as refusal:
            spawn(consume, [held])
        assert refusal.value.code == "E0505"
        assert not is_sync(held)
