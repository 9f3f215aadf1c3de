"""Child of the signal tests: signals that arrive while the main thread waits.

usage: signal_cases.py CASE
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from pythread_rs import (
    Builder,
    JoinHandle,
    Ok,
    UseAfterMoveError,
    _ffi,
    current,
    park,
    park_timeout,
    scope,
    sleep,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it
MAIN = threading.get_ident()


class Interrupted(Exception):
    """What a handler of the user's raises."""


def on(number: int, handler: Callable[[], object]) -> None:
    signal.signal(number, lambda *_: handler() and None)


def raise_interrupted() -> None:
    raise Interrupted


def send(number: int) -> None:
    """Send a signal that the main thread takes itself."""
    signal.pthread_kill(MAIN, number)


def later(seconds: float, f: Callable[..., object], *args: Any) -> threading.Timer:
    """Call something when the main thread has had time to get into its wait."""
    timer = threading.Timer(seconds, f, args)
    timer.start()
    return timer


@contextlib.contextmanager
def ticking(seconds: float = 0.005) -> Iterator[list[float]]:
    """Run a handler again and again; give the times at which it ran."""
    ticks: list[float] = []
    on(signal.SIGALRM, lambda: ticks.append(time.monotonic()))
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield ticks
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def after_ticks(ticks: list[float], f: Callable[[], object]) -> threading.Thread:
    """Call something when the handler has run three times since now."""

    def work() -> None:
        wait_until(lambda: len(ticks) >= 3)
        f()

    return later(0, work)


def with_ticks(wait: Callable[[float], object]) -> None:
    """Wait for some time with ticks; on a busy machine three of them may need longer."""
    for seconds in (0.1, 1.0, SECONDS):
        with ticking() as ticks:
            began = time.monotonic()
            wait(seconds)
            took, count = time.monotonic() - began, len(ticks)
        assert took >= seconds
        if count >= 3:
            return
    raise AssertionError("the handler does not run")


# -- The wait goes on. -----------------------------------------------------------------------------


def case_handlers_run_while_join_waits() -> None:
    handle = spawn(park)
    with ticking() as ticks:
        helper = after_ticks(ticks, handle.thread.unpark)
        assert handle.join() == Ok(None)
        assert len(ticks) >= 3
    helper.join()


