"""The asyncio forms: nothing lost, nothing doubled, and no thread behind them."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pythread_rs import Err, Ok, _ffi
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.sync import SelectTimeoutError, mpmc, mpsc, never, select_async
from pythread_rs.sync.mpmc import RecvError, SendError

RunAll = Callable[..., list[Any]]
DEADLINE = 10.0


def run(main: Awaitable[Any]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(DEADLINE):
            return await main

    return asyncio.run(limited())


async def until_waiting(task: asyncio.Task[Any]) -> None:
    """Let the task run as far as it gets."""
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()


def test_recv_and_send_that_need_not_wait() -> None:
    async def main() -> None:
        tx, rx = mpsc.channel()
        assert await tx.send_async([1]) == Ok(None)
        assert await rx.recv_async() == Ok([1])
        tx.drop()
        assert await rx.recv_async() == Err(RecvError())
        tx, rx = mpsc.channel()
        rx.drop()
        assert await tx.send_async(2) == Err(SendError(2))
        with pytest.raises(UseAfterMoveError):
            await rx.recv_async()

    run(main())


def test_a_thread_wakes_a_task() -> None:
    async def main() -> None:
        tx, rx = mpmc.sync_channel(0)
        receiving = asyncio.create_task(rx.recv_async())
        await until_waiting(receiving)
        sending = asyncio.create_task(asyncio.to_thread(tx.send, "from a thread"))
        assert await receiving == Ok("from a thread")
        assert await sending == Ok(None)
        task = asyncio.create_task(tx.send_async("to a thread"))
        await until_waiting(task)
        assert await asyncio.to_thread(rx.recv) == Ok("to a thread")
        assert await task == Ok(None)

    run(main())


def test_async_for() -> None:
    async def main() -> list[int]:
        tx, rx = mpsc.sync_channel(3)

        def send() -> None:
            for i in range(300):
                tx.send(i)
            tx.drop()

        thread = threading.Thread(target=send)
        thread.start()
        received = [message async for message in rx]
        thread.join(DEADLINE)
        return received

    assert run(main()) == list(range(300))


def test_no_thread_is_started() -> None:
    async def main() -> None:
        pairs = [mpmc.sync_channel(0) for _ in range(50)]
        before = threading.active_count()
        tasks = [asyncio.create_task(rx.recv_async()) for _, rx in pairs]
        await until_waiting(tasks[-1])
        assert (threading.active_count(), _ffi.statistics()["live"]) == (before, 0)
        sends = [tx.send_async(i) for i, (tx, _) in enumerate(pairs)]
        assert await asyncio.gather(*sends) == [Ok(None)] * 50
        assert await asyncio.gather(*tasks) == [Ok(i) for i in range(50)]

    run(main())


@pytest.mark.parametrize("direction", ["recv", "send"])
def test_disconnect_wakes_every_task(direction: str) -> None:
    async def main() -> None:
        tx, rx = mpmc.sync_channel(0)
        make = rx.recv_async if direction == "recv" else lambda: tx.send_async("back")
        tasks = [asyncio.create_task(make()) for _ in range(10)]
        await until_waiting(tasks[-1])
        await asyncio.to_thread(tx.drop if direction == "recv" else rx.drop)
        error = RecvError() if direction == "recv" else SendError("back")
        assert await asyncio.gather(*tasks) == [Err(error)] * 10

    run(main())


def test_tasks_wait_in_their_order() -> None:
    async def main() -> None:
        tx, rx = mpmc.channel()
        tasks: list[asyncio.Task[Any]] = []
        for _ in range(5):
            tasks.append(asyncio.create_task(rx.recv_async()))
            await until_waiting(tasks[-1])
        for i in range(5):
            tx.send(i)
        assert await asyncio.gather(*tasks) == [Ok(i) for i in range(5)]

    run(main())


# ---- cancellation -----------------------------------------------------------


def test_a_cancelled_task_takes_nothing() -> None:
    async def main() -> None:
        tx, rx = mpmc.sync_channel(0)
        task = asyncio.create_task(rx.recv_async())
        await until_waiting(task)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert tx.try_send(1).is_err()  # nobody waits any more
        sending = asyncio.create_task(tx.send_async(1))
        await until_waiting(sending)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert rx.try_recv().is_err()

    run(main())


def test_a_message_that_came_before_the_cancellation_goes_back() -> None:
    async def main() -> None:
        tx, rx = mpmc.channel()
        task = asyncio.create_task(rx.recv_async())
        await until_waiting(task)
        tx.send("first")  # given to the task, which has not run yet
        tx.send("second")
        assert rx.len() == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [*rx.try_iter()] == ["first", "second"]

    run(main())


def test_a_message_of_a_cancelled_task_goes_to_the_next() -> None:
    async def main() -> None:
        tx, rx = mpmc.channel()
        first, second = (asyncio.create_task(rx.recv_async()) for _ in range(2))
        await until_waiting(second)
        tx.send("m")
        first.cancel()
        assert await second == Ok("m")

    run(main())


def test_wait_for() -> None:
    async def main() -> None:
        tx, rx = mpsc.channel()
        for _ in range(20):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(rx.recv_async(), 0.0005)
        tx.send(1)
        assert await asyncio.wait_for(rx.recv_async(), 5) == Ok(1)

    run(main())


def test_a_dropped_coroutine_takes_nothing() -> None:
    async def main() -> None:
        tx, rx = mpmc.sync_channel(0)
        coroutine = rx.recv_async()
        coroutine.send(None)
        sent = asyncio.create_task(tx.send_async("m"))
        await asyncio.sleep(0)
        del coroutine
        assert await rx.recv_async() == Ok("m")
        await sent
        rx.recv_async().close()  # one that never ran
        coroutine = tx.send_async("dropped")
        coroutine.send(None)
        coroutine.close()
        assert rx.try_recv().is_err()

    run(main())


def test_cancellation_at_random_moments_loses_nothing() -> None:
    count = 100

    async def main() -> list[int]:
        tx, rx = mpmc.sync_channel(1)
        chance = random.Random(1)
        received: list[int] = []

        async def receive() -> None:
            while True:
                received.append((await rx.recv_async()).unwrap())

        thread = threading.Thread(target=lambda: [tx.send(i) for i in range(count)])
        thread.start()
        while len(received) < count:
            task = asyncio.create_task(receive())
            for _ in range(chance.randrange(6)):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        thread.join(DEADLINE)
        assert rx.is_empty()
        return received

    assert run(main()) == list(range(count))


# ---- loops ------------------------------------------------------------------


def test_several_loops_on_one_channel(run_all: RunAll) -> None:
    tx, rx = mpmc.sync_channel(2)
    tx2, rx2 = tx.clone(), rx.clone()

    def receive(rx: Any) -> list[int]:
        async def main() -> list[int]:
            return [message async for message in rx]

        received: list[int] = run(main())
        return received

    def send(tx: Any, first: int) -> None:
        async def main() -> None:
            for i in range(first, first + 300):
                await tx.send_async(i)
            tx.drop()

        run(main())

    one, other, *_ = run_all(
        lambda: receive(rx), lambda: receive(rx2), lambda: send(tx, 0), lambda: send(tx2, 300)
    )
    assert sorted(one + other) == list(range(600))


def test_a_message_for_a_closed_loop_goes_back() -> None:
    tx, rx = mpmc.channel()
    loop = asyncio.new_event_loop()
    coroutine = rx.recv_async()

    async def start() -> None:
        coroutine.send(None)

    loop.run_until_complete(start())
    loop.close()
    assert tx.send("kept") == Ok(None)
    assert rx.try_recv() == Ok("kept")
    tx.send("again")
    assert rx.try_recv() == Ok("again")
    coroutine.close()


def forgotten_wait(tx: Any, rx: Any) -> weakref.ref[Any]:
    """Leave a task behind that waits, with its loop closed."""

    async def wait(tx: Any) -> None:
        await rx.recv_async()

    loop = asyncio.new_event_loop()
    task: Any = loop.create_task(wait(tx))
    task._log_destroy_pending = False
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    return weakref.ref(task)


def test_a_forgotten_task_is_collected() -> None:
    """A wait holds its task while a message may come, and no longer."""
    tx, rx = mpmc.channel()
    seen = forgotten_wait(tx, rx)
    del rx
    gc.collect()
    assert seen() is not None
    del tx
    gc.collect()
    assert seen() is None  # its sender was held by nobody else


def test_a_forgotten_task_ends_with_its_channel() -> None:
    tx, rx = mpmc.channel()
    seen = forgotten_wait(None, rx)
    del rx
    gc.collect()
    assert seen() is not None
    tx.drop()
    gc.collect()
    assert seen() is None


def test_a_wait_keeps_its_task_alive() -> None:
    """A task that nobody holds goes on when its message comes."""

    async def main() -> None:
        tx, rx = mpsc.channel()
        done = asyncio.Event()

        async def wait() -> None:
            await rx.recv_async()
            done.set()

        _ = asyncio.create_task(wait())
        del _
        await asyncio.sleep(0)
        gc.collect()
        tx.send(1)
        await done.wait()

    run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_fork_from_a_loop(run_child: Any) -> None:
    done = run_child("""
        import asyncio, os, warnings
        from pythread_rs.sync import mpmc

        warnings.simplefilter("ignore", DeprecationWarning)
        tx, rx = mpmc.channel()

        async def child():
            tx.send("in the child")
            return await rx.recv_async()

        async def main():
            task = asyncio.create_task(rx.recv_async())
            await asyncio.sleep(0)
            if (pid := os.fork()) == 0:
                # The parent's task is not here: what comes in the child is the child's.
                asyncio._set_running_loop(None)
                os._exit(0 if asyncio.run(child()).unwrap() == "in the child" else 1)
            status = os.waitpid(pid, 0)[1]
            tx.send("in the parent")
            print(status, (await task).unwrap())

        asyncio.run(main())
    """)
    assert (done.stdout, done.stderr) == ("0 in the parent\n", "")


def test_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> list[int]:
        tx, rx = mpsc.sync_channel(1)
        task = asyncio.create_task(asyncio.to_thread(lambda: [tx.send(i) for i in range(50)]))
        received = [(await rx.recv_async()).unwrap() for _ in range(50)]
        await task
        return received

    assert uvloop.run(main()) == list(range(50))


def test_without_a_loop() -> None:
    _tx, rx = mpsc.channel()
    coroutine = rx.recv_async()
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)


# ---- select -----------------------------------------------------------------


def test_select_async() -> None:
    async def main() -> None:
        (tx1, rx1), (tx2, rx2) = mpmc.channel(), mpmc.sync_channel(0)
        assert await select_async(rx1, rx2, timeout=0.001) == (None, Err(SelectTimeoutError()))
        assert await select_async(rx1, default=7) == (None, Ok(7))
        assert await select_async(rx2, tx1.sending(1), never()) == (1, Ok(None))
        assert await select_async(rx2, rx1) == (1, Ok(1))
        task = asyncio.create_task(select_async(rx1, tx2.sending("v")))
        await until_waiting(task)
        assert await asyncio.to_thread(rx2.recv) == Ok("v")
        assert await task == (1, Ok(None))
        with pytest.raises(ValueError, match="no operations"):
            await select_async()

    run(main())


def test_a_cancelled_select_gives_the_value_back() -> None:
    async def main() -> None:
        (tx1, rx1), (tx2, rx2) = mpmc.sync_channel(0), mpmc.channel()
        sending = tx1.sending("kept")
        task = asyncio.create_task(select_async(sending, rx2))
        await until_waiting(task)
        tx2.send("back")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        assert sending.into_inner() == "kept"
        assert (rx2.try_recv(), rx1.try_recv().is_err()) == (Ok("back"), True)

    run(main())
