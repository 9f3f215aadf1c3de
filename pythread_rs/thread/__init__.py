"""Native threads: spawn them, join them, park them, and give them values of their own."""

from pythread_rs._runtime import DeadlockError, JoinError, SpawnError
from pythread_rs.thread._handle import JoinHandle, ScopedJoinHandle
from pythread_rs.thread._local_key import AccessError, LocalKey, thread_local
from pythread_rs.thread._scope import Scope, scope
from pythread_rs.thread._spawn import Builder, add_spawn_hook, spawn
from pythread_rs.thread._thread import Thread, ThreadId, current, park, park_timeout
from pythread_rs.thread._time import (
    available_parallelism,
    panicking,
    sleep,
    sleep_until,
    yield_now,
)

__all__ = [
    "AccessError",
    "Builder",
    "DeadlockError",
    "JoinError",
    "JoinHandle",
    "LocalKey",
    "Scope",
    "ScopedJoinHandle",
    "SpawnError",
    "Thread",
    "ThreadId",
    "add_spawn_hook",
    "available_parallelism",
    "current",
    "panicking",
    "park",
    "park_timeout",
    "scope",
    "sleep",
    "sleep_until",
    "spawn",
    "thread_local",
    "yield_now",
]
