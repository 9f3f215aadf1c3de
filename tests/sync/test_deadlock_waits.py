"""PYTHREAD_RS_DEADLOCK=1: what has no owner, or only while a function runs; and outsiders."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

PRELUDE = textwrap.dedent("""
    import gc, os, signal, sys, threading
    from pythread_rs import Builder, DeadlockError, _ffi, scope
    from pythread_rs.sync import (
        Barrier, LazyLock, Mutex, Once, OnceLock, Parker, Select, StopToken, WaitGroup,
        after, mpsc, never, oneshot, select,
    )

    def named(name, f, *args):
        return Builder(name=name).spawn_unchecked(f, *args)

    def waiting(lock):
        while not lock._waiting():
            pass

    def graph():
        return next(o for o in gc.get_objects() if type(o).__name__ == "_Graph")

    def waits():
        return [wait.what for wait in list(graph().waits.values())]

    def left():
        return graph().waits, graph().holds

    def alarm(wait):
        try:
            return wait()
        except DeadlockError as error:
            return str(error)

    tx, rx = mpsc.channel()
    other_tx, other_rx = mpsc.sync_channel(0)
    group = WaitGroup()
    share = group.clone()
    token = StopToken()
""")


@pytest.fixture
def watched(run_child: Run) -> Run:
    """Run a program whose waits are watched; it must end by itself."""
    environment = {**os.environ, "PYTHREAD_RS_DEADLOCK": "1"}

    def run(program: str) -> subprocess.CompletedProcess[str]:
        return run_child(PRELUDE + textwrap.dedent(program), env=environment)

    return run


def without_lines(text: str) -> list[str]:
    text = re.sub(r" (at|since) <string>:\d+| at an unknown place", "", text)
    return re.sub(r"pythread_rs-\d+", "<unnamed>", text).splitlines()


# A wait that nobody can end, and what ends the same wait afterwards.
ALONE = {
    "select": ("select(rx, other_tx.sending(1))", "tx.send(1)"),
    "select of a timer": ("select(rx, never())", "tx.send(1)"),
    "ready": ("ready.ready()", "tx.send(1)"),
    "recv of a oneshot": ("once_rx.recv()", "once_tx.send(1)"),
    "recv of a timer": ("never().recv()", "globals().update(never=lambda: after(0))"),
    "wait of a Barrier": ("barrier.wait()", "globals().update(barrier=Barrier(1))"),
    "wait of a Once": ("once.wait()", "once.call_once(list)"),
    "wait_force of a Once": ("once.wait_force()", "once.call_once(list)"),
    "wait of a OnceLock": ("once_lock.wait()", "once_lock.set(1)"),
    "wait of a WaitGroup": ("group.wait()", "globals().pop('share')"),
    "park of a Parker": ("parker.park()", "parker.unparker().unpark()"),
}


@pytest.mark.parametrize("name", ALONE)
def test_the_only_thread_waits(name: str, watched: Run) -> None:
    wait, end = ALONE[name]
    done = watched(f"""
        ready = Select()
        ready.recv(rx)
        once_tx, once_rx = oneshot.channel()
        barrier, once, once_lock, parker = Barrier(2), Once(), OnceLock(), Parker()
        print(alarm(lambda: {wait}))
        {end}
        {wait}
        print(left())
    """)
    assert done.stderr == ""
    call = "select" if name in ("ready", "recv of a timer") else name.split(maxsplit=1)[0]
    call = "wait" if call == "wait_force" else call
    assert without_lines(done.stdout) == [
        "deadlock: every thread waits",
        f"  thread 'main' waits in {call}()",
        "({}, {})",
    ]


def test_waits_with_an_end_are_no_deadlock(watched: Run) -> None:
    done = watched("""
        stopper = named("stopper", lambda: (token.wait(0.05), token.stop()))
        for wait in (
            lambda: select(rx, timeout=0.001),
            lambda: select(rx, after(0.001)),
            lambda: select(rx, stop=token),
            lambda: Barrier(2).wait_timeout(0.001),
            lambda: Barrier(2).wait(stop=token),
            lambda: Once().wait_timeout(0.001),
            lambda: Once().wait(stop=token),
            lambda: OnceLock().wait_timeout(0.001),
            lambda: OnceLock().wait(stop=token),
            lambda: group.wait_timeout(0.001),
            lambda: group.wait(stop=token),
            lambda: Parker().park_timeout(0.001),
            lambda: Parker().park(stop=token),
        ):
            try:
                wait()
            except DeadlockError:
                raise
            except Exception as error:
                assert type(error).__name__ == "Stopped", error
        print(stopper.join(stop=token), left())
    """)
    assert (done.stdout, done.stderr) == ("Ok((False, None)) ({}, {})\n", "")


# The function of a Once, run by one thread, waits for another one, which waits for the Once.
RUNS = {
    "Once": ("Once()", "cell.call_once(make)", "cell.wait()", "wait"),
    "Once that both call": ("Once()", "cell.call_once(make)", "cell.call_once(list)", "call_once"),
    "OnceLock": ("OnceLock()", "cell.get_or_init(make)", "cell.wait()", "wait"),
    "OnceLock that is set": ("OnceLock()", "cell.get_or_init(make)", "cell.set(1)", "set"),
    "LazyLock": ("LazyLock(make)", "cell.force()", "cell.value", "value"),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_function_that_waits_for_who_waits_for_it(name: str, watched: Run) -> None:
    make, run, wait, call = RUNS[name]
    done = watched(f"""
        spectator = threading.Event()
        threading.Thread(target=spectator.wait).start()  # not every thread waits in here
        mutex = Mutex(0)
        def make():
            with mutex as guard:
                return guard.value
        cell = {make}
        with mutex:
            runner = named("runner", lambda: {run})
            waiting(mutex)
            print(alarm(lambda: {wait}))
        print(runner.join().is_ok(), left())
        spectator.set()
    """)
    assert done.stderr == ""
    assert without_lines(done.stdout) == [
        "deadlock: a circle of waits",
        f"  thread 'main' waits in {call}()",
        "    for what thread 'runner' runs",
        "  thread 'runner' waits in lock()",
        "    for the lock that thread 'main' took",
        "True ({}, {})",
    ]


def test_the_thread_that_runs_the_function_is_told(watched: Run) -> None:
    done = watched("""
        once = Once()
        def make():
            handle = named("late", once.wait)
            while "wait" not in waits():
                pass
            return alarm(handle.join)
        once.call_once(lambda: print(make()))
        while waits():
            pass
        print(left())
    """)
    assert done.stderr == ""
    assert without_lines(done.stdout)[1:] == [
        "  thread 'main' waits in join()",
        "  thread 'late' waits in wait()",
        "    for what thread 'main' runs",
        "({}, {})",
    ]


def test_a_lock_and_the_end_of_a_scope(watched: Run) -> None:
    done = watched("""
        mutex, entered = Mutex(0), threading.Event()
        def work():
            entered.wait()
            while "scope" not in waits():
                pass
            return alarm(mutex.lock)
        with mutex:
            with scope() as s:
                handle = s.spawn(work)
                entered.set()
            print(handle.join().unwrap())
        print(left())
    """)
    assert done.stderr == ""
    assert without_lines(done.stdout) == [
        "deadlock: a circle of waits",
        "  thread '<unnamed>' waits in lock()",
        "    for the lock that thread 'main' took",
        "  thread 'main' waits in scope()",
        "({}, {})",
    ]


def test_the_end_of_a_scope_says_so_and_waits_on(watched: Run) -> None:
    done = watched("""
        mutex = Mutex(0)
        guard = mutex.lock().unwrap()
        def rescue(number, frame):
            guard.drop()
        signal.signal(signal.SIGALRM, rescue)
        with scope() as s:
            handle = s.spawn(mutex.lock)
            waiting(mutex)
            signal.setitimer(signal.ITIMER_REAL, 0.1)
        print(handle.join().is_err(), left()[0])
    """)
    assert without_lines(done.stderr)[:4] == [
        "deadlock: a circle of waits",
        "  thread 'main' waits in scope()",
        "  thread '<unnamed>' waits in lock()",
        "    for the lock that thread 'main' took",
    ]


def test_a_signal_handler_may_end_a_wait(watched: Run) -> None:
    done = watched("""
        signal.signal(signal.SIGALRM, lambda *_: tx.send("from the handler"))
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        print(rx.recv())
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        print(alarm(rx.recv).splitlines()[0])
    """)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["Ok('from the handler')", "deadlock: every thread waits"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the threads of a process")
def test_a_thread_of_c_might_end_a_wait(watched: Run) -> None:
    done = watched("""
        import ctypes, subprocess
        libc = ctypes.CDLL(None)
        thread = ctypes.c_ulong()
        run = ctypes.cast(libc.sleep, ctypes.c_void_p)
        assert libc.pthread_create(ctypes.byref(thread), None, run, ctypes.c_void_p(60)) == 0
        killer = subprocess.Popen(["sh", "-c", "sleep 0.2; kill -INT $PPID"])
        try:
            print(alarm(rx.recv))
        except KeyboardInterrupt:
            print("no alarm")
        killer.wait()
        libc.pthread_cancel(thread)
        libc.pthread_join(thread, None)
        print(alarm(rx.recv).splitlines()[0])
    """)
    assert (done.stdout, done.stderr) == ("no alarm\ndeadlock: every thread waits\n", "")


def test_who_was_woken_stays_in_the_parent_of_a_fork(watched: Run) -> None:
    done = watched("""
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        handle = named("listener", rx.recv)
        while "recv" not in waits():
            pass
        sys.setswitchinterval(10)
        retire = _ffi.retire_workers  # the last step before the fork; it lets go of the GIL
        _ffi.retire_workers = lambda: (retire(), tx.send(1), print(_ffi.count_waking(), flush=True))
        pid = os.fork()
        if pid == 0:
            print(_ffi.count_waking(), alarm(other_rx.recv).splitlines()[0], flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        print(handle.join(), _ffi.count_waking())
    """)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["1", "0 deadlock: every thread waits", "Ok(Ok(1)) 0"]


def test_who_was_woken_and_forks_does_not_count_twice(watched: Run) -> None:
    done = watched("""
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        def handler(number, frame):
            tx.send(1)
            pids.append(os.fork())
            if pids[0]:
                os.waitpid(pids[0], 0)
        pids = []
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        print(rx.recv(), _ffi.count_waking(), flush=True)
        if pids[0] == 0:
            os._exit(0)
    """)
    assert done.stderr == ""
    assert done.stdout == "Ok(1) 0\n" * 2


def test_a_thread_that_is_about_to_say_that_it_has_ended_is_waited_for(watched: Run) -> None:
    done = watched("""
        from pythread_rs._runtime import _deadlock
        counts, looks = _ffi.statistics, []
        def held_up():
            looks.append(1)
            return {**counts(), "ending": int(len(looks) < said)}
        _ffi.statistics, said = held_up, 1000
        print(_deadlock._strangers_live(1), len(looks))
        said = len(looks) + 4
        print(alarm(rx.recv).splitlines()[0], len(looks) >= said)
    """)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["True 5", "deadlock: every thread waits True"]


# Everything here ends, so nothing may be reported, however often threads change.
STRESS = """
    sys.setswitchinterval(1e-6)
    def join(handles):
        for handle in handles:
            handle.join().unwrap()

    for _ in range(8):
        barrier, once, place = Barrier(3), Once(), OnceLock()
        lazy = LazyLock(tuple)
        turns = Mutex(0)
        group = WaitGroup()
        a_tx, a_rx = mpsc.sync_channel(0)
        b_tx, b_rx = mpsc.channel()

        def fill():
            with turns as guard:
                guard.value += 1
            barrier_of_two.wait()
            return 92

        barrier_of_two = Barrier(2)

        def meet(share):
            for _ in range(20):
                barrier.wait()
            with turns:
                pass
            assert place.get_or_init(fill) == 92
            once.call_once(lambda: turns.lock().unwrap().drop())
            once.wait()
            assert lazy.value == ()
            assert place.wait() == 92
            del share

        def ask(tx, rx):
            for i in range(20):
                assert select(tx.sending(i))[0] == 0
                assert select(rx, never())[1].unwrap() == i

        def answer(rx, tx):
            for i in range(20):
                chooser = Select()
                chooser.recv(rx)
                chooser.ready()
                tx.send(rx.recv().unwrap()).unwrap()

        handles = [named("meet", meet, group.clone()) for _ in range(3)]
        handles.append(named("ask", ask, a_tx, b_rx))
        handles.append(named("answer", answer, a_rx, b_tx))
        del a_tx, a_rx, b_tx, b_rx
        barrier_of_two.wait()
        join(handles)
        with scope() as s:
            parker = Parker()
            s.spawn(parker.unparker().unpark)
            parker.park()
        del handles
    print(left())
"""


def test_what_ends_is_no_deadlock(watched: Run) -> None:
    done = watched(STRESS)
    assert (done.stdout, done.stderr, done.returncode) == ("({}, {})\n", "", 0)
