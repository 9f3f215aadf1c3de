"""take, drain, Own, freeze, and what is left of captures, arguments and results after `join`."""

from __future__ import annotations

import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pythread_rs import Builder, Ok, SpawnError, current, move, spawn
from pythread_rs.ownership import (
    NotSendError,
    Own,
    OwnershipError,
    UseAfterMoveError,
    drain,
    freeze,
    is_sync,
    take,
)
from pythread_rs.panic import set_hook, take_hook

LARGEST = sys.maxsize  # a stack that no OS gives


class Plain:
    def __init__(self) -> None:
        self.value = [1]


@pytest.fixture
def reports() -> Iterator[list[Any]]:
    """Let the panic hook collect, in the place of printing."""
    found: list[Any] = []
    set_hook(lambda info: found.append(str(info)))
    yield found
    take_hook()


def capturing(value: Any) -> Callable[[], Any]:
    return lambda: value


def contents(closure: Any) -> list[Any]:
    """Return what each cell holds; "empty" where it holds nothing."""
    found = []
    for cell in closure:
        try:
            found.append(cell.cell_contents)
        except ValueError:
            found.append("empty")
    return found


# -- take, drain, Own, freeze. ---------------------------------------------------------------------


def test_take_empties_the_variable() -> None:
    source = capturing([1])
    assert take(source) == [1]
    assert contents(source.__closure__) == ["empty"]
    with pytest.raises(UseAfterMoveError):
        take(source)


def test_what_was_taken_has_one_holder() -> None:
    data = [1]
    handle = spawn(list, take(lambda: data))
    assert handle.join() == Ok([1])


def test_take_leaves_what_is_copy() -> None:
    source = capturing((1, 2))
    assert take(source) == (1, 2)
    assert take(source) == (1, 2)


@pytest.mark.parametrize("wrong", [None, 1, len, Plain, lambda: 1, lambda a, b: a + b])
def test_take_takes_a_lambda_with_one_variable(wrong: Any) -> None:
    with pytest.raises(TypeError, match="take takes a lambda"):
        take(wrong)


def test_take_of_two_variables_is_refused_and_changes_nothing() -> None:
    def make() -> Callable[[], Any]:
        a, b = [1], [2]
        return lambda: (a, b)

    source = make()
    with pytest.raises(TypeError, match="take takes a lambda"):
        take(source)
    assert source() == ([1], [2])


@pytest.mark.parametrize("kind", [list, deque, set, dict.fromkeys])
def test_drain_hands_out_what_a_container_holds(kind: Any) -> None:
    values = kind([1, 2, 3])
    drained = drain(values)
    assert len(drained) == 3
    assert len(values) == 0
    assert sorted(drained) == [1, 2, 3]
    assert len(drained) == 0


def test_each_drained_value_can_go_to_a_thread() -> None:
    chunks = [[1, 2], [3], []]
    handles = []
    for number, chunk in drain(chunks).enumerate(10):
        handles.append((number, spawn(sum, chunk)))
    assert [(number, handle.join()) for number, handle in handles] == [
        (10, Ok(3)),
        (11, Ok(3)),
        (12, Ok(0)),
    ]


def test_an_own_goes_through_many_calls() -> None:
    def three(value: Own[list[int]]) -> Any:
        return spawn(lambda own: own.take(), value)

    def two(value: Own[list[int]]) -> Any:
        return next(map(three, [value]))

    data = Own([1, 2])
    handle = two(data)
    assert handle.join() == Ok([1, 2])
    assert repr(data) == "Own { moved }"
    with pytest.raises(UseAfterMoveError):
        data.take()
    with pytest.raises(UseAfterMoveError):
        _ = data.value


def test_an_own_that_was_refused_still_has_its_value() -> None:
    inner = [1]
    data = Own([inner])
    with pytest.raises(OwnershipError):
        spawn(repr, data)
    assert data.value == [[1]]
    assert data.take()[0] is inner


def test_an_own_for_which_there_is_no_thread_has_its_value() -> None:
    data = Own([1])
    with pytest.raises(SpawnError):
        Builder(stack_size=LARGEST).spawn(lambda own: own.take(), data)
    assert data.take() == [1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1, [2]], (1, (2,))),
        ({1, 2}, frozenset({1, 2})),
        (bytearray(b"ab"), b"ab"),
        ((1, [2]), (1, (2,))),
        ("text", "text"),
        ({"a": [1]}, {"a": (1,)}),
    ],
)
def test_a_frozen_value_may_be_held_by_many(value: Any, expected: Any) -> None:
    frozen = freeze(value)
    assert frozen == expected
    assert is_sync(frozen)
    handle = spawn(repr, frozen)
    assert handle.join() == Ok(repr(frozen))
    assert freeze(frozen) is frozen


@pytest.mark.parametrize("make", [Plain, deque, lambda: [Plain()], lambda: {"a": iter([1])}])
def test_what_cannot_be_frozen_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(NotSendError):
        freeze(make())


def test_a_mapping_cannot_be_changed() -> None:
    frozen: Any = freeze({"a": 1})
    with pytest.raises(TypeError):
        frozen["a"] = 2
    with pytest.raises(AttributeError):
        frozen.a = 2
    with pytest.raises(AttributeError):
        frozen._items = {}
    assert frozen == {"a": 1}
    assert hash(frozen) == hash(freeze({"a": 1}))


# -- What comes back from the thread. --------------------------------------------------------------


class Noted:
    """A value that says on which thread it went."""

    def __init__(self, gone: queue.SimpleQueue[Any]) -> None:
        self.gone = gone

    def __del__(self) -> None:
        self.gone.put(current().id)


def ends(value: Noted) -> None:
    assert value is not None


def by_keyword(*, work: Callable[[Noted], None], value: Noted) -> None:
    work(value)


def panics(value: Noted) -> None:
    raise ValueError(f"{type(value).__name__} was here")


@pytest.mark.parametrize("work", [ends, panics])
@pytest.mark.parametrize("way", ["argument", "keyword", "capture"])
def test_captures_and_arguments_are_gone_when_join_returns(
    work: Callable[[Noted], None], way: str, reports: list[Any]
) -> None:
    gone: queue.SimpleQueue[Any] = queue.SimpleQueue()
    if way == "argument":
        handle = spawn(work, Noted(gone))
    elif way == "keyword":
        handle = spawn(by_keyword, work=work, value=Noted(gone))
    else:
        value = Noted(gone)
        handle = spawn(move(lambda: work(value)))
    thread = handle.thread.id
    result = handle.join()
    assert gone.get_nowait() == thread
    assert result.is_ok() == (work is ends)


@pytest.mark.parametrize("make", [sys._getframe, threading.local])
def test_a_result_that_is_bound_to_its_thread_is_an_error(make: Callable[[], Any]) -> None:
    handle = spawn(make)
    error = handle.join().unwrap_err()
    assert isinstance(error, NotSendError)
    assert error.code == "E0277"
