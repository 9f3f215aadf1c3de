"""Recursive fork and join: Fibonacci numbers, where all is overhead, and a merge sort."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from random import Random

from pythread_rs import assume_send
from pythread_rs._cli._bench._model import Experiment
from pythread_rs._cli._bench._rust import rust_way
from pythread_rs._cli._bench._stage import EXECUTOR, PROCESSES, SERIAL, THREADING, Stage
from pythread_rs._cli._bench._turns import Plan, Way, equals, timed
from pythread_rs.pool import join

OUR_JOIN = "pythread_rs pool.join"
# A fork of the rivals is a thread that waits: a deeper one of theirs needs too many threads.
SHALLOW = 9
SORT_DEPTH = 3


def fib(n: int) -> int:
    """Fork nowhere."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def forks_of(n: int) -> int:
    """Count the calls of fib(n) that are no leaf.

    >>> forks_of(9)
    54
    """
    return 0 if n < 2 else 1 + forks_of(n - 1) + forks_of(n - 2)


def fib_by_join(n: int) -> int:
    """Fork at each step, on the pool."""
    if n < 2:
        return n
    left, right = join(lambda: fib_by_join(n - 1), lambda: fib_by_join(n - 2))
    return left + right


def fib_by_executor(executor: Executor, n: int) -> int:
    """Fork on an executor that has a thread for each fork that waits."""
    if n < 2:
        return n
    right = executor.submit(fib_by_executor, executor, n - 2)
    return fib_by_executor(executor, n - 1) + right.result()


def fib_by_threads(n: int) -> int:
    """Fork by a new thread."""
    if n < 2:
        return n
    right: list[int] = []
    thread = threading.Thread(target=lambda: right.append(fib_by_threads(n - 2)))
    thread.start()
    left = fib_by_threads(n - 1)
    thread.join()
    return left + right[0]


def fork_join(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Fork where there is nothing else to do."""
    deep = plan.size(20, 16, 4)
    shallow = min(SHALLOW, deep)
    wide = ThreadPoolExecutor(forks_of(shallow) + 1)  # ends with the last reference to it

    def way(name: str, call: Callable[[int], int], n: int, *, is_ours: bool = False) -> Way:
        return timed(
            name,
            lambda: call(n),
            is_right=equals(fib(n)),
            per=forks_of(n),
            is_ours=is_ours,
        )

    ways = [
        way(OUR_JOIN, lambda n: stage.pool.install(fib_by_join, n), deep, is_ours=True),
        way(SERIAL, fib, deep),
        way(THREADING, fib_by_threads, shallow),
        way(EXECUTOR, lambda n: fib_by_executor(wide, n), shallow),
    ]
    if stage.rust is not None:
        forks, is_right = forks_of(shallow), equals(fib(shallow))
        ways.append(rust_way(stage.rust, "fib", shallow, per=forks, is_right=is_right))
    notes = [
        f"Ours and serial compute fib({deep}), the others fib({shallow}): each of their forks is a "
        "thread that waits. An executor of fewer threads than forks would wait for ever.",
        "Processes cannot do it: a task in a process pool cannot wait for another one there.",
        "The serial way is one call of a function: forking work as small as this never pays.",
    ]
    title = f"a fork at each step of fib({deep}): what a fork and join costs"
    return Experiment("fork_join", title, "one fork", notes=notes), ways


def merged(left: list[float], right: list[float]) -> list[float]:
    """Merge two sorted lists; `list.sort` finds the two runs and merges them in C."""
    both = left + right
    both.sort()
    return both


def sort_by_join(numbers: list[float], depth: int = SORT_DEPTH) -> list[float]:
    """Sort the halves side by side, on the pool."""
    if not depth:
        return sorted(numbers)
    middle = len(numbers) // 2
    # The halves are lists of nobody else.
    halves = join(
        assume_send(lambda: sort_by_join(numbers[:middle], depth - 1)),
        assume_send(lambda: sort_by_join(numbers[middle:], depth - 1)),
    )
    return merged(*halves)


def sort_by_threads(numbers: list[float], depth: int = SORT_DEPTH) -> list[float]:
    """Sort one half on a new thread."""
    if not depth:
        return sorted(numbers)
    middle = len(numbers) // 2
    right: list[list[float]] = []
    thread = threading.Thread(
        target=lambda: right.append(sort_by_threads(numbers[middle:], depth - 1))
    )
    thread.start()
    left = sort_by_threads(numbers[:middle], depth - 1)
    thread.join()
    return merged(left, right[0])


def sort_piece(numbers: list[float]) -> list[float]:
    """Sort what one task gets."""
    return sorted(numbers)


def sort_by_pieces(executor: Executor, numbers: list[float]) -> list[float]:
    """Sort pieces, which need not wait for each other, then merge them here."""
    pieces = 1 << SORT_DEPTH
    size = -(-len(numbers) // pieces)
    parts = [numbers[first : first + size] for first in range(0, len(numbers), size)]
    runs: list[list[float]] = list(executor.map(sort_piece, parts))
    return merged_all(runs)


def merged_all(runs: list[list[float]]) -> list[float]:
    """Merge two and two until one is left.

    >>> merged_all([[1.0, 4.0], [2.0], [3.0]])
    [1.0, 2.0, 3.0, 4.0]
    """
    while len(runs) > 1:
        odd = runs[len(runs) // 2 * 2 :]
        runs = [merged(a, b) for a, b in zip(runs[::2], runs[1::2], strict=False)] + odd
    return runs[0]


def merge_sort(stage: Stage, plan: Plan) -> tuple[Experiment, list[Way]]:
    """Sort numbers by halves."""
    rng = Random(1)  # noqa: S311  # numbers to sort, no secrets
    length = plan.size(1_000_000, 100_000, 64)
    numbers = [rng.random() for _ in range(length)]
    expected = sorted(numbers)

    def way(name: str, call: Callable[[], list[float]], *, is_ours: bool = False) -> Way:
        return timed(name, call, is_right=equals(expected), is_ours=is_ours)

    def on_pool() -> list[float]:
        return stage.pool.install(assume_send(lambda: sort_by_join(numbers)))

    def in_place() -> list[float]:
        copy = numbers.copy()
        stage.pool.par_sort(copy)
        return copy

    ways = [
        way(OUR_JOIN, on_pool, is_ours=True),
        way("pythread_rs par_sort", in_place, is_ours=True),
        way(SERIAL, lambda: sorted(numbers)),
        way(THREADING, lambda: sort_by_threads(numbers)),
        way(EXECUTOR, lambda: sort_by_pieces(stage.executor, numbers)),
    ]
    if (processes := stage.processes) is not None:
        ways.append(way(PROCESSES, lambda: sort_by_pieces(processes, numbers)))
    notes = [
        f"{1 << SORT_DEPTH} pieces; serial is one call of `sorted`. Comparing keeps the GIL, "
        "so threads take turns while it is on."
    ]
    title = f"merge sort of {length:,} floats"
    return Experiment("merge_sort", title, "one sort", notes=notes), ways
