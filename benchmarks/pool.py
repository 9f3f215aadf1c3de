"""pool: tiny tasks, items of a map and forks of a recursion; and those of other pools."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter, process_time
from typing import Any

from harness.batches import Batch, Rival, interleave, rows
from harness.report import OURS, Bar, Check, Report, Row
from harness.shape import Options, main

from pythread_rs import pool as pools
from pythread_rs.pool import TaskHandle, ThreadPool

ROUNDS = 10
SIZE = 1
TASKS = 5_000
ITEMS = 1_000_000
FEW_ITEMS = 5_000  # an item of the other executor's map takes as long as hundreds of ours
DEPTH = 16
FORKS = 1596  # of fib(16): one for each call that is no leaf
SHALLOW = 9
SHALLOW_FORKS = 54
STOLEN = 20_000
THREADS = 2

SUBMIT = "ThreadPoolExecutor.submit"
OUR_SUBMIT = "pythread_rs, submit"
PAR_MAP = "pythread_rs, par_map"
PAR_ITERATOR = "pythread_rs, par_map of an iterator"
MAP = "ThreadPoolExecutor.map"
LIST_MAP = "list(map(f, xs))"
JOIN = "pythread_rs, join in fib(16)"
FORK_EXECUTOR = f"ThreadPoolExecutor of {SHALLOW_FORKS * 2} threads in fib({SHALLOW})"
FORK_THREADS = f"threading.Thread in fib({SHALLOW})"
STEAL = "pythread_rs, a stolen task"


def nothing() -> None:
    """Be a task."""


def plus_one(n: int) -> int:
    """Be the function of a map."""
    return n + 1


def per(name: str, run: Callable[[], object], count: int) -> Rival:
    """Make a rival of what does so much at once."""

    def batch(size: int) -> Batch:
        result = Batch()
        cpu = process_time()
        for _ in range(size):
            begin = perf_counter()
            run()
            result.seconds.append((perf_counter() - begin) / count)
        result.cpu = (process_time() - cpu) / count
        return result

    return Rival(name, batch)


def spawn_all(pool: ThreadPool) -> None:
    """Spawn tasks and join them."""
    handles: list[TaskHandle[None]] = [pool.spawn(nothing) for _ in range(TASKS)]
    for handle in handles:
        handle.join()


def submit_all(executor: ThreadPool | ThreadPoolExecutor) -> None:
    """Submit tasks and take their results."""
    futures: list[Future[None]] = [executor.submit(nothing) for _ in range(TASKS)]
    for future in futures:
        future.result()


def fib(n: int) -> int:
    """Fork at each step."""
    if n < 2:
        return n
    left, right = pools.join(lambda: fib(n - 1), lambda: fib(n - 2))
    return left + right


def fib_in_executor(executor: ThreadPoolExecutor, n: int) -> int:
    """Fork by an executor that has a thread for each that waits."""
    if n < 2:
        return n
    right = executor.submit(fib_in_executor, executor, n - 2)
    return fib_in_executor(executor, n - 1) + right.result()


def fib_in_threads(n: int) -> int:
    """Fork by a thread for each fork."""
    if n < 2:
        return n
    right: list[int] = []
    thread = threading.Thread(target=lambda: right.append(fib_in_threads(n - 2)))
    thread.start()
    left = fib_in_threads(n - 1)
    thread.join()
    return left + right[0]


def steals(pool: ThreadPool) -> Rival:
    """Time tasks that one worker has made and another one runs, from the first to the last."""
    times: list[float] = []

    def mark() -> None:
        times.append(perf_counter())

    def make(over: threading.Event) -> None:
        from pythread_rs.ownership import assume_send

        handles: list[Any] = [pool.spawn(assume_send(mark))]
        handles += [pool.spawn(int) for _ in range(STOLEN)]
        handles += [pool.spawn(assume_send(mark)), pool.spawn(over.set)]
        over.wait()

    def batch(size: int) -> Batch:
        result = Batch()
        for _ in range(size):
            times.clear()
            cpu = process_time()
            pool.submit(make, threading.Event()).result()
            result.seconds.append((times[1] - times[0]) / STOLEN)
            result.cpu += (process_time() - cpu) / STOLEN
        return result

    return Rival(STEAL, batch)


def against(table: list[Row], ours: str, theirs: str, limit: float) -> Row:
    """Give a row the ratio to a row of ours, and the bar for it."""
    found = {row.label: row for row in table}
    row, mine = found[theirs], found[ours].value
    ratio = None if mine is None or row.value is None else mine / row.value
    return Row(
        row.label, row.value, p10=row.p10, p90=row.p90, samples=row.samples, cpu=row.cpu,
        ratio=ratio, bar=Bar("ratio", limit),
    )  # fmt: skip


def held(table: list[Row]) -> list[Row]:
    """Hold the rows against ours of the same kind."""
    pairs = {
        SUBMIT: (OUR_SUBMIT, 0.2),
        MAP: (PAR_MAP, 0.05),
        LIST_MAP: (PAR_MAP, 2.0),
        FORK_EXECUTOR: (JOIN, 1.0),
        FORK_THREADS: (JOIN, 1.0),
    }
    table = [
        against(table, pairs[r.label][0], r.label, pairs[r.label][1]) if r.label in pairs else r
        for r in table
    ]
    return [
        Row(r.label, r.value, p10=r.p10, p90=r.p90, samples=r.samples, cpu=r.cpu,
            bar=Bar("value", 1e-6) if r.label == STEAL else None)
        if r.label in {OUR_SUBMIT, PAR_MAP, PAR_ITERATOR, JOIN, STEAL} else r
        for r in table
    ]  # fmt: skip


def measure(options: Options) -> Report:
    """Let the pools have their turns."""
    right = list(range(1, ITEMS + 1))
    with (
        ThreadPool(THREADS) as pool,
        ThreadPoolExecutor(THREADS) as executor,
        ThreadPoolExecutor(SHALLOW_FORKS * 2) as wide,
    ):
        rivals = [
            per(OURS, lambda: spawn_all(pool), TASKS),
            per(OUR_SUBMIT, lambda: submit_all(pool), TASKS),
            per(SUBMIT, lambda: submit_all(executor), TASKS),
            per(PAR_MAP, lambda: pool.par_map(plus_one, range(ITEMS)), ITEMS),
            per(PAR_ITERATOR, lambda: pool.par_map(plus_one, iter(range(ITEMS))), ITEMS),
            per(MAP, lambda: list(executor.map(plus_one, range(FEW_ITEMS))), FEW_ITEMS),
            per(LIST_MAP, lambda: list(map(plus_one, range(ITEMS))), ITEMS),
            per(JOIN, lambda: pool.install(fib, DEPTH), FORKS),
            per(FORK_EXECUTOR, lambda: fib_in_executor(wide, SHALLOW), SHALLOW_FORKS),
            per(FORK_THREADS, lambda: fib_in_threads(SHALLOW), SHALLOW_FORKS),
            steals(pool),
        ]
        batches = interleave(rivals, rounds=options.rounds(ROUNDS), size=SIZE)
        same = pool.par_map(plus_one, range(ITEMS)) == right
        fibs = {pool.install(fib, SHALLOW), fib_in_threads(SHALLOW), fib_in_executor(wide, SHALLOW)}
    return Report(
        shape="pool",
        title=f"one task, item or fork in a pool of {THREADS} threads",
        rows=held(rows(batches, {})),
        checks=[
            Check(f"par_map of {ITEMS:,} items gives what map gives: {same}", same),
            Check(f"the recursions agree: {sorted(fibs)}", len(fibs) == 1),
        ],
        notes=[
            f"{TASKS:,} empty tasks and their results; {ITEMS:,} items, of the executor's map "
            f"{FEW_ITEMS:,}; all divided by how many they are",
            f"a stolen task: {STOLEN:,} tasks that one worker has made and another one runs, from "
            "the first to the last, the call of `int` included",
            "each ratio is that of ours of the same kind: submit, par_map, join",
        ],
    )


if __name__ == "__main__":
    main(measure, __doc__)
