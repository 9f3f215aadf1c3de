"""Threads that run a C function, with no GIL and no Python: `extern "C"` on `std::thread`.

RuntimeError
 +-- NativeError      a C function returned what `errcheck=` calls a failure
"""

from pythread_rs.native._errors import NativeError
from pythread_rs.native._function import Function, function
from pythread_rs.native._loop import par_for
from pythread_rs.native._spawn import spawn, spawn_scoped

__all__ = ["Function", "NativeError", "function", "par_for", "spawn", "spawn_scoped"]
