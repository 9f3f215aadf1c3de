"""`await handle` when loops, handles and processes go away, and a bell alone."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import Builder, JoinHandle, Ok, UseAfterMoveError, spawn
from pythread_rs._runtime import Bell

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

SECONDS = 10.0  # a deadline; nothing should come near it

# Closures here share what they test with the test itself.
spawn_unchecked = Builder().spawn_unchecked


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What the threads of a test wait for; open at the latest when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine, in debug mode, with a deadline."""

    async def limited() -> None:
        async with asyncio.timeout(SECONDS):
            await main

    asyncio.run(limited(), debug=True)


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks go on until something is so; the deadline is that of `run`."""
    while not condition():  # noqa: ASYNC110  # what is waited for has no event
        await asyncio.sleep(0)


def bell_of(handle: JoinHandle[Any]) -> Bell:
    """Return the bell of a thread that still runs."""
    assert handle._packet is not None
    bell = handle._packet.bell(Bell)
    assert isinstance(bell, Bell)
    return bell


# ---- loops that go away --------------------------------------------------------------------------


def test_a_loop_that_ends_first_leaves_nothing(gate: threading.Event) -> None:
    handle = spawn(gate.wait, SECONDS)

    async def main() -> None:
        waiting = asyncio.ensure_future(handle)
        await until(lambda: bell_of(handle).waiters == 1)
        assert not waiting.done()  # asyncio.run cancels it

    run(main())
    assert bell_of(handle).waiters == 0
    gate.set()
    assert handle.join(SECONDS) == Ok(True)


def test_a_loop_closed_under_its_task_harms_nobody(gate: threading.Event) -> None:
    handle = spawn(gate.wait, SECONDS)
    loop = asyncio.new_event_loop()

    async def wait() -> object:
        return await handle

    task = loop.create_task(wait())
    while bell_of(handle).waiters == 0:
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    bell = bell_of(handle)
    gate.set()
    assert handle.join(SECONDS) == Ok(True)
    assert bell.has_rung
    assert bell.waiters == 0
    task.get_coro().close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # the misuse is this test's


def test_a_task_is_kept_alive_by_what_it_awaits(gate: threading.Event) -> None:
    async def main() -> None:
        handle = spawn(gate.wait, SECONDS)
        done = asyncio.Event()

        async def wait() -> None:
            assert await handle == Ok(True)
            done.set()

        task = weakref.ref(asyncio.create_task(wait()))
        await until(lambda: bell_of(handle).waiters == 1)
        gc.collect()
        assert task() is not None
        gate.set()
        await done.wait()

    run(main())


def test_nothing_is_kept_of_a_handle_that_was_awaited() -> None:
    class Thing:
        pass

    async def main() -> weakref.ref[Any]:
        thing = Thing()
        seen = weakref.ref(thing)
        handle = spawn_unchecked(lambda: thing)
        result = await handle
        assert result.is_ok()
        return seen

    seen = asyncio.run(main())
    gc.collect()
    assert seen() is None


def test_several_loops_hear_of_one_end(gate: threading.Event) -> None:
    handle = spawn(gate.wait, SECONDS)
    bell = bell_of(handle)

    async def wait() -> object:
        return await handle

    def loop() -> object:
        try:
            return asyncio.run(asyncio.wait_for(wait(), SECONDS))
        except UseAfterMoveError:
            return "late"

    loops = [spawn_unchecked(loop) for _ in range(3)]
    while bell.waiters < 3:
        pass
    gate.set()
    got = [loop.join(SECONDS).unwrap() for loop in loops]
    assert sorted(map(str, got)) == ["Ok(True)", "late", "late"]


def test_many_ends_and_awaits_meet_in_any_order() -> None:
    async def main() -> None:
        for n in range(300):
            assert await spawn(abs, -n) == Ok(n)
        handles = [spawn(abs, -n) for n in range(100)]
        assert await asyncio.gather(*handles) == [Ok(n) for n in range(100)]

    run(main())


def test_uvloop(gate: threading.Event) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        handle = spawn(gate.wait, SECONDS)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(handle, 0.001)
        asyncio.get_running_loop().call_later(0.001, gate.set)
        assert await handle == Ok(True)
        assert await asyncio.gather(*[spawn(abs, -n) for n in range(20)]) == [*map(Ok, range(20))]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


# ---- a bell alone --------------------------------------------------------------------------------


def test_a_bell_that_has_rung_lets_nobody_wait() -> None:
    async def main() -> None:
        bell = Bell()
        bell()
        waiting = bell.heard()
        with pytest.raises(StopIteration):
            next(waiting)
        assert bell.waiters == 0

    run(main())


def test_a_second_ring_goes_on_where_the_first_was_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        bell = Bell()
        waiting = [bell.heard() for _ in range(2)]
        futures = [next(one) for one in waiting]
        loop = asyncio.get_running_loop()
        with monkeypatch.context() as patch:
            patch.setattr(loop, "call_soon_threadsafe", interrupt, raising=True)
            with pytest.raises(KeyboardInterrupt):
                bell()
        bell()
        for future, one in zip(futures, waiting, strict=True):
            await until(future.done)
            with pytest.raises(StopIteration):
                next(one)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    run(main())


# ---- the end of the process ----------------------------------------------------------------------


def test_exit_while_a_handle_is_awaited(run_child: Any) -> None:
    """The thread is cut off; the loop and its task go without a word."""
    child = run_child(
        """
        import asyncio, threading
        from pythread_rs import spawn

        async def main():
            asyncio.get_running_loop().slow_callback_duration = 60  # it would be told of
            handle = spawn(threading.Event().wait)
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
        from pythread_rs import Err, JoinError, spawn

        warnings.simplefilter("ignore")
        gate = threading.Event()
        handle = spawn(gate.wait)

        async def main():
            return await handle

        if (pid := os.fork()) == 0:
            result = asyncio.run(main())
            os._exit(7 if isinstance(result.err(), JoinError) else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        gate.set()
        print(asyncio.run(main()))
        """
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "7\nOk(True)\n", "")
