"""Channels: Ctrl-C, forks and the exit while threads wait on them.

`python tests/lifecycle/storm.py signal --kinds recv,for,send,rendezvous --runs 5000` runs more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = "channel_cases.py"


def test_channels(case: str, run_case: Callable[[str], None]) -> None:
    run_case(case)
