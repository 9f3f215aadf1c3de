"""What the code around a scope's spawn still does before the scope ends: one more borrower."""

from __future__ import annotations

import dis
from bisect import bisect_right
from dis import Instruction
from types import CodeType
from typing import NamedTuple

from pythread_rs.ownership._callsteps import Call
from pythread_rs.ownership._effects import GLOBAL, Effects, effects
from pythread_rs.ownership._flow import State, Unmodelled
from pythread_rs.ownership._steps import Steps
from pythread_rs.ownership._values import EMPTY, Atom, Value

__all__ = ["Body", "body_after"]

_MAX_CACHED = 4096  # spawn sites, with no measure behind it
_cache: dict[tuple[int, int], tuple[CodeType, Body]] = {}
_ways: dict[int, _Way] = {}  # by the id of the code, which the value keeps
_CALLS = {"CALL": 2, "CALL_KW": 3}  # and how many values a call takes besides its arguments


class Body(NamedTuple):
    """What one frame does from a spawn on.

    `effects` reaches to the end of the `with scope()` block when `has_scope`, else to the end of
    the function: then the block is in a frame above.
    """

    effects: Effects
    has_scope: bool


def body_after(code: CodeType, lasti: int) -> Body:
    """Say what a frame does after the call at `lasti` while the scope is open.

    Thread safety: any thread.
    """
    known = _cache.get((id(code), lasti))
    if known is not None:
        return known[1]
    found = _analyse(code, lasti)
    if len(_cache) >= _MAX_CACHED:
        _cache.clear()
    _cache[id(code), lasti] = (code, found)
    return found


def _analyse(code: CodeType, lasti: int) -> Body:
    try:
        way = _way_through(code)
        after = _After(code)
        number = max(bisect_right(after.offsets, lasti) - 1, 0)
        stack = way.calls[after.offsets[number]]
        after.scope = way.chosen(stack)
        after.scope_name = way.names_of.get(after.scope, "")
        return Body(after.run_from(number, stack), bool(after.scope))
    except Exception:  # as in Interpreter.run: what cannot be analysed is not known
        return Body(Effects({}, {}, {}, frozenset(), frozenset(), opaque=True), has_scope=True)


def _way_through(code: CodeType) -> _Way:
    """Walk through a function once for all the spawns in it."""
    known = _ways.get(id(code))
    if known is None:
        known = _Way(code)
        known.walk(known.instructions[0].offset, State((), {}))
        if len(_ways) >= _MAX_CACHED:
            _ways.clear()
        _ways[id(code)] = known
    return known


class _OwnVariables(Steps):
    """Code whose variables all are followed, each as an origin of its own."""

    hands_over = True

    def __init__(self, code: CodeType) -> None:
        super().__init__(code, effects)
        self.offsets = [at.offset for at in self.instructions]

    def absent(self, _name: str) -> Value:
        """Give every variable its own object."""
        return frozenset([Atom("obj", _name)])

    def load(self, name: str) -> Value:
        """Give what a variable holds at this point, however it is stored."""
        found = self.variables.get(name)
        return self.absent(name) if found is None else found

    def store_shared(self, name: str, value: Value) -> None:
        """Store a value; whoever else may see the variable borrows it by his own spawn."""
        self.store(name, value)

    def visible(self, name: str) -> Value:
        """Give what a variable may hold when a nested function looks at it."""
        return self.ever.get(name, EMPTY) | frozenset([Atom("obj", name)])


