"""Times and source lines as a reader sees them."""

from __future__ import annotations

import linecache
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pythread_rs._cli._timeline._model import Arrow, Lane, Mark, Place, Span

__all__ = ["arrow_text", "duration", "lane_text", "panic_text", "place_text", "span_text"]

_UNITS: Final = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))


def duration(nanoseconds: float) -> str:
    """Write a time with three digits and the unit that fits.

    >>> duration(1_234_567), duration(999)
    ('1.23 ms', '999 ns')
    """
    for size, unit in _UNITS:
        if abs(nanoseconds) >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def place_text(place: Place | None) -> str:
    """Name a line and show its source."""
    if place is None:
        return ""
    source = linecache.getline(place.file, place.line).strip()
    name = f"{os.path.basename(place.file)}:{place.line} in {place.function}"
    return f"{name}\n    {source}" if source else name


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def span_text(span: Span, lane: Lane, began: int) -> str:
    """Tell what a thread did or waited for."""
    name = f"wait: {span.what}" if span.kind == "wait" else f"{span.kind} {span.note}".rstrip()
    length = duration(span.end - span.begin)
    rest = ", not over when the trace ended" if span.is_open else ""
    when = f"{length} from {duration(span.begin - began)}{rest}"
    return _lines(f"{lane.label}: {name}", when, place_text(span.place))


def lane_text(lane: Lane, began: int) -> str:
    """Tell how long a thread ran."""
    end = "still there at the last event" if lane.is_open else "ended"
    length = lane.end - lane.begin
    return _lines(
        f"{lane.label} (number {lane.number}), {end}",
        f"{duration(length)} from {duration(lane.begin - began)}",
        f"waited {duration(lane.waited())}",
    )


def panic_text(mark: Mark, lane: Lane, began: int) -> str:
    """Tell of a panic."""
    when = f"at {duration(mark.time - began)}"
    return _lines(f"{lane.label} panicked: {mark.text}", when, place_text(mark.place))


_VERBS: Final = {
    "message": "message",
    "spawn": "spawn of",
    "unpark": "unpark",
    "join": "join of",
}


def arrow_text(arrow: Arrow, began: int) -> str:
    """Tell what an arrow joins."""
    name = f"{_VERBS[arrow.kind]} {arrow.note}".rstrip()
    took = duration(arrow.received - arrow.sent)
    return _lines(
        f"{name}: {arrow.source.label} to {arrow.target.label}",
        f"{took} from {duration(arrow.sent - began)}",
        place_text(arrow.source_place),
        place_text(arrow.target_place),
    )
