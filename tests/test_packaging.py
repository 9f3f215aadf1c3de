"""Metadata, wheels' configuration and workflows speak of the same Pythons and one version."""

from __future__ import annotations

import re
import runpy
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import pythread_rs

PROJECT = Path(__file__).resolve().parents[1]
WORKFLOWS = PROJECT / ".github" / "workflows"


@cache
def settings() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))


def classified() -> list[str]:
    """List the Pythons that the classifiers name."""
    lines = settings()["project"]["classifiers"]
    found = [line.rpartition(" ")[2] for line in lines if re.search(r":: 3\.\d+$", line)]
    assert len(found) >= 5
    return sorted(found)


def free_threaded(versions: list[str]) -> list[str]:
    """List the builds without a GIL that go with them: 3.13's was an experiment."""
    return [f"{version}t" for version in versions if int(version.partition(".")[2]) >= 14]


def test_the_oldest_python_is_the_required_one() -> None:
    required = settings()["project"]["requires-python"]
    assert required == f">={min(classified(), key=lambda v: int(v[2:]))}"


def test_wheels_are_built_for_what_the_classifiers_name() -> None:
    wanted = classified() + free_threaded(classified())
    built = settings()["tool"]["cibuildwheel"]["build"].split()
    assert sorted(built) == sorted(f"cp{version.replace('.', '')}-*" for version in wanted)


def test_the_workflow_tests_what_the_classifiers_name() -> None:
    text = (WORKFLOWS / "ci.yml").read_text("utf-8")
    (line,) = re.findall(r"^ +python: \[(.*)\]$", text, re.MULTILINE)
    wanted = classified() + free_threaded(classified())
    assert sorted(re.findall(r'"([^"]+)"', line)) == sorted(wanted)


def test_the_matrix_tests_what_the_classifiers_name() -> None:
    matrix = (PROJECT / "tests" / "matrix" / "_interpreters.py").read_text("utf-8")
    (line,) = re.findall(r"^VERSIONS = \((.*)\)$", matrix, re.MULTILINE)
    assert sorted(re.findall(r'"([^"]+)"', line)) == classified()


def test_what_the_workflows_call_is_there() -> None:
    called = [
        name
        for file in WORKFLOWS.glob("*.yml")
        for name in re.findall(r"(?:tools|\.ci)/[\w.]+", file.read_text("utf-8"))
    ]
    assert {"tools/check_examples.py", "tools/release_check.py", ".ci/run"} <= set(called)
    assert [name for name in called if not (PROJECT / name).is_file()] == []


def test_the_version_stands_in_one_place() -> None:
    version = pythread_rs.__version__
    assert "version" in settings()["project"]["dynamic"]
    kept = [PROJECT / "setup.py", PROJECT / "pyproject.toml", *(PROJECT / "docs").glob("*.py")]
    kept += [*(PROJECT / "pythread_rs").rglob("*.py"), *(PROJECT / "tools").glob("*.py")]
    holders = [file.name for file in kept if f'"{version}"' in file.read_text("utf-8")]
    assert holders == ["_version.py"]


@pytest.mark.parametrize(
    ("tag", "heading", "problem"),
    [
        (None, "## [1.2.3] - unreleased", None),
        ("v1.2.3", "## [1.2.3] - 2026-11-21", None),
        ("v1.2.3", "## [1.2.3] - unreleased", "no date"),
        ("v1.2.4", "## [1.2.3] - 2026-11-21", "the tag is v1.2.4"),
        (None, "## [1.2.30] - unreleased", "no heading"),
    ],
)
def test_a_release_needs_tag_version_and_changelog(
    tag: str | None, heading: str, problem: str | None
) -> None:
    check = runpy.run_path(str(PROJECT / "tools" / "release_check.py"))["problems"]
    found = check("1.2.3", f"# Changelog\n\n{heading}\n", tag)
    assert len(found) == (problem is not None)
    assert problem is None or problem in found[0]


def test_this_version_has_a_place_in_the_changelog() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text("utf-8")
    check = runpy.run_path(str(PROJECT / "tools" / "release_check.py"))["problems"]
    assert check(pythread_rs.__version__, text, None) == []
