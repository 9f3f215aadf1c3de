"""TaskHandle: who owns a task, and how its result comes out."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NoReturn, TypeVar, final

from pythread_rs import _ffi
from pythread_rs._runtime import Bell, aside
from pythread_rs.result import Result

__all__ = ["ScopedTaskHandle", "TaskHandle"]

T_co = TypeVar("T_co", covariant=True)


class _Handle(_ffi.TaskBase[T_co]):
    """What both kinds of handle share; the rest is C."""

    __slots__ = ("__weakref__",)
    __thread_send__ = "handle"

    def __await__(self) -> Generator[Any, None, Result[T_co, BaseException]]:
        """Wait for the task of the pool in a task of asyncio and take its result, as `join` does.

        The event loop goes on meanwhile, and no other thread waits. Who is cancelled, also by a
        timeout, leaves the pool's task running and the handle as it was. A loop that itself runs
        on a worker of the pool calls a function that nobody has begun at once, as `join` does:
        there may be no other worker.

        Returns:
            What `join` returns.

        Raises:
            UseAfterMoveError: the handle was joined, awaited or detached before.
            DeadlockError: the task awaits itself.
            RuntimeError: no event loop of asyncio runs here.

        Blocks: the task of asyncio only.
        Thread safety: any number of tasks, in any loops; one of them gets the result.

        >>> import asyncio
        >>> from pythread_rs.pool import ThreadPool
        >>> async def main():
        ...     with ThreadPool(1) as pool:
        ...         return await pool.spawn(sum, [1, 2, 3])
        >>> asyncio.run(main())
        Ok(6)
        """
        if self._state != "used":
            if _ffi.current_pool() is not None:
                aside(self._run_here)  # or nobody might, if this is the only worker
            bell = self._bell(Bell)
            if bell is not None:
                yield from bell.heard()
        return self.join()

    def __repr__(self) -> str:
        return f"{type(self).__name__} {{ {self._state}, .. }}"

    def __copy__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} owns its task: it cannot be copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} owns its task: it cannot be pickled")


@final
class TaskHandle(_Handle[T_co]):
    """The owner of a task of a pool: join it, or drop the handle and the task is on its own.

    Thread safety: every method, from any thread; of several threads that join, one gets the
    result and the others get `UseAfterMoveError`.

    Mirrors `std::thread::JoinHandle`; rayon's tasks have none.

    >>> from pythread_rs.pool import ThreadPool
    >>> with ThreadPool(2) as pool:
    ...     handle = pool.spawn(sum, [1, 2, 3])
    >>> handle.join()
    Ok(6)
    """

    __module__ = "pythread_rs.pool"
    __slots__ = ()


@final
class ScopedTaskHandle(_Handle[T_co]):
    """The handle of a task of a scope. Dropping it does not detach: the scope waits anyway.

    Thread safety: as `TaskHandle`.

    Mirrors `std::thread::ScopedJoinHandle`; rayon's tasks have none.

    >>> from pythread_rs.pool import ThreadPool
    >>> with ThreadPool(2) as pool, pool.scope() as s:
    ...     handle = s.spawn(sum, [1, 2, 3])
    >>> handle.join()
    Ok(6)
    """

    __module__ = "pythread_rs.pool"
    __slots__ = ()
