"""How long it takes to start a thread that does nothing and to wait for its end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from statistics import median, quantiles
from time import perf_counter

from pythread_rs import Ok, spawn
from pythread_rs._cli._progress import Progress
from pythread_rs._cli._rivals import PYTHREAD_RS, THREADING
from pythread_rs._cli._section import Figure, Section
from pythread_rs._cli._table import duration, verdict

PAIRS = 2000
WARM_UP_PAIRS = 50
BUDGET_SECONDS = 4.0


def do_nothing() -> None:
    """Be the work of the threads that are measured."""


def time_threading() -> tuple[float, bool]:
    """Start and join one `threading.Thread`; return the seconds and True."""
    start = perf_counter()
    thread = threading.Thread(target=do_nothing)
    thread.start()
    thread.join()
    return perf_counter() - start, True


def time_spawn() -> tuple[float, bool]:
    """Spawn and join one thread; return the seconds, and whether it ended with `Ok(None)`."""
    start = perf_counter()
    result = spawn(do_nothing).join()
    return perf_counter() - start, result == Ok(None)


def measure_pairs(
    ours: Callable[[], tuple[float, bool]], theirs: Callable[[], tuple[float, bool]]
) -> tuple[list[float], list[float], int]:
    """Measure both by turns, so that what disturbs the machine disturbs both.

    Returns:
        The seconds of each, and how many ended wrongly.
    """
    our_times: list[float] = []
    their_times: list[float] = []
    wrong = 0
    begin = perf_counter()
    for number in range(WARM_UP_PAIRS + PAIRS):
        if perf_counter() - begin > BUDGET_SECONDS and len(our_times) > WARM_UP_PAIRS:
            break
        our_seconds, our_end = ours()
        their_seconds, their_end = theirs()
        wrong += (not our_end) + (not their_end)
        if number >= WARM_UP_PAIRS:
            our_times.append(our_seconds)
            their_times.append(their_seconds)
    return our_times, their_times, wrong


def measure_latency(progress: Progress) -> Section:
    """Compare spawn and join of an empty function on both kinds of thread."""
    with progress.step("empty threads, by turns", ticking=False):
        our_times, their_times, wrong = measure_pairs(time_spawn, time_threading)
    medians = {THREADING: median(their_times), PYTHREAD_RS: median(our_times)}
    tails = {
        THREADING: quantiles(their_times, n=10)[-1],
        PYTHREAD_RS: quantiles(our_times, n=10)[-1],
    }
    pairs = len(our_times)
    return Section(
        title="Spawn and join of an empty function, both kinds of thread by turns",
        headers=("way", "runs", "median", "p90", "median / threading"),
        rows=[
            (
                way,
                str(pairs),
                duration(medians[way]),
                duration(tails[way]),
                f"{medians[way] / medians[THREADING]:.2f}",
            )
            for way in (THREADING, PYTHREAD_RS)
        ],
        notes=[verdict(medians[PYTHREAD_RS], medians[THREADING])],
        figures=[
            Figure("spawn and join", way, quantity, values[way], "s", pairs)
            for quantity, values in (("median", medians), ("p90", tails))
            for way in (THREADING, PYTHREAD_RS)
        ],
        differences=[f"{wrong} empty functions did not end with Ok(None)"] if wrong else [],
    )
