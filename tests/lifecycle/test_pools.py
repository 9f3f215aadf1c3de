"""Pools: dropped, shut down, interrupted or forked at any moment, no task is lost silently.

`python tests/lifecycle/storm.py pool --runs 5000` runs more of the storm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STORM = "pool"


def test_no_task_is_lost(storm_kind: str, run_storm: Callable[..., None]) -> None:
    run_storm(storm_kind, few=20)
