"""The whole text of a diagnostic: headline, one snippet a file, notes, suggestions, footer."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

from pythread_rs.ownership._diagnostic import (
    UNKNOWN,
    Diagnostic,
    Edit,
    Note,
    Span,
    Suggestion,
    footer,
    shown_path,
)
from pythread_rs.ownership._lines import characters, lines_of
from pythread_rs.ownership._screen import Screen, Style, shown, wants_color, width
from pythread_rs.ownership._snippet import COLUMNS, Window, column_of, draw_snippet, draw_source

__all__ = ["attachment", "report"]

_STYLES: Final = {"note": Style.NOTE, "help": Style.HELP}
_LONGEST_GAP: Final = 4  # unchanged lines between two changed ones that are all shown


def report(diagnostic: Diagnostic, *, color: bool | None = None) -> str:
    """Lay out a diagnostic; see `render`, which also survives whatever goes wrong in here."""
    return _Report(diagnostic).text(color=wants_color() if color is None else color)


def attachment(*notes: Note) -> str:
    """Lay out notes alone, to be attached to an error that has a text of its own."""
    return _Report(Diagnostic("", "", notes=notes)).notes()


class _Report:
    """One diagnostic on its way to the screen."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self._diagnostic = diagnostic
        self._screen = Screen()
        self._lines: dict[str, list[str]] = {}
        self._gutter = len(str(self._highest_line()))

    def text(self, *, color: bool) -> str:
        diagnostic = self._diagnostic
        self._headline()
        self._source(diagnostic.spans)
        if diagnostic.notes or diagnostic.help:
            self._separator()
        for note in diagnostic.notes:
            self._note(Note(note) if isinstance(note, str) else note)
        for advice in diagnostic.help:
            if isinstance(advice, str):
                self._remark("help", advice)
            else:
                self._suggestion(advice)
        if diagnostic.code:
            self._screen.write(self._screen.height + 1, 0, footer(diagnostic.code))
        return self._screen.text(color=color)

    def notes(self) -> str:
        for note in self._diagnostic.notes:
            self._note(Note(note) if isinstance(note, str) else note)
        return self._screen.text(color=False)

    # -- Parts. ------------------------------------------------------------------------------------

    def _headline(self) -> None:
        code = f"[{self._diagnostic.code}]" if self._diagnostic.code else ""
        self._screen.write(0, 0, f"error{code}", Style.PRIMARY)
        self._texts(self._diagnostic.headline, 0, Style.HEADLINE, before=": ")

    def _source(self, spans: Sequence[Span]) -> None:
        """Write the snippets of all files, that of the primary span first."""
        primary = next((span for span in spans if span.primary), spans[0] if spans else None)
        if primary is None:
            return
        for file in dict.fromkeys([primary.file, *(span.file for span in spans)]):
            own = [span for span in spans if span.file == file]
            lines = self._lines_for(own)
            if lines is None:
                self._without_source(own, primary)
                continue
            if file == primary.file:
                self._arrow("-->", primary)
            else:
                self._separator()
                self._arrow(":::", min(own, key=lambda span: span.position))
            self._separator()
            draw_snippet(self._screen, self._gutter, own, lines)

    def _without_source(self, spans: Sequence[Span], primary: Span) -> None:
        """Write the places only, with what the labels would have said."""
        for span in sorted(spans, key=lambda span: span is not primary):
            if span is not primary and not span.label:
                continue
            if span is not primary:
                self._separator()
            place = span._replace(column=UNKNOWN)
            self._arrow("-->" if span is primary else ":::", place)
            if span.label:
                self._separator()
                self._remark("note", span.label)

    def _note(self, note: Note) -> None:
        if note.span is None:
            self._remark(note.level, note.text)
            return
        self._sentence(note.level, note.text)
        self._source([note.span._replace(primary=True)])

    def _suggestion(self, suggestion: Suggestion) -> None:
        lines = self._lines_of(suggestion.file) if suggestion.file else []
        edits = suggestion.edits or _edits_to(suggestion, lines)
        if not edits or not all(0 < edit.line <= len(lines) for edit in edits):
            told = f"{suggestion.text}: `{suggestion.code.strip()}`"
            self._remark("help", told if suggestion.code else suggestion.text)
            return
        self._sentence("help", suggestion.text)
        primary = self._diagnostic.primary
        if primary is None or suggestion.file != primary.file:
            self._arrow(
                "-->", Span(suggestion.file, edits[0].line, UNKNOWN, edits[0].line, UNKNOWN)
            )
        self._separator()
        self._corrected(sorted(edits), lines)

    def _corrected(self, edits: Sequence[Edit], lines: Sequence[str]) -> None:
        """Show the corrected lines as rustc does: by marks below, as a difference, or whole."""
        first, last = edits[0].line, edits[-1].line
        adds_lines = any("\n" in edit.new for edit in edits)
        if first == last and not adds_lines:
            if all(edit.column == edit.end_column for edit in edits):
                self._inserted(edits, lines[first - 1])
            else:
                self._difference(edits, lines[first - 1])
        elif len(edits) == 1 and edits[0].new.endswith("\n") and not edits[0].end_column:
            self._added(edits[0], lines[first - 1])
        else:
            self._rewritten(edits, lines)

    def _inserted(self, edits: Sequence[Edit], old: str) -> None:
        new = _edited(old, edits)
        window = _around(new, min(edit.column for edit in edits))
        self._code(edits[0].line, "|", new, window)
        row = self._screen.height
        self._separator()
        moved = 0
        for edit in edits:
            added = width(shown(edit.new))
            start = column_of(old, edit.column) + moved
            for column in range(start, start + added):
                if window.left <= column < window.right:
                    at = self._gutter + 3 + window.column(column)
                    self._screen.put(row, at, "+", Style.ADDED)
            moved += added

    def _difference(self, edits: Sequence[Edit], old: str) -> None:
        window = _around(old, min(edit.column for edit in edits))
        self._code(edits[0].line, "-", old, window)
        self._code(edits[0].line, "+", _edited(old, edits), window)
        self._separator()

    def _added(self, edit: Edit, following: str) -> None:
        new = edit.new.splitlines()
        for number, text in enumerate(new, edit.line):
            self._code(number, "+", text)
        self._code(edit.line + len(new), "|", following)
        self._separator()

    def _rewritten(self, edits: Sequence[Edit], lines: Sequence[str]) -> None:
        changed = sorted({edit.line for edit in edits})
        shift, before = 0, changed[0]
        for line in changed:
            if line - before - 1 > _LONGEST_GAP:
                self._screen.write(self._screen.height, 0, "...", Style.GUTTER)
            else:
                for number in range(before + 1, line):
                    self._code(number + shift, "|", lines[number - 1])
            new = _edited(lines[line - 1], [edit for edit in edits if edit.line == line])
            for text in new.split("\n"):
                self._code(line + shift, "~", text)
                shift += 1
            shift -= 1
            before = line
        self._separator()

    # -- Rows. -------------------------------------------------------------------------------------

    def _separator(self) -> None:
        self._screen.put(self._screen.height, self._gutter + 1, "|", Style.GUTTER)

    def _arrow(self, arrow: str, span: Span) -> None:
        row = self._screen.height
        self._screen.write(row, self._gutter, arrow, Style.GUTTER)
        place = f" {shown_path(span.file)}:{span.line}"
        if span.column != UNKNOWN:
            place += f":{self._character(span) + 1}"
        self._screen.append(row, place)

    def _character(self, span: Span) -> int:
        lines = self._lines_of(span.file)
        inside = 0 < span.line <= len(lines)
        return characters(lines[span.line - 1], span.column) if inside else span.column

    def _remark(self, level: str, text: str) -> None:
        """Write a note without a place: `= note: ...`."""
        row = self._screen.height
        self._screen.put(row, self._gutter + 1, "=", Style.GUTTER)
        self._screen.write(row, self._gutter + 3, level, Style.HEADLINE)
        self._texts(text, self._gutter + 9, Style.PLAIN, before=": ")

    def _sentence(self, level: str, text: str) -> None:
        """Write the text of a note with a place, or of a suggestion."""
        self._screen.write(self._screen.height, 0, level, _STYLES.get(level, Style.HEADLINE))
        self._texts(text, len(level) + 2, Style.PLAIN, before=": ")

    def _texts(self, text: str, indent: int, style: Style, *, before: str) -> None:
        """Write a text behind what the last row holds; its further lines are indented."""
        first, *rest = text.split("\n")
        self._screen.append(self._screen.height - 1, before + shown(first), style)
        for line in rest:
            self._screen.write(self._screen.height, indent, shown(line), style)

    def _code(self, number: int, sign: str, text: str, window: Window | None = None) -> None:
        window = window or _around(text, 0)
        code = self._gutter + 3
        draw_source(
            self._screen, self._screen.height, number, sign, text, self._gutter, code, window
        )

    # -- Source. -----------------------------------------------------------------------------------

    def _lines_of(self, file: str) -> list[str]:
        if file not in self._lines:
            self._lines[file] = lines_of(file)
        return self._lines[file]

    def _lines_for(self, spans: Sequence[Span]) -> list[str] | None:
        """Return a file's lines if all spans are inside: else it is not the file that ran."""
        lines = self._lines_of(spans[0].file)
        inside = all(
            span.line > 0 and max(span.line, span.end_line) <= len(lines) for span in spans
        )
        return lines if inside and lines else None

    def _highest_line(self) -> int:
        """Find the largest number that the gutter has to hold: those of lines that are shown."""
        diagnostic = self._diagnostic
        spans = [*diagnostic.spans]
        spans += [n.span for n in diagnostic.notes if isinstance(n, Note) and n.span is not None]
        numbers = [
            max(span.line, span.end_line) for span in spans if self._lines_for([span]) is not None
        ]
        for advice in diagnostic.help:
            if isinstance(advice, Suggestion) and advice.file and self._lines_of(advice.file):
                new = (advice.code, *(edit.new for edit in advice.edits))
                lines = (advice.line, *(edit.line for edit in advice.edits))
                numbers.append(max(lines) + sum(text.count("\n") for text in new))
        return max(numbers, default=1)


