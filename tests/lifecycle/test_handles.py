"""Handles: dropped, joined and detached in unusual places, by several threads at once."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, JoinHandle, Ok, UseAfterMoveError, _ffi, park, scope

if TYPE_CHECKING:
    from collections.abc import Callable

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it
ROUNDS = 200


class Holder:
    """Something that can hold a handle and itself."""

    def __init__(self, handle: JoinHandle[Any] | None = None) -> None:
        self.handle = handle
        self.me = self


def freed(objects: list[int]) -> Callable[[], object]:
    """Make a function whose result notes that it was freed."""

    class Result:
        def __del__(self) -> None:
            objects.append(1)

    return Result


def packets() -> int:
    return _ffi.statistics()["packets"]


# -- Dropped. --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["here", "a thread of ours", "a thread of threading"])
@pytest.mark.parametrize("when", ["running", "finished"])
def test_handles_in_cycles_are_collected(
    where: str, when: str, wait_until: Callable[..., bool]
) -> None:
    before, results = packets(), list[int]()
    release = threading.Event()
    if when == "finished":
        release.set()

    def work() -> object:
        release.wait(SECONDS)
        return freed(results)()

    gc.disable()
    try:
        for _ in range(50):
            handle = spawn(work)
            assert when == "running" or wait_until(handle.is_finished)
            Holder(handle)
        del handle
        assert packets() >= before + 50
        if where == "here":
            gc.collect()
        elif where == "a thread of ours":
            spawn(gc.collect).join().unwrap()
        else:
            thread = threading.Thread(target=gc.collect)
            thread.start()
            thread.join(SECONDS)
    finally:
        release.set()
        gc.enable()
    assert wait_until(lambda: packets() <= before)
    assert len(results) == 50


def test_a_cycle_through_the_result_is_collected(wait_until: Callable[..., bool]) -> None:
    before = packets()
    for _ in range(20):
        holder = Holder()
        holder.handle = spawn(lambda it: it, holder)
        assert wait_until(holder.handle.is_finished)
    del holder
    gc.collect()
    assert wait_until(lambda: packets() <= before)


def test_a_closure_may_drop_its_own_handle(wait_until: Callable[..., bool]) -> None:
    results: list[int] = []

    def work(box: list[JoinHandle[Any]], filled: threading.Event) -> object:
        filled.wait(SECONDS)
        box.clear()
        return freed(results)()

    for _ in range(50):
        box: list[JoinHandle[Any]] = []
        filled = threading.Event()
        box.append(spawn(work, box, filled))
        filled.set()
    assert wait_until(lambda: len(results) == 50)


def test_handles_are_dropped_on_other_threads(wait_until: Callable[..., bool]) -> None:
    results: list[int] = []
    handles = [spawn(freed(results)) for _ in range(50)]
    dropper = spawn(handles.clear)
    dropper.join().unwrap()
    assert wait_until(lambda: len(results) == 50)


def test_results_that_nobody_joins_are_freed(wait_until: Callable[..., bool]) -> None:
    results: list[int] = []
    for _ in range(300):
        spawn(freed(results))
    assert wait_until(lambda: len(results) == 300)


def test_a_join_outlives_the_last_other_reference() -> None:
    for _ in range(50):
        handle = spawn(park)
        thread = handle.thread
        joiner = spawn(handle.join)
        del handle
        gc.collect(0)
        thread.unpark()
        assert joiner.join(SECONDS) == Ok(Ok(None))


# -- Shared. ---------------------------------------------------------------------------------------


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


def test_of_three_joiners_one_gets_the_result() -> None:
    for number in range(ROUNDS):
        handle = spawn(int, str(number))
        outcomes = at_once(handle.join, handle.join, handle.join)
        assert sorted(map(repr, outcomes)) == sorted(
            map(repr, [Ok(number), UseAfterMoveError, UseAfterMoveError])
        )


def test_of_three_joiners_of_a_running_thread_one_gets_the_result() -> None:
    for _ in range(ROUNDS // 4):
        handle = spawn(park)
        outcomes = at_once(handle.join, handle.join, handle.join, handle.thread.unpark)
        assert outcomes[3] is None
        assert sorted(map(repr, outcomes[:3])) == sorted(
            map(repr, [Ok(None), UseAfterMoveError, UseAfterMoveError])
        )


def test_join_and_detach_at_once() -> None:
    """A join that waits already keeps its claim; one that comes later is refused."""
    for number in range(ROUNDS):
        handle = spawn(int, str(number))
        joined, detached = at_once(handle.join, handle.detach)
        assert joined in (Ok(number), UseAfterMoveError)
        assert detached in (None, UseAfterMoveError)
        assert (joined, detached) != (UseAfterMoveError, UseAfterMoveError)
        with pytest.raises(UseAfterMoveError):
            handle.join()


def test_looking_at_a_handle_while_it_is_joined() -> None:
    def look(handle: JoinHandle[Any]) -> bool:
        text = repr(handle)
        while not handle.is_finished():
            text += repr(handle)[:0]
        return text.startswith("JoinHandle")

    for number in range(ROUNDS // 4):
        handle = spawn(int, str(number))
        outcomes = at_once(handle.join, lambda h=handle: look(h), lambda h=handle: look(h))
        assert outcomes == [Ok(number), True, True]


def test_a_scoped_handle_joined_by_its_siblings() -> None:
    for number in range(ROUNDS // 4):
        with scope() as s:
            handle = s.spawn(int, str(number))
            joiners = [s.spawn(join_or_refusal, handle) for _ in range(3)]
        outcomes = [joiner.join().unwrap() for joiner in joiners]
        assert outcomes.count(Ok(number)) == 1
        assert outcomes.count(UseAfterMoveError) == 2


def join_or_refusal(handle: Any) -> object:
    try:
        return handle.join()
    except UseAfterMoveError as error:
        return type(error)
