"""A run as it is printed and written: facts about the machine, tables, JSON, the page."""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pythread_rs import available_parallelism
from pythread_rs._cli._bench import _page, _words
from pythread_rs._cli._bench._model import Comparison, Experiment, Series
from pythread_rs._cli._bench._plan import Outcome
from pythread_rs._cli._machine import Fact, machine, package_version, versions
from pythread_rs._cli._table import count

JSON_SCHEMA = 1
PACKAGE = Path(__file__).resolve().parents[2]
GIT_SECONDS = 10.0
# No evidence behind the number.
DISTURBED_SHARE = 0.10
RIVALS = ("numpy", "joblib", "matplotlib")
Facts = Mapping[str, Mapping[str, Fact]]


def facts() -> dict[str, dict[str, Fact]]:
    """Gather what a reader of the figures must know; called before the run, for the load."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "run": {"date": now, "commit": commit()},
        "versions": {
            **versions(),
            **{name: package_version(name) for name in RIVALS},
            "rustc": rustc_version(),
        },
        "machine": machine(),
    }


def told(*command: str) -> str | None:
    """Return what a program prints, None when there is none or it fails."""
    if shutil.which(command[0]) is None:
        return None
    try:
        outcome = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return outcome.stdout.strip() if outcome.returncode == 0 else None


def commit() -> str | None:
    """Name the commit when the package is used in its checkout, and say if files differ."""
    folder = str(PACKAGE)
    # An installed package may lie somewhere below a checkout of something else.
    if told("git", "-C", folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    name = told("git", "-C", folder, "rev-parse", "--short", "HEAD")
    changed = told("git", "-C", folder, "status", "--porcelain", "--", ".", "../csrc")
    return f"{name} with uncommitted changes" if name and changed else name


def rustc_version() -> str | None:
    """Return the version of the Rust compiler, None when there is none."""
    words = (told("rustc", "--version") or "").split()
    return words[1] if len(words) > 1 else None


def plots_lack() -> str:
    """Say what plots need, when it is not installed."""
    if importlib.util.find_spec("matplotlib") is not None:
        return ""
    return (
        "note: the report will have no plots, because matplotlib is not installed: "
        "pip install 'pythread_rs[bench]'"
    )


@dataclass(frozen=True, slots=True)
class Report:
    """A run that has ended, with all that is known about it."""

    facts: Facts
    arguments: argparse.Namespace
    outcome: Outcome
    seconds: float

    def headline(self) -> str:
        """Say what ran where."""
        known = self.facts["versions"]
        return (
            f"pythread_rs {known['pythread_rs']} on {known['implementation']} {known['python']}, "
            f"GIL {known['gil']}, {count(available_parallelism(), 'core')}, "
            f"{count(self.arguments.threads, 'thread')}"
        )

    def warnings(self) -> list[str]:
        """Say what makes the figures doubtful."""
        lines: list[str] = []
        if self.outcome.is_interrupted:
            lines.append("Interrupted: the last experiment is incomplete, and later ones missing.")
        if self.arguments.quick:
            lines.append("A quick run, of few samples and small sizes: a look, nothing to quote.")
        others = self.outcome.others
        if others is not None and others > DISTURBED_SHARE:
            lines.append(
                f"Other programs took {others:.0%} of the CPU time meanwhile: times say little, "
                "and speed-ups by threads even less."
            )
        if self.outcome.wrong:
            lines.append(f"{self.outcome.wrong} results were DIFFERENT from the serial ones.")
        return lines

    def conclusion(self) -> str:
        """Count what was compared."""
        compared, wrong = self.outcome.compared, self.outcome.wrong
        same = (
            f"{wrong:,} of {compared:,} results differ"
            if wrong
            else (f"all {compared:,} results are the ones that were expected")
        )
        return f"Done in {self.seconds:.1f} s; {same}."

    def text(self) -> str:
        """Write the whole output of the command."""
        lines = [self.headline()]
        lines += [f"\n{_words.text(experiment)}" for experiment in self.outcome.experiments]
        lines.append("\nWhere a rival wins")
        lines += [f"  {line}" for line in _words.wins(self.outcome)]
        lines.append("\nNot measured")
        lines += [f"  {line}" for line in _words.absent(self.outcome)]
        lines += ["", _words.score(self.outcome), self.conclusion(), *self.warnings()]
        return "\n".join(lines)

    def document(self) -> dict[str, Any]:
        """Make the content of the JSON file; `schema` changes when a key changes its meaning."""
        settings = {"quick", "only", "dir", "threads", "scale"}
        return {
            "schema": JSON_SCHEMA,
            "command": "bench",
            "date": self.facts["run"]["date"],
            "commit": self.facts["run"]["commit"],
            "versions": dict(self.facts["versions"]),
            "machine": dict(self.facts["machine"]),
            "arguments": {
                key: value for key, value in sorted(vars(self.arguments).items()) if key in settings
            },
            "others": self.outcome.others,
            "interrupted": self.outcome.is_interrupted,
            "experiments": [plain(experiment) for experiment in self.outcome.experiments],
            "skipped": self.outcome.skipped,
            "missing": self.outcome.missing,
            "rival_wins": _words.wins(self.outcome),
            "score": _words.score(self.outcome),
            "warnings": self.warnings(),
            "seconds": round(self.seconds, 3),
        }

    def write(self) -> None:
        """Write the files that the arguments ask for."""
        if self.arguments.json is not None:
            text = json.dumps(self.document(), indent=1)
            Path(self.arguments.json).write_text(text + "\n", encoding="utf-8")
        if self.arguments.html is not None:
            Path(self.arguments.html).write_text(self.page(), encoding="utf-8")

    def page(self) -> str:
        """Write the report as a page."""
        return _page.page(
            self.headline(),
            [self.conclusion(), *self.warnings()],
            self.facts,
            self.outcome,
            plots_lack(),
        )


def plain(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment as plain data, raw samples included."""
    return {
        "name": experiment.name,
        "title": experiment.title,
        "of": experiment.of,
        "unit": experiment.unit,
        "series": [plain_series(experiment, series) for series in experiment.measured()],
        "notes": experiment.notes,
        "missing": experiment.missing,
        "compared": experiment.compared,
        "different": experiment.wrong,
    }


def plain_series(experiment: Experiment, series: Series) -> dict[str, Any]:
    """Return a series as plain data; `ratio` is ours / it."""
    ours = experiment.reference(series.threads)
    ratio = None
    if not series.is_ours and ours is not None:
        exact = Comparison(experiment, ours, series).ratio
        ratio = exact if math.isfinite(exact) else None  # JSON has no infinity
    low, high = series.tails
    return {
        "way": series.way,
        "ours": series.is_ours,
        "reference": series is ours,
        "threads": series.threads,
        "median": series.median,
        "p10": low,
        "p90": high,
        "stdev": series.deviation,
        "ratio": ratio,
        "compared": series.compared,
        "different": series.wrong,
        "samples": series.samples,
    }
