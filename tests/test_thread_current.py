"""`current`, `Thread`, `ThreadId`, `park` and `unpark`."""

from __future__ import annotations

import _thread
import copy
import pickle
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Ok, Thread, ThreadId, _ffi, current, park, park_timeout

if TYPE_CHECKING:
    from collections.abc import Callable

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0

any_park_timeout: Any = park_timeout


# -- Who a thread is. ------------------------------------------------------------------------------


def test_the_main_thread_is_main_with_id_1() -> None:
    assert (current().name, current().id.number) == ("main", 1)
    assert repr(current()) == 'Thread { id: ThreadId(1), name: Some("main"), .. }'


def test_current_is_the_handle_that_spawn_gave() -> None:
    handle = Builder(name="x").spawn(current)
    assert handle.thread is handle.join().unwrap()


def test_current_is_the_same_on_each_call() -> None:
    assert current() is current()
    assert spawn(lambda: current() is current()).join() == Ok(True)


def test_a_thread_outlives_its_handle() -> None:
    thread = Builder(name="gone").spawn(int).thread
    assert thread.name == "gone"
    assert repr(thread) == f'Thread {{ id: {thread.id!r}, name: Some("gone"), .. }}'


@pytest.mark.parametrize(
    ("name", "shown"),
    [(None, "None"), ("", 'Some("")'), ('a"b', 'Some("a\\"b")'), ("a\\b", 'Some("a\\\\b")')],
)
def test_repr_shows_the_name_as_rust_does(name: str | None, shown: str) -> None:
    thread = Builder(name=name).spawn(int).thread
    assert repr(thread) == f"Thread {{ id: {thread.id!r}, name: {shown}, .. }}"


def test_a_thread_of_threading_has_its_name_there() -> None:
    seen: list[Thread] = []
    threads = [
        threading.Thread(target=lambda: seen.append(current()), name=name)
        for name in ("one", "two")
    ]
    for thread in threads:
        thread.start()
        thread.join(SECONDS)
    assert [thread.name for thread in seen] == ["one", "two"]
    assert len({thread.id for thread in [*seen, current()]}) == 3


def test_a_thread_that_nobody_knows_has_no_name_and_stays_unknown() -> None:
    seen: list[Any] = []
    done = threading.Event()

    def look() -> None:
        seen.extend((current().name, current() is current(), threading.active_count()))
        done.set()

    before = threading.active_count()
    _thread.start_new_thread(look, ())
    assert done.wait(SECONDS)
    assert seen == [None, True, before]


def test_threading_sees_a_running_thread_and_forgets_it() -> None:
    gate, inside = threading.Event(), threading.Event()

    def look() -> tuple[str, bool, int | None]:
        me = threading.current_thread()
        inside.set()
        gate.wait(SECONDS)
        return me.name, me.daemon, me.native_id

    handle = Builder(name="visible").spawn_unchecked(look)
    assert inside.wait(SECONDS)
    (seen,) = (t for t in threading.enumerate() if t.name == "visible")
    assert seen.is_alive()
    native_id = seen.native_id
    gate.set()
    assert handle.join() == Ok(("visible", True, native_id))
    assert seen not in threading.enumerate()
    assert not seen.is_alive()


# -- Ids. ------------------------------------------------------------------------------------------


def test_ids_are_never_used_again() -> None:
    """One OS thread serves most of these spawns; each is a thread of its own all the same."""
    ids = [spawn(lambda: current().id).join().unwrap() for _ in range(300)]
    assert len(set(ids)) == 300
    assert current().id not in ids


def test_ids_compare_by_value() -> None:
    one, other = spawn(int).thread.id, spawn(int).thread.id
    assert one == one
    assert one != other
    assert hash(one) == hash(one)
    assert {one: 1, other: 2}[one] == 1
    assert one != one.number
    assert repr(one) == f"ThreadId({one.number})"


def test_ids_have_no_order() -> None:
    one: Any = current().id
    with pytest.raises(TypeError):
        assert one < one


@pytest.mark.parametrize("kind", [Thread, ThreadId])
def test_they_are_not_made_by_hand(kind: Any) -> None:
    with pytest.raises(TypeError, match="comes from"):
        kind()


