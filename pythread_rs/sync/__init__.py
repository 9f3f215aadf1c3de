"""Message passing and shared state: Rust's `std::sync`.

    Mutex      a value that one thread at a time may use
"""

from pythread_rs._ffi import ReentrantLockGuard, RwLockReadGuard, RwLockWriteGuard
from pythread_rs._runtime import DeadlockError
from pythread_rs.sync._lock_errors import LockTimeoutError, PoisonError, TryLockError
from pythread_rs.sync._mutex import Mutex, MutexGuard

__all__ = [
    "DeadlockError",
    "LockTimeoutError",
    "Mutex",
    "MutexGuard",
    "PoisonError",
    "ReentrantLockGuard",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "TryLockError",
]
