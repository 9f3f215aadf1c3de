"""`await handle`: the result comes to a task of asyncio, and no thread waits for it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs import (
    Builder,
    DeadlockError,
    Err,
    JoinHandle,
    Ok,
    UseAfterMoveError,
    move,
    native,
    scope,
    spawn,
    thread_local,
)
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


# ---- what it gives -------------------------------------------------------------------------------


def test_it_gives_what_join_gives(gate: threading.Event) -> None:
    async def main() -> None:
        handle = spawn(gate.wait, SECONDS)
        asyncio.get_running_loop().call_later(0.001, gate.set)
        assert await handle == Ok(True)
        assert "join, .." in repr(handle)

    run(main())


def test_a_panic_is_the_exception_itself(
    gate: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        gate.wait(SECONDS)
        raise ValueError("no")

    async def main() -> None:
        handle = spawn_unchecked(fail)
        asyncio.get_running_loop().call_soon(gate.set)
        match await handle:
            case Err(ValueError() as error):
                assert error.__traceback__ is not None
            case other:
                pytest.fail(repr(other))

    run(main())
    assert "panicked" in capsys.readouterr().err


def test_a_finished_thread_needs_no_turn_of_the_loop() -> None:
    handle = spawn(int)
    while not handle.is_finished():
        pass
    waiting = handle.__await__()
    with pytest.raises(StopIteration) as ended:
        next(waiting)
    assert ended.value.value == Ok(0)


def test_thread_locals_are_destroyed_before_it_goes_on() -> None:
    log: list[str] = []

    class Noisy:
        def __del__(self) -> None:
            log.append("destroyed")

    ours = thread_local(Noisy)
    theirs = threading.local()

    def use() -> None:
        ours.with_(lambda _: None)
        theirs.value = Noisy()

    async def main() -> None:
        for made in (Builder(), Builder(dedicated=True)):
            log.clear()
            assert (await made.spawn_unchecked(use)).is_ok()
            assert log == ["destroyed", "destroyed"]

    run(main())


def test_a_slow_destructor_holds_up_the_task_and_not_the_loop() -> None:
    began, go_on = threading.Event(), threading.Event()
    was_told: list[bool] = []

    class Slow:
        def __del__(self) -> None:
            began.set()
            was_told.append(go_on.wait(SECONDS))  # a loop that joins meanwhile cannot tell it

    theirs = threading.local()

    def use() -> None:
        theirs.value = Slow()

    async def main() -> None:
        for made in (Builder(), Builder(dedicated=True)):
            began.clear()
            go_on.clear()
            task = asyncio.ensure_future(made.spawn_unchecked(use))
            await until(began.is_set)
            await asyncio.sleep(0.01)  # time for a bell that rings too early
            go_on.set()
            assert await task == Ok(None)
        assert was_told == [True, True]

    run(main())


def test_no_other_thread_waits(gate: threading.Event) -> None:
    async def main() -> None:
        before = threading.active_count()
        handles = [spawn(gate.wait, SECONDS) for _ in range(5)]
        await until(lambda: threading.active_count() == before + 5)
        tasks = [asyncio.ensure_future(handle) for handle in handles]
        await until(lambda: all(bell_of(handle).waiters == 1 for handle in handles))
        assert threading.active_count() == before + 5
        gate.set()
        assert await asyncio.gather(*tasks) == [Ok(True)] * 5

    run(main())


def test_gather_keeps_the_order(gate: threading.Event) -> None:
    async def main() -> None:
        last = spawn(gate.wait, SECONDS)
        handles = [spawn(pow, n, 2) for n in range(4)]
        asyncio.get_running_loop().call_later(0.001, gate.set)
        assert await asyncio.gather(last, *handles) == [Ok(True), *map(Ok, (0, 1, 4, 9))]

    run(main())


def test_scoped_threads_are_awaited_in_the_block(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        with scope() as s:
            assert await s.spawn(sum, [1, 2]) == Ok(3)
            assert (await s.spawn(int, "x")).is_err()  # and does not leave the scope again

    run(main())
    assert "panicked" in capsys.readouterr().err


def test_a_native_function_rings_though_it_has_no_python() -> None:
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef("int usleep(unsigned int microseconds);")
    libc = ffi.dlopen(None)

    async def main() -> None:
        for dedicated in (False, True):
            handle = native.spawn(libc.usleep, 50_000, dedicated=dedicated)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(handle, 0.001)
            bell = bell_of(handle)
            assert await handle == Ok(0)
            assert bell.has_rung
        assert await spawn(int) == Ok(0)  # its worker serves for Python as before
        handles = [native.spawn(libc.usleep, n) for n in range(20)]
        assert await asyncio.gather(*handles) == [Ok(0)] * 20

    run(main())


def test_a_moved_closure() -> None:
    async def main() -> None:
        def start() -> JoinHandle[int]:
            data = [1, 2, 3]
            return spawn(move(lambda: sum(data)))

        assert await start() == Ok(6)

    run(main())


# ---- misuse --------------------------------------------------------------------------------------


def test_the_second_await_is_a_use_after_move() -> None:
    async def main() -> None:
        handle = spawn(int)
        assert await handle == Ok(0)
        with pytest.raises(UseAfterMoveError, match="join"):
            await handle
        with pytest.raises(UseAfterMoveError, match="join"):
            handle.join()
        detached = spawn(int)
        detached.detach()
        with pytest.raises(UseAfterMoveError, match="detach"):
            await detached

    run(main())


def test_of_two_tasks_one_gets_the_result(gate: threading.Event) -> None:
    async def main() -> None:
        handle = spawn(gate.wait, SECONDS)

        async def wait() -> object:
            return await handle

        tasks = [asyncio.create_task(wait()) for _ in range(3)]
        await until(lambda: bell_of(handle).waiters == 3)
        gate.set()
        got = await asyncio.gather(*tasks, return_exceptions=True)
        assert got.count(Ok(True)) == 1
        assert sum(isinstance(one, UseAfterMoveError) for one in got) == 2

    run(main())


def test_a_thread_cannot_await_itself(gate: threading.Event) -> None:
    handles: list[JoinHandle[Any]] = []

    def own() -> str:
        async def main() -> None:
            await handles[0]

        gate.wait(SECONDS)
        with pytest.raises(DeadlockError):
            asyncio.run(main())
        return "refused"

    handles.append(spawn_unchecked(own))
    gate.set()
    assert handles[0].join(SECONDS) == Ok("refused")


def test_without_a_loop_it_says_what_to_do(gate: threading.Event) -> None:
    handle = spawn(gate.wait, SECONDS)
    with pytest.raises(RuntimeError, match="needs a running event loop of asyncio"):
        next(handle.__await__())
    gate.set()
    assert handle.join(SECONDS) == Ok(True)


# ---- cancellation --------------------------------------------------------------------------------


def test_a_timeout_leaves_the_handle_as_it_was(gate: threading.Event) -> None:
    async def main() -> None:
        handle = spawn(gate.wait, SECONDS)
        bell = bell_of(handle)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(handle, 0.001)
            assert bell.waiters == 0
        assert "running, .." in repr(handle)
        gate.set()
        assert await asyncio.wait_for(handle, SECONDS) == Ok(True)

    run(main())


def test_a_cancelled_task_leaves_the_handle_as_it_was(gate: threading.Event) -> None:
    async def main() -> None:
        handle = spawn(gate.wait, SECONDS)
        task = asyncio.ensure_future(handle)
        await until(lambda: bell_of(handle).waiters == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bell_of(handle).waiters == 0
        assert not handle.is_finished()
        gate.set()
        assert handle.join(SECONDS) == Ok(True)

    run(main())


def test_a_task_cancelled_when_the_bell_has_rung_leaves_the_result(gate: threading.Event) -> None:
    async def main() -> None:
        handle = spawn(gate.wait, SECONDS)
        task = asyncio.ensure_future(handle)
        bell = bell_of(handle)
        await until(lambda: bell.waiters == 1)
        (future,) = bell._waiting
        gate.set()
        # Before the task, which the same future wakes up right afterwards.
        asyncio.get_running_loop().call_soon(future.add_done_callback, lambda _: None)
        await until(future.done)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await handle == Ok(True)

    run(main())
