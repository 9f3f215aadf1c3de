"""Message passing and shared state: Rust's `std::sync`.

Arc, Weak                       one value with several owners
Mutex, RwLock, ReentrantLock    a value, and the lock that every use of it takes
Condvar                         waiting until what a Mutex protects has changed
atomic                          AtomicI64, AtomicBool, AtomicRef, Ordering
mpsc, mpmc                      channels: `channel()`, `sync_channel(bound)`
StopToken                       cooperative cancellation
"""

from pythread_rs.sync import atomic, mpmc, mpsc
from pythread_rs.sync._arc import Arc, Weak
from pythread_rs.sync._arc_mut import ArcMut
from pythread_rs.sync._condvar import Condvar, WaitTimeoutResult
from pythread_rs.sync._lock_errors import LockTimeoutError, PoisonError, TryLockError
from pythread_rs.sync._mutex import Mutex, MutexGuard
from pythread_rs.sync._reentrant_lock import ReentrantLock, ReentrantLockGuard
from pythread_rs.sync._rwlock import RwLock, RwLockReadGuard, RwLockWriteGuard
from pythread_rs.sync._stop import Stopped, StopToken

__all__ = [
    "Arc",
    "ArcMut",
    "Condvar",
    "LockTimeoutError",
    "Mutex",
    "MutexGuard",
    "PoisonError",
    "ReentrantLock",
    "ReentrantLockGuard",
    "RwLock",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "StopToken",
    "Stopped",
    "TryLockError",
    "WaitTimeoutResult",
    "Weak",
    "atomic",
    "mpmc",
    "mpsc",
]
