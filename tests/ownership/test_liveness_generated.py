"""What a function reads after a call, by generated programs that really run."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import textwrap
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, GeneratorType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.ownership import probed
else:  # test folders are no packages
    _spec = importlib.util.spec_from_file_location("probed", Path(__file__).with_name("probed.py"))
    probed = importlib.util.module_from_spec(_spec)
    sys.modules["probed"] = probed  # the annotations are looked up there
    _spec.loader.exec_module(probed)


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
        calls = [probed.analyse(found) for found in probed.find(program.analysed)]
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
