"""WaitTimeoutError: a wait took longer than it may."""

__all__ = ["WaitTimeoutError"]


class WaitTimeoutError(TimeoutError):
    """The time of a wait is over, on a barrier, a once or a wait group.

    A `*_timeout` method returns it in an `Err`; a call with `timeout=` raises it.

    Not in Rust, where these waits have no timeout.

    >>> issubclass(WaitTimeoutError, TimeoutError)
    True
    """

    __module__ = "pythread_rs.sync"