def case_handlers_do_not_change_the_timeout_of_join() -> None:
    handle = spawn(park)

    def wait(seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            handle.join(seconds)
            raise AssertionError("join has returned")

    with_ticks(wait)
    handle.thread.unpark()
    assert handle.join(SECONDS) == Ok(None)


def case_handlers_run_while_parked() -> None:
    token = threading.Event()
    thread = current()
    with ticking() as ticks:
        helper = after_ticks(ticks, lambda: (token.set(), thread.unpark()))
        while not token.is_set():
            park()
        assert len(ticks) >= 3
    helper.join()


def case_handlers_do_not_shorten_park_timeout_and_sleep() -> None:
    with_ticks(park_timeout)
    with_ticks(sleep)


def case_handlers_run_while_a_scope_waits() -> None:
    with ticking() as ticks:
        with scope() as s:
            s.spawn(lambda: wait_until(lambda: len(ticks) >= 3))
        assert len(ticks) >= 3


def case_a_signal_taken_by_another_thread_runs_its_handler() -> None:
    handled = threading.Event()
    on(signal.SIGUSR1, handled.set)

    def work() -> bool:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        return handled.wait(SECONDS)

    assert spawn(work).join() == Ok(True)


def case_an_ignored_interrupt_changes_nothing() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handle = spawn(park)
    later(0.02, send, signal.SIGINT)
    later(0.05, handle.thread.unpark)
    assert handle.join() == Ok(None)


def case_only_the_main_thread_is_interrupted() -> None:
    """A thread of ours that takes the signal waits on, and the main thread raises."""
    target = spawn(park)
    joiner = spawn(target.join)
    ident = threading.Event()
    idents: list[int] = []

    def wait_too() -> None:
        idents.append(threading.get_ident())
        ident.set()
        target._packet.wait(-1)

    waiter = spawn(wait_too)
    assert ident.wait(SECONDS)
    try:
        later(0.05, signal.pthread_kill, idents[0], signal.SIGINT)
        sleep(SECONDS)
    except KeyboardInterrupt:
        assert not (target.is_finished() or joiner.is_finished() or waiter.is_finished())
    else:
        raise AssertionError("not interrupted")
    target.thread.unpark()
    assert joiner.join(SECONDS) == Ok(Ok(None))
    assert waiter.join(SECONDS) == Ok(None)


# -- The handler raises. ---------------------------------------------------------------------------


def case_what_a_handler_raises_leaves_the_wait() -> None:
    on(signal.SIGUSR1, raise_interrupted)
    target = spawn(park)
    waits: list[Callable[[], object]] = [
        target.join,
        lambda: target.join(SECONDS),
        park,
        lambda: park_timeout(SECONDS),
        lambda: sleep(SECONDS),
    ]
    for wait in waits:
        began = time.monotonic()
        try:
            later(0.02, send, signal.SIGUSR1)
            wait()
        except Interrupted:
            assert time.monotonic() - began < SECONDS / 2
        else:
            raise AssertionError("not interrupted")
    target.thread.unpark()
    assert target.join(SECONDS) == Ok(None)


def case_one_handle_survives_many_interrupts() -> None:
    handle = spawn(park)
    for _ in range(30):
        try:
            later(0.002, send, signal.SIGINT)
            handle.join()
        except KeyboardInterrupt:
            assert not handle.is_finished()
        else:
            raise AssertionError("not interrupted")
    handle.thread.unpark()
    assert handle.join() == Ok(None)


def case_an_interrupt_keeps_the_token() -> None:
    try:
        later(0.02, send, signal.SIGINT)
        park()
    except KeyboardInterrupt:
        current().unpark()
    park()  # returns at once


# -- Scopes. ---------------------------------------------------------------------------------------


def interrupted_scope(interrupts: int, block: Callable[[], object] = int) -> BaseException:
    """Interrupt the end of a scope; check that its thread ended first, return the exception."""
    handled: list[float] = []

    def raise_interrupt() -> None:
        handled.append(time.monotonic())
        raise KeyboardInterrupt(len(handled))

    on(signal.SIGINT, raise_interrupt)

    def interrupt() -> None:
        for number in range(interrupts):
            send(signal.SIGINT)
            wait_until(lambda: len(handled) == number + 1)
        target.thread.unpark()

    try:
        with scope() as s:
            target = s.spawn(park)
            later(0.02, interrupt)
            block()
    except BaseException as error:
        assert target.is_finished(), "the interrupt has left the scope before its thread"
        assert len(handled) == interrupts
        return error
    raise AssertionError("not interrupted")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)


def case_a_scope_notes_an_interrupt_and_joins_its_threads() -> None:
    error = interrupted_scope(1)
    assert isinstance(error, KeyboardInterrupt)
    assert error.args == (1,)


def case_a_scope_is_not_left_by_more_interrupts() -> None:
    error = interrupted_scope(4)
    assert isinstance(error, KeyboardInterrupt)
    assert error.args == (1,)


def case_an_interrupted_scope_keeps_the_error_of_its_block() -> None:
    error = interrupted_scope(1, raise_interrupted)
    assert isinstance(error, KeyboardInterrupt)
    assert isinstance(error.__context__, Interrupted)


# -- What handlers do. -----------------------------------------------------------------------------


def case_a_handler_spawns_and_joins() -> None:
    results: list[Any] = []
    on(signal.SIGUSR1, lambda: results.append(spawn(sum, [1, 2]).join()))
    handle = spawn(park)
    later(0.02, send, signal.SIGUSR1)
    later(0.1, handle.thread.unpark)
    assert handle.join() == Ok(None)
    assert results == [Ok(3)]


def case_a_handler_spawns_again_and_again() -> None:
    """The handler meets spawn and join wherever they are."""
    results: list[Any] = []
    on(signal.SIGALRM, lambda: results.append(spawn(int, "7").join()))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    deadline = time.monotonic() + SECONDS
    while len(results) < 100 and time.monotonic() < deadline:
        assert spawn(int, "1").join() == Ok(1)
        with scope() as s:
            s.spawn(int)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert len(results) >= 100
    assert set(map(repr, results)) == {"Ok(7)"}


def case_a_handler_joins_the_handle_that_is_being_joined() -> None:
    results: list[Any] = []
    handle = spawn(sleep, 0.05)
    on(signal.SIGUSR1, lambda: results.append(handle.join()))
    try:
        later(0.02, send, signal.SIGUSR1)
        handle.join()
    except UseAfterMoveError:
        assert results == [Ok(None)]
    else:
        raise AssertionError("joined twice")


def case_a_handler_unparks_its_thread() -> None:
    thread = current()
    on(signal.SIGUSR1, thread.unpark)
    later(0.02, send, signal.SIGUSR1)
    park()


