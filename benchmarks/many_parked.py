"""many_parked: five thousand threads that are parked at the same time, then woken and joined."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Any, TypeVar

from harness.machine import os_threads, resident
from harness.peer import Peer, serve
from harness.report import OURS, Bar, Check, Report, Row
from harness.shape import Options, main

from pythread_rs import _ffi, park, spawn

T = TypeVar("T")

THREADS = 5_000
WARM_UP_ROUNDS = 7
ROUNDS = 7
RIVAL_ROUNDS = 4
THREADING = "threading.Thread"

DEADLINE = 60.0
LOOK_EVERY = 0.002
# The workers that the package keeps when their closures have ended.
IDLE_AT_MOST = 32
# In the rounds between, this is 50 bytes for each thread: no object leaks that often.
FLAT_BYTES = 2.0**20
# Memory after a round varies by pages that the allocators happen to hold.
SMOOTHED_OVER = 3


def wait_until(reached: Callable[[], bool], what: str) -> None:
    """Look every few milliseconds until it is so.

    Raises:
        TimeoutError: It was not so within the deadline.
    """
    end = monotonic() + DEADLINE
    while not reached():
        if monotonic() > end:
            raise TimeoutError(f"waited too long until {what}")
        sleep(LOOK_EVERY)


class Stopwatch:
    """One round: what it takes to start, to hold and to end so many threads."""

    def __init__(self) -> None:
        gc.collect()
        self.data: dict[str, Any] = {"before": resident(), "live_before": _ffi.statistics()["live"]}
        self._last = perf_counter()

    def lap(self, name: str) -> None:
        """Note the seconds since the last lap."""
        self.data[name] = perf_counter() - self._last
        self._last = perf_counter()

    def held(self) -> None:
        """Note what the process holds while all are parked; this time counts for no lap."""
        self.data["parked"] = resident()
        self.data["os_threads_parked"] = os_threads()
        self.data["live_parked"] = _ffi.statistics()["live"]
        self._last = perf_counter()

    def ended(self) -> dict[str, Any]:
        """Note what is left when the OS threads have gone, and return everything.

        A thread is joined a moment before the OS has taken it down.
        """
        if os_threads() is not None:
            wait_until(lambda: (os_threads() or 0) <= 1 + IDLE_AT_MOST, "the threads had gone")
        gc.collect()
        self.data["after"] = resident()
        self.data["os_threads_after"] = os_threads()
        self.data["counters"] = _ffi.statistics()
        return self.data


def arrive_and_park(arrived: SimpleQueue[None], released: threading.Event) -> None:
    """Be the work of every thread of this package."""
    arrived.put(None)
    while not released.is_set():
        park()


def round_ours(count: int) -> dict[str, Any]:
    """Park and wake threads of this package."""
    arrived: SimpleQueue[None] = SimpleQueue()
    released = threading.Event()
    watch = Stopwatch()
    handles = [spawn(arrive_and_park, arrived, released) for _ in range(count)]
    watch.lap("spawn")
    wait_until(lambda: arrived.qsize() == count, "all were parked")
    watch.lap("arrive")
    watch.held()
    released.set()
    each(handles, lambda handle: handle.thread.unpark())
    watch.lap("wake")
    each(handles, lambda handle: handle.join().unwrap())
    watch.lap("join")
    del handles
    return watch.ended()


def round_threading(count: int) -> dict[str, Any]:
    """Block and release threads of `threading`, each on a lock of its own."""
    arrived: list[None] = []
    locks = [threading.Lock() for _ in range(count)]

    def work(lock: threading.Lock) -> None:
        arrived.append(None)
        lock.acquire()

    each(locks, lambda lock: lock.acquire())
    watch = Stopwatch()
    threads = [threading.Thread(target=work, args=(lock,), daemon=True) for lock in locks]
    each(threads, threading.Thread.start)
    watch.lap("spawn")
    wait_until(lambda: len(arrived) == count, "all were blocked")
    watch.lap("arrive")
    watch.held()
    each(locks, lambda lock: lock.release())
    watch.lap("wake")
    each(threads, threading.Thread.join)
    watch.lap("join")
    del threads, locks, work
    return watch.ended()


def each(items: list[T], act: Callable[[T], object]) -> None:
    """Do it with each, in a function of its own so that no loop variable keeps the last one."""
    for item in items:
        act(item)


def measure(options: Options) -> Report:
    """Run rounds of both, each in a process of its own, by turns once ours is warm.

    The allocators keep a little more after each of the first rounds (30 MiB after one, 35 after
    seven, 35 after thirty), so flat memory is a matter of the rounds after these.
    """
    script = [sys.executable, __file__, "--peer"]
    warm_up, rounds = options.rounds(WARM_UP_ROUNDS), options.rounds(ROUNDS)
    with Peer([*script, OURS]) as our_peer, Peer([*script, THREADING]) as their_peer:
        ours = [our_peer.ask(str(THREADS)) for _ in range(warm_up)]
        theirs: list[dict[str, Any]] = []
        for number in range(rounds):
            if number < RIVAL_ROUNDS:
                theirs.append(their_peer.ask(str(THREADS)))
            ours.append(our_peer.ask(str(THREADS)))
    return report(ours, theirs, warm_up)


def report(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], warm_up: int) -> Report:
    """Summarise times of the rounds after the warm-up; memory per thread is of the first."""
    warm, last = ours[warm_up:], ours[-1]
    return Report(
        shape="many_parked",
        title=f"{THREADS:,} threads parked at the same time; times and memory per thread",
        rows=[
            Row("RSS growth of ours", growth(warm), "B", bar=Bar("value", FLAT_BYTES)),
            *(
                Row(f"{who}: {text}", figure, unit)
                for who, told, timed in ((OURS, ours, warm), (THREADING, theirs, theirs[1:]))
                for text, figure, unit in (
                    ("start, until all are parked", per(timed, "spawn", "arrive"), "s"),
                    ("unpark and join", per(timed, "wake", "join"), "s"),
                    ("RSS while parked", held(told), "B"),
                )
            ),
        ],
        checks=[
            Check(
                f"the OS counted {last['os_threads_parked']} threads while all were parked, "
                f"{last['os_threads_after']} after; the native layer "
                f"{last['live_parked']} and {last['counters']['live']}",
                last["os_threads_parked"] in (None, THREADS + 1)
                and last["live_parked"] - last["live_before"] == THREADS
                and last["counters"]["live"] == last["live_before"],
            )
        ],
        notes=[
            f"growth is from the rounds after {warm_up} rounds of warm-up to the last of "
            f"{len(warm)} more; times are medians of {len(warm)} and {len(theirs) - 1} rounds",
            "RSS while parked is of the first round, in a fresh process",
        ],
    )


def per(rounds: list[dict[str, Any]], *laps: str) -> float:
    """Return the median seconds of these laps for one thread."""
    return float(median(sum(told[lap] for lap in laps) for told in rounds)) / THREADS


def held(rounds: list[dict[str, Any]]) -> float | None:
    """Return the bytes in memory for one thread parked in the first round."""
    first = rounds[0]
    return None if first["parked"] is None else float(first["parked"] - first["before"]) / THREADS


def growth(rounds: list[dict[str, Any]]) -> float | None:
    """Return by how many bytes memory after a round grew from the first rounds to the last."""
    if rounds[0]["after"] is None:
        return None
    after = [told["after"] for told in rounds]
    return float(median(after[-SMOOTHED_OVER:]) - median(after[:SMOOTHED_OVER]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        serve(round_ours if sys.argv[2] == OURS else round_threading)
    else:
        main(measure, __doc__)
