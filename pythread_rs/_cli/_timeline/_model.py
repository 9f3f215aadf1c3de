"""Events sorted into lanes, one for each thread; spans of time in them; arrows between them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from types import CodeType
from typing import Final

from pythread_rs._cli._timeline import _recorder
from pythread_rs._cli._timeline._recorder import MAIN, Event, Recording

__all__ = ["Arrow", "Lane", "Mark", "Place", "Span", "Timeline", "sort_out"]

_OPERATIONS: Final = {
    _recorder.SPAWN: "spawn",
    _recorder.SEND: "send",
    _recorder.UNPARK: "unpark",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the program."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


@dataclass(slots=True)
class Span:
    """What a thread was busy with, or waited for, from one moment to another."""

    kind: str  # "wait", "send", "recv", "spawn", "unpark", "park"
    what: str  # for a wait: "lock", "recv", "join", ...
    begin: int
    end: int
    place: Place | None
    note: str = ""
    is_open: bool = False  # it had not ended when the trace did
    id: int = 0
    object: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """A panic."""

    time: int
    text: str
    place: Place | None


@dataclass(slots=True, eq=False)
class Lane:
    """One thread: for one that is reused, one of the closures that ran there."""

    number: int
    name: str
    begin: int
    end: int
    is_open: bool = True
    spans: list[Span] = field(default_factory=list[Span])
    panics: list[Mark] = field(default_factory=list[Mark])

    @property
    def label(self) -> str:
        """The name, or the number of a thread that has none."""
        return self.name or f"thread {self.number}"

    def waited(self) -> int:
        """Count the nanoseconds in which it waited."""
        return sum(span.end - span.begin for span in self.spans if span.kind == "wait")


@dataclass(frozen=True, slots=True)
class Arrow:
    """What one thread did and what came of it in another, or later in the same."""

    kind: str  # "spawn", "message", "unpark", "join"
    id: int
    source: Lane
    sent: int
    target: Lane
    received: int
    note: str
    source_place: Place | None
    target_place: Place | None


@dataclass(slots=True)
class Timeline:
    """All of it, sorted by time."""

    began: int
    ended: int
    lanes: list[Lane]
    arrows: list[Arrow]
    dropped: int
    events: int


def sort_out(recording: Recording) -> Timeline:
    """Make lanes, spans and arrows of events."""
    lanes: list[Lane] = []
    for events in recording.threads:
        lanes += _lanes_of(events, recording)
    lanes.sort(key=lambda lane: (lane.number != MAIN, lane.begin))
    _number_foreign(lanes)
    arrows = [*_messages(lanes), *_spawns(lanes), *_unparks(lanes), *_joins(lanes)]
    arrows.sort(key=lambda arrow: arrow.sent)
    count = sum(len(one) for one in recording.threads)
    return Timeline(recording.began, recording.ended, lanes, arrows, recording.dropped, count)


def _number_foreign(lanes: list[Lane]) -> None:
    """Give numbers above all others to the threads that are not ours."""
    last = max((lane.number for lane in lanes), default=MAIN)
    for lane in lanes:
        if lane.number == 0:
            last += 1
            lane.number = last


# ---- lanes --------------------------------------------------------------------------------------


def _lanes_of(events: list[Event], recording: Recording) -> list[Lane]:
    """Sort out what one OS thread did: our threads take turns on it."""
    lanes: list[Lane] = []
    lane: Lane | None = None
    opened: list[tuple[int, Span]] = []
    for event in events:
        if event.kind == _recorder.THREAD:
            begin = recording.began if event.id == MAIN else event.time
            # When a thread that is not ours ends, nobody says.
            end = events[-1].time if event.id == 0 else recording.ended
            lane = Lane(event.id, event.note or "", begin, end)
            lanes.append(lane)
            opened = []
        elif lane is None:
            continue  # between two closures
        elif event.kind == _recorder.ENDED:
            lane.end, lane.is_open = event.time, False
            lane = None
        elif event.kind == _recorder.PANIC:
            lane.panics.append(Mark(event.time, event.note or "", _place(event)))
        else:
            _add(lane, opened, event, recording.ended)
    return lanes


def _add(lane: Lane, opened: list[tuple[int, Span]], event: Event, ended: int) -> None:
    if event.kind in (_recorder.WAITED, _recorder.DONE):
        wanted = _recorder.WAIT if event.kind == _recorder.WAITED else event.id
        while opened:
            key, span = opened.pop()
            span.end, span.is_open = event.time, False
            if key == wanted or (key < 0 and event.kind == _recorder.WAITED):
                break
        return
    if event.kind in (_recorder.RECEIVE, _recorder.PARKED):
        kind = "recv" if event.kind == _recorder.RECEIVE else "park"
        begin, end, is_open = event.began, event.time, False
    else:
        kind = _OPERATIONS.get(event.kind, "wait")
        begin, end, is_open = event.time, ended, True
    what = event.what or "wait"
    place = _place(event)
    span = Span(kind, what, begin, end, place, event.note or "", is_open, event.id, event.object)
    lane.spans.append(span)
    if is_open:
        opened.append((-1 if kind == "wait" else event.id, span))


def _place(event: Event) -> Place | None:
    return None if event.code is None else _place_in(event.code, event.instruction)


@cache
def _place_in(code: CodeType, instruction: int) -> Place:
    position = next(islice(code.co_positions(), instruction // 2, None), (None,))
    line = position[0] or code.co_firstlineno
    return Place(code.co_filename, line, code.co_qualname)


# ---- arrows -------------------------------------------------------------------------------------


def _spans(lanes: list[Lane], kind: str) -> list[tuple[Lane, Span]]:
    return [(lane, span) for lane in lanes for span in lane.spans if span.kind == kind]


def _messages(lanes: list[Lane]) -> list[Arrow]:
    """Join each receive with the send of the same message, which its number tells."""
    sent = {span.id: (lane, span) for lane, span in _spans(lanes, "send")}
    return [
        _arrow("message", sent[span.id], lane, span, span.end)
        for lane, span in _spans(lanes, "recv")
        if span.id in sent
    ]


def _unparks(lanes: list[Lane]) -> list[Arrow]:
    left = {span.id: (lane, span) for lane, span in _spans(lanes, "unpark")}
    return [
        _arrow("unpark", left[span.id], lane, span, span.end)
        for lane, span in _spans(lanes, "park")
        if span.id in left
    ]


def _arrow(kind: str, source: tuple[Lane, Span], lane: Lane, span: Span, time: int) -> Arrow:
    begun, cause = source
    return Arrow(kind, span.id, begun, cause.begin, lane, time, cause.note, cause.place, span.place)


def _spawns(lanes: list[Lane]) -> list[Arrow]:
    by_number = {lane.number: lane for lane in lanes}
    arrows: list[Arrow] = []
    for lane, span in _spans(lanes, "spawn"):
        new = by_number.get(span.id)
        if new is not None:
            arrows.append(
                Arrow(
                    "spawn", span.id, lane, span.begin, new, new.begin, new.label, span.place, None
                )
            )
    return arrows


def _joins(lanes: list[Lane]) -> list[Arrow]:
    """Join the end of a thread with the end of each wait for it.

    A packet is known by its address, which others get when it is gone: the newest thread that
    had it before the wait is the one.
    """
    packets: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for _, span in _spans(lanes, "spawn"):
        packets[span.object].append((span.begin, span.id))
    by_number = {lane.number: lane for lane in lanes}
    arrows: list[Arrow] = []
    for lane, span in _spans(lanes, "wait"):
        earlier = [pair for pair in packets.get(span.object, ()) if pair[0] <= span.begin]
        awaited = by_number.get(max(earlier)[1]) if earlier else None
        if span.what != "join" or awaited is None or awaited.is_open or span.is_open:
            continue
        if awaited.end <= span.end:
            number = awaited.number
            arrows.append(
                Arrow(
                    "join",
                    number,
                    awaited,
                    awaited.end,
                    lane,
                    span.end,
                    awaited.label,
                    None,
                    span.place,
                )
            )
    return arrows
