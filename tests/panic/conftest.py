"""What the tests of panics share: programs of their own, whose stderr is looked at."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

DEADLINE_SECONDS = 15.0

PRELUDE = """\
import os, signal, sys, threading
from pythread_rs import Builder, scope, spawn
from pythread_rs.panic import *
def throw(error):
    raise error
def quiet(f):
    assert f().is_err()
"""


class Child(NamedTuple):
    """A program that has ended."""

    returncode: int
    stdout: str
    stderr: str

    def printed(self) -> str:
        """Return stderr of a program that went well, without what differs from run to run."""
        assert self.returncode == 0, self.stderr
        text = re.sub(
            r"^thread '(.*)' \(\d+\) ", r"thread '\1' (TID) ", self.stderr, flags=re.MULTILINE
        )
        return re.sub(r"(?<= at |le \")/\S*/(?=\w+\.py)", "", text)


@pytest.fixture
def run_program(tmp_path: Path) -> Callable[..., Child]:
    """Run a program in a process of its own; its first line imports the prelude."""

    def run(source: str, *options: str, backtrace: str | None = None) -> Child:
        (tmp_path / "prelude.py").write_text(PRELUDE, encoding="utf-8")
        program = "from prelude import *\n" + textwrap.dedent(source).lstrip("\n")
        (tmp_path / "program.py").write_text(program, encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHREAD_RS_")}
        if backtrace is not None:
            environment["PYTHREAD_RS_BACKTRACE"] = backtrace
        child = subprocess.run(
            [sys.executable, "-W", "error", *options, "program.py"],
            cwd=tmp_path,
            env={**environment, "PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        return Child(child.returncode, child.stdout, child.stderr)

    return run
