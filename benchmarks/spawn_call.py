"""spawn_call: the call of spawn alone, without the join, which follows untimed."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from harness.batches import WARM_UP, interleave, rows, timed
from harness.counters import Counters
from harness.report import OURS, Bar, Report
from harness.shape import Options, main, rust_rival

from pythread_rs import JoinHandle, spawn

ROUNDS = 60
SIZE = 50

BARS = {OURS: Bar("value", 8e-6)}


def nothing() -> None:
    """Be the work of every thread."""


def with_spawn() -> JoinHandle[None]:
    """Spawn one thread."""
    return spawn(nothing)


def with_threading() -> threading.Thread:
    """Make and start one `threading.Thread`; `start` waits until the thread runs."""
    thread = threading.Thread(target=nothing)
    thread.start()
    return thread


def measure(options: Options) -> Report:
    """Time how long the starting thread is held up."""
    counters = Counters()
    with ThreadPoolExecutor(1) as executor, rust_rival("call", options) as in_rust:

        def with_executor() -> Future[None]:
            return executor.submit(nothing)

        pause = options.pause
        rivals = [
            timed(OURS, with_spawn, lambda handle: handle.join().unwrap(), pause=pause),
            timed("threading.Thread", with_threading, threading.Thread.join, pause=pause),
            *in_rust,
            timed("ThreadPoolExecutor", with_executor, lambda f: f.result(), pause=pause),
        ]
        batches = interleave(rivals, rounds=options.rounds(ROUNDS), size=SIZE)
    return Report(
        shape="spawn_call",
        title="the spawn call alone; each thread is joined, untimed, before the next call",
        rows=rows(batches, BARS),
        checks=[counters.check((options.rounds(ROUNDS) + WARM_UP) * SIZE)],
        notes=["`threading` waits in `start` until the new thread runs; the others do not"],
    )


if __name__ == "__main__":
    main(measure, __doc__)
