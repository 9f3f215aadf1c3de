"""Races: many threads on one handle, one scope, one token, one pool of workers."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import (
    Builder,
    Err,
    JoinHandle,
    Ok,
    UseAfterMoveError,
    _ffi,
    assume_send,
    current,
    panic,
    park,
    park_timeout,
    scope,
    thread_local,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Rounds = Callable[[int], range]

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 30.0  # a deadline; nothing should come near it

pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture(autouse=True)
def silent_panics() -> Iterator[None]:
    panic.set_hook(lambda info: None)
    yield
    panic.take_hook()


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do several things at the same moment; return what each returned or raised."""
    barrier = threading.Barrier(len(acts))

    def do(act: Callable[[], object]) -> object:
        barrier.wait(SECONDS)
        try:
            return act()
        except UseAfterMoveError as error:
            return type(error)

    return [h.join(SECONDS).unwrap() for h in [spawn(do, act) for act in acts]]


# -- One handle. -----------------------------------------------------------------------------------


def test_of_many_joiners_one_gets_the_result(rounds: Rounds) -> None:
    for number in rounds(200):
        handle = spawn(int, str(number))
        outcomes = at_once(*[handle.join] * 6)
        assert outcomes.count(Ok(number)) == 1
        assert outcomes.count(UseAfterMoveError) == 5


def test_join_with_and_without_time_detach_and_drop(rounds: Rounds) -> None:
    rng = random.Random(1)

    def join_soon(handle: JoinHandle[Any]) -> object:
        try:
            return handle.join(rng.random() * 1e-4)
        except TimeoutError:
            return TimeoutError

    for number in rounds(200):
        box = [spawn(int, str(number))]
        handle = box[0]
        acts: list[Callable[[], object]] = [
            handle.join,
            handle.detach,
            lambda h=handle: join_soon(h),
            box.clear,
        ]
        del handle
        rng.shuffle(acts)
        outcomes = at_once(*acts)
        del acts
        results = [it for it in outcomes if isinstance(it, Ok | Err)]
        assert results in ([], [Ok(number)])
        assert set(outcomes) <= {Ok(number), None, UseAfterMoveError, TimeoutError}


def test_a_result_is_freed_once_whoever_loses(rounds: Rounds) -> None:
    """A thread ends while its handle is joined, detached or dropped."""
    freed: list[int] = []

    class Result:
        def __del__(self) -> None:
            freed.append(1)

    ways: list[Callable[[JoinHandle[Any]], object]] = [
        lambda handle: handle.join(),
        lambda handle: handle.detach(),
        lambda handle: None,
        lambda handle: handle.is_finished(),
    ]
    count = 0
    for number in rounds(500):
        ways[number % len(ways)](spawn(Result))
        count += 1
    deadline = 1000
    while len(freed) < count and deadline:
        park_timeout(0.01)
        deadline -= 1
    assert len(freed) == count


# -- Tokens. ---------------------------------------------------------------------------------------


def test_no_token_is_lost(rounds: Rounds) -> None:
    """Two threads hand a turn back and forth; each waits for its token only."""
    turns = len(rounds(2000))
    turn = [0]

    def play(me: int, other: list[Any]) -> int:
        done = 0
        while True:
            while turn[0] % 2 != me and turn[0] < turns:
                park()
            if turn[0] >= turns:
                other[0].unpark()
                return done
            turn[0] += 1
            done += 1
            other[0].unpark()

    threads: list[list[Any]] = [[None], [None]]
    ready = threading.Barrier(3)

    def start(me: int) -> int:
        threads[1 - me][0] = current()
        ready.wait(SECONDS)
        return play(me, threads[me])

    players = [spawn(start, me) for me in range(2)]
    ready.wait(SECONDS)
    done = [player.join(SECONDS).unwrap() for player in players]
    assert sum(done) == turns


def test_a_token_from_many_ends_every_park(rounds: Rounds) -> None:
    for _ in rounds(100):
        sleeper = spawn(park)
        at_once(*[sleeper.thread.unpark] * 4)
        assert sleeper.join(SECONDS) == Ok(None)


# -- Workers. --------------------------------------------------------------------------------------


def test_many_threads_spawn_at_once(rounds: Rounds) -> None:
    per_thread = len(rounds(150))

    def churn(me: int) -> int:
        total = 0
        for number in range(per_thread):
            total += spawn(int, str(me * number)).join().unwrap()
        return total

    churners = [spawn(churn, me) for me in range(8)]
    expected = [me * sum(range(per_thread)) for me in range(8)]
    assert [churner.join(SECONDS * 10).unwrap() for churner in churners] == expected


def test_reuse_dedicated_retire_and_panics_at_once(rounds: Rounds) -> None:
    key = thread_local(list)
    standard = threading.local()

    def leave_something(number: int) -> int:
        assert key.get() == []
        assert vars(standard) == {}
        key.get().append(number)
        standard.value = number
        if number % 7 == 0:
            raise LookupError(number)
        return number

    def churn(me: int) -> int:
        count = 0
        for number in rounds(100):
            if number % 10 == me:
                _ffi.retire_workers()
            builder = Builder(dedicated=number % 5 == me % 5)
            result = builder.spawn_unchecked(leave_something, number).join()
            if isinstance(result, Err):
                assert isinstance(result.error, LookupError), result
            count += 1
        return count

    churners = [spawn(churn, me) for me in range(4)]
    for churner in churners:
        assert churner.join(SECONDS * 10).unwrap() == len(rounds(100))


def test_threading_knows_them_all_and_forgets_them(rounds: Rounds) -> None:
    stop, looked = threading.Event(), threading.Event()

    def look() -> int:
        looks = 0
        while not stop.is_set():
            for thread in threading.enumerate():
                assert thread.name
                assert "Dummy" not in thread.name
            looks += 1
            looked.set()
        return looks

    watcher = spawn(look)
    assert looked.wait(SECONDS)
    for _ in rounds(300):
        assert spawn(lambda: threading.current_thread().is_alive()).join() == Ok(True)
    stop.set()
    assert watcher.join(SECONDS).unwrap() > 0
    assert threading.active_count() == 1


# -- Scopes. ---------------------------------------------------------------------------------------


def test_a_tree_of_scoped_threads_is_gone_at_the_end(rounds: Rounds) -> None:
    seen: list[int] = []

    def grow(s: Any, depth: int) -> None:
        seen.append(depth)
        if depth:
            for _ in range(3):
                s.spawn(assume_send(grow), s, depth - 1)

    for _ in rounds(20):
        seen.clear()
        with scope() as s:
            s.spawn(assume_send(grow), s, 3)
        assert len(seen) == 1 + 3 + 9 + 27
        assert _ffi.statistics()["live"] == 0


def test_scopes_in_many_threads_at_once(rounds: Rounds) -> None:
    def nest(depth: int) -> int:
        with scope() as s:
            handles = [s.spawn(nest, depth - 1) for _ in range(2)] if depth else []
        return 1 + sum(handle.join().unwrap() for handle in handles)

    for _ in rounds(10):
        assert [h.join(SECONDS) for h in [spawn(nest, 3) for _ in range(4)]] == [Ok(15)] * 4
