"""Ways of doing the same work, by turns: what the machine does meanwhile hits all of them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple, TypeVar

from pythread_rs._cli._bench._model import Experiment, Series

T = TypeVar("T")

LEAST_ROUNDS = 3


class Batch(NamedTuple):
    """Some samples in a row, and how many of their results were compared and wrong."""

    samples: list[float]
    compared: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """One that takes part: its name, and how to get some samples of it.

    Args:
        name: The label of its row.
        batch: Does its turn.
        is_ours: Whether it uses this package.
        threads: How many threads it uses, where the experiment is about that.
    """

    name: str
    batch: Callable[[], Batch]
    is_ours: bool = False
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure.

    Args:
        rounds: How often each way has its turn, at most.
        budget: Seconds after which no further round begins, when there were `LEAST_ROUNDS`.
        calls: Samples in a turn of what takes microseconds.
        scale: What sizes are multiplied by; 1 but in tests.
        is_quick: Whether the smaller sizes are wanted.
    """

    rounds: int
    budget: float
    calls: int
    scale: float
    is_quick: bool

    def size(self, full: int, quick: int, least: int = 1) -> int:
        """Choose one of two sizes, and scale it."""
        return max(least, round((quick if self.is_quick else full) * self.scale))


def equals(expected: T) -> Callable[[T], bool]:
    """Make the comparison with the serial result."""
    return lambda found: found == expected


def timed(
    name: str,
    call: Callable[[], T],
    *,
    is_right: Callable[[T], bool] | None = None,
    calls: int = 1,
    per: float = 1,
    is_ours: bool = False,
    threads: int | None = None,
) -> Way:
    """Make a way of a function in this process.

    Args:
        name: The label of its row.
        call: What is timed.
        is_right: Compares what `call` returned with the serial result, untimed.
        calls: Samples in a turn.
        per: How many things one call does; the time is divided by it.
        is_ours: Whether it uses this package.
        threads: How many threads it uses, where the experiment is about that.
    """

    def batch() -> Batch:
        samples: list[float] = []
        wrong = 0
        for _ in range(calls):
            begin = perf_counter()
            result = call()
            samples.append((perf_counter() - begin) / per)
            wrong += is_right is not None and not is_right(result)
        return Batch(samples, len(samples) if is_right is not None else 0, wrong)

    return Way(name, batch, is_ours, threads)


def take_turns(
    experiment: Experiment, ways: Sequence[Way], plan: Plan, show: Callable[[str], None]
) -> None:
    """Measure the ways by turns, and put the samples into the experiment as they come.

    Each round begins with another way. The first round warms up: its results are compared, its
    times do not count. A way that fails is left out from then on, and the experiment says why.

    Args:
        experiment: Gets a series for each way; what it has is right after Ctrl-C, too.
        ways: Who takes part.
        plan: How long.
        show: Gets what is being done, before it is done.
    """
    table = {way: Series(way.name, way.is_ours, way.threads) for way in ways}
    experiment.series += table.values()
    begin = perf_counter()
    for number in range(plan.rounds + 1):
        if number > LEAST_ROUNDS and perf_counter() - begin > plan.budget:
            break
        running = list(table)
        first = number % max(1, len(running))
        for way in [*running[first:], *running[:first]]:
            show(f"{way.name}, round {number} of {plan.rounds}" if number else f"{way.name} once")
            try:
                take_one(way, table[way], counts=number > 0)
            except Exception as error:
                # What a rival raises is no reason to lose what the others have shown.
                experiment.missing[way.name] = f"failed: {error!r}"
                del table[way]


def take_one(way: Way, series: Series, *, counts: bool) -> None:
    """Do one turn of one way."""
    gc.collect()
    batch = way.batch()
    series.compared += batch.compared
    series.wrong += batch.wrong
    if counts:
        series.samples += batch.samples
