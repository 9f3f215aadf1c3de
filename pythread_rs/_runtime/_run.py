"""The entry: what a new thread does from its first bytecode to its last.

This is the only place of the package that catches BaseException. The order is the promise of
`join`: closure and captures dropped, result stored, thread-locals destroyed, thread forgotten by
`threading`; then the C layer detaches and wakes the joiner.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

from pythread_rs import _ffi
from pythread_rs._runtime import _fork, _registry
from pythread_rs._runtime._info import ThreadInfo, install_info
from pythread_rs._runtime._unwind import unwind

__all__ = ["connect", "set_panic_handler"]

PanicHandler = Callable[[BaseException, ThreadInfo], None]


def _no_handler(panic: BaseException, info: ThreadInfo) -> None:
    """Stand in until the panic module registers its own."""


_handler: PanicHandler = _no_handler


def set_panic_handler(handler: PanicHandler) -> None:
    """Register what runs on a panicking thread before its frames are cleared."""
    global _handler
    _handler = handler


def connect() -> None:
    """Hand the entry to the C layer."""
    main = threading.main_thread().ident
    _ffi.connect(run, threading.get_ident() if main is None else main)


def run(job: list[Any]) -> None:
    """Run one job, `[packet, info, f, args, kwargs, first, context]`, on the calling thread."""
    packet, info = job[0], job[1]
    forks = _fork.count
    try:
        try:
            _begin(info, packet)
            value = _call(job)
        except BaseException as panic:
            _fail(packet, info, panic)
        else:
            packet.put_ok(value)
            value = None
    finally:
        # The last reference to an unclaimed result goes here, while this is still a whole thread.
        job.clear()
        packet = None
        _end(info)
    if forks != _fork.count:
        _fork.leave_child(info)


def _begin(info: ThreadInfo, packet: Any) -> None:
    install_info(info)
    _registry.register(info, packet)
    trace, profile = threading.gettrace(), threading.getprofile()
    if trace is not None:
        sys.settrace(trace)
    if profile is not None:
        sys.setprofile(profile)


def _call(job: list[Any]) -> Any:
    """Call the closure; its last references are in this frame."""
    _, _, f, args, kwargs, first, context = job
    job.clear()
    for hook in first:
        hook()
    if context is not None:
        return context.run(f, *args, **kwargs)
    return f(*args, **kwargs)


def _fail(packet: Any, info: ThreadInfo, panic: BaseException) -> None:
    """Report a panic, let go of all that its frames hold, and keep it for `join`."""
    info.panics += 1
    try:
        if info.silent is not panic and _ffi.gate_is_open():
            _handler(panic, info)
        unwind(panic)
    finally:
        info.panics -= 1
        info.silent = None
        packet.put_err(panic)
        if info.on_panic is not None:
            info.on_panic(panic)
    if _fork.is_child_of_thread():
        _fork.note_exit(info, panic)


def _end(info: ThreadInfo) -> None:
    try:
        if info.values is not None:
            info.values.drop_all()
    finally:
        sys.settrace(None)
        sys.setprofile(None)
        _registry.forget(info)
