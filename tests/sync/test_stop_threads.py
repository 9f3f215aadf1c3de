"""`stop=` of what `pythread_rs.thread` waits for: join, park and sleep."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Ok, scope, thread
from pythread_rs.sync import Stopped, StopToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pythread_rs import JoinHandle

    Wait = Callable[[Any, StopToken | None], object]

DEADLINE = 10.0
TEXT = "the stop token was stopped"


def start(f: Callable[..., Any], *args: Any) -> JoinHandle[Any]:
    """Spawn a function that shares what it captures with the test."""
    return Builder().spawn_unchecked(f, *args)


# Each waits for ever, or as good as that, for a thread that goes on or for nobody.
WAITS: dict[str, Wait] = {
    "join": lambda handle, token: handle.join(stop=token),
    "join timeout": lambda handle, token: handle.join(DEADLINE, stop=token),
    "park": lambda _, token: thread.park(stop=token),
    "park timeout": lambda _, token: thread.park_timeout(DEADLINE, stop=token),
    "sleep": lambda _, token: thread.sleep(DEADLINE, stop=token),
    "sleep for ever": lambda _, token: thread.sleep(math.inf, stop=token),
    "sleep until": lambda _, token: thread.sleep_until(time.monotonic() + DEADLINE, stop=token),
}


@pytest.fixture
def live() -> Iterator[JoinHandle[Any]]:
    """Give a thread that goes on until the test has ended.

    By a proxy: pytest keeps what it gave, and the thread would count as left behind.
    """
    end = threading.Event()
    handle = start(lambda: end.wait(DEADLINE))
    yield weakref.proxy(handle)
    end.set()
    assert handle.join(DEADLINE) == Ok(True)
    del handle


def outcome(wait: Wait, handle: JoinHandle[Any] | None, token: StopToken | None) -> str:
    try:
        wait(handle, token)
    except Stopped as stopped:
        return str(stopped)
    return "no stop"


@pytest.mark.parametrize("name", WAITS)
def test_a_stopped_token_ends_a_wait_at_once(name: str, live: JoinHandle[Any]) -> None:
    token = StopToken()
    token.stop()
    assert outcome(WAITS[name], live, token) == TEXT


@pytest.mark.parametrize("name", WAITS)
@pytest.mark.parametrize("count", [1, 5])
def test_a_stop_ends_sleeping_waits(
    name: str, count: int, live: JoinHandle[Any], blocked: Callable[..., JoinHandle[Any]]
) -> None:
    token = StopToken()
    handles = [blocked(outcome, WAITS[name], live, token) for _ in range(count)]
    token.child().stop()  # a child's stop is nobody else's
    assert not any(handle.is_finished() for handle in handles)
    token.stop()
    assert [handle.join(DEADLINE) for handle in handles] == [Ok(TEXT)] * count


@pytest.mark.parametrize("name", WAITS)
def test_the_main_thread_is_stopped_by_another(name: str, live: JoinHandle[Any]) -> None:
    token = StopToken()

    def stop_soon() -> None:
        thread.sleep(0.002)
        token.stop()

    stopper = start(stop_soon)
    assert outcome(WAITS[name], live, token) == TEXT
    assert stopper.join(DEADLINE).is_ok()


@pytest.mark.parametrize("name", WAITS)
def test_what_is_no_token_is_refused(name: str, live: JoinHandle[Any]) -> None:
    wrong: Any = 1
    with pytest.raises(TypeError, match="stop must be a StopToken or None, not int"):
        WAITS[name](live, wrong)


def test_a_stopped_join_leaves_the_handle_as_it_was() -> None:
    token, end = StopToken(), threading.Event()
    handle = start(lambda: end.wait(DEADLINE))
    token.stop()
    with pytest.raises(Stopped):
        handle.join(stop=token)
    with pytest.raises(TimeoutError):
        handle.join(0.001, stop=StopToken())
    end.set()
    assert handle.join(stop=StopToken()) == Ok(True)


def test_what_needs_no_wait_is_done_although_stopped() -> None:
    token = StopToken()
    token.stop()
    handle = start(int)
    while not handle.is_finished():
        pass
    assert handle.join(stop=token) == Ok(0)
    thread.current().unpark()
    thread.park(stop=token)
    with pytest.raises(Stopped):
        thread.park(stop=token)
    thread.sleep_until(time.monotonic() - 1, stop=token)


def test_a_stopped_park_leaves_the_next_token(blocked: Callable[..., JoinHandle[Any]]) -> None:
    token, stopped = StopToken(), threading.Event()

    def park() -> str:
        said = outcome(lambda *_: thread.park(stop=token), None, None)
        stopped.set()
        thread.park(stop=StopToken())
        return said

    handle = blocked(park)
    token.stop()
    assert stopped.wait(DEADLINE)
    handle.thread.unpark()
    assert handle.join(DEADLINE) == Ok(TEXT)


def test_a_scoped_handle_takes_a_token() -> None:
    token, end = StopToken(), threading.Event()
    token.stop()
    with scope() as s:
        handle = s.spawn(end.wait, DEADLINE)
        with pytest.raises(Stopped):
            handle.join(stop=token)
        end.set()
        assert handle.join(stop=StopToken()) == Ok(True)


def test_a_stop_wakes_joins_and_parks_of_a_whole_tree(
    live: JoinHandle[Any], wait_until: Callable[..., bool]
) -> None:
    root = StopToken()
    tokens = [root, *(root.child() for _ in range(7))]
    entered = threading.Semaphore(0)

    def wait(name: str, token: StopToken) -> str:
        entered.release()
        return outcome(WAITS[name], live, token)

    handles = [start(wait, name, token) for name in WAITS for token in tokens]
    for _ in handles:
        assert entered.acquire(timeout=DEADLINE)
    root.stop()
    assert [handle.join(DEADLINE) for handle in handles] == [Ok(TEXT)] * len(handles)


@pytest.mark.usefixtures("hasty")
def test_ends_and_stops_at_the_same_time() -> None:
    """Whatever is first, the result is had once, and nobody goes on waiting."""

    def race(handle: JoinHandle[Any], token: StopToken) -> str:
        try:
            return f"{handle.join(DEADLINE, stop=token)}"
        except Stopped:
            return f"{handle.join(DEADLINE)}"

    for _ in range(150):
        token = StopToken()
        target = start(outcome, WAITS["park"], None, token)
        joiner = start(race, target, token)
        stopper = start(token.stop)
        unparker = start(target.thread.unpark)
        assert joiner.join(DEADLINE) in (Ok(f"Ok({TEXT!r})"), Ok("Ok('no stop')"))
        assert stopper.join(DEADLINE) == unparker.join(DEADLINE) == Ok(None)


def test_references_stay_flat(live: JoinHandle[Any]) -> None:
    token = StopToken()
    stopped = StopToken()
    stopped.stop()
    before = sys.getrefcount(token), sys.getrefcount(stopped)
    for _ in range(100):
        with pytest.raises(TimeoutError):
            live.join(0, stop=token)
        with pytest.raises(Stopped):
            live.join(0, stop=stopped)
        thread.park_timeout(0, stop=token)
        thread.sleep(0, stop=token)
    assert (sys.getrefcount(token), sys.getrefcount(stopped)) == before


FORKS = """
import os, signal, threading, warnings
from pythread_rs import Builder, _ffi, spawn, thread
from pythread_rs.sync import Stopped, StopToken

