"""Random functions are run, and what changed in the run must have been said to change."""

from __future__ import annotations

import contextlib
import os
import textwrap
from random import Random
from types import FunctionType
from typing import Any

import pytest

from pythread_rs.ownership._effects import Effects, effects
from pythread_rs.ownership._judge import Verdict, judge
from pythread_rs.ownership._loans import Environment, cells_of, followed

CAPTURED = ("data", "other", "total", "out", "n")


def closure(source: str) -> FunctionType:
    """Give `f` of a source whose free variables are captured from a function around it."""
    body = textwrap.indent(textwrap.dedent(source).strip(), "    ")
    text = f"def outer({', '.join(CAPTURED)}):\n{body}\n    return f\n"
    module: dict[str, Any] = {"__name__": "somewhere"}
    exec(compile(text, "<closure>", "exec"), module)
    result: FunctionType = module["outer"](*[[[1]] for _ in CAPTURED])
    return result


def worst(found: Effects, f: FunctionType, name: str, kind: type = list) -> Verdict:
    """Say the worst that happens to an object of one type, and to lists that it holds."""
    environment = Environment(f.__globals__, cells_of(f), {})
    uses = followed(found.uses.get(name, {}), kind(), environment, "")
    verdicts = [judge(seen.use, list if seen.use.level else kind) for seen in uses]
    return max(verdicts, default=Verdict.NONE)


class Program:
    """A random function over nested lists, for a comparison of the analysis with a run."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.depth = 0

    def value(self) -> str:
        """Give an expression that may lead to `data`."""
        self.depth += 1
        atoms = ["data", "other", "a", "b", "c", "[data]", "(a, b)", "[]"]
        if self.depth > 3:
            text = self.random.choice(atoms)
        else:
            one, two = self.value(), self.value()
            forms = [
                f"({one})[0]",
                f"({one})[:]",
                f"list({one})",
                f"[{one}, {two}]",
                f"({one}, {two})[{self.random.randrange(2)}]",
                f"({one} or {two})",
                f"({one} if len({two}) else {two})",
                f"sorted({one}, key=lambda r: str(r))",
                f"[r for r in {one}]",
                f"[r for r, q in zip({one}, {two})]",
                f"next(iter({one}), {two})",
                f"max({one}, {two}, key=str)",
                f"dict(k={one})['k']",
                f"(lambda v, w=[{two}]: (v, w))({one})",
                f"(lambda v, w=[{two}]: w)({one})[0]",
                f"{{1: {one}}}.get(1)",
                f"list(enumerate({one}))[0][1]",
                f"(({one}) + [{two}])",
                f"helper({one})",
                f"list(r for r in [{one}])",
                f"[*{one}, {two}]",
                one,
                *atoms,
            ]
            text = self.random.choice(forms)
        self.depth -= 1
        return text

    def statement(self, indent: str) -> list[str]:
        """Give a statement, which may change what its value leads to."""
        value, other = self.value(), self.value()
        name = self.random.choice("abc")
        simple = [
            f"{name} = {value}",
            f"{name}, *_ = [{value}, {other}]",
            f"{name}.append(0)",
            f"({value}).append(0)",
            f"({value})[0] = 0",
            f"{name} += [0]",
            f"{name}.extend({value})",
            f"del ({value})[0]",
            f"[r.append(0) for r in ({value})[:3]]",
            f"len({value})",
            f"str({value})",
        ]
        if len(indent) > 8 or self.random.random() < 0.7:
            return [indent + self.random.choice(simple)]
        inner = [*self.statement(indent + "  "), *self.statement(indent + "  ")]
        head = self.random.choice(
            [f"for {name} in ({value})[:3]:", f"if {value}:", "try:", "while True:", "def g():"]
        )
        if head == "try:":
            return [f"{indent}try:", *inner, f"{indent}except Exception: {name} = {other}"]
        if head == "while True:":
            return [f"{indent}while True:", *inner, f"{indent}  break"]
        if head == "def g():":
            return [f"{indent}def g(a={value}, b={other}, c=[]):", *inner, f"{indent}g()"]
        return [indent + head, *inner]

    def source(self) -> str:
        """Give a whole function."""
        lines = [line for _ in range(4) for line in self.statement("  ")]
        return "\n".join(["def f():", "  a = b = c = []", *lines])


@pytest.mark.parametrize("seed", range(5 * int(os.environ.get("PYTHREAD_RS_STRESS", "1"))))
def test_what_changes_in_a_run_was_said_to_change(seed: int) -> None:
    random = Random(seed)
    changed = quiet = 0
    for _ in range(100):
        source = Program(random).source()
        f = closure(source)
        f.__globals__["helper"] = helper
        data: list[Any] = [[[1], [2]], [[3]]]
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
        if "data" in cells:
            cells["data"].cell_contents = data
        before = repr(data)
        with contextlib.suppress(Exception):
            f()
        verdict = worst(effects(f.__code__), f, "data")
        quiet += verdict <= Verdict.READ
        if repr(data) != before:
            changed += 1
            assert verdict > Verdict.READ or effects(f.__code__).opaque, source
    assert changed > 3
    assert quiet > 3


def helper(value: Any) -> Any:
    return [value][0]
