"""ThreadPool: tasks, their results and panics, nesting, and the end of a pool."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import weakref
from concurrent.futures import CancelledError, as_completed, wait
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import pythread_rs.pool as pool_module
from pythread_rs import DeadlockError, Err, Ok, OwnershipError, Panic, SpawnError, move
from pythread_rs.ownership import MutableBorrowError, UseAfterMoveError, assume_send
from pythread_rs.panic import panic, set_hook, take_hook
from pythread_rs.pool import BroadcastContext, ScopedTaskHandle, TaskHandle, ThreadPool

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


# -- spawn -----------------------------------------------------------------------------------------


def test_spawn_returns_what_the_function_returned(pool: ThreadPool) -> None:
    assert pool.spawn(sum, [1, 2, 3]).join() == Ok(6)


def test_spawn_panics_come_out_of_join(pool: ThreadPool, quiet: list[str]) -> None:
    handle = pool.spawn(panic, "boom")
    match handle.join(DEADLINE):
        case Err(Panic() as error):
            assert str(error) == "boom"
            assert error.__traceback__ is not None
        case other:
            pytest.fail(f"not a panic: {other!r}")
    assert quiet == ["boom"]


def test_spawn_moves(pool: ThreadPool) -> None:
    def start() -> TaskHandle[int]:
        data = [1, 2, 3]
        return pool.spawn(move(lambda: sum(data)))

    assert start().join() == Ok(6)


def test_spawn_refuses_what_is_shared(pool: ThreadPool) -> None:
    data = [1, 2, 3]
    with pytest.raises(OwnershipError):
        pool.spawn(lambda: data.append(4))
    assert data == [1, 2, 3]


def test_spawn_on_a_closed_pool_gives_the_captures_back(
    make_pool: Callable[..., ThreadPool],
) -> None:
    pool = make_pool(1)
    pool.shutdown()

    def over(value: list[int]) -> Callable[[], list[int]]:
        return lambda: value

    f = over([1])
    assert f.__closure__ is not None
    with pytest.raises(RuntimeError, match="shut down"):
        pool.spawn(move(f))
    assert f.__closure__[0].cell_contents == [1]


def test_captures_are_dropped_before_join_returns(pool: ThreadPool) -> None:
    class Thing:
        pass

    def start() -> tuple[TaskHandle[None], weakref.ref[Thing]]:
        thing = Thing()
        watch = weakref.ref(thing)
        return pool.spawn(assume_send(partial(lambda _thing: None, thing))), watch

    handle, watch = start()
    assert handle.join(DEADLINE) == Ok(None)
    assert watch() is None


def test_handle_is_used_once(pool: ThreadPool) -> None:
    handle = pool.spawn(int)
    assert handle.join() == Ok(0)
    with pytest.raises(UseAfterMoveError, match="joined once"):
        handle.join()
    with pytest.raises(UseAfterMoveError):
        handle.detach()
    assert repr(handle) == "TaskHandle { used, .. }"


def test_join_times_out_and_leaves_the_handle(make_pool: Callable[..., ThreadPool]) -> None:
    pool = make_pool(1)
    gate = threading.Event()
    handle = pool.spawn(gate.wait, DEADLINE)
    with pytest.raises(TimeoutError, match=r"has not finished after 0\.01 seconds"):
        handle.join(0.01)
    assert not handle.is_finished()
    gate.set()
    assert handle.join(DEADLINE) == Ok(True)


def test_spawn_order_from_outside_is_first_in_first_out(
    make_pool: Callable[..., ThreadPool],
) -> None:
    pool = make_pool(1)
    gate, seen = threading.Event(), list[int]()
    pool.submit(gate.wait, DEADLINE)
    futures = [pool.submit(seen.append, i) for i in range(10)]
    gate.set()
    wait(futures, DEADLINE)
    assert seen == list(range(10))


def test_spawn_from_a_worker_runs_the_newest_first(make_pool: Callable[..., ThreadPool]) -> None:
    pool = make_pool(1)
    seen: list[int] = []

    def parent() -> list[TaskHandle[None]]:
        return [pool.spawn(assume_send(partial(seen.append, i))) for i in range(5)]

    for handle in pool.submit(parent).result(DEADLINE):
        handle.join(DEADLINE)
    assert seen == [4, 3, 2, 1, 0]


def test_spawn_fifo_from_a_worker_runs_the_oldest_first(
    make_pool: Callable[..., ThreadPool],
) -> None:
    pool = make_pool(1)
    seen: list[int] = []

    def parent() -> list[TaskHandle[None]]:
        spawn = pool_module.spawn_fifo
        handles = [spawn(assume_send(partial(seen.append, i))) for i in range(3)]
        return [*handles, pool.spawn_fifo(assume_send(partial(seen.append, 3)))]

    handles = pool.submit(parent).result(DEADLINE)
    pool.shutdown()
    assert seen == [0, 1, 2, 3]
    assert [handle.join() for handle in handles] == [Ok(None)] * 4

    def start() -> None:
        data = [1]
        with pytest.raises(OwnershipError):
            pool.spawn_fifo(lambda: data.append(4))
        assert data == [1]

    start()


def test_panic_handler_stands_for_the_hook(
    make_pool: Callable[..., ThreadPool], quiet: list[str]
) -> None:
    told: list[BaseException] = []
    pool = make_pool(1, panic_handler=told.append)
    result = pool.spawn(panic, "boom").join(DEADLINE)
    assert result == Err(told[0])
    assert quiet == []


# -- waiting inside --------------------------------------------------------------------------------


def test_tasks_wait_for_tasks_at_any_depth(pool: ThreadPool) -> None:
    def nested(depth: int) -> int:
        return (
            0
            if depth == 0
            else 1 + pool.spawn(assume_send(partial(nested, depth - 1))).join().unwrap()
        )

    assert pool.spawn(assume_send(partial(nested, 50))).join(DEADLINE) == Ok(50)


def test_futures_wait_for_futures_at_any_depth(pool: ThreadPool) -> None:
    def nested(depth: int) -> int:
        return 0 if depth == 0 else 1 + pool.submit(nested, depth - 1).result(DEADLINE)

    assert pool.submit(nested, 50).result(DEADLINE) == 50


def test_everything_nests_in_everything(pool: ThreadPool) -> None:
    def work(depth: int) -> int:
        if depth == 0:
            return 1
        left, right = pool.join(lambda: work(depth - 1), lambda: work(depth - 1))
        with pool.scope() as s:
            handle = s.spawn(assume_send(lambda: work(depth - 1)))
        mapped = pool.par_map(assume_send(work), [depth - 1] * 3)
        return left + right + handle.join().unwrap() + sum(mapped) + pool.install(work, depth - 1)

    assert work(3) == 7**3


def test_a_task_that_joins_itself_is_told(pool: ThreadPool) -> None:
    box: list[Any] = []
    ready = threading.Event()

    def join_oneself() -> None:
        ready.wait(DEADLINE)
        with pytest.raises(DeadlockError):
            box[0].join()

    box.append(pool.spawn(assume_send(join_oneself)))
    ready.set()
    assert pool.submit(int).result(DEADLINE) == 0 or True
    deadline = time.monotonic() + DEADLINE
    while not box[0].is_finished() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert box[0].join(DEADLINE) == Ok(None)


def test_a_joiner_runs_nobody_who_waits_for_it(make_pool: Callable[..., ThreadPool]) -> None:
    """A helper that took the second task would stop the first one below it for ever."""
    pool = make_pool(2)
    started, queued, go = threading.Event(), threading.Event(), threading.Event()
    box: list[Any] = []

    def child() -> bool:
        started.set()
        return go.wait(DEADLINE)

    def first() -> bool:
        running = pool.submit(child)
        queued.wait(DEADLINE)
        return running.result(DEADLINE)

    def second() -> bool:
        return bool(box[0].result(DEADLINE))

    box.append(pool.submit(first))
    started.wait(DEADLINE)
    waiting = pool.submit(second)
    queued.set()
    deadline = time.monotonic() + DEADLINE
    while not pool._core.statistics()["waiting"] and not waiting.done():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    go.set()
    assert waiting.result(DEADLINE)


# -- join, install, scope, broadcast ---------------------------------------------------------------


def test_join_returns_both(pool: ThreadPool) -> None:
    assert pool.join(lambda: 1, lambda: "b") == (1, "b")


def test_join_runs_both_and_the_first_panic_wins(pool: ThreadPool) -> None:
    ran: list[str] = []

    def fail(name: str) -> None:
        ran.append(name)
        raise ValueError(name)

    with pytest.raises(ValueError, match="a") as caught:
        pool.join(assume_send(partial(fail, "a")), assume_send(partial(fail, "b")))
    assert sorted(ran) == ["a", "b"]
    assert caught.traceback[-1].name == "fail"
    with pytest.raises(ValueError, match="b"):
        pool.join(lambda: None, assume_send(partial(fail, "b")))


def test_join_refuses_two_that_change_one_thing(pool: ThreadPool) -> None:
    data = [1]
    with pytest.raises(MutableBorrowError):
        pool.join(lambda: data.append(2), lambda: data.append(3))
    assert data == [1]


def test_join_overflow(pool: ThreadPool) -> None:
    """Rayon's test of this name: deeper than the stack is a panic, not a crash."""

    def infinite(n: int) -> tuple[Any, Any]:
        return pool_module.join(lambda: infinite(n + 1), lambda: None)

    with pytest.raises(RecursionError):
        pool.install(infinite, 0)
    assert pool.install(lambda: 5) == 5


