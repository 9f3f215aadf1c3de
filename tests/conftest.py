"""What every test gets: the installed package, a check for leaks, and a way to run a child.

Some get the built documentation, and a browser that looks at pages.
"""

from __future__ import annotations

import gc
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest

try:
    import hypothesis
except ImportError:  # the tests that need it say so
    pass
else:
    # A machine that does something else must not fail a test.
    hypothesis.settings.register_profile("project", deadline=None)
    hypothesis.settings.load_profile("project")

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tests.browser import Chromium

PROJECT = Path(__file__).resolve().parents[1]
DEADLINE_SECONDS = 10.0  # for whatever a test waits for; nothing should come near it
SITE_SECONDS = 170.0
COUNTED = ("live", "packets", "parkers")


def is_built_in_place() -> bool:
    """Tell whether the source tree itself holds the compiled modules for this Python."""
    folder = PROJECT / "pythread_rs"
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    return any((folder / f"_native{suffix}").exists() for suffix in suffixes)


def choose_package() -> None:
    """Test the source tree when it has compiled modules, else the installed package.

    `pip install .` leaves them there, and so does a build in place. A source tree without them
    must not be on the path, as `python -m pytest` would have it: it would hide the installed
    package. Children have to find the same package, whatever folder they run in.
    """
    if is_built_in_place():
        sys.path.insert(0, str(PROJECT))
        inherited = os.environ.get("PYTHONPATH")
        folders = [str(PROJECT), *([inherited] if inherited else [])]
        os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    else:
        sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != PROJECT]


choose_package()

try:
    from pythread_rs import _ffi, current
except ImportError as error:
    raise pytest.UsageError(f"install the package first: pip install '.[test]' ({error})") from None

current()  # makes the main thread's record, which stays


class Footprint(NamedTuple):
    """What the process holds of threads at one moment."""

    counts: dict[str, int]
    threads: frozenset[threading.Thread]

    @classmethod
    def now(cls) -> Footprint:
        # pytest-timeout may have a timer thread where there is no SIGALRM.
        threads = {t for t in threading.enumerate() if not t.name.startswith("pytest_timeout")}
        statistics = _ffi.statistics()
        return cls({name: statistics[name] for name in COUNTED}, frozenset(threads))

    def excess_over(self, earlier: Footprint) -> dict[str, object]:
        """Say what is there now and was not there earlier; less than earlier is no fault."""
        excess: dict[str, object] = {
            name: f"{count} instead of {earlier.counts[name]}"
            for name, count in self.counts.items()
            if count > earlier.counts[name]
        }
        if new := self.threads - earlier.threads:
            excess["threads"] = sorted(map(repr, new))
        return excess


def wait_until(condition: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> bool:
    """Wait for what has no event to wait for; return whether it came before the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def comes_back_to(start: Footprint) -> bool:
    """Wait for threads that just end; a traceback and a frame may also hold each other."""
    for seconds in (0.02, 0.5, DEADLINE_SECONDS):
        if wait_until(lambda: not Footprint.now().excess_over(start), seconds):
            return True
        gc.collect()
    return not Footprint.now().excess_over(start)


def end_global_pool() -> None:
    """End the pool of the process with the test, or the example, that made it."""
    module: Any = sys.modules.get("pythread_rs.pool._global")
    if module is not None and module._pool is not None:
        module._pool.shutdown()
        module._pool = None


def pytest_collection_finish() -> None:
    """Keep what the collection made out of sight of the garbage collector: it stays anyway.

    Each search for who refers to an object, and each collection, would go through thousands of
    tests: whole modules would take several times as long.
    """
    gc.collect()
    gc.freeze()


has_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[has_failed] = True
    return report


@pytest.fixture(autouse=True)
def nothing_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, a packet or a parker behind.

    A test that has failed is spared: pytest keeps its frames, and with them its handles.
    """
    start = Footprint.now()
    yield
    end_global_pool()
    if has_failed not in request.node.stash and not comes_back_to(start):
        pytest.fail(f"left behind: {Footprint.now().excess_over(start)}")


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., bool]:
    """Give `wait_until` to tests, which cannot import this file."""
    return wait_until


class RunChild(Protocol):
    """Run a program as a Python process of its own, warnings being errors there too."""

    def __call__(
        self, program: str, *arguments: str, **options: Any
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run_child(tmp_path: Path) -> RunChild:
    def run(program: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        settings: dict[str, Any] = {
            "cwd": tmp_path,
            "stdin": subprocess.DEVNULL,
            "capture_output": True,
            "encoding": "utf-8",
            "timeout": DEADLINE_SECONDS,
        }
        command = [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *arguments]
        return subprocess.run(command, check=False, **settings | options)

    return run


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the documentation, once for all tests; its folder."""
    for name in ("sphinx", "furo", "myst_parser"):
        pytest.importorskip(name)
    folder = tmp_path_factory.mktemp("site")
    child = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-q",
            "-W",
            "--keep-going",
            "-n",
            PROJECT / "docs",
            folder,
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=SITE_SECONDS,
        check=False,
    )
    assert (child.returncode, child.stderr) == (0, ""), child.stderr
    return folder


def browser_package() -> Any:
    """Import tests/browser, whatever the path is."""
    name = "tests_browser"
    if name not in sys.modules:
        folder = PROJECT / "tests" / "browser"
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Start a browser, which ends with the module's tests."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None or sys.platform == "win32":
        pytest.skip("needs chromium")
    browser = browser_package().Chromium(program, tmp_path_factory.mktemp("browser"))
    try:
        browser.attach()
        yield browser
    finally:
        browser.close()
