"""Run a program as `python SCRIPT` does: as `__main__`, with its own `sys.argv` and `sys.path`."""

from __future__ import annotations

import builtins
import io
import os
import sys
from collections.abc import Callable, Sequence
from types import CodeType, ModuleType, TracebackType
from typing import Final

from pythread_rs._cli import CommandError

__all__ = ["compiled", "run_as_main"]

EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 130  # what a shell says of a process that SIGINT ended
_OWN_FRAMES: Final = 1


def compiled(path: str) -> CodeType:
    """Read and compile a program.

    Raises:
        CommandError: it cannot be read, or is no Python.
    """
    try:
        with io.open_code(os.path.abspath(path)) as file:
            source = file.read()
    except OSError as error:
        raise CommandError(f"cannot read {path!r}: {error.strerror}") from None
    try:
        return compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise CommandError(f"cannot compile {path!r}: {error}") from None


def run_as_main(
    code: CodeType, path: str, arguments: Sequence[str], failed: Callable[[BaseException], object]
) -> int:
    """Run a program on the calling thread.

    Args:
        code: from `compiled`.
        path: what `__file__` and `sys.argv[0]` are.
        arguments: the rest of `sys.argv`.
        failed: told of an exception that leaves it, before that is printed.

    Returns:
        0; 1 when an exception left it, which was printed; 130 after Ctrl-C.

    Raises:
        SystemExit: it ended by that.
    """
    module = ModuleType("__main__")
    vars(module).update(__file__=path, __builtins__=builtins, __spec__=None, __cached__=None)
    sys.modules["__main__"] = module
    sys.argv[:] = [path, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    try:
        exec(code, vars(module))  # noqa: S102  # that is what was asked for
    except SystemExit:
        raise
    except BaseException as error:
        failed(error)
        _report(error)
        return EXIT_INTERRUPTED if isinstance(error, KeyboardInterrupt) else EXIT_FAILED
    return 0


def _report(error: BaseException) -> None:
    """Print an exception as the interpreter does, without the frames below the program's."""
    traceback: TracebackType | None = error.__traceback__
    for _ in range(_OWN_FRAMES):
        traceback = None if traceback is None else traceback.tb_next
    sys.excepthook(type(error), error.with_traceback(traceback), traceback)
