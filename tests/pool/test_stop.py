"""`stop=` of a task's join: it ends the wait, and only that."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pythread_rs import Builder, Ok, _ffi, assume_send
from pythread_rs.pool import ThreadPool
from pythread_rs.sync import Stopped, StopToken

DEADLINE = 10.0


def started(pool: ThreadPool, end: threading.Event) -> Any:
    """Give the handle of a task that runs until `end`."""
    begun = threading.Event()

    def wait() -> bool:
        begun.set()
        return end.wait(DEADLINE)

    handle = pool.spawn(assume_send(wait))
    assert begun.wait(DEADLINE)
    return handle


def test_a_stop_ends_the_wait_and_the_handle_is_as_it_was() -> None:
    end, token = threading.Event(), StopToken()
    with ThreadPool(1) as pool:
        handle = started(pool, end)
        stopper = Builder().spawn_unchecked(token.stop)
        with pytest.raises(Stopped):
            handle.join(stop=token)
        with pytest.raises(Stopped):
            handle.join(DEADLINE, stop=token)
        with pytest.raises(Stopped):
            handle.join(0, stop=token)
        stopper.join().unwrap()
        end.set()
        assert handle.join(DEADLINE) == Ok(True)


def test_a_result_that_is_there_comes_before_the_stop() -> None:
    token = StopToken()
    token.stop()
    with ThreadPool(1) as pool:
        handle = pool.spawn(int, "12")
        while not handle.is_finished():
            pass
        assert handle.join(stop=token) == Ok(12)


def test_a_token_that_nobody_stops_changes_nothing() -> None:
    end, token = threading.Event(), StopToken()
    with ThreadPool(1) as pool:
        handle = started(pool, end)
        with pytest.raises(TimeoutError):
            handle.join(0.02, stop=token)
        end.set()
        assert handle.join(stop=token) == Ok(True)


def test_on_a_worker_of_the_pool() -> None:
    """It has nothing to help with, so it sleeps, and the stop wakes it."""
    end, token = threading.Event(), StopToken()
    with ThreadPool(2) as pool:
        handle = started(pool, end)

        def join() -> Any:
            with pytest.raises(Stopped):
                handle.join(stop=token)
            end.set()
            return handle.join(DEADLINE)

        parks = _ffi.statistics()["parks"]
        joiner = pool.submit(join)
        while _ffi.statistics()["parks"] == parks:
            assert not joiner.done()
        token.stop()
        assert joiner.result(DEADLINE) == Ok(True)


def test_what_is_no_token_is_refused() -> None:
    with ThreadPool(1) as pool:
        handle = pool.spawn(int, "1")
        with pytest.raises(TypeError, match="StopToken"):
            handle.join(stop=1)  # type: ignore[arg-type]
        assert handle.join() == Ok(1)
