"""A timeline as an SVG picture: a lane for each thread, bars for waits, arrows between lanes.

Across, all places are per cent of the time that the trace took, so the picture can be made wider
without a change of its text; down, they are pixels.
"""

from __future__ import annotations

from html import escape
from typing import Final, NamedTuple

from pythread_rs._cli._timeline._model import Arrow, Lane, Mark, Span, Timeline
from pythread_rs._cli._timeline._text import (
    arrow_text,
    duration,
    lane_text,
    panic_text,
    span_text,
)

__all__ = ["AXIS_HEIGHT", "LANE_HEIGHT", "Drawing", "draw"]

AXIS_HEIGHT: Final = 28
LANE_HEIGHT: Final = 44
_BAR: Final = 20
_TICKS: Final = 10
_MARGIN: Final = 50  # a part of the time, on both sides
# A browser stays quick with so many elements. Chosen without measurement.
_MOST_LANES: Final = 200
_MOST_SPANS: Final = 6000
_MOST_ARROWS: Final = 3000

# The colours; every other wait has the one of "other".
_COLOURED: Final = frozenset({"lock", "read", "write", "recv", "send", "park", "join", "sleep"})


class Drawing(NamedTuple):
    """The picture, the lanes and the time that are in it, and what was left out."""

    svg: str
    lanes: list[Lane]
    began: int
    ended: int
    left_out: str


class _Scale(NamedTuple):
    began: int
    length: int

    def x(self, time: int) -> str:
        return f"{100 * self.share(time):.7f}%"

    def share(self, time: int) -> float:
        return min(max((time - self.began) / self.length, 0.0), 1.0)

    def width(self, begin: int, end: int) -> str:
        return f"{100 * (self.share(end) - self.share(begin)):.7f}%"


def draw(timeline: Timeline) -> Drawing:
    """Draw a timeline; of a large one the first lanes, the longest spans and the first arrows."""
    began, ended = _eventful(timeline)
    scale = _Scale(began, max(ended - began, 1))
    lanes = timeline.lanes[:_MOST_LANES]
    rows = {lane: AXIS_HEIGHT + LANE_HEIGHT * row for row, lane in enumerate(lanes)}
    spans = [(span, lane) for lane in lanes for span in lane.spans]
    shown = sorted(spans, key=lambda pair: pair[0].begin - pair[0].end)[:_MOST_SPANS]
    arrows = [arrow for arrow in timeline.arrows if arrow.source in rows and arrow.target in rows]
    parts = [_head(len(lanes), scale.length), *_axis(scale, len(lanes))]
    for lane, top in rows.items():
        parts.append(_bar(lane, top, scale))
    # Waits first: the short operations lie above them.
    for span, lane in sorted(shown, key=lambda pair: pair[0].kind != "wait"):
        parts.append(_span(span, lane, rows[lane], scale))
    parts += [_arrow(arrow, rows, scale) for arrow in arrows[:_MOST_ARROWS]]
    for lane, top in rows.items():
        parts += [_panic(mark, lane, top, scale) for mark in lane.panics]
    left_out = _left_out(
        (len(timeline.lanes) - len(lanes), "thread"),
        (len(spans) - len(shown), "short span"),
        (len(timeline.arrows) - len(arrows[:_MOST_ARROWS]), "arrow"),
    )
    return Drawing("\n".join([*parts, "</svg>"]), lanes, began, ended, left_out)


def _eventful(timeline: Timeline) -> tuple[int, int]:
    """Return the time in which anything happened: a program is long at its imports, alone."""
    times = [span.begin for lane in timeline.lanes for span in lane.spans]
    times += [span.end for lane in timeline.lanes for span in lane.spans]
    times += [time for lane in timeline.lanes[1:] for time in (lane.begin, lane.end)]
    times += [mark.time for lane in timeline.lanes for mark in lane.panics]
    if not times:
        return timeline.began, timeline.ended
    margin = (max(times) - min(times)) // _MARGIN
    return max(min(times) - margin, timeline.began), min(max(times) + margin, timeline.ended)


