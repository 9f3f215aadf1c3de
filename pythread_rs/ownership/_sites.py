"""Call sites: the frame that called into the package, and what it still reads afterwards."""

from __future__ import annotations

import sys
import weakref
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pythread_rs.ownership._liveness import Liveness

__all__ = ["dead_values", "dead_variables", "is_top_of_script", "lifetimes", "user_frame"]

_PACKAGE: Final = __name__.partition(".")[0]
_MOST_SITES: Final = 4096
_DEEPEST: Final = 200  # frames; further out a holder is reported, not excused

# By identity: hashing a code object takes longer than the rest of a spawn.
_known: dict[tuple[int, int], tuple[weakref.ref[CodeType], Liveness]] = {}


def user_frame() -> FrameType | None:
    """Return the innermost frame that is not the package's own."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_own(frame):
        frame = frame.f_back
    return frame


def _is_own(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return isinstance(name, str) and (name == _PACKAGE or name.startswith(f"{_PACKAGE}."))


def is_top_of_script(frame: FrameType) -> bool:
    """Tell whether a frame is module-level code of the script, the REPL or a notebook."""
    return (
        not frame.f_code.co_flags & 1
        and frame.f_globals is frame.f_locals
        and (frame.f_globals.get("__name__") == "__main__")
    )


def lifetimes(frame: FrameType) -> Liveness:
    """Return what a frame still reads after the call that it is in."""
    code, lasti = frame.f_code, frame.f_lasti
    known = _known.get((id(code), lasti))
    if known is not None and known[0]() is code:
        return known[1]
    from pythread_rs.ownership._liveness import liveness, module_liveness

    found = module_liveness(code, lasti) if is_top_of_script(frame) else liveness(code, lasti)
    if len(_known) >= _MOST_SITES:
        _known.clear()
    _known[id(code), lasti] = (weakref.ref(code), found)
    return found


def dead_variables(frame: FrameType, *, further_out: bool = False) -> frozenset[str]:
    """Name a function's variables that are never read again after the call that it is in.

    Further out that call may also fail, after something else was moved in it.
    """
    code = frame.f_code
    if not code.co_flags & 1:
        return frozenset()
    # pytest keeps the parts of an assertion in such variables, for the text of a failure.
    dead = lifetimes(frame).dead(may_raise=further_out)
    return dead | {name for name in code.co_varnames if name.startswith("@py_")}


def dead_values(
    frame: FrameType | None, count: int
) -> tuple[tuple[FrameType, frozenset[str]], ...]:
    """Pair up to `count` frames, from `frame` outwards, with their variables that are dead."""
    pairs: list[tuple[FrameType, frozenset[str]]] = []
    while frame is not None and len(pairs) < min(count, _DEEPEST):
        pairs.append((frame, dead_variables(frame, further_out=bool(pairs))))
        frame = frame.f_back
    return tuple(pairs)
