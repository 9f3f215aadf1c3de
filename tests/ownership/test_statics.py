"""A module's variables are statics: what a thread may read, must not assign, and cannot take."""

from __future__ import annotations

import functools
import os
import queue
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import FunctionType, MappingProxyType
from typing import Any

import pytest

from pythread_rs import Ok, move, spawn
from pythread_rs.ownership import NotSendError, OwnershipError, StaticError, take

NUMBER = 7
TEXT = "text"
EXACT = Decimal("1.5")
TUPLE = (1, ("a", 2))
FROZEN = frozenset([1, 2])
PATTERN = re.compile("a+")
LOCK = threading.Lock()
QUEUE: queue.SimpleQueue[int] = queue.SimpleQueue()
LIST: list[int] = [1]
TABLE = {"a": 1}
PROXY = MappingProxyType({"a": 1})
NESTED = (1, [2])
count = 0


class Plain:
    kept = LIST


INSTANCE = Plain()


def helper() -> list[int]:
    return LIST


def read_number() -> Any:
    return NUMBER


def read_text() -> Any:
    return TEXT


def read_decimal() -> Any:
    return EXACT


def read_tuple() -> Any:
    return TUPLE


def read_frozen() -> Any:
    return FROZEN


def read_pattern() -> Any:
    return PATTERN.pattern


def read_lock() -> Any:
    with LOCK:
        return LOCK.locked()


def read_queue() -> Any:
    return QUEUE.empty()


def read_module() -> Any:
    return sys.maxsize


def read_class() -> Any:
    return Plain.__name__


def read_builtin() -> Any:
    return len("abc")


def call_function() -> Any:
    # What a function reads that is called is not looked at, unless PYTHREAD_RS_LINT=1.
    return helper()


def local_of_the_same_name() -> Any:
    LIST = [2]  # noqa: N806  # the name is what this is about
    return [*LIST]


READABLE = [
    read_number,
    read_text,
    read_decimal,
    read_tuple,
    read_frozen,
    read_pattern,
    read_lock,
    read_queue,
    read_module,
    read_class,
    read_builtin,
    call_function,
    local_of_the_same_name,
]


def read_list() -> Any:
    return LIST


def read_dict() -> Any:
    return TABLE["a"]


def read_proxy() -> Any:
    return PROXY


def read_tuple_of_list() -> Any:
    return NESTED


def read_instance() -> Any:
    return INSTANCE


def read_in_nested_code() -> Any:
    return [LIST for _ in range(1)]


def read_in_a_lambda() -> Any:
    value: Callable[[], Any] = lambda: LIST  # noqa: E731  # nested code is the point
    return value()


def read_in_a_class() -> Any:
    class Inner:
        kept = LIST

    return Inner


def changed_in_place() -> Any:
    LIST.append(2)


def stored_into() -> Any:
    TABLE["a"] = 2


REFUSED = {
    read_list: "LIST",
    read_dict: "TABLE",
    read_proxy: "PROXY",
    read_tuple_of_list: "NESTED",
    read_instance: "INSTANCE",
    read_in_nested_code: "LIST",
    read_in_a_lambda: "LIST",
    read_in_a_class: "LIST",
    changed_in_place: "LIST",
    stored_into: "TABLE",
}


def assigned() -> None:
    global count
    count = 1


def added_to() -> None:
    global count
    count += 1


def removed() -> None:
    global count
    del count


def assigned_by_a_loop() -> None:
    global count
    for count in range(2):  # noqa: B007  # the assignment is the point
        pass


def assigned_in_nested_code() -> None:
    def inner() -> None:
        global count
        count = 1

    inner()


def assigned_by_an_import() -> None:
    global os
    import os


ASSIGNED = {
    assigned: "count",
    added_to: "count",
    removed: "count",
    assigned_by_a_loop: "count",
    assigned_in_nested_code: "count",
    assigned_by_an_import: "os",
}


