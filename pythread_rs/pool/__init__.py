"""A work-stealing pool: rayon's, which is a `concurrent.futures.Executor`, too."""

from pythread_rs.pool._handle import ScopedTaskHandle, TaskHandle
from pythread_rs.pool._panics import install as _install
from pythread_rs.pool._pool import BroadcastContext, ThreadPool

__all__ = ["BroadcastContext", "ScopedTaskHandle", "TaskHandle", "ThreadPool"]

_install()
