"""scope: threads that end before the block does, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar, final

from pythread_rs import _ffi
from pythread_rs._runtime import start
from pythread_rs.ownership._scoped import Lending
from pythread_rs.thread._handle import ScopedJoinHandle, new_scoped_handle
from pythread_rs.thread._thread import Thread, new_thread

__all__ = ["Scope", "scope"]

P = ParamSpec("P")
T = TypeVar("T")

_PANICKED = "a scoped thread panicked"


@final
class Scope(_ffi.ScopeBase):
    """A block that joins every thread spawned in it on the way out.

    Thread safety: `spawn` from any thread, the scope's own threads included.

    Mirrors `std::thread::Scope`.

    >>> with scope() as s:
    ...     handles = [s.spawn(pow, n, 2) for n in range(4)]
    >>> [handle.join().unwrap() for handle in handles]
    [0, 1, 4, 9]
    """

    __slots__ = ("_lending", "_natives", "_panics", "_state", "_waiting")
    __thread_send__ = "sync"

    def __init__(self) -> None:
        self._state = "new"
        self._waiting: list[Any] = []  # packets without results, one per thread
        self._panics: dict[Any, BaseException] = {}  # of threads that nobody joined
        self._natives: dict[Any, Any] = {}  # packets of native threads that nobody joined
        self._lending = Lending()

    def spawn(self, f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> ScopedJoinHandle[T]:
        """Run `f(*args, **kwargs)` on a thread that ends before the scope does.

        Args:
            f: any callable.
            *args: its positional arguments.
            **kwargs: its keyword arguments.

        Returns:
            A handle; whether it is joined or dropped, the scope waits for the thread.

        Raises:
            TypeError: `f` is not callable.
            RuntimeError: the scope is not open: its block has not begun, or has ended.
            SpawnError: the OS refuses one more thread, or the interpreter is exiting.

        Blocks: no.
        Thread safety: any thread, a child of the scope included.

        Mirrors `std::thread::Scope::spawn`.
        """
        closure = [f, args, kwargs]
        del f, args, kwargs
        return self._spawn(closure, new_thread(None), {})

    def _spawn(
        self,
        closure: list[Any],
        thread: Thread,
        options: dict[str, Any],
    ) -> ScopedJoinHandle[Any]:
        self._check_open()
        moved, on_end = self._lending.give(closure)
        key = thread.id
        packet = _ffi.Packet()
        # Known to the scope before it starts: an interrupt may come at any moment. One that was
        # never started is not waited for.
        self._waiting.append(packet.watcher())
        start(
            closure,
            thread,
            packet,
            moved=moved,
            checked=False,
            on_panic=partial(self._panics.__setitem__, key),
            on_end=on_end,
            **options,
        )
        return new_scoped_handle(packet, thread, partial(self._panics.pop, key, None))

    def _spawn_native(
        self, thread: Thread, start: Callable[[Any, Callable[[list[Any]], Any]], None]
    ) -> ScopedJoinHandle[Any]:
        """Start a thread that runs no Python, by `start(packet, lend)`."""
        self._check_open()
        packet = _ffi.Packet()
        ends: list[Callable[[], None]] = []

        def lend(closure: list[Any]) -> Any:
            moved, on_end = self._lending.give(closure)
            if on_end is not None:
                ends.append(on_end)
            return moved

        self._waiting.append(packet.watcher())
        self._natives[thread.id] = packet

        def over() -> None:
            self._natives.pop(thread.id, None)
            _call_all(ends)

        started = False
        try:
            start(packet, lend)
            started = True
        finally:
            if not started:
                over()
        return new_scoped_handle(packet, thread, over)

    def _check_open(self) -> None:
        if self._state != "open":
            raise RuntimeError(f"cannot spawn on a scope that is {self._state}")

    def __enter__(self) -> Scope:
        if self._state != "new":
            raise RuntimeError(f"a scope serves for one block; this one is {self._state}")
        self._state = "open"
        return self

    def _leave(self, error: BaseException | None, interrupt: BaseException | None) -> None:
        """Raise what has to be raised, when every thread is joined (called by `__exit__`).

        `interrupt` is what a signal handler raised meanwhile, such as KeyboardInterrupt: what the
        threads have borrowed must outlive them, so it had to wait.
        """
        self._state = "closed"
        self._waiting.clear()
        self._lending.end()
        panics = [*self._panics.values(), *_panics_of(self._natives)]
        group = BaseExceptionGroup(_PANICKED, panics) if panics else None
        if interrupt is not None:
            _put_behind(error or group, interrupt)
            _put_behind(group, error)
            raise interrupt
        if error is not None:
            _put_behind(group, error)
        elif group is not None:
            raise group

    def __repr__(self) -> str:
        running = sum(not packet.is_finished() for packet in self._waiting)
        panicked = str(bool(self._panics)).lower()
        return (
            f"Scope {{ num_running_threads: {running}, a_thread_panicked: {panicked}, "
            f"{self._state}, .. }}"
        )


def _call_all(functions: list[Callable[[], None]]) -> None:
    while functions:
        functions.pop()()


def _panics_of(natives: dict[Any, Any]) -> list[BaseException]:
    """List what native threads have panicked with; a result that was taken is nobody's here."""
    panics: list[BaseException] = []
    for packet in natives.values():
        if packet.wait(0) == _ffi.DONE:
            try:
                packet.take(lambda _: None, panics.append)
            except LookupError:
                continue
    natives.clear()
    return panics


def _put_behind(earlier: BaseException | None, error: BaseException | None) -> None:
    """Make `earlier` the context of `error`, in front of the one that it has."""
    if earlier is not None and error is not None and earlier is not error:
        if earlier.__context__ is None:
            earlier.__context__ = error.__context__
        error.__context__ = earlier


def scope() -> Scope:
    """Open a block whose threads are all joined when it ends.

    Panics of threads that nobody joined leave the block as one `BaseExceptionGroup` "a scoped
    thread panicked" (an `ExceptionGroup` when all are Exceptions) with every payload. An
    exception of the block itself wins and has the group as its `__context__`. Ctrl-C while the
    scope waits is noted, the threads are joined, then KeyboardInterrupt is raised.

    Returns:
        A context manager that gives the `Scope`.

    Blocks: the end of the block waits for the threads, without the GIL.
    Thread safety: each call makes a scope of its own.

    Mirrors `std::thread::scope`.

    >>> with scope() as s:
    ...     left = s.spawn(sum, [1, 2])
    ...     right = s.spawn(sum, [3, 4])
    >>> left.join().unwrap() + right.join().unwrap()
    10
    """
    return Scope()
