"""What one job of the demo has to say: a table, notes, figures for the JSON file, differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from pythread_rs._cli._rivals import PYTHREAD_RS, SERIAL, THREADING, Run
from pythread_rs._cli._table import duration, render, verdict

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number: `files`, `serial`, `time`, 1.42, `s`, median of `runs` runs."""

    job: str
    way: str
    quantity: str
    value: float
    unit: str
    runs: int


@dataclass(frozen=True, slots=True)
class Section:
    """The outcome of one job. `differences` is empty when all ways gave the same results."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]
    figures: Sequence[Figure]
    differences: Sequence[str]

    def text(self) -> str:
        """Write the section as it is printed."""
        lines = [self.title, render(self.headers, self.rows), *self.notes]
        shown = self.differences[:10]
        lines += [f"DIFFERENT: {difference}" for difference in shown]
        if len(shown) < len(self.differences):
            lines.append(f"... and {len(self.differences) - len(shown)} more")
        # The title stands at the margin, what belongs to it is indented.
        return "\n".join(lines).replace("\n", "\n  ")


def timed_section(
    job: str,
    title: str,
    runs: Sequence[Run[T]],
    *,
    notes: Sequence[str],
    differences: Sequence[str],
    extra: Mapping[str, Callable[[float], str]] | None = None,
) -> Section:
    """Make the section of a job that was done in all three ways.

    Args:
        job: Name in the figures.
        title: First line.
        runs: All runs of all ways; a way's time is the median of its runs.
        notes: Lines below the table, before the sentence that compares the two kinds of thread.
        differences: Results that were not the same.
        extra: Header -> the cell for a time in seconds, put after the time.
    """
    extra = extra or {}
    samples = {
        way: [run.seconds for run in runs if run.way == way]
        for way in (SERIAL, THREADING, PYTHREAD_RS)
    }
    times = {way: median(seconds) for way, seconds in samples.items()}
    rows = [
        (
            way,
            str(len(samples[way])),
            duration(seconds),
            *(cell(seconds) for cell in extra.values()),
            f"{times[SERIAL] / seconds:.2f}x",
            f"{seconds / times[THREADING]:.2f}",
        )
        for way, seconds in times.items()
    ]
    return Section(
        title=title,
        headers=("way", "runs", "time", *extra, "speed-up", "time / threading"),
        rows=rows,
        notes=[*notes, verdict(times[PYTHREAD_RS], times[THREADING])],
        figures=[
            Figure(job, way, "time", seconds, "s", len(samples[way]))
            for way, seconds in times.items()
        ],
        differences=differences,
    )
