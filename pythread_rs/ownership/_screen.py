"""A grid of characters with colours, measured in the columns of a terminal."""

from __future__ import annotations

import os
import sys
import unicodedata
from enum import Enum
from typing import Final

__all__ = ["Screen", "Style", "shown", "wants_color", "width"]

TAB: Final = "    "  # rustc's: a tab takes four columns wherever it stands

# Characters that turn the text around them, so that code would look like other code.
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FIRST_CONTROL_PICTURE: Final = 0x2400
_DELETE: Final = 0x7F
_DELETE_PICTURE: Final = "\u2421"
_JAMO_VOWELS: Final = range(0x1160, 0x1200)  # drawn into the syllable before them
_RESET: Final = "\x1b[0m"


class Style(Enum):
    """What a character is, and the terminal's code for it; the colours are rustc's."""

    PLAIN = ""
    HEADLINE = "\x1b[1m"
    GUTTER = "\x1b[1;94m"
    PRIMARY = "\x1b[1;91m"
    SECONDARY = "\x1b[1;34m"
    NOTE = "\x1b[1;92m"
    HELP = "\x1b[1;96m"
    ADDED = "\x1b[92m"
    REMOVED = "\x1b[91m"


def wants_color() -> bool:
    """Tell whether stderr shows colours; `NO_COLOR` and then `FORCE_COLOR` have the last word."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    if os.environ.get("TERM") == "dumb":
        return False
    try:
        return sys.stderr.isatty()
    except Exception:  # None, closed, or an object of the user's
        return False


def shown(text: str) -> str:
    """Replace what a terminal would not show as one thing in one place."""
    return "".join(_shown_character(character) for character in text)


def _shown_character(character: str) -> str:
    if character == "\t":
        return TAB
    number = ord(character)
    if number < 0x20:
        return chr(_FIRST_CONTROL_PICTURE + number)
    if number == _DELETE:
        return _DELETE_PICTURE
    # A lone surrogate could not be written to any stream.
    return "\ufffd" if character in _BIDI or 0xD800 <= number <= 0xDFFF else character


def width(text: str) -> int:
    """Count the columns that a text takes.

    >>> width("data"), width("データ"), width("cafe\u0301")
    (4, 6, 4)
    """
    return len(text) if text.isascii() else sum(map(_width_of_character, text))


def _width_of_character(character: str) -> int:
    category = unicodedata.category(character)
    if category in {"Mn", "Me", "Cf"} or ord(character) in _JAMO_VOWELS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


class Screen:
    """Rows that grow as they are written to; what is written later covers what was there."""

    def __init__(self) -> None:
        # One entry a column. The second column of a wide character holds no text.
        self._rows: list[list[tuple[str, Style]]] = []

    @property
    def height(self) -> int:
        """The number of rows."""
        return len(self._rows)

    def put(self, row: int, column: int, character: str, style: Style = Style.PLAIN) -> None:
        """Write one character of one column."""
        cells = self._cells(row)
        cells.extend([(" ", Style.PLAIN)] * (column + 1 - len(cells)))
        cells[column] = (character, style)

    def write(self, row: int, column: int, text: str, style: Style = Style.PLAIN) -> None:
        """Write a text from a column on."""
        self._cells(row)
        for character in text:
            columns = _width_of_character(character)
            before = self._rows[row]
            if columns == 0 and 0 < column <= len(before):
                # A wide character's second column is empty: the mark belongs to the first.
                at = column - 1 if before[column - 1][0] else column - 2
                before[at] = (before[at][0] + character, before[at][1])
                continue
            for filler in range(max(1, columns)):
                self.put(row, column + filler, "" if filler else character, style)
            column += max(1, columns)

    def append(self, row: int, text: str, style: Style = Style.PLAIN) -> None:
        """Write a text behind what the row holds."""
        self.write(row, len(self._cells(row)), text, style)

    def text(self, *, color: bool) -> str:
        """Return the rows as lines."""
        return "\n".join(_line(cells, color=color) for cells in self._rows)

    def _cells(self, row: int) -> list[tuple[str, Style]]:
        while len(self._rows) <= row:
            self._rows.append([])
        return self._rows[row]


def _line(cells: list[tuple[str, Style]], *, color: bool) -> str:
    if not color:
        return "".join(character for character, _ in cells).rstrip()
    parts: list[str] = []
    current = Style.PLAIN
    end = len(cells)
    while end and cells[end - 1][0] == " ":
        end -= 1
    for character, style in cells[:end]:
        if style is not current:
            parts.append((_RESET if current.value else "") + style.value)
            current = style
        parts.append(character)
    return "".join(parts) + (_RESET if current.value else "")
