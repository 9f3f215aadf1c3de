"""A timeline as one HTML page that needs nothing else: the picture, a legend and a table."""

from __future__ import annotations

from collections import Counter
from html import escape
from string import Template
from typing import Final

from pythread_rs._cli._timeline._chrome import GENERATOR
from pythread_rs._cli._timeline._model import Lane, Timeline
from pythread_rs._cli._timeline._svg import AXIS_HEIGHT, LANE_HEIGHT, Drawing, draw
from pythread_rs._cli._timeline._text import duration

__all__ = ["html_page"]

_STYLE: Final = """
:root { color-scheme: light dark; --page: #fff; --text: #1b1f24; --faint: #6a737d;
  --stripe: #f4f6f8; --line: #d5dae0; --run: #8fc7a1; --lock: #e5534b; --recv: #a8bdd6;
  --send: #e8b04a; --park: #c3a6dd; --join: #b9bec5; --sleep: #d8dce1; --other: #d6c3a4;
  --message: #1f6feb; --spawn: #1a7f37; --unpark: #8250df; --panic: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --page: #16191d; --text: #e3e6ea; --faint: #98a1ab;
  --stripe: #1d2126; --line: #343b43; --run: #2f6b43; --lock: #b3352e; --recv: #3c5470;
  --send: #94691a; --park: #5d4379; --join: #545b64; --sleep: #3a4048; --other: #645639;
  --message: #6cb0ff; --spawn: #57c274; --unpark: #c49bff; --panic: #ff7b72; } }
body { background: var(--page); color: var(--text); font: 14px/1.4 system-ui, sans-serif;
  margin: 1.2em; }
h1 { font-size: 1.25em; margin: 0 0 .2em; } p { color: var(--faint); margin: .2em 0 .8em; }
.legend span { margin-right: 1.1em; white-space: nowrap; }
.legend i { border-radius: 2px; display: inline-block; height: .8em; margin-right: .35em;
  vertical-align: -.05em; width: 1.2em; }
.legend i.arrow { height: 2px; vertical-align: .25em; }
.chart { border: 1px solid var(--line); display: flex; }
.labels { flex: none; max-width: 14em; border-right: 1px solid var(--line); }
.labels div { box-sizing: border-box; overflow: hidden; padding: 12px .6em 0; white-space: nowrap;
  text-overflow: ellipsis; }
.scroll { flex: auto; overflow-x: auto; }
svg { display: block; } .stripe { fill: var(--stripe); } line.tick { stroke: var(--line); }
text.tick { fill: var(--faint); font-size: 11px; } .run { fill: var(--run); }
.wait { stroke-width: 1; fill: var(--c); stroke: var(--c); --c: var(--other); }
.lock, .read, .write { --c: var(--lock); } .wait.recv { --c: var(--recv); }
.wait.send { --c: var(--send); } .wait.park { --c: var(--park); } .wait.join { --c: var(--join); }
.wait.sleep { --c: var(--sleep); }
.dot { fill: var(--a); stroke: var(--page); stroke-width: .7; --a: var(--message); }
.dot.spawn, .arrow.spawn, marker.spawn { --a: var(--spawn); }
.dot.park, .dot.unpark, .arrow.unpark, marker.unpark { --a: var(--unpark); }
.arrow.message, marker.message { --a: var(--message); }
.arrow.join, marker.join { --a: var(--faint); }
.arrow line { stroke: var(--a); stroke-width: 1.2; } .arrow.join line { stroke-dasharray: 4 3; }
.arrow line.hit { stroke: transparent; stroke-width: 9; } .arrow:hover line { stroke-width: 3; }
.arrow:hover line.hit { stroke-width: 9; } marker path { fill: var(--a); }
text.panic { fill: var(--panic); font-size: 14px; font-weight: bold; text-anchor: middle; }
table { border-collapse: collapse; margin-top: 1em; } th { color: var(--faint); }
th, td { padding: .15em 1em .15em 0; text-align: right; } th:first-child, td:first-child {
  text-align: left; } .bad { color: var(--panic); }
""".strip()

_SCRIPT: Final = """
const zoom = document.getElementById("zoom"), picture = document.getElementById("timeline");
const scroller = picture.parentNode;
const length = +picture.dataset.length, first = picture.querySelector(".run");
function put(name, attributes, text) {
  const element = document.createElementNS(picture.namespaceURI, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.textContent = text;
  picture.insertBefore(element, first);
}
function draw_ticks() {
  picture.querySelectorAll(".tick").forEach(tick => tick.remove());
  const least = length / 2 ** zoom.value / 10, power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map(x => x * power).find(x => x >= least);
  const [size, unit] = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]].find(x => step >= x[0]) ||
    [1, "ns"];
  for (let time = 0; time < length; time += step) {
    const x = 100 * time / length + "%";
    put("line", { class: "tick", x1: x, x2: x, y1: 18, y2: picture.clientHeight }, "");
    put("text", { class: "tick", x, dx: 3, y: 14 }, +(time / size).toPrecision(12) + " " + unit);
  }
}
function set_width() {
  picture.style.width = 100 * 2 ** zoom.value + "%";
  draw_ticks();
}
function widen(at) {
  const share = (scroller.scrollLeft + at) / picture.clientWidth;
  set_width();
  scroller.scrollLeft = share * picture.clientWidth - at;
}
zoom.addEventListener("input", () => widen(scroller.clientWidth / 2));
scroller.addEventListener("wheel", event => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoom.value = +zoom.value - Math.sign(event.deltaY) / 2;
  widen(event.clientX - scroller.getBoundingClientRect().left);
}, { passive: false });
// #zoom=4,95: opened 2 to the 4th times as wide, around 95 per cent of the time.
const wanted = /^#zoom=([0-9.]+),([0-9.]+)$/.exec(location.hash);
if (wanted) {
  zoom.value = wanted[1];
  set_width();
  scroller.scrollLeft = picture.clientWidth * wanted[2] / 100 - scroller.clientWidth / 2;
}
""".strip()

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
or Ctrl and the wheel. Point at anything to read what it is.</p>
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
