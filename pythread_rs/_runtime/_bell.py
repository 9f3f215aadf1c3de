"""Bell: how an event loop hears that a thread has ended, without a thread that waits for it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from asyncio import Future

__all__ = ["Bell", "aside"]


@final
class Bell:
    """Rung once, by the thread that ends; heard in any number of asyncio's event loops.

    The thread calls it when nothing of its closure is left. A waiter stores its future and then
    looks whether the bell has rung; the bell notes that it rings and then looks for futures. One
    of the two sees the other, with a GIL and without.
    """

    __slots__ = ("_rung", "_waiting")

    def __init__(self) -> None:
        self._rung = False
        self._waiting: dict[Future[None], None] = {}

    def __call__(self) -> None:
        """Ring: wake the loops. A second call goes on where an interrupted one stopped."""
        self._rung = True
        for future in list(self._waiting):
            _wake(future)
            self._waiting.pop(future, None)

    @property
    def has_rung(self) -> bool:
        """Whether it was called."""
        return self._rung

    @property
    def waiters(self) -> int:
        """How many still wait for it."""
        return len(self._waiting)

    def heard(self) -> Generator[Any, None, None]:
        """Suspend the calling task until the bell has rung.

        Raises:
            RuntimeError: no event loop of asyncio runs here.
            CancelledError: the task was cancelled; nothing of it stays behind.
        """
        future = _new_future()
        self._waiting[future] = None
        try:
            if not self._rung:
                yield from future
        finally:
            self._waiting.pop(future, None)


def aside(function: Callable[[], object]) -> None:
    """Call a function inside a task of asyncio as if no event loop ran here: it may run one.

    These are the functions that asyncio has for event loops and tasks made by others.
    """
    import asyncio

    loop = asyncio._get_running_loop()
    task = None if loop is None else asyncio.current_task(loop)
    if loop is not None and task is not None:
        asyncio._leave_task(loop, task)
    asyncio._set_running_loop(None)
    try:
        function()
    finally:
        asyncio._set_running_loop(loop)
        if loop is not None and task is not None:
            asyncio._enter_task(loop, task)


def _new_future() -> Future[None]:
    from asyncio import get_running_loop

    try:
        return get_running_loop().create_future()
    except RuntimeError:
        raise RuntimeError(
            "`await handle` needs a running event loop of asyncio; elsewhere call `join`, "
            "on a thread that may block"
        ) from None


def _wake(future: Future[None]) -> None:
    try:
        future.get_loop().call_soon_threadsafe(_finish, future)
    except RuntimeError:  # the loop was closed: nobody listens any more
        return


def _finish(future: Future[None]) -> None:
    if not future.done():  # else it was cancelled meanwhile
        future.set_result(None)
