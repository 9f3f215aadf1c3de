"""Source lines with carets, labels and rails: the part of a diagnostic that rustc draws.

The rules are those of rustc's emitter, in its order: where labels hang, which of them share a row,
how the rails of spans over several lines are nested. What is drawn later covers what was drawn
before, so the order of the steps is part of the layout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pythread_rs.ownership._diagnostic import UNKNOWN, Span
from pythread_rs.ownership._lines import characters
from pythread_rs.ownership._screen import Screen, Style, shown, width

__all__ = ["Window", "column_of", "draw_snippet", "draw_source", "mark_lines"]

ELLIPSIS: Final = "..."
COLUMNS: Final = 140  # rustc's, where it does not know the width of the terminal
_ROOM: Final = 6  # around spans and labels, where a long line is cut
_HEAD_LINES: Final = 4  # lines of a long span that are shown from its beginning
_BARE: Final = frozenset(["", "{", "}", "(", ")", "[", "]"])


class Kind(Enum):
    """Whether a mark is a span inside one line, or a part of one over several lines."""

    SINGLE = 0
    START = 1
    LINE = 2
    END = 3


@dataclass(slots=True)
class Mark:
    """What one line has to show of one span; columns are those of a terminal, from 0."""

    start: int
    end: int
    is_primary: bool
    label: str = ""
    kind: Kind = Kind.SINGLE
    depth: int = 0

    @property
    def style(self) -> Style:
        return Style.PRIMARY if self.is_primary else Style.SECONDARY

    @property
    def sign(self) -> str:
        return "^" if self.is_primary else "-"

    @property
    def has_rail(self) -> bool:
        """Whether a horizontal line leads from here to a rail at the left."""
        return self.kind is Kind.START or self.kind is Kind.END

    def overlaps(self, other: Mark, padding: int = 0) -> bool:
        """Tell whether the two share a column, this one being `padding` wider."""
        return (
            other.start <= self.start < other.end or self.start <= other.start < self.end + padding
        )


@dataclass(slots=True)
class Rail:
    """A span over several lines; spans that overlap have different depths."""

    span: Span
    start: int
    end: int
    depth: int = 1
    coincides: bool = False

    @property
    def lines(self) -> tuple[int, int]:
        return self.span.line, self.span.end_line


@dataclass(slots=True)
class Marked:
    """The marks of a file by line, and how many rails are drawn beside each other."""

    lines: dict[int, list[Mark]] = field(default_factory=dict[int, list[Mark]])
    depth: int = 0

    def add(self, line: int, mark: Mark) -> None:
        self.lines.setdefault(line, []).append(mark)


@dataclass(frozen=True, slots=True)
class Window:
    """The columns of the source that are shown."""

    left: int = 0
    right: int = 1 << 30

    def column(self, column: int) -> int:
        """Where a column of the source stands in the window."""
        return max(0, min(column, self.right) - self.left)


# -- Which line shows what. ------------------------------------------------------------------------


def column_of(text: str, offset: int) -> int:
    """Turn an offset in UTF-8 bytes into a column of a terminal; never beyond the line's end."""
    return width(shown(text[: characters(text, offset)]))


def mark_lines(spans: Sequence[Span], lines: Sequence[str]) -> Marked:
    """Distribute the spans of one file over its lines."""
    marked = Marked()
    rails: list[Rail] = []
    for span in spans:
        start, end = _columns(span, lines)
        if span.end_line > span.line:
            rails.append(Rail(span, start, end))
        else:
            mark = Mark(start, max(end, start + 1), span.primary, shown(span.label))
            marked.add(span.line, mark)
    _nest(rails)
    marked.depth = max((rail.depth for rail in rails), default=0)
    for rail in rails:
        rail.depth = marked.depth - rail.depth + 1
        _mark_rail(marked, rail, lines)
    return marked


def _columns(span: Span, lines: Sequence[str]) -> tuple[int, int]:
    first, last = lines[span.line - 1], lines[max(span.end_line, span.line) - 1]
    if span.column == UNKNOWN:
        whole = shown(last.rstrip())
        return width(shown(first)) - width(shown(first).lstrip()), width(whole)
    return column_of(first, span.column), column_of(last, span.end_column)


def _nest(rails: list[Rail]) -> None:
    """Give overlapping spans different depths; the longest stands at the left."""
    rails.sort(key=lambda rail: (rail.span.line, -rail.span.end_line))
    for rail in rails:
        for other in rails:
            same = (rail.lines, rail.start, rail.end) == (other.lines, other.start, other.end)
            touch = rail.lines[0] <= other.lines[1] and other.lines[0] <= rail.lines[1]
            if not same and touch:
                other.depth += 1
            elif same and other is not rail:
                other.coincides = True
            else:
                break


def _mark_rail(marked: Marked, rail: Rail, lines: Sequence[str]) -> None:
    span, (first, last) = rail.span, rail.lines
    end = max(rail.end - 1, 0)
    ending = Mark(end, end + 1, span.primary, shown(span.label), Kind.END, rail.depth)
    if rail.coincides:
        ending.kind = Kind.SINGLE
    else:
        start = Mark(rail.start, rail.start + 1, span.primary, "", Kind.START, rail.depth)
        marked.add(first, start)
        for line in _lines_between(first, last, lines):
            marked.add(line, Mark(0, 0, span.primary, "", Kind.LINE, rail.depth))
    marked.add(last, ending)


