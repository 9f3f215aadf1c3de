"""std's tests of `mpsc::channel` and `mpsc::sync_channel`, by their names."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Err, JoinHandle, Ok, current, park, yield_now
from pythread_rs.sync.mpsc import (
    Receiver,
    RecvError,
    RecvTimeoutError,
    SendError,
    TryRecvError,
    TrySendError,
    channel,
    sync_channel,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Blocked = Callable[..., JoinHandle[Any]]

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it
SOON = 0.001  # seconds: for waits that end in a timeout
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


# -- sync_channel. ---------------------------------------------------------------------------------


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
