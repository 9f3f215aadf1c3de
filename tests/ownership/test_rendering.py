"""Rendering where the source is odd: tabs, wide characters, none, another, long lines."""

from __future__ import annotations

import copy
import linecache
import pickle
import random
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs.ownership import (
    BorrowError,
    CaptureError,
    MutableBorrowError,
    OwnershipError,
    UseAfterMoveError,
)
from pythread_rs.ownership import _report as report
from pythread_rs.ownership._diagnostic import (
    UNKNOWN,
    Diagnostic,
    Edit,
    Note,
    Span,
    Suggestion,
    render,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


def body(diagnostic: Diagnostic) -> str:
    """Render without headline and footer."""
    lines = render(diagnostic, color=False).split("\n")
    return "\n".join(lines[1:-2])


def one(file: str, line: int, start: int, end: int, label: str = "here", **more: Any) -> Diagnostic:
    span = Span(file, line, start, more.get("end_line", line), end, label, primary=True)
    return Diagnostic("E0382", "headline", (span,))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.chdir(tmp_path)

    def write_file(text: str | bytes, name: str = "main.py") -> str:
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write_file


def test_a_tab_takes_four_columns(write: Callable[..., str]) -> None:
    file = write("if x:\n\tf(\tdata)\n")
    assert body(one(file, 2, 4, 8)) == (
        " --> main.py:2:5\n  |\n2 |     f(    data)\n  |           ^^^^ here"
    )


@pytest.mark.parametrize(
    ("text", "before", "columns"),
    [
        ("データ(x)", "データ(", 7),
        ("cafe\u0301(x)", "cafe\u0301(", 5),
        ("'\U0001f600'(x)", "'\U0001f600'(", 5),
        ("naïve(x)", "naïve(", 6),
    ],
)
def test_carets_stand_under_their_text_in_a_terminal(
    write: Callable[..., str], text: str, before: str, columns: int
) -> None:
    file = write(text + "\n")
    start = len(before.encode())
    place, _, source, carets = body(one(file, 1, start, start + 1)).split("\n")
    assert place == f" --> main.py:1:{len(before) + 1}"
    assert source == f"1 | {text}"
    assert carets == "  | " + " " * columns + "^ here"


def test_a_wide_character_is_underlined_in_its_width(write: Callable[..., str]) -> None:
    file = write("f(データ)\n")
    assert body(one(file, 1, 2, 11)).endswith("1 | f(データ)\n  |   ^^^^^^ here")


def test_control_and_direction_characters_cannot_draw(write: Callable[..., str]) -> None:
    file = write("f('\x1b[31m\u202e', x)\n")
    text = body(one(file, 1, 0, 1, label="a\x07b"))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.endswith("^ a\u2407b")


@pytest.mark.parametrize("file", ["<stdin>", "<string>", "/nowhere/main.py"])
def test_without_source_the_line_is_all(file: str) -> None:
    assert body(one(file, 3, 4, 8)) == f" --> {file}:3\n  |\n  = note: here"


def test_without_source_every_label_is_told() -> None:
    spans = (
        Span("<a>", 9, 4, 9, 5, "first"),
        Span("<a>", 3, 4, 3, 5),
        Span("<a>", 12, 4, 12, 5, "second", primary=True),
    )
    assert body(Diagnostic("E0382", "headline", spans, ("noted",))) == (
        " --> <a>:12\n  |\n  = note: second\n  |\n ::: <a>:9\n  |\n  = note: first\n  |\n"
        "  = note: noted"
    )


def test_a_notebook_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    file = "<ipython-input-3-abcdef>"
    monkeypatch.setitem(linecache.cache, file, (9, None, ["data = []\n"], file))
    assert body(one(file, 1, 0, 4)) == f" --> {file}:1:1\n  |\n1 | data = []\n  | ^^^^ here"


def test_a_shorter_file_than_the_one_that_ran(write: Callable[..., str]) -> None:
    file = write("x\n")
    assert body(one(file, 1, 40, 44)) == " --> main.py:1:2\n  |\n1 | x\n  |  ^ here"
    assert body(one(file, 30, 4, 8)) == " --> main.py:30\n  |\n  = note: here"


def test_a_file_that_is_written_again_is_read_again(write: Callable[..., str]) -> None:
    file = write("first\n")
    assert "first" in body(one(file, 1, 0, 5))
    write("the second\n")
    assert "the second" in body(one(file, 1, 0, 5))


def test_line_ends_and_encodings(write: Callable[..., str]) -> None:
    file = write(b"# coding: latin-1\r\nna\xefve = data\r\n")
    start = len("naïve = ".encode())
    assert body(one(file, 2, start, start + 4)) == (
        " --> main.py:2:9\n  |\n2 | naïve = data\n  |         ^^^^ here"
    )
    assert "note: here" in body(one(write(b"\xff\xfe x\n", "bad.py"), 1, 0, 1))


def test_unknown_columns_underline_the_line(write: Callable[..., str]) -> None:
    file = write("if x:\n    spawn(f)  \n")
    assert body(one(file, 2, UNKNOWN, UNKNOWN)) == (
        " --> main.py:2\n  |\n2 |     spawn(f)\n  |     ^^^^^^^^ here"
    )


@pytest.mark.parametrize("start", [0, 300, 900])
def test_long_lines_are_cut(write: Callable[..., str], start: int) -> None:
    text = "x" * start + "data" + "y" * 700
    file = write(text + "\n")
    _, _, source, carets = body(one(file, 1, start, start + 4)).split("\n")
    assert len(source) <= 140
    assert source.endswith("...")
    assert source.startswith("1 | ...") == bool(start)
    assert source[carets.index("^") : carets.index(" here")] == "data"


def test_a_long_span_is_cut(write: Callable[..., str]) -> None:
    text = body(one(write("f(" + "a" * 5000 + ")\n"), 1, 2, 5002))
    assert max(map(len, text.split("\n"))) <= 160
    assert text.endswith("^ here")


def test_two_files_and_skipped_lines(write: Callable[..., str]) -> None:
    other = write("\n" * 119 + "borrowed\n", "other.py")
    file = write("a\nb\nc\nd\ne\nf\n")
    spans = (
        Span(file, 1, 0, 1, 1, "one", primary=True),
        Span(file, 3, 0, 3, 1, "three"),
        Span(file, 6, 0, 6, 1, "six"),
        Span(other, 120, 0, 120, 8, "there"),
    )
    assert body(Diagnostic("E0505", "headline", spans)) == (
        "   --> main.py:1:1\n"
        "    |\n"
        "  1 | a\n"
        "    | ^ one\n"
        "  2 | b\n"
        "  3 | c\n"
        "    | - three\n"
        "...\n"
        "  6 | f\n"
        "    | - six\n"
        "    |\n"
        "   ::: other.py:120:1\n"
        "    |\n"
        "120 | borrowed\n"
        "    | -------- there"
    )


def test_a_path_outside_the_folder_stays_whole(
    write: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write("x\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert body(one(file, 1, 0, 1)).startswith(f" --> {file}:1:1\n")


def test_a_closure_of_many_lines_is_shortened(write: Callable[..., str]) -> None:
    lines = ["def f():", *(f"    line({n})" for n in range(2, 12)), "    return 1"]
    file = write("\n".join(lines) + "\n")
    assert body(one(file, 1, 0, 12, end_line=12)) == (
        "  --> main.py:1:1\n"
        "   |\n"
        " 1 | / def f():\n"
        " 2 | |     line(2)\n"
        " 3 | |     line(3)\n"
        " 4 | |     line(4)\n"
        "...  |\n"
        "11 | |     line(11)\n"
        "12 | |     return 1\n"
        "   | |____________^ here"
    )


# As rustc nests them since it draws rails from the right to the left.
ONE_AFTER_THE_OTHER = """\
  |
1 |    f(a, b,
  |  ____^
2 | |    c, d,
  | | ______-
3 | ||   e, f)
  | ||___^ first
4 |  | g(h, i,
  |  |___- second"""
SIDE_BY_SIDE = """\
  |
1 |    f(a, b,
  |  __^    -
  | | ______|
2 | ||   c, d,
3 | ||   e, f)
  | ||___^__- second
  | |____|
  |      first"""
ONE_INSIDE_THE_OTHER = """\
  |
1 |    f(a, b,
  |  __^    -
  | | ______|
2 | ||   c, d,
  | ||___-__^ first
  |  |___|
  |      second"""


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((1, 2, 3, 3), (2, 5, 4, 3), ONE_AFTER_THE_OTHER),
        ((1, 0, 3, 3), (1, 5, 3, 6), SIDE_BY_SIDE),
        ((1, 0, 2, 6), (1, 5, 2, 3), ONE_INSIDE_THE_OTHER),
    ],
)
def test_spans_of_several_lines_that_overlap(
    write: Callable[..., str],
    first: tuple[int, int, int, int],
    second: tuple[int, int, int, int],
    expected: str,
) -> None:
    file = write("f(a, b,\n  c, d,\n  e, f)\ng(h, i,\n  j)\n")
    spans = (Span(file, *first, "first", primary=True), Span(file, *second, "second"))
    assert body(Diagnostic("E0277", "headline", spans)).partition("\n")[2] == expected


@pytest.mark.parametrize("swap", [False, True])
def test_a_short_span_is_seen_inside_a_long_one(write: Callable[..., str], swap: bool) -> None:
    file = write("spawn(f, data)\n")
    spans = [Span(file, 1, 0, 1, 14), Span(file, 1, 9, 1, 13, "here", primary=True)]
    text = body(Diagnostic("E0505", "headline", tuple(reversed(spans) if swap else spans)))
    assert text.split("\n")[3] == "  | ---------^^^^-"
    assert text.split("\n")[-1] == "  |          here"


# -- Suggestions. ----------------------------------------------------------------------------------


def suggested(*help_: Suggestion) -> str:
    return "\n".join(render(Diagnostic("E0382", "x", (), (), help_), color=False).split("\n")[2:-2])


def test_a_line_that_is_added(write: Callable[..., str]) -> None:
    file = write("\ndef f(): pass\n")
    edit = Edit(2, 0, 0, "@move\n")
    assert suggested(Suggestion("add", file, 2, edits=(edit,))) == (
        "help: add\n --> main.py:2\n  |\n2 + @move\n3 | def f(): pass\n  |"
    )


def test_text_around_a_closure_of_several_lines(write: Callable[..., str]) -> None:
    file = write("spawn(lambda: (\n    1,\n    2,\n))\n")
    edits = (Edit(1, 6, 6, "move("), Edit(4, 1, 1, ")"))
    assert suggested(Suggestion("wrap", file, 1, edits=edits)) == (
        "help: wrap\n --> main.py:1\n  |\n"
        "1 ~ spawn(move(lambda: (\n2 |     1,\n3 |     2,\n4 ~ )))\n  |"
    )


def test_inserted_text_behind_wide_characters(write: Callable[..., str]) -> None:
    file = write("送る(データ)\n")
    suggestion = Suggestion("copy", file, 1, "送る(データ.clone())")
    assert suggested(suggestion).endswith("1 | 送る(データ.clone())\n  |            ++++++++")


def test_a_suggestion_without_source_tells_the_line() -> None:
    suggestion = Suggestion("write", "<stdin>", 1, "    spawn(move(f))")
    assert suggested(suggestion) == "  = help: write: `spawn(move(f))`"
    edits = (Edit(1, 0, 0, "x"),)
    assert suggested(Suggestion("write", "<stdin>", 1, edits=edits)) == "  = help: write"


# -- Colours. --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_when_the_terminal_has_them(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], terminal: bool, expected: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert ("\x1b[" in render(one("<a>", 1, 0, 1))) is expected


def test_colours_change_nothing_else(write: Callable[..., str]) -> None:
    import re

    diagnostic = one(write("f(データ)\n"), 1, 2, 11)
    colored = render(diagnostic, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(diagnostic, color=False)
    assert "\x1b[1;91merror[E0382]\x1b[0m\x1b[1m: headline\x1b[0m" in colored


@pytest.mark.usefixtures("monkeypatch")
def test_a_stderr_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert "\x1b[" not in render(one("<a>", 1, 0, 1))


# -- Trouble. --------------------------------------------------------------------------------------


def test_whatever_goes_wrong_headline_and_place_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise RuntimeError

    monkeypatch.setattr(report, "report", fail)
    diagnostic = Diagnostic("E0382", "headline", one("a.py", 7, 0, 1).spans, ("why",), ("how",))
    assert render(diagnostic) == (
        "error[E0382]: headline\n --> a.py:7\n  = note: why\n  = help: how\n\n"
        "For more information about this error, try `python -m pythread_rs explain E0382`."
    )


def test_no_span_makes_it_fail(write: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Any numbers at all: what is drawn may be odd, but it is drawn by the renderer itself."""
    file = write("def f(x):\n\tデータ = [\n\n        x, # é\n    ]\n" + "z" * 400 + "\n")
    chance = random.Random(4)

    def fail(diagnostic: Diagnostic) -> str:
        raise AssertionError(diagnostic)

    monkeypatch.setattr("pythread_rs.ownership._diagnostic._plain", fail)
    for _ in range(1500):
        spans = tuple(
            Span(
                file,
                chance.randint(-1, 8),
                chance.choice([UNKNOWN, 0, 1, 5, 20, 399, 10**6]),
                chance.randint(-1, 8),
                chance.choice([UNKNOWN, 0, 2, 8, 21, 400, 10**6]),
                chance.choice(["", "label", "two\nlines", "データ"]),
                chance.random() < 0.3,
            )
            for _ in range(chance.randint(0, 5))
        )
        notes = tuple(Note("note", span) for span in spans[:1])
        edits = tuple(
            Edit(span.line, span.column, span.end_column, chance.choice(["", "a", "b\n"]))
            for span in spans[:2]
        )
        text = render(
            Diagnostic("E0382", "x", spans, notes, (Suggestion("s", file, 1, edits=edits),))
        )
        assert text.startswith("error[E0382]: x\n")


# -- The errors. -----------------------------------------------------------------------------------


def test_an_error_has_its_parts(write: Callable[..., str]) -> None:
    diagnostic = one(write("data\n"), 1, 0, 4)
    error = BorrowError(diagnostic, path="data[0]", holders=("local `x` of f()",))
    assert (error.code, error.path, error.holders) == ("E0382", "data[0]", ("local `x` of f()",))
    assert error.span == diagnostic.spans[0]
    assert error.diagnostic is diagnostic
    assert str(error) == render(diagnostic, color=False)
    assert repr(error) == "BorrowError('headline')"


def test_an_error_with_a_plain_text() -> None:
    error = UseAfterMoveError("this JoinHandle was consumed")
    assert (str(error), error.code, error.span, error.diagnostic) == (
        "this JoinHandle was consumed",
        "E0382",
        None,
        None,
    )
    assert error.args == ("this JoinHandle was consumed",)
    assert str(CaptureError()) == ""


def test_a_code_of_the_instance_leaves_the_class_alone() -> None:
    error = MutableBorrowError(Diagnostic("E0506", "headline"))
    assert (error.code, MutableBorrowError.code) == ("E0506", "E0499")


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_say_the_same_where_the_source_is_gone(
    write: Callable[..., str], tmp_path: Path, how: Callable[[OwnershipError], OwnershipError]
) -> None:
    error = BorrowError(one(write("data\n"), 1, 0, 4), path="p", holders=("h",))
    error.add_note("noted")
    other = how(error)
    (tmp_path / "main.py").unlink()
    linecache.clearcache()
    assert type(other) is BorrowError
    assert "1 | data" in str(other)
    assert str(other) == str(error)
    assert (other.path, other.holders, other.span, other.args) == (
        "p",
        ("h",),
        error.span,
        error.args,
    )
    assert (other.code, other.__notes__) == ("E0382", ["noted"])


def test_the_import_of_the_package_brings_none_of_it(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    child = run_child(
        """
        import sys
        before = set(sys.modules)
        import pythread_rs
        from pythread_rs.ownership import _notes
        late = {"ast", "dataclasses", "dis", "linecache", "tokenize", "unicodedata"}
        parts = {"diagnostic", "lines", "report", "screen", "snippet", "source", "tree", "explain"}
        late |= {"pythread_rs.ownership._" + part for part in parts}
        if "annotationlib" in sys.modules:  # the types of other parts bring it, from 3.14 on
            late.remove("ast")
        print(sorted(late & (set(sys.modules) - before)))
        """
    )
    assert (child.stdout, child.stderr) == ("[]\n", "")
