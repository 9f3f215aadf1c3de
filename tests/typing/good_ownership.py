"""What mypy --strict and pyright must infer about `pythread_rs.ownership`; every line is right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_type

from pythread_rs import JoinHandle, Own, assume_send, drain, freeze, move, shared, spawn, take
from pythread_rs.ownership import (
    Drain,
    Frozen,
    OwnershipError,
    Shared,
    explain,
    impl_copy,
    impl_send,
    impl_sync,
    is_send,
    is_sync,
    not_send,
)


def moves(data: list[int]) -> None:
    assert_type(move(lambda: sum(data)), Callable[[], int])
    assert_type(spawn(move(lambda: data)), JoinHandle[list[int]])
    assert_type(take(lambda: data), list[int])

    @move
    def work(first: int, *, second: str = "") -> bytes:
        return bytes(data) + bytes(first) + second.encode()

    assert_type(work(1, second="a"), bytes)
    assert_type(spawn(work, 1, second="a"), JoinHandle[bytes])


def draining(rows: list[list[int]]) -> None:
    assert_type(drain(rows), Drain[list[int]])
    for row in drain(rows):
        assert_type(row, list[int])
    assert_type(drain({"a", "b"}).enumerate(), Iterator[tuple[int, str]])


def wrappers(data: list[int]) -> None:
    assert_type(Own(data), Own[list[int]])
    assert_type(Own(data).value, list[int])
    assert_type(Own(data).take(), list[int])
    assert_type(shared(data), Shared[list[int]])
    assert_type(shared(data).value, list[int])
    assert_type(assume_send(data), list[int])
    assert_type(spawn(assume_send(lambda: data.pop())), JoinHandle[int])


def freezing(data: list[int], names: set[str], table: dict[str, int]) -> None:
    assert_type(freeze(data), tuple[int, ...])
    assert_type(freeze(names), frozenset[str])
    assert_type(freeze(table), Frozen[str, int])
    assert_type(freeze(table)["a"], int)
    assert_type(freeze(bytearray()), bytes)
    assert_type(freeze(3.5), float)


@impl_send
class Parser:
    """Marked by a plain decorator."""


@impl_send(traverse=lambda parser: [parser])
class Holder:
    """Marked with what it holds."""


@impl_sync
class Registry:
    """Made for several threads."""


@impl_copy
class Point:
    """Never changes."""


@not_send
class Window:
    """Stays where it is."""


def marked() -> None:
    assert_type(Parser(), Parser)
    assert_type(Holder(), Holder)
    assert_type((Registry(), Point(), Window()), tuple[Registry, Point, Window])
    assert_type(is_send(Parser()), bool)
    assert_type(is_sync(Parser()), bool)
    assert_type(explain(Parser()), str)


def errors(error: OwnershipError) -> None:
    assert_type(error.code, str)
    assert_type(error.path, str)
    assert_type(error.holders, tuple[str, ...])