def _left_out(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{count} {what}s" for count, what in counts if count > 0)


def _head(lanes: int, length: int) -> str:
    markers = "".join(
        f'<marker id="head-{kind}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        f'markerHeight="7" markerUnits="userSpaceOnUse" orient="auto" class="{kind}">'
        '<path d="M0 0L8 4L0 8z"/></marker>'
        for kind in ("message", "spawn", "unpark", "join")
    )
    height = AXIS_HEIGHT + LANE_HEIGHT * lanes
    return (
        '<svg id="timeline" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="timeline of threads" data-length="{length}" width="100%" '
        f'height="{height}"><defs>{markers}</defs>'
    )


def _axis(scale: _Scale, lanes: int) -> list[str]:
    """Draw the stripes of the lanes and the ticks of the time."""
    height = AXIS_HEIGHT + LANE_HEIGHT * lanes
    parts = [
        f'<rect class="stripe" x="0" y="{AXIS_HEIGHT + LANE_HEIGHT * row}" width="100%" '
        f'height="{LANE_HEIGHT}"/>'
        for row in range(0, lanes, 2)
    ]
    step = _round_step(scale.length / _TICKS)
    for tick in range(0, scale.length, step):
        x = scale.x(scale.began + tick)
        parts.append(f'<line class="tick" x1="{x}" x2="{x}" y1="18" y2="{height}"/>')
        if scale.share(scale.began + tick) < 0.96:  # the text would not fit
            label = duration(tick) if tick else "0"
            parts.append(f'<text class="tick" x="{x}" dx="3" y="14">{label}</text>')
    return parts


def _round_step(least: float) -> int:
    step = 1
    while step < least:
        for factor in (2, 5, 10):
            if step * factor >= least:
                return step * factor
        step *= 10
    return step


def _titled(tag: str, attributes: str, title: str) -> str:
    return f"<{tag} {attributes}><title>{escape(title)}</title></{tag}>"


def _bar(lane: Lane, top: int, scale: _Scale) -> str:
    attributes = (
        f'class="run" x="{scale.x(lane.begin)}" y="{top + 12}" rx="3" '
        f'width="{scale.width(lane.begin, lane.end)}" height="{_BAR}"'
    )
    return _titled("rect", attributes, lane_text(lane, scale.began))


def _span(span: Span, lane: Lane, top: int, scale: _Scale) -> str:
    title = span_text(span, lane, scale.began)
    if span.kind == "wait":
        colour = span.what if span.what in _COLOURED else "other"
        attributes = (
            f'class="wait {colour}" x="{scale.x(span.begin)}" y="{top + 14}" '
            f'width="{scale.width(span.begin, span.end)}" height="{_BAR - 4}"'
        )
        return _titled("rect", attributes, title)
    # Where its arrow begins or ends.
    time = span.end if span.kind in {"recv", "park"} else span.begin
    attributes = f'class="dot {span.kind}" cx="{scale.x(time)}" cy="{_middle(top)}" r="3"'
    return _titled("circle", attributes, title)


def _middle(top: int) -> int:
    return top + 12 + _BAR // 2


def _arrow(arrow: Arrow, rows: dict[Lane, int], scale: _Scale) -> str:
    source, target = rows[arrow.source], rows[arrow.target]
    ends = (
        f'x1="{scale.x(arrow.sent)}" y1="{_middle(source)}" '
        f'x2="{scale.x(arrow.received)}" y2="{_middle(target)}"'
    )
    return (
        f'<g class="arrow {arrow.kind}"><title>{escape(arrow_text(arrow, scale.began))}</title>'
        f'<line class="hit" {ends}/><line {ends} marker-end="url(#head-{arrow.kind})"/></g>'
    )


def _panic(mark: Mark, lane: Lane, top: int, scale: _Scale) -> str:
    attributes = f'class="panic" x="{scale.x(mark.time)}" y="{top + 11}"'
    title = escape(panic_text(mark, lane, scale.began))
    return f"<text {attributes}>\N{BALLOT X}<title>{title}</title></text>"
