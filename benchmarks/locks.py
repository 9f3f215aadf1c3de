"""locks: Mutex and Condvar against those of `threading`, alone and among threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter

from harness.report import OURS, Bar, Check, Report, Row
from harness.shape import Options, main

from pythread_rs.sync import Condvar, Mutex

ROUNDS = 15
CALLS = 200_000
THREADS = 4
EACH = 50_000
TURNS = 5_000
ALL_WAITERS = 8
ALL_ROUNDS = 1_000

THREADING = "threading"
UNCONTENDED_BAR = Bar("ratio", 1.5)
CONTENDED_BAR = Bar("ratio", 1.0)
CONDVAR_BAR = Bar("ratio", 1 / 3)

Measured = Callable[[], float]


def seconds_together(works: list[Callable[[], None]]) -> float:
    """Run each on a thread, begin together, and return the seconds until the last has ended."""
    begin = threading.Barrier(len(works) + 1)

    def run(work: Callable[[], None]) -> None:
        begin.wait()
        work()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    begin.wait()
    began = perf_counter()
    for thread in threads:
        thread.join()
    return perf_counter() - began


# -- One thread. -----------------------------------------------------------------------------------


def mutex_alone() -> float:
    """Take a Mutex that nobody else wants."""
    mutex = Mutex(0)
    began = perf_counter()
    for _ in range(CALLS):
        with mutex as _guard:
            pass
    return (perf_counter() - began) / CALLS


def lock_alone() -> float:
    """Take a Lock that nobody else wants."""
    lock = threading.Lock()
    began = perf_counter()
    for _ in range(CALLS):
        with lock:
            pass
    return (perf_counter() - began) / CALLS


# -- Four threads. ---------------------------------------------------------------------------------


def mutex_contended() -> float:
    """Count in a Mutex."""
    mutex = Mutex(0)

    def work() -> None:
        for _ in range(EACH):
            with mutex as guard:
                guard.value += 1

    spent = seconds_together([work] * THREADS)
    assert mutex.lock().unwrap().value == THREADS * EACH
    return spent / (THREADS * EACH)


def lock_contended() -> float:
    """Count under a Lock."""
    lock = threading.Lock()
    count = 0

    def work() -> None:
        nonlocal count
        for _ in range(EACH):
            with lock:
                count += 1

    spent = seconds_together([work] * THREADS)
    assert count == THREADS * EACH
    return spent / (THREADS * EACH)


# -- Condvar. --------------------------------------------------------------------------------------


def condvar_turns() -> float:
    """Two threads take turns."""
    mutex, changed = Mutex(0), Condvar()

    def work(me: int) -> None:
        with mutex as guard:
            for _ in range(TURNS):
                while guard.value != me:
                    changed.wait(guard)
                guard.value = 1 - me
                changed.notify_one()

    return seconds_together([lambda: work(0), lambda: work(1)]) / TURNS


def condition_turns() -> float:
    """Two threads take turns."""
    changed = threading.Condition()
    turn = 0

    def work(me: int) -> None:
        nonlocal turn
        with changed:
            for _ in range(TURNS):
                while turn != me:
                    changed.wait()
                turn = 1 - me
                changed.notify()

    return seconds_together([lambda: work(0), lambda: work(1)]) / TURNS


def condvar_all() -> float:
    """Eight threads wait for each new number; the last one to see it asks for the next."""
    mutex, changed, seen = Mutex([0, 0]), Condvar(), Condvar()

    def follow() -> None:
        with mutex as guard:
            state = guard.value
            for number in range(1, ALL_ROUNDS + 1):
                while state[0] != number:
                    changed.wait(guard)
                state[1] += 1
                if state[1] == ALL_WAITERS:
                    seen.notify_one()

    def lead() -> None:
        with mutex as guard:
            state = guard.value
            for number in range(1, ALL_ROUNDS + 1):
                state[:] = [number, 0]
                changed.notify_all()
                while state[1] != ALL_WAITERS:
                    seen.wait(guard)

    return seconds_together([lead, *[follow] * ALL_WAITERS]) / ALL_ROUNDS


def condition_all() -> float:
    """Eight threads wait for each new number; the last one to see it asks for the next."""
    lock = threading.Lock()
    changed, seen = threading.Condition(lock), threading.Condition(lock)
    state = [0, 0]

    def follow() -> None:
        with lock:
            for number in range(1, ALL_ROUNDS + 1):
                while state[0] != number:
                    changed.wait()
                state[1] += 1
                if state[1] == ALL_WAITERS:
                    seen.notify()

    def lead() -> None:
        with lock:
            for number in range(1, ALL_ROUNDS + 1):
                state[:] = [number, 0]
                changed.notify_all()
                while state[1] != ALL_WAITERS:
                    seen.wait()

    return seconds_together([lead, *[follow] * ALL_WAITERS]) / ALL_ROUNDS


PAIRS: list[tuple[str, Measured, Measured, Bar]] = [
    ("with, uncontended", mutex_alone, lock_alone, UNCONTENDED_BAR),
    ("with and += 1, 4 threads", mutex_contended, lock_contended, CONTENDED_BAR),
    ("wait and notify_one, 2 threads, a round", condvar_turns, condition_turns, CONDVAR_BAR),
    ("notify_all of 8, a round", condvar_all, condition_all, CONDVAR_BAR),
]


def compared(options: Options, label: str, ours: Measured, theirs: Measured, bar: Bar) -> list[Row]:
    """Measure both by turns."""
    pairs = [(ours(), theirs()) for _ in range(options.rounds(ROUNDS) + 1)][1:]
    mine, other = ([pair[side] for pair in pairs] for side in (0, 1))
    ratio = median(mine) / median(other)
    return [row(f"{label}: {OURS}", mine), row(f"{label}: {THREADING}", other, ratio, bar)]


def row(
    label: str, samples: list[float], ratio: float | None = None, bar: Bar | None = None
) -> Row:
    """Summarise samples."""
    tenths = quantiles(samples, n=10, method="inclusive")
    return Row(
        label,
        median(samples),
        p10=tenths[0],
        p90=tenths[-1],
        samples=len(samples),
        ratio=ratio,
        bar=bar,
    )


def measure(options: Options) -> Report:
    """Time each pair in one run, by turns."""
    rows = [row for pair in PAIRS for row in compared(options, *pair)]
    return Report(
        shape="locks",
        title="locks, against those of threading",
        rows=rows,
        checks=[Check("no increment was lost, on either side", holds=True)],
        notes=["ratio: ours divided by threading's; a round of two threads is two hand-overs"],
    )


if __name__ == "__main__":
    main(measure, __doc__)
