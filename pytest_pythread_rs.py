"""A plugin of pytest: the fixture `no_leaked_threads`.

It is a module of its own, so that pytest imports neither the package nor anything else for those
who do not use the fixture, and so that the package does not know pytest.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from pythread_rs._runtime._births import Births

__all__ = ["no_leaked_threads"]

SETTING = "leaked_threads_seconds"
SECONDS = 1.0  # not measured: a thread that is about to end takes milliseconds
NAP = 0.002
HARNESS = "pytest_timeout"  # its watch is no thread of the test

_has_failed = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting of how long a thread may take to end."""
    text = "seconds that no_leaked_threads waits for threads that are about to end"
    parser.addini(SETTING, text, default=str(SECONDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note that a test has failed."""
    report = yield
    if report.failed:
        item.stash[_has_failed] = True
    return report


@pytest.fixture
def no_leaked_threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test if a thread that it started still runs when it ends.

    Threads of pythread_rs count, those of `threading`, and C functions on threads of
    `pythread_rs.native`. The report names each one, the line that started it and the line where it
    is. Not counted: what ran before, the workers of the global pool, and threads that end within
    the setting `leaked_threads_seconds` (1 by default). A test that has failed already is spared,
    as its failure may be why a thread waits for ever.
    """
    from pythread_rs._runtime._births import Births

    with Births() as births:
        yield
        node: object = getattr(request, "node", None)  # it is not annotated
        if isinstance(node, pytest.Item) and _has_failed in node.stash:
            return
        # Inside of the block: a thread may have been started and not have begun yet.
        if not _all_end(births, float(request.config.getini(SETTING))):
            pytest.fail(_report(births), pytrace=False)


def _all_end(births: Births, seconds: float) -> bool:
    """Wait for what just ends; a handle in a cycle of garbage may keep a thread waiting, too."""
    deadline = time.monotonic() + seconds
    while births.starting() or _left(births) or births.native_left():
        if time.monotonic() >= deadline:
            gc.collect()
            return not births.starting() and not _left(births) and not births.native_left()
        time.sleep(NAP)
    return True


def _left(births: Births) -> list[str]:
    return [str(one) for one in births.left() if not one.thread.name.startswith(HARNESS)]


def _report(births: Births) -> str:
    lines = _left(births)
    if count := births.starting():
        lines.append(f"{count} that have not begun yet")
    if count := births.native_left():
        lines.append(f"{count} of pythread_rs.native, in a C function")
    return "\n  ".join(
        ["threads that the test started still run: join them, or use a scope", *lines]
    )
