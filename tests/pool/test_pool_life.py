"""ThreadPool: how it is built and ended, and how it stands in for an executor."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from concurrent.futures import CancelledError, as_completed
from functools import partial
from typing import TYPE_CHECKING

import pytest

import pythread_rs.pool as pool_module
from pythread_rs import Ok, SpawnError
from pythread_rs.panic import panic, set_hook, take_hook
from pythread_rs.pool import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE = 10.0


@pytest.fixture
def quiet() -> Iterator[list[str]]:
    """Keep panics off stderr and tell of them."""
    seen: list[str] = []
    set_hook(lambda info: seen.append(info.message))
    yield seen
    take_hook()


# -- the pool --------------------------------------------------------------------------------------


def test_handlers_and_names(make_pool: Callable[..., ThreadPool]) -> None:
    seen: list[tuple[str, int, str]] = []

    def note(what: str, index: int) -> None:
        seen.append((what, index, threading.current_thread().name))

    pool = make_pool(
        2,
        name=lambda i: f"w{i}",
        start_handler=partial(note, "start"),
        exit_handler=partial(note, "exit"),
    )
    pool.shutdown()
    assert sorted(seen) == [(w, i, f"w{i}") for w in ("exit", "start") for i in (0, 1)]
    assert (
        make_pool(1, name="mine").submit(lambda: threading.current_thread().name).result(DEADLINE)
        == "mine-0"
    )


def test_a_handler_that_panics_ends_nothing(
    make_pool: Callable[..., ThreadPool], quiet: list[str]
) -> None:
    pool = make_pool(
        1, start_handler=lambda _: panic("start"), exit_handler=lambda _: panic("exit")
    )
    assert pool.submit(int).result(DEADLINE) == 0
    pool.shutdown()
    assert quiet == ["start", "exit"]


def test_number_of_threads(
    make_pool: Callable[..., ThreadPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHREAD_RS_NUM_THREADS", "3")
    assert make_pool().num_threads == make_pool(0).num_threads == 3
    assert pool_module.global_pool().num_threads == 3
    monkeypatch.setenv("PYTHREAD_RS_NUM_THREADS", "many")
    with pytest.raises(ValueError, match="PYTHREAD_RS_NUM_THREADS"):
        ThreadPool()


def test_build_errors() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ThreadPool(-1)
    with pytest.raises(TypeError, match="int"):
        ThreadPool(2.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="handler"):
        ThreadPool(1, start_handler=5)  # type: ignore[arg-type]
    with pytest.raises(SpawnError):
        ThreadPool(2, stack_size=2**60)


def test_a_dropped_pool_finishes_what_it_took(make_pool: Callable[..., ThreadPool]) -> None:
    del make_pool
    gate = threading.Event()
    pool = ThreadPool(1)
    core = weakref.ref(pool)
    futures = [pool.submit(gate.wait, DEADLINE) for _ in range(5)]
    handle = pool.spawn(gate.wait, DEADLINE)
    del pool
    gc.collect()
    assert core() is None
    gate.set()
    assert [future.result(DEADLINE) for future in futures] == [True] * 5
    assert handle.join(DEADLINE) == Ok(True)


def test_shutdown_cancels_what_has_not_begun(make_pool: Callable[..., ThreadPool]) -> None:
    pool = make_pool(1)
    begun, gate = threading.Event(), threading.Event()

    def occupy() -> bool:
        begun.set()
        return gate.wait(DEADLINE)

    first = pool.submit(occupy)
    begun.wait(DEADLINE)
    rest = [pool.submit(int) for _ in range(5)]
    handle = pool.spawn(int)
    pool.shutdown(wait=False, cancel_futures=True)
    gate.set()
    assert first.result(DEADLINE)
    assert all(future.cancelled() for future in rest)
    with pytest.raises(CancelledError):
        rest[0].result()
    assert handle.join(DEADLINE) == Ok(0)  # no future: accepted is accepted


def test_shutdown_from_a_worker_is_refused(pool: ThreadPool) -> None:
    with pytest.raises(RuntimeError, match="own pool"):
        pool.submit(pool.shutdown).result(DEADLINE)


# -- executors -------------------------------------------------------------------------------------


def test_asyncio_runs_in_the_pool(pool: ThreadPool) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*[loop.run_in_executor(pool, pow, n, 2) for n in range(20)])

    assert asyncio.run(main()) == [n * n for n in range(20)]


def test_as_completed_and_map(pool: ThreadPool) -> None:
    futures = [pool.submit(pow, n, 2) for n in range(10)]
    assert sorted(f.result() for f in as_completed(futures, DEADLINE)) == [n * n for n in range(10)]
    assert list(pool.map(pow, range(5), range(5))) == [1, 1, 4, 27, 256]


def test_result_of_a_slow_future_times_out_on_a_worker(
    make_pool: Callable[..., ThreadPool],
) -> None:
    pool = make_pool(2)
    gate = threading.Event()
    slow = pool.submit(gate.wait, DEADLINE)
    begun = pool.submit(lambda: time.sleep(0.05))
    begun.result(DEADLINE)
    with pytest.raises(TimeoutError):
        pool.submit(slow.result, 0.01).result(DEADLINE)
    gate.set()
