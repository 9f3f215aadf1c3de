"""Fork: idle workers end before it, and the child knows that it is alone.

The C layer resets itself by pthread_atfork; what is here needs Python.
"""

import os
import sys
import threading
from typing import NoReturn

from pythread_rs import _ffi
from pythread_rs._runtime import _threading

__all__ = ["count", "install", "is_child_of_thread", "leave_child", "note_exit"]

count: int = 0  # forks between the process that imported the package and this one
_exit_code = 0
_in_thread = False
_own_entry: threading.Thread | None = None


def install() -> None:
    """Take part in every os.fork."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)


def _before() -> None:
    # Python 3.12 counts OS threads and warns: it should speak of threads that run something.
    global _own_entry
    _ffi.retire_workers()
    _own_entry = _threading.forget_for_fork()


def _in_parent() -> None:
    global _own_entry
    _threading.restore_after_fork(_own_entry)
    _own_entry = None


def _in_child() -> None:
    global count, _in_thread, _own_entry
    count += 1
    _ffi.forget_waking()
    _in_thread = _own_entry is not None or _in_thread
    _own_entry = None


def is_child_of_thread() -> bool:
    """Tell whether this process was forked from a closure that still runs."""
    return _in_thread


def note_exit(panic: BaseException) -> None:
    """Remember how the closure that forked ended in the child: it becomes the exit status."""
    global _exit_code
    if not isinstance(panic, SystemExit):
        _exit_code = 1
    elif panic.code is None:
        _exit_code = 0
    else:
        _exit_code = panic.code if isinstance(panic.code, int) else 1


def leave_child() -> NoReturn:
    """End a child process whose only thread has come to the end of its closure.

    There is no main thread to return to, so the process ends as a thread's fork does with
    `threading`: streams flushed, nothing else run.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue
    os._exit(_exit_code & 0xFF)