def test_join_without_functions_names_shutdown(pool: ThreadPool) -> None:
    with pytest.raises(TypeError, match="shutdown"):
        pool.join()


def test_install_runs_on_a_worker(pool: ThreadPool) -> None:
    assert pool.current_thread_index() is None
    assert pool.install(pool.current_thread_index) in range(pool.num_threads)
    assert pool.install(pool.install, pool_module.current_thread_index) is not None
    with pytest.raises(ZeroDivisionError):
        pool.install(divmod, 1, 0)


def test_scope_waits_for_tasks_of_tasks(pool: ThreadPool) -> None:
    from pythread_rs.sync.atomic import AtomicI64

    count = AtomicI64(0)
    with pool.scope() as s:

        def more(depth: int) -> None:
            count.fetch_add(1)
            if depth:
                for _ in range(3):
                    s.spawn(assume_send(more), depth - 1)

        s.spawn(assume_send(more), 4)
    assert count.load() == sum(3**n for n in range(5))


def test_scope_raises_the_first_panic_as_it_is(pool: ThreadPool) -> None:
    with pytest.raises(ZeroDivisionError), pool.scope() as s:
        s.spawn(divmod, 1, 0)
    with pytest.raises(KeyError), pool.scope() as s:
        s.spawn(divmod, 1, 0)
        raise KeyError


