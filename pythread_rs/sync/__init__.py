"""Message passing and shared state: Rust's `std::sync`.

mpsc, mpmc     channels: `channel()`, `sync_channel(bound)`
StopToken      cooperative cancellation
"""

from pythread_rs.sync import atomic, mpmc, mpsc
from pythread_rs.sync._stop import Stopped, StopToken

__all__ = ["StopToken", "Stopped", "atomic", "mpmc", "mpsc"]
