"""JoinHandle and ScopedJoinHandle: who owns a thread, and how its result comes out."""

import sys
from collections.abc import Callable, Generator
from datetime import timedelta
from os import environ
from typing import Any, Final, Generic, NoReturn, TypeVar, final

from pythread_rs import _ffi
from pythread_rs._runtime import Bell, DeadlockError, JoinError, current_info
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.result import Err, Ok, Result
from pythread_rs.thread._thread import Thread, debug_name

__all__ = ["JoinHandle", "ScopedJoinHandle"]

T = TypeVar("T")

_MUST_USE: Final = environ.get("PYTHREAD_RS_MUST_USE") == "1"
_NO_RESULT: Final = {
    _ffi.PARKED: "the thread never ran: the interpreter is exiting",
    _ffi.KILLED: "the thread was cut off: the interpreter is exiting",
    _ffi.FORKED: "the thread belongs to the parent of this process: a fork does not copy it",
}
_LOST: Final = "the thread was cut off by an asynchronous exception before it left a result"


class _Handle(Generic[T]):
    """What both kinds of handle share."""

    __slots__ = ("__weakref__", "_packet", "_thread", "_used", "_where")
    __thread_send__ = "handle"

    _packet: _ffi.Packet | None  # None when the result was taken
    _thread: Thread
    _used: str  # what consumed the handle, "" while nothing did
    _where: str  # the line that spawned, when PYTHREAD_RS_MUST_USE asks for it

    def __init__(self) -> None:
        raise TypeError(f"a {type(self).__name__} comes from spawn")

    @property
    def thread(self) -> Thread:
        """The thread's id, name and `unpark`; it stays after `join` (Rust: `thread`)."""
        return self._thread

    def is_finished(self) -> bool:
        """Tell whether the closure has ended: `join` would return at once.

        Blocks: no, it is one atomic load.
        Thread safety: any thread.

        Mirrors `std::thread::JoinHandle::is_finished`.
        """
        packet = self._packet
        return packet is None or packet.is_finished()

    def _join(
        self, timeout: float | timedelta | None, stop: _ffi.StopTokenBase | None
    ) -> Result[T, BaseException]:
        if self._used:
            raise self._used_again()
        packet = self._packet
        assert packet is not None  # only what consumes the handle takes it away
        state = packet.wait(-1 if timeout is None else _ffi.nanoseconds(timeout), stop)
        if state != _ffi.DONE:
            return self._join_unfinished(state, timeout)
        try:
            result: Result[T, BaseException] = packet.take(Ok, self._watched if _MUST_USE else Err)
        except LookupError:
            self._used = self._used or "join"  # another thread was faster
            raise self._used_again() from None
        except EOFError:
            result = Err(JoinError(_LOST))
        except BaseException:  # Ctrl-C, or the end of the stack, before the result is ours
            packet.give_back()
            raise
        # No signal handler runs between these bytecodes: the result cannot get lost.
        self._used = "join"
        self._packet = None
        return result

    def _ended(self) -> Generator[Any, None, None]:
        """Suspend the calling task until `join` returns at once, or in a moment."""
        if self._used:
            raise self._used_again()
        packet = self._packet
        if packet is None or packet.is_finished() or current_info().handle is self._thread:
            return  # join returns its result, or says that it waits for itself
        bell: Bell | None = packet.bell(Bell)
        if bell is not None:
            yield from bell.heard()

    def _join_unfinished(
        self, state: int, timeout: float | timedelta | None
    ) -> Result[T, BaseException]:
        if state == _ffi.TIMED_OUT:
            raise TimeoutError(f"{self!r} has not finished after {timeout!r} seconds")
        if state == _ffi.DEADLOCK:
            raise DeadlockError("failed to join thread: a thread cannot wait for its own end")
        self._used = "join"
        return Err(JoinError(_NO_RESULT[state]))

    def _watched(self, panic: BaseException) -> Err[BaseException]:
        from pythread_rs.result._must_use import watched

        return watched(panic, self._where)

    def _used_again(self) -> UseAfterMoveError:
        kind = type(self).__name__
        return UseAfterMoveError(
            f"use of moved value: this {kind} was consumed by `{self._used}()`; "
            "a thread can be joined once, so keep the result instead of the handle"
        )

    def __repr__(self) -> str:
        state = self._used or ("finished" if self.is_finished() else "running")
        name = debug_name(self._thread.name)
        return f"{type(self).__name__} {{ id: {self._thread.id!r}, name: {name}, {state}, .. }}"

    def __copy__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} owns its thread: it cannot be copied")

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} owns its thread: it cannot be pickled")


