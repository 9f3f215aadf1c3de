"""Deadlocks found as they happen, when PYTHREAD_RS_DEADLOCK=1 asks for it.

Each thread that is about to wait says what for, and each that takes a lock says so. A wait that
could never end raises `DeadlockError` in the thread that would have closed the circle:

- a circle of locks, of functions that a Once or its like has running, of joins (of threads, and
  of what a worker of a pool runs) and of ends of scopes, each held or to be ended by the next
  thread; a reader that waits behind writers waits for them;
- or every thread of the process waits for something of this package, without a time.

A channel does not know who might send, nor a barrier who might come, so these are never part of a
circle. Nothing is said where somebody else might act: a thread that is not Python's, or the handler
of a signal.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, NamedTuple

from pythread_rs import _ffi
from pythread_rs._runtime import _threading
from pythread_rs._runtime._errors import DeadlockError

__all__ = ["install", "uninstall"]

_PACKAGE: Final = __name__.partition(".")[0]
_OS_THREADS: Final = "/proc/self/task"  # where Linux lists them
_SETTLING: Final = (0.0, 0.001, 0.004, 0.016, 0.064)  # seconds: an OS thread that has ended goes
_SCOPE: Final = "scope"  # what the end of a scope waits as, and all else that has lent something
_TASKS: Final = (_ffi.TaskBase, _ffi.FutureBase)
_JOINED: Final = (_ffi.Packet, _ffi.TaskBase)
_LOCK: Final = "    for the lock that thread '{}' took at {}"
_FUNCTION: Final = "    for what thread '{}' runs since {}"


class _Wait(NamedTuple):
    """What a thread waits for."""

    object: Any
    what: str
    timed: bool
    where: str


class _Hold(NamedTuple):
    """A lock that a thread has taken, or what its function is to fill."""

    ident: int
    where: str
    shared: bool


class _Graph:
    """Who waits for what, and who holds what. Under its lock, for no longer than a look takes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waits: dict[int, _Wait] = {}
        self.holds: dict[int, list[_Hold]] = {}  # by the id of the lock
        self.process = os.getpid()

    def enter(self, awaited: Any, what: str, timed: bool) -> None:
        """Note a wait of the calling thread, or raise if it could never end."""
        me = threading.get_ident()
        wait = _Wait(awaited, what, timed, _place())
        with self.lock:
            self._forget_parent()
            self.waits[me] = wait
            text = "" if timed else self._why_for_ever(me)
            if text and what != _SCOPE:
                del self.waits[me]
        if text and what == _SCOPE:
            _report(text)  # the threads have borrowed, so that it must wait for them
        elif text:
            raise DeadlockError(text)

    def leave(self) -> None:
        """Note that the calling thread waits no longer."""
        with self.lock:
            self.waits.pop(threading.get_ident(), None)

    def took(self, lock: Any, shared: bool) -> None:
        """Note that the calling thread holds a lock, or a share of it."""
        hold = _Hold(threading.get_ident(), _place(), shared)
        with self.lock:
            self._forget_parent()
            self.holds.setdefault(id(lock), []).append(hold)

    def let_go(self, lock: Any) -> None:
        """Note that a lock was let go, by the calling thread if it held it."""
        me = threading.get_ident()
        with self.lock:
            held = self.holds.get(id(lock), [])
            own = next((hold for hold in reversed(held) if hold.ident == me), None)
            if own is None:
                own = held[-1] if held else None
            if own is not None:
                held.remove(own)
            if not held:
                self.holds.pop(id(lock), None)

    def _forget_parent(self) -> None:
        """Drop what threads of the parent did, in the child of a fork."""
        if self.process == os.getpid():
            return
        self.process = os.getpid()
        me = threading.get_ident()
        self.waits = {ident: wait for ident, wait in self.waits.items() if ident == me}
        kept = ((key, [h for h in held if h.ident == me]) for key, held in self.holds.items())
        self.holds = {key: held for key, held in kept if held}

    def _why_for_ever(self, me: int) -> str:
        circle = self._circle(me, me, set())
        if circle:
            return self._describe("a circle of waits", circle)
        waiting = self._without_an_end()
        if _all_threads_are_in(waiting) and waiting == self._without_an_end():
            return self._describe("every thread waits", sorted(waiting, key=lambda t: t != me))
        return ""

    def _without_an_end(self) -> set[int]:
        return {ident for ident, wait in self.waits.items() if not _has_an_end(wait)}

    def _circle(self, at: int, me: int, seen: set[int]) -> list[int]:
        """List the threads from `at` to one that waits for `me`."""
        wait = self.waits.get(at)
        if wait is None or wait.timed or at in seen:
            return []
        seen.add(at)
        for owner in self._owners(wait):
            if owner == me:
                return [at]
            rest = self._circle(owner, me, seen)
            if rest:
                return [at, *rest]
        return []

    def _owners(self, wait: _Wait) -> Iterator[int]:
        """Yield the threads without which a wait does not end."""
        awaited = wait.object
        if isinstance(wait.object, _ffi.Packet):
            for ident, thread in list(_threading.running()):
                if thread._packet is not None and wait.object.same(thread._packet):
                    yield ident
        elif isinstance(awaited, _TASKS):
            runner: int | None = wait.object._runner()
            if runner is not None:
                yield runner
        held = self.holds.get(id(wait.object), ())
        if wait.what == "read" and all(hold.shared for hold in held):
            yield from self._writers_before(wait)
        else:
            for hold in held:
                yield hold.ident

    def _writers_before(self, wait: _Wait) -> list[int]:
        """List for whom a reader waits while others read: writers that came before it.

        If one of them waits for a time only, or may be stopped, the reader may get in.
        """
        writers = {
            ident: other
            for ident, other in self.waits.items()
            if other.object is wait.object and not other.what.startswith("read")
        }
        return [] if any(other.timed for other in writers.values()) else list(writers)

    def _describe(self, headline: str, idents: list[int]) -> str:
        lines = [f"deadlock: {headline}"]
        for ident in idents:
            wait = self.waits[ident]
            lines.append(f"  thread '{_name(ident)}' waits in {wait.what}() at {wait.where}")
            form = _FUNCTION if _runs_once(wait.object) else _LOCK
            lines += [
                form.format(_name(hold.ident), hold.where)
                for hold in self.holds.get(id(wait.object), ())
            ]
        return "\n".join(lines)