def _edits_to(suggestion: Suggestion, lines: Sequence[str]) -> tuple[Edit, ...]:
    """Find what the corrected line has that the old one has not."""
    if not suggestion.code or not 0 < suggestion.line <= len(lines):
        return ()
    old, new = lines[suggestion.line - 1], suggestion.code
    pairs = enumerate(zip(old, new, strict=False))
    start = next((at for at, (one, other) in pairs if one != other), min(len(old), len(new)))
    rest = len(old) - start
    if new[start:].endswith(old[start:]):
        at = _bytes(old[:start])
        return (Edit(suggestion.line, at, at, new[start : len(new) - rest]),)
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changes = [step for step in steps if step[0] != "equal"]
    if any(step[0] != "insert" for step in changes):
        # Single characters that happen to be kept would make a riddle of it.
        return (Edit(suggestion.line, 0, _bytes(old), new),)
    edits: list[Edit] = []
    for _, at, _, start, end in changes:
        # `f(` + `move(` + `x` and `f` + `(move` + `(x` are the same text: the first is what one
        # would type.
        while end < len(new) and new[start] == new[end]:
            at, start, end = at + 1, start + 1, end + 1  # noqa: PLW2901
        edits.append(Edit(suggestion.line, _bytes(old[:at]), _bytes(old[:at]), new[start:end]))
    return tuple(edits)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _edited(old: str, edits: Sequence[Edit]) -> str:
    """Return a line with its edits done, from right to left so that columns stay true."""
    for edit in sorted(edits, key=lambda edit: edit.column, reverse=True):
        start, end = characters(old, edit.column), characters(old, edit.end_column)
        old = old[:start] + edit.new + old[end:]
    return old


def _around(text: str, offset: int) -> Window:
    """Choose what to show of a line that may be very long, the place at `offset` at least."""
    columns = COLUMNS - 10
    if width(shown(text)) <= columns:
        return Window()
    left = max(0, column_of(text, offset) - columns // 3)
    return Window(left, left + columns)
