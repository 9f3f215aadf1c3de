"""What may be the function of `spawn`, and what it may bring along."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from pythread_rs import Ok, _ffi, move, spawn
from pythread_rs.ownership import CaptureError, OwnershipError, assume_send
from pythread_rs.thread import add_spawn_hook


class Plain:
    def __init__(self, value: Any = None) -> None:
        self.value = value

    def method(self) -> Any:
        return self.value

    def __call__(self) -> Any:
        return self.value


def size(value: Any) -> int:
    return len(value)


def refusal_of(function: Callable[[], Any]) -> OwnershipError:
    with pytest.raises(OwnershipError) as refusal:
        function()
    return refusal.value


# -- Callables. ------------------------------------------------------------------------------------


def with_keyword_defaults(*, start: int = 2) -> int:
    return start


@functools.wraps(with_keyword_defaults)
def wrapped() -> int:
    return with_keyword_defaults()


@functools.lru_cache
def cached() -> int:
    return 2


def test_a_temporary_that_nobody_else_holds_runs() -> None:
    handle = spawn(functools.partial(size, [1, 2]))
    assert handle.join() == Ok(2)
    handle = spawn(Plain(2).method)
    assert handle.join() == Ok(2)
    handle = spawn(Plain(2))
    assert handle.join() == Ok(2)


@pytest.mark.parametrize("function", [with_keyword_defaults, wrapped, cached])
def test_a_function_of_a_module_runs_whatever_it_carries(function: Callable[[], int]) -> None:
    handle = spawn(function)
    assert handle.join() == Ok(2)


def test_a_default_that_nobody_else_holds_goes_along() -> None:
    def make() -> Callable[[], int]:
        def work(kept: list[int] = [1, 2]) -> int:  # noqa: B006  # nobody else calls it
            return size(kept)

        return work

    handle = spawn(make())
    assert handle.join() == Ok(2)


def test_a_class_runs() -> None:
    handle = spawn(list, "ab")
    assert handle.join() == Ok(["a", "b"])
    other = spawn(Plain, value=1)
    assert other.join().is_ok()


def test_a_closure_is_refused_without_move() -> None:
    data = [1, 2]
    error = refusal_of(lambda: spawn(lambda: size(data)))
    assert isinstance(error, CaptureError)
    assert error.code == "E0373"
    assert "move" in str(error)


def test_so_is_one_that_captures_a_number() -> None:
    number = 7
    assert refusal_of(lambda: spawn(lambda: number)).code == "E0373"


def test_and_a_cached_closure() -> None:
    data = [1, 2]
    error = refusal_of(lambda: spawn(functools.lru_cache(lambda: data)))
    assert error.code in {"E0373", "E0505", "E0277"}


def test_a_closure_over_functions_and_classes_is_an_item() -> None:
    helper, kind = size, Plain
    handle = spawn(lambda: helper([kind(), 1]))
    assert handle.join() == Ok(2)


def test_an_argument_that_is_a_closure_is_part_of_the_graph() -> None:
    def apply(function: Callable[[], Any]) -> Any:
        return function()

    def make() -> Callable[[], list[int]]:
        data = [1]
        return lambda: data

    handle = spawn(apply, make())
    assert handle.join() == Ok([1])
    kept = make()
    assert refusal_of(lambda: spawn(apply, kept)).code in {"E0505", "E0382"}
    assert kept() == [1]


def test_a_spawn_hook_must_own_what_it_gives() -> None:
    def parent() -> str:
        seen: list[Any] = []
        add_spawn_hook(lambda thread: lambda: seen.append(thread))
        return refusal_of(lambda: spawn(int)).code

    def careful_parent() -> Any:
        add_spawn_hook(lambda thread: move(capturing([thread])))
        handle = spawn(int)
        return handle.join()

    handle = spawn(parent)
    assert handle.join() == Ok("E0373")
    handle = spawn(careful_parent)
    assert handle.join() == Ok(Ok(0))


def capturing(value: Any) -> Callable[[], Any]:
    return lambda: value


def test_move_takes_arguments_too() -> None:
    data = [1]
    handle = spawn(move(lambda more: data + more), [2])
    assert handle.join() == Ok([1, 2])


def test_vouching_ends_the_discussion() -> None:
    data = [1]
    handle = spawn(size, assume_send(data))
    assert handle.join() == Ok(1)
    assert data == [1]


# -- Misuse of the door to C. ----------------------------------------------------------------------

DOOR: Any = _ffi
CALLS: dict[str, Callable[[], object]] = {
    "examine()": lambda: DOOR.examine(),
    "examine a list": lambda: DOOR.examine([], (), {}),
    "hooks in a list": lambda: DOOR.examine((1,), (), []),
    "own nothing": lambda: DOOR.own([]),
    "own two": lambda: DOOR.own([1, 2]),
    "own None": lambda: DOOR.own(None),
    "take None": lambda: DOOR.take(None),
    "move None": lambda: DOOR.move(None),
    "locals of None": lambda: DOOR.locals_of(None),
    "set_kind of 1": lambda: DOOR.set_kind(1, 1, 1),
    "forget text": lambda: DOOR.forget_kind("x"),
    "nodes of 1": lambda: DOOR.mutable_nodes(1),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_c_functions_check_their_arguments(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError):
        call()
