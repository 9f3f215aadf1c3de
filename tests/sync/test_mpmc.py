"""crossbeam's channel tests, by their names, for each flavor: list, array and zero."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, Err, JoinHandle, Ok, yield_now
from pythread_rs.sync.mpmc import (
    RecvError,
    RecvTimeoutError,
    SendError,
    SendTimeoutError,
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
COUNT = 2000
THREADS = 4


class Counted:
    """A message that counts how often it was dropped."""

    __thread_send__ = "sync"  # the list is shared on purpose

    def __init__(self, drops: list[int], number: int) -> None:
        self.drops = drops
        self.number = number

    def __del__(self) -> None:
        self.drops.append(self.number)


def joined(*handles: JoinHandle[Any]) -> list[Any]:
    return [handle.join(SECONDS).unwrap() for handle in handles]


def send_all(tx: Any, count: int) -> None:
    for number in range(count):
        tx.send(number).unwrap()


# -- One thread, or two that take turns. -----------------------------------------------------------


def test_smoke(buffer: Any) -> None:
    tx, rx = buffer.mpmc()
    tx.send(7).unwrap()
    assert rx.try_recv() == Ok(7)
    tx.send(8).unwrap()
    assert rx.recv() == Ok(8)
    assert rx.try_recv() == Err(TryRecvError.Empty)
    assert rx.recv_timeout(SOON) == Err(RecvTimeoutError.Timeout)


def test_smoke_zero() -> None:
    tx, rx = sync_channel(0)
    assert tx.try_send(7) == Err(TrySendError.Full(7))
    assert rx.try_recv() == Err(TryRecvError.Empty)


def test_capacity(flavor: Any) -> None:
    tx, rx = flavor.mpmc()
    assert (tx.capacity, rx.capacity) == (flavor.bound, flavor.bound)


def test_len_empty_full(flavor: Any) -> None:
    tx, rx = flavor.mpmc()
    never_full, always_full = flavor.bound is None, flavor.bound == 0
    fits = 3 if never_full else flavor.bound
    for end in (tx, rx):
        assert (end.len(), end.is_empty(), end.is_full()) == (0, True, always_full)
    for number in range(fits):
        tx.send(number).unwrap()
        for end in (tx, rx):
            state = (number + 1, False, number + 1 == flavor.bound)
            assert (end.len(), end.is_empty(), end.is_full()) == state
    for number in range(fits):
        assert rx.recv() == Ok(number)
    for end in (tx, rx):
        assert (end.len(), end.is_empty(), end.is_full()) == (0, True, always_full)


def test_len_empty_full_while_others_wait(full: Any, blocked: Blocked) -> None:
    """What senders that wait offer is not in the channel."""
    tx, rx = full.mpmc()
    for number in range(full.bound):
        tx.send(number).unwrap()
    handle = blocked(tx.send, full.bound)
    assert (tx.len(), rx.len()) == (full.bound, full.bound)
    assert (tx.is_full(), rx.is_empty()) == (True, full.bound == 0)
    for number in range(full.bound + 1):
        assert rx.recv() == Ok(number)
    assert handle.join(SECONDS) == Ok(Ok(None))


def test_try_recv(flavor: Any, blocked: Blocked) -> None:
    tx, rx = flavor.mpmc()
    assert rx.try_recv() == Err(TryRecvError.Empty)
    handle = blocked(tx.send, 7) if flavor.bound == 0 else spawn(tx.send, 7)
    if flavor.bound != 0:
        assert joined(handle) == [Ok(None)]
    while (outcome := rx.try_recv()).is_err():
        assert outcome == Err(TryRecvError.Empty)
    assert outcome == Ok(7)
    tx.drop()
    assert rx.try_recv() == Err(TryRecvError.Disconnected)


def test_recv(flavor: Any, blocked: Blocked) -> None:
    tx, rx = flavor.mpmc()
    handle = blocked(lambda: [rx.recv(), rx.recv(), rx.recv(), rx.recv()])
    for number in (7, 8, 9):
        tx.send(number).unwrap()
    tx.drop()
    assert joined(handle) == [[Ok(7), Ok(8), Ok(9), Err(RecvError())]]


def test_recv_timeout(flavor: Any, blocked: Blocked) -> None:
    tx, rx = flavor.mpmc()
    assert rx.recv_timeout(SOON) == Err(RecvTimeoutError.Timeout)
    assert rx.recv_deadline(time.monotonic() + SOON) == Err(RecvTimeoutError.Timeout)
    handle = blocked(rx.recv_timeout, SECONDS)
    tx.send(7).unwrap()
    assert joined(handle) == [Ok(7)]
    handle = blocked(rx.recv_deadline, time.monotonic() + SECONDS)
    tx.drop()
    assert joined(handle) == [Err(RecvTimeoutError.Disconnected)]
    assert rx.recv_timeout(SOON) == Err(RecvTimeoutError.Disconnected)


def test_recv_timeout_nonempty_expired(buffer: Any) -> None:
    tx, rx = buffer.mpmc()
    tx.send(1).unwrap()
    assert rx.recv_deadline(time.monotonic() - 1) == Ok(1)
    tx.send(2).unwrap()
    assert rx.recv_timeout(0) == Ok(2)


def test_try_send(full: Any) -> None:
    tx, rx = full.mpmc()
    for number in range(full.bound):
        assert tx.try_send(number) == Ok(None)
    assert tx.try_send(9) == Err(TrySendError.Full(9))
    if full.bound:
        assert rx.recv() == Ok(0)
        assert tx.try_send(9) == Ok(None)
    rx.drop()
    assert tx.try_send(9) == Err(TrySendError.Disconnected(9))


def test_try_send_to_one_that_waits(flavor: Any, blocked: Blocked) -> None:
    tx, rx = flavor.mpmc()
    handle = blocked(rx.recv)
    while (outcome := tx.try_send(7)).is_err():
        assert outcome == Err(TrySendError.Full(7))
    assert joined(handle) == [Ok(7)]


def test_send(full: Any, blocked: Blocked) -> None:
    """Whoever waits with a message goes on when it is taken, or room is made for it."""
    tx, rx = full.mpmc()
    for number in range(full.bound):
        tx.send(number).unwrap()
    handle = blocked(tx.send, full.bound)
    assert not handle.is_finished()
    assert rx.recv() == Ok(0)
    assert joined(handle) == [Ok(None)]
    assert [rx.recv() for _ in range(full.bound)] == [Ok(n + 1) for n in range(full.bound)]


def test_send_timeout(full: Any, blocked: Blocked) -> None:
    tx, rx = full.mpmc()
    for number in range(full.bound):
        tx.send(number).unwrap()
    assert tx.send_timeout(9, SOON) == Err(SendTimeoutError.Timeout(9))
    assert tx.send_deadline(9, time.monotonic() + SOON) == Err(SendTimeoutError.Timeout(9))
    assert tx.send_deadline(9, 0.0) == Err(SendTimeoutError.Timeout(9))
    handle = blocked(tx.send_timeout, full.bound, SECONDS)
    assert rx.recv() == Ok(0)
    assert joined(handle) == [Ok(None)]
    handle = blocked(tx.send_deadline, 9, time.monotonic() + SECONDS)
    rx.drop()
    assert joined(handle) == [Err(SendTimeoutError.Disconnected(9))]
    assert tx.send_timeout(9, SOON) == Err(SendTimeoutError.Disconnected(9))


def test_a_send_timeout_of_an_unbounded_channel_never_waits() -> None:
    tx, rx = channel()
    assert tx.send_timeout(1, 0) == tx.send_deadline(2, 0.0) == Ok(None)
    assert [rx.recv(), rx.recv()] == [Ok(1), Ok(2)]


def test_send_after_disconnect(flavor: Any) -> None:
    tx, rx = flavor.mpmc()
    if flavor.bound != 0:
        tx.send(1).unwrap()
    rx.drop()
    assert tx.send(2) == Err(SendError(2))
    assert tx.try_send(3) == Err(TrySendError.Disconnected(3))
    assert tx.send_timeout(4, SOON) == Err(SendTimeoutError.Disconnected(4))


def test_recv_after_disconnect(buffer: Any) -> None:
    tx, rx = buffer.mpmc()
    tx.send(1).unwrap()
    tx.drop()
    assert [rx.recv(), rx.recv(), rx.recv()] == [Ok(1), Err(RecvError()), Err(RecvError())]


def test_len(buffer: Any) -> None:
    """Whatever happens, the length is between 0 and the bound, and exact when nothing happens."""
    tx, rx = buffer.mpmc()
    most = COUNT if buffer.bound is None else buffer.bound

    def receive(rx: Any) -> None:
        for number in range(COUNT):
            assert rx.recv() == Ok(number)
            assert 0 <= rx.len() <= most

    handle = spawn(receive, rx)
    for number in range(COUNT):
        tx.send(number).unwrap()
        assert 0 <= tx.len() <= most
    assert joined(handle) == [None]
    assert (tx.len(), rx.len()) == (0, 0)


def test_disconnect_wakes_sender(full: Any, blocked: Blocked) -> None:
    tx, rx = full.mpmc()
    for number in range(full.bound):
        tx.send(number).unwrap()
    handles = [blocked(tx.send, None) for _ in range(7)]
    rx.drop()
    assert joined(*handles) == [Err(SendError(None))] * 7


def test_disconnect_wakes_receiver(flavor: Any, blocked: Blocked) -> None:
    tx, rx = flavor.mpmc()
    handles = [blocked(rx.clone().recv) for _ in range(7)]
    tx.drop()
    assert joined(*handles) == [Err(RecvError())] * 7


# -- Many threads. ---------------------------------------------------------------------------------


def test_spsc(flavor: Any) -> None:
    tx, rx = flavor.mpmc()

    def receive(rx: Any) -> None:
        for number in range(COUNT):
            assert rx.recv() == Ok(number)
        assert rx.recv() == Err(RecvError())

    handles = [spawn(receive, rx), spawn(send_all, tx, COUNT)]
    del tx
    assert joined(*handles) == [None, None]


@pytest.mark.usefixtures("hasty")
def test_mpmc(flavor: Any) -> None:
    tx, rx = flavor.mpmc()
    receivers = [spawn(lambda: [rx.recv().unwrap() for _ in range(COUNT)]) for _ in range(THREADS)]
    senders = [spawn(send_all, tx, COUNT) for _ in range(THREADS)]
    counts = Counter(number for received in joined(*receivers) for number in received)
    assert joined(*senders) == [None] * THREADS
    assert counts == dict.fromkeys(range(COUNT), THREADS)
    assert rx.try_recv() == Err(TryRecvError.Empty)


@pytest.mark.usefixtures("hasty")
def test_mpmc_keeps_the_order_of_each_sender(flavor: Any) -> None:
    """What one receiver gets of one sender has the order in which that sender sent it."""
    tx, rx = flavor.mpmc()

    def send(who: int, tx: Any) -> None:
        for number in range(COUNT // 2):
            tx.send((who, number)).unwrap()

    senders = [spawn(send, who, tx.clone()) for who in range(THREADS)]
    receivers = [spawn(list, rx.clone()) for _ in range(THREADS)]
    del tx
    for received in joined(*receivers):
        for who in range(THREADS):
            mine = [number for sender, number in received if sender == who]
            assert mine == sorted(mine)
    assert joined(*senders) == [None] * THREADS


@pytest.mark.usefixtures("hasty")
def test_stress_oneshot(full: Any) -> None:
    for number in range(200):
        tx, rx = full.mpmc()
        handles = [spawn(rx.recv), spawn(tx.send, number)]
        assert joined(*handles) == [Ok(number), Ok(None)]


def test_stress_iter(flavor: Any) -> None:
    request_tx, request_rx = flavor.mpmc()
    response_tx, response_rx = flavor.mpmc()

    def ask(request_tx: Any, response_rx: Any) -> int:
        count = 0
        while True:
            for number in response_rx.try_iter():
                count += int(number)
                if count == 200:
                    return count
            request_tx.try_send(None)
            yield_now()

    handle = spawn(ask, request_tx, response_rx)
    del request_tx, response_rx
    for _ in request_rx.iter():
        if response_tx.send(1).is_err():
            break
    assert joined(handle) == [200]


def test_stress_timeout_two_threads(flavor: Any) -> None:
    tx, rx = flavor.mpmc()
    rng = random.Random(1)

    def send() -> None:
        for number in range(50):
            if rng.random() < 0.3:
                time.sleep(2 * SOON)
            while tx.send_timeout(number, SOON).is_err():
                pass

    def receive() -> list[int]:
        received: list[int] = []
        while len(received) < 50:
            if rng.random() < 0.3:
                time.sleep(2 * SOON)
            received += rx.recv_timeout(SOON).iter()
        return received

    assert joined(spawn(receive), spawn(send)) == [list(range(50)), None]


@pytest.mark.usefixtures("hasty")
def test_drops(flavor: Any) -> None:
    """Each message is dropped once: by who received it, or with the channel."""
    rng = random.Random(1)
    for _ in range(20):
        drops: list[int] = []
        steps = rng.randrange(200)
        tx, rx = flavor.mpmc()
        left = 0 if flavor.bound == 0 else rng.randrange(100)
        left = left if flavor.bound is None else min(left, flavor.bound)

        def receive(count: int, rx: Any) -> None:
            for _ in range(count):
                rx.recv().unwrap()

        def send(count: int, tx: Any, drops: list[int]) -> None:
            for number in range(count):
                tx.send(Counted(drops, number)).unwrap()

        joined(spawn(receive, steps, rx), spawn(send, steps, tx, drops))
        assert sorted(drops) == list(range(steps))
        for number in range(left):
            tx.send(Counted(drops, steps + number)).unwrap()
        assert len(drops) == steps
        tx.drop()
        del tx, rx
        assert sorted(drops) == list(range(steps + left))


@pytest.mark.usefixtures("hasty")
def test_linearizable(buffer: Any) -> None:
    """Who has sent finds a message: his own, or one for which somebody else finds his."""
    bound = None if buffer.bound is None else THREADS
    tx, rx = channel() if bound is None else sync_channel(bound)

    def work() -> None:
        for _ in range(COUNT):
            tx.send(0).unwrap()
            rx.try_recv().unwrap()

    assert joined(*[spawn(work) for _ in range(THREADS)]) == [None] * THREADS


def test_receivers_that_wait_are_served_in_their_order(flavor: Any, blocked: Blocked) -> None:
    tx, rx = flavor.mpmc()
    handles = [blocked(rx.recv) for _ in range(5)]
    send_all(tx, 5)
    assert joined(*handles) == [Ok(number) for number in range(5)]


def test_recv_in_send(full: Any) -> None:
    """A `send` whose argument is received holds nothing while it waits for it."""
    tx, rx = full.mpmc()
    other_tx, other_rx = full.mpmc()
    handle = spawn(lambda: other_tx.send(rx.recv().unwrap()))
    tx.send(7).unwrap()
    assert other_rx.recv() == Ok(7)
    assert joined(handle) == [Ok(None)]


def test_channel_through_channel(flavor: Any) -> None:
    """Each message brings the receiver of the next channel."""
    first_tx, first_rx = flavor.mpmc()

    def send(tx: Any) -> None:
        for _ in range(100):
            next_tx, next_rx = flavor.mpmc()
            tx.send(next_rx).unwrap()
            del next_rx
            tx = next_tx
            del next_tx

    def receive(rx: Any) -> int:
        steps = 0
        while (following := rx.recv()).is_ok():
            rx = following.unwrap()
            del following
            steps += 1
        return steps

    handles: list[JoinHandle[Any]] = [spawn(send, first_tx), spawn(receive, first_rx)]
    del first_tx, first_rx
    assert joined(*handles) == [None, 100]


def test_a_send_in_a_destructor_of_a_message(buffer: Any) -> None:
    """What runs when a message goes may use the same channel: no lock is held then."""
    tx, rx = buffer.mpmc()
    outcomes: list[Any] = []

    class Sends:
        __thread_send__ = "sync"

        def __del__(self) -> None:
            outcomes.append(tx.try_send(1))
            outcomes.append(rx.len())

    tx.send(Sends()).unwrap()
    rx.drop()
    assert outcomes == [Err(TrySendError.Disconnected(1)), 0]


def test_same_channel(flavor: Any) -> None:
    tx, rx = flavor.mpmc()
    assert tx.same_channel(tx.clone())
    assert rx.same_channel(rx.clone())
    assert tx.same_channel(rx)
    other_tx, other_rx = flavor.mpmc()
    assert not tx.same_channel(other_tx)
    assert not rx.same_channel(other_rx)
    with pytest.raises(TypeError, match="not an end of a channel: 3"):
        tx.same_channel(3)
