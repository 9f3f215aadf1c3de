"""Where the report of a panic goes when stderr, or the process, is in a bad state."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RunProgram = Callable[..., Any]

HINT = "note: run with `PYTHREAD_RS_BACKTRACE=1` environment variable to display a backtrace\n"
DEADLINE_SECONDS = 15.0


def test_without_stderr_there_is_silence(run_program: RunProgram) -> None:
    child = run_program("""
        sys.stderr = None
        quiet(spawn(panic, "boom").join)
        print("main goes on")
    """)
    assert (child.returncode, child.stdout, child.stderr) == (0, "main goes on\n", "")


def test_a_closed_stderr_is_written_past(run_program: RunProgram) -> None:
    child = run_program("""
        sys.stderr.close()
        quiet(spawn(panic, "bo\\udc80m").join)
        os._exit(0)
    """)
    assert child.printed().endswith(f":\nbo\\udc80m\n{HINT}")


@pytest.mark.parametrize("method", ["write", "flush"])
def test_a_stderr_that_raises_is_written_past(run_program: RunProgram, method: str) -> None:
    child = run_program(f"""
        class Broken:
            write = flush = staticmethod(lambda *_: None)
        Broken.{method} = staticmethod(lambda *_: 1 / 0)
        sys.stderr = Broken()
        quiet(spawn(panic, "boom").join)
        sys.stderr = sys.__stderr__  # Python's own exit would stumble over it
    """)
    assert child.printed().endswith(f":\nboom\n{HINT}")


def test_a_process_without_descriptor_2_leaves_the_next_file_alone(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "file = os.open('data', os.O_RDWR | os.O_CREAT)\n"
        "assert file == 2\n"
        "class Broken:\n"
        "    write = flush = None\n"
        "from pythread_rs import spawn\n"
        "from pythread_rs.panic import panic\n"
        "for sys.stderr in (None, Broken()):\n"
        "    assert spawn(panic).join().is_err()\n"
        "sys.stderr = None\n"
        "print(os.fstat(2).st_size)\n"
    )
    child = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, program],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (child.returncode, child.stdout) == (0, "0\n")


def test_each_report_is_one_write(run_program: RunProgram) -> None:
    child = run_program(
        """
        class Counting:
            def __init__(self): self.texts = []
            def write(self, text): self.texts.append(text)
            def flush(self): pass
        sys.stderr = Counting()
        start = threading.Barrier(8)
        def work(number):
            start.wait(10)
            panic(f"boom {number}")
        for handle in [spawn(work, number) for number in range(8)]:
            quiet(handle.join)
        texts = sys.stderr.texts
        assert len(texts) == 8, len(texts)
        for text in texts:
            assert text.startswith("\\nthread"), text
            assert text.count("panicked at") == 1, text
        """,
        backtrace="1",
    )
    assert child.returncode == 0, child.stderr


def test_a_stderr_that_panics_itself_does_not_block(run_program: RunProgram) -> None:
    child = run_program("""
        class Nested:
            depth = 0
            def write(self, text):
                if self.depth == 0:
                    self.depth = 1
                    quiet(lambda: catch_unwind(panic, "inner"))
                sys.__stderr__.write(text)
            def flush(self):
                sys.__stderr__.flush()
        sys.stderr = Nested()
        quiet(spawn(panic, "outer").join)
    """)
    first, second = child.printed().split("\n\n")
    assert first.endswith(":\ninner\nthread panicked while processing panic.")
    assert second.endswith(f":\nouter\n{HINT}")


STUCK = """
    inside, never = threading.Event(), threading.Event()
    class Stuck:
        def write(self, text):
            if threading.current_thread() is not threading.main_thread():
                inside.set()
                never.wait()
            sys.__stderr__.write(text)
        def flush(self):
            sys.__stderr__.flush()
    sys.stderr = Stuck()
    spawn(panic, "stuck").detach()
    assert inside.wait(10)
