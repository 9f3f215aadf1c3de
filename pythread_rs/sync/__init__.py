"""Message passing and shared state: Rust's `std::sync`.

    mpsc, mpmc     channels: `channel()`, `sync_channel(bound)`
"""

from pythread_rs.sync import mpmc, mpsc

__all__ = ["mpmc", "mpsc"]
