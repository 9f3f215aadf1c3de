"""CPython's own tests of executors, run against `ThreadPool` where they are installed."""

from __future__ import annotations

import importlib
import os
import unittest
from typing import Any

import pytest

from pythread_rs.pool import ThreadPool

PACKAGE = "test.test_concurrent_futures"  # one module up to 3.11, a package since
CLASSES = {
    "ThreadPoolExecutorTest": "test_thread_pool",
    "AsCompletedTests": "test_as_completed",
    "ThreadPoolWaitTests": "test_wait",
    "ExecutorShutdownTest": "test_shutdown",
}
# These start a program that imports the executor's class from concurrent.futures by its name:
# test_end.py has the same programs with ThreadPool.
PROGRAMS = {
    "test_interpreter_shutdown",
    "test_submit_after_interpreter_shutdown",
    "test_hang_gh83386",
}
# These look into ThreadPoolExecutor: its number of threads by default, and that it starts them one
# by one, of which `_threads` is the list. A ThreadPool starts all at once.
INSIDES = {"test_default_workers", "test_saturation", "test_idle_thread_reuse"}
# This one does not use the executor under test.
OTHERS = {"test_hang_global_shutdown_lock"}
# Each sleeps or collects garbage for seconds: they run when the stress tests are asked for.
SLOW = {
    "test_all_completed",
    "test_duplicate_futures",
    "test_first_completed",
    "test_first_completed_some_already_completed",
    "test_first_exception",
    "test_first_exception_one_already_failed",
    "test_first_exception_some_already_complete",
    "test_free_reference",
    "test_free_reference_yielded_future",
    "test_future_times_out",
    "test_hang_issue12364",
    "test_map_timeout",
    "test_timeout",
}
LEFT_OUT = PROGRAMS | INSIDES | OTHERS | (set() if os.environ.get("PYTHREAD_RS_STRESS") else SLOW)


class Executor(ThreadPool):
    """`ThreadPool` under the constructor that the tests call."""

    def __init__(self, max_workers: int) -> None:
        if max_workers < 1:  # 0 asks the machine; the test knows no other executor that does
            raise ValueError("max_workers must be greater than 0")
        super().__init__(max_workers)


def module_of(file: str) -> Any:
    package = importlib.import_module(PACKAGE)
    return importlib.import_module(f"{PACKAGE}.{file}") if hasattr(package, "__path__") else package


def suite() -> list[tuple[str, unittest.TestCase]]:
    try:
        util: Any = module_of("util")
    except ImportError:
        return []
    found: list[tuple[str, unittest.TestCase]] = []
    for name, file in CLASSES.items():
        tests: Any = getattr(module_of(file), name)
        is_case = issubclass(tests, unittest.TestCase)
        bases = (tests,) if is_case else (util.ExecutorMixin, tests, util.BaseTestCase)
        case = type(name, bases, {"executor_type": Executor, "worker_count": 5})
        names = unittest.defaultTestLoader.getTestCaseNames(case)
        found += [(f"{name}.{test}", case(test)) for test in names if test not in LEFT_OUT]
    return found


SUITE = suite()


@pytest.mark.skipif(not SUITE, reason=f"this Python has no `{PACKAGE}`")
@pytest.mark.parametrize("case", [case for _, case in SUITE], ids=[name for name, _ in SUITE])
def test_executor(case: unittest.TestCase) -> None:
    result = unittest.TestResult()
    case.run(result)
    for _, text in result.errors + result.failures:
        pytest.fail(text)
    assert result.testsRun == 1
