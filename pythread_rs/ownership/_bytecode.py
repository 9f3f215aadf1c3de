"""A function's bytecode as a graph of loads and stores, in one form for CPython 3.11 to 3.15."""

from __future__ import annotations

import dis
import linecache
import re
import sys
from functools import cached_property
from types import CodeType
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CO_OPTIMIZED", "Graph", "Handler", "Made", "Position", "Step", "bits", "spread"]

T = TypeVar("T")

# Two instructions in one: the first variable is in the upper four bits of the argument.
_DOUBLE: Final = {
    "LOAD_FAST_LOAD_FAST": ("LOAD_FAST", "LOAD_FAST"),
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": ("LOAD_FAST", "LOAD_FAST"),
    "STORE_FAST_LOAD_FAST": ("STORE_FAST", "LOAD_FAST"),
    "STORE_FAST_STORE_FAST": ("STORE_FAST", "STORE_FAST"),
}
_JUMPS: Final = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})
_ENDS: Final = frozenset({"RAISE_VARARGS", "RERAISE", "RETURN_CONST", "RETURN_VALUE"})
# What cannot raise, short of a signal, a lack of memory or an assignment into a strange namespace.
# LOAD_FAST is among them: since 3.12 the compiler writes LOAD_FAST_CHECK where the variable may be
# unbound; on 3.11 an unbound variable is a programming error of its own.
_QUIET_NAMES = """
    BUILD_LIST BUILD_STRING BUILD_TUPLE CACHE COPY COPY_FREE_VARS END_FOR END_SEND IS_OP
    KW_NAMES LIST_APPEND MAKE_CELL MAKE_FUNCTION NOP NOT_TAKEN PRECALL RETURN_GENERATOR
    SET_FUNCTION_ATTRIBUTE SWAP
    JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT JUMP_FORWARD
    LOAD_CLOSURE LOAD_COMMON_CONSTANT LOAD_CONST LOAD_FAST LOAD_FAST_AND_CLEAR LOAD_SMALL_INT
    POP_EXCEPT POP_ITER POP_TOP PUSH_EXC_INFO PUSH_NULL RETURN_CONST RETURN_VALUE
    STORE_DEREF STORE_FAST STORE_GLOBAL STORE_NAME
    POP_JUMP_BACKWARD_IF_NONE POP_JUMP_BACKWARD_IF_NOT_NONE POP_JUMP_FORWARD_IF_NONE
    POP_JUMP_FORWARD_IF_NOT_NONE POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE
"""
# Since 3.13 TO_BOOL comes before these, and that is what calls `__bool__`.
_QUIET_SINCE_3_13 = "POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE UNARY_NOT"
_QUIET: Final = frozenset(
    (_QUIET_NAMES + (_QUIET_SINCE_3_13 if sys.version_info >= (3, 13) else "")).split()
)
# What a step does with the variable that its argument numbers, among the locals or by name.
_LOADS = "CLASSDEREF CLOSURE DEREF FAST FAST_CHECK FROM_DICT_OR_DEREF"
_LOCAL: Final = {
    **{f"LOAD_{end}": "load" for end in _LOADS.split()},
    **dict.fromkeys(("MAKE_CELL", "STORE_DEREF", "STORE_FAST"), "store"),
    "DELETE_DEREF": "empty",
    "DELETE_FAST": "delete",
    "LOAD_FAST_AND_CLEAR": "set aside",
}
_NAMED: Final = {
    **dict.fromkeys(("LOAD_FROM_DICT_OR_GLOBALS", "LOAD_GLOBAL", "LOAD_NAME"), "load"),
    **dict.fromkeys(("STORE_GLOBAL", "STORE_NAME"), "store"),
    **dict.fromkeys(("DELETE_GLOBAL", "DELETE_NAME"), "empty"),
}
_KINDS: Final = {
    "<dictcomp>": "comprehension",
    "<genexpr>": "generator",
    "<listcomp>": "comprehension",
    "<setcomp>": "comprehension",
}
CO_OPTIMIZED: Final = 0x1  # class bodies and modules are without it


