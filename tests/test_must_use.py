"""PYTHREAD_RS_MUST_USE=1: an `Err` of a join that is dropped unseen warns with the spawn line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    RunChild = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = """\
import warnings
warnings.simplefilter("always")
from pythread_rs import Builder, Err, panic, scope, spawn
panic.set_hook(lambda info: None)

spawn(int, "a").join()  # line 6
Builder(name="b").spawn(int, "b").join()  # line 7
with scope() as s:
    s.spawn(int, "c").join()  # line 9
match spawn(int, "looked at").join():
    case Err(error):
        assert "looked at" in str(error)
spawn(int, "1").join()
"""


def warned_lines(child: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the part of each warning that names the spawn."""
    return [
        line.rpartition("(")[2]
        for line in child.stderr.splitlines()
        if "UnusedResultWarning" in line
    ]


@pytest.mark.parametrize(("value", "lines"), [("1", [6, 7, 9]), ("0", []), ("", [])])
def test_it_warns_when_asked_for(run_child: RunChild, value: str, lines: list[int]) -> None:
    environment: dict[str, Any] = os.environ | {"PYTHREAD_RS_MUST_USE": value}
    child = run_child(PROGRAM, env=environment)
    assert child.returncode == 0, child.stderr
    assert warned_lines(child) == [f"thread spawned at <string>:{line})" for line in lines]
