"""Soak: exceptions are thrown into threads while they send and receive; no message goes astray.

`PyThreadState_SetAsyncExc` has an exception raised between any two bytecodes of a thread. Each
message must then have been received, once; or given back to its sender; or dropped with what its
thread had at hand when it was hit, of which there is at most one for each exception.

A usual run takes six seconds, PYTHREAD_RS_STRESS=10 ten minutes.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import random
import sys
import threading
import time
import weakref
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, JoinHandle, Ok
from pythread_rs.sync import mpmc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 30.0  # a deadline; nothing should come near it
ROUND = 1.0  # seconds: each round has channels of its own, and is accounted for by itself
ENOUGH = 100  # messages in each channel of a round
SHORT = 0.0005  # seconds: for waits that may end in a timeout
MOST_QUEUED = 500  # without a bound, senders would outrun receivers
FLAVORS = {"list": None, "zero": 0, "array1": 1, "array": 16}

pytestmark = pytest.mark.usefixtures("hasty")

throw_at = ctypes.pythonapi.PyThreadState_SetAsyncExc


class Thrown(Exception):
    """What the threads are hit by."""


class Message:
    """A message, whose death is seen by a weak reference."""

    __slots__ = ("__weakref__", "number")
    __thread_send__ = "sync"  # it never changes

    def __init__(self, number: int) -> None:
        self.number = number


class Worker:
    """A thread that does one thing again and again, whatever hits it."""

    def __init__(self, act: Callable[[], bool]) -> None:
        self.act = act
        self.is_hit = False  # an exception is on its way; there is never a second one
        self.hits = 0
        self.ident = 0
        self.handle: JoinHandle[None] = spawn(self.run)

    def run(self) -> None:
        while True:
            try:
                # Nothing hits it anywhere else than from here to the end of `loop`.
                self.is_hit = False
                self.ident = threading.get_ident()
                self.loop()
            except Thrown:
                self.hits += 1
            else:
                return

    def loop(self) -> None:
        """Be a call: the jump back of a loop is not in the `try` around it, as CPython sees it."""
        while self.act():
            pass

    def hit(self) -> None:
        if self.ident and not self.is_hit:
            self.is_hit = True
            assert throw_at(ctypes.c_ulong(self.ident), ctypes.py_object(Thrown)) == 1


class Traffic:
    """One channel, its threads, and the account of its messages."""

    def __init__(self, bound: int | None, rng: random.Random) -> None:
        self.rng = rng
        self.tx, self.rx = mpmc.channel() if bound is None else mpmc.sync_channel(bound)
        self.numbers = itertools.count()
        self.watches: deque[Any] = deque()
        self.dead: deque[Any] = deque()  # its `append` is C, so nothing can hit it
        self.received: deque[int] = deque()
        self.given_back: deque[int] = deque()
        self.stopping = False
        self.clones = [self.tx.clone() for _ in range(2)]
        self.senders = [Worker(self.sending(tx)) for tx in self.clones]
        self.receivers = [Worker(self.receiving(self.rx.clone())) for _ in range(2)]

    def sending(self, tx: mpmc.Sender[Message]) -> Callable[[], bool]:
        ways: list[Callable[[mpmc.Sender[Message], Message], Any]] = [
            lambda tx, message: tx.send(message),
            lambda tx, message: tx.send(message),
            lambda tx, message: tx.try_send(message),
            lambda tx, message: tx.send_timeout(message, SHORT),
            lambda tx, message: tx.clone().send(message),
        ]

        def act() -> bool:
            if self.stopping:
                return False
            if tx.len() > MOST_QUEUED:
                time.sleep(SHORT)
                return True
            message = Message(next(self.numbers))
            self.watches.append(weakref.ref(message, self.dead.append))
            outcome = self.rng.choice(ways)(tx, message)
            if outcome.is_err():
                self.given_back.append(outcome.unwrap_err().into_inner().number)
            return True

        return act

    def receiving(self, rx: mpmc.Receiver[Message]) -> Callable[[], bool]:
        ways: list[Callable[[mpmc.Receiver[Message]], Any]] = [
            lambda rx: rx.recv(),
            lambda rx: rx.recv(),
            lambda rx: Ok(next(rx)),
            lambda rx: rx.try_recv(),
            lambda rx: rx.recv_timeout(SHORT),
            lambda rx: rx.clone().recv(),
        ]

        def act() -> bool:
            if self.stopping and rx.is_disconnected() and rx.is_empty():
                return False
            try:
                outcome = self.rng.choice(ways)(rx)
            except StopIteration:
                return True
            if outcome.is_ok():
                self.received.append(outcome.unwrap().number)
            return True

        return act

    @property
    def workers(self) -> list[Worker]:
        return self.senders + self.receivers

    def finish(self) -> None:
        """End the senders; the receivers end when all is received. Nobody is hit any more."""
        self.stopping = True
        for worker in self.senders:
            assert worker.handle.join(SECONDS) == Ok(None)
        # The ends have been used by many who were hit, and are as good as new.
        for _ in range(3):
            self.watches.append(None)
            self.dead.append(None)
            self.tx.send(Message(next(self.numbers))).unwrap()
        for tx in (self.tx, *self.clones):
            tx.drop()

    def account(self) -> tuple[int, int]:
        """Check where each message is; return how many there were, and how many were dropped."""
        for worker in self.receivers:
            assert worker.handle.join(SECONDS) == Ok(None)
        assert self.rx.is_empty()
        gc.collect()
        made = next(self.numbers)
        twice = [n for n, count in Counter([*self.received, *self.given_back]).items() if count > 1]
        assert twice == [], "received twice, or received and given back"
        assert len(self.dead) == len(self.watches), "a message is held by nobody, and lives"
        return made, made - len(self.received) - len(self.given_back)


# Threads whose exception came in the callback of a weak reference to something of others, which
# the collector happened to free there: CPython reports such an exception, and goes on without it.
swallowed: set[int] = set()


@pytest.fixture(autouse=True)
def no_collector_callbacks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take away what others have the collector call: an exception that hits it there is ignored."""
    report = sys.unraisablehook

    def note(unraisable: Any) -> None:
        if unraisable.exc_type is Thrown:
            swallowed.add(threading.get_ident())
        else:
            report(unraisable)

    monkeypatch.setattr(sys, "unraisablehook", note)
    others = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = others