class Position(NamedTuple):
    """A place in the source: lines from 1, columns in UTF-8 bytes from 0."""

    line: int
    column: int
    end_line: int
    end_column: int


class Step(NamedTuple):
    """One instruction, or one half of a double one."""

    name: str
    opcode: int
    argument: int
    offset: int  # in bytes, as `frame.f_lasti`
    after: int  # offset of what follows, behind the inline caches
    half: int  # 1 for the second half of a double instruction


class Handler(NamedTuple):
    """Where an exception goes, and how much of the stack is kept."""

    target: int
    depth: int
    lasti: bool


class Made(NamedTuple):
    """A function made by a step, or a "comprehension", "generator" or "class" body that runs.

    The variables of its cells are in `cells`, and the steps that load these cells in `loads`.
    """

    code: CodeType
    kind: str
    cells: tuple[int, ...]
    loads: range


class Graph:
    """The control flow of one code object; steps are named by their index.

    A variable is a number: first the locals, cells and free variables, as the instructions count
    them, then the names of `co_names`, for globals and for a module's own variables.
    """

    def __init__(self, code: CodeType) -> None:
        self.code = code
        extra = tuple(name for name in code.co_cellvars if name not in code.co_varnames)
        self.slots: tuple[str, ...] = code.co_varnames + extra + code.co_freevars
        self.variables: tuple[str, ...] = self.slots + code.co_names
        self.steps: list[Step] = list(_decode(code.co_code))
        self._at: dict[int, int] = {}
        for index, step in enumerate(self.steps):
            self._at.setdefault(step.offset, index)
        self.successors: list[tuple[int, ...]] = [
            self._successors_of(index, step) for index, step in enumerate(self.steps)
        ]
        self.handlers: dict[int, Handler] = self._read_handlers()

    def index_at(self, offset: int) -> int | None:
        """Find the step that `frame.f_lasti` means."""
        # 3.11 leaves it at the last cache entry of a call of a Python function.
        if not 0 <= offset < len(self.code.co_code):
            return None
        while offset not in self._at:
            offset -= 2
        index = self._at[offset]
        # 3.11 calls some C functions from PRECALL and skips CALL.
        while self.steps[index].name == "PRECALL":
            index += 1
        return index

    def _successors_of(self, index: int, step: Step) -> tuple[int, ...]:
        """List where a step leads without an exception."""
        if step.name in _ENDS:
            return ()
        # 3.14 gives END_ASYNC_FOR a jump's argument for tracing tools; nothing jumps there.
        if step.opcode not in dis.hasjrel or step.name == "END_ASYNC_FOR":
            return (index + 1,) if index + 1 < len(self.steps) else ()
        way = -2 if "BACKWARD" in step.name else 2
        target = self._index_from(step.after + way * step.argument)
        return (target,) if step.name in _JUMPS else (index + 1, target)

    def _index_from(self, offset: int) -> int:
        """Find a jump's target, which may be the prefix of an instruction."""
        while offset not in self._at:
            offset += 2
        return self._at[offset]

    def _read_handlers(self) -> dict[int, Handler]:
        handlers: dict[int, Handler] = {}
        for start, end, target, info in _exception_table(self.code.co_exceptiontable):
            handler = Handler(self._index_from(target), info >> 1, bool(info & 1))
            for index in range(self._index_from(start), len(self.steps)):
                if self.steps[index].offset >= end:
                    break
                if self.may_raise(index):
                    handlers[index] = handler
        return handlers

    def may_raise(self, index: int) -> bool:
        """Tell whether a step can raise of its own."""
        step = self.steps[index]
        if step.name == "RESUME":
            return bool(step.argument & 3)  # 0 is a function's start; else `throw()` comes here
        return step.name not in _QUIET

    @cached_property
    def depths(self) -> list[int]:
        """How many values are on the stack before each step; -1 where nothing leads."""
        return self._stack[0]

    @cached_property
    def restores(self) -> frozenset[int]:
        """The stores that put back what an inlined comprehension had set aside."""
        if not any(step.name == "LOAD_FAST_AND_CLEAR" for step in self.steps):
            return frozenset()
        return frozenset(self._stack[1])

    @cached_property
    def _stack(self) -> tuple[list[int], set[int]]:
        """Follow the stack's height, and in it the variables that comprehensions set aside."""
        depths = [-1] * len(self.steps)
        restores: set[int] = set()
        todo: list[tuple[int, int, dict[int, int]]] = [(0, 0, {})]
        while todo:
            index, depth, aside = todo.pop()
            if depths[index] >= 0:
                continue
            depths[index] = depth
            if handler := self.handlers.get(index):
                kept = {at: variable for at, variable in aside.items() if at < handler.depth}
                todo.append((handler.target, handler.depth + handler.lasti + 1, kept))
            step = self.steps[index]
            if step.name == "STORE_FAST" and aside.get(depth - 1) == step.argument:
                restores.add(index)
            aside = _set_aside(step, depth, aside)
            todo += [
                (target, self._depth_after(index, depth, target), aside)
                for target in self.successors[index]
            ]
        return depths, restores

    def _depth_after(self, index: int, depth: int, target: int) -> int:
        step = self.steps[index]
        argument = step.argument if step.opcode >= dis.HAVE_ARGUMENT else None
        jump = step.opcode in dis.hasjrel and (target != index + 1 or step.name in _JUMPS)
        if step.name == "RETURN_GENERATOR":
            return depth + 1  # what `next` sends first; before 3.13 `stack_effect` forgets it
        return depth + dis.stack_effect(step.opcode, argument, jump=jump)

    def depth_after(self, index: int) -> int:
        """Count the values on the stack after a step that does not jump."""
        return self._depth_after(index, self.depths[index], index + 1)

    def expression_of(self, index: int) -> range:
        """Give the steps of the expression whose value a step pushes; only that one if unclear.

        The compiler copies the end of an expression that a branch in it leads to.
        """
        bottom = self.depth_after(index) - 1
        start = next((at for at in range(index, -1, -1) if self.depths[at] == bottom), index)
        inside = range(start, index + 1)
        for at, targets in enumerate(self.successors):
            for target in targets:
                if at != index and target != start and (at in inside) != (target in inside):
                    return range(index, index + 1)
        return inside

    def call_that_takes(self, index: int) -> int | None:
        """Find the call whose argument is the value that a step pushes, if that is plain to see."""
        bottom = self.depth_after(index) - 1
        while len(self.successors[index]) == 1:
            index = self.successors[index][0]
            step = self.steps[index]
            if step.name != "PRECALL" and self.depth_after(index) <= bottom:
                return index if step.name.startswith("CALL") else None
        return None

    @cached_property
    def made(self) -> dict[int, Made]:
        """The functions, comprehensions and class bodies made in this code, by their step."""
        made: dict[int, Made] = {}
        for index, step in enumerate(self.steps):
            constant = self.steps[index - 1]
            if step.name != "MAKE_FUNCTION" or constant.name != "LOAD_CONST":
                continue
            code = self.code.co_consts[constant.argument]
            # The loads of the cells, BUILD_TUPLE, the code; since 3.13 attributes are set later.
            loads = range(index - 2 - len(code.co_freevars), index - 2)
            cells = tuple(self.steps[load].argument for load in loads)
            last = index
            while self.steps[last + 1].name == "SET_FUNCTION_ATTRIBUTE":
                last += 1
            is_function = code.co_flags & CO_OPTIMIZED
            kind = _KINDS.get(code.co_name, "function") if is_function else "class"
            made[last] = Made(code, kind, cells, loads)
        return made

    @cached_property
    def captures(self) -> frozenset[int]:
        """The loads that take a cell for a new function, and not the value in it."""
        return frozenset(load for made in self.made.values() for load in made.loads)

    def runs_at(self, index: int) -> list[int]:
        """Find the calls that run what a step has made; for a function the step itself."""
        if self.made[index].kind == "function":
            return [index]
        depth = self.depth_after(index)
        calls: list[int] = []
        seen = {index}
        todo = [index]
        while todo:
            for later in self.successors[todo.pop()]:
                if later not in seen:
                    seen.add(later)
                    called = self.steps[later].name.startswith("CALL")
                    runs = called and self.depth_after(later) <= depth
                    (calls if runs else todo).append(later)
        return calls

    def stores_of(self, index: int) -> list[tuple[int, int]]:
        """List the steps that put what a step has made into variables, and these variables."""
        stores: list[tuple[int, int]] = []
        for made in self.runs_at(index):
            for later in range(made + 1, len(self.steps)):
                if self.steps[later].name == "COPY":
                    continue
                access = self.access(later)
                if access and access[0] == "store":
                    stores.append((later, access[1]))
                if self.steps[later - 1].name != "COPY":
                    break
        return stores

    def is_waiting(self, index: int, later: int) -> bool:
        """Tell whether the value that a step pushes is on the stack until a later step."""
        between = self.depths[index + 1 : later + 1]
        return bool(between) and min(between) >= self.depth_after(index)

    def keywords_of(self, call: int) -> tuple[tuple[str, ...], int]:
        """Give the names of a call's keyword arguments, and the step where its arguments end."""
        end = call
        while self.steps[end - 1].name in {"KW_NAMES", "PRECALL"}:  # 3.11 and 3.12
            end -= 1
        if self.steps[call].name == "CALL_KW":  # since 3.13
            end = call - 1
        found = end < call and self.steps[end].name != "PRECALL"
        return (self.code.co_consts[self.steps[end].argument] if found else ()), end

    def outer_names(self, made: Made, found: dict[str, T]) -> dict[int, T]:
        """Translate the free variables and global names of nested code to this code's variables."""
        cells = dict(zip(made.code.co_freevars, made.cells, strict=True))
        first = len(self.slots)
        numbers = {name: first + at for at, name in enumerate(self.code.co_names)} | cells
        return {numbers[name]: value for name, value in found.items() if name in numbers}

    def access(self, index: int) -> tuple[str, int] | None:
        """Say what a step does with which variable.

        "load", "store", "delete", "empty": the deletion that fails when the variable has no value,
        which is that of a cell or name; "set aside" and "put back", around a comprehension.
        """
        step = self.steps[index]
        if kind := _LOCAL.get(step.name):
            if index in self.captures:
                return None
            return ("put back" if index in self.restores else kind), step.argument
        if kind := _NAMED.get(step.name):
            # LOAD_GLOBAL keeps a flag in the lowest bit.
            name = step.argument >> 1 if step.name == "LOAD_GLOBAL" else step.argument
            return kind, len(self.slots) + name
        return None

    @cached_property
    def _positions(self) -> list[tuple[int | None, int | None, int | None, int | None]]:
        return list(self.code.co_positions())

    def position(self, index: int) -> Position:
        """Say where in the source a step comes from; whole lines if columns are not recorded."""
        step = self.steps[index]
        line, end_line, column, end_column = self._positions[step.offset // 2]
        if line is None:
            line = self.code.co_firstlineno
        if end_line is None or column is None or end_column is None:
            return Position(line, 0, line, 0)
        position = Position(line, column, end_line, end_column)
        return self._second(index, position) if step.half else position

    def _second(self, index: int, first: Position) -> Position:
        """Look up the second variable of a double instruction: only the first one is recorded.

        Both are on one line, with little between them. In a comprehension the first is the target,
        and the second may be the element, to the left of it.
        """
        names = [self.slots[self.steps[at].argument].encode() for at in (index - 1, index)]
        line = linecache.getline(self.code.co_filename, first.line).encode()
        if names[0] not in line[first.column : first.end_column]:
            return first  # not the source that was compiled
        # Neither an attribute nor the name of a keyword argument is the variable.
        pattern = rb"(?<![\w.\x80-\xff])%s(?![\w\x80-\xff]|\s*=[^=])" % names[1]
        spans = [found.span() for found in re.finditer(pattern, line)]
        left = [span for span in spans if span[1] <= first.column][-1:]
        right = [span for span in spans if span[0] >= first.end_column][:1]
        target = self.steps[index - 1].name == "STORE_FAST"
        if target and re.search(rb"\S.*\bfor\b", line[: first.column]):
            left, right = right, left
        for start, end in right or left:
            return first._replace(column=start, end_column=end)
        return first


def _set_aside(step: Step, depth: int, aside: dict[int, int]) -> dict[int, int]:
    """Follow one step's effect on the variables that are kept on the stack.

    Args:
        step: The step.
        depth: The stack's height before it.
        aside: The variable that is kept, by its place on the stack.
    """
    if step.name == "LOAD_FAST_AND_CLEAR":
        return {**aside, depth: step.argument}
    if not aside:
        return aside
    if step.name == "SWAP":
        swapped = {depth - 1: depth - step.argument, depth - step.argument: depth - 1}
        return {swapped.get(at, at): variable for at, variable in aside.items()}
    if step.name == "STORE_FAST":
        return {at: variable for at, variable in aside.items() if at < depth - 1}
    return aside


def _decode(code: bytes) -> Iterator[Step]:
    """Split a code string, in which `co_code` has undone all specialisation and tracing."""
    argument = 0
    cache = dis.opmap["CACHE"]
    for offset in range(0, len(code), 2):
        opcode = code[offset]
        if opcode == cache:
            continue
        argument = argument << 8 | code[offset + 1]
        if opcode == dis.EXTENDED_ARG:
            continue
        name = dis.opname[opcode]
        after = offset + 2
        while after < len(code) and code[after] == cache:
            after += 2
        if double := _DOUBLE.get(name):
            for half, variable in enumerate((argument >> 4, argument & 15)):
                yield Step(double[half], dis.opmap[double[half]], variable, offset, after, half)
        else:
            name = "LOAD_FAST" if name == "LOAD_FAST_BORROW" else name
            yield Step(name, opcode, argument, offset, after, 0)
        argument = 0


def _exception_table(table: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Read start, end and target as offsets, and depth and lasti in one number."""
    numbers: list[int] = []
    number = 0
    for byte in table:
        # Bit 7 marks an entry's first byte; bit 6 says that the number goes on.
        number = number << 6 | byte & 63
        if not byte & 64:
            numbers.append(number)
            number = 0
    for start, length, target, info in zip(*[iter(numbers)] * 4, strict=True):
        yield start * 2, (start + length) * 2, target * 2, info


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set."""
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1


def spread(
    graph: Graph, starts: dict[int, int], transfer: Callable[[int, int], tuple[int, int]]
) -> dict[int, int]:
    """Follow bits along all ways until nothing is new.

    Args:
        graph: The code.
        starts: The bits that each first step begins with.
        transfer: Gives the bits after a step, and those that its exception handler gets.

    Returns:
        The bits before each step that can be reached.
    """
    order = _order(graph, list(starts))
    state = dict.fromkeys(order, 0) | starts
    done: dict[int, int] = {}
    more = True
    while more:  # once for the straight way, and once for each loop in a loop
        more = False
        for index in order:
            before = state[index]
            if done.get(index) == before:
                continue
            more = True
            done[index] = before
            after, raised = transfer(index, before)
            for target in graph.successors[index]:
                state[target] |= after
            if handler := graph.handlers.get(index):
                state[handler.target] |= raised
    return state


def _order(graph: Graph, starts: list[int]) -> list[int]:
    """Sort the steps that can be reached so that each, loops apart, comes after those before it."""
    order: list[int] = []
    seen: set[int] = set()
    # A step comes twice: to look at what follows it, and when all that has its place.
    todo = [(start, False) for start in starts]
    while todo:
        index, is_done = todo.pop()
        if is_done:
            order.append(index)
        elif index not in seen:
            seen.add(index)
            todo.append((index, True))
            todo += [(target, False) for target in graph.successors[index]]
            if handler := graph.handlers.get(index):
                todo.append((handler.target, False))
    order.reverse()
    return order