@final
class JoinHandle(_Handle[T]):
    """The owner of a thread: join it, or drop the handle and the thread is on its own.

    Thread safety: every method, from any thread; of several threads that join, one gets the
    result and the others get `UseAfterMoveError`.

    Mirrors `std::thread::JoinHandle`.

    >>> from pythread_rs import spawn
    >>> handle = spawn(sum, [1, 2, 3])
    >>> handle.join()
    Ok(6)
    """

    __slots__ = ()

    def join(
        self,
        timeout: float | timedelta | None = None,
        *,
        stop: _ffi.StopTokenBase | None = None,
    ) -> Result[T, BaseException]:
        """Wait for the thread and take its result, consuming the handle.

        When it returns, the closure and what it captured are dropped, the thread's thread-locals
        are destroyed, and all that the thread did happened before.

        Args:
            timeout: seconds to wait at most, or a timedelta; None waits for ever.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(value)` with what the closure returned, or `Err(exception)` with the very
            exception that left it, traceback included. A thread that was cut off by the exit of
            the interpreter or left behind by a fork gives `Err(JoinError(...))`.

        Raises:
            TimeoutError: the time is over; the handle is as it was.
            Stopped: the token stopped first; the handle is as it was.
            UseAfterMoveError: the handle was joined or detached before.
            DeadlockError: the thread joins itself.
            KeyboardInterrupt: Ctrl-C on the main thread; the handle is as it was.

        Blocks: yes, without the GIL.
        Thread safety: see the class.

        Mirrors `std::thread::JoinHandle::join`.

        >>> from pythread_rs import spawn
        >>> spawn(int, "12").join().unwrap()
        12
        """
        return self._join(timeout, stop)

    def __await__(self) -> Generator[Any, None, Result[T, BaseException]]:
        """Wait for the thread in a task of asyncio and take its result, as `join` does.

        The event loop goes on meanwhile, and no other thread waits. A task that is cancelled,
        also by a timeout, leaves the thread running and the handle as it was.

        Returns:
            What `join` returns.

        Raises:
            UseAfterMoveError: the handle was joined, awaited or detached before.
            DeadlockError: the thread awaits itself.
            RuntimeError: no event loop of asyncio runs here.

        Blocks: the task only.
        Thread safety: any number of tasks, in any loops; one of them gets the result.

        >>> import asyncio
        >>> from pythread_rs import spawn
        >>> async def main():
        ...     return await spawn(sum, [1, 2, 3])
        >>> asyncio.run(main())
        Ok(6)
        """
        yield from self._ended()
        return self.join()

    def detach(self) -> None:
        """Let the thread go on alone, consuming the handle. Dropping the handle does the same.

        Raises:
            UseAfterMoveError: the handle was joined or detached before.

        Blocks: no.
        Thread safety: see the class.

        Mirrors `drop(handle)`.

        >>> from pythread_rs import spawn
        >>> spawn(print, end="").detach()
        """
        if self._used:
            raise self._used_again()
        packet = self._packet
        self._used = "detach"
        if packet is not None:
            self._packet = packet.watcher()  # gives up the claim on the result


@final
class ScopedJoinHandle(_Handle[T]):
    """The handle of a scoped thread. Dropping it does not detach: the scope waits anyway.

    Thread safety: as `JoinHandle`.

    Mirrors `std::thread::ScopedJoinHandle`.

    >>> from pythread_rs import scope
    >>> with scope() as s:
    ...     handle = s.spawn(sum, [1, 2, 3])
    >>> handle.join()
    Ok(6)
    """

    __slots__ = ("_joined",)

    _joined: Callable[[], object]

    def join(
        self,
        timeout: float | timedelta | None = None,
        *,
        stop: _ffi.StopTokenBase | None = None,
    ) -> Result[T, BaseException]:
        """Wait for the thread and take its result, as `JoinHandle.join` does.

        A panic that is taken out here does not leave the scope again.

        Args:
            timeout: seconds to wait at most, or a timedelta; None waits for ever.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(value)` or `Err(exception)`.

        Raises:
            TimeoutError: the time is over; the handle is as it was.
            Stopped: the token stopped first; the handle is as it was.
            UseAfterMoveError: the handle was joined before.
            DeadlockError: the thread joins itself.
            KeyboardInterrupt: Ctrl-C on the main thread; the handle is as it was.

        Blocks: yes, without the GIL.
        Thread safety: as `JoinHandle`.

        Mirrors `std::thread::ScopedJoinHandle::join`.
        """
        result = self._join(timeout, stop)
        self._joined()
        return result

    def __await__(self) -> Generator[Any, None, Result[T, BaseException]]:
        """Wait for the thread in a task of asyncio and take its result, as `join` does.

        Inside the scope's block: its end waits without the event loop.

        Returns:
            What `join` returns.

        Raises:
            UseAfterMoveError: the handle was joined or awaited before.
            DeadlockError: the thread awaits itself.
            RuntimeError: no event loop of asyncio runs here.

        Blocks: the task only.
        Thread safety: as `JoinHandle`.
        """
        yield from self._ended()
        return self.join()


_new_object: Callable[[type], Any] = object.__new__


def new_join_handle(packet: Any, thread: Thread) -> JoinHandle[Any]:
    """Make the handle of a thread that was just started."""
    handle: JoinHandle[Any] = _new_object(JoinHandle)
    handle._packet = packet
    handle._thread = thread
    handle._used = ""
    if _MUST_USE:
        handle._where = _caller()
    return handle


def new_scoped_handle(
    packet: Any, thread: Thread, joined: Callable[[], object]
) -> ScopedJoinHandle[Any]:
    """Make the handle of a scoped thread; `joined` is called when its result was taken."""
    handle: ScopedJoinHandle[Any] = _new_object(ScopedJoinHandle)
    handle._packet = packet
    handle._thread = thread
    handle._used = ""
    handle._joined = joined
    if _MUST_USE:
        handle._where = _caller()
    return handle


def _caller() -> str:
    """Name the line outside of this package that called spawn."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(
        "pythread_rs."
    ):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
