"""Sorting: the pieces of a list, and how two that are sorted become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["merged", "runs_of", "sorted_run"]

_LEAST: Final = 1024  # items of a piece; a guess: below it the pool costs more than it gives


def runs_of(xs: list[Any], threads: int) -> list[list[Any]]:
    """Cut a list into pieces of the same length, up to four for each thread."""
    size = max(_LEAST, -(-len(xs) // (4 * threads)))
    return [xs[i : i + size] for i in range(0, len(xs), size)]


def sorted_run(xs: list[Any], key: Callable[[Any], Any] | None, reverse: bool) -> list[Any]:
    """Sort one piece, which nobody else has."""
    xs.sort(key=key, reverse=reverse)
    return xs


def merged(
    pair: tuple[list[Any], ...], key: Callable[[Any], Any] | None, reverse: bool
) -> list[Any]:
    """Merge two sorted neighbours.

    `list.sort` finds two runs and merges them, in C, without comparing within a run.
    """
    both = [x for run in pair for x in run]
    both.sort(key=key, reverse=reverse)
    return both
