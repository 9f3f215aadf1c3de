"""Handing on: what a thread was given is its own, and it may give it to the next."""

from __future__ import annotations

import contextvars
import functools
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pythread_rs import Builder, Ok, SpawnError, _ffi, move, scope, spawn
from pythread_rs.ownership import Own, OwnershipError

LARGEST = sys.maxsize  # a stack that no OS gives
TIMES = 30  # enough for the interpreter to specialise what runs


@pytest.fixture(autouse=True, scope="module")
def few_objects() -> Iterator[None]:
    """Keep the collections short that a refusal begins with."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Plain:
    def __init__(self) -> None:
        self.value = [1]

    def hand_on(self) -> Any:
        return spawn(value_of, self).join().unwrap()


def value_of(plain: Plain) -> Any:
    return plain.value


def grown(data: list[int]) -> list[int]:
    data.append(len(data))
    return data


def holders(data: object) -> int:
    return sys.getrefcount(data)


def keyword_holders(*, data: object) -> int:
    return sys.getrefcount(data)


# -- How many hold what a thread is given. ---------------------------------------------------------


def ninth(_1: int, _2: int, _3: int, _4: int, _5: int, _6: int, _7: int, _8: int, data: Any) -> int:
    return sys.getrefcount(data)


def calling(before: int) -> Callable[[], Any]:
    """Make a function that spawns one with arguments in front of its last."""
    names = "".join(f"_{n}, " for n in range(before))
    numbers = "".join(f"{n}, " for n in range(before))
    namespace: dict[str, Any] = {"spawn": spawn, "holders": sys.getrefcount}
    exec(f"def last({names}data): return holders(data)", namespace)
    exec(f"def start():\n data = [1]\n return spawn(last, {numbers}data)", namespace)
    start: Callable[[], Any] = namespace["start"]
    return start


@pytest.mark.parametrize("before", range(8))
def test_a_parameter_is_the_only_holder_of_its_argument(before: int) -> None:
    start = calling(before)
    expected = holders([1])
    for _ in range(TIMES):
        assert start().join() == Ok(expected)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 keeps them in a tuple")
def test_so_is_one_of_many_and_a_keyword_argument() -> None:
    expected = holders([1])  # pytest would hold it in an assertion
    assert spawn(ninth, 1, 2, 3, 4, 5, 6, 7, 8, [1]).join() == Ok(expected)
    expected = keyword_holders(data=[1])
    assert spawn(keyword_holders, data=[1]).join() == Ok(expected)


def test_a_context_adds_no_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    from pythread_rs._runtime import _start

    monkeypatch.setattr(_start, "_inherits_context", True)
    seen = contextvars.ContextVar("seen", default=0)
    seen.set(1)
    assert spawn(seen.get).join() == Ok(1)
    expected = holders([1])
    assert spawn(holders, [1]).join() == Ok(expected)


def test_a_moved_closure_is_held_by_its_frame_alone() -> None:
    data = [1]
    result = spawn(move(lambda: _ffi.take_over(data))).join()
    assert result == Ok([1])


# -- From thread to thread. ------------------------------------------------------------------------


def by_argument(data: list[int], left: int) -> list[int]:
    if left == 0:
        return grown(data)
    return spawn(by_argument, data, left - 1).join().unwrap()


def by_capture(data: list[int], left: int) -> list[int]:
    if left == 0:
        return grown(data)
    return spawn(move(lambda: by_capture(data, left - 1))).join().unwrap()


def by_argument_of_a_closure(data: list[int], left: int) -> list[int]:
    if left == 0:
        return grown(data)
    closure = move(lambda: spawn(by_argument_of_a_closure, data, left - 1).join().unwrap())
    return spawn(closure).join().unwrap()


def by_helper(data: list[int], left: int) -> list[int]:
    return grown(data) if left == 0 else _help(data, left)


def _help(data: list[int], left: int) -> list[int]:
    value = data
    return spawn(by_helper, value, left - 1).join().unwrap()


def by_own(data: Own[list[int]], left: int) -> list[int]:
    if left == 0:
        return grown(data.take())
    return spawn(by_own, data, left - 1).join().unwrap()


def by_result(data: list[int], left: int) -> list[int]:
    for _ in range(left):
        data = spawn(grown, data).join().unwrap()
    return data


@pytest.mark.parametrize("threads", [1, 2, 10])
@pytest.mark.parametrize(
    "relay", [by_argument, by_capture, by_argument_of_a_closure, by_helper, by_result]
)
def test_it_goes_through_threads(relay: Callable[..., list[int]], threads: int) -> None:
    def start() -> Any:
        data = [7]
        return spawn(relay, data, threads).join()

    expected = Ok(by_result([7], threads)) if relay is by_result else Ok([7, 1])
    assert start() == expected
    assert relay([7], threads) == expected.unwrap()


def test_an_own_goes_through_threads() -> None:
    assert spawn(by_own, Own([1]), 5).join() == Ok([1, 1])


def test_loops_hand_on() -> None:
    def start() -> list[Any]:
        handles = []
        for number in range(TIMES):
            data = [number]
            handles.append(spawn(by_argument, data, 1))
        return [handle.join() for handle in handles]

    assert start() == [Ok([number, 1]) for number in range(TIMES)]


def received(box: list[Any]) -> Iterator[Any]:
    while box:
        yield box.pop()


def stage(box: list[Any]) -> list[Any]:
    out = []
    for value in received(box):
        out.append(_ffi.take_over(value))  # noqa: PERF401  # as a loop over a channel is written
    return out


def test_a_stage_of_a_pipeline_hands_on_what_it_gets() -> None:
    box = [[number] for number in range(TIMES)]
    result = spawn(stage, box).join()
    assert result == Ok([[number] for number in reversed(range(TIMES))])


def test_a_method_hands_on_its_object() -> None:
    def start() -> Any:
        plain = Plain()
        return spawn(plain.hand_on).join()

    for _ in range(TIMES):
        assert start() == Ok([1])


def test_a_helper_called_with_the_variable_hands_it_on() -> None:
    def main() -> Any:
        data = [1]
        return _help(data, 1)

    for _ in range(TIMES):
        assert main() == [1, 1]


# -- What the caller has afterwards. ---------------------------------------------------------------


def spawning(value: Any) -> Iterator[Any]:
    yield spawn(len, value).join()


def spawning_from_a_cell(value: Any) -> Iterator[Any]:
    def unused() -> Any:
        return value

    del unused
    yield spawn(len, value).join()


def taking(value: Any) -> Iterator[Any]:
    yield _ffi.take_over(value)


@pytest.mark.parametrize("function", [spawning, spawning_from_a_cell, taking])
def test_the_variable_is_empty_afterwards(function: Callable[[Any], Any]) -> None:
    for _ in range(TIMES):
        running = function([1])
        next(running)
        assert running.gi_frame.f_locals.get("value") is None
        assert next(running, "end") == "end"


@pytest.mark.parametrize("function", [spawning, taking])
def test_copy_values_stay_in_their_variables(function: Callable[[Any], Any]) -> None:
    for value in ("text", (1, "a")):
        running = function(value)
        next(running)
        assert running.gi_frame.f_locals["value"] is value


def refused_by_the_os(data: Any) -> Any:
    try:
        return Builder(stack_size=LARGEST).spawn(len, data)
    except SpawnError:
        return data


def refused_by_the_os_in_a_cell(data: Any) -> Any:
    def again() -> Any:
        return data

    try:
        return Builder(stack_size=LARGEST).spawn(len, data)
    except (SpawnError, OwnershipError):
        return again()


def refused_further_in(data: Any) -> Any:
    def inner(data: Any) -> Any:
        return Builder(stack_size=LARGEST).spawn(len, data)

    try:
        return inner(data)
    except (SpawnError, OwnershipError):
        return data


def refused_by_the_check(data: Any) -> Any:
    try:
        return spawn(len, [data, threading.local()])
    except OwnershipError:
        return data


def refused_when_taken(data: Any) -> Any:
    try:
        return _ffi.take_over([data, threading.local()])
    except OwnershipError:
        return data


@pytest.mark.parametrize(
    "attempt",
    [
        refused_by_the_os,
        refused_by_the_os_in_a_cell,
        refused_further_in,
        refused_by_the_check,
        refused_when_taken,
    ],
)
def test_nothing_is_lost_when_it_is_refused(attempt: Callable[[Any], Any]) -> None:
    for number in range(TIMES):
        assert attempt([number]) == [number]


def test_a_moved_closure_and_its_arguments_come_back() -> None:
    def attempt() -> Any:
        captured, data = [1], [2]
        try:
            Builder(stack_size=LARGEST).spawn(move(lambda more: captured + more), data)
        except SpawnError:
            return captured, data

    assert attempt() == ([1], [2])


def test_a_handle_leaves_its_variable() -> None:
    def joining(handle: Any) -> Any:
        yield spawn(lambda other: other.join(), handle).join()

    running = joining(spawn(int))
    assert next(running) == Ok(Ok(0))
    assert running.gi_frame.f_locals["handle"] is None


def test_a_handle_stays_while_it_is_used() -> None:
    def asking(handle: Any) -> Any:
        spawn(lambda other: other.is_finished(), handle).join().unwrap()
        return handle.join()

    assert asking(spawn(int)) == Ok(0)


def test_scoped_threads_get_their_arguments() -> None:
    data = [1]
    with scope() as s:
        handle = s.spawn(grown, data)
    assert handle.join() == Ok([1, 1])
    assert data == [1, 1]


# -- Who still holds it is refused. ----------------------------------------------------------------


def test_what_the_caller_still_reads_is_not_handed_on() -> None:
    def reads_later() -> Any:
        data = [1]
        handle = spawn(by_argument, data, 1)
        return handle, data

    def in_use_in_the_stack() -> Any:
        data = [1]
        return data, spawn(by_argument, data, 1)

    def further_out() -> Any:
        data = [1]
        return _help(data, 1), data

    for function in (reads_later, in_use_in_the_stack, further_out):
        for _ in range(TIMES):
            with pytest.raises(OwnershipError):
                function()


def test_a_function_that_may_run_again_keeps_its_captures() -> None:
    def outer() -> Any:
        data = [1]
        return lambda: _ffi.take_over(data)

    function = outer()
    for _ in range(TIMES):
        with pytest.raises(OwnershipError):
            function()
    assert function.__closure__[0].cell_contents == [1]


def test_a_recursive_moved_closure_keeps_its_captures() -> None:
    def attempt() -> Any:
        data, depth = [1], [0]

        def again() -> Any:
            if depth[0] == 0:
                depth[0] = 1
                return again(), data
            return spawn(len, data).join()

        return spawn(move(again)).join()

    assert isinstance(attempt().unwrap_err(), OwnershipError)


def test_a_partial_holds_what_it_was_given() -> None:
    def attempt() -> Any:
        data = [1]
        return spawn(functools.partial(by_argument, data, 1)).join()

    assert isinstance(attempt().unwrap_err(), OwnershipError)


def test_the_collector_may_run_meanwhile() -> None:
    stop = threading.Event()

    def collect() -> None:
        while not stop.is_set():
            gc.collect()

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for number in range(TIMES):
            assert by_argument([number], 3) == [number, 1]
            assert next(taking([number])) == [number]
    finally:
        stop.set()
        thread.join(20)
