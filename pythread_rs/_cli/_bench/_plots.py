"""The plots of the report, as SVG: speed-up by threads, latencies, ratios. Needs matplotlib."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from pythread_rs._cli._bench import _rust
from pythread_rs._cli._bench._model import Comparison, Experiment
from pythread_rs._cli._bench._plan import Outcome
from pythread_rs._cli._bench._stage import (
    EXECUTOR,
    JOBLIB,
    POOL,
    PROCESSES,
    SERIAL,
    THREADING,
)
from pythread_rs._cli._bench._words import amount, label, times

# The palette of Okabe and Ito, which people who see few colours can tell apart.
COLOURS = {
    THREADING: "#d55e00",
    EXECUTOR: "#e69f00",
    PROCESSES: "#009e73",
    POOL: "#56b4e9",
    JOBLIB: "#cc79a7",
    _rust.NAME: "#000000",
    SERIAL: "#888888",
}
OURS = "#0072b2"
VERDICTS = {"ahead": OURS, "equal": "#999999", "behind": "#d55e00"}
MARKERS = {THREADING: "s", EXECUTOR: "D", PROCESSES: "^", _rust.NAME: "v", SERIAL: "x"}
WIDTH = 9.0

Drawn = tuple[str, str]


def library(name: str = "") -> Any:
    """Import matplotlib, or a module of it: by name, as it is there only where plots are wanted."""
    return import_module(f"matplotlib{name}")


def formatter(write: Callable[[float], str]) -> Any:
    """Make what writes the figures at an axis."""

    def written(value: float, _: object) -> str:
        return write(value)

    return library(".ticker").FuncFormatter(written)


def draw_all(outcome: Outcome) -> list[Drawn]:
    """Draw each plot that there are figures for; return SVG and caption of each."""
    found = {experiment.name: experiment for experiment in outcome.experiments}
    drawn: list[Drawn] = []
    draws: dict[str, Callable[[Experiment], Drawn | None]] = {
        "scaling": speed_up,
        "spawn_join": latency,
    }
    settings: dict[str, Any] = {"svg.fonttype": "none", "font.family": "sans-serif"}
    with library().rc_context(settings):
        for name, draw in draws.items():
            if name in found and (plot := draw(found[name])) is not None:
                drawn.append(plot)
        if (plot := ratios(outcome)) is not None:
            drawn.append(plot)
    return drawn


def to_svg(figure: Any, name: str) -> str:
    """Write a figure as an element that can stand in a page, with nothing from outside."""
    out = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(out, format="svg", metadata=nothing, bbox_inches="tight")
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Plots share a page, and matplotlib gives them the same ids.
    svg = re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1)


def plain_axes(width: float, height: float) -> tuple[Any, Any]:
    """Make a figure, in inches, and its axes, without the lines that say nothing."""
    figure = library(".figure").Figure(figsize=(width, height))
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def colour(way: str, *, is_ours: bool) -> str:
    """Return the colour of a way, the same in all plots."""
    return OURS if is_ours else COLOURS.get(way, "#444444")


def speed_up(experiment: Experiment) -> Drawn | None:
    """Draw how much faster than the serial way each is on 1 to N threads."""
    series = experiment.measured()
    serial = next((one for one in series if one.way == SERIAL), None)
    if serial is None:
        return None
    figure, axes = plain_axes(WIDTH, 4.5)
    most = max(one.threads or 1 for one in series)
    axes.plot([1, most], [1, most], linestyle="--", color="#bbbbbb", label="linear")
    for way in dict.fromkeys(one.way for one in series if one.way != SERIAL):
        points = [one for one in series if one.way == way]
        is_ours = points[0].is_ours
        axes.plot(
            [one.threads for one in points],
            [serial.median / one.median for one in points],
            label=way,
            color=colour(way, is_ours=is_ours),
            marker="o" if is_ours else MARKERS.get(way, "."),
            linewidth=2.5 if is_ours else 1.5,
            zorder=3 if is_ours else 2,
        )
    axes.set(xlabel="threads or processes", ylabel="speed-up over a plain loop", ylim=(0, None))
    axes.set_xticks(sorted({one.threads or 1 for one in series}))
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    caption = f"Speed-up by threads: {experiment.title}. Medians; more is better."
    return to_svg(figure, "speed-up"), caption


def latency(experiment: Experiment) -> Drawn | None:
    """Draw which share of the samples took at most which time."""
    series = experiment.measured()
    if not series:
        return None
    figure, axes = plain_axes(WIDTH, 4.5)
    for one in series:
        samples = sorted(one.samples)
        shares = [(number + 1) / len(samples) * 100 for number in range(len(samples))]
        axes.step(
            samples,
            shares,
            where="post",
            color=colour(one.way, is_ours=one.is_ours),
            linewidth=2.5 if one.is_ours else 1.5,
            label=f"{one.way}, median {amount(one.median, experiment.unit)}",
        )

    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(formatter(lambda value: amount(value, experiment.unit)))
    axes.xaxis.set_minor_formatter(library(".ticker").NullFormatter())
    axes.set(xlabel="time of one (logarithmic)", ylabel="samples that took at most so long, %")
    axes.set_ylim(0, 100)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    caption = f"Latency distribution: {experiment.title}. Further left is better."
    return to_svg(figure, "latency"), caption


def bars_of(outcome: Outcome) -> list[Comparison]:
    """Choose what is drawn as bars: of `scaling` the most threads alone, and no ratio of 0."""
    found: list[Comparison] = []
    for experiment in outcome.experiments:
        ones = list(experiment.comparisons())
        most = max((one.rival.threads or 0 for one in ones), default=0)
        found += [one for one in ones if (one.rival.threads or 0) == most]
    return [one for one in found if 0 < one.ratio < math.inf]


def ratios(outcome: Outcome) -> Drawn | None:
    """Draw ours / rival as a bar from 1, for each rival of each experiment."""
    ones = bars_of(outcome)
    if not ones:
        return None
    rows: list[Comparison | str] = []
    for number, one in enumerate(ones):
        if number == 0 or ones[number - 1].experiment is not one.experiment:
            rows.append(one.experiment.name)
        rows.append(one)
    figure, axes = plain_axes(WIDTH, 0.6 + 0.23 * len(rows))
    for place, row in enumerate(rows):
        if not isinstance(row, str):
            draw_bar(axes, place, row)
    axes.axvline(1, color="#444444", linewidth=1)
    axes.set_xscale("log")
    low, high = min(one.ratio for one in ones), max(one.ratio for one in ones)
    # Room for the figures at the ends of the bars.
    axes.set_xlim(min(low, 0.5) / 2.5, max(high, 2) * 2.5)
    axes.xaxis.set_major_formatter(formatter(lambda value: f"{value:g}x"))
    axes.xaxis.set_minor_formatter(library(".ticker").NullFormatter())
    name_rows(axes, rows)
    axes.set_xlabel("ours / rival, medians (logarithmic); left of 1: ours takes less")
    caption = (
        "Ours against each rival: blue to the left of 1 where ours takes less, grey where the two "
        "are within 5 %, orange to the right where the rival wins."
    )
    return to_svg(figure, "ratios"), caption


def draw_bar(axes: Any, place: int, one: Comparison) -> None:
    """Draw a bar with its figure at the end."""
    axes.barh(place, one.ratio - 1, left=1, color=VERDICTS[one.verdict], height=0.7)
    is_left = one.ratio < 1
    axes.annotate(
        times(one.ratio, 2),
        (one.ratio, place),
        xytext=(-4 if is_left else 4, 0),
        textcoords="offset points",
        ha="right" if is_left else "left",
        va="center",
        fontsize=8,
    )


def name_rows(axes: Any, rows: Sequence[Comparison | str]) -> None:
    """Write experiments in bold, with their rivals below them."""
    axes.set_yticks(range(len(rows)))
    names = [row if isinstance(row, str) else label(row.rival) for row in rows]
    for text, row in zip(axes.set_yticklabels(names, fontsize=8.5), rows, strict=True):
        text.set_fontweight("bold" if isinstance(row, str) else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", top=True, labeltop=True)
