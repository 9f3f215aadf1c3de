"""The layout is rustc's: its own outputs (1.95), drawn again from their spans.

The footer is ours, and notes that point into the standard library are left out.
"""

from __future__ import annotations

import linecache
import textwrap
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pythread_rs.ownership._diagnostic import Diagnostic, Note, Span, Suggestion, footer, render

if TYPE_CHECKING:
    from collections.abc import Iterator


class Source(NamedTuple):
    """A text whose first line has some number, and spans by what stands there."""

    file: str
    first: int
    text: str

    def at(
        self, line: int, what: str, label: str = "", *, primary: bool = False, nth: int = 0
    ) -> Span:
        text = self.text.split("\n")[line - self.first]
        column = -1
        for _ in range(nth + 1):
            column = text.index(what, column + 1)
        return Span(self.file, line, column, line, column + len(what), label, primary)

    def until(self, line: int, what: str, end: tuple[int, int], label: str, **more: bool) -> Span:
        start = self.at(line, what)
        return Span(self.file, line, start.column, *end, label, more.get("primary", False))


@pytest.fixture(autouse=True)
def sources() -> Iterator[None]:
    """Put the sources where a notebook puts its cells."""
    for case in CASES:
        source = case.source
        lines = [*[""] * (source.first - 1), *source.text.split("\n")]
        linecache.cache[source.file] = (1, None, [line + "\n" for line in lines], source.file)
    yield
    for case in CASES:
        del linecache.cache[case.source.file]


class Case(NamedTuple):
    """A diagnostic and what rustc prints for it."""

    source: Source
    diagnostic: Diagnostic
    expected: str


CLOSURE = Source(
    "e0277.rs",
    6,
    """\
    let handle = thread::spawn(move || {
        println!("{rc}");
    });""",
)
OVER_LINES = Case(
    CLOSURE,
    Diagnostic(
        "E0277",
        "`Rc<i32>` cannot be sent between threads safely",
        (
            CLOSURE.until(
                6,
                "move || {",
                (8, 5),
                "`Rc<i32>` cannot be sent between threads safely",
                primary=True,
            ),
            CLOSURE.at(6, "move ||", "within this `{closure@e0277.rs:6:32: 6:39}`"),
            CLOSURE.at(6, "thread::spawn", "required by a bound introduced by this call"),
        ),
        (
            Note(
                "within `{closure@e0277.rs:6:32: 6:39}`, the trait `Send` is not implemented "
                "for `Rc<i32>`",
                level="help",
            ),
            Note("required because it's used within this closure", CLOSURE.at(6, "move ||")),
        ),
    ),
    """
error[E0277]: `Rc<i32>` cannot be sent between threads safely
 --> e0277.rs:6:32
  |
6 |       let handle = thread::spawn(move || {
  |                    ------------- ^------
  |                    |             |
  |  __________________|_____________within this `{closure@e0277.rs:6:32: 6:39}`
  | |                  |
  | |                  required by a bound introduced by this call
7 | |         println!("{rc}");
8 | |     });
  | |_____^ `Rc<i32>` cannot be sent between threads safely
  |
  = help: within `{closure@e0277.rs:6:32: 6:39}`, the trait `Send` is not implemented for `Rc<i32>`
note: required because it's used within this closure
 --> e0277.rs:6:32
  |
6 |     let handle = thread::spawn(move || {
  |                                ^^^^^^^
""",
)

SHARED = Source(
    "e0277sync.rs",
    7,
    """\
        s.spawn(|| {
            *c.borrow_mut() += 1;
        });""",
)
RAIL_BEHIND_A_LABEL = Case(
    SHARED,
    Diagnostic(
        "E0277",
        "`RefCell<i32>` cannot be shared between threads safely",
        (
            SHARED.until(
                7,
                "||",
                (9, 9),
                "`RefCell<i32>` cannot be shared between threads safely",
                primary=True,
            ),
            SHARED.at(7, "spawn", "required by a bound introduced by this call"),
        ),
        (
            Note("the trait `Sync` is not implemented for `RefCell<i32>`", level="help"),
            "required for `&RefCell<i32>` to implement `Send`",
        ),
    ),
    """
error[E0277]: `RefCell<i32>` cannot be shared between threads safely
 --> e0277sync.rs:7:17
  |
7 |           s.spawn(|| {
  |  ___________-----_^
  | |           |
  | |           required by a bound introduced by this call
8 | |             *c.borrow_mut() += 1;
9 | |         });
  | |_________^ `RefCell<i32>` cannot be shared between threads safely
  |
  = help: the trait `Sync` is not implemented for `RefCell<i32>`
  = note: required for `&RefCell<i32>` to implement `Send`
""",
)

