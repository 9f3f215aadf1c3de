"""Once, by Rust's tests and the rows of the table."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Err, Ok, spawn
from pythread_rs.ownership import assume_send, is_sync
from pythread_rs.sync import Barrier, Once, OncePoisonedError, OnceState, Parker, WaitTimeoutError
from pythread_rs.thread import DeadlockError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pythread_rs import JoinHandle

DEADLINE = 10.0


def start(f: Callable[..., Any], *args: Any) -> JoinHandle[Any]:
    """Spawn a function that shares what it captures with the test."""
    return spawn(assume_send(f), *args)


def fail(*_: object) -> Any:
    raise ValueError("on purpose")


def poisoned() -> Once:
    once = Once()
    with pytest.raises(ValueError, match="on purpose"):
        once.call_once(fail)
    return once


# -- Once. -----------------------------------------------------------------------------------------


def test_smoke_once() -> None:
    once = Once()
    calls: list[int] = []
    assert not once.is_completed()
    once.call_once(lambda: calls.append(1))
    once.call_once(lambda: calls.append(2))
    assert calls == [1]
    assert once.is_completed()


def test_stampede_once() -> None:
    once, calls = Once(), [0]
    go = Barrier(10)

    def body() -> None:
        assert calls[0] == 0
        calls[0] += 1

    def work() -> int:
        go.wait()
        for _ in range(4):
            once.call_once(body)
            assert calls == [1]
        return calls[0]

    handles = [start(work) for _ in range(10)]
    assert [handle.join(DEADLINE) for handle in handles] == [Ok(1)] * 10


def test_poison_bad() -> None:
    once = poisoned()
    assert not once.is_completed()
    with pytest.raises(OncePoisonedError, match=r"^Once instance has previously been poisoned$"):
        once.call_once(fail)
    seen: list[OnceState] = []
    once.call_once_force(seen.append)
    assert [state.is_poisoned() for state in seen] == [True]
    assert once.is_completed()
    once.call_once(fail)
    once.call_once_force(fail)


def test_call_once_force_of_a_fresh_one() -> None:
    once = Once()
    seen: list[OnceState] = []
    once.call_once_force(seen.append)
    assert [state.is_poisoned() for state in seen] == [False]
    assert once.is_completed()


def test_a_forced_call_that_fails_poisons_again() -> None:
    once = poisoned()
    with pytest.raises(ValueError, match="on purpose"):
        once.call_once_force(fail)
    with pytest.raises(OncePoisonedError):
        once.call_once(list)


def test_wait_for_force_to_finish() -> None:
    """Rust's wait_for_force_to_finish: a call that waits for a forced one sees it succeed."""
    once = poisoned()
    started, go_on = Parker(), Parker()
    to_start, to_go_on = started.unparker(), go_on.unparker()

    def force() -> None:
        def body(state: OnceState) -> None:
            assert state.is_poisoned()
            to_start.unpark()
            go_on.park()

        once.call_once_force(body)

    one = start(force)
    started.park()
    calls: list[int] = []
    other = start(lambda: once.call_once(lambda: calls.append(1)))
    assert once.wait_timeout(0.001).is_err()
    to_go_on.unpark()
    assert one.join(DEADLINE) == Ok(None)
    assert other.join(DEADLINE) == Ok(None)
    assert calls == []


def test_wait() -> None:
    for _ in range(50):
        once, done = Once(), [False]

        def work(once: Once = once, done: list[bool] = done) -> bool:
            once.wait()
            return done[0]

        handles = [start(work) for _ in range(4)]

        def body(done: list[bool] = done) -> None:
            done[0] = True

        once.call_once(body)
        once.wait()
        assert [handle.join(DEADLINE) for handle in handles] == [Ok(True)] * 4


def test_wait_on_poisoned() -> None:
    with pytest.raises(OncePoisonedError, match="previously been poisoned"):
        poisoned().wait()


