"""The life of one thread: started once, run once, cleaned up, and gone before `join` returns.

Layout: `_info` is what a thread knows of itself, `_local` its thread-locals, `_run` the entry
that every new thread calls, `_unwind` what a panic lets go, `_start` the spawning side, `_bell`
tells event loops of its end, `_threading` is its place in `threading`, `_deadlock` the graph of
waits, `_exit` and `_fork` the end of the process and its copies.
"""

import os as _os

from pythread_rs._runtime._bell import Bell, aside
from pythread_rs._runtime._errors import DeadlockError, JoinError, SpawnError
from pythread_rs._runtime._exit import drop_own_thread_locals
from pythread_rs._runtime._exit import install as _install_exit
from pythread_rs._runtime._fork import install as _install_fork
from pythread_rs._runtime._info import SpawnHook, ThreadInfo, current_info
from pythread_rs._runtime._local import LocalValues
from pythread_rs._runtime._run import connect as _connect
from pythread_rs._runtime._run import panicked, set_panic_handler
from pythread_rs._runtime._start import start

__all__ = [
    "Bell",
    "DeadlockError",
    "JoinError",
    "LocalValues",
    "SpawnError",
    "SpawnHook",
    "ThreadInfo",
    "aside",
    "current_info",
    "drop_own_thread_locals",
    "panicked",
    "set_panic_handler",
    "start",
]

_connect()
_install_exit()
_install_fork()
if _os.environ.get("PYTHREAD_RS_DEADLOCK") == "1":
    from pythread_rs._runtime._deadlock import install as _install_deadlock

    _install_deadlock()
