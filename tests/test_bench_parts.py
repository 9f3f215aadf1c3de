"""The parts of `bench`: its words, its turns and its ways, without a run."""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shutil
import sysconfig
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pythread_rs import _ffi, native
from pythread_rs._cli._bench import (
    _forking,
    _images,
    _mapping,
    _page,
    _plan,
    _report,
    _rust,
    _turns,
    _words,
)
from pythread_rs._cli._bench._model import Experiment, Series
from pythread_rs._cli._bench._plan import Outcome
from pythread_rs._cli._bench._turns import Batch, Plan, Way, timed

PLAN = Plan(rounds=4, budget=60.0, calls=1, scale=0.01, is_quick=True)
URL = re.compile(r"[a-z]+://[^\s\"'<>]+")
# Names of vocabularies: nothing is ever fetched from there.
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


# --- words ----------------------------------------------------------------------------------


def compared(ours: float, rival: float, *, another: float | None = None) -> Outcome:
    series = [Series("ours", True, samples=[ours]), Series("rival", False, samples=[rival])]
    if another is not None:
        series.append(Series("other", True, samples=[another]))
    return Outcome([Experiment("made_up", "nothing", "one nothing", series=series)])


def test_a_rival_that_wins_is_named_with_both_figures() -> None:
    assert _words.wins(compared(0.003, 0.001)) == [
        "made_up: rival takes 1.00 ms, ours 3.00 ms, 3 times as much."
    ]
    assert "behind in 1 (1 clearly)." in _words.score(compared(0.003, 0.001))


def test_a_win_within_the_spread_is_told_as_one() -> None:
    outcome = compared(0.003, 0.002)
    outcome.experiments[0].series[1].samples[:] = [0.001, 0.002, 0.004]
    (sentence,) = _words.wins(outcome)
    assert sentence.endswith("1.5 times as much. Not clearly: p10 to p90 overlap.")
    assert "behind in 1 (0 clearly)." in _words.score(outcome)


def test_another_way_of_ours_is_told_and_does_not_hide_the_win() -> None:
    (sentence,) = _words.wins(compared(0.003, 0.002, another=0.001))
    assert sentence.startswith("made_up: rival takes 2.00 ms, ours 3.00 ms, 1.5 times as much.")
    assert sentence.endswith("Another way of ours, other: 1.00 ms.")


@pytest.mark.parametrize("rival", [1.0, 0.96, 2.0])
def test_none_is_said_only_when_no_rival_is_clearly_better(rival: float) -> None:
    assert _words.wins(compared(1.0, rival)) == [_words.NONE_WINS]


def test_a_run_that_measured_nothing_does_not_say_that_no_rival_won() -> None:
    assert _words.wins(Outcome()) == [_words.NOTHING]
    assert _words.score(Outcome()) == _words.NOTHING


def test_plots_are_inline_and_their_ids_are_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    outcome = Outcome()
    for name in ("scaling", "spawn_join"):
        series = [
            Series(way, way == "ours", threads if name == "scaling" else None, [0.001, 0.002])
            for threads in (1, 2)
            for way in ("ours", "serial", "threading.Thread")
        ]
        outcome.experiments.append(Experiment(name, "<&>", "one", series=series))
    page = _page.page("x", [], {}, outcome, "")
    root = ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    assert len(list(root.iter("figure"))) == 3
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids)) > 3
    assert set(URL.findall(page)) <= NAMESPACES


