"""Many: thousands of threads that live, wait for one, and are woken at once.

The short run has hundreds; PYTHREAD_RS_STRESS has the numbers that the documentation gives.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pythread_rs import Builder, JoinHandle, Ok, _ffi, park

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

STRESS = int(os.environ.get("PYTHREAD_RS_STRESS") or 0)
LIVING = 5000 if STRESS else 500
WAITERS = 4000 if STRESS else 400
# Seconds for all of them to be woken and gone. It takes a tenth of that on an idle machine; waking
# them all at the same moment would take much more.
PATIENCE = 5.0
DEADLINE = 60.0


@pytest.fixture
def parked() -> Iterator[list[JoinHandle[None]]]:
    """A list of threads that park; they end at the latest when the test is over."""
    handles: list[JoinHandle[None]] = []
    yield handles
    for handle in handles:
        handle.thread.unpark()
    handles.clear()


def test_thousands_of_threads_live_and_end(
    parked: list[JoinHandle[None]], wait_until: Callable[..., bool]
) -> None:
    parked += [spawn(park) for _ in range(LIVING)]
    assert wait_until(lambda: threading.active_count() == LIVING + 1, DEADLINE)
    assert _ffi.statistics()["live"] == LIVING
    for handle in parked:
        handle.thread.unpark()
    assert [handle.join() for handle in parked] == [Ok(None)] * LIVING


def test_thousands_that_wait_for_one_are_woken_soon(
    parked: list[JoinHandle[None]], wait_until: Callable[..., bool]
) -> None:
    """One is woken, who wakes the next: all at once they would fight for the GIL."""
    target = spawn(park)
    parked.append(target)
    waiters = [spawn(target._packet.wait, -1) for _ in range(WAITERS)]
    assert wait_until(lambda: threading.active_count() == WAITERS + 2, DEADLINE)
    began = time.monotonic()
    target.thread.unpark()
    assert [waiter.join() for waiter in waiters] == [Ok(_ffi.DONE)] * WAITERS
    took = time.monotonic() - began
    print(f"{WAITERS} waiters: {took:.2f} s")
    assert took < PATIENCE, f"{took:.1f} s"
    assert target.join() == Ok(None)


@pytest.mark.skipif(not STRESS, reason="PYTHREAD_RS_STRESS is not set")
def test_a_hundred_thousand_in_a_row() -> None:
    for number in range(100_000):
        assert spawn(int, number).join() == Ok(number)
    assert _ffi.statistics()["live"] == 0
