"""Mutex: Rust's tests by their names, and what Python adds."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, assume_send, move, panic, spawn
from pythread_rs.ownership import (
    BorrowError,
    MutableBorrowError,
    NotSendError,
    OwnershipError,
    UseAfterMoveError,
    is_send,
)
from pythread_rs.panic import catch_unwind
from pythread_rs.result import Err, Ok, UnwrapError
from pythread_rs.sync import LockTimeoutError, Mutex, RwLock, TryLockError
from pythread_rs.thread import DeadlockError

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


def poison(mutex: Mutex[Any]) -> None:
    def fail() -> None:
        with mutex:
            raise ValueError("poison")

    assert catch_unwind(fail).is_err()
    assert mutex.is_poisoned()


class Foo:
    """Rust's `NonCopy`: counts its drops."""

    def __init__(self, drops: list[int], number: int = 10) -> None:
        self.drops = drops
        self.number = number

    def __del__(self) -> None:
        self.drops.append(self.number)


# -- Rust's tests. ---------------------------------------------------------------------------------


def test_smoke() -> None:
    mutex = Mutex(None)
    mutex.lock().unwrap().drop()
    mutex.lock().unwrap()
    assert repr(mutex) == "Mutex { data: None, poisoned: false, .. }"


def test_lots_and_lots() -> None:
    mutex = Mutex(0)

    def increment() -> None:
        for _ in range(1000):
            with mutex as guard:
                guard.value += 1

    for handle in [start(increment) for _ in range(6)]:
        handle.join(SECONDS).unwrap()
    assert mutex.lock().unwrap().value == 6000


def test_try_lock() -> None:
    mutex = Mutex(None)
    mutex.try_lock().unwrap().value = None
    with mutex:
        assert mutex.try_lock() == Err(TryLockError.WouldBlock)


def test_into_inner() -> None:
    drops: list[int] = []
    mutex = Mutex(assume_send(Foo(drops)))
    assert mutex.into_inner().unwrap().number == 10
    assert drops == [10]


def test_into_inner_drop() -> None:
    drops: list[int] = []
    mutex = Mutex(assume_send(Foo(drops)))
    inner = mutex.into_inner().unwrap()
    assert drops == []
    del inner
    assert drops == [10]
    del mutex
    assert drops == [10]


def test_into_inner_poison() -> None:
    mutex = Mutex(10)
    poison(mutex)
    result = mutex.into_inner()
    assert isinstance(result, Err)
    assert result.error.into_inner() == 10


def test_get_mut() -> None:
    mutex = Mutex(10)
    mutex.get_mut().unwrap().value = 20
    assert mutex.into_inner() == Ok(20)


def test_get_mut_poison() -> None:
    mutex = Mutex(10)
    poison(mutex)
    result = mutex.get_mut()
    assert isinstance(result, Err)
    assert result.error.get_ref().value == 10


def test_get_cloned() -> None:
    value = [1, [2]]
    mutex = Mutex(assume_send(value))
    cloned = mutex.get_cloned().unwrap()
    assert cloned == value
    assert cloned is not value
    assert cloned[1] is not value[1]


def test_get_cloned_poison() -> None:
    mutex = Mutex(10)
    poison(mutex)
    result = mutex.get_cloned()
    assert isinstance(result, Err)
    assert result.error.into_inner() is None
    assert isinstance(mutex.try_lock(), Err)  # poisoned, and not held


def test_set() -> None:
    mutex = Mutex(10)
    assert mutex.set(20) == Ok(None)
    assert mutex.into_inner() == Ok(20)


def test_set_drop() -> None:
    drops: list[int] = []
    mutex = Mutex(assume_send(Foo(drops, 1)))
    assert mutex.set(assume_send(Foo(drops, 2))).is_ok()
    assert drops == [1]


