"""Child of the signal storm: Ctrl-C at random moments around a wait, none of them swallowed.

usage: sigint.py KIND SEED WAY ROUNDS

KIND is the wait, WAY says who gets the signal and how many. Prints the milliseconds from each
signal to its KeyboardInterrupt. An interrupt that does not come out of the wait, or a handle that
is of no use afterwards, is a failed assertion.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from pythread_rs import (
    Builder,
    Ok,
    Thread,
    assume_send,
    current,
    park,
    park_timeout,
    scope,
    sleep,
    sleep_until,
)
from pythread_rs.sync import StopToken, mpmc

if TYPE_CHECKING:
    from collections.abc import Callable

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

KIND, SEED, WAY, ROUNDS = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
LONG = 5.0  # seconds: a wait that lasts so long has swallowed its signal
RANGE = 0.0004  # seconds: the signal comes before, during or after the entry of the wait

rng = random.Random(SEED)


class Round:
    """One wait, the thread that it waits for, and the thread that sends the signal."""

    def __init__(self, main: Thread) -> None:
        self.main = main
        self.armed = True
        self.sent = 0.0
        self.over = threading.Event()
        self.ready = threading.Event()
        self.target: Any = None
        self.target_ident = 0
        self.delay = rng.random() * RANGE
        self.empty = mpmc.channel()
        self.full = mpmc.sync_channel(1)
        self.full[0].send(0).unwrap()
        self.nobody = mpmc.sync_channel(0)
        self.pauses = [rng.random() * RANGE for _ in range(3 if WAY == "burst" else 0)]

    def work(self) -> str:
        """Run on the thread that is waited for: it goes on until it is told to end."""
        if WAY == "worker":
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        self.target_ident = threading.get_ident()
        self.ready.set()
        park_timeout(2 * LONG)
        return "done"

    def on_signal(self, number: int, frame: object) -> None:
        if self.armed:
            raise KeyboardInterrupt

    def send(self) -> None:
        """Interrupt the main thread, and end the wait if that is not noticed."""
        if WAY == "helper":
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        time.sleep(self.delay)
        self.sent = time.perf_counter()
        self._signal()
        if KIND == "scope":
            time.sleep(rng.random() * 0.002)  # the interrupt is noted, and the scope waits on
            self.target.thread.unpark()
        elif not self.over.wait(LONG):
            self.target.thread.unpark()
            self.main.unpark()
            for end in (self.empty[0], self.full[1], self.nobody[1]):
                end.drop()

    def _signal(self) -> None:
        if WAY == "worker":
            signal.pthread_kill(self.target_ident, signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.SIGINT)
        for pause in self.pauses:
            time.sleep(pause)
            os.kill(os.getpid(), signal.SIGINT)


WAITS: dict[str, Callable[[Round], object]] = {
    "join": lambda this: this.target.join(),
    "join_timeout": lambda this: this.target.join(LONG),
    "park": lambda this: park(),
    "park_timeout": lambda this: park_timeout(LONG),
    "sleep": lambda this: sleep(LONG),
    "sleep_until": lambda this: sleep_until(time.monotonic() + LONG),
    "join_stop": lambda this: this.target.join(stop=StopToken()),
    "park_stop": lambda this: park(stop=StopToken()),
    "sleep_stop": lambda this: sleep(LONG, stop=StopToken()),
    "recv": lambda this: this.empty[1].recv(),
    "recv_timeout": lambda this: this.empty[1].recv_timeout(LONG),
    "for": lambda this: list(this.empty[1]),
    "send": lambda this: this.full[0].send(1),
    "send_timeout": lambda this: this.full[0].send_timeout(1, LONG),
    "rendezvous": lambda this: this.nobody[0].send(1),
}


def wait_in_scope(this: Round, helper: threading.Thread) -> None:
    with scope() as s:
        this.target = s.spawn(assume_send(this.work))
        this.ready.wait(LONG)
        helper.start()


def wait(this: Round, helper: threading.Thread) -> None:
    if KIND == "scope":
        wait_in_scope(this, helper)
    else:
        this.target = spawn(this.work)
        this.ready.wait(LONG)
        helper.start()
        WAITS[KIND](this)
    # The signal may have come when the wait was over already, but not long after.
    helper.join(LONG)


def interrupt_once(this: Round) -> float:
    """Wait until the signal comes; return the seconds that it took."""
    helper = threading.Thread(target=this.send)
    caught = 0.0
    try:
        wait(this, helper)
    except KeyboardInterrupt:
        this.armed = False  # no call may stand before this: a signal of a burst would raise there
        caught = time.perf_counter()
        this.over.set()
    assert caught, f"{KIND} has swallowed its KeyboardInterrupt"
    check_what_is_left(this)
    helper.join(LONG)
    return caught - this.sent


def check_what_is_left(this: Round) -> None:
    """What was interrupted is as good as before."""
    if KIND == "scope":
        assert this.target.is_finished(), "the interrupt has left the scope before its thread"
    else:
        assert not this.target.is_finished()
        this.target.thread.unpark()
    assert this.target.join(LONG) == Ok("done")
    check_the_channels(this)


def check_the_channels(this: Round) -> None:
    """Nobody stands in a queue any more, and nothing was sent by who was interrupted."""
    for tx, rx in (this.empty, this.full):
        assert list(rx.try_iter()) == ([0] if tx is this.full[0] else [])
        assert tx.try_send(3) == Ok(None)
        assert rx.try_recv() == Ok(3)
    assert this.nobody[0].try_send(3).is_err()
    assert this.nobody[1].try_recv().is_err()


def main() -> None:
    if WAY in ("helper", "worker"):
        # Only a thread that asks for it can take the signal: children inherit the mask.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    for _ in range(ROUNDS):
        this = Round(current())
        signal.signal(signal.SIGINT, this.on_signal)
        print(f"{interrupt_once(this) * 1000:.3f}")


main()
