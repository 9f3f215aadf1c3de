"""Fork: when Python warns of it, and multiprocessing, subprocess and a daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = "fork_process_cases.py"


def test_fork(case: str, run_case: Callable[[str], None]) -> None:
    run_case(case)
