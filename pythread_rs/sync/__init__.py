"""Message passing and shared state: Rust's `std::sync`.

Arc, Weak      one value with several owners
atomic         AtomicI64, AtomicBool, AtomicRef, Ordering
mpsc, mpmc     channels: `channel()`, `sync_channel(bound)`
StopToken      cooperative cancellation
"""

from pythread_rs.sync import atomic, mpmc, mpsc
from pythread_rs.sync._arc import Arc, Weak
from pythread_rs.sync._arc_mut import ArcMut
from pythread_rs.sync._stop import Stopped, StopToken

__all__ = ["Arc", "ArcMut", "StopToken", "Stopped", "Weak", "atomic", "mpmc", "mpsc"]
