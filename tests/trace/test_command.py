"""`python -m pythread_rs trace` as a user runs it: how programs end, and what is written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pythread_rs import _ffi
from pythread_rs._cli._timeline import _targets

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trace.conftest import Record, Trace, Traced

# ---- the program --------------------------------------------------------------------------------

AS_MAIN = """
    import __main__, os, pickle, sys
    def function(): pass
    print(__name__, __file__, sys.argv, __main__.function is function, __spec__)
    print(sys.path[0] == os.path.dirname(os.path.abspath(__file__)))
    print(pickle.loads(pickle.dumps(function)) is function, os.listdir())
"""


def test_a_program_runs_as_it_does_alone(trace: Trace) -> None:
    traced = trace(AS_MAIN, "--json", "x")
    expected = (
        "__main__ program.py ['program.py', '--json', 'x'] True None\nTrue\nTrue ['program.py']\n"
    )
    assert traced.process.stdout == expected, traced.process.stderr
    assert traced.process.returncode == 0


ENDS = {
    "sys.exit": ("import sys; sys.exit(7)", 7),
    "sys.exit(text)": ("raise SystemExit('text')", 1),
    "process.exit": ("from pythread_rs import process; process.exit(8)", 8),
    "os._exit": ("import os; os._exit(9)", 9),
    "exception": ("raise ValueError('gone')", 1),
    "atexit": ("import atexit, os; atexit.register(lambda: os._exit(6))", 6),
    "process.exit on a thread": (
        "from pythread_rs import spawn, process; spawn(process.exit, 5).join()",
        5,
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_trace_is_written_however_the_program_ends(trace: Trace, end: str) -> None:
    program, status = ENDS[end]
    traced = trace(f"from pythread_rs import spawn\nspawn(len, 'ab').join()\n{program}\n")
    assert traced.process.returncode == status, traced.process.stderr
    assert ("spawn", "main", "len #2") in {arrow[:3] for arrow in traced.arrows("spawn")}
    assert traced.process.stderr.count("trace: ") == 1


def test_an_exception_is_printed_as_the_interpreter_prints_it(trace: Trace) -> None:
    program = "def fail():\n    raise ValueError('gone')\n\nfail()\n"
    traced = trace(program)
    alone = subprocess.run(
        [sys.executable, "program.py"],
        cwd=traced.folder,
        capture_output=True,
        encoding="utf-8",
        timeout=15,
        check=False,
    )
    path = str(traced.folder / "program.py")
    printed = traced.process.stderr.partition("trace: ")[0]
    assert printed == alone.stderr.replace(path, "program.py")
    assert [record["args"]["panic"] for record in panics(traced)] == ["ValueError: gone"]


def panics(traced: Traced) -> list[Record]:
    return [record for record in traced.records if record["ph"] == "i"]


INTERRUPTED = """
    import os, signal
    from pythread_rs import Builder, park
    handle = Builder(name="parked").spawn(park)
    os.kill(os.getpid(), signal.SIGINT)
    handle.join()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_ctrl_c_ends_the_program_and_writes_the_trace(trace: Trace) -> None:
    traced = trace(INTERRUPTED)
    assert traced.process.returncode == 128 + signal.SIGINT
    assert "KeyboardInterrupt" in traced.process.stderr
    run = traced.slices("run", "parked")
    assert not run or run[0]["args"]["unfinished"]


FORKING = """
    import os
    from pythread_rs import spawn
    spawn(len, "a").join()
    if os.fork() == 0:
        spawn(len, "b").join()
        os._exit(0)
    _, status = os.wait()
    print(status, os.path.exists("pythread_rs-trace.json"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_child_of_a_fork_writes_nothing(trace: Trace) -> None:
    traced = trace(
        f"import warnings; warnings.simplefilter('ignore')\n{FORKING}".replace("\n    ", "\n")
    )
    assert traced.process.stdout == "0 False\n", traced.process.stderr
    assert len(traced.arrows("spawn")) == 1


# ---- what is shown ------------------------------------------------------------------------------

WAITS = """
    from pythread_rs import Arc, Builder, Mutex, move
    from pythread_rs.sync import mpsc
    from pythread_rs.thread import sleep

    def hold(lock, ready):
        with lock:
            ready.send(None)
            while lock._waiting() == 0:
                sleep(0.001)
        raise LookupError("not there")  # PANIC

    def wait(lock):
        with lock:  # LOCK
            pass

    lock = Arc(Mutex(0))
    ready, rx = mpsc.channel()
    holder = Builder(name="holder").spawn(hold, lock.clone(), ready)
    rx.recv()
    waiter = Builder(name="waiter").spawn(wait, lock.clone())
    waiter.join()
    print(holder.join())
