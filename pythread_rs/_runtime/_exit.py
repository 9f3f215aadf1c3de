"""Exit: the gate closes, threads that still run are left where they are, nothing crashes.

`threading` has joined its own non-daemon threads by then. What is measured and why each step is
needed stands in docs/design.md, "Exit".
"""

import atexit
import io
import os
import sys
from typing import Final

from pythread_rs import _ffi, _objects
from pythread_rs._runtime._info import current_info

__all__ = ["drop_own_thread_locals", "install"]

_PATIENCE: Final = 1.0  # seconds for threads that are just starting


def install() -> None:
    """Close the gate when the interpreter runs its atexit callbacks."""
    atexit.register(_at_exit)


def _at_exit() -> None:
    drop_own_thread_locals()
    if _ffi.close_gate(_PATIENCE) > 0:
        _guard_stdio()


def drop_own_thread_locals() -> None:
    """Run the destructors of the calling thread's thread-locals."""
    values = current_info().values
    if values is not None:
        values.drop_all()


class _LockFree(io.RawIOBase):
    """A raw stream on a file descriptor that stays open.

    A thread that is killed inside a print keeps the lock of the stream's buffer, and CPython
    aborts when it flushes that buffer at the end. There is no lock here.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: "memoryview | bytes") -> int:  # type: ignore[override]
        rest = memoryview(data).cast("B")
        total = len(rest)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        return total


def _guard_stdio() -> None:
    """Put lock-free streams in the place of stdout and stderr, if they are the plain ones."""
    for name in ("stdout", "stderr"):
        old = getattr(sys, name, None)
        if type(old) is not io.TextIOWrapper or type(old.buffer) is not io.BufferedWriter:
            continue
        try:
            old.flush()
            new = _replacement(old)
        except (OSError, ValueError):
            continue
        setattr(sys, name, new)
        if getattr(sys, f"__{name}__", None) is old:
            setattr(sys, f"__{name}__", new)
        # A thread may be inside the old one: it must never be flushed or freed.
        _objects.leak(old)


def _replacement(old: io.TextIOWrapper) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        _LockFree(old.fileno()),  # type: ignore[arg-type]  # a raw stream serves as the buffer
        encoding=old.encoding,
        errors=old.errors,
        newline="\n" if os.linesep == "\n" else None,
        line_buffering=old.line_buffering,
        write_through=True,
    )
