"""Fork: the child is alone and knows it, threads work in it, and the parent goes on.

`python tests/lifecycle/storm.py fork --runs 5000` runs more of the storm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STORM = "fork"
PROGRAM = "fork_cases.py"


def test_no_fork_hangs(storm_kind: str, run_storm: Callable[..., None]) -> None:
    run_storm(storm_kind, few=50)


def test_fork(case: str, run_case: Callable[[str], None]) -> None:
    run_case(case)
