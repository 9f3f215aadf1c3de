"""Each example is run as a process of its own; its output is compared with `examples/README.md`."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples"
DEADLINE_SECONDS = 15.0

# Their output is the same in every run.
CERTAIN = (
    "back_pressure.py",
    "bank.py",
    "counter.py",
    "detached_background.py",
    "join_at_once.py",
    "main_ends_first.py",
    "panic_is_err.py",
    "pipeline.py",
    "return_value.py",
    "ten_chunks.py",
    "vector_to_thread.py",
)
# What these write to stderr is checked by tests of their own.
PANICKING = ("kitchen_counter.py", "panic_is_err.py")

REPORT = re.compile(r"^thread '<unnamed>' \(\d+\) panicked at (.+):\d+:\d+:\n(.*)$", re.MULTILINE)


def documented_outputs() -> dict[str, str]:
    """Read example -> output from the README."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^## (\S+)\n.*?^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def run_example(name: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run an example with warnings as errors and without waiting for ever."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / name)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def lines_of(thread: str, output: str) -> list[str]:
    return [line for line in output.splitlines() if line.endswith(f"from the {thread} thread")]


def test_the_readme_shows_every_example() -> None:
    assert set(documented_outputs()) == {path.name for path in FOLDER.glob("*.py")}


@pytest.mark.parametrize("name", CERTAIN)
def test_output_is_the_documented_one(name: str, tmp_path: Path) -> None:
    child = run_example(name, tmp_path)
    assert child.stdout == documented_outputs()[name]
    assert child.returncode == 0
    if name not in PANICKING:
        assert child.stderr == ""


@pytest.mark.parametrize("name", ["interleave.py", "join_at_end.py"])
def test_each_thread_prints_all_its_lines_in_its_own_order(name: str, tmp_path: Path) -> None:
    child = run_example(name, tmp_path)
    documented = documented_outputs()[name]
    for thread in ("main", "spawned"):
        assert lines_of(thread, child.stdout) == lines_of(thread, documented)
    assert sorted(child.stdout.splitlines()) == sorted(documented.splitlines())
    assert (child.returncode, child.stderr) == (0, "")


def test_join_at_end_waits_for_the_thread(tmp_path: Path) -> None:
    child = run_example("join_at_end.py", tmp_path)
    assert child.stdout.endswith("the spawned thread has ended\n")


def test_lines_do_interleave(tmp_path: Path) -> None:
    """On a loaded machine one run may happen to be in order, hence up to ten of them."""
    for _ in range(10):
        lines = run_example("interleave.py", tmp_path).stdout.splitlines()
        threads = [line.split()[-2] for line in lines]
        if threads not in (sorted(threads), sorted(threads, reverse=True)):
            return
    pytest.fail("ten runs, and never did a line of one thread come between lines of the other")


def test_an_endless_thread_does_not_delay_the_exit(tmp_path: Path) -> None:
    """On a loaded machine a single run may take longer, hence up to three of them."""
    assert any(seconds_from_the_end_of_main(tmp_path) < 2 for _ in range(3))


def seconds_from_the_end_of_main(tmp_path: Path) -> float:
    with subprocess.Popen(
        [sys.executable, "-u", str(FOLDER / "detached_background.py")],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as child:
        try:
            assert child.stdout is not None
            for line in child.stdout:
                if line.startswith("main ends"):
                    break
            start = time.monotonic()
            _, errors = child.communicate(timeout=DEADLINE_SECONDS)
            seconds = time.monotonic() - start
        finally:
            child.kill()
    assert (child.returncode, errors) == (0, "")
    return seconds


def test_each_panic_is_reported_once_on_stderr(tmp_path: Path) -> None:
    errors = run_example("panic_is_err.py", tmp_path).stderr
    reports = REPORT.findall(errors)
    assert len(reports) == errors.count("panicked at") == 3
    assert [Path(file).name for file, _ in reports] == ["panic_is_err.py"] * 3
    assert reports[0][1].startswith("ValueError: invalid literal for int()")
    assert reports[1][1].startswith("ZeroDivisionError: ")
    assert "-3" in reports[2][1]


def test_ten_downloads_take_as_long_as_one(tmp_path: Path) -> None:
    """On a loaded machine a single run may take longer, hence up to five of them."""
    documented = documented_outputs()["kitchen_counter.py"]
    timing = re.compile(r"(?<=one thread each: )(\d+\.\d+)(?= s$)", re.MULTILINE)
    times: list[float] = []
    while len(times) < 5 and min(times, default=9.0) > 2:
        child = run_example("kitchen_counter.py", tmp_path)
        assert child.returncode == 0
        assert timing.sub("TIME", child.stdout) == timing.sub("TIME", documented)
        times += map(float, timing.findall(child.stdout))
    # The server's latency is the least that is possible; one after the other takes 2.2 s.
    assert 0.2 <= min(times) < 2.2


def test_the_failed_download_is_one_report_on_stderr(tmp_path: Path) -> None:
    errors = run_example("kitchen_counter.py", tmp_path).stderr
    ((_, message),) = REPORT.findall(errors)
    assert message.endswith("HTTPError: HTTP Error 404: Not Found")
    assert errors.count("panicked at") == 1
    assert "ResourceWarning" not in errors
