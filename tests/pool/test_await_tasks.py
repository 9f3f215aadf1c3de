"""`await handle` of a task of a pool: cancellation, loops that go away, and loops on workers."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import DeadlockError, Err, Ok, UseAfterMoveError, move
from pythread_rs._runtime import Bell
from pythread_rs.ownership import assume_send
from pythread_rs.pool import TaskHandle, ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

SECONDS = 10.0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What the tasks of a test wait for; open at the latest when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a test's coroutine, in debug mode, with a deadline."""
    return asyncio.run(asyncio.wait_for(main, SECONDS), debug=True)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # what is waited for has no event
        await asyncio.sleep(0)


def waiters(handle: TaskHandle[Any]) -> int:
    bell = handle._bell(Bell)
    return 0 if bell is None else bell.waiters


def test_it_gives_what_join_gives(pool: ThreadPool, gate: threading.Event) -> None:
    async def main() -> None:
        handle = pool.spawn(gate.wait, SECONDS)
        asyncio.get_running_loop().call_later(0.001, gate.set)
        assert await handle == Ok(True)
        with pytest.raises(UseAfterMoveError):
            await handle
        assert await asyncio.gather(*[pool.spawn(abs, -n) for n in range(100)]) == [
            Ok(n) for n in range(100)
        ]

        def start() -> TaskHandle[int]:
            data = [1, 2, 3]
            return pool.spawn(move(lambda: sum(data)))

        assert await start() == Ok(6)

    run(main())


def test_a_panic_is_the_exception_itself(
    pool: ThreadPool, gate: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        gate.wait(SECONDS)
        raise ValueError("no")

    async def main() -> None:
        handle = pool.spawn(assume_send(fail))
        asyncio.get_running_loop().call_soon(gate.set)
        match await handle:
            case Err(ValueError() as error):
                assert error.__traceback__ is not None
            case other:
                pytest.fail(repr(other))

    run(main())
    assert "panicked" in capsys.readouterr().err


def test_tasks_of_a_scope(pool: ThreadPool) -> None:
    async def main() -> None:
        with pool.scope() as s:
            handle = s.spawn(sum, [1, 2])
            assert await handle == Ok(3)
            assert (await s.spawn(int, "x")).is_err()  # and does not leave the scope again

    run(main())


def test_who_is_cancelled_leaves_the_handle(pool: ThreadPool, gate: threading.Event) -> None:
    async def main() -> None:
        handle = pool.spawn(gate.wait, SECONDS)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(handle, 0.001)
            assert waiters(handle) == 0
        task = asyncio.ensure_future(handle)
        await until(lambda: waiters(handle) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert waiters(handle) == 0
        assert not handle.is_finished()
        gate.set()
        assert await handle == Ok(True)

    run(main())


def test_of_two_that_await_one_gets_the_result(pool: ThreadPool, gate: threading.Event) -> None:
    async def main() -> None:
        handle = pool.spawn(gate.wait, SECONDS)

        async def wait() -> object:
            return await handle

        tasks = [asyncio.create_task(wait()) for _ in range(3)]
        await until(lambda: waiters(handle) == 3)
        gate.set()
        got = await asyncio.gather(*tasks, return_exceptions=True)
        assert got.count(Ok(True)) == 1
        assert sum(isinstance(one, UseAfterMoveError) for one in got) == 2

    run(main())


def test_a_loop_that_goes_away_harms_nobody(pool: ThreadPool, gate: threading.Event) -> None:
    handle = pool.spawn(gate.wait, SECONDS)

    async def main() -> None:
        waiting = asyncio.ensure_future(handle)
        await until(lambda: waiters(handle) == 1)
        assert not waiting.done()  # asyncio.run cancels it

    run(main())
    assert waiters(handle) == 0
    loop = asyncio.new_event_loop()

    async def wait() -> object:
        return await handle

    task = loop.create_task(wait())
    while waiters(handle) == 0:
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()  # under its task
    bell = handle._bell(Bell)
    assert bell is not None
    gate.set()
    assert handle.join(SECONDS) == Ok(True)
    pool.shutdown()
    assert bell.has_rung
    assert bell.waiters == 0
    task.get_coro().close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # the misuse is this test's


def test_without_a_loop_it_says_what_to_do(pool: ThreadPool, gate: threading.Event) -> None:
    handle = pool.spawn(gate.wait, SECONDS)
    with pytest.raises(RuntimeError, match="needs a running event loop of asyncio"):
        next(handle.__await__())
    gate.set()
    assert handle.join(SECONDS) == Ok(True)


def test_a_loop_on_the_only_worker_runs_what_it_awaits(pool: ThreadPool) -> None:
    """Nobody else would: no deadlock when tasks wait for tasks."""

    def own(depth: int) -> int:
        async def main() -> int:
            if depth == 0:
                return 0
            handles = [pool.spawn(assume_send(partial(own, depth - 1))) for _ in range(2)]
            return 1 + sum([result.unwrap() for result in await asyncio.gather(*handles)])

        return asyncio.run(main())

    assert pool.spawn(assume_send(partial(own, 3))).join(SECONDS) == Ok(7)


def test_a_task_cannot_await_itself(pool: ThreadPool, gate: threading.Event) -> None:
    handles: list[TaskHandle[Any]] = []

    def own() -> str:
        async def main() -> None:
            await handles[0]

        gate.wait(SECONDS)
        with pytest.raises(DeadlockError):
            asyncio.run(main())
        return "refused"

    handles.append(pool.spawn(assume_send(own)))
    gate.set()
    assert handles[0].join(SECONDS) == Ok("refused")


def test_nothing_is_kept_of_a_handle_that_was_awaited(pool: ThreadPool) -> None:
    class Thing:
        pass

    async def main() -> weakref.ref[Any]:
        thing = Thing()
        result = await pool.spawn(assume_send(lambda: thing))
        assert result.is_ok()
        return weakref.ref(thing)

    seen = run(main())
    gc.collect()
    assert seen() is None


def test_exit_while_a_handle_is_awaited(run_child: Any) -> None:
    child = run_child(
        """
        import asyncio, threading
        from pythread_rs.pool import ThreadPool

        async def main():
            handle = ThreadPool(1).spawn(threading.Event().wait)
            try:
                await asyncio.wait_for(handle, 0.01)
            except TimeoutError:
                print("late", flush=True)

        asyncio.run(main(), debug=True)
        """
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "late\n", "")


def test_the_child_of_a_fork_gets_a_join_error(run_child: Any) -> None:
    pytest.importorskip("pwd")  # no fork on Windows
    child = run_child(
        """
        import asyncio, os, threading, warnings
        from pythread_rs import JoinError
        from pythread_rs.pool import ThreadPool

        warnings.simplefilter("ignore")
        gate = threading.Event()
        pool = ThreadPool(1)
        handles = [pool.spawn(gate.wait) for _ in range(2)]

        async def main():
            return [await handle for handle in handles]

        if (pid := os.fork()) == 0:
            results = asyncio.run(main())
            os._exit(7 if all(isinstance(r.err(), JoinError) for r in results) else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        gate.set()
        print(asyncio.run(main()))
        """
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "7\n[Ok(True), Ok(True)]\n", "")
