"""What threads of Python are told by one channel can be put into an order that explains it."""

from __future__ import annotations

import importlib.util
import itertools
import random
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, JoinHandle
from pythread_rs.sync import mpmc
from pythread_rs.sync.mpmc import (
    RecvError,
    RecvTimeoutError,
    SendError,
    SendTimeoutError,
    TryRecvError,
    TrySendError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.sync import linearizability
    from tests.sync.linearizability import Call, Channel
else:  # test folders are no packages
    _path = Path(__file__).with_name("linearizability.py")
    _spec = importlib.util.spec_from_file_location("linearizability", _path)
    linearizability = importlib.util.module_from_spec(_spec)
    sys.modules["linearizability"] = linearizability
    _spec.loader.exec_module(linearizability)
    Call, Channel = linearizability.Call, linearizability.Channel

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0  # a deadline; nothing should come near it
SCHEDULES = 2000
SHORT = 0.0002  # seconds: for waits that may end in a timeout

SENDS = ("send", "send", "try_send", "send_timeout")
RECVS = ("recv", "recv", "try_recv", "recv_timeout")

pytestmark = pytest.mark.usefixtures("hasty")


def word(outcome: Any) -> object:
    """Say in the judge's words what a call returned."""
    if outcome.is_ok():
        message = outcome.unwrap()
        return linearizability.OK if message is None else message
    error = outcome.unwrap_err()
    if isinstance(error, TrySendError.Full) or error == TryRecvError.Empty:
        return linearizability.WOULD_BLOCK
    if isinstance(error, SendTimeoutError.Timeout) or error == RecvTimeoutError.Timeout:
        return linearizability.TIMEOUT
    gone = (SendError, TrySendError, SendTimeoutError, RecvError, TryRecvError, RecvTimeoutError)
    assert isinstance(error, gone)
    return linearizability.DISCONNECTED


class Recorder:
    """Runs a few threads on one channel, each with a script of its own, and notes their calls."""

    def __init__(self, rng: random.Random, capacity: int | None) -> None:
        self.rng = rng
        self.clock = itertools.count()
        self.calls: list[Call] = []
        self.senders, self.receivers = rng.randint(1, 2), rng.randint(1, 2)
        self.tx, self.rx = mpmc.channel() if capacity is None else mpmc.sync_channel(capacity)
        self.start = threading.Barrier(self.senders + self.receivers + 1)

    def note(self, thread: int, operation: str, argument: object, call: Any) -> None:
        invoked = next(self.clock)
        outcome = call()
        returned = next(self.clock)
        result = linearizability.OK if operation.startswith("drop") else word(outcome)
        self.calls.append(Call(thread, operation, argument, result, invoked, returned))

    def send(self, thread: int, operations: Sequence[str], tx: mpmc.Sender[int]) -> None:
        self.start.wait(SECONDS)
        for place, operation in enumerate(operations):
            message = 100 * thread + place
            rest = (SHORT,) if operation == "send_timeout" else ()
            method = getattr(tx, operation)
            self.note(thread, operation, message, lambda: method(message, *rest))  # noqa: B023
        self.note(thread, "drop_sender", None, tx.drop)

    def receive(self, thread: int, operations: Sequence[str], rx: mpmc.Receiver[int]) -> None:
        self.start.wait(SECONDS)
        for operation in operations:
            rest = (SHORT,) if operation == "recv_timeout" else ()
            method = getattr(rx, operation)
            self.note(thread, operation, None, lambda: method(*rest))  # noqa: B023
        self.note(thread, "drop_receiver", None, rx.drop)

    def run(self) -> list[Call]:
        handles: list[JoinHandle[None]] = []
        for thread in range(self.senders):
            script = self.rng.choices(SENDS, k=self.rng.randint(1, 4))
            handles.append(spawn(self.send, thread, script, self.tx.clone()))
        for thread in range(self.senders, self.senders + self.receivers):
            script = self.rng.choices(RECVS, k=self.rng.randint(1, 4))
            handles.append(spawn(self.receive, thread, script, self.rx.clone()))
        # These are no ends that the history knows.
        self.tx.drop()
        self.rx.drop()
        self.start.wait(SECONDS)
        for handle in handles:
            handle.join(SECONDS).unwrap()
        return self.calls


def overlaps(history: list[Call]) -> bool:
    return any(
        one.thread != other.thread and one.invoked < other.invoked < one.returned
        for one in history
        for other in history
    )


@pytest.mark.parametrize("capacity", [None, 0, 1, 2], ids=["list", "zero", "array1", "array2"])
def test_what_threads_are_told_has_an_order(capacity: int | None) -> None:
    rng = random.Random(1)
    together = 0
    for seed in range(SCHEDULES):
        recorder = Recorder(rng, capacity)
        history = recorder.run()
        model = Channel(capacity, recorder.senders, recorder.receivers)
        if not linearizability.is_linearizable(history, model):
            pytest.fail(f"schedule {seed}:\n{linearizability.describe(history)}")
        together += overlaps(history)
    assert together > SCHEDULES / 10, "the threads have not been in each other's way"
