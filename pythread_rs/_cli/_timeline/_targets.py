"""What a trace follows: methods of the C types, what waits below them are called, and why."""

from typing import Any, Final

from pythread_rs import _ffi

__all__ = ["FUNCTIONS", "METHODS", "RECEIVERS"]

# The roles of csrc/python/trace/wrap.c.
PASS: Final = 0
SEND: Final = 1
SEND_TIMEOUT: Final = 2
SEND_DEADLINE: Final = 3
RECEIVE: Final = 4
OPEN: Final = 5
SPAWN: Final = 6
PARK: Final = 7
UNPARK: Final = 8

# (type, methods, what they do, role).
METHODS: Final[tuple[tuple[Any, str, str, int], ...]] = (
    (_ffi.Packet, "start", "spawn", SPAWN),
    (_ffi.Packet, "wait", "join", PASS),
    (_ffi.ScopeBase, "__exit__", "join", PASS),
    (_ffi.Parker, "park", "park", PARK),
    (_ffi.Parker, "unpark", "unpark", UNPARK),
    (_ffi.Token, "take", "park", PARK),
    (_ffi.Token, "put", "unpark", UNPARK),
    (_ffi.SenderBase, "send try_send sending send_async", "send", SEND),
    (_ffi.SenderBase, "send_timeout", "send", SEND_TIMEOUT),
    (_ffi.SenderBase, "send_deadline", "send", SEND_DEADLINE),
    (_ffi.OneshotSenderBase, "send", "send", SEND),
    (_ffi.ReceiverBase, "recv try_recv recv_timeout recv_deadline _try_next", "recv", RECEIVE),
    (_ffi.OneshotReceiverBase, "recv try_recv recv_timeout recv_deadline", "recv", RECEIVE),
    (_ffi.Ticket, "arm collect", "recv", RECEIVE),
    (_ffi.Sending, "into_inner", "send", OPEN),
    (_ffi.MutexBase, "lock __enter__ _lock_for", "lock", PASS),
    (_ffi.ReentrantLockBase, "lock __enter__ _lock_for", "lock", PASS),
    (_ffi.RwLockBase, "read reading _read_for", "read", PASS),
    (_ffi.RwLockBase, "write writing _write_for", "write", PASS),
    (_ffi.CondvarBase, "wait _wait_for", "condvar", PASS),
    (_ffi.BarrierBase, "wait wait_timeout", "barrier", PASS),
    (_ffi.WaitGroupBase, "wait wait_timeout", "wait group", PASS),
    (_ffi.OnceBase, "call_once call_once_force _wait", "once", PASS),
    (_ffi.OnceLockBase, "get_or_init wait wait_timeout", "once", PASS),
    (_ffi.LazyLockBase, "force", "once", PASS),
    (_ffi.StopTokenBase, "wait", "stop", PASS),
    (_ffi.PoolBase, "work", "idle", PASS),
    (_ffi.PoolBase, "join broadcast install drain", "pool", PASS),
    (_ffi.TaskBase, "join", "join", PASS),
    (_ffi.TaskScopeBase, "__exit__", "join", PASS),
)

# (name in `_objects`, what it does, role).
FUNCTIONS: Final = (
    ("sleep", "sleep", PASS),
    ("select", "select", RECEIVE),
)

# Their loops are followed as well.
RECEIVERS: Final = (_ffi.ReceiverBase,)
