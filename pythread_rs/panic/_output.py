"""Writing to stderr from a thread that panics: in one piece, and never fatal."""

import os
import sys
import threading
from typing import Final

__all__ = ["write"]

# Seconds to wait for another thread that writes. Not measured: long for a write, short for a
# process that ends while the holder of the lock is stopped for ever.
_PATIENCE: Final = 1.0
_STDERR: Final = 2

# Reentrant: a signal handler or a stream of the user's may panic on a thread that writes already.
_lock = threading.RLock()


def _renew_lock() -> None:
    """Make a new lock in a forked child: the holder of the old one may not be there any more."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def write(text: str) -> None:
    """Write `text` to `sys.stderr` by one call. A stderr that is None asks for silence."""
    lock = _lock
    held = lock.acquire(timeout=_PATIENCE)
    try:
        _write(text)
    finally:
        if held:
            lock.release()


def _write(text: str) -> None:
    stream = getattr(sys, "stderr", None)
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except Exception:  # closed, or an object of the user's that raises anything
        _write_past_the_stream(text)


def _write_past_the_stream(text: str) -> None:
    # Without a stderr at the start of the process, descriptor 2 may be any file by now.
    if getattr(sys, "__stderr__", None) is None:
        return
    try:
        os.write(_STDERR, text.encode("utf-8", "backslashreplace"))
    except OSError:  # nobody is there to read it
        return
