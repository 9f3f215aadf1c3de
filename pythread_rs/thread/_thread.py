"""Thread and ThreadId: who a thread is; current, park and unpark."""

import itertools
import threading
from datetime import timedelta
from typing import Final, NoReturn, final

from pythread_rs import _ffi
from pythread_rs._runtime import current_info

__all__ = ["Thread", "ThreadId", "current", "park", "park_timeout"]

_MAIN: Final = 1
_numbers = itertools.count(_MAIN + 1)
_known: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]


@final
class ThreadId:
    """The number of a thread, unique in the process and never used again.

    The main thread has 1. Ids compare by value and serve as dict keys; there is no order, as the
    number says nothing about time.

    Thread safety: immutable.

    Mirrors `std::thread::ThreadId`.

    >>> current().id == current().id
    True
    """

    __slots__ = ("_number",)
    __thread_send__ = "copy"

    def __init__(self) -> None:
        raise TypeError("a ThreadId comes from a thread: handle.thread.id or current().id")

    @property
    def number(self) -> int:
        """The number itself, at least 1 (Rust: `as_u64`, nightly)."""
        return self._number

    _number: int

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ThreadId):
            return self._number == other._number
        return NotImplemented

    def __hash__(self) -> int:
        return hash((ThreadId, self._number))

    def __repr__(self) -> str:
        return f"ThreadId({self._number})"

    def __copy__(self) -> "ThreadId":
        return self

    def __deepcopy__(self, memo: object) -> "ThreadId":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ThreadId means nothing in another process: it cannot be pickled")


@final
class Thread:
    """A handle to a thread: its id, its name and the token behind `park`.

    It does not own the thread: keep it, share it and drop it as you like.

    Thread safety: every method, from any thread.

    Mirrors `std::thread::Thread`.

    >>> current().name
    'main'
    """

    __slots__ = ("__weakref__", "_id", "_name", "_parker")
    __thread_send__ = "sync"

    _id: ThreadId
    _name: str | None
    _parker: _ffi.Parker

    def __init__(self) -> None:
        raise TypeError("a Thread comes from handle.thread or current()")

    @property
    def id(self) -> ThreadId:
        """The thread's id (Rust: `Thread::id`)."""
        return self._id

    @property
    def name(self) -> str | None:
        """The name given to the Builder, whole; "main" for the main thread (Rust: `name`)."""
        return self._name

    def unpark(self) -> None:
        """Leave the thread's token, and wake the thread if it is parked.

        The token is one: any number of calls before the next `park` count as one.

        Blocks: no.
        Thread safety: any thread. What happened before this call happens before the `park` that
        it ends returns.

        Mirrors `std::thread::Thread::unpark`.

        >>> current().unpark()
        >>> park()  # returns at once
        """
        self._parker.unpark()

    def __repr__(self) -> str:
        return f"Thread {{ id: {self._id!r}, name: {debug_name(self._name)}, .. }}"

    def __copy__(self) -> "Thread":
        return self

    def __deepcopy__(self, memo: object) -> "Thread":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Thread means nothing in another process: it cannot be pickled")


def debug_name(name: str | None) -> str:
    """Write a name as Rust's Debug does."""
    if name is None:
        return "None"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'Some("{escaped}")'


def new_thread(name: str | None) -> Thread:
    """Make the handle of a thread that is about to start."""
    return _make(next(_numbers), name)


_new_object = object.__new__


def _make(number: int, name: str | None) -> Thread:
    thread_id = _new_object(ThreadId)
    thread_id._number = number
    thread = _new_object(Thread)
    thread._id = thread_id
    thread._name = name
    thread._parker = _ffi.Parker()
    return thread


def current() -> Thread:
    """Return the handle of the calling thread.

    Any thread has one: the main thread is "main", a thread of `threading` has its name there, and
    a thread that neither package started has no name.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `std::thread::current`.

    >>> current().id.number
    1
    """
    info = current_info()
    handle = info.handle
    if handle is None:
        handle = info.handle = _foreign_thread()
    assert isinstance(handle, Thread)
    return handle


def _foreign_thread() -> Thread:
    ident = threading.get_ident()
    if ident == threading.main_thread().ident:
        return _make(_MAIN, "main")
    # threading.current_thread() would make a Dummy thread here, which stays for ever.
    thread = _known.get(ident)
    return new_thread(thread.name if thread is not None else None)


def park(*, stop: _ffi.StopTokenBase | None = None) -> None:
    """Block until the calling thread's token is left by `Thread.unpark`, and take it.

    It may also return for no reason: call it in a loop that looks at what it waits for.

    Args:
        stop: a `StopToken` that ends the wait.

    Raises:
        Stopped: `stop` was stopped; the token of `unpark` stays.
        KeyboardInterrupt: Ctrl-C on the main thread; the token stays.

    Blocks: yes, without the GIL.
    Thread safety: acts on the calling thread only.

    Mirrors `std::thread::park`.

    >>> from pythread_rs import spawn
    >>> handle = spawn(park)
    >>> handle.thread.unpark()
    >>> handle.join()
    Ok(None)
    """
    current()._parker.park(-1, stop)


def park_timeout(timeout: float | timedelta, *, stop: _ffi.StopTokenBase | None = None) -> None:
    """Block as `park` does, but at most `timeout`.

    Args:
        timeout: seconds, or a timedelta; at least 0.
        stop: a `StopToken` that ends the wait.

    Raises:
        ValueError: `timeout` is negative or NaN.
        Stopped: `stop` was stopped; the token of `unpark` stays.
        KeyboardInterrupt: Ctrl-C on the main thread.

    Blocks: at most `timeout`, without the GIL. There is no way to tell why it returned.
    Thread safety: acts on the calling thread only.

    Mirrors `std::thread::park_timeout`.

    >>> park_timeout(0.001)
    """
    current()._parker.park(_ffi.nanoseconds(timeout), stop)
