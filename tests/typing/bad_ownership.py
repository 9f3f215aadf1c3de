"""What mypy --strict and pyright must refuse about `pythread_rs.ownership`: lines marked E."""

from __future__ import annotations

from pythread_rs import Own, drain, freeze, move, shared, spawn, take
from pythread_rs.ownership import Frozen, impl_send, is_send


def moves(data: list[int]) -> None:
    move(data)  # E
    move(lambda x: x)(1, 2)  # E
    spawn(move(lambda: sum(data)), 1)  # E
    take(data)  # E
    take(lambda x: x)  # E


def wrappers(data: list[int]) -> None:
    Own(data).value.upper()  # E
    Own(data).value = data  # E
    shared(data).append(1)  # E
    drain(5)  # E


def freezing(data: list[int], table: dict[str, int]) -> None:
    freeze(data).append(1)  # E
    frozen: Frozen[str, int] = freeze(table)
    frozen["a"] = 1  # E


def marks() -> None:
    impl_send(5)  # E
    is_send()  # E
