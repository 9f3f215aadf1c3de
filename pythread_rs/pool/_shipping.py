"""How a closure gets to an executor's worker, and how what became of it gets back.

A worker of another process or machine gets one pickle, made by cloudpickle. It holds the closure,
its arguments and the function `_answer`, all by value, so that the worker needs cloudpickle and
whatever the closure imports, but not this package.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any, Final, NamedTuple, final

from pythread_rs import _ffi
from pythread_rs._runtime import JoinError, current_info, panicked

__all__ = ["Local", "RemoteTraceback", "Shipment", "read", "ship"]

Closure = list[Any]  # [function, args, kwargs]

_VALUE: Final = "value"
_PANIC: Final = "panic"


class RemoteTraceback(Exception):  # noqa: N818  # it is the trace of an error, not one of its own
    """Where a panic came from, as text: the cause of an exception of another process.

    >>> from pythread_rs.pool import RemoteTraceback
    >>> print(RemoteTraceback("Traceback ..."))
    Traceback ...
    """

    def __str__(self) -> str:
        return f"\n{self.args[0]}" if "\n" in self.args[0] else str(self.args[0])


# ---- for executors of this process ----------------------------------------------------------


class _Outcome(NamedTuple):
    """What a closure that ran in this process left."""

    failed: bool
    value: Any


@final
class Local:
    """A closure for a thread of this process: it is moved there as it is."""

    __slots__ = ("_closure", "_moved")

    def __init__(self, closure: Closure, *, is_moved: bool) -> None:
        self._closure = closure[::-1]
        self._moved = id(closure[0]) if is_moved else 0

    def __call__(self) -> _Outcome:
        """Run the closure; nothing of it is left here afterwards."""
        try:
            return _Outcome(failed=False, value=_call(self._closure))
        except BaseException as panic:
            panicked(current_info(), panic, self._moved)
            return _Outcome(failed=True, value=panic)


def _call(parts: Closure) -> Any:
    """Call what is in the list, [kwargs, args, function], and empty it."""
    value = parts.pop()(*parts.pop(), **parts.pop())
    _ffi.Packet().put_ok(value)  # refuses what is bound to its thread
    return value


# ---- for all others -------------------------------------------------------------------------


def _answer(
    _once: bytes, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run a closure on the worker. This is shipped by value: it may use no global name."""
    import traceback
    from importlib import import_module

    dumps = import_module("cloudpickle").dumps
    text = ""
    try:
        kind, value = "value", f(*args, **kwargs)
    except BaseException as panic:
        if panic.__traceback__ is not None:
            panic.__traceback__ = panic.__traceback__.tb_next  # without this frame
        text = "".join(traceback.format_exception(panic))
        kind, value = "panic", panic
    try:
        return kind, dumps(value), text
    except Exception as refusal:
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        verb = "returned" if kind == "value" else "ended by"
        said = f"the closure {verb} a {name}, which cannot be sent back: {refusal!r}"
        return "lost", said, text or "".join(traceback.format_exception(refusal))


# As if it were the main module's: cloudpickle takes such functions by value. The worker need not
# know where this file is.
_code: Final = _answer.__code__.replace(co_filename="<spawn_on>")
_shipped: Final = FunctionType(_code, {"__name__": "__main__"}, "answer")


@final
class Shipment:
    """A closure as bytes. Pickling it gives what those bytes hold, not an object of this class."""

    def __init__(self, content: bytes, name: str) -> None:
        self._content = content
        self.__name__ = name  # dask shows it

    def __call__(self) -> Any:
        """Run a copy of the closure: the executor has shipped nothing."""
        return pickle.loads(self._content)()  # noqa: S301  # made by `ship`

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        return pickle.loads, (self._content,)


def ship(closure: Closure, dumps: Callable[[Any], bytes]) -> Shipment:
    """Pickle a closure. Whatever `dumps` raises comes out, with a note."""
    f, args, kwargs = closure
    name = getattr(f, "__name__", type(f).__name__)
    try:
        # Dask takes two equal pickles for one task, whose result it has already.
        once = os.urandom(16)
        return Shipment(dumps(partial(_shipped, once, f, args, kwargs)), name)
    except Exception as error:
        error.add_note(
            "spawn_on sends the closure and all that it owns to another process, by cloudpickle: "
            "it has to be something that can be pickled"
        )
        raise


def read(answer: Any) -> tuple[bool, Any]:
    """Return whether the closure failed, and its value or what it failed by."""
    if isinstance(answer, _Outcome):
        return answer.failed, answer.value
    kind, content, text = answer
    if kind not in {_VALUE, _PANIC}:
        return True, _with_cause(JoinError(content), RemoteTraceback(text))
    try:
        value = pickle.loads(content)  # noqa: S301  # as trusted as the executor that runs code
    except Exception as error:
        lost = JoinError(f"what the closure left cannot be read here: {error!r}")
        return True, _with_cause(lost, RemoteTraceback(text) if text else error)
    if kind == _VALUE:
        return False, value
    return True, _with_cause(value, RemoteTraceback(text))


def _with_cause(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error
