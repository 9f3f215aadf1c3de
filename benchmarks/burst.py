"""burst: a hundred spawns in a row, then a hundred joins."""

from __future__ import annotations

import threading

from harness.batches import WARM_UP, interleave, rows, timed, wall_check
from harness.counters import Counters
from harness.report import OURS, Bar, Report
from harness.shape import Options, main, rust_rival

from pythread_rs import Result, spawn

ROUNDS = 40
SIZE = 4
BURST = 100

THREADING = "threading.Thread"
BARS = {THREADING: Bar("ratio", 0.3)}


def nothing() -> None:
    """Be the work of every thread."""


def with_spawn() -> list[Result[None, BaseException]]:
    """Spawn all, then join all."""
    handles = [spawn(nothing) for _ in range(BURST)]
    return [handle.join() for handle in handles]


def with_threading() -> None:
    """Start all, then join all."""
    threads = [threading.Thread(target=nothing) for _ in range(BURST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def expect_ok(results: list[Result[None, BaseException]]) -> None:
    """Fail unless every thread ended well."""
    for result in results:
        result.unwrap()


def measure(options: Options) -> Report:
    """Compare bursts; times are per thread."""
    counters = Counters()
    with rust_rival("burst", options, size=BURST, per=BURST) as in_rust:
        rivals = [
            timed(OURS, with_spawn, expect_ok, pause=options.pause, per=BURST),
            timed(THREADING, with_threading, lambda _: None, pause=options.pause, per=BURST),
            *in_rust,
        ]
        batches = interleave(rivals, rounds=options.rounds(ROUNDS), size=SIZE)
    spawns = (options.rounds(ROUNDS) + WARM_UP) * SIZE * BURST
    return Report(
        shape="burst",
        title=f"{BURST} spawns, then {BURST} joins, of an empty function; time per thread",
        rows=rows(batches, BARS),
        checks=[wall_check(batches[OURS]), counters.check(spawns)],
        notes=[f"a sample is one burst of {BURST}, divided by {BURST}"],
    )


if __name__ == "__main__":
    main(measure, __doc__)
