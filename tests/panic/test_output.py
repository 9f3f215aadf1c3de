"""What a panic prints: child processes, whose stderr is compared to the letter."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

RunProgram = Callable[..., Any]

HINT = "note: run with `PYTHREAD_RS_BACKTRACE=1` environment variable to display a backtrace\n"
KEPT = "note: PYTHREAD_RS_BACKTRACE=full keeps the locals of the panicked frames alive\n"


def test_a_panic_is_reported_in_rusts_form(run_program: RunProgram) -> None:
    child = run_program("""
        def work():
            panic("boom")
        quiet(Builder(name="worker").spawn(work).join)
        quiet(spawn(work).join)
        quiet(lambda: catch_unwind(work))
        quiet(Builder(name="").spawn(work).join)
        thread = threading.Thread(target=catch_unwind, args=(work,), name="theirs")
        thread.start()
        thread.join()
    """)
    place = "program.py:3:5"
    assert child.printed() == (
        f"\nthread 'worker' (TID) panicked at {place}:\nboom\n{HINT}"
        f"\nthread '<unnamed>' (TID) panicked at {place}:\nboom\n"
        f"\nthread 'main' (TID) panicked at {place}:\nboom\n"
        f"\nthread '' (TID) panicked at {place}:\nboom\n"
        f"\nthread 'theirs' (TID) panicked at {place}:\nboom\n"
    )


def test_the_number_is_the_os_threads(run_program: RunProgram) -> None:
    child = run_program("""
        def work():
            print(threading.get_native_id())
            panic()
        quiet(spawn(work).join)
    """)
    assert f"thread '<unnamed>' ({child.stdout.strip()}) panicked at" in child.stderr


def test_exceptions_are_shown_as_python_shows_them(run_program: RunProgram) -> None:
    child = run_program("""
        def work(error):
            error.add_note("a note")
            raise error
        quiet(spawn(work, ValueError("two\\nlines")).join)
        quiet(spawn(work, SystemExit(3)).join)
        quiet(spawn(work, KeyboardInterrupt()).join)
        quiet(spawn(work, Panic([1])).join)
        quiet(spawn(int, "x").join)
    """)
    start = "\nthread '<unnamed>' (TID) panicked at program.py:4:5:\n"
    assert child.printed() == (
        f"{start}ValueError: two\nlines\na note\n{HINT}"
        f"{start}SystemExit: 3\na note\n"
        f"{start}KeyboardInterrupt\na note\n"
        f"{start}Panic([1])\na note\n"
        "\nthread '<unnamed>' (TID) panicked at <unknown>:\n"
        "ValueError: invalid literal for int() with base 10: 'x'\n"
    )


def test_a_panic_that_nobody_joins_is_reported(run_program: RunProgram) -> None:
    child = run_program("""
        done = threading.Event()
        def hook(previous, info):
            previous(info)
            done.set()
        update_hook(hook)
        spawn(panic, "boom").detach()
        assert done.wait(10)
    """)
    assert child.printed().endswith(f":\nboom\n{HINT}")


def test_two_processes_of_a_fork_have_one_first_panic(run_program: RunProgram) -> None:
    child = run_program("""
        quiet(lambda: catch_unwind(panic))
        if os.fork() == 0:
            quiet(lambda: catch_unwind(panic))
            os._exit(0)
        assert os.wait()[1] == 0
    """)
    assert child.returncode == 0
    assert child.stderr.count("explicit panic") == 2
    assert child.stderr.count(HINT) == 1


# ---- backtraces ----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, "0", ""])
def test_no_backtrace_is_the_default(run_program: RunProgram, value: str | None) -> None:
    child = run_program("quiet(spawn(panic, 'boom').join)", backtrace=value)
    assert child.printed().endswith(f":\nboom\n{HINT}")


BACKTRACED = """
    def inner():
        1 / 0
    def work():
        try:
            inner()
        except ZeroDivisionError as error:
            raise ValueError("bad") from error
    quiet(spawn(work).join)
    quiet(spawn(work).join)
"""
BACKTRACE = r"""
thread '<unnamed>' \(TID\) panicked at program\.py:8:9:
ValueError: bad
stack backtrace:
Traceback \(most recent call last\):
  File "program\.py", line 6, in work
    inner\(\)
(?:    [~^]+\n)?  File "program\.py", line 3, in inner
    1 / 0
(?:    [~^]+\n)?ZeroDivisionError: division by zero

The above exception was the direct cause of the following exception:

Traceback \(most recent call last\):
  File "program\.py", line 8, in work
    raise ValueError\("bad"\) from error
