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
    Location,
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

RUST_TESTS = (
    # tests/ui/panics
    "panic-task-name-none.rs",
    "panic-task-name-owned.rs",
    "main-panic.rs",
    "panic-main.rs",
    "panic-macro-any.rs",
    "panic-macro-any-wrapped.rs",
    "panic-macro-fmt.rs",
    "panic-macro-static.rs",
    "panic-macro-owned.rs",
    "panic-macro-explicit.rs",
    "fmt-panic.rs",
    "fmt-only-once.rs",
    "panic-set-unset-handler.rs",
    "panic-take-handler-nop.rs",
    "panic-handler-set-twice.rs",
    "panic-handler-chain-update-hook.rs",
    "panic-handler-flail-wildly.rs",
    "panic-recover-propagate.rs",
    "panic-in-cleanup.rs",
    "doublepanic.rs",
    "panic-in-hook.rs",
    "panic-in-message-fmt.rs",
    "panic-during-display-formatting.rs",
    "panic-in-dtor-drops-fields.rs",
    "panic-in-ffi.rs",
    "abort-on-panic.rs",
    "runtime-switch.rs",
    "location-detail-*.rs",
    "location-detail-unwrap-multiline.rs",
    "location-cstr.rs",
    "file-is-nul-terminated.rs",
    "oom-panic-unwind.rs",
    "alloc_error_hook-unwind.rs",
    "catch-unwind-bang.rs",
    "panic_info_message.rs",
    # tests/ui/panic-handler, tests/ui/sync
    "catch-unwind-during-unwind-68696.rs",
    "track-caller-for-once-87707.rs",
    # library/std/tests/panic.rs, library/coretests/tests/panic/location.rs
    "panic_safety_traits",
    "location_const_caller",
    "location_const_file",
    "location_const_line",
    "location_const_column",
)
NOT_APPLICABLE = {
    "panic-in-ffi.rs": (
        "an exception that reaches C is the business of the library that made the callback "
        "(ctypes and cffi print it and return 0 to C); nothing aborts"
    ),
    "abort-on-panic.rs": "nothing aborts: Python has no functions that must not unwind",
    "location-cstr.rs": "a Python str has no terminating NUL and no C form to ask for",
    "file-is-nul-terminated.rs": "a Python str has no terminating NUL",
    "track-caller-for-once-87707.rs": (
        "belongs to sync.Once; that functions of the package point at their caller is shown in "
        "tests/panic/test_location.py"
    ),
    "panic_safety_traits": "Python's types have no UnwindSafe; catch_unwind takes any callable",
}

RunProgram = Callable[..., Any]


def test_every_test_of_rust_is_here_or_explained() -> None:
    ported = {name for name in RUST_TESTS if ported_as(name) in globals()}
    assert ported | set(NOT_APPLICABLE) == set(RUST_TESTS)
    assert not ported & set(NOT_APPLICABLE)


def ported_as(name: str) -> str:
    stem = re.sub(r"\W+", "_", name.removesuffix(".rs")).strip("_").removeprefix("test_")
    return f"test_{stem}"


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
