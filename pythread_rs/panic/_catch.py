"""catch_unwind and resume_unwind: stopping a panic in the middle of a thread."""

import sys
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

from pythread_rs._runtime import ThreadInfo, current_info
from pythread_rs._runtime._unwind import cut, unwind
from pythread_rs.panic._hook import run_hook
from pythread_rs.panic._interrupt import passes_through
from pythread_rs.panic._panic import as_exception
from pythread_rs.result import Err, Ok, Result

__all__ = ["catch_unwind", "report", "resume_unwind"]

P = ParamSpec("P")
T = TypeVar("T")


def catch_unwind(
    f: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> Result[T, BaseException]:
    """Call `f(*args, **kwargs)` here, and make a panic of it an `Err`, as a join does.

    On a panic the hook runs, then the frames of the panic are cleared as at the end of a thread,
    then this returns. KeyboardInterrupt, SystemExit and GeneratorExit are no panics here, on no
    thread: they go on to the caller, alone or inside of a group, without the hook. A Ctrl-C, a
    `sys.exit()` and the closing of a generator do what they always do. Everything else is caught,
    `asyncio.CancelledError` included.

    Args:
        f: any callable.
        *args: its positional arguments.
        **kwargs: its keyword arguments.

    Returns:
        `Ok(value)`, or `Err(exception)` with the exception that left `f`.

    Raises:
        KeyboardInterrupt: and SystemExit, GeneratorExit: what `f` raised.

    Blocks: only as `f` and the hook do.
    Thread safety: any thread, also one that this package did not start.

    Mirrors `std::panic::catch_unwind`.

    >>> catch_unwind(int, "12")
    Ok(12)
    >>> set_hook(lambda info: None)
    >>> catch_unwind(int, "twelve").is_err()
    True
    >>> _ = take_hook()
    """
    outer = sys.exception()
    try:
        return Ok(f(*args, **kwargs))
    except BaseException as panic:
        if passes_through(panic):
            raise
        # The frames of `f` keep this one alive, which must not keep anything in turn.
        held: list[object] = [f, args, kwargs]
        del f, args, kwargs
        _stop(panic, outer, held)
        return Err(panic)


def _stop(panic: BaseException, outer: BaseException | None, held: list[object]) -> None:
    """Report a panic and let go of all that its frames and the call itself hold."""
    thread = current_info()
    cut(panic, 1)
    thread.begin_panic()
    try:
        report(panic, thread)
        unwind(panic, outer)
        held.clear()
    finally:
        thread.end_panic()


def resume_unwind(payload: object, /) -> NoReturn:
    """Raise a payload without running the panic hook: the panic has been reported before.

    The hook is left out when the exception leaves the closure or a `catch_unwind` on the thread
    that resumed it. Whoever takes it out of a `join` and raises it by `raise` panics anew.

    Args:
        payload: an exception is raised as it is; any other object as `Panic(payload)`.

    Raises:
        BaseException: always: the payload.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `std::panic::resume_unwind`.

    >>> from pythread_rs import spawn
    >>> spawn(resume_unwind, "quiet").join()
    Err(Panic('quiet'))
    """
    _thread = current_info()  # what `_is_resumed` looks for
    try:
        raise as_exception(payload)
    finally:
        # The traceback holds this frame: it must not hold the exception in return.
        del payload


def report(panic: BaseException, thread: ThreadInfo) -> None:
    """Run the hook for a panic of the calling thread, unless `resume_unwind` raised it."""
    if not _is_resumed(panic, thread):
        run_hook(panic, thread)


def _is_resumed(panic: BaseException, thread: ThreadInfo) -> bool:
    """Look for the frame of a `resume_unwind` of this thread in the traceback.

    A note in the thread's record would outlive an exception that is caught on its way.
    """
    entry = panic.__traceback__
    while entry is not None:
        frame = entry.tb_frame
        if frame.f_code is resume_unwind.__code__:
            return frame.f_locals.get("_thread") is thread
        entry = entry.tb_next
    return False
