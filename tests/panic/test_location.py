"""`Location`, and the place that a panic is reported at."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pythread_rs import spawn
from pythread_rs.panic import (
    Location,
    PanicHookInfo,
    catch_unwind,
    panic,
    panic_any,
    set_hook,
    take_hook,
)

DEADLINE_SECONDS = 10.0
HERE = str(Path(__file__))

AnyLocation: Any = Location


@pytest.fixture(autouse=True)
def default_again() -> Iterator[None]:
    """Bring the default hook back after each test."""
    yield
    take_hook()


@pytest.fixture
def reports() -> Iterator[list[PanicHookInfo]]:
    found: list[PanicHookInfo] = []
    set_hook(found.append)
    yield found
    found.clear()


def throw(error: BaseException) -> None:
    raise error


def the_panic_of(f: Callable[[], object]) -> PanicHookInfo:
    """Return what the hook gets when `f` panics."""
    found: list[PanicHookInfo] = []
    set_hook(found.append)
    assert catch_unwind(f).is_err()
    take_hook()
    (info,) = found
    return info


def located(f: Callable[[], object]) -> tuple[int, int]:
    """Return line, relative to the def of `f`, and column of a panic in this file."""
    location = the_panic_of(f).location
    assert location is not None
    assert location.file == f.__code__.co_filename
    return location.line - f.__code__.co_firstlineno, location.column


def test_a_location_counts_from_one() -> None:
    def body() -> None:
        panic("boom")

    location = the_panic_of(body).location
    assert location is not None
    with open(__file__, encoding="utf-8") as source:
        line = source.readlines()[location.line - 1]
    assert line[location.column - 1 :] == 'panic("boom")\n'


def test_a_location_counts_characters() -> None:
    def body() -> float:
        return len("naïve 猫") / (len("猫") - 1)

    # The division begins at the first `len`; it and the cat before the next one are characters.
    assert located(body) == (1, 16)

    def wide() -> None:
        _ = "ï猫", panic("boom")

    assert located(wide) == (1, 19)


def test_a_location_is_the_line_of_the_method() -> None:
    def body() -> None:
        (
            spawn(int, "12")
            .join(DEADLINE_SECONDS)
            .unwrap_err()
        )  # fmt: skip

    assert located(body) == (4, 14)


def test_functions_of_the_package_point_at_their_caller() -> None:
    def body() -> None:
        x = 1
        panic_any(x)

    assert located(body) == (2, 9)

    def join_twice() -> None:
        handle = spawn(int)
        handle.join(DEADLINE_SECONDS).unwrap()
        handle.join(DEADLINE_SECONDS).unwrap()

    assert located(join_twice) == (3, 9)


def test_a_closure_in_c_has_no_location(reports: list[PanicHookInfo]) -> None:
    assert spawn(int, "x").join(DEADLINE_SECONDS).is_err()
    assert reports[0].location is None
    assert str(reports[0]).startswith("panicked at <unknown>:\nValueError: invalid literal")


def test_a_closure_of_the_package_has_the_packages_location(reports: list[PanicHookInfo]) -> None:
    assert spawn(panic).join(DEADLINE_SECONDS).is_err()
    location = reports[0].location
    assert location is not None
    assert Path(location.file).name == "_panic.py"


def test_without_its_source_a_location_counts_bytes() -> None:
    scope: dict[str, Any] = {}
    exec(compile("def f():\n  1; 'ï'; 1 / 0\n", "<nowhere>", "exec"), scope)
    location = the_panic_of(scope["f"]).location
    assert location is not None
    assert (location.file, location.line) == ("<nowhere>", 2)
    assert location.column == 12


def test_caller_is_here_or_further_out() -> None:
    def outer() -> tuple[Location, Location]:
        return inner()

    def inner() -> tuple[Location, Location]:
        return Location.caller(), Location.caller(1)

    here, there = outer()
    assert here == Location(HERE, inner.__code__.co_firstlineno + 1, 16)
    assert there == Location(HERE, outer.__code__.co_firstlineno + 1, 16)
    with pytest.raises(ValueError, match="at least 0"):
        Location.caller(-1)
    with pytest.raises(ValueError, match="not deep enough"):
        Location.caller(100_000)


def test_locations_are_values() -> None:
    a, b = Location("a.py", 1, 2), Location("a.py", 1, 2)
    assert a == b
    assert hash(a) == hash(b)
    assert a != ("a.py", 1, 2)
    assert sorted([Location("b.py", 1, 1), Location("a.py", 10, 1), Location("a.py", 9, 3), a]) == [
        a,
        Location("a.py", 9, 3),
        Location("a.py", 10, 1),
        Location("b.py", 1, 1),
    ]
    assert a <= b
    assert a >= b
    assert not a < b
    with pytest.raises(TypeError):
        _ = AnyLocation("a.py", 1, 2) < 5
    assert str(a) == "a.py:1:2"
    assert repr(Location('a"\\.py', 1, 2)) == 'Location { file: "a\\"\\\\.py", line: 1, column: 2 }'
    assert pickle.loads(pickle.dumps(a)) == copy.deepcopy(a) == a
    with pytest.raises(AttributeError, match="a Location is immutable: cannot set 'line'"):
        setattr(a, "line", 5)  # noqa: B010  # a type checker refuses the plain form
    with pytest.raises(AttributeError, match="a Location is immutable: cannot delete '_line'"):
        delattr(a, "_line")
    match a:
        case Location(file, line, column):
            assert (file, line, column) == ("a.py", 1, 2)
