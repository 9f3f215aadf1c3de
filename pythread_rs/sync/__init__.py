"""What threads share, and how they wait for each other."""

from pythread_rs.sync._barrier import Barrier, BarrierWaitResult
from pythread_rs.sync._lazy_lock import LazyLock
from pythread_rs.sync._once import Once, OncePoisonedError, OnceState
from pythread_rs.sync._once_lock import OnceLock
from pythread_rs.sync._parker import Parker, Unparker, UnparkReason
from pythread_rs.sync._stop import Stopped, StopToken
from pythread_rs.sync._timeout import WaitTimeoutError
from pythread_rs.sync._value_mut import ValueMut
from pythread_rs.sync._wait_group import WaitGroup

__all__ = [
    "Barrier",
    "BarrierWaitResult",
    "LazyLock",
    "Once",
    "OnceLock",
    "OncePoisonedError",
    "OnceState",
    "Parker",
    "StopToken",
    "Stopped",
    "UnparkReason",
    "Unparker",
    "ValueMut",
    "WaitGroup",
    "WaitTimeoutError",
]
