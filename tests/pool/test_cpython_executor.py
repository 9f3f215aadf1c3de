"""CPython's own tests of executors, run against `ThreadPool` where they are installed."""

from __future__ import annotations

import importlib
import os
import unittest
from typing import Any

import pytest

from pythread_rs.pool import ThreadPool

NAMES = {
    "executor": ["ExecutorTest"],
    "test_as_completed": ["AsCompletedTests"],
    "test_wait": ["WaitTests"],
    "test_shutdown": ["ExecutorShutdownTest"],
}
# They run a program that imports the class from concurrent.futures; test_exit.py has the same
# with ThreadPool.
# that is no process pool's; test_lifecycle.py has the same with ThreadPool.
NOT_HERE = {
    "test_interpreter_shutdown",
    "test_submit_after_interpreter_shutdown",
    "test_hang_gh83386",
}
# Each sleeps for seconds: they run when the stress tests are asked for.
SLOW = {
    "test_all_completed",
    "test_duplicate_futures",
    "test_first_completed",
    "test_first_completed_some_already_completed",
    "test_first_exception",
    "test_first_exception_one_already_failed",
    "test_first_exception_some_already_complete",
    "test_map_timeout",
    "test_timeout",
}
LEFT_OUT = NOT_HERE if os.environ.get("PYTHREAD_RS_STRESS") else NOT_HERE | SLOW


class Executor(ThreadPool):
    """`ThreadPool` under the constructor that the tests call."""

    def __init__(self, max_workers: int) -> None:
        if max_workers < 1:  # 0 asks the machine; the test knows no other executor that does
            raise ValueError("max_workers must be greater than 0")
        super().__init__(max_workers)


def suite() -> list[tuple[str, unittest.TestCase]]:
    try:
        util = importlib.import_module("test.test_concurrent_futures.util")
    except ImportError:
        return []
    found: list[tuple[str, unittest.TestCase]] = []
    for file, classes in NAMES.items():
        module = importlib.import_module(f"test.test_concurrent_futures.{file}")
        for name in classes:
            mixin: Any = getattr(module, name)
            bases = (util.ExecutorMixin, mixin, util.BaseTestCase)
            case = type(name, bases, {"executor_type": Executor, "worker_count": 5})
            found += [
                (f"{name}.{test}", case(test))
                for test in unittest.defaultTestLoader.getTestCaseNames(case)
                if test not in LEFT_OUT
            ]
    return found


SUITE = suite()


@pytest.mark.skipif(not SUITE, reason="this Python has no `test.test_concurrent_futures`")
@pytest.mark.parametrize("case", [case for _, case in SUITE], ids=[name for name, _ in SUITE])
def test_executor(case: unittest.TestCase) -> None:
    result = unittest.TestResult()
    case.run(result)
    for _, text in result.errors + result.failures:
        pytest.fail(text)
    assert result.testsRun == 1
