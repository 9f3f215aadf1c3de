"""What a function reads after a call: a table of programs, and generated ones that really run.

In the table the use that must be found stands between « and »; the call is `probe(...)`.
"""

from __future__ import annotations

import ast
import dis
import linecache
import os
import re
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import CodeType, FrameType, GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pythread_rs.ownership._liveness import (
    Liveness,
    Position,
    argument_loads,
    liveness,
    module_liveness,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Program(NamedTuple):
    """A compiled program, and where in it the call and the marked use are."""

    code: CodeType
    lasti: int
    use: Position | None


def position_of(node: ast.expr) -> Position:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return Position(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


def marked_use(source: str) -> tuple[str, Position | None]:
    """Take the marks out of a source; columns count bytes."""
    for number, line in enumerate(source.splitlines(), 1):
        before, mark, rest = line.partition("«")
        if mark:
            name = rest.partition("»")[0]
            start, end = len(before.encode()), len((before + name).encode())
            clean = source.replace("«", "").replace("»", "")
            return clean, Position(number, start, number, end)
    return source, None


def call_positions(source: str) -> list[Position]:
    """Say where `probe` is called, as a function or a decorator."""
    calls: list[Position] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            function = node.func.attr if isinstance(node.func, ast.Attribute) else None
            if isinstance(node.func, ast.Name):
                function = node.func.id
            calls += [position_of(node)] if function == "probe" else []
        elif isinstance(node, ast.FunctionDef):
            calls += [position_of(d) for d in node.decorator_list if ast.unparse(d) == "probe"]
    return calls


def find(text: str) -> list[Program]:
    """Compile a program and find its call; the compiler copies what stands in `finally`."""
    source, use = marked_use(textwrap.dedent(text).strip())
    (wanted,) = call_positions(source)
    # The second variable of a double instruction is looked up in the source.
    linecache.cache["program.py"] = (len(source), None, source.splitlines(True), "program.py")
    found: list[Program] = []
    for code in codes_in(compile(source, "program.py", "exec")):
        for step in dis.get_instructions(code):
            place = step.positions
            if place is not None and step.opname in {"CALL", "CALL_KW", "CALL_FUNCTION_EX"}:
                spot = (place.lineno, place.col_offset, place.end_lineno, place.end_col_offset)
                if spot == wanted:
                    found.append(Program(code, step.offset, use))
    return found


def analyse(program: Program) -> Liveness:
    is_module = program.code.co_name == "<module>"
    return (module_liveness if is_module else liveness)(program.code, program.lasti)


def analysed(text: str) -> tuple[Liveness, Position | None]:
    (program,) = find(text)
    return analyse(program), program.use


# "# name: kind of use in function"; without a kind there is no use, and the function is `f`.
PROGRAMS = """

# never read again
def f(x):
    probe(x)

# read on the next line: use
def f(x):
    probe(x)
    return len(«x»)

# read in the same expression: use
def f(x): return [probe(x), «x»]

# read before in the same expression
def f(x): return [x, probe(x)]

# a receiver that was read before
def f(x): x.append(probe(x))

# columns are bytes: use
def f(x): return ['ä', probe(x), 'ö', «x»]

# assigned by the very call
def f(x):
    x = probe(x)
    return x

# assigned before it is read
def f(x):
    probe(x)
    x = []
    return x

# augmented assignment reads: use
def f(x):
    probe(x)
    «x» += [1]

# deleting a plain local is no use
def f(x):
    probe(x)
    del x

# deleting a cell is a use: use
def f(x):
    probe(lambda: x)
    del «x»

# assigned on one branch only: use
def f(x, c):
    probe(x)
    if c:
        x = []
    return «x»

# assigned on both branches
def f(x, c):
    probe(x)
    if c:
        x = []
    else:
        x = ()
    return x

# read on another branch than the call's
def f(x, c):
    if c:
        probe(x)
    else:
        print(x)

# the first in the order of the source: use
def f(x, c):
    probe(x)
    if c:
        return 1, «x»
    return x

# read after a return
def f(x, c):
    if c:
        return probe(x)
    return x

# again in a loop: loop
def f(x):
    for _ in range(3):
        probe(«x»)

# again in a while loop: loop
def f(x):
    while True:
        probe(1, «x»)

# assigned in each round
def f():
    while True:
        x = []
        probe(x)

# the loop's own variable
def f(xs):
    for x in xs:
        probe(x)

# the loop's variable after it: use
def f(xs):
    for x in xs:
        probe(x)
    return «x»

# a loop that is left
def f(x, c):
    while True:
        probe(x)
        break

# read earlier in the loop's body: use
def f(x):
    while True:
        print(«x»)
        probe(x)

# after the loop goes before the loop: use
def f(x):
    for _ in range(3):
        probe(x)
    return «x»

# a continued loop: loop
def f(x, c):
    while True:
        if c:
            probe(«x»)
            continue
        x = []

# a condition in the argument: loop
def f(x, c):
    while True:
        probe(«x» if c else None)

# handler of the call's own error
def f(x):
    try:
        h = probe(x)
    except OSError:
        print(x)
    return 1

# handler of a later error: use
def f(x):
    try:
        h = probe(x)
        h.join()
    except OSError:
        print(«x»)

# handler, and what follows it
def f(x):
    try:
        h = probe(x)
    except OSError:
        pass
    else:
        return h
    return x

# return in a try
def f(x):
    try:
        return probe(x)
    except OSError:
        return x

# the call is the argument of another: use
def f(x):
    try:
        return spawn(probe(lambda: x))
    except OSError:
        return «x»

# another argument may raise after the call: use
def f(x):
    try:
        return spawn(probe(lambda: x), name())
    except OSError:
        return «x»

# another argument reads: use
def f(x): return spawn(probe(lambda: x), «x»)

# what the outer call's value does may raise: use
def f(x):
    try:
        return spawn(probe(lambda: x)).join()
    except OSError:
        return «x»

# finally: use
def f(x):
    try:
        probe(x)
    finally:
        print(«x»)

# finally after a return: use
def f(x, c):
    try:
        if c:
            return probe(x)
    finally:
        print(«x»)

# with reads nothing
def f(x, m):
    with m:
        probe(x)

# after a with that may swallow a later error: use
def f(x, m):
    with m:
        probe(x)
        x = g()
        return x
    return «x»

# after a with that may swallow the call's error
def f(x, m):
    with m:
        return probe(x)
    return x

# match: use
def f(x, c):
    probe(x)
    match c:
        case [x]:
            pass
        case {"a": 1, **rest} if «x»:
            pass

# a comprehension reads: use
def f(x, n):
    probe(x)
    return [«x» for _ in n]

# a comprehension's own variable
def f(x, n):
    probe(x)
    return [x for x in n]

# behind a comprehension with that name: use
def f(x, n):
    probe(x)
    y = [x for x in n for y in x]
    return y, «x»

# behind a comprehension with that name as a cell: use
def f(x, n):
    probe(x)
    y = {x: (lambda: x) for x in n}
    return y, «x»

# a failed comprehension puts back: use
def f(x, n):
    probe(x)
    try:
        n = [x.y for x in n]
        x = 1
    except OSError:
        print(«x»)

# a comprehension assigns
def f(x, n):
    probe(x)
    x = [x for x in n]
    return x

# in a comprehension over the call: use
def f(x):
    return [«x» for _ in probe(x)]

# in a generator expression over the call on one branch: use in f.<locals>.<genexpr>
def f(x, y):
    z = sum(«x» for _ in (y if y else probe(x)))
    print(z)
    print(z)

# in a generator expression over the call: use in f.<locals>.<genexpr>
def f(x): return sum(«x» for _ in probe(x))

# a generator expression made before: closure in f.<locals>.<genexpr>
def f(x, n):
    g = («x» for _ in n)
    probe(x)
    return list(g)

# a class body reads: use in f.<locals>.C
def f(x):
    probe(x)
    class C:
        y = «x»

# a method of a class made before: closure in f.<locals>.C.m
def f(x):
    class C:
        def m(self):
            return «x»
    probe(x)
    return C()

# a class made before that is done
def f(x):
    class C:
        y = x
    probe(x)
    return C()

# captured later: closure in f.<locals>.<lambda>
def f(x):
    probe(lambda: x)
    return lambda: «x»

# captured later, deeper: closure in f.<locals>.g.<locals>.h
def f(x):
    probe(lambda: x)
    def g():
        def h(x=1):
            return x
        def h():
            return «x»
        return h

# captured later and only assigned
def f(x):
    probe(lambda: x)
    def g():
        nonlocal x
        x = []
        return x
    return g

# a cell assigned before it is captured
def f(x):
    probe(lambda: x)
    x = 1
    return lambda: x

# captured again in a loop: loop in f.<locals>.<lambda>
def f(x):
    for i in range(3):
        spawn(probe(lambda: «x».append(i)))

# captured again by a named function: loop in f.<locals>.work
def f(x):
    for i in range(3):
        def work():
            return «x»
        probe(work)

# captured again by a decorated function: loop in f.<locals>.work
def f(x):
    for i in range(3):
        @probe
        def work():
            return «x»

# a named function is moved twice: loop
def f(x):
    def work():
        return x
    for i in range(3):
        probe(«work»)

# a sibling in use: closure in f.<locals>.g
def f(x):
    def g():
        return «x»
    probe(lambda: x)
    return g()

# a sibling that is not used again
def f(x):
    def g():
        return x
    g()
    probe(lambda: x)

# the moved function is used again: closure in f.<locals>.work
def f(x):
    def work():
        return «x»
    probe(work)
    work()

# a sibling after an assignment
def f(x):
    def g():
        return x
    probe(lambda: x)
    x = 1
    return g()

# a sibling that was replaced
def f(x):
    def g():
        return x
    g = str
    probe(lambda: x)
    return g()

# a sibling on one branch: closure in f.<locals>.<lambda>
def f(x, c):
    if c:
        g = h = lambda: «x»
    else:
        g = h = str
    probe(lambda: x)
    return h()

# a sibling that assigns
def f(x):
    def g():
        nonlocal x
        x = 1
        return x
    probe(lambda: x)
    return g()

# a sibling of a sibling: closure in f.<locals>.g
def f(x):
    def g():
        return «x»
    def h():
        return g()
    probe(lambda: x)
    return h()

# siblings in a ring
def f(x):
    def g():
        return x, h()
    def h():
        return g()
    probe(lambda: x)

# a sibling passed elsewhere cannot be known
def f(x):
    register(lambda: x)
    probe(lambda: x)

# a sibling that waits on the stack: closure in f.<locals>.<lambda>
def f(x): return g(lambda: «x», probe(lambda: x))

# a free variable: use in outer.<locals>.f
def outer(x):
    def f():
        probe(lambda: x)
        return «x»
    return f

# a generator: use
def f(x):
    probe(x)
    yield 1
    yield from «x»

# thrown into a generator: use
def f(x):
    probe(x)
    try:
        yield
    except OSError:
        print(«x»)

# a coroutine: use
async def f(x, m):
    async with m:
        async for _ in m:
            probe(x)
            x = await m
            return
    print(«x»)

# again in an async loop: loop
async def f(x, m):
    async for _ in m:
        probe(«x»)

# super() reads its argument: use in C.f
class C:
    def f(x):
        probe(x)
        return «super»()

# keyword arguments: loop
def f(x, y):
    while True:
        probe(y, k=«x»)

# starred arguments: loop
def f(x, y):
    while True:
        probe(*y, **«x»)

# module code: use in <module>
x = []
probe(lambda: x)
print(«x»)

# module code in a loop: loop in <lambda>
x = []
for i in range(3):
    probe(lambda: «x».append(i))

# a module's function is not followed
x = []
probe(lambda: x)
def g():
    return x
print(g())

# a module's comprehension is: use in <module>
x = []
probe(lambda: x)
[«x» for i in range(3)]

# a module's comprehension variable
x = []
probe(lambda: x)
[x for x in range(3)]

# a module's deleted variable: use in <module>
x = []
probe(lambda: x)
del «x»

# a module's handler
x = []
try:
    h = probe(lambda: x)
except OSError:
    print(x)

# a module's class body: use in C
x = []
probe(lambda: x)
class C:
    y = «x»
    x = 1
    x
"""


class Entry(NamedTuple):
    """One program of the table, and what is to be found in it."""

    kind: str | None
    within: str
    text: str


def entries() -> Iterator[tuple[str, Entry]]:
    for part in PROGRAMS.split("\n# ")[1:]:
        head, _, text = part.partition("\n")
        name, _, wanted = head.partition(": ")
        kind, _, within = wanted.partition(" in ")
        yield name, Entry(kind or None, within or "f", text)


TABLE = dict(entries())


@pytest.mark.parametrize("name", TABLE)
def test_first_later_use(name: str) -> None:
    kind, within, text = TABLE[name]
    found, position = analysed(text)
    assert found.known
    use = found.later_use("x")
    if kind is None:
        assert use is None
    else:
        assert use is not None
        # On 3.11 a comprehension is a function of its own.
        function = use.within.removesuffix("<listcomp>").removesuffix(".<locals>.") or "<module>"
        assert (use.kind, use.name, function) == (kind, "x", within), use
        assert use.position == position
        assert "x" not in found.dead()


def test_a_failed_call_that_takes_the_value_may_give_it_back() -> None:
    text = """
        def f(x):
            try:
                return spawn(probe(lambda: x){})
            except OSError:
                return x
    """
    found, _ = analysed(text.format(""))
    assert found.later_use("x") is not None
    assert found.later_use("x", restored=True) is None
    for more in (", name()", ".named()", ").join("):
        found, _ = analysed(text.format(more))
        assert found.later_use("x", restored=True) is not None, more


UNKNOWN = {
    "locals": "def f(x):\n    probe(x)\n    return locals()",
    "vars": "def f(x):\n    probe(x)\n    return vars()",
    "dir": "def f(x):\n    probe(x)\n    return dir()",
    "eval": "def f(x):\n    probe(x)\n    return eval('x')",
    "exec": "def f(x):\n    probe(x)\n    exec('print(x)')",
    "globals in a module": "x = 1\nprobe(lambda: x)\nprint(globals())",
    "_getframe": "def f(x):\n    probe(x)\n    return sys._getframe().f_locals",
    "currentframe": "def f(x):\n    probe(x)\n    return inspect.currentframe().f_locals",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_code_that_sees_everything_is_unknown(name: str) -> None:
    found, _ = analysed(UNKNOWN[name])
    assert not found.known
    assert found.later_use("x") is None
    assert found.dead() == frozenset()


def test_an_attribute_of_such_a_name_is_harmless() -> None:
    found, _ = analysed("def f(x, model):\n    probe(x)\n    model.eval()")
    assert found.known


def test_class_bodies_and_the_wrong_kind_of_code_are_unknown() -> None:
    (body,) = find("def f(x):\n    class C:\n        probe(x)\n    return x")
    assert not liveness(body.code, body.lasti).known
    (function,) = find("def f(x):\n    probe(x)")
    assert not module_liveness(function.code, function.lasti).known
    (module,) = find("probe(x)")
    assert not liveness(module.code, module.lasti).known
    assert not liveness(function.code, 10_000).known


def test_dead_variables() -> None:
    text = """
        def f(a, b, c, d, e, *args, **kwargs):
            g = lambda: c
            h = a
            probe(lambda: e, a)
            for a in b:
                print(d)
            del h
            return [i for i in args]
    """
    found, _ = analysed(text)
    # `c` is in a closure that is never called again: the references on its cell tell the rest.
    assert found.dead() - {"i"} == {"a", "c", "e", "g", "h", "kwargs"}


def test_a_frame_further_out_may_get_the_exception() -> None:
    text = """
        def f(x, y):
            try:
                probe(x)
            except OSError:
                print(y)
    """
    found, _ = analysed(text)
    assert found.dead() == {"x", "y"}
    assert found.dead(may_raise=True) == {"x"}


def loads_of(text: str) -> list[tuple[str | None, str | None, str | None, str]]:
    program = find(text)[0]
    source = linecache.getlines("program.py")
    return [
        (
            argument.keyword,
            argument.name,
            argument.kind,
            source[argument.position.line - 1]
            .encode()[argument.position.column : argument.position.end_column]
            .decode(),
        )
        for argument in argument_loads(program.code, program.lasti)
    ]


def test_the_variables_that_arguments_are() -> None:
    a = (None, "a", "local", "a")
    b = (None, "b", "local", "b")
    more = (None, None, None)
    assert loads_of("def f(a, b): probe(a, b)") == [a, b]
    assert loads_of("def f(a, b): a.probe(b, a)") == [b, a]
    assert loads_of("def f(a, b): probe(a + b, b)") == [(*more, "a + b"), b]
    assert loads_of("def f(a, b): probe(a, b=b, k=a)") == [
        a,
        ("b", "b", "local", "b"),
        ("k", "a", "local", "a"),
    ]
    assert loads_of("def f(a): probe(a, g, 1); return lambda: a") == [
        (None, "a", "cell", "a"),
        (None, "g", "global", "g"),
        (*more, "1"),
    ]
    assert loads_of("def f(ä, b): return ä, 'ö', probe(b, ä)") == [b, (None, "ä", "local", "ä")]
    assert loads_of("def f(a, b): probe(*a, **b)") == []
    assert loads_of("def f(a, b): probe()") == []
    assert loads_of("probe(x)") == [(None, "x", "global", "x")]


@pytest.mark.parametrize("argument", ["a or b", "a and b", "a if b else b", "b and a or b"])
def test_an_argument_with_a_branch_is_no_variable(argument: str) -> None:
    # The ones beside it may go without a name as well, but never with a wrong one.
    for text in (
        f"def f(a, b): probe({argument})",
        f"def f(a, b): return probe(b, {argument}, b)",
        f"def f(a, b): c = probe(b, {argument}, b); print(); print(); return c",
    ):
        names = [load[1] for load in loads_of(text)]
        expected = [None] if len(names) == 1 else ["b", None, "b"]
        assert all(name in {None, wanted} for name, wanted in zip(names, expected, strict=True))


class Spy:
    """Notes where its caller is when a function written in C asks for its length."""

    def __init__(self) -> None:
        self.places: set[tuple[CodeType, int]] = set()

    def __len__(self) -> int:
        self.note()
        return 1

    def note(self, *_: object) -> None:
        caller = sys._getframe(1 if _ else 2)
        self.places.add((caller.f_code, caller.f_lasti))


def specialised(x: list[int], y: list[int], spy: Spy) -> None:
    for _ in range(100):
        try:
            len(spy)  # on 3.11 this becomes a step of its own before the call
        except OSError:
            print(x)
        x = []
    print(y and x)


def called(x: list[int], spy: Spy) -> list[int]:
    spy.note(x)
    return x


def test_where_a_running_frame_is() -> None:
    spy = Spy()
    specialised([], [], spy)
    for code, lasti in spy.places:
        found = liveness(code, lasti)
        assert found.known
        assert found.later_use("x") is None
        assert found.later_use("y") is not None


@pytest.mark.parametrize("traced", [False, True])
def test_neither_tracing_nor_specialisation_matters(traced: bool) -> None:
    before = sys.gettrace()
    places: set[tuple[CodeType, int]] = set()
    if traced:
        sys.settrace(lambda *_: None)
    try:
        for _ in range(100):
            spy = Spy()
            called([], spy)
            places |= spy.places
    finally:
        sys.settrace(before)
    (place,) = places
    assert argument_loads(*place)[0].name == "x"
    use = liveness(*place).later_use("x")
    assert use is not None
    assert use.position.column == 11


def test_without_columns(run_child: Callable[..., Any]) -> None:
    program = """
    from pythread_rs.ownership._liveness import argument_loads, liveness
    import sys

    def probe(x):
        frame = sys._getframe(1)
        print(argument_loads(frame.f_code, frame.f_lasti)[0].position)
        print(liveness(frame.f_code, frame.f_lasti).later_use("x").position)

    def f(x):
        probe(x)
        print([], x)

    f(1)
    """
    done = run_child(program, env={**os.environ, "PYTHONNODEBUGRANGES": "1"})
    assert done.stderr == ""
    argument, use, _ = done.stdout.splitlines()
    assert argument == "Position(line=11, column=0, end_line=11, end_column=0)"
    assert use == "Position(line=12, column=0, end_line=12, end_column=0)"


def test_without_source_a_second_variable_is_where_the_first_is() -> None:
    (program,) = find("def f(a, b): probe(a, b)")
    linecache.cache["program.py"] = (6, None, ["# new\n"], "program.py")
    first, second = argument_loads(program.code, program.lasti)
    assert first.position.column == 19
    assert second.position.column == (22 if sys.version_info < (3, 13) else 19)


def long_function(blocks: int) -> str:
    lines = ["def f(x, c):", "    probe(x)"]
    for number in range(blocks):
        lines += [
            "    try:",
            f"        a{number} = c(a{number - 1 if number else 0}, b{number % 7})",
            "        for i in c:",
            f"            h{number} = lambda: (a0, b{number % 7})",
            "    except OSError as e:",
            f"        b{number % 7} = [q for q in c]",
        ]
    return "\n".join(lines)


def test_a_long_function_takes_no_long_time() -> None:
    (program,) = find(long_function(500))
    assert len(program.code.co_code) > 20_000
    for attempt in range(3):
        start = time.thread_time()
        found = analyse(program)
        assert found.later_use("x") is None
        assert "x" in found.dead()
        taken = time.thread_time() - start
        if taken < 1.0:
            break
        assert attempt < 2, taken


# What a generated program calls. Each call asks `Decisions` what to do, so that every way through
# a program that its text allows can be taken by some run.


class E(Exception):
    """What generated programs raise and catch."""


class Over(BaseException):
    """The run has made as many decisions as it may."""


class Decisions:
    """One run's decisions: those given, then 0; `mosts` says what else each could have been."""

    def __init__(self, given: tuple[int, ...]) -> None:
        self.given = given
        self.mosts: list[int] = []
        self.called = False

    def take(self, most: int) -> int:
        number = len(self.mosts)
        if number >= LONGEST:
            raise Over
        self.mosts.append(most)
        return self.given[number] if number < len(self.given) else 0

    def may_raise(self) -> None:
        if self.take(1):
            raise E

    def use(self, *_: object) -> int:
        return self.c()

    def n(self, *_: object) -> range:
        decided = self.take(2)
        if decided == 2:
            raise E
        return range(2 * decided)

    def c(self, *_: object) -> int:
        decided = self.take(2)
        if decided == 2:
            raise E
        return decided

    def run(self, what: object) -> None:
        self.may_raise()
        if callable(what):
            what()
        elif isinstance(what, Generator):
            list(what)

    def probe(self, moved: Callable[[], object]) -> range:
        assert moved.__closure__ is not None
        (cell,) = moved.__closure__
        decided = self.take(2)
        if decided == 2:
            raise E
        try:
            _ = cell.cell_contents
        except ValueError:
            raise NameError("variable 'x' has been moved") from None
        del cell.cell_contents
        self.called = True
        return range(decided)

    @contextmanager
    def m(self) -> Generator[int]:
        self.may_raise()
        try:
            yield 1
        except E:
            if self.take(1):
                raise
        else:
            self.may_raise()


TraceFunction = Callable[[FrameType, str, Any], Any]
GENERATED = "generated.py"
LONGEST = 12
MOST_RUNS = 150
SIMPLE = """
use(x)
use(y)
x = use(y)
x = 1
x = use(x)
y = x
use(x if c() else y)
use(c() and x)
use(x := y)
x, y = use(y), 1
use([x for _ in n()])
use([x for x in n()])
use([y for x in n() if use(x)])
x = use([x for x in n()])
use({x: (lambda: x) for x in n()})
use([use(y) for x in n() for y in n(x)])
use(list(x for _ in n()))
return x
return 1
return use(y)
raise E
break
continue
assert c(), x
""".strip().splitlines()
CLOSURES = [
    "g = lambda: x",
    "def g():\n    return x",
    "def g(a=x):\n    return a",
    "def g():\n    nonlocal x\n    x = 1\n    return x",
    "def g():\n    nonlocal x\n    if c():\n        x = 1\n    return x",
    "def g():\n    return lambda: x",
    "h = lambda: run(g)",
    "run(g)",
    "run(h)",
    "g = h",
    "g = (x for _ in n())",
    "g = (y for _ in n())",
    "class C:\n    a = x",
    "class g:\n    def __init__(self):\n        use(x)",
    "use(lambda: x)",
    "del x\nx = 1",
]
CALLS = [
    "probe({})",
    "y = probe({})",
    "x = [probe({})]",
    "return probe({})",
    "use(probe({}), x)",
    "use(x, probe({}))",
    "use(use(probe({})))",
    "use(probe({}), use(y))",
    "use([x for _ in probe({})])",
    "use(list(x for _ in probe({})))",
    "return [x for _ in (n() if c() else probe({}))]",
    "return (x for _ in (probe({}) if c() else n()))",
    "for x in probe({}):\n    use(x)",
    "if probe({}):\n    use(x)",
]
COMPOUND = [
    ("if c():", "else:"),
    ("if c():", "elif use(y):", "else:"),
    ("while c():",),
    ("while c():", "else:"),
    ("for y in n():",),
    ("for x in n():",),
    ("for x in n():", "else:"),
    ("try:", "except E:"),
    ("try:", "except E:", "else:"),
    ("try:", "except E as e:", "finally:"),
    ("try:", "finally:"),
    ("with m():",),
    ("with m() as x:",),
    ("match c():",),
]


@st.composite
def block(draw: st.DrawFn, depth: int, in_loop: bool, cells: bool) -> str:
    """Write some statements; `CALL` stands where the call may be."""
    statements: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.integers(0, 9))
        if kind == 0:
            statements.append("CALL")
        elif kind <= 4 and depth:
            statements.append(draw(compound(depth - 1, in_loop, cells)))
        elif kind <= 6 and cells:
            statements.append(draw(st.sampled_from(CLOSURES)))
        else:
            simple = draw(st.sampled_from(SIMPLE))
            leaves = simple in {"break", "continue"} and not in_loop
            statements.append("use(y)" if leaves else simple)
    return "\n".join(statements)


@st.composite
def compound(draw: st.DrawFn, depth: int, in_loop: bool, cells: bool) -> str:
    heads = draw(st.sampled_from(COMPOUND))
    text = ""
    for head in heads:
        inside = in_loop or head.startswith(("for", "while"))
        body = draw(block(depth, inside, cells))
        if head.startswith("match"):
            other = draw(block(depth, inside, cells))
            body = f"case 0:\n{indented(body)}\ncase x:\n{indented(other)}"
        text += f"{head}\n{indented(body)}\n"
    return text.rstrip()


def indented(text: str) -> str:
    return textwrap.indent(text, "    ")


class Generated(NamedTuple):
    """A program to analyse, and the same program in a form whose variable can be emptied."""

    analysed: str
    run: str


def with_call(body: str, chosen: int, statement: str) -> str:
    """Put the call into one of its places, with the indentation of the line that it is alone in."""
    text, *parts = body.split("CALL")
    for number, part in enumerate(parts):
        margin = " " * (len(text) - len(text.rstrip(" ")))
        text += statement.replace("\n", f"\n{margin}") if number == chosen else "use(y)"
        text += part
    return text


def as_generator(body: str) -> str:
    return re.sub(r"^( *)(x = )?use\(y\)$", r"\1\2(yield)", body, flags=re.MULTILINE) + "\nyield"


@st.composite
def programs(draw: st.DrawFn, cells: bool) -> Generated:
    body = draw(block(3, False, cells)) + "\n" + draw(block(1, False, cells))
    if "CALL" not in body:
        body = f"CALL\n{body}"
    chosen = draw(st.integers(0, body.count("CALL") - 1))
    call = draw(st.sampled_from(CALLS))
    analysed = with_call(body, chosen, call.format("lambda: x" if cells else "x"))
    # A plain local cannot be emptied, so that the program that runs has it in a cell.
    run = analysed if cells else with_call(body, chosen, call.format("(x, _x)[1]"))
    if draw(st.booleans()):
        analysed, run = as_generator(analysed), as_generator(run)
    if not cells:
        run = f"_x = lambda: x\n{run}"
    head = "def f(x, y, g, h):\n"
    return Generated(head + indented(analysed), head + indented(run))


def runner_of(source: str) -> Callable[[Decisions], bool]:
    """Compile a program; the result runs it and tells whether it read what was gone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # `return` in `finally`
        compiled = compile(source, GENERATED, "exec")

    def run(decisions: Decisions) -> bool:
        names = {name: getattr(decisions, name) for name in ("c", "m", "n", "probe", "run", "use")}
        names |= {"E": E}
        exec(compiled, names)
        gone: list[str] = []
        before = sys.gettrace()
        sys.settrace(watch_for_names(gone))
        try:
            drive(names["f"](1, 1, int, int), decisions)
        except (E, Over, AssertionError, NameError, RuntimeError):
            pass  # RuntimeError: a closed generator has yielded
        finally:
            sys.settrace(before)
        assert all("variable 'x'" in text for text in gone), gone
        return bool(gone)

    return run


def watch_for_names(gone: list[str]) -> TraceFunction:
    """Note each NameError where it begins: `finally` may swallow it."""

    def watch(frame: FrameType, event: str, argument: Any) -> TraceFunction | None:
        if frame.f_code.co_filename != GENERATED:
            return None
        frame.f_trace_lines = False
        if event == "exception" and isinstance(argument[1], NameError):
            gone.append(str(argument[1]))
        return watch

    return watch


def drive(result: object, decisions: Decisions) -> None:
    """Run a generator to its end, and throw into it now and then."""
    if not isinstance(result, GeneratorType):
        return
    try:
        next(result)
        while True:
            if decisions.take(1):
                result.throw(E())
            else:
                result.send(1)
    except StopIteration:
        pass
    finally:
        while result.gi_frame is not None:
            with suppress(RuntimeError):  # it yields while it is closed
                result.close()


@dataclass
class Outcomes:
    """What happened in the runs of one program."""

    called: bool = False
    read: bool = False
    complete: bool = False  # all ways were tried


def try_all_ways(source: str, outcomes: Outcomes) -> None:
    """Run a program, the simplest ways first, until it reads what is gone."""
    run = runner_of(source)
    ways: list[tuple[int, ...]] = [()]
    for tried, way in enumerate(ways):
        if tried == MOST_RUNS:
            return
        decisions = Decisions(way)
        outcomes.read = run(decisions)
        outcomes.called |= decisions.called
        if outcomes.read:
            return
        for place in range(len(way), len(decisions.mosts)):
            zeros = (0,) * (place - len(way))
            ways += [(*way, *zeros, other) for other in range(1, decisions.mosts[place] + 1)]
    outcomes.complete = True


STRESS = int(os.environ.get("PYTHREAD_RS_STRESS") or 1)
FUZZ = settings(max_examples=90 * STRESS, deadline=None, derandomize=STRESS == 1, database=None)


def check_against_runs(program: Generated) -> None:
    """Compare what is said of a program with what its runs do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        calls = [analyse(found) for found in find(program.analysed)]
    uses = [use for call in calls if (use := call.later_use("x"))]
    assert not any("x" in call.dead() for call in calls if call.later_use("x"))
    outcomes = Outcomes()
    try_all_ways(program.run, outcomes)
    assert uses or not outcomes.read, "a use was missed"
    # A closure or generator expression counts when it is made, even if it never runs.
    runs_later = any(use.kind == "closure" or "<genexpr>" in use.within for use in uses)
    exact = outcomes.called and outcomes.complete and not runs_later
    assert outcomes.read or not uses or not exact, f"no run gets to {uses}"


@pytest.mark.timeout(20 * STRESS)
@FUZZ
@given(program=programs(cells=False))
def test_a_generated_program_reads_a_plain_local(program: Generated) -> None:
    check_against_runs(program)


@pytest.mark.timeout(20 * STRESS)
@FUZZ
@given(program=programs(cells=True))
def test_a_generated_program_reads_a_captured_variable(program: Generated) -> None:
    check_against_runs(program)
