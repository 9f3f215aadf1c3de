"""Refusals of values: what the walk found, in rustc's words, with every place that is involved."""

from __future__ import annotations

import re
from types import CellType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from pythread_rs.ownership import _source
from pythread_rs.ownership._diagnostic import Diagnostic, Note, Span, Suggestion
from pythread_rs.ownership._errors import (
    BorrowError,
    NotSendError,
    OwnershipError,
    UseAfterMoveError,
)
from pythread_rs.ownership._holders import holders
from pythread_rs.ownership._paths import path_text, variable_of
from pythread_rs.ownership._refusals import (
    capturing_class,
    clone_of,
    required_by,
    spans,
    type_name,
)
from pythread_rs.ownership._sites import lifetimes

if TYPE_CHECKING:
    from pythread_rs.ownership._check import Closure, Found
    from pythread_rs.ownership._liveness import Argument, LaterUse

__all__ = ["SPAWNED", "TAKEN", "TAKEN_INDIRECTLY", "Words", "refusal", "used_later"]


class Words(NamedTuple):
    """How a refusal speaks of the call that wants the value."""

    first: int | None  # which argument of the call is the first value; None: some other call's
    later: str  # what the use after the move is called
    clone: str  # the advice to make a copy


SPAWNED = Words(
    1, "value used here after move", "consider cloning the value before moving it into the closure"
)
TAKEN = Words(
    0,
    "value borrowed here after move",
    "consider cloning the value if the performance cost is acceptable",
)
TAKEN_INDIRECTLY = TAKEN._replace(first=None)


class _Place(NamedTuple):
    """Where the value that is to blame came from."""

    variable: str  # what the path begins with
    path: str
    value: Any
    function: FunctionType | None  # the closure that captured it
    argument: int | str | None  # its place or keyword in the call


def refusal(
    found: Found, closure: Closure, frame: FrameType | None, words: Words = SPAWNED
) -> OwnershipError:
    """Turn what the check of a whole graph found into an error."""
    why, path = found
    start, rest, function, argument = _beginning(path, closure, words)
    known = _argument_at(frame, argument)
    if known is not None and known.name is not None:
        start = known.name
    place = _Place(start, path_text(start, rest), rest[-1], function, argument)
    if why == "aliased" and known is not None and len(rest) == 1 and frame is not None:
        error = _used_later_as_argument(place.value, known, frame, words)
        if error is not None:
            return error
    if why in ("aliased", "weak"):
        ours = {id(item) for item in (path, rest, closure, closure[1], closure[2], *path)}
        return _borrowed(place, holders(place.value, ours), known, frame)
    if why == "captures":
        return capturing_class(place.value)
    return _not_send(why, place, frame)


def _beginning(
    path: list[Any], closure: Closure, words: Words
) -> tuple[str, list[Any], FunctionType | None, int | str | None]:
    """Tell what the first object of a path is called, and where it came from."""
    tail = [item for item in path[:1] if item is not closure] + path[1:]
    if len(tail) > 1 and tail[0] is closure[1]:
        index = next(n for n, argument in enumerate(closure[1]) if argument is tail[1])
        if words is not SPAWNED:
            return "value", tail[1:], None, words.first
        return f"args[{index}]", tail[1:], None, index + 1
    if len(tail) > 1 and tail[0] is closure[2]:
        name = next((k for k, a in closure[2].items() if a is tail[1]), "kwargs")
        return str(name), tail[1:], None, str(name)
    runs = closure[0]
    if len(tail) > 1 and isinstance(runs, FunctionType) and tail[0] is runs.__globals__:
        name = next((k for k, value in runs.__globals__.items() if value is tail[1]), "")
        return name, tail[1:], runs, None
    for index, item in enumerate(tail[:-1]):
        function = tail[index - 2] if index >= 2 else None
        if isinstance(item, CellType) and isinstance(function, FunctionType):
            name = variable_of(function, item)
            return name or "closure", tail[index + 1 :], function, None
    first = tail[0] if tail else None
    return _name_of(first), tail or [None], None, 0


def _name_of(callable_: object) -> str:
    name = str(getattr(callable_, "__qualname__", type(callable_).__name__))
    return re.sub(r".*<locals>\.", "", name)


def _argument_at(frame: FrameType | None, argument: int | str | None) -> Argument | None:
    if frame is None or argument is None:
        return None
    from pythread_rs.ownership._liveness import argument_loads

    for index, known in enumerate(argument_loads(frame.f_code, frame.f_lasti)):
        if known.keyword == argument or (known.keyword is None and index == argument):
            return known
    return None


# -- E0382. ----------------------------------------------------------------------------------------


def _used_later_as_argument(
    value: object, known: Argument, frame: FrameType, words: Words
) -> UseAfterMoveError | None:
    """Refuse an argument whose variable the caller reads again."""
    if known.name is None or known.name.startswith("@py_"):
        return None
    later = lifetimes(frame).later_use(known.name)
    if later is None:
        return None
    moved = _source.name_span(frame.f_code, known.position, "value moved here")
    return used_later(known.name, value, frame, later, moved, words=words)


