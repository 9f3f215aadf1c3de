"""The note on a NameError that a move has caused: where the value went, and how to keep it.

A moved variable is empty, and whoever reads it then gets the interpreter's NameError, which knows
nothing of moves. From the first move on, each NameError is looked at once where it is raised
(`sys.monitoring`, 3.12 and later) or where it ends the program or a thread (the except hooks).
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    # Moves come here that go well, so what only the text of an error needs is imported late.
    from pythread_rs.ownership._diagnostic import Span

__all__ = ["annotate", "remember"]

_WORDS: Final = (
    r"cannot access (?:local|free) variable '(?P<variable>\w+)' where it is not associated",
    r"name '(?P<global>\w+)' is not defined",
)
_MARK: Final = "E0382: use of moved value"
_TOOL: Final = "pythread_rs"
# 0, 1 and 2 belong to debuggers, coverage and profilers, which may come later and insist on them.
_TOOL_IDS: Final = (4, 3, 5)
# Only a script's own namespace is moved from, so there is one, or a few in a notebook server.
_MOST_NAMESPACES: Final = 8

_Place = tuple["Span | None", "weakref.ref[CodeType] | None", int]

# id(code) -> a weak reference to the code, which takes the entry away, and name -> place. By
# identity, as hashing and comparing code objects takes longer than the rest of a move.
_moves: dict[int, tuple[weakref.ref[CodeType], dict[str, _Place]]] = {}
_namespaces: list[tuple[dict[str, Any], dict[str, _Place]]] = []
_watching = threading.Lock()
_is_watching = False


def remember(
    owner: CodeType | dict[str, Any], name: str, where: Span | tuple[CodeType, int]
) -> None:
    """Keep in mind that a move has emptied a variable.

    Args:
        owner: The code of the function that owns the variable, or of one that captures it: what
            is nested in it, and what it is nested in, is found from there, but siblings are found
            by their owner only. For a variable of a script's module, the module's namespace.
        name: The variable.
        where: The place of the move, of which the last one counts. A calling frame's code and
            `f_lasti` do, and cost less than a span.
    """
    code = where[0]
    place: _Place
    if isinstance(code, CodeType):
        place = (None, weakref.ref(code), where[1])
    else:
        place = (cast("Span", where), None, 0)
    if isinstance(owner, dict):
        places = _places_of_namespace(owner)
    elif (entry := _moves.get(id(owner))) is not None:
        places = entry[1]
    else:
        reference = weakref.ref(owner, _forgetting(id(owner)))
        places = _moves.setdefault(id(owner), (reference, {}))[1]
    places[name] = place
    if not _is_watching:
        _watch()


def annotate(error: BaseException, code: CodeType | None = None, offset: int = 0) -> None:
    """Add the note to a NameError on a moved variable, once; leave every other error alone.

    Args:
        error: The error. Where it was raised stands in its traceback.
        code: Where it was raised, for one that has no traceback yet.
        offset: The instruction there.
    """
    if not isinstance(error, NameError) or _has_note(error):
        return
    import re

    found = next((m for words in _WORDS if (m := re.match(words, str(error)))), None)
    innermost = _innermost(error.__traceback__)
    if innermost is not None:
        code, offset = innermost.tb_frame.f_code, innermost.tb_lasti
    if found is None or code is None:
        return
    name = found[1]
    if "global" in found.groupdict():
        place = _place_in_namespace(innermost, name)
    else:
        place = _place_of_move(code, name)
    if place is not None and not _may_have_been_deleted(code, name, offset):
        error.add_note(_text(name, place))


def _forgetting(key: int) -> Callable[[weakref.ref[CodeType]], None]:
    def forget(_: weakref.ref[CodeType]) -> None:
        _moves.pop(key, None)

    return forget


def _places_of_namespace(namespace: dict[str, Any]) -> dict[str, _Place]:
    for known, places in _namespaces:
        if known is namespace:
            return places
    _namespaces.append((namespace, places := {}))
    del _namespaces[:-_MOST_NAMESPACES]
    return places


def _has_note(error: BaseException) -> bool:
    notes: Any = getattr(error, "__notes__", ())
    return any(_MARK in str(note) for note in notes)


def _innermost(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback


# -- Whose variable it is. -------------------------------------------------------------------------


def _place_in_namespace(innermost: TracebackType | None, name: str) -> _Place | None:
    if innermost is None:
        return None
    own = innermost.tb_frame.f_globals
    return next((places.get(name) for known, places in _namespaces if known is own), None)


def _place_of_move(code: CodeType, name: str) -> _Place | None:
    """Find the move of a variable in the family of functions that share it with `code`."""
    for reference, places in list(_moves.values()):
        place = places.get(name)
        other = reference()
        if place is not None and other is not None and _share(code, other, name):
            return place
    return None


def _share(code: CodeType, other: CodeType, name: str) -> bool:
    return code is other or _is_among(code, other, name) or _is_among(other, code, name)


def _is_among(code: CodeType, owner: CodeType, name: str) -> bool:
    # By identity: two files may have functions that are equal.
    return any(code is user for user in _nested_users(owner, name))


def _nested_users(code: CodeType, name: str) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and name in constant.co_freevars:
            yield constant
            yield from _nested_users(constant, name)


def _may_have_been_deleted(code: CodeType, name: str, offset: int) -> bool:
    """Tell whether the function itself deletes the variable somewhere else.

    `del x`, and the end of `except E as x`, leave the same empty variable. Then it is not known
    which of the two the error speaks of, and no note is better than a wrong one.
    """
    import dis

    return any(
        instruction.opname.startswith("DELETE_")
        and instruction.argval == name
        and instruction.offset != offset
        for instruction in dis.get_instructions(code)
    )


# -- Text. -----------------------------------------------------------------------------------------


def _text(name: str, place: _Place) -> str:
    from pythread_rs.ownership._diagnostic import Note
    from pythread_rs.ownership._report import attachment

    span = _span(place)
    if span is not None:
        span = span._replace(label=span.label or f"`{name}` moved here")
    words = f"{_MARK}: `{name}` was moved away, which left the variable empty"
    return attachment(
        Note(words, span),
        Note("to keep a value, move a copy, or a `.clone()` of what has one", level="help"),
        Note("try `python -m pythread_rs explain E0382` for more information", level="help"),
    )


def _span(place: _Place) -> Span | None:
    span, reference, offset = place
    code = None if reference is None else reference()
    if span is not None or code is None:
        return span
    from pythread_rs.ownership._source import name_span

    return name_span(code, offset)


# -- Seeing errors. --------------------------------------------------------------------------------


def _watch() -> None:
    """Look at errors from now on: where they are raised, else where they end something."""
    global _is_watching
    with _watching:
        if _is_watching:
            return
        _is_watching = True
        if not _watch_where_raised():
            _watch_where_uncaught()


def _watch_where_raised() -> bool:
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        return False
    for tool in _TOOL_IDS:
        try:
            if monitoring.get_tool(tool) is not None:
                continue
            monitoring.use_tool_id(tool, _TOOL)
        except ValueError:  # taken in between
            continue
        try:
            monitoring.register_callback(tool, monitoring.events.RAISE, _on_raise)
            monitoring.set_events(tool, monitoring.events.RAISE)
        except ValueError:  # somebody has freed it in between
            continue
        return True
    return False


def _on_raise(code: CodeType, offset: int, error: BaseException) -> None:
    # The event comes for every error of the program, and again in each frame that it passes.
    if isinstance(error, NameError):
        _annotate_quietly(error, code, offset)


def _annotate_quietly(error: BaseException, code: CodeType | None = None, offset: int = 0) -> None:
    try:
        annotate(error, code, offset)
    except Exception:  # whatever the note stumbles over, the error itself comes first
        return


def _watch_where_uncaught() -> None:
    before = sys.excepthook
    before_in_threads = threading.excepthook

    def hook(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> Any:
        _annotate_quietly(error)
        return before(kind, error, traceback)

    def hook_in_threads(arguments: threading.ExceptHookArgs) -> Any:
        if arguments.exc_value is not None:
            _annotate_quietly(arguments.exc_value)
        return before_in_threads(arguments)

    sys.excepthook = hook
    threading.excepthook = hook_in_threads