def soak_once(rng: random.Random) -> Counter[str]:
    """Run all flavors at once for a while, and look where the messages are."""
    swallowed.clear()
    flavors = {name: Traffic(bound, rng) for name, bound in FLAVORS.items()}
    workers = [worker for traffic in flavors.values() for worker in traffic.workers]
    try:
        return soak(rng, flavors, workers)
    finally:  # a failure must not leave threads that go on for ever
        for traffic in flavors.values():
            traffic.stopping = True
            for end in (traffic.tx, *traffic.clones):
                end.drop()


def soak(rng: random.Random, flavors: dict[str, Traffic], workers: list[Worker]) -> Counter[str]:
    """Hit them for a while, and take stock."""
    end = time.monotonic() + ROUND
    last = end + SECONDS  # for a machine that is busy with something else
    while (now := time.monotonic()) < end or (
        now < last and any(len(traffic.received) < ENOUGH for traffic in flavors.values())
    ):
        rng.choice(workers).hit()
        time.sleep(rng.random() * 0.0002)
    deadline = time.monotonic() + SECONDS
    while any(worker.is_hit and worker.ident not in swallowed for worker in workers):
        assert time.monotonic() < deadline, "a thread that was hit does not notice"
        time.sleep(0.001)
    counts: Counter[str] = Counter()
    for traffic in flavors.values():
        traffic.finish()
    for name, traffic in flavors.items():
        hits = sum(worker.hits for worker in traffic.workers)
        made, dropped = traffic.account()
        counts += Counter(messages=made, hits=hits, dropped=dropped)
        assert dropped <= hits, f"{name}: {dropped} messages dropped by {hits} exceptions"
        assert made >= ENOUGH, f"{name}: only {made} messages"
    return counts


class Litter:
    """Its weak references are called in Python, and whatever hits them there is lost."""


@pytest.fixture
def litter() -> Iterator[None]:
    """Have the collector free what has such callbacks now and then, on whatever thread."""
    watches: deque[Any] = deque(maxlen=1000)

    def callback(_: object) -> None:
        for _ in range(20):
            pass

    def drop() -> None:
        while not end.wait(0.001):
            for _ in range(20):
                one = Litter()
                one.__dict__["self"] = one  # for the collector
                watches.append(weakref.ref(one, callback))

    end = threading.Event()
    thread = threading.Thread(target=drop)
    thread.start()
    yield
    end.set()
    thread.join()
    gc.collect()


@pytest.mark.usefixtures("litter")
def test_exceptions_that_callbacks_swallow_are_known() -> None:
    assert soak_once(random.Random(2))["hits"] > 10


def test_no_message_goes_astray(rounds: Callable[[int], range]) -> None:
    rng = random.Random(1)
    counts: Counter[str] = Counter()
    for _ in rounds(4):
        counts += soak_once(rng)
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    assert counts["hits"] > 100
