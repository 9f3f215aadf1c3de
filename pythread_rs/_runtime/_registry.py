"""Our threads as `threading`, logging and debuggers see them.

`threading` keeps a dict of its threads by ident. A light object of ours stands there while a
closure runs, so that `current_thread()`, `enumerate()` and a log record's threadName tell the
truth, and nobody makes a `Dummy` thread that would stay for ever.
"""

import threading
from typing import Any, NoReturn

from pythread_rs import _ffi
from pythread_rs._runtime._info import ThreadInfo

__all__ = ["forget", "forget_for_fork", "register", "restore_after_fork"]

_active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]


class NativeThread(threading.Thread):
    """A thread of pythread_rs, as `threading` shows it. It is a daemon: exit does not wait.

    It is started and ended by pythread_rs, so `start` and `run` are refused; `join` waits.
    """

    # Thread.__init__ costs more than the whole spawn: its attributes are set by hand.
    _initialized = True
    _daemonic = True
    _invoke_excepthook = None
    _tstate_lock = None
    _target = None
    _args = ()
    _kwargs: dict[str, Any] = {}  # noqa: RUF012  # the attribute of the base class

    _packet: Any
    _alive: bool

    def __init__(self) -> None:
        raise TypeError("a NativeThread is made by pythread_rs.spawn")

    @property
    def ident(self) -> int | None:
        """The number that `threading.get_ident` gives on the thread."""
        return self._ident

    @property
    def native_id(self) -> int | None:
        """The number by which the OS knows the thread."""
        return self._native_id

    def is_alive(self) -> bool:
        """Tell whether the closure still runs."""
        return self._alive and not self._packet.is_finished()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the closure has ended, at most `timeout` seconds. Its result stays."""
        if self is threading.current_thread():
            raise RuntimeError("cannot join current thread")
        self._packet.wait(-1 if timeout is None else _ffi.nanoseconds(max(timeout, 0)))

    def start(self) -> NoReturn:
        """Refuse: the thread runs already."""
        raise RuntimeError("threads can only be started once")

    def run(self) -> NoReturn:
        """Refuse: the thread runs already."""
        raise RuntimeError("this thread was started by pythread_rs.spawn")

    def __repr__(self) -> str:
        state = "started" if self.is_alive() else "stopped"
        return f"<NativeThread({self._name}, {state} daemon {self._ident})>"

    # Called by threading._after_fork in the child, for a thread that is not there any more.
    def _stop(self, *_: object) -> None:
        self._alive = False

    def _reset_internal_locks(self, is_alive: bool) -> None:
        self._alive = is_alive

    def _after_fork(self, new_ident: int | None = None) -> None:
        self._alive = new_ident is not None
        if new_ident is not None:
            self._ident = new_ident

    _ident: int
    _native_id: int
    _name: str


_new = NativeThread.__new__


def register(info: ThreadInfo, packet: Any) -> None:
    """Show the calling thread in `threading`."""
    thread = _new(NativeThread)
    handle = info.handle
    thread._name = handle.name or f"pythread_rs-{handle.id.number}"
    ident = thread._ident = threading.get_ident()
    thread._native_id = threading.get_native_id()
    thread._packet = packet.watcher()
    thread._alive = True
    info.registered = thread
    _active[ident] = thread


def forget(info: ThreadInfo) -> None:
    """Take the calling thread out of `threading`."""
    thread: NativeThread | None = info.registered
    info.registered = None
    if thread is not None:
        thread._alive = False
        if _active.get(thread._ident) is thread:
            del _active[thread._ident]


def forget_for_fork() -> threading.Thread | None:
    """Take our own entry out before a fork: the child's `threading` then makes a main thread."""
    ident = threading.get_ident()
    thread = _active.get(ident)
    if isinstance(thread, NativeThread):
        del _active[ident]
        return thread
    return None


def restore_after_fork(thread: threading.Thread | None) -> None:
    """Put the entry back in the parent."""
    if isinstance(thread, NativeThread):
        _active[thread._ident] = thread
