"""The futures of `submit`: what they cost and what they hold."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs.pool import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = 10.0


def test_futures_that_nobody_waits_for_are_no_burden(make_pool: Callable[..., ThreadPool]) -> None:
    """The collector would look at a million of them again and again."""
    pool = make_pool(1)
    gate = threading.Event()
    pool.submit(gate.wait, DEADLINE)
    futures = [pool.submit(int) for _ in range(3)]
    listed = pool.submit(lambda: [0])
    assert not any(map(gc.is_tracked, [*futures, listed]))
    gate.set()
    pool.shutdown()
    assert [f.result() for f in futures] == [0, 0, 0]
    assert not any(map(gc.is_tracked, futures))
    assert gc.is_tracked(listed)  # a list may hold its future


@pytest.mark.parametrize("tie", ["result", "attribute", "callback"])
def test_futures_in_cycles_are_collected(make_pool: Callable[..., ThreadPool], tie: str) -> None:
    pool = make_pool(1)

    def tied() -> weakref.ref[Any]:
        box: list[Any] = []
        gate = threading.Event()
        pool.submit(gate.wait, DEADLINE)
        future = pool.submit(lambda: box if tie == "result" else None)
        box.append(future)
        if tie == "attribute":
            future.itself = future  # type: ignore[attr-defined]
        if tie == "callback":
            future.add_done_callback(box.append)
        gate.set()
        pool.shutdown()
        return weakref.ref(future)

    watch = tied()
    gc.collect()
    assert watch() is None


def test_a_future_is_one_of_the_library(pool: ThreadPool) -> None:
    from concurrent.futures import Future

    gate = threading.Event()
    pool.submit(gate.wait, DEADLINE)
    for _ in range(pool.num_threads):
        pool.submit(gate.wait, DEADLINE)
    late = pool.submit(int)
    assert isinstance(late, Future)
    assert "pending" in repr(late)
    told: list[Any] = []
    late.add_done_callback(told.append)
    with pytest.raises(TimeoutError):
        late.result(timeout=0.001)
    assert late.cancel()
    assert told == [late]
    assert late.cancelled()
    with pytest.raises(CancelledError):
        late.result()
    gate.set()
    failed = pool.submit(divmod, 1, 0)
    assert isinstance(failed.exception(DEADLINE), ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        failed.result(DEADLINE)
    with pytest.raises(TypeError, match="comes from submit"):
        type(late)()
    with pytest.raises(TypeError, match="unexpected keyword"):
        failed.result(seconds=1)  # type: ignore[call-arg]
