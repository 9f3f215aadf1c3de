"""The entry: what a new thread does from its first bytecode to its last.

Every exception of a closure ends here, whatever its class. The order is the promise of `join`:
closure and captures dropped, result stored, thread-locals destroyed, thread forgotten by
`threading`; then the C layer detaches and wakes the joiner.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from pythread_rs import _ffi
from pythread_rs._runtime import _fork, _registry
from pythread_rs._runtime._info import ThreadInfo, install_info
from pythread_rs._runtime._unwind import clear, cut, unwind

__all__ = ["connect", "set_panic_handler"]

PanicHandler = Callable[[BaseException, ThreadInfo], None]

_OWN_FRAMES: Final = 2  # `run` and `_call`


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
    ident = threading.get_ident() if main is None else main
    _ffi.connect(run, _settle, ident)


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
        _fork.leave_child()
    # The traceback of a panic holds this frame, which must not hold the record of the thread.
    del info


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
    own = cut(panic, _OWN_FRAMES)
    info.panics += 1
    try:
        if _ffi.gate_is_open():
            _handler(panic, info)
        unwind(panic)
        # The closure and its arguments are in the innermost of these.
        clear(own)
    finally:
        info.panics -= 1
        packet.put_err(panic)
        if info.on_panic is not None:
            info.on_panic(panic)
    if _fork.is_child_of_thread():
        _fork.note_exit(panic)


def _end(info: ThreadInfo) -> None:
    try:
        if info.values is not None:
            info.values.drop_all()
    finally:
        sys.settrace(None)
        sys.setprofile(None)
        _forget_event_loop()
        _registry.forget(info)


def _forget_event_loop() -> None:
    """Reset asyncio's running loop, which lives in a place that the C layer cannot reach."""
    events = sys.modules.get("asyncio.events")
    if events is not None and events._get_running_loop() is not None:
        events._set_running_loop(None)


def _settle() -> None:
    """Reset what the last destructors left; called by the C layer when they have run.

    Up to 3.13 the loop is in the thread-state dict, which the C layer has emptied, and asyncio
    must not be asked: it remembers a loop that may be gone.
    """
    if sys.version_info >= (3, 14):
        _forget_event_loop()
