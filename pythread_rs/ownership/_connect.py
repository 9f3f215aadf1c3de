"""Connect the rules to the C module that applies them."""

from __future__ import annotations

import os
from types import CodeType, FrameType
from typing import Any

from pythread_rs import _ffi
from pythread_rs.ownership._kinds import classify

__all__ = ["connect", "follows_calls"]


def follows_calls() -> bool:
    """Tell whether the user asked for called functions to be checked, too."""
    return os.environ.get("PYTHREAD_RS_LINT") == "1"


def _facts(code: CodeType) -> Any:
    from pythread_rs.ownership._statics import facts

    return facts(code)


def _later(function: Any) -> int:
    from pythread_rs.ownership._moves import later

    return later(function)


def _refuse(function: Any, name: str | None, why: str) -> None:
    from pythread_rs.ownership._moves import refuse

    refuse(function, name, why)


def _thorough(closure: list[Any], moved: Any) -> Any:
    from pythread_rs.ownership._check import thorough

    return thorough(closure, moved)


def _taken(closure: list[Any], lent: int, sync: bool) -> None:
    from pythread_rs.ownership._taking import taken

    taken(closure, lent, sync=sync)


def _at_top(function: Any) -> Any:
    from pythread_rs.ownership._moves import at_top

    return at_top(function)


def _put_back(source: Any, clone: Any) -> None:
    from pythread_rs.ownership._moves import put_back_at_top

    put_back_at_top(source, clone)


def _bound(value: object) -> None:
    from pythread_rs.ownership._refusals import bound

    raise bound(value)


def _dead(frame: FrameType) -> frozenset[str]:
    from pythread_rs.ownership._sites import dead_variables

    return dead_variables(frame)


def _settled(code: CodeType) -> frozenset[str]:
    from pythread_rs.ownership._statics import settled

    return settled(code)


def connect() -> None:
    """Hand the rules to C; each imports what it needs when it is first asked."""
    _ffi.set_rules(
        classify,
        _facts,
        _later,
        _refuse,
        _thorough,
        _at_top,
        _put_back,
        _bound,
        _dead,
        _settled,
        _taken,
    )
    _ffi.follow_calls(follows_calls())
