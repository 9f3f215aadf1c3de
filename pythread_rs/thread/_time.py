"""Sleeping, yielding, and how many threads make sense."""

import math
import time
from datetime import timedelta

from pythread_rs import _ffi
from pythread_rs._runtime import current_info

__all__ = ["available_parallelism", "panicking", "sleep", "sleep_until", "yield_now"]


def sleep(duration: float | timedelta, *, stop: _ffi.StopTokenBase | None = None) -> None:
    """Sleep at least `duration`, whatever signals arrive.

    Args:
        duration: seconds, or a timedelta; at least 0. `math.inf` sleeps for ever.
        stop: a `StopToken` that ends the sleep.

    Raises:
        TypeError: `duration` is neither.
        ValueError: `duration` is negative or NaN.
        Stopped: the token was stopped, before or meanwhile.
        RuntimeError: a token was given, and the interpreter is exiting.
        KeyboardInterrupt: Ctrl-C on the main thread.

    Blocks: for `duration`, without the GIL.
    Thread safety: any thread.

    Mirrors `std::thread::sleep`.

    >>> sleep(0.001)
    """
    _ffi.sleep(_ffi.nanoseconds(duration), stop)


def sleep_until(deadline: float, *, stop: _ffi.StopTokenBase | None = None) -> None:
    """Sleep until the monotonic clock shows `deadline`.

    Args:
        deadline: a point in time in seconds of `time.monotonic()`. One that is over returns
            at once.
        stop: a `StopToken` that ends the sleep.

    Raises:
        ValueError: `deadline` is NaN.
        Stopped, RuntimeError: as `sleep`.
        KeyboardInterrupt: Ctrl-C on the main thread.

    Blocks: until the deadline, without the GIL.
    Thread safety: any thread.

    Mirrors `std::thread::sleep_until` (nightly).

    >>> sleep_until(time.monotonic() + 0.001)
    """
    while (left := deadline - time.monotonic()) > 0 or math.isnan(left):
        sleep(left, stop=stop)


def yield_now() -> None:
    """Let another thread run: give up the CPU, and the GIL where there is one.

    Blocks: no longer than the scheduler decides.
    Thread safety: any thread.

    Mirrors `std::thread::yield_now`.

    >>> yield_now()
    """
    _ffi.yield_now()


def panicking() -> bool:
    """Tell whether the calling thread unwinds from a panic.

    True inside the panic hook, and in destructors that run because the panic drops what the
    closure's frames held. In a `finally` block or an `__exit__` it is still False: Python cannot
    know there whether the exception will be caught.

    Blocks: no.
    Thread safety: acts on the calling thread only.

    Mirrors `std::thread::panicking`.

    >>> panicking()
    False
    """
    return current_info().panics > 0


def available_parallelism() -> int:
    """Count the threads that can run at the same time: a good default for a pool.

    The CPU affinity of the process and, on Linux, the CPU quota of its control group are taken
    into account, so it is right in a container. The number is read anew at each call.

    Raises:
        OSError: the platform does not tell.

    Blocks: no, but reads a few small files on Linux.
    Thread safety: any thread.

    Mirrors `std::thread::available_parallelism`.

    >>> available_parallelism() >= 1
    True
    """
    count = _ffi.available_parallelism()
    if count == 0:
        raise OSError("the number of CPUs is not known on this platform")
    return count