def _lines_between(first: int, last: int, lines: Sequence[str]) -> Iterator[int]:
    """Choose the lines of a long span that are worth a row: its head, and the last but one."""
    middle = min(first + _HEAD_LINES, last)
    says = [line for line in range(first, middle) if _says_something(lines[line - 1])]
    until = says[-1] + 1 if says else first
    yield from range(first + 1, until)
    if middle < last - 1 and _says_something(lines[last - 2]):
        yield last - 1


def _says_something(text: str) -> bool:
    text = text.strip()
    return text not in _BARE and not text.startswith("#")


# -- Drawing. --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Canvas:
    """Where the rows of one file go: gutter, rails, then the code from column `code` on."""

    screen: Screen
    gutter: int
    depth: int
    window: Window

    @property
    def rails(self) -> int:
        """The column that depth 0 would have; the rails begin one before it."""
        return self.gutter + 3

    @property
    def code(self) -> int:
        return self.rails + (self.depth + 1 if self.depth else 0)

    def at(self, column: int) -> int:
        return self.code + self.window.column(column)

    def separator(self, row: int) -> None:
        self.screen.put(row, self.gutter + 1, "|", Style.GUTTER)

    def rail(self, row: int, depth: int, style: Style) -> None:
        self.screen.put(row, self.rails + depth - 1, "|", style)


def draw_source(
    screen: Screen,
    row: int,
    number: int,
    sign: str,
    text: str,
    gutter: int,
    code: int,
    window: Window,
) -> None:
    """Write a source line with its number; `sign` stands for the bar beside it."""
    style = {"+": Style.ADDED, "-": Style.REMOVED}.get(sign, Style.GUTTER)
    screen.write(row, 0, f"{number:>{gutter}}", Style.GUTTER)
    screen.put(row, gutter + 1, sign, style)
    seen = shown(text).rstrip()
    column = 0
    part = ""
    for character in seen:
        if window.left <= column < window.right:
            part += character
        column += width(character)
    screen.write(row, code, part)
    if part and window.left:
        screen.write(row, code, ELLIPSIS, Style.GUTTER)
    if part and column > window.right:
        screen.write(row, code + width(part) - len(ELLIPSIS), ELLIPSIS, Style.GUTTER)


def draw_snippet(screen: Screen, gutter: int, spans: Sequence[Span], lines: Sequence[str]) -> None:
    """Write the lines of one file that its spans are on, with all marks."""
    marked = mark_lines(spans, lines)
    canvas = Canvas(screen, gutter, marked.depth, Window())
    canvas.window = _window(marked, lines, COLUMNS - canvas.code)
    open_rails: dict[int, Style] = {}
    numbers = sorted(marked.lines)
    for number, following in zip(numbers, [*numbers[1:], None], strict=True):
        top = screen.height
        changed = _draw_line(canvas, number, lines[number - 1], marked.lines[number])
        opened = {d: style for d, style in changed if open_rails.pop(d, None) is None}
        _draw_open(canvas, range(top, screen.height), open_rails)
        if following is not None and following > number + 1:
            top = screen.height
            if following == number + 2:
                _draw_code(canvas, top, number + 1, lines[number])
            else:
                screen.write(top, 0, ELLIPSIS, Style.GUTTER)
            _draw_open(canvas, range(top, screen.height), {**open_rails, **opened})
        open_rails |= opened


def _draw_open(canvas: Canvas, rows: range, rails: dict[int, Style]) -> None:
    for row in rows:
        for depth, style in rails.items():
            canvas.rail(row, depth, style)


def _draw_code(canvas: Canvas, row: int, number: int, text: str) -> None:
    draw_source(canvas.screen, row, number, "|", text, canvas.gutter, canvas.code, canvas.window)