GUARD = Source("e0277guard.rs", 8, '        s.spawn(move || println!("{g}"));')
LABELS_INSIDE = Case(
    GUARD,
    Diagnostic(
        "E0277",
        "`std::sync::MutexGuard<'_, i32>` cannot be sent between threads safely",
        (
            GUARD.at(
                8,
                'move || println!("{g}")',
                "`std::sync::MutexGuard<'_, i32>` cannot be sent between threads safely",
                primary=True,
            ),
            GUARD.at(8, "move ||", "within this `{closure@e0277guard.rs:8:17: 8:24}`"),
            GUARD.at(8, "spawn", "required by a bound introduced by this call"),
        ),
    ),
    """
error[E0277]: `std::sync::MutexGuard<'_, i32>` cannot be sent between threads safely
 --> e0277guard.rs:8:17
  |
8 |         s.spawn(move || println!("{g}"));
  |           ----- -------^^^^^^^^^^^^^^^^
  |           |     |
  |           |     `std::sync::MutexGuard<'_, i32>` cannot be sent between threads safely
  |           |     within this `{closure@e0277guard.rs:8:17: 8:24}`
  |           required by a bound introduced by this call
""",
)

SCOPE = Source(
    "e0499.rs",
    5,
    """\
    thread::scope(|s| {
        s.spawn(|| x += 1);
        s.spawn(|| x += 1);""",
)
LABELS_DOWNWARDS = Case(
    SCOPE,
    Diagnostic(
        "E0499",
        "cannot borrow `x` as mutable more than once at a time",
        (
            SCOPE.at(5, "s", "has type `&'1 Scope<'1, '_>`", nth=1),
            SCOPE.at(6, "||", "first mutable borrow occurs here"),
            SCOPE.at(6, "x", "first borrow occurs due to use of `x` in closure"),
            SCOPE.at(6, "s.spawn(|| x += 1)", "argument requires that `x` is borrowed for `'1`"),
            SCOPE.at(7, "||", "second mutable borrow occurs here", primary=True),
            SCOPE.at(7, "x", "second borrow occurs due to use of `x` in closure"),
        ),
    ),
    """
error[E0499]: cannot borrow `x` as mutable more than once at a time
 --> e0499.rs:7:17
  |
5 |     thread::scope(|s| {
  |                    - has type `&'1 Scope<'1, '_>`
6 |         s.spawn(|| x += 1);
  |         ------------------
  |         |       |  |
  |         |       |  first borrow occurs due to use of `x` in closure
  |         |       first mutable borrow occurs here
  |         argument requires that `x` is borrowed for `'1`
7 |         s.spawn(|| x += 1);
  |                 ^^ - second borrow occurs due to use of `x` in closure
  |                 |
  |                 second mutable borrow occurs here
""",
)

LOOP = Source(
    "e0382loop.rs",
    5,
    """\
    let (tx, rx) = mpsc::channel();
    for i in 0..3 {
        thread::spawn(move || tx.send(i).unwrap());""",
)
REWRITTEN_LINES = Case(
    LOOP,
    Diagnostic(
        "E0382",
        "use of moved value: `tx`",
        (
            LOOP.at(5, "tx", "move occurs because `tx` has type `Sender<i32>`"),
            LOOP.at(6, "for i in 0..3", "inside of this loop"),
            LOOP.at(
                7,
                "move ||",
                "value moved into closure here, in previous iteration of loop",
                primary=True,
            ),
            LOOP.at(7, "tx", "use occurs due to use in closure"),
        ),
        help=(
            Suggestion(
                "consider cloning the value before moving it into the closure",
                "e0382loop.rs",
                7,
                "        let value = tx.clone();\n"
                "        thread::spawn(move || value.send(i).unwrap());",
            ),
        ),
    ),
    """
error[E0382]: use of moved value: `tx`
 --> e0382loop.rs:7:23
  |
5 |     let (tx, rx) = mpsc::channel();
  |          -- move occurs because `tx` has type `Sender<i32>`
6 |     for i in 0..3 {
  |     ------------- inside of this loop
7 |         thread::spawn(move || tx.send(i).unwrap());
  |                       ^^^^^^^ -- use occurs due to use in closure
  |                       |
  |                       value moved into closure here, in previous iteration of loop
  |
help: consider cloning the value before moving it into the closure
  |
7 ~         let value = tx.clone();
8 ~         thread::spawn(move || value.send(i).unwrap());
  |
""",
)

