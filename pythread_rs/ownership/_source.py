"""Spans and corrected lines for who has only code objects, offsets and frames."""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator
from types import CodeType
from typing import Any, Final

from pythread_rs.ownership._diagnostic import UNKNOWN, Edit, Span, Suggestion
from pythread_rs.ownership._lines import learn, lines_of
from pythread_rs.ownership._tree import (
    Position,
    find_call,
    find_function,
    find_loop,
    header_end,
    parsed,
    pick_argument,
    position_at,
    position_of,
    utf8,
)

__all__ = [
    "argument_span",
    "binding_span",
    "call_span",
    "callee_span",
    "capture_spans",
    "closure_span",
    "copied_before",
    "decorated",
    "header_span",
    "loop_span",
    "name_span",
    "wrapped",
]

_STORES: Final = ("STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL")

# What `.clone()` can be written behind without parentheses.
_PRIMARY: Final = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


# -- From positions that the code object has. ------------------------------------------------------


def name_span(
    code: CodeType, where: int | Position, label: str = "", primary: bool = False
) -> Span | None:
    """Return the span of one instruction, by its offset or its position."""
    position = position_at(code, where) if isinstance(where, int) else where
    return None if position is None else _span(code, position, label, primary)


def call_span(code: CodeType, lasti: int, label: str = "", primary: bool = False) -> Span | None:
    """Return the span of the call that a frame is in; `lasti` is the frame's `f_lasti`."""
    return name_span(code, lasti, label, primary=primary)


def capture_spans(
    code: CodeType, name: str, label: str = "", primary: bool = False
) -> tuple[Span, ...]:
    """Return the places where a closure and what is nested in it use a variable that it captures.

    For the function that owns the variable only what is nested in it counts. In the order of the
    text; a diagnostic shows the first.
    """
    places = {
        position
        for user in _capturing(code, name)
        for instruction in dis.get_instructions(user)
        if "DEREF" in instruction.opname and instruction.argval == name
        if (position := position_at(user, instruction.offset)) is not None
    }
    return tuple(_span(code, place, label, primary) for place in sorted(places))


def binding_span(
    code: CodeType, name: str, label: str = "", primary: bool = False, *, before: int | None = None
) -> Span | None:
    """Return the place that gave a variable its value: an assignment, a loop, or the parameter.

    Args:
        code: The function that owns the variable.
        name: The variable.
        label: The label of the span.
        primary: Whether the error is about this span.
        before: An offset; the last binding before it counts, where there is one.
    """
    stores = [
        instruction.offset
        for instruction in dis.get_instructions(code)
        if _stores(instruction, name)
    ]
    earlier = [offset for offset in stores if before is None or offset < before]
    span = _parameter_span(code, name, label, primary)
    if earlier or (stores and span is None):
        offset = earlier[-1] if before is not None and earlier else stores[0]
        found = name_span(code, offset, label, primary=primary)
        span = span if found is None else _narrowed(code, found, name)
    # `except E as name` and the like have the position of the whole statement.
    return span if span is not None and span.line == span.end_line else None


def _span(code: CodeType, position: Position, label: str, primary: bool) -> Span:
    learn(code)
    line, column, end_line, end_column = position
    return Span(code.co_filename, line, column, end_line, end_column, label, primary)


def _capturing(code: CodeType, name: str) -> Iterator[CodeType]:
    """Yield the code objects that have the variable from outside, this one included."""
    if name in code.co_freevars:
        yield code
    elif name not in code.co_cellvars:
        return
    for constant in code.co_consts:
        if isinstance(constant, CodeType) and name in constant.co_freevars:
            yield from _capturing(constant, name)


def _stores(instruction: dis.Instruction, name: str) -> bool:
    operation = instruction.opname
    value: Any = instruction.argval
    if not operation.startswith(_STORES):
        return False
    # Two instructions in one, from 3.13 on.
    if operation == "STORE_FAST_STORE_FAST":
        return name in value
    stored: str = value[0] if operation == "STORE_FAST_LOAD_FAST" else value
    return stored == name


def _narrowed(code: CodeType, span: Span, name: str) -> Span:
    """Find the variable inside the span of an instruction that says more, or has another's."""
    tree = parsed(code)
    stores = (
        position_of(node)
        for node in (() if tree is None else ast.walk(tree))
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    )
    for place in stores:
        if place[:2] >= (span.line, span.column) and place[0] <= span.end_line:
            return _span(code, place, span.label, span.primary)
    return span


# -- From the tree of the source. ------------------------------------------------------------------


def header_span(function: object, label: str = "", primary: bool = False) -> Span | None:
    """Return the span of `lambda x` or `def name(x)`; decorators are left out.

    Args:
        function: A function, or its code object.
        label: The label of the span.
        primary: Whether the error is about this span.

    Returns:
        The span, of the whole line if the source does not tell; None for what has no code.
    """
    code = _code_of(function)
    if code is None:
        return None
    node = find_function(code)
    if node is None:
        return _whole_line(code, label, primary)
    return _span(code, (node.lineno, node.col_offset, *header_end(node, code)), label, primary)


def closure_span(function: object, label: str = "", primary: bool = False) -> Span | None:
    """Return the span of a whole lambda or def; decorators are left out. Else as `header_span`."""
    code = _code_of(function)
    if code is None:
        return None
    node = find_function(code)
    if node is None:
        return _whole_line(code, label, primary)
    return _span(code, position_of(node), label, primary)


def callee_span(code: CodeType, lasti: int, label: str = "", primary: bool = False) -> Span | None:
    """Return the span of the name that is called: `spawn` in `spawn(f)` and in `s.spawn(f)`."""
    call = find_call(code, lasti)
    if call is None:
        return None
    line, column, end_line, end_column = position_of(call.func)
    if isinstance(call.func, ast.Attribute):
        line, column = end_line, end_column - len(call.func.attr.encode())
    return _span(code, (line, column, end_line, end_column), label, primary)


