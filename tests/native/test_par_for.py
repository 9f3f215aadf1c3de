"""par_for: each index once, whatever the grain; failures and Ctrl-C end it early."""

from __future__ import annotations

import errno
from array import array
from threading import Barrier, Event
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pythread_rs import native, spawn
from pythread_rs.pool import ThreadPool, global_pool

if TYPE_CHECKING:
    from collections.abc import Callable


@given(n=st.integers(0, 5000), grain=st.none() | st.integers(1, 6000))
def test_each_index_once(c: SimpleNamespace, n: int, grain: int | None) -> None:
    marks = bytearray(n + 1)
    native.par_for(c.lib.mark, n, marks, grain=grain)
    assert marks == b"\1" * n + b"\0"


def test_the_buffer_is_only_lent(c: SimpleNamespace) -> None:
    marks = bytearray(100)
    native.par_for(c.lib.mark, 100, marks)
    marks.append(1)


def test_from_a_thread_and_many_at_once(c: SimpleNamespace) -> None:
    def run() -> bool:
        marks = bytearray(10_000)
        native.par_for(mark, 10_000, marks)
        return bytes(marks) == b"\1" * 10_000

    mark = native.function(c.lib.mark)
    from pythread_rs import Builder

    handles = [Builder().spawn_unchecked(run) for _ in range(8)]
    assert all(handle.join().unwrap() for handle in handles)
    assert spawn(abs, -1).join().unwrap() == 1


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_all_workers_take_part(c: SimpleNamespace, threads: int) -> None:
    """Each index waits for all others: no thread can take two, and all come from one share."""
    arrived = array("i", [0])
    with ThreadPool(threads) as pool:
        pool.install(native.par_for, c.lib.meet, threads, arrived, threads, errcheck="nonzero")
    assert arrived[0] == threads


def test_the_caller_is_one_of_as_many_as_the_pool_has(c: SimpleNamespace) -> None:
    inside = array("i", [0, 0])
    with ThreadPool(2) as pool:
        pool.install(native.par_for, c.lib.count_inside, 300, inside)
    assert inside[0] == 0
    assert 1 <= inside[1] <= 2
    inside = array("i", [0, 0])
    native.par_for(c.lib.count_inside, 300, inside)
    assert 1 <= inside[1] <= global_pool().num_threads


def test_busy_workers_are_not_waited_for(c: SimpleNamespace) -> None:
    marks = bytearray(1000)
    started, end = Barrier(2), Event()

    def busy() -> None:
        started.wait()
        assert end.wait(20)

    with ThreadPool(2) as pool:
        busy_one = pool.submit(busy)
        started.wait(20)
        pool.install(native.par_for, c.lib.mark, 1000, marks, grain=1)
        end.set()
        busy_one.result(20)
    assert marks == b"\1" * 1000


def test_inside_of_par_map(c: SimpleNamespace) -> None:
    def count(n: int) -> int:
        marks = bytearray(n)
        native.par_for(mark, n, marks)
        return sum(marks)

    mark = native.function(c.lib.mark)
    with ThreadPool(2) as pool:
        assert pool.par_map(count, range(200)) == list(range(200))


@given(n=st.integers(1, 3000), grain=st.integers(1, 100))
def test_blocks_begin_at_multiples_of_the_grain(c: SimpleNamespace, n: int, grain: int) -> None:
    begins = bytearray(n)
    native.par_for(c.lib.mark_begin, n, begins, grain=grain)
    assert begins[0] == 1
    assert all(i % grain == 0 for i, seen in enumerate(begins) if seen)


def test_a_failure_ends_it(c: SimpleNamespace) -> None:
    marks = bytearray(100_000)
    with pytest.raises(native.NativeError) as caught:
        native.par_for(c.lib.fail_at, 100_000, 50, marks, grain=1, errcheck="negative")
    assert (caught.value.status, caught.value.errno) == (-7, errno.ERANGE)
    native.par_for(c.lib.fail_at, 100, 200, marks, errcheck="negative")


def test_what_is_refused(c: SimpleNamespace) -> None:
    with pytest.raises(TypeError, match="two int64_t"):
        native.par_for(c.lib.fail, 10)
    with pytest.raises(ValueError, match="n is at least 0"):
        native.par_for(c.lib.mark, -1, bytearray(1))
    with pytest.raises(ValueError, match="grain is at least 1"):
        native.par_for(c.lib.mark, 1, bytearray(1), grain=0)
    with pytest.raises(TypeError, match="takes 1 argument, and 2 were"):
        native.par_for(c.lib.mark, 1, bytearray(1), 5)
    with pytest.raises(TypeError, match="blocks run without Python"):
        native.par_for(c.lib.fail_at, 1, 0, b"", errcheck=bool)  # type: ignore[arg-type]


def test_ctrl_c_hands_out_no_more_blocks(output_of: Callable[..., str]) -> None:
    """Those under way end: no index is half done, and most have not begun."""
    said = output_of("""
        import os, signal, threading
        from pythread_rs import native
        marks, started = bytearray(200), ffi.new("int32_t *")
        def interrupt():
            lib.wait_for_flag(started, 10000)
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt).start()
        slowly = native.function(lib.mark_slowly)
        try:
            native.par_for(slowly, 200, marks, started, grain=1)
        except KeyboardInterrupt:
            done = sum(marks)
            print(0 < done < 150, set(marks) == {0, 1})
        import time
        time.sleep(0.1)
        print(sum(marks) == done)
        """)
    assert said == "True True\nTrue\n"
