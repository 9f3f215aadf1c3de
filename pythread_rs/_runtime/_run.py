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
from pythread_rs._runtime import _fork, _threading
from pythread_rs._runtime._info import ThreadInfo, install_info
from pythread_rs._runtime._unwind import clear, cut, keeps_locals, unwind

__all__ = ["connect", "panic_handler", "panicked", "set_panic_handler"]

PanicHandler = Callable[[BaseException, ThreadInfo], None]

_OWN_FRAMES: Final = 2  # `run` and what it calls
_PLAIN: Final = 8  # arguments that `_call` passes one by one


def _no_handler(panic: BaseException, info: ThreadInfo) -> None:
    """Stand in until the panic module registers its own."""


_handler: PanicHandler = _no_handler


def set_panic_handler(handler: PanicHandler) -> None:
    """Register what runs on a panicking thread before its frames are cleared."""
    global _handler
    _handler = handler


def panic_handler() -> PanicHandler:
    """Return what was registered, for one that does more."""
    return _handler


def connect(entry: Callable[[list[Any]], None] | None = None) -> None:
    """Hand the entry to the C layer: `run`, or what calls it."""
    _ffi.connect(run if entry is None else entry, _settle, _main_thread_ident())


def _main_thread_ident() -> int:
    """Return the main thread's ident as the C layer gets it for that thread.

    gevent's patches put idents of greenlets into `threading`, but leave the keys of the stacks
    alone. All its threads are greenlets of one OS thread: the calling one.
    """
    frames = sys._current_frames()
    ident = threading.main_thread().ident
    if ident in frames:
        return ident
    here = sys._getframe()
    return next(ident for ident, frame in frames.items() if frame is here)


def run(job: list[Any]) -> None:
    """Run one job on the calling thread.

    A job is `[packet, info, f, args, kwargs, first, context, moved]`.
    """
    packet, info, context = job[0], job[1], job[6]
    moved = id(job[2]) if job[7] else 0
    forks = _fork.count
    try:
        try:
            _begin(info, packet)
            if job[5]:
                _call_hooks(job[5])
            if context is None:
                packet.put_ok(_call(job))
            else:
                packet.put_ok(context.run(_call, job))
        except BaseException as panic:
            _fail(packet, info, panic, moved)
    finally:
        # The last reference to an unclaimed result goes here, while this is still a whole thread.
        job.clear()
        packet = context = None
        if info.on_end is not None:
            info.on_end()
        _end(info)
    if forks != _fork.count:
        _fork.leave_child()
    # The traceback of a panic holds this frame, which must not hold the record of the thread.
    del info


def _begin(info: ThreadInfo, packet: Any) -> None:
    install_info(info)
    _threading.register(info, packet)
    _threading.begin_tracing()


def _call_hooks(first: list[Callable[[], object]]) -> None:
    for hook in first:
        hook()


def _call(job: list[Any]) -> Any:
    """Call the closure so that nobody but its own frame holds it and its arguments.

    They leave the list while the interpreter puts them in place for the call, which then hands
    them over to the frame of `f`: only so can `f` hand them on to a further thread. The arguments
    are written out because Python 3.11 keeps those of `f(*args)` in a tuple during the call, as
    every version does when C calls, also `context.run`.
    """
    f, args, kwargs = job[2], job[3], job[4]
    count = len(args)
    if kwargs or count > _PLAIN:
        job[:] = [kwargs, args, f]
        del f, args, kwargs
        return job.pop()(*job.pop(), **job.pop())
    job[:] = args[::-1]
    job.append(f)
    del f, args, kwargs
    pop = job.pop
    match count:
        case 0:
            return pop()()
        case 1:
            return pop()(pop())
        case 2:
            return pop()(pop(), pop())
        case 3:
            return pop()(pop(), pop(), pop())
        case 4:
            return pop()(pop(), pop(), pop(), pop())
        case 5:
            return pop()(pop(), pop(), pop(), pop(), pop())
        case 6:
            return pop()(pop(), pop(), pop(), pop(), pop(), pop())
        case 7:
            return pop()(pop(), pop(), pop(), pop(), pop(), pop(), pop())
        case _:
            return pop()(pop(), pop(), pop(), pop(), pop(), pop(), pop(), pop())


def _fail(packet: Any, info: ThreadInfo, panic: BaseException, moved: int) -> None:
    """Report a panic, let go of all that its frames hold, and keep it for `join`."""
    try:
        panicked(info, panic, moved)
    finally:
        packet.put_err(panic)
        if info.on_panic is not None:
            info.on_panic(panic)
    if _fork.is_child_of_thread():
        _fork.note_exit(panic)


def panicked(info: ThreadInfo, panic: BaseException, moved: int) -> None:
    """Report a panic, and let go of all that its frames hold.

    Args:
        info: the thread's record.
        panic: what left the closure, and `_OWN_FRAMES` frames of the package around it.
        moved: the address of the moved closure that ran, or 0. Its frame holds it, and that its
            captures; nobody else may while it runs.
    """
    own = cut(panic, _OWN_FRAMES)
    entry = panic.__traceback__
    closure = _ffi.running(entry.tb_frame, moved) if moved and entry is not None else None
    del entry
    info.begin_panic()
    try:
        if _ffi.gate_is_open():
            _handler(panic, info)
        unwind(panic)
        if closure is not None and not keeps_locals():
            _ffi.empty_cells(closure)
        # The closure and its arguments are in the innermost of these.
        clear(own)
    finally:
        info.end_panic()


def _end(info: ThreadInfo) -> None:
    try:
        if info.values is not None:
            info.values.drop_all()
    finally:
        _threading.end_tracing()
        _forget_event_loop()
        _threading.forget(info)


def _forget_event_loop() -> None:
    """Reset asyncio's running loop, which lives in a place that the C layer cannot reach."""
    events = sys.modules.get("asyncio.events")
    if events is not None and events._get_running_loop() is not None:
        events._set_running_loop(None)


def _settle() -> None:
    """Reset what the last destructors left; called by the C layer when they have run.

    Up to 3.12 the loop is in the thread-state dict, which the C layer has emptied, and asyncio
    must not be asked: it remembers a loop that may be gone.
    """
    if sys.version_info >= (3, 13):
        _forget_event_loop()
