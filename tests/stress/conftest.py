"""What the stress tests share: hasty switching between threads, and how many rounds make sense."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# How hard to look; 0 when nobody asked, which gives a short run.
STRESS = int(os.environ.get("PYTHREAD_RS_STRESS") or 0)
HASTE = 1e-6  # seconds for which a thread has the GIL; the usual is 5e-3
TIMES = 10  # what PYTHREAD_RS_STRESS=1 does more than the short run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.stress)
            item.add_marker(pytest.mark.timeout(60 + 300 * STRESS))


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let the threads take the GIL from each other as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(HASTE)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def rounds() -> Callable[[int], range]:
    """Scale the number of rounds of a short run by what was asked for."""
    return lambda few: range(few * TIMES * STRESS or few)
