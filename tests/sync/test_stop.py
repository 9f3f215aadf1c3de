"""StopToken: what it stops, whom it wakes, and which waits it ends."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Err, Ok, move, spawn
from pythread_rs.ownership import assume_send, is_sync
from pythread_rs.sync import Barrier, Once, OnceLock, Parker, Stopped, StopToken, WaitGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from pythread_rs import JoinHandle

DEADLINE = 10.0


def start(f: Callable[..., Any], *args: Any) -> JoinHandle[Any]:
    """Spawn a function that shares what it captures with the test."""
    return spawn(assume_send(f), *args)


def waits_of(token: StopToken) -> dict[str, Callable[[], object]]:
    """Give one wait of each kind that nothing but the token ends, and which says so."""
    group = WaitGroup()
    other = group.clone()

    def wait_for_other() -> None:
        assert repr(other) == "WaitGroup { count: 2 }"
        group.wait(stop=token)

    running = OnceLock[int]()
    return {
        "barrier": lambda: Barrier(2).wait(stop=token),
        "barrier timeout": lambda: Barrier(2).wait_timeout(DEADLINE, stop=token),
        "once": lambda: Once().wait(stop=token),
        "once force": lambda: Once().wait_force(stop=token),
        "once timeout": lambda: Once().wait_timeout(DEADLINE, stop=token),
        "once lock": lambda: OnceLock[int]().wait(stop=token),
        "once lock timeout": lambda: running.wait_timeout(DEADLINE, stop=token),
        "parker": lambda: Parker().park(stop=token),
        "parker timeout": lambda: Parker().park_timeout(DEADLINE, stop=token),
        "wait group": wait_for_other,
    }


KINDS = tuple(waits_of(StopToken()))


def test_a_token_starts_unstopped_and_stops_for_ever() -> None:
    token = StopToken()
    assert not token.is_stopped()
    assert repr(token) == "StopToken { stopped: false }"
    token.raise_if_stopped()
    token.stop()
    token.stop()
    assert token.is_stopped()
    assert repr(token) == "StopToken { stopped: true }"
    with pytest.raises(Stopped, match=r"^the stop token was stopped$"):
        token.raise_if_stopped()


def test_wait_tells_whether_it_was_stopped() -> None:
    token = StopToken()
    assert token.wait(0) is False
    assert token.wait(timeout=0.001) is False
    assert token.wait(timedelta(milliseconds=1)) is False
    token.stop()
    assert token.wait() is True
    assert token.wait(0) is True


@pytest.mark.parametrize("wrong", [-1, float("nan"), timedelta(seconds=-1)])
def test_wait_refuses_what_is_no_duration(wrong: Any) -> None:
    with pytest.raises(ValueError, match="at least 0 seconds"):
        StopToken().wait(wrong)


@pytest.mark.parametrize(
    "call",
    [
        lambda token, _: token.wait("1"),
        lambda token, _: token.wait(1, 2),
        lambda token, _: token.wait(seconds=1),
        lambda token, _: token.wait(1, timeout=1),
        lambda token, barrier: barrier.wait(token),
        lambda _, barrier: barrier.wait(stop=1),
        lambda token, barrier: barrier.wait_timeout(stop=token),
    ],
)
def test_calls_that_do_not_fit_are_type_errors(call: Callable[[Any, Any], object]) -> None:
    with pytest.raises(TypeError):
        call(StopToken(), Barrier(1))


@pytest.mark.parametrize("count", [1, 3, 64])
def test_stop_wakes_all(count: int) -> None:
    token = StopToken()
    handles = [spawn(token.wait, DEADLINE) for _ in range(count)]
    token.stop()
    assert [handle.join(DEADLINE) for handle in handles] == [Ok(True)] * count


def test_a_child_stops_with_its_parent_and_alone() -> None:
    parent = StopToken()
    one, other = parent.child(), parent.child()
    grandchild = one.child()
    one.stop()
    assert grandchild.is_stopped()
    assert one.child().is_stopped()
    assert not parent.is_stopped()
    assert not other.is_stopped()
    parent.stop()
    assert other.is_stopped()
    assert parent.child().is_stopped()


def test_stop_wakes_those_who_wait_below_it() -> None:
    root = StopToken()
    tokens = [root]
    for n in range(40):
        tokens.append(tokens[n // 2].child())
    handles = [spawn(token.wait, DEADLINE) for token in tokens for _ in range(2)]
    tokens[3].stop()
    root.stop()
    assert all(handle.join(DEADLINE) == Ok(True) for handle in handles)


def test_a_child_keeps_its_parent_and_a_parent_no_child() -> None:
    parent = StopToken()
    child = parent.child()
    watched = weakref.ref(child)
    del child
    gc.collect()
    assert watched() is None
    grandchild = parent.child().child()
    parent.stop()
    assert grandchild.is_stopped()


def test_a_long_line_of_children_goes_without_recursion() -> None:
    token = root = StopToken()
    for _ in range(100_000):
        token = token.child()
    root.stop()
    assert token.is_stopped()
    del root, token


@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_token_ends_a_wait_at_once(kind: str) -> None:
    token = StopToken()
    token.stop()
    with pytest.raises(Stopped):
        waits_of(token)[kind]()


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_ends_a_wait(kind: str) -> None:
    token = StopToken()
    waits = waits_of(token)
    ready = Barrier(2)

    def work() -> object:
        ready.wait()
        return waits[kind]()

    handle = start(work)
    ready.wait()
    token.stop()
    match handle.join(DEADLINE):
        case Err(Stopped()):
            pass
        case other:
            pytest.fail(f"{other}")


def test_what_needs_no_wait_is_done_although_stopped() -> None:
    token = StopToken()
    token.stop()
    parker = Parker()
    parker.unparker().unpark()
    parker.park(stop=token)
    assert Barrier(1).wait(stop=token).is_leader()
    WaitGroup().wait(stop=token)
    assert OnceLock.from_(3).wait(stop=token) == 3
    once = Once()
    once.call_once(list, stop=token)
    once.wait(stop=token)


def test_a_stopped_wait_leaves_no_trace() -> None:
    token = StopToken()
    token.stop()
    barrier, parker, group = Barrier(2), Parker(), WaitGroup()
    share = group.clone()
    for wait in (barrier.wait, parker.park, group.wait):
        with pytest.raises(Stopped):
            wait(stop=token)
    # The barrier counts nobody: two more are needed.
    assert barrier.wait_timeout(0).is_err()
    assert repr(group) == "WaitGroup { count: 2 }"
    del share
    group.wait()


def test_a_token_is_shared_and_stays_with_its_variable() -> None:
    token = StopToken()
    assert is_sync(token)
    handle = spawn(move(lambda: token.wait(DEADLINE)))
    token.stop()
    assert handle.join() == Ok(True)


def test_one_token_is_one_object() -> None:
    token = StopToken()
    assert token.clone() is token
    assert copy.copy(token) is token
    assert copy.deepcopy([token])[0] is token
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(token)


def test_stress() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(60):
            root = StopToken()
            tokens = [root.child() for _ in range(3)]
            handles = [spawn(token.wait, DEADLINE) for token in tokens]
            handles += [spawn(token.wait, 0.0001) for token in tokens]
            stoppers = [spawn(token.stop) for token in tokens]
            root.stop()
            results = [handle.join(DEADLINE) for handle in handles]
            assert all(stopper.join(DEADLINE).is_ok() for stopper in stoppers)
            assert results[:3] == [Ok(True)] * 3
    finally:
        sys.setswitchinterval(interval)


def test_references_stay_flat() -> None:
    token = StopToken()
    before = sys.getrefcount(token)
    for _ in range(100):
        token.wait(0)
        token.child()
        Barrier(2).wait_timeout(0, stop=token)
    assert sys.getrefcount(token) == before
