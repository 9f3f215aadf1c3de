"""What the threads of a scope may borrow: the rules of E0499, E0502 and E0506 at run time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

from pythread_rs.ownership._effects import GLOBAL, Position
from pythread_rs.ownership._errors import MutableBorrowError
from pythread_rs.ownership._frames import FrameBody, Surroundings, same_variable, surroundings
from pythread_rs.ownership._graph import Borrower, Graph, Held
from pythread_rs.ownership._judge import Verdict
from pythread_rs.ownership._loans import VariableLoan, borrowed_by

__all__ = ["Borrows", "KindOf", "MutableNodes"]

KindOf = Callable[[object], str]
MutableNodes = Callable[[Iterable[object]], Mapping[int, object]]
Own = tuple[Verdict, Held, int]  # the worst that is done to an object, by which loan, how deep
Entry = tuple[Borrower, Held, int]


class Node(NamedTuple):
    """Who reads and who changes one object."""

    reader: Entry | None = None
    changer: Entry | None = None


_NOBODY = Node()


def body_variable(
    borrower: Borrower, loan: VariableLoan, other: VariableLoan
) -> MutableBorrowError:
    """Say that the block uses a variable that a thread has borrowed."""
    from pythread_rs.ownership import _conflicts

    if other.writes:
        return _conflicts.assigned(borrower, loan, other)
    return _conflicts.read_by_body(borrower, loan, other)


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _codes_in(const)


def _contents(f: FunctionType) -> tuple[int, ...]:
    """Give which objects the captured variables hold."""
    return tuple([id(cell.cell_contents) for cell in f.__closure__ or ()])


def _same_contents(f: FunctionType, known: tuple[int, ...]) -> bool:
    try:
        return _contents(f) == known
    except ValueError:  # a variable is unbound
        return False


class Borrows:
    """What the threads of one scope have borrowed so far.

    Args:
        kind_of: "copy" and "sync" need no check, "transparent" is checked for what it holds;
            any other answer means that the object may change.
        mutable_nodes: every object that may change among the given ones and what they reach,
            by id; it stops at what is Copy or Sync.

    Thread safety: any thread may add.
    """

    __slots__ = ("_codes", "_graph", "_lock", "_nodes", "_repeats", "_variables")

    def __init__(self, kind_of: KindOf, mutable_nodes: MutableNodes) -> None:
        self._graph = Graph(kind_of, mutable_nodes)
        self._lock = threading.Lock()
        self._nodes: dict[int, Node] = {}
        self._variables: dict[tuple[Any, ...], list[tuple[Borrower, VariableLoan]]] = {}
        self._repeats: dict[tuple[object, ...], tuple[int, ...]] = {}
        # Of the children, which may spawn in the same scope; by id, for the hash of a code object
        # reads all of it.
        self._codes: dict[int, CodeType] = {}

    def add(
        self,
        f: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        code: CodeType | None,
        lasti: int,
        frame: FrameType | None = None,
    ) -> Borrower | None:
        """Let one more thread borrow, or refuse it.

        Args:
            f: what the scope's `spawn` was given.
            args: its positional arguments.
            kwargs: its keyword arguments.
            code: the code that calls `spawn`; None if it is not known.
            lasti: where the call is in it.
            frame: that code's frame, if there is one: it tells what the block's own variables
                hold, and leads to the block when a function spawns on its behalf.

        Returns:
            What `release` takes when the thread has ended; None if that has nothing to do.

        Raises:
            MutableBorrowError: E0499, E0502 or E0506; nothing has been recorded.
        """
        key = self._repeat_key(f, args, kwargs, code, lasti)
        if key is not None:
            known = self._repeats.get(key)
            if known is not None and _same_contents(f, known):
                return None
        with self._lock:
            return self._add(f, args, kwargs, surroundings(code, lasti, frame), key)

    def add_alone(
        self, f: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Let one more thread borrow while the code that starts it only waits.

        Raises:
            MutableBorrowError: E0499 or E0502; nothing has been recorded.
        """
        with self._lock:
            self._add(f, args, kwargs or {}, Surroundings(None, [], True, None), None)

    def only_read(self) -> bool:
        """Tell whether nobody changes anything that was borrowed."""
        return not any(
            loan.writes for loans in self._variables.values() for _, loan in loans
        ) and all(node.changer is None for node in self._nodes.values())

    def _repeat_key(
        self,
        f: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        code: CodeType | None,
        lasti: int,
    ) -> tuple[object, ...] | None:
        """Give what tells a spawn from another one, or None if it has too many parts.

        A spawn that only reads, and that was accepted, needs no second check: the body was
        checked from the first one to the end of the scope.
        """
        if type(f) is not FunctionType or kwargs or f.__kwdefaults__:
            return None
        values = args + f.__defaults__ if f.__defaults__ else args
        is_free = self._graph.is_free
        return (
            id(f.__code__),
            id(code),
            lasti,
            *map(id, f.__closure__ or ()),
            *[0 if is_free(value) else id(value) for value in values],
        )

    def _add(
        self,
        f: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        around: Surroundings,
        key: tuple[object, ...] | None,
    ) -> Borrower | None:
        site = around.site
        code, variables, loans = borrowed_by(f, args, kwargs, around.tracks, self._graph.is_free)
        held = [Held(self._graph, loan) for loan in loans if not self._graph.is_free(loan.value)]
        del loans
        borrower = Borrower(code, variables, held, site, around.is_direct)
        self._check_variables(borrower)
        known = around.is_known or (site is not None and id(site[0]) in self._codes)
        for body in around.bodies:
            self._check_body(f, borrower, held, body)
        mine = self._own_nodes(held)
        if mine and not known:
            from pythread_rs.ownership._conflicts import unknown_body

            raise unknown_body(borrower, next(iter(mine.values())))
        self._check_nodes(borrower, mine)
        self._record(borrower, mine, f, key if around.is_known else None)
        return borrower

    def _check_variables(self, borrower: Borrower) -> None:
        for loan in borrower.variables:
            for other, earlier in self._variables.get(loan.key, ()):
                if loan.writes or earlier.writes:
                    from pythread_rs.ownership._conflicts import variable_conflict

                    raise variable_conflict(other, earlier, borrower, loan)

    def _check_body(self, f: object, borrower: Borrower, held: list[Held], body: FrameBody) -> None:
        effects = body.after.effects
        body.look(f, self._graph.is_free)
        called = {loan.key: loan for loan in body.variables}
        for loan in borrower.variables:
            other = called.get(loan.key)
            if other is not None and (other.writes or loan.writes):
                raise body_variable(borrower, loan, other)
            root = loan.name if len(loan.key) == 1 else GLOBAL + loan.name
            place = effects.writes.get(root)
            reading = effects.reads.get(root) if loan.writes else None
            if (place or reading) and same_variable(f, loan, body):
                where = place or reading or Position(0, 0, 0, 0)
                file = body.code.co_filename
                other = VariableLoan(loan.key, loan.name, bool(place), file, where, None)
                raise body_variable(borrower, loan, other)
        if held:
            self._check_body_objects(borrower, held, body)

    def _check_body_objects(self, borrower: Borrower, held: list[Held], body: FrameBody) -> None:
        mine: dict[int, Own] | None = None
        for loan in body.objects:
            theirs = Held(self._graph, loan)
            if mine is None:
                mine = self._own_nodes(held)
            for level, verdict in enumerate(theirs.verdicts):
                if not verdict:
                    continue
                for node in theirs.nodes(level):
                    own = mine.get(node)
                    if own is not None and max(own[0], verdict) > Verdict.READ:
                        from pythread_rs.ownership._conflicts import body_conflict

                        raise body_conflict(borrower, own, theirs, level)

    @staticmethod
    def _own_nodes(held: list[Held]) -> dict[int, Own]:
        """Give every object that the borrower uses, with the worst that it does to it."""
        mine: dict[int, Own] = {}
        for one in held:
            for level, verdict in enumerate(one.verdicts):
                if verdict:
                    for node in one.nodes(level):
                        known = mine.get(node)
                        if known is None or known[0] < verdict:
                            mine[node] = (verdict, one, level)
        return mine

    def _check_nodes(self, borrower: Borrower, mine: dict[int, Own]) -> None:
        nodes = self._nodes
        if not nodes:
            return
        for node, own in mine.items():
            known = nodes.get(node)
            if known is None:
                continue
            other = known.changer or (known.reader if own[0] > Verdict.READ else None)
            if other is not None:
                from pythread_rs.ownership._conflicts import object_conflict

                raise object_conflict(other[0], other[1], other[2], borrower, own)

    def _record(
        self,
        borrower: Borrower,
        mine: dict[int, Own],
        f: object,
        key: tuple[object, ...] | None,
    ) -> None:
        """Remember what was borrowed; nothing can refuse it any more."""
        for loan in borrower.variables:
            self._variables.setdefault(loan.key, []).append((borrower, loan))
        nodes = self._nodes
        reads_only = not any(loan.writes for loan in borrower.variables)
        for node, (verdict, held, level) in mine.items():
            known = nodes.get(node, _NOBODY)
            entry: Entry = (borrower, held, level)
            if verdict > Verdict.READ:
                reads_only = False
                nodes[node] = known._replace(changer=entry)
            elif known.reader is None:
                nodes[node] = known._replace(reader=entry)
            self._graph.keep(held)
        if type(f) is FunctionType:
            if id(f.__code__) not in self._codes:
                self._codes.update((id(code), code) for code in _codes_in(f.__code__))
            if key is not None and reads_only:
                try:
                    self._repeats[key] = _contents(f)
                except ValueError:  # a variable is unbound; the next spawn is checked anew
                    return

    def release(self, borrower: Borrower) -> None:
        """Drop what nobody but this record holds any more, when the borrower's thread has ended.

        Without it, what a thread was given would live as long as the scope: a channel's sender in
        a closure, for example. What others hold too stays borrowed until then, as in Rust.
        """
        with self._lock:
            self._repeats.clear()  # they go by the ids of objects that may go now
            while borrower.variables:
                self._release_variable(borrower.variables.pop())
            for held in borrower.objects:
                if held.is_lonely():
                    self._graph.forget(held.loan.value)
                    for level in held.levels:
                        for node in level:
                            self._drop_entries(node, held)
            borrower.objects.clear()

    def _release_variable(self, loan: VariableLoan) -> None:
        """Forget a cell that only the loans of it keep."""
        others = self._variables.get(loan.key, [])
        if _references(loan) < _references(_SAMPLE) + len(others):
            self._variables.pop(loan.key, None)

    def _drop_entries(self, node: int, held: Held) -> None:
        known = self._nodes.get(node, _NOBODY)
        reader = None if known.reader and known.reader[1] is held else known.reader
        changer = None if known.changer and known.changer[1] is held else known.changer
        if reader or changer:
            self._nodes[node] = Node(reader, changer)
        else:
            self._nodes.pop(node, None)


def _references(loan: VariableLoan) -> int:
    return sys.getrefcount(loan.keeper)


# What is counted for an object that one loan holds and nobody else.
_SAMPLE = VariableLoan((), "", False, "", Position(0, 0, 0, 0), object())
