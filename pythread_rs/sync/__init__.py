"""Message passing and shared state: Rust's `std::sync`.

Arc, Weak                       one value with several owners
Mutex, RwLock, ReentrantLock    a value, and the lock that every use of it takes
Condvar                         waiting until what a Mutex protects has changed
atomic                          AtomicI64, AtomicBool, AtomicRef, Ordering
mpsc, mpmc                      channels: `channel()`, `sync_channel(bound)`
oneshot                         a channel for one message
select                          the first of several sends and receives; `Select`, `after`, `tick`
Barrier, WaitGroup              threads that wait for each other
Once, OnceLock, LazyLock        what is done or made once, by whoever comes first
Parker, Unparker                a token of one's own to wait for
StopToken                       cooperative cancellation

RuntimeError
 +-- DeadlockError      a wait that could never end: that of `pythread_rs.thread`
 +-- OncePoisonedError  the function of a Once or a LazyLock raised
TimeoutError
 +-- WaitTimeoutError   a barrier, a once or a wait group took too long
Exception
 +-- PoisonError        a thread panicked while it held the lock
 +-- TryLockError       the lock was taken or poisoned
 +-- LockTimeoutError   the lock was not free in time, or was poisoned
 +-- Stopped            a stop token ended a wait
"""

from pythread_rs.sync import atomic, mpmc, mpsc, oneshot
from pythread_rs.sync._arc import Arc, Weak
from pythread_rs.sync._arc_mut import ArcMut
from pythread_rs.sync._async import select_async
from pythread_rs.sync._barrier import Barrier, BarrierWaitResult
from pythread_rs.sync._condvar import Condvar, WaitTimeoutResult
from pythread_rs.sync._lazy_lock import LazyLock
from pythread_rs.sync._lock_errors import LockTimeoutError, PoisonError, TryLockError
from pythread_rs.sync._mutex import Mutex, MutexGuard
from pythread_rs.sync._once import Once, OncePoisonedError, OnceState
from pythread_rs.sync._once_lock import OnceLock
from pythread_rs.sync._parker import Parker, Unparker, UnparkReason
from pythread_rs.sync._reentrant_lock import ReentrantLock, ReentrantLockGuard
from pythread_rs.sync._rwlock import RwLock, RwLockReadGuard, RwLockWriteGuard
from pythread_rs.sync._select import (
    ReadyTimeoutError,
    Select,
    SelectTimeoutError,
    Sending,
    TryReadyError,
    TrySelectError,
    select,
    try_select,
)
from pythread_rs.sync._stop import Stopped, StopToken
from pythread_rs.sync._timeout import WaitTimeoutError
from pythread_rs.sync._timers import Timer, after, at, never, tick
from pythread_rs.sync._value_mut import ValueMut
from pythread_rs.sync._wait_group import WaitGroup
from pythread_rs.thread import DeadlockError

__all__ = [
    "Arc",
    "ArcMut",
    "Barrier",
    "BarrierWaitResult",
    "Condvar",
    "DeadlockError",
    "LazyLock",
    "LockTimeoutError",
    "Mutex",
    "MutexGuard",
    "Once",
    "OnceLock",
    "OncePoisonedError",
    "OnceState",
    "Parker",
    "PoisonError",
    "ReadyTimeoutError",
    "ReentrantLock",
    "ReentrantLockGuard",
    "RwLock",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "Select",
    "SelectTimeoutError",
    "Sending",
    "StopToken",
    "Stopped",
    "Timer",
    "TryLockError",
    "TryReadyError",
    "TrySelectError",
    "UnparkReason",
    "Unparker",
    "ValueMut",
    "WaitGroup",
    "WaitTimeoutError",
    "WaitTimeoutResult",
    "Weak",
    "after",
    "at",
    "atomic",
    "mpmc",
    "mpsc",
    "never",
    "oneshot",
    "select",
    "select_async",
    "tick",
    "try_select",
]
