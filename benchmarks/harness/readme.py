"""Rewrites the measured parts of README.md, which stand between marks; the prose stays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from harness.regime import BARS, REGIMES, SHAPES
from harness.report import OURS, Report, Row, report_from_json
from harness.tables import amount, bar_text, markdown, markdown_table, met_text

Result = dict[str, Any]

SAME_FACTS = (
    "date",
    "commit",
    "pythread_rs",
    "cpu",
    "cpus",
    "virtual",
    "kernel",
    "rustc",
    "waits by",
)
LABELS = {
    "cpu": "CPU",
    "cpus": "CPUs",
    "kernel": "OS",
    "virtual": "virtual machine",
    "waits by": "threads wait by",
}


def write_readme(path: Path, results: list[Result]) -> None:
    """Put new tables between the marks.

    Args:
        path: The file; it must hold the marks `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
        results: One for each Python.

    Raises:
        ValueError: A mark is missing.
    """
    regions = {
        "setting": setting(results),
        "summary": summary_table(results),
        "missed": missed(results),
        "tables": all_tables(results),
    }
    content = path.read_text(encoding="utf-8")
    for name, lines in regions.items():
        marks = re.compile(rf"(<!-- begin: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
        found = list(marks.finditer(content))
        if len(found) != 1:
            raise ValueError(f"{path.name} must hold the marks of {name!r} once")
        head, tail = content[: found[0].end(1)], content[found[0].start(2) :]
        content = "\n".join([head, *lines, "", tail])
    path.write_text(content, encoding="utf-8")


def reports_of(result: Result, regime: str = BARS.name) -> dict[str, Report]:
    """Return the reports of a regime by shape."""
    found = map(report_from_json, result["regimes"].get(regime, []))
    return {report.shape: report for report in found}


def setting(results: list[Result]) -> list[str]:
    """Say on what and with what was measured."""
    first = results[0]["facts"]
    rows = [[LABELS.get(name, name), first[name]] for name in SAME_FACTS]
    rows += [
        [
            f"Python {result['facts']['python']}",
            f"{result['facts']['compiler']}, GIL {result['facts']['gil']}",
        ]
        for result in results
    ]
    rows.append(["runs of each shape", runs(results)])
    return [f"| {' | '.join(row)} |" for row in [["", ""], ["---", "---"], *rows]]


def runs(results: list[Result]) -> str:
    """Say how often each shape was run for the bars: one number, or the range of them."""
    counts = {len(report.keys) for result in results for report in reports_of(result).values()}
    return (
        "-".join(str(count) for count in sorted({min(counts), max(counts)})) if counts else "none"
    )


def summary_table(results: list[Result]) -> list[str]:
    """Write one line for each bar with a column for each Python."""
    headers = ["what", "bar", *(f"Python {result['facts']['python']}" for result in results)]
    lines: list[list[str]] = []
    by_python = [reports_of(result) for result in results]
    for shape in SHAPES:
        if not all(shape in reports for reports in by_python):
            continue
        for row in by_python[0][shape].rows:
            if row.bar is not None:
                lines.append([f"`{shape}` {against(row)}", bar_text(row)])
                lines[-1] += [verdict(reports[shape], row.label) for reports in by_python]
    return markdown_table(headers, lines)


def against(row: Row) -> str:
    """Name what a bar is about."""
    if row.bar is not None and row.bar.of == "ratio":
        return f"/ {row.label}"
    return "" if row.label == OURS else row.label


def verdict(report: Report, label: str) -> str:
    """Write our figure and whether it meets the bar of the row with this label."""
    row = next((row for row in report.rows if row.label == label), None)
    if row is None or row.bar is None or row.held is None:
        return "not measured"
    if row.bar.of == "value":
        return f"{amount(row.value, row.unit)}, {met_text(row)}"
    ours = next(row for row in report.rows if row.label == OURS)
    return f"{row.held:.2f} ({amount(ours.value, ours.unit)}), {met_text(row)}"


def missed(results: list[Result]) -> list[str]:
    """Name every bar that is missed, and every check that fails."""
    lines: list[str] = []
    for result in results:
        python = result["facts"]["python"]
        if result["changed"]:
            lines.append(f"- Python {python}: the code changed while it was measured.")
        for report in reports_of(result).values():
            for row in report.rows:
                if row.met is False:
                    held = verdict(report, row.label).rpartition(",")[0]
                    lines.append(
                        f"- Python {python}, `{report.shape}` {against(row)}: {held}; "
                        f"the bar is {bar_text(row)}."
                    )
            lines += [
                f"- Python {python}, `{report.shape}`: a check of the figures fails: {check.text}."
                for check in report.checks
                if not check.holds
            ]
    lines = lines or ["No bar is missed, and every check of the figures holds."]
    return [*lines, "", *disturbed(results)]


def disturbed(results: list[Result]) -> list[str]:
    """Name the figures for the bars that were taken while other programs ran."""
    lines: list[str] = []
    for result in results:
        shares = [
            f"`{report.shape}` {report.others:.0%}"
            for report in reports_of(result).values()
            if report.disturbed and report.others is not None
        ]
        if shares:
            lines.append(f"- Python {result['facts']['python']}: {', '.join(shares)}.")
    if not lines:
        return ["Other programs left the CPUs alone meanwhile."]
    return [
        "Other programs took more than 10 % of the CPU time while these were measured:",
        "",
        *lines,
    ]


def all_tables(results: list[Result]) -> list[str]:
    """Write every table, Python by Python and regime by regime."""
    lines: list[str] = []
    for result in results:
        lines += [f"## Python {result['facts']['python']}", ""]
        for regime in REGIMES:
            reports = reports_of(result, regime.name)
            if not reports:
                continue
            is_bars = regime is BARS
            note = "" if is_bars else " (not the bars)"
            lines += [f"### {regime.title[0].upper()}{regime.title[1:]}{note}", ""]
            for report in reports.values():
                lines += [markdown(report, with_bar=is_bars), ""]
    return lines[:-1]
