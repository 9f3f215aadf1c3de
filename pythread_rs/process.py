"""Ending the process, as `std::process` does."""

import os
import sys
from typing import NoReturn

from pythread_rs._runtime import drop_own_thread_locals

__all__ = ["exit"]


def exit(code: int = 0) -> NoReturn:  # noqa: A001  # Rust's name
    """End the process now, from any thread, without Python's exit steps.

    No other thread is waited for, no `atexit` callback and no `finally` block runs. The calling
    thread's thread-locals are destroyed, and stdout and stderr are flushed.

    Args:
        code: the exit status; the platform may keep the lowest 8 bits only.

    Raises:
        TypeError: `code` is not an int.

    Blocks: while the streams are flushed.
    Thread safety: any thread.

    Mirrors `std::process::exit`.

    >>> import subprocess
    >>> program = "from pythread_rs import process; process.exit(7)"
    >>> subprocess.run([sys.executable, "-c", program]).returncode
    7
    """
    if not isinstance(code, int):
        raise TypeError(f"an exit code is an int, not {type(code).__name__}")
    try:
        drop_own_thread_locals()
    finally:
        _flush()
        os._exit(code & 0xFF)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed, or None under pythonw
            continue
