"""A Mutex under load, in a child of fork, under Ctrl-C and at the end of the interpreter."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, panic
from pythread_rs.ownership import BorrowError, UseAfterMoveError
from pythread_rs.result import Err, Ok
from pythread_rs.sync import LockTimeoutError, Mutex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Closures here share what they test with the test itself.
start = Builder().spawn_unchecked
SECONDS = 10.0


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    panic.set_hook(lambda info: None)
    yield
    panic.take_hook()


# -- Races. ----------------------------------------------------------------------------------------


def test_nothing_is_lost_when_threads_change_often() -> None:
    mutex = Mutex(0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(number: int) -> None:
        for i in range(300):
            if (i + number) % 3 == 0:
                while isinstance(result := mutex.lock_timeout(1e-5), Err):
                    assert result.error == LockTimeoutError.Timeout
                with result.value as guard:
                    guard.value += 1
            elif (i + number) % 3 == 1:
                guard = mutex.lock().unwrap()
                guard.value += 1
                guard.drop()
            else:
                with mutex as guard:
                    guard.value += 1

    try:
        for handle in [start(work, number) for number in range(8)]:
            handle.join(SECONDS).unwrap()
    finally:
        sys.setswitchinterval(interval)
    assert mutex.into_inner() == Ok(2400)


def test_waiters_take_their_turn(wait_until: Callable[..., bool]) -> None:
    """A thread that keeps taking the lock does not keep it from those who wait.

    It leaves the lock for less than a thousandth of the time. By chance alone the four would need
    longer than their deadline.
    """
    mutex = Mutex(False)
    inside = threading.Event()

    def greedy() -> None:
        while True:
            with mutex as guard:
                inside.set()
                sum(range(50_000))
                if guard.value:
                    return

    handle = start(greedy)
    assert inside.wait(SECONDS)
    waiting = [start(lambda: mutex.lock().unwrap().drop()) for _ in range(4)]
    for waiter in waiting:
        waiter.join(SECONDS).unwrap()
    mutex.set(True).unwrap()
    handle.join(SECONDS).unwrap()


def test_those_who_wait_for_a_consumed_mutex_are_told(wait_until: Callable[..., bool]) -> None:
    mutex = Mutex(0)
    guard = mutex.lock().unwrap()
    waiting = [start(mutex.lock) for _ in range(5)]
    assert wait_until(lambda: mutex._waiting() == 5)
    guard.drop()
    while True:
        try:
            mutex.into_inner().unwrap()
            break
        except BorrowError:
            continue
    for waiter in waiting:
        result = waiter.join(SECONDS)
        assert result.is_ok() or isinstance(result.unwrap_err(), UseAfterMoveError)


# -- Children. -------------------------------------------------------------------------------------


FORK = """
    import os, threading, warnings
    from pythread_rs.sync import Mutex
    warnings.simplefilter("ignore")
    theirs, mine, waited = Mutex(1), Mutex(2), Mutex(3)
    inside, leave = threading.Event(), threading.Event()
    def hold():
        with theirs:
            inside.set()
            leave.wait(10)
    def wait():
        with waited:
            pass
    helper = threading.Thread(target=hold)
    helper.start()
    inside.wait(10)
    waiting = threading.Thread(target=wait)
    with mine as guard, waited:
        waiting.start()
        while waited._waiting() == 0:
            pass
        child = os.fork()
        guard.value += 1
        if child == 0:
            assert repr(mine) == 'Mutex { data: "<locked>", poisoned: false, .. }'
    if child == 0:
        assert repr(theirs) == "Mutex { data: 1, poisoned: true, .. }", theirs
        assert repr(mine) == "Mutex { data: 3, poisoned: false, .. }", mine
        assert waited._waiting() == 0
        def work():
            with mine as guard:
                guard.value += 1
        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        os._exit(0 if mine.lock().unwrap().value == 7 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not theirs.is_poisoned()
    leave.set()
    helper.join(), waiting.join()
"""

INTERRUPT = """
    import os, signal, threading, time
    from pythread_rs.sync import Mutex
    mutex = Mutex(0)
    inside, leave = threading.Event(), threading.Event()
    def hold():
        with mutex:
            inside.set()
            leave.wait(10)
    def kill():
        while mutex._waiting() == 0:
            pass
        times.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    times = []
    for wait in (mutex.lock, mutex.__enter__, lambda: mutex.lock_timeout(10)):
        helper = threading.Thread(target=hold)
        helper.start()
        inside.wait(10)
        threading.Thread(target=kill).start()
        try:
            wait()
        except KeyboardInterrupt:
            times.append(time.monotonic())
        assert mutex._waiting() == 0
        leave.set()
        helper.join()
        mutex.lock().unwrap()
        inside.clear(), leave.clear()
    # Ctrl-C gets through at once, not when the lock is free; the bound is 100 ms on a free machine.
    print(max(b - a for a, b in zip(times[::2], times[1::2])) < 5, len(times))
"""

GATE = """
    import threading
    from pythread_rs.sync import Mutex
    mutex = Mutex(0)
    inside, leave = threading.Event(), threading.Event()
    def hold():
        with mutex:
            inside.set()
            leave.wait(10)
    def late():
        with free as guard:
            guard.value += 1
        try:
            mutex.lock()
        except RuntimeError as error:
            print(free, error)
        leave.set()
    free = Mutex(0)
    helper = threading.Thread(target=hold, daemon=True)
    helper.start()
    inside.wait(10)
    from pythread_rs import _ffi
    _ffi.close_gate(0.0)
    late()
    helper.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_fork(run_child: Callable[..., Any]) -> None:
    done = run_child(FORK)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C cannot be sent here")
def test_interrupt(run_child: Callable[..., Any]) -> None:
    done = run_child(INTERRUPT)
    assert (done.stdout, done.stderr) == ("True 6\n", "")


def test_no_wait_begins_at_exit(run_child: Callable[..., Any]) -> None:
    done = run_child(GATE)
    expected = "Mutex { data: 1, poisoned: false, .. } cannot wait: the interpreter is exiting\n"
    assert (done.stdout, done.stderr) == (expected, "")
