"""Panics, Rust's `std::panic`: what happens when an exception leaves a thread's closure.

Any exception is a panic once it leaves the closure of a thread or of `catch_unwind`, `SystemExit`
and `KeyboardInterrupt` of a thread included. It ends that thread only: the hook reports it, the
frames of its traceback are cleared, so that guards, senders and captured values go as in Rust's
unwinding (line numbers stay), and `join` returns it as `Err`. Nothing aborts the process: a hook,
a destructor or a `__repr__` that raises is reported and that is all. An exception that nobody
catches on the main thread is Python's business: its traceback is printed, the exit status is 1.

`PYTHREAD_RS_BACKTRACE=1` adds Python's traceback to the report; `full` also leaves the locals in
the frames, for a debugger or an error reporter, and with them everything that they hold.

`Hook` is the type of a panic hook, for annotations: a callable that takes a `PanicHookInfo`.

Exceptions:

    Exception
     +-- Panic             what `panic` and `panic_any` raise; `.payload` is what it carries
     +-- RuntimeError      set_hook, take_hook or update_hook on a panicking thread

Layout: `_panic` raises, `_catch` catches, `_hook` holds the hook and runs it, `_default` is the
one that prints, by `_message` and `_output`; `_log` and `_forward` are others; `_info` and
`_location` are what a hook sees.
"""

from pythread_rs import _runtime
from pythread_rs.panic._catch import catch_unwind, report, resume_unwind
from pythread_rs.panic._forward import forward_to_threading
from pythread_rs.panic._hook import Hook, set_hook, take_hook, update_hook
from pythread_rs.panic._info import PanicHookInfo
from pythread_rs.panic._location import Location
from pythread_rs.panic._log import log_panics
from pythread_rs.panic._panic import Panic, panic, panic_any

__all__ = [
    "Hook",
    "Location",
    "Panic",
    "PanicHookInfo",
    "catch_unwind",
    "forward_to_threading",
    "log_panics",
    "panic",
    "panic_any",
    "resume_unwind",
    "set_hook",
    "take_hook",
    "update_hook",
]

_runtime.set_panic_handler(report)
