"""`process.exit`: the process ends at once, from any thread."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import process

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    RunChild = Callable[..., subprocess.CompletedProcess[str]]

any_exit: Any = process.exit


@pytest.mark.parametrize(("code", "status"), [(0, 0), (7, 7), (255, 255), (256, 0), (-1, 255)])
def test_the_code_is_the_exit_status(run_child: RunChild, code: int, status: int) -> None:
    child = run_child(f"from pythread_rs import process; process.exit({code})")
    assert (child.returncode, child.stderr) == (status, "")


def test_without_a_code_it_is_success(run_child: RunChild) -> None:
    child = run_child("from pythread_rs import process; process.exit(); print('never')")
    assert (child.returncode, child.stdout) == (0, "")


def test_it_ends_the_process_from_any_thread(run_child: RunChild) -> None:
    child = run_child(
        """
        import threading
        from pythread_rs import park, process, spawn
        spawn(park)
        spawn(process.exit, 3)
        threading.Event().wait(10)
        """
    )
    assert (child.returncode, child.stderr) == (3, "")


def test_python_runs_no_exit_steps(run_child: RunChild) -> None:
    child = run_child(
        """
        import atexit, threading
        from pythread_rs import process
        atexit.register(print, "atexit")
        threading.Thread(target=threading.Event().wait, args=(10,)).start()
        try:
            process.exit(4)
        finally:
            print("finally")
        """
    )
    assert (child.returncode, child.stdout, child.stderr) == (4, "", "")


def test_what_was_written_is_flushed(run_child: RunChild) -> None:
    child = run_child(
        """
        import sys
        from pythread_rs import process
        sys.stdout.write("out")
        sys.stderr.write("err")
        process.exit(0)
        """,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    assert (child.stdout, child.stderr) == ("out", "err")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("state", ["sys.{0}.close()", "sys.{0} = None"])
def test_streams_that_are_gone_do_no_harm(run_child: RunChild, stream: str, state: str) -> None:
    broken = state.format(stream)
    child = run_child(f"import sys; from pythread_rs import process; {broken}; process.exit(5)")
    assert (child.returncode, child.stdout, child.stderr) == (5, "", "")


@pytest.mark.parametrize("where", ["main", "thread"])
def test_thread_locals_of_the_caller_are_destroyed(run_child: RunChild, where: str) -> None:
    call = {"main": "leave()", "thread": "spawn(leave).join()"}[where]
    child = run_child(
        f"""
        import os
        from pythread_rs import process, spawn, thread_local

        class Value:
            def __del__(self):
                os.write(1, b"destroyed")

        KEY = thread_local(Value)

        def leave():
            KEY.get()
            process.exit(0)

        {call}
        """
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "destroyed", "")


@pytest.mark.parametrize("code", ["1", None, 1.0, [1]], ids=repr)
def test_what_is_no_code_is_refused_and_nothing_ends(code: Any) -> None:
    with pytest.raises(TypeError, match="an exit code is an int"):
        any_exit(code)
    assert sys.stdout is not None
