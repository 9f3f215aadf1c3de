"""Signals: Ctrl-C gets through every wait, and handlers run while the main thread waits.

`python tests/lifecycle/storm.py signal --runs 5000` runs more of the storm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STORM = "signal"
PROGRAM = "signal_cases.py"


def test_no_interrupt_is_swallowed(storm_kind: str, run_storm: Callable[..., None]) -> None:
    run_storm(storm_kind, few=100)


def test_signals(case: str, run_case: Callable[[str], None]) -> None:
    run_case(case)
