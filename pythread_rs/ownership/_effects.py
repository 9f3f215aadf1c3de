"""What a code object does to its variables and to the objects in them, by analysis of bytecode."""

from __future__ import annotations

from types import CodeType

from pythread_rs.ownership._interpreter import GLOBAL, Effects
from pythread_rs.ownership._steps import Steps
from pythread_rs.ownership._values import Position, Use

__all__ = ["GLOBAL", "Effects", "Position", "Use", "effects"]

_MAX_CACHED = 4096  # code objects; no measure behind it: a program has fewer that it spawns
_cache: dict[int, tuple[CodeType, Effects]] = {}


def effects(code: CodeType) -> Effects:
    """Say what a code object does, the code nested in it included.

    Thread safety: any thread; two that ask for the same code at once both do the work.
    """
    # By identity: the hash of a code object reads all of it. The value keeps the code alive, so
    # that its address is nobody else's.
    known = _cache.get(id(code))
    if known is not None:
        return known[1]
    found = Steps(code, effects).run()
    if len(_cache) >= _MAX_CACHED:
        _cache.clear()
    _cache[id(code)] = (code, found)
    return found
