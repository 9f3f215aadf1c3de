"""Bad places: spawn and join work, or say why not, wherever Python can be interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = "place_cases.py"


def test_places(case: str, run_case: Callable[[str], None]) -> None:
    run_case(case)
