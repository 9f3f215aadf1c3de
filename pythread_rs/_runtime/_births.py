"""Where running threads were started, written down while somebody asks for it: for test tools.

Nothing of this is loaded, and no spawn costs more, until `Births` is entered.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from pythread_rs import _ffi
from pythread_rs._runtime import _start, _threading

if TYPE_CHECKING:
    from types import FrameType, TracebackType

__all__ = ["Births", "Running"]

_PACKAGE: Final = __name__.partition(".")[0]
# The pool of the process stays: it is no fault of whoever used it first.
_STAYS: Final = (f"{_PACKAGE}.pool._global", "global_pool")


class Running(NamedTuple):
    """A thread that runs, and what is known of it."""

    thread: threading.Thread
    started_at: str  # FILE:LINE in FUNCTION

    def __str__(self) -> str:
        kind = _PACKAGE if isinstance(self.thread, _threading.NativeThread) else "threading"
        frame = sys._current_frames().get(self.thread.ident or 0)
        here = f", now at {_line(_user_frame(frame))}" if frame is not None else ""
        return f"{self.thread.name!r} ({kind}), started at {self.started_at}{here}"


class Births:
    """A block in which each start of a thread is written down.

    A thread that was started before and begins within the block is none of its threads. Enter such
    blocks one within the other, and leave the inner one first.
    """

    def __init__(self) -> None:
        self._lines: weakref.WeakKeyDictionary[Any, str | None] = weakref.WeakKeyDictionary()
        self._starting: weakref.WeakSet[Any] = weakref.WeakSet()
        self._native_before = 0
        self._undo: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Self:
        self._native_before = _native_count()
        self._replace(_start, "ThreadInfo", self._new_info)
        self._replace(_threading, "register", self._register)
        self._replace(threading.Thread, "start", self._starter())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._undo:
            setattr(*self._undo.pop())

    def left(self) -> list[Running]:
        """List the threads that were started in the block and still run."""
        lines = [(t, self._lines.get(t)) for t in threading.enumerate() if t.is_alive()]
        return [Running(thread, line) for thread, line in lines if line is not None]

    def starting(self) -> int:
        """Count the threads of the block that have not begun; `left` does not know them yet."""
        return len(self._starting)

    def native_left(self) -> int:
        """Count the C functions that run on threads of their own and did not before."""
        return max(_native_count() - self._native_before, 0)

    def _replace(self, owner: Any, name: str, new: Any) -> None:
        self._undo.append((owner, name, getattr(owner, name)))
        setattr(owner, name, new)

    def _new_info(self, handle: Any, *rest: Any) -> Any:
        """Make the record of a thread that is about to start, on the thread that starts it."""
        self._lines[handle] = _birth_line()
        self._starting.add(handle)
        # What was there before: it may be that of a block around this one.
        return self._undo[0][2](handle, *rest)

    def _register(self, info: Any, packet: Any) -> None:
        """Pass the line on to what `threading` shows, on the new thread."""
        self._undo[1][2](info, packet)
        self._starting.discard(info.handle)
        if info.handle in self._lines:
            self._lines[info.registered] = self._lines[info.handle]

    def _starter(self) -> Any:
        original, lines = threading.Thread.start, self._lines

        def start(thread: threading.Thread) -> None:
            lines[thread] = _birth_line()
            original(thread)

        return start


def _native_count() -> int:
    return _ffi.statistics()["live"] - len(_threading.running())


def _birth_line() -> str | None:
    """Name the line that starts a thread; None for a thread that stays with the process."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not _is_users(frame):
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == _STAYS:
            return None
        frame = frame.f_back
    return _line(frame)


def _user_frame(frame: FrameType | None) -> FrameType | None:
    """Go out to the first frame that is neither ours nor that of `threading`."""
    innermost = frame
    while frame is not None and not _is_users(frame):
        frame = frame.f_back
    return frame or innermost


def _is_users(frame: FrameType) -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] not in {_PACKAGE, "threading"}


def _line(frame: FrameType | None) -> str:
    if frame is None:
        return "<unknown>"
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
