"""What mypy --strict and pyright must infer about `pythread_rs.thread`; every line is right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import NoReturn, assert_type

import pythread_rs
from pythread_rs import (
    Builder,
    Err,
    JoinHandle,
    LocalKey,
    Ok,
    Result,
    Scope,
    ScopedJoinHandle,
    StopToken,
    Thread,
    ThreadId,
    available_parallelism,
    current,
    panicking,
    park,
    park_timeout,
    process,
    scope,
    sleep,
    sleep_until,
    spawn,
    thread,
    thread_local,
    yield_now,
)
from pythread_rs.thread import AccessError


def total(numbers: list[int], *more: int, start: int = 0) -> int:
    """Add up."""
    return sum(numbers, start) + sum(more)


def endless() -> NoReturn:
    """Never come back."""
    while True:
        park()


class Counter:
    """Something to call, and something with methods."""

    def __call__(self, step: int) -> str:
        return str(step)

    def add(self, step: float) -> bytes:
        return bytes(int(step))


def spawn_infers_the_result() -> None:
    assert_type(spawn(total, [1, 2]), JoinHandle[int])
    assert_type(spawn(total, [1], 2, 3, start=4), JoinHandle[int])
    assert_type(spawn(lambda: "x"), JoinHandle[str])
    assert_type(spawn(Counter(), 3), JoinHandle[str])
    assert_type(spawn(Counter().add, 0.5), JoinHandle[bytes])
    assert_type(spawn(Counter), JoinHandle[Counter])
    assert_type(spawn(partial(total, [1]), 2), JoinHandle[int])
    assert_type(spawn(park), JoinHandle[None])


def join_gives_a_result(handle: JoinHandle[int]) -> None:
    assert_type(handle.join(), Result[int, BaseException])
    assert_type(handle.join(0.5), Result[int, BaseException])
    assert_type(handle.join(timeout=timedelta(seconds=1)), Result[int, BaseException])
    assert_type(handle.join(stop=StopToken()), Result[int, BaseException])
    assert_type(handle.join(1, stop=None), Result[int, BaseException])
    assert_type(handle.join().unwrap(), int)
    assert_type(handle.is_finished(), bool)
    assert_type(handle.thread, Thread)


def match_narrows(handle: JoinHandle[int]) -> str:
    match handle.join():
        case Ok(value):
            assert_type(value, int)
            return "a number"
        case Err(ValueError() as error):
            assert_type(error, ValueError)
            return "a bad value"
        case Err(panic):
            assert_type(panic, BaseException)
            return "a panic"


def builder_in_both_styles() -> None:
    assert_type(Builder(name="x", stack_size=1 << 20, dedicated=True, no_hooks=True), Builder)
    assert_type(Builder().name("x").stack_size(1 << 20).dedicated().no_hooks(), Builder)
    assert_type(Builder(name=None, stack_size=None).spawn(total, [1], start=2), JoinHandle[int])
    assert_type(Builder().dedicated(False).spawn(Counter(), 3), JoinHandle[str])
    assert_type(Builder().spawn_unchecked(total, [1], start=2), JoinHandle[int])
    unchecked = Builder(name="x").spawn_unchecked
    assert_type(unchecked(Counter(), 3), JoinHandle[str])
    assert_type(unchecked(lambda: "x"), JoinHandle[str])


def scopes() -> list[int]:
    with scope() as s:
        assert_type(s, Scope)
        assert_type(s.spawn(total, [1], start=2), ScopedJoinHandle[int])
        assert_type(Builder().spawn_scoped(s, total, [1]), ScopedJoinHandle[int])
        handles = [s.spawn(total, [n]) for n in range(4)]
    # A scope swallows nothing, so this line is reached only after the block.
    results = [handle.join() for handle in handles]
    assert_type(results, list[Ok[int] | Err[BaseException]])
    return [result.unwrap() for result in results]


def after_the_scope() -> int:
    with scope() as s:
        return s.spawn(total, [1]).join().unwrap()


def nested_spawns(s: Scope) -> ScopedJoinHandle[ScopedJoinHandle[int]]:
    return s.spawn(lambda: s.spawn(total, [1]))


def thread_locals() -> None:
    key = thread_local(lambda: [1, 2])
    assert_type(key, LocalKey[list[int]])
    assert_type(thread_local(dict[str, int]), LocalKey[dict[str, int]])
    assert_type(key.get(), list[int])
    assert_type(key.with_(len), int)
    assert_type(key.try_with(len), Ok[int] | Err[AccessError])
    assert_type(key.take(), list[int])
    assert_type(key.replace([3]), list[int])
    key.set([4])


def who_am_i() -> None:
    assert_type(current(), Thread)
    assert_type(current().id, ThreadId)
    assert_type(current().id.number, int)
    assert_type(current().name, str | None)
    assert_type(current().id == current().id, bool)
    assert_type({current().id: 1}, dict[ThreadId, int])
    assert_type(panicking(), bool)
    assert_type(available_parallelism(), int)
    current().unpark()


def waiting() -> None:
    park(stop=StopToken())
    park_timeout(1)
    park_timeout(1, stop=StopToken().child())
    park_timeout(0.5)
    park_timeout(timedelta(seconds=1))
    sleep(1)
    sleep(timedelta(seconds=1))
    sleep(1, stop=StopToken())
    sleep_until(12.5)
    sleep_until(12.5, stop=StopToken())
    yield_now()


def hooks() -> None:
    def silent(child: Thread) -> None:
        print(child.name)

    def talking(child: Thread) -> Callable[[], None]:
        return lambda: print(child.name)

    thread.add_spawn_hook(silent)
    thread.add_spawn_hook(talking)


def ends(code: int) -> str:
    if code:
        process.exit(code)
    return "still there"


def modules_by_name() -> None:
    assert_type(pythread_rs.thread.spawn(total, [1]), JoinHandle[int])
    assert_type(pythread_rs.__version__, str)
