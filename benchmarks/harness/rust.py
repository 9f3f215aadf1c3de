"""The same shapes in Rust: builds `rust/rival.rs` and runs it as a peer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.peer import Peer

SOURCE = Path(__file__).resolve().parents[1] / "rust" / "rival.rs"
NAME = "Rust std::thread"
BUILD_DEADLINE = 300.0


def version() -> str | None:
    """Return what `rustc --version` says, None when there is no rustc."""
    rustc = shutil.which("rustc")
    if rustc is None:
        return None
    told = subprocess.run([rustc, "--version"], capture_output=True, text=True, check=False)
    words = told.stdout.split()
    return words[1] if told.returncode == 0 and len(words) > 1 else None


@contextmanager
def running() -> Generator[Peer | None, None, None]:
    """Build the program into a temporary folder and run it; None when there is no rustc."""
    rustc = shutil.which("rustc")
    if rustc is None:
        yield None
        return
    with TemporaryDirectory() as folder:
        program = Path(folder) / "rival"
        subprocess.run(
            [rustc, "--edition=2021", "-C", "opt-level=3", "-o", program, SOURCE],
            check=True,
            timeout=BUILD_DEADLINE,
        )
        with Peer([str(program)]) as peer:
            yield peer
