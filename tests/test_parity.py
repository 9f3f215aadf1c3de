"""The C floors side by side: the same functions in the same order, and a contract in full.

These tests read the source of csrc/ with a simple parser, which knows how this project writes C:
a definition begins in the first column and its body ends with a brace there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.once

PROJECT = Path(__file__).resolve().parents[1]
CSRC = PROJECT / "csrc"
CONTRACT = CSRC / "prs_api.h"
INTERNALS = [
    *(CSRC / "core" / name for name in ("prs_core.h", "prs_native.h", "prs_shares.h")),
    *sorted((CSRC / "core" / "sync").glob("*.h")),
]
# What the files of one part share among themselves: it is tested through the part.
SHARED = [header for header in INTERNALS if header.stem.endswith("_inside")]
C_TESTS = PROJECT / "tests" / "c"

# Files that must have the same functions. The condvar file stands in the place of wait.c.
PAIRS = [
    ("unix/call.c", "win/call.c"),
    ("unix/thread.c", "win/thread.c"),
    ("unix/wait.c", "win/wait.c"),
    ("unix/wait.c", "unix/wait_condvar.c"),
    ("unix/parallelism.c", "win/parallelism.c"),
]
WORDS = ["Returns", "Owner", "Blocks", "Threads", "Orders"]

# In the contract, but of the floor that knows Python: the tests of the package call it.
NOT_IN_C_TESTS = {"prs_py_table"}
# Called by prs_init, which every test in C calls first.
CALLED_BY_INIT = {
    *("prs__fork_init", "prs__gate_init", "prs__line_init"),
    *("prs__patience_init", "prs__worker_init"),
}


class Function(NamedTuple):
    """A definition or a declaration, with the comment above it."""

    name: str
    head: str
    comment: str
    body: str

    @property
    def is_static(self) -> bool:
        return "static" in self.head.split()


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)


COMMENT = r"(?P<comment>/\*(?:[^*]|\*(?!/))*\*/\n)?"
HEAD = r"(?P<head>^[A-Za-z_][\w \t*]*?[ *](?P<name>\w+)\((?P<arguments>[^;{}]*?)\))"
DEFINITION = re.compile(COMMENT + HEAD + r"\s*\{(?P<body>.*?\}$|.*?^\})", re.MULTILINE | re.DOTALL)
DECLARATION = re.compile(COMMENT + HEAD + r"(?P<body>);$", re.MULTILINE)


def functions(pattern: re.Pattern[str], text: str) -> list[Function]:
    return [
        Function(m["name"], m["head"], m["comment"] or "", m["body"])
        for m in pattern.finditer(text)
    ]


def defined_in(file: str) -> list[Function]:
    found = functions(DEFINITION, (CSRC / file).read_text(encoding="utf-8"))
    assert found, f"no function is found in {file}"
    return found


def declared_in(header: Path) -> list[Function]:
    found = functions(DECLARATION, header.read_text(encoding="utf-8"))
    assert found, f"no function is found in {header.name}"
    return found


def public_names(file: str) -> list[str]:
    return [function.name for function in defined_in(file) if not function.is_static]


# ---- file pairs ----------------------------------------------------------------------------


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_pairs_have_the_same_functions_in_the_same_order(one: str, other: str) -> None:
    assert public_names(one) == public_names(other)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_functions_of_pairs_take_the_same_arguments(one: str, other: str) -> None:
    heads = {
        function.name: " ".join(function.head.split())
        for function in defined_in(one)
        if not function.is_static
    }
    for function in defined_in(other):
        if not function.is_static:
            assert " ".join(function.head.split()) == heads[function.name]


def test_every_file_of_the_os_floors_has_its_pair() -> None:
    paired = {file for pair in PAIRS for file in pair}
    files = {f.relative_to(CSRC).as_posix() for f in CSRC.glob("[uw]*/*.c")}
    assert files == paired


def test_a_difference_would_be_found() -> None:
    text = (CSRC / "unix/wait.c").read_text(encoding="utf-8")
    names = [function.name for function in functions(DEFINITION, text)]
    assert names[:2] == ["prs_backend", "futex"]
    renamed = text.replace("prs__wake_one(", "prs__wake_two(")
    assert [function.name for function in functions(DEFINITION, renamed)] != names


# ---- contract ------------------------------------------------------------------------------


def words_of(comment: str) -> list[str]:
    return re.findall(r"^ \* (\w+):", comment, re.MULTILINE)


@pytest.mark.parametrize("function", declared_in(CONTRACT), ids=lambda f: f.name)
def test_the_contract_says_five_things_in_order(function: Function) -> None:
    assert words_of(function.comment) == WORDS
    summary = function.comment.removeprefix("/* ").splitlines()[0]
    assert summary, "the first line says what the function does"


def test_the_parser_finds_every_declaration() -> None:
    for header in (CONTRACT, *INTERNALS):
        text = without_comments(header.read_text(encoding="utf-8"))
        named = set(re.findall(r"^(?!typedef|static| )[\w *]*\b(prs_\w+)\(", text, re.MULTILINE))
        assert {function.name for function in declared_in(header)} == named


def all_definitions() -> list[tuple[str, Function]]:
    files = sorted(f.relative_to(CSRC).as_posix() for f in CSRC.rglob("*.c"))
    return [(file, function) for file in files for function in defined_in(file)]


def test_every_declared_function_is_defined_once_per_floor() -> None:
    declared = {
        function.name for header in (CONTRACT, *INTERNALS) for function in declared_in(header)
    }
    places: dict[str, set[str]] = {name: set() for name in declared}
    for file, function in all_definitions():
        if function.name in declared and not function.is_static:
            places[function.name].add(file)
    undefined = {name for name, files in places.items() if not files}
    assert undefined == set(), "declared, and defined nowhere"
    allowed = {
        frozenset(f"{floor}/{name}" for floor, name in floors)
        for floors in (
            [("unix", "thread.c"), ("win", "thread.c")],
            [("unix", "wait.c"), ("win", "wait.c"), ("unix", "wait_condvar.c")],
            [("unix", "parallelism.c"), ("win", "parallelism.c")],
            [("unix", "call.c"), ("win", "call.c")],
        )
    }
    several = {name: files for name, files in places.items() if len(files) > 1}
    assert all(frozenset(files) in allowed for files in several.values()), several


def test_what_leaves_a_file_is_declared() -> None:
    declared = {
        function.name for header in (CONTRACT, *INTERNALS) for function in declared_in(header)
    }
    strays = {
        f"{file}: {function.name}"
        for file, function in all_definitions()
        if not file.startswith("python/")
        and not function.is_static
        and function.name not in declared
    }
    assert strays == set()


# ---- platform numbers ----------------------------------------------------------------------


def statuses_returned(function: Function) -> set[str]:
    """List what a function returns that looks like a number of the platform."""
    text = without_comments(function.body)
    return set(re.findall(r"return\s+(E[A-Z]+|errno|error|GetLastError\(\))\b", text))


def test_no_platform_number_is_returned() -> None:
    leaks = {
        f"{file}: {function.name}: {number}"
        for file, function in all_definitions()
        if file.startswith(("unix/", "win/", "core/")) and not function.is_static
        for number in statuses_returned(function)
    }
    assert leaks == set()


def test_the_core_knows_no_platform_number() -> None:
    for file in sorted((CSRC / "core").glob("*.[ch]")):
        text = without_comments(file.read_text(encoding="utf-8"))
        assert re.findall(r"\b(?:errno|E(?:INVAL|AGAIN|NOMEM|INTR|TIMEDOUT|PERM))\b", text) == []


# ---- tests in C ----------------------------------------------------------------------------


def test_every_function_is_used_by_a_test_in_c() -> None:
    text = "\n".join(f.read_text(encoding="utf-8") for f in sorted(C_TESTS.rglob("*.[ch]")))
    used = set(re.findall(r"\b(prs_\w+)\(", without_comments(text)))
    headers = {CONTRACT, *INTERNALS} - set(SHARED)
    declared = {function.name for header in headers for function in declared_in(header)}
    assert declared - used - NOT_IN_C_TESTS - CALLED_BY_INIT == set()


def test_every_test_in_c_is_listed() -> None:
    for file in sorted(C_TESTS.rglob("test_*.c")):
        text = file.read_text(encoding="utf-8")
        listed = re.findall(r"\bTEST\((\w+)\)", text)
        assert listed, file.name
        assert len(listed) == len(set(listed)), file.name
        # What has a test's form and is called by nobody is a test that nobody runs.
        bodies = re.findall(r"^static void (\w+)\(void\)", text, re.MULTILINE)
        uncalled = [name for name in bodies if len(re.findall(rf"\b{name}\b", text)) == 1]
        assert uncalled == [], file.name
