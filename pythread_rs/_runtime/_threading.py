"""Our threads as `threading`, logging and debuggers see them.

`threading` keeps a dict of its threads by ident. A light object of ours stands there while a
closure runs, so that `current_thread()`, `enumerate()` and a log record's threadName tell the
truth, and nobody makes a `Dummy` thread that would stay for ever.

Up to Python 3.11 pydevd prints a warning when sys.settrace is called in a file whose name does not
end in "threading.py", which is the reason for the name of this one.
"""

import sys
import threading
from typing import Any, NoReturn, cast

from pythread_rs import _ffi
from pythread_rs._runtime._info import ThreadInfo

__all__ = [
    "begin_tracing",
    "end_tracing",
    "find",
    "forget",
    "forget_for_fork",
    "register",
    "restore_after_fork",
    "running",
]

_active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]


_started = threading.Event()
_started.set()


class _Handle:
    """What `threading.Thread` has from 3.13 on, as far as debuggers ask it."""

    __slots__ = ("_thread",)

    def __init__(self, thread: "NativeThread") -> None:
        self._thread = thread

    def is_done(self) -> bool:
        return not self._thread.is_alive()


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
    _started = _started

    # A debugger may ask before `register` has come to them.
    _packet: Any = None
    _alive = False

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

    # Debuggers ask private parts whether a thread has ended: pydevd the first up to 3.12, the
    # second on 3.13, the third from 3.14 on. One that is missing is an error at every line.
    @property
    def _is_stopped(self) -> bool:
        return not self.is_alive()

    @property
    def _handle(self) -> _Handle:
        return _Handle(self)

    _os_thread_handle = _handle

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
    ident = threading.get_ident()
    thread = _object_for(ident)
    handle = info.handle
    thread._name = handle.name or f"pythread_rs-{handle.id.number}"
    thread._ident = ident
    thread._native_id = threading.get_native_id()
    thread._packet = packet.watcher()
    thread._alive = True
    info.registered = thread
    _active[ident] = thread


def _object_for(ident: int) -> NativeThread:
    """Make the object, or make it out of the dummy that somebody has met here already.

    A callback of sys.monitoring runs before our first line. pydevd's asks for the current thread
    there, and takes what it got for the thread from then on.
    """
    known = _active.get(ident)
    if type(known) is not threading._DummyThread:
        return _new(NativeThread)
    dummy: Any = known
    dummy.__class__ = NativeThread
    return cast("NativeThread", dummy)


def begin_tracing() -> None:
    """Set what `threading.settrace` and `setprofile` want on every new thread."""
    trace, profile = threading.gettrace(), threading.getprofile()
    if trace is not None:
        sys.settrace(trace)
    if profile is not None:
        sys.setprofile(profile)


def end_tracing() -> None:
    """Take back whatever traces the calling thread: what follows is no work of the closure."""
    sys.settrace(None)
    sys.setprofile(None)


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


def find(ident: int) -> threading.Thread | None:
    """Return the thread with an ident, as `threading` knows it."""
    return _active.get(ident)


def running() -> list[tuple[int, NativeThread]]:
    """List our threads that run a closure, with their idents."""
    return [(k, v) for k, v in list(_active.items()) if isinstance(v, NativeThread)]
