"""A ready hook: panics go where the uncaught exceptions of `threading` go."""

import threading

from pythread_rs.panic._info import PanicHookInfo

__all__ = ["forward_to_threading"]


def forward_to_threading(info: PanicHookInfo, /) -> None:
    """Give a panic to `threading.excepthook`, where error reporters such as Sentry listen.

    Set it as the hook, or call it from one. `threading.excepthook` is looked up at each panic. As
    set by Python it prints "Exception in thread NAME:" and a traceback, and ignores SystemExit.

    Args:
        info: what the hook gets.

    Blocks: as `threading.excepthook` does.
    Thread safety: call it on the panicking thread.

    >>> import threading
    >>> standard, seen = threading.excepthook, []
    >>> threading.excepthook = lambda args: seen.append(args.exc_type)
    >>> set_hook(forward_to_threading)
    >>> _ = catch_unwind(panic)
    >>> seen
    [<class 'pythread_rs.panic.Panic'>]
    >>> _ = take_hook()
    >>> threading.excepthook = standard
    """
    panic = info.payload
    thread = threading.current_thread()
    threading.excepthook(
        threading.ExceptHookArgs((type(panic), panic, panic.__traceback__, thread))
    )
