"""Workers: the threads of a pool, from start to end, exit and fork included."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Final

from pythread_rs import _ffi
from pythread_rs._runtime import JoinError
from pythread_rs.panic import catch_unwind
from pythread_rs.pool._panics import LOST
from pythread_rs.thread import Builder

__all__ = ["Crew"]

Handler = Callable[[int], object] | None

_PATIENCE: Final = 50_000_000  # nanoseconds without an end of the futures; a guess

_lock = threading.Lock()
_running: dict[_ffi.PoolBase, int] = {}  # pools whose workers live, and how many


class Crew:
    """The threads of one pool. It does not keep the public pool alive."""

    __slots__ = ("_packets", "core")

    def __init__(self, core: _ffi.PoolBase) -> None:
        self.core = core
        self._packets: list[Any] = []

    def start(self, builders: list[Builder], first: Handler, last: Handler) -> None:
        """Start a worker with each builder; all or none.

        Raises:
            SpawnError: the OS refuses a thread; those that were started end.
        """
        _install_once()
        complete = False
        try:
            for index, builder in enumerate(builders):
                with _lock:
                    _running[self.core] = _running.get(self.core, 0) + 1
                self._start_one(index, builder, first, last)
            complete = True
        finally:
            if not complete:
                self.core.close()

    def _start_one(self, index: int, builder: Builder, first: Handler, last: Handler) -> None:
        started = False
        try:
            handle = builder.spawn_unchecked(_work, self.core, index, first, last)
            started = True
        finally:
            if not started:
                _ended(self.core)
        assert handle._packet is not None  # it is new
        self._packets.append(handle._packet.watcher())

    def wait(self) -> None:
        """Wait until every worker has ended.

        Raises:
            RuntimeError: a worker would wait for itself.
        """
        for packet in tuple(self._packets):
            if packet.wait(-1) == _ffi.DEADLOCK:
                raise RuntimeError("a worker cannot wait for the end of its own pool")
        self._packets.clear()


def _work(core: _ffi.PoolBase, index: int, first: Handler, last: Handler) -> None:
    """Be a worker; handlers that panic are reported and end nothing."""
    try:
        if first is not None:
            catch_unwind(first, index)
        core.work(index)
        if last is not None:
            catch_unwind(last, index)
    finally:
        _ended(core)


def _ended(core: _ffi.PoolBase) -> None:
    with _lock:
        left = _running.get(core, 0) - 1  # none in the child of a fork
        if left > 0:
            _running[core] = left
        else:
            _running.pop(core, None)


# -- Exit and fork. --------------------------------------------------------------------------------

_installed = False


def _install_once() -> None:
    global _installed
    with _lock:
        if _installed:
            return
        _installed = True
    # As concurrent.futures does: before the non-daemon threads are joined, and so before the gate.
    threading._register_atexit(_finish_futures)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_child)


def _finish_futures() -> None:
    """Let what was submitted come to its end, as users of executors expect."""
    with _lock:
        cores = list(_running)
    for core in cores:
        while not core.drain(_PATIENCE):
            _relieve(core)


def _relieve(core: _ffi.PoolBase) -> None:
    """Start one more worker for the line if tasks that are no futures have taken all the others.

    These may run for ever, as they are cut off at exit; what was submitted must not wait for them.
    """
    now = core.statistics()
    if now["queued"] and not now["keeping"] and not now["sleeping"]:
        Builder(name="pool-at-exit").spawn_unchecked(core.stand_in)


def _in_child() -> None:
    """Say in each future that the parent has not finished why it will never be."""
    global _lock
    _lock = threading.Lock()
    cores = list(_running)
    _running.clear()
    for core in cores:
        for future in core.abandon():
            future._lose(JoinError(LOST))
