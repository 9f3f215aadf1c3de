"""TaskHandle: who owns a task, and how its result comes out."""

from __future__ import annotations

from typing import NoReturn, TypeVar, final

from pythread_rs import _ffi

__all__ = ["ScopedTaskHandle", "TaskHandle"]

T_co = TypeVar("T_co", covariant=True)


class _Handle(_ffi.TaskBase[T_co]):
    """What both kinds of handle share; the rest is C."""

    __slots__ = ("__weakref__",)
    __thread_send__ = "handle"

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
