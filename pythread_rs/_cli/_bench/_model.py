"""What a run of the benchmark found: experiments, the series of samples in each, and verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median, quantiles, stdev
from typing import Literal, NamedTuple

# Medians closer than this are called equal. No evidence behind the number: runs on a quiet machine
# differ by about as much.
EQUAL_WITHIN = 0.05

Unit = Literal["s", "B"]


@dataclass(slots=True)
class Series:
    """The samples of one way of doing the work: seconds, or bytes; less is better.

    Args:
        way: Its name in tables.
        is_ours: Whether it uses this package.
        threads: How many threads it used, where the experiment is about that.
        samples: One for each measured call, in the order of the calls.
        compared: How many results were compared with the serial ones.
        wrong: How many of them were different.
    """

    way: str
    is_ours: bool
    threads: int | None = None
    samples: list[float] = field(default_factory=list[float])
    compared: int = 0
    wrong: int = 0

    @property
    def median(self) -> float:
        """The middle sample."""
        return median(self.samples)

    @property
    def tails(self) -> tuple[float, float]:
        """The tenth and the ninetieth percentile; for one sample, twice that sample."""
        if len(self.samples) == 1:
            return self.samples[0], self.samples[0]
        tenths = quantiles(self.samples, n=10, method="inclusive")
        return tenths[0], tenths[-1]

    @property
    def deviation(self) -> float:
        """The standard deviation, 0 for one sample."""
        return stdev(self.samples) if len(self.samples) > 1 else 0.0


@dataclass(slots=True)
class Experiment:
    """One workload: who did it, in which time, and whether the results were the same.

    Args:
        name: Its key in the JSON file and for `--only`.
        title: What is done, in one line.
        of: What one sample is about, such as "one thread".
        unit: Of the samples: seconds or bytes.
        series: The first of ours is what the rivals are compared with.
        notes: Sentences that a reader of the table needs.
        missing: Rival -> why it did not take part.
    """

    name: str
    title: str
    of: str
    unit: Unit = "s"
    series: list[Series] = field(default_factory=list[Series])
    notes: list[str] = field(default_factory=list[str])
    missing: dict[str, str] = field(default_factory=dict[str, str])

    def measured(self) -> list[Series]:
        """Return the series that have samples: an interrupted run leaves some without."""
        return [series for series in self.series if series.samples]

    def reference(self, threads: int | None = None) -> Series | None:
        """Return the series of ours that rivals with so many threads are compared with."""
        ours = (s for s in self.measured() if s.is_ours and s.threads == threads)
        return next(ours, None)

    def comparisons(self) -> Iterator[Comparison]:
        """Yield each rival beside ours."""
        for series in self.measured():
            ours = self.reference(series.threads)
            if not series.is_ours and ours is not None:
                yield Comparison(self, ours, series)

    @property
    def wrong(self) -> int:
        """How many results were not those of the serial way."""
        return sum(series.wrong for series in self.series)

    @property
    def compared(self) -> int:
        """How many results were compared with those of the serial way."""
        return sum(series.compared for series in self.series)


class Comparison(NamedTuple):
    """Ours and a rival in one experiment."""

    experiment: Experiment
    ours: Series
    rival: Series

    @property
    def ratio(self) -> float:
        """Our median divided by the rival's: below 1 ours takes less."""
        return self.ours.median / self.rival.median if self.rival.median > 0 else float("inf")

    @property
    def is_clear(self) -> bool:
        """Whether the ranges of the two, from p10 to p90, have nothing in common."""
        (ours_low, ours_high), (low, high) = self.ours.tails, self.rival.tails
        return ours_high < low or high < ours_low

    @property
    def verdict(self) -> Literal["ahead", "equal", "behind"]:
        """Where ours stands."""
        if abs(self.ratio - 1) <= EQUAL_WITHIN:
            return "equal"
        return "ahead" if self.ratio < 1 else "behind"