class _Way(_OwnVariables):
    """The way to each call: which `with` blocks are open there, and what lies on the stack."""

    def __init__(self, code: CodeType) -> None:
        super().__init__(code)
        self.names_of: dict[int, str] = {}  # of what each `with` statement gave
        self.managers: dict[int, set[str]] = {}  # the variables that each of them enters
        self.scopes: set[int] = set()  # the `with` statements that enter a `scope()`
        self.calls: dict[int, tuple[Value, ...]] = {}  # the stack at each call

    def step(self, instruction: Instruction) -> None:
        """Apply one instruction; if it is a call, look what there is."""
        if instruction.opname.startswith("CALL"):
            state = State(tuple(self.stack), {})
            known = self.calls.get(instruction.offset)
            if known is not None:
                state = State(known, {}).joined(state, self.absent)
            self.calls[instruction.offset] = state.stack
        if instruction.opname in {"BEFORE_WITH", "LOAD_SPECIAL"}:
            manager = self.stack[-1]
            self.managers[instruction.offset] = {atom.root for atom in manager if atom.root}
            if any(atom.kind == "scope" for atom in manager):
                self.scopes.add(instruction.offset)
        super().step(instruction)

    def store(self, name: str, value: Value) -> None:
        """Remember the variable that gets what a `with` statement gives; follow nothing."""
        for atom in value:
            if atom.kind == "enter":
                self.names_of[atom.extra] = name
        self.stored = True

    def call(self, call: Call) -> Value:
        """Recognise `scope()` and `thread.scope()`."""
        for atom in call.callee:
            if atom.root == GLOBAL + "scope" or atom.extra == "scope" or atom.root == "scope":
                return frozenset([Atom("scope")])
        return super().call(call)

    def chosen(self, stack: tuple[Value, ...]) -> int:
        """Give the `with` statement whose scope the call spawns on, 0 if it is not in this code.

        The one that gave, or entered, the variable whose method is called; else the innermost
        `with scope()`. Else the outermost `with`, because a body that is too long is on the safe
        side; but not if the scope came from elsewhere, as a parameter.
        """
        exits: list[int] = [a.extra for value in stack for a in value if a.kind == "exit"]
        receivers = {a.root for value in stack for a in value if a.kind == "method"}
        entered = {a.extra[0].extra for value in stack for a in value if a.kind == "of"}
        for scope in exits:
            names = {self.names_of.get(scope, "")} | self.managers[scope]
            if scope in entered or names & receivers:
                return scope
        for scope in reversed(exits):
            if scope in self.scopes:
                return scope
        code = self.code
        given = {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], *code.co_freevars}
        return exits[0] if exits and not given & receivers else 0


class _After(_OwnVariables):
    """From the call to the end of the scope."""

    def __init__(self, code: CodeType) -> None:
        super().__init__(code)
        self.scope = 0
        self.scope_name = ""

    def run_from(self, number: int, at_call: tuple[Value, ...]) -> Effects:
        """Analyse what comes after a call, with the stack that there was at the call."""
        call = self.instructions[number]
        stack = list(at_call)
        if call.opname == "CALL_FUNCTION_EX":
            del stack[len(stack) + dis.stack_effect(call.opcode, call.arg) - 1 :]
        elif call.opname in _CALLS:
            del stack[len(stack) - (call.arg or 0) - _CALLS[call.opname] :]
        else:
            raise Unmodelled("this is no call")
        following = self.instructions[number + 1].offset
        self.walk(following, State((*stack, EMPTY), {}))
        self.finish(self.consumed)
        return self.effects()

    def call(self, call: Call) -> Value:
        """Leave to the children what is handed to them; stop where the scope ends."""
        for atom in call.callee:
            if atom.kind == "exit" and atom.extra == self.scope and self.scope:
                self.stopped = True
                return EMPTY
            if self._is_spawn(atom):
                return EMPTY
        return super().call(call)

    def _is_spawn(self, atom: Atom) -> bool:
        if atom.kind == "method":
            return atom.extra == "spawn_scoped" or atom.root == self.scope_name
        if atom.kind == "of":
            owner, name = atom.extra
            is_entered: bool = owner.kind == "enter" and owner.extra == self.scope
            return is_entered or bool(name == "spawn_scoped")
        return False

    def op_with_except_start(self, _at: Instruction) -> None:
        """Stop where an exception has left the scope's block: every thread is joined then."""
        exits = {atom.extra for value in self.stack[-5:] for atom in value if atom.kind == "exit"}
        if self.scope in exits and self.scope:
            self.stopped = True
        self.push(EMPTY)
