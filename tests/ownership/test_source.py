"""Spans and corrected lines are found in the source, whatever it looks like."""

from __future__ import annotations

import dis
import linecache
import sys
from types import CodeType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs.ownership import _lines as lines
from pythread_rs.ownership import _source as source
from pythread_rs.ownership._diagnostic import UNKNOWN, Diagnostic, Span, render

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

FILE = "<cell>"


def compiled(text: str) -> CodeType:
    linecache.cache[FILE] = (len(text), None, [line + "\n" for line in text.split("\n")], FILE)
    return compile(text, FILE, "exec")


@pytest.fixture(autouse=True)
def no_cell() -> Iterator[None]:
    yield
    linecache.cache.pop(FILE, None)


def codes(code: CodeType, name: str) -> list[CodeType]:
    """List the code objects of a name in the order of their constants, outer ones first."""
    found: list[CodeType] = []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += [constant] if constant.co_name == name else []
            found += codes(constant, name)
    return found


def call_at(code: CodeType, text: str) -> int:
    for instruction in dis.get_instructions(code):
        if "CALL" in instruction.opname and "INTRINSIC" not in instruction.opname:
            found = source.call_span(code, instruction.offset)
            if found is not None and shown(found).startswith(text):
                return instruction.offset
    raise LookupError(text)


def shown(span: Span | None) -> str:
    """Cut the text of a span out of the source."""
    assert span is not None
    text = linecache.getlines(FILE)
    if span.line == span.end_line:
        return text[span.line - 1].encode()[span.column : span.end_column].decode()
    first = text[span.line - 1].encode()[span.column :].decode()
    last = text[span.end_line - 1].encode()[: span.end_column].decode()
    return "".join([first, *text[span.line : span.end_line - 1], last])


# -- Closures. -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "header"),
    [
        ("f = lambda: 1", "<lambda>", "lambda"),
        ("f = lambda x, *y, z=(1, 2): x", "<lambda>", "lambda x, *y, z=(1, 2)"),
        ("ü = g(lambda é: é)", "<lambda>", "lambda é"),
        ("f = lambda: (yield)", "<lambda>", "lambda"),
        ("def f(): pass", "f", "def f()"),
        ("def f(a, b=')') -> int: pass", "f", "def f(a, b=')')"),
        ("async def f(a): pass", "f", "async def f(a)"),
        ("def f(\n    a,\n): pass", "f", "def f"),
        ("@one\n@two(\n  3)\ndef f(a): pass", "f", "def f(a)"),
        ("if x:\n\tdef f(a): pass", "f", "def f(a)"),
        ("def   f  (a): pass", "f", "def   f  (a)"),
        ("class f(object): x = 1", "f", "class f"),
    ],
)
def test_headers(text: str, name: str, header: str) -> None:
    (code,) = codes(compiled(text), name)
    assert shown(source.header_span(code)) == header


def test_the_right_one_of_several_lambdas() -> None:
    text = "a, b, c = lambda: x.one(), lambda: (lambda: x.two()), lambda: None"
    found = codes(compiled(text), "<lambda>")
    assert [shown(source.closure_span(code)) for code in found] == [
        "lambda: x.one()",
        "lambda: (lambda: x.two())",
        "lambda: x.two()",
        "lambda: None",
    ]


def test_the_right_one_of_several_functions() -> None:
    text = "def f(a): pass\ndef f(b): pass\n@d\ndef f(c):\n    def f(d): pass\n"
    found = codes(compiled(text), "f")
    headers = [shown(source.header_span(code)) for code in found]
    assert headers == ["def f(a)", "def f(b)", "def f(c)", "def f(d)"]


def test_a_whole_closure_without_its_decorators() -> None:
    (code,) = codes(compiled("@d\ndef f(a):\n    return [\n        a,\n    ]\n"), "f")
    assert shown(source.closure_span(code)) == "def f(a):\n    return [\n        a,\n    ]"


def test_functions_and_methods_are_taken_for_their_code() -> None:
    namespace: dict[str, Any] = {}
    exec(compiled("class C:\n    def method(self): pass\nf = lambda: 1"), namespace)
    assert shown(source.header_span(namespace["f"], "label", True)) == "lambda"
    assert source.header_span(namespace["f"], "label", True)[5:] == ("label", True)  # type: ignore[index]
    assert shown(source.header_span(namespace["C"]().method)) == "def method(self)"
    assert source.header_span(len) is None
    assert source.header_span(SimpleNamespace(__code__=3)) is None


@pytest.mark.parametrize("text", ["", "x = 1\n", "def (:\n", "\0", "(" * 5000])
def test_a_source_that_does_not_fit_gives_the_line(text: str) -> None:
    (code,) = codes(compiled("f = [\n    lambda: 1]"), "<lambda>")
    linecache.cache[FILE] = (1, None, [text], FILE)
    assert source.header_span(code) == Span(FILE, 2, UNKNOWN, 2, UNKNOWN)
    assert source.wrapped(code, 0, "wrap") is None
    assert source.decorated(code, "decorate") is None
    assert source.loop_span(code, 0) is None
    assert source.callee_span(code, 0) is None


