"""The note on the NameError of an emptied variable: only there, once, and never in the way."""

from __future__ import annotations

import gc
import sys
import types
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs.ownership import _notes as notes
from pythread_rs.ownership._diagnostic import Span

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

# Stands for `move`: empties the variables that a closure captures, and reports it.
EMPTY = """
import sys
from pythread_rs.ownership import _notes

def move(closure):
    frame = sys._getframe(1)
    for name, cell in zip(closure.__code__.co_freevars, closure.__closure__):
        del cell.cell_contents
        _notes.remember(frame.f_code, name, (frame.f_code, frame.f_lasti))
"""
NEEDS_MONITORING = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="3.11 has no event for a raised exception"
)
NOTE = "note: E0382: use of moved value: `data` was moved away, which left the variable empty"


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this process as it is: no tool of `sys.monitoring`, no hook, no moves of other tests."""
    monkeypatch.setattr(notes, "_moves", {})
    monkeypatch.setattr(notes, "_namespaces", [])
    monkeypatch.setattr(notes, "_is_watching", True)


def move(closure: Any) -> None:
    frame = sys._getframe(1)
    for name, cell in zip(closure.__code__.co_freevars, closure.__closure__, strict=True):
        del cell.cell_contents
        notes.remember(frame.f_code, name, (frame.f_code, frame.f_lasti))


def notes_of(function: Callable[[], object]) -> list[str]:
    """Return the notes that an error of the function gets."""
    with pytest.raises(NameError) as caught:
        function()
    for _ in range(3):  # as often as the error passes a frame
        notes.annotate(caught.value)
    return getattr(caught.value, "__notes__", [])


def test_the_owner_reads_it_again() -> None:
    def main() -> object:
        data = [1]
        move(lambda: data.append(2))
        return data

    (note,) = notes_of(main)
    first, place, _, source, carets, *rest = note.split("\n")
    line = main.__code__.co_firstlineno + 2
    assert first == NOTE
    assert place.endswith(f"test_notes.py:{line}:9")
    assert source == f"{line} |         move(lambda: data.append(2))"
    assert carets.endswith("^^^^ `data` moved here")
    assert rest[0].endswith("= help: to keep a value, move a copy, or a `.clone()` of what has one")
    assert rest[1].endswith("try `python -m pythread_rs explain E0382` for more information")


def test_everybody_who_shares_the_variable_gets_it() -> None:
    def main() -> list[Callable[[], object]]:
        data = [1]

        def sibling() -> object:
            return data

        def deeper() -> object:
            return [data for _ in "x"]

        move(lambda: data.append(2))
        return [sibling, deeper, lambda: next(data for _ in "x")]

    for use in main():
        (note,) = notes_of(use)
        assert note.startswith(NOTE)


def test_a_move_that_is_known_by_its_closure_only() -> None:
    def main() -> object:
        data = [1]
        closure = lambda: data.append(2)  # noqa: E731
        notes.remember(closure.__code__, "data", Span("main.py", 7, 4, 7, 8))
        del closure.__closure__[0].cell_contents  # type: ignore[index]
        return data

    (note,) = notes_of(main)
    assert "--> main.py:7" in note


def test_deleting_an_emptied_variable() -> None:
    def main() -> None:
        data = [1]
        move(lambda: data)  # noqa: F821
        del data

    (note,) = notes_of(main)
    assert note.startswith(NOTE)


def test_other_variables_get_none() -> None:
    def main() -> object:
        data = other = [1]
        move(lambda: data)
        if sys.argv:
            del other
        return (lambda: other), other  # pyright: ignore[reportPossiblyUnboundVariable]

    def same_name_elsewhere() -> object:
        if sys.argv == []:
            data = [1]
        return data  # type: ignore[possibly-undefined]  # pyright: ignore[reportPossiblyUnboundVariable]

    def unknown() -> object:
        return eval("data", {})

    def raised() -> None:
        raise NameError("data")

    with pytest.raises(UnboundLocalError):
        main()
    for use in (main, same_name_elsewhere, unknown, raised):
        assert notes_of(use) == []


def test_a_variable_that_was_assigned_again_gets_none() -> None:
    def main() -> object:
        data = [1]
        move(lambda: data)  # noqa: F821
        data = [2]
        assert data
        del data
        return data  # noqa: F821  # pyright: ignore[reportUnboundVariable]

    assert notes_of(main) == []


def test_equal_functions_of_two_files_are_told_apart() -> None:
    text = (
        "def main(move):\n"
        "    data = 1\n"
        "    def use(): return data\n"
        "    move(lambda: data)\n"
        "    return use()\n"
    )
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    exec(compile(text, "first.py", "exec"), first)
    exec(compile(text, "second.py", "exec"), second)
    assert notes_of(lambda: first["main"](move)) != []
    notes._moves.pop(id(second["main"].__code__), None)

    def empty_only(closure: Any) -> None:
        del closure.__closure__[0].cell_contents

    assert notes_of(lambda: second["main"](empty_only)) == []


def test_a_variable_of_a_script() -> None:
    namespace: dict[str, Any] = {}
    text = "data = 1\ndef use(): return data\ndef other(): return unknown\n"
    exec(compile(text, "script.py", "exec"), namespace)
    assert notes_of(namespace["other"]) == []
    del namespace["data"]
    notes.remember(namespace, "data", Span("script.py", 3, 0, 3, 4))
    (note,) = notes_of(namespace["use"])
    assert "--> script.py:3" in note
    assert notes_of(namespace["other"]) == []


def test_what_is_remembered_goes_with_the_code() -> None:
    def make(number: int) -> types.CodeType:
        (code,) = (
            constant
            for constant in compile(f"def f{number}(): x", "made.py", "exec").co_consts
            if isinstance(constant, types.CodeType)
        )
        return code

    code = make(0)
    for number in range(100):
        code = make(number)
        for _ in range(3):
            notes.remember(code, "x", (code, 0))
    last = weakref.ref(code)
    assert len(notes._moves) == 1
    del code
    gc.collect()
    assert last() is None
    assert notes._moves == {}
    for _ in range(100):
        notes.remember({}, "x", Span("main.py", 1, 0, 1, 1))
    assert len(notes._namespaces) < 20


# -- In a process of its own. ----------------------------------------------------------------------

PROGRAM = (
    EMPTY
    + """
