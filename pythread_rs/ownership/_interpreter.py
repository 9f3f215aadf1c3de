"""Bytecode run on origins instead of values: what code does to the objects in its variables."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Mapping
from types import CodeType
from typing import NamedTuple

from pythread_rs.ownership._flow import Flow, State, Unmodelled, position_of
from pythread_rs.ownership._opcodes import ESCAPING, FALLTHROUGH, INERT, READING
from pythread_rs.ownership._values import (
    DEEPEST,
    EMPTY,
    Atom,
    Function,
    Position,
    Use,
    Value,
    boxed,
    flat,
    items,
    substituted,
)

__all__ = ["GLOBAL", "Effects", "Interpreter"]

GLOBAL = "global "  # what stands before the name of a global, which no variable's name has

# Uses that go on to whatever the object holds.
_DEEP = frozenset({"format", "compare", "arith", "escape", "hash", "return", "contains"})


class Effects(NamedTuple):
    """What a code object does, the code nested in it included.

    `reads` and `writes` are of variables, `uses` of the objects in them, each with the place of
    the first; globals are called "global x". `returns`: where the result, or what it yields, may
    come from. `assumed`: builtins that are taken for what they are.
    `opaque`: the code has a form that is not known, so every object in it is used in every way.
    """

    reads: Mapping[str, Position]
    writes: Mapping[str, Position]
    uses: Mapping[str, Mapping[Use, Position]]
    returns: frozenset[Atom]
    assumed: frozenset[str]
    opaque: bool = False


class Recorder(Flow):
    """The part that remembers what was done to what."""

    def __init__(self, code: CodeType, nested: Callable[[CodeType], Effects]) -> None:
        super().__init__(code)
        self.nested = nested
        self.reads: dict[str, Position] = {}
        self.writes: dict[str, Position] = {}
        self.uses: dict[str, dict[Use, Position]] = {}
        self.returns: set[Atom] = set()
        self.assumed: set[str] = set()
        self.opaque = False
        self.consumed: set[CodeType] = set()  # nested functions that may be called
        self.ever: dict[str, Value] = {}  # what a cell variable may hold at any time

    @property
    def place(self) -> Position:
        """Where the instruction stands."""
        return position_of(self.at)

    def note(self, table: dict[str, Position], name: str, place: Position | None = None) -> None:
        """Remember the first place where a variable is read or written."""
        place = place or self.place
        if name not in table or place < table[name]:
            table[name] = place

    def record(self, root: str, use: Use, place: Position) -> None:
        """Remember the first place where an object is used in one way."""
        uses = self.uses.setdefault(root, {})
        if use not in uses or place < uses[use]:
            uses[use] = place

    def use(self, value: Value, use: Use, place: Position | None = None) -> None:
        """Do something to a value: to the object itself and, for some uses, to what it holds."""
        place = place or self.place
        if use.level:
            value, use = items(value), use._replace(level=0)
        goes_on = use.op in _DEEP
        for atom in flat(value):
            if atom.kind == "func":
                self.consume(atom.extra)
            elif atom.kind == "result":
                self.record(atom.root, atom.extra._replace(level=atom.level, inner=use), place)
            elif atom.kind == "method":
                level = min(atom.level + 1, DEEPEST)
                self.record(atom.root, use._replace(level=level), place)
            elif atom.kind == "obj" or (atom.kind == "box" and goes_on):
                self.record(atom.root, use._replace(level=atom.level), place)
                for level in range(atom.level + 1, DEEPEST + 1 if goes_on else 0):
                    self.record(atom.root, use._replace(level=level), place)

    def do(self, value: Value, op: str, name: str = "") -> None:
        """Do something to a value that needs no more words."""
        if value:
            self.use(value, Use(0, op, name))

    def consume(self, function: Function) -> None:
        """Take a nested function as called: its captures are used, its defaults too."""
        # Its own parameters are not what it captures, so only defaults can come back.
        found = self.apply(function, (), {})
        self.do(found, "escape", "returned by a function")

    def apply(
        self, function: Function, values: tuple[Value, ...], keywords: dict[str, Value]
    ) -> Value:
        """Call a nested function: what it does to its parameters is done to the values."""
        code = function.code
        self.consumed.add(code)
        effects = self.nested(code)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        bound = dict(zip(names[code.co_argcount :], [function.keywords] * len(names), strict=False))
        with_defaults = names[: code.co_argcount][code.co_argcount - len(function.defaults) :]
        bound |= dict(zip(with_defaults, function.defaults, strict=False))
        bound |= dict(zip(names[: code.co_argcount], values, strict=False))
        bound |= {name: value for name, value in keywords.items() if name in names}
        extra = [*values[code.co_argcount :], *(keywords[k] for k in keywords if k not in names)]
        if extra or effects.opaque:
            self.do(boxed(*extra, *bound.values()), "escape", "parameters")
        for name, value in bound.items():
            for use in effects.uses.get(name, {}):
                if use.op != "return" and value:
                    self.use(value, use)
        found = EMPTY
        for atom in effects.returns:
            value = bound.get(atom.root, EMPTY)
            if atom.root in code.co_freevars or atom.root.startswith(GLOBAL):
                value = self.visible(atom.root)
            found |= substituted(atom, value)
        return found

    def visible(self, name: str) -> Value:
        """Give what a variable may hold when a nested function looks at it."""
        value = self.ever.get(name, EMPTY)
        if name.startswith(GLOBAL) or name in self.code.co_freevars:
            value |= frozenset([Atom("obj", name)])
        return value

    def finish(self, codes: set[CodeType]) -> None:
        """Add what nested functions do to the variables that they see here."""
        for code in codes:
            effects = self.nested(code)
            self.opaque |= effects.opaque
            self.assumed |= effects.assumed
            for theirs, ours in ((effects.reads, self.reads), (effects.writes, self.writes)):
                for name, place in theirs.items():
                    if name in code.co_freevars or name.startswith(GLOBAL):
                        self.note(ours, name, place)
            for name, uses in effects.uses.items():
                if name not in code.co_freevars and not name.startswith(GLOBAL):
                    continue
                value = self.visible(name)
                for use, place in uses.items():
                    self.use(value, use, place)


class Interpreter(Recorder):
    """The instructions of a code object, as far as they move values about."""

    def __init__(self, code: CodeType, nested: Callable[[CodeType], Effects]) -> None:
        super().__init__(code, nested)
        self.cells = {*code.co_cellvars, *code.co_freevars}
        # A class body's names are its own; the other code that loads names is a module's.
        self.names = "name " if not self._is_module(code) else GLOBAL
        self.keyword_names: tuple[str, ...] = ()

    @staticmethod
    def _is_module(code: CodeType) -> bool:
        return code.co_name == "<module>" or not code.co_flags & inspect.CO_NEWLOCALS

    def effects(self) -> Effects:
        """Give what was found."""
        return Effects(
            self.reads,
            self.writes,
            self.uses,
            frozenset(self.returns),
            frozenset(self.assumed),
            self.opaque,
        )

    def run(self) -> Effects:
        """Analyse the whole code; parameters are variables whose objects are followed."""
        try:
            known = -1
            while known != (known := sum(map(len, self.ever.values()))):
                self.states.clear()
                self.walk(self.instructions[0].offset, State((), self.parameters()))
            codes = {const for const in self.code.co_consts if isinstance(const, CodeType)}
            self.finish(codes)
        except Exception:
            # A form of code that nobody thought of must not stop a spawn: it is not known, then.
            self.opaque = True
        for table in (self.reads, self.writes):
            for name in [name for name in table if not self.is_outside(name)]:
                del table[name]
        return self.effects()

    def is_outside(self, name: str) -> bool:
        """Tell whether a variable is not the code's own."""
        return name in self.code.co_freevars or name.startswith(GLOBAL)

    def parameters(self) -> dict[str, Value]:
        """Give what the variables hold at the start: each parameter its own object."""
        code = self.code
        count = code.co_argcount + code.co_kwonlyargcount
        count += bool(code.co_flags & inspect.CO_VARARGS)
        count += bool(code.co_flags & inspect.CO_VARKEYWORDS)
        found = {name: frozenset([Atom("obj", name)]) for name in code.co_varnames[:count]}
        for name in set(found) & self.cells:
            self.ever[name] = found[name]
        return found

    # The stack.

    def pop(self) -> Value:
        """Take the top of the stack."""
        return self.stack.pop()

    def take(self, count: int) -> tuple[Value, ...]:
        """Take some values from the top, the lowest first."""
        taken = tuple(self.stack[len(self.stack) - count :])
        if len(taken) < count:
            raise Unmodelled("the stack is too short")
        del self.stack[len(self.stack) - count :]
        return taken

    def push(self, value: Value) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    # The variables.

    def load(self, name: str) -> Value:
        """Give what a variable holds; a free variable or a global is its own origin."""
        value = self.variables.get(name, EMPTY)
        if name in self.cells or name.startswith(GLOBAL):
            value |= self.visible(name)
        return value

    def store(self, name: str, value: Value) -> None:
        """Put a value into a variable."""
        self.variables[name] = value
        self.stored = True
        if name in self.cells or name.startswith(GLOBAL):
            self.ever[name] = self.ever.get(name, EMPTY) | value

    def step(self, instruction: dis.Instruction) -> None:
        """Apply one instruction."""
        name = instruction.opname
        if name in FALLTHROUGH:
            return
        if name in ESCAPING:
            popped, pushed = ESCAPING[name]
            for value in self.take(popped):
                self.do(value, "escape", name.lower())
            self.stack.extend([EMPTY] * pushed)
        elif name in INERT:
            popped, pushed = INERT[name]
            self.take(popped)
            self.stack.extend([EMPTY] * pushed)
        elif name in READING:
            popped, op, pushed = READING[name]
            for value in self.take(popped):
                self.do(value, op)
            self.stack.extend([EMPTY] * pushed)
        else:
            handler = getattr(self, "op_" + name.lower(), None)
            if handler is None:
                self.unknown(instruction)
            else:
                handler(instruction)

    def unknown(self, at: dis.Instruction) -> None:
        """Take an instruction that is not modelled as one that does anything to the stack."""
        for value in self.stack:
            self.do(value, "escape", at.opname.lower())
        depth = len(self.stack) + dis.stack_effect(at.opcode, at.arg, jump=False)
        del self.stack[max(depth, 0) :]
        self.stack.extend([EMPTY] * (depth - len(self.stack)))
