"""What bytecode does to variables and to the objects in them."""

from __future__ import annotations

import array
import textwrap
from collections import Counter, OrderedDict, defaultdict, deque
from types import FunctionType
from typing import Any

import pytest

from pythread_rs.ownership._effects import Effects, Use, effects
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


def line(place: Any) -> int:
    """Count lines from the first one of the source."""
    number: int = place.line - 1
    return number


def worst(found: Effects, f: FunctionType, name: str, kind: type = list) -> Verdict:
    """Say the worst that happens to an object of one type, and to lists that it holds."""
    environment = Environment(f.__globals__, cells_of(f), {})
    uses = followed(found.uses.get(name, {}), kind(), environment, "")
    verdicts = [judge(seen.use, list if seen.use.level else kind) for seen in uses]
    return max(verdicts, default=Verdict.NONE)


VARIABLES = [
    # source, variable, line of the first read, line of the first write
    ("f = lambda: data", "data", 1, None),
    ("f = lambda: 1", "data", None, None),
    ("def f():\n  nonlocal n\n  n = 1", "n", None, 3),
    ("def f():\n  nonlocal n\n  n += 1", "n", 3, 3),
    ("def f():\n  nonlocal n\n  del n", "n", None, 3),
    ("def f():\n  nonlocal n\n  for n in (): pass", "n", None, 3),
    ("def f():\n  nonlocal n\n  with open('x') as n: pass", "n", None, 3),
    ("def f():\n  nonlocal n\n  import os as n", "n", None, 3),
    ("def f():\n  nonlocal n\n  [(n := 1) for _ in ()]", "n", None, 3),
    ("def f():\n  nonlocal n\n  match 1:\n    case n: pass", "n", None, 4),
    ("def f():\n  nonlocal n\n  try: other()\n  except OSError as n: pass", "n", None, 4),
    ("def f():\n  def g():\n    nonlocal n\n    n = 1", "n", None, 4),
    ("def f():\n  class C:\n    nonlocal n\n    n = 1", "n", None, 4),
    ("def f():\n  n = 0\n  def g():\n    nonlocal n\n    n = 1", "n", None, None),
    ("def f():\n  def g(n):\n    def h():\n      nonlocal n\n      n = 1", "n", None, None),
    ("def f():\n  def g():\n    def h():\n      return n", "n", 4, None),
    ("def f():\n  return [n for _ in other]", "n", 2, None),
    ("def f():\n  return (x for x in other if x == n)", "n", 2, None),
]


@pytest.mark.parametrize(("source", "name", "reads", "writes"), VARIABLES)
def test_the_first_read_and_the_first_write_of_a_captured_variable(
    source: str, name: str, reads: int | None, writes: int | None
) -> None:
    found = effects(closure(source).__code__)

    assert (line(found.reads[name]) if name in found.reads else None) == reads
    assert (line(found.writes[name]) if name in found.writes else None) == writes


READS = """
    data[0]
    data[1:]
    data[n]
    len(data)
    sum(data)
    min(data)
    max(data, default=0)
    any(data) or all(data)
    sorted(data)[0][0]
    list(data)[0][0]
    [len(row) for row in data]
    [sum(row) for row in data]
    sum(len(row) for row in data)
    {len(row): 1 for row in data}
    sum(x * 2 for row in data for x in row)
    data == other
    data < other
    other in data
    data is other
    not data
    1 if data else 2
    print(data)
    print(*data, sep='')
    repr(data) + str(data)
    f'{data} {data!r:>10}'
    data.index(1)
    data.count(other)
    len(data.copy())
    isinstance(data, list)
    len(data) + 1
    len(data + other)
    len(data * 2)
    enumerate(data) is None
    [i for i, row in enumerate(data)]
    [len(a) + len(b) for a, b in zip(data, other)]
    len(list(reversed(data)))
    max(len(row) for row in sorted(data, key=lambda row: row[0]))
    len(max(data, key=len))
    (lambda rows: len(rows))(data)
    len([*data, *other])
    len((data, other))
    hash(len(data))
    id(data)
    next(iter(data))[0][0]
    ','.join(str(row) for row in data)
    [row.index(1) for row in data]
""".strip().splitlines()


@pytest.mark.parametrize("expression", [text.strip() for text in READS])
def test_an_expression_that_only_reads(expression: str) -> None:
    f = closure(f"def f():\n  x = {expression}\n  return None")

    assert worst(effects(f.__code__), f, "data") <= Verdict.READ


