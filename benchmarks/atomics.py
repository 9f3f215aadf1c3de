"""atomics: one addition of an AtomicI64 and the same under a lock, alone and with four threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter, process_time

from harness.batches import Batch, Rival, interleave, rows
from harness.report import OURS, Bar, Check, Report, Row
from harness.shape import Options, main

from pythread_rs import Ok
from pythread_rs.sync.atomic import AtomicBool, AtomicI64, AtomicRef, Ordering

ROUNDS = 40
SIZE = 5
CALLS = 2_000
THREADS = 4
CALLS_OF_FOUR = 20_000  # each, so that the threads meet

LOCKED = "with lock: n += 1"
FOUR = "pythread_rs, 4 threads"
FOUR_LOCKED = "with lock: n += 1, 4 threads"
RESULT = "compare_exchange, which makes a result"
CLASS = "Ok(1), a call of the class"
BAR = Bar("ratio", 1.0)


def locked_counter() -> tuple[Callable[[int], None], Callable[[], int]]:
    """Make a number with a lock: what adds to it, so often, and what reads it."""
    lock, n = threading.Lock(), 0

    def add_locked(calls: int) -> None:
        nonlocal n
        for _ in range(calls):
            with lock:
                n += 1

    return add_locked, lambda: n


def add(counter: AtomicI64, calls: int) -> None:
    """Add one, so often."""
    for _ in range(calls):
        counter.fetch_add(1)


def add_relaxed(counter: AtomicI64, calls: int) -> None:
    """Add one with an order, so often."""
    relaxed = Ordering.Relaxed
    for _ in range(calls):
        counter.fetch_add(1, relaxed)


def load(flag: AtomicBool, calls: int) -> None:
    """Look at a flag, so often."""
    for _ in range(calls):
        flag.load()


def load_ref(ref: AtomicRef[tuple[int, int]], calls: int) -> None:
    """Load an object, so often."""
    for _ in range(calls):
        ref.load()


def exchange(counter: AtomicI64, calls: int) -> None:
    """Fail to exchange, so often."""
    for _ in range(calls):
        counter.compare_exchange(-1, 0)


def call_ok(calls: int) -> None:
    """Make an Ok, so often."""
    for _ in range(calls):
        Ok(1)


def looped(name: str, run: Callable[[int], object], calls: int = CALLS, per: int = CALLS) -> Rival:
    """Make a rival of a loop over what is too short for a clock around each."""

    def batch(count: int) -> Batch:
        result = Batch()
        cpu = process_time()
        for _ in range(count):
            begin = perf_counter()
            run(calls)
            result.seconds.append((perf_counter() - begin) / per)
        result.cpu = (process_time() - cpu) / per
        return result

    return Rival(name, batch)


def in_four(work: Callable[[int], object]) -> Callable[[int], None]:
    """Run the loop in four threads at once, Python's own for both sides."""

    def run(calls: int) -> None:
        threads = [threading.Thread(target=work, args=(calls,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


def against(table: list[Row], ours: str, theirs: str) -> Row:
    """Give a rival's row the ratio to another row of ours than the first."""
    found = {row.label: row for row in table}
    row, mine = found[theirs], found[ours].value
    ratio = None if mine is None or row.value is None else mine / row.value
    return Row(
        row.label, row.value, p10=row.p10, p90=row.p90, samples=row.samples, cpu=row.cpu,
        ratio=ratio, bar=BAR,
    )  # fmt: skip


def measure(options: Options) -> Report:
    """Time the loops by turns; each loop's own cost is in the figures of both sides."""
    counter, shared, small = AtomicI64(), AtomicI64(), AtomicI64(1)
    (add_locked, _), (add_by_four, by_four) = locked_counter(), locked_counter()
    flag = AtomicBool()
    ref: AtomicRef[tuple[int, int]] = AtomicRef((1, 2))
    four = CALLS_OF_FOUR * THREADS
    rivals = [
        looped(OURS, lambda calls: add(counter, calls)),
        looped(LOCKED, add_locked),
        looped(FOUR, in_four(lambda calls: add(shared, calls)), CALLS_OF_FOUR, four),
        looped(FOUR_LOCKED, in_four(add_by_four), CALLS_OF_FOUR, four),
        looped("pythread_rs with an order", lambda calls: add_relaxed(counter, calls)),
        looped("AtomicBool.load", lambda calls: load(flag, calls)),
        looped("AtomicRef.load", lambda calls: load_ref(ref, calls)),
        looped(RESULT, lambda calls: exchange(small, calls)),
        looped(CLASS, call_ok),
    ]
    batches = interleave(rivals, rounds=options.rounds(ROUNDS), size=SIZE)
    table = rows(batches, {LOCKED: BAR})
    table = [against(table, FOUR, FOUR_LOCKED) if r.label == FOUR_LOCKED else r for r in table]
    return Report(
        shape="atomics",
        title="one AtomicI64.fetch_add(1), with the loop around it",
        rows=table,
        checks=[
            Check(
                f"four threads counted {shared.load():,} with the atomic and {by_four():,} with "
                f"the lock",
                shared.load() == by_four() and by_four() % four == 0,
            )
        ],
        notes=[
            f"a sample is a loop of {CALLS:,} calls, divided by {CALLS:,}; with four threads "
            f"{CALLS_OF_FOUR:,} calls each, wall time, divided by all of them",
            "the ratio of the row with four threads is to ours with four threads",
        ],
    )


if __name__ == "__main__":
    main(measure, __doc__)
