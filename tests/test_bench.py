"""`python -m pythread_rs bench`: a whole run on tiny sizes, its files, Ctrl-C, and its words."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from xml.etree import ElementTree as ET

import pytest

import pythread_rs.__main__ as command_line
from pythread_rs._cli import CommandError
from pythread_rs._cli._bench import (
    _plan,
    _report,
    _rust,
    _stage,
)
from pythread_rs._cli._bench._model import Experiment
from pythread_rs._cli._bench._plan import EXPERIMENTS
from pythread_rs._cli._bench._turns import Batch, Plan, Way

if TYPE_CHECKING:
    from tests.browser import Chromium

DEADLINE_SECONDS = 100.0
PLAN = Plan(rounds=4, budget=60.0, calls=1, scale=0.01, is_quick=True)
URL = re.compile(r"[a-z]+://[^\s\"'<>]+")
# Names of vocabularies: nothing is ever fetched from there.
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class Bench(NamedTuple):
    """A finished run: its process and the files that it wrote."""

    process: subprocess.CompletedProcess[str]
    document: dict[str, Any]
    page: str


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "pythread_rs", "bench", *arguments]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "tree").mkdir()
    for number in range(5):
        (folder / "tree" / str(number)).write_text(f"line {number}\n" * 100)
    options = "--quick --scale 0.01 --threads 2 --dir tree --json b.json --html b.html"
    process = subprocess.run(
        command(*options.split()),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    document = json.loads((folder / "b.json").read_text(encoding="utf-8"))
    return Bench(process, document, (folder / "b.html").read_text(encoding="utf-8"))


def experiments(bench: Bench) -> dict[str, dict[str, Any]]:
    return {experiment["name"]: experiment for experiment in bench.document["experiments"]}


def ways(experiment: dict[str, Any]) -> set[str]:
    return {series["way"] for series in experiment["series"]}


def test_every_experiment_ran_or_says_why_not(bench: Bench) -> None:
    skipped = bench.document["skipped"]
    assert set(experiments(bench)) | set(skipped) == set(EXPERIMENTS)
    expected: set[str] = set() if importlib.util.find_spec("numpy") else {"matrices"}
    if sys.platform == "linux":
        assert set(skipped) == expected
    for name in skipped:
        assert f"{name} was skipped: " in bench.process.stdout


def test_no_way_failed(bench: Bench) -> None:
    failures = {name: e["missing"] for name, e in experiments(bench).items() if e["missing"]}
    assert failures == {}


def test_the_rivals_took_part(bench: Bench) -> None:
    found = experiments(bench)
    missing = bench.document["missing"]
    mapping = {_stage.SERIAL, _stage.THREADING, _stage.EXECUTOR, _stage.PROCESSES, _stage.POOL}
    for name in ("files", "primes", "mandelbrot"):
        assert mapping - set(missing) <= ways(found[name])
    assert (_rust.NAME in ways(found["spawn_join"])) == (_rust.NAME not in missing)
    assert (_stage.JOBLIB in ways(found["primes"])) == (_stage.JOBLIB not in missing)
    assert (importlib.util.find_spec("joblib") is None) == (_stage.JOBLIB in missing)
    assert "rayon: left out" in bench.process.stdout


def test_each_table_has_one_way_of_ours_that_the_rivals_are_compared_with(bench: Bench) -> None:
    for experiment in bench.document["experiments"]:
        for threads in {series["threads"] for series in experiment["series"]}:
            of_it = [s for s in experiment["series"] if s["threads"] == threads]
            (ours,) = (s for s in of_it if s["reference"])
            assert ours["ours"]
            for series in of_it:
                expected = None if series["ours"] else ours["median"] / series["median"]
                assert series["ratio"] == pytest.approx(expected)


def test_the_raw_samples_are_there(bench: Bench) -> None:
    for experiment in bench.document["experiments"]:
        for series in experiment["series"]:
            assert series["samples"]
            assert all(sample >= 0 for sample in series["samples"])
            assert series["p10"] <= series["median"] <= series["p90"]
            assert experiment["unit"] in {"s", "B"}


def test_results_were_compared_with_the_serial_ones(bench: Bench) -> None:
    for experiment in bench.document["experiments"]:
        assert experiment["different"] == 0
        if experiment["name"] != "memory":
            assert all(series["compared"] >= 2 for series in experiment["series"])


def test_the_json_says_where_and_with_what_it_was_measured(bench: Bench) -> None:
    document = bench.document
    assert (document["schema"], document["command"]) == (1, "bench")
    assert document["interrupted"] is False
    assert document["arguments"] == {
        "dir": "tree",
        "only": None,
        "quick": True,
        "scale": 0.01,
        "threads": 2,
    }
    assert document["versions"]["python"] == sys.version.split()[0]
    assert document["machine"]["cpu_count"] == os.cpu_count()
    assert document["date"]
    assert "commit" in document
    assert document["rival_wins"]


def test_the_text_has_a_table_for_each_experiment(bench: Bench) -> None:
    output = bench.process.stdout
    for name in experiments(bench):
        assert re.search(rf"^{name}: ", output, re.MULTILINE)
    assert "\nWhere a rival wins\n" in output
    assert "results are the ones that were expected." in output
    assert "\r" not in output
    # Nothing is drawn where there is no terminal, and warnings would be errors.
    assert "\r" not in bench.process.stderr
    assert bench.process.stderr in {"", f"{_report.plots_lack()}\n"}


def parsed(page: str) -> ET.Element:
    return ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(bench: Bench) -> None:
    root = parsed(bench.page)
    assert set(URL.findall(bench.page)) <= NAMESPACES
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.rpartition("}")[2] in {"href", "src"}:
                assert value.removeprefix("#") in ids
    assert not [element for element in root.iter() if element.tag in {"script", "link", "img"}]


def test_the_page_names_the_machine_and_where_a_rival_wins(bench: Bench) -> None:
    root = parsed(bench.page)
    text = " ".join("".join(root.itertext()).split())
    known = bench.document["machine"] | bench.document["versions"]
    for fact in ("system", "processor", "python", "pythread_rs"):
        assert known[fact] is None or " ".join(str(known[fact]).split()) in text
    assert bench.document["date"] in text
    headings = [element.text for element in root.iter("h2")]
    assert headings.index("Where a rival wins") < headings.index("All figures")
    for sentence in bench.document["rival_wins"]:
        assert sentence in text
    assert len(list(root.iter("h3"))) == len(bench.document["experiments"])


def test_the_page_has_plots_or_says_what_they_need(bench: Bench) -> None:
    figures = list(parsed(bench.page).iter("figure"))
    if importlib.util.find_spec("matplotlib") is None:
        assert not figures
        assert "pip install &#x27;pythread_rs[bench]&#x27;" in bench.page
    else:
        assert len(figures) == 3
        assert len(re.findall("<svg ", bench.page)) == 3


@pytest.mark.once
@pytest.mark.timeout(120)
def test_a_browser_shows_the_page(bench: Bench, chromium: Chromium, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(bench.page, encoding="utf-8")
    shown = chromium.show((tmp_path / "report.html").as_uri())
    facts, picture = shown.facts, shown.picture()
    assert shown.errors == []
    assert len(facts["tables"]) == 1 + len(bench.document["experiments"])
    assert len(facts["pictures"]) == len(list(parsed(bench.page).iter("figure")))
    for plot in facts["pictures"]:
        assert picture.colours(plot["box"])[0, 0x72, 0xB2] > 50  # ours
    assert facts["hidden"] == []
    assert [text["name"] for text in facts["texts"] if picture.is_plain(text["box"])] == []
    assert [text["name"] for text in facts["texts"] if text["isCut"]] == []


# --- refusals before the run ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--json", "no/such/folder.json"), "there is no folder 'no/such'"),
        (("--html", "."), "it is a folder"),
        (("--json", "same", "--html", "same"), "would both write 'same'"),
        (("--only", "spawn_join,nonsense"), "no experiment 'nonsense'; of: spawn_join, burst"),
        (("--only", ""), "no experiment ''"),
        (("--dir", "no-such-tree"), "cannot read the folder 'no-such-tree'"),
    ],
)
def test_what_cannot_be_used_is_refused_before_the_run(
    arguments: tuple[str, ...],
    error: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def run_all(*_: object) -> None:
        pytest.fail("it has begun to measure")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_plan, "run_all", run_all)
    assert command_line.main(["bench", *arguments]) == 2
    written = capsys.readouterr()
    assert error in written.err
    assert written.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "inf", "x"])
def test_a_scale_that_is_none_is_refused(scale: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        command_line.main(["bench", "--scale", scale])


# --- runs of made-up experiments ------------------------------------------------------------


class Nobody:
    """Stands in for the pools."""

    def __init__(self, *_: object) -> None:
        self.missing = {"Rust std::thread": "rustc is not installed"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def way(name: str, seconds: float, *, is_ours: bool = False, wrong: int = 0) -> Way:
    return Way(name, lambda: Batch([seconds], 1, wrong), is_ours)


def made_up(*found: Way) -> Callable[..., tuple[Experiment, list[Way]]]:
    return lambda *_: (Experiment("made_up", "nothing", "one nothing"), list(found))


def run_made_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *names: str, **prepared: Any
) -> tuple[int, dict[str, Any], str]:
    monkeypatch.setattr(_plan, "Stage", Nobody)
    monkeypatch.setattr(_plan, "EXPERIMENTS", prepared)
    files = {option: tmp_path / option for option in ("json", "html")}
    status = command_line.main(
        ["bench", "--quick", "--scale", "0.3", *names]
        + [argument for option, file in files.items() for argument in (f"--{option}", str(file))]
    )
    document = json.loads(files["json"].read_text(encoding="utf-8"))
    return status, document, files["html"].read_text(encoding="utf-8")


def test_ctrl_c_in_the_middle_leaves_what_has_been_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = 0

    def interrupted() -> Batch:
        nonlocal turns
        turns += 1
        if turns == 3:
            raise KeyboardInterrupt
        return Batch([2.0])

    status, document, page = run_made_up(
        monkeypatch,
        tmp_path,
        first=made_up(way("ours", 1.0, is_ours=True), way("rival", 4.0)),
        second=made_up(way("ours", 1.0, is_ours=True), Way("slow", interrupted)),
        third=made_up(way("ours", 1.0, is_ours=True)),
    )
    assert status == 130
    assert document["interrupted"] is True
    first, second = document["experiments"]
    assert [series["median"] for series in first["series"]] == [1.0, 4.0]
    # Whose turn it is first changes from round to round, so that ours has one or two samples.
    assert second["series"][1]["samples"] == [2.0]
    assert "Interrupted: the last experiment is incomplete" in page
    written = capsys.readouterr()
    assert "1 comparison" not in written.out
    assert "2 comparisons of medians: pythread_rs is ahead in 2 (2 clearly)" in written.out
    assert written.err.endswith("interrupted\n")


def test_a_result_that_differs_is_said_and_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, document, page = run_made_up(
        monkeypatch,
        tmp_path,
        one=made_up(way("ours", 1.0, is_ours=True), way("rival", 1.0, wrong=1)),
    )
    (experiment,) = document["experiments"]
    assert status == 1
    assert experiment["different"] == experiment["compared"] / 2 > 0
    assert "DIFFERENT: rival" in capsys.readouterr().out
    assert "DIFFERENT: rival" in page


def test_a_rival_that_fails_is_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail() -> Batch:
        raise RuntimeError("can't start new thread")

    status, document, page = run_made_up(
        monkeypatch,
        tmp_path,
        one=made_up(Way("rival", fail), way("ours", 1.0, is_ours=True)),
    )
    (experiment,) = document["experiments"]
    assert status == 0
    assert [series["way"] for series in experiment["series"]] == ["ours"]
    assert experiment["missing"] == {"rival": """failed: RuntimeError("can't start new thread")"""}
    assert "Without rival" in page
    assert document["missing"] == {"Rust std::thread": "rustc is not installed"}


def test_what_cannot_be_prepared_is_skipped_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def lacks_numpy(*_: object) -> tuple[Experiment, list[Way]]:
        raise ModuleNotFoundError("No module named 'numpy'", name="numpy")

    def lacks_files(*_: object) -> tuple[Experiment, list[Way]]:
        raise CommandError("no readable file in 'tree'")

    status, document, page = run_made_up(
        monkeypatch,
        tmp_path,
        a=lacks_numpy,
        b=lacks_files,
        c=made_up(way("ours", 1.0, is_ours=True)),
    )
    assert status == 0
    reasons = {"a": "numpy is not installed", "b": "no readable file in 'tree'"}
    assert document["skipped"] == reasons
    assert "a was skipped: numpy is not installed." in page
    assert len(document["experiments"]) == 1


# --- a terminal, and Ctrl-C on it -----------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_shows_one_line_and_ctrl_c_keeps_the_figures(tmp_path: Path) -> None:
    """As a user sees it: the whole group gets the signal, workers and all."""
    import pty

    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminal here: {error}")
    # A full run is long enough to be still measuring when the signal comes. No compiler is found.
    options = "--only spawn_join,primes --threads 1 --json b.json"
    process = subprocess.Popen(
        command(*options.split()),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        encoding="utf-8",
        env={**os.environ, "PATH": ""},
        process_group=0,
    )
    os.close(theirs)
    try:
        drawn = read_until(ours, b"round 4 of")
        os.killpg(process.pid, signal.SIGINT)
        drawn += read_until(ours, b"interrupted\r\n")
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(ours)
    assert process.returncode == 130
    assert b"[1/2] spawn_join: " in drawn
    assert drawn.count(b"\n") == 1
    assert b"Traceback" not in drawn
    assert "Interrupted: " in output
    document = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert document["interrupted"] is True
    assert document["missing"][_rust.NAME] == "rustc is not installed"
    (experiment,) = document["experiments"]
    assert all(len(series["samples"]) >= 3 for series in experiment["series"])


def read_until(terminal: int, end: bytes) -> bytes:
    """Read what is drawn; the test's own time limit bounds the wait."""
    found = b""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while end not in found and time.monotonic() < deadline:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        found += chunk
    assert end in found, found
    return found
