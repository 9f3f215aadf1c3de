"""Run all examples in this interpreter, with the package that is installed, and compare.

    python tools/check_examples.py

What each one prints must be what `examples/README.md` shows: to the letter, or the same lines in
some order where two threads print at once. tests/examples runs each in a process of its own and
looks closer; this is for a wheel that was just installed, as it takes one interpreter.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import re
import runpy
import sys
from pathlib import Path

import pythread_rs

FOLDER = Path(__file__).resolve().parents[1] / "examples"
SECONDS = 120
STDERR = 2
SECTION = re.compile(r"^## (\S+)\n.*?^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIME = re.compile(r"\d+\.\d+(?= ?m?s\b)")
# Two threads print at once.
IN_ANY_ORDER = ("interleave.py", "join_at_end.py")


def output_of(example: Path) -> str:
    """Run an example as the main program and return what it and its threads print."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        runpy.run_path(str(example), run_name="__main__")
    return out.getvalue()


def comparable(name: str, text: str) -> list[str]:
    """Leave out what differs from run to run."""
    lines = TIME.sub("TIME", text).splitlines()
    return sorted(lines) if name in IN_ANY_ORDER else lines


def main() -> int:
    """Run them; return how many were wrong."""
    # The descriptor, as an example's sys.stderr is another one.
    faulthandler.dump_traceback_later(SECONDS, exit=True, file=STDERR)
    documented = dict(SECTION.findall((FOLDER / "README.md").read_text("utf-8")))
    wrong = 0
    for name, expected in documented.items():
        found = output_of(FOLDER / name)
        if comparable(name, found) != comparable(name, expected):
            wrong += 1
            print(f"{name} printed\n{found}instead of\n{expected}", file=sys.stderr)
    faulthandler.cancel_dump_traceback_later()
    right = len(documented) - wrong
    print(f"{right} of {len(documented)} examples are right with {pythread_rs.__file__}")
    return wrong or not documented


if __name__ == "__main__":
    sys.exit(main())
