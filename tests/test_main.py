"""`python -m pythread_rs demo|info` as a user runs it: output, JSON, exit status, bad arguments."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import pythread_rs.__main__ as command_line
from pythread_rs import SpawnError
from pythread_rs._cli import _demo, _hashing, _info, _rivals
from pythread_rs._cli._machine import Fact
from pythread_rs._cli._section import Section

DEADLINE_SECONDS = 18.0

WAYS = ("serial", "threading", "pythread_rs")


class Demo(NamedTuple):
    """A finished run of the demo: its process and the JSON file it wrote."""

    process: subprocess.CompletedProcess[str]
    document: dict[str, Any]


def run_command(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pythread_rs", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def make_tree(root: Path) -> Path:
    """Fill a folder with 12 files of which one is empty and one has several blocks."""
    (root / "deep" / "deeper").mkdir(parents=True)
    (root / "empty").touch()
    (root / "deep" / "large").write_bytes(bytes(range(256)) * 12_000)
    for number in range(10):
        (root / "deep" / "deeper" / f"file {number}").write_text(f"line {number}\n" * 500)
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    make_tree(folder / "tree")
    process = run_command(
        "demo", "--dir", "tree", "--threads", "2", "--json", "figures.json", cwd=folder
    )
    assert (process.returncode, process.stderr) == (0, "")
    return Demo(process, json.loads((folder / "figures.json").read_text(encoding="utf-8")))


def figures(demo: Demo, job: str, quantity: str) -> dict[str, float]:
    """Return way -> seconds."""
    return {
        figure["way"]: figure["value"]
        for figure in demo.document["figures"]
        if (figure["job"], figure["quantity"], figure["unit"]) == (job, quantity, "s")
    }


def tables(demo: Demo) -> list[list[str]]:
    """Find the tables: lines from a header to the last row that ends with a ratio."""
    found: list[list[str]] = []
    for line in demo.process.stdout.splitlines():
        words = line.split()
        if words[:2] == ["way", "runs"]:
            found.append([line])
        elif found and re.search(r" \d+\.\d\d$", line):
            found[-1].append(line)
    return found


def test_demo_prints_a_row_for_each_way_of_each_job(demo: Demo) -> None:
    ways = [[re.split(r",|  ", line.strip())[0] for line in table[1:]] for table in tables(demo)]
    assert ways == [list(WAYS), list(WAYS), list(WAYS[1:]) * 2]


def test_demo_columns_are_aligned(demo: Demo) -> None:
    for table in tables(demo):
        assert len({len(line) for line in table}) == 1


def test_demo_says_what_it_worked_on_and_that_results_agree(demo: Demo) -> None:
    output = demo.process.stdout
    assert "10 downloads, one thread each" in output
    assert "12 files, 3.0 MiB, in tree" in output
    assert "all results are the same" in output
    assert "DIFFERENT" not in output
    assert output.count("threading take the same time") + output.count("is faster") == 4


def test_demo_json_has_every_figure_with_its_unit(demo: Demo) -> None:
    kitchen = figures(demo, "kitchen counter", "time")
    # The latency of the server bounds these from below: whoever takes less than 2 s has not waited
    # for one dish after the other.
    assert kitchen["serial"] >= 2.0
    assert 0.2 <= kitchen["threading"] < 2.0
    assert 0.2 <= kitchen["pythread_rs"] < 2.0
    assert set(figures(demo, "files", "time")) == set(WAYS)
    for job in ("spawn and join", "spawn and join after a pause"):
        medians, tails = figures(demo, job, "median"), figures(demo, job, "p90")
        assert set(medians) == set(tails) == {"threading", "pythread_rs"}
        assert all(0 < medians[way] <= tails[way] < 1 for way in medians)
    assert len(demo.document["figures"]) == 3 + 3 + 4 + 4
    assert all(figure["value"] > 0 < figure["runs"] for figure in demo.document["figures"])


def test_demo_json_says_where_and_how_it_was_measured(demo: Demo) -> None:
    document = demo.document
    assert document["schema"] == 1
    assert document["arguments"] == {"dir": "tree", "threads": 2, "max_mib": 64}
    assert document["versions"]["python"] == sys.version.split()[0]
    assert document["machine"]["cpu_count"] == os.cpu_count()
    assert document["differences"] == []
    assert datetime.fromisoformat(document["date"]).tzinfo is not None
    assert 2 < document["seconds"] < DEADLINE_SECONDS


@pytest.fixture
def quick_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the demo to the job over the files."""

    def only_files(tree: Any, threads: int, max_mib: int, progress: Any) -> list[Section]:
        return [_hashing.measure_hashing(tree, threads, max_mib, progress)]

    monkeypatch.setattr(_demo, "do_jobs", only_files)