def argument_span(
    code: CodeType,
    lasti: int,
    argument: int | str = 0,
    label: str = "",
    primary: bool = False,
) -> Span | None:
    """Return the span of an argument of a call, by its place or its keyword."""
    call = find_call(code, lasti)
    found = None if call is None else pick_argument(call, argument)
    return None if found is None else _span(code, position_of(found), label, primary)


def loop_span(code: CodeType, lasti: int, label: str = "", primary: bool = False) -> Span | None:
    """Return the span of `for x in y` or `while x` around an instruction, in the same function."""
    place = find_loop(code, lasti)
    return None if place is None else _span(code, place, label, primary)


def _code_of(function: object) -> CodeType | None:
    code: Any = function if isinstance(function, CodeType) else None
    if code is None:
        code = getattr(function, "__code__", None) or getattr(
            getattr(function, "__func__", None), "__code__", None
        )
    return code if isinstance(code, CodeType) else None


def _whole_line(code: CodeType, label: str, primary: bool) -> Span:
    line = code.co_firstlineno
    return _span(code, (line, UNKNOWN, line, UNKNOWN), label, primary)


def _parameter_span(code: CodeType, name: str, label: str, primary: bool) -> Span | None:
    parameters = code.co_argcount + code.co_kwonlyargcount
    parameters += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    if name not in code.co_varnames[:parameters]:
        return None
    node = find_function(code)
    if node is None or isinstance(node, ast.ClassDef):
        return None
    found = [part for part in ast.walk(node.args) if isinstance(part, ast.arg) and part.arg == name]
    if not found:
        return None
    line, column, *_ = position_of(found[0])
    return _span(code, (line, column, line, column + len(utf8(name))), label, primary)


# -- Corrected lines. ------------------------------------------------------------------------------


def wrapped(
    code: CodeType,
    lasti: int,
    text: str,
    *,
    argument: int | str = 0,
    before: str = "move(",
    after: str = ")",
) -> Suggestion | None:
    """Suggest to write something around an argument of a call.

    `before="", after=".clone()"` makes a second owner, `before="take(lambda: "` takes a variable's
    value.

    Args:
        code: The code of the calling frame.
        lasti: The frame's `f_lasti`.
        text: The sentence before the corrected line.
        argument: Place or keyword of the argument.
        before: What to write before it.
        after: What to write behind it.

    Returns:
        The suggestion; None if the source does not show the argument.
    """
    call = find_call(code, lasti)
    found = None if call is None else pick_argument(call, argument)
    if found is None or found.end_lineno is None or found.end_col_offset is None:
        return None
    if isinstance(found, ast.GeneratorExp) and call is not None and len(call.args) == 1:
        return None  # it may share its parentheses with the call
    if not before and not isinstance(found, _PRIMARY):
        before, after = "(", ")" + after
    edits = [
        Edit(found.lineno, found.col_offset, found.col_offset, before),
        Edit(found.end_lineno, found.end_col_offset, found.end_col_offset, after),
    ]
    return Suggestion(
        text, code.co_filename, found.lineno, edits=tuple(edit for edit in edits if edit.new)
    )


def decorated(function: object, text: str, *, decorator: str = "@move") -> Suggestion | None:
    """Suggest to write a decorator directly above a `def`, below those that are there."""
    header = header_span(function)
    if header is None or header.column < 0:
        return None
    lines = lines_of(header.file)
    line = lines[header.line - 1] if header.line <= len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if not line.lstrip().startswith(("def ", "async def ", "class ")):
        return None
    edit = Edit(header.line, 0, 0, f"{indent}{decorator}\n")
    return Suggestion(text, header.file, header.line, edits=(edit,))


def copied_before(
    code: CodeType, lasti: int, text: str, *, name: str, value: str, copy: str = "value"
) -> Suggestion | None:
    """Suggest to make a copy before the statement, and to use it in the closure of the call.

    Args:
        code: The code of the calling frame.
        lasti: The frame's `f_lasti`.
        text: The sentence before the corrected lines.
        name: The variable that the closure captures.
        value: The expression that makes the copy, such as `tx.clone()`.
        copy: The name of the copy.

    Returns:
        The suggestion; None if the closure does not stand in the call, or shares its line.
    """
    call, tree = find_call(code, lasti), parsed(code)
    if call is None or tree is None:
        return None
    uses = [node for node in ast.walk(call) if isinstance(node, ast.Name) and node.id == name]
    taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    statement = _statement_at(tree, call)
    if not uses or statement is None:
        return None
    line = lines_of(code.co_filename)[statement.lineno - 1]
    indent = line[: len(line) - len(line.lstrip())]
    if len(indent.encode()) != statement.col_offset:
        return None
    copy = copy if copy not in taken else f"{name}_copy"
    edits = [Edit(statement.lineno, 0, 0, f"{indent}{copy} = {value}\n")]
    edits += [
        Edit(use.lineno, use.col_offset, use.col_offset + len(name.encode()), copy) for use in uses
    ]
    return Suggestion(text, code.co_filename, statement.lineno, edits=tuple(edits))


def _statement_at(tree: ast.Module, call: ast.Call) -> ast.stmt | None:
    """Find the innermost statement around a call of an equal tree."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
        and (node.lineno, node.col_offset) <= (call.lineno, call.col_offset)
        and (call.end_lineno or 0, call.end_col_offset or 0)
        <= (node.end_lineno or 0, node.end_col_offset or 0)
    ]
    return max(around, key=lambda node: (node.lineno, node.col_offset), default=None)
