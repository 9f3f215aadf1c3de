"""Scoped threads: closures may borrow, as long as nobody changes what another one uses."""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

from pythread_rs import _ffi
from pythread_rs.ownership._check import refuse_what_never_runs
from pythread_rs.ownership._kinds import COPY, HANDLE, NOT_SEND, SYNC, TRANSPARENT, kind_of
from pythread_rs.ownership._readers import note_reader, only_reads
from pythread_rs.ownership._sites import user_frame
from pythread_rs.ownership._wrappers import AssumeSend, Shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from pythread_rs.ownership._borrows import Borrows

__all__ = ["Lending", "lend_one", "lend_together"]

_WORDS = {COPY: "copy", SYNC: "sync", HANDLE: "sync", TRANSPARENT: "transparent"}


def _kind(value: object) -> str:
    if type(value) in (Shared, AssumeSend):
        return "shared"
    return _WORDS.get(kind_of(value), "owned")


class Lending:
    """What the threads of one scope own and borrow."""

    __slots__ = ("_borrows",)

    def __init__(self) -> None:
        self._borrows: Borrows | None = None

    def give(self, closure: list[Any]) -> tuple[Any, Callable[[], None] | None]:
        """Check `[function, args, kwargs]` for one more thread of the scope.

        Returns:
            What undoes a move, or None; and what to call when the thread has ended, or None.

        Raises:
            OwnershipError: the thread may not use all of it. Nothing has changed.
        """
        function = closure[0]
        if not callable(function):
            return None, None  # `start` says so
        if type(function) is _ffi.Moved:
            del function
            return _ffi.own(closure), None
        if isinstance(function, AssumeSend):
            closure[0] = function.value
            return None, None
        if type(function) is FunctionType and not _borrows_anything(function, closure):
            refuse_what_never_runs(function)
            return None, None
        refuse_what_never_runs(function)
        return None, self._lend(function, closure)

    def _lend(self, function: Any, closure: list[Any]) -> Callable[[], None] | None:
        _refuse_what_stays(function, closure)
        if self._borrows is None:
            from pythread_rs.ownership._borrows import Borrows

            self._borrows = Borrows(_kind, _ffi.mutable_nodes)
        frame = user_frame()
        code, lasti = (None, 0) if frame is None else (frame.f_code, frame.f_lasti)
        borrower = self._borrows.add(function, closure[1], closure[2], code, lasti, frame)
        return None if borrower is None else partial(self._borrows.release, borrower)

    def end(self) -> None:
        """Forget all that was borrowed: the threads have ended."""
        self._borrows = None


def lend_together(*functions: Any) -> tuple[Any, ...]:
    """Check functions that run at the same time while their caller waits.

    One that several threads run at once is given twice.

    Returns:
        The functions, without what `assume_send` has put around them.

    Raises:
        OwnershipError: one would change what another one uses.
    """
    if all(_ffi.is_harmless(f) or only_reads(f) for f in functions):
        return functions
    borrows: Borrows | None = None
    for function in functions:
        if type(function) is AssumeSend:
            continue
        refuse_what_never_runs(function)
        _refuse_what_stays(function, [function, (), {}])
        if borrows is None:
            from pythread_rs.ownership._borrows import Borrows

            borrows = Borrows(_kind, _ffi.mutable_nodes)
        borrows.add_alone(function)
    if borrows is not None and borrows.only_read():
        for function in functions:
            note_reader(function)
    return tuple(f.value if type(f) is AssumeSend else f for f in functions)


def lend_one(function: Any, *values: Any) -> Any:
    """Check a function that runs on another thread while its caller waits.

    Returns:
        The function, without what `assume_send` has put around it.

    Raises:
        OwnershipError: it is bound to its thread, or would never run.
    """
    if type(function) is AssumeSend:
        return function.value
    if values or not _ffi.is_harmless(function):
        refuse_what_never_runs(function)
        _refuse_what_stays(function, [function, values, {}])
    return function


def _borrows_anything(function: FunctionType, closure: list[Any]) -> bool:
    if function.__closure__ or function.__defaults__ or function.__kwdefaults__ or closure[2]:
        return True
    if any(kind_of(argument) not in (COPY, SYNC, HANDLE) for argument in closure[1]):
        return True
    return not _ffi.globals_are_fine(function)


def _refuse_what_stays(function: Any, closure: list[Any]) -> None:
    """Refuse what is bound to its thread: a borrow would take it to another one as well."""
    cells = getattr(function, "__closure__", None) or ()
    values = [*closure[1], *closure[2].values()]
    for cell in cells:
        try:
            values.append(cell.cell_contents)
        except ValueError:  # it has no value yet
            continue
    for value in values:
        if kind_of(value) == NOT_SEND and type(value) is not Shared:
            from pythread_rs.ownership._refusals import not_sync

            raise not_sync(value, user_frame())
