"""What the lifecycle tests share: storms, programs with cases, and how many runs make sense."""

from __future__ import annotations

import ast
import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
# They wait in one and the same C function, so that a fifth of the runs of each is enough.
OF_CHANNELS = {
    *("channel", "channel_recv", "channel_send"),
    *("recv", "recv_timeout", "for", "send", "send_timeout", "rendezvous"),
}
# Hundreds of runs for each kind of storm: one in CI, and none when nobody asked, which gives a few.
# The other Pythons of the matrix run a sixth of that.
STRESS = float(
    os.environ.get("PYTHREAD_RS_STORMS")
    or os.environ.get("PYTHREAD_RS_STRESS")
    or 1.0 * (os.environ.get("CI") == "true")
)
CASE_SECONDS = 30.0  # for one child; nothing should come near it
RUN_SECONDS = 2.0  # for one run of a storm, on a machine that others use too


# -- Which tests there are. ------------------------------------------------------------------------


def cases_in(program: str) -> list[str]:
    """List the cases of a program: its functions whose names begin with `case_`."""
    tree = ast.parse((PROGRAMS / program).read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name.removeprefix("case_") for name in names if name.startswith("case_")]


def kinds_of(storm: str) -> tuple[str, ...]:
    """List the kinds of a storm, which is a script and no part of a package."""
    spec = importlib.util.spec_from_file_location("lifecycle_storm", HERE / "storm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    kinds: tuple[str, ...] = module.STORMS[storm].kinds
    return kinds


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test of each case, or each kind, of what the test module names."""
    module: Any = metafunc.module
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", cases_in(module.PROGRAM))
    if "storm_kind" in metafunc.fixturenames:
        metafunc.parametrize("storm_kind", kinds_of(module.STORM))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests that start children the time that the children have."""
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        if "run_storm" in names:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(_storm_seconds() + 10))
        elif {"run_python", "terminal", "kernel"} & set(names):
            item.add_marker(pytest.mark.timeout(CASE_SECONDS + 10))


def _storm_seconds() -> float:
    return 60 + 100 * STRESS * RUN_SECONDS


# -- How they run. ---------------------------------------------------------------------------------


class RunPython(Protocol):
    """Run Python as a child; one that hangs tells where its threads are, and fails the test."""

    def __call__(
        self, *arguments: str, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run_python(tmp_path: Path) -> RunPython:
    def run(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-X", "faulthandler", *arguments]
        options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        # Streams without a buffer would have no lock that a thread can take with it.
        options["env"] = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
        with subprocess.Popen(command, cwd=tmp_path, encoding="utf-8", **options) as process:
            try:
                out, err = process.communicate(stdin, timeout=CASE_SECONDS)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)
                out, err = process.communicate(timeout=5)
                pytest.fail(f"{' '.join(arguments)} hangs\n{out}\n{err}")
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    return run


@pytest.fixture
def run_case(request: pytest.FixtureRequest, run_python: RunPython) -> Callable[[str], None]:
    """Run one case of the module's program. The case checks itself; an assertion is on stderr."""

    def run(case: str) -> None:
        program = str(PROGRAMS / request.module.PROGRAM)
        done = run_python("-W", "error", program, case)
        assert (done.returncode, done.stderr) == (0, "")

    return run


@pytest.fixture
def output_of(run_python: RunPython) -> Callable[..., str]:
    """Run a program that must end well and without a word on stderr; return what it printed."""

    def run(program: str, *flags: str, status: int = 0) -> str:
        done = run_python("-W", "error", *flags, "-c", textwrap.dedent(program))
        assert (done.returncode, done.stderr) == (status, "")
        return done.stdout

    return run


@pytest.fixture
def run_storm(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run one kind of the module's storm; the failures come with a command to run them again."""

    def run(kind: str, *, few: int) -> None:
        runs = str(int((20 if kind in OF_CHANNELS else 100) * STRESS) or few)
        command = [sys.executable, str(HERE / "storm.py"), request.module.STORM]
        done = subprocess.run(
            [*command, "--kinds", kind, "--runs", runs],
            capture_output=True,
            encoding="utf-8",
            timeout=_storm_seconds(),
        )
        assert (done.returncode, done.stderr) == (0, ""), f"{done.stdout}\n{done.stderr}"

    return run
