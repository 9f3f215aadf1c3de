"""Moves: closures that own what they capture, and values taken out of variables."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from types import CodeType, FrameType, FunctionType
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar, final

# C functions, which see the caller's frame at once; their docstrings are there, too.
from pythread_rs._ffi import move, take
from pythread_rs.ownership._errors import StaticError, UseAfterMoveError
from pythread_rs.ownership._kinds import FUNCTION, is_shareable, kind_of
from pythread_rs.ownership._sites import is_top_of_script, lifetimes, user_frame

__all__ = [
    "Drain",
    "at_top",
    "drain",
    "facts",
    "later",
    "move",
    "put_back_at_top",
    "refuse",
    "take",
]

P = ParamSpec("P")
T = TypeVar("T")


@final
class Drain(Generic[T]):
    """The iterator that `drain` returns: it gives each value away and holds no other reference.

    Mirrors `std::vec::IntoIter`.

    >>> rest = drain([1, 2, 3])
    >>> next(rest), len(rest), rest
    (1, 2, Drain { 2 left })
    """

    __slots__ = ("_left",)
    __thread_send__ = "send"

    def __init__(self, items: list[T]) -> None:
        self._left = items

    def __iter__(self) -> Drain[T]:
        return self

    def __next__(self) -> T:
        if not self._left:
            raise StopIteration
        return self._left.pop()

    def __len__(self) -> int:
        return len(self._left)

    def enumerate(self, start: int = 0) -> Iterator[tuple[int, T]]:
        """Yield each value with its number; the builtin would hold on to the last pair.

        Args:
            start: the number of the next value.

        Returns:
            An iterator over pairs, which hands out what is left.

        Blocks: no.
        Thread safety: belongs to one thread at a time.

        Mirrors `Iterator::enumerate`.

        >>> list(drain(["a", "b"]).enumerate(1))
        [(1, 'a'), (2, 'b')]
        """
        while self._left:
            yield start, self._left.pop()
            start += 1

    def __repr__(self) -> str:
        return f"Drain {{ {len(self._left)} left }}"


def drain(values: Iterable[T], /) -> Drain[T]:
    """Hand out what a list holds, one by one, and hold nothing of it any longer.

    `for x in values` leaves every element in the list as well, so that none can be moved to a
    thread. After `for x in drain(values)` the list is empty, and `x` is the only holder.

    Args:
        values: a list, set, dict (its keys) or deque, which is empty afterwards, or any iterable.

    Returns:
        An iterator with a length, and with an `enumerate` of its own.

    Raises:
        TypeError: `values` is not iterable.

    Blocks: no.
    Thread safety: `values` must be the calling thread's own.

    Mirrors `Vec::into_iter` and `Vec::drain(..)`.

    >>> chunks = [[1, 2], [3]]
    >>> [(number, sum(chunk)) for number, chunk in drain(chunks).enumerate()], chunks
    ([(0, 3), (1, 3)], [])
    """
    items = list(values)
    clear = getattr(values, "clear", None)
    if callable(clear):
        clear()
    items.reverse()
    return Drain(items)


# -- What C asks for. ------------------------------------------------------------------------------


def facts(code: CodeType) -> tuple[tuple[str, ...], bool]:
    """Return which globals a function reads, and whether it assigns any."""
    from pythread_rs.ownership import _statics

    return _statics.facts(code)


def later(function: FunctionType) -> int:
    """Return which captured variables the caller reads after its call of `move`, as bits."""
    frame = user_frame()
    if frame is None:
        return 0
    code = frame.f_code
    if not _is_made_in(function.__code__, code):
        return 0
    from pythread_rs.ownership._notes import remember

    found = lifetimes(frame)
    mask = 0
    for index, name in enumerate(function.__code__.co_freevars[:64]):
        remember(code, name, (code, frame.f_lasti))
        if found.later_use(name, restored=True) is not None:
            mask |= 1 << index
    return mask


def _is_made_in(inner: CodeType, outer: CodeType) -> bool:
    return any(constant is inner for constant in outer.co_consts)


def refuse(function: Any, name: str | None, why: str) -> NoReturn:
    """Raise the error for a move that cannot be."""
    if why == "spent":
        raise _spent(function)
    if why == "static":
        raise _static(function)
    if why == "empty" or name is None:
        raise _empty(function, name or "")
    frame = user_frame()
    assert frame is not None
    later_use = lifetimes(frame).later_use(name, restored=True)
    from pythread_rs.ownership import _source
    from pythread_rs.ownership._refused_values import used_later

    index = function.__code__.co_freevars.index(name)
    content = function.__closure__[index].cell_contents
    header = _source.header_span(function, "value moved into closure here")
    uses = _source.capture_spans(function.__code__, name, "variable moved due to use in closure")
    assert later_use is not None
    raise used_later(name, content, frame, later_use, header, *uses[:1])


def _empty(function: FunctionType, name: str) -> UseAfterMoveError:
    from pythread_rs.ownership import _source
    from pythread_rs.ownership._diagnostic import Diagnostic
    from pythread_rs.ownership._refusals import spans

    uses = _source.capture_spans(
        function.__code__, name, "value used here after move", primary=True
    )
    note = f"the variable `{name}` holds nothing: it was moved before, or never assigned"
    return UseAfterMoveError(
        Diagnostic("E0382", f"use of moved value: `{name}`", spans(*uses[:1]), (note,)), path=name
    )


def _spent(function: Any) -> UseAfterMoveError:
    from pythread_rs.ownership import _source
    from pythread_rs.ownership._diagnostic import Diagnostic
    from pythread_rs.ownership._refusals import spans

    name = getattr(function, "__name__", "closure")
    shown = "closure" if name == "<lambda>" else name
    frame = user_frame()
    place = None
    if frame is not None:
        label = "value used here after move"
        place = _source.call_span(frame.f_code, frame.f_lasti, label, primary=True)
    notes = ("this value implements `FnOnce`, which causes it to be moved when called or spawned",)
    return UseAfterMoveError(
        Diagnostic("E0382", f"use of moved value: `{shown}`", spans(place), notes), path=shown
    )


def _static(function: FunctionType) -> BaseException:
    from pythread_rs.ownership import _source
    from pythread_rs.ownership._diagnostic import Diagnostic
    from pythread_rs.ownership._refusals import clone_of, spans
    from pythread_rs.ownership._statics import accesses

    read = [a for a in accesses(function.__code__) if a.name in function.__globals__]
    if len(read) != 1 or read[0].how != "read":
        return TypeError(
            "take takes a lambda that captures one variable and returns it: take(lambda: data)"
        )
    name = read[0].name
    label = f"move occurs because the global `{name}` belongs to its module"
    place = _source.name_span(read[0].code, read[0].offset, label, primary=True)
    fix = f"consider cloning the value: `{clone_of(name, function.__globals__[name])}`"
    headline = f"cannot move out of static item `{name}`"
    return StaticError(Diagnostic("E0507", headline, spans(place), (), (fix,)), path=name)


# -- The script's own variables. -------------------------------------------------------------------


def at_top(function: FunctionType) -> FunctionType:
    """Move the globals that a function reads, when a script's own module-level code moves it."""
    frame = user_frame()
    if frame is None or not is_top_of_script(frame) or function.__globals__ is not frame.f_globals:
        return function
    from pythread_rs.ownership._notes import remember

    names, assigns = facts(function.__code__)
    namespace = frame.f_globals
    taken = [name for name in names if name in namespace and _leaves(namespace[name])]
    if assigns or not taken:
        return function
    _refuse_if_used(function, taken, frame)
    own = {name: namespace[name] for name in names if name in namespace}
    own |= {"__builtins__": builtins, "__name__": namespace.get("__name__")}
    clone = FunctionType(function.__code__, own, function.__name__, function.__defaults__)
    clone.__kwdefaults__ = function.__kwdefaults__
    for name in taken:
        remember(namespace, name, (frame.f_code, frame.f_lasti))
        del namespace[name]
    return clone


def _leaves(value: object) -> bool:
    return not is_shareable(value) and kind_of(value) != FUNCTION and not isinstance(value, type)


def _refuse_if_used(function: FunctionType, names: list[str], frame: FrameType) -> None:
    found = lifetimes(frame)
    for name in names:
        later_use = found.later_use(name, restored=True)
        if later_use is None:
            continue
        from pythread_rs.ownership import _source
        from pythread_rs.ownership._refused_values import used_later

        header = _source.header_span(function, "value moved into closure here")
        raise used_later(name, function.__globals__[name], frame, later_use, header)


def put_back_at_top(source: FunctionType, clone: object) -> None:
    """Undo `at_top`."""
    if not isinstance(clone, FunctionType) or clone.__globals__ is source.__globals__:
        return
    for name, value in clone.__globals__.items():
        source.__globals__.setdefault(name, value)