def main():
    data = [1]
    move(lambda: data.append(2))
    return data

def outer():
    return main()
"""
)


def run(run_child: Callable[..., subprocess.CompletedProcess[str]], rest: str) -> Any:
    return run_child(PROGRAM + rest, timeout=15)


def test_an_error_that_ends_the_program_or_a_thread_has_it(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    child = run(
        run_child,
        """
import threading
thread = threading.Thread(target=outer)
thread.start()
thread.join()
outer()
""",
    )
    assert child.stderr.count(NOTE) == 2
    assert child.stderr.count("Traceback") == 2
    assert child.returncode == 1


def test_hooks_of_the_program_are_still_called(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    child = run(
        run_child,
        """
import threading
sys.excepthook = lambda kind, error, traceback: print("mine", error.__notes__[0][:11])
threading.excepthook = lambda arguments: print("thread", arguments.exc_value.__notes__[0][:11])
monitoring = getattr(sys, "monitoring", None)
if monitoring:  # no id is free
    for tool in range(6):
        monitoring.use_tool_id(tool, "other")
try:
    outer()
except NameError as error:
    print(hasattr(error, "__notes__"))
thread = threading.Thread(target=outer)
thread.start()
thread.join()
outer()
""",
    )
    assert (child.stdout, child.stderr) == ("False\nthread note: E0382\nmine note: E0382\n", "")


@NEEDS_MONITORING
def test_an_error_that_is_caught_has_it_once(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    child = run(
        run_child,
        """
assert [sys.monitoring.get_tool(tool) for tool in range(6)] == [None] * 6
try:
    outer()
except NameError as error:
    print(len(error.__notes__))
    try:
        raise error
    except NameError:
        print(len(error.__notes__))
print([tool for tool in range(6) if sys.monitoring.get_tool(tool)])
try:
    [][0]
except IndexError as error:
    print(hasattr(error, "__notes__"))
""",
    )
    assert (child.stdout, child.stderr) == ("1\n1\n[4]\nFalse\n", "")


@NEEDS_MONITORING
def test_a_tool_that_is_taken_or_lost_does_no_harm(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    child = run(
        run_child,
        """
monitoring = sys.monitoring
monitoring.use_tool_id(4, "other")
use = monitoring.use_tool_id
def lose(tool, name):
    use(tool, name)
    if tool == 3:
        monitoring.free_tool_id(tool)
monitoring.use_tool_id = lose
try:
    outer()
except NameError as error:
    print(len(error.__notes__), monitoring.get_tool(4), monitoring.get_tool(5))
monitoring.free_tool_id(5)
monitoring.use_tool_id(5, "another")
try:
    outer()
except NameError as error:
    print("as before")
""",
    )
    assert (child.stdout, child.stderr) == ("1 other pythread_rs\nas before\n", "")


def test_trouble_with_the_note_leaves_the_error_alone(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    child = run(
        run_child,
        """
class Odd(NameError):
    __notes__ = 3
    def __str__(self):
        raise RuntimeError
def fail(*arguments):
    raise RuntimeError
move((lambda x: lambda: x)(1))
try:
    raise Odd
except Odd as error:
    print("caught")
_notes._text = fail
try:
    outer()
except NameError as error:
    print(hasattr(error, "__notes__"))
outer()
""",
    )
    assert child.stdout == "caught\nFalse\n"
    assert child.stderr.endswith("where it is not associated with a value\n")
