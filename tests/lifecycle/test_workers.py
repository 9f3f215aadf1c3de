"""Workers: how many stay when they have nothing to do, and for how long."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pythread_rs import Builder, Ok, _ffi, sleep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it
SHARED = Builder()  # threads that workers may run
USUAL = (10.0, 32)  # what the C layer begins with: seconds, workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")


def os_threads() -> int:
    """Count the threads of this process, as the OS does."""
    return len(list(Path("/proc/self/task").iterdir()))


def idle() -> int:
    return _ffi.statistics()["idle"]


@pytest.fixture(autouse=True)
def no_idle_workers() -> Iterator[None]:
    _ffi.retire_workers()
    yield
    _ffi.configure_workers(*USUAL)
    _ffi.retire_workers()


def run_at_once(count: int, builder: Builder = SHARED) -> None:
    """Have `count` threads live at the same time, and end."""
    barrier = threading.Barrier(count + 1)
    handles = [builder.spawn(barrier.wait, SECONDS) for _ in range(count)]
    barrier.wait(SECONDS)
    for handle in handles:
        handle.join().unwrap()


def test_idle_workers_leave_when_their_time_is_over(wait_until: Callable[..., bool]) -> None:
    before = os_threads()
    _ffi.configure_workers(0.05, 32)
    run_at_once(8)
    assert wait_until(lambda: idle() == 0)
    assert wait_until(lambda: os_threads() <= before)
    assert spawn(int).join() == Ok(0)


def test_a_worker_that_is_used_does_not_leave() -> None:
    """Its time begins anew with each closure."""
    _ffi.configure_workers(1, 32)
    created = _ffi.statistics()["os_threads_created"]
    began, longest = time.monotonic(), 0.0
    while time.monotonic() < began + 1.5:
        start = time.monotonic()
        spawn(int).join().unwrap()
        sleep(0.05)
        longest = max(longest, time.monotonic() - start)
    if longest > 0.9:
        pytest.skip(f"the machine has stood still for {longest:.1f} s")
    assert _ffi.statistics()["os_threads_created"] == created + 1


def test_a_spawn_may_come_at_the_moment_when_a_worker_leaves() -> None:
    _ffi.configure_workers(0.001, 32)
    for number in range(300):
        assert spawn(int, str(number)).join() == Ok(number)
        sleep(0.001 + number % 10 * 0.00002)


@pytest.mark.parametrize("most", [0, 1, 4])
def test_no_more_than_the_cap_stay(most: int, wait_until: Callable[..., bool]) -> None:
    before = os_threads()
    _ffi.configure_workers(10, most)
    run_at_once(20)
    assert idle() <= most
    assert wait_until(lambda: os_threads() <= before + most)
    reused = _ffi.statistics()["os_threads_reused"]
    for _ in range(10):
        assert spawn(int).join() == Ok(0)
    assert (_ffi.statistics()["os_threads_reused"] > reused) == (most > 0)


def test_the_usual_cap_is_32(wait_until: Callable[..., bool]) -> None:
    before = os_threads()
    run_at_once(60)
    assert idle() == 32
    assert wait_until(lambda: os_threads() <= before + 32)


def test_dedicated_threads_are_never_idle(wait_until: Callable[..., bool]) -> None:
    before = os_threads()
    run_at_once(10, Builder(dedicated=True))
    assert idle() == 0
    assert wait_until(lambda: os_threads() <= before)


def test_retire_ends_all_that_are_idle_and_none_that_works() -> None:
    before = os_threads()
    release = threading.Event()
    working = spawn(release.wait, SECONDS)
    run_at_once(5)
    assert _ffi.retire_workers() == 5
    # At most: one that had just left may have been counted before.
    assert idle() == 0 and os_threads() <= before + 1
    assert not working.is_finished()
    release.set()
    assert working.join() == Ok(True)
    assert spawn(int).join() == Ok(0)


def test_retire_and_spawn_at_once() -> None:
    """A worker is either told to work or to leave: no closure gets lost."""
    stop = threading.Event()
    retired: list[int] = []

    def retire() -> None:
        while not stop.is_set():
            retired.append(_ffi.retire_workers())
            sleep(0.0001)

    retiring = spawn(retire)
    deadline = time.monotonic() + SECONDS
    while sum(retired) < 50 and time.monotonic() < deadline:
        for number in range(20):
            assert spawn(int, str(number)).join(SECONDS) == Ok(number)
        sleep(0.0001)
    stop.set()
    assert retiring.join() == Ok(None)
    assert sum(retired) >= 50