def case_a_handler_forks() -> None:
    children: list[int] = []

    def fork() -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(spawn(int, "5").join().unwrap())
        children.append(pid)

    on(signal.SIGUSR1, fork)
    handle = spawn(park)
    # Started before the fork, so Python 3.12 would warn of it: that is right.
    import warnings

    warnings.simplefilter("ignore", DeprecationWarning)
    later(0.02, send, signal.SIGUSR1)
    later(0.1, handle.thread.unpark)
    assert handle.join() == Ok(None)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [5]


# -- At any moment. --------------------------------------------------------------------------------


class Trip:
    """A trace function that lets a signal arrive before the n-th instruction it is shown.

    The signal is tripped by C code, so Python does not look at once: it sees the signal where it
    would see one from outside, at the next call, loop or function entry.
    """

    # Not a function to Python, so this is no method: `self + number` is raise(number).
    __add__: Any = ctypes.CDLL(None)["raise"]

    def __init__(self, n: int) -> None:
        self.n = n
        self.seen = 0

    def __call__(self, frame: Any, event: str, arg: object) -> Trip | None:
        if self.seen >= self.n:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.seen += 1
            if self.seen == self.n:
                # Being called once more, this function would be the first to see the signal.
                while frame is not None:
                    frame.f_trace = None
                    frame = frame.f_back
                self + signal.SIGUSR1
                return None
        return self


def at_any_moment(act: Callable[[], object], check: Callable[[], object]) -> None:
    """Interrupt `act` at each of its instructions in turn, and `check` what is left each time."""
    on(signal.SIGUSR1, raise_interrupted)
    sys._getframe().f_trace_opcodes = True  # 3.12 wants to know of it before the first settrace
    for n in itertools.count(1):
        trip = Trip(n)
        try:
            sys.settrace(trip)
            act()
            sys.settrace(None)
        except Interrupted:
            sys.settrace(None)
        try:
            check()
        except Interrupted:  # it was the last instruction, and is seen only now
            check()
        if trip.seen < n:
            assert n > 10, "nothing was traced"
            return


def nothing_lives() -> bool:
    return _ffi.statistics()["live"] == 0


def case_at_any_moment_of_join_the_result_stays() -> None:
    left: list[JoinHandle[int]] = []
    joined: list[Any] = []

    def act() -> None:
        joined[:] = []
        joined.append(left[0].join())

    def check() -> None:
        if not joined:
            joined.append(left[0].join())
        assert joined == [Ok(7)]
        left[:] = [spawn(int, "7")]
        wait_until(left[0].is_finished)

    left.append(spawn(int, "7"))
    at_any_moment(act, check)


def case_at_any_moment_of_its_end_a_scope_joins_its_threads() -> None:
    def act() -> None:
        trace = sys.gettrace()
        sys.settrace(None)
        with scope() as s:
            s.spawn(sleep, 0.002)
            s.spawn(sleep, 0.001)
            sys.settrace(trace)

    at_any_moment(act, lambda: check_that_nothing_lives("end of the scope"))


def case_at_any_moment_of_its_spawn_a_scope_knows_its_threads() -> None:
    def act() -> None:
        trace = sys.gettrace()
        sys.settrace(None)
        with scope() as s:
            sys.settrace(trace)
            try:
                s.spawn(sleep, 0.002)
            finally:
                sys.settrace(None)

    act()  # The first one imports modules; Python reports an interrupt in its import lock's end.
    at_any_moment(act, lambda: check_that_nothing_lives("spawn in a scope"))


def check_that_nothing_lives(where: str) -> None:
    assert nothing_lives(), f"a thread has outlived its scope, by an interrupt of the {where}"


def case_at_any_moment_of_spawn_nothing_leaks() -> None:
    spawn(int).join()
    before = _ffi.statistics()
    names = ("live", "packets", "parkers")

    def clean() -> bool:
        now = _ffi.statistics()
        return all(now[name] <= before[name] for name in names)

    def check() -> None:
        wait_until(clean)
        assert clean(), (before, _ffi.statistics())

    at_any_moment(lambda: spawn(int), check)


def case_the_slices_cost_next_to_nothing() -> None:
    handle = spawn(sleep, 1)
    before = time.process_time()
    assert handle.join() == Ok(None)
    assert time.process_time() - before < 0.1


if __name__ == "__main__":
    globals()[f"case_{sys.argv[1]}"]()
