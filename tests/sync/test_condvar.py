"""Condvar: Rust's test names first, then exceptions, many waiters, and races."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, panic
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.panic import catch_unwind
from pythread_rs.result import Err, Ok, UnwrapError
from pythread_rs.sync import Condvar, Mutex, RwLock, TryLockError, WaitTimeoutResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Closures here share what they test with the test itself.
start = Builder().spawn_unchecked
SECONDS = 10.0
FOREVER = 2.0**64 / 1000  # u64::MAX milliseconds


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    panic.set_hook(lambda info: None)
    yield
    panic.take_hook()


# -- Rust's tests. ---------------------------------------------------------------------------------


def test_smoke() -> None:
    condvar = Condvar()
    condvar.notify_one()
    condvar.notify_all()
    assert repr(condvar) == "Condvar { .. }"


def test_notify_one() -> None:
    mutex, condvar = Mutex(0), Condvar()
    guard = mutex.lock().unwrap()

    def notify() -> None:
        with mutex as inner:
            inner.value = 1
        condvar.notify_one()

    handle = start(notify)
    same = guard
    while guard.value == 0:
        guard = condvar.wait(guard).unwrap()
    assert guard is same
    guard.drop()
    handle.join(SECONDS).unwrap()


@pytest.mark.parametrize("held", [True, False])
def test_notify_all(held: bool, wait_until: Callable[..., bool]) -> None:
    mutex, condvar = Mutex(0), Condvar()

    def wait() -> None:
        with mutex as guard:
            while guard.value == 0:
                condvar.wait(guard).unwrap()
            guard.value += 1

    handles = [start(wait) for _ in range(10)]
    assert wait_until(lambda: condvar._waiting() == 10)
    guard = mutex.lock().unwrap()
    guard.value = 1
    if held:
        condvar.notify_all()
    guard.drop()
    condvar.notify_all()
    for handle in handles:
        handle.join(SECONDS).unwrap()
    assert mutex.into_inner() == Ok(11)


def test_wait_while() -> None:
    mutex, condvar = Mutex(False), Condvar()

    def begin() -> None:
        mutex.set(True).unwrap()
        condvar.notify_one()

    handle = start(begin)
    with mutex as guard:
        assert condvar.wait_while(guard, lambda begun: not begun).unwrap() is guard
        assert guard.value is True
    handle.join(SECONDS).unwrap()


def test_wait_timeout_wait() -> None:
    mutex, condvar = Mutex(None), Condvar()
    guard, result = condvar.wait_timeout(mutex.lock().unwrap(), 0.001).unwrap()
    assert result == WaitTimeoutResult(True)
    assert mutex.try_lock() == Err(TryLockError.WouldBlock)
    guard.drop()


def test_wait_timeout_while_wait() -> None:
    mutex, condvar = Mutex(None), Condvar()
    with mutex as guard:
        _, result = condvar.wait_timeout_while(guard, 0.001, lambda _: True).unwrap()
    assert result.timed_out()


def test_wait_timeout_while_instant_satisfy() -> None:
    mutex, condvar = Mutex(None), Condvar()
    with mutex as guard:
        _, result = condvar.wait_timeout_while(guard, 0, lambda _: False).unwrap()
    assert not result.timed_out()


def test_wait_timeout_while_wake() -> None:
    mutex, condvar = Mutex(False), Condvar()

    def begin() -> None:
        mutex.set(True).unwrap()
        condvar.notify_one()

    with mutex as guard:
        handle = start(begin)
        _, result = condvar.wait_timeout_while(guard, FOREVER, lambda begun: not begun).unwrap()
        assert not result.timed_out()
        assert guard.value is True
    handle.join(SECONDS).unwrap()


def test_wait_timeout_wake() -> None:
    mutex, condvar = Mutex(0), Condvar()

    def notify() -> None:
        with mutex:
            pass
        condvar.notify_one()

    with mutex as guard:
        handle = start(notify)
        _, result = condvar.wait_timeout(guard, FOREVER).unwrap()
        assert not result.timed_out()
    handle.join(SECONDS).unwrap()


def test_arc_condvar_poison(wait_until: Callable[..., bool]) -> None:
    mutex, condvar = Mutex(1), Condvar()

    def fail() -> None:
        with mutex:
            condvar.notify_one()
            raise ValueError

    with mutex as guard:
        handle = start(fail)
        result = condvar.wait(guard)
        assert isinstance(result, Err)
        assert result.error.into_inner() is guard
    assert handle.join(SECONDS).is_err()


def test_poison_is_seen_by_each_wait() -> None:
    mutex, condvar = Mutex(1), Condvar()

    def fail() -> None:
        with mutex:
            raise ValueError

    assert catch_unwind(fail).is_err()
    guard = mutex.lock().unwrap_err().into_inner()
    pair = condvar.wait_timeout(guard, 0.001)
    assert isinstance(pair, Err)
    assert pair.error.get_ref()[1].timed_out()
    assert isinstance(condvar.wait_timeout_while(guard, 0.001, lambda _: True), Err)
    assert condvar.wait_timeout_while(guard, 0.001, lambda _: False).is_ok()
    guard.drop()


# -- Guards. ---------------------------------------------------------------------------------------


def test_only_a_live_guard_of_a_mutex_waits() -> None:
    mutex, condvar = Mutex(0), Condvar()
    with mutex as guard:
        pass
    with pytest.raises(UseAfterMoveError):
        condvar.wait(guard)
    for wrong in (None, mutex, RwLock(1).write().unwrap()):
        with pytest.raises(TypeError, match="MutexGuard"):
            condvar.wait(wrong)  # type: ignore[arg-type]


def test_the_guard_is_of_no_use_during_the_wait(wait_until: Callable[..., bool]) -> None:
    mutex, condvar = Mutex(0), Condvar()
    guards: list[Any] = []

    def wait() -> None:
        with mutex as guard:
            guards.append(guard)
            condvar.wait_while(guard, lambda value: value == 0).unwrap()
            guard.value += 1

    handle = start(wait)
    assert wait_until(lambda: condvar._waiting() == 1)
    with pytest.raises(UseAfterMoveError):
        guards[0].value
    with mutex as guard:
        guard.value = 1
        condvar.notify_one()
    handle.join(SECONDS).unwrap()
    assert mutex.into_inner() == Ok(2)


def test_two_mutexes(wait_until: Callable[..., bool]) -> None:
    condvar = Condvar()
    mutexes = [Mutex(0), Mutex(0)]

    def wait(mutex: Mutex[int]) -> None:
        with mutex as guard:
            condvar.wait_while(guard, lambda value: value == 0).unwrap()

    handles = [start(wait, mutex) for mutex in mutexes]
    assert wait_until(lambda: condvar._waiting() == 2)
    for mutex in mutexes:
        mutex.set(1).unwrap()
    condvar.notify_all()
    for handle in handles:
        handle.join(SECONDS).unwrap()


def test_a_panic_of_the_condition_poisons() -> None:
    mutex, condvar = Mutex(0), Condvar()
    with pytest.raises(ZeroDivisionError), mutex as guard:
        condvar.wait_while(guard, lambda value: bool(1 / value))
    assert mutex.is_poisoned()


def test_a_notification_before_the_end_of_the_time_counts(wait_until: Callable[..., bool]) -> None:
    """Notified while the notifier holds the mutex for longer than the time."""
    mutex, condvar = Mutex(0), Condvar()

    def wait(seconds: float) -> bool:
        with mutex as guard:
            return condvar.wait_timeout(guard, seconds).unwrap()[1].timed_out()

    in_time = timed_out = False
    for seconds in (0.2, 1.0, 5.0):
        earliest_end = time.monotonic() + seconds
        handle = start(wait, seconds)
        assert wait_until(lambda h=handle: condvar._waiting() == 1 or h.is_finished())
        with mutex:
            condvar.notify_one()
            in_time = time.monotonic() < earliest_end  # or else the machine is busy: once more
            assert wait_until(lambda end=earliest_end: time.monotonic() > end + 0.1)
        timed_out = handle.join(SECONDS).unwrap()
        if in_time:
            break
    assert in_time
    assert not timed_out


def test_a_refused_unwrap_of_a_timed_wait_leaves_the_lock() -> None:
    mutex, condvar = Mutex(0), Condvar()
    with pytest.raises(ValueError, match="x"), mutex:
        raise ValueError("x")
    guard = mutex.lock().unwrap_err().into_inner()
    with pytest.raises(UnwrapError, match="PoisonError"):
        condvar.wait_timeout(guard, 0.001).unwrap()
    assert repr(guard) == "MutexGuard { <released> }"


# -- Many. -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [True, False])
def test_thousands_are_woken(held: bool, wait_until: Callable[..., bool]) -> None:
    count = 2000
    mutex, condvar = Mutex(0), Condvar()
    small = Builder().stack_size(256 * 1024).spawn_unchecked

    def wait() -> None:
        with mutex as guard:
            condvar.wait(guard).unwrap()
            guard.value += 1

    handles = [small(wait) for _ in range(count)]
    assert wait_until(lambda: condvar._waiting() == count)
    guard = mutex.lock().unwrap()
    if not held:
        guard.drop()
    condvar.notify_all()
    if held:
        assert (condvar._waiting(), mutex._waiting()) == (0, count)  # nobody was woken in vain
    guard.drop()
    for handle in handles:
        handle.join(SECONDS).unwrap()
    assert mutex.into_inner() == Ok(count)


def test_each_notification_wakes_one(wait_until: Callable[..., bool]) -> None:
    mutex, condvar = Mutex(0), Condvar()

    def wait() -> None:
        with mutex as guard:
            condvar.wait(guard).unwrap()
            guard.value += 1

    handles = [start(wait) for _ in range(10)]
    assert wait_until(lambda: condvar._waiting() == 10)
    for notified in range(1, 11):
        condvar.notify_one()
        assert wait_until(lambda n=notified: mutex.lock().unwrap().value == n)
        assert condvar._waiting() == 10 - notified
    for handle in handles:
        handle.join(SECONDS).unwrap()


def test_nothing_is_lost_when_threads_change_often() -> None:
    """A bounded buffer: puts, takes, timeouts, and no item lost or doubled."""
    buffer: Mutex[list[int]] = Mutex([])
    free, filled = Condvar(), Condvar()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def put(first: int) -> None:
        for item in range(first, first + 200):
            with buffer as guard:
                free.wait_while(guard, lambda items: len(items) == 2).unwrap()
                guard.value.append(item)
                filled.notify_one()

    def take() -> list[int]:
        taken: list[int] = []
        while len(taken) < 200:
            with buffer as guard:
                filled.wait_timeout_while(guard, 0.0005, lambda items: not items).unwrap()
                if guard.value:
                    taken.append(guard.value.pop(0))
            free.notify_all() if len(taken) % 7 == 0 else free.notify_one()
        return taken

    try:
        puts = [start(put, 1000 * number) for number in range(4)]
        takes = [start(take) for _ in range(4)]
        for handle in puts:
            handle.join(SECONDS).unwrap()
        taken = [item for handle in takes for item in handle.join(SECONDS).unwrap()]
    finally:
        sys.setswitchinterval(interval)
    assert sorted(taken) == [1000 * n + i for n in range(4) for i in range(200)]
