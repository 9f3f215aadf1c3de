"""A Condvar under Ctrl-C, in a child of fork and at the end of the interpreter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import panic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    panic.set_hook(lambda info: None)
    yield
    panic.take_hook()


INTERRUPT = """
    import os, signal, threading, time
    from pythread_rs.sync import Condvar, Mutex, TryLockError
    from pythread_rs import Err
    mutex, condvar = Mutex(0), Condvar()
    times, others = [], []
    def kill():
        while condvar._waiting() < 1:
            pass
        if hold:
            mutex.lock().unwrap()
            guard = mutex.lock().unwrap()
        times.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
        if hold:
            done.wait(10)
    for hold in (False, True):
        done = threading.Event()
        helper = threading.Thread(target=kill)
        helper.start()
        try:
            with mutex as guard:
                try:
                    condvar.wait(guard)
                finally:
                    times.append(time.monotonic())
                    print(guard, condvar._waiting())
        except KeyboardInterrupt:
            done.set()
            helper.join()
            print(mutex)
    # At once, not when the mutex is free; the bound is 100 ms on a free machine.
    print(max(times[1] - times[0], times[3] - times[2]) < 5)
"""

NOTIFIED = """
    import os, signal, threading
    from pythread_rs.sync import Condvar, Mutex
    mutex, condvar = Mutex(0), Condvar()
    def on_signal(*_):
        if held:
            with mutex:
                condvar.notify_one()
        else:
            condvar.notify_one()
        raise InterruptedError
    def wait():
        with mutex as guard:
            print(condvar.wait_timeout(guard, 5).unwrap()[1])
    def kill():
        while condvar._waiting() < 1:
            pass
        other.start()
        while condvar._waiting() < 2:
            pass
        os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, on_signal)
    for held in (False, True):
        other = threading.Thread(target=wait)
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            with mutex as guard:
                condvar.wait(guard)
        except InterruptedError:
            killer.join()
            other.join()
"""

FORK = """
    import os, threading, warnings
    from pythread_rs.sync import Condvar, Mutex
    warnings.simplefilter("ignore")
    mutex, condvar = Mutex(0), Condvar()
    def wait():
        with mutex as guard:
            condvar.wait_while(guard, lambda value: value == 0).unwrap()
    helper = threading.Thread(target=wait)
    helper.start()
    while condvar._waiting() == 0:
        pass
    child = os.fork()
    if child == 0:
        assert condvar._waiting() == 0
        condvar.notify_all()
        thread = threading.Thread(target=wait)
        thread.start()
        while condvar._waiting() == 0:
            pass
        with mutex as guard:
            guard.value = 1
            condvar.notify_one()
        thread.join()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert condvar._waiting() == 1
    mutex.set(1).unwrap()
    condvar.notify_one()
    helper.join()
"""


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C cannot be sent here")
def test_interrupt(run_child: Callable[..., Any]) -> None:
    """The guard was consumed by the wait, and the lock is not taken for it again."""
    done = run_child(INTERRUPT)
    lines = done.stdout.splitlines()
    assert done.stderr == ""
    assert lines == [
        "MutexGuard { <released> } 0",
        "Mutex { data: 0, poisoned: false, .. }",
        "MutexGuard { <released> } 0",
        "Mutex { data: 0, poisoned: false, .. }",
        "True",
    ]


@pytest.mark.skipif(os.name != "posix", reason="there are no such signals here")
def test_a_notification_is_handed_on(run_child: Callable[..., Any]) -> None:
    """Whoever is notified while a signal handler raises cannot use it; the next one can."""
    done = run_child(NOTIFIED)
    assert (done.stdout, done.stderr) == ("WaitTimeoutResult(false)\n" * 2, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_fork(run_child: Callable[..., Any]) -> None:
    done = run_child(FORK)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_wait_begins_at_exit(run_child: Callable[..., Any]) -> None:
    done = run_child("""
        from pythread_rs import _ffi
        from pythread_rs.sync import Condvar, Mutex
        mutex, condvar = Mutex(0), Condvar()
        guard = mutex.lock().unwrap()
        _ffi.close_gate(0.0)
        try:
            condvar.wait(guard)
        except RuntimeError as error:
            print(error, guard, mutex)
    """)
    assert done.stdout == (
        "cannot wait: the interpreter is exiting MutexGuard { <released> } "
        "Mutex { data: 0, poisoned: false, .. }\n"
    )
