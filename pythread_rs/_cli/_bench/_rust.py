"""Rust's own `std::thread`: builds `rival.rs` into a temporary folder and runs it as a child."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

from pythread_rs._cli._bench._turns import Batch, Way

SOURCE = Path(__file__).with_name("rival.rs")
NAME = "Rust std::thread"
BUILD_SECONDS = 120.0
# No evidence behind it: an answer takes about a second.
ANSWER_SECONDS = 120.0


class RustError(Exception):
    """There is no rival in Rust; the text says why."""


class Rust:
    """The running program.

    Raises:
        RustError: It cannot be built.
    """

    __slots__ = ("_folder", "_process", "_program")

    def __init__(self) -> None:
        compiler = shutil.which("rustc")
        if compiler is None:
            raise RustError("rustc is not installed")
        with ExitStack() as stack:
            folder = stack.enter_context(
                TemporaryDirectory(prefix="pythread_rs-", ignore_cleanup_errors=True)
            )
            self._program = build(compiler, Path(folder))
            self._process = subprocess.Popen(
                [self._program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="ascii",
                # Ctrl-C ends it by the end of its input and not by a signal of its own.
                process_group=0,
            )
            self._folder = stack.pop_all()

    def ask(self, shape: str, samples: int, *numbers: int) -> tuple[list[float], list[int]]:
        """Have samples taken; return the seconds and the results.

        Raises:
            RustError: It ended, or did not answer.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = Timer(ANSWER_SECONDS, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.write(question(shape, samples, *numbers))
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            timer.cancel()
        if not answer:
            raise RustError(f"the program did not answer to {shape}")
        data = json.loads(answer)
        return [nanoseconds / 1e9 for nanoseconds in data["nanoseconds"]], data["values"]

    def ask_fresh(self, shape: str, *numbers: int) -> int:
        """Have one sample taken by a process that has done nothing before; return its result.

        Raises:
            RustError: It failed.
        """
        told = subprocess.run(
            [self._program],
            input=question(shape, 1, *numbers),
            capture_output=True,
            encoding="ascii",
            timeout=ANSWER_SECONDS,
            check=False,
        )
        if told.returncode:
            raise RustError(f"the program ended with {told.returncode} at {shape}")
        return int(json.loads(told.stdout)["values"][0])

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._folder.close()


def question(shape: str, *numbers: int) -> str:
    """Write the line that the program reads."""
    return f"{shape} {' '.join(map(str, numbers))}\n"


def build(compiler: str, folder: Path) -> Path:
    """Compile the program.

    Raises:
        RustError: The compiler refuses.
    """
    program = folder / "rival"
    command = [compiler, "--edition=2021", "-C", "opt-level=3", "-o", str(program), str(SOURCE)]
    try:
        told = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=BUILD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RustError(f"rustc failed: {error}") from error
    if told.returncode:
        lines = told.stderr.strip().splitlines() or [f"exit status {told.returncode}"]
        raise RustError(f"rustc failed: {lines[0]}")
    return program


def rust_way(
    rust: Rust,
    shape: str,
    *numbers: int,
    calls: int = 1,
    per: float = 1,
    is_right: Callable[[int], bool] | None = None,
    threads: int | None = None,
) -> Way:
    """Make a way of a shape that the program knows.

    Args:
        rust: The program.
        shape: What it shall do.
        *numbers: The sizes of the shape.
        calls: Samples in a turn.
        per: The time is divided by it.
        is_right: Compares a result with the serial one.
        threads: How many threads it uses, where the experiment is about that.
    """

    def batch() -> Batch:
        seconds, values = rust.ask(shape, calls, *numbers)
        wrong = 0 if is_right is None else sum(not is_right(value) for value in values)
        compared = 0 if is_right is None else len(values)
        return Batch([second / per for second in seconds], compared, wrong)

    return Way(NAME, batch, threads=threads)
