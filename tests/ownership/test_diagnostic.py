"""What each kind of error looks like, from a program's code objects to the whole text.

The checks put the parts together elsewhere; here they are put together as the checks do it. The
programs and what is expected of them are the files in `diagnostics/`.
"""

from __future__ import annotations

import dis
import linecache
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pythread_rs.ownership import _source as source
from pythread_rs.ownership._diagnostic import Diagnostic, Note, Span, render

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "main.py"
FOLDER = Path(__file__).parent / "diagnostics"


class Program(NamedTuple):
    """A program that has been compiled and not run."""

    module: CodeType
    lines: list[str]

    def function(self, name: str, inside: CodeType | None = None) -> CodeType:
        """Find the code of a function, however deep."""
        for constant in (inside or self.module).co_consts:
            if isinstance(constant, CodeType):
                if constant.co_name == name:
                    return constant
                try:
                    return self.function(name, constant)
                except LookupError:
                    continue
        raise LookupError(name)

    def call(self, code: CodeType, text: str) -> int:
        """Return the offset of the call whose text begins so."""
        for instruction in dis.get_instructions(code):
            if "CALL" in instruction.opname and "INTRINSIC" not in instruction.opname:
                found = source.call_span(code, instruction.offset)
                if found is not None and self.lines[found.line - 1][found.column :].startswith(
                    text
                ):
                    return instruction.offset
        raise LookupError(text)

    def place(self, line: int, text: str, label: str, *, primary: bool = False) -> Span:
        """Find a text on a line."""
        column = self.lines[line - 1].index(text)
        return Span(FILE, line, column, line, column + len(text), label, primary)


CASES: dict[str, Callable[[Program], Diagnostic]] = {}


def shown(make: Callable[[Program], Diagnostic]) -> Callable[[Program], Diagnostic]:
    """Compare what the function makes with the file of its name."""
    CASES[make.__name__.replace("_", "-").replace("e0", "E0", 1)] = make
    return make


def spans(*parts: Span | None) -> tuple[Span, ...]:
    assert None not in parts
    return tuple(part for part in parts if part is not None)


@shown
def e0373(program: Program) -> Diagnostic:
    main, closure = program.function("main"), program.function("<lambda>")
    lasti = program.call(main, "spawn")
    help_ = source.wrapped(
        main,
        lasti,
        "to force the closure to take ownership of `numbers` (and any other referenced "
        "variables), wrap it in `move(...)`",
    )
    assert help_ is not None
    return Diagnostic(
        "E0373",
        "closure may outlive the current function, but it borrows `numbers`, which is owned "
        "by the current function",
        spans(
            source.header_span(closure, "may outlive borrowed value `numbers`", primary=True),
            *source.capture_spans(closure, "numbers", "`numbers` is borrowed here")[:1],
        ),
        (
            Note(
                "function requires argument type to outlive `'static`",
                source.call_span(main, lasti),
            ),
        ),
        (help_,),
    )


@shown
def e0382(program: Program) -> Diagnostic:
    main, closure = program.function("main"), program.function("<lambda>")
    lasti = program.call(main, "move")
    help_ = source.copied_before(
        main,
        lasti,
        "consider copying the value before moving it into the closure",
        name="data",
        value="data.copy()",
    )
    assert help_ is not None
    return Diagnostic(
        "E0382",
        "use of moved value: `data`",
        spans(
            source.binding_span(
                main,
                "data",
                "move occurs because `data` has type `list`, which is not `Copy`",
                before=lasti,
            ),
            source.header_span(closure, "value moved into closure here"),
            *source.capture_spans(closure, "data", "variable moved due to use in closure"),
            program.place(9, "data", "value used here after move", primary=True),
        ),
        help=(help_,),
    )


@shown
def e0382_in_a_loop(program: Program) -> Diagnostic:
    main, closure = program.function("main"), program.function("<lambda>")
    lasti = program.call(main, "move")
    help_ = source.copied_before(
        main,
        lasti,
        "consider cloning the value before moving it into the closure",
        name="tx",
        value="tx.clone()",
    )
    assert help_ is not None
    return Diagnostic(
        "E0382",
        "use of moved value: `tx`",
        spans(
            source.binding_span(
                main,
                "tx",
                "move occurs because `tx` has type `Sender`, which is not `Copy`",
            ),
            source.loop_span(main, lasti, "inside of this loop"),
            source.header_span(
                closure,
                "value moved into closure here, in previous iteration of loop",
                primary=True,
            ),
            *source.capture_spans(closure, "tx", "use occurs due to use in closure"),
        ),
        help=(help_,),
    )


@shown
def e0382_of_an_argument(program: Program) -> Diagnostic:
    main = program.function("main")
    lasti = program.call(main, "tx.send")
    help_ = source.wrapped(main, lasti, "consider copying the value", before="", after=".copy()")
    assert help_ is not None
    return Diagnostic(
        "E0382",
        "use of moved value: `value`",
        spans(
            source.binding_span(main, "value", "move occurs because `value` has type `list`"),
            source.argument_span(main, lasti, 0, "value moved here"),
            program.place(4, "value)", "value used here after move", primary=True)._replace(
                end_column=27
            ),
        ),
        help=(help_,),
    )


