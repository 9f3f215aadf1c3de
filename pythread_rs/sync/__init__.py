"""Message passing and shared state: Rust's `std::sync`.

Arc, Weak      one value with several owners
atomic         AtomicI64, AtomicBool, AtomicRef, Ordering
mpsc, mpmc     channels: `channel()`, `sync_channel(bound)`
oneshot        a channel for one message
select         the first of several sends and receives; `Select`, `after`, `tick`, `never`
StopToken      cooperative cancellation
"""

from pythread_rs.sync import atomic, mpmc, mpsc, oneshot
from pythread_rs.sync._arc import Arc, Weak
from pythread_rs.sync._arc_mut import ArcMut
from pythread_rs.sync._async import select_async
from pythread_rs.sync._select import (
    ReadyTimeoutError,
    Select,
    SelectTimeoutError,
    Sending,
    TryReadyError,
    TrySelectError,
    select,
    try_select,
)
from pythread_rs.sync._stop import Stopped, StopToken
from pythread_rs.sync._timers import Timer, after, at, never, tick

__all__ = [
    "Arc",
    "ArcMut",
    "ReadyTimeoutError",
    "Select",
    "SelectTimeoutError",
    "Sending",
    "StopToken",
    "Stopped",
    "Timer",
    "TryReadyError",
    "TrySelectError",
    "Weak",
    "after",
    "at",
    "atomic",
    "mpmc",
    "mpsc",
    "never",
    "oneshot",
    "select",
    "select_async",
    "tick",
    "try_select",
]