@pytest.mark.usefixtures("quick_jobs")
def test_exit_status_is_1_when_a_thread_computes_something_else(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = _rivals.do_on_pythread_rs

    def lose_a_byte(function: Any, jobs: Any) -> Any:
        return original(_hash_wrongly, jobs)

    assert command_line.main(["demo", "--dir", str(tree)]) == 0
    assert "all results are the same" in capsys.readouterr().out

    monkeypatch.setattr(_rivals, "do_on_pythread_rs", lose_a_byte)
    assert command_line.main(["demo", "--dir", str(tree)]) == 1
    output = capsys.readouterr().out
    # Three runs of this way, each wrong in that one file.
    assert output.count("DIFFERENT: pythread_rs: ") == 3
    assert "results that differ: 3" in output
    assert str(tree / "deep" / "large") in output


def _hash_wrongly(entries: Any) -> Any:
    """Compute what `hash_files` does, but for one file with one bit turned over."""
    results = _hashing.hash_files(entries)
    return [
        result._replace(packed_crc32=result.packed_crc32 ^ 1)
        if result.path.endswith("large")
        else result
        for result in results
    ]


@pytest.mark.usefixtures("quick_jobs")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_folder_whose_name_is_not_text_is_printed_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = make_tree(tmp_path / "tree\udcff")
    assert command_line.main(["demo", "--dir", str(tree)]) == 0
    assert "tree\\udcff; results" in capsys.readouterr().out


@pytest.mark.parametrize(("load", "is_busy"), [(0.1, False), (9999.0, True), (None, False)])
def test_a_busy_machine_is_said_to_prove_nothing(load: float | None, is_busy: bool) -> None:
    facts: dict[str, dict[str, Fact]] = {
        "versions": dict.fromkeys(("pythread_rs", "python", "implementation", "gil"), "x"),
        "machine": {"load_1_min": load},
    }
    output = _demo.report(facts, 2, [], 1.0)
    assert ("The machine was busy" in output) == is_busy


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("dance",), "invalid choice: 'dance'"),
        (("demo", "--threads", "0"), "argument --threads: must be at least 1, not 0"),
        (("demo", "--threads", "two"), "argument --threads: invalid whole_number value: 'two'"),
        (("demo", "--max-mib", "-1"), "argument --max-mib: must be at least 1, not -1"),
        (("demo", "--dir", "nowhere"), "cannot read the folder 'nowhere': No such file"),
        (("demo", "--dir", "a-file"), "cannot read the folder 'a-file': Not a directory"),
        (("demo", "--dir", "hollow"), "no readable file in 'hollow'"),
        (("demo", "--json", "no/such"), "cannot write 'no/such': there is no folder 'no'"),
        (("demo", "--json", "hollow"), "cannot write 'hollow': it is a folder"),
        (("info", "--dir", "."), "unrecognized arguments: --dir ."),
    ],
)
def test_bad_arguments_give_one_clear_error(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    (tmp_path / "hollow").mkdir()
    (tmp_path / "a-file").touch()
    process = run_command(*arguments, cwd=tmp_path)
    assert (process.returncode, process.stdout) == (2, "")
    *usage, error = process.stderr.splitlines()
    assert message in error
    assert "error: " in error
    assert all(line.startswith(("usage:", " ")) for line in usage)


def test_missing_permissions_give_a_clear_error(tree: Path) -> None:
    tree.chmod(0)
    try:
        if os.access(tree, os.R_OK):
            pytest.skip("root may read everything")
        process = run_command("demo", "--dir", str(tree), cwd=tree.parent)
    finally:
        tree.chmod(0o700)
    assert process.returncode == 2
    assert f"cannot read the folder {str(tree)!r}: Permission denied" in process.stderr


def test_a_folder_that_may_not_be_read_gives_a_clear_error(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same for a test run by root, to whom nothing is forbidden."""

    def refuse(path: str) -> list[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert command_line.main(["demo", "--dir", str(tree)]) == 2
    assert (
        f"error: cannot read the folder {str(tree)!r}: Permission denied" in capsys.readouterr().err
    )


def test_a_json_file_that_may_not_be_written_is_found_before_the_work(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbid(path: object, mode: int) -> bool:
        return False

    def fail(*args: object) -> None:
        pytest.fail("the jobs were begun")

    monkeypatch.setattr(os, "access", forbid)
    monkeypatch.setattr(_demo, "do_jobs", fail)
    assert command_line.main(["demo", "--dir", str(tree), "--json", "figures.json"]) == 2
    assert capsys.readouterr().err == "error: cannot write 'figures.json': no permission\n"


@pytest.mark.usefixtures("quick_jobs")
@pytest.mark.parametrize("rival", ["threading", "pythread_rs"])
def test_a_refused_thread_gives_a_clear_error(
    rival: str, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse_start(thread: object) -> None:
        raise RuntimeError("can't start new thread")

    def refuse_spawn(*args: object) -> None:
        raise SpawnError(11, "the limit of threads is reached")

    if rival == "threading":
        monkeypatch.setattr(threading.Thread, "start", refuse_start)
    else:
        monkeypatch.setattr(_rivals, "spawn", refuse_spawn)
    assert command_line.main(["demo", "--dir", str(tree)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert ("can't start new thread" if rival == "threading" else "limit of threads") in error


def read_until(terminal: int, end: bytes) -> bytes:
    """Read what a child writes to a terminal until `end` has come."""
    shown = b""
    while end not in shown:
        is_ready, _, _ = select.select([terminal], [], [], DEADLINE_SECONDS)
        assert is_ready, f"no {end!r} after {shown!r}"
        shown += os.read(terminal, 4096)
    return shown


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_progress_line_on_a_terminal_and_ctrl_c(tree: Path) -> None:
    terminal, child_side = os.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "pythread_rs", "demo", "--dir", str(tree)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=child_side,
        ) as child:
            try:
                # The serial downloads take 2 s, in which the line is redrawn with the time.
                shown = read_until(terminal, b"[1/3] kitchen counter: serial  0.")
                child.send_signal(signal.SIGINT)
                output, _ = child.communicate(timeout=DEADLINE_SECONDS)
            finally:
                child.kill()
        shown += read_until(terminal, b"interrupted\r\n")
    finally:
        os.close(child_side)
        os.close(terminal)
    assert child.returncode == 130
    assert output == b""
    # The progress line has been wiped before the last word.
    assert shown.endswith(b" \rinterrupted\r\n")
    assert b"Traceback" not in shown


def test_info_prints_every_topic(tmp_path: Path) -> None:
    process = run_command("info", cwd=tmp_path, PYTHREAD_RS_BACKTRACE="1")
    assert (process.returncode, process.stderr) == (0, "")
    topics = [line for line in process.stdout.splitlines() if line and not line.startswith(" ")]
    assert topics == ["versions", "machine", "limits", "workers", "environment"]
    facts = dict(line.split(maxsplit=1) for line in process.stdout.splitlines() if "  " in line)
    assert facts["python"] == sys.version.split()[0]
    assert facts["cpu_count"] == str(os.cpu_count())
    assert facts["PYTHREAD_RS_BACKTRACE"] == "1"
    assert int(facts["available_parallelism"]) >= 1


def test_info_json_has_the_worker_counts_after_one_thread(tmp_path: Path) -> None:
    process = run_command("info", "--json", cwd=tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    facts = json.loads(process.stdout)
    assert (facts["schema"], facts["command"]) == (1, "info")
    workers = facts["workers"]
    assert workers["self test"] == "ok"
    assert (workers["spawned"], workers["live"], workers["os_threads_created"]) == (1, 0, 1)
    assert facts["versions"]["os_backend"]
    if sys.platform == "linux":
        assert int(facts["limits"]["kernel threads-max"]) > 0


def test_info_without_a_working_thread_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*args: object) -> None:
        raise SpawnError(11, "the limit of threads is reached")

    monkeypatch.setattr(_info, "spawn", refuse)
    assert command_line.main(["info"]) == 1
    assert "no thread could be started: [Errno 11] the limit" in capsys.readouterr().out


def test_importing_the_package_does_not_load_the_command_line(tmp_path: Path) -> None:
    code = "import pythread_rs, sys; print(*sorted(sys.modules))"
    names = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=True,
    ).stdout.split()
    assert "pythread_rs" in names
    assert not {"pythread_rs._cli", "argparse", "json", "http", "importlib.metadata"} & set(names)
