"""Barrier: rounds, leaders, and threads that leave without having met."""

from __future__ import annotations

import copy
import os
import pickle
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Err, Ok, spawn
from pythread_rs.ownership import assume_send, is_sync
from pythread_rs.sync import Barrier, BarrierWaitResult, StopToken, WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pythread_rs import JoinHandle

DEADLINE = 10.0


def start(f: Callable[..., Any], *args: Any) -> JoinHandle[Any]:
    """Spawn a function that shares what it captures with the test."""
    return spawn(assume_send(f), *args)


def leaders(results: list[Any]) -> int:
    return sum(result.unwrap().is_leader() for result in results)


def test_barrier() -> None:
    """Rust's test_barrier: nobody passes before the last has come, and one leads."""
    barrier = Barrier(10)
    passed = StopToken()

    def work() -> bool:
        leads = barrier.wait().is_leader()
        passed.stop()
        return leads

    handles = [start(work) for _ in range(9)]
    assert not passed.wait(0.01)
    leads = barrier.wait().is_leader()
    assert passed.wait(DEADLINE)
    assert leads + sum(handle.join(DEADLINE).unwrap() for handle in handles) == 1


@pytest.mark.parametrize("size", [0, 1])
def test_a_barrier_for_none_or_one_opens_at_once(size: int) -> None:
    barrier = Barrier(size)
    for _ in range(3):
        assert barrier.wait().is_leader()
    assert barrier.wait_timeout(0).unwrap().is_leader()


@pytest.mark.parametrize("size", [2, 3, 16, 100])
def test_a_barrier_is_used_again(size: int) -> None:
    barrier = Barrier(size)
    rounds = 20
    marks = [0] * size

    def work(me: int) -> int:
        led = 0
        for _ in range(rounds):
            before = min(marks)
            marks[me] += 1
            led += barrier.wait().is_leader()
            # All have done this round, and nobody is two rounds ahead.
            assert min(marks) > before - 1
            assert max(marks) - min(marks) <= 1
            barrier.wait()
        return led

    handles = [start(work, me) for me in range(size)]
    assert sum(handle.join(DEADLINE).unwrap() for handle in handles) == rounds
    assert marks == [rounds] * size


def test_more_threads_than_the_barrier_is_for() -> None:
    barrier = Barrier(3)
    handles = [spawn(barrier.wait) for _ in range(30)]
    assert leaders([handle.join(DEADLINE) for handle in handles]) == 10


def test_a_timed_out_thread_is_not_counted() -> None:
    barrier = Barrier(2)
    for _ in range(3):
        match barrier.wait_timeout(0.001):
            case Err(WaitTimeoutError() as error):
                assert str(error) == "timed out waiting on barrier"
            case other:
                pytest.fail(f"{other}")
    # If one of them were counted still, this thread would lead alone.
    assert barrier.wait_timeout(timedelta(0)).is_err()
    handle = spawn(barrier.wait)
    assert leaders([Ok(barrier.wait()), handle.join(DEADLINE)]) == 1


def test_a_timeout_and_the_last_arrival_agree() -> None:
    """Each round either all get through or the one that timed out is not counted."""
    barrier = Barrier(2)
    rounds = 300
    met = 0
    for n in range(rounds):
        handle = spawn(barrier.wait_timeout, 0.00002 * (n % 5))
        mine = barrier.wait_timeout(0.00002 * (n % 7))
        its = handle.join(DEADLINE).unwrap()
        assert mine.is_ok() == its.is_ok()
        if mine.is_ok():
            met += 1
            assert leaders([mine, its]) == 1
    assert barrier.wait_timeout(0).is_err()
    assert 0 <= met <= rounds


@pytest.mark.parametrize("wrong", [-1, -(10**30), 10**30])
def test_a_size_that_is_none(wrong: int) -> None:
    with pytest.raises(ValueError, match="number of threads"):
        Barrier(wrong)


@pytest.mark.parametrize("wrong", ["2", 2.0, None])
def test_a_size_that_is_no_integer(wrong: Any) -> None:
    with pytest.raises(TypeError):
        Barrier(wrong)


@pytest.mark.parametrize("wrong", [-1, float("nan")])
def test_a_timeout_that_is_none(wrong: float) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        Barrier(2).wait_timeout(wrong)


