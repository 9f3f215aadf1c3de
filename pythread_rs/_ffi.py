"""The door to the compiled modules: the only importer of `_native` and of cffi's `Any`."""

import math
import operator
import sys
from datetime import timedelta
from types import BuiltinFunctionType
from typing import Any, Final

from pythread_rs import _native, _objects

# By name, so that a type checker knows what users import as a function and not as a variable.
from pythread_rs._objects import compiler_fence, fence, move, set_barrier_results, spin_loop, take

__all__ = [
    "CLOSED",
    "DEADLOCK",
    "DONE",
    "FORKED",
    "KILLED",
    "PARKED",
    "TIMED_OUT",
    "ArcBase",
    "AtomicBool",
    "AtomicI64",
    "AtomicIsize",
    "AtomicRef",
    "AtomicU64",
    "AtomicUsize",
    "BarrierBase",
    "CondvarBase",
    "Emptied",
    "FutureBase",
    "LazyLockBase",
    "Moved",
    "MutexBase",
    "MutexGuard",
    "NativeSignature",
    "OnceBase",
    "OnceLockBase",
    "OneshotReceiverBase",
    "OneshotSenderBase",
    "Packet",
    "Parker",
    "PoolBase",
    "ReceiverBase",
    "ReentrantLockBase",
    "ReentrantLockGuard",
    "RwLockBase",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "ScopeBase",
    "SenderBase",
    "Sending",
    "StopTokenBase",
    "TaskBase",
    "TaskScopeBase",
    "Ticket",
    "TimerBase",
    "Token",
    "TracedMessage",
    "WaitGroupBase",
    "WeakBase",
    "available_parallelism",
    "backend",
    "bound",
    "bulk",
    "c_address",
    "c_is_signed",
    "c_size",
    "c_type",
    "channel",
    "close_gate",
    "compiler_fence",
    "configure_workers",
    "connect",
    "consume",
    "count_waking",
    "current_pool",
    "empty_cells",
    "examine",
    "fence",
    "follow_calls",
    "forget_kind",
    "forget_kinds",
    "forget_waking",
    "fork_generation",
    "gate_is_open",
    "globals_are_fine",
    "is_buffer",
    "is_c_data",
    "is_c_function",
    "is_frozen",
    "is_harmless",
    "is_item",
    "is_mapped",
    "is_python_class",
    "kind_of",
    "known_kinds",
    "locals_of",
    "mandelbrot",
    "mandelbrot_kernel",
    "move",
    "mutable_nodes",
    "nanoseconds",
    "native_capsule",
    "native_loop",
    "objects",
    "os_name",
    "os_thread_id",
    "own",
    "retire_workers",
    "running",
    "select",
    "set_arcs",
    "set_atomics",
    "set_barrier_results",
    "set_kind",
    "set_lock_errors",
    "set_once_states",
    "set_oneshot_errors",
    "set_panics",
    "set_pool_rules",
    "set_refusals",
    "set_results",
    "set_rules",
    "set_send_async",
    "set_watch",
    "share",
    "sleep",
    "spin_loop",
    "statistics",
    "take",
    "take_over",
    "trace_entry",
    "trace_next",
    "trace_note",
    "trace_read",
    "trace_start",
    "trace_stop",
    "trace_unbox",
    "trace_wrap",
    "yield_now",
]

_ffi: Any = _native.ffi
_lib: Any = _native.lib

ArcBase = _objects.ArcBase
Emptied = _objects.Emptied
CondvarBase = _objects.CondvarBase
Moved = _objects.Moved
MutexBase = _objects.MutexBase
MutexGuard = _objects.MutexGuard
Packet = _objects.Packet
Parker = _objects.Parker
ReceiverBase = _objects.ReceiverBase
ScopeBase = _objects.ScopeBase
SenderBase = _objects.SenderBase
Sending = _objects.Sending
Ticket = _objects.Ticket
TimerBase = _objects.TimerBase
OneshotReceiverBase = _objects.OneshotReceiverBase
OneshotSenderBase = _objects.OneshotSenderBase
select = _objects.select
set_oneshot_errors = _objects.set_oneshot_errors
set_send_async = _objects.set_send_async
channel = _objects.channel
count_waking = _objects.count_waking
forget_waking = _objects.forget_waking
set_refusals = _objects.set_refusals
set_watch = _objects.set_watch
NativeSignature = _objects.NativeSignature
native_capsule = _objects.native_capsule
native_loop = _objects.native_loop
is_buffer = _objects.is_buffer
is_mapped = _objects.is_mapped
StopTokenBase = _objects.StopTokenBase
BarrierBase = _objects.BarrierBase
LazyLockBase = _objects.LazyLockBase
OnceBase = _objects.OnceBase
OnceLockBase = _objects.OnceLockBase
Token = _objects.Token
WaitGroupBase = _objects.WaitGroupBase
set_once_states = _objects.set_once_states
WeakBase = _objects.WeakBase
set_arcs = _objects.set_arcs
ReentrantLockBase = _objects.ReentrantLockBase
ReentrantLockGuard = _objects.ReentrantLockGuard
RwLockBase = _objects.RwLockBase
RwLockReadGuard = _objects.RwLockReadGuard
RwLockWriteGuard = _objects.RwLockWriteGuard
set_lock_errors = _objects.set_lock_errors
set_panics = _objects.set_panics
set_results = _objects.set_results
sleep = _objects.sleep