def _window(marked: Marked, lines: Sequence[str], columns: int) -> Window:
    """Choose what to show of long lines: all, from the indentation on, or around the spans."""
    texts = [shown(lines[number - 1]).rstrip() for number in marked.lines]
    marks = [m for found in marked.lines.values() for m in found if m.kind is not Kind.LINE]
    longest = max(map(width, texts), default=0)
    needed = max((m.end + 1 + width(m.label) for m in marks), default=0)
    if max(longest, needed) <= columns:
        return Window()
    indent = min((len(t) - len(t.lstrip()) for t in texts if t), default=0)
    indent = max(0, indent - _ROOM)
    left = max(0, min((m.start for m in marks), default=0) - _ROOM)
    right = max((m.end for m in marks), default=0) + _ROOM
    if needed + _ROOM - indent <= columns:
        left = indent
    elif right - left <= columns:
        spare = columns - (max(right, needed + _ROOM) - left)
        left = max(0, left - max(0, spare) // 2)
    return Window(left, left + columns)


def _draw_line(
    canvas: Canvas, number: int, text: str, marks: list[Mark]
) -> list[tuple[int, Style]]:
    """Write one source line and its marks; return the rails that begin or end on it."""
    top = canvas.screen.height
    _draw_code(canvas, top, number, text)
    if (short := _short_starts(text, marks)) is not None:
        for mark in short:
            canvas.screen.put(top, canvas.rails + mark.depth - 1, "/", mark.style)
        return [(mark.depth, mark.style) for mark in short]
    if all(mark.kind is Kind.LINE for mark in marks):
        return []
    own = [mark for mark in marks if mark.kind is not Kind.LINE]
    placed, height = _place(sorted(own, key=lambda mark: -mark.start))
    for row in range(height + 1):
        canvas.separator(top + row + 1)
    _draw_horizontals(canvas, top, placed)
    _draw_verticals(canvas, top, placed, height)
    _draw_labels(canvas, top, placed)
    _draw_underlines(canvas, top, placed)
    return [(mark.depth, mark.style) for _, mark in placed if mark.has_rail]


def _short_starts(text: str, marks: list[Mark]) -> list[Mark] | None:
    """Return the spans that begin with the line, if nothing else is marked on it.

    Their rail begins with a `/` beside the line, and needs no row of its own.
    """
    indent = width(shown(text)) - width(shown(text).lstrip())
    starts: list[Mark] = []
    for mark in marks:
        if mark.kind is Kind.START and mark.start <= indent:
            starts.append(mark)
        elif mark.kind is not Kind.LINE:
            return None
    return starts or None


def _place(marks: list[Mark]) -> tuple[list[tuple[int, Mark]], int]:
    """Choose the row below the underline for each label; marks come from right to left.

    Returns:
        The marks with their rows, 0 being beside the underline, and the number of rows needed.
    """
    placed: list[tuple[int, Mark]] = []
    row = height = 0
    for number, mark in enumerate(marks):
        others = marks[number + 1 :]
        if row == 0 and mark.label and any(_collide(other, mark) for other in others):
            row += 1
        placed.append((row, mark))
        if any(_need_rows(other, mark, row) for other in others):
            row += 1
        height = max(height, row)
    height += 1 if height else 0
    if all(mark.kind is Kind.START for _, mark in placed):
        # The rails are nested the other way round, which saves the row of the label.
        most = max(row for row, _ in placed)
        return [(most - row, mark) for row, mark in placed], max(0, height - 1)
    return placed, height


def _collide(other: Mark, mark: Mark) -> bool:
    """Tell whether a label beside the underline would run into the mark of `other`."""
    same = (other.start, other.end) == (mark.start, mark.end)
    return other.overlaps(mark) and not (same and not other.label)


def _need_rows(other: Mark, mark: Mark, row: int) -> bool:
    """Tell whether what stands further left has to go further down than `mark`."""
    room = width(other.label) + 2 if other.label else 0
    near = other.overlaps(mark, room)
    return bool(
        (near and mark.label and other.label)
        or (mark.has_rail and other.label)
        or (mark.label and other.has_rail)
        or (mark.has_rail and other.has_rail)
        or (near and other.end <= mark.end and other.label and row == 0)
    )


def _draw_horizontals(canvas: Canvas, top: int, placed: list[tuple[int, Mark]]) -> None:
    for row, mark in placed:
        if mark.has_rail:
            for column in range(canvas.rails + mark.depth, canvas.at(mark.start)):
                canvas.screen.put(top + row + 1, column, "_", mark.style)


def _draw_verticals(canvas: Canvas, top: int, placed: list[tuple[int, Mark]], height: int) -> None:
    """Draw the lines down to the labels, and the rails as far as this line's rows go."""
    for row, mark in placed:
        below = top + row + 1
        if row > 0 and (mark.label or mark.has_rail):
            for line in range(top + 1, below + 1):
                canvas.screen.put(line, canvas.at(mark.start), "|", mark.style)
        if mark.kind is Kind.START:
            for line in range(below + 1, top + height + 2):
                canvas.rail(line, mark.depth, mark.style)
        elif mark.kind is Kind.END:
            for line in range(top, below + 1):
                canvas.rail(line, mark.depth, mark.style)


def _draw_labels(canvas: Canvas, top: int, placed: list[tuple[int, Mark]]) -> None:
    for row, mark in placed:
        if not mark.label:
            continue
        if row == 0:
            canvas.screen.write(top + 1, canvas.at(mark.end) + 1, mark.label, mark.style)
        else:
            canvas.screen.write(top + row + 2, canvas.at(mark.start), mark.label, mark.style)


def _draw_underlines(canvas: Canvas, top: int, placed: list[tuple[int, Mark]]) -> None:
    """Draw the long ones first, so that short ones inside them are seen, and primary ones last."""
    by_size = sorted(placed, key=lambda p: (p[1].start - p[1].end, p[1].is_primary))
    for _, mark in by_size:
        first, last = canvas.at(mark.start), canvas.at(mark.end)
        for column in range(first, max(last, first + 1)):
            canvas.screen.put(top + 1, column, mark.sign, mark.style)
