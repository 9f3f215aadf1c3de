"""Subinterpreters: one clear ImportError inside, and nothing changes for the main interpreter.

Each program runs as a child: CPython 3.12 has aborted in subinterpreters that import some of its
own modules, and a test process must not.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    RunChild = Callable[..., subprocess.CompletedProcess[str]]

KINDS = ("isolated", "legacy")  # with a GIL of its own (from 3.12 on), and with the shared one

INTERPRETERS = """
import os
import sys

try:
    import _interpreters as interpreters  # 3.13 and later
except ImportError:
    import _xxsubinterpreters as interpreters

def run_inside(kind, code):
    if hasattr(interpreters, "exec"):
        made = interpreters.create(kind)
        failure = interpreters.exec(made, code)
        if failure is not None:
            raise RuntimeError(failure.formatted)
    else:
        made = interpreters.create(isolated=kind == "isolated")
        interpreters.run_string(made, code)
    interpreters.destroy(made)

TRY_IMPORT = '''
import os
import sys
try:
    import pythread_rs
except ImportError as error:
    text = str(error)
else:
    text = "it was imported"
loaded = [name for name in ("_cffi_backend", "pythread_rs._native") if name in sys.modules]
os.write(1, f"{text} {loaded}\\\\n".encode())
'''
kind = sys.argv[1]
"""

REFUSAL = (
    "pythread_rs works in the main interpreter only: it cannot be imported in a subinterpreter []"
)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_import_fails_before_that_of_cffi(kind: str, run_child: RunChild) -> None:
    program = INTERPRETERS + "run_inside(kind, TRY_IMPORT)\nrun_inside(kind, TRY_IMPORT)"
    done = run_child(program, kind)
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == ([REFUSAL] * 2, "", 0)


def test_the_import_fails_when_the_main_interpreter_uses_the_package(
    kind: str, run_child: RunChild
) -> None:
    program = "import pythread_rs" + INTERPRETERS + "run_inside(kind, TRY_IMPORT)"
    done = run_child(program, kind)
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == ([REFUSAL], "", 0)


def test_threads_of_the_main_interpreter_are_unaffected(kind: str, run_child: RunChild) -> None:
    """One that waits meanwhile, one on the worker that waits meanwhile, and new ones."""
    program = """
    from pythread_rs import park, spawn

    def where():
        return interpreters.get_current() == interpreters.get_main()

    def wait():
        park()
        return where()

    def check(handles):
        assert all(handle.join().unwrap() for handle in handles)

    waiting = spawn(wait)
    check([spawn(where)])
    run_inside(kind, TRY_IMPORT)
    check([spawn(where) for _ in range(20)])
    waiting.thread.unpark()
    check([waiting])
    """
    done = run_child(INTERPRETERS + dedented(program), kind)
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == ([REFUSAL], "", 0)


def test_a_thread_can_run_a_subinterpreter(kind: str, run_child: RunChild) -> None:
    """The thread comes back with its own state, and so does the next one on the same worker."""
    program = """
    import threading
    from pythread_rs import spawn

    def work():
        before = threading.current_thread()
        run_inside(kind, "import os; os.write(1, b'inside\\\\n')")
        return threading.current_thread() is before

    assert spawn(work).join().unwrap()
    assert spawn(work).join().unwrap()
    """
    done = run_child(INTERPRETERS + dedented(program), kind)
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (["inside"] * 2, "", 0)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters came with 3.14")
def test_the_public_module_shows_the_refusal(run_child: RunChild) -> None:
    program = """
    from concurrent import interpreters

    inside = interpreters.create()
    try:
        inside.exec("import pythread_rs")
    except interpreters.ExecutionFailed as failure:
        print(failure.excinfo.type.__name__, failure.excinfo.msg)
    inside.close()
    """
    done = run_child(program)
    assert (done.stdout, done.returncode) == (f"ImportError {REFUSAL.removesuffix(' []')}\n", 0)


def dedented(program: str) -> str:
    """Take the indentation off, for a program that goes behind another one."""
    return "\n".join(line.removeprefix("    ") for line in program.splitlines())
