"""What a thread knows of itself, reachable from anywhere on that thread."""

import threading
from collections.abc import Callable
from typing import Any, final

from pythread_rs._ffi import set_panics
from pythread_rs._runtime._local import LocalValues

__all__ = ["SpawnHook", "ThreadInfo", "current_info", "install_info"]

SpawnHook = Callable[[Any], Callable[[], object] | None]


@final
class ThreadInfo:
    """The record of one thread; only that thread writes to it.

    `handle` is the public `Thread`, made by the floor above: at once for a spawned thread, on
    the first `current()` for any other.
    """

    __slots__ = ("handle", "hooks", "on_end", "on_panic", "panics", "registered", "values")

    def __init__(
        self,
        handle: Any = None,
        hooks: tuple[SpawnHook, ...] = (),
        on_panic: Callable[[BaseException], object] | None = None,
        on_end: Callable[[], object] | None = None,
    ) -> None:
        self.handle = handle
        self.hooks = hooks  # last added first
        self.on_panic = on_panic  # told of a panic before join can see it
        self.on_end = on_end  # told when closure and captures are gone
        self.panics = 0  # panic hooks and unwindings under way
        self.values: LocalValues | None = None
        self.registered: Any = None  # its object in `threading`

    def begin_panic(self) -> None:
        """Note that a panic hook, or an unwinding, begins; the guards of locks ask for it."""
        self.panics += 1
        set_panics(self.panics)

    def end_panic(self) -> None:
        """Note its end."""
        self.panics -= 1
        set_panics(self.panics)


class _PerThread(threading.local):
    info: ThreadInfo | None = None


_per_thread = _PerThread()


def current_info() -> ThreadInfo:
    """Return the calling thread's record, made now for a thread that is not ours."""
    info = _per_thread.info
    if info is None:
        info = _per_thread.info = ThreadInfo()
    return info


def install_info(info: ThreadInfo) -> None:
    """Make `info` the record of the calling thread."""
    _per_thread.info = info
