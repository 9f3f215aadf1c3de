"""RwLock: Rust's test names first, then its policy, timeouts and a fork."""

from __future__ import annotations

import os
import random
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, assume_send, panic
from pythread_rs.ownership import BorrowError, MutableBorrowError, UseAfterMoveError, is_send
from pythread_rs.panic import catch_unwind
from pythread_rs.result import Err, Ok
from pythread_rs.sync import LockTimeoutError, PoisonError, RwLock, TryLockError
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


def poison(lock: RwLock[Any]) -> None:
    def fail() -> None:
        with lock.writing():
            raise ValueError("poison")

    assert catch_unwind(fail).is_err()
    assert lock.is_poisoned()


# -- Rust's tests. ---------------------------------------------------------------------------------


def test_smoke() -> None:
    lock = RwLock(None)
    lock.read().unwrap().drop()
    lock.write().unwrap().drop()
    with lock.read().unwrap(), lock.read().unwrap():
        pass
    lock.write().unwrap().drop()


def test_frob() -> None:
    lock = RwLock(0)
    state = {"writers": 0, "readers": 0}

    def work(seed: int) -> None:
        numbers = random.Random(seed)
        for _ in range(200):
            if numbers.random() < 0.1:
                with lock.writing() as guard:
                    state["writers"] += 1
                    assert state == {"writers": 1, "readers": 0}
                    guard.value += 1
                    state["writers"] -= 1
            else:
                with lock.reading():
                    assert state["writers"] == 0

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for handle in [start(work, seed) for seed in range(10)]:
            handle.join(SECONDS).unwrap()
    finally:
        sys.setswitchinterval(interval)


def test_rw_arc_poison_wr() -> None:
    lock = RwLock(1)

    def fail() -> None:
        _guard = lock.write().unwrap()
        raise ValueError

    assert start(fail).join(SECONDS).is_err()
    assert lock.read().is_err()


def test_rw_arc_poison_ww() -> None:
    lock = RwLock(1)
    poison(lock)
    result = lock.write()
    assert isinstance(result, Err)
    assert result.error.into_inner().value == 1
    assert lock.is_poisoned()


def test_rw_arc_no_poison_rr() -> None:
    lock = RwLock(1)

    def fail() -> None:
        _guard = lock.read().unwrap()
        raise ValueError

    assert start(fail).join(SECONDS).is_err()
    assert lock.read().unwrap().value == 1


def test_rw_arc_no_poison_rw() -> None:
    lock = RwLock(1)

    def fail() -> None:
        with lock.reading():
            raise ValueError

    assert start(fail).join(SECONDS).is_err()
    assert lock.write().unwrap().value == 1


def test_rw_arc() -> None:
    lock = RwLock(0)
    done = threading.Event()

    def write() -> None:
        for _ in range(10):
            with lock.writing() as guard:
                before, guard.value = guard.value, -1
                guard.value = before + 1
        done.set()

    def read() -> None:
        while not done.is_set():
            with lock.reading() as guard:
                assert guard.value >= 0

    handles = [start(write), *(start(read) for _ in range(5))]
    for handle in handles:
        handle.join(SECONDS).unwrap()
    assert lock.read().unwrap().value == 10


def test_rw_arc_access_in_unwind() -> None:
    lock = RwLock(1)

    class Unwinder:
        def __del__(self) -> None:
            guard = lock.write().unwrap()
            guard.value += 1

    def fail() -> None:
        _unwinder = Unwinder()
        raise ValueError

    assert start(fail).join(SECONDS).is_err()
    assert lock.read().unwrap().value == 2


def test_rwlock_try_read() -> None:
    lock = RwLock(0)
    with lock.reading():
        assert lock.try_read().is_ok()
    with lock.writing():
        assert lock.try_read() == Err(TryLockError.WouldBlock)


def test_rwlock_try_write() -> None:
    lock = RwLock(0)
    with lock.reading():
        assert lock.try_write() == Err(TryLockError.WouldBlock)
    with lock.writing():
        assert lock.try_write() == Err(TryLockError.WouldBlock)


