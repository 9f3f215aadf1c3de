"""The asyncio forms: operations that a task waits for, without a thread."""

# ruff: noqa: ASYNC109 - `timeout` is what the thread forms call it

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from pythread_rs import _ffi
from pythread_rs.result import Err, Ok
from pythread_rs.sync._select import _NOTHING, SelectTimeoutError, check_not_empty

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from datetime import timedelta

    from pythread_rs.result import Result
    from pythread_rs.sync._select import Operation, Sending

__all__ = ["AsyncReceiver", "select_async"]

_D = TypeVar("_D")
_T_co = TypeVar("_T_co", covariant=True)

_NO_WAIT = 0.0


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _waker(
    loop: asyncio.AbstractEventLoop,
    running: Callable[[], asyncio.AbstractEventLoop | None],
    future: asyncio.Future[None],
) -> Callable[[], None]:
    """Return what the thread that ends the wait calls; it raises when the loop is closed."""

    def wake() -> None:
        if running() is loop:
            _settle(future)
        else:
            loop.call_soon_threadsafe(_settle, future)

    return wake


def _smaller(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


async def _at_the_latest(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[None], delay: float
) -> None:
    handle = loop.call_later(delay, _settle, future)
    try:
        await future
    finally:
        handle.cancel()


async def _wait(operations: tuple[Any, ...], timeout: float | None) -> tuple[int, Any] | None:
    """Wait under the running loop; a task that is cancelled puts back what it was given."""
    # Whoever gets here has asyncio; whoever does not need not wait for its import.
    import asyncio

    loop = asyncio.get_running_loop()
    deadline = None if timeout is None else loop.time() + timeout
    ticket = _ffi.Ticket(operations)
    try:
        while True:
            future = loop.create_future()
            found = ticket.arm(_waker(loop, asyncio._get_running_loop, future))
            if found is not None:
                return found
            left = None if deadline is None else deadline - loop.time()
            if left is not None and left <= 0:
                return ticket.collect()
            delay = _smaller(ticket.delay(), left)
            await (future if delay is None else _at_the_latest(loop, future, delay))
            found = ticket.collect()
            if found is not None:
                return found
    finally:
        ticket.cancel()


async def _perform(operations: tuple[Any, ...], timeout: float | None) -> tuple[int, Any] | None:
    found: tuple[int, Any] | None = _ffi.select(operations, _NO_WAIT, None, False, False)
    return await _wait(operations, timeout) if found is None else found


async def _send(sending: Sending[Any]) -> Any:
    found = await _perform((sending,), None)
    assert found is not None  # there was no timeout
    return found[1]


_ffi.set_send_async(_send)


class AsyncReceiver(Generic[_T_co]):
    """The asyncio forms of a receiver."""

    __slots__ = ()

    async def recv_async(self) -> Result[_T_co, Any]:
        """Wait for a message in a coroutine: `await rx.recv_async()`.

        A message is in the channel or with a task that goes on with it: one that is cancelled
        takes none. `asyncio.timeout` and `asyncio.wait_for` limit the wait.

        Returns:
            As `recv`.

        Raises:
            UseAfterMoveError: the receiver was dropped.
            RuntimeError: no event loop runs, or the interpreter is exiting.

        Blocks: no thread; the task waits.
        Thread safety: any thread, under its own running event loop.

        Not in Rust's std; tokio's `Receiver::recv`.

        >>> import asyncio
        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> async def main():
        ...     return tx.send(1), await rx.recv_async()
        >>> asyncio.run(main())
        (Ok(None), Ok(1))
        """
        found = await _perform((self,), None)
        assert found is not None  # there was no timeout
        result: Result[_T_co, Any] = found[1]
        return result

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _T_co:
        result = await self.recv_async()
        if isinstance(result, Ok):
            return result.value
        raise StopAsyncIteration


@overload
async def select_async(*operations: Operation) -> tuple[int, Result[Any, Any]]: ...
@overload
async def select_async(
    *operations: Operation, timeout: float | timedelta | None
) -> tuple[int | None, Result[Any, Any]]: ...
@overload
async def select_async(
    *operations: Operation, default: _D, timeout: float | timedelta | None = 0.0
) -> tuple[int, Result[Any, Any]] | tuple[None, Ok[_D]]: ...
async def select_async(
    *operations: Operation,
    timeout: float | timedelta | None = None,
    default: Any = _NOTHING,
) -> tuple[int | None, Any]:
    """Wait in a coroutine until one of several operations has happened: `select` for asyncio.

    Args:
        operations: as for `select`.
        timeout: seconds to wait at most, or a timedelta; None waits for ever.
        default: as for `select`.

    Returns:
        As `select`.

    Raises:
        ValueError: there is no operation, and no timeout and no default.
        TypeError, UseAfterMoveError: as `select`.
        RuntimeError: no event loop runs, or the interpreter is exiting.

    Blocks: no thread; the task waits.
    Thread safety: any thread, under its own running event loop.

    Not in Rust's std; tokio's `select!`.

    >>> import asyncio
    >>> from pythread_rs.sync import after, mpsc
    >>> tx, rx = mpsc.channel()
    >>> async def main():
    ...     which, _ = await select_async(rx, after(0.001))
    ...     return which
    >>> asyncio.run(main())
    1
    """
    if timeout is None and default is not _NOTHING:
        timeout = _NO_WAIT
    check_not_empty(operations, waits_for_ever=timeout is None)
    wait = None if timeout is None else _ffi.nanoseconds(timeout) / 1e9
    found = await _perform(operations, None if wait is None or wait < 0 else wait)
    if found is not None:
        return found
    return None, Err(SelectTimeoutError()) if default is _NOTHING else Ok(default)
