"""Mistakes with `pythread_rs.pool` and `await` that mypy --strict and pyright must both report.

Every line that ends in the mark is wrong, and no other line is.
"""

from __future__ import annotations

from pythread_rs import pool as pools
from pythread_rs import spawn
from pythread_rs.pool import ThreadPool


def length(text: str) -> int:
    return len(text)


def tasks(pool: ThreadPool) -> None:
    pool.spawn(length)  # E
    pool.spawn(length, 1)  # E
    pool.spawn_fifo(length, "a", "b")  # E
    pool.submit(length, text=1)  # E
    pools.spawn(5)  # E
    pool.spawn(length, "a").join().upper()  # E
    pool.spawn(length, "a").result()  # E
    pool.submit(length, "a").join()  # E
    pool.spawn(length, "a").join("1")  # E


def borrowing(pool: ThreadPool) -> None:
    pool.install(length)  # E
    pool.broadcast(length)  # E
    pool.join(lambda: 1, length)  # E
    pool.scope().join()  # E
    pool.num_threads = 5  # E
    pool.join(made, made, made)  # E


def bulks(pool: ThreadPool) -> None:
    pool.par_map(length, [1])  # E
    pool.par_map(length, 5)  # E
    pool.par_chunks(len, "abc")  # E
    pool.par_sort((1, 2))  # E
    pool.par_map(length, ["a"], progress=5)  # E
    pool.par_map(length, ["a"])[0].upper()  # E


def made() -> None:
    ThreadPool("2")  # E
    ThreadPool(2, 3)  # E
    ThreadPool(start_handler=5)  # E


async def awaited(pool: ThreadPool) -> None:
    (await spawn(length, "a")).upper()  # E
    (await pool.spawn(length, "a")) + 1  # E
    await pool  # E
    await pool.submit(length, "a")  # E
