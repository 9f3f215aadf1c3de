"""Errors of starting and joining threads.

OSError, RuntimeError
 +-- SpawnError       the OS or the exiting interpreter refuses a thread
RuntimeError
 +-- JoinError        a thread went away without a result
 +-- DeadlockError    a wait that could never end
"""

import errno
import os
from typing import Final

from pythread_rs import _ffi

__all__ = ["DeadlockError", "JoinError", "SpawnError", "spawn_error"]

_STATUS_INVALID: Final = -1
_STATUS_NO_MEMORY: Final = -2


class SpawnError(OSError, RuntimeError):
    """No thread was started: the OS refused, or the interpreter is exiting.

    Nothing leaks, the closure stays with the caller, and the next spawn may work. `errno` is the
    platform's number (`EAGAIN` when a limit is hit, `EINVAL` for a stack size that the platform
    refuses, `ESHUTDOWN` at exit); the text names the limits that were found.

    Mirrors the `io::Error` of `std::thread::Builder::spawn`.

    >>> import errno
    >>> issubclass(SpawnError, OSError) and issubclass(SpawnError, RuntimeError)
    True
    """


class JoinError(RuntimeError):
    """A thread ended without a result: cut off at exit, or left in the parent of a fork.

    It comes as the payload of the `Err` that `join` returns.

    >>> issubclass(JoinError, RuntimeError)
    True
    """


class DeadlockError(RuntimeError):
    """A wait could never end, such as a thread that joins itself.

    >>> issubclass(DeadlockError, RuntimeError)
    True
    """


def spawn_error(status: int, os_error: int, stack_size: int) -> SpawnError:
    """Build the error for a refused spawn, with the limits that may be the cause."""
    if status == _ffi.CLOSED:
        text = "failed to spawn thread: the interpreter is exiting"
        return SpawnError(errno.ESHUTDOWN, text)
    if status == _STATUS_INVALID:
        text = f"failed to spawn thread: stack size of {stack_size} bytes is not possible here"
        return SpawnError(errno.EINVAL, text)
    number = os_error or (errno.ENOMEM if status == _STATUS_NO_MEMORY else errno.EAGAIN)
    text = f"failed to spawn thread: {os.strerror(number)}"
    limits = _limits()
    if stack_size:
        limits.append(f"stack of {stack_size} bytes asked for")
    if limits:
        text += f" ({', '.join(limits)})"
    return SpawnError(number, text)


def _limits() -> list[str]:
    """Describe the limits on threads that this system tells about."""
    found = [f"{_ffi.statistics()['live']} threads of this package live"]
    found += _resource_limits()
    for path, name in (
        ("/proc/sys/kernel/threads-max", "kernel threads-max"),
        ("/proc/sys/vm/max_map_count", "vm.max_map_count"),
        ("/sys/fs/cgroup/pids.max", "cgroup pids.max"),
    ):
        try:
            with open(path, encoding="ascii") as stream:
                found.append(f"{name} {stream.read().strip()}")
        except OSError:
            continue
    return found


def _resource_limits() -> list[str]:
    try:
        import resource
    except ImportError:
        return []
    found: list[str] = []
    for name in ("RLIMIT_NPROC", "RLIMIT_AS"):
        soft, _ = resource.getrlimit(getattr(resource, name))
        if soft != resource.RLIM_INFINITY:
            found.append(f"{name} {soft}")
    return found
