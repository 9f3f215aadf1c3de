"""Rust's tests of panics inside of panics, of catching, and of locations, by their names.

Where Rust aborts the process, nothing aborts here: the second panic is reported too, and the first
one goes on.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pythread_rs import Builder
from pythread_rs.panic import Location, Panic, PanicHookInfo, catch_unwind, panic, panic_any

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

DEADLINE_SECONDS = 10.0

RunProgram = Callable[..., Any]


def printed_by(f: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the default hook prints for a panic of `f`."""
    capsys.readouterr()
    assert catch_unwind(f).is_err()
    return capsys.readouterr().err


# ---- panics inside of panics ---------------------------------------------------------------------


class OnDrop:
    """A value with a destructor."""

    def __init__(self, f: Callable[[], object]) -> None:
        self.f = f

    def __del__(self) -> None:
        self.f()


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what Python reports of destructors that raise."""
    found: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: found.append(str(args.exc_value)))
    return found


def test_catch_unwind_during_unwind_68696(reports: list[PanicHookInfo]) -> None:
    """A destructor may use catch_unwind while its thread unwinds."""
    caught: list[bool] = []

    def body() -> None:
        _guard = OnDrop(lambda: caught.append(catch_unwind(panic, "inner").is_err()))
        panic("outer")

    assert str(spawn(body).join(DEADLINE_SECONDS).unwrap_err()) == "outer"
    assert caught == [True]
    assert [info.message for info in reports] == ["outer", "inner"]


def test_panic_in_cleanup(reports: list[PanicHookInfo], unraisable: list[str]) -> None:
    """A second panic leaves a destructor while the thread unwinds.

    Rust prints both and aborts. Here Python's unraisable hook reports the second, and the join
    gives the first.
    """

    def body() -> None:
        _bomb = OnDrop(lambda: panic("BOOM"))
        panic("first")

    assert str(spawn(body).join(DEADLINE_SECONDS).unwrap_err()) == "first"
    assert [info.message for info in reports] == ["first"]
    assert unraisable == ["BOOM"]


def test_doublepanic(reports: list[PanicHookInfo], unraisable: list[str]) -> None:
    """The same with several such destructors: each one is reported, and the thread ends well."""

    def body() -> None:
        _bombs = [OnDrop(lambda: panic("one")), OnDrop(lambda: panic("two"))]
        panic("first")

    assert str(spawn(body).join(DEADLINE_SECONDS).unwrap_err()) == "first"
    assert sorted(unraisable) == ["one", "two"]


def test_panic_in_dtor_drops_fields(unraisable: list[str]) -> None:
    """When a destructor raises, the fields of the value are dropped all the same."""
    dropped: list[str] = []

    class Outer:
        def __init__(self) -> None:
            self.inner = OnDrop(lambda: dropped.append("inner"))

        def __del__(self) -> None:
            panic("in the destructor")

    def body() -> None:
        _outer = Outer()

    assert spawn(body).join(DEADLINE_SECONDS).is_ok()
    assert unraisable == ["in the destructor"]
    assert dropped == ["inner"]


class Unprintable(Exception):
    """A payload whose text cannot be made."""

    def __str__(self) -> str:
        raise Panic("in the formatting")


def test_panic_in_message_fmt(capsys: pytest.CaptureFixture[str]) -> None:
    """A panic while the message is formatted: Rust aborts; here the report says so, and goes on."""
    text = printed_by(lambda: panic_any(Unprintable()), capsys)
    assert "Unprintable: <exception str() failed>\n" in text


def test_panic_during_display_formatting(
    reports: list[PanicHookInfo], capsys: pytest.CaptureFixture[str]
) -> None:
    """A panic while something else is printed is one like any other; stderr stays usable."""
    result = catch_unwind(lambda: print(Unprintable(), file=sys.stderr))
    assert str(result.unwrap_err()) == "in the formatting"
    print("second panic", file=sys.stderr)
    assert capsys.readouterr().err == "second panic\n"


# ---- catching ------------------------------------------------------------------------------------


def test_catch_unwind_bang(reports: list[PanicHookInfo]) -> None:
    """A closure that never returns gives an Err."""
    assert catch_unwind(panic).is_err()


def test_oom_panic_unwind(reports: list[PanicHookInfo]) -> None:
    """An allocation that fails can be caught."""
    result = catch_unwind(bytearray, sys.maxsize)
    assert isinstance(result.unwrap_err(), MemoryError)


def test_alloc_error_hook_unwind(reports: list[PanicHookInfo]) -> None:
    """A failed allocation in a thread reaches the panic hook and the join as a MemoryError.

    Rust has a hook of its own for this; here it is an exception as any other.
    """
    error = spawn(bytearray, sys.maxsize).join(DEADLINE_SECONDS).unwrap_err()
    assert isinstance(error, MemoryError)
    assert [info.payload for info in reports] == [error]


# ---- locations -----------------------------------------------------------------------------------


CONSTANT = Location.caller()  # rustc evaluates it; here it is made by the import


def test_location_const_caller() -> None:
    """A module-level constant may be a location; each call gives its own."""
    assert Location.caller() != CONSTANT


def test_location_const_file() -> None:
    """The file is this one."""
    assert CONSTANT.file == __file__


def test_location_const_line() -> None:
    """Lines count from 1."""
    with open(__file__, encoding="utf-8") as source:
        lines = source.read().splitlines()
    assert lines[CONSTANT.line - 1].startswith("CONSTANT = ")


def test_location_const_column() -> None:
    """Columns count from 1: the call stands after `CONSTANT = `."""
    assert CONSTANT.column == len("CONSTANT = ") + 1


def test_location_detail(run_program: RunProgram) -> None:
    """Where Python keeps no columns, the column is 0. It always keeps file and line."""
    child = run_program(
        """
        from pythread_rs.panic import catch_unwind
        assert catch_unwind(lambda: 1 / 0).is_err()
        """,
        "-X",
        "no_debug_ranges",
    )
    assert re.search(r"panicked at .*program\.py:3:0:\n", child.stderr)


def test_location_detail_unwrap_multiline(reports: list[PanicHookInfo]) -> None:
    """The location of an `unwrap` is the line of the method, not of the start of the expression."""

    def body() -> None:
        (
            catch_unwind(int, "12")
            .map(str)
            .unwrap_err()
        )  # fmt: skip

    assert catch_unwind(body).is_err()
    location = reports[0].location
    assert location is not None
    assert location.line == body.__code__.co_firstlineno + 4
    assert location.column == 14