def test_scope_lets_a_joined_panic_be(pool: ThreadPool) -> None:
    with pool.scope() as s:
        handle = s.spawn(divmod, 1, 0)
        assert isinstance(handle.join(DEADLINE).unwrap_err(), ZeroDivisionError)
    assert isinstance(handle, ScopedTaskHandle)
    with pytest.raises(RuntimeError, match="closed"):
        s.spawn(int)


def test_scope_borrows(pool: ThreadPool) -> None:
    data = [1, 2, 3]
    with pool.scope() as s:
        a = s.spawn(lambda: sum(data))
        b = s.spawn(lambda: len(data))
    assert (a.join(), b.join()) == (Ok(6), Ok(3))
    with pytest.raises(MutableBorrowError), pool.scope() as s:
        s.spawn(lambda: data.append(4))
        s.spawn(lambda: data.append(5))


def test_broadcast_runs_once_on_each_worker(pool: ThreadPool) -> None:
    def here(context: BroadcastContext) -> tuple[int, int | None, int]:
        return context.index, pool.current_thread_index(), context.num_threads

    n = pool.num_threads
    assert pool.broadcast(here) == [(i, i, n) for i in range(n)]
    assert pool.install(pool.broadcast, here) == [(i, i, n) for i in range(n)]


def test_broadcast_reaches_workers_that_wait(make_pool: Callable[..., ThreadPool]) -> None:
    pool = make_pool(2)
    assert pool.install(
        lambda: pool.join(
            assume_send(lambda: pool.broadcast(lambda context: context.index)),
            assume_send(lambda: pool.broadcast(lambda context: context.index)),
        )
    ) == ([0, 1], [0, 1])


