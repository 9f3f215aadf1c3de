"""Rust's `std::thread` for Python: native threads, owned handles, results instead of lost errors.

The map, from what most programs use to what few do:

    thread      spawn, Builder, JoinHandle, scope, park, sleep, thread_local
    result      Ok, Err, Result
    panic       panic, catch_unwind, set_hook
    ownership   move, take, drain, Own, freeze, shared, and the errors of the check
    sync        channels, Arc, Mutex, RwLock, Condvar, Barrier, atomics, select, StopToken
    process     exit
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

# First of all, as it may refuse.
from pythread_rs import (
    _main_interpreter,  # noqa: F401  # pyright: ignore[reportUnusedImport]
    ownership,
    panic,
    process,
    result,
    thread,
)
from pythread_rs._version import __version__
from pythread_rs.ownership import (
    Own,
    OwnershipError,
    UseAfterMoveError,
    assume_send,
    drain,
    freeze,
    move,
    shared,
    take,
)
from pythread_rs.panic import Panic, catch_unwind, panic_any
from pythread_rs.result import Err, Ok, Result, UnwrapError
from pythread_rs.thread import (
    Builder,
    DeadlockError,
    JoinError,
    JoinHandle,
    LocalKey,
    Scope,
    ScopedJoinHandle,
    SpawnError,
    Thread,
    ThreadId,
    available_parallelism,
    current,
    panicking,
    park,
    park_timeout,
    scope,
    sleep,
    sleep_until,
    spawn,
    thread_local,
    yield_now,
)

if TYPE_CHECKING:
    from pythread_rs import sync
    from pythread_rs.sync import Arc, Barrier, Condvar, Mutex, RwLock, StopToken
    from pythread_rs.sync.mpsc import channel, sync_channel

__all__ = [
    "Arc",
    "Barrier",
    "Builder",
    "Condvar",
    "DeadlockError",
    "Err",
    "JoinError",
    "JoinHandle",
    "LocalKey",
    "Mutex",
    "Ok",
    "Own",
    "OwnershipError",
    "Panic",
    "Result",
    "RwLock",
    "Scope",
    "ScopedJoinHandle",
    "SpawnError",
    "StopToken",
    "Thread",
    "ThreadId",
    "UnwrapError",
    "UseAfterMoveError",
    "__version__",
    "assume_send",
    "available_parallelism",
    "catch_unwind",
    "channel",
    "current",
    "drain",
    "freeze",
    "move",
    "ownership",
    "panic",
    "panic_any",
    "panicking",
    "park",
    "park_timeout",
    "process",
    "result",
    "scope",
    "shared",
    "sleep",
    "sleep_until",
    "spawn",
    "sync",
    "sync_channel",
    "take",
    "thread",
    "thread_local",
    "yield_now",
]

# What a program that only starts threads need not wait for.
_LATER: Final = {
    "Arc": "pythread_rs.sync",
    "Barrier": "pythread_rs.sync",
    "Condvar": "pythread_rs.sync",
    "Mutex": "pythread_rs.sync",
    "RwLock": "pythread_rs.sync",
    "StopToken": "pythread_rs.sync",
    "channel": "pythread_rs.sync.mpsc",
    "sync_channel": "pythread_rs.sync.mpsc",
    "sync": "pythread_rs.sync",
}


def __getattr__(name: str) -> object:
    """Import what is imported when it is first asked for."""
    place = _LATER.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(place)
    found = module if name == "sync" else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
