"""Waits for locks and for notifications that a StopToken ends."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, panic
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.result import Err, Ok
from pythread_rs.sync import Condvar, Mutex, ReentrantLock, RwLock, Stopped, StopToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Closures here share what they test with the test itself.
start = Builder().spawn_unchecked
SECONDS = 10.0
LONG = 1000.0

# How each call waits, and the lock that it waits for.
WAITS: dict[str, tuple[Any, Callable[[Any, Any], Any]]] = {
    "Mutex.lock": (Mutex, lambda lock, stop: lock.lock(stop=stop)),
    "Mutex.lock_timeout": (Mutex, lambda lock, stop: lock.lock_timeout(LONG, stop=stop)),
    "RwLock.read": (RwLock, lambda lock, stop: lock.read(stop=stop)),
    "RwLock.write": (RwLock, lambda lock, stop: lock.write(stop=stop)),
    "RwLock.read_timeout": (RwLock, lambda lock, stop: lock.read_timeout(LONG, stop=stop)),
    "RwLock.write_timeout": (RwLock, lambda lock, stop: lock.write_timeout(LONG, stop=stop)),
    "ReentrantLock.lock": (ReentrantLock, lambda lock, stop: lock.lock(stop=stop)),
    "ReentrantLock.lock_timeout": (
        ReentrantLock,
        lambda lock, stop: lock.lock_timeout(LONG, stop=stop),
    ),
}

CONDVAR_WAITS: dict[str, Callable[[Condvar, Any, Any], Any]] = {
    "wait": lambda condvar, guard, stop: condvar.wait(guard, stop=stop),
    "wait_while": lambda condvar, guard, stop: condvar.wait_while(
        guard, lambda value: value == 0, stop=stop
    ),
    "wait_timeout": lambda condvar, guard, stop: condvar.wait_timeout(guard, LONG, stop=stop),
    "wait_timeout_while": lambda condvar, guard, stop: condvar.wait_timeout_while(
        guard, LONG, lambda value: value == 0, stop=stop
    ),
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    panic.set_hook(lambda info: None)
    yield
    panic.take_hook()


def take(lock: Any) -> Any:
    """Hold a lock so that nobody else gets in."""
    if isinstance(lock, RwLock):
        return lock.write().unwrap()
    guard = lock.lock()
    return guard.unwrap() if isinstance(lock, Mutex) else guard


def outcome(call: Callable[[], Any]) -> str:
    """Tell how a call ended, and let go of what it returned."""
    try:
        call()
    except Stopped as error:
        return str(error)
    return "no stop"


# -- Locks. ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WAITS)
def test_a_stop_ends_the_wait(name: str, wait_until: Callable[..., bool]) -> None:
    make, wait = WAITS[name]
    lock, token = make(0), StopToken()
    guard = take(lock)
    handles = [start(outcome, lambda: wait(lock, token)) for _ in range(5)]
    assert wait_until(lambda: lock._waiting() == 5)
    token.stop()
    for handle in handles:
        assert handle.join(SECONDS) == Ok("the stop token was stopped")
    assert lock._waiting() == 0
    late = start(outcome, lambda: wait(lock, token))
    assert late.join(SECONDS) == Ok("the stop token was stopped")
    guard.drop()
    take(lock).drop()


@pytest.mark.parametrize("name", WAITS)
def test_a_free_lock_is_taken_although_stopped(name: str) -> None:
    make, wait = WAITS[name]
    lock, token = make(0), StopToken()
    token.stop()
    assert outcome(lambda: wait(lock, token)) == "no stop"
    assert outcome(lambda: wait(lock, None)) == "no stop"


@pytest.mark.parametrize("name", WAITS)
def test_a_token_that_does_not_stop(name: str, wait_until: Callable[..., bool]) -> None:
    make, wait = WAITS[name]
    lock, token = make(0), StopToken()
    guard = take(lock)
    handle = start(outcome, lambda: wait(lock, token))
    assert wait_until(lambda: lock._waiting() == 1)
    guard.drop()
    assert handle.join(SECONDS) == Ok("no stop")
    token.stop()


def test_a_stop_or_a_time_whichever_is_first() -> None:
    mutex, token = Mutex(0), StopToken()
    with mutex:
        handle = start(lambda: mutex.lock_timeout(0.001, stop=token).is_err())
        assert handle.join(SECONDS) == Ok(True)
    assert mutex._waiting() == 0


def test_a_stopped_writer_lets_the_readers_behind_it_in(wait_until: Callable[..., bool]) -> None:
    lock, token = RwLock(0), StopToken()
    with lock.reading():
        writer = start(outcome, lambda: lock.write(stop=token))
        assert wait_until(lambda: lock._waiting() == 1)
        readers = [start(lambda: lock.read().unwrap().value) for _ in range(3)]
        assert wait_until(lambda: lock._waiting() == 4)
        token.stop()
        assert writer.join(SECONDS) == Ok("the stop token was stopped")
        for reader in readers:
            assert reader.join(SECONDS) == Ok(0)


@pytest.mark.parametrize("make", [Mutex, ReentrantLock])
def test_what_is_no_token(make: Any) -> None:
    lock = make(0)
    with pytest.raises(TypeError, match="stop must be a StopToken or None, not int"):
        lock.lock(stop=1)
    with pytest.raises(TypeError, match="stop must be a StopToken or None, not int"):
        lock.lock_timeout(1, stop=1)
    with pytest.raises(TypeError, match="positional"):
        lock.lock(StopToken())
    with pytest.raises(TypeError, match="unexpected keyword argument 'token'"):
        lock.lock(token=StopToken())


def test_locks_and_stops_at_the_same_time() -> None:
    """Whoever is stopped has no lock, whoever is not has it, and nobody stays behind."""
    mutex, lock = Mutex(0), RwLock(0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work(tokens: list[StopToken]) -> int:
        done = 0
        for token in tokens:
            try:
                with mutex.lock(stop=token).unwrap() as guard:
                    guard.value += 1
                done += 1
                with lock.write(stop=token).unwrap() as writer:
                    writer.value += 1
                lock.read(stop=token).unwrap().drop()
            except Stopped:
                continue
        return done

    try:
        lists = [[StopToken() for _ in range(500)] for _ in range(4)]
        handles = [start(work, tokens) for tokens in lists]
        for tokens in zip(*lists, strict=True):
            for token in tokens:
                token.stop()
        done = sum(handle.join(SECONDS).unwrap() for handle in handles)
    finally:
        sys.setswitchinterval(interval)
    assert (mutex._waiting(), lock._waiting()) == (0, 0)
    assert mutex.into_inner() == Ok(done)


# -- Condvar. --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONDVAR_WAITS)
def test_a_stop_ends_a_wait_for_a_notification(name: str, wait_until: Callable[..., bool]) -> None:
    mutex, condvar, token = Mutex(0), Condvar(), StopToken()
    wait = CONDVAR_WAITS[name]

    def listen() -> str:
        with mutex as guard:
            try:
                wait(condvar, guard, token)
            except Stopped:
                return repr(guard)
        return "no stop"

    handles = [start(listen) for _ in range(5)]
    assert wait_until(lambda: condvar._waiting() == 5)
    token.stop()
    for handle in handles:
        assert handle.join(SECONDS) == Ok("MutexGuard { <released> }")
    assert condvar._waiting() == 0
    assert start(listen).join(SECONDS) == Ok("MutexGuard { <released> }")
    assert not mutex.is_poisoned()


def test_a_wait_that_has_nothing_to_wait_for_is_not_stopped() -> None:
    mutex, condvar, token = Mutex(1), Condvar(), StopToken()
    token.stop()
    with mutex as guard:
        assert condvar.wait_while(guard, lambda value: value == 0, stop=token) == Ok(guard)


def test_a_stopped_wait_does_not_take_the_mutex_again(wait_until: Callable[..., bool]) -> None:
    """It ends while the mutex is held, whether it was notified or not."""
    mutex, condvar = Mutex(0), Condvar()
    for notifies in (False, True):
        token = StopToken()

        def listen(token: StopToken = token) -> str:
            guard = mutex.lock().unwrap()
            return outcome(lambda: condvar.wait(guard, stop=token))

        handle = start(listen)
        assert wait_until(lambda: condvar._waiting() == 1)
        with mutex:
            if notifies:
                condvar.notify_one()
                assert (condvar._waiting(), mutex._waiting()) == (0, 1)
            token.stop()
            assert handle.join(SECONDS) == Ok("the stop token was stopped")
        assert (condvar._waiting(), mutex._waiting()) == (0, 0)


def test_a_notification_of_a_stopped_wait_is_handed_on(wait_until: Callable[..., bool]) -> None:
    mutex, condvar, token = Mutex(0), Condvar(), StopToken()

    def listen(stop: StopToken | None) -> str:
        guard = mutex.lock().unwrap()
        return outcome(lambda: condvar.wait(guard, stop=stop))

    first = start(listen, token)
    assert wait_until(lambda: condvar._waiting() == 1)
    second = start(listen, None)
    assert wait_until(lambda: condvar._waiting() == 2)
    with mutex:
        condvar.notify_one()
        token.stop()
        assert first.join(SECONDS) == Ok("the stop token was stopped")
    assert second.join(SECONDS) == Ok("no stop")


def test_a_notification_is_handed_on_when_the_mutex_is_not_had(
    wait_until: Callable[..., bool],
) -> None:
    """Woken for the mutex, and stopped while it waits for that."""
    mutex, condvar, token = Mutex(0), Condvar(), StopToken()

    def listen(stop: StopToken | None) -> str:
        guard = mutex.lock().unwrap()
        return outcome(lambda: condvar.wait(guard, stop=stop))

    first = start(listen, token)
    assert wait_until(lambda: condvar._waiting() == 1)
    second = start(listen, None)
    assert wait_until(lambda: condvar._waiting() == 2)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)
    condvar.notify_one()
    guard = mutex.lock().unwrap()  # before the other one gets the GIL
    sys.setswitchinterval(interval)
    assert wait_until(lambda: mutex._waiting() == 1)
    token.stop()
    assert first.join(SECONDS) == Ok("the stop token was stopped")
    guard.drop()
    assert second.join(SECONDS) == Ok("no stop")


def test_a_condvar_wants_a_guard_and_a_token() -> None:
    mutex, condvar = Mutex(0), Condvar()
    with mutex as guard:
        with pytest.raises(TypeError, match="stop must be a StopToken"):
            condvar.wait(guard, stop=1)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="positional"):
            condvar.wait()  # type: ignore[call-arg]
        assert guard.value == 0
    with pytest.raises(UseAfterMoveError):
        condvar.wait(guard, stop=StopToken())


def test_notifications_and_stops_at_the_same_time(wait_until: Callable[..., bool]) -> None:
    """Each ticket is taken, by whoever is not stopped; none lies there while somebody waits."""
    tickets, condvar, closing = Mutex(0), Condvar(), StopToken()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def take_some(tokens: list[StopToken]) -> int:
        taken = 0
        for token in tokens:
            guard = tickets.lock().unwrap()
            try:
                condvar.wait_while(guard, lambda count: count == 0, stop=token).unwrap()
            except Stopped:
                continue
            guard.value -= 1
            guard.drop()
            taken += 1
        return taken

    try:
        lists = [[StopToken() for _ in range(50)] for _ in range(4)]
        handles = [start(take_some, tokens) for tokens in lists]
        handles.append(start(take_some, [closing] * 201))
        for tokens in zip(*lists, strict=True):
            for token in tokens:
                with tickets as guard:
                    guard.value += 1
                    condvar.notify_one()
                token.stop()
        assert wait_until(lambda: tickets.lock().unwrap().value == 0)
        closing.stop()
        assert sum(handle.join(SECONDS).unwrap() for handle in handles) == 200
    finally:
        sys.setswitchinterval(interval)
    assert (condvar._waiting(), tickets._waiting()) == (0, 0)


def test_a_refused_wait_is_an_error_of_the_thread() -> None:
    mutex, token = Mutex(0), StopToken()
    token.stop()
    with mutex:
        result = start(lambda: mutex.lock(stop=token)).join(SECONDS)
    assert isinstance(result, Err)
