"""The plugin of pytest, in a pytest of its own: which tests `no_leaked_threads` fails, and how."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[1]
DEADLINE_SECONDS = 50.0  # a pytest of its own: some seconds, more on a busy machine

# `# BORN name` marks the line that the report of test_name has to give.
TESTS = """
import ctypes
import threading
from pythread_rs import Builder, native, park, scope, spawn
from pythread_rs.pool import par_map
import pytest

@pytest.fixture
def event():
    event = threading.Event()
    yield event
    event.set()

@pytest.fixture
def background(event):
    threading.Thread(target=event.wait, name="background").start()

def test_joined(no_leaked_threads):
    spawn(sum, [1, 2]).join()
    with scope() as s:
        s.spawn(sum, [1])
    thread = threading.Thread(target=sum, args=([1],))
    thread.start()
    thread.join()

def test_detached_and_soon_over(no_leaked_threads):
    spawn(sum, [1, 2])

def test_pool_that_stays(no_leaked_threads):
    assert par_map(abs, [-1, 2]) == [1, 2]

def test_there_before(background, no_leaked_threads):
    pass

def test_without_the_fixture():
    spawn(park)

def test_ours(no_leaked_threads):
    Builder(name="worker").spawn(park)  # BORN ours

def grandparent():
    Builder(name="grandchild").spawn(park)  # BORN child
    park()

def test_child(no_leaked_threads):
    spawn(grandparent)

def test_threading(event, no_leaked_threads):
    threading.Thread(target=event.wait, name="theirs", daemon=True).start()  # BORN threading

def test_native(no_leaked_threads):
    wait = ctypes.CDLL(None).usleep
    wait.argtypes, wait.restype = [ctypes.c_uint], ctypes.c_int
    native.spawn(wait, 3_000_000)

def test_failed_already(no_leaked_threads):
    spawn(park)
    assert not "reached"
"""
pytestmark = pytest.mark.timeout(2 * DEADLINE_SECONDS)
LEFT = "threads that the test started still run"


def run_pytest(folder: Path, *options: str) -> str:
    """Run the file; the plugin is named, as a package built in place has no entry points."""
    (folder / "pytest.ini").write_text("[pytest]\nleaked_threads_seconds = 0.3\n")
    command = [sys.executable, "-m", "pytest", "-p", "pytest_pythread_rs", "-p", "no:cacheprovider"]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    if (PROJECT / "pytest_pythread_rs.py").exists():
        found = [str(PROJECT), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, found))
    outcome = subprocess.run(
        [*command, *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert outcome.returncode in {0, 1}, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "test_app.py").write_text(TESTS, "utf-8")
    return run_pytest(folder, "-v", "test_app.py")


def outcomes(output: str) -> dict[str, str]:
    """Return test -> the last outcome that pytest -v gave it."""
    return dict(re.findall(r"^test_app\.py::(\w+) .*?(PASSED|FAILED|ERROR)", output, re.MULTILINE))


def report(output: str, test: str) -> str:
    """Return what stands below the headline of a test's error."""
    found = re.search(
        rf"^_+ ERROR at teardown of {test} _+\n(.*?)^[_=]+ ", output, re.MULTILINE | re.DOTALL
    )
    assert found is not None, output
    return found[1]


def born(name: str) -> int:
    """Return the number of a marked line."""
    lines = enumerate(TESTS.splitlines(), start=1)
    return next(number for number, line in lines if line.endswith(f"# BORN {name}"))


ERRORS = {"test_ours", "test_child", "test_threading", "test_native"}


def test_exactly_those_that_leave_a_thread_have_an_error(output: str) -> None:
    assert set(re.findall(r"ERROR at teardown of (\w+)", output)) == ERRORS
    assert output.count(LEFT) >= len(ERRORS)


def test_the_others_are_what_they_were(output: str) -> None:
    assert re.search(r"\b1 failed, 9 passed, 4 errors in", output), output
    assert outcomes(output)["test_failed_already"] == "FAILED"


@pytest.mark.parametrize(
    ("test", "thread", "kind"),
    [
        ("ours", "worker", "pythread_rs"),
        ("child", "grandchild", "pythread_rs"),
        ("threading", "theirs", "threading"),
    ],
)
def test_the_report_names_the_thread_and_the_line(
    output: str, test: str, thread: str, kind: str
) -> None:
    place = rf"\S*test_app\.py:{born(test)} in \w+"
    pattern = rf"^  '{thread}' \({kind}\), started at {place}, now at \S+:\d+ in \w+$"
    assert re.search(pattern, report(output, f"test_{test}"), re.MULTILINE)


def test_the_report_says_where_a_thread_is(output: str) -> None:
    assert re.search(
        rf"started at .*, now at \S*test_app\.py:{born('child') + 1} in grandparent",
        report(output, "test_child"),
    )


def test_c_functions_are_counted(output: str) -> None:
    assert "\n  1 of pythread_rs.native, in a C function\n" in report(output, "test_native")


def test_pytest_alone_does_not_import_the_package(tmp_path: Path) -> None:
    (tmp_path / "test_light.py").write_text(
        "import sys\ndef test_light():\n    assert 'pythread_rs' not in sys.modules\n", "utf-8"
    )
    assert "1 passed" in run_pytest(tmp_path)


def test_nothing_of_a_spawn_is_changed_afterwards(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    child = run_child(
        """
        import threading
        from pythread_rs._runtime import _start, _threading
        from pythread_rs._runtime._births import Births
        places = [(_start, "ThreadInfo"), (_threading, "register"), (threading.Thread, "start")]
        before = [getattr(*place) for place in places]
        with Births(), Births():
            assert before[0] is not _start.ThreadInfo
        assert before == [getattr(*place) for place in places]
        """
    )
    assert (child.returncode, child.stderr) == (0, "")


def test_a_thread_that_was_started_before_is_none_of_the_block(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """It may begin within the block, in which it then shows itself to `threading`."""
    child = run_child(
        """
        import sys, threading
        from pythread_rs import park, spawn
        from pythread_rs._runtime._births import Births
        sys.setswitchinterval(10)  # the thread does not begin before this one waits
        handle = spawn(park)
        with Births() as births:
            while len(threading.enumerate()) < 2:
                threading.Event().wait(0.001)
            print(births.left(), births.native_left())
            handle.thread.unpark()
            handle.join()
        """
    )
    assert (child.stdout, child.stderr) == ("[] 0\n", "")


def test_blocks_within_each_other_both_see_a_thread(
    run_child: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    child = run_child(
        """
        import threading
        from pythread_rs import park, spawn
        from pythread_rs._runtime._births import Births
        event = threading.Event()
        with Births() as outer:
            with Births() as inner:
                handle = spawn(park)
                threading.Thread(target=event.wait).start()
                while len(inner.left()) < 2:
                    pass
                print(len(inner.left()), len(outer.left()))
                print({line.started_at for line in inner.left()}
                      == {line.started_at for line in outer.left()})
                event.set()
                handle.thread.unpark()
                handle.join()
        """
    )
    assert (child.stdout, child.stderr) == ("2 2\nTrue\n", "")


def test_the_package_does_not_know_pytest() -> None:
    import pythread_rs

    files = sorted(Path(pythread_rs.__file__).parent.rglob("*.py"))
    assert len(files) > 30
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any("pytest" in name for name in names), file