# Atomics.
AtomicBool = _objects.AtomicBool
AtomicI64 = _objects.AtomicI64
AtomicIsize = _objects.AtomicIsize
AtomicRef = _objects.AtomicRef
AtomicU64 = _objects.AtomicU64
AtomicUsize = _objects.AtomicUsize
set_atomics = _objects.set_atomics

# The pool.
PoolBase = _objects.PoolBase
FutureBase = _objects.FutureBase
TaskBase = _objects.TaskBase
TaskScopeBase = _objects.TaskScopeBase
bulk = _objects.bulk
current_pool = _objects.current_pool
set_pool_rules = _objects.set_pool_rules

# The trace.
objects = _objects
TracedMessage = _objects.TracedMessage
trace_entry = _objects.trace_entry
trace_next = _objects.trace_next
trace_note = _objects.trace_note
trace_read = _objects.trace_read
trace_start = _objects.trace_start
trace_stop = _objects.trace_stop
trace_unbox = _objects.trace_unbox
trace_wrap = _objects.trace_wrap

# Ownership.
empty_cells = _objects.empty_cells
examine = _objects.examine
follow_calls = _objects.follow_calls
forget_kind = _objects.forget_kind
forget_kinds = _objects.forget_kinds
globals_are_fine = _objects.globals_are_fine
is_frozen = _objects.is_frozen
is_harmless = _objects.is_harmless
is_item = _objects.is_item
is_python_class = _objects.is_python_class
kind_of = _objects.kind_of
known_kinds = _objects.known_kinds
locals_of = _objects.locals_of
mutable_nodes = _objects.mutable_nodes
own = _objects.own
running = _objects.running
set_kind = _objects.set_kind
set_rules = _objects.set_rules
consume = _objects.consume
share = _objects.share
take_over = _objects.take_over

DONE: Final = 2
PARKED: Final = 3
KILLED: Final = 4
FORKED: Final = 5
TIMED_OUT: Final = -4
DEADLOCK: Final = -6
CLOSED: Final = -7

_FOREVER: Final = -1
_LONGEST: Final = 2**63 - 1  # nanoseconds: 292 years, which nobody can tell from for ever
_NAME_SPACE: Final = 256


class NativeError(RuntimeError):
    """The C layer refused a call that it should have taken: a defect of this package."""


def check(status: int) -> None:
    """Raise for a negative status of a call that cannot fail by what a user does."""
    if status == -3 or status == -2:
        raise MemoryError("the native layer is out of memory")
    if status < 0:
        raise NativeError(f"native call failed with status {status}")


def connect(entry: Any, settle: Any, main_thread: int) -> None:
    """Make the C layer ready and tell it what every new thread calls, first and last."""
    check(_lib.prs_init())
    _objects.connect(int(_lib.prs_py_table()), entry, settle, main_thread)


def nanoseconds(duration: float | timedelta) -> int:
    """Turn seconds into whole nanoseconds, rounded up; -1 stands for ever.

    Raises:
        TypeError: `duration` is neither a number nor a timedelta.
        ValueError: `duration` is negative or NaN.
    """
    seconds: float = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if not isinstance(seconds, (int, float)):
        seconds = _as_number(seconds)
    if not seconds >= 0:
        raise ValueError(f"a duration must be at least 0 seconds, not {duration!r}")
    if isinstance(seconds, float) and math.isinf(seconds):
        return _FOREVER
    # Above 2**53 ns a float has no fraction to round up, and the product may not fit a float.
    exact = seconds * 1_000_000_000
    whole = exact if isinstance(exact, int) else _round_up(exact)
    return whole if whole < _LONGEST else _FOREVER


def _round_up(exact: float) -> int:
    return math.ceil(exact) if not math.isinf(exact) else _LONGEST


