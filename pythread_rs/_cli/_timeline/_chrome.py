"""A timeline as Chrome's trace JSON, which ui.perfetto.dev opens."""

from __future__ import annotations

import json
from typing import Any, Final

from pythread_rs._cli._timeline._model import Arrow, Lane, Place, Span, Timeline

__all__ = ["GENERATOR", "chrome_json"]

GENERATOR: Final = "pythread_rs trace"
_PROCESS: Final = 1
_NS_PER_US: Final = 1000

_Record = dict[str, Any]


def chrome_json(timeline: Timeline, script: str) -> str:
    """Write a timeline in the Trace Event Format, one event a line."""
    about = {"generator": GENERATOR, "script": script, "dropped": timeline.dropped}
    records = [_named("process_name", 0, script)]
    for place, lane in enumerate(timeline.lanes):
        records += _of_lane(lane, timeline, place)
    for number, arrow in enumerate(timeline.arrows, start=1):
        records += _flow(arrow, number, timeline)
    lines = ",\n".join(json.dumps(record) for record in records)
    return (
        f'{{"otherData": {json.dumps(about)},\n"displayTimeUnit": "ns",\n'
        f'"traceEvents": [\n{lines}\n]}}\n'
    )


def _named(kind: str, thread: int, name: str) -> _Record:
    return {"ph": "M", "pid": _PROCESS, "tid": thread, "name": kind, "args": {"name": name}}


def _of_lane(lane: Lane, timeline: Timeline, place: int) -> list[_Record]:
    order: _Record = {"ph": "M", "pid": _PROCESS, "tid": lane.number}
    order |= {"name": "thread_sort_index", "args": {"sort_index": place}}
    records = [_named("thread_name", lane.number, lane.label), order]
    whole = Span("run", "run", lane.begin, lane.end, None, is_open=lane.is_open)
    records += [_slice(span, lane, timeline) for span in (whole, *lane.spans)]
    for mark in lane.panics:
        text = {"panic": mark.text, **_where("at", mark.place)}
        record = _record("i", "panic", "panic", mark.time, lane, timeline)
        records.append(record | {"s": "t", "args": text})
    return records


def _record(
    phase: str, name: str, category: str, time: int, lane: Lane, timeline: Timeline
) -> _Record:
    moment = (time - timeline.began) / _NS_PER_US
    head = {"ph": phase, "pid": _PROCESS, "tid": lane.number, "ts": moment}
    return head | {"name": name, "cat": category}


def _slice(span: Span, lane: Lane, timeline: Timeline) -> _Record:
    name = f"wait: {span.what}" if span.kind == "wait" else span.kind
    record = _record("X", name, span.kind, span.begin, lane, timeline)
    record["dur"] = (span.end - span.begin) / _NS_PER_US
    arguments: _Record = _where("at", span.place)
    if span.note:
        arguments["note"] = span.note
    if span.is_open:
        arguments["unfinished"] = True
    return record | {"args": arguments}


def _where(key: str, place: Place | None) -> _Record:
    return {} if place is None else {key: str(place)}


def _flow(arrow: Arrow, number: int, timeline: Timeline) -> list[_Record]:
    """Write an arrow; its ends are bound to the slices that they are in."""
    begin = _record("s", arrow.kind, arrow.kind, arrow.sent, arrow.source, timeline)
    # The end of a slice is not in it any more; a thread's first moment is in it.
    received = arrow.received if arrow.kind == "spawn" else arrow.received - 1
    end = _record("f", arrow.kind, arrow.kind, received, arrow.target, timeline)
    if arrow.kind == "join":
        begin["ts"] -= 1 / _NS_PER_US
    about = {"id": number, "args": {"note": arrow.note, "number": arrow.id}}
    return [begin | about, end | about | {"bp": "e"}]