@pytest.mark.parametrize("make", [Mutex, RwLock])
@pytest.mark.parametrize("method", ["set", "replace"])
def test_what_is_put_in_moves(make: Any, method: str) -> None:
    """As what a lock is made with: no alias passes by the lock."""
    lock = make([1])

    def keep() -> list[int]:
        value = [2]
        with pytest.raises(OwnershipError, match="E0382"):
            lock.set(value) if method == "set" else lock.replace(value)
        return value  # this use is why

    def move_in() -> None:
        value = [3]
        assert (lock.set(value) if method == "set" else lock.replace(value)).is_ok()

    shared = [[4]]
    with pytest.raises(OwnershipError, match="E0505"):
        getattr(lock, method)(shared[0])
    assert keep() == [2]
    move_in()
    assert lock.get_cloned() == Ok([3])
    result = getattr(lock, method)([5])
    assert result == Ok(None if method == "set" else [3])
    assert lock.into_inner() == Ok([5])


def test_set_poison() -> None:
    mutex = Mutex(10)
    poison(mutex)
    result = mutex.set(20)
    assert isinstance(result, Err)
    assert result.error.into_inner() == 20
    assert repr(mutex) == "Mutex { data: 10, poisoned: true, .. }"


def test_replace() -> None:
    mutex = Mutex(10)
    assert mutex.replace(20) == Ok(10)
    assert mutex.into_inner() == Ok(20)


def test_replace_poison() -> None:
    mutex = Mutex(10)
    poison(mutex)
    result = mutex.replace(20)
    assert isinstance(result, Err)
    assert result.error.into_inner() == 20


def test_mutex_arc_nested() -> None:
    outer = Mutex(Mutex(1))

    def read() -> int:
        with outer as guard, guard.value as inner:
            return inner.value

    assert start(read).join(SECONDS) == Ok(1)


def test_panics() -> None:
    mutex = Mutex(1)
    for _ in range(3):
        caught = catch_unwind(lambda: hold_and_fail(mutex))
        assert isinstance(caught.unwrap_err(), (ValueError, UnwrapError))
        assert repr(mutex) == "Mutex { data: 1, poisoned: true, .. }"


def hold_and_fail(mutex: Mutex[int]) -> None:
    guard = mutex.lock().unwrap()
    raise ValueError(guard.value)


def test_mutex_arc_access_in_unwind() -> None:
    mutex = Mutex(1)

    class Unwinder:
        def __del__(self) -> None:
            guard = mutex.lock().unwrap()
            guard.value += 1

    def fail() -> None:
        _unwinder = Unwinder()
        raise ValueError

    assert start(fail).join(SECONDS).is_err()
    assert repr(mutex) == "Mutex { data: 2, poisoned: false, .. }"


def test_mutex_arc_poison() -> None:
    mutex = Mutex(1)

    def fail() -> None:
        with mutex as guard:
            assert guard.value == 2

    assert start(fail).join(SECONDS).is_err()
    result = mutex.lock()
    assert isinstance(result, Err)
    assert result.error.get_mut().value == 1


def test_mutexguard_sync() -> None:
    """A guard does not get to another thread."""
    guard = Mutex(1).lock().unwrap()
    assert not is_send(guard)
    with pytest.raises(NotSendError):
        spawn(print, guard)


# -- What Python adds. -----------------------------------------------------------------------------


def test_a_guard_ends_with_its_block() -> None:
    mutex = Mutex([1])
    with mutex as guard:
        assert repr(guard) == str(guard) == "[1]"
    assert repr(guard) == "MutexGuard { <released> }"
    for use in (lambda: guard.value, lambda: setattr(guard, "value", 1), guard.__enter__):
        with pytest.raises(UseAfterMoveError, match="MutexGuard"):
            use()
    guard.drop()


