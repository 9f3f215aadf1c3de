"""The check that every spawn makes: what the new thread would own must be held by nobody else.

The C module decides the usual cases. What it cannot decide comes here: the caller's variables that
are never read again are no holders, what is wrapped is taken apart, and what has to be refused is
refused with rustc's words.
"""

from __future__ import annotations

import gc
from types import FrameType, FunctionType, MethodType
from typing import Any, Final

from pythread_rs import _ffi
from pythread_rs.ownership._connect import follows_calls
from pythread_rs.ownership._errors import OwnershipError
from pythread_rs.ownership._kinds import hook_of
from pythread_rs.ownership._sites import dead_values, user_frame
from pythread_rs.ownership._wrappers import AssumeSend, Own

__all__ = [
    "Found",
    "Hooks",
    "Undo",
    "examined",
    "exchange_owns",
    "put_owns_back",
    "refuse_what_never_runs",
    "thorough",
    "unwrap",
]

Closure = list[Any]  # [function, args, kwargs]: nobody else holds any of the three
Found = tuple[str, list[Any]]
Hooks = dict[int, tuple[Any, ...]]

_ALL: Final = 10_000  # frames
_NEVER_RUNS: Final = 0x20 | 0x80 | 0x200  # generators, coroutines, asynchronous generators


def thorough(closure: Closure, moved: Any) -> Undo | None:
    """Check what C could not decide about, and leave in `closure` what the thread gets.

    Nothing here may keep the function or an argument in a variable while it is examined: that
    would be one more holder.

    Returns:
        What undoes it, if that takes more than `moved` does.

    Raises:
        TypeError: the function would never run.
        OwnershipError: the new thread may not own all of it. Nothing has changed.
    """
    trusted = type(closure[0]) is AssumeSend
    if not trusted:
        refuse_what_never_runs(closure[0])
        if moved is None:
            _check_captures(closure[0])
        if not _has_moved_globals(closure, moved):
            _check_statics(closure[0])
    frame = user_frame()
    undo = Undo(moved)
    try:
        exchange_owns(closure, undo.spent)
        found = examined(_roots(closure, moved, trusted=trusted), frame)
        if type(found) is tuple:
            _refuse(found, closure, frame)
        undo.emptied = found
        unwrap(closure)
    except (OwnershipError, MemoryError):
        undo.put_back(closure)
        raise
    return undo if undo.spent or undo.emptied else None


def _roots(closure: Closure, moved: Any, *, trusted: bool) -> tuple[Any, ...]:
    if trusted:
        return closure[1], closure[2]
    if _has_moved_globals(closure, moved):
        return closure, closure[0].__globals__
    return (closure,)


def _has_moved_globals(closure: Closure, moved: Any) -> bool:
    """Tell whether a script's own code moved its globals with the function."""
    source = None if moved is None else moved._source
    if type(source) is not FunctionType or type(closure[0]) is not FunctionType:
        return False
    return closure[0].__globals__ is not source.__globals__


class Undo:
    """What gives everything back when no thread could start."""

    __slots__ = ("_moved", "emptied", "spent")

    def __init__(self, moved: Any) -> None:
        self.spent: list[Own[Any]] = []
        self.emptied: Any = None  # what puts the values back into the caller's variables
        self._moved = moved

    def put_back(self, closure: Closure) -> None:
        """Give back what this check has taken, but for the moved closure."""
        if self.emptied is not None:
            self.emptied._give_back(closure)
        put_owns_back(closure, self.spent)

    def _give_back(self, closure: Closure) -> None:
        self.put_back(closure)
        if self._moved is not None:
            self._moved._give_back(closure)


def examined(
    roots: tuple[Any, ...], frame: FrameType | None, lent: int = 0
) -> Found | _ffi.Emptied | None:
    """Say what is wrong with what the roots hold, and where, or None.

    Asks for less first: the caller's own dead variables, then those of all frames, then whether
    only garbage holds it. When nothing is wrong, those variables have been emptied.

    Args:
        roots: what is to be held by nobody else.
        frame: the caller; None when its variables do not matter.
        lent: where the value stands in the caller's value stack (see `take_over` in C).

    Returns:
        What is wrong, and the path to it; or what puts the values back into the variables; or
        None.
    """
    hooks: Hooks = {}
    found = _with_hooks(roots, dead_values(frame, 1), hooks, lent)
    if not _is_held(found):
        return found
    found = None
    pairs = dead_values(frame, _ALL)
    found = _with_hooks(roots, pairs, hooks, lent)
    if _is_held(found):
        found = None
        gc.collect()
        found = _with_hooks(roots, pairs, hooks, lent)
    return found


def _is_held(found: Found | _ffi.Emptied | None) -> bool:
    return type(found) is tuple and found[0] in ("aliased", "weak", "leads out")


