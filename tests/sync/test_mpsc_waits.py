"""Timeouts, iterators and states of channels: Rust's tests, by their names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pythread_rs import Builder, Err, JoinHandle, Ok, yield_now
from pythread_rs.sync.mpsc import RecvError, RecvTimeoutError, SendError, TryRecvError, channel

if TYPE_CHECKING:
    from collections.abc import Callable

    Blocked = Callable[..., JoinHandle[Any]]

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it
SOON = 0.001  # seconds: for waits that end in a timeout


def send_all(tx: Any, count: int) -> None:
    for number in range(count):
        tx.send(number).unwrap()


# -- Timeouts. -------------------------------------------------------------------------------------


def test_oneshot_single_thread_recv_timeout(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    tx.send(1).unwrap()
    assert rx.recv_timeout(SOON) == Ok(1)
    assert rx.recv_timeout(SOON) == Err(RecvTimeoutError.Timeout)
    tx.send(2).unwrap()
    assert rx.recv_timeout(SOON) == Ok(2)


def test_stress_recv_timeout_two_threads(flavor: Any) -> None:
    tx, rx = flavor.mpsc()

    def send(tx: Any) -> None:
        for number in range(100):
            if number % 10 == 0:
                time.sleep(2 * SOON)  # so that some waits do end in a timeout
            tx.send(number).unwrap()

    handle = spawn(send, tx)
    del tx
    received: list[int] = []
    while (outcome := rx.recv_timeout(SOON)) != Err(RecvTimeoutError.Disconnected):
        if outcome != Err(RecvTimeoutError.Timeout):
            received.append(outcome.unwrap())
    assert received == list(range(100))
    assert handle.join(SECONDS) == Ok(None)


def test_recv_timeout_upgrade(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    other = tx.clone()
    began = time.monotonic()
    assert rx.recv_timeout(0.01) == Err(RecvTimeoutError.Timeout)
    assert time.monotonic() - began >= 0.01
    assert not other.is_disconnected()


def test_stress_recv_timeout_shared(flavor: Any) -> None:
    tx, rx = flavor.mpsc()

    def send(tx: Any, number: int) -> None:
        time.sleep(number % 7 * SOON)
        tx.send(number).unwrap()

    handles = [spawn(send, tx.clone(), number) for number in range(40)]
    del tx
    received: list[int] = []
    while (outcome := rx.recv_timeout(SOON)) != Err(RecvTimeoutError.Disconnected):
        received += outcome.iter()
    assert sorted(received) == list(range(40))
    assert [h.join(SECONDS) for h in handles] == [Ok(None)] * 40


def test_very_long_recv_timeout_wont_panic(flavor: Any) -> None:
    for name, seconds in (
        ("recv_timeout", 1e300),
        ("recv_timeout", float("inf")),
        ("recv_deadline", float("inf")),
    ):
        tx, rx = flavor.mpsc()
        handle = spawn(getattr(rx, name), seconds)
        tx.send(1).unwrap()
        assert handle.join(SECONDS) == Ok(Ok(1))


def test_recv_a_lot() -> None:
    tx, rx = channel()
    send_all(tx, 10_000)
    assert [rx.recv().unwrap() for _ in range(10_000)] == list(range(10_000))


def test_shared_recv_timeout(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    handles = [spawn(tx.clone().send, number) for number in range(5)]
    received = [rx.recv().unwrap() for _ in range(5)]
    assert sorted(received) == list(range(5))
    assert rx.recv_timeout(SOON) == Err(RecvTimeoutError.Timeout)
    tx.send(5).unwrap()
    assert rx.recv_timeout(SOON) == Ok(5)
    assert [h.join(SECONDS) for h in handles] == [Ok(Ok(None))] * 5


def test_shared_chan_stress(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    handles = [spawn(tx.clone().send, number) for number in range(100)]
    assert sorted(rx.recv().unwrap() for _ in range(100)) == list(range(100))
    assert [h.join(SECONDS) for h in handles] == [Ok(Ok(None))] * 100


# -- Iterators. ------------------------------------------------------------------------------------


def test_nested_recv_iter(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    total_tx, total_rx = channel()

    def add_up(rx: Any, total_tx: Any) -> None:
        total_tx.send(sum(rx.iter())).unwrap()

    handle = spawn(add_up, rx, total_tx)
    for number in (3, 1, 2):
        tx.send(number).unwrap()
    del tx
    assert total_rx.recv() == Ok(6)
    assert handle.join(SECONDS) == Ok(None)


def test_recv_iter_break(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    count_tx, count_rx = channel()

    def count(rx: Any, count_tx: Any) -> None:
        seen = 0
        for number in rx.iter():
            if seen >= 3:
                break
            seen += number
        count_tx.send(seen).unwrap()

    handle = spawn(count, rx, count_tx)
    del rx
    for number in (2, 2, 2):
        tx.send(number).unwrap()
    assert handle.join(SECONDS) == Ok(None)
    tx.try_send(2)  # harmless: the receiver may be gone or not
    assert count_rx.recv() == Ok(4)


def test_recv_try_iter(flavor: Any) -> None:
    request_tx, request_rx = channel()
    response_tx, response_rx = flavor.mpsc()

    def ask(request_tx: Any, response_rx: Any) -> int:
        """Take what is there and ask for more, until it is 6."""
        count = 0
        while True:
            for number in response_rx.try_iter():
                count += int(number)
                if count == 6:
                    return count
            request_tx.send(None).unwrap()
            yield_now()

    handle = spawn(ask, request_tx, response_rx)
    del request_tx, response_rx
    for _ in request_rx.iter():
        if response_tx.send(2).is_err():
            break
    assert handle.join(SECONDS) == Ok(6)


def test_recv_into_iter_owned(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    handle = spawn(send_all, tx, 2)
    del tx
    messages = iter(rx)
    del rx
    assert [next(messages), next(messages)] == [0, 1]
    assert next(messages, None) is None
    assert next(messages, None) is None
    assert handle.join(SECONDS) == Ok(None)


def test_recv_into_iter_borrowed(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    handle = spawn(send_all, tx, 2)
    del tx
    messages = rx.iter()
    assert [next(messages), next(messages)] == [0, 1]
    assert next(messages, None) is None
    assert rx.recv() == Err(RecvError())
    assert handle.join(SECONDS) == Ok(None)


# -- States. ---------------------------------------------------------------------------------------


def test_try_recv_states(buffer: Any) -> None:
    """Each side waits for the other's step, so that each state is seen for certain."""
    tx, rx = buffer.mpsc()
    step_tx, step_rx = channel()
    done_tx, done_rx = channel()

    def work(tx: Any) -> None:
        step_rx.recv().unwrap()
        tx.send(1).unwrap()
        done_tx.send(None).unwrap()
        step_rx.recv().unwrap()
        tx.drop()
        done_tx.send(None).unwrap()

    handle = spawn(work, tx)
    del tx
    assert rx.try_recv() == Err(TryRecvError.Empty)
    step_tx.send(None).unwrap()
    done_rx.recv().unwrap()
    assert rx.try_recv() == Ok(1)
    assert rx.try_recv() == Err(TryRecvError.Empty)
    step_tx.send(None).unwrap()
    done_rx.recv().unwrap()
    assert rx.try_recv() == Err(TryRecvError.Disconnected)
    assert handle.join(SECONDS) == Ok(None)


def test_destroy_upgraded_shared_port_when_sender_still_active(
    flavor: Any, blocked: Blocked
) -> None:
    tx, rx = flavor.mpsc()

    def receive(rx: Any) -> Any:
        outcome = rx.recv()
        rx.drop()
        return outcome

    handle = blocked(receive, rx)
    del rx
    other = tx.clone()
    tx.send(None).unwrap()
    assert handle.join(SECONDS) == Ok(Ok(None))
    assert other.send(None).is_err()


def test_issue_32114(flavor: Any) -> None:
    tx, _ = flavor.mpsc()
    del _
    assert tx.send(123) == Err(SendError(123))
    assert tx.send(123) == Err(SendError(123))
