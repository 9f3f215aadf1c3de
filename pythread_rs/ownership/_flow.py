"""The paths through a code object: instructions, exception handlers, and a walk to a fixpoint."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Final, NamedTuple

from pythread_rs.ownership._values import EMPTY, Position, Value

__all__ = ["Flow", "Handler", "State", "Unmodelled", "position_of"]

_ENDS = {"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE", "JUMP_FORWARD"} | {
    "JUMP_BACKWARD",
    "JUMP_BACKWARD_NO_INTERRUPT",
}
_JUMPS = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_MAX_STEPS = 200_000  # a guard, not a measured limit: more than that and the code is unknown


class Unmodelled(Exception):  # noqa: N818 - it says what the code is
    """The code has a form that the analysis does not know."""


class State(NamedTuple):
    """What is on the stack and in the variables at one instruction."""

    stack: tuple[Value, ...]
    variables: dict[str, Value]

    def joined(self, other: State, absent: Callable[[str], Value]) -> State:
        """Give the state that covers both; `self` itself when it covers the other already.

        `absent` says what a variable holds that a state does not mention.
        """
        if len(self.stack) != len(other.stack):
            raise Unmodelled("the stack has two depths at one instruction")
        stack = tuple(a | b for a, b in zip(self.stack, other.stack, strict=True))
        if self.variables == other.variables:
            return self if stack == self.stack else State(stack, self.variables)
        variables = dict(self.variables)
        for name, value in other.variables.items():
            variables[name] = (variables[name] if name in variables else absent(name)) | value
        for name in variables.keys() - other.variables.keys():
            variables[name] |= absent(name)
        if stack == self.stack and variables == self.variables:
            return self
        return State(stack, variables)


class Handler(NamedTuple):
    """Where an exception of an instruction goes, and how deep the stack is there."""

    target: int
    depth: int
    pushes_place: bool


def position_of(instruction: dis.Instruction) -> Position:
    """Give the source position of an instruction; columns are 0 where they are not recorded."""
    place = instruction.positions
    if place is None or place.lineno is None:
        return Position(0, 0, 0, 0)
    end = place.end_lineno or place.lineno
    if place.col_offset is None or place.end_col_offset is None:
        return Position(place.lineno, 0, end, 0)
    return Position(place.lineno, place.col_offset, end, place.end_col_offset)


def _varints(table: bytes) -> Iterator[int]:
    """Decode the numbers of an exception table: six bits a byte, the highest first."""
    numbers = iter(table)
    for byte in numbers:
        value = byte & 63
        more = byte & 64
        while more:
            following = next(numbers)
            value = value << 6 | following & 63
            more = following & 64
        yield value


def _handlers(code: CodeType) -> dict[int, Handler]:
    """Give the handler of every offset that has one."""
    numbers = list(_varints(code.co_exceptiontable))
    found: dict[int, Handler] = {}
    for index in range(0, len(numbers) - 3, 4):
        start, length, target, depth = numbers[index : index + 4]
        handler = Handler(target * 2, depth >> 1, bool(depth & 1))
        for offset in range(start * 2, (start + length) * 2, 2):
            found[offset] = handler
    return found


_NEVER_RAISE: Final = frozenset(
    {
        *("CACHE", "COPY", "EXTENDED_ARG", "KW_NAMES", "LOAD_COMMON_CONSTANT", "LOAD_CONST"),
        *("LOAD_SMALL_INT", "NOP", "NOT_TAKEN", "POP_TOP", "PRECALL", "PUSH_EXC_INFO"),
        *("PUSH_NULL", "SWAP"),
    }
)


class Flow:
    """A code object as a graph, and the walk over it; a subclass says what instructions do."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.instructions = list(dis.get_instructions(code))
        self.numbers = {at.offset: number for number, at in enumerate(self.instructions)}
        self.handlers = _handlers(code)
        self.leaders = {handler.target for handler in self.handlers.values()}
        for at in self.instructions:
            if at.opcode in _JUMPS:
                self.leaders.add(at.argval)
        self.states: dict[int, State] = {}
        self.stack: list[Value] = []
        self.variables: dict[str, Value] = {}
        self.at = self.instructions[0]
        self.stored = False  # a variable has changed since the handler saw them
        self.stopped = False  # set by `step`: the path ends here
        self._pending: list[int] = []

    def step(self, instruction: dis.Instruction) -> None:
        """Apply one instruction to `stack` and `variables`."""
        raise NotImplementedError

    def absent(self, _name: str) -> Value:
        """Give what a variable holds before anything is stored in it."""
        return EMPTY

    def walk(self, offset: int, state: State) -> None:
        """Follow every path from an instruction until nothing changes."""
        self._reach(offset, state)
        steps = 0
        while self._pending:
            steps += self._block(self._pending.pop())
            if steps > _MAX_STEPS:
                raise Unmodelled("the code is too large")

    def _reach(self, offset: int, state: State) -> None:
        known = self.states.get(offset)
        joined = state if known is None else known.joined(state, self.absent)
        if joined is not known:
            self.states[offset] = joined
            if offset not in self._pending:
                self._pending.append(offset)

    def _block(self, offset: int) -> int:
        """Run the instructions from a leader to the next one; give how many they were."""
        state = self.states[offset]
        self.stack, self.variables = list(state.stack), dict(state.variables)
        self.stored, self.stopped = True, False
        handler: Handler | None = None
        first = self.numbers[offset]
        number = first
        for number in range(first, len(self.instructions)):
            self.at = at = self.instructions[number]
            if number > first and at.offset in self.leaders:
                self._reach(at.offset, self._now())
                break
            offer = self._offer(at, handler)
            if offer is not None or at.offset not in self.handlers:
                handler = self.handlers.get(at.offset)
            before = len(self.stack)
            self.step(at)
            if self.stopped:
                break  # nor does its handler see anything: the path ends before it can raise
            if offer is not None:
                self._reach(*offer)
            if at.opcode in _JUMPS:
                self._jump(at, before)
            if at.opname in _ENDS:
                break
        return number - first + 1

    def _now(self) -> State:
        return State(tuple(self.stack), dict(self.variables))

    def _offer(self, at: dis.Instruction, last: Handler | None) -> tuple[int, State] | None:
        """Give what the handler of an instruction sees: the variables as they are before it."""
        handler = self.handlers.get(at.offset)
        if handler is None or at.opname in _NEVER_RAISE or not (self.stored or handler != last):
            return None
        stack = self.stack[: handler.depth]
        stack += [EMPTY] * (handler.depth - len(stack) + handler.pushes_place + 1)
        self.stored = False
        return handler.target, State(tuple(stack), dict(self.variables))

    def _jump(self, at: dis.Instruction, before: int) -> None:
        """Go to the target of a jump with the stack that the jump leaves there."""
        depth = before + dis.stack_effect(at.opcode, at.arg, jump=True)
        stack = self.stack[:depth]
        stack += [EMPTY] * (depth - len(stack))
        self._reach(at.argval, State(tuple(stack), dict(self.variables)))
