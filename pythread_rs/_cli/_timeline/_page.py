"""A timeline as one HTML page that needs nothing else: the picture, a legend and a table."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from pythread_rs._cli._timeline._chrome import GENERATOR
from pythread_rs._cli._timeline._model import Lane, Timeline
from pythread_rs._cli._timeline._svg import AXIS_HEIGHT, LANE_HEIGHT, Drawing, draw
from pythread_rs._cli._timeline._text import duration

__all__ = ["html_page"]

_HERE: Final = Path(__file__).parent
_STYLE: Final = (_HERE / "page.css").read_text(encoding="utf-8").strip()
_SCRIPT: Final = (_HERE / "page.js").read_text(encoding="utf-8").strip()

_PAGE: Final = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="$generator">
<meta name="viewport" content="width=device-width"><title>$title</title>
<style>
$style
</style></head><body>
<h1>$title</h1>
<p>$summary</p>
$warning<p class="legend">$legend</p>
<p><label>Zoom <input id="zoom" type="range" min="0" max="10" step="0.5" value="0"></label>
(or Ctrl and the wheel) <label><input id="even" type="checkbox"> spread bursts, cut quiet
times short</label>. Point at anything to read what it is.</p>
<div class="chart"><div class="labels">$labels</div>
<div class="scroll">
$svg
</div></div>
$table
<script>
$script
</script></body></html>
"""
)

_BARS: Final = (
    ("run", "runs"),
    ("lock", "waits for a lock"),
    ("recv", "waits for a message"),
    ("send", "waits for room"),
    ("park", "parked"),
    ("join", "waits for a thread"),
    ("sleep", "sleeps"),
    ("other", "waits otherwise"),
)
_ARROWS: Final = (
    ("message", "message"),
    ("spawn", "spawn"),
    ("unpark", "unpark"),
    ("faint", "end and join"),
)


def html_page(timeline: Timeline, script: str) -> str:
    """Write the page of a timeline."""
    drawing = draw(timeline)
    return _PAGE.substitute(
        generator=GENERATOR,
        title=escape(f"Threads of {script}"),
        style=_STYLE,
        summary=escape(_summary(timeline, drawing)),
        warning=_warning(timeline, drawing.left_out),
        legend=_legend(),
        labels=_labels(drawing.lanes),
        svg=drawing.svg,
        table=_table(timeline, drawing.lanes),
        script=_SCRIPT,
    )


def _summary(timeline: Timeline, drawing: Drawing) -> str:
    kinds = Counter(arrow.kind for arrow in timeline.arrows)
    panics = sum(len(lane.panics) for lane in timeline.lanes)
    counts = (
        (len(timeline.lanes), "thread"),
        (kinds["message"], "message"),
        (kinds["unpark"], "unpark"),
        (panics, "panic"),
    )
    parts = [f"{n} {what}{'' if n == 1 else 's'}" for n, what in counts if n]
    whole = f"{duration(timeline.ended - timeline.began)}: {', '.join(parts)}."
    shown = duration(drawing.ended - drawing.began)
    start = duration(drawing.began - timeline.began)
    return (
        f"{whole} Shown are {shown}, from {start} after the start of the program; "
        "no thread waited or did anything with another before or after."
    )


def _warning(timeline: Timeline, left_out: str) -> str:
    parts: list[str] = []
    if timeline.dropped:
        parts.append(f"{timeline.dropped} events were dropped at the limit.")
    if left_out:
        parts.append(f"Not drawn here, but in the JSON file: {left_out}.")
    return f'<p class="bad">{" ".join(parts)}</p>\n' if parts else ""


def _legend() -> str:
    bars = [f'<span><i style="background:var(--{name})"></i>{text}</span>' for name, text in _BARS]
    arrows = [
        f'<span><i class="arrow" style="background:var(--{name})"></i>{text}</span>'
        for name, text in _ARROWS
    ]
    return "".join([*bars, *arrows, '<span class="bad">\N{BALLOT X} panic</span>'])


def _labels(lanes: list[Lane]) -> str:
    first = f'<div style="height:{AXIS_HEIGHT}px"></div>'
    rest = (
        f'<div style="height:{LANE_HEIGHT}px" title="{escape(lane.label)}, number {lane.number}">'
        f"{escape(lane.label)}</div>"
        for lane in lanes
    )
    return first + "".join(rest)


def _table(timeline: Timeline, lanes: list[Lane]) -> str:
    sent = Counter(arrow.source for arrow in timeline.arrows if arrow.kind == "message")
    received = Counter(arrow.target for arrow in timeline.arrows if arrow.kind == "message")
    head = "".join(
        f"<th>{name}</th>"
        for name in ("thread", "number", "lived", "waited", "sent", "received", "panics")
    )
    rows = "\n".join(
        "<tr>"
        + "".join(
            f"<td>{escape(str(cell))}</td>"
            for cell in (
                lane.label,
                lane.number,
                duration(lane.end - lane.begin),
                duration(lane.waited()),
                sent[lane],
                received[lane],
                len(lane.panics),
            )
        )
        + "</tr>"
        for lane in lanes
    )
    return f"<table><tr>{head}</tr>\n{rows}</table>"
