"""What mypy --strict and pyright must infer about `pythread_rs.pool` and `await`; all is right."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from typing import assert_type

from pythread_rs import JoinHandle, Result, move, scope, spawn
from pythread_rs import pool as pools
from pythread_rs.pool import BroadcastContext, PoolScope, ScopedTaskHandle, TaskHandle, ThreadPool


def length(text: str, *, times: int = 1) -> int:
    return len(text) * times


def tasks(pool: ThreadPool) -> None:
    assert_type(pool.spawn(length, "a", times=2), TaskHandle[int])
    assert_type(pool.spawn(move(lambda: "a")), TaskHandle[str])
    assert_type(pool.spawn_fifo(length, "a"), TaskHandle[int])
    assert_type(pools.spawn(length, "a"), TaskHandle[int])
    assert_type(pools.spawn_fifo(length, "a"), TaskHandle[int])
    assert_type(pool.spawn(length, "a").join(0.5), Result[int, BaseException])
    assert_type(pool.spawn(length, "a").is_finished(), bool)
    pool.spawn(length, "a").detach()


def borrowing(pool: ThreadPool) -> None:
    assert_type(pool.join(lambda: 1, lambda: "b"), tuple[int, str])
    assert_type(pools.join(lambda: 1, lambda: "b"), tuple[int, str])
    assert_type(pool.install(length, "a", times=3), int)
    assert_type(pools.install(length, "a"), int)
    assert_type(pool.broadcast(lambda context: context.index), list[int])
    assert_type(pools.broadcast(width), list[int])
    with pool.scope() as s:
        assert_type(s, PoolScope)
        assert_type(s.spawn(length, "a"), ScopedTaskHandle[int])
    assert_type(pool.current_thread_index(), int | None)
    assert_type(pool.num_threads, int)


def width(context: BroadcastContext) -> int:
    return context.num_threads


def numbers() -> Iterator[int]:
    yield 1


def bulks(pool: ThreadPool) -> None:
    assert_type(pool.par_map(str, range(3)), list[str])
    assert_type(pools.par_map(lambda n: n + 0.5, numbers(), progress=True), list[float])
    assert_type(pool.par_filter(bool, [1, 2], progress=None), list[int])
    assert_type(pool.par_reduce(max, [1, 2]), int)
    assert_type(pool.par_reduce(max, [1, 2], 0), int)
    assert_type(pool.par_chunks(len, "abc", 2, progress=print), list[int])
    pool.par_for_each(print, {"a": 1})
    pool.par_sort([2, 1], key=lambda n: -n, reverse=True)


def executors(pool: ThreadPool) -> None:
    executor: Executor = pool
    assert_type(pool.submit(length, "a", times=2), Future[int])
    assert_type(executor.submit(length, "a"), Future[int])
    assert_type(next(as_completed([pool.submit(length, "a")])).result(), int)
    assert_type(list(pool.map(length, ["a"])), list[int])
    assert_type(pools.spawn_on(ThreadPoolExecutor(), length, "a"), JoinHandle[int])
    pool.shutdown(wait=False, cancel_futures=True)


def made() -> ThreadPool:
    return ThreadPool(
        2,
        name=lambda index: f"worker {index}",
        stack_size=2**20,
        start_handler=print,
        exit_handler=print,
        panic_handler=print,
    )


async def awaited(pool: ThreadPool) -> None:
    assert_type(await spawn(length, "a"), Result[int, BaseException])
    assert_type(await pool.spawn(length, "a"), Result[int, BaseException])
    with pool.scope() as s:
        assert_type(await s.spawn(length, "a"), Result[int, BaseException])
    with scope() as t:
        assert_type(await t.spawn(length, "a"), Result[int, BaseException])
