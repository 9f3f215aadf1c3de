"""Child of the pool storm: end a pool at a random moment; no accepted task is lost silently.

usage: pool_mix.py KIND SEED WAY ROUNDS

KIND is what happens to the pool, WAY how its tasks are made. Afterwards each task that was accepted
has run once, or its handle says why it did not. Prints the milliseconds from each event until all
is known.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import threading
import time
import warnings
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import TYPE_CHECKING, Any

from pythread_rs import JoinError, assume_send
from pythread_rs.pool import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable

KIND, SEED, WAY, ROUNDS = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
LONG = 20.0  # seconds: who has said nothing by then is lost
MOST = 300  # tasks of a round

rng = random.Random(SEED)


class Round:
    """One pool, what it has accepted, and what has run."""

    def __init__(self) -> None:
        self.pool: ThreadPool | None = ThreadPool(rng.randint(1, 4))
        self.accepted: list[tuple[int, Any]] = []
        self.ran: list[int] = []
        self.count = 0
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.armed = False

    def make(self, pool: ThreadPool, depth: int = 0) -> bool:
        """Give the pool one more task. Returns: whether it is to get more."""
        with self.lock:
            self.count += 1
            number = self.count
        # What holds the pool would keep it from being dropped.
        inside = pool if WAY == "nested" and KIND != "drop" and depth < 2 else None
        plain = partial(self.work, number, inside, depth)
        task = assume_send(plain)
        makers: list[Callable[[], Any]] = [
            lambda: pool.spawn(task),
            lambda: pool.submit(plain),
            lambda: pool.spawn_fifo(task),
        ]
        ways = {"spawn": makers[:1], "submit": makers[1:2]}
        try:
            handle = rng.choice(ways.get(WAY, makers))()
        except RuntimeError:  # the pool is closed: this one was not accepted
            return False
        self.accepted.append((number, handle))
        return number < MOST

    def work(self, number: int, pool: ThreadPool | None, depth: int) -> int:
        if number % 7 == 0:
            time.sleep(rng.random() * 0.0005)
        if pool is not None and number % 3 == 0:
            self.make(pool, depth + 1)
        self.ran.append(number)
        return number

    def go_on(self, pool: ThreadPool) -> None:
        while not self.stopping.is_set() and self.make(pool):
            if rng.random() < 0.05:
                time.sleep(0.0001)

    def on_signal(self, number: int, frame: object) -> None:
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt

    # -- What became of them. ----------------------------------------------------------------------

    def check(self, *, in_child: bool = False) -> None:
        for number, handle in self.accepted:
            outcome = self.outcome(handle)
            assert outcome in (number, "says why"), (number, outcome)
            if not in_child:  # there it may have run while this process was copied
                assert self.ran.count(number) == (outcome == number), (number, outcome)
                assert outcome == number or KIND == "cancel", outcome

    @staticmethod
    def outcome(handle: Any) -> object:
        if isinstance(handle, Future):
            try:
                return handle.result(LONG)
            except (CancelledError, JoinError):
                return "says why"
        result = handle.join(LONG)
        return "says why" if isinstance(result.err(), JoinError) else result.unwrap()


# -- What happens. ---------------------------------------------------------------------------------


def drop(this: Round) -> None:
    this.pool = None
    gc.collect(0)


def shut_down(this: Round) -> None:
    assert this.pool is not None
    this.pool.shutdown(wait=rng.random() < 0.5)


def cancel(this: Round) -> None:
    assert this.pool is not None
    this.pool.shutdown(wait=rng.random() < 0.5, cancel_futures=True)


def interrupt(this: Round) -> None:
    """Ctrl-C during a call that waits."""
    pool = this.pool
    assert pool is not None
    nap = assume_send(lambda _: time.sleep(0.001))
    calls: list[Callable[[], object]] = [
        lambda: pool.par_map(nap, range(100_000)),
        lambda: pool.par_for_each(nap, iter(int, 1)),
        lambda: pool.spawn(time.sleep, 0.02).join(),
        lambda: pool.submit(time.sleep, 0.02).result(),
        lambda: pool.install(time.sleep, 0.01),
        lambda: pool.shutdown(),
    ]
    delay = rng.random() * 0.003
    helper = threading.Thread(target=lambda: (time.sleep(delay), os.kill(os.getpid(), 2)))
    call = rng.choice(calls)
    this.armed = True
    try:
        helper.start()
        call()
        helper.join(LONG)  # it came when the wait was over
        time.sleep(0)
    except KeyboardInterrupt:
        pass
    helper.join(LONG)


def fork(this: Round) -> None:
    """Fork here or in a task; the child is told what it will never get."""
    pool = this.pool
    assert pool is not None

    def fork_now() -> int:
        pid = os.fork()
        if pid == 0:
            # The thread that adds to the list has no copy; what it just got is in no list.
            this.accepted = list(this.accepted)
            this.check(in_child=True)
            os._exit(0)
        return pid

    pid = fork_now() if rng.random() < 0.5 else pool.submit(fork_now).result(LONG)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


EVENTS: dict[str, Callable[[Round], None]] = {
    "drop": drop,
    "shutdown": shut_down,
    "cancel": cancel,
    "interrupt": interrupt,
    "fork": fork,
}


def main() -> None:
    # Python 3.12 warns of a fork while threads run, and here some do.
    warnings.simplefilter("ignore", DeprecationWarning)
    for _ in range(ROUNDS):
        this = Round()
        signal.signal(signal.SIGINT, this.on_signal)
        assert this.pool is not None
        helpers = [
            threading.Thread(target=this.go_on, args=(this.pool,))
            for _ in range(0 if KIND == "drop" else rng.randint(0, 2))
        ]
        for helper in helpers:
            helper.start()
        for _ in range(rng.randint(0, 50)):
            this.make(this.pool)
        time.sleep(rng.random() * 0.001)
        began = time.perf_counter()
        EVENTS[KIND](this)
        this.stopping.set()
        for helper in helpers:
            helper.join(LONG)
        if KIND != "drop":
            this.pool.shutdown(wait=KIND != "cancel")
        this.check()
        print(f"{(time.perf_counter() - began) * 1000:.3f}", flush=True)


main()
