"""What poisons a Mutex, and what a poisoned one does."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, panic
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.panic import catch_unwind
from pythread_rs.result import Err, Ok, UnwrapError
from pythread_rs.sync import LockTimeoutError, Mutex, PoisonError, TryLockError

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


def leave_with(mutex: Mutex[int]) -> None:
    with mutex:
        raise ValueError


def leave_guard(mutex: Mutex[int]) -> None:
    with mutex.lock().unwrap():
        raise ValueError


def leave_frame(mutex: Mutex[int]) -> None:
    _guard = mutex.lock().unwrap()
    raise ValueError


def leave_result(mutex: Mutex[int]) -> None:
    _result = mutex.lock()
    raise ValueError


def leave_temporary(mutex: Mutex[int]) -> object:
    return (mutex.lock().unwrap(), 1 / 0)


def leave_generator(mutex: Mutex[int]) -> None:
    def hold() -> Iterator[None]:
        with mutex:
            yield

    generator = hold()
    next(generator)
    raise ValueError


LEAVES = [leave_with, leave_guard, leave_frame, leave_result, leave_temporary, leave_generator]


@pytest.mark.parametrize("leave", LEAVES)
def test_a_panic_of_a_thread_poisons(leave: Callable[[Mutex[int]], object]) -> None:
    mutex = Mutex(1)
    assert start(leave, mutex).join(SECONDS).is_err()
    assert repr(mutex) == "Mutex { data: 1, poisoned: true, .. }"


@pytest.mark.parametrize("leave", LEAVES)
def test_a_caught_panic_poisons(leave: Callable[[Mutex[int]], object]) -> None:
    mutex = Mutex(1)
    assert catch_unwind(leave, mutex).is_err()
    assert repr(mutex) == "Mutex { data: 1, poisoned: true, .. }"


@pytest.mark.parametrize("leave", [leave_with, leave_guard, leave_temporary])
def test_a_caught_exception_poisons(leave: Callable[[Mutex[int]], object]) -> None:
    mutex = Mutex(1)
    with pytest.raises((ValueError, ZeroDivisionError)):
        leave(mutex)
    assert mutex.is_poisoned()


@pytest.mark.parametrize("leave", [leave_frame, leave_result])
def test_what_an_exception_keeps_alive_is_unseen(leave: Callable[[Mutex[int]], object]) -> None:
    """Python drops such a guard with the exception, when that is over: no poison, and late."""
    mutex = Mutex(1)
    try:
        leave(mutex)
    except ValueError:
        assert mutex.try_lock() == Err(TryLockError.WouldBlock)
    assert repr(mutex) == "Mutex { data: 1, poisoned: false, .. }"


def test_drops_without_an_exception_do_not_poison() -> None:
    mutex = Mutex(1)
    guard = mutex.lock().unwrap()
    del guard
    with mutex, pytest.raises(ValueError, match="inside"):
        raise ValueError("inside")
    try:
        raise ValueError
    except ValueError:
        with mutex:
            pass
        guard = mutex.lock().unwrap()
        del guard
    mutex.lock()
    assert not mutex.is_poisoned()


def test_a_generator_that_is_closed_does_not_poison() -> None:
    mutex = Mutex(1)

    def hold() -> Iterator[None]:
        with mutex:
            yield

    generator = hold()
    next(generator)
    assert mutex.try_lock() == Err(TryLockError.WouldBlock)
    del generator
    assert repr(mutex) == "Mutex { data: 1, poisoned: false, .. }"


def test_with_raises_and_does_not_keep_the_lock() -> None:
    mutex = Mutex(1)
    poison(mutex)
    with pytest.raises(PoisonError, match="poisoned lock: another task failed inside") as caught:
        mutex.__enter__()
    with pytest.raises(UseAfterMoveError):
        caught.value.into_inner()
    assert isinstance(mutex.try_lock(), Err)
    mutex.clear_poison()
    with mutex as guard:
        assert guard.value == 1


def test_a_refused_unwrap_leaves_the_lock() -> None:
    mutex = Mutex(1)
    poison(mutex)
    with pytest.raises(UnwrapError) as caught:
        mutex.lock().unwrap()
    assert isinstance(caught.value.__cause__, PoisonError)
    assert repr(mutex) == "Mutex { data: 1, poisoned: true, .. }"


def test_the_error_holds_the_lock() -> None:
    mutex = Mutex(1)
    poison(mutex)
    match mutex.lock():
        case Err(PoisonError() as error):
            assert mutex.try_lock() == Err(TryLockError.WouldBlock)
            with error.into_inner() as guard:
                guard.value = 2
            with pytest.raises(UseAfterMoveError):
                error.into_inner()
        case _:
            pytest.fail("not poisoned")
    mutex.clear_poison()
    assert mutex.into_inner() == Ok(2)


def test_errors_of_a_poisoned_mutex_hold_the_guard() -> None:
    mutex = Mutex(1)
    poison(mutex)
    match mutex.try_lock():
        case Err(TryLockError.Poisoned(error)):
            assert error.into_inner().value == 1
        case other:
            pytest.fail(repr(other))
    match mutex.lock_timeout(1):
        case Err(LockTimeoutError.Poisoned(error)):
            assert error.into_inner().value == 1
        case timed:
            pytest.fail(repr(timed))


def test_debug_and_display_of_errors() -> None:
    mutex = Mutex(1)
    poison(mutex)
    assert repr(mutex.try_lock()) == 'Err("Poisoned(..)")'
    assert repr(TryLockError.WouldBlock) == '"WouldBlock"'
    assert str(TryLockError.WouldBlock) == "try_lock failed because the operation would block"
    assert str(PoisonError(1)) == str(mutex.try_lock().unwrap_err())
    assert pickle.loads(pickle.dumps(TryLockError.WouldBlock)) == TryLockError.WouldBlock
    assert isinstance(LockTimeoutError.Timeout, TimeoutError)
    assert TryLockError.WouldBlock != LockTimeoutError.Timeout