@pytest.mark.parametrize("value", [current(), current().id], ids=["Thread", "ThreadId"])
def test_they_mean_nothing_in_another_process(value: object) -> None:
    with pytest.raises(TypeError, match="means nothing in another process"):
        pickle.dumps(value)


@pytest.mark.parametrize("value", [current(), current().id], ids=["Thread", "ThreadId"])
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_same(value: object, how: Callable[[object], object]) -> None:
    assert how(value) == value
    assert how({value: [value]}) == {value: [value]}


@pytest.mark.parametrize("attribute", ["name", "id", "note"])
def test_a_thread_cannot_be_changed(attribute: str) -> None:
    with pytest.raises(AttributeError):
        setattr(current(), attribute, "x")


# -- Park and unpark. ------------------------------------------------------------------------------


def test_unpark_first_and_park_returns_at_once() -> None:
    for _ in range(10):
        current().unpark()
        park()


def test_unpark_ends_a_park() -> None:
    awake = threading.Event()

    def sleep() -> None:
        while not awake.is_set():
            park()

    handle = spawn(sleep)
    awake.set()
    handle.thread.unpark()
    assert handle.join(SECONDS) == Ok(None)


def test_the_token_is_one() -> None:
    """However often it is left, the second park waits."""
    for _ in range(5):
        current().unpark()
    park()
    start = time.monotonic()
    park_timeout(0.05)
    assert time.monotonic() - start >= 0.05


def test_the_token_belongs_to_one_thread() -> None:
    current().unpark()
    start = time.monotonic()
    spawn(park_timeout, 0.05).join().unwrap()
    assert time.monotonic() - start >= 0.05
    park()


def test_park_timeout_takes_the_token_too() -> None:
    current().unpark()
    start = time.monotonic()
    park_timeout(SECONDS)
    assert time.monotonic() - start < SECONDS / 2
    park_timeout(0)


@pytest.mark.parametrize("timeout", [0, 0.02, timedelta(milliseconds=20), 1e-12, -0.0], ids=repr)
def test_park_timeout_ends_without_a_token(timeout: Any) -> None:
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    start = time.monotonic()
    park_timeout(timeout)
    assert time.monotonic() - start >= seconds


@pytest.mark.parametrize("timeout", [1e300, float("inf"), 2**64, timedelta.max], ids=str)
def test_an_endless_park_timeout_ends_by_unpark(timeout: Any) -> None:
    handle = spawn(park_timeout, timeout)
    handle.thread.unpark()
    assert handle.join(SECONDS) == Ok(None)


@pytest.mark.parametrize(
    ("timeout", "error"),
    [(-1, ValueError), (float("nan"), ValueError), (None, TypeError), ("1", TypeError)],
    ids=str,
)
def test_an_impossible_timeout_is_refused_and_the_token_stays(
    timeout: Any, error: type[Exception]
) -> None:
    current().unpark()
    with pytest.raises(error):
        any_park_timeout(timeout)
    park()


def test_unpark_after_the_end_does_no_harm() -> None:
    handle = spawn(int)
    handle.join().unwrap()
    handle.thread.unpark()
    thread = handle.thread
    del handle
    thread.unpark()


def test_a_reused_os_thread_has_no_token_left() -> None:
    """A token that came too late is not the next thread's."""
    for _ in range(20):
        handle = spawn(int)
        handle.join().unwrap()
        handle.thread.unpark()
        start = time.monotonic()
        spawn(park_timeout, 0.005).join().unwrap()
        assert time.monotonic() - start >= 0.005


def test_what_happened_before_unpark_is_seen_after_park() -> None:
    box: list[int] = []

    def wait() -> list[int]:
        while not box:
            park()
        return list(box)

    for number in range(50):
        box.clear()
        handle = spawn(wait)
        box.append(number)
        handle.thread.unpark()
        assert handle.join(SECONDS) == Ok([number])


def test_a_parked_thread_burns_no_time() -> None:
    gate = threading.Event()

    def parked() -> float:
        start = time.thread_time()
        while not gate.is_set():
            park()
        return time.thread_time() - start

    handle = spawn(parked)
    park_timeout(0.1)
    gate.set()
    handle.thread.unpark()
    assert handle.join(SECONDS).unwrap() < 0.05


def test_the_wait_is_a_wait_in_the_kernel() -> None:
    before = _ffi.statistics()["parks"]
    park_timeout(0.02)
    assert _ffi.statistics()["parks"] > before
