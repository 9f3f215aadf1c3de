"""Many: thousands of threads that live, wait for one, and are woken at once.

The short run has hundreds; PYTHREAD_RS_STRESS has the numbers that the documentation gives.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Err, JoinHandle, Ok, SpawnError, _ffi, park
from pythread_rs.sync import mpmc
from pythread_rs.sync.mpmc import RecvError, SendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

STRESS = int(os.environ.get("PYTHREAD_RS_STRESS") or 0)
LIVING = 5000 if STRESS else 500
WAITERS = 4000 if STRESS else 400
ENDS = 10_000 if STRESS else 500  # or as many as the machine allows
SMALL_STACK = 256 * 1024  # bytes
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


def blocked(
    call: Callable[..., Any], wait_until: Callable[..., bool], *args: object
) -> list[JoinHandle[Any]]:
    """Start threads until there are enough, or no more can be had; wait until they all wait."""
    parks = _ffi.statistics()["parks"]
    builder = Builder(stack_size=SMALL_STACK)
    handles: list[JoinHandle[Any]] = []
    try:
        while len(handles) < ENDS:
            handles.append(builder.spawn_unchecked(call, *args))
    except SpawnError as error:
        print(f"the machine has {len(handles)} threads, and then: {error}")
    # Each sleeps once for its start at most, and then in its wait.
    wait_until(lambda: _ffi.statistics()["parks"] - parks >= len(handles), DEADLINE)
    return handles


def test_thousands_that_receive_are_woken_by_the_last_sender(
    wait_until: Callable[..., bool],
) -> None:
    tx, rx = mpmc.channel()
    handles = blocked(rx.recv, wait_until)
    began = time.monotonic()
    tx.drop()
    woken = [handle.join(DEADLINE) for handle in handles]
    print(f"{len(handles)} receivers: {time.monotonic() - began:.2f} s")
    assert woken == [Ok(Err(RecvError()))] * len(handles)


def test_thousands_that_send_are_woken_by_the_last_receiver(
    wait_until: Callable[..., bool],
) -> None:
    tx, rx = mpmc.sync_channel(0)
    handles = blocked(tx.send, wait_until, 1)
    began = time.monotonic()
    rx.drop()
    woken = [handle.join(DEADLINE) for handle in handles]
    print(f"{len(handles)} senders: {time.monotonic() - began:.2f} s")
    assert woken == [Ok(Err(SendError(1)))] * len(handles)


@pytest.mark.skipif(not STRESS, reason="PYTHREAD_RS_STRESS is not set")
def test_a_hundred_thousand_in_a_row() -> None:
    for number in range(100_000):
        assert spawn(int, number).join() == Ok(number)
    assert _ffi.statistics()["live"] == 0
