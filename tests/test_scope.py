"""`scope`: every thread ends before the block does, and no panic gets lost."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pythread_rs import (
    Builder,
    DeadlockError,
    Err,
    Ok,
    Scope,
    ScopedJoinHandle,
    UseAfterMoveError,
    assume_send,
    current,
    park,
    scope,
    spawn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 10.0  # a deadline; nothing should come near it

# `assume_send`, here: the threads share what they test with the test itself.

AnyScopedJoinHandle: Any = ScopedJoinHandle


def throw(error: BaseException) -> NoReturn:
    raise error


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


# -- The block waits. ------------------------------------------------------------------------------


def test_the_block_ends_after_its_threads() -> None:
    done: list[int] = []
    gate = threading.Event()

    def work(number: int) -> None:
        gate.wait(SECONDS)
        done.append(number)

    with scope() as s:
        for number in range(5):
            s.spawn(assume_send(work), number)
        opener = spawn(gate.set)
    assert sorted(done) == [0, 1, 2, 3, 4]
    assert opener.join().is_ok()


def test_an_empty_block_is_fine() -> None:
    with scope() as s:
        assert isinstance(s, Scope)


def test_results_come_out_inside_and_after_the_block() -> None:
    with scope() as s:
        inside = s.spawn(sum, [1, 2])
        after = s.spawn(sum, [3, 4])
        assert inside.join() == Ok(3)
    assert after.is_finished()
    assert after.join() == Ok(7)


def test_threads_work_on_the_variables_of_the_block() -> None:
    total = 0
    lock = threading.Lock()

    def add(number: int) -> None:
        nonlocal total
        with lock:
            total += number

    with scope() as s:
        for number in range(50):
            s.spawn(assume_send(add), number)
    assert total == sum(range(50))


def test_a_child_spawns_on_the_scope_after_the_body_is_over(gate: threading.Event) -> None:
    log: list[str] = []

    def child(s: Scope) -> None:
        gate.wait(SECONDS)
        s.spawn(assume_send(grandchild), s)

    def grandchild(s: Scope) -> None:
        s.spawn(assume_send(log.append), "great-grandchild")

    with scope() as s:
        s.spawn(assume_send(child), s)
        opener = spawn(gate.set)
    assert log == ["great-grandchild"]
    opener.join().unwrap()


def test_scopes_nest_and_live_in_threads() -> None:
    def inner(numbers: list[int]) -> int:
        with scope() as s:
            handles = [s.spawn(pow, number, 2) for number in numbers]
        return sum(handle.join().unwrap() for handle in handles)

    with scope() as s:
        handles = [s.spawn(inner, list(range(n))) for n in range(5)]
        with scope() as other:
            other.spawn(int)
    assert [handle.join() for handle in handles] == [Ok(0), Ok(0), Ok(1), Ok(5), Ok(14)]


def test_a_builder_spawns_scoped_threads() -> None:
    def who(*, number: int) -> tuple[str | None, int]:
        return current().name, number

    with scope() as s:
        handle = Builder(name="named").spawn_scoped(s, who, number=1)
    assert handle.thread.name == "named"
    assert handle.join() == Ok(("named", 1))


# -- Panics. ---------------------------------------------------------------------------------------


def test_panics_that_nobody_joined_leave_as_a_group() -> None:
    errors = [ValueError("one"), LookupError("two")]
    with pytest.raises(ExceptionGroup, match="a scoped thread panicked") as caught, scope() as s:
        for error in errors:
            s.spawn(assume_send(throw), error)
        s.spawn(int)
    assert set(caught.value.exceptions) == set(errors)


def test_except_star_sorts_them() -> None:
    seen: list[str] = []
    try:
        with scope() as s:
            s.spawn(throw, ValueError("a bad value"))
            s.spawn(throw, KeyError("a bad key"))
    except* ValueError as group:
        seen += [str(error) for error in group.exceptions]
    except* KeyError as group:
        seen += [str(error) for error in group.exceptions]
    assert seen == ["a bad value", "'a bad key'"]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, BaseException])
def test_one_that_is_no_exception_makes_it_a_base_group(kind: type[BaseException]) -> None:
    with pytest.raises(BaseExceptionGroup) as caught, scope() as s:
        s.spawn(throw, ValueError("x"))
        s.spawn(throw, kind("y"))
    assert not isinstance(caught.value, ExceptionGroup)
    assert {type(error) for error in caught.value.exceptions} == {ValueError, kind}


def test_a_panic_that_was_joined_is_not_raised_again() -> None:
    error = ValueError("x")
    with scope() as s:
        result = s.spawn(throw, error).join()
    assert isinstance(result, Err)
    assert result.error is error


def test_only_what_was_not_joined_is_raised() -> None:
    with pytest.raises(ExceptionGroup) as caught, scope() as s:
        s.spawn(throw, ValueError("joined")).join().unwrap_err()
        s.spawn(throw, ValueError("forgotten"))
    assert [str(error) for error in caught.value.exceptions] == ["forgotten"]


def test_a_join_that_timed_out_took_nothing(gate: threading.Event) -> None:
    def fail() -> None:
        gate.wait(SECONDS)
        throw(ValueError("late"))

    with pytest.raises(ExceptionGroup) as caught, scope() as s:
        handle = s.spawn(fail)
        with pytest.raises(TimeoutError):
            handle.join(0.01)
        gate.set()
    assert [str(error) for error in caught.value.exceptions] == ["late"]


def test_the_other_threads_are_joined_when_one_panics(gate: threading.Event) -> None:
    done: list[int] = []

    def work() -> None:
        gate.wait(SECONDS)
        done.append(1)

    with pytest.raises(ExceptionGroup), scope() as s:
        s.spawn(assume_send(work))
        s.spawn(throw, ValueError("x"))
        opener = s.spawn(gate.set)
        opener.join().unwrap()
    assert done == [1]


def test_the_exception_of_the_block_wins_and_every_thread_is_joined(gate: threading.Event) -> None:
    done: list[int] = []

    def work() -> None:
        gate.wait(SECONDS)
        done.append(1)

    with pytest.raises(RuntimeError, match="of the block") as caught, scope() as s:
        s.spawn(assume_send(work))
        s.spawn(gate.set)
        raise RuntimeError("of the block")
    assert done == [1]
    assert caught.value.__context__ is None


def test_the_group_is_the_context_of_the_exception_of_the_block() -> None:
    with pytest.raises(RuntimeError, match="of the block") as caught, scope() as s:
        s.spawn(throw, ValueError("of the thread"))
        raise RuntimeError("of the block")
    group = caught.value.__context__
    assert isinstance(group, ExceptionGroup)
    assert [str(error) for error in group.exceptions] == ["of the thread"]


def test_the_context_that_the_exception_had_stays_behind_the_group() -> None:
    with pytest.raises(RuntimeError, match="of the block") as caught, scope() as s:
        s.spawn(throw, ValueError("of the thread"))
        try:
            throw(LookupError("earlier"))
        except LookupError:
            raise RuntimeError("of the block")  # noqa: B904
    group = caught.value.__context__
    assert isinstance(group, ExceptionGroup)
    assert isinstance(group.__context__, LookupError)


@pytest.mark.skipif(not hasattr(signal, "SIGVTALRM"), reason="needs signals")
@pytest.mark.parametrize("panics", [False, True])
def test_a_signal_is_noted_and_raised_after_the_join(panics: bool) -> None:
    class Stop(Exception):
        pass

    handled = threading.Event()
    log: list[str] = []

    def stop(*_: object) -> None:
        handled.set()
        raise Stop

    def work() -> None:
        os.kill(os.getpid(), signal.SIGVTALRM)
        if handled.wait(SECONDS):
            log.append("went on after the signal")
        if panics:
            throw(ValueError("x"))

    old = signal.signal(signal.SIGVTALRM, stop)
    try:
        with pytest.raises(Stop) as caught:
            wait_for_it(work)
    finally:
        signal.signal(signal.SIGVTALRM, old)
    assert log == ["went on after the signal"]
    assert isinstance(caught.value.__context__, ExceptionGroup) == panics


def wait_for_it(work: Callable[[], None]) -> None:
    """Start the work when the block has nothing left to do but to wait for it."""

    def work_at_the_end() -> None:
        park()
        work()

    with scope() as s:
        handle = s.spawn(work_at_the_end)
        handle.thread.unpark()


# -- What is refused. ------------------------------------------------------------------------------


def test_a_scope_is_open_inside_its_block_only() -> None:
    s = scope()
    with pytest.raises(RuntimeError, match="cannot spawn on a scope that is new"):
        s.spawn(int)
    with s:
        s.spawn(int)
    with pytest.raises(RuntimeError, match="cannot spawn on a scope that is closed"):
        s.spawn(int)
    with pytest.raises(RuntimeError, match="cannot spawn on a scope that is closed"):
        Builder().spawn_scoped(s, int)


def test_a_scope_serves_once() -> None:
    s = scope()
    with s, pytest.raises(RuntimeError, match="this one is open"), s:
        pass
    with pytest.raises(RuntimeError, match="this one is closed"), s:
        pass


@pytest.mark.parametrize("nothing", [None, 3, "print"])
def test_what_cannot_be_called_is_refused(nothing: Any) -> None:
    with scope() as s, pytest.raises(TypeError, match="spawn takes a callable"):
        s.spawn(nothing)


def test_a_scoped_handle_is_used_once() -> None:
    with scope() as s:
        handle = s.spawn(int)
        assert handle.join() == Ok(0)
        with pytest.raises(UseAfterMoveError, match="this ScopedJoinHandle was consumed"):
            handle.join()


def test_a_scoped_thread_cannot_be_detached() -> None:
    assert not hasattr(ScopedJoinHandle, "detach")
    with pytest.raises(TypeError, match="a ScopedJoinHandle comes from spawn"):
        AnyScopedJoinHandle()


@pytest.mark.parametrize("refused", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_scoped_handle_cannot_be_copied(refused: Callable[[Any], Any]) -> None:
    with scope() as s:
        handle = s.spawn(int)
        with pytest.raises(TypeError, match="a ScopedJoinHandle owns its thread"):
            refused(handle)
        assert handle.join() == Ok(0)


def test_a_scoped_thread_that_joins_itself_gets_an_error(gate: threading.Event) -> None:
    handles: list[ScopedJoinHandle[Any]] = []

    def join_myself() -> type[Exception]:
        gate.wait(SECONDS)
        with pytest.raises(DeadlockError) as caught:
            handles[0].join()
        return caught.type

    with scope() as s:
        handles.append(s.spawn(assume_send(join_myself)))
        gate.set()
    assert handles[0].join() == Ok(DeadlockError)


def test_repr_shows_the_state(gate: threading.Event) -> None:
    text = "Scope {{ num_running_threads: {}, a_thread_panicked: {}, {}, .. }}"
    s = scope()
    assert repr(s) == text.format(0, "false", "new")
    with pytest.raises(ExceptionGroup), s:
        s.spawn(gate.wait, SECONDS)
        assert repr(s) == text.format(1, "false", "open")
        gate.set()
        s.spawn(throw, ValueError("x"))
    assert repr(s) == text.format(0, "true", "closed")
