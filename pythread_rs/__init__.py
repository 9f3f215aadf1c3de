"""Rust's `std::thread` for Python: native threads, owned handles, results instead of lost errors.

The map, from what most programs use to what few do:

    thread      spawn, Builder, JoinHandle, scope, park, sleep, thread_local
    result      Ok, Err, Result
    panic       panic, catch_unwind, set_hook
    ownership   move, take, drain, Own, freeze, shared, and the errors of the check
    process     exit
"""

# First of all, as it may refuse.
from pythread_rs import _main_interpreter  # noqa: F401, I001  # pyright: ignore[reportUnusedImport]
from pythread_rs import ownership, panic, process, result, thread
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

__all__ = [
    "Builder",
    "DeadlockError",
    "Err",
    "JoinError",
    "JoinHandle",
    "LocalKey",
    "Ok",
    "Own",
    "OwnershipError",
    "Panic",
    "Result",
    "Scope",
    "ScopedJoinHandle",
    "SpawnError",
    "Thread",
    "ThreadId",
    "UnwrapError",
    "UseAfterMoveError",
    "__version__",
    "assume_send",
    "available_parallelism",
    "catch_unwind",
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
    "take",
    "thread",
    "thread_local",
    "yield_now",
]
