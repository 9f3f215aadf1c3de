"""What type checkers say about programs that use the package: good ones are clean, bad ones not.

`typing/good_*.py` must pass mypy --strict and pyright. In `typing/bad_*.py` the lines that end in
`# E`, and no others, must be reported by each of the two. What editors show of the package itself,
types and texts, must be complete.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pythread_rs

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = Path(__file__).resolve().parent / "typing"
MARK = "# E"
CHECK_SECONDS = 300.0

Reports = dict[str, dict[int, list[str]]]  # file name -> line -> messages


def files(pattern: str) -> list[Path]:
    found = sorted(FOLDER.glob(pattern))
    assert found
    return found


def copy_to(folder: Path) -> list[Path]:
    """Copy the programs, as a user's would lie: with no configuration and no source near them."""
    copies = []
    for file in files("*.py"):
        copy = folder / file.name
        copy.write_text(file.read_text("utf-8"), "utf-8")
        copies.append(copy)
    return copies


def run(*command: str, cwd: Path) -> str:
    # The checker must see the package that is tested, installed or built in place.
    environment = {**os.environ, "MYPYPATH": source_folder(), "NO_COLOR": "1"}
    outcome = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=CHECK_SECONDS,
        check=False,
    )
    assert outcome.returncode in {0, 1}, outcome.stdout + outcome.stderr
    return outcome.stdout


def source_folder() -> str:
    """Name the folder of a package built in place; site-packages is found without help."""
    folder = str(Path(pythread_rs.__file__).parents[1])
    return "" if "site-packages" in folder else folder


def mypy(folder: Path) -> Reports:
    names = [copy.name for copy in copy_to(folder)]
    cache = f"--cache-dir={folder / 'cache'}"
    output = run(sys.executable, "-m", "mypy", "--strict", "--no-pretty", cache, *names, cwd=folder)
    reports: Reports = defaultdict(dict)
    for line in output.splitlines():
        if found := re.match(r"([^:]+):(\d+): error: (.*)", line):
            file, number, message = found.groups()
            reports[Path(file).name].setdefault(int(number), []).append(message)
        else:
            assert re.match(r"Found |Success|[^:]+:\d+: note:", line), line
    return reports


def pyright(folder: Path) -> Reports:
    names = [copy.name for copy in copy_to(folder)]
    settings = {"include": names, "extraPaths": [source_folder()]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    reports: Reports = defaultdict(dict)
    for item in json.loads(run(*command, cwd=folder))["generalDiagnostics"]:
        if item["severity"] == "error":
            line = item["range"]["start"]["line"] + 1
            reports[Path(item["file"]).name].setdefault(line, []).append(item["message"])
    return reports


CHECKERS: dict[str, Callable[[Path], Reports]] = {"mypy": mypy, "pyright": pyright}


@pytest.fixture(scope="module", params=CHECKERS)
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Run one checker over all the programs, once."""
    name: str = request.param
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed: pip install '.[dev]'")
    return CHECKERS[name](tmp_path_factory.mktemp(name))


def marked_lines(file: Path) -> set[int]:
    lines = enumerate(file.read_text("utf-8").splitlines(), start=1)
    return {number for number, line in lines if line.endswith(MARK)}


pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(CHECK_SECONDS + 10)]


@pytest.mark.parametrize("file", files("good_*.py"), ids=lambda file: file.name)
def test_right_programs_are_clean(reports: Reports, file: Path) -> None:
    assert reports.get(file.name, {}) == {}


@pytest.mark.parametrize("file", files("bad_*.py"), ids=lambda file: file.name)
def test_exactly_the_marked_lines_are_wrong(reports: Reports, file: Path) -> None:
    marked, reported = marked_lines(file), reports.get(file.name, {})
    assert marked, "a bad program has marks"
    assert sorted(marked - set(reported)) == [], "mistakes that the checker accepts"
    assert {line: reported[line] for line in sorted(set(reported) - marked)} == {}


@pytest.fixture(scope="module")
def completeness(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Ask pyright what it knows of each public name, and of what those are made of."""
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed: pip install '.[dev]'")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    command += ["--ignoreexternal", "--verifytypes", "pythread_rs"]
    output = run(*command, cwd=tmp_path_factory.mktemp("completeness"))
    found: dict[str, Any] = json.loads(output)["typeCompleteness"]
    return found


def complaints(completeness: dict[str, Any], about: str) -> list[str]:
    """List the symbols of which something about types, or about texts, is missing."""
    return sorted(
        f"{symbol['name']}: {diagnostic['message']}"
        for symbol in completeness["symbols"]
        for diagnostic in symbol["diagnostics"]
        if ("docstring" in diagnostic["message"]) == (about == "docstring")
    )


def test_every_public_symbol_is_typed(completeness: dict[str, Any]) -> None:
    assert complaints(completeness, "type") == []
    assert completeness["exportedSymbolCounts"]["withKnownType"] > 200
    assert completeness["completenessScore"] == 1


def test_an_editor_has_a_text_for_every_public_symbol(completeness: dict[str, Any]) -> None:
    assert complaints(completeness, "docstring") == []
    assert completeness["missingFunctionDocStringCount"] == 0
    assert completeness["missingClassDocStringCount"] == 0


def test_the_stub_has_the_texts_of_the_compiled_module(tmp_path: Path) -> None:
    tool = Path(__file__).resolve().parents[1] / "tools" / "stub_docs.py"
    assert run(sys.executable, str(tool), "--check", cwd=tmp_path) == ""
