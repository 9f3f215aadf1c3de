"""after, at, tick, never: receivers whose messages come from the clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn, Self, final

from pythread_rs import _ffi
from pythread_rs.result import Err
from pythread_rs.sync._async import AsyncReceiver
from pythread_rs.sync._channel_errors import RecvTimeoutError, TryRecvError
from pythread_rs.sync._ends import cannot_be_pickled

if TYPE_CHECKING:
    from datetime import timedelta

    from pythread_rs.result import Result
    from pythread_rs.sync._stop import StopToken

__all__ = ["Timer", "after", "at", "never", "tick"]


@final
class Timer(AsyncReceiver[float], _ffi.TimerBase):
    """A receiver whose messages come from the clock: from `after`, `at`, `tick` and `never`.

    No thread stands behind it: whoever receives from it waits until the moment has come. Each
    message is the `time.monotonic()` at which it was due, and goes to one receive. A timer never
    disconnects, so a receive after the last message waits for ever.

    Blocks: `recv` and its relatives and iteration, as said there; nothing else.
    Thread safety: every method, from any thread; a timer is shared, and none owns it.

    Mirrors crossbeam's `Receiver` as `after`, `tick` and `never` make it.

    >>> import time
    >>> start = time.monotonic()
    >>> after(0.001).recv().unwrap() >= start
    True
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("__weakref__",)
    __thread_send__ = "sync"

    def recv(self, *, stop: StopToken | None = None) -> Result[float, Any]:
        """Wait for the next message: crossbeam's `Receiver::recv`.

        Args:
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(moment)`.

        Raises:
            Stopped: the token stopped first.
            RuntimeError: it would have to wait, and the interpreter is exiting.

        Blocks: until the message is due; for ever when there is none.
        Thread safety: any thread; each message goes to one receive.

        >>> tick(0.001).recv().is_ok()
        True
        """
        result: Result[float, Any] = _ffi.select((self,), None, stop, False, True)[1]
        return result

    def try_recv(self) -> Result[float, TryRecvError]:
        """Take the message that is due: crossbeam's `Receiver::try_recv`.

        Returns:
            `Ok(moment)` or `Err(TryRecvError.Empty)`.

        Blocks: no.
        Thread safety: any thread; each message goes to one receive.

        >>> never().try_recv()
        Err(Empty)
        """
        found = _ffi.select((self,), 0.0, None, False, True)
        return Err(TryRecvError.Empty) if found is None else found[1]

    def recv_timeout(
        self, timeout: float | timedelta, /, *, stop: StopToken | None = None
    ) -> Result[float, RecvTimeoutError]:
        """Wait for the next message, no longer than a time: crossbeam's `Receiver::recv_timeout`.

        Args:
            timeout: seconds, or a timedelta.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(moment)` or `Err(RecvTimeoutError.Timeout)`, a `TimeoutError`.

        Raises:
            Stopped, RuntimeError: as `recv`.

        Blocks: at most `timeout`.
        Thread safety: any thread; each message goes to one receive.

        >>> never().recv_timeout(0.001)
        Err(Timeout)
        """
        found = _ffi.select((self,), timeout, stop, False, True)
        return Err(RecvTimeoutError.Timeout) if found is None else found[1]

    def recv_deadline(
        self, deadline: float, /, *, stop: StopToken | None = None
    ) -> Result[float, RecvTimeoutError]:
        """Wait for the next message until a time: crossbeam's `Receiver::recv_deadline`.

        Args:
            deadline: seconds of `time.monotonic()`.
            stop: a `StopToken` that ends the wait.

        Returns:
            As `recv_timeout`.

        Raises:
            Stopped, RuntimeError: as `recv`.

        Blocks: until `deadline` at the latest.
        Thread safety: any thread; each message goes to one receive.

        >>> import time
        >>> never().recv_deadline(time.monotonic() + 0.001)
        Err(Timeout)
        """
        return self.recv_timeout(max(0.0, deadline - time.monotonic()), stop=stop)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> float:
        moment: float = self.recv().unwrap()
        return moment

    def len(self) -> int:
        """Count the messages that are due: 0 or 1."""
        return int(self._is_due())

    def is_empty(self) -> bool:
        """Tell whether no message is due."""
        return not self._is_due()

    def is_full(self) -> bool:
        """Tell whether a message is due, as there is place for one."""
        return self._is_due()

    @property
    def capacity(self) -> int:
        """How many messages it holds at most: 1."""
        return 1

    def is_disconnected(self) -> bool:
        """Return False: nobody can close a timer."""
        return False

    def same_channel(self, other: object) -> bool:
        """Tell whether another is this timer.

        Args:
            other: whatever it is compared with.
        """
        return self is other

    def clone(self) -> Self:
        """Return this timer: a second name is all that a second user needs.

        >>> timer = never()
        >>> timer.clone() is timer
        True
        """
        return self

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        cannot_be_pickled(self)

    def __repr__(self) -> str:
        return "Timer { .. }"


def after(seconds: float | timedelta, /) -> Timer:
    """Make a receiver that gets one message, after a time.

    Args:
        seconds: the time from now, or a timedelta; 0 is due at once.

    Returns:
        The timer.

    Raises:
        ValueError: `seconds` is negative or NaN.

    Blocks: no.
    Thread safety: any thread.

    Mirrors crossbeam's `after`.

    >>> from pythread_rs.sync import mpsc, select
    >>> tx, rx = mpsc.channel()
    >>> select(rx, after(0.001))[0]
    1
    """
    return Timer(_ffi.nanoseconds(seconds), None)


def at(deadline: float, /) -> Timer:
    """Make a receiver that gets one message, at a moment.

    Args:
        deadline: seconds of `time.monotonic()`; one that has passed is due at once.

    Returns:
        The timer.

    Raises:
        ValueError: `deadline` is NaN.

    Blocks: no.
    Thread safety: any thread.

    Mirrors crossbeam's `at`.

    >>> import time
    >>> at(time.monotonic()).recv().is_ok()
    True
    """
    return Timer(_ffi.nanoseconds(0.0 if deadline < 0 else deadline), None, True)


def tick(seconds: float | timedelta, /) -> Timer:
    """Make a receiver that gets a message every so often.

    The first one is due after `seconds`. At most one waits to be received; the next is due
    `seconds` after that was, or after it was received if that was later: missed ticks are not made
    up for.

    Args:
        seconds: the time between two messages, or a timedelta.

    Returns:
        The timer.

    Raises:
        ValueError: `seconds` is negative or NaN.

    Blocks: no.
    Thread safety: any thread.

    Mirrors crossbeam's `tick`.

    >>> ticks = tick(0.001)
    >>> first, second = next(ticks), next(ticks)
    >>> second - first >= 0.001
    True
    """
    period = _ffi.nanoseconds(seconds)
    return Timer(period, period)


def never() -> Timer:
    """Make a receiver that never gets a message.

    Returns:
        The timer, for a place in a `select` that is to stay quiet.

    Blocks: no.
    Thread safety: any thread.

    Mirrors crossbeam's `never`.

    >>> from pythread_rs.sync import select
    >>> select(never(), default="nothing")
    (None, Ok('nothing'))
    """
    return Timer(-1, None)
