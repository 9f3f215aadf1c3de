"""What Rust's own tests of panics, hooks and payloads show, shown here for `pythread_rs.panic`.

Each test has the name of Rust's; where it differs, its docstring says how. Where Rust aborts the
process, nothing aborts here: the second panic is reported too, and the first one goes on.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pythread_rs import Builder
from pythread_rs.panic import (
    Hook,
    Panic,
    PanicHookInfo,
    catch_unwind,
    panic,
    panic_any,
    resume_unwind,
    set_hook,
    take_hook,
    update_hook,
)

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

DEADLINE_SECONDS = 10.0

RunProgram = Callable[..., Any]


def printed_by(f: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the default hook prints for a panic of `f`."""
    capsys.readouterr()
    assert catch_unwind(f).is_err()
    return capsys.readouterr().err


# ---- the report ----------------------------------------------------------------------------------


def test_panic_task_name_none(run_program: RunProgram) -> None:
    """The report says '<unnamed>'."""
    child = run_program("""
        from pythread_rs import spawn
        from pythread_rs.panic import panic
        assert spawn(panic, "test").join().is_err()
    """)
    assert re.match(r"\nthread '<unnamed>' \(\d+\) panicked at .*:\ntest\nnote: ", child.stderr)


def test_panic_task_name_owned(run_program: RunProgram) -> None:
    """The report says the name."""
    child = run_program("""
        from pythread_rs import Builder
        from pythread_rs.panic import panic
        Builder().name("owned name").spawn(panic, "test").join()
    """)
    assert re.match(r"\nthread 'owned name' \(\d+\) panicked at .*:\ntest\nnote: ", child.stderr)


def test_main_panic(run_program: RunProgram) -> None:
    """A panic of main that nobody catches ends the process.

    Rust's status is 101. Here it is Python's: the exception is printed with its traceback, and the
    status is 1. A panic of main that is caught is reported with 'main'.
    """
    child = run_program("""
        from pythread_rs.panic import catch_unwind, panic
        assert catch_unwind(panic, "caught").is_err()
        panic("not caught")
    """)
    assert child.returncode == 1
    assert re.match(r"\nthread 'main' \(\d+\) panicked at .*:\ncaught\nnote: ", child.stderr)
    assert child.stderr.endswith("\npythread_rs.panic.Panic: not caught\n")


@pytest.mark.parametrize(
    ("statement", "last_line"),
    [
        ("panic()", "pythread_rs.panic.Panic: explicit panic"),
        ("panic_any(5)", "pythread_rs.panic.Panic: 5"),
        ("panic_any(ValueError('x'))", "ValueError: x"),
        ("resume_unwind('x')", "pythread_rs.panic.Panic: x"),
        ("raise ValueError('x')", "ValueError: x"),
        ("assert False, 'x'", "AssertionError: x"),
    ],
)
def test_panic_main(run_program: RunProgram, statement: str, last_line: str) -> None:
    """Every kind of panic ends main."""
    child = run_program(
        f"from pythread_rs.panic import panic, panic_any, resume_unwind\n{statement}\n"
    )
    assert (child.returncode, child.stdout) == (1, "")
    assert child.stderr.startswith("Traceback ")
    assert child.stderr.endswith(f"\n{last_line}\n")


def test_panic_macro_any(capsys: pytest.CaptureFixture[str]) -> None:
    """A payload that is no text is shown by its repr; Rust shows `Box<dyn Any>`."""
    text = printed_by(lambda: panic_any([413]), capsys)
    assert ":\nPanic([413])\n" in text


def test_panic_macro_any_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    """The same from inside of another function."""

    def wrapped(payload: object) -> None:
        panic_any(payload)

    assert ":\nPanic(612)\n" in printed_by(lambda: wrapped(612), capsys)


def test_panic_macro_fmt(capsys: pytest.CaptureFixture[str]) -> None:
    """A formatted text is printed verbatim; Python formats by f-strings."""
    number = 42
    text = printed_by(lambda: panic(f"test-fail-fmt {number} {'rust'}"), capsys)
    assert ":\ntest-fail-fmt 42 rust\n" in text


def test_panic_macro_static(capsys: pytest.CaptureFixture[str]) -> None:
    """A constant text is printed verbatim."""
    assert ":\ntest-fail-static\n" in printed_by(lambda: panic("test-fail-static"), capsys)


def test_panic_macro_owned(capsys: pytest.CaptureFixture[str]) -> None:
    """So is a text that was put together, through panic_any."""
    parts = ["test-fail", "owned"]
    assert ":\ntest-fail-owned\n" in printed_by(lambda: panic_any("-".join(parts)), capsys)