OUTLIVED = Source(
    "e0597.rs",
    4,
    """\
    let v = vec![1, 2, 3];
    let r = &v;
    let handle = thread::spawn(move || {
        println!("{r:?}");
    });
    handle.join().unwrap();
}""",
)
RAIL_IN_THE_MIDDLE = Case(
    OUTLIVED,
    Diagnostic(
        "E0597",
        "`v` does not live long enough",
        (
            OUTLIVED.at(5, "&v", "borrowed value does not live long enough", primary=True),
            OUTLIVED.at(4, "v", "binding `v` declared here"),
            OUTLIVED.until(
                6, "thread::spawn", (8, 6), "argument requires that `v` is borrowed for `'static`"
            ),
            OUTLIVED.at(10, "}", "`v` dropped here while still borrowed"),
        ),
    ),
    """
error[E0597]: `v` does not live long enough
  --> e0597.rs:5:13
   |
 4 |       let v = vec![1, 2, 3];
   |           - binding `v` declared here
 5 |       let r = &v;
   |               ^^ borrowed value does not live long enough
 6 |       let handle = thread::spawn(move || {
   |  __________________-
 7 | |         println!("{r:?}");
 8 | |     });
   | |______- argument requires that `v` is borrowed for `'static`
 9 |       handle.join().unwrap();
10 |   }
   |   - `v` dropped here while still borrowed
""",
)

SENT = Source(
    "e0382send.rs",
    5,
    """\
    let val = String::from("hi");
    tx.send(val).unwrap();
    println!("val is {val}");""",
)
INSERTED_TEXT = Case(
    SENT,
    Diagnostic(
        "E0382",
        "borrow of moved value: `val`",
        (
            SENT.at(5, "val", "move occurs because `val` has type `String`"),
            SENT.at(6, "val", "value moved here"),
            SENT.at(7, "val", "value borrowed here after move", primary=True, nth=1),
        ),
        help=(
            Suggestion(
                "consider cloning the value if the performance cost is acceptable",
                "e0382send.rs",
                6,
                "    tx.send(val.clone()).unwrap();",
            ),
        ),
    ),
    """
error[E0382]: borrow of moved value: `val`
 --> e0382send.rs:7:23
  |
5 |     let val = String::from("hi");
  |         --- move occurs because `val` has type `String`
6 |     tx.send(val).unwrap();
  |             --- value moved here
7 |     println!("val is {val}");
  |                       ^^^ value borrowed here after move
  |
help: consider cloning the value if the performance cost is acceptable
  |
6 |     tx.send(val.clone()).unwrap();
  |                ++++++++
""",
)

DEREFERENCED = Source(
    "e0507.rs", 6, '    thread::spawn(move || { let s: String = *a; println!("{s}"); });'
)
DIFFERENCE = Case(
    DEREFERENCED,
    Diagnostic(
        "E0507",
        "cannot move out of an `Arc`",
        (DEREFERENCED.at(6, "*a", "move occurs because value has type `String`", primary=True),),
        help=(
            Suggestion(
                "consider removing the dereference here",
                "e0507.rs",
                6,
                '    thread::spawn(move || { let s: String = a; println!("{s}"); });',
            ),
        ),
    ),
    """
error[E0507]: cannot move out of an `Arc`
 --> e0507.rs:6:45
  |
6 |     thread::spawn(move || { let s: String = *a; println!("{s}"); });
  |                                             ^^ move occurs because value has type `String`
  |
help: consider removing the dereference here
  |
6 -     thread::spawn(move || { let s: String = *a; println!("{s}"); });
6 +     thread::spawn(move || { let s: String = a; println!("{s}"); });
  |
""",
)

ASSIGNED = Source(
    "e0506.rs",
    5,
    """\
    thread::scope(|s| {
        s.spawn(|| println!("{x}"));
        x = 5;""",
)
ASSIGNMENT = Case(
    ASSIGNED,
    Diagnostic(
        "E0506",
        "cannot assign to `x` because it is borrowed",
        (
            ASSIGNED.at(6, "||", "`x` is borrowed here"),
            ASSIGNED.at(6, "x", "borrow occurs due to use in closure"),
            ASSIGNED.at(
                6, 's.spawn(|| println!("{x}"))', "argument requires that `x` is borrowed for `'1`"
            ),
            ASSIGNED.at(
                7, "x = 5", "`x` is assigned to here but it was already borrowed", primary=True
            ),
        ),
    ),
    """
error[E0506]: cannot assign to `x` because it is borrowed
 --> e0506.rs:7:9
  |
6 |         s.spawn(|| println!("{x}"));
  |         ---------------------------
  |         |       |             |
  |         |       |             borrow occurs due to use in closure
  |         |       `x` is borrowed here
  |         argument requires that `x` is borrowed for `'1`
7 |         x = 5;
  |         ^^^^^ `x` is assigned to here but it was already borrowed
""",
)

CASES = [
    OVER_LINES,
    RAIL_BEHIND_A_LABEL,
    LABELS_INSIDE,
    LABELS_DOWNWARDS,
    REWRITTEN_LINES,
    RAIL_IN_THE_MIDDLE,
    INSERTED_TEXT,
    DIFFERENCE,
    ASSIGNMENT,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.source.file)
def test_as_rustc_draws_it(case: Case) -> None:
    expected = textwrap.dedent(case.expected).lstrip("\n")
    expected += "\n" + footer(case.diagnostic.code)
    assert render(case.diagnostic, color=False) == expected
