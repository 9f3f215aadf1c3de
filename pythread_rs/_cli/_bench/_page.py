"""The report as one HTML file that needs nothing else: tables, sentences, plots as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from pythread_rs._cli._bench import _words
from pythread_rs._cli._bench._model import Experiment
from pythread_rs._cli._bench._plan import Outcome
from pythread_rs._cli._machine import Fact

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { margin-top: 2.5rem; font-size: 1.3rem; }
h3 { margin: 2rem 0 .3rem; font-size: 1.05rem; overflow-wrap: anywhere; }
p, ul { max-width: 48rem; } .lead { font-size: 1.1rem; } .note { color: #555; font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .2rem .8rem .2rem 0; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; } thead th { border-bottom: 2px solid #888; }
tr.ours td { font-weight: 600; } tr.behind td:last-child { color: #b04a00; font-weight: 600; }
.facts td, .facts th { text-align: left; font-weight: normal; } .facts th { color: #555; }
figure { margin: 1.5rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: .9rem; max-width: 48rem; }
"""

HOW = (
    "All ways of an experiment run in the same run by turns, each round beginning with another "
    "one, so that what the machine does meanwhile hits all of them. The first round warms up and "
    "does not count. Pools are started before, untimed. A figure is the median of the samples "
    "with the tenth and the ninetieth percentile beside it. `ours / it` is our median divided by "
    "the rival's: below 1, ours takes less. The way of ours that rivals are compared with was "
    "chosen before the run; it is the first one of each table. The results are compared with "
    "those of a plain loop, untimed."
)


def page(
    headline: str,
    lead: Sequence[str],
    facts: Mapping[str, Mapping[str, Fact]],
    outcome: Outcome,
    lack: str,
) -> str:
    """Write the page; it is well-formed XML as well.

    Args:
        headline: What ran where.
        lead: Sentences that a reader should see first.
        facts: Topic -> name -> value.
        outcome: What was found.
        lack: Why there can be no plots; empty when there can.
    """
    body = [
        f"<h1>{escape(headline)}</h1>",
        f'<p class="lead">{escape(_words.score(outcome))}</p>',
        *(f"<p>{escape(line)}</p>" for line in lead),
        facts_table(facts),
        "<h2>Where a rival wins</h2>",
        bullets(_words.wins(outcome)),
        "<h2>Plots</h2>",
        *plots(outcome, lack),
        "<h2>All figures</h2>",
        *(section(experiment) for experiment in outcome.experiments),
        "<h2>Not measured</h2>",
        bullets(_words.absent(outcome)),
        "<h2>How it is measured</h2>",
        f"<p>{escape(HOW)}</p>",
    ]
    head = f'<meta charset="utf-8"/>\n<title>{escape(headline)}</title>\n<style>{STYLE}</style>'
    head += '\n<meta name="viewport" content="width=device-width, initial-scale=1"/>'
    inner = "\n".join(body)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n'
        f"<body>\n{inner}\n</body>\n</html>\n"
    )


def bullets(lines: Sequence[str]) -> str:
    """Write a list."""
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def facts_table(facts: Mapping[str, Mapping[str, Fact]]) -> str:
    """Write what is known about the machine and the versions."""
    rows = [
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(str(value))}</td></tr>"
        for entries in facts.values()
        for name, value in entries.items()
        if value is not None
    ]
    return f'<table class="facts"><tbody>{"".join(rows)}</tbody></table>'


def section(experiment: Experiment) -> str:
    """Write the table of an experiment, with what belongs to it."""
    behind = {id(one.rival) for one in experiment.comparisons() if one.verdict == "behind"}
    head = "".join(f"<th>{escape(name)}</th>" for name in _words.HEADERS)
    rows: list[str] = []
    for series in experiment.measured():
        kind = "ours" if series.is_ours else "behind" if id(series) in behind else "rival"
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in _words.row(experiment, series))
        rows.append(f'<tr class="{kind}">{cells}</tr>')
    remarks = [f'<p class="note">{escape(line)}</p>' for line in _words.remarks(experiment)]
    return "\n".join(
        [
            f"<h3>{escape(experiment.name)}: {escape(experiment.title)}</h3>",
            f'<p class="note">The figures are of {escape(experiment.of)}.</p>',
            '<div class="scroll"><table>',
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>",
            *remarks,
        ]
    )


def plots(outcome: Outcome, lack: str) -> list[str]:
    """Draw the plots, or say why there are none."""
    if lack:
        return [f"<p>{escape(lack)}</p>"]
    try:
        from pythread_rs._cli._bench._plots import draw_all

        drawn = draw_all(outcome)
    except Exception as error:
        # A matplotlib that is broken is no reason to lose the report of a long run.
        return [f"<p>{escape(f'The plots failed: {error!r}')}</p>"]
    if not drawn:
        return ["<p>None: the experiments that they are about did not run.</p>"]
    return [
        f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
        for svg, caption in drawn
    ]
