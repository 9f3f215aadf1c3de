"""sync_channel: Rust's tests of bounded channels, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pythread_rs import Builder, Err, JoinHandle, Ok, current, park
from pythread_rs.sync.mpsc import Receiver, SendError, TrySendError, sync_channel

if TYPE_CHECKING:
    from collections.abc import Callable

    Blocked = Callable[..., JoinHandle[Any]]

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it

ROUNDS = 100


def test_send1() -> None:
    tx, rx = sync_channel(0)
    handle = spawn(rx.recv)
    assert tx.send(1) == Ok(None)
    assert handle.join(SECONDS) == Ok(Ok(1))


def test_send2() -> None:
    """A full channel lets its sender wait, and go when the receiver goes."""
    tx, rx = sync_channel(0)
    handle = spawn(rx.drop)
    assert tx.send(1) == Err(SendError(1))
    assert handle.join(SECONDS) == Ok(None)


def test_send3() -> None:
    tx, rx = sync_channel(1)
    assert tx.send(1) == Ok(None)
    handle = spawn(rx.drop)
    assert tx.send(1) == Err(SendError(1))
    assert handle.join(SECONDS) == Ok(None)


def test_send4(blocked: Blocked) -> None:
    """All senders that wait are woken when the receiver goes."""
    tx, rx = sync_channel(0)
    handles = [blocked(tx.clone().send, number) for number in (1, 2)]
    del rx
    assert [h.join(SECONDS) for h in handles] == [Ok(Err(SendError(n))) for n in (1, 2)]


def test_try_send1() -> None:
    tx, _rx = sync_channel(0)
    assert tx.try_send(1) == Err(TrySendError.Full(1))


def test_try_send2() -> None:
    tx, _rx = sync_channel(1)
    assert tx.try_send(1) == Ok(None)
    assert tx.try_send(1) == Err(TrySendError.Full(1))


def test_try_send3() -> None:
    tx, rx = sync_channel(1)
    assert tx.try_send(1) == Ok(None)
    del rx
    assert tx.try_send(1) == Err(TrySendError.Disconnected(1))


def test_issue_15761() -> None:
    """A message and its answer by two rendezvous: nobody is passed over."""

    def repro() -> None:
        tx1, rx1 = sync_channel(3)
        tx2, rx2 = sync_channel(3)

        def answer(rx1: Receiver[Any], tx2: Any) -> None:
            rx1.recv().unwrap()
            tx2.try_send(None).unwrap()

        handle = spawn(answer, rx1, tx2)
        tx1.try_send(None).unwrap()
        rx2.recv().unwrap()
        assert handle.join(SECONDS) == Ok(None)

    for _ in range(ROUNDS):
        repro()


def test_a_rendezvous_ends_when_the_message_is_taken(blocked: Blocked) -> None:
    """`0` makes `send` wait until its message has been received."""
    tx, rx = sync_channel(0)
    thread = current()

    def send() -> bool:
        tx.send("here").unwrap()
        thread.unpark()
        return True

    handle = blocked(send)
    assert not handle.is_finished()
    assert rx.recv() == Ok("here")
    park()
    assert handle.join(SECONDS) == Ok(True)


def test_senders_that_wait_are_served_in_their_order(full: Any, blocked: Blocked) -> None:
    tx, rx = full.mpsc()
    for number in range(full.bound):
        tx.send(number).unwrap()
    handles = [blocked(tx.send, full.bound + number) for number in range(5)]
    assert [rx.recv().unwrap() for _ in range(full.bound + 5)] == list(range(full.bound + 5))
    assert [h.join(SECONDS) for h in handles] == [Ok(Ok(None))] * 5