STATEMENTS_THAT_READ = [
    "for row in data:\n    print(row)",
    "for row in data:\n    for x in row: n.index(x)",
    "total = 0\n  for row in data:\n    total += sum(row)",
    "a, *b = data\n  print(a, b)",
    "a = data\n  b = a\n  print(b[0])",
    "x = data\n  x = []\n  x.append(1)",
    "x = list(data)\n  x.append(1)",
    "x = [row[0] for row in data]\n  x.sort()",
    "try:\n    data[0]\n  except IndexError:\n    print(len(data))",
    "while data:\n    break",
    "assert data, len(data)",
    "match data:\n    case [a, b]: print(a)\n    case _: pass",
    "def g(): return len(data)\n  g()",
    "g = lambda rows: sum(rows[0])\n  g(data)",
    "print(data) if data else None",
    "x = data or other\n  print(x[0])",
]


@pytest.mark.parametrize("statements", STATEMENTS_THAT_READ)
def test_statements_that_only_read(statements: str) -> None:
    f = closure(f"def f():\n  {statements}")

    assert worst(effects(f.__code__), f, "data") <= Verdict.READ


CHANGES = [
    # statements, the line of the first use that is not a read
    ("data.append(1)", 2),
    ("data[0] = 1", 2),
    ("data[1:] = []", 2),
    ("del data[0]", 2),
    ("data.x = 1", 2),
    ("del data.x", 2),
    ("x = data\n  x += [1]", 3),
    ("x = data\n  x.append(1)", 3),
    ("x = data[0]\n  x.append(1)", 3),
    ("for row in data:\n    row.append(1)", 3),
    ("[row.append(1) for row in data]", 2),
    ("list(data)[0].append(1)", 2),
    ("sorted(data)[0].clear()", 2),
    ("a, b = data, other\n  a.pop()", 3),
    ("for i, row in enumerate(data):\n    row.clear()", 3),
    ("for a, b in zip(other, data):\n    b.clear()", 3),
    ("x = data or other\n  x.pop()", 3),
    ("x = data if other else n\n  x.pop()", 3),
    ("x = other\n  if n: x = data\n  x.pop()", 4),
    ("for x in range(3):\n    y = data\n  y.pop()", 4),
    ("try:\n    x = data\n    other()\n  finally:\n    x.pop()", 6),
    ("def g(): data.pop()\n  g()", 2),
    ("def g(rows): rows.pop()\n  g(data)", 3),
    ("(lambda row=data: row.pop())()", 2),
    ("x = (data, 1)\n  x[0].pop()", 3),
    ("x = [[data]]\n  x[0][0].pop()", 3),
    ("x = {'a': data}\n  x['a'].pop()", 3),
    ("x = [data]\n  for y in x: y.pop()", 3),
    ("next(iter([data])).pop()", 2),
    ("max(data, other).pop()", 2),
    ("(lambda x: x)(data).pop()", 2),
]


@pytest.mark.parametrize(("statements", "number"), CHANGES)
def test_statements_that_change_the_object_or_what_it_holds(statements: str, number: int) -> None:
    f = closure(f"def f():\n  {statements}")
    found = effects(f.__code__)

    assert worst(found, f, "data") is Verdict.MUTATES
    changes = [
        line(place) for use, place in found.uses["data"].items() if judge(use, list) > Verdict.READ
    ]
    assert min(changes) == number


ESCAPES = [
    "unknown(data)",
    "unknown(x=data)",
    "unknown(*data)",
    "unknown(**data)",
    "other.append(data)",
    "other[0] = data",
    "other.x = data",
    "return data",
    "yield data",
    "yield from data",
    "return [data]",
    "return lambda: data",
    "x = []\n  x.append(data)",
    "global g\n  g = data",
    "raise ValueError(data)",
    "with data: pass",
    "data()",
    "data[0]()",
    "m = data.append\n  m(1)",
    "class C:\n    x = data",
    "map(unknown, data)",
    "sorted(data, key=unknown)",
    "exec('data.pop()')",
    "locals()",
    "unknown(lambda x=data: x)",
    "super(data)",
]


@pytest.mark.parametrize("statements", ESCAPES)
def test_statements_that_let_the_object_out_of_sight(statements: str) -> None:
    f = closure(f"def f():\n  {statements}\n  data")
    found = effects(f.__code__)

    assert found.opaque or worst(found, f, "data") is Verdict.UNKNOWN


KNOWN = [
    (list, "index count copy", "append pop sort reverse insert remove extend clear"),
    (dict, "get keys values items copy", "pop update setdefault popitem clear"),
    (set, "union issubset isdisjoint copy", "add pop discard update"),
    (deque, "count index copy", "append popleft rotate appendleft"),
    (bytearray, "find decode startswith", "append extend pop"),
    (OrderedDict, "get items", "move_to_end pop"),
    (defaultdict, "get items", "pop"),
    (Counter, "most_common total", "update subtract"),
    (tuple, "index count", ""),
    (str, "upper split format join", ""),
]


