"""`python -m pythread_rs explain CODE`: every program in the texts does what the text says.

`python tests/ownership/test_explain.py` writes the outputs into the texts as they are now.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

import pythread_rs
from pythread_rs import ownership
from pythread_rs.ownership import _explain
from pythread_rs.ownership._diagnostic import footer

FOLDER = Path(_explain.__file__).parent / "explain"
PROGRAM = re.compile(r"```python\n(?P<code>.*?)```\n\n```text\n(?P<output>.*?)```\n", re.DOTALL)
SECONDS = 15.0

# Until `spawn` checks what it gets, a program that must be refused runs.


class Example(NamedTuple):
    """A program of a text, and what the text says that it prints."""

    code: str
    number: int
    program: str
    output: str

    @property
    def fails(self) -> bool:
        return self.output.startswith("error[")


def examples() -> list[Example]:
    return [
        Example(file.stem, number, found["code"], found["output"])
        for file in sorted(FOLDER.glob("*.md"))
        for number, found in enumerate(PROGRAM.finditer(file.read_text("utf-8")), 1)
    ]


EXAMPLES = examples()


def run(program: str, folder: Path) -> tuple[int, str, str]:
    """Run a program as main.py; return its status, its output and its error."""
    (folder / "main.py").write_text(program, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if k != "FORCE_COLOR"}
    child = subprocess.run(
        [sys.executable, "-W", "error", "main.py"],
        cwd=folder,
        env={**environment, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    return child.returncode, child.stdout, child.stderr


def missing_names(program: str) -> list[str]:
    """List what a program imports from this package that is not there."""
    return [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(program))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pythread_rs")
        for alias in node.names
        if not hasattr(pythread_rs if node.module == "pythread_rs" else ownership, alias.name)
    ]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.code}-{e.number}")
def test_a_program_does_what_the_text_says(example: Example, tmp_path: Path) -> None:
    status, output, error = run(example.program, tmp_path)
    if example.fails:
        assert status == 1
        assert error[error.index("error[") :] == example.output
        assert f"error[{example.code}]: " in example.output
        assert example.output.endswith(f"\n\n{footer(example.code)}\n")
    else:
        assert (status, output, error) == (0, example.output, "")


@pytest.mark.parametrize("code", _explain.CODES)
def test_a_text_has_a_program_that_fails_and_one_that_does_not(code: str) -> None:
    own = [example for example in EXAMPLES if example.code == code]
    assert own[0].fails
    assert not own[-1].fails
    text = _explain.explanation(code)
    assert text.count("```python") == len(own), "a program without its output"
    assert re.match(rf"# {code}: [a-z]", text)
    prose = PROGRAM.sub("", text)
    assert max(map(len, prose.split("\n"))) <= 100


def test_each_code_of_an_error_has_its_text() -> None:
    classes = [getattr(ownership, name) for name in ownership.__all__]
    errors = [c for c in classes if isinstance(c, type) and issubclass(c, ownership.OwnershipError)]
    documented = {code for e in errors for code in re.findall(r"E\d{4}", e.__doc__ or "")}
    assert documented == set(_explain.CODES) == {file.stem for file in FOLDER.glob("*.md")}


# -- The command. ----------------------------------------------------------------------------------


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pythread_rs", "explain", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("code", ["E0382", "e0382"])
def test_the_command_prints_the_text(code: str) -> None:
    child = command(code)
    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout == (FOLDER / "E0382.md").read_text("utf-8")


@pytest.mark.parametrize("code", ["E9999", "", "../E0382"])
def test_an_unknown_code_lists_the_known_ones(code: str) -> None:
    child = command(code)
    assert (child.returncode, child.stdout) == (2, "")
    first, *rest = child.stderr.splitlines()
    assert first == f"error: there is no explanation of {code!r}; these have one:"
    assert [line[:7] for line in rest] == [f"{code}: " for code in _explain.CODES]


def test_without_a_code_the_known_ones_are_listed() -> None:
    child = command()
    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout.splitlines()[3] == "E0382: use of a moved value"


# -- Writing the outputs. --------------------------------------------------------------------------


def rewritten(found: re.Match[str], folder: Path) -> str:
    status, output, error = run(found["code"], folder)
    start = error.find("error[")
    if status and start < 0:
        raise SystemExit(f"neither fails nor works:\n{found['code']}\n{error}")
    new = error[start:] if status else output
    return found[0].replace(f"```text\n{found['output']}```", f"```text\n{new}```")


def rewrite() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(FOLDER.glob("*.md")):
            text = file.read_text("utf-8")
            new = PROGRAM.sub(lambda found: rewritten(found, Path(folder)), text)
            file.write_text(new, "utf-8")


if __name__ == "__main__":
    rewrite()
