"""Parker and Unparker: a token of one's own to wait for."""

import time
from datetime import timedelta
from enum import Enum
from math import isnan
from typing import NoReturn, final

from pythread_rs import _ffi
from pythread_rs.sync._refusals import NotCopied
from pythread_rs.sync._stop import StopToken

__all__ = ["Parker", "UnparkReason", "Unparker"]

_FOREVER = -1


class UnparkReason(Enum):
    """Why `park_timeout` or `park_deadline` returned.

    Mirrors `crossbeam_utils::sync::UnparkReason`.

    >>> Parker().park_timeout(0)
    <UnparkReason.Timeout: 2>
    """

    __module__ = "pythread_rs.sync"

    Unparked = 1
    """The token was there (Rust: `UnparkReason::Unparked`)."""
    Timeout = 2
    """The time was over (Rust: `UnparkReason::Timeout`)."""


@final
class Parker(NotCopied):
    """One who waits for a token that its `Unparker` leaves.

    Unlike `pythread_rs.thread.park`, the token belongs to the parker and not to the thread, so
    that nobody else can take it. It does not return for no reason.

    Thread safety: belongs to one thread at a time; it may be moved to another.

    Mirrors `crossbeam_utils::sync::Parker`.

    >>> from pythread_rs import spawn
    >>> parker = Parker()
    >>> handle = spawn(Unparker.unpark, parker.unparker())
    >>> parker.park()
    >>> handle.join()
    Ok(None)
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("__weakref__", "_unparker")
    __thread_send__ = "send"

    def __init__(self) -> None:
        self._unparker = _make(_ffi.Token())

    def park(self, *, stop: StopToken | None = None) -> None:
        """Block until the token is left, and take it.

        Args:
            stop: a `StopToken` that ends the wait.

        Raises:
            Stopped: `stop` was stopped; the token stays.
            KeyboardInterrupt: Ctrl-C on the main thread; the token stays.
            RuntimeError: the interpreter is exiting.

        Blocks: yes, without the GIL; not if the token is there.
        Thread safety: what happened before the `unpark` happens before this returns.

        Mirrors `crossbeam_utils::sync::Parker::park`.

        >>> parker = Parker()
        >>> parker.unparker().unpark()
        >>> parker.park()
        """
        self._unparker._token.take(_FOREVER, stop)

    def park_timeout(
        self, timeout: float | timedelta, *, stop: StopToken | None = None
    ) -> UnparkReason:
        """Block as `park` does, but at most `timeout`.

        Args:
            timeout: seconds, or a timedelta; at least 0.
            stop: a `StopToken` that ends the wait.

        Returns:
            `UnparkReason.Unparked`, or `UnparkReason.Timeout` when the time is over.

        Raises:
            ValueError: `timeout` is negative or NaN.
            Stopped, KeyboardInterrupt, RuntimeError: as `park`.

        Blocks: at most `timeout`, without the GIL.
        Thread safety: as `park`.

        Mirrors `crossbeam_utils::sync::Parker::park_timeout`.

        >>> Parker().park_timeout(0.001)
        <UnparkReason.Timeout: 2>
        """
        got = self._unparker._token.take(_ffi.nanoseconds(timeout), stop)
        return UnparkReason.Unparked if got else UnparkReason.Timeout

    def park_deadline(self, deadline: float, *, stop: StopToken | None = None) -> UnparkReason:
        """Block as `park` does, until the monotonic clock shows `deadline` at the latest.

        Args:
            deadline: a point in time in seconds of `time.monotonic()`.
            stop: a `StopToken` that ends the wait.

        Returns:
            `UnparkReason.Unparked`, or `UnparkReason.Timeout` when the time is over.

        Raises:
            ValueError: `deadline` is NaN.
            Stopped, KeyboardInterrupt, RuntimeError: as `park`.

        Blocks: until the deadline, without the GIL.
        Thread safety: as `park`.

        Mirrors `crossbeam_utils::sync::Parker::park_deadline`.

        >>> import time
        >>> Parker().park_deadline(time.monotonic() + 0.001)
        <UnparkReason.Timeout: 2>
        """
        left = deadline - time.monotonic()
        return self.park_timeout(left if isnan(left) else max(left, 0), stop=stop)

    def unparker(self) -> "Unparker":
        """Return the other side, which may be cloned and given to other threads.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `crossbeam_utils::sync::Parker::unparker`.

        >>> Parker().unparker()
        Unparker { .. }
        """
        return _make(self._unparker._token)

    def __repr__(self) -> str:
        return "Parker { .. }"


@final
class Unparker(NotCopied):
    """One who leaves the token for a `Parker`.

    Thread safety: every method, from any thread.

    Mirrors `crossbeam_utils::sync::Unparker`.

    >>> parker = Parker()
    >>> parker.unparker().unpark()
    >>> parker.park_timeout(1)
    <UnparkReason.Unparked: 1>
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("__weakref__", "_token")
    __thread_send__ = "handle"

    _token: _ffi.Token

    def __init__(self) -> None:
        raise TypeError("an Unparker comes from parker.unparker()")

    def unpark(self) -> None:
        """Leave the token, and wake the thread that is parked.

        The token is one: any number of calls before the next `park` count as one.

        Blocks: no.
        Thread safety: any thread. What happened before this call happens before the `park` that
        it ends returns.

        Mirrors `crossbeam_utils::sync::Unparker::unpark`.

        >>> Parker().unparker().unpark()
        """
        self._token.put()

    def clone(self) -> "Unparker":
        """Make another Unparker of the same Parker.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Clone` of `crossbeam_utils::sync::Unparker`.

        >>> Parker().unparker().clone()
        Unparker { .. }
        """
        return _make(self._token)

    def __repr__(self) -> str:
        return "Unparker { .. }"

    def __copy__(self) -> NoReturn:
        raise TypeError("an Unparker is a handle: use `.clone()`")


def _make(token: _ffi.Token) -> Unparker:
    unparker = object.__new__(Unparker)
    unparker._token = token
    return unparker
