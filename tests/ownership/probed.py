"""Compile the text of a program, and find the call `probe(...)` in it.

The use that must be found after the call stands between « and ».
"""

from __future__ import annotations

import ast
import dis
import linecache
import textwrap
from types import CodeType
from typing import TYPE_CHECKING, NamedTuple

from pythread_rs.ownership._liveness import Liveness, Position, liveness, module_liveness

if TYPE_CHECKING:
    from collections.abc import Iterator


class Program(NamedTuple):
    """A compiled program, and where in it the call and the marked use are."""

    code: CodeType
    lasti: int
    use: Position | None


def position_of(node: ast.expr) -> Position:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return Position(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


def marked_use(source: str) -> tuple[str, Position | None]:
    """Take the marks out of a source; columns count bytes."""
    for number, line in enumerate(source.splitlines(), 1):
        before, mark, rest = line.partition("«")
        if mark:
            name = rest.partition("»")[0]
            start, end = len(before.encode()), len((before + name).encode())
            clean = source.replace("«", "").replace("»", "")
            return clean, Position(number, start, number, end)
    return source, None


def call_positions(source: str) -> list[Position]:
    """Say where `probe` is called, as a function or a decorator."""
    calls: list[Position] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else None
            if isinstance(node.func, ast.Name):
                function = node.func.id
            calls += [position_of(node)] if function == "probe" else []
        elif isinstance(node, ast.FunctionDef):
            calls += [position_of(d) for d in node.decorator_list if ast.unparse(d) == "probe"]
    return calls


def find(text: str) -> list[Program]:
    """Compile a program and find its call; the compiler copies what stands in `finally`."""
    source, use = marked_use(textwrap.dedent(text).strip())
    (wanted,) = call_positions(source)
    # The second variable of a double instruction is looked up in the source.
    linecache.cache["program.py"] = (len(source), None, source.splitlines(True), "program.py")
    found: list[Program] = []
    for code in codes_in(compile(source, "program.py", "exec")):
        for step in dis.get_instructions(code):
            place = step.positions
            if place is not None and step.opname in {"CALL", "CALL_KW", "CALL_FUNCTION_EX"}:
                spot = (place.lineno, place.col_offset, place.end_lineno, place.end_col_offset)
                if spot == wanted:
                    found.append(Program(code, step.offset, use))
    return found


def analyse(program: Program) -> Liveness:
    is_module = program.code.co_name == "<module>"
    return (module_liveness if is_module else liveness)(program.code, program.lasti)


def analysed(text: str) -> tuple[Liveness, Position | None]:
    (program,) = find(text)
    return analyse(program), program.use
