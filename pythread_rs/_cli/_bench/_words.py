"""A run in words: the tables, the comparison in sentences, and where a rival wins."""

from __future__ import annotations

from collections.abc import Sequence

from pythread_rs._cli._bench._model import EQUAL_WITHIN, Comparison, Experiment, Series
from pythread_rs._cli._bench._plan import Outcome
from pythread_rs._cli._table import count, render

HEADERS = ("way", "N", "median", "p10", "p90", "ours / it")
NONE_WINS = "None in this run: no rival's median was more than 5 % better than ours."
NOTHING = "Nothing was measured, so nothing can be said."


def amount(value: float, unit: str) -> str:
    """Write a time or a number of bytes with three digits.

    >>> amount(0.0000123, "s"), amount(2_500_000, "B"), amount(0.0, "s")
    ('12.3 us', '2.38 MiB', '0.00 ns')
    """
    units: Sequence[tuple[str, float]] = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9))
    if unit == "B":
        units = (("MiB", 2.0**20), ("KiB", 2.0**10), ("B", 1.0))
    name, size = next((known for known in units if abs(value) >= known[1]), units[-1])
    scaled = value / size
    return f"{scaled:.{max(0, 3 - len(str(int(abs(scaled)))))}f} {name}"


def times(ratio: float, digits: int = 3) -> str:
    """Write a ratio.

    >>> times(0.01234), times(12.34, 2), times(1234.5)
    ('0.0123', '12', '1,234')
    """
    return f"{ratio:.{digits}g}" if ratio < 10**digits else f"{ratio:,.0f}"


def label(series: Series) -> str:
    """Name a row."""
    if series.threads is None:
        return series.way
    return f"{series.way}, {count(series.threads, 'thread')}"


def row(experiment: Experiment, series: Series) -> tuple[str, ...]:
    """Write a row for `HEADERS`."""
    low, high = series.tails
    ours = experiment.reference(series.threads)
    ratio = ""
    if not series.is_ours and ours is not None:
        ratio = times(Comparison(experiment, ours, series).ratio)
    unit = experiment.unit
    figures = (amount(figure, unit) for figure in (series.median, low, high))
    return (label(series), f"{len(series.samples):,}", *figures, ratio)


def remarks(experiment: Experiment) -> list[str]:
    """Write what stands below the table of an experiment."""
    lines = list(experiment.notes)
    lines += [f"Without {name}: {reason}." for name, reason in experiment.missing.items()]
    if experiment.wrong:
        lines.append(f"DIFFERENT: {experiment.wrong} of {experiment.compared} results.")
        lines += [f"DIFFERENT: {label(s)}: {s.wrong}" for s in experiment.series if s.wrong]
    elif experiment.compared:
        lines.append(f"All {experiment.compared:,} results are the ones that were expected.")
    return lines


def text(experiment: Experiment) -> str:
    """Write an experiment for a terminal."""
    rows = [row(experiment, series) for series in experiment.measured()]
    table = render(HEADERS, rows) if rows else "(interrupted before the first sample)"
    title = f"{experiment.name}: {experiment.title}; the figures are of {experiment.of}"
    return "\n".join([title, table, *remarks(experiment)]).replace("\n", "\n  ")


def comparisons(outcome: Outcome) -> list[Comparison]:
    """List all comparisons with rivals."""
    return [found for experiment in outcome.experiments for found in experiment.comparisons()]


def score(outcome: Outcome) -> str:
    """Count the comparisons."""
    found = comparisons(outcome)
    if not found:
        return NOTHING
    counts = {
        verdict: [one.is_clear for one in found if one.verdict == verdict]
        for verdict in ("ahead", "equal", "behind")
    }
    ahead, equal, behind = counts["ahead"], counts["equal"], counts["behind"]
    return (
        f"{count(len(found), 'comparison')} of medians: pythread_rs is ahead in {len(ahead)} "
        f"({sum(ahead)} clearly), within {EQUAL_WITHIN:.0%} in {len(equal)}, behind in "
        f"{len(behind)} ({sum(behind)} clearly). Clearly means that p10 to p90 do not overlap."
    )


def wins(outcome: Outcome) -> list[str]:
    """Say in which comparisons a rival was better, the largest first; never an empty list."""
    found = comparisons(outcome)
    if not found:
        return [NOTHING]
    behind = sorted((one for one in found if one.verdict == "behind"), key=lambda one: -one.ratio)
    return [win(one) for one in behind] or [NONE_WINS]


def win(one: Comparison) -> str:
    """Say that a rival is better, by how much, and whether another way of ours does better.

    The way of ours that is compared was chosen before the run, not by its figures.
    """
    unit, ours, rival = one.experiment.unit, one.ours, one.rival
    verb = "takes" if unit == "s" else "needs"
    sentence = (
        f"{one.experiment.name}: {label(rival)} {verb} {amount(rival.median, unit)}, "
        f"{label(ours)} {amount(ours.median, unit)}, {times(one.ratio)} times as much."
    )
    if not one.is_clear:
        sentence += " Not clearly: p10 to p90 overlap."
    others = [
        series
        for series in one.experiment.measured()
        if series.is_ours and series.threads == ours.threads and series.median < ours.median
    ]
    if others:
        best = min(others, key=lambda series: series.median)
        sentence += f" Another way of ours, {label(best)}: {amount(best.median, unit)}."
    return sentence


def absent(outcome: Outcome) -> list[str]:
    """Say which rivals and experiments are missing, and why."""
    lines = [f"{name}: {reason}." for name, reason in outcome.missing.items()]
    lines.append("rayon: left out, because building it needs crates from a registry.")
    return lines + [f"{name} was skipped: {reason}." for name, reason in outcome.skipped.items()]
