"""How long it takes to start a thread that does nothing and to wait for its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter

from pythread_rs import Ok, spawn
from pythread_rs._cli._progress import Progress
from pythread_rs._cli._rivals import PYTHREAD_RS, THREADING
from pythread_rs._cli._section import Figure, Section
from pythread_rs._cli._table import duration, verdict

# The two kinds take turns in blocks, so that what disturbs the machine disturbs both. Strict turns
# would measure something else: an ended `threading.Thread` keeps a core busy with its own end for
# some time, and the next thread of the other kind would pay for it.
BLOCK = 25
BUDGET_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Pattern:
    """How often threads are started: `blocks` times `BLOCK`, each after `pause` seconds."""

    job: str
    label: str
    blocks: int
    pause: float


PATTERNS = (
    Pattern("spawn and join", "one after the other", blocks=80, pause=0.0),
    # Here the core that the thread runs on has gone to sleep and has to be woken first.
    Pattern("spawn and join after a pause", "each after 1 ms of pause", blocks=12, pause=0.001),
)

Stopwatch = Callable[[], tuple[float, bool]]


@dataclass(frozen=True, slots=True)
class Samples:
    """Seconds of every spawn and join, by way, and which ways ended one wrongly how often."""

    seconds: dict[str, list[float]] = field(
        default_factory=lambda: {THREADING: [], PYTHREAD_RS: []}
    )
    wrong: dict[str, int] = field(default_factory=lambda: {THREADING: 0, PYTHREAD_RS: 0})


def do_nothing() -> None:
    """Be the work of the threads that are measured."""


def time_threading() -> tuple[float, bool]:
    """Start and join one `threading.Thread`; return the seconds, and whether it has ended."""
    start = perf_counter()
    thread = threading.Thread(target=do_nothing)
    thread.start()
    thread.join()
    seconds = perf_counter() - start
    return seconds, not thread.is_alive()


def time_spawn() -> tuple[float, bool]:
    """Spawn and join one thread; return the seconds, and whether it ended with `Ok(None)`."""
    start = perf_counter()
    result = spawn(do_nothing).join()
    seconds = perf_counter() - start
    return seconds, result == Ok(None)


def measure_pattern(pattern: Pattern, stopwatches: dict[str, Stopwatch]) -> Samples:
    """Measure both kinds of thread by turns, a block each; the first block warms up."""
    samples = Samples()
    begin = perf_counter()
    for number in range(pattern.blocks + 1):
        if number > 1 and perf_counter() - begin > BUDGET_SECONDS:
            break
        for way, stopwatch in stopwatches.items():
            for _ in range(BLOCK):
                if pattern.pause:
                    time.sleep(pattern.pause)
                seconds, is_right = stopwatch()
                samples.wrong[way] += not is_right
                if number:
                    samples.seconds[way].append(seconds)
    return samples


def measure_latency(progress: Progress) -> Section:
    """Compare spawn and join of an empty function on both kinds of thread."""
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    figures: list[Figure] = []
    differences: list[str] = []
    for pattern in PATTERNS:
        with progress.step(pattern.label, ticking=False):
            samples = measure_pattern(pattern, {THREADING: time_threading, PYTHREAD_RS: time_spawn})
        medians = {way: median(seconds) for way, seconds in samples.seconds.items()}
        for way, seconds in samples.seconds.items():
            tail = quantiles(seconds, n=10)[-1]
            ratio = medians[way] / medians[THREADING]
            cells = (str(len(seconds)), duration(medians[way]), duration(tail), f"{ratio:.2f}")
            rows.append((f"{way}, {pattern.label}", *cells))
            figures.append(Figure(pattern.job, way, "median", medians[way], "s", len(seconds)))
            figures.append(Figure(pattern.job, way, "p90", tail, "s", len(seconds)))
        comparison = verdict(medians[PYTHREAD_RS], medians[THREADING])
        notes.append(f"{pattern.label.capitalize()}: {comparison}")
        differences += [
            f"{way}: {count} empty functions, {pattern.label}, did not end as they should"
            for way, count in samples.wrong.items()
            if count
        ]
    return Section(
        title="Spawn and join of an empty function, the two kinds of thread by turns",
        headers=("way", "runs", "median", "p90", "median / threading"),
        rows=rows,
        notes=notes,
        figures=figures,
        differences=differences,
    )
