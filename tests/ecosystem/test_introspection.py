"""What looks at threads from outside: stack dumps and py-spy; debuggers are in test_debugpy."""

from __future__ import annotations

import faulthandler
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, park, spawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from pythread_rs import JoinHandle

    WaitUntil = Callable[[Callable[[], bool]], bool]

SECONDS = 60.0  # for tools that start processes


def stays_in_a_function_to_be_found() -> None:
    park()


def parked(wait_until: WaitUntil) -> tuple[JoinHandle[None], int]:
    """Start a thread and wait until it is in that function; return its ident too."""
    handle = Builder(name="seen").spawn(stays_in_a_function_to_be_found)

    def found() -> list[int]:
        return [
            ident
            for ident, frame in sys._current_frames().items()
            if stays_in_a_function_to_be_found.__name__ in names_of_calls(frame)
        ]

    assert wait_until(lambda: bool(found()))
    return handle, found()[0]


def names_of_calls(frame: Any) -> list[str]:
    names: list[str] = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names


def end(handle: JoinHandle[None]) -> None:
    handle.thread.unpark()
    handle.join().unwrap()


# -- Stacks. ---------------------------------------------------------------------------------------


def test_current_frames_has_a_thread_that_runs_and_none_that_is_parked_idle(
    wait_until: WaitUntil,
) -> None:
    handle, ident = parked(wait_until)
    (thread,) = [t for t in threading.enumerate() if t.name == "seen"]
    assert thread.ident == ident
    end(handle)
    names = [name for frame in sys._current_frames().values() for name in names_of_calls(frame)]
    assert stays_in_a_function_to_be_found.__name__ not in names


def test_current_exceptions_has_what_a_thread_handles(wait_until: WaitUntil) -> None:
    def handles_one() -> None:
        try:
            raise LookupError("being handled")
        except LookupError:
            park()

    handle = spawn(handles_one)
    assert wait_until(lambda: "being handled" in shown_exceptions())
    end(handle)
    assert "being handled" not in shown_exceptions()


def shown_exceptions() -> str:
    return repr(list(sys._current_exceptions().values()))


def test_faulthandler_dumps_our_threads(wait_until: WaitUntil) -> None:
    handle, ident = parked(wait_until)
    with tempfile.TemporaryFile("w+") as stream:
        faulthandler.dump_traceback(stream, all_threads=True)
        stream.seek(0)
        dumped = stream.read()
    end(handle)
    (ours,) = [part for part in dumped.split("\n\n") if f"{ident:#018x}"[2:] in part]
    assert "in stays_in_a_function_to_be_found" in ours


def test_faulthandler_dumps_a_worker_that_is_parked_idle() -> None:
    """It has a thread state and no frame: the dump must not stumble over it."""
    spawn(int).join().unwrap()
    with tempfile.TemporaryFile("w+") as stream:
        faulthandler.dump_traceback(stream, all_threads=True)
        stream.seek(0)
        assert "test_faulthandler_dumps_a_worker" in stream.read()


# -- py-spy. ---------------------------------------------------------------------------------------


def py_spy() -> str:
    """Return the program, or skip."""
    beside = Path(sys.executable).parent / "py-spy"
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        pytest.skip("py-spy is not installed")
    return found


SPIED = """
import sys, time
from pythread_rs import Builder, park

def stays_in_a_function_to_be_found():
    park()

handle = Builder(name="spied").spawn(stays_in_a_function_to_be_found)
while not any(
    frame.f_code.co_name == "park" for frame in sys._current_frames().values()
):
    time.sleep(0.001)
print("ready", flush=True)
sys.stdin.read()
handle.thread.unpark()
print(handle.join())
"""


@pytest.mark.timeout(SECONDS + 10)
def test_py_spy_dumps_our_threads(tmp_path: Path) -> None:
    program = py_spy()
    child = subprocess.Popen(
        [sys.executable, "-c", SPIED],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    with child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "ready\n"
            dump = [program, "dump", "--pid", str(child.pid)]
            done = subprocess.run(
                dump, capture_output=True, encoding="utf-8", timeout=SECONDS, check=False
            )
            left, _ = child.communicate(timeout=SECONDS)
        finally:
            child.kill()
    if re.search("permission denied|not permitted", done.stderr, re.IGNORECASE):
        pytest.skip("py-spy is not allowed to look into other processes (ptrace)")
    assert done.returncode == 0, done.stderr
    assert "stays_in_a_function_to_be_found" in done.stdout
    if sys.version_info < (3, 13):  # py-spy 0.4 finds no names after 3.12, not even MainThread
        assert '"spied"' in done.stdout
    assert left == "Ok(None)\n"
