"""coverage.py: lines that only a thread of ours runs are covered, whatever measures them."""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    RunChild = Callable[..., subprocess.CompletedProcess[str]]

SECONDS = 60.0  # for a child under coverage

PROGRAM = """
import threading
from pythread_rs import Builder, scope, spawn

def only_in_a_thread(number):
    if number > 1:
        number -= 1
    else:
        number += 1
    return number

def only_in_a_scope():
    total = 0
    for n in range(3):
        total += n
    return total

def panics():
    try:
        raise ValueError("on purpose")
    except ValueError as error:
        text = str(error)
    raise KeyError(text)

def never_called():
    return 1

handles = [spawn(only_in_a_thread, n) for n in range(3)]
assert [h.join().unwrap() for h in handles] == [1, 2, 1]
with scope() as s:
    s.spawn(only_in_a_scope)
assert Builder(dedicated=True).spawn(panics).join().is_err()
"""


def cores() -> list[Any]:
    """Return the cores of coverage.py; one is skipped by name where it does not exist."""
    monitors = "sysmon needs sys.monitoring, which came with 3.12"
    return [
        "ctrace",
        "pytrace",
        pytest.param(
            "sysmon", marks=pytest.mark.skipif(sys.version_info < (3, 12), reason=monitors)
        ),
    ]


@pytest.mark.skipif(
    importlib.util.find_spec("coverage") is None, reason="coverage is not installed"
)
@pytest.mark.timeout(SECONDS + 10)
@pytest.mark.parametrize("core", cores())
def test_lines_that_only_a_thread_runs_are_covered(
    core: str, run_child: RunChild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COVERAGE_CORE", core)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    measure = f"""
    import runpy, sys, coverage
    from pythread_rs import panic
    panic.set_hook(lambda info: None)
    cov = coverage.Coverage(data_file=None, include=[{str(program)!r}])
    cov.start()
    runpy.run_path({str(program)!r}, run_name="__main__")
    cov.stop()
    cov.json_report(outfile={str(tmp_path / "report.json")!r})
    print([value for name, value in cov.sys_info() if name == "core"])
    """
    done = run_child(measure, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    (report,) = json.loads((tmp_path / "report.json").read_text())["files"].values()
    missing = [PROGRAM.splitlines()[number - 1].strip() for number in report["missing_lines"]]
    assert missing == ["return 1"], "only `never_called` was not called"
