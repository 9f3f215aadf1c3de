"""move, take, drain, Own, freeze: what leaves its variable, what stays, and what comes back."""

from __future__ import annotations

import copy
import functools
import gc
import logging
import queue
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from pythread_rs import Builder, Ok, SpawnError, move, spawn
from pythread_rs.ownership import (
    OwnershipError,
    UseAfterMoveError,
    freeze,
)
from pythread_rs.panic import set_hook, take_hook

LARGEST = sys.maxsize  # a stack that no OS gives


class Plain:
    def __init__(self) -> None:
        self.value = [1]


def contents(closure: Any) -> list[Any]:
    """Return what each cell holds; "empty" where it holds nothing."""
    found = []
    for cell in closure:
        try:
            found.append(cell.cell_contents)
        except ValueError:
            found.append("empty")
    return found


# -- What stays in the source cell. ----------------------------------------------------------------

STAYS: dict[str, Callable[[], Any]] = {
    "int": lambda: 7,
    "str": lambda: "text",
    "None": lambda: None,
    "Decimal": lambda: Decimal("1.5"),
    "tuple": lambda: (1, ("a", 2)),
    "tuple of a Decimal": lambda: (Decimal("1.5"),),
    "frozenset": lambda: frozenset([1]),
    "function": lambda: len,
    "class": lambda: Plain,
    "module": lambda: sys,
    "Lock": threading.Lock,
    "Queue": queue.Queue,
    "Logger": lambda: logging.getLogger("x"),
    "frozen": lambda: freeze([1, 2]),
}
LEAVES: dict[str, Callable[[], Any]] = {
    "list": lambda: [1],
    "dict": lambda: {"a": 1},
    "instance": Plain,
    "bytearray": lambda: bytearray(1),
    "tuple of a list": lambda: (1, [2]),
    "mapping proxy": lambda: MappingProxyType({"a": 1}),
    "closure": lambda: capturing([1]),
    "JoinHandle": lambda: spawn(int),
    "generator": lambda: iter_of(1),
    "bound method": lambda: [].append,
}


@pytest.fixture
def reports() -> Iterator[list[Any]]:
    """Let the panic hook collect, in the place of printing."""
    found: list[Any] = []
    set_hook(lambda info: found.append(str(info)))
    yield found
    take_hook()


def capturing(value: Any) -> Callable[[], Any]:
    return lambda: value


def iter_of(value: Any) -> Iterator[Any]:
    yield value


@pytest.mark.parametrize("make", STAYS.values(), ids=STAYS)
def test_what_is_copy_or_sync_stays_in_its_variable(make: Callable[[], Any]) -> None:
    value = make()
    source = capturing(value)
    closure = source.__closure__
    moved = move(source)
    assert contents(closure)[0] is value
    handle = spawn(moved)
    assert handle.join() == Ok(value)
    assert contents(closure)[0] is value


@pytest.mark.parametrize("make", LEAVES.values(), ids=LEAVES)
def test_what_can_change_leaves_it(make: Callable[[], Any]) -> None:
    source = capturing(make())
    closure = source.__closure__
    moved = move(source)
    assert contents(closure) == ["empty"]
    del source, moved
    gc.collect()
    assert contents(closure) == ["empty"]


def test_an_emptied_variable_says_so_at_the_line_that_reads_it() -> None:
    source = capturing([1])
    handle = spawn(move(source))
    assert handle.join() == Ok([1])
    with pytest.raises(NameError, match="value"):
        source()


def test_a_new_value_for_the_variable_is_the_callers_own() -> None:
    def variable() -> tuple[Callable[[], Any], Callable[[Any], None]]:
        value: Any = [1]

        def assign(new: Any) -> None:
            nonlocal value
            value = new

        return lambda: value, assign

    read, assign = variable()
    moved = move(read)
    assign([2])
    assert read() == [2]
    handle = spawn(moved)
    assert handle.join() == Ok([1])