def test_panic_macro_explicit(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a text it is "explicit panic"."""
    assert ":\nexplicit panic\n" in printed_by(panic, capsys)


def test_fmt_panic(capsys: pytest.CaptureFixture[str]) -> None:
    """Braces and percent signs in the text are not formatted again."""
    assert ":\n{meep} %s {0}\n" in printed_by(lambda: panic("{meep} %s {0}"), capsys)


def test_fmt_only_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The payload is formatted once for a report."""
    calls: list[int] = []

    class Counted(Exception):
        def __str__(self) -> str:
            calls.append(1)
            return "counted"

    assert "Counted: counted\n" in printed_by(lambda: panic_any(Counted()), capsys)
    assert calls == [1]


def test_runtime_switch(run_program: RunProgram) -> None:
    """A program may switch the backtrace on: it sets the variable, which is read at each panic."""
    child = run_program("""
        import os
        from pythread_rs.panic import catch_unwind, panic
        os.environ["PYTHREAD_RS_BACKTRACE"] = "1"
        assert catch_unwind(panic, "x").is_err()
    """)
    assert re.search(
        r":\nx\nstack backtrace:\nTraceback \(most recent call last\):\n", child.stderr
    )


# ---- the hook ------------------------------------------------------------------------------------


def test_panic_set_unset_handler(capsys: pytest.CaptureFixture[str]) -> None:
    """take_hook brings the default printing back."""
    calls: list[PanicHookInfo] = []
    set_hook(calls.append)
    take_hook()
    assert ":\nfoobar\n" in printed_by(lambda: panic("foobar"), capsys)
    assert calls == []


def test_panic_take_handler_nop(capsys: pytest.CaptureFixture[str]) -> None:
    """take_hook on the default leaves the default."""
    take_hook()
    assert ":\nfoobar\n" in printed_by(lambda: panic("foobar"), capsys)


def test_panic_handler_set_twice(reports: list[PanicHookInfo]) -> None:
    """The second set_hook wins; the first hook is not called."""
    second: list[PanicHookInfo] = []
    set_hook(second.append)
    assert spawn(panic, "foobar").join(DEADLINE_SECONDS).is_err()
    assert (len(reports), len(second)) == (0, 1)


def test_panic_handler_chain_update_hook(reports: list[PanicHookInfo]) -> None:
    """After two update_hook a panic runs all three hooks, each once."""
    calls: list[str] = []

    def wrapper(name: str) -> Callable[[Hook, PanicHookInfo], None]:
        def hook(previous: Hook, info: PanicHookInfo) -> None:
            calls.append(name)
            previous(info)

        return hook

    update_hook(wrapper("b"))
    update_hook(wrapper("c"))
    assert spawn(panic, "foobar").join(DEADLINE_SECONDS).is_err()
    assert calls == ["c", "b"]
    assert len(reports) == 1


def test_panic_handler_flail_wildly(reports: list[PanicHookInfo]) -> None:
    """30 threads set, take and panic 10 times each, at once: nothing blocks and all end."""
    rounds = 10
    start = threading.Barrier(30)

    def setter(value: int) -> None:
        start.wait(DEADLINE_SECONDS)
        for _ in range(rounds):
            set_hook(lambda info: value)

    def taker(value: int) -> None:
        start.wait(DEADLINE_SECONDS)
        for _ in range(rounds):
            assert callable(take_hook())

    def panicker(value: int) -> None:
        start.wait(DEADLINE_SECONDS)
        for _ in range(rounds):
            assert catch_unwind(panic, "flail").is_err()
        panic("flail")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        work = [(f, spawn(f, i)) for i in range(10) for f in (setter, taker, panicker)]
        for f, handle in work:
            assert handle.join(DEADLINE_SECONDS).is_err() == (f is panicker)
    finally:
        sys.setswitchinterval(interval)


def test_panic_recover_propagate() -> None:
    """catch_unwind, then resume_unwind: the hook runs once, the join gives the first payload."""
    calls: list[str] = []
    set_hook(lambda info: calls.append(info.message))

    def body() -> None:
        error = catch_unwind(panic, "hi there").unwrap_err()
        calls.append("caught")
        resume_unwind(error)

    error = spawn(body).join(DEADLINE_SECONDS).unwrap_err()
    take_hook()
    assert calls == ["hi there", "caught"]
    assert isinstance(error, Panic)
    assert error.payload == "hi there"


def test_panic_in_hook(run_program: RunProgram) -> None:
    """A hook that panics: both are reported. Rust then aborts; here the program goes on."""
    child = run_program("""
        from pythread_rs import spawn
        from pythread_rs.panic import panic, set_hook
        set_hook(lambda info: panic("hook"))
        assert spawn(lambda: panic("first")).join().is_err()
        print("main goes on")
    """)
    assert (child.returncode, child.stdout) == (0, "main goes on\n")
    assert re.fullmatch(
        r"\nthread '<unnamed>' \(\d+\) panicked at .*program\.py:5:22:\nfirst\n"
        r"\npanicked at .*program\.py:4:23:\nhook\nthread panicked while processing panic\.\n",
        child.stderr,
    )


def test_panic_info_message(capsys: pytest.CaptureFixture[str]) -> None:
    """A hook sees the formatted text."""
    set_hook(lambda info: print(f"The hook got `{info.message}`"))
    assert catch_unwind(lambda: panic(f"{2} is the number")).is_err()
    take_hook()
    assert capsys.readouterr().out == "The hook got `2 is the number`\n"
