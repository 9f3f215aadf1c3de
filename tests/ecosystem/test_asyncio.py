"""asyncio: loops that wait for our threads, and loops inside them."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from pythread_rs import Builder, Err, Ok, park, scope, sleep

# Closures here share what they test with the test itself.
spawn = Builder().spawn_unchecked

SECONDS = 10.0


# -- A loop waits for our threads. -----------------------------------------------------------------


def test_a_join_in_to_thread_leaves_the_loop_free() -> None:
    async def main() -> tuple[object, int]:
        handle = spawn(park)
        joining = asyncio.create_task(asyncio.to_thread(handle.join, SECONDS))
        turns = 0
        while not joining.done():
            await asyncio.sleep(0.001)
            turns += 1
            if turns == 5:
                handle.thread.unpark()
        return joining.result(), turns

    result, turns = asyncio.run(main())
    assert result == Ok(None)
    assert turns >= 5


def test_spawn_and_join_inside_of_an_executor() -> None:
    def work(number: int) -> int:
        return spawn(pow, number, 2).join().unwrap()

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(4) as pool:
            jobs = [loop.run_in_executor(pool, work, n) for n in range(20)]
            return await asyncio.gather(*jobs)

    assert asyncio.run(main()) == [n * n for n in range(20)]


def test_a_thread_hands_its_result_to_a_loop() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(10)]

        def work(number: int) -> None:
            loop.call_soon_threadsafe(futures[number].set_result, number)

        handles = [spawn(work, n) for n in range(10)]
        values = await asyncio.wait_for(asyncio.gather(*futures), SECONDS)
        assert all(handle.join() == Ok(None) for handle in handles)
        return values

    assert asyncio.run(main()) == list(range(10))


def test_a_thread_runs_a_coroutine_in_the_loop_of_another() -> None:
    async def add(one: int, other: int) -> int:
        await asyncio.sleep(0)
        return one + other

    async def main() -> object:
        loop = asyncio.get_running_loop()

        def work() -> int:
            return asyncio.run_coroutine_threadsafe(add(1, 2), loop).result(SECONDS)

        return await asyncio.to_thread(spawn(work).join)

    assert asyncio.run(main()) == Ok(3)


def test_a_scope_in_a_coroutine_blocks_and_returns() -> None:
    async def main() -> int:
        with scope() as s:
            handle = s.spawn(pow, 2, 5)
        await asyncio.sleep(0)
        return handle.join().unwrap()

    assert asyncio.run(main()) == 32


# -- A loop inside of our thread. ------------------------------------------------------------------


async def nested(depth: int) -> int:
    """A loop in a thread in a loop in a thread."""
    await asyncio.sleep(0)
    if depth == 0:
        return 0
    return 1 + (await asyncio.to_thread(lambda: spawn(run_nested, depth - 1).join().unwrap()))


def run_nested(depth: int) -> int:
    return asyncio.run(nested(depth))


def test_a_loop_runs_in_our_thread() -> None:
    assert spawn(run_nested, 3).join() == Ok(3)


def test_one_worker_runs_many_loops() -> None:
    async def loop_and_thread() -> tuple[int, int]:
        await asyncio.sleep(0)
        return id(asyncio.get_running_loop()), threading.get_ident()

    for _ in range(20):
        assert spawn(lambda: asyncio.run(loop_and_thread())).join().is_ok()


def test_no_loop_is_left_for_the_next_thread() -> None:
    def leave_one() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        asyncio._set_running_loop(loop)
        loop.close()

    def look() -> object:
        return asyncio._get_running_loop()

    assert spawn(leave_one).join() == Ok(None)
    assert spawn(look).join() == Ok(None)


def test_an_exception_in_a_coroutine_is_the_panic() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError("in a coroutine")

    match spawn(lambda: asyncio.run(fails())).join():
        case Err(LookupError() as error):
            assert str(error) == "in a coroutine"
        case other:
            raise AssertionError(other)


def test_a_thread_can_cancel_a_task() -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(asyncio.sleep(SECONDS))
        handle = spawn(lambda: loop.call_soon_threadsafe(task.cancel))
        try:
            await task
        except asyncio.CancelledError:
            return handle.join().is_ok()
        return False

    assert asyncio.run(main())


def test_a_child_process_in_a_loop_in_our_thread() -> None:
    async def run_child() -> tuple[bytes, int | None]:
        program = "print('from the child')"
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(child.communicate(), SECONDS)
        return out.strip(), child.returncode

    assert spawn(lambda: asyncio.run(run_child())).join() == Ok((b"from the child", 0))


def test_asyncio_timers_are_not_held_up_by_sleeping_threads() -> None:
    async def main() -> float:
        handles = [spawn(sleep, 0.1) for _ in range(5)]
        began = time.monotonic()
        await asyncio.sleep(0.01)
        took = time.monotonic() - began
        assert all([await asyncio.to_thread(handle.join) == Ok(None) for handle in handles])
        return took

    assert asyncio.run(main()) < SECONDS / 2


def test_async_generator_hooks_of_a_loop_are_gone_afterwards() -> None:
    def hooks() -> list[object]:
        return list(sys.get_asyncgen_hooks())

    async def leave() -> None:
        sys.set_asyncgen_hooks(firstiter=print, finalizer=print)

    coroutine = leave()

    def drive() -> None:
        try:
            coroutine.send(None)
        except StopIteration:
            pass

    assert spawn(drive).join() == Ok(None)
    assert spawn(hooks).join() == Ok([None, None])
