"""Exit: the process ends at once and in silence, whatever its threads are doing.

`python tests/lifecycle/storm.py exit --runs 5000` runs more of the same.
"""

from __future__ import annotations

import shutil
import subprocess
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STORM = "exit"


def test_no_crash_no_hang_no_noise(storm_kind: str, run_storm: Callable[..., None]) -> None:
    run_storm(storm_kind, few=7)


# -- What is kept and what is not. -----------------------------------------------------------------


def test_all_that_the_main_thread_printed_arrives(output_of: Callable[..., str]) -> None:
    """The streams are exchanged at exit, because a thread may hold the lock of the old ones."""
    said = output_of("""
        import atexit
        atexit.register(lambda: print("last"))  # runs when the streams have been exchanged
        import sys
        from pythread_rs import park, spawn
        spawn(park)
        for number in range(5000):
            print(number)
        sys.stdout.write("häßlich")
        atexit.register(lambda: print("!"))
        """)
    lines = said.splitlines()
    assert lines[:5000] == [str(number) for number in range(5000)]
    assert lines[5000:] == ["häßlich!", "last"]


@pytest.mark.parametrize("where", ["stdout", "stderr"])
def test_a_stream_of_the_users_is_left_alone(where: str, output_of: Callable[..., str]) -> None:
    said = output_of(f"""
        import atexit, io, os, sys
        mine = sys.{where} = io.StringIO()
        atexit.register(lambda: os.write(1, repr((sys.{where} is mine, mine.getvalue())).encode()))
        from pythread_rs import park, spawn
        spawn(park)
        print("text", file=sys.{where})
        """)
    assert said == repr((True, "text\n"))


def test_a_thread_is_cut_off_without_its_finally_blocks(output_of: Callable[..., str]) -> None:
    said = output_of("""
        import threading
        from pythread_rs import park, spawn
        started = threading.Event()
        class Loud:
            def __exit__(self, *_): print("exit")
            def __enter__(self): started.set()
        def work():
            try:
                with Loud():
                    park()
            finally:
                print("finally")
        handle = spawn(work)
        started.wait()
        """)
    assert said == ""


def test_process_exit_runs_nothing_but_thread_locals(output_of: Callable[..., str]) -> None:
    said = output_of(
        """
        import atexit
        from pythread_rs import park, process, spawn, thread_local
        class Loud:
            def __init__(self, text): self.text = text
            def __del__(self): print(self.text)
        atexit.register(print, "atexit")
        spawn(park)
        key = thread_local(lambda: Loud("thread-local"))
        key.get()
        other = Loud("object")
        try:
            process.exit(7)
        finally:
            print("finally")
        """,
        status=7,
    )
    assert said == "thread-local\n"


def test_thread_locals_of_the_main_thread_go_first(output_of: Callable[..., str]) -> None:
    said = output_of("""
        from pythread_rs import spawn, thread_local
        class Loud:
            def __del__(self): print(spawn(str, "closed").join())
        key = thread_local(Loud)
        key.get()
        """)
    assert said == "Ok('closed')\n"


def test_threads_of_threading_may_spawn_until_they_are_joined(
    output_of: Callable[..., str],
) -> None:
    said = output_of("""
        import threading
        from pythread_rs import spawn
        main = threading.main_thread()
        def work():
            main.join()
            print(spawn(sum, [1, 2]).join())
        threading.Thread(target=work).start()
        """)
    assert said == "Ok(3)\n"


CPP = """
    extern "C" void call(void (*f)()) noexcept { f(); }
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_cpp_frames_below_a_wait_do_not_abort(
    tmp_path: Path, output_of: Callable[..., str]
) -> None:
    """CPython up to 3.13 ends a thread by unwinding it, which `noexcept` answers by abort."""
    source, library = tmp_path / "call.cpp", tmp_path / "call.so"
    source.write_text(CPP)
    subprocess.run(["g++", "-shared", "-fPIC", "-o", library, source], check=True)
    said = output_of(f"""
        import ctypes, sys, time
        from pythread_rs import Builder, park, sleep
        call = ctypes.CDLL({str(library)!r}).call
        callback = ctypes.CFUNCTYPE(None)(park)
        class Late:
            def __del__(self, sleep=time.sleep):
                for handle in self.handles:
                    handle.thread.unpark()
                sleep(0.1)  # they come back now, while the interpreter finalizes
        late = Late()
        late.handles = [Builder().spawn_unchecked(call, callback) for _ in range(4)]
        while [f.f_code.co_name for f in sys._current_frames().values()].count("park") < 4:
            sleep(0.001)
        sleep(0.1)  # for the last steps into the wait
        """)
    assert said == ""


# -- Hosts. ----------------------------------------------------------------------------------------


def test_pytest_ends_with_threads_of_a_test_alive(
    tmp_path: Path, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    tests = tmp_path / "test_child.py"
    tests.write_text(
        textwrap.dedent("""
        import sys
        import pytest
        from pythread_rs import park, sleep, spawn

        def compute():
            while True:
                sum(range(1000))

        def print_for_ever():
            while True:
                print("in the background", file=sys.stderr)

        @pytest.mark.parametrize("f", [compute, park, print_for_ever])
        def test_leaves_threads(f):
            for _ in range(2):
                spawn(f)

        def test_fails():
            handle = spawn(park)
            assert handle.is_finished()
        """),
        encoding="utf-8",
    )
    done = run_python("-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests))
    assert done.returncode == 1, done.stdout
    assert "1 failed, 3 passed" in done.stdout
    assert done.stderr.replace("in the background", "").strip() == ""