def test_a_guard_that_is_dropped_inside_its_block() -> None:
    mutex = Mutex(0)
    with mutex as outer:
        outer.drop()
        with mutex as inner:
            inner.value = 1
        with mutex as inner:
            assert inner.value == 1
        taken = mutex.lock().unwrap()
    assert taken.value == 1
    taken.drop()
    gc.collect()
    assert mutex.into_inner() == Ok(1)


def test_another_thread_enters_between_drop_and_end() -> None:
    mutex = Mutex(0)
    inside, leave = threading.Event(), threading.Event()

    def enter() -> None:
        with mutex as guard:
            inside.set()
            assert leave.wait(SECONDS)
            guard.value += 1

    with mutex as guard:
        guard.drop()
        handle = start(enter)
        assert inside.wait(SECONDS)
    assert mutex.try_lock() == Err(TryLockError.WouldBlock)
    leave.set()
    handle.join(SECONDS).unwrap()
    assert mutex.into_inner() == Ok(1)


def test_a_relock_is_a_deadlock() -> None:
    mutex = Mutex(0)
    with mutex:
        for lock in (mutex.lock, mutex.__enter__, lambda: mutex.lock_timeout(1)):
            with pytest.raises(DeadlockError, match="Mutex"):
                lock()
    mutex.lock().unwrap()


def test_lock_timeout() -> None:
    mutex = Mutex(0)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with mutex:
            inside.set()
            assert leave.wait(SECONDS)

    handle = start(hold)
    assert inside.wait(SECONDS)
    assert mutex.lock_timeout(0.001) == Err(LockTimeoutError.Timeout)
    assert mutex.lock_timeout(timedelta(0)) == Err(LockTimeoutError.Timeout)
    assert mutex._waiting() == 0
    leave.set()
    assert mutex.lock_timeout(SECONDS).is_ok()
    handle.join(SECONDS).unwrap()
    with pytest.raises(ValueError, match="at least 0"):
        mutex.lock_timeout(-1)


def test_what_into_inner_leaves() -> None:
    mutex = Mutex(0)
    with mutex:
        with pytest.raises(BorrowError):
            mutex.into_inner()
        with pytest.raises(MutableBorrowError):
            mutex.get_mut()
    mutex.into_inner().unwrap()
    uses: list[Callable[[], object]] = [
        mutex.lock,
        mutex.try_lock,
        mutex.get_mut,
        mutex.into_inner,
        mutex.is_poisoned,
        mutex.clear_poison,
        lambda: mutex.set(1),
    ]
    for use in uses:
        with pytest.raises(UseAfterMoveError):
            use()
    assert repr(mutex) == "Mutex { <moved> }"


def test_copies_are_refused() -> None:
    mutex = Mutex(0)
    for thing in (mutex, mutex.lock().unwrap()):
        for use in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match=r"copied|pickled"):
                use(thing)


def test_a_mutex_is_moved_to_its_thread() -> None:
    mutex = Mutex(0)
    handle = spawn(move(lambda: mutex.set(1)))
    assert handle.join(SECONDS) == Ok(Ok(None))


def test_the_value_has_one_reference() -> None:
    value = object()
    before = sys.getrefcount(value)
    mutex = Mutex(assume_send(value))
    for _ in range(10):
        with mutex as guard:
            guard.value = guard.value
        mutex.lock()
    assert sys.getrefcount(value) == before + 1
    assert mutex.into_inner().unwrap() is value
    assert sys.getrefcount(value) == before


def test_guards_are_not_leaked() -> None:
    mutex = Mutex(0)
    before = sys.getrefcount(mutex)
    guards = [None] * 20
    for i in range(20):
        with mutex as guards[i]:  # type: ignore[call-overload]
            pass
    assert sys.getrefcount(mutex) == before


def test_the_collector_sees_the_value() -> None:
    class Node:
        mutex: Any

    node = Node()
    alive = weakref.ref(node)
    node.mutex = Mutex(assume_send(node))
    with node.mutex as guard:
        guard.value.guard = guard
    del node, guard
    gc.collect()
    assert alive() is None
