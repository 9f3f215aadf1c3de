"""`spawn` and `JoinHandle`: what runs where, what comes out, and what a handle refuses."""

from __future__ import annotations

import copy
import functools
import gc
import operator
import pickle
import threading
import time
import traceback
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import (
    Builder,
    DeadlockError,
    Err,
    JoinHandle,
    Ok,
    UseAfterMoveError,
    _ffi,
    spawn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 10.0  # a deadline; nothing should come near it

# Closures here share what they test with the test itself.
spawn_unchecked = Builder().spawn_unchecked

# The same functions for calls that a type checker would rightly refuse.
any_spawn: Any = spawn
AnyJoinHandle: Any = JoinHandle


class Thing:
    """An object to watch with a weak reference."""

    def method(self, value: int) -> int:
        return value + 1

    def __call__(self, value: int) -> int:
        return value + 2


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What the threads of a test wait for; open at the latest when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def wait_at(gate: threading.Event) -> JoinHandle[bool]:
    """Start a thread that waits for the gate."""
    return spawn(gate.wait, SECONDS)


# -- What runs, and where. -------------------------------------------------------------------------


def test_the_closure_runs_on_an_os_thread_of_its_own(gate: threading.Event) -> None:
    def who() -> tuple[int, int]:
        gate.wait(SECONDS)
        return threading.get_ident(), threading.get_native_id()

    handles = [spawn_unchecked(who) for _ in range(3)]
    gate.set()
    seen = {handle.join().unwrap() for handle in handles}
    seen.add((threading.get_ident(), threading.get_native_id()))
    assert len({ident for ident, _ in seen}) == len({native for _, native in seen}) == 4


def test_spawn_does_not_wait(gate: threading.Event) -> None:
    handle = spawn(gate.wait, SECONDS)
    assert not handle.is_finished()
    gate.set()
    assert handle.join() == Ok(True)


def test_arguments_arrive_as_they_are() -> None:
    thing = Thing()

    def collect(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return args, kwargs

    handle = spawn_unchecked(collect, thing, 2, f=3, self=4, name=5, timeout=6)
    args, kwargs = handle.join().unwrap()
    assert args[0] is thing
    assert (args[1:], kwargs) == ((2,), {"f": 3, "self": 4, "name": 5, "timeout": 6})


CALLABLES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], Any]] = {
    "lambda": (lambda x: x * 2, (4,), 8),
    "builtin": (len, ("abc",), 3),
    "class": (complex, (1, 2), 1 + 2j),
    "bound method": (Thing().method, (1,), 2),
    "unbound method": (Thing.method, (Thing(), 1), 2),
    "method of a value": ("a,b".split, (",",), ["a", "b"]),
    "callable object": (Thing(), (1,), 3),
    "partial": (functools.partial(operator.add, 1), (2,), 3),
    "operator": (operator.itemgetter(1), ("xy",), "y"),
}


@pytest.mark.parametrize("name", CALLABLES)
def test_any_callable_will_do(name: str) -> None:
    f, args, expected = CALLABLES[name]
    assert spawn_unchecked(f, *args).join() == Ok(expected)


@pytest.mark.parametrize("nothing", [None, 3, "print", [print], object()], ids=repr)
def test_what_cannot_be_called_is_refused_and_starts_nothing(nothing: Any) -> None:
    before = _ffi.statistics()["spawned"]
    with pytest.raises(TypeError, match=f"spawn takes a callable, not {type(nothing).__name__}"):
        any_spawn(nothing)
    assert _ffi.statistics()["spawned"] == before


def test_spawn_needs_a_function() -> None:
    with pytest.raises(TypeError):
        any_spawn()
    with pytest.raises(TypeError):
        any_spawn(f=print)


def test_wrong_arguments_are_a_panic_of_the_thread() -> None:
    panic = any_spawn(len).join().unwrap_err()
    assert type(panic) is TypeError
    assert "len()" in str(panic)


def test_threads_spawn_threads() -> None:
    def generation(number: int) -> int:
        return number if number == 5 else spawn(generation, number + 1).join().unwrap()

    assert spawn(generation, 0).join() == Ok(5)


def test_a_thread_of_threading_spawns_too() -> None:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(spawn(int, "7").join()))
    thread.start()
    thread.join(SECONDS)
    assert results == [Ok(7)]


def test_two_hundred_threads_live_at_once() -> None:
    barrier = threading.Barrier(201)

    def wait(number: int) -> int:
        barrier.wait(SECONDS)
        return number

    handles = [spawn_unchecked(wait, number) for number in range(200)]
    barrier.wait(SECONDS)
    assert [handle.join().unwrap() for handle in handles] == list(range(200))


