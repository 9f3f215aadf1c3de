"""Unwinding: what a panicked closure held is let go, as Rust's unwinding does.

Python has left the frames already, but the exception's traceback keeps them, and with them every
local: guards, senders, captures. Clearing the frames drops those; the line numbers stay.
"""

import os
from types import FrameType, TracebackType
from typing import Final

__all__ = ["keeps_locals", "unwind"]


def keeps_locals() -> bool:
    """Tell whether the user asked for the locals to stay, for a debugger or a reporter."""
    return os.environ.get("PYTHREAD_RS_BACKTRACE") == "full"


_OWN_FRAMES: Final = 2  # the entry and its caller of the closure


def unwind(panic: BaseException) -> None:
    """Cut the entry's own frames off the traceback, and clear the others."""
    own = panic.__traceback__
    for _ in range(_OWN_FRAMES):
        if own is not None:
            _clear(own.tb_frame)
            own = own.tb_next
    panic.__traceback__ = own
    if not keeps_locals():
        _clear_all(panic)


def _clear(frame: FrameType) -> None:
    try:
        frame.clear()
    except RuntimeError:  # it still runs, here or on another thread, or is suspended
        pass


def _clear_all(panic: BaseException) -> None:
    """Clear the frames of an exception, its causes, its context and its group."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [panic]
    while waiting:
        exception = waiting.pop()
        if exception is None or id(exception) in seen:
            continue
        seen.add(id(exception))
        _clear_traceback(exception.__traceback__)
        waiting += [exception.__cause__, exception.__context__]
        if isinstance(exception, BaseExceptionGroup):
            waiting += exception.exceptions


def _clear_traceback(entry: TracebackType | None) -> None:
    while entry is not None:
        _clear(entry.tb_frame)
        entry = entry.tb_next