# -- Variables. ------------------------------------------------------------------------------------

CAPTURING = """\
def main(parameter):
    data = 1
    def work():
        def data(data): return data
        class C:
            x = [other(data2, y) for y in z]
        with_default(lambda d=data2: (d, (lambda: data2)))
        nonlocal_()
    data2 = data
    def nonlocal_():
        nonlocal data2
        data2 += 1
        del data2
"""


def test_captured_uses_are_found_in_nested_code_and_not_where_it_is_shadowed() -> None:
    (main,) = codes(compiled(CAPTURING), "main")
    found = source.capture_spans(main, "data2", "label", True)
    assert [span.line for span in found] == [6, 7, 7, 12, 12, 13] or [
        span.line for span in found
    ] == [6, 7, 7, 12, 13]
    assert {shown(span) for span in found} == {"data2"}
    assert all(span[5:] == ("label", True) for span in found)
    (work,) = codes(main, "work")
    assert [s.line for s in source.capture_spans(work, "data2")] == [6, 7, 7]
    assert source.capture_spans(work, "data") == ()
    assert source.capture_spans(main, "data") == ()


def test_bindings() -> None:
    text = (
        "def main(a, *rest, key: int, **more):\n"
        "    b = 1\n"
        "    for c, d in rest: pass\n"
        "    b = 2\n"
        "    use(b)\n"
        "    b = 3\n"
        "    try: pass\n"
        "    except E as e:\n"
        "        pass\n"
        "    self.g = 1; g = 2; g; h = i\n"
        "    with x as (\n"
        "        i): pass\n"
        "    return lambda: (a, b, key)\n"
    )
    (main,) = codes(compiled(text), "main")
    for name in ("a", "rest", "key", "more"):
        found = source.binding_span(main, name)
        assert (shown(found), found.line if found else 0) == (name, 1)
    assert [shown(source.binding_span(main, name)) for name in "cdghi"] == list("cdghi")
    assert [s and s.column for s in map(source.binding_span, [main] * 2, "gh")] == [16, 26]
    call = call_at(main, "use(b)")
    places = [source.binding_span(main, "b"), source.binding_span(main, "b", before=call)]
    assert [place.line for place in places if place] == [2, 4]
    assert source.binding_span(main, "e") is None
    assert source.binding_span(main, "nothing") is None


def test_one_instruction_and_one_position() -> None:
    (main,) = codes(compiled("def main(é):\n    return é\n"), "main")
    (load,) = (i for i in dis.get_instructions(main) if i.argval == "é" and "LOAD" in i.opname)
    span = source.name_span(main, load.offset, "label", True)
    assert shown(span) == "é"
    assert span == source.name_span(main, (2, 11, 2, 13), "label", True)
    assert source.name_span(main, 10**6) is None


# -- Calls. ----------------------------------------------------------------------------------------


def test_calls_and_their_parts() -> None:
    code = compiled("h = s.spawn(wörk, *rest, key=(1,\n 2))(spawn(lambda: 1))\n")
    inner, outer = call_at(code, "spawn(lambda"), call_at(code, "s.spawn(wörk")
    assert shown(source.call_span(code, inner)) == "spawn(lambda: 1)"
    assert shown(source.callee_span(code, inner)) == "spawn"
    assert shown(source.argument_span(code, inner)) == "lambda: 1"
    assert shown(source.callee_span(code, outer)) == "spawn"
    assert shown(source.argument_span(code, outer)) == "wörk"
    assert source.argument_span(code, outer, 1) is None
    assert source.argument_span(code, outer, 2) is None
    assert shown(source.argument_span(code, outer, "key")) == "(1,\n 2)"
    assert source.argument_span(code, outer, "other") is None


def test_a_chain_over_several_lines() -> None:
    code = compiled("(\n  Builder()\n  .name('a')\n  .spawn(work)\n)\n")
    calls = [i for i in dis.get_instructions(code) if i.opname.startswith("CALL")]
    last = [i.offset for i in calls if "INTRINSIC" not in i.opname][-1]
    assert shown(source.argument_span(code, last)) == "work"
    assert shown(source.callee_span(code, last)) == "spawn"


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("for i in range(3):\n    spawn(i)", "for i in range(3)"),
        ("while x:\n    for a in b: pass\n    spawn(i)", "while x"),
        ("while spawn(i): pass", "while spawn(i)"),
        ("for i in b:\n    while j:\n        spawn(i)", "while j"),
        (
            "for i in b:\n    match i:\n        case 1:\n            with a as c: spawn(i)",
            "for i in b",
        ),
        ("for i in b:\n    try: pass\n    except E: spawn(i)", "for i in b"),
        ("[spawn(i) for a in b for i in range(3)]", "for i in range(3)"),
        ("for i in spawn(i): pass", None),
        ("for i in b: pass\nelse: spawn(i)", None),
        ("for i in b:\n    def f(): spawn(i)", None),
        ("spawn(i)", None),
    ],
)
def test_loops(text: str, head: str | None) -> None:
    code = compiled(text)
    (code,) = codes(code, "f") or codes(code, "<listcomp>") or [code]
    found = source.loop_span(code, call_at(code, "spawn"), "label")
    assert (None if found is None else shown(found)) == head
    assert found is None or found.label == "label"