# -- What comes out. -------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, False, 0, "", ValueError("no panic"), Ok(1), Err(2)])
def test_whatever_is_returned_is_ok(value: Any) -> None:
    result = spawn_unchecked(lambda: value).join()
    assert isinstance(result, Ok)
    assert result.value is value


@pytest.mark.parametrize(
    "kind", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, BaseException, MemoryError]
)
def test_whatever_is_raised_is_err(kind: type[BaseException]) -> None:
    thrown = kind("x")

    def throw() -> None:
        raise thrown

    result = spawn_unchecked(throw).join()
    assert isinstance(result, Err)
    assert result.error is thrown


def test_the_traceback_begins_at_the_closure() -> None:
    def inner() -> None:
        raise ValueError("x")

    def outer() -> None:
        inner()

    panic = spawn(outer).join().unwrap_err()
    names = [frame.name for frame in traceback.extract_tb(panic.__traceback__)]
    assert names == ["outer", "inner"]


def test_all_that_the_thread_did_is_there_after_join() -> None:
    log: list[int] = []
    for number in range(200):
        spawn_unchecked(log.append, number).join().unwrap()
        assert log[-1] == number


def test_join_waits(gate: threading.Event) -> None:
    blocked = wait_at(gate)
    release = threading.Timer(0.05, gate.set)
    release.start()
    start = time.monotonic()
    assert blocked.join() == Ok(True)
    assert time.monotonic() - start >= 0.04
    release.join()


def test_is_finished_tells_whether_join_would_wait(
    gate: threading.Event, wait_until: Callable[..., bool]
) -> None:
    blocked = wait_at(gate)
    assert not blocked.is_finished()
    gate.set()
    assert wait_until(blocked.is_finished)
    assert blocked.join(0) == Ok(True)


# -- Join with a timeout. --------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0, 0.02, timedelta(milliseconds=20)], ids=str)
def test_a_timeout_raises_and_leaves_the_handle(
    gate: threading.Event, timeout: float | timedelta
) -> None:
    blocked = wait_at(gate)
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="has not finished after"):
        blocked.join(timeout)
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    assert time.monotonic() - start >= seconds
    assert not blocked.is_finished()
    gate.set()
    assert blocked.join(SECONDS) == Ok(True)


@pytest.mark.parametrize(
    "timeout", [None, 3600, 1e300, float("inf"), 2**64, 10**400, timedelta.max], ids=str
)
def test_a_timeout_that_is_not_needed_does_no_harm(timeout: Any) -> None:
    assert spawn(int).join(timeout) == Ok(0)


BAD_TIMEOUTS: list[tuple[Any, type[Exception]]] = [
    (-1, ValueError),
    (-1e-12, ValueError),
    (float("nan"), ValueError),
    (float("-inf"), ValueError),
    (timedelta(microseconds=-1), ValueError),
    ("1", TypeError),
    (b"1", TypeError),
    ([1], TypeError),
    (1j, TypeError),
    (Thing(), TypeError),
]


@pytest.mark.parametrize(("timeout", "error"), BAD_TIMEOUTS, ids=lambda value: repr(value)[:20])
def test_an_impossible_timeout_is_refused(timeout: Any, error: type[Exception]) -> None:
    handle = spawn(int)
    with pytest.raises(error, match="duration"):
        handle.join(timeout)
    assert handle.join() == Ok(0)


# -- Used up. --------------------------------------------------------------------------------------


def consume(handle: JoinHandle[Any], how: str) -> None:
    getattr(handle, how)()


@pytest.mark.parametrize("again", ["join", "detach"])
@pytest.mark.parametrize("first", ["join", "detach"])
def test_a_handle_is_used_once(first: str, again: str) -> None:
    handle = spawn(int)
    consume(handle, first)
    with pytest.raises(UseAfterMoveError, match=rf"consumed by `{first}\(\)`") as caught:
        consume(handle, again)
    assert caught.value.code == "E0382"
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("how", ["join", "detach"])
def test_a_used_handle_still_answers(how: str, wait_until: Callable[..., bool]) -> None:
    handle = spawn(int)
    identity = handle.thread.id
    consume(handle, how)
    assert wait_until(handle.is_finished)
    assert handle.thread.id == identity
    assert repr(handle) == f"JoinHandle {{ id: {identity!r}, name: None, {how}, .. }}"


def test_of_several_joiners_one_gets_the_result(gate: threading.Event) -> None:
    blocked = wait_at(gate)
    barrier = threading.Barrier(9)

    def join() -> object:
        barrier.wait(SECONDS)
        try:
            return blocked.join()
        except UseAfterMoveError as error:
            return type(error)

    joiners = [spawn_unchecked(join) for _ in range(8)]
    barrier.wait(SECONDS)
    gate.set()
    outcomes = [joiner.join().unwrap() for joiner in joiners]
    assert outcomes.count(Ok(True)) == 1
    assert outcomes.count(UseAfterMoveError) == 7


