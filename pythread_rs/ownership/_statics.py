"""Statics: which globals a function's code reads and assigns, nested code included."""

from __future__ import annotations

import dis
import os
from collections.abc import Iterator
from types import CodeType
from typing import Final, Literal, NamedTuple

__all__ = ["Access", "accesses", "facts", "settled"]

_LOADS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_STORES: Final = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})


class Access(NamedTuple):
    """One instruction that reads or assigns a global."""

    how: Literal["read", "assign"]
    name: str
    code: CodeType
    offset: int


def accesses(code: CodeType) -> Iterator[Access]:
    """List the instructions that name globals, in the order of the code."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in _LOADS:
            yield Access("read", str(instruction.argval), code, instruction.offset)
        elif instruction.opname in _STORES:
            yield Access("assign", str(instruction.argval), code, instruction.offset)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from accesses(constant)


_LIBRARY: Final = os.path.dirname(os.__file__) + os.sep
_INSTALLED: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def _is_of_a_library(code: CodeType) -> bool:
    file = code.co_filename
    if file.startswith("<frozen "):
        return True
    return file.startswith(_LIBRARY) or any(part in file for part in _INSTALLED)


def facts(code: CodeType) -> tuple[tuple[str, ...], bool]:
    """Return the names of the globals that are read, and whether any is assigned.

    What a function of Python's library or of an installed package does with its module's
    variables is that package's business: none are named.
    """
    if _is_of_a_library(code):
        return (), False
    found = list(accesses(code))
    names = dict.fromkeys(access.name for access in found)
    return tuple(names), any(access.how == "assign" for access in found)


def settled(code: CodeType) -> frozenset[str]:
    """Return the captured variables whose value never changes once a closure can see it.

    Of the variables that the function owns: those assigned once, not in a loop, in all of its code.
    Of those that it captures: those that neither it nor its nested functions assign. The code of
    a library has the name `<library>` as well.
    """
    stores = _stores(code, frozenset(code.co_cellvars) | frozenset(code.co_freevars))
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 2]
    own = {
        name
        for name in code.co_cellvars
        if len(stores[name]) + (name in parameters) <= 1 and _LOOP not in stores[name]
    }
    library = {"<library>"} if _is_of_a_library(code) else set[str]()
    return frozenset(own | library | {name for name in code.co_freevars if not stores[name]})


_LOOP: Final = -1


def _stores(code: CodeType, names: frozenset[str]) -> dict[str, list[int]]:
    """List where variables are assigned, in nested functions too; `_LOOP` for one in a loop."""
    found: dict[str, list[int]] = {name: [] for name in names}
    instructions = list(dis.get_instructions(code))
    loops = [
        (int(jump.argval), jump.offset) for jump in instructions if "JUMP_BACKWARD" in jump.opname
    ]
    for instruction in instructions:
        if instruction.opname in ("STORE_DEREF", "DELETE_DEREF") and instruction.argval in names:
            offset = instruction.offset
            in_loop = any(start <= offset <= end for start, end in loops)
            found[instruction.argval] += [_LOOP] if in_loop else [offset]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = names & frozenset(constant.co_freevars)
            for name, offsets in _stores(constant, inner).items():
                found[name] += offsets + [_LOOP] * bool(offsets)
    return found
