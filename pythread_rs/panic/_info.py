"""PanicHookInfo: what a panic hook learns about the panic."""

from __future__ import annotations

import sys
from typing import Any, Literal, Protocol, final

from pythread_rs import _ffi
from pythread_rs._runtime import ThreadInfo
from pythread_rs.panic._location import Location, location_of
from pythread_rs.panic._message import Report, payload_as_str

__all__ = ["PanicHookInfo", "ThreadHandle", "new_info"]


class ThreadHandle(Protocol):
    """What a hook may use of a `pythread_rs.thread.Thread`, which is made a floor above."""

    @property
    def id(self) -> Any:
        """The thread's `ThreadId`."""

    @property
    def name(self) -> str | None:
        """The thread's name."""

    def unpark(self) -> None:
        """Leave the thread's token, and wake the thread if it is parked."""


@final
class PanicHookInfo:
    """What a panic hook gets: the exception, where it was raised, and on which thread.

    `str()` gives Rust's form, `panicked at FILE:LINE:COL:` and the message on the next line.

    Thread safety: made for the hook, on the panicking thread. It may be kept and handed on; as
    long as it lives, so does the exception.

    Mirrors `std::panic::PanicHookInfo`.

    >>> seen = []
    >>> set_hook(seen.append)
    >>> _ = catch_unwind(panic, "boom")
    >>> _ = take_hook()
    >>> seen[0].payload, seen[0].payload_as_str(), seen[0].thread.name
    (Panic('boom'), 'boom', 'main')
    """

    __slots__ = ("_os_thread_id", "_payload", "_place", "_report", "_shown", "_thread")

    _os_thread_id: int
    _payload: BaseException
    _place: tuple[Location | None] | None  # found on first use, as it reads the source
    _report: Report
    _shown: bool  # the default hook has printed it
    _thread: ThreadHandle

    def __init__(self) -> None:
        raise TypeError("a PanicHookInfo is made for the panic hook")

    @property
    def payload(self) -> BaseException:
        """The exception; a `Panic` has the payload of `panic_any` (Rust: `payload`)."""
        return self._payload

    @property
    def message(self) -> str:
        """The text that the default hook prints, formatted on first use.

        That is the payload of a `Panic`, if it is a str; `Panic(...)` with its repr, if it is
        anything else; for any other exception Python's own last lines, such as `ValueError: bad`,
        notes included.
        """
        return self._report.message()

    @property
    def location(self) -> Location | None:
        """Where the exception was raised; None if no Python code was reached (Rust: `location`).

        `panic`, `panic_any`, `unwrap` and so on are located at the line that calls them.
        """
        if self._place is None:
            self._place = (location_of(self._payload.__traceback__),)
        return self._place[0]

    @property
    def thread(self) -> ThreadHandle:
        """The `Thread` of the panicking thread. Rust's hooks call `thread::current()` instead."""
        return self._thread

    @property
    def can_unwind(self) -> Literal[True]:
        """Always True: no panic aborts the process here (Rust: `can_unwind`, nightly)."""
        return True

    def payload_as_str(self) -> str | None:
        """Return the payload of a `Panic` if it is a str, else None.

        `message` is the text of any panic.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `PanicHookInfo::payload_as_str`.
        """
        return payload_as_str(self._payload)

    def __str__(self) -> str:
        place = self.location or "<unknown>"
        return f"panicked at {place}:\n{self.message}"

    def __repr__(self) -> str:
        return (
            f"PanicHookInfo {{ payload: {type(self._payload).__name__} {{ .. }}, "
            f"location: {self.location!r}, can_unwind: true }}"
        )


def new_info(panic: BaseException, thread: ThreadInfo) -> PanicHookInfo:
    """Describe a panic of the calling thread."""
    info = object.__new__(PanicHookInfo)
    info._payload = panic
    info._place = None
    info._report = Report(panic)
    info._thread = thread.handle if thread.handle is not None else _foreign_handle()
    info._os_thread_id = _ffi.os_thread_id()
    info._shown = False
    return info


def _foreign_handle() -> ThreadHandle:
    """Return the handle of a thread that this package did not start.

    The floor above makes it. That floor is loaded: `import pythread_rs` loads all of them.
    """
    handle: ThreadHandle = sys.modules["pythread_rs.thread"].current()
    return handle