def _with_hooks(
    roots: tuple[Any, ...], frames: Any, hooks: Hooks, lent: int
) -> Found | _ffi.Emptied | None:
    """Examine, asking the `traverse=` hooks for what they know."""
    while True:
        found = _ffi.examine(roots, frames, hooks, lent)
        if type(found) is not tuple or found[0] != "needs hook":
            return found
        value = found[1][-1]
        traverse = hook_of(type(value))
        hooks[id(value)] = () if traverse is None else tuple(traverse(value))
        del value, found


# -- What runs. ------------------------------------------------------------------------------------


def refuse_what_never_runs(function: Any) -> None:
    """Refuse functions whose call only makes an object."""
    code = getattr(_function_of(function), "__code__", None)
    flags = getattr(code, "co_flags", 0)
    if not flags & _NEVER_RUNS:
        return
    kind = "a generator function" if flags & 0x20 else "an async function"
    fix = "lambda: list(f())" if flags & 0x20 else "asyncio.run, f()"
    raise TypeError(
        f"spawn runs a function, and {kind} only makes an object that nobody would run: "
        f"{function!r:.80} (write `spawn({fix})`)"
    )


def _function_of(function: Any) -> Any:
    """Return the Python function behind a callable, or None."""
    kind = type(function)
    if kind is FunctionType:
        return function
    if kind is MethodType:
        return _function_of(function.__func__)
    if kind.__module__ == "functools" and kind.__name__ == "partial":
        return _function_of(function.func)
    call = next(
        (base.__dict__["__call__"] for base in kind.__mro__ if "__call__" in base.__dict__), None
    )
    return call if type(call) is FunctionType else None


def _check_captures(function: Any) -> None:
    behind = _function_of(function)
    if behind is not None and not _ffi.is_item(behind):
        from pythread_rs.ownership._refusals import captures

        raise captures(behind, user_frame())


def _check_statics(function: Any) -> None:
    for behind in _functions_in(_function_of(function), follow=follows_calls()):
        if not _ffi.globals_are_fine(behind):
            from pythread_rs.ownership._refusals import statics

            error = statics(behind, user_frame())
            if error is not None:
                raise error


def _functions_in(function: FunctionType | None, *, follow: bool) -> list[FunctionType]:
    """List a function and the closures that it captures, and perhaps the functions it calls."""
    found: list[FunctionType] = []
    todo: list[Any] = [function]
    while todo:
        one = todo.pop()
        if type(one) is not FunctionType or any(one is known for known in found):
            continue
        found.append(one)
        for cell in one.__closure__ or ():
            try:
                todo.append(cell.cell_contents)
            except ValueError:  # it has no value yet
                continue
        if follow:
            todo += _callees(one)
    return found


def _callees(function: FunctionType) -> list[FunctionType]:
    """List the plain functions of the same top-level package that a function names."""
    from pythread_rs.ownership._statics import facts

    package = str(function.__module__).partition(".")[0]
    named = [function.__globals__.get(name) for name in facts(function.__code__)[0]]
    return [
        callee
        for callee in named
        if type(callee) is FunctionType and str(callee.__module__).partition(".")[0] == package
    ]


# -- What is wrapped. ------------------------------------------------------------------------------


def exchange_owns(closure: Closure, spent: list[Own[Any]]) -> None:
    """Put a fresh `Own` in the place of each that is an argument, and list the old ones."""
    if any(type(argument) is Own for argument in closure[1]):
        for argument in closure[1]:
            if type(argument) is Own:
                argument._check()
        closure[1] = tuple(_exchanged(argument, spent) for argument in closure[1])
    for name in _names_of_owns(closure):
        closure[2][name] = _exchanged(closure[2][name], spent)


def _names_of_owns(closure: Closure) -> list[str]:
    return [name for name, argument in closure[2].items() if type(argument) is Own]


def _exchanged(argument: Any, spent: list[Own[Any]]) -> Any:
    if type(argument) is not Own:
        return argument
    fresh = Own(argument.take())
    spent.append(argument)
    return fresh


def put_owns_back(closure: Closure, spent: list[Own[Any]]) -> None:
    fresh = [argument for argument in closure[1] if type(argument) is Own]
    fresh += [closure[2][name] for name in _names_of_owns(closure)]
    # After an error there may be some that were not exchanged.
    for old, new in zip(spent, fresh, strict=False):
        old._put_back(new.take())


def unwrap(closure: Closure) -> None:
    """Hand out what `assume_send` has wrapped."""
    if type(closure[0]) is AssumeSend:
        closure[0] = closure[0].value
    if any(type(argument) is AssumeSend for argument in closure[1]):
        closure[1] = tuple(a.value if type(a) is AssumeSend else a for a in closure[1])
    for name, argument in closure[2].items():
        if type(argument) is AssumeSend:
            closure[2][name] = argument.value


def _refuse(found: Found, closure: Closure, frame: FrameType | None) -> None:
    from pythread_rs.ownership._refused_values import refusal

    raise refusal(found, closure, frame)
