"""PoolScope: tasks that may borrow, since they end before the block does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, final

from pythread_rs import _ffi
from pythread_rs.ownership._scoped import Lending
from pythread_rs.pool._handle import ScopedTaskHandle

__all__ = ["PoolScope"]

P = ParamSpec("P")
T = TypeVar("T")


@final
class PoolScope(_ffi.TaskScopeBase):
    """A block that waits for every task spawned in it on the way out.

    Thread safety: `spawn` from any thread, the scope's own tasks included.

    Mirrors `rayon::Scope`.

    >>> from pythread_rs.pool import ThreadPool
    >>> with ThreadPool(2) as pool, pool.scope() as s:
    ...     handles = [s.spawn(pow, n, 2) for n in range(4)]
    >>> [handle.join().unwrap() for handle in handles]
    [0, 1, 4, 9]
    """

    __module__ = "pythread_rs.pool"
    __slots__ = ("_core", "_lending", "_panics", "_state", "_waiting")
    __thread_send__ = "sync"

    def __init__(self, core: _ffi.PoolBase) -> None:
        self._core = core
        self._state = "new"
        self._waiting: list[ScopedTaskHandle[Any]] = []
        self._panics: list[BaseException] = []
        self._lending = Lending()

    def spawn(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> ScopedTaskHandle[T]:
        """Run `f(*args, **kwargs)` on a worker before the scope ends.

        Args:
            f: any callable; what it borrows is checked as by `thread.Scope.spawn`.
            *args: its positional arguments.
            **kwargs: its keyword arguments.

        Returns:
            A handle; whether it is joined or dropped, the scope waits for the task.

        Raises:
            TypeError: `f` is not callable.
            OwnershipError: it would change what others use meanwhile.
            RuntimeError: the scope is not open, or the pool is shut down.

        Blocks: no.
        Thread safety: any thread, a task of the scope included.

        Mirrors `rayon::Scope::spawn`.
        """
        closure = [f, args, kwargs]
        del f, args, kwargs
        if self._state != "open":
            raise RuntimeError(f"cannot spawn on a scope that is {self._state}")
        moved, on_end = self._lending.give(closure)
        del on_end  # what it borrowed stays borrowed until the scope ends, as in Rust
        try:
            handle: ScopedTaskHandle[T] = self._core.lend(
                ScopedTaskHandle, closure, self._panics.append, self._waiting
            )
        except RuntimeError:
            if moved is not None:
                moved._give_back(closure)
            raise
        return handle

    def __enter__(self) -> PoolScope:
        if self._state != "new":
            raise RuntimeError(f"a scope serves for one block; this one is {self._state}")
        self._state = "open"
        return self

    def _leave(self, error: BaseException | None, interrupt: BaseException | None) -> None:
        """Raise what has to be raised, when every task has ended (called by `__exit__`)."""
        self._state = "closed"
        left = {id(panic) for task in self._waiting if (panic := task._panic()) is not None}
        first = next((panic for panic in self._panics if id(panic) in left), None)
        self._waiting.clear()
        self._panics.clear()
        self._lending.end()
        if interrupt is not None:
            raise interrupt
        if error is None and first is not None:
            try:
                raise first
            finally:
                del first, left  # its traceback holds this frame

    def __repr__(self) -> str:
        running = sum(not task.is_finished() for task in self._waiting)
        return f"PoolScope {{ num_running_tasks: {running}, {self._state}, .. }}"
