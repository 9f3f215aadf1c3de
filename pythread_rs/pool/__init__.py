"""A work-stealing pool: rayon's, which is a `concurrent.futures.Executor`, too.

ThreadPool     spawn, spawn_fifo, submit, map, join, scope, install, broadcast, par_*
the functions  the same on the pool whose worker calls, else on the global one
    register_joblib
                   joblib's backend "pythread_rs"
    spawn_on       a closure on another executor: processes, interpreters, a Dask cluster
"""

from pythread_rs.pool._global import (
    broadcast,
    current_thread_index,
    global_pool,
    install,
    join,
    par_chunks,
    par_filter,
    par_for_each,
    par_map,
    par_reduce,
    par_sort,
    scope,
    spawn,
    spawn_fifo,
)
from pythread_rs.pool._handle import ScopedTaskHandle, TaskHandle
from pythread_rs.pool._joblib import register_joblib
from pythread_rs.pool._panics import install as _install
from pythread_rs.pool._pool import BroadcastContext, ThreadPool
from pythread_rs.pool._scope import PoolScope
from pythread_rs.pool._shipping import RemoteTraceback
from pythread_rs.pool._spawn_on import spawn_on

__all__ = [
    "BroadcastContext",
    "PoolScope",
    "RemoteTraceback",
    "ScopedTaskHandle",
    "TaskHandle",
    "ThreadPool",
    "broadcast",
    "current_thread_index",
    "global_pool",
    "install",
    "join",
    "par_chunks",
    "par_filter",
    "par_for_each",
    "par_map",
    "par_reduce",
    "par_sort",
    "register_joblib",
    "scope",
    "spawn",
    "spawn_fifo",
    "spawn_on",
]

_install()