# -- Corrected lines. ------------------------------------------------------------------------------


def corrected(suggestion: Any) -> list[str]:
    """Render a suggestion and leave its sentence and place out."""
    assert suggestion is not None
    text = render(Diagnostic("", "x", (), (), (suggestion,)), color=False)
    return text.split("\n")[5:]


@pytest.mark.parametrize(
    ("call", "options", "expected"),
    [
        ("spawn(lambda: 1)", {}, "spawn(move(lambda: 1))"),
        ("spawn(work, data)", {}, "spawn(move(work), data)"),
        ("spawn(f=work)", {"argument": "f"}, "spawn(f=move(work))"),
        ("send(é)", {"before": "", "after": ".clone()"}, "send(é.clone())"),
        ("send(a + b)", {"before": "", "after": ".copy()"}, "send((a + b).copy())"),
        ("send(data)", {"before": "take(lambda: "}, "send(take(lambda: data))"),
    ],
)
def test_something_around_an_argument(call: str, options: dict[str, Any], expected: str) -> None:
    code = compiled(call)
    suggestion = source.wrapped(code, call_at(code, call), "try", **options)
    assert corrected(suggestion)[0] == f"1 | {expected}"
    assert set(corrected(suggestion)[1]) == set(" |+")


@pytest.mark.parametrize("call", ["spawn(x for x in y)", "spawn(*f)", "spawn()", "spawn(**k)"])
def test_an_argument_that_is_not_there_by_itself(call: str) -> None:
    code = compiled(call)
    assert source.wrapped(code, call_at(code, call), "try") is None


def test_a_decorator_stands_directly_above_the_function() -> None:
    (code,) = codes(compiled("if x:\n    @d\n    async def f(): pass\n"), "f")
    assert corrected(source.decorated(code, "try")) == [
        "3 +     @move",
        "4 |     async def f(): pass",
        "  |",
    ]
    (code,) = codes(compiled("f = lambda: 1"), "<lambda>")
    assert source.decorated(code, "try") is None


def test_a_copy_before_the_statement() -> None:
    code = compiled("if x:\n    h = spawn(move(lambda: (\n        tx.send(1), tx)))\n")
    lasti = call_at(code, "move")
    assert corrected(
        source.copied_before(code, lasti, "try", name="tx", value="tx.clone()", copy="own")
    ) == [
        "2 ~     own = tx.clone()",
        "3 ~     h = spawn(move(lambda: (",
        "4 ~         own.send(1), own)))",
        "  |",
    ]
    assert source.copied_before(code, lasti, "try", name="rx", value="rx.clone()") is None
    code = compiled("value = 1; spawn(move(lambda: tx))\n")
    assert (
        source.copied_before(code, call_at(code, "move"), "try", name="tx", value="tx.clone()")
        is None
    )


def test_a_copy_takes_no_name_that_is_in_use() -> None:
    code = compiled("value = 1\nspawn(move(lambda: tx))\n")
    suggestion = source.copied_before(
        code, call_at(code, "move"), "try", name="tx", value="tx.clone()"
    )
    assert corrected(suggestion)[0] == "2 ~ tx_copy = tx.clone()"


# -- Where sources come from. ----------------------------------------------------------------------


def test_a_module_in_an_archive(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import zipfile

    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("packed_module.py", "f = lambda: 1\n")
    monkeypatch.syspath_prepend(str(archive))
    module = __import__("packed_module")
    try:
        span = source.header_span(module.f)
        assert span is not None
        assert (span.column, span.end_column) == (4, 10)
    finally:
        del sys.modules["packed_module"]


def test_learned_sources_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(code: CodeType) -> list[str]:
        return [f"{code.co_filename}\n"]

    monkeypatch.setattr(linecache, "_getlines_from_code", get, raising=False)
    monkeypatch.setattr(lines, "_learned", {})
    for number in range(1000):
        lines.learn(compile("1", f"<python-input-{number}>", "eval"))
    assert lines.lines_of("<python-input-999>") == ["<python-input-999>"]
    assert len(lines._learned) < 100
    lines.learn(compile("1", "file.py", "eval"))
    assert lines.lines_of("file.py") == []


@pytest.mark.skipif(sys.version_info < (3, 13), reason="a prompt keeps its lines from 3.13 on")
def test_an_interactive_prompt_shows_its_lines(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    program = (
        "from pythread_rs.ownership import _source, BorrowError\n"
        "from pythread_rs.ownership._diagnostic import Diagnostic\n"
        "f = lambda data: data\n"
        "span = _source.header_span(f, 'here', True)\n"
        "print(BorrowError(Diagnostic('E0505', 'headline', (span,))))\n"
    )
    child = run_child(
        "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-q', '-i'],"
        f" input={program!r}, text=True, timeout=9, capture_output=False).returncode)"
    )
    assert "1 | f = lambda data: data\n  |     ^^^^^^^^^^^ here" in child.stdout