def is_taken() -> Any:
    return take(lambda: LIST)


@pytest.mark.parametrize("function", READABLE)
def test_what_cannot_change_may_be_read(function: Callable[[], Any]) -> None:
    handle = spawn(function)
    assert handle.join() == Ok(function())


@pytest.mark.parametrize(("function", "name"), REFUSED.items())
def test_what_can_change_must_not_be_read(function: Callable[[], Any], name: str) -> None:
    with pytest.raises(NotSendError) as refusal:
        spawn(function)
    assert refusal.value.code == "E0277"
    assert f"`{name}`" in str(refusal.value)
    assert LIST == [1]
    assert TABLE == {"a": 1}


@pytest.mark.parametrize(("function", "name"), ASSIGNED.items())
def test_a_global_must_not_be_assigned(function: Callable[[], Any], name: str) -> None:
    with pytest.raises(StaticError) as refusal:
        spawn(function)
    assert refusal.value.code == "E0133"
    assert f"`{name}`" in str(refusal.value)
    assert count == 0


def test_a_global_cannot_be_taken() -> None:
    with pytest.raises(StaticError) as refusal:
        is_taken()
    assert refusal.value.code == "E0507"
    assert LIST == [1]


def wrapped(function: Callable[[], Any]) -> list[Callable[[], Any]]:
    """Return callables that lead to a function."""

    class Callable_:  # noqa: N801
        __slots__ = ()

        def __call__(self) -> Any:
            return LIST

    return [functools.partial(function), move(function), Callable_()]


@pytest.mark.parametrize("index", range(3))
def test_so_in_whatever_leads_to_the_function(index: int) -> None:
    with pytest.raises(OwnershipError) as refusal:
        spawn(wrapped(read_list).pop(index))
    assert refusal.value.code in {"E0277", "E0505"}
    assert "`LIST`" in str(refusal.value)


def test_a_captured_helper_is_looked_at_too() -> None:
    data = [1]

    def inner() -> Any:
        return LIST, data

    with pytest.raises(NotSendError):
        spawn(move(lambda: inner()))


def test_a_global_is_looked_at_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = spawn(read_number)
    assert handle.join() == Ok(7)
    monkeypatch.setattr(sys.modules[__name__], "NUMBER", [7])
    with pytest.raises(NotSendError):
        spawn(read_number)
    monkeypatch.setattr(sys.modules[__name__], "NUMBER", 8)
    handle = spawn(read_number)
    assert handle.join() == Ok(8)


def test_a_missing_global_is_the_threads_own_trouble() -> None:
    function = FunctionType(read_number.__code__, {})
    handle = spawn(function)
    assert handle.join().is_ok() is False


def test_a_shadowed_builtin_is_a_global() -> None:
    function = FunctionType(read_builtin.__code__, {"len": [1]})
    with pytest.raises(NotSendError):
        spawn(function)


# -- At the top of a script. -----------------------------------------------------------------------

RunScript = Callable[..., str]


@pytest.fixture
def run_script(tmp_path: Path) -> RunScript:
    """Run a script as a program of its own and return what it prints, on either stream."""

    def run(source: str, *options: str, **environment: str) -> str:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        child = subprocess.run(
            [sys.executable, "-W", "error", *options, str(path)],
            cwd=tmp_path,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=15,
            check=False,
        )
        assert child.returncode in {0, 1}, child.stdout
        return child.stdout

    return run


def test_a_script_moves_its_own_variables(run_script: RunScript) -> None:
    printed = run_script("""
        from pythread_rs import move, spawn
        data, number = [1, 2], 7
        handle = spawn(move(lambda: (sum(data), number)))
        print(handle.join(), number, "data" in globals())
    """)
    assert printed == "Ok((3, 7)) 7 False\n"


def test_what_it_reads_later_is_used_after_the_move(run_script: RunScript) -> None:
    printed = run_script("""
        from pythread_rs import move, spawn
        data = [1, 2]
        handle = spawn(move(lambda: sum(data)))
        print(data)
    """)
    assert "error[E0382]" in printed
    assert "`data`" in printed


