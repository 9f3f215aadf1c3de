"""`add_spawn_hook`: order, inheritance, and what happens when a hook raises.

A hook cannot be removed, so each test adds its hooks in a thread that ends with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Ok, Thread, _ffi, assume_send, current, move, scope
from pythread_rs.ownership import CaptureError
from pythread_rs.thread import add_spawn_hook

if TYPE_CHECKING:
    from collections.abc import Callable

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

any_add_spawn_hook: Any = add_spawn_hook


def in_a_thread(program: Callable[[], Any]) -> Any:
    return spawn(program).join().unwrap()


def logging_hook(name: str, log: list[str]) -> Callable[[Thread], Callable[[], None]]:
    def hook(_: Thread) -> Callable[[], None]:
        log.append(f"{name} parent")
        return assume_send(lambda: log.append(f"{name} child"))

    return hook


def test_the_last_one_added_runs_first_on_both_sides() -> None:
    log: list[str] = []

    def program() -> None:
        add_spawn_hook(logging_hook("one", log))
        add_spawn_hook(logging_hook("two", log))
        spawn(log.append, "closure").join().unwrap()

    in_a_thread(program)
    parent = [entry for entry in log if entry.endswith("parent")]
    child = [entry for entry in log if not entry.endswith("parent")]
    assert parent == ["two parent", "one parent"]
    assert child == ["two child", "one child", "closure"]


def test_the_hook_gets_the_thread_that_starts_and_runs_on_the_spawner() -> None:
    seen: list[tuple[Thread, Thread]] = []

    def program() -> tuple[Thread, Thread]:
        add_spawn_hook(lambda child: seen.append((child, current())))
        handle = Builder(name="child").spawn(current)
        return current(), handle.join().unwrap()

    me, child = in_a_thread(program)
    assert seen == [(child, me)]
    assert seen[0][0].name == "child"


def test_what_the_hook_returns_runs_on_the_new_thread() -> None:
    ran_on: list[Thread] = []

    def program() -> Thread:
        add_spawn_hook(lambda _: assume_send(lambda: ran_on.append(current())))
        return spawn(current).join().unwrap()

    child = in_a_thread(program)
    assert ran_on == [child]


def test_what_the_hook_returns_must_own_what_it_uses() -> None:
    count: list[int] = []

    def borrows(_: Thread) -> Callable[[], None]:
        return lambda: count.append(1)

    def owns(_: Thread) -> Callable[[], None]:
        own: list[int] = []
        return move(lambda: own.append(1))

    def program() -> None:
        add_spawn_hook(owns)
        Builder().spawn(int).join().unwrap()
        add_spawn_hook(borrows)
        before = _ffi.statistics()["spawned"]
        with pytest.raises(CaptureError, match="borrows `count`"):
            Builder().spawn(int)
        assert _ffi.statistics()["spawned"] == before

    in_a_thread(program)
    assert count == []


def test_children_and_grandchildren_inherit() -> None:
    count: list[int] = []

    def program() -> None:
        add_spawn_hook(lambda _: count.append(1))
        spawn(lambda: spawn(lambda: spawn(int).join()).join()).join().unwrap()

    in_a_thread(program)
    assert len(count) == 3


def test_a_child_inherits_what_there_was_when_it_began() -> None:
    log: list[str] = []

    def child() -> None:
        add_spawn_hook(logging_hook("child", log))
        spawn(int).join().unwrap()

    def program() -> None:
        add_spawn_hook(logging_hook("parent", log))
        spawn(child).join().unwrap()
        log.append("back")
        spawn(int).join().unwrap()

    in_a_thread(program)
    assert "child parent" in log
    after = log[log.index("back") :]
    assert after == ["back", "parent parent", "parent child"]


def test_other_threads_have_no_hooks() -> None:
    log: list[str] = []
    in_a_thread(lambda: add_spawn_hook(logging_hook("x", log)))
    spawn(int).join().unwrap()
    assert log == []


def test_scoped_threads_have_hooks_too() -> None:
    log: list[str] = []

    def program() -> None:
        add_spawn_hook(logging_hook("x", log))
        with scope() as s:
            s.spawn(int)

    in_a_thread(program)
    assert log == ["x parent", "x child"]


@pytest.mark.parametrize("builder", [Builder(no_hooks=True), Builder().no_hooks()], ids=repr)
def test_no_hooks_runs_and_inherits_none(builder: Builder) -> None:
    log: list[str] = []

    def program() -> None:
        add_spawn_hook(logging_hook("x", log))
        builder.spawn_unchecked(lambda: spawn(int).join().unwrap()).join().unwrap()

    in_a_thread(program)
    assert log == []


def test_what_a_hook_raises_comes_out_of_spawn_and_nothing_starts() -> None:
    def refuse(_: Thread) -> None:
        raise LookupError("no more threads")

    def program() -> int:
        add_spawn_hook(refuse)
        before = _ffi.statistics()["spawned"]
        with pytest.raises(LookupError, match="no more threads"):
            spawn(int)
        return _ffi.statistics()["spawned"] - before

    assert in_a_thread(program) == 0


def test_what_the_second_half_raises_is_a_panic_of_the_new_thread() -> None:
    ran: list[int] = []

    def program() -> BaseException:
        add_spawn_hook(lambda _: lambda: int("nothing"))
        return spawn(ran.append, 1).join().unwrap_err()

    assert isinstance(in_a_thread(program), ValueError)
    assert ran == []


def test_a_hook_may_spawn_when_it_does_not_call_itself() -> None:
    def program() -> Any:
        def hook(_: Thread) -> None:
            Builder().no_hooks().spawn(int).join().unwrap()

        add_spawn_hook(hook)
        return spawn(int, "3").join()

    assert in_a_thread(program) == Ok(3)


@pytest.mark.parametrize("nothing", [None, 3, "hook"])
def test_what_cannot_be_called_is_refused(nothing: Any) -> None:
    with pytest.raises(TypeError, match="a spawn hook is a callable"):
        any_add_spawn_hook(nothing)
