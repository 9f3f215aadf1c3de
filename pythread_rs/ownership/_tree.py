"""Calls, functions and loops in the tree of a source file, found by positions of code objects."""

from __future__ import annotations

import ast
import re
from itertools import islice
from types import CodeType

from pythread_rs.ownership._diagnostic import UNKNOWN
from pythread_rs.ownership._lines import learn, lines_of

__all__ = [
    "Function",
    "Position",
    "find_call",
    "find_function",
    "find_loop",
    "header_end",
    "parsed",
    "pick_argument",
    "position_at",
    "position_of",
    "utf8",
]

Position = tuple[int, int, int, int]
"""Line, column, end line, end column: columns in UTF-8 bytes from 0."""

Function = ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Loop = ast.For | ast.AsyncFor | ast.While


def position_at(code: CodeType, offset: int) -> Position | None:
    """Return the position of the instruction at an offset; None without a line."""
    for found in islice(code.co_positions(), max(0, offset) // 2, None):
        line, end_line, column, end_column = found
        if line is None:
            return None
        if column is None or end_column is None or end_line is None:
            return line, UNKNOWN, line, UNKNOWN
        return line, column, end_line, end_column
    return None


def position_of(node: ast.expr | ast.stmt | ast.arg) -> Position:
    """Return where a node of a tree begins and ends."""
    end_line = node.end_lineno or node.lineno
    return node.lineno, node.col_offset, end_line, node.end_col_offset or node.col_offset


def _contains(outer: Position, inner: Position) -> bool:
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


def utf8(text: str) -> bytes:
    """Encode a text as positions count it."""
    return text.encode("utf-8", "surrogatepass")


def parsed(code: CodeType) -> ast.Module | None:
    """Return the tree of the file that a code object is from; None without a fitting source."""
    learn(code)
    try:
        return ast.parse("\n".join(lines_of(code.co_filename)))
    except Exception:  # not Python any more, too deep, or gone
        return None


def find_call(code: CodeType, lasti: int) -> ast.Call | None:
    """Find the call that a frame is in, in the tree of its source."""
    position, tree = position_at(code, lasti), parsed(code)
    if tree is None or position is None:
        return None
    end = position[2:]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls = [call for call in calls if position_of(call)[2:] == end]
    exact = [call for call in calls if position_of(call) == position]
    # The instruction of a method call over several lines begins at the name of the method.
    return next(iter(exact or calls), None)


def pick_argument(call: ast.Call, argument: int | str) -> ast.expr | None:
    """Return an argument's expression, if it stands in the text as one."""
    if isinstance(argument, str):
        return next((k.value for k in call.keywords if k.arg == argument), None)
    leading = call.args[: argument + 1]
    if argument >= len(call.args) or any(isinstance(a, ast.Starred) for a in leading):
        return None
    return call.args[argument]


# -- Which function of the text a code object is. --------------------------------------------------


def find_function(code: CodeType) -> Function | None:
    """Find the lambda, def or class that a code object was compiled from."""
    tree = parsed(code)
    if tree is None:
        return None
    found = [node for node in ast.walk(tree) if isinstance(node, Function)]
    if code.co_name != "<lambda>":
        named = [node for node in found if not isinstance(node, ast.Lambda)]
        return next((n for n in named if _is_header_of(n, code)), None)
    lambdas = [node for node in found if isinstance(node, ast.Lambda)]
    lambdas = [node for node in lambdas if node.lineno == code.co_firstlineno]
    return _fitting_lambda(lambdas, code)


def _is_header_of(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, code: CodeType
) -> bool:
    first = min(node.lineno, *(d.lineno for d in node.decorator_list), node.lineno)
    return node.name == code.co_name and first == code.co_firstlineno


def _fitting_lambda(lambdas: list[ast.Lambda], code: CodeType) -> ast.Lambda | None:
    """Choose among the lambdas of a line the smallest one that holds all that the code does."""
    places = [
        (line, column, end_line, end_column)
        for line, end_line, column, end_column in code.co_positions()
        if line is not None and column is not None and end_line is not None
        if end_column is not None and end_column > 0
    ]
    holding = [
        node for node in lambdas if all(_contains(position_of(node.body), p) for p in places)
    ]
    holding.sort(key=lambda node: (-node.lineno, -node.col_offset))
    if not places:
        # A constant alone has no position on some versions.
        holding = [node for node in lambdas if _is_constant_of(node.body, code)] or lambdas
    return next(iter(holding), None)


def _is_constant_of(body: ast.expr, code: CodeType) -> bool:
    return isinstance(body, ast.Constant) and any(
        type(body.value) is type(constant) and body.value == constant for constant in code.co_consts
    )


def header_end(node: Function, code: CodeType) -> tuple[int, int]:
    """Return where the header of a function ends: on its first line, so that no rail is drawn."""
    line = lines_of(code.co_filename)[node.lineno - 1].encode("utf-8", "surrogatepass")
    words = b"lambda"
    if not isinstance(node, ast.Lambda):
        words = rb"(?:async\s+)?(?:def|class)\s+" + re.escape(utf8(node.name))
    found = re.compile(words).match(line, node.col_offset)
    end = found.end() if found else len(line)
    if isinstance(node, ast.ClassDef):
        return node.lineno, end
    parts = [part for part in ast.walk(node.args) if isinstance(part, ast.expr | ast.arg)]
    last = max((position_of(part)[2:] for part in parts), default=(node.lineno, end))
    if last[0] != node.lineno:
        return node.lineno, end
    end = max(end, last[1])
    if not isinstance(node, ast.Lambda):
        closing = line.find(b")", end)
        end = closing + 1 if closing >= 0 else end
    return node.lineno, end


# -- Loops. ----------------------------------------------------------------------------------------


def find_loop(code: CodeType, offset: int) -> Position | None:
    """Return the position of the head of the innermost loop around an instruction.

    Only loops of the same function count: a closure that is made in a loop does not run in it.
    """
    position, tree = position_at(code, offset), parsed(code)
    if tree is None or position is None or position[1] == UNKNOWN:
        return None
    found: _Loop | ast.comprehension | None = None
    node: ast.AST | None = tree
    while node is not None:
        if isinstance(node, Function):
            found = None
        inside = _child_around(node, position)
        if inside is not None and _repeats(node, inside):
            found = _loop_of(node)
        node = inside
    return None if found is None else _loop_head(found, lines_of(code.co_filename))


def _child_around(node: ast.AST, position: Position) -> ast.AST | None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.comprehension):
            if _child_around(child, position) is not None:
                return child
        elif isinstance(child, ast.expr | ast.stmt | ast.excepthandler | ast.keyword):
            line, column = child.lineno, child.col_offset
            end = child.end_lineno or line, child.end_col_offset or column
            if _contains((line, column, *end), position):
                return child
        elif _child_around(child, position) is not None:
            return child  # `match` cases, `with` items: nodes without a position
    return None


def _repeats(node: ast.AST, inside: ast.AST) -> bool:
    """Tell whether a part of a node runs more than once for one run of the node."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return inside in node.body
    if isinstance(node, ast.While):
        return inside in node.body or inside is node.test
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        return inside not in node.generators
    return False


def _loop_of(node: ast.AST) -> _Loop | ast.comprehension | None:
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        return node.generators[-1]
    return node if isinstance(node, _Loop) else None


def _loop_head(loop: _Loop | ast.comprehension, lines: list[str]) -> Position | None:
    last = loop.test if isinstance(loop, ast.While) else loop.iter
    end = position_of(last)[2:]
    if isinstance(loop, ast.comprehension):
        line = loop.target.lineno
        before = utf8(lines[line - 1])[: loop.target.col_offset]
        start = line, before.rfind(b"for")
    else:
        start = loop.lineno, loop.col_offset
    return (*start, *end) if start[0] == end[0] and start[1] >= 0 else None
