"""Refusals: the errors of the check in rustc's words, with every place that is involved."""

from __future__ import annotations

from types import CellType, FrameType, FunctionType
from typing import Any, Final

from pythread_rs.ownership import _source
from pythread_rs.ownership._diagnostic import Diagnostic, Note, Span, Suggestion
from pythread_rs.ownership._errors import CaptureError, NotSendError, OwnershipError, StaticError
from pythread_rs.ownership._kinds import FUNCTION, is_shareable, kind_of
from pythread_rs.ownership._statics import Access, accesses

__all__ = [
    "bound",
    "captures",
    "capturing_class",
    "clone_of",
    "not_shared",
    "not_sync",
    "required_by",
    "spans",
    "statics",
    "type_name",
]

# What users know these by.
_PUBLIC_NAMES: Final = {"_thread._local": "threading.local", "_thread.lock": "threading.Lock"}


def spans(*found: Span | None) -> tuple[Span, ...]:
    """Leave out the places that the source does not show."""
    return tuple(span for span in found if span is not None)


def type_name(value: object) -> str:
    """Write a type as a user would: without its module where that says little."""
    cls = type(value)
    module, name = str(cls.__module__), str(cls.__qualname__)
    if module in ("builtins", "__main__") or module.startswith("pythread_rs"):
        return name
    return _PUBLIC_NAMES.get(f"{module}.{name}", f"{module}.{name}")


def required_by(frame: FrameType | None) -> Span | None:
    """Point at the call that wants what is refused."""
    if frame is None:
        return None
    label = "required by a bound introduced by this call"
    return _source.callee_span(frame.f_code, frame.f_lasti, label)


def clone_of(name: str, value: object) -> str:
    """Write how to make a copy of a value."""
    if hasattr(type(value), "clone"):
        return f"{name}.clone()"
    return f"{name}.copy()" if hasattr(type(value), "copy") else f"copy.deepcopy({name})"


# -- E0373. ----------------------------------------------------------------------------------------


def captures(function: FunctionType, frame: FrameType | None) -> CaptureError:
    """Refuse a closure that borrows its variables."""
    from pythread_rs import _ffi

    name = function.__code__.co_freevars[0]
    for captured, cell in zip(
        function.__code__.co_freevars, function.__closure__ or (), strict=True
    ):
        if not _holds_item(cell, _ffi.is_item):
            name = captured
            break
    headline = (
        f"closure may outlive the current function, but it borrows `{name}`, "
        f"which is owned by the current function"
    )
    used = _source.capture_spans(function.__code__, name, f"`{name}` is borrowed here")
    places = spans(
        _source.header_span(function, f"may outlive borrowed value `{name}`", primary=True),
        *used[:1],
    )
    notes: list[Note] = []
    fixes: tuple[str | Suggestion, ...] = ()
    text = (
        f"to force the closure to take ownership of `{name}` (and any other referenced "
        f"variables), use `move`"
    )
    if frame is not None:
        code, lasti = frame.f_code, frame.f_lasti
        call = _source.call_span(code, lasti)
        notes.append(Note("function requires argument type to outlive `'static`", call))
        fix = _source.decorated(function, text) or _source.wrapped(code, lasti, text)
        fixes = (fix or f"{text}: `spawn(move(...))`",)
    return CaptureError(Diagnostic("E0373", headline, places, tuple(notes), fixes), path=name)


def _holds_item(cell: CellType, is_item: Any) -> bool:
    try:
        return bool(is_item(cell.cell_contents))
    except ValueError:  # it has no value yet
        return False


# -- Statics. --------------------------------------------------------------------------------------


def statics(function: FunctionType, frame: FrameType | None) -> OwnershipError | None:
    """Refuse globals that are assigned, or that hold what can be changed."""
    namespace = function.__globals__
    for access in accesses(function.__code__):
        if access.how == "assign":
            return _assigned_static(access, function)
        if access.name not in namespace:
            continue
        value = namespace[access.name]
        if is_shareable(value) or kind_of(value) == FUNCTION or isinstance(value, type):
            continue
        return _read_static(access, value, frame)
    return None


def _assigned_static(access: Access, function: FunctionType) -> StaticError:
    places = spans(
        _source.header_span(function, "this function runs on another thread"),
        _source.name_span(access.code, access.offset, "use of mutable static", primary=True),
    )
    note = "a mutable static can be changed by several threads at once: that is a data race"
    fix = "return the value from the thread, and assign it after `join()`"
    headline = f"use of mutable static `{access.name}` is unsafe"
    return StaticError(Diagnostic("E0133", headline, places, (note,), (fix,)), path=access.name)


def _read_static(access: Access, value: object, frame: FrameType | None) -> NotSendError:
    name, kind = access.name, type_name(value)
    headline = f"`{kind}` cannot be shared between threads safely"
    label = f"`{name}` is a `{kind}`, which another thread could change"
    places = spans(
        _source.name_span(access.code, access.offset, label, primary=True), required_by(frame)
    )
    notes = (
        Note(f"the trait `Sync` is not implemented for `{kind}`", level="help"),
        "a module's variable is shared by all threads",
    )
    fix = "pass the value as an argument, or `freeze` it"
    return NotSendError(Diagnostic("E0277", headline, places, notes, (fix,)), path=name)


# -- Results and classes. --------------------------------------------------------------------------


def not_sync(
    value: object, frame: FrameType | None, fix: str = "make it in the thread that uses it"
) -> NotSendError:
    """Refuse to lend what is bound to its thread, or to share what can be changed."""
    kind = type_name(value)
    headline = f"`{kind}` cannot be shared between threads safely"
    note = Note(f"the trait `Sync` is not implemented for `{kind}`", level="help")
    places = spans(required_by(frame))
    return NotSendError(Diagnostic("E0277", headline, places, (note,), (fix,)))


def not_shared(value: object, holder: str, frame: FrameType | None) -> NotSendError:
    """Refuse the content of what several threads hold: it is not Sync."""
    kind = type_name(value)
    headline = f"`{kind}` cannot be shared between threads safely"
    notes = (
        Note(f"the trait `Sync` is not implemented for `{kind}`", level="help"),
        f"required because whoever holds the `{holder}` may use what is in it",
    )
    fix = "`freeze` it first, or put it behind a lock"
    place = None if frame is None else _source.call_span(frame.f_code, frame.f_lasti, primary=True)
    return NotSendError(Diagnostic("E0277", headline, spans(place), notes, (fix,)), path=holder)


def bound(value: object) -> NotSendError:
    """Refuse a result that is bound to the thread that made it."""
    kind = type_name(value)
    headline = f"`{kind}` cannot be sent between threads safely"
    notes = (
        f"the trait `Send` is not implemented for `{kind}`",
        "required because it is what the thread's closure returned",
    )
    fix = "return what the other thread needs from it, not the thing itself"
    return NotSendError(Diagnostic("E0277", headline, (), notes, (fix,)), path="return value")


def capturing_class(value: Any) -> CaptureError:
    cls = value if isinstance(value, type) else type(value)
    headline = (
        f"the methods of class `{cls.__qualname__}` may outlive the current function, but they "
        f"borrow its variables"
    )
    fix = "pass what the methods need to `__init__`, and keep it in attributes"
    return CaptureError(Diagnostic("E0373", headline, (), (), (fix,)), path=cls.__qualname__)
