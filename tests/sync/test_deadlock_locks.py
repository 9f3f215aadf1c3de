"""PYTHREAD_RS_DEADLOCK=1 with locks: circles are named with their lines, and nothing else is one."""

from __future__ import annotations

import os
import re
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

PRELUDE = textwrap.dedent("""
    import gc, sys, threading
    from pythread_rs import Builder, DeadlockError
    from pythread_rs.sync import Condvar, Mutex, ReentrantLock, RwLock, StopToken, mpsc

    def named(name, f, *args):
        return Builder(name=name).spawn_unchecked(f, *args)

    def waiting(lock, count=1):
        while lock._waiting() < count:
            pass

    def graph():
        return next(o for o in gc.get_objects() if type(o).__name__ == "_Graph")

    def left():
        return graph().waits, graph().holds
""")


@pytest.fixture
def watched(run_child: Run) -> Run:
    """Run a program whose waits are watched; it must end by itself."""
    environment = {**os.environ, "PYTHREAD_RS_DEADLOCK": "1"}

    def run(program: str) -> subprocess.CompletedProcess[str]:
        return run_child(PRELUDE + textwrap.dedent(program), env=environment)

    return run


# Two threads, each with one lock, want the other's. Whoever is told leaves its own.
OPPOSITE = """
    one, two = {lock}("one"), {lock}("two")
    both = threading.Barrier(2)
    def work(first, second):
        with {take_first}:
            both.wait()
            try:
                with {take_second}:
                    return "got on"
            except DeadlockError as error:
                return str(error)
    a = named("a", work, one, two)
    b = named("b", work, two, one)
    for answer in sorted([a.join().unwrap(), b.join().unwrap()]):
        print(answer)
    print(left())
"""


@pytest.mark.parametrize(
    ("lock", "take_first", "take_second", "call"),
    [
        ("Mutex", "first", "second", "lock"),
        ("Mutex", "first", "second.lock().unwrap()", "lock"),
        ("ReentrantLock", "first, first", "second", "lock"),
        ("RwLock", "first.writing()", "second.writing()", "write"),
        ("RwLock", "first.writing()", "second.reading()", "read"),
        ("RwLock", "first.reading()", "second.writing()", "write"),
        ("RwLock", "first.writing().downgrade()", "second.writing()", "write"),
    ],
)
def test_two_locks_in_opposite_order(
    lock: str, take_first: str, take_second: str, call: str, watched: Run
) -> None:
    program = OPPOSITE.format(lock=lock, take_first=take_first, take_second=take_second)
    done = watched(program)
    assert done.stderr == ""
    lines = (PRELUDE + textwrap.dedent(program)).splitlines()
    took = 1 + next(i for i, line in enumerate(lines) if f"with {take_first}:" in line)
    waits = took + 3
    headline, *circle, got_on, left = done.stdout.splitlines()
    assert (headline, got_on, left) == ("deadlock: a circle of waits", "got on", "({}, {})")
    assert sorted(circle) == sorted(
        line
        for me, other in (("a", "b"), ("b", "a"))
        for line in (
            f"  thread '{me}' waits in {call}() at <string>:{waits}",
            f"    for the lock that thread '{other}' took at <string>:{took}",
        )
    )


def test_a_lock_and_a_join(watched: Run) -> None:
    done = watched("""
        mutex = Mutex(0)
        def work():
            with mutex:
                return "got on"
        with mutex:
            handle = named("a", work)
            waiting(mutex)
            try:
                handle.join()
            except DeadlockError as error:
                print(error)
        while mutex._waiting():
            pass
        print(left()[1])
    """)
    assert done.stderr == ""
    assert re.sub(r"<string>:\d+", "LINE", done.stdout).splitlines() == [
        "deadlock: a circle of waits",
        "  thread 'main' waits in join() at LINE",
        "  thread 'a' waits in lock() at LINE",
        "    for the lock that thread 'main' took at LINE",
        "{}",
    ]


