"""Mistakes with `pythread_rs.thread` that mypy --strict and pyright must both report.

Every line that ends in the mark is wrong, and no other line is.
"""

# mypy: enable-error-code="truthy-bool"

from __future__ import annotations

from datetime import datetime

from pythread_rs import (
    Builder,
    JoinHandle,
    Ok,
    ScopedJoinHandle,
    StopToken,
    Thread,
    ThreadId,
    park,
    park_timeout,
    process,
    scope,
    sleep,
    sleep_until,
    spawn,
    thread,
    thread_local,
)


def total(numbers: list[int], start: int = 0) -> int:
    return sum(numbers, start)


def wrong_arguments() -> None:
    spawn(total)  # E
    spawn(total, "abc")  # E
    spawn(total, [1], start="x")  # E
    spawn(total, [1], 2, 3)  # E
    spawn(total, [1], stop=3)  # E
    spawn(lambda x: x)  # E
    Builder().spawn(total, 1)  # E
    Builder().spawn_unchecked(total, 1)  # E
    Builder().spawn_unchecked(total, [1], stop=3)  # E


def no_callable() -> None:
    spawn(3)  # E
    spawn("print")  # E
    spawn()  # E
    spawn(total([1]))  # E
    Builder().spawn_unchecked(3)  # E
    thread_local(3)  # E
    thread.add_spawn_hook(3)  # E


def wrong_results() -> None:
    text: JoinHandle[str] = spawn(total, [1])  # E
    number: int = spawn(total, [1]).join()  # E
    name: str = spawn(total, [1]).join().unwrap()  # E
    print(text, number, name)


def wrong_branch(handle: JoinHandle[int]) -> str:
    match handle.join():
        case Ok(value):
            return value  # E
        case panic:
            return panic.error.args  # E


def a_scoped_handle_is_another_thing() -> None:
    with scope() as s:
        plain: JoinHandle[int] = s.spawn(total, [1])  # E
        s.spawn(total, "abc")  # E
        s.spawn(total, [1]).detach()  # E
        Builder().spawn_scoped(total, [1])  # E
        scoped: ScopedJoinHandle[int] = spawn(total, [1])  # E
    print(plain, scoped)


def not_made_by_hand() -> None:
    JoinHandle(3)  # E
    Thread("x")  # E
    ThreadId(3)  # E


def wrong_options() -> None:
    Builder("x")  # E
    Builder(name=3)  # E
    Builder(stack_size="1 MiB")  # E
    Builder(stack_size=1.5)  # E
    Builder().name(None)  # E
    Builder(priority=3)  # E


def wrong_durations() -> None:
    sleep("1")  # E
    sleep(None)  # E
    sleep_until(datetime.now())  # noqa: DTZ005  # E
    park_timeout(None)  # E
    park(stop=True)  # E
    park_timeout(1, StopToken())  # E
    sleep(1, stop=1)  # E
    spawn(total, [1]).join("1")  # E


def read_only(handle: JoinHandle[int]) -> None:
    handle.thread = handle.thread  # E
    handle.thread.name = "x"  # E
    handle.thread.id = handle.thread.id  # E
    handle.note = "new"  # E


def methods_are_called(handle: JoinHandle[int]) -> None:
    finished: bool = handle.is_finished  # E
    print(finished, handle.name)  # E
    print(handle.thread())  # E


def unordered(one: ThreadId, other: ThreadId) -> None:
    print(one < other)  # E


def no_exit_code() -> None:
    process.exit("1")  # E


def wrong_local_values() -> None:
    key = thread_local(lambda: [1])
    key.set("x")  # E
    key.replace([b"x"])  # E
    key.with_(str.upper)  # E
    key.try_with(lambda: 1)  # E
    text: str = key.get()  # E
    print(text)