"""


def test_a_fork_while_another_thread_writes_does_not_block_the_child(
    run_program: RunProgram,
) -> None:
    fork = """
        import warnings
        from pythread_rs.panic import _output
        warnings.simplefilter("ignore", DeprecationWarning)
        assert not _output._lock.acquire(blocking=False)
        if os.fork() == 0:
            print(_output._lock.acquire(blocking=False), flush=True)
            quiet(lambda: catch_unwind(panic, "in the child"))
            os._exit(0)
        assert os.wait()[1] == 0
    """
    child = run_program(textwrap.dedent(STUCK) + textwrap.dedent(fork))
    assert child.stdout == "True\n"
    assert ":\nin the child\n" in child.printed()


def test_a_fork_while_another_thread_sets_a_hook_does_not_block_the_child(
    run_program: RunProgram,
) -> None:
    child = run_program("""
        import warnings
        from pythread_rs.panic import _hook
        warnings.simplefilter("ignore", DeprecationWarning)
        held, over = threading.Event(), threading.Event()
        def hold():
            with _hook._lock:
                held.set()
                over.wait()
        spawn(hold).detach()
        assert held.wait(10)
        if os.fork() == 0:
            set_hook(lambda info: print(info.message, flush=True))
            quiet(lambda: catch_unwind(panic, "in the child"))
            os._exit(0)
        assert os.wait()[1] == 0
    """)
    assert (child.stdout, child.printed()) == ("in the child\n", "")


def test_a_thread_that_writes_for_ever_does_not_block_the_exit(run_program: RunProgram) -> None:
    child = run_program(
        textwrap.dedent(STUCK) + "import atexit\n"
        "atexit.register(lambda: quiet(lambda: catch_unwind(panic, 'late')))\n"
    )
    assert ":\nlate\n" in child.printed()


def test_a_signal_handler_may_panic_while_its_thread_writes(run_program: RunProgram) -> None:
    child = run_program("""
        class Signalling:
            sent = False
            def write(self, text):
                if not self.sent:
                    self.sent = True
                    signal.raise_signal(signal.SIGUSR1)
                sys.__stderr__.write(text)
            def flush(self):
                sys.__stderr__.flush()
        signal.signal(signal.SIGUSR1, lambda *_: quiet(lambda: catch_unwind(panic, "handler")))
        sys.stderr = Signalling()
        quiet(lambda: catch_unwind(panic, "main"))
    """)
    errors = child.printed()
    assert ":\nhandler\nthread panicked while processing panic.\n" in errors
    assert f":\nmain\n{HINT}" in errors


def test_a_panic_after_the_exit_has_begun_is_not_reported(run_program: RunProgram) -> None:
    """Or a thread that the exit cuts off would spoil the output of a program that went well."""
    child = run_program("""
        import atexit
        from pythread_rs._runtime import _exit
        begun = threading.Event()
        def work():
            begun.wait()
            panic("late")
        handle = spawn(work)
        def late():
            begun.set()
            print(type(handle.join(10).unwrap_err().__context__))
        # Callbacks run last in, first out; this one has to run after the package's own.
        atexit.unregister(_exit._at_exit)
        atexit.register(late)
        atexit.register(_exit._at_exit)
    """)
    assert (child.printed(), child.stdout) == ("", "<class 'NoneType'>\n")


def test_thirty_threads_set_take_and_panic(run_program: RunProgram) -> None:
    child = run_program(
        """
        start = threading.Barrier(30)
        def change(f):
            def work():
                start.wait(10)
                for _ in range(10):
                    f()
            return work
        def panicking():
            quiet(lambda: catch_unwind(panic, "boom"))
        setting = lambda: set_hook(lambda info: None)
        sys.setswitchinterval(1e-6)
        work = [setting, take_hook, panicking] * 10
        for handle in [spawn(change(f)) for f in work]:
            handle.join(10).unwrap()
        take_hook()
        print("done")
        """
    )
    assert (child.returncode, child.stdout) == (0, "done\n")
    report = r"\nthread '<unnamed>' \(TID\) panicked at _panic\.py:\d+:5:\nboom\n"
    assert re.fullmatch(f"({report}({re.escape(HINT)})?)*", child.printed())
