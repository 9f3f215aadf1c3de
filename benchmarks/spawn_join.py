"""spawn_join: start a thread that does nothing and wait for its end, again and again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from harness import rust
from harness.batches import WARM_UP, interleave, rows, timed, wall_check
from harness.counters import Counters
from harness.report import OURS, Bar, Report
from harness.shape import Options, main, rust_rival

from pythread_rs import Result, spawn

ROUNDS = 60
SIZE = 50

THREADING = "threading.Thread"
EXECUTOR = "ThreadPoolExecutor"
BARS = {
    THREADING: Bar("ratio", 0.25, 0.15),
    rust.NAME: Bar("ratio", 0.6, 0.3),
    EXECUTOR: Bar("ratio", 0.8),
}


def nothing() -> None:
    """Be the work of every thread."""


def with_spawn() -> Result[None, BaseException]:
    """Spawn and join one thread."""
    return spawn(nothing).join()


def with_threading() -> None:
    """Start and join one `threading.Thread`."""
    thread = threading.Thread(target=nothing)
    thread.start()
    thread.join()


def expect_none(result: object) -> None:
    """Fail unless the work returned what it should."""
    if result is not None:
        raise AssertionError(f"the work returned {result!r}")


def measure(options: Options) -> Report:
    """Compare with a new `threading.Thread` each, a kept executor of one thread, and Rust."""
    counters = Counters()
    with ThreadPoolExecutor(1) as executor, rust_rival("join", options) as in_rust:
        rivals = [
            timed(OURS, with_spawn, lambda r: expect_none(r.unwrap()), pause=options.pause),
            timed(THREADING, with_threading, expect_none, pause=options.pause),
            *in_rust,
            timed(
                EXECUTOR,
                lambda: executor.submit(nothing).result(),
                expect_none,
                pause=options.pause,
            ),
        ]
        batches = interleave(rivals, rounds=options.rounds(ROUNDS), size=SIZE)
    spawns = (options.rounds(ROUNDS) + WARM_UP) * SIZE
    return Report(
        shape="spawn_join",
        title="spawn and join of an empty function",
        rows=rows(batches, BARS),
        checks=[wall_check(batches[OURS]), counters.check(spawns)],
        notes=["the executor keeps its one thread; the others start one for each call"],
    )


if __name__ == "__main__":
    main(measure, __doc__)
