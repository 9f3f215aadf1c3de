"""The environment variables that the package reads, and their values in this process."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["NOT_SET", "VARIABLES", "environment"]

PREFIX: Final = "PYTHREAD_RS_"
NOT_SET: Final = "(not set)"

# Each stands in docs/environment.md with its values and what they do. A test compares this, that
# page and the source.
VARIABLES: Final = (
    "PYTHREAD_RS_BACKTRACE",
    "PYTHREAD_RS_DEADLOCK",
    "PYTHREAD_RS_LINT",
    "PYTHREAD_RS_MUST_USE",
    "PYTHREAD_RS_NUM_THREADS",
    "NO_COLOR",
    "FORCE_COLOR",
    "TERM",
)


def environment() -> dict[str, str | int | float | None]:
    """Return the value of each variable, and what is set by our prefix and means nothing.

    >>> environment()["PYTHREAD_RS_LINT"]
    '(not set)'
    """
    facts: dict[str, str | int | float | None] = {
        name: os.environ.get(name, NOT_SET) for name in VARIABLES
    }
    for name, value in sorted(os.environ.items()):
        if name.startswith(PREFIX) and name not in facts:
            # Misspelt, or one of those for building and testing.
            facts[name] = f"{value} (not read when the package runs)"
    return facts
