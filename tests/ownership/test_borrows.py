"""What scoped threads may borrow: programs, and what is said about each."""

from __future__ import annotations

import gc
import linecache
import re
import sys
import textwrap
import threading
import types
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import pytest

from pythread_rs.ownership._borrows import Borrows
from pythread_rs.ownership._errors import MutableBorrowError

FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.CodeType, types.ModuleType)
COPY = (int, float, complex, str, bytes, bool, type(None), type, range, *FUNCTIONS)
TRANSPARENT = (tuple, frozenset, types.MethodType)


def kind_of(value: object) -> str:
    """Stand in for the classes of objects that the compiled module knows."""
    kind = type(value)
    if kind in COPY or isinstance(value, type):
        return "copy"
    if kind.__name__ in {"Scope", "Handle", "Lock", "Sender"}:
        return "sync"
    return "transparent" if kind in TRANSPARENT else "owned"


def mutable_nodes(values: Iterable[object]) -> dict[int, object]:
    """Stand in for the walk of the compiled module."""
    found: dict[int, object] = {}
    seen: set[int] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        kind = kind_of(value)
        if kind in {"copy", "sync"}:
            continue
        if kind != "transparent":
            found[id(value)] = value
        waiting.extend(gc.get_referents(value))
    return found


class Handle:
    def join(self) -> Handle:
        return self

    def unwrap(self) -> int:
        return 1


class Sender:
    pass


class Lock:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *args: object) -> None:
        pass


class Moved:
    """Stands for a closure that was moved: it has no part in its captures' variables."""

    def __init__(self, f: Any) -> None:
        pass

    def __call__(self) -> None:
        pass


class shared:  # noqa: N801 - the name is what counts
    def __init__(self, value: Any) -> None:
        self.value = value


class Scope:
    """Borrows as a scope does, without threads."""

    def __init__(self) -> None:
        self.borrows = Borrows(kind_of, mutable_nodes)
        self.tokens: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def spawn(self, f: Any, *args: Any, **kwargs: Any) -> Handle:
        frame = sys._getframe(1)
        token = self.borrows.add(f, args, kwargs, frame.f_code, frame.f_lasti, frame)
        self.tokens.append(token)
        return Handle()


class RunningScope(Scope):
    """The same with a thread, which has a stack of its own."""

    def spawn(self, f: Any, *args: Any, **kwargs: Any) -> Handle:
        frame = sys._getframe(1)
        self.borrows.add(f, args, kwargs, frame.f_code, frame.f_lasti, frame)
        errors: list[BaseException] = []

        def body() -> None:
            try:
                f(*args, **kwargs)
            except MutableBorrowError as error:
                errors.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join(10)
        for error in errors:
            raise error
        return Handle()


class Builder:
    def spawn_scoped(self, scope: Scope, f: Any, *args: Any) -> Handle:
        frame = sys._getframe(1)
        scope.borrows.add(f, args, {}, frame.f_code, frame.f_lasti, frame)
        return Handle()


Moved.__module__ = shared.__module__ = "pythread_rs.ownership"
NAMES = {
    "scope": Scope,
    "running": RunningScope,
    "shared": shared,
    "move": Moved,
    "Lock": Lock,
    "Sender": Sender,
    "Builder": Builder,
}
counter = 0


def run(source: str, module_level: bool = False) -> None:
    """Run a program: the body of a function, or a script."""
    global counter
    counter += 1
    text = textwrap.dedent(source).strip()
    if not module_level:
        text = "def main():\n" + textwrap.indent(text, "    ") + "\nmain()\n"
    file = f"<program {counter}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), {"__name__": "__main__", **NAMES})


def refusal(source: str, module_level: bool = False) -> tuple[str, str]:
    """Give the code of a program's refusal and the line that it is about."""
    with pytest.raises(MutableBorrowError) as caught:
        run(source, module_level)
    span = caught.value.span
    assert span is not None, caught.value
    assert str(caught.value).startswith(f"error[{caught.value.code}]: cannot ")
    return caught.value.code, linecache.getline(span.file, span.line).strip()


def programs(name: str) -> dict[str, str]:
    """Read the programs of one file, by what is said above each."""
    text = (Path(__file__).parent / "borrows" / f"{name}.txt").read_text()
    parts = [part.partition("\n") for part in re.split(r"^== ", text, flags=re.MULTILINE) if part]
    return {title: source for title, _, source in parts}


