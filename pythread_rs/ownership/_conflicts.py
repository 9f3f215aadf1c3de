"""The errors of borrows that exclude each other, in rustc's words."""

from __future__ import annotations

from pythread_rs.ownership._diagnostic import Diagnostic, Span
from pythread_rs.ownership._effects import Position
from pythread_rs.ownership._errors import MutableBorrowError
from pythread_rs.ownership._graph import Borrower, Held
from pythread_rs.ownership._judge import Verdict
from pythread_rs.ownership._loans import Seen, VariableLoan
from pythread_rs.ownership._source import call_span, header_span

__all__ = [
    "assigned",
    "body_conflict",
    "object_conflict",
    "read_by_body",
    "unknown_body",
    "variable_conflict",
]

Own = tuple[Verdict, Held, int]
_TWICE = "cannot borrow `{0}` as mutable more than once at a time"
_MUTABLE = "cannot borrow `{0}` as mutable because it is also borrowed as immutable"
_IMMUTABLE = "cannot borrow `{0}` as immutable because it is also borrowed as mutable"


def _kinds(first_changes: bool, second_changes: bool) -> tuple[str, str, str, str]:
    """Give code, headline, and what the first and the second borrow are called."""
    if first_changes and second_changes:
        return "E0499", _TWICE, "first mutable", "second mutable"
    if second_changes:
        return "E0502", _MUTABLE, "immutable", "mutable"
    return "E0502", _IMMUTABLE, "mutable", "immutable"


def _place(file: str, place: Position, label: str, primary: bool = False) -> list[Span]:
    if not place.line:
        return []
    return [Span(file, *place, label, primary)]


def _borrow(borrower: Borrower, label: str, primary: bool = False) -> list[Span]:
    """Point at the closure that borrows, else at the call that spawns it."""
    if borrower.code is not None:
        span = header_span(borrower.code, label, primary)
        if span is not None:
            return [span]
    if borrower.site is None:
        return []
    span = call_span(*borrower.site, label, primary)
    return [] if span is None else [span]


def _twice(first: Borrower, second: Borrower, name: str, one: str, two: str) -> list[Span]:
    """Point at both borrows; of one closure that is spawned twice, at the spawns."""
    if first.code is not second.code or first.code is None:
        spans = _borrow(first, f"{one} borrow occurs here")
        return spans + _borrow(second, f"{two} borrow occurs here", True)
    if first.site == second.site:
        way = "mutably" if "mutable" in two.split() else "immutably"
        when = " in the previous iteration of the loop" if second.in_block else " before"
        label = f"`{name}` was {way} borrowed here{when}"
        return _borrow(second, label, True)
    first, second = first._replace(code=None), second._replace(code=None)
    spans = _borrow(first, f"{one} borrow occurs here")
    return spans + _borrow(second, f"{two} borrow occurs here", True)


def _error(
    code: str,
    headline: str,
    spans: list[Span],
    notes: list[str] | None = None,
    help: str = "",  # noqa: A002 - as rustc calls it
) -> MutableBorrowError:
    return MutableBorrowError(
        Diagnostic(code, headline, tuple(spans), tuple(notes or ()), (help,) if help else ())
    )


def variable_conflict(
    first: Borrower, earlier: VariableLoan, second: Borrower, loan: VariableLoan
) -> MutableBorrowError:
    """Say that two threads use a variable, and one of them rebinds it."""
    code, headline, one, two = _kinds(earlier.writes, loan.writes)
    spans = _twice(first, second, loan.name, one, two)
    if first.code is second.code:
        label = f"borrows occur due to use of `{loan.name}` in closure"
        spans += _place(loan.file, loan.position, label)
    else:
        label = f"first borrow occurs due to use of `{earlier.name}` in closure"
        spans += _place(earlier.file, earlier.position, label)
        label = f"second borrow occurs due to use of `{loan.name}` in closure"
        spans += _place(loan.file, loan.position, label)
    return _error(code, headline.format(loan.name), spans, help=_variable_help(loan.name))


def _variable_help(name: str) -> str:
    return (
        f"let each thread return what it has to say about `{name}` and put the results together "
        f"after `join`, or share a `Mutex`"
    )


def assigned(borrower: Borrower, loan: VariableLoan, other: VariableLoan) -> MutableBorrowError:
    """Say that the block assigns a variable that a thread has borrowed."""
    name = loan.name
    spans = _borrow(borrower, f"`{name}` is borrowed here")
    spans += _place(loan.file, loan.position, "borrow occurs due to use in closure")
    label = f"`{name}` is assigned to here but it was already borrowed"
    spans += _place(other.file, other.position, label, True)
    return _error(
        "E0506",
        f"cannot assign to `{name}` because it is borrowed",
        spans,
        ["a scoped thread borrows what it uses until the scope ends"],
        f"give the closure a value of its own: `lambda {name}={name}: ...`",
    )


