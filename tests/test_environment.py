"""The environment variables: the page, `info` and the source name the same ones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pythread_rs
from pythread_rs._cli._environment import NOT_SET, VARIABLES

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = Path(pythread_rs.__file__).parent
OURS = re.compile(r"\bPYTHREAD_RS_[A-Z_]*[A-Z]\b")
READ = re.compile(r"""\benviron(?:\.get\(|\[)["'](\w+)["']""")
DEADLINE_SECONDS = 15.0


def named_in_table(heading: str) -> set[str]:
    """Read the first column of the table below a heading of the page."""
    text = (PROJECT / "docs" / "environment.md").read_text("utf-8")
    section = text.split(f"{heading}\n", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def found_in(*files: Path) -> set[str]:
    texts = [file.read_text("utf-8") for file in files]
    assert texts
    return {name for text in texts for name in OURS.findall(text) + READ.findall(text)}


def package_files() -> list[Path]:
    return [file for file in PACKAGE.rglob("*.py") if file.name != "_environment.py"]


def test_the_page_has_what_the_package_reads() -> None:
    assert named_in_table("# Environment variables") == found_in(*package_files())


def test_info_has_what_the_package_reads() -> None:
    assert set(VARIABLES) == found_in(*package_files())


def test_the_page_has_what_building_reads() -> None:
    read = found_in(PROJECT / "setup.py", PROJECT / "csrc" / "build_ffi.py")
    assert named_in_table("## For building") == read


def test_the_page_has_what_testing_reads() -> None:
    files = [file for file in (PROJECT / "tests").rglob("*.py") if file != Path(__file__)]
    known = found_in(*package_files()) | named_in_table("## For building")
    ours = {name for name in found_in(*files) if name.startswith("PYTHREAD_RS_")}
    assert named_in_table("## For testing") == ours - known


def test_no_other_page_knows_one_that_is_not_there() -> None:
    pages = [PROJECT / "README.md", *PACKAGE.rglob("*.md"), *(PROJECT / "docs").rglob("*.md")]
    known = {*VARIABLES, *named_in_table("## For building"), *named_in_table("## For testing")}
    named = {name for page in pages for name in OURS.findall(page.read_text("utf-8"))}
    assert named <= known
    assert "PYTHREAD_RS_BACKTRACE" in named


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    """Run `info` with one variable set, one empty and one misspelt."""
    bare = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    bare = {name: value for name, value in bare.items() if not name.startswith("PYTHREAD_RS_")}
    given = {"PYTHREAD_RS_LINT": "1", "NO_COLOR": "", "PYTHREAD_RS_LINTS": "1"}
    process = subprocess.run(
        [sys.executable, "-m", "pythread_rs", "info", "--json"],
        env={**bare, **given},
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    facts: dict[str, str] = json.loads(process.stdout)["environment"]
    return facts


def test_info_shows_every_variable_with_its_value(shown: dict[str, str]) -> None:
    assert {name: shown[name] for name in VARIABLES} == {
        **dict.fromkeys(VARIABLES, NOT_SET),
        "PYTHREAD_RS_LINT": "1",
        "NO_COLOR": "",
    }


def test_info_shows_what_is_set_and_means_nothing(shown: dict[str, str]) -> None:
    assert set(shown) - set(VARIABLES) == {"PYTHREAD_RS_LINTS"}
    assert "not read" in shown["PYTHREAD_RS_LINTS"]
