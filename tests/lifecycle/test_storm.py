"""The storms tell one known end of CPython's own from all others."""

from __future__ import annotations

import argparse
import signal
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.lifecycle import storm
else:  # a script: no package leads to it
    spec = spec_from_file_location("storm", Path(__file__).with_name("storm.py"))
    storm = sys.modules["storm"] = module_from_spec(spec)
    spec.loader.exec_module(storm)

HEADER = f"{storm.CPYTHONS_OWN}\n\n"
THREADS = "Thread 0x1 (most recent call first):\n"


def child(way: str) -> storm.Child:
    return storm.Child(storm.STORMS["exit"], "write", way, 1, 1)


@pytest.mark.parametrize(
    ("way", "status", "said", "is_known"),
    [
        ("dev", -signal.SIGSEGV, f"{storm.MARK}{HEADER}", True),
        ("dev", -signal.SIGSEGV, f"{HEADER}{THREADS}", False),
        ("dev", -signal.SIGABRT, HEADER, False),
        ("end", -signal.SIGSEGV, HEADER, False),
    ],
)
def test_only_one_crash_is_known(way: str, status: int, said: str, is_known: bool) -> None:
    is_known = is_known and sys.version_info < (3, 14)
    assert storm._is_cpythons_own(child(way), status, said) is is_known


@pytest.mark.parametrize(("fault", "is_well"), [(storm.ENDED_BY_CPYTHON, True), ("crashes", False)])
def test_one_of_them_is_no_failure(
    fault: str, is_well: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    options = argparse.Namespace(storm="exit", seed=0)
    outcomes = [storm.Outcome(child("dev"), fault), storm.Outcome(child("end"), "")]
    assert storm.report(options, outcomes, 1.0) is is_well
    assert storm.ENDED_BY_CPYTHON in capsys.readouterr().out or not is_well
    assert not storm.report(options, outcomes[:1] * 2, 1.0)