READER_BEHIND_WRITER = """
    lock = RwLock(0)
    def write():
        try:
            return {write}
        except DeadlockError as error:
            return str(error)
    def read():
        return lock.read().unwrap().value
    with lock.reading():
        writer = named("writer", write)
        waiting(lock)
        reader = named("reader", read)
        waiting(lock, 2)
        late = named("late", lambda: lock.write().is_ok())
        waiting(lock, 3)
        try:
            print(reader.join())
        except DeadlockError as error:
            print(error)
    writer.join().unwrap()
    late.join().unwrap()
"""


def test_a_reader_waits_for_the_writers_before_it(watched: Run) -> None:
    done = watched(READER_BEHIND_WRITER.format(write="lock.write().is_ok()"))
    assert done.stderr == ""
    assert re.sub(r" at <string>:\d+", "", done.stdout).splitlines() == [
        "deadlock: a circle of waits",
        "  thread 'main' waits in join()",
        "  thread 'reader' waits in read()",
        "    for the lock that thread 'main' took",
        "  thread 'writer' waits in write()",
        "    for the lock that thread 'main' took",
    ]


def test_a_writer_that_gives_up_lets_the_reader_in(watched: Run) -> None:
    done = watched(READER_BEHIND_WRITER.format(write="lock.write_timeout(0.2).is_ok()"))
    assert (done.stdout, done.stderr) == ("Ok(0)\n", "")


def test_every_thread_waits_for_a_condvar_or_a_lock(watched: Run) -> None:
    done = watched("""
        inner, outer, condvar = Mutex(0), Mutex(0), Condvar()
        def listen():
            with outer, inner as guard:
                condvar.wait(guard).unwrap()
        def announce():
            with outer:
                condvar.notify_one()
        handle = named("listener", listen)
        while not condvar._waiting():
            pass
        late = named("announcer", announce)
        waiting(outer)
        with inner as guard:  # the listener has let it go
            pass
        try:
            late.join()
        except DeadlockError as error:
            print(error)
        condvar.notify_one()
        print(handle.join(), late.join(), left())
    """)
    assert done.stderr == ""
    headline, *lines, end = re.sub(r" at <string>:\d+", "", done.stdout).splitlines()
    assert (headline, end) == ("deadlock: every thread waits", "Ok(None) Ok(None) ({}, {})")
    assert sorted(lines) == [
        "    for the lock that thread 'listener' took",
        "  thread 'announcer' waits in lock()",
        "  thread 'listener' waits in wait()",
        "  thread 'main' waits in join()",
    ]


def test_a_refused_wait_for_a_condvar_leaves_the_guard_released(watched: Run) -> None:
    done = watched("""
        mutex, condvar = Mutex(0), Condvar()
        with mutex as guard:
            try:
                condvar.wait(guard)
            except DeadlockError as error:
                print(str(error).splitlines()[0], guard, condvar._waiting())
        print(mutex, left())
    """)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "deadlock: every thread waits MutexGuard { <released> } 0",
        "Mutex { data: 0, poisoned: false, .. } ({}, {})",
    ]


def test_waits_with_an_end_are_no_deadlock(watched: Run) -> None:
    done = watched("""
        one, two, token, condvar = Mutex(1), Mutex(2), StopToken(), Condvar()
        both = threading.Barrier(2)
        def work(first, second, options):
            with first:
                both.wait()
                try:
                    if "stop" in options:
                        second.lock(**options)
                    else:
                        return second.lock_timeout(0.05).is_err()
                except Exception as error:
                    return type(error).__name__
        a = named("a", work, one, two, {"stop": token})
        b = named("b", work, two, one, {"stop": token})
        waiting(one), waiting(two)
        token.stop()
        print(a.join(), b.join())
        a = named("a", work, one, two, {})
        b = named("b", work, two, one, {"stop": StopToken()})
        print(a.join())
        with one as guard:
            print(condvar.wait_timeout(guard, 0.01).unwrap()[1])
    """)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "Ok('Stopped') Ok('Stopped')",
        "Ok(True)",
        "WaitTimeoutResult(true)",
    ]


