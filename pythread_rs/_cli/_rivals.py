"""The three ways of doing a list of jobs, and the stopwatch that compares them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, TypeVar

from pythread_rs import Err, Ok, Result, spawn
from pythread_rs._cli import CommandError
from pythread_rs._cli._progress import Progress

J = TypeVar("J")
T = TypeVar("T")

SERIAL = "serial"
THREADING = "threading"
PYTHREAD_RS = "pythread_rs"


@dataclass(frozen=True, slots=True)
class Run(Generic[T]):
    """One pass over all jobs in one way: how long it took and what came out, in job order."""

    way: str
    seconds: float
    outcomes: Sequence[Result[T, BaseException]]


def attempt(function: Callable[[J], T], job: J) -> Result[T, BaseException]:
    """Do one job in this thread and return what `JoinHandle.join` would."""
    try:
        return Ok(function(job))
    except Exception as error:
        return Err(error)


def do_serially(
    function: Callable[[J], T], jobs: Sequence[J]
) -> Sequence[Result[T, BaseException]]:
    """Do the jobs one after the other in this thread."""
    return [attempt(function, job) for job in jobs]


def do_on_threading(
    function: Callable[[J], T], jobs: Sequence[J]
) -> Sequence[Result[T, BaseException]]:
    """Do the jobs on one `threading.Thread` each; each writes its outcome into its own slot."""
    outcomes: dict[int, Result[T, BaseException]] = {}

    def work(slot: int, job: J) -> None:
        outcomes[slot] = attempt(function, job)

    # Daemons, so that Ctrl-C ends the demo without waiting for them. Their speed is the same.
    threads = [
        threading.Thread(target=work, args=(slot, job), daemon=True)
        for slot, job in enumerate(jobs)
    ]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError as error:
        raise CommandError(f"threading: {error}; try a smaller --threads") from error
    for thread in threads:
        thread.join()
    return [outcomes[slot] for slot in range(len(threads))]


def do_on_pythread_rs(
    function: Callable[[J], T], jobs: Sequence[J]
) -> Sequence[Result[T, BaseException]]:
    """Do the jobs on one thread of `pythread_rs.spawn` each."""
    handles = [spawn(function, job) for job in jobs]
    return [handle.join() for handle in handles]


def do_jobs(
    way: str, function: Callable[[J], T], jobs: Sequence[J]
) -> Sequence[Result[T, BaseException]]:
    """Do the jobs in the way of this name."""
    if way == SERIAL:
        return do_serially(function, jobs)
    if way == THREADING:
        return do_on_threading(function, jobs)
    return do_on_pythread_rs(function, jobs)


def compare(
    function: Callable[[J], T],
    jobs: Mapping[str, Sequence[J]],
    plan: Sequence[str],
    *,
    budget: float,
    progress: Progress,
) -> list[Run[T]]:
    """Time the ways in the order of the plan.

    Args:
        function: Does one job.
        jobs: Way -> the jobs as that way gets them.
        plan: Names of ways, each as often as it is to run; every way stands in its first part.
        budget: Seconds after which no further run begins, once each way has run.
        progress: Shows which way is running.
    """
    runs: list[Run[T]] = []
    begin = perf_counter()
    for way in plan:
        if perf_counter() - begin > budget and {run.way for run in runs} == set(plan):
            break
        with progress.step(way):
            start = perf_counter()
            outcomes = do_jobs(way, function, jobs[way])
            runs.append(Run(way, perf_counter() - start, outcomes))
    return runs