def test_a_thread_that_joins_itself_gets_an_error(gate: threading.Event) -> None:
    handles: list[JoinHandle[Any]] = []

    def join_myself() -> str:
        gate.wait(SECONDS)
        with pytest.raises(DeadlockError, match="cannot wait for its own end"):
            handles[0].join()
        with pytest.raises(DeadlockError):
            handles[0].join(0.01)
        return "survived"

    handles.append(spawn_unchecked(join_myself))
    gate.set()
    assert handles[0].join() == Ok("survived")


@pytest.mark.parametrize("refused", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_handle_cannot_be_copied(refused: Callable[[Any], Any]) -> None:
    handle = spawn(int)
    with pytest.raises(TypeError, match="a JoinHandle owns its thread: it cannot be"):
        refused(handle)
    assert handle.join() == Ok(0)


def test_a_handle_comes_from_spawn_only() -> None:
    with pytest.raises(TypeError, match="a JoinHandle comes from spawn"):
        AnyJoinHandle()


def test_a_handle_takes_no_attributes() -> None:
    handle: Any = spawn(int)
    with pytest.raises(AttributeError):
        handle.note = 1
    with pytest.raises(AttributeError):
        handle.thread = None
    handle.join()


def test_repr_follows_the_life_of_the_thread(
    gate: threading.Event, wait_until: Callable[..., bool]
) -> None:
    blocked = wait_at(gate)
    state = f"JoinHandle {{ id: {blocked.thread.id!r}, name: None, %s, .. }}"
    assert repr(blocked) == state % "running"
    gate.set()
    assert wait_until(blocked.is_finished)
    assert repr(blocked) == state % "finished"
    blocked.join()
    assert repr(blocked) == state % "join"


# -- Drop. -----------------------------------------------------------------------------------------


def test_a_dropped_handle_detaches(gate: threading.Event) -> None:
    done = threading.Event()

    def work() -> None:
        gate.wait(SECONDS)
        done.set()

    spawn_unchecked(work)
    gate.set()
    assert done.wait(SECONDS)


def test_detach_lets_the_thread_go_on(gate: threading.Event) -> None:
    done = threading.Event()

    def work() -> None:
        gate.wait(SECONDS)
        done.set()

    spawn_unchecked(work).detach()
    gate.set()
    assert done.wait(SECONDS)


@pytest.mark.parametrize("how", ["drop", "detach"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_result_that_nobody_wants_is_freed(
    how: str, when: str, gate: threading.Event, wait_until: Callable[..., bool]
) -> None:
    freed = threading.Event()

    def work() -> Thing:
        gate.wait(SECONDS)
        thing = Thing()
        weakref.finalize(thing, freed.set)
        return thing

    handle = spawn_unchecked(work)
    if when == "after":
        gate.set()
        assert wait_until(handle.is_finished)
        assert not freed.is_set()
    if how == "detach":
        handle.detach()  # the handle that is left has no claim on the result
    else:
        del handle
    gate.set()
    assert freed.wait(SECONDS)


# -- What is gone when join returns. ---------------------------------------------------------------


@pytest.fixture
def no_gc() -> Iterator[None]:
    """Reference counts alone must free things."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_gc")
def test_closure_captures_arguments_and_locals_are_gone() -> None:
    watched: list[weakref.ref[Thing]] = []

    def start() -> JoinHandle[None]:
        captured, argument, keyword = Thing(), Thing(), Thing()

        def work(one: Thing, *, two: Thing) -> None:
            local = Thing()
            watched.extend(map(weakref.ref, (captured, one, two, local)))

        return spawn_unchecked(work, argument, two=keyword)

    assert start().join() == Ok(None)
    assert [reference() for reference in watched] == [None] * 4


@pytest.mark.usefixtures("no_gc")
def test_arguments_and_locals_are_gone_after_a_panic_too() -> None:
    """The traceback still leads to the closure: what that captured goes with the panic."""
    watched: list[weakref.ref[Thing]] = []

    def start() -> JoinHandle[None]:
        captured, argument = Thing(), Thing()

        def work(one: Thing) -> None:
            local = Thing()
            watched.extend(map(weakref.ref, (one, local, captured)))
            raise ValueError("x")

        return spawn_unchecked(work, argument)

    result = start().join()
    assert result.is_err()
    assert [reference() for reference in watched[:2]] == [None] * 2
    del result
    assert watched[2]() is None


def test_the_result_belongs_to_the_joiner_alone() -> None:
    handle = spawn(Thing)
    thing = handle.join().unwrap()
    watched = weakref.ref(thing)
    del thing
    assert watched() is None
    assert handle.is_finished()
