"""One run of the suite, or of the check for leaked references, on one interpreter."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.matrix._commands import CannotRunError, run
from tests.matrix._interpreters import Interpreter, environment, find
from tests.matrix._leaks import LEAK_CHECK

PROJECT = Path(__file__).resolve().parents[2]
INSTALL_SECONDS = 600
SUITE_SECONDS = 1700


@dataclass
class Result:
    """What one interpreter did."""

    version: str
    where: str
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    failed: bool = False
    reason: str = ""  # why nothing was run
    log: str = ""


def export(target: Path) -> None:
    """Copy the checkout without what git ignores, as somebody else would get it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    options: dict[str, Any] = {"cwd": PROJECT, "capture_output": True, "encoding": "utf-8"}
    listed = subprocess.run(command, check=False, **options)
    if listed.returncode != 0:  # not a checkout, but an unpacked archive
        ignored = shutil.ignore_patterns("build", "dist", "*.so", "__pycache__", ".*_cache")
        shutil.copytree(PROJECT, target, ignore=ignored)
        return
    for name in filter(None, listed.stdout.split("\0")):
        source = PROJECT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


class Run:
    """The suite, or the check for leaked references, on one interpreter."""

    def __init__(self, interpreter: Interpreter, log: Path) -> None:
        self.interpreter = interpreter
        self.log = log
        inside = "/tmp" if interpreter.place else tempfile.gettempdir()
        folder = interpreter.outside(inside)
        folder.mkdir(exist_ok=True)
        made = tempfile.mkdtemp(prefix=f"matrix-{interpreter.version}-", dir=folder)
        self.work = f"{inside}/{Path(made).name}"
        self.outside = Path(made)

    def __enter__(self) -> Self:
        (self.outside / "tmp").mkdir()
        export(self.outside / "project")
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.outside, ignore_errors=True)

    def do(self, command: list[str], seconds: float) -> bool:
        """Run a command in the exported project; tell whether it succeeded."""
        go = ["env", "-C", f"{self.work}/project", *command]
        env = environment(self.interpreter, self.work)
        return run(self.interpreter.command(go), seconds, self.log, env=env) == 0

    def install(self, what: str) -> bool:
        """Make a fresh virtual environment with the package in it."""
        venv = [self.interpreter.program, "-m", "venv", f"{self.work}/venv"]
        pip = ["python", "-m", "pip", "install", "-q", what]
        return self.do(venv, INSTALL_SECONDS) and self.do(pip, INSTALL_SECONDS)

    def suite(self, arguments: list[str]) -> tuple[bool, dict[str, int]]:
        """Run pytest; return whether it succeeded, and its numbers."""
        report = ["-q", "-p", "no:cacheprovider", f"--junitxml={self.work}/report.xml"]
        succeeded = self.do(["python", "-m", "pytest", *report, *arguments], SUITE_SECONDS)
        file = self.outside / "report.xml"
        return succeeded, numbers(file) if file.exists() else {}

    def leaks(self) -> bool:
        """Count all references before and after some thousand threads; tell if they stay flat."""
        (self.outside / "leaks.py").write_text(LEAK_CHECK, encoding="utf-8")
        return self.do(["python", f"{self.work}/leaks.py"], INSTALL_SECONDS)


def numbers(report: Path) -> dict[str, int]:
    """Read pytest's numbers from its report."""
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in ET.parse(report).getroot().iter("testsuite"):
        for name in totals:
            totals[name] += int(suite.get(name, 0))
    failed = totals["failures"] + totals["errors"]
    passed = totals["tests"] - failed - totals["skipped"]
    return {"passed": passed, "failed": failed, "skipped": totals["skipped"]}


def test(version: str, kind: str, arguments: list[str], logs: Path) -> Result:
    """Run one kind of check, `suite` or `leaks`, on one interpreter."""
    log = logs / f"{version}-{kind}.log"
    name = version if kind == "suite" else f"{version} {kind}"
    began = time.monotonic()
    try:
        interpreter = find(version, log)
    except CannotRunError as error:
        return Result(name, "-", reason=str(error))
    result = Result(name, interpreter.where)
    with Run(interpreter, log) as place:
        if not place.install("." if kind == "leaks" else ".[test,ecosystem]"):
            result.failed = True
        elif kind == "leaks":
            result.failed = not place.leaks()
        else:
            succeeded, result.counts = place.suite(arguments)
            result.failed = not succeeded
    result.seconds = time.monotonic() - began
    result.log = log.read_text(errors="replace")
    print(f"{name}: {'FAILED' if result.failed else 'ok'}", flush=True)
    return result
