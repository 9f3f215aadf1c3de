"""WaitGroup: wait for an unknown number of threads to let go."""

from typing import NoReturn, final

from pythread_rs import _ffi
from pythread_rs.sync._refusals import NotCopied

__all__ = ["WaitGroup"]


@final
class WaitGroup(NotCopied, _ffi.WaitGroupBase):
    """A share of a group; `wait` returns when all other shares are gone.

    `clone` adds a share, and dropping one takes it away: with its last reference, as when the
    thread ends that it was moved to. So nobody has to count beforehand, as for a `Barrier`.

    Thread safety: every method, from any thread.

    Mirrors `crossbeam_utils::sync::WaitGroup`.

    >>> from pythread_rs import spawn
    >>> group = WaitGroup()
    >>> for _ in range(4):
    ...     _ = spawn(lambda share: None, group.clone())
    >>> group.wait()
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("__weakref__",)
    __thread_send__ = "handle"

    def __copy__(self) -> NoReturn:
        raise TypeError("a WaitGroup is a share that somebody waits for: use `.clone()`")
