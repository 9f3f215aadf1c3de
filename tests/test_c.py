"""The C floors without Python: every test in C, built and run by tests/c/run.py."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parent / "c" / "run.py"
COMPILERS = [os.environ.get("CC", "cc"), "gcc", "clang"]
SECONDS = 300.0

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not RUN.exists(), reason="the tests in C are not here"),
    pytest.mark.skipif(sys.platform == "win32", reason="run.py starts a POSIX compiler"),
    pytest.mark.skipif(
        not any(shutil.which(name) for name in COMPILERS), reason="there is no C compiler here"
    ),
]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RUN), *words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
def test_the_c_floors_pass_their_tests() -> None:
    result = run("--tool", "plain")
    assert result.returncode == 0, result.stdout + result.stderr
    assert ", 0 failed in " in result.stdout.splitlines()[-1]