@pytest.mark.parametrize(("ours", "rival"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_growth_of_nothing_has_no_bar_and_no_infinity(ours: float, rival: float) -> None:
    outcome = compared(ours, rival)
    data = _report.plain(outcome.experiments[0])
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert "The plots failed" not in _page.page("x", [], {}, outcome, _report.plots_lack())


def test_a_page_without_matplotlib_says_which_extra_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    lack = _report.plots_lack()
    assert "pip install 'pythread_rs[bench]'" in lack
    page = _page.page("x", [], {}, compared(1.0, 2.0), lack)
    assert "matplotlib is not installed" in page
    assert "<figure>" not in page


# --- the parts ------------------------------------------------------------------------------


def test_ways_take_turns_and_the_first_round_only_warms_up() -> None:
    order: list[str] = []

    def recorded(name: str) -> Way:
        return timed(name, lambda: order.append(name), is_right=lambda _: True)

    experiment = Experiment("made_up", "nothing", "one nothing")
    _turns.take_turns(experiment, [recorded("a"), recorded("b")], PLAN, lambda _: None)
    assert order == [*"ab", *"ba", *"ab", *"ba", *"ab"]
    assert [len(series.samples) for series in experiment.series] == [4, 4]
    assert [series.compared for series in experiment.series] == [5, 5]


def test_a_result_that_is_not_the_expected_one_is_counted() -> None:
    results = iter([[1], [2], [1]])
    found = timed("a", lambda: next(results), is_right=_turns.equals([1]), calls=3).batch()
    assert (found.compared, found.wrong, len(found.samples)) == (3, 1, 3)


def test_a_budget_that_is_over_leaves_the_least_number_of_rounds() -> None:
    experiment = Experiment("made_up", "nothing", "one nothing")
    plan = Plan(rounds=50, budget=0.0, calls=1, scale=1.0, is_quick=True)
    _turns.take_turns(
        experiment, [Way("a", lambda: Batch([1.0], 1, 0), is_ours=False)], plan, lambda _: None
    )
    assert len(experiment.series[0].samples) == _turns.LEAST_ROUNDS


def test_parts_of_an_image_make_the_whole_again() -> None:
    whole = _images.whole(50)
    assert len(set(whole)) > 5
    for count in (1, 3, 50, 70):
        parts = _images.parts_of(50, count)
        assert _images.joined(50, [_images.draw(part) for part in parts]) == whole
    assert _images.on_native_threads(50, 3) == whole
    assert _images.on_par_for(50) == whole


def test_the_kernel_draws_every_stride_th_row_and_no_other() -> None:
    whole, some = _images.whole(20), bytearray(20 * 20)
    kernel = native.function(_ffi.mandelbrot_kernel())
    native.spawn(kernel, 3, 20, _ffi_lent(some), 20, _images.DEPTH, 4).join().unwrap()
    for row in range(20):
        drawn = bytes(some[row * 20 : row * 20 + 20])
        expected = bytes(whole[row * 20 : row * 20 + 20]) if row % 4 == 3 else bytes(20)
        assert drawn == expected


def _ffi_lent(buffer: bytearray) -> Any:
    from pythread_rs import assume_send

    return assume_send(buffer)


def test_sorts_and_forks_compute_what_the_plain_ones_do() -> None:
    numbers = [float(number * 7919 % 1000) for number in range(1000)]
    assert _forking.sort_by_threads(numbers) == sorted(numbers)
    assert _forking.sort_by_join(numbers) == sorted(numbers)
    assert _forking.fib_by_threads(8) == _forking.fib_by_join(8) == _forking.fib(8) == 21


def test_a_rival_without_its_compiler_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(_rust.RustError, match="rustc is not installed"):
        _rust.Rust()


def test_a_compiler_that_fails_is_told_by_its_first_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiler = tmp_path / "rustc"
    compiler.write_text("#!/bin/sh\necho 'error: no linker' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(compiler))
    with pytest.raises(_rust.RustError, match="rustc failed: error: no linker"):
        _rust.Rust()


def test_the_plan_of_a_full_run_is_longer() -> None:
    def plan(quick: bool) -> Plan:
        return _plan.plan_of(argparse.Namespace(quick=quick, scale=1.0))

    assert plan(False).budget > plan(True).budget
    assert plan(False).size(1000, 10) == 1000
    assert plan(True).size(1000, 10) == 10


def test_a_report_does_not_tell_where_python_is() -> None:
    assert _mapping.tree_name(sysconfig.get_paths()["stdlib"]) == "Python's own library"
    assert _mapping.tree_name("logs") == "logs"
