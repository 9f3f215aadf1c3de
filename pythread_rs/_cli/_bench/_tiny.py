"""Tiny tasks: functions that do nothing, one by one and as the items of a map."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

from pythread_rs import Ok
from pythread_rs._cli._bench._model import Experiment
from pythread_rs._cli._bench._stage import (
    EXECUTOR,
    JOBLIB,
    OUR_MAP,
    POOL,
    PROCESSES,
    SERIAL,
    Stage,
    do_all,
)
from pythread_rs._cli._bench._turns import Plan, Way, timed

TASKS, QUICK_TASKS = 20_000, 2_000
FEW = 50


def nothing() -> None:
    """Be a task."""


def ignore(_: int) -> None:
    """Be the same for a loop."""


def plus_one(number: int) -> int:
    """Be the function of a map."""
    return number + 1


def tasks(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Hand over tasks one by one, and wait for all."""
    size = plan.size(TASKS, QUICK_TASKS, 10)
    few = max(1, size // FEW)

    def spawned() -> bool:
        handles = [stage.pool.spawn(nothing) for _ in range(size)]
        return [handle.join() for handle in handles] == [Ok(None)] * size

    def submitted(executor: Executor, number: int) -> bool:
        futures = [executor.submit(nothing) for _ in range(number)]
        return [future.result() for future in futures] == [None] * number

    def way(name: str, call: Callable[[], bool], number: int, *, is_ours: bool = False) -> Way:
        return timed(name, call, is_right=bool, per=number, is_ours=is_ours)

    ways = [
        way("pythread_rs pool.spawn", spawned, size, is_ours=True),
        way("pythread_rs pool.submit", lambda: submitted(stage.pool, size), size, is_ours=True),
        way(SERIAL, lambda: do_all(ignore, range(size)) == [None] * size, size),
        way(EXECUTOR, lambda: submitted(stage.executor, size), size),
    ]
    if (processes := stage.processes) is not None:
        ways.append(way(PROCESSES, lambda: submitted(processes, few), few))
    notes = [
        f"A turn is {size:,} tasks, {few:,} for processes; {plan.rounds} turns make up to "
        f"{size * plan.rounds:,} tasks of each.",
        "The serial way calls the function. threading.Thread and Rust's std have no pool: see "
        "`burst` for a thread each.",
    ]
    title = "tasks that do nothing, handed to a pool one by one"
    return Experiment("tiny_tasks", title, "one task", notes=notes), ways


def items(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Call a tiny function for each number of a range."""
    size = plan.size(1_000_000, 100_000, 100)
    few = max(1, size // 20)
    expected = list(range(1, size + 1))

    def way(name: str, call: Callable[[], list[int]], number: int, *, is_ours: bool = False) -> Way:
        def is_right(found: list[int]) -> bool:
            return found == (expected if number == size else expected[:number])

        return timed(name, call, is_right=is_right, per=number, is_ours=is_ours)

    ways = [
        way(OUR_MAP, lambda: stage.pool.par_map(plus_one, range(size)), size, is_ours=True),
        way(SERIAL, lambda: do_all(plus_one, range(size)), size),
        way(EXECUTOR, lambda: list(stage.executor.map(plus_one, range(few))), few),
    ]
    if (pool := stage.process_pool) is not None:
        ways.append(way(POOL, lambda: pool.map(plus_one, range(size)), size))
    if stage.joblib is not None:
        parallel, delayed = stage.joblib.Parallel, stage.joblib.delayed
        threads = stage.threads

        def on_joblib() -> list[int]:
            found: list[int] = parallel(threads)(delayed(plus_one)(n) for n in range(few))
            return found

        ways.append(way(JOBLIB, on_joblib, few))
    notes = [f"{size:,} items, {few:,} for {EXECUTOR} and {JOBLIB}; the time is that of one item."]
    title = f"`n + 1` for each n of range({size:,}) as a map"
    return Experiment("tiny_items", title, "one item", notes=notes), ways