def used_later(
    name: str,
    value: object,
    frame: FrameType,
    later: LaterUse,
    *moved: Span | None,
    words: Words = SPAWNED,
) -> UseAfterMoveError:
    """Refuse a move whose variable is read afterwards."""
    code, lasti = frame.f_code, frame.f_lasti
    kind = type_name(value)
    label = (
        f"move occurs because `{name}` has type `{kind}`, which does not implement the `Copy` trait"
    )
    places = list(moved)
    fixes: list[str | Suggestion] = []
    if later.kind == "loop":
        loop = _source.loop_span(code, lasti, "inside of this loop")
        places = [
            span
            and span._replace(
                label=f"{span.label}, in previous iteration of loop", primary=index == 0
            )
            for index, span in enumerate(places)
        ]
        places.append(loop)
    else:
        where = words.later
        if later.kind == "closure":
            where += ", by a closure"
        places.append(_source.name_span(code, later.position, where, primary=True))
    fix = _source.copied_before(code, lasti, words.clone, name=name, value=clone_of(name, value))
    if fix is None:
        fix_text = f"consider cloning the value before it is moved: `{clone_of(name, value)}`"
        fixes.append(fix_text)
    else:
        fixes.append(fix)
    binding = _source.binding_span(code, name, label, before=lasti)
    verb = "use" if later.kind == "loop" else "borrow"
    return UseAfterMoveError(
        Diagnostic(
            "E0382", f"{verb} of moved value: `{name}`", spans(binding, *places), (), tuple(fixes)
        ),
        path=name,
    )


# -- E0505. ----------------------------------------------------------------------------------------


def _borrowed(
    place: _Place, who: tuple[str, ...], known: Argument | None, frame: FrameType | None
) -> BorrowError:
    path, kind = place.path, type_name(place.value)
    notes = [f"`{path}` (a `{kind}`) is still reachable from: {holder}" for holder in who]
    holder = _variable_in(who, frame)
    fixes = [f"drop the other holder first: `del {holder}`"] if holder else []
    if place.argument is not None and place.path == place.variable and not holder:
        fixes.append("where others hold the value during the call, hand it on in an `Own`")
    clone = clone_of(path, place.value)
    fixes.append(f"consider cloning the value if the performance cost is acceptable: `{clone}`")
    headline = f"cannot move out of `{path}` because it is borrowed"
    places = _places_of_borrow(place, holder, known, frame)
    diagnostic = Diagnostic("E0505", headline, places, tuple(notes), tuple(fixes))
    return BorrowError(diagnostic, path=path, holders=who)


def _variable_in(who: tuple[str, ...], frame: FrameType | None) -> str:
    """Return the first variable of the caller's own among the holders."""
    if frame is None:
        return ""
    for holder in who:
        found = re.match(r"(?:local )?variable `(\w+)` of `(.*)` at ", holder)
        if found is not None and found[2] == frame.f_code.co_qualname:
            return found[1]
    return ""


def _places_of_borrow(
    place: _Place, holder: str, known: Argument | None, frame: FrameType | None
) -> tuple[Span, ...]:
    if frame is None:
        return ()
    code, lasti = frame.f_code, frame.f_lasti
    label = f"move out of `{place.path}` occurs here"
    found: list[Span | None] = []
    if place.variable.isidentifier():
        declared = f"binding `{place.variable}` declared here"
        found.append(_source.binding_span(code, place.variable, declared, before=lasti))
    if holder and holder != place.variable:
        borrowed = f"borrow of `{place.path}` occurs here"
        found.append(_source.binding_span(code, holder, borrowed, before=lasti))
    if place.function is not None:
        found.append(_source.header_span(place.function, label, primary=True))
        use = "move occurs due to use in closure"
        found += _source.capture_spans(place.function.__code__, place.variable, use)[:1]
    elif known is not None:
        found.append(_source.name_span(code, known.position, label, primary=True))
    else:
        found.append(_source.call_span(code, lasti, label, primary=True))
    later = lifetimes(frame).later_use(holder) if holder else None
    if later is not None and later.kind == "use":
        found.append(_source.name_span(code, later.position, "borrow later used here"))
    return spans(*found)


# -- E0277. ----------------------------------------------------------------------------------------


def _not_send(why: str, place: _Place, frame: FrameType | None) -> NotSendError:
    kind = type_name(place.value)
    headline = f"`{kind}` cannot be sent between threads safely"
    notes: list[Note | str] = [
        Note(f"the trait `Send` is not implemented for `{kind}`", level="help")
    ]
    if place.path != place.variable:
        notes.append(f"required because it appears within `{place.path}`")
    if place.function is not None:
        text = "required because it's used within this closure"
        notes.append(Note(text, _source.header_span(place.function)))
    fixes: list[str] = []
    if why == "opaque":
        notes.append(f"nothing is known of what a `{kind}` holds: it is written in C")
        name = type(place.value).__qualname__
        fixes.append(f"if it may go from thread to thread, say so once: `impl_send({name})`")
    elif why == "leads out":
        notes.append("the weak reference leads to an object that stays with its owner")
    else:
        fixes.append("make it in the thread that uses it")
    places = spans(_place_of_value(place, headline, frame), required_by(frame))
    diagnostic = Diagnostic("E0277", headline, places, tuple(notes), tuple(fixes))
    return NotSendError(diagnostic, path=place.path)


def _place_of_value(place: _Place, label: str, frame: FrameType | None) -> Span | None:
    if place.function is not None:
        return _source.closure_span(place.function, label, primary=True)
    if frame is None:
        return None
    code, lasti = frame.f_code, frame.f_lasti
    argument = 0 if place.argument is None else place.argument
    span = _source.argument_span(code, lasti, argument, label, primary=True)
    return span or _source.call_span(code, lasti, label, primary=True)
