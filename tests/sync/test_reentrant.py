"""ReentrantLock: Rust's test names first, then `with`, errors and a fork."""

from __future__ import annotations

import copy
import gc
import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, panic
from pythread_rs.ownership import BorrowError, MutableBorrowError, UseAfterMoveError, is_send
from pythread_rs.result import Err, Ok
from pythread_rs.sync import LockTimeoutError, ReentrantLock, TryLockError

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


def is_free(lock: ReentrantLock[Any]) -> bool:
    """Ask from another thread."""
    return start(lambda: lock.try_lock().is_ok()).join(SECONDS).unwrap()


def test_smoke() -> None:
    lock = ReentrantLock(())
    with lock.lock():
        with lock.lock(), lock.lock():
            assert not is_free(lock)
        assert not is_free(lock)
    assert is_free(lock)


def test_is_mutex() -> None:
    lock: ReentrantLock[list[int]] = ReentrantLock([0])
    guard = lock.lock()

    def read() -> int:
        return lock.lock().value[0]

    handle = start(read)
    for i in range(100):
        again = lock.lock()
        guard.value[0] = i + 1
        again.drop()
    guard.drop()
    assert handle.join(SECONDS) == Ok(100)


def test_trylock_works() -> None:
    lock = ReentrantLock(())
    with lock.try_lock().unwrap(), lock.try_lock().unwrap():
        assert start(lock.try_lock).join(SECONDS) == Ok(Err(TryLockError.WouldBlock))
    assert is_free(lock)


def test_lock_timeout() -> None:
    lock = ReentrantLock(())
    with lock:
        assert lock.lock_timeout(0).is_ok()
        other = start(lambda: lock.lock_timeout(0.001)).join(SECONDS)
        assert other == Ok(Err(LockTimeoutError.Timeout))
    assert lock.lock_timeout(1).is_ok()


def test_guards_end_in_any_order() -> None:
    lock = ReentrantLock(1)
    first, second = lock.lock(), lock.lock()
    first.drop()
    assert not is_free(lock)
    assert second.value == 1
    with pytest.raises(UseAfterMoveError, match="ReentrantLockGuard"):
        first.value
    second.drop()
    assert is_free(lock)


def test_with() -> None:
    lock = ReentrantLock(1)
    with lock as outer:
        with lock as inner:
            inner.drop()
        assert outer.value == 1
        assert not is_free(lock)
        with lock as inner:
            outer.drop()
            assert inner.value == 1
            assert not is_free(lock)
        assert is_free(lock)
    assert is_free(lock)
    gc.collect()
    assert lock.into_inner() == 1


def test_a_panic_does_not_poison() -> None:
    lock = ReentrantLock(1)

    def fail() -> None:
        with lock:
            raise ValueError

    assert start(fail).join(SECONDS).is_err()
    assert lock.lock().value == 1


def test_the_value_cannot_be_assigned_or_sent() -> None:
    guard = ReentrantLock(1).lock()
    with pytest.raises(AttributeError):
        guard.value = 2  # type: ignore[misc]
    assert not is_send(guard)


def test_consumed() -> None:
    lock = ReentrantLock([1])
    with lock:
        with pytest.raises(BorrowError):
            lock.into_inner()
        with pytest.raises(MutableBorrowError):
            lock.get_mut()
    lock.get_mut().append(2)
    assert lock.into_inner() == [1, 2]
    for use in (lock.lock, lock.try_lock, lock.get_mut, lock.into_inner, lock.__enter__):
        with pytest.raises(UseAfterMoveError):
            use()
    assert repr(lock) == "ReentrantLock { <moved> }"


def test_repr_and_copies() -> None:
    lock = ReentrantLock(1)
    with lock:
        assert repr(lock) == "ReentrantLock { data: 1, .. }"
        shown = start(lambda: repr(lock)).join(SECONDS)
        assert shown == Ok("ReentrantLock { data: <locked>, .. }")
    for use in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"copied|pickled"):
            use(lock)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_fork(run_child: Callable[..., Any]) -> None:
    done = run_child("""
        import os, threading, warnings
        from pythread_rs.sync import ReentrantLock
        warnings.simplefilter("ignore")
        theirs, mine = ReentrantLock(1), ReentrantLock(2)
        inside, leave = threading.Event(), threading.Event()
        def hold():
            with theirs, theirs:
                inside.set()
                leave.wait(10)
        helper = threading.Thread(target=hold)
        helper.start()
        inside.wait(10)
        with mine, mine:
            child = os.fork()
        if child == 0:
            assert theirs.try_lock().unwrap().value == 1
            ends = []
            other = threading.Thread(target=lambda: ends.append(mine.try_lock().is_ok()))
            other.start()
            other.join()
            os._exit(0 if ends == [True] else 1)
        assert os.waitpid(child, 0)[1] == 0
        leave.set()
        helper.join()
    """)
    assert (done.returncode, done.stderr) == (0, "")