def read_by_body(borrower: Borrower, loan: VariableLoan, other: VariableLoan) -> MutableBorrowError:
    """Say that the block reads a variable that a thread rebinds."""
    spans = _borrow(borrower, "mutable borrow occurs here")
    spans += _place(
        loan.file, loan.position, f"first borrow occurs due to use of `{loan.name}` in closure"
    )
    spans += _place(other.file, other.position, "immutable borrow occurs here", True)
    return _error("E0502", _IMMUTABLE.format(loan.name), spans, help=_variable_help(loan.name))


def _how(seen: Seen | None, verdict: Verdict) -> str:
    """Say what the use is, where that is not plain from the source."""
    if seen is None or verdict is not Verdict.UNKNOWN:
        return ""
    use = seen.use
    if use.op == "escape":
        return use.name
    if use.op == "return":
        return "returned to whoever joins the thread"
    if use.op == "method":
        return f"its method `{use.name}` is not known to only read"
    if use.op == "attr":
        return f"its attribute `{use.name}` is not known to be plain data"
    return "used in a way that is not known to only read"


def _object_parts(
    held: Held, level: int, verdict: Verdict, ordinal: str
) -> tuple[list[Span], list[str], bool]:
    seen = held.reasons[level]
    name = held.loan.name
    label = f"{ordinal}borrow occurs due to use of `{name}`"
    spans = _place(seen.file, seen.position, label) if seen is not None else []
    how = _how(seen, verdict)
    notes = [f"`{name}` may be changed: {how}"] if how else []
    return spans, notes, verdict > Verdict.READ


def _related(first: Held, first_level: int, second: Held, second_level: int) -> list[str]:
    """Say what two names have to do with each other."""
    one, two = first.loan.name, second.loan.name
    if first.loan.value is second.loan.value:
        if one == two:
            return []
        kind = type(first.loan.value).__name__
        return [f"`{one}` and `{two}` are the same `{kind}`"]
    shared = first.nodes(first_level).keys() & second.nodes(second_level).keys()
    node = first.nodes(first_level)[next(iter(shared))] if shared else None
    return [f"a `{type(node).__name__}` is reached from `{one}` as well as from `{two}`"]


def _object_help(name: str) -> str:
    return (
        f"if no thread changes it while another one uses it, say so: `shared({name})`; "
        f"else put it into a `Mutex`"
    )


def object_conflict(
    first: Borrower, first_held: Held, first_level: int, second: Borrower, own: Own
) -> MutableBorrowError:
    """Say that two threads hold an object, and one of them may change it."""
    verdict, held, level = own
    same = first.code is second.code and first.code is not None
    uses, notes, first_changes = _object_parts(
        first_held, first_level, first_held.verdicts[first_level], "" if same else "first "
    )
    more, more_notes, second_changes = _object_parts(
        held, level, verdict, "" if same else "second "
    )
    code, headline, one, two = _kinds(first_changes, second_changes)
    spans = _twice(first, second, held.loan.name, one, two)
    spans += uses if uses == more else uses + more
    notes += [note for note in more_notes if note not in notes]
    notes += _related(first_held, first_level, held, level)
    name = held.loan.name
    return _error(code, headline.format(name), spans, notes, _object_help(name))


def body_conflict(borrower: Borrower, own: Own, theirs: Held, level: int) -> MutableBorrowError:
    """Say that a thread and the block hold an object, and one of them may change it."""
    verdict, held, own_level = own
    uses, notes, first_changes = _object_parts(held, own_level, verdict, "first ")
    their_verdict = theirs.verdicts[level]
    second_changes = their_verdict > Verdict.READ
    number, headline, one, two = _kinds(first_changes, second_changes)
    spans = _borrow(borrower, f"{one} borrow occurs here") + uses
    seen = theirs.reasons[level]
    if seen is not None:
        spans += _place(seen.file, seen.position, f"{two} borrow occurs here", True)
    how = _how(seen, their_verdict)
    name = theirs.loan.name
    notes += [f"`{name}` may be changed: {how}"] if how else []
    notes += _related(held, own_level, theirs, level)
    notes.append("the block counts as one more borrower until the scope ends")
    return _error(number, headline.format(name), spans, notes, _object_help(name))


def unknown_body(borrower: Borrower, own: Own) -> MutableBorrowError:
    """Say that a thread holds an object, and nobody can see what the block does with it."""
    verdict, held, level = own
    uses, notes, changes = _object_parts(held, level, verdict, "first ")
    code, headline, one, _ = _kinds(changes, True)
    spans = _borrow(borrower, f"{one} borrow occurs here", True) + uses
    notes.append(
        "the code of the scope's block cannot be seen from here, so it may use the object too"
    )
    name = held.loan.name
    return _error(code, headline.format(name), spans, notes, _object_help(name))
