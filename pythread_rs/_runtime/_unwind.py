"""Unwinding: what a panicked closure held is let go, as Rust's unwinding does.

Python has left the frames already, but the exception's traceback keeps them, and with them every
local: guards, senders, captures. Clearing the frames drops those; the line numbers stay.
"""

import gc
import os
import sys
from types import FrameType, TracebackType
from typing import Final, cast

__all__ = ["clear", "cut", "keeps_locals", "unwind"]

# Flags of code objects, as `inspect` has them, which is long to import for two numbers.
_FUNCTION: Final = 0x01
_GENERATOR: Final = 0x20 | 0x80 | 0x200  # coroutines and asynchronous generators too


def keeps_locals() -> bool:
    """Tell whether the user asked for the locals to stay, for a debugger or a reporter."""
    return os.environ.get("PYTHREAD_RS_BACKTRACE") == "full"


def cut(panic: BaseException, count: int) -> list[FrameType]:
    """Take the outermost `count` frames off the traceback and return them, outermost first.

    They are the package's own: nobody needs to see them. They come off before the panic hook runs
    and are cleared after it, as they hold the closure and its arguments.
    """
    frames: list[FrameType] = []
    entry = panic.__traceback__
    while entry is not None and len(frames) < count:
        frames.append(entry.tb_frame)
        entry = entry.tb_next
    panic.__traceback__ = entry
    return frames


def unwind(panic: BaseException, outer: BaseException | None = None) -> None:
    """Clear the frames of an exception, its causes, its context and its group.

    What `outer` leads to is left alone: it was being handled when the closure was called, so its
    frames are none of the closure's.
    """
    if keeps_locals():
        return
    seen: set[int] = set()
    _family(outer, seen)
    for exception in _family(panic, seen):
        clear(_frames(exception.__traceback__))


def clear(frames: list[FrameType]) -> None:
    """Drop the locals of frames, innermost first, as Rust does."""
    for frame in reversed(frames):
        _clear(frame)


def _clear(frame: FrameType) -> None:
    if sys.version_info < (3, 13) and _is_suspended(frame):
        return
    try:
        frame.clear()
    except RuntimeError:  # it still runs, here or on another thread, or is suspended
        return
    if sys.version_info < (3, 13) and frame.f_code.co_flags & _FUNCTION:
        # If a hook has looked at f_locals, Python keeps what it saw; looking again forgets it.
        _ = frame.f_locals


def _is_suspended(frame: FrameType) -> bool:
    """Tell whether a generator will go on in this frame: clearing it would end the generator.

    From 3.13 on Python refuses to. Before, only the collector shows who owns what the frame
    holds: the frame itself once the generator has ended, the generator until then.
    """
    if not frame.f_code.co_flags & _GENERATOR:
        return False
    return frame.f_code not in gc.get_referents(frame)


def _family(first: BaseException | None, seen: set[int]) -> list[BaseException]:
    """Return an exception and all that hangs on it, without those in `seen`, and add them."""
    found: list[BaseException] = []
    waiting = [first]
    while waiting:
        exception = waiting.pop()
        if exception is None or id(exception) in seen:
            continue
        seen.add(id(exception))
        found.append(exception)
        waiting += [exception.__cause__, exception.__context__]
        if isinstance(exception, BaseExceptionGroup):
            waiting += cast("BaseExceptionGroup[BaseException]", exception).exceptions
    return found


def _frames(entry: TracebackType | None) -> list[FrameType]:
    frames: list[FrameType] = []
    while entry is not None:
        frames.append(entry.tb_frame)
        entry = entry.tb_next
    return frames