"""


def line_of(traced: Traced, mark: str) -> str:
    lines = (traced.folder / "program.py").read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines, start=1) if f"# {mark}" in line)
    return f"program.py:{number} in "


@pytest.fixture
def waits(trace: Trace) -> Traced:
    traced = trace(WAITS)
    assert traced.process.stdout == "Err(LookupError('not there'))\n", traced.process.stderr
    return traced


def test_a_wait_for_a_lock_is_a_bar_with_its_line(waits: Traced) -> None:
    (bar,) = waits.slices("wait: lock")
    assert waits.names[bar["tid"]] == "waiter"
    assert bar["args"]["at"] == line_of(waits, "LOCK") + "wait"
    (run,) = waits.slices("run", "waiter")
    assert run["ts"] <= bar["ts"]
    assert bar["ts"] + bar["dur"] <= run["ts"] + run["dur"]
    assert waits.slices("wait: sleep", "holder")


def test_a_panic_is_marked_with_its_line(waits: Traced) -> None:
    (panic,) = panics(waits)
    assert waits.names[panic["tid"]] == "holder"
    assert panic["args"] == {
        "panic": "LookupError: not there",
        "at": line_of(waits, "PANIC") + "hold",
    }


def test_threads_that_are_not_ours_have_lanes(trace: Trace) -> None:
    traced = trace("""
        import threading
        from pythread_rs.sync import mpsc
        tx, rx = mpsc.channel()
        thread = threading.Thread(target=lambda: tx.send(1), name="other")
        thread.start()
        thread.join()
        print(rx.recv())
    """)
    (arrow,) = traced.arrows("message")
    assert (arrow.source, arrow.target, arrow.note) == ("other", "main", "1")


def test_a_thread_that_is_used_again_has_a_lane_for_each_closure(trace: Trace) -> None:
    traced = trace("""
        from pythread_rs import Builder, thread
        for name in ("one", "two", "three"):
            Builder(name=name).spawn(thread.sleep, 0).join()
    """)
    assert list(traced.names.values()) == ["main", "one", "two", "three"]
    for name in ("one", "two", "three"):
        assert len(traced.slices("run", name)) == 1
        assert len(traced.slices("wait: sleep", name)) == 1


# ---- files and limits ---------------------------------------------------------------------------


def test_a_limit_drops_what_comes_later_and_says_so(trace: Trace) -> None:
    program = """
        from pythread_rs.sync import mpsc
        tx, rx = mpsc.channel()
        for i in range(500):
            tx.send(i)
            assert rx.recv().unwrap() == i
    """
    traced = trace(program, options=("--limit", "100"))
    assert traced.process.returncode == 0, traced.process.stderr
    dropped = traced.document["otherData"]["dropped"]
    assert dropped >= 500
    assert f"{dropped} events were dropped: --limit N takes more" in traced.process.stderr
    assert f"{dropped} events were dropped" in traced.page
    assert 10 < len(traced.arrows("message")) < 100


def test_only_a_trace_is_written_over(trace: Trace, tmp_path: Path) -> None:
    mine = tmp_path / "pythread_rs-trace.json"
    mine.write_text("something else")
    refused = trace("print('ran')")
    assert (refused.process.returncode, refused.process.stdout) == (2, "")
    assert "exists and is no trace" in refused.process.stderr
    assert mine.read_text() == "something else"
    mine.unlink()
    assert trace("print('ran')").process.stdout == "ran\n"
    assert trace("print('again')").process.stdout == "again\n"


def test_files_have_the_names_that_were_asked_for(trace: Trace, tmp_path: Path) -> None:
    options = ("--json", "a.json", "--html", "b.html")
    program = "import os; os.mkdir('elsewhere'); os.chdir('elsewhere')"
    assert trace(program, options=options).process.returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "program.py",
        "elsewhere",
        "a.json",
        "b.html",
    }


@pytest.mark.parametrize(
    ("program", "options", "text"),
    [
        ("x = (", (), "cannot compile 'program.py'"),
        ("", ("--html", "no/where.html"), "there is no such folder"),
        ("", ("--json", "."), "it is no file"),
        ("", ("--limit", "0"), "must be at least 1"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(
    trace: Trace, program: str, options: tuple[str, ...], text: str
) -> None:
    traced = trace(program, options=options)
    assert traced.process.returncode == 2
    assert text in traced.process.stderr
    assert "Traceback" not in traced.process.stderr


# ---- what is followed ---------------------------------------------------------------------------


def test_no_method_is_followed_without_the_command() -> None:
    tx, rx = _ffi.channel(_ffi.SenderBase, _ffi.ReceiverBase, -1)
    tx.send("plain")
    assert rx.recv().unwrap() == "plain"
    assert _ffi.trace_read() == ([], 0)


def test_all_that_is_followed_exists() -> None:
    for owner, names, _, _ in _targets.METHODS:
        for name in names.split():
            assert callable(getattr(owner, name)), f"{owner.__name__}.{name}"
