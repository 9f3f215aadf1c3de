"""The lines of a source file, as the interpreter itself would show them in a traceback."""

from __future__ import annotations

import linecache
import sys
from types import CodeType
from typing import Any, Final

__all__ = ["characters", "learn", "lines_of"]

# Interactive sources known by their code only (3.14 and later). No evidence behind the number:
# a diagnostic needs the statements it points at, which are few.
_MOST_LEARNED: Final = 64

_learned: dict[str, list[str]] = {}


def lines_of(file: str) -> list[str]:
    """Return the lines of a file without their ends; an empty list if nobody has them.

    Files that changed are read again, as tracebacks do. What a notebook or an interactive prompt
    has put into `linecache` is found there, and modules in archives are asked for their source.
    """
    try:
        if file in linecache.cache:
            linecache.checkcache(file)
        found = linecache.getlines(file) or linecache.getlines(file, _globals_of(file))
    except Exception:  # a loader of the user's, a file that cannot be decoded
        found = []
    return [line.rstrip("\r\n") for line in found or _learned.get(file, [])]


def learn(code: CodeType) -> None:
    """Keep the source of a code object that came from an interactive prompt.

    From 3.14 on `linecache` knows such sources by the code object and not by the name of the file,
    and a span has only the name.
    """
    get: Any = getattr(linecache, "_getlines_from_code", None)
    file = code.co_filename
    if get is None or not file.startswith("<") or file in _learned:
        return
    try:
        found = list(get(code))
    except Exception:  # private, so it may be anything one day
        return
    if found:
        while len(_learned) >= _MOST_LEARNED:
            del _learned[next(iter(_learned))]
        _learned[file] = found


def characters(text: str, offset: int) -> int:
    """Turn an offset in UTF-8 bytes, as code objects have it, into one in characters."""
    if text.isascii():
        return max(0, min(offset, len(text)))
    head = text.encode("utf-8", "surrogatepass")[: max(0, offset)]
    return len(head.decode("utf-8", "ignore"))


def _globals_of(file: str) -> dict[str, Any] | None:
    """Find the module of a file, whose loader can give the source if the file system cannot."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        if isinstance(names, dict) and names.get("__file__") == file:  # pyright: ignore[reportUnknownMemberType]
            return names  # pyright: ignore[reportUnknownVariableType]
    return None
