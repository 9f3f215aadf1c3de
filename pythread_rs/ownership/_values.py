"""Abstract values: where a value on the stack or in a variable may come from."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType
from typing import Any, NamedTuple

from pythread_rs.ownership._bytecode import Position

__all__ = [
    "DEEPEST",
    "EMPTY",
    "TEXT",
    "Atom",
    "Function",
    "Position",
    "Use",
    "Value",
    "boxed",
    "flat",
    "items",
    "substituted",
    "tupled",
    "without_functions",
]

_MOST_BOXES = 3  # a box in a box in a box stands for all that are deeper


class Use(NamedTuple):
    """One thing that code does to an object.

    `level` is 0 for the object itself, 1 for what an index, an attribute or a loop yields from
    it, 2 for whatever is reached from that. `op` is "index", "iter", "attr" ...; the others say
    with whose help: `callee` is the
    variable whose value (or whose method `name`) is called, `slot` the parameter that is filled,
    `inner` what is done to the result of that call.
    """

    level: int
    op: str
    name: str = ""
    callee: str = ""
    slot: int | str = 0
    inner: Use | None = None


class Atom(NamedTuple):
    """One possible origin of a value.

    "obj": the object in the variable `root` (level 0) or something reached from it.
    "box": a fresh object that holds such an object (extra: how many boxes around it). "method": an
    attribute of such an object.
    "result": what a call returned that was given such an object. The others are "tuple" (extra:
    its values), "func" (extra: a Function), "const" (extra: the constant), "text", "null", and
    the "exit", "enter" of a `with` statement (extra: which one).
    """

    kind: str
    root: str = ""
    level: int = 0
    extra: Any = None


Value = frozenset[Atom]
EMPTY: Value = frozenset()
DEEPEST = 2  # the level that stands for itself and all that lie deeper
TEXT: Value = frozenset([Atom("text")])


class Function(NamedTuple):
    """A nested function that was just made."""

    code: CodeType
    defaults: tuple[Value, ...] = ()
    keywords: Value = EMPTY


def flat(value: Value) -> Iterator[Atom]:
    """Give the atoms of a value with tuples taken apart: what they hold becomes boxes."""
    for atom in value:
        if atom.kind == "tuple":
            for element in atom.extra:
                yield from boxed(element)
        elif atom.kind == "of":
            yield from flat(items(frozenset([atom.extra[0]])))
        else:
            yield atom


def items(value: Value) -> Value:
    """Give what an index, an attribute or a loop yields from a value."""
    found: set[Atom] = set()
    for atom in value:
        if atom.kind == "tuple":
            found.update(*atom.extra)
        elif atom.kind == "obj":
            found.add(Atom("obj", atom.root, min(atom.level + 1, DEEPEST)))
        elif atom.kind == "method":
            found.add(Atom("obj", atom.root, min(atom.level + 2, DEEPEST)))
        elif atom.kind == "box":
            if atom.extra > 1:
                found.add(atom._replace(extra=atom.extra - 1))
            else:
                found.add(Atom("obj", atom.root, atom.level))
            if atom.extra == _MOST_BOXES:
                found.add(atom)
        elif atom.kind == "result":
            found.add(atom)
        elif atom.kind == "of":
            inner = items(frozenset([atom.extra[0]]))
            found.update(inner, items(inner))
    return frozenset(found)


def boxed(*values: Value) -> Value:
    """Give a fresh object that holds what the values are."""
    found: set[Atom] = set()
    for value in values:
        for atom in flat(value):
            if atom.kind == "obj":
                found.add(Atom("box", atom.root, atom.level, 1))
            elif atom.kind == "method":
                found.add(Atom("box", atom.root, min(atom.level + 1, DEEPEST), 1))
            elif atom.kind == "box":
                found.add(atom._replace(extra=min(atom.extra + 1, _MOST_BOXES)))
            elif atom.kind in {"result", "func"}:
                found.add(atom)
    return frozenset(found)


def without_functions(value: Value) -> Value:
    """Give a value without the functions in it; a tuple that holds some becomes a box."""
    if not any(atom.kind == "func" for atom in flat(value)):
        return value
    return frozenset(
        inner
        for atom in value
        for inner in (boxed(*atom.extra) if atom.kind == "tuple" else (atom,))
        if inner.kind != "func"
    )


def substituted(atom: Atom, value: Value) -> Value:
    """Give what an atom stands for when its root is a parameter that got a value."""
    if atom.kind not in {"obj", "box"}:
        return value | items(value) | boxed(value)
    for level in range(atom.level):
        value = items(value)
        if level + 1 == DEEPEST:
            value |= items(value) | items(items(value))
    for _ in range(atom.extra or 0):
        value = boxed(value)
    return value


def tupled(values: tuple[Value, ...]) -> Value:
    """Give a tuple of the values; one that would hold a tuple becomes a box, so that it ends."""
    if not any(values):
        return EMPTY
    if any(atom.kind == "tuple" for value in values for atom in value):
        return boxed(*values)
    return frozenset([Atom("tuple", extra=values)])
