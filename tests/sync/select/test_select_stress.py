"""select under many threads: nothing is lost, nothing comes twice; by crossbeam's test names."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import pytest

from pythread_rs import Err, Ok, _ffi
from pythread_rs.sync import SelectTimeoutError, Sending, mpmc, select, try_select
from pythread_rs.sync.mpmc import RecvError

RunAll = Callable[..., list[Any]]
COUNT = 200
CAPACITIES = (0, 1, 7, None)


@pytest.fixture(autouse=True)
def hasty() -> Iterator[None]:
    """Let the threads take the GIL from each other as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def make(capacity: int | None) -> tuple[mpmc.Sender[Any], mpmc.Receiver[Any]]:
    return mpmc.channel() if capacity is None else mpmc.sync_channel(capacity)


def receive_all(*receivers: mpmc.Receiver[Any]) -> list[Any]:
    """Receive until every channel has ended."""
    left = list(receivers)
    received: list[Any] = []
    while left:
        match select(*left):
            case _, Ok(message):
                received.append(message)
            case place, Err(RecvError()):
                del left[place]
            case other:
                pytest.fail(f"{other}")
    return received


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_stress_recv(capacity: int | None, run_all: RunAll) -> None:
    channels = [make(capacity) for _ in range(3)]

    def send(place: int) -> None:
        for i in range(COUNT):
            channels[place][0].send((place, i))
        channels[place][0].drop()

    receivers = [rx for _, rx in channels]
    senders = [lambda i=i: send(i) for i in range(3)]
    one, other, *_ = run_all(*[lambda: receive_all(*receivers)] * 2, *senders)
    assert sorted(one + other) == [(p, i) for p in range(3) for i in range(COUNT)]
    for place in range(3):
        for part in (one, other):
            mine = [i for p, i in part if p == place]
            assert mine == sorted(mine)


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_stress_send(capacity: int | None, run_all: RunAll) -> None:
    channels = [make(capacity) for _ in range(3)]
    ended = threading.Barrier(2)

    def send(name: int) -> None:
        for i in range(COUNT):
            place, result = select(*(tx.sending((name, i)) for tx, _ in channels))
            assert (place in {0, 1, 2}, result) == (True, Ok(None))
        if ended.wait() == 0:
            for tx, _ in channels:
                tx.drop()

    receivers = [lambda rx=rx: list(rx) for _, rx in channels]
    parts = run_all(*receivers, lambda: send(0), lambda: send(1))[:3]
    received = sorted(message for part in parts for message in part)
    assert received == [(n, i) for n in range(2) for i in range(COUNT)]


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_stress_mixed(capacity: int | None, run_all: RunAll) -> None:
    """Every thread may send and may receive, at each step, by select, try_select or a timeout."""
    channels = [make(capacity) for _ in range(3)]
    threads = 4

    def work(name: int) -> tuple[list[Any], list[Any]]:
        chance = random.Random(name)
        sent: list[Any] = []
        received: list[Any] = []
        for i in range(COUNT):
            operations: list[Any] = [tx.sending((name, i)) for tx, _ in channels]
            operations += [rx for _, rx in channels]
            chance.shuffle(operations)
            wait = chance.choice((0.0, 0.0005, 0.002))
            place, result = select(*operations, timeout=wait)
            if place is None:
                continue
            if type(operations[place]) is Sending:
                sent.append((name, i))
            else:
                received.append(result.unwrap())
        return sent, received

    results = run_all(*(lambda n=n: work(n) for n in range(threads)))
    sent = [message for part, _ in results for message in part]
    received = [message for _, part in results for message in part]
    for _, rx in channels:
        received += rx.try_iter()
    assert sorted(sent) == sorted(received)
    assert len(set(received)) == len(received) > 0


def test_stress_timeout_two_threads(run_all: RunAll) -> None:
    tx, rx = mpmc.sync_channel(1)

    def send() -> int:
        timed_out = 0
        for i in range(COUNT):
            message = tx.sending(i)
            while select(message, timeout=0.0002) == (None, Err(SelectTimeoutError())):
                timed_out += 1
        return timed_out

    def receive() -> list[int]:
        received: list[int] = []
        while len(received) < COUNT:
            if (found := select(rx, timeout=0.0001))[0] is not None:
                received.append(found[1].unwrap())
        return received

    assert run_all(send, receive)[1] == list(range(COUNT))


def test_linearizable(run_all: RunAll) -> None:
    """A message that is in a channel is found: another's failed try does not hide it."""
    tx, rx = mpmc.sync_channel(4)

    def work() -> None:
        for _ in range(COUNT):
            assert try_select(tx.sending(0)) == (0, Ok(None))
            assert try_select(rx)[1] == Ok(0)

    run_all(*[work] * 4)


def test_selects_meet_selects(run_all: RunAll) -> None:
    channels = [mpmc.sync_channel(0) for _ in range(3)]

    def send(name: int) -> None:
        for i in range(COUNT):
            select(*(tx.sending((name, i)) for tx, _ in channels))

    def receive() -> list[Any]:
        return [select(*(rx for _, rx in channels))[1].unwrap() for _ in range(COUNT)]

    *_, one, other = run_all(lambda: send(0), lambda: send(1), receive, receive)
    assert sorted(one + other) == [(n, i) for n in range(2) for i in range(COUNT)]


class Interrupts:
    """Raise KeyboardInterrupt in the main thread, at any moment of what it is asked for."""

    def __init__(self) -> None:
        self.count = 0
        self._wanted = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._raise, daemon=True)

    def _raise(self) -> None:
        while not self._ended.wait(0.0003):
            signal.raise_signal(signal.SIGINT)

    def _handle(self, signum: int, frame: object) -> None:
        if self._wanted:
            self._wanted = False
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        self._previous = signal.signal(signal.SIGINT, self._handle)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)
        signal.signal(signal.SIGINT, self._previous)

    def during(self, call: Callable[[], object]) -> None:
        try:
            self._wanted = True
            call()
            self._wanted = False
        except KeyboardInterrupt:
            self.count += 1


def test_ctrl_c_loses_nothing() -> None:
    """A KeyboardInterrupt at any moment of a select leaves each message in its place."""
    channels = [mpmc.sync_channel(0) for _ in range(2)]
    ended: list[bool] = []
    sent: list[int] = []

    def send() -> None:
        i = 0
        while not ended:
            if select(*(tx.sending(i) for tx, _ in channels), timeout=0.01)[0] is not None:
                sent.append(i)
                i += 1

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    operations = tuple(rx for _, rx in channels)
    found: list[Any] = []

    def receive() -> None:
        # From the select into the list without a step of Python, which could be interrupted
        # between the two.
        found.extend(map(_ffi.select, [operations], [0.01], [None], [False], [False]))

    with Interrupts() as interrupts:
        ends = time.monotonic() + 0.3
        while time.monotonic() < ends:
            interrupts.during(receive)
    ended.append(True)
    sender.join(10)
    received = [pair[1].unwrap() for pair in found if pair is not None]
    for rx in operations:
        received += rx.try_iter()
    assert interrupts.count > 10
    assert len(sent) > 10
    # One that was put back may be overtaken by the next one in the other channel.
    assert sorted(received) == sent
