"""What the ports of Rust's tests share: quiet panics, and programs of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pythread_rs.panic import PanicHookInfo, set_hook, take_hook

DEADLINE_SECONDS = 15.0


class Child(NamedTuple):
    """A program that has ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run_program(tmp_path: Path) -> Callable[..., Child]:
    """Run a program in a process of its own: one that prints, exits or never ends a thread."""

    def run(source: str, *options: str) -> Child:
        (tmp_path / "program.py").write_text(textwrap.dedent(source), encoding="utf-8")
        child = subprocess.run(
            [sys.executable, "-W", "error", *options, "program.py"],
            cwd=tmp_path,
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTHREAD_RS_")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        return Child(child.returncode, child.stdout, child.stderr)

    return run


@pytest.fixture
def reports() -> Iterator[list[PanicHookInfo]]:
    """Let the panic hook collect, in the place of printing."""
    found: list[PanicHookInfo] = []
    set_hook(found.append)
    yield found
    found.clear()
    take_hook()
