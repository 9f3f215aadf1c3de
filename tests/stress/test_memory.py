"""Memory: flat over many spawns, whatever becomes of the threads.

The short run makes tens of thousands; PYTHREAD_RS_STRESS makes a million.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = Path(__file__).parent / "programs" / "flat_memory.py"
SHARES = {  # of the whole number of spawns, by what each costs
    "join": 1.0,
    "detach": 0.3,
    "drop": 0.3,
    "panic": 0.1,
    "scope": 0.3,
    "locals": 0.2,
    "dedicated": 0.1,
    "timeout": 0.2,
    "nested": 0.1,
    "burst": 0.3,
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.parametrize("kind", SHARES)
def test_memory_is_flat(kind: str, spawns: Callable[[float], int]) -> None:
    command = [sys.executable, str(PROGRAM), kind, str(spawns(SHARES[kind]))]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.fixture
def spawns() -> Callable[[float], int]:
    total = 1_000_000 if int(os.environ.get("PYTHREAD_RS_STRESS") or 0) else 30_000
    return lambda share: int(total * share)
