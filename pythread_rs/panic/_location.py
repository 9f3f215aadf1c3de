"""Location: the place in the source where something panicked."""

from __future__ import annotations

import sys
from itertools import islice
from types import CodeType, FrameType, TracebackType
from typing import Any, Final, NoReturn, final

__all__ = ["Location", "location_of"]

_UNKNOWN_COLUMN: Final = 0


@final
class Location:
    """A place in a source file. Locations compare, sort and hash by file, line and column.

    Args:
        file: the file name, as the code object has it.
        line: the line, counted from 1.
        column: the column in characters, counted from 1; 0 where Python keeps no columns
            (`-X no_debug_ranges`).

    Thread safety: immutable.

    Mirrors `std::panic::Location`.

    >>> place = Location("main.py", 3, 5)
    >>> print(place)
    main.py:3:5
    >>> place
    Location { file: "main.py", line: 3, column: 5 }
    """

    __slots__ = ("_column", "_file", "_line")
    __thread_send__ = "copy"
    __match_args__ = ("file", "line", "column")

    _file: str
    _line: int
    _column: int

    def __init__(self, file: str, line: int, column: int) -> None:
        object.__setattr__(self, "_file", file)
        object.__setattr__(self, "_line", line)
        object.__setattr__(self, "_column", column)

    @staticmethod
    def caller(depth: int = 0) -> Location:
        """Return the place of this very call, or of a call further out.

        Args:
            depth: 0 for the line that calls `Location.caller`; 1 for the line that called the
                function around it, which is what Rust gives in a `#[track_caller]` function; and
                so on.

        Returns:
            The location.

        Raises:
            ValueError: the call stack is not that deep, or `depth` is negative.

        Blocks: reads the source file on first use, for the column.
        Thread safety: any thread.

        Mirrors `Location::caller`.

        >>> def where():
        ...     return Location.caller(1)
        >>> where().line
        1
        """
        if depth < 0:
            raise ValueError(f"a depth must be at least 0, not {depth}")
        frame = sys._getframe(depth + 1)
        return _location(frame, frame.f_lasti, frame.f_lineno)

    @property
    def file(self) -> str:
        """The file name (Rust: `Location::file`)."""
        return self._file

    @property
    def line(self) -> int:
        """The line, counted from 1 (Rust: `Location::line`)."""
        return self._line

    @property
    def column(self) -> int:
        """The column in characters, counted from 1; 0 if unknown (Rust: `Location::column`)."""
        return self._column

    def _key(self) -> tuple[str, int, int]:
        return self._file, self._line, self._column

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Location) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._key() < other._key() if isinstance(other, Location) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self._key() <= other._key() if isinstance(other, Location) else NotImplemented

    def __hash__(self) -> int:
        return hash((Location, self._key()))

    def __str__(self) -> str:
        return f"{self._file}:{self._line}:{self._column}"

    def __repr__(self) -> str:
        file = self._file.replace("\\", "\\\\").replace('"', '\\"')
        return f'Location {{ file: "{file}", line: {self._line}, column: {self._column} }}'

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Location is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Location is immutable: cannot delete {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        return Location, self._key()


def location_of(traceback: TracebackType | None) -> Location | None:
    """Return the place that a traceback ends at; None for an empty one.

    Frames of this package at the end do not count: `panic`, `unwrap` and so on point at the line
    that calls them, as `#[track_caller]` makes them do in Rust.
    """
    last = traceback
    while traceback is not None:
        if not _is_ours(traceback.tb_frame):
            last = traceback
        traceback = traceback.tb_next
    return None if last is None else _location(last.tb_frame, last.tb_lasti, last.tb_lineno)


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith("pythread_rs.")


def _location(frame: FrameType, instruction: int, line: int | None) -> Location:
    code = frame.f_code
    start, offset = _position(code, instruction)
    line = start or line or code.co_firstlineno
    if offset is None:
        return Location(code.co_filename, line, _UNKNOWN_COLUMN)
    return Location(code.co_filename, line, _characters(frame, line, offset) + 1)


def _position(code: CodeType, instruction: int) -> tuple[int | None, int | None]:
    """Return line and column of an instruction; the column is a UTF-8 offset from 0."""
    for line, _, offset, _ in islice(code.co_positions(), instruction // 2, None):
        return line, offset
    return None, None


def _characters(frame: FrameType, line: int, offset: int) -> int:
    """Turn an offset in UTF-8 bytes into one in characters, if the source is there."""
    import linecache  # not at the top: most programs never panic

    text = linecache.getline(frame.f_code.co_filename, line, frame.f_globals)
    if not text:
        return offset
    return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace"))
