"""The layering: imports only go down, and what is dangerous stands in one place.

These tests read the source; nothing is imported but the package's location.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import pythread_rs

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once

PACKAGE = Path(pythread_rs.__file__).parent
CSRC = Path(__file__).resolve().parents[1] / "csrc"
ROOT = "pythread_rs"

# From the ground up. A module belongs to the longest name that it starts with.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("_native", "_objects", "_version"),
    ("_main_interpreter",),
    ("_ffi",),
    ("_runtime",),
    ("ownership", "panic", "result"),
    ("process", "thread"),
    ("native", "pool", "sync"),
    ("",),  # the map: pythread_rs/__init__.py
    ("__main__", "_cli"),
)
RANK = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}

# Outside _runtime: (file, function) -> why everything has to be caught there.
CATCHES_EVERYTHING = {
    ("_cli/_timeline/_script.py", "run_as_main"): (
        "it stands in the place of the interpreter, which prints what leaves a program"
    ),
    ("panic/_catch.py", "catch_unwind"): (
        "whatever leaves the function is its outcome; what asks the process to end is raised again"
    ),
    ("panic/_hook.py", "run_hook"): (
        "a hook that raises, whatever it raises, must not end the thread that reports a panic"
    ),
    ("pool/_shipping.py", "__call__"): (
        "as on a thread of this package: whatever leaves the closure is its panic"
    ),
    ("pool/_shipping.py", "_answer"): "the same on another process, where nobody else does it",
    ("pool/_spawn_on.py", "spawn_on"): (
        "whatever keeps the closure from being sent, the values that it owns go back"
    ),
    ("thread/_handle.py", "_join"): (
        "whatever interrupts it before the result is stored, the result goes back to the packet"
    ),
}


class Import(NamedTuple):
    """One module that a file imports, by its name inside the package."""

    target: str
    line: int


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def source_files() -> list[Path]:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 30, "the package's source is not where the test looks for it"
    return files


def relative(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def part_of(file: Path) -> str:
    """Name the part of the package that a file belongs to; "" is the map itself."""
    first = file.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def is_module(name: str) -> bool:
    """Tell whether the package has a module of this name directly in it."""
    return any(PACKAGE.glob(f"{name}.py*")) or (PACKAGE / name).is_dir()


def imports_of(file: Path) -> Iterator[Import]:
    """Yield every part of the package that a file imports, inside functions too."""
    return imports_in(parsed(file), file)


def imports_in(tree: ast.Module, file: Path) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from imported(alias.name, (), node.lineno)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield from imported(absolute(file, node), names, node.lineno)


def absolute(file: Path, node: ast.ImportFrom) -> str:
    """Write out a relative import."""
    if node.level == 0:
        return node.module or ""
    package = (ROOT, *file.relative_to(PACKAGE).parts[:-1])
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def imported(module: str, names: tuple[str, ...], line: int) -> Iterator[Import]:
    first, _, rest = module.partition(".")
    if first != ROOT:
        return
    if rest:
        yield Import(rest.partition(".")[0], line)
        return
    for name in names or ("",):
        yield Import(name if is_module(name) else "", line)


def find_cycle(edges: dict[str, set[str]]) -> list[str]:
    """Return a path that ends where it began, or nothing."""

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        for target in sorted(edges[node]):
            if found := visit(target, [*path, node]):
                return found
        return []

    for node in sorted(edges):
        if found := visit(node, []):
            return found
    return []


def test_every_part_has_its_floor() -> None:
    parts = {part_of(file) for file in source_files()}
    assert parts <= set(RANK), "give the new part a place in FLOORS"


@pytest.mark.parametrize("file", source_files(), ids=relative)
def test_imports_only_go_down(file: Path) -> None:
    own = RANK[part_of(file)]
    up = [
        f"{relative(file)}:{i.line}: {i.target}" for i in imports_of(file) if RANK[i.target] > own
    ]
    assert not up


def test_parts_of_one_floor_do_not_import_each_other_in_a_circle() -> None:
    edges: dict[str, set[str]] = defaultdict(set)
    for file in source_files():
        own = part_of(file)
        edges[own] |= {i.target for i in imports_of(file) if i.target != own}
    assert find_cycle(defaultdict(set, edges)) == []


def test_a_circle_would_be_found() -> None:
    edges = defaultdict(set, {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}})
    assert find_cycle(edges) == ["b", "c", "b"]


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("import pythread_rs.thread", ["thread"]),
        ("import pythread_rs", [""]),
        ("from pythread_rs import _ffi, spawn", ["_ffi", ""]),
        ("from pythread_rs.result._ok import Ok", ["result"]),
        ("from . import _errors", ["_runtime"]),
        ("from .._ffi import check", ["_ffi"]),
        ("def f():\n    from pythread_rs import thread", ["thread"]),
        ("import os, ast\nfrom typing import Any", []),
    ],
)
def test_every_form_of_import_is_understood(text: str, targets: list[str]) -> None:
    found = imports_in(ast.parse(text), PACKAGE / "_runtime" / "imagined.py")
    assert [i.target for i in found] == targets


def test_only_ffi_imports_the_cffi_module() -> None:
    importers = {
        relative(file)
        for file in source_files()
        if any(i.target == "_native" for i in imports_of(file))
    }
    assert importers == {"_ffi.py"}


def handlers_of_everything(file: Path) -> Iterator[str]:
    """Yield the functions with `except BaseException` or a bare `except`."""
    for function in ast.walk(parsed(file)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.ExceptHandler) and catches_everything(node):
                yield function.name


def catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    named = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return "BaseException" in named


def test_only_the_runtime_catches_everything() -> None:
    found = {
        (relative(file), function)
        for file in source_files()
        if part_of(file) != "_runtime"
        for function in handlers_of_everything(file)
    }
    assert found == set(CATCHES_EVERYTHING), "each one needs its reason in CATCHES_EVERYTHING"


def test_the_runtime_does_catch_everything() -> None:
    """Or the test above looks for the wrong thing."""
    files = [file for file in source_files() if part_of(file) == "_runtime"]
    assert any(name for file in files for name in handlers_of_everything(file))


def includes_of(file: Path) -> set[str]:
    return set(re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', file.read_text(), re.MULTILINE))


def c_files(*folders: str) -> list[Path]:
    files = [f for folder in folders for f in sorted((CSRC / folder).rglob("*.[ch]"))]
    assert files, f"no C files in {folders}"
    return files


def test_only_csrc_python_knows_python() -> None:
    files = [CSRC / "prs_api.h", *c_files("core", "unix", "win")]
    assert [f.name for f in files if "Python.h" in includes_of(f)] == []
    assert any("Python.h" in includes_of(file) for file in c_files("python"))


def test_the_core_calls_no_os() -> None:
    """It includes C11's headers and the compiler's own; the OS is behind unix/ and win/."""
    allowed = {f"{name}.h" for name in ("stdatomic", "stdbool", "stddef", "stdint")}
    allowed |= {"errno.h", "stdlib.h", "string.h", "intrin.h"}
    for file in c_files("core"):
        foreign = {name for name in includes_of(file) if not (file.parent / name).exists()}
        assert foreign <= allowed, file.name


def test_the_contract_is_readable_by_cffi() -> None:
    text = (CSRC / "prs_api.h").read_text(encoding="utf-8")
    assert re.findall(r"^\s*#", text, re.MULTILINE) == []


def test_no_c_file_includes_another() -> None:
    files = c_files("core", "unix", "win", "python")
    assert [f.name for f in files if any(i.endswith(".c") for i in includes_of(f))] == []


def test_one_header_tells_the_platforms_apart() -> None:
    """csrc/python tells CPython versions apart and csrc/unix kernels; neither asks for _WIN32."""
    files = c_files("core", "unix", "win", "python")
    asking = [f.name for f in files if re.search(r"^\s*#.*\b_WIN32\b", f.read_text(), re.MULTILINE)]
    assert len(asking) <= 1
    assert all(name.endswith(".h") for name in asking)
