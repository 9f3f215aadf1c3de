"""The panic hook of the process: set_hook, take_hook, update_hook, and running it."""

import os
import sys
import threading
from collections.abc import Callable
from functools import partial

from pythread_rs._runtime import ThreadInfo, current_info
from pythread_rs.panic._default import default_hook, write_failure
from pythread_rs.panic._info import PanicHookInfo, new_info
from pythread_rs.panic._interrupt import is_interrupt

__all__ = ["Hook", "run_hook", "set_hook", "take_hook", "update_hook"]

Hook = Callable[[PanicHookInfo], object]

_hook: Hook = default_hook
# Reentrant: a signal handler may set a hook while its thread sets one.
_lock = threading.RLock()


class _PerThread(threading.local):
    in_hook = False


_per_thread = _PerThread()


def _renew_lock() -> None:
    """Make a new lock in a forked child: the holder of the old one may not be there any more."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def set_hook(hook: Hook) -> None:
    """Make `hook` the panic hook of the process, in the place of the one before.

    It is called as `hook(info)` on each thread that panics, before anything that the closure
    holds is let go, and before `join` or `catch_unwind` return. What it returns is ignored. What
    it raises is printed with the panic and ends nothing, except that on the main thread, inside
    of `catch_unwind`, a KeyboardInterrupt goes on.

    Args:
        hook: called with a `PanicHookInfo`, by several threads at once if they panic at once.

    Raises:
        TypeError: `hook` is not callable; `take_hook` is what brings the default back.
        RuntimeError: the calling thread is panicking.

    Blocks: no.
    Thread safety: any thread that is not panicking.

    Mirrors `std::panic::set_hook`.

    >>> set_hook(lambda info: print(f"{info.thread.name}: {info.message}"))
    >>> catch_unwind(panic, "boom")
    main: boom
    Err(Panic('boom'))
    >>> _ = take_hook()
    """
    _check(hook)
    _exchange(hook)


def take_hook() -> Hook:
    """Bring the default hook back and return the one that was set.

    Returns:
        The hook that was set, or the default one: a function that prints the panic it is given.

    Raises:
        RuntimeError: the calling thread is panicking.

    Blocks: no.
    Thread safety: any thread that is not panicking; of several that take, one gets the hook.

    Mirrors `std::panic::take_hook`.

    >>> set_hook(print)
    >>> take_hook() is print
    True
    """
    return _exchange(default_hook)


def update_hook(f: Callable[[Hook, PanicHookInfo], object]) -> None:
    """Put `f` around the hook that is set, in one step: no other thread comes in between.

    Args:
        f: called as `f(previous_hook, info)` at each panic.

    Raises:
        TypeError: `f` is not callable.
        RuntimeError: the calling thread is panicking.

    Blocks: no.
    Thread safety: any thread that is not panicking.

    Mirrors `std::panic::update_hook` (nightly).

    >>> set_hook(lambda info: print("inner"))
    >>> def outer(previous, info):
    ...     print("outer")
    ...     previous(info)
    >>> update_hook(outer)
    >>> _ = catch_unwind(panic)
    outer
    inner
    >>> _ = take_hook()
    """
    global _hook
    _check(f)
    _refuse_while_panicking()
    with _lock:
        previous = _hook
        _hook = partial(f, previous)


def _check(hook: object) -> None:
    if not callable(hook):
        raise TypeError(f"a panic hook is a callable, not {type(hook).__name__}")


def _exchange(new: Hook) -> Hook:
    global _hook
    _refuse_while_panicking()
    with _lock:
        # The old hook leaves by the return: a destructor in it must not run under the lock.
        old, _hook = _hook, new
    return old


def _refuse_while_panicking() -> None:
    if current_info().panics > 0:
        raise RuntimeError("cannot modify the panic hook from a panicking thread")


def _explain_move(panic: NameError) -> None:
    """Say that a move has emptied the variable; from 3.12 on that is said where it is raised."""
    notes = sys.modules.get("pythread_rs.ownership._notes")
    if notes is not None:  # it is loaded by the first move
        notes.annotate(panic)


def run_hook(panic: BaseException, thread: ThreadInfo) -> None:
    """Run the hook for a panic of the calling thread.

    A panic inside of the hook that `catch_unwind` takes there is printed, but not given to the
    hook again: it would go on for ever.
    """
    if sys.version_info < (3, 12) and isinstance(panic, NameError):
        _explain_move(panic)
    info = new_info(panic, thread)
    if _per_thread.in_hook:
        info._shown = True
        write_failure(info, info)
        return
    _per_thread.in_hook = True
    try:
        _hook(info)
    except BaseException as error:
        if is_interrupt(error):
            raise
        write_failure(info, new_info(error, thread))
    finally:
        _per_thread.in_hook = False