def test_broadcast_panics_when_all_have_ended(pool: ThreadPool) -> None:
    def fail(context: BroadcastContext) -> None:
        raise ValueError(context.index)

    with pytest.raises(ValueError, match="0"):
        pool.broadcast(fail)


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


# -- stress ----------------------------------------------------------------------------------------


def test_stress_with_a_short_switch_interval(pool: ThreadPool) -> None:
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:

        def fib(n: int) -> int:
            return n if n < 2 else sum(pool_module.join(lambda: fib(n - 1), lambda: fib(n - 2)))

        handles = [pool.spawn(sum, [i]) for i in range(500)]
        futures = [pool.submit(pow, i, 2) for i in range(500)]
        assert pool.install(fib, 12) == 144
        assert [h.join(DEADLINE) for h in handles] == [Ok(i) for i in range(500)]
        assert [f.result(DEADLINE) for f in futures] == [i * i for i in range(500)]
        assert pool.par_map(lambda n: n + 1, range(5000)) == list(range(1, 5001))
    finally:
        sys.setswitchinterval(old)


@pytest.mark.parametrize("make", [lambda p: p.spawn(int), lambda p: p.scope()])
def test_handles_stay_here(pool: ThreadPool, make: Callable[[ThreadPool], Any]) -> None:
    import copy
    import pickle

    handle = make(pool)
    if isinstance(handle, TaskHandle):
        with pytest.raises(TypeError, match="cannot be copied"):
            copy.copy(handle)
        with pytest.raises(TypeError, match="comes from spawn"):
            TaskHandle()
    with pytest.raises(TypeError):
        pickle.dumps(handle)


# -- futures ---------------------------------------------------------------------------------------


def test_futures_that_nobody_waits_for_are_no_burden(make_pool: Callable[..., ThreadPool]) -> None:
    """The collector would look at a million of them again and again."""
    pool = make_pool(1)
    gate = threading.Event()
    pool.submit(gate.wait, DEADLINE)
    futures = [pool.submit(int) for _ in range(3)]
    listed = pool.submit(lambda: [0])
    assert not any(map(gc.is_tracked, [*futures, listed]))
    gate.set()
    pool.shutdown()
    assert [f.result() for f in futures] == [0, 0, 0]
    assert not any(map(gc.is_tracked, futures))
    assert gc.is_tracked(listed)  # a list may hold its future


@pytest.mark.parametrize("tie", ["result", "attribute", "callback"])
def test_futures_in_cycles_are_collected(make_pool: Callable[..., ThreadPool], tie: str) -> None:
    pool = make_pool(1)

    def tied() -> weakref.ref[Any]:
        box: list[Any] = []
        gate = threading.Event()
        pool.submit(gate.wait, DEADLINE)
        future = pool.submit(lambda: box if tie == "result" else None)
        box.append(future)
        if tie == "attribute":
            future.itself = future  # type: ignore[attr-defined]
        if tie == "callback":
            future.add_done_callback(box.append)
        gate.set()
        pool.shutdown()
        return weakref.ref(future)

    watch = tied()
    gc.collect()
    assert watch() is None


def test_a_future_is_one_of_the_library(pool: ThreadPool) -> None:
    from concurrent.futures import Future

    gate = threading.Event()
    pool.submit(gate.wait, DEADLINE)
    for _ in range(pool.num_threads):
        pool.submit(gate.wait, DEADLINE)
    late = pool.submit(int)
    assert isinstance(late, Future)
    assert "pending" in repr(late)
    told: list[Any] = []
    late.add_done_callback(told.append)
    with pytest.raises(TimeoutError):
        late.result(timeout=0.001)
    assert late.cancel()
    assert told == [late]
    assert late.cancelled()
    with pytest.raises(CancelledError):
        late.result()
    gate.set()
    failed = pool.submit(divmod, 1, 0)
    assert isinstance(failed.exception(DEADLINE), ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        failed.result(DEADLINE)
    with pytest.raises(TypeError, match="comes from submit"):
        type(late)()
    with pytest.raises(TypeError, match="unexpected keyword"):
        failed.result(seconds=1)  # type: ignore[call-arg]
