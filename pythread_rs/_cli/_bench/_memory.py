"""Memory of a thread that waits: the growth of a fresh process that has many of them."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from pythread_rs import spawn
from pythread_rs._cli._bench._model import Experiment
from pythread_rs._cli._bench._rust import NAME as RUST
from pythread_rs._cli._bench._stage import OUR_SPAWN, THREADING, Stage
from pythread_rs._cli._bench._turns import Batch, Plan, Way

CHILD = "from pythread_rs._cli._bench._memory import child; child({kind!r}, {count})"
CHILD_SECONDS = 60.0


def resident() -> int:
    """Return the bytes of this process that are in memory.

    The rollup is exact; `statm` lags behind by a batch of pages for each CPU.

    Raises:
        OSError: The OS does not say.
    """
    rollup = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    found = re.search(r"^Rss:\s+(\d+) kB$", rollup, re.MULTILINE)
    if found is None:
        raise OSError("/proc/self/smaps_rollup has no line for Rss")
    return int(found.group(1)) * 1024


def wait_for_end(here: threading.Semaphore, end: threading.Event) -> None:
    """Be a thread that says that it is there and waits."""
    here.release()
    end.wait()


def child(kind: str, count: int) -> None:
    """Start threads, let them wait, print by how many bytes this process has grown."""
    here, end = threading.Semaphore(0), threading.Event()
    before = resident()
    if kind == OUR_SPAWN:
        handles = [spawn(wait_for_end, here, end) for _ in range(count)]
        joins: list[Callable[[], object]] = [handle.join for handle in handles]
    else:
        threads = [threading.Thread(target=wait_for_end, args=(here, end)) for _ in range(count)]
        for thread in threads:
            thread.start()
        joins = [thread.join for thread in threads]
    for _ in range(count):
        here.acquire()
    print(resident() - before)
    end.set()
    for join in joins:
        join()


def growth(kind: str, count: int) -> int:
    """Ask a fresh process.

    Raises:
        OSError: It failed; the text is the last line that it wrote.
    """
    told = subprocess.run(
        [sys.executable, "-c", CHILD.format(kind=kind, count=count)],
        capture_output=True,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
        check=False,
    )
    if told.returncode:
        lines = told.stderr.strip().splitlines() or [f"exit status {told.returncode}"]
        raise OSError(lines[-1])
    return int(told.stdout)


def memory(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Compare the memory of a thread.

    Raises:
        OSError: The OS does not say how much memory a process has.
    """
    resident()
    count = plan.size(1000, 200, 10)

    def way(kind: str, *, is_ours: bool = False) -> Way:
        return Way(kind, lambda: Batch([growth(kind, count) / count]), is_ours)

    ways = [way(OUR_SPAWN, is_ours=True), way(THREADING)]
    if (rust := stage.rust) is not None:

        def in_rust() -> Batch:
            return Batch([rust.ask_fresh("parked", count) / count])

        ways.append(Way(RUST, in_rust))
    notes = [
        f"{count:,} threads at once, all waiting on one event; each sample is a process of its "
        "own. Python's threads wait on an Event, those of Rust on a Barrier."
    ]
    title = "memory of a thread that waits, stack included as far as it was touched"
    return Experiment("memory", title, "one thread", unit="B", notes=notes), ways