def test_into_inner() -> None:
    assert RwLock(10).into_inner() == Ok(10)


def test_into_inner_poison() -> None:
    lock = RwLock(10)
    poison(lock)
    result = lock.into_inner()
    assert isinstance(result, Err)
    assert result.error.into_inner() == 10


def test_get_cloned() -> None:
    value = [1]
    lock = RwLock(assume_send(value))
    assert lock.get_cloned() == Ok([1])
    assert lock.get_cloned().unwrap() is not value


def test_get_cloned_poison() -> None:
    lock = RwLock(10)
    poison(lock)
    result = lock.get_cloned()
    assert isinstance(result, Err)
    assert result.error.into_inner() is None


def test_get_mut() -> None:
    lock = RwLock(10)
    lock.get_mut().unwrap().value = 20
    assert lock.into_inner() == Ok(20)


def test_get_mut_poison() -> None:
    lock = RwLock(10)
    poison(lock)
    result = lock.get_mut()
    assert isinstance(result, Err)
    assert result.error.get_ref().value == 10


def test_set() -> None:
    lock = RwLock(10)
    assert lock.set(20) == Ok(None)
    assert lock.into_inner() == Ok(20)


def test_set_poison() -> None:
    lock = RwLock(10)
    poison(lock)
    result = lock.set(20)
    assert isinstance(result, Err)
    assert result.error.into_inner() == 20


def test_replace() -> None:
    lock = RwLock(10)
    assert lock.replace(20) == Ok(10)
    assert lock.into_inner() == Ok(20)


def test_replace_poison() -> None:
    lock = RwLock(10)
    poison(lock)
    result = lock.replace(20)
    assert isinstance(result, Err)
    assert result.error.into_inner() == 20


def test_read_guard_covariance() -> None:
    """What is left of it here: the value of a read guard cannot be assigned, a guard not sent."""
    guard = RwLock(1).read().unwrap()
    with pytest.raises(AttributeError):
        guard.value = 2  # type: ignore[misc]
    assert not is_send(guard)


def test_downgrade_basic() -> None:
    lock = RwLock(0)
    writer = lock.write().unwrap()
    reader = writer.downgrade()
    assert lock.read().unwrap().value == reader.value == 0
    with pytest.raises(UseAfterMoveError):
        writer.downgrade()


def test_downgrade_observe(wait_until: Callable[..., bool]) -> None:
    """No writer gets in between, however many wait."""
    lock = RwLock(0)

    def work() -> None:
        for _ in range(50):
            writer = lock.write().unwrap()
            writer.value += 1
            seen = writer.value
            with writer.downgrade() as reader:
                assert reader.value == seen

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for handle in [start(work) for _ in range(8)]:
            handle.join(SECONDS).unwrap()
    finally:
        sys.setswitchinterval(interval)
    assert lock.into_inner() == Ok(400)


def test_downgrade_lets_readers_in(wait_until: Callable[..., bool]) -> None:
    lock = RwLock(0)
    writer = lock.write().unwrap()
    readers = [start(lambda: lock.read().unwrap().value) for _ in range(5)]
    assert wait_until(lambda: lock._waiting() == 5)
    writer.value = 1
    reader = writer.downgrade()
    for handle in readers:
        assert handle.join(SECONDS) == Ok(1)
    assert reader.value == 1


# -- Policy. ---------------------------------------------------------------------------------------


def test_a_reader_waits_behind_a_writer(wait_until: Callable[..., bool]) -> None:
    lock = RwLock(0)
    first = lock.read().unwrap()
    writer = start(lambda: lock.set(1).unwrap())
    assert wait_until(lambda: lock._waiting() == 1)
    assert start(lambda: lock.try_read().is_err()).join(SECONDS) == Ok(True)
    reader = start(lambda: lock.read().unwrap().value)
    assert wait_until(lambda: lock._waiting() == 2)
    first.drop()
    assert writer.join(SECONDS) == Ok(None)
    assert reader.join(SECONDS) == Ok(1)


