"""Switch tracing on, and read what was noted."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pythread_rs import _ffi
from pythread_rs._cli._timeline._targets import FUNCTIONS, METHODS, RECEIVERS
from pythread_rs._runtime import _run
from pythread_rs.ownership import impl_sync
from pythread_rs.sync import _channel_errors

if TYPE_CHECKING:
    from pythread_rs._runtime import ThreadInfo

__all__ = ["MAIN", "PANIC", "Event", "Recording", "read", "start"]

# The kinds of csrc/python/trace/trace.h.
THREAD: Final = 0
ENDED: Final = 1
WAIT: Final = 2
WAITED: Final = 3
SPAWN: Final = 4
SEND: Final = 5
UNPARK: Final = 6
DONE: Final = 7
RECEIVE: Final = 8
PARKED: Final = 9
PANIC: Final = 10

MAIN: Final = 1  # the number of the main thread
_known: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]
_LONGEST_TEXT: Final = 200  # characters of an exception


class Event(NamedTuple):
    """One thing that a thread did; times in nanoseconds of the monotonic clock."""

    kind: int
    time: int
    began: int
    id: int
    object: int
    what: str | None
    note: str | None
    code: CodeType | None
    instruction: int


@dataclass(frozen=True, slots=True)
class Recording:
    """The events of each OS thread, and how many did not fit."""

    began: int
    ended: int
    threads: list[list[Event]]
    dropped: int


def start(limit: int) -> int:
    """Note what every thread does from now on; before any thread was started.

    Returns:
        The time, in nanoseconds.
    """
    folder = os.path.join(os.path.dirname(_ffi.__file__ or ""), "")
    for owner, names, what, role in METHODS:
        for name in names.split():
            _ffi.trace_wrap(owner, name, what, role)
    for name, what, role in FUNCTIONS:
        _ffi.trace_wrap(_ffi.objects, name, what, role)
    for receiver in RECEIVERS:
        _ffi.trace_next(receiver)
    _channel_errors.connect(_ffi.trace_unbox)
    impl_sync(_ffi.TracedMessage)  # what is in it was checked before it was put there
    _run.connect(_ffi.trace_entry(_run.run, _describe_job))
    _follow_panics()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_ffi.trace_stop)
    return _ffi.trace_start(limit, folder, _describe_here)


def read(began: int) -> Recording:
    """Stop, and return what was noted since `start` returned `began`."""
    ended = _ffi.trace_stop()
    threads, dropped = _ffi.trace_read()
    return Recording(began, ended, [[Event(*event) for event in one] for one in threads], dropped)


def _describe_job(job: list[Any]) -> tuple[int, str]:
    """Tell the number and the name of the thread that a job is for.

    One without a name is called after its closure.
    """
    handle = job[1].handle
    number: int = handle.id.number
    return number, handle.name or f"{getattr(job[2], '__name__', 'thread')} #{number}"


def _describe_here() -> tuple[int, str]:
    """Tell the same of the calling thread, which is not ours; only main has a number."""
    ident = threading.get_ident()
    if ident == threading.main_thread().ident:
        return MAIN, "main"
    # threading.current_thread() would make a Dummy thread here, which stays for ever.
    thread = _known.get(ident)
    return 0, "" if thread is None else thread.name


def _follow_panics() -> None:
    report = _run.panic_handler()

    def note_and_report(panic: BaseException, info: ThreadInfo) -> None:
        note_panic(panic)
        report(panic, info)

    _run.set_panic_handler(note_and_report)


def note_panic(panic: BaseException) -> None:
    """Note an exception that ends the calling thread, and where it was raised."""
    traceback = panic.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = None if traceback is None else traceback.tb_frame.f_code
    instruction = 0 if traceback is None else traceback.tb_lasti
    _ffi.trace_note(PANIC, _text_of(panic), code, instruction)


def _text_of(panic: BaseException) -> str:
    name = type(panic).__name__
    try:
        text = str(panic).partition("\n")[0]
    except Exception:  # an exception of the script, whose text cannot be made
        text = ""
    return f"{name}: {text}"[:_LONGEST_TEXT] if text else name
