"""Reports as text for a terminal and as Markdown for a README."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report import Report, Row

HEADERS = ("", "median", "p10", "p90", "CPU", "N", "ours / it", "bar", "met")


def amount(value: float | None, unit: str) -> str:
    """Write a figure with three digits in the unit that suits it.

    >>> amount(0.0000123, "s"), amount(2_500_000, "B"), amount(7, ""), amount(None, "s")
    ('12.3 us', '2.38 MiB', '7', 'n/a')
    """
    if value is None:
        return "n/a"
    if unit == "s":
        return _scaled(value, (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)))
    if unit == "B":
        return _scaled(value, (("MiB", 2.0**20), ("KiB", 2.0**10), ("B", 1.0)))
    return f"{value:g}"


def _scaled(value: float, units: Sequence[tuple[str, float]]) -> str:
    name, size = next((unit for unit in units if abs(value) >= unit[1]), units[-1])
    scaled = value / size
    decimals = max(0, 3 - len(str(int(abs(scaled))))) if scaled else 0
    return f"{scaled:.{decimals}f} {name}"


def bar_text(row: Row) -> str:
    """Write the bar of a row, with the stretch goal behind it."""
    bar = row.bar
    if bar is None:
        return ""
    if bar.of == "ratio":
        stretch = "" if bar.stretch is None else f" ({bar.stretch:g})"
        return f"<= {bar.limit:g}x{stretch}"
    return f"<= {amount(bar.limit, row.unit)}"


def met_text(row: Row) -> str:
    """Say whether the bar is met; a stretch goal is named only when it is met too."""
    if row.bar is None:
        return ""
    if row.met is None:
        return "n/a"
    if not row.met:
        return "NO"
    held, stretch = row.held, row.bar.stretch
    return "yes, stretch" if stretch is not None and held is not None and held <= stretch else "yes"


def cells(row: Row, *, with_bar: bool = True) -> list[str]:
    """Write a row for the columns of `HEADERS`."""
    optional = [row.p10, row.p90, row.cpu]
    return [
        row.label,
        amount(row.value, row.unit),
        *("" if value is None else amount(value, row.unit) for value in optional),
        f"{row.samples:,}" if row.p10 is not None else "",
        "" if row.ratio is None else f"{row.ratio:.3f}",
        *([bar_text(row), met_text(row)] if with_bar else []),
    ]


def text(report: Report, *, with_bar: bool = True) -> str:
    """Write a report for a terminal."""
    headers = HEADERS if with_bar else HEADERS[:-2]
    lines = [list(headers), *(cells(row, with_bar=with_bar) for row in report.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    table = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([f"{report.shape}: {report.title}", *table, *remarks(report)])


def markdown(report: Report, *, with_bar: bool = True) -> str:
    """Write a report as a Markdown section of its own."""
    headers = HEADERS if with_bar else HEADERS[:-2]
    lines = [f"**{report.shape}**: {report.title}", ""]
    lines += markdown_table(headers, [cells(row, with_bar=with_bar) for row in report.rows])
    rest = remarks(report)
    return "\n".join([*lines, *([""] if rest else []), *(f"- {line}" for line in rest)])


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Write a table: the first column to the left, the others to the right."""
    rule = ["---", *("---:" for _ in headers[1:])]
    return [f"| {' | '.join(line)} |" for line in (headers, rule, *rows)]


def remarks(report: Report) -> list[str]:
    """Write what stands below the table: checks, notes, repetitions, disturbance."""
    lines = [f"check {'holds' if c.holds else 'FAILS'}: {c.text}" for c in report.checks]
    lines += report.notes
    if len(report.keys) > 1:
        keys = ", ".join(f"{key:.3g}" for key in sorted(report.keys))
        lines.append(f"key figure in {len(report.keys)} runs: {keys}; the median run is shown")
    if report.others is not None:
        lines.append(f"CPU time taken by other programs meanwhile: {report.others:.0%}")
    if report.disturbed:
        runs = max(1, len(report.keys))
        lines.append(f"runs that other programs disturbed: {report.disturbed} of {runs}")
    return lines
