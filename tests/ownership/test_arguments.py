"""What may be an argument of `spawn`: which variables are dead then, and who else holds it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pythread_rs import (
    Builder,
    JoinHandle,
    Ok,
    SpawnError,
    _ffi,
    spawn,
)
from pythread_rs.ownership import (
    OwnershipError,
    UseAfterMoveError,
    take,
)


class Plain:
    def __init__(self, value: Any = None) -> None:
        self.value = value

    def method(self) -> Any:
        return self.value

    def __call__(self) -> Any:
        return self.value


def size(value: Any) -> int:
    return len(value)


def keywords(**given: Any) -> list[str]:
    return sorted(given)


def refusal_of(function: Callable[[], Any]) -> OwnershipError:
    with pytest.raises(OwnershipError) as refusal:
        function()
    return refusal.value


# -- Variables that are dead. ----------------------------------------------------------------------


def last_use() -> JoinHandle[int]:
    data = [1, 2]
    return spawn(size, data)


def last_use_of_a_parameter(data: Any = None) -> JoinHandle[int]:
    data = data or [1, 2]
    return spawn(size, data)


def reassigned() -> JoinHandle[int]:
    data = [1, 2]
    handle = spawn(size, data)
    data = [3]
    assert data == [3]
    return handle


def deleted() -> JoinHandle[int]:
    data = [1, 2]
    handle = spawn(size, data)
    del data
    return handle


def read_in_another_branch() -> JoinHandle[int]:
    data = [1, 2]
    if size(data) == 2:
        return spawn(size, data)
    return spawn(size, [*data])


def in_a_loop_with_a_new_value() -> JoinHandle[int]:
    handles = []
    for number in range(3):
        data = [number, number]
        handles.append(spawn(size, data))
    return handles.pop(0)


def in_a_handler() -> JoinHandle[int]:
    data = [1, 2]
    try:
        raise ValueError(data)  # the handler is the point
    except ValueError as error:
        error.args = ()
        return spawn(size, data)


def in_finally() -> JoinHandle[int]:
    data = [1, 2]
    try:
        size(data)
    finally:
        handle = spawn(size, data)
    return handle


def in_a_generator() -> JoinHandle[int]:
    def steps() -> Iterator[JoinHandle[int]]:
        data = [1, 2]
        yield spawn(size, data)
        yield spawn(size, [])

    return next(steps())


def in_a_with_block() -> JoinHandle[int]:
    data = [1, 2]
    with pytest.MonkeyPatch.context():
        return spawn(size, data)


def by_keyword() -> JoinHandle[int]:
    data = [1, 2]
    return spawn(size, value=data)


def with_a_builder() -> JoinHandle[int]:
    data = [1, 2]
    return Builder(name="x").spawn(size, data)


def two_names_that_are_dead() -> JoinHandle[int]:
    data = [1, 2]
    other = data
    assert other is data
    return spawn(size, data)


def taken() -> JoinHandle[int]:
    data = [1, 2]
    return spawn(size, take(lambda: data))


def a_part_of_a_dead_variable() -> JoinHandle[int]:
    data = {"a": [1, 2]}
    return spawn(size, data.pop("a"))


def handed_down() -> JoinHandle[int]:
    def inner(data: list[int]) -> JoinHandle[int]:
        return spawn(size, data)

    data = [1, 2]
    return inner(data)


def a_match_that_is_over() -> JoinHandle[int]:
    match [[1, 2], 3]:
        case [data, 3]:
            return spawn(size, data)
    raise AssertionError


def read_when_the_spawn_has_failed() -> JoinHandle[int]:
    data = [1, 2]
    try:
        return spawn(size, data)
    except SpawnError:  # nothing was moved then
        return spawn(size, [*data])


ACCEPTED = [
    last_use,
    last_use_of_a_parameter,
    reassigned,
    deleted,
    read_in_another_branch,
    in_a_loop_with_a_new_value,
    in_a_handler,
    in_finally,
    in_a_generator,
    in_a_with_block,
    by_keyword,
    with_a_builder,
    two_names_that_are_dead,
    taken,
    a_part_of_a_dead_variable,
    handed_down,
    a_match_that_is_over,
    read_when_the_spawn_has_failed,
]


@pytest.mark.parametrize("program", ACCEPTED)
def test_a_variable_that_is_never_read_again_is_no_holder(
    program: Callable[[], JoinHandle[int]],
) -> None:
    handle = program()
    assert handle.join() == Ok(2)


# -- Variables that are read again. ----------------------------------------------------------------


def read_later() -> object:
    data = [1, 2]
    handle = spawn(size, data)
    return handle, data


def read_in_a_later_branch() -> object:
    data = [1, 2]
    handle = spawn(size, data)
    if handle.is_finished():
        return data
    return None


def read_in_a_handler_of_what_follows() -> object:
    data = [1, 2]
    try:
        handle = spawn(size, data)
        return handle.join()
    except ValueError:
        return data


def read_in_finally() -> object:
    data = [1, 2]
    try:
        return spawn(size, data)
    finally:
        size(data)


def moved_in_each_round() -> object:
    data = [1, 2]
    return [spawn(size, data) for _ in range(2)]


def moved_in_each_turn() -> object:
    data = [1, 2]
    handles = []
    for _ in range(2):
        handles.append(spawn(size, data))  # noqa: PERF401  # the loop is the point
    return handles


def moved_while() -> object:
    data = [1, 2]
    while True:
        spawn(size, data)


def read_after_a_yield() -> object:
    def steps() -> Iterator[object]:
        data = [1, 2]
        yield spawn(size, data)
        yield data

    return list(steps())


def read_by_a_closure() -> object:
    data = [1, 2]

    def later() -> list[int]:
        return data

    return spawn(size, data), later


def returned() -> object:
    data = [1, 2]
    spawn(size, data)
    return data


def augmented() -> object:
    data = [1, 2]
    handle = spawn(size, data)
    data += [3]
    return handle


LATER = [
    read_later,
    read_in_a_later_branch,
    read_in_a_handler_of_what_follows,
    read_in_finally,
    moved_in_each_turn,
    moved_while,
    read_after_a_yield,
    returned,
    augmented,
]


@pytest.mark.parametrize("program", LATER)
def test_a_variable_that_is_read_again_is_used_after_the_move(
    program: Callable[[], object],
) -> None:
    error = refusal_of(program)
    assert isinstance(error, UseAfterMoveError)
    assert error.path == "data"
    assert "`data`" in str(error)


@pytest.mark.parametrize("program", [moved_in_each_turn, moved_while])
def test_in_a_loop_the_text_says_so(program: Callable[[], object]) -> None:
    assert "in previous iteration of loop" in str(refusal_of(program))


@pytest.mark.parametrize("program", [moved_in_each_round, read_by_a_closure])
def test_so_is_one_that_a_closure_or_comprehension_reads(program: Callable[[], object]) -> None:
    assert refusal_of(program).code in {"E0382", "E0505"}


# -- Others who hold it. ---------------------------------------------------------------------------


class Registry:
    kept: list[Any]


def an_attribute() -> object:
    registry = Registry()
    registry.kept = [1]
    return spawn(size, registry.kept), registry


def an_element() -> object:
    table = {"a": [1]}
    return spawn(size, table["a"]), table


def an_inner_name() -> object:
    inner = [1]
    data = {"inner": inner}
    return spawn(size, data), inner


def a_callers_name() -> object:
    def work(data: list[int]) -> object:
        return spawn(size, data)

    data = [1]
    return work(data), data


def a_default() -> object:
    data = [1]

    def work(kept: list[int] = data) -> list[int]:
        return kept

    return spawn(work), work


def a_partial() -> object:
    data = [1]
    return spawn(functools.partial(size, data)), data


def a_bound_method() -> object:
    value = Plain([1])
    return spawn(value.method), value


def a_callable_object() -> object:
    value = Plain([1])
    return spawn(value), value


def an_iterator() -> object:
    data = [1]
    return spawn(list, iter(data)), data


HELD = {
    an_attribute: ("E0505", ""),
    an_element: ("E0505", ""),
    an_inner_name: ("E0505", "data['inner']"),
    a_callers_name: ("E0505", "data"),
    a_default: ("E0382", "work"),
    a_partial: ("E0505", ""),
    a_bound_method: ("E0505", ""),
    a_callable_object: ("E0382", "value"),
    an_iterator: ("E0505", ""),
}


@pytest.mark.parametrize(("program", "refusal"), HELD.items())
def test_what_somebody_else_holds_is_borrowed(
    program: Callable[[], object], refusal: tuple[str, str]
) -> None:
    code, path = refusal
    error = refusal_of(program)
    assert error.code == code
    assert path in error.path


def test_the_holders_are_named() -> None:
    error = refusal_of(an_inner_name)
    assert error.path == "data['inner']"
    assert any("`inner`" in holder for holder in error.holders)
    assert "an_inner_name" in str(error)


def test_a_global_holds_it() -> None:
    # Not this module's own: what the import made is out of the collector's sight (conftest.py).
    names = {"GLOBAL": [[1]], "spawn": spawn, "size": size}
    error = refusal_of(eval("lambda: spawn(size, GLOBAL[0])", names))
    assert error.code == "E0505"
    assert any("GLOBAL" in holder or "list" in holder for holder in error.holders)


# -- Refusals. -------------------------------------------------------------------------------------


def test_keyword_arguments_are_checked_like_the_others() -> None:
    data = [1]
    error = refusal_of(lambda: spawn(keywords, first=1, second=[data]))
    assert error.code == "E0505"
    assert data == [1]
    handle = spawn(keywords, first=1, second=[2])
    assert handle.join() == Ok(["first", "second"])


def test_a_refused_argument_is_left_as_it_was() -> None:
    def attempt() -> tuple[Any, Any]:
        inner = [1]
        data = {"inner": inner}
        try:
            spawn(size, data)
        except OwnershipError:
            return sys._getframe().f_locals["data"], inner
        raise AssertionError

    data, inner = attempt()
    assert data == {"inner": [1]}
    assert data["inner"] is inner


def test_no_thread_was_started_for_what_was_refused() -> None:
    before = _ffi.statistics()["spawned"]
    for program in [*LATER, *HELD]:
        refusal_of(program)
    assert _ffi.statistics()["spawned"] == before
