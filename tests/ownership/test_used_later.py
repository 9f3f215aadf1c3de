"""Captured variables that somebody reads after the move: E0382, before any thread starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pythread_rs import JoinHandle, Ok, move, spawn
from pythread_rs.ownership import UseAfterMoveError, take

# -- Read later. -----------------------------------------------------------------------------------


def read() -> object:
    data = [1]
    moved = move(lambda: data)
    return moved, data


def read_after_the_spawn() -> object:
    data = [1]
    handle = spawn(move(lambda: sum(data)))
    return handle.join(), data


def read_in_a_branch() -> object:
    data = [1]
    moved = move(lambda: data)
    return moved if callable(moved) else data


def read_in_the_next_turn() -> object:
    data = [1]
    moved = []
    for _ in range(2):
        moved.append(move(lambda: data))  # noqa: PERF401  # the loop is the point
    return moved


def changed_in_place() -> object:
    data = [1]
    moved = move(lambda: data)
    data.append(2)
    return moved


def added_to() -> object:
    data = [1]
    moved = move(lambda: data)
    data += [2]
    return moved


def read_in_a_comprehension() -> object:
    data = [1]
    moved = move(lambda: data)
    return moved, [data for _ in range(1)]


def read_by_a_closure_that_is_called_later() -> object:
    data = [1]

    def other() -> list[int]:
        return data

    moved = move(lambda: data)
    return moved, other()


def read_by_a_closure_that_is_returned() -> object:
    data = [1]

    def other() -> list[int]:
        return data

    moved = move(lambda: data)
    return moved, other


def read_by_a_closure_that_is_made_later() -> object:
    data = [1]
    moved = move(lambda: data)
    return moved, lambda: data


def read_in_the_handler_of_a_later_error() -> object:
    data = [1]
    try:
        moved = move(lambda: data)
        return moved()
    except ValueError:
        return data


def read_in_finally() -> object:
    data = [1]
    try:
        return move(lambda: data)
    finally:
        len(data)


def read_after_a_yield() -> object:
    def steps() -> Iterator[object]:
        data = [1]
        yield move(lambda: data)
        yield data

    return list(steps())


def moved_by_a_decorator() -> object:
    data = [1]

    @move
    def work() -> list[int]:
        return data

    return work, data


def taken() -> object:
    data = [1]
    value = take(lambda: data)
    return value, data


LATER = [
    read,
    read_after_the_spawn,
    read_in_a_branch,
    read_in_the_next_turn,
    changed_in_place,
    added_to,
    read_in_a_comprehension,
    read_by_a_closure_that_is_called_later,
    read_by_a_closure_that_is_returned,
    read_by_a_closure_that_is_made_later,
    read_in_the_handler_of_a_later_error,
    read_in_finally,
    read_after_a_yield,
    moved_by_a_decorator,
    taken,
]


@pytest.mark.parametrize("program", LATER)
def test_a_captured_variable_that_is_read_later_is_refused(program: Callable[[], object]) -> None:
    with pytest.raises(UseAfterMoveError) as refusal:
        program()
    assert refusal.value.code == "E0382"
    assert refusal.value.path == "data"
    assert "used here after move" in str(refusal.value) or "iteration of loop" in str(refusal.value)


# -- Not read later. -------------------------------------------------------------------------------


def last_use() -> JoinHandle[int]:
    data = [1, 2]
    return spawn(move(lambda: len(data)))


def read_before() -> JoinHandle[int]:
    data = [1, 2]
    assert data
    return spawn(move(lambda: len(data)))


def assigned_later() -> JoinHandle[int]:
    data = [1, 2]
    handle = spawn(move(lambda: len(data)))
    data = [3]
    assert data == [3]
    return handle


def new_in_each_turn() -> JoinHandle[int]:
    handles = []
    for number in range(2):
        data = [number, number]
        handles.append(spawn(move(lambda: len(data))))  # noqa: B023  # they are moved
    return handles.pop()


def a_number_that_is_read_later() -> JoinHandle[int]:
    number, data = 2, [1, 2]
    handle = spawn(move(lambda: len(data) * number // 2))
    assert number == 2
    return handle


def read_by_a_closure_that_is_gone() -> JoinHandle[int]:
    data = [1, 2]

    def other() -> list[int]:
        return data

    assert other() == [1, 2]
    del other
    return spawn(move(lambda: len(data)))


def read_in_the_other_branch() -> JoinHandle[int]:
    data = [1, 2]
    if len(data) == 2:
        return spawn(move(lambda: len(data)))
    return spawn(len, data)


@pytest.mark.parametrize(
    "program",
    [
        last_use,
        read_before,
        assigned_later,
        new_in_each_turn,
        a_number_that_is_read_later,
        read_by_a_closure_that_is_gone,
        read_in_the_other_branch,
    ],
)
def test_one_that_is_not_goes_to_the_thread(program: Callable[[], JoinHandle[int]]) -> None:
    handle = program()
    assert handle.join() == Ok(2)


def test_nothing_was_moved_by_a_move_that_is_refused() -> None:
    held: list[Any] = []

    def program() -> object:
        data = [1]
        held.append(lambda: data)
        moved = move(lambda: data)
        return moved, data

    with pytest.raises(UseAfterMoveError):
        program()
    assert held[0]() == [1]