@shown
def e0505(program: Program) -> Diagnostic:
    main, closure = program.function("main"), program.function("<lambda>")
    return Diagnostic(
        "E0505",
        "cannot move out of `data['a']` because it is borrowed",
        spans(
            source.binding_span(main, "data", "binding `data` declared here"),
            source.binding_span(main, "inner", "borrow of `data['a']` occurs here"),
            source.header_span(closure, "move out of `data` occurs here", primary=True),
            *source.capture_spans(closure, "data", "move occurs due to use in closure"),
        ),
        (
            "`data['a']` (a `list`) is still reachable from: local variable `inner` of "
            f"main() at {FILE}:8",
            "drop the other holder first: `del inner`",
        ),
    )


@shown
def e0277(program: Program) -> Diagnostic:
    main, closure = program.function("main"), program.function("<lambda>")
    lasti = program.call(main, "spawn")
    return Diagnostic(
        "E0277",
        "`local` cannot be sent between threads safely",
        spans(
            source.closure_span(
                closure, "`local` cannot be sent between threads safely", primary=True
            ),
            source.callee_span(main, lasti, "required by a bound introduced by this call"),
        ),
        (
            Note(
                "the trait `Send` is not implemented for `local`: it has a value of its own "
                "on each thread",
                level="help",
            ),
            Note("required because it's used within this closure", source.header_span(closure)),
        ),
    )


@shown
def e0277_over_several_lines(program: Program) -> Diagnostic:
    work = program.function("work")
    return Diagnostic(
        "E0277",
        "`coroutine` cannot be sent between threads safely",
        spans(
            source.header_span(work, "within this function"),
            source.closure_span(work, "not `Send`", primary=True),
        ),
    )


@shown
def e0133(program: Program) -> Diagnostic:
    work = program.function("work")
    return Diagnostic(
        "E0133",
        "use of mutable static `count`",
        spans(
            program.place(8, "count", "use of mutable static", primary=True),
            source.header_span(work, "this function runs on another thread"),
            source.callee_span(program.module, program.call(program.module, "spawn")),
        ),
        ("a mutable static can be mutated by multiple threads: that is a data race",),
        ("return the value from the thread, and assign it after `join()`",),
    )


@shown
def e0507(program: Program) -> Diagnostic:
    main = program.function("main")
    lasti = program.call(main, "take")
    return Diagnostic(
        "E0507",
        "cannot move out of static item `words`",
        spans(
            source.argument_span(
                main, lasti, 0, "move occurs because `words` has type `list`", primary=True
            ),
        ),
        help=(
            source.wrapped(
                main,
                program.call(main, "spawn"),
                "consider copying the value",
                argument=1,
                before="list(",
            )
            or "",
        ),
    )


@shown
def e0499(program: Program) -> Diagnostic:
    main, first = program.function("main"), program.function("first")
    calls = program.call(main, "s.spawn(first)"), program.call(main, "s.spawn(second)")
    return Diagnostic(
        "E0499",
        "cannot borrow `x` as mutable more than once at a time",
        spans(
            source.argument_span(main, calls[0], 0, "first mutable borrow occurs here"),
            *source.capture_spans(first, "x", "first borrow occurs due to use of `x`")[:1],
            source.call_span(main, calls[0], "argument requires that `x` is borrowed for `s`"),
            source.argument_span(
                main, calls[1], 0, "second mutable borrow occurs here", primary=True
            ),
        ),
    )


@shown
def e0502(program: Program) -> Diagnostic:
    main, first = program.function("main"), program.function("first")
    second = program.function("second")
    calls = program.call(main, "s.spawn(first)"), program.call(main, "s.spawn(second)")
    return Diagnostic(
        "E0502",
        "cannot borrow `x` as mutable because it is also borrowed as immutable",
        spans(
            source.argument_span(main, calls[0], 0, "immutable borrow occurs here"),
            *source.capture_spans(first, "x", "first borrow occurs due to use of `x`")[:1],
            *source.capture_spans(second, "x", "second borrow occurs due to use of `x`")[:1],
            source.argument_span(main, calls[1], 0, "mutable borrow occurs here", primary=True),
        ),
    )


@shown
def e0506(program: Program) -> Diagnostic:
    main, first = program.function("main"), program.function("first")
    call = program.call(main, "s.spawn(first)")
    return Diagnostic(
        "E0506",
        "cannot assign to `x` because it is borrowed",
        spans(
            source.argument_span(main, call, 0, "`x` is borrowed here"),
            *source.capture_spans(first, "x", "borrow occurs due to use in closure")[:1],
            program.place(
                15, "x = 5", "`x` is assigned to here but it was already borrowed", primary=True
            ),
        ),
    )


def test_every_file_has_its_case() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_the_whole_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, _, expected = (FOLDER / f"{name}.txt").read_text("utf-8").partition("\n# ->\n\n")
    lines = text.splitlines()
    entry = (len(text), None, [line + "\n" for line in lines], FILE)
    monkeypatch.setitem(linecache.cache, FILE, entry)
    diagnostic = CASES[name](Program(compile(text, FILE, "exec"), lines))
    assert render(diagnostic, color=False) + "\n" == expected