def _as_number(value: object) -> float:
    """Read a Decimal, a Fraction or a numpy scalar; text is no number, though float() reads it."""
    if isinstance(value, (str, bytes, bytearray)) or not hasattr(type(value), "__float__"):
        kind = type(value).__name__
        raise TypeError(f"a duration is seconds (int or float) or a timedelta, not {kind}")
    try:
        return float(value)  # type: ignore[arg-type]  # it has __float__
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]


def bound(messages: int) -> int:
    """Read the bound of a channel.

    Raises:
        TypeError: it is no integer.
        ValueError: it is negative.
    """
    whole = operator.index(messages)
    if whole < 0:
        raise ValueError(f"a channel holds 0 messages or more, not {messages!r}")
    return min(whole, sys.maxsize)


def backend() -> str:
    """Name the way in which threads wait: futex, condvar or WaitOnAddress."""
    name: bytes = _ffi.string(_lib.prs_backend())
    return name.decode()


def statistics() -> dict[str, int]:
    """Count what the native layer did and holds."""
    out = _ffi.new("prs_statistics_t *")
    _lib.prs_statistics_read(out)
    names = (
        "spawned",
        "os_threads_created",
        "os_threads_reused",
        "parks",
        "live",
        "ending",
        "idle",
        "packets",
        "parkers",
    )
    return {name: int(getattr(out, name)) for name in names}


def available_parallelism() -> int:
    """Count the threads that can run at once; 0 when the platform does not say."""
    out = _ffi.new("uint32_t *")
    return int(out[0]) if _lib.prs_parallelism(out) == 0 else 0


def yield_now() -> None:
    """Give the CPU, and with it the GIL, to another thread."""
    _lib.prs_yield()


def os_thread_id() -> int:
    """Return the number by which the OS knows the calling thread."""
    return int(_lib.prs_thread_os_id())


def os_name() -> str:
    """Return the calling thread's name as the OS has it."""
    buffer = _ffi.new("char[]", _NAME_SPACE)
    check(_lib.prs_thread_get_name(buffer, _NAME_SPACE))
    name: bytes = _ffi.string(buffer)
    return name.decode("utf-8", "replace")


def configure_workers(idle_seconds: float, most_idle: int) -> None:
    """Set how long a parked worker stays and how many may stay."""
    _lib.prs_workers_configure(int(idle_seconds * 1e9), most_idle)


def retire_workers() -> int:
    """End the parked workers; return how many there were."""
    return int(_lib.prs_workers_retire())


def gate_is_open() -> bool:
    """Tell whether threads may still start."""
    return bool(_lib.prs_gate_state() == 0)


def close_gate(patience: float) -> int:
    """Close the gate at exit; return how many closures have not ended."""
    return int(_lib.prs_gate_close(int(patience * 1e9)))


def fork_generation() -> int:
    """Count the forks between the first process and this one."""
    return int(_lib.prs_fork_generation())


# What cffi knows of values and types of any other module that was made with it.

_CData: Any = _ffi.CData
_type: Any = type
_Lib: Any = _type(_lib)  # its __class__ says that it is a module


def is_c_data(value: object) -> bool:
    """Tell whether a value is a cdata of cffi."""
    return isinstance(value, _CData)


def is_c_function(value: object) -> bool:
    """Tell whether a value is `lib.f` of a module made with cffi's API mode."""
    return type(value) is BuiltinFunctionType and isinstance(value.__self__, _Lib)


def c_type(value: Any) -> Any:
    """Return the C type of a cdata or of `lib.f`, or the one with a name.

    Raises:
        ValueError: no C type has the name.
    """
    try:
        return _ffi.typeof(value)
    except _ffi.error as error:
        raise ValueError(str(error)) from None


def c_size(ctype: Any) -> int:
    """Return the bytes of one value of a C type."""
    return int(_ffi.sizeof(ctype))


def c_is_signed(ctype: Any) -> bool:
    """Tell whether an integer type of C has negative values."""
    return int(_ffi.cast(ctype, -1)) < 0


def c_address(value: Any) -> int:
    """Return where a cdata points, or where `lib.f` begins."""
    if not isinstance(value, _CData):
        value = _ffi.addressof(value.__self__, value.__name__)
    return int(_ffi.cast("uintptr_t", value))


def mandelbrot(pixels: bytearray, side: int, depth: int, first: int = 0, stride: int = 1) -> None:
    """Draw rows `first`, `first + stride` ... of an image, without the GIL: the work of `bench`."""
    rows = _ffi.from_buffer("uint8_t[]", pixels)
    _lib.prs_mandelbrot(first, side, rows, side, depth, stride)


def mandelbrot_kernel() -> object:
    """Return the same as a function for `native`."""
    return _lib.prs_mandelbrot
