"""Diagnostics in rustc's layout: headline, annotated source, notes and corrected lines.

The parts are plain data, so that a check can put them together and throw them away unread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["UNKNOWN", "Diagnostic", "Edit", "Note", "Span", "Suggestion", "footer", "render"]

UNKNOWN = -1
"""The columns of a span for which only the line is known (`python -X no_debug_ranges`)."""


class Span(NamedTuple):
    """A stretch of source with a label; the primary one is what the error is about.

    Lines count from 1. Columns are offsets in UTF-8 bytes from 0, as `code.co_positions()` gives
    them, or `UNKNOWN`.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    label: str = ""
    primary: bool = False

    @property
    def position(self) -> tuple[int, int, int, int]:
        """Line, column, end line and end column, as `code.co_positions()` orders other tools."""
        return self.line, self.column, self.end_line, self.end_column


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence below the source, with a place of its own or without.

    `level` is the word before it: "note", or "help" where rustc has one among its notes.
    """

    text: str
    span: Span | None = None
    level: str = "note"


class Edit(NamedTuple):
    """A replacement inside one line; one that ends with a line feed, at column 0, adds lines."""

    line: int
    column: int
    end_column: int
    new: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to write instead.

    Either `edits`, or `code`: the corrected text of the line, which may be several lines.
    """

    text: str
    file: str = ""
    line: int = 0
    code: str = ""
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """All that an error has to say. An empty `code` stands for none."""

    code: str
    headline: str
    spans: tuple[Span, ...] = ()
    notes: tuple[str | Note, ...] = ()
    help: tuple[str | Suggestion, ...] = ()

    @property
    def primary(self) -> Span | None:
        """The span that the error is about."""
        first = self.spans[0] if self.spans else None
        return next((span for span in self.spans if span.primary), first)


def footer(code: str) -> str:
    """Say where the long explanation of a code is."""
    return f"For more information about this error, try `python -m pythread_rs explain {code}`."


def render(diagnostic: Diagnostic, *, color: bool | None = None) -> str:
    """Lay out a diagnostic as rustc does.

    Args:
        diagnostic: What to show. Its source files are read now.
        color: Whether to use a terminal's colours; by default what stderr, `NO_COLOR` and
            `FORCE_COLOR` ask for.

    Returns:
        The text, without a line feed at the end. Whatever goes wrong, headline and place are there.
    """
    try:
        from pythread_rs.ownership._report import report

        return report(diagnostic, color=color)
    except Exception:  # an error about an error would hide the first one
        return _plain(diagnostic)


def _plain(diagnostic: Diagnostic) -> str:
    """Headline and place only, from nothing but the diagnostic's own text."""
    code = f"[{diagnostic.code}]" if diagnostic.code else ""
    lines = [f"error{code}: {diagnostic.headline}"]
    if (span := diagnostic.primary) is not None:
        lines.append(f" --> {span.file}:{span.line}")
    lines += [
        f"  = note: {note if isinstance(note, str) else note.text}" for note in diagnostic.notes
    ]
    lines += [
        f"  = help: {help_ if isinstance(help_, str) else help_.text}" for help_ in diagnostic.help
    ]
    if diagnostic.code:
        lines += ["", footer(diagnostic.code)]
    return "\n".join(lines)


def shown_path(file: str) -> str:
    """Shorten the path of a file below the current folder, as rustc's own paths are."""
    try:
        here = os.path.join(os.getcwd(), "")
    except OSError:  # the folder is gone
        return file
    is_root = not here.strip(os.sep)  # below which everything would be
    return file[len(here) :] if file.startswith(here) and not is_root else file