ACCEPTED = programs("accepted")


@pytest.mark.parametrize("name", ACCEPTED)
def test_programs_that_are_accepted(name: str) -> None:
    run(ACCEPTED[name])


# The line that the error is about ends with `# HERE`.
REFUSED = programs("refused")


def expected(name: str, programs: dict[str, str]) -> tuple[str, str]:
    """Give the code and the line that a program of the table names."""
    marked = [line.strip() for line in programs[name].splitlines() if line.endswith("# HERE")]
    assert len(marked) == 1
    return name.partition(":")[0], marked[0]


@pytest.mark.parametrize("name", REFUSED)
def test_programs_that_are_refused(name: str) -> None:
    assert refusal(REFUSED[name]) == expected(name, REFUSED)


SCRIPTS = programs("scripts")


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_that_are_refused(name: str) -> None:
    assert refusal(SCRIPTS[name], module_level=True) == expected(name, SCRIPTS)


def test_a_script_that_only_reads_is_accepted() -> None:
    run(
        """
        data = [1]
        n = 5
        n = 6
        with scope() as s:
            data.append(2)
            handles = [s.spawn(lambda i=i: sum(data) + n + i) for i in range(4)]
            for handle in handles:
                handle.join()
            print(len(data))
        n = 7
        data.append(3)
        """,
        module_level=True,
    )


def count(step: int) -> int:
    return step


def test_a_refused_spawn_has_recorded_nothing() -> None:
    data: list[int] = [1]
    other: list[int] = [2]

    def change() -> None:
        for rows in (other, data):
            rows.append(1)

    with Scope() as s:
        s.spawn(lambda: print(data))
        for _ in range(2):
            with pytest.raises(MutableBorrowError):
                s.spawn(change)
        s.spawn(other.append, 1)
        assert len(s.tokens) == 2


def test_without_a_frame_the_objects_of_unknown_code_are_refused() -> None:
    data = [1]
    n = 1
    borrows = Borrows(kind_of, mutable_nodes)
    with pytest.raises(MutableBorrowError, match="cannot be seen from here") as caught:
        borrows.add(lambda: print(data), (), {}, None, 0)
    assert "shared(data)" in str(caught.value)
    borrows.add(lambda: print(n), (), {}, None, 0)


class ScopeWithoutFrames(Scope):
    """The same for a caller that has the code only."""

    def spawn(self, f: Any, *args: Any, **kwargs: Any) -> Handle:
        frame = sys._getframe(1)
        self.borrows.add(f, args, kwargs, frame.f_code, frame.f_lasti)
        return Handle()


def test_with_the_code_alone_the_captured_variables_are_known() -> None:
    data = [1]
    with pytest.raises(MutableBorrowError) as caught, ScopeWithoutFrames() as s:
        s.spawn(lambda: print(data))
        data.append(1)
    assert caught.value.code == "E0502"


class Big:
    """Something whose end can be seen."""


def test_what_only_the_thread_held_goes_when_the_borrow_is_released() -> None:
    def make() -> Any:
        big = Big()
        return (lambda: print(big)), weakref.ref(big)

    def start(s: Scope) -> Any:
        f, seen = make()
        s.spawn(f)
        return seen

    with Scope() as s:
        seen = start(s)
        gc.collect()
        assert seen() is not None
        s.borrows.release(s.tokens[0])
        assert seen() is None


def test_what_others_hold_stays_borrowed_after_the_release() -> None:
    data = [1]
    n = 0

    def change() -> None:
        nonlocal n
        n += 1
        data.append(1)

    with Scope() as s:
        s.spawn(change)
        s.borrows.release(s.tokens[0])
        with pytest.raises(MutableBorrowError):
            s.spawn(lambda: len(data))
        with pytest.raises(MutableBorrowError):
            s.spawn(lambda: n)


def test_the_text_of_e0499_is_laid_out_as_rustc_does() -> None:
    with pytest.raises(MutableBorrowError) as caught:
        run(REFUSED["E0502: one changes, one reads"])
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "error[E0502]: cannot borrow `data` as immutable because it is also borrowed as mutable"
    )
    text = "\n".join(lines[2:12])
    for label in (
        "mutable borrow occurs here",
        "first borrow occurs due to use of `data`",
        "immutable borrow occurs here",
        "second borrow occurs due to use of `data`",
    ):
        assert label in text