def test_a_refused_move_gives_a_script_its_variables_back(run_script: RunScript) -> None:
    printed = run_script("""
        import sys
        from pythread_rs import Builder, SpawnError, move, spawn
        def main(other):
            try:
                spawn(closure)
            except TypeError as error:
                print(error.code)
        inner = [1]
        kept = (inner, [])
        data = [inner]
        closure = move(lambda: data)
        print("data" in globals())
        try:
            spawn(closure)
        except TypeError as error:
            print(error.code)
        print(globals()["data"], kept)
    """)
    assert printed.splitlines() == ["False", "E0505", "[[1]] ([1], [])"]


def test_the_os_may_refuse_a_script(run_script: RunScript) -> None:
    printed = run_script("""
        import sys
        from pythread_rs import Builder, SpawnError, move
        data = [1]
        try:
            Builder(stack_size=sys.maxsize).spawn(move(lambda: data))
        except SpawnError:
            print(globals()["data"])
    """)
    assert printed == "[1]\n"


def test_take_at_the_top_of_a_script(run_script: RunScript) -> None:
    printed = run_script("""
        from pythread_rs import spawn, take
        data = [1, 2]
        print(spawn(sum, take(lambda: data)).join(), "data" in globals())
    """)
    assert printed == "Ok(3) False\n"


def test_a_function_of_a_script_cannot_move_its_globals(run_script: RunScript) -> None:
    printed = run_script("""
        from pythread_rs import move, spawn
        data = [1, 2]
        def main():
            try:
                spawn(move(lambda: sum(data)))
            except TypeError as error:
                print(error.code)
        main()
        print(data)
    """)
    assert printed == "E0277\n[1, 2]\n"


def test_code_that_is_executed_as_main_is_a_script(run_script: RunScript) -> None:
    printed = run_script("""
        from pythread_rs import move, spawn
        namespace = {"__name__": "__main__"}
        for line in (
            "from pythread_rs import move, spawn",
            "data = [1, 2]",
            "handle = spawn(move(lambda: sum(data)))",
            "print(handle.join())",
            "print('data' in globals())",
            "data = [5]",
            "print(spawn(move(lambda: sum(data))).join())",
        ):
            exec(compile(line, "<stdin>", "single"), namespace)
    """)
    assert printed == "Ok(3)\nFalse\nOk(5)\n"


def test_an_interactive_session_is_one(tmp_path: Path) -> None:
    lines = """
        from pythread_rs import move, spawn
        data = [1, 2]
        handle = spawn(move(lambda: sum(data)))
        handle.join()
        "data" in globals()
        data
    """
    child = subprocess.run(
        [sys.executable, "-i", "-q"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONSTARTUP": "", "PYTHON_BASIC_REPL": "1", "NO_COLOR": "1"},
        input=textwrap.dedent(lines).lstrip(),
        capture_output=True,
        encoding="utf-8",
        timeout=15,
        check=False,
    )
    assert child.stdout.splitlines() == ["Ok(3)", "False"]
    assert "NameError: name 'data' is not defined" in child.stderr


CALLS_OTHERS = """
    from pythread_rs import spawn
    kept = [1]
    def deep():
        return kept
    def middle():
        return deep()
    def work():
        return middle()
    def main():
        try:
            print(spawn(work).join())
        except TypeError as error:
            print(error.code, "`kept`" in str(error))
    main()
"""


def test_the_functions_that_are_called_are_followed_when_asked(run_script: RunScript) -> None:
    assert run_script(CALLS_OTHERS) == "Ok([1])\n"
    assert run_script(CALLS_OTHERS, PYTHREAD_RS_LINT="0") == "Ok([1])\n"
    assert run_script(CALLS_OTHERS, PYTHREAD_RS_LINT="1") == "E0277 True\n"
