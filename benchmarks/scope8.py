"""scope8: open a scope, spawn eight threads in it, and leave it, which joins them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from statistics import mean

from harness.batches import WARM_UP, interleave, rows, timed, wall_check
from harness.counters import Counters
from harness.report import OURS, Bar, Report
from harness.shape import Options, main, rust_rival

from pythread_rs import scope

ROUNDS = 60
SIZE = 10
THREADS = 8
EXECUTORS = 50

EXECUTOR = "ThreadPoolExecutor"
BARS = {EXECUTOR: Bar("ratio", 0.3)}


def nothing() -> None:
    """Be the work of every thread."""


def with_scope() -> None:
    """Run eight threads in a scope."""
    with scope() as s:
        for _ in range(THREADS):
            s.spawn(nothing)


def with_executor() -> None:
    """Make an executor for eight threads, give it eight jobs, shut it down."""
    with ThreadPoolExecutor(THREADS) as executor:
        for _ in range(THREADS):
            executor.submit(nothing)


def executor_threads() -> int:
    """Count the threads that run the eight jobs of one executor."""
    with ThreadPoolExecutor(THREADS) as executor:
        jobs = [executor.submit(threading.get_ident) for _ in range(THREADS)]
    return len({job.result() for job in jobs})


def with_threading() -> None:
    """Start eight threads, then join them."""
    threads = [threading.Thread(target=nothing) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(options: Options) -> Report:
    """Compare a whole scope with a whole executor."""
    counters = Counters()
    pause = options.pause
    with rust_rival("scope", options, size=THREADS) as in_rust:
        rivals = [
            timed(OURS, with_scope, lambda _: None, pause=pause),
            timed(EXECUTOR, with_executor, lambda _: None, pause=pause),
            timed("threading.Thread", with_threading, lambda _: None, pause=pause),
            *in_rust,
        ]
        batches = interleave(rivals, rounds=options.rounds(ROUNDS), size=SIZE)
    spawns = (options.rounds(ROUNDS) + WARM_UP) * SIZE * THREADS
    started = mean(executor_threads() for _ in range(EXECUTORS))
    return Report(
        shape="scope8",
        title=f"a scope of {THREADS} empty threads, from its beginning to its end",
        rows=rows(batches, BARS),
        checks=[wall_check(batches[OURS]), counters.check(spawns)],
        notes=[
            f"the executor starts {started:.1f} threads on average for {THREADS} jobs: "
            "one that is free already takes the next job"
        ],
    )


if __name__ == "__main__":
    main(measure, __doc__)
