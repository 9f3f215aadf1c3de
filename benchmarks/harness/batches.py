"""Rivals by turns: a batch of each, again and again, so that what drifts hits all alike."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter, process_time, sleep
from typing import TypeVar

from harness.report import OURS, Bar, Check, Row

T = TypeVar("T")

# A loop around the samples costs time too, above all for calls of less than a microsecond.
LEAST_SHARE_OF_WALL = 0.6

WARM_UP = 2


@dataclass(slots=True)
class Batch:
    """The samples of some calls in a row.

    Args:
        seconds: One for each call.
        cpu: CPU seconds that the process used for all of them.
        wall: Seconds from the first to the last by a clock around the loop, pauses left out.
    """

    seconds: list[float] = field(default_factory=list[float])
    cpu: float = 0.0
    wall: float = 0.0

    def add(self, other: Batch) -> None:
        """Append the samples of a later batch."""
        self.seconds += other.seconds
        self.cpu += other.cpu
        self.wall += other.wall


@dataclass(frozen=True, slots=True)
class Rival:
    """One of those that are compared: a name, and how to get a batch of so many samples."""

    name: str
    run: Callable[[int], Batch]


def timed(
    name: str,
    call: Callable[[], T],
    after: Callable[[T], object],
    *,
    pause: float = 0.0,
    per: int = 1,
) -> Rival:
    """Make a rival of a function in this process.

    Args:
        name: The label of its row.
        call: What is timed.
        after: Gets what `call` returned, untimed: it joins or checks.
        pause: Seconds to sleep before each call, untimed.
        per: How many threads one call handles; times are divided by it.
    """

    def run(count: int) -> Batch:
        batch = Batch()
        gc.collect()
        cpu = process_time()
        for _ in range(count):
            if pause:
                sleep(pause)
            begin = perf_counter()
            result = call()
            end = perf_counter()
            after(result)
            batch.wall += (perf_counter() - begin) / per
            batch.seconds.append((end - begin) / per)
        batch.cpu = (process_time() - cpu) / per
        return batch

    return Rival(name, run)


def interleave(rivals: Sequence[Rival], *, rounds: int, size: int) -> dict[str, Batch]:
    """Run the rivals by turns and pool the samples of each; `WARM_UP` rounds before do not count.

    Args:
        rivals: Who takes part. Each round begins with another one.
        rounds: How often each has its turn.
        size: Samples per turn.
    """
    pooled = {rival.name: Batch() for rival in rivals}
    for number in range(WARM_UP + rounds):
        first = number % len(rivals)
        for rival in [*rivals[first:], *rivals[:first]]:
            batch = rival.run(size)
            if number >= WARM_UP:
                pooled[rival.name].add(batch)
    return pooled


def rows(batches: Mapping[str, Batch], bars: Mapping[str, Bar]) -> list[Row]:
    """Summarise the samples; each row but ours gets the ratio of the medians."""
    ours = median(batches[OURS].seconds)
    table: list[Row] = []
    for name, batch in batches.items():
        value = median(batch.seconds)
        tenths = quantiles(batch.seconds, n=10, method="inclusive")
        table.append(
            Row(
                label=name,
                value=value,
                p10=tenths[0],
                p90=tenths[-1],
                samples=len(batch.seconds),
                cpu=batch.cpu / len(batch.seconds),
                ratio=None if name == OURS else ours / value,
                bar=bars.get(name),
            )
        )
    return table


def wall_check(batch: Batch) -> Check:
    """Compare the samples of ours with a second clock around calls and checks together."""
    share = sum(batch.seconds) / batch.wall
    return Check(
        f"sum of our samples / clock around the loop = {share:.2f}",
        LEAST_SHARE_OF_WALL <= round(share, 3) <= 1.0,
    )
