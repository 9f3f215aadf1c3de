"""The objects that a borrower reaches, by how far it reaches, and what it does to each."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Mapping
from types import CodeType
from typing import Any, NamedTuple, cast

from pythread_rs.ownership._judge import Verdict, is_plain, judge, type_of
from pythread_rs.ownership._loans import Loan, Seen, VariableLoan
from pythread_rs.ownership._values import DEEPEST

__all__ = ["Borrower", "Graph", "Held", "Levels"]

Levels = tuple[Mapping[int, Any], ...]  # objects by id: the object itself, what it yields, the rest
_FREE = frozenset({"copy", "sync", "shared"})
# What `sys.getrefcount` says of an object that one loan holds and nobody else.
_SAMPLE = Loan("", object(), ())
_ONE_LOAN = sys.getrefcount(_SAMPLE.value)
_NONE: Mapping[int, Any] = {}

# Verdicts on objects that hold nothing mutable, by the uses and the type; the value keeps the uses.
_flat_verdicts: dict[
    tuple[int, type, int], tuple[tuple[Seen, ...], list[Verdict], list[Seen | None]]
] = {}
_MAX_VERDICTS = 4096  # with no measure behind it


class Graph:
    """Walks objects, and remembers the walk of those that stay borrowed."""

    __slots__ = ("_known", "kind_of", "mutable_nodes")

    def __init__(
        self,
        kind_of: Callable[[object], str],
        mutable_nodes: Callable[[Iterable[object]], Mapping[int, object]],
    ) -> None:
        self.kind_of = kind_of
        self.mutable_nodes = mutable_nodes
        self._known: dict[int, tuple[Any, Levels]] = {}

    def is_free(self, value: object) -> bool:
        """Tell whether threads may share a value whatever they do with it."""
        return self.kind_of(value) in _FREE or type(value).__name__ == "shared"

    def keep(self, held: Held) -> None:
        """Remember a walk: what is borrowed does not change meanwhile."""
        self._known[id(held.loan.value)] = (held.loan.value, held.levels)

    def knows(self, value: object) -> bool:
        """Tell whether the walk of an object is remembered, and the object with it."""
        return id(value) in self._known

    def forget(self, value: object) -> None:
        """Forget the walk of an object whose borrow is over."""
        self._known.pop(id(value), None)

    def levels(self, value: object) -> Levels:
        """Give the mutable objects at each level below a value."""
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        every = self.mutable_nodes([value])
        own = {} if self.kind_of(value) == "transparent" else {id(value): value}
        if len(every) == len(own) and every.keys() == own.keys():
            return own, _NONE, _NONE
        if not is_plain(type_of(value)):
            # A view changes what it is a view of; a proxy, whatever it hides.
            return every, every, every
        return own, *self._deeper(value)

    def _deeper(self, value: object) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
        """Split what an object reaches into what it yields and the rest."""
        first = _yielded([value])
        carriers = [child for child in first if not self.is_free(child)]
        nearest = {id(child): child for child in carriers if self.kind_of(child) != "transparent"}
        rest = self.mutable_nodes(_yielded(carriers))
        for child in carriers:
            if not is_plain(type_of(child)):
                rest = {**rest, **self.mutable_nodes([child])}
                nearest.update(self.mutable_nodes([child]))
        return nearest, rest


def _yielded(values: Iterable[object]) -> list[object]:
    """Give what objects refer to; the `__dict__` of an instance and what is in it."""
    found: list[object] = []
    for value in values:
        for child in gc.get_referents(value):
            found.append(child)
            if type(child) is dict and not isinstance(value, dict | list | tuple):
                found.extend(cast("dict[object, object]", child).values())
    return found


class Borrower(NamedTuple):
    """A spawned closure with its arguments.

    It keeps the closure's code, not the closure: what that holds goes when its thread ends.
    """

    code: CodeType | None
    variables: list[VariableLoan]
    objects: list[Held]
    site: tuple[CodeType, int] | None  # where it was spawned
    in_block: bool = True  # whether that is in the scope's block itself


class Held:
    """A loan with what it does on each level, worked out when it is first asked for."""

    __slots__ = ("_graph", "_levels", "_verdicts", "loan", "reasons")

    def __init__(self, graph: Graph, loan: Loan) -> None:
        self._graph = graph
        self._levels: Levels | None = None
        self._verdicts: list[Verdict] | None = None
        self.loan = loan
        self.reasons: list[Seen | None] = [None] * (DEEPEST + 1)  # the worst use on each level

    @property
    def levels(self) -> Levels:
        """The mutable objects on each level."""
        if self._levels is None:
            self._levels = self._graph.levels(self.loan.value)
        return self._levels

    @property
    def verdicts(self) -> list[Verdict]:
        """What is done to the objects on each level, the worst of it."""
        if self._verdicts is None:
            uses = self.loan.uses
            key = (id(uses), type_of(self.loan.value), len(self.levels[0]))
            known = None if self.levels[1] or self.levels[2] else _flat_verdicts.get(key)
            if known is not None:
                self._verdicts, self.reasons = known[1:]
                return self._verdicts
            self._verdicts = [Verdict.NONE] * (DEEPEST + 1)
            for seen in uses:
                self._judge(seen, self._verdicts)
            if not (self.levels[1] or self.levels[2]):
                if len(_flat_verdicts) >= _MAX_VERDICTS:
                    _flat_verdicts.clear()
                _flat_verdicts[key] = (uses, self._verdicts, self.reasons)
        return self._verdicts

    def nodes(self, level: int) -> Mapping[int, Any]:
        """Give the objects on one level."""
        return self.levels[level]

    def is_lonely(self) -> bool:
        """Tell whether nobody but the record of the borrows holds the object any more."""
        ours = (id(self.loan.value) in self.levels[0]) + self._graph.knows(self.loan.value)
        return sys.getrefcount(self.loan.value) <= _ONE_LOAN + ours

    def _judge(self, seen: Seen, verdicts: list[Verdict]) -> None:
        use = seen.use
        if use.level:
            kinds = {type_of(node) for node in self.levels[use.level].values()}
        else:
            kinds = {type_of(self.loan.value)}
        worst = max((judge(use, kind) for kind in kinds), default=Verdict.NONE)
        # Code that nobody knows may go on to whatever the object holds.
        last = DEEPEST if worst is Verdict.UNKNOWN else use.level
        for level in range(use.level, last + 1):
            if verdicts[level] < worst and self.levels[level]:
                verdicts[level] = worst
                self.reasons[level] = seen