ValueError: bad
"""


@pytest.mark.parametrize("value", ["1", "short", "full"])
def test_a_backtrace_has_the_closures_frames_and_its_causes(
    run_program: RunProgram, value: str
) -> None:
    errors = run_program(BACKTRACED, backtrace=value).printed()
    note = re.escape(KEPT) if value == "full" else ""
    assert re.fullmatch(2 * (BACKTRACE + note), errors), errors


def test_a_backtrace_has_the_groups(run_program: RunProgram) -> None:
    child = run_program(
        """
        def work():
            with scope() as s:
                s.spawn(throw, ValueError("one"))
        quiet(spawn(work).join)
        """,
        backtrace="1",
    )
    *_, last = child.printed().split("\nthread ")
    assert "ExceptionGroup: a scoped thread panicked (1 sub-exception)\nstack backtrace:\n" in last
    assert "| ExceptionGroup: a scoped thread panicked (1 sub-exception)\n" in last
    assert "+---------------- 1 ----------------\n" in last
    assert "| ValueError: one\n" in last


def test_the_variable_is_read_at_each_panic(run_program: RunProgram) -> None:
    child = run_program("""
        quiet(spawn(panic).join)
        os.environ["PYTHREAD_RS_BACKTRACE"] = "1"
        quiet(spawn(panic).join)
    """)
    assert [text.count("stack backtrace:") for text in child.stderr.split("\nthread ")[1:]] == [
        0,
        1,
    ]


def test_a_payload_is_formatted_once(run_program: RunProgram) -> None:
    child = run_program(
        """
        class Counted(Exception):
            def __str__(self):
                print("formatted")
                return "counted"
        quiet(spawn(throw, Counted()).join)
        """,
        backtrace="1",
    )
    assert child.stderr.count("Counted: counted") == 2
    assert child.stdout == "formatted\n"


def test_without_columns_the_column_is_zero(run_program: RunProgram) -> None:
    child = run_program("quiet(lambda: catch_unwind(lambda: 1 / 0))", "-X", "no_debug_ranges")
    assert "panicked at program.py:2:0:\n" in child.printed()


# ---- what goes wrong while panicking -------------------------------------------------------------


def test_a_hook_that_raises_is_reported_with_the_panic(run_program: RunProgram) -> None:
    child = run_program("""
        def hook(info):
            raise RuntimeError("in the hook")
        set_hook(hook)
        quiet(spawn(lambda: panic("boom")).join)
        print("main goes on")
    """)
    assert child.stdout == "main goes on\n"
    assert child.printed() == (
        "\nthread '<unnamed>' (TID) panicked at program.py:5:21:\nboom\n"
        "\npanicked at program.py:3:5:\nRuntimeError: in the hook\n"
        "thread panicked while processing panic.\n"
    )


def test_the_panic_is_not_printed_twice(run_program: RunProgram) -> None:
    child = run_program("""
        def hook(previous, info):
            previous(info)
            sys.exit(3)
        update_hook(hook)
        quiet(spawn(panic, "boom").join)
    """)
    assert child.printed().endswith(
        f":\nboom\n{HINT}"
        "\npanicked at program.py:4:5:\nSystemExit: 3\nthread panicked while processing panic.\n"
    )
    assert child.stderr.count("boom") == 1


def test_a_panic_that_a_hook_catches_does_not_call_the_hook(run_program: RunProgram) -> None:
    child = run_program("""
        def hook(info):
            print("hook", info.message)
            quiet(lambda: catch_unwind(lambda: panic("inner")))
        set_hook(hook)
        quiet(spawn(panic, "outer").join)
        quiet(spawn(panic, "again").join)
    """)
    assert child.stdout == "hook outer\nhook again\n"
    inner = "\npanicked at program.py:4:40:\ninner\nthread panicked while processing panic.\n"
    assert child.printed() == inner * 2


@pytest.mark.parametrize("error", ["ValueError", "SystemExit", "KeyboardInterrupt", "Panic"])
def test_a_payload_whose_methods_raise_is_reported(run_program: RunProgram, error: str) -> None:
    child = run_program(f"""
        class Bad(Exception):
            def __str__(self):
                raise {error}("no")
            __repr__ = __str__
        quiet(spawn(throw, Bad()).join)
        quiet(spawn(panic_any, Panic(Bad())).join)
        print("main goes on")
    """)
    assert child.stdout == "main goes on\n"
    assert "Bad: <exception str() failed>\n" in child.printed()
    assert "<unprintable Panic object>\n" in child.printed()