warnings.simplefilter("ignore", DeprecationWarning)
spawn = Builder().spawn_unchecked
token, end = StopToken(), threading.Event()
target = spawn(end.wait)
pids = []

def fork(number, frame):
    pids.append(os.fork())
    if pids[0] == 0:
        spawn(token.stop).detach()
    else:
        print(os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]), flush=True)
        token.stop()

signal.signal(signal.SIGUSR1, fork)
main = threading.get_ident()
parks = _ffi.statistics()["parks"]

def interrupt():
    while _ffi.statistics()["parks"] < parks + 2:
        thread.yield_now()
    signal.pthread_kill(main, signal.SIGUSR1)

helper = spawn(interrupt)
try:
    WAIT
except Stopped:
    if pids[0] == 0:
        os._exit(7)
    print("stopped")
end.set()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize(
    "wait", ["thread.park(stop=token)", "thread.sleep(9, stop=token)", "target.join(stop=token)"]
)
def test_a_wait_that_forks_ends_in_the_child(wait: str, run_child: Callable[..., Any]) -> None:
    """A signal handler forks in the middle of a wait, which the child goes on with."""
    if "join" in wait:
        wait += "; os._exit(7)"  # the thread stayed in the parent: the join ends at once
    done = run_child(FORKS.replace("WAIT", wait))
    assert (done.stdout, done.stderr) == ("7\nstopped\n", "")
