"""barriers: a round of a Barrier with 2, 4 and 8 threads, and what is read once it is made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from statistics import median, quantiles
from time import perf_counter, process_time

from harness.batches import Batch, Rival, interleave
from harness.report import Bar, Check, Report, Row
from harness.shape import Options, main

from pythread_rs.sync import Barrier, LazyLock, Once, OnceLock

ROUNDS = 15
SIZE = 3
MEETINGS = 400
CALLS = 20_000
WIDTHS = (2, 4, 8)

MEETING_BAR = Bar("ratio", 1 / 3)
GET_BAR = Bar("value", 40e-9)


def met(wait: Callable[[], object], width: int, meetings: int) -> float:
    """Have threads meet so often; return the seconds of one round.

    The threads are Python's own for both sides, and are there before the clock starts.
    """
    begin: list[float] = []
    go = threading.Barrier(width, action=lambda: begin.append(perf_counter()))

    def work() -> None:
        go.wait()
        for _ in range(meetings):
            wait()

    threads = [threading.Thread(target=work) for _ in range(width)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (perf_counter() - begin[0]) / meetings


def meeting(name: str, make: Callable[[int], Callable[[], object]], width: int) -> Rival:
    """Make a rival of many rounds of one barrier."""

    def batch(count: int) -> Batch:
        result = Batch()
        cpu = process_time()
        for _ in range(count):
            result.seconds.append(met(make(width), width, MEETINGS))
        result.cpu = (process_time() - cpu) / MEETINGS
        return result

    return Rival(name, batch)


def looped(name: str, call: Callable[[], object]) -> Rival:
    """Make a rival of a loop over what is too short for a clock around each."""

    def batch(count: int) -> Batch:
        result = Batch()
        cpu = process_time()
        for _ in range(count):
            begin = perf_counter()
            for _ in range(CALLS):
                call()
            result.seconds.append((perf_counter() - begin) / CALLS)
        result.cpu = (process_time() - cpu) / CALLS
        return result

    return Rival(name, batch)


def row(name: str, batch: Batch, *, ratio: float | None = None, bar: Bar | None = None) -> Row:
    """Summarise samples."""
    tenths = quantiles(batch.seconds, n=10, method="inclusive")
    count = len(batch.seconds)
    return Row(
        name, median(batch.seconds), p10=tenths[0], p90=tenths[-1], samples=count,
        cpu=batch.cpu / count, ratio=ratio, bar=bar,
    )  # fmt: skip


def meetings(options: Options) -> list[Row]:
    """Compare the two barriers for each width."""
    table: list[Row] = []
    for width in WIDTHS:
        ours, theirs = f"Barrier({width})", f"threading.Barrier({width})"
        batches = interleave(
            [
                meeting(ours, lambda n: Barrier(n).wait, width),
                meeting(theirs, lambda n: threading.Barrier(n).wait, width),
            ],
            rounds=options.rounds(ROUNDS),
            size=SIZE,
        )
        ratio = median(batches[ours].seconds) / median(batches[theirs].seconds)
        table.append(row(ours, batches[ours]))
        table.append(row(theirs, batches[theirs], ratio=ratio, bar=MEETING_BAR))
    return table


@cache
def cached() -> int:
    """Be what Python users take for a lazy value."""
    return 3


def reads(options: Options) -> list[Row]:
    """Time what is read again and again."""
    cell, lazy, once = OnceLock.from_(3), LazyLock(lambda: 3), Once()
    once.call_once(list)
    rivals = [
        looped("OnceLock.get", cell.get),
        looped("OnceLock.get_or_init", lambda: cell.get_or_init(int)),
        looped("LazyLock.force", lazy.force),
        looped("Once.call_once, done before", lambda: once.call_once(list)),
        looped("an lru_cache of no arguments", cached),
    ]
    batches = interleave(rivals, rounds=options.rounds(ROUNDS), size=SIZE)
    bars = {"OnceLock.get": GET_BAR}
    return [row(name, batch, bar=bars.get(name)) for name, batch in batches.items()]


def one_leader_a_round(width: int) -> bool:
    """Count the leaders of some rounds."""
    barrier, led = Barrier(width), [0] * width

    def work(me: int) -> None:
        for _ in range(MEETINGS):
            led[me] += barrier.wait().is_leader()

    threads = [threading.Thread(target=work, args=(me,)) for me in range(width)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(led) == MEETINGS


def measure(options: Options) -> Report:
    """Time rounds against threading's barrier, and reads for themselves."""
    return Report(
        shape="barriers",
        title="one round of a barrier, and reads of what is made once",
        rows=[*meetings(options), *reads(options)],
        checks=[Check("each round has one leader", all(map(one_leader_a_round, WIDTHS)))],
        notes=["a round: all threads have called `wait` and returned from it"],
    )


if __name__ == "__main__":
    main(measure, __doc__)
