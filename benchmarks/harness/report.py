"""What one shape found: figures, the bars they are held against, and checks of the figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

OURS = "pythread_rs"


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit that a figure must not pass.

    Args:
        of: What is held against the limit, "ratio" (ours / this row) or "value" (this row).
        limit: The bar.
        stretch: A harder one, which is wished for and not demanded.
    """

    of: str
    limit: float
    stretch: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Args:
        label: Who or what was measured.
        value: The figure, for a series of samples its median; None when it cannot be had here.
        unit: "s" for seconds, "B" for bytes, "" for a count.
        p10: The tenth percentile of the samples, None for a single figure.
        p90: The ninetieth.
        samples: How many there were.
        cpu: CPU seconds of the whole process per sample, None where that was not measured.
        ratio: Ours divided by this row, None where that means nothing.
        bar: What the row must meet, None for a row that is only shown.
    """

    label: str
    value: float | None
    unit: str = "s"
    p10: float | None = None
    p90: float | None = None
    samples: int = 1
    cpu: float | None = None
    ratio: float | None = None
    bar: Bar | None = None

    @property
    def held(self) -> float | None:
        """The figure that the bar is about, None without a bar."""
        if self.bar is None:
            return None
        return self.ratio if self.bar.of == "ratio" else self.value

    @property
    def met(self) -> bool | None:
        """Whether the bar is met, None when there is none or the figure is missing."""
        if self.bar is None or self.held is None:
            return None
        return self.held <= self.bar.limit


@dataclass(frozen=True, slots=True)
class Check:
    """A figure looked at in a second way.

    Args:
        text: What was compared, with both numbers.
        holds: Whether they agree.
    """

    text: str
    holds: bool


@dataclass(slots=True)
class Report:
    """Everything one run of one shape has to say.

    Args:
        shape: Its name, which is the name of its script.
        title: What is measured, in one line.
        rows: The figures.
        checks: The second looks.
        notes: Sentences that a reader of the table needs.
        others: The share of all CPU time that other programs took meanwhile, None if unknown.
        keys: The key figure of each repetition; `rows` are those of the median one.
        disturbed: How many of these repetitions other programs disturbed.
    """

    shape: str
    title: str
    rows: list[Row]
    checks: list[Check] = field(default_factory=list[Check])
    notes: list[str] = field(default_factory=list[str])
    others: float | None = None
    keys: list[float] = field(default_factory=list[float])
    disturbed: int = 0

    @property
    def key(self) -> float:
        """The figure by which repetitions are ranked: that of the first bar."""
        held = [row.held for row in self.rows if row.held is not None]
        return held[0] if held else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return plain data; verdicts are written out for whoever reads the file."""
        data = asdict(self)
        for plain, row in zip(data["rows"], self.rows, strict=True):
            plain["met"] = row.met
        return data


def report_from_json(data: dict[str, Any]) -> Report:
    """Build a report from what `Report.to_json` returned."""
    known: dict[str, Any] = dict(data)
    known["rows"] = [_row_from_json(row) for row in data["rows"]]
    known["checks"] = [Check(**check) for check in data["checks"]]
    return Report(**known)


def _row_from_json(data: dict[str, Any]) -> Row:
    known = {name: value for name, value in data.items() if name not in {"met", "bar"}}
    bar = data["bar"]
    return Row(**known, bar=None if bar is None else Bar(**bar))
