"""The spawning side: everything that happens before the new thread exists."""

import contextvars
import sys
from collections.abc import Callable
from typing import Any

from pythread_rs import _ffi
from pythread_rs._runtime._errors import spawn_error
from pythread_rs._runtime._info import ThreadInfo, current_info

__all__ = ["Closure", "start"]

# [function, args, kwargs]. Who makes one gives up its own references on the three: the check counts
# who holds what.
Closure = list[Any]

_inherits_context = bool(getattr(sys.flags, "thread_inherit_context", False))


def start(
    closure: Closure,
    handle: Any,
    packet: _ffi.Packet,
    stack_size: int = 0,
    dedicated: bool = False,
    hooked: bool = True,
    on_panic: Callable[[BaseException], object] | None = None,
    checked: bool = True,
    moved: Any = None,
    on_end: Callable[[], None] | None = None,
) -> None:
    """Run `f(*args, **kwargs)` on a thread of its own, which leaves its result in `packet`.

    Raises:
        TypeError: `f` is not callable.
        OwnershipError: the new thread may not own all of it; nothing has changed.
        SpawnError: the OS or the exiting interpreter refused; nothing has changed.
    """
    if not callable(closure[0]):
        f = closure[0]
        raise TypeError(f"spawn takes a callable, not {type(f).__name__}: {f!r:.80}")
    hooks = current_info().hooks if hooked else ()
    first = _owned_hooks(hooks, handle) if hooks else ()
    context = contextvars.copy_context() if _inherits_context else None
    info = ThreadInfo(handle, hooks, on_panic, on_end)
    is_moved = moved is not None or type(closure[0]) is _ffi.Moved
    if checked:  # last of all: whatever failed before has moved nothing
        moved = _ffi.own(closure)
    try:
        job = [packet, info, *closure, first, context, is_moved]
    except MemoryError:
        _give_back(moved, closure, on_end)
        raise
    # From here on the job alone holds what the thread gets: it may hand it on at once.
    closure[0] = closure[1] = closure[2] = None
    try:
        refused = packet.start(job, handle.name, stack_size, dedicated)
    except MemoryError:
        closure[0], closure[1], closure[2] = job[2], job[3], job[4]
        _give_back(moved, closure, on_end)
        raise
    if refused is not None:
        closure[0], closure[1], closure[2] = job[2], job[3], job[4]
        job.clear()
        _give_back(moved, closure, on_end)
        raise spawn_error(refused[0], refused[1], stack_size)


def _give_back(moved: Any, closure: Closure, on_end: Callable[[], None] | None) -> None:
    if moved is not None:
        moved._give_back(closure)
    if on_end is not None:
        on_end()


def _owned_hooks(hooks: tuple[Any, ...], handle: Any) -> list[Any]:
    """Call the spawn hooks; what they return runs on the new thread, which must own it."""
    first: list[Any] = []
    for hook in hooks:
        closure: Closure = [hook(handle), (), {}]
        if closure[0] is not None:
            _ffi.own(closure)
            first.append(closure[0])
    return first
