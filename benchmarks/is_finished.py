"""is_finished: ask a handle whether its thread has ended, both before and after it has."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter, process_time
from timeit import repeat
from typing import Protocol, TypeVar

from harness.batches import Batch, Rival, interleave, rows
from harness.report import OURS, Bar, Check, Report
from harness.shape import Options, main

from pythread_rs import spawn

T = TypeVar("T")

ROUNDS = 40
SIZE = 5
CALLS = 2_000

RUNNING = "pythread_rs, still running"
BAR = Bar("value", 250e-9)
# timeit loops in another way and keeps the garbage collector off.
AGREE_WITHIN = 1.6


class Ended(Protocol):
    """What has the method of a JoinHandle."""

    def is_finished(self) -> bool:
        """Tell whether it has ended."""
        ...


def ask_handle(handle: Ended) -> bool:
    """Ask a JoinHandle many times."""
    answer = handle.is_finished()
    for _ in range(CALLS - 1):
        answer = handle.is_finished()
    return answer


def ask_thread(thread: threading.Thread) -> bool:
    """Ask a `threading.Thread` many times."""
    answer = thread.is_alive()
    for _ in range(CALLS - 1):
        answer = thread.is_alive()
    return answer


def ask_future(future: Future[bool]) -> bool:
    """Ask a Future many times."""
    answer = future.done()
    for _ in range(CALLS - 1):
        answer = future.done()
    return answer


def looped(name: str, ask: Callable[[T], bool], whom: T, expected: bool) -> Rival:
    """Make a rival of a call that is too short for a clock around each."""

    def run(count: int) -> Batch:
        batch = Batch()
        cpu = process_time()
        for _ in range(count):
            begin = perf_counter()
            answer = ask(whom)
            batch.seconds.append((perf_counter() - begin) / CALLS)
            if answer is not expected:
                raise AssertionError(f"{name} said {answer}")
        batch.cpu = (process_time() - cpu) / CALLS
        return batch

    return Rival(name, run)


def measure(options: Options) -> Report:
    """Compare with `Thread.is_alive` and `Future.done`; the loop's share is in the figures."""
    go = threading.Event()
    ended = spawn(int)
    ended.join()
    thread = threading.Thread(target=go.wait)
    with ThreadPoolExecutor(1) as executor:
        try:
            running = spawn(go.wait)
            thread.start()
            future = executor.submit(go.wait)
            rivals = [
                looped(OURS, ask_handle, ended, True),
                looped(RUNNING, ask_handle, running, False),
                looped("Thread.is_alive, running", ask_thread, thread, True),
                looped("Future.done, running", ask_future, future, False),
            ]
            batches = interleave(rivals, rounds=options.rounds(ROUNDS), size=SIZE)
            again = (
                min(repeat("ended.is_finished()", globals={"ended": ended}, number=CALLS, repeat=5))
                / CALLS
            )
        finally:
            go.set()
    running.join().unwrap()
    thread.join()
    table = rows(batches, {OURS: BAR, RUNNING: BAR})
    least = min(batches[OURS].seconds)
    return Report(
        shape="is_finished",
        title="one call of is_finished, with the loop around it",
        rows=table,
        checks=[
            Check(
                f"fastest of ours {least * 1e9:.0f} ns, fastest by timeit {again * 1e9:.0f} ns",
                1 / AGREE_WITHIN <= least / again <= AGREE_WITHIN,
            )
        ],
        notes=[f"a sample is a loop of {CALLS:,} calls, divided by {CALLS:,}"],
    )


if __name__ == "__main__":
    main(measure, __doc__)