# -- Deep moves. -----------------------------------------------------------------------------------


def test_a_helper_closure_goes_along_with_what_it_captures() -> None:
    def make() -> Callable[[], int]:
        data = [1, 2, 3]

        def helper() -> int:
            return sum(data)

        return lambda: helper() + 1

    handle = spawn(move(make()))
    assert handle.join() == Ok(7)


def test_helpers_that_share_a_variable_share_it_afterwards() -> None:
    def make() -> Callable[[], list[int]]:
        data: list[int] = []

        def first() -> None:
            data.append(1)

        def second() -> list[int]:
            return data

        def both() -> list[int]:
            first()
            return second()

        return both

    handle = spawn(move(make()))
    assert handle.join() == Ok([1])


@pytest.mark.parametrize("depth", [1, 5, 40, 400])
def test_helpers_may_be_nested_deeply(depth: int) -> None:
    def wrap(inner: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: inner()

    def make() -> Callable[[], Any]:
        function: Callable[[], Any] = capturing([1])
        for _ in range(depth):
            function = wrap(function)
        return function

    handle = spawn(move(make()))
    assert handle.join() == Ok([1])


def test_a_recursive_closure_calls_its_clone() -> None:
    def make() -> Callable[[int], int]:
        seen: list[int] = []

        def count(left: int) -> int:
            seen.append(left)
            return count(left - 1) if left else len(seen)

        return count

    handle = spawn(move(make()), 5)
    assert handle.join() == Ok(6)


def test_mutually_recursive_closures_do() -> None:
    def make() -> Callable[[int], list[str]]:
        seen: list[str] = []

        def even(left: int) -> list[str]:
            seen.append("even")
            return odd(left - 1) if left else seen

        def odd(left: int) -> list[str]:
            seen.append("odd")
            return even(left - 1) if left else seen

        return even

    handle = spawn(move(make()), 3)
    assert handle.join() == Ok(["even", "odd", "even", "odd"])


def decorated(function: Callable[[], Any]) -> Callable[[], Any]:
    @functools.wraps(function)
    def wrapper() -> Any:
        return ["before", function(), "after"]

    return wrapper


def test_a_decorated_closure_goes_with_what_it_wraps() -> None:
    def make() -> Callable[[], Any]:
        data = [1]

        @decorated
        @decorated
        def work() -> list[int]:
            """Work."""
            data.append(2)
            return data

        return work

    work = make()
    moved = move(work)
    assert moved.__name__ == "work"
    handle = spawn(moved)
    assert handle.join() == Ok(["before", ["before", [1, 2], "after"], "after"])


def test_move_is_a_decorator() -> None:
    data = [1, 2]

    @move
    def work() -> int:
        return sum(data)

    handle = spawn(work)
    assert handle.join() == Ok(3)


def test_the_class_cell_is_never_emptied() -> None:
    class Base:
        def value(self) -> int:
            return 1

    class Derived(Base):
        def value(self) -> int:
            return super().value() + 1

    source = Derived.value
    handle = spawn(move(source), Derived())
    assert handle.join() == Ok(2)
    assert Derived().value() == 2


def test_defaults_and_attributes_go_along() -> None:
    def make() -> Callable[..., Any]:
        data = [1]

        def work(a: int, b: int = 2, *, c: int = 3) -> Any:
            return data, a, b, c

        return work

    handle = spawn(move(make()), 1)
    assert handle.join() == Ok(([1], 1, 2, 3))


# -- FnOnce. ---------------------------------------------------------------------------------------


def test_a_moved_closure_runs_once() -> None:
    data = [1]
    moved = move(lambda: data)
    assert moved() == [1]
    with pytest.raises(UseAfterMoveError):
        moved()
    with pytest.raises(UseAfterMoveError):
        spawn(moved)


def test_it_is_spawned_once() -> None:
    data = [1]
    moved = move(lambda: data)
    handle = spawn(moved)
    with pytest.raises(UseAfterMoveError) as refusal:
        spawn(moved)
    assert refusal.value.code == "E0382"
    assert handle.join() == Ok([1])


def test_moving_a_moved_closure_is_the_same_closure() -> None:
    data = [1]
    moved = move(lambda: data)
    assert move(moved) is moved
    handle = spawn(moved)
    assert handle.join() == Ok([1])


def test_an_empty_variable_cannot_be_moved_again() -> None:
    source = capturing([1])
    moved = move(source)
    with pytest.raises(UseAfterMoveError) as refusal:
        move(source)
    assert refusal.value.code == "E0382"
    del moved


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
def test_it_cannot_be_copied(copier: Callable[[Any], Any]) -> None:
    moved = move(capturing([1]))
    with pytest.raises(TypeError):
        copier(moved)


@pytest.mark.parametrize("wrong", [None, 1, "f", [len]])
def test_only_a_callable_can_be_moved(wrong: Any) -> None:
    with pytest.raises(TypeError, match="move takes a closure or another callable"):
        move(wrong)


# -- What comes back after a refusal. --------------------------------------------------------------


def shared_inside() -> tuple[Callable[[], Any], list[int]]:
    inner = [1]
    data = {"inner": inner, "more": [2]}
    return lambda: data, inner


def test_a_refused_closure_gives_the_values_back() -> None:
    source, inner = shared_inside()
    moved = move(source)
    assert contents(source.__closure__) == ["empty"]
    with pytest.raises(OwnershipError) as refusal:
        spawn(moved)
    assert refusal.value.code == "E0505"
    assert source() == {"inner": [1], "more": [2]}
    assert source()["inner"] is inner


def test_it_can_be_spawned_once_the_other_holder_is_gone() -> None:
    source, inner = shared_inside()
    moved = move(source)
    with pytest.raises(OwnershipError):
        spawn(moved)
    assert inner == [1]
    del inner
    handle = spawn(moved)
    assert handle.join() == Ok({"inner": [1], "more": [2]})


def test_the_os_may_refuse_too() -> None:
    source = capturing([1])
    moved = move(source)
    with pytest.raises(SpawnError):
        Builder(stack_size=LARGEST).spawn(moved)
    assert source() == [1]
    handle = spawn(moved)
    assert handle.join() == Ok([1])


def test_helpers_and_their_values_come_back() -> None:
    def make() -> tuple[Callable[[], Any], Callable[[], Any], list[Any]]:
        data = [1]
        holders = [data]

        def helper() -> list[int]:
            return data

        return lambda: helper(), helper, holders

    source, helper, holders = make()
    moved = move(source)
    with pytest.raises(OwnershipError):
        spawn(moved)
    assert contents(source.__closure__) == [helper]
    assert source() is helper()
    assert source() is holders[0]


def test_a_recursive_closure_comes_back_whole() -> None:
    def make() -> Callable[[int], Any]:
        seen: list[int] = []

        def count(left: int) -> Any:
            seen.append(left)
            return count(left - 1) if left else seen

        return count

    source = make()
    moved = move(source)
    with pytest.raises(SpawnError):
        Builder(stack_size=LARGEST).spawn(moved, 3)
    assert source(1) == [1, 0]
    assert source(0) == [1, 0, 0]


def test_a_value_that_was_put_in_meanwhile_is_kept() -> None:
    source, inner = shared_inside()
    closure = source.__closure__
    assert closure is not None
    moved = move(source)
    closure[0].cell_contents = "new"
    with pytest.raises(OwnershipError):
        spawn(moved)
    assert source() == "new"
    assert inner == [1]


def test_nothing_of_a_refusal_holds_the_values() -> None:
    def refused() -> weakref.ref[Plain]:
        value = Plain()
        seen = weakref.ref(value)
        source = capturing([value])
        with pytest.raises(OwnershipError):
            spawn(move(source))
        assert value is not None
        return seen

    gone = refused()
    gc.collect()
    assert gone() is None
