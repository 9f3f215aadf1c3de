"""std's tests of `mpsc::channel`, by their names: one message and many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Err, JoinHandle, Ok
from pythread_rs.sync.mpsc import RecvError, SendError, TryRecvError, TrySendError

if TYPE_CHECKING:
    from collections.abc import Callable

    Blocked = Callable[..., JoinHandle[Any]]

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it

MANY = 2000
ROUNDS = 100


class Box:
    """A value that tells when it is gone, as Rust's boxed ints do under a leak checker."""

    __thread_send__ = "sync"  # the list is shared on purpose

    def __init__(self, gone: list[int], number: int = 0) -> None:
        self.gone = gone
        self.number = number

    def __del__(self) -> None:
        self.gone.append(self.number)


def send_all(tx: Any, count: int) -> None:
    for number in range(count):
        tx.send(number).unwrap()


# -- Send, receive, drop. --------------------------------------------------------------------------


def test_smoke(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    assert tx.send(1) == Ok(None)
    assert rx.recv() == Ok(1)


def test_drop_full(buffer: Any) -> None:
    gone: list[int] = []
    tx, rx = buffer.mpsc()
    tx.send(Box(gone)).unwrap()
    del tx
    assert gone == []
    del rx
    assert gone == [0]


def test_drop_full_shared(buffer: Any) -> None:
    gone: list[int] = []
    tx, rx = buffer.mpsc()
    tx.clone().drop()
    tx.clone().drop()
    tx.send(Box(gone)).unwrap()
    del tx, rx
    assert gone == [0]


def test_smoke_shared(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    tx.send(1).unwrap()
    assert rx.recv() == Ok(1)
    other = tx.clone()
    other.send(2).unwrap()
    assert rx.recv() == Ok(2)


def test_smoke_threads(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    handle = spawn(tx.send, 1)
    assert rx.recv() == Ok(1)
    assert handle.join(SECONDS) == Ok(Ok(None))


def test_smoke_port_gone(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    del rx
    assert tx.send(1) == Err(SendError(1))


def test_smoke_shared_port_gone(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    rx.drop()
    assert tx.clone().send(1).is_err()
    assert tx.send(1).is_err()


def test_port_gone_concurrent(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    handle = spawn(lambda rx: rx.recv().unwrap(), rx)
    del rx
    while tx.send(1).is_ok():
        pass
    assert handle.join(SECONDS) == Ok(1)


def test_port_gone_concurrent_shared(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    other = tx.clone()
    handle = spawn(lambda rx: rx.recv().unwrap(), rx)
    del rx
    while tx.send(1).is_ok() and other.send(1).is_ok():
        pass
    assert handle.join(SECONDS) == Ok(1)


def test_smoke_chan_gone(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    del tx
    assert rx.recv() == Err(RecvError())


def test_smoke_chan_gone_shared(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    other = tx.clone()
    del tx
    assert rx.try_recv() == Err(TryRecvError.Empty)
    del other
    assert rx.recv() == Err(RecvError())


def test_chan_gone_concurrent(flavor: Any) -> None:
    tx, rx = flavor.mpsc()

    def send_two(tx: Any) -> None:
        tx.send(1).unwrap()
        tx.send(1).unwrap()

    handle = spawn(send_two, tx)
    del tx
    while rx.recv().is_ok():
        pass
    assert rx.recv() == Err(RecvError())
    assert handle.join(SECONDS) == Ok(None)


def test_stress(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    handle = spawn(send_all, tx, MANY)
    assert [rx.recv().unwrap() for _ in range(MANY)] == list(range(MANY))
    assert handle.join(SECONDS) == Ok(None)


def test_stress_shared(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    handles = [spawn(send_all, tx.clone(), MANY // 4) for _ in range(8)]
    del tx
    received = [rx.recv().unwrap() for _ in range(2 * MANY)]
    assert sorted(received) == sorted(list(range(MANY // 4)) * 8)
    assert [handle.join(SECONDS) for handle in handles] == [Ok(None)] * 8
    assert rx.try_recv() == Err(TryRecvError.Disconnected)


@pytest.mark.usefixtures("silent_panics")
def test_a_panicking_sender_disconnects(flavor: Any) -> None:
    """std: `send_from_outside_runtime` and the drop of a sender by unwinding."""
    tx, rx = flavor.mpsc()

    def fail(tx: Any) -> None:
        mine = tx  # a local of a frame that is unwound
        raise ValueError(mine is tx)

    handle = spawn(fail, tx)
    del tx
    assert rx.recv() == Err(RecvError())
    assert handle.join(SECONDS).is_err()


# -- One message. ----------------------------------------------------------------------------------


def test_oneshot_single_thread_close_port_first(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    del rx
    del tx


def test_oneshot_single_thread_close_chan_first(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    del tx
    del rx


def test_oneshot_single_thread_send_port_close(flavor: Any) -> None:
    gone: list[int] = []
    tx, rx = flavor.mpsc()
    del rx
    box = Box(gone)
    error = tx.send(box).unwrap_err()
    assert error.value is box
    del box, error
    assert gone == [0]


@pytest.mark.usefixtures("silent_panics")
def test_oneshot_single_thread_recv_chan_close(flavor: Any) -> None:
    def receive() -> None:
        tx, rx = flavor.mpsc()
        del tx
        rx.recv().unwrap()

    assert spawn(receive).join(SECONDS).is_err()


def test_oneshot_single_thread_send_then_recv(buffer: Any) -> None:
    box = (1, "a")
    tx, rx = buffer.mpsc()
    tx.send(box).unwrap()
    assert rx.recv().unwrap() is box


def test_oneshot_single_thread_try_send_open(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    assert tx.try_send(10) == Ok(None)
    assert rx.recv() == Ok(10)


def test_oneshot_single_thread_try_send_closed(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    del rx
    assert tx.try_send(10) == Err(TrySendError.Disconnected(10))


def test_oneshot_single_thread_try_send_closed2(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    if flavor.bound:
        tx.send(0).unwrap()
    del rx
    assert tx.try_send(10) == Err(TrySendError.Disconnected(10)), "full and closed is closed"


def test_oneshot_single_thread_peek_data(buffer: Any) -> None:
    tx, rx = buffer.mpsc()
    assert rx.try_recv() == Err(TryRecvError.Empty)
    tx.send(10).unwrap()
    assert rx.try_recv() == Ok(10)


def test_oneshot_single_thread_peek_close(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    del tx
    assert rx.try_recv() == Err(TryRecvError.Disconnected)
    assert rx.try_recv() == Err(TryRecvError.Disconnected)


def test_oneshot_single_thread_peek_open(flavor: Any) -> None:
    tx, rx = flavor.mpsc()
    assert rx.try_recv() == Err(TryRecvError.Empty)
    assert not tx.is_disconnected()


def test_oneshot_multi_task_recv_then_send(flavor: Any, blocked: Blocked) -> None:
    tx, rx = flavor.mpsc()
    handle = blocked(rx.recv)
    tx.send(10).unwrap()
    assert handle.join(SECONDS) == Ok(Ok(10))


def test_oneshot_multi_task_recv_then_close(flavor: Any, blocked: Blocked) -> None:
    tx, rx = flavor.mpsc()
    handle = blocked(rx.recv)
    del tx
    assert handle.join(SECONDS) == Ok(Err(RecvError()))


@pytest.mark.usefixtures("hasty")
def test_oneshot_multi_thread_close_stress(flavor: Any) -> None:
    for _ in range(ROUNDS):
        tx, rx = flavor.mpsc()
        handle = spawn(rx.drop)
        tx.drop()
        assert handle.join(SECONDS) == Ok(None)


@pytest.mark.usefixtures("hasty")
def test_oneshot_multi_thread_send_close_stress(flavor: Any) -> None:
    for _ in range(ROUNDS):
        gone: list[int] = []
        tx, rx = flavor.mpsc()
        handle = spawn(rx.drop)
        outcome = tx.send(Box(gone, 1))
        assert handle.join(SECONDS) == Ok(None)
        assert gone == ([1] if outcome.is_ok() else [])
        del outcome
        assert gone == [1]


@pytest.mark.usefixtures("hasty")
def test_oneshot_multi_thread_recv_close_stress(flavor: Any) -> None:
    for _ in range(ROUNDS):
        tx, rx = flavor.mpsc()
        handles = [spawn(rx.recv), spawn(tx.drop)]
        assert [h.join(SECONDS) for h in handles] == [Ok(Err(RecvError())), Ok(None)]


@pytest.mark.usefixtures("hasty")
def test_oneshot_multi_thread_send_recv_stress(flavor: Any) -> None:
    for number in range(ROUNDS):
        tx, rx = flavor.mpsc()
        handle = spawn(tx.send, number)
        assert rx.recv() == Ok(number)
        assert handle.join(SECONDS) == Ok(Ok(None))


def test_stream_send_recv_stress(flavor: Any) -> None:
    """Both ends go on from thread to thread, one message each, and the order stays."""
    tx, rx = flavor.mpsc()
    chain: list[JoinHandle[Any]] = []

    def send(tx: Any, number: int) -> None:
        if number < 10:
            tx.send(number).unwrap()
            chain.append(spawn(send, tx, number + 1))

    def receive(rx: Any, number: int) -> None:
        if number < 10:
            assert rx.recv() == Ok(number)
            chain.append(spawn(receive, rx, number + 1))

    chain += [spawn(send, tx, 0), spawn(receive, rx, 0)]
    done = 0
    while done < len(chain):
        assert chain[done].join(SECONDS) == Ok(None)
        done += 1
    assert done == 22