@pytest.mark.parametrize(("kind", "reading", "changing"), KNOWN)
def test_methods_are_judged_by_the_type_that_the_object_turns_out_to_have(
    kind: type, reading: str, changing: str
) -> None:
    for name in reading.split():
        assert judge(Use(0, "method", name), kind) is Verdict.READ, name
    for name in changing.split():
        assert judge(Use(0, "method", name), kind) is Verdict.MUTATES, name


def test_an_array_is_known_when_its_module_is_imported() -> None:
    assert judge(Use(0, "method", "tolist"), array.array) is Verdict.READ
    assert judge(Use(0, "method", "append"), array.array) is Verdict.MUTATES

    class Fake:
        pass

    Fake.__module__, Fake.__qualname__ = "array", "array"
    assert judge(Use(0, "method", "tolist"), Fake) is Verdict.UNKNOWN


def test_an_index_into_a_defaultdict_may_insert() -> None:
    assert judge(Use(0, "index"), dict) is Verdict.READ
    assert judge(Use(0, "index"), defaultdict) is Verdict.MUTATES


class Plain:
    __slots__ = ("slot",)
    constant = 1

    @property
    def prop(self) -> int:
        return 1

    def method(self) -> int:
        return 1


class Custom:
    def __getattr__(self, name: str) -> int:
        return 1

    def __iter__(self) -> Any:
        return iter(())

    def __getitem__(self, index: int) -> int:
        return 1

    def __len__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Rows(list[int]):
    def __iter__(self) -> Any:
        return iter(())


def test_code_of_a_class_is_unknown_and_plain_data_is_read() -> None:
    for name in ("slot", "constant", "set_in_init"):
        assert judge(Use(0, "attr", name), Plain) is Verdict.READ, name
    for name in ("prop", "method"):
        assert judge(Use(0, "attr", name), Plain) is Verdict.UNKNOWN, name
    for op in ("iter", "len", "index", "compare", "truth"):
        assert judge(Use(0, op), Plain) is Verdict.READ, op
        assert judge(Use(0, op), Custom) is Verdict.UNKNOWN, op
    assert judge(Use(0, "attr", "anything"), Custom) is Verdict.UNKNOWN
    assert judge(Use(0, "iter"), Rows) is Verdict.UNKNOWN
    assert judge(Use(0, "len"), Rows) is Verdict.READ


def test_what_is_called_is_followed_only_as_what_it_is() -> None:
    f = closure("def f():\n  helper(data)")
    found = effects(f.__code__)

    def reading(rows: list[int]) -> int:
        return len(rows)

    def changing(rows: list[int]) -> None:
        rows.append(1)

    for helper, verdict in [
        (reading, Verdict.READ),
        (changing, Verdict.MUTATES),
        (sum, Verdict.READ),
        (setattr, Verdict.UNKNOWN),
        (None, Verdict.UNKNOWN),
    ]:
        f.__globals__["helper"] = helper
        assert worst(found, f, "data") is verdict, helper


def test_a_result_is_the_argument_only_if_the_function_returns_it() -> None:
    f = closure("f = lambda: out.append(helper(data)) or 1")

    def total(rows: list[int]) -> int:
        return len(rows)

    def same(rows: list[int]) -> list[int]:
        return rows

    f.__globals__["helper"] = total
    assert worst(effects(f.__code__), f, "data") is Verdict.READ
    f.__globals__["helper"] = same
    assert worst(effects(f.__code__), f, "data") is Verdict.UNKNOWN


def test_a_shadowed_builtin_is_noticed() -> None:
    f = closure("f = lambda: len(data)")
    found = effects(f.__code__)
    assert found.assumed == {"len"}
    assert Environment(f.__globals__, {}, {}).holds(found.assumed)

    f.__globals__["len"] = unittest_len
    assert not Environment(f.__globals__, {}, {}).holds(found.assumed)


def unittest_len(rows: list[int]) -> int:
    rows.clear()
    return 0


def test_results_are_cached_by_the_code() -> None:
    f = closure("f = lambda: len(data)")

    assert effects(f.__code__) is effects(f.__code__)


def test_every_form_of_code_in_a_large_module_is_modelled() -> None:
    import asyncio.base_events
    import dataclasses
    import inspect
    import typing

    def codes(code: Any) -> Any:
        yield code
        for const in code.co_consts:
            if hasattr(const, "co_code"):
                yield from codes(const)

    checked = 0
    for module in (asyncio.base_events, dataclasses, inspect, typing):
        compiled = compile(inspect.getsource(module), module.__name__, "exec")
        for code in codes(compiled):
            found = effects(code)
            uses_everything = {"exec", "eval", "locals", "vars", "globals"} & {*code.co_names}
            assert not found.opaque or uses_everything or nested_opaque(code), code.co_qualname
            checked += 1
    assert checked > 500


def nested_opaque(code: Any) -> bool:
    """Tell whether code nested in this is not known."""
    return any(effects(const).opaque for const in code.co_consts if hasattr(const, "co_code"))
