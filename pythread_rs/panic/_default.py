"""The default panic hook: what Rust prints, with Python's exception lines and traceback."""

import os
import threading
from typing import Final

from pythread_rs._runtime._unwind import keeps_locals
from pythread_rs.panic._info import PanicHookInfo
from pythread_rs.panic._output import write

__all__ = ["default_hook", "write_failure"]

_VARIABLE: Final = "PYTHREAD_RS_BACKTRACE"
_HINT: Final = f"note: run with `{_VARIABLE}=1` environment variable to display a backtrace\n"
_KEPT: Final = f"note: {_VARIABLE}=full keeps the locals of the panicked frames alive\n"

# Taken by the first panic of the process that may show the hint, and never given back.
_hint_is_due = threading.Lock()


def default_hook(info: PanicHookInfo, /) -> None:
    """Print the panic to stderr in Rust's form.

        (blank line)
        thread 'NAME' (OS THREAD ID) panicked at FILE:LINE:COL:
        MESSAGE

    After the first panic of the process a note follows on how to get a backtrace. With
    `PYTHREAD_RS_BACKTRACE=1` the backtrace follows instead; with `full` the panicked frames also
    keep their locals. The variable is read at each panic, so a program may set it in `os.environ`.
    A thread without a name is `<unnamed>`. If no Python code was reached, because a C function
    was the whole closure, the place is `<unknown>`.

    Args:
        info: what the hook gets.

    Blocks: while stderr is written to; at most one second for another thread that writes.
    Thread safety: any thread; each call's output stays together.

    Mirrors the default hook of `std::panic`.

    >>> hook = take_hook()
    >>> hook.__name__
    'default_hook'
    """
    text = _announcement(info) + _backtrace(info)
    info._shown = True
    write(text)


def write_failure(info: PanicHookInfo, failure: PanicHookInfo) -> None:
    """Print that a panic hook raised, after the panic itself unless that was printed already."""
    text = "" if info._shown else _announcement(info)
    write(f"{text}\n{failure}\nthread panicked while processing panic.\n")


def _announcement(info: PanicHookInfo) -> str:
    name = "<unnamed>" if info.thread.name is None else info.thread.name
    return f"\nthread '{name}' ({info._os_thread_id}) {info}\n"


def _backtrace(info: PanicHookInfo) -> str:
    if os.environ.get(_VARIABLE, "0") in ("", "0"):
        return _HINT if _hint_is_due.acquire(blocking=False) else ""
    text = f"stack backtrace:\n{info._report.backtrace()}"
    return text + _KEPT if keeps_locals() else text