def _runs_once(awaited: object) -> bool:
    """Tell whether an object is held by who runs a function for it, and not locked."""
    return isinstance(awaited, (_ffi.OnceBase, _ffi.OnceLockBase, _ffi.LazyLockBase))


def _has_an_end(wait: _Wait) -> bool:
    """Tell whether a wait ends by itself, or has ended and its thread is not back yet."""
    awaited = wait.object
    return wait.timed or (isinstance(wait.object, _JOINED) and bool(awaited.is_finished()))


def _all_threads_are_in(idents: set[int]) -> bool:
    """Tell whether no other thread runs Python, or is on its way to it."""
    if _ffi.count_waking() or not set(sys._current_frames()) <= idents:
        return False
    ours = sum(1 for ident, _ in _threading.running() if ident in idents)
    if ours != _ffi.statistics()["live"]:
        return False
    if not all(thread.ident in idents for thread in threading.enumerate()):
        return False
    return not _signals_are_handled() and not _strangers_live(len(idents))


def _signals_are_handled() -> bool:
    """Tell whether a signal would run Python code, other than to raise KeyboardInterrupt."""
    handlers = map(signal.getsignal, signal.valid_signals())
    return any(callable(one) and one is not signal.default_int_handler for one in handlers)


def _strangers_live(waiting: int) -> bool:
    """Tell whether the process has a thread that might call Python code; False if unknown.

    A thread of a C library is seen by the number of threads only. One that has just ended may
    count for a moment, too; and one whose closure has ended may yet have to say so.
    """
    for pause in _SETTLING:
        time.sleep(pause)
        counts = _ffi.statistics()
        if counts["ending"]:
            continue
        try:
            found = len(os.listdir(_OS_THREADS))
        except OSError:
            return False
        if found <= waiting + counts["idle"]:
            return False
    return True


def _report(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")


def _name(ident: int) -> str:
    thread = _threading.find(ident)
    if thread is threading.main_thread():
        return "main"
    return "<unnamed>" if thread is None else thread.name


def _place() -> str:
    """Name the line of the innermost frame that is not the package's own."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_own(frame):
        frame = frame.f_back
    return "an unknown place" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _is_own(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return isinstance(name, str) and (name == _PACKAGE or name.startswith(f"{_PACKAGE}."))


def install() -> None:
    """Watch. Whoever imports this module has been asked to by the environment."""
    graph = _Graph()
    _ffi.set_watch(graph.enter, graph.leave, graph.took, graph.let_go)


def uninstall() -> None:
    """Watch no longer."""
    _ffi.set_watch(None, None, None, None)
