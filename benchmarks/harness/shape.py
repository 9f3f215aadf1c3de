"""What every shape's script does around its measurement: options in, a table or JSON out."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from harness import rust
from harness.batches import Rival
from harness.peer import rival
from harness.report import Report
from harness.tables import text

LEAST_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure.

    Args:
        part: Run a full number of rounds divided by this.
        pause: Seconds of sleep before each timed call, so that idle threads are asleep.
    """

    part: int
    pause: float

    def rounds(self, full: int) -> int:
        """Return how many rounds to run of the `full` number."""
        return max(LEAST_ROUNDS, full // self.part)


@contextmanager
def rust_rival(
    shape: str, options: Options, *, size: int = 1, per: int = 1
) -> Generator[list[Rival], None, None]:
    """Give the Rust rival of this shape while the block runs; none without a Rust compiler.

    Args:
        shape: The name that the Rust program knows.
        options: How to measure.
        size: Threads in one sample.
        per: Times are divided by it.
    """
    with rust.running() as peer:
        if peer is None:
            yield []
        else:
            yield [rival(rust.NAME, peer, shape, pause=options.pause, size=size, per=per)]


def main(measure: Callable[[Options], Report], doc: str | None) -> None:
    """Be the program of one shape."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument(
        "--part", type=int, default=1, metavar="N", help="take one Nth of the samples"
    )
    parser.add_argument(
        "--pause", type=float, default=0.0, metavar="S", help="sleep before each timed call"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    report = measure(Options(arguments.part, arguments.pause))
    print(json.dumps(report.to_json()) if arguments.json else text(report))