def test_wait_force_on_poisoned() -> None:
    once = poisoned()
    handle = start(once.wait_force)
    assert once.wait_force_timeout(0.001).is_err()
    once.call_once_force(lambda state: None)
    assert handle.join(DEADLINE) == Ok(None)
    assert once.wait_force_timeout(0) == Ok(None)


def test_a_failure_wakes_those_who_wait_for_an_end() -> None:
    once = Once()
    inside, go_on = Parker(), Parker()
    to_inside, to_go_on = inside.unparker(), go_on.unparker()

    def body() -> None:
        to_inside.unpark()
        go_on.park()
        fail()

    runner = start(lambda: once.call_once(body))
    inside.park()
    waiting = [start(once.wait) for _ in range(5)]
    calling = [start(lambda: once.call_once(list)) for _ in range(5)]
    forced = [start(lambda: once.call_once_force(list_of_state)) for _ in range(1)]
    to_go_on.unpark()
    assert runner.join(DEADLINE).is_err()
    assert forced[0].join(DEADLINE) == Ok(None)
    for handle in waiting + calling:
        # Who comes after the forced call sees it done.
        match handle.join(DEADLINE):
            case Ok(None) | Err(OncePoisonedError()):
                pass
            case other:
                pytest.fail(f"{other}")


def list_of_state(state: OnceState) -> list[OnceState]:
    return [state]


def test_recursion_is_an_error_and_no_hang() -> None:
    uses: list[Callable[[Once], None]] = [
        lambda once: once.call_once(list),
        lambda once: once.call_once_force(fail),
        Once.wait,
        Once.wait_force,
    ]
    for use in uses:
        once = Once()
        with pytest.raises(DeadlockError, match="the function that initializes it uses it"):
            once.call_once(partial(use, once))


def test_timeouts() -> None:
    once = Once()
    match once.wait_timeout(0.001):
        case Err(WaitTimeoutError() as error):
            assert str(error) == "timed out waiting on Once"
        case other:
            pytest.fail(f"{other}")
    inside, go_on = Parker(), Parker()
    to_inside, to_go_on = inside.unparker(), go_on.unparker()

    def body() -> None:
        to_inside.unpark()
        go_on.park()

    handle = start(lambda: once.call_once(body))
    inside.park()
    with pytest.raises(WaitTimeoutError, match="timed out waiting on Once"):
        once.call_once(fail, timeout=0.001)
    with pytest.raises(WaitTimeoutError):
        once.call_once_force(fail, timeout=0)
    to_go_on.unpark()
    assert handle.join(DEADLINE) == Ok(None)
    once.call_once(fail, timeout=0)
    assert once.wait_timeout(0) == Ok(None)


@pytest.mark.parametrize("method", ["call_once", "call_once_force"])
def test_what_cannot_be_called_is_refused(method: str) -> None:
    once = Once()
    with pytest.raises(TypeError, match="f must be callable, not int"):
        getattr(once, method)(1)
    with pytest.raises(ValueError, match="at least 0"):
        getattr(once, method)(list, timeout=-1)
    with pytest.raises(TypeError):
        getattr(once, method)()
    assert not once.is_completed()
    once.call_once(list)


def test_a_thousand_wait_for_one() -> None:
    once = Once()
    handles = [start(once.wait) for _ in range(500)]
    handles += [start(once.wait_force) for _ in range(500)]
    once.call_once(list)
    assert [handle.join(DEADLINE) for handle in handles] == [Ok(None)] * 1000


def test_what_is_shown_and_refused() -> None:
    once = Once()
    assert repr(once) == "Once { .. }"
    assert is_sync(once)
    shown: list[str] = []
    once.call_once_force(lambda state: shown.append(repr(state)))
    assert shown == ["OnceState { poisoned: false }"]
    for refused in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            refused(once)
    with pytest.raises(TypeError, match="comes from"):
        OnceState()