def test_a_writer_that_gives_up_lets_readers_pass(wait_until: Callable[..., bool]) -> None:
    lock = RwLock(0)
    first = lock.read().unwrap()
    writer = start(lambda: lock.write_timeout(0.3) == Err(LockTimeoutError.Timeout))
    assert wait_until(lambda: lock._waiting() == 1)
    reader = start(lambda: lock.read().unwrap().value)
    assert writer.join(SECONDS) == Ok(True)
    assert reader.join(SECONDS) == Ok(0)
    first.drop()


def test_a_thread_that_reads_may_read_again(wait_until: Callable[..., bool]) -> None:
    lock = RwLock(0)
    with lock.reading():
        writer = start(lambda: lock.set(1).unwrap())
        assert wait_until(lambda: lock._waiting() == 1)
        with lock.reading() as again:
            assert again.value == 0
        assert lock.try_read().is_ok()
    assert writer.join(SECONDS) == Ok(None)


def test_a_thread_does_not_wait_for_itself() -> None:
    lock = RwLock(0)
    with lock.reading():
        for use in (lock.write, lock.writing, lambda: lock.write_timeout(1)):
            with pytest.raises(DeadlockError, match="RwLock"):
                use()
        with pytest.raises(BorrowError):
            lock.into_inner()
    with lock.writing():
        for other in (lock.read, lock.reading, lock.write):
            with pytest.raises(DeadlockError, match="RwLock"):
                other()
        with pytest.raises(MutableBorrowError):
            lock.get_mut()
    lock.write().unwrap()


def test_no_reader_starves() -> None:
    lock = RwLock(False)
    inside = threading.Event()

    def greedy() -> None:
        while True:
            with lock.writing() as guard:
                inside.set()
                sum(range(50_000))
                if guard.value:
                    return

    handle = start(greedy)
    assert inside.wait(SECONDS)
    for reader in [start(lambda: lock.read().unwrap().drop()) for _ in range(4)]:
        reader.join(SECONDS).unwrap()
    lock.set(True).unwrap()
    handle.join(SECONDS).unwrap()


def test_timeouts() -> None:
    lock = RwLock(0)
    with lock.writing():
        assert start(lambda: lock.read_timeout(0.001)).join(SECONDS) == Ok(
            Err(LockTimeoutError.Timeout)
        )
    assert lock.read_timeout(1).is_ok()
    poison(lock)
    match lock.read_timeout(1):
        case Err(LockTimeoutError.Poisoned(error)):
            assert error.into_inner().value == 0
        case other:
            pytest.fail(repr(other))


def test_with_raises_and_does_not_keep_the_lock() -> None:
    lock = RwLock(0)
    poison(lock)
    for enter in (lock.reading, lock.writing):
        with pytest.raises(PoisonError):
            enter()
    assert isinstance(lock.try_write(), Err)
    assert repr(lock) == "RwLock { data: 0, poisoned: true, .. }"
    lock.clear_poison()
    with lock.writing():
        assert repr(lock) == "RwLock { data: <locked>, poisoned: false, .. }"
    with lock.reading():
        assert repr(lock) == "RwLock { data: 0, poisoned: false, .. }"


FORK = """
    import os, threading, warnings
    from pythread_rs.sync import RwLock
    warnings.simplefilter("ignore")
    read, written, mine = RwLock(1), RwLock(2), RwLock(3)
    inside, leave = threading.Event(), threading.Event()
    def hold():
        with read.reading(), written.writing(), mine.reading():
            inside.set()
            leave.wait(10)
    helper = threading.Thread(target=hold)
    helper.start()
    inside.wait(10)
    with mine.reading():
        child = os.fork()
        if child == 0:
            assert repr(mine.try_write()) == 'Err("WouldBlock")'
    if child == 0:
        mine.write().unwrap().value = 4
        read.write().unwrap().value = 5
        assert repr(read) == "RwLock { data: 5, poisoned: false, .. }", read
        assert repr(written) == "RwLock { data: 2, poisoned: true, .. }", written
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    leave.set()
    helper.join()
    assert not written.is_poisoned()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_fork(run_child: Callable[..., Any]) -> None:
    done = run_child(FORK)
    assert (done.returncode, done.stderr) == (0, "")
