"""NativeError: the panic of a thread whose C function returned a failure."""

import os
from typing import Any

__all__ = ["NativeError"]


class NativeError(RuntimeError):
    """A C function returned what `errcheck=` calls a failure.

    It comes as the payload of the `Err` that `join` returns, and is raised by `par_for`.

    Attributes:
        status: what the function returned.
        errno: the thread's C `errno` right after the call, which began with 0.

    Rust has no such error: who calls `extern "C"` functions there makes one of their own.

    >>> str(NativeError(-1, 0))
    'the C function returned -1'
    """

    def __init__(self, status: Any, errno: int, name: str = "") -> None:
        self.status = status
        self.errno = errno
        self._name = name
        super().__init__(status, errno)

    def __str__(self) -> str:
        text = f"the C function {self._name}".rstrip() + f" returned {self.status}"
        if self.errno == 0:
            return text
        return f"{text} (errno {self.errno}: {os.strerror(self.errno)})"