# Everything here ends, so nothing may be reported, however often threads change.
STRESS = """
    sys.setswitchinterval(1e-6)
    def join(handles):
        for handle in handles:
            handle.join().unwrap()

    forks = [Mutex(0) for _ in range(5)]
    def dine(seat):
        low, high = sorted([seat, (seat + 1) % 5])
        for _ in range(60):
            with forks[low] as one, forks[high] as two:
                one.value += 1
                two.value += 1
    join([named(str(seat), dine, seat) for seat in range(5)])
    assert [fork.into_inner().unwrap() for fork in forks] == [120] * 5

    turn, changed = Mutex(0), Condvar()
    def take_turns(me):
        for _ in range(60):
            with turn as guard:
                changed.wait_while(guard, lambda whose: whose != me).unwrap()
                guard.value = (me + 1) % 3
                changed.notify_all()
    join([named(str(me), take_turns, me) for me in range(3)])

    lock, nested = RwLock(0), ReentrantLock([])
    def read_and_write(me):
        for i in range(60):
            with lock.reading() as one, lock.reading() as two:
                assert one.value == two.value
            with lock.writing() as guard:
                guard.value += 1
                with nested, nested as inner:
                    inner.value.append(me)
                reader = guard.downgrade()
            assert reader.value > 0
            reader.drop()
    join([named(str(me), read_and_write, me) for me in range(4)])
    assert len(nested.into_inner()) == 240

    def serve(rx, tx, mutex):
        for message in rx:
            with mutex as guard:
                guard.value += message
            tx.send(message)
    for _ in range(10):
        total = Mutex(0)
        tx, requests = mpsc.sync_channel(0)
        answers, rx = mpsc.sync_channel(0)
        handle = named("server", serve, requests, answers, total)
        del requests, answers
        for i in range(20):
            tx.send(i).unwrap()
            with total:
                pass
            assert rx.recv().unwrap() == i
        tx.drop()
        handle.join().unwrap()
    print(left())
"""


def test_what_ends_is_no_deadlock(watched: Run) -> None:
    done = watched(STRESS)
    assert (done.stdout, done.stderr, done.returncode) == ("({}, {})\n", "", 0)


def test_who_was_woken_counts_until_it_has_said_so(run_child: Run) -> None:
    """Else, for a moment, a thread that nobody waits for seems to wait for ever."""
    done = run_child(
        PRELUDE
        + textwrap.dedent("""
        from pythread_rs import _ffi
        events = []
        def leave():
            events.append(_ffi.count_waking())
        _ffi.set_watch(lambda *_: None, leave, lambda *_: None, lambda *_: None)
        def run(wait, wake):
            events.clear()
            handle = named("a", wait)
            wake()
            while not handle.is_finished():
                pass
            print(events[0], _ffi.count_waking())
        mutex, condvar, token = Mutex(0), Condvar(), StopToken()
        def notify():
            waiting(condvar)
            condvar.notify_one()
        def listen(**options):
            guard = mutex.lock().unwrap()
            condvar.wait(guard, **options)
        def stop():
            waiting(condvar)
            token.stop()
        mutex_guard = mutex.lock().unwrap()
        run(lambda: mutex.lock(), lambda: (waiting(mutex), mutex_guard.drop()))
        run(listen, notify)
        run(lambda: listen(stop=StopToken()), notify)
        run(lambda: listen(stop=token), stop)
        _ffi.set_watch(None, None, None, None)
    """)
    )
    assert (done.stdout, done.stderr.count("panicked")) == ("1 0\n" * 4, 1)


def test_nobody_watches_unless_asked(run_child: Run) -> None:
    done = run_child(
        PRELUDE
        + textwrap.dedent("""
        mutex = Mutex(0)
        with mutex:
            handle = named("a", lambda: mutex.lock().is_ok())
            waiting(mutex)
            try:
                handle.join(0.05)
            except TimeoutError:
                print([o for o in gc.get_objects() if type(o).__name__ == "_Graph"])
        print(handle.join())
    """),
        env={**os.environ, "PYTHREAD_RS_DEADLOCK": "0"},
    )
    assert (done.stdout, done.stderr) == ("[]\nOk(True)\n", "")
