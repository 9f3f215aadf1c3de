"""Panics of tasks: who is told, and what is let go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pythread_rs import _ffi
from pythread_rs._runtime import JoinError, current_info
from pythread_rs._runtime._unwind import keeps_locals, unwind
from pythread_rs.ownership._scoped import lend_together
from pythread_rs.panic import catch_unwind
from pythread_rs.panic._catch import report

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOST", "install"]

LOST: Final = "the task belongs to the parent of this process: a fork does not copy its pool"


def _panicked(
    panic: BaseException, moved: Any, handler: Callable[[BaseException], object] | None
) -> None:
    """Tell of a spawned task's panic on its worker, and unwind it as a thread's is."""
    info = current_info()
    info.panics += 1
    try:
        if handler is not None:
            catch_unwind(handler, panic)  # one that panics itself is reported
        elif _ffi.gate_is_open():
            report(panic, info)
        unwind(panic)
        if moved is not None and not keeps_locals():
            _ffi.empty_cells(moved)
    finally:
        info.panics -= 1


def _lost() -> JoinError:
    return JoinError(LOST)


def install() -> None:
    """Connect the C part."""
    _ffi.set_pool_rules(_panicked, _lost, lend_together)
