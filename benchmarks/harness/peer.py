"""A rival in a process of its own: it gets a line and answers with a line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from threading import Timer
from types import TracebackType
from typing import Any, Self

from harness.batches import Batch, Rival

# No evidence behind it: the longest answer, 5,000 parked threads, takes about a second.
DEADLINE = 120.0


class PeerError(RuntimeError):
    """A child program ended or went silent where it should have answered."""


class Peer:
    """A running child program. Use it in a `with` block: the end of the block ends the child."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )

    def ask(self, line: str) -> dict[str, Any]:
        """Send a line, wait for the answer.

        Raises:
            PeerError: There is none within the deadline.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = Timer(DEADLINE, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            timer.cancel()
        if not answer:
            raise PeerError(f"a child program did not answer {line!r}")
        data: dict[str, Any] = json.loads(answer)
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._process.stdout.close()


def clean_environment() -> dict[str, str]:
    """Return the environment for children: bytecode may be cached, our own switches are unset."""
    return {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE" and not name.startswith("PYTHREAD_RS_")
    }


def rival(
    name: str, peer: Peer, shape: str, *, pause: float = 0.0, size: int = 1, per: int = 1
) -> Rival:
    """Make a rival of a peer that takes `shape samples size pause` and answers with a batch.

    Args:
        name: The label of its row.
        peer: The program.
        shape: What it shall do.
        pause: Seconds to sleep before each sample, untimed.
        size: Threads in one sample.
        per: Times are divided by it.
    """

    def run(count: int) -> Batch:
        data = peer.ask(f"{shape} {count} {size} {round(pause * 1e6)}")
        return Batch(
            seconds=[number / 1e9 / per for number in data["nanoseconds"]],
            cpu=data["cpu_nanoseconds"] / 1e9 / per,
            wall=sum(data["nanoseconds"]) / 1e9 / per,
        )

    return Rival(name, run)


def serve(answer: Callable[[int], dict[str, Any]]) -> None:
    """Be a peer: answer each number on standard input until it ends."""
    for line in sys.stdin:
        print(json.dumps(answer(int(line))), flush=True)
