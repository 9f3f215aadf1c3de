"""What a function reads after a call, by a table of programs: liveness/*.txt.

The use that must be found stands between « and »; the call is `probe(...)`.
"""

from __future__ import annotations

import importlib.util
import linecache
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pythread_rs.ownership._liveness import argument_loads, liveness, module_liveness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ownership import probed
else:  # test folders are no packages
    _spec = importlib.util.spec_from_file_location("probed", Path(__file__).with_name("probed.py"))
    probed = importlib.util.module_from_spec(_spec)
    sys.modules["probed"] = probed  # the annotations are looked up there
    _spec.loader.exec_module(probed)


# In each file, "# name: kind of use in function"; without a kind there is no use, and the function
# is `f`.
PROGRAMS = Path(__file__).with_name("liveness")


class Entry(NamedTuple):
    """One program of the table, and what is to be found in it."""

    kind: str | None
    within: str
    text: str


def entries() -> Iterator[tuple[str, Entry]]:
    for file in sorted(PROGRAMS.glob("*.txt")):
        for part in f"\n{file.read_text('utf-8')}".split("\n# ")[1:]:
            head, _, text = part.partition("\n")
            name, _, wanted = head.partition(": ")
            kind, _, within = wanted.partition(" in ")
            yield name, Entry(kind or None, within or "f", text)


TABLE = dict(entries())


@pytest.mark.parametrize("name", TABLE)
def test_first_later_use(name: str) -> None:
    kind, within, text = TABLE[name]
    found, position = probed.analysed(text)
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
    found, _ = probed.analysed(text.format(""))
    assert found.later_use("x") is not None
    assert found.later_use("x", restored=True) is None
    for more in (", name()", ".named()", ").join("):
        found, _ = probed.analysed(text.format(more))
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
    found, _ = probed.analysed(UNKNOWN[name])
    assert not found.known
    assert found.later_use("x") is None
    assert found.dead() == frozenset()


def test_an_attribute_of_such_a_name_is_harmless() -> None:
    found, _ = probed.analysed("def f(x, model):\n    probe(x)\n    model.eval()")
    assert found.known


def test_class_bodies_and_the_wrong_kind_of_code_are_unknown() -> None:
    (body,) = probed.find("def f(x):\n    class C:\n        probe(x)\n    return x")
    assert not liveness(body.code, body.lasti).known
    (function,) = probed.find("def f(x):\n    probe(x)")
    assert not module_liveness(function.code, function.lasti).known
    (module,) = probed.find("probe(x)")
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
    found, _ = probed.analysed(text)
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
    found, _ = probed.analysed(text)
    assert found.dead() == {"x", "y"}
    assert found.dead(may_raise=True) == {"x"}


def loads_of(text: str) -> list[tuple[str | None, str | None, str | None, str]]:
    program = probed.find(text)[0]
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
    (program,) = probed.find("def f(a, b): probe(a, b)")
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
    (program,) = probed.find(long_function(500))
    assert len(program.code.co_code) > 20_000
    for attempt in range(3):
        start = time.thread_time()
        found = probed.analyse(program)
        assert found.later_use("x") is None
        assert "x" in found.dead()
        taken = time.thread_time() - start
        if taken < 1.0:
            break
        assert attempt < 2, taken
