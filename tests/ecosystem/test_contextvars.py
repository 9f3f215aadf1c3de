"""Context variables: a thread of ours begins with what `threading.Thread` begins with here."""

from __future__ import annotations

import contextvars
import decimal
import subprocess
import sys
import threading
import warnings
from typing import TYPE_CHECKING

import pytest

from pythread_rs import Builder, Ok, scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0

variable = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(autouse=True)
def variable_is_set() -> Iterator[None]:
    token = variable.set("by the parent")
    yield
    variable.reset(token)


def in_a_thread_of_threading(f: Callable[[], object]) -> object:
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(f()))
    thread.start()
    thread.join(SECONDS)
    return results[0]


def test_it_begins_as_a_thread_of_threading_does() -> None:
    expected = Ok(in_a_thread_of_threading(variable.get))
    assert spawn(variable.get).join() == expected
    assert Builder(dedicated=True).spawn(variable.get).join() == expected
    with scope() as s:
        assert s.spawn(variable.get).join() == expected


def test_what_a_thread_sets_stays_there() -> None:
    def set_and_get() -> str:
        variable.set("by the thread")
        return variable.get()

    before = in_a_thread_of_threading(variable.get)
    assert spawn(set_and_get).join() == Ok("by the thread")
    assert variable.get() == "by the parent"
    assert spawn(variable.get).join() == Ok(before)


def test_a_value_that_was_read_is_not_remembered_for_the_next_thread() -> None:
    """A variable caches its last value by the thread state, which the next closure inherits."""

    def read_often(value: str) -> list[str]:
        variable.set(value)
        return [variable.get() for _ in range(3)]

    for number in range(5):
        value = f"number {number}"
        assert spawn(read_often, value).join() == Ok([value] * 3)
        assert spawn(variable.get).join() != Ok(value)


def test_a_context_can_be_handed_over() -> None:
    context = contextvars.copy_context()
    assert spawn(context.run, variable.get).join() == Ok("by the parent")


def test_a_context_entered_by_one_thread_is_refused_to_another() -> None:
    """The closure leaves it at its end, so that the next thread may enter."""
    context = contextvars.copy_context()

    def inside() -> bool:
        return spawn(context.run, int).join().is_err()

    assert context.run(inside)
    assert spawn(context.run, int).join() == Ok(0)
    assert spawn(context.run, int).join() == Ok(0)


def test_the_decimal_context_is_new_in_each_thread() -> None:
    def change() -> int:
        decimal.getcontext().prec = 5
        return decimal.getcontext().prec

    expected = in_a_thread_of_threading(lambda: decimal.getcontext().prec)
    assert spawn(change).join() == Ok(5)
    assert spawn(lambda: decimal.getcontext().prec).join() == Ok(expected)


def test_a_thread_catches_warnings_for_itself_or_for_all_as_with_threading() -> None:
    def catches() -> int:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warnings.warn("hello", UserWarning, stacklevel=1)
        return len(caught)

    assert spawn(catches).join() == Ok(in_a_thread_of_threading(catches)) == Ok(1)


# -- The flag of 3.14. -----------------------------------------------------------------------------

PROGRAM = """
import contextvars, sys, threading
from pythread_rs import Builder, scope, spawn

variable = contextvars.ContextVar("variable", default="unset")
variable.set("inherited")

seen = []
thread = threading.Thread(target=lambda: seen.append(variable.get()))
thread.start()
thread.join()
for start in (spawn, Builder(name="x").spawn, Builder(dedicated=True).spawn):
    seen.append(start(variable.get).join().unwrap())
with scope() as s:
    seen.append(s.spawn(variable.get).join().unwrap())

def change():
    variable.set("changed")

spawn(change).join().unwrap()
seen.append(variable.get())
print(sys.flags.thread_inherit_context, *seen)
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="the flag came with 3.14")
@pytest.mark.parametrize(("flag", "seen"), [("0", "unset"), ("1", "inherited")])
def test_the_flag_decides_what_is_inherited(flag: str, seen: str, tmp_path: Path) -> None:
    option = f"thread_inherit_context={flag}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", option, "-c", PROGRAM],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout.split() == [flag, *[seen] * 5, "inherited"], done.stderr
