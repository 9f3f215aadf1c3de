"""Message passing and shared state: Rust's `std::sync`.

Mutex, RwLock, ReentrantLock    a value, and the lock that every use of it takes
Condvar                         waiting until what a Mutex protects has changed
"""

from pythread_rs.sync._condvar import Condvar, WaitTimeoutResult
from pythread_rs.sync._lock_errors import LockTimeoutError, PoisonError, TryLockError
from pythread_rs.sync._mutex import Mutex, MutexGuard
from pythread_rs.sync._reentrant_lock import ReentrantLock, ReentrantLockGuard
from pythread_rs.sync._rwlock import RwLock, RwLockReadGuard, RwLockWriteGuard

__all__ = [
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
    "TryLockError",
    "WaitTimeoutResult",
]