def test_what_is_shown() -> None:
    assert repr(Barrier(3)) == "Barrier { .. }"
    assert repr(Barrier(1).wait()) == "BarrierWaitResult { is_leader: true }"


def test_a_barrier_is_sync_and_no_copy() -> None:
    barrier = Barrier(1)
    assert is_sync(barrier)
    for refused in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be"):
            refused(barrier)
    result = barrier.wait()
    assert is_sync(result)
    assert copy.deepcopy([result])[0] is result
    with pytest.raises(TypeError, match="comes from"):
        BarrierWaitResult()


def test_a_thousand_threads() -> None:
    barrier = Barrier(1001)
    handles = [spawn(barrier.wait) for _ in range(1000)]
    mine = barrier.wait()
    assert leaders([Ok(mine), *(handle.join(DEADLINE) for handle in handles)]) == 1


def test_threads_of_threading_take_part() -> None:
    barrier = Barrier(2)
    thread = threading.Thread(target=barrier.wait)
    thread.start()
    barrier.wait()
    thread.join(DEADLINE)


def test_stress() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    barrier = Barrier(4)
    counts = [0] * 4

    def work(me: int) -> None:
        for n in range(200):
            counts[me] = n
            barrier.wait()
            assert set(counts) == {n}
            barrier.wait()

    try:
        handles = [start(work, me) for me in range(4)]
        assert [handle.join(DEADLINE) for handle in handles] == [Ok(None)] * 4
    finally:
        sys.setswitchinterval(interval)


INTERRUPTED = """
    import os, signal, threading, time
    from pythread_rs import spawn
    from pythread_rs.sync import Barrier

    barrier = Barrier(2)
    def interrupt():
        # Again until it is seen: the first may come before the wait.
        while not seen.is_set():
            os.kill(os.getpid(), signal.SIGINT)
            seen.wait(0.2)
    seen = threading.Event()
    interrupter = threading.Thread(target=interrupt)
    try:
        interrupter.start()
        while True:
            barrier.wait()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        seen.set()
    interrupter.join()
    handle = spawn(barrier.wait)
    results = [barrier.wait(), handle.join().unwrap()]
    print(sum(result.is_leader() for result in results))
"""


def test_ctrl_c_leaves_the_barrier_usable(run_child: Callable[..., Any]) -> None:
    done = run_child(INTERRUPTED)
    assert (done.stdout, done.stderr) == ("1\n", "")


FORKED = """
    import os, warnings
    warnings.simplefilter("ignore")
    from pythread_rs import spawn
    from pythread_rs.sync import Barrier

    barrier = Barrier(2)
    handle = spawn(barrier.wait)
    while barrier.wait_timeout(0).is_ok():  # until the thread stands there alone
        handle.join().unwrap()
        handle = spawn(barrier.wait)
    pid = os.fork()
    if pid == 0:
        # The one who waited is not here, and is not counted.
        assert barrier.wait_timeout(0.01).is_err()
        other = spawn(barrier.wait)
        assert barrier.wait().is_leader() != other.join().unwrap().is_leader()
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    barrier.wait()
    handle.join().unwrap()
    print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_fork(run_child: Callable[..., Any]) -> None:
    done = run_child(FORKED)
    assert (done.stdout, done.stderr) == ("done\n", "")


GATE = """
    import atexit

    atexit.register(lambda: late())  # before the package's own, so it runs after that one
    from pythread_rs.sync import Barrier, Once, OnceLock, Parker, StopToken, WaitGroup

    def late():
        group = WaitGroup()
        share = group.clone()
        for wait in (Barrier(2).wait, Once().wait, OnceLock().wait, Parker().park,
                     StopToken().wait, group.wait):
            try:
                wait()
            except RuntimeError as error:
                print(error)
        print(Barrier(1).wait(), group)
"""


def test_waits_raise_once_the_gate_is_closed(run_child: Callable[..., Any]) -> None:
    done = run_child(GATE)
    lines = done.stdout.splitlines()
    assert lines[:-1] == ["cannot wait: the interpreter is exiting"] * 6, done
    assert lines[-1] == "BarrierWaitResult { is_leader: true } WaitGroup { count: 2 }"


def test_references_stay_flat() -> None:
    result = Barrier(1).wait()
    barrier = Barrier(2)
    before = sys.getrefcount(result)
    for _ in range(100):
        Barrier(1).wait()
        barrier.wait_timeout(0)
    assert sys.getrefcount(result) == before
