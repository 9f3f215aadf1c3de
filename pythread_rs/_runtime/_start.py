"""The spawning side: everything that happens before the new thread exists."""

import contextvars
import sys
from collections.abc import Callable
from typing import Any

from pythread_rs import _ffi
from pythread_rs._runtime._errors import spawn_error
from pythread_rs._runtime._info import ThreadInfo, current_info

__all__ = ["own", "start"]

_inherits_context = bool(getattr(sys.flags, "thread_inherit_context", False))


def own(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Let the new thread own the closure and its arguments: all of them pass here.

    Nothing is refused yet: any callable is taken, with whatever it captures.
    """
    return f, args, kwargs


def start(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    handle: Any,
    stack_size: int = 0,
    dedicated: bool = False,
    hooked: bool = True,
    on_panic: Callable[[BaseException], object] | None = None,
    packet: _ffi.Packet | None = None,
) -> _ffi.Packet:
    """Run `f(*args, **kwargs)` on a thread of its own and return its packet.

    Raises:
        TypeError: `f` is not callable.
        SpawnError: the OS or the exiting interpreter refused; nothing has changed.
    """
    if not callable(f):
        raise TypeError(f"spawn takes a callable, not {type(f).__name__}: {f!r:.80}")
    f, args, kwargs = own(f, args, kwargs)
    hooks = current_info().hooks if hooked else ()
    first = [hook for hook in [h(handle) for h in hooks] if hook is not None] if hooks else ()
    context = contextvars.copy_context() if _inherits_context else None
    if packet is None:
        packet = _ffi.Packet()
    job = [packet, ThreadInfo(handle, hooks, on_panic), f, args, kwargs, first, context]
    refused = packet.start(job, handle.name, stack_size, dedicated)
    if refused is not None:
        raise spawn_error(refused[0], refused[1], stack_size)
    return packet
