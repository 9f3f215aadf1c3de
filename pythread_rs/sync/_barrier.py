"""Barrier: threads that go on together."""

from typing import NoReturn, Self, final

from pythread_rs import _ffi
from pythread_rs.sync._refusals import NotCopied

__all__ = ["Barrier", "BarrierWaitResult"]


@final
class BarrierWaitResult:
    """What `Barrier.wait` returns: whether this thread is the leader of its round.

    Thread safety: immutable.

    Mirrors `std::sync::BarrierWaitResult`.

    >>> Barrier(1).wait()
    BarrierWaitResult { is_leader: true }
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("_leads",)
    __thread_send__ = "copy"

    _leads: bool

    def __init__(self) -> None:
        raise TypeError("a BarrierWaitResult comes from Barrier.wait")

    def is_leader(self) -> bool:
        """Tell whether this thread is the one of its round that is the leader.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `std::sync::BarrierWaitResult::is_leader`.

        >>> Barrier(1).wait().is_leader()
        True
        """
        return self._leads

    def __repr__(self) -> str:
        return f"BarrierWaitResult {{ is_leader: {str(self._leads).lower()} }}"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a BarrierWaitResult means nothing elsewhere: it cannot be pickled")


def _result(*, leads: bool) -> BarrierWaitResult:
    result = object.__new__(BarrierWaitResult)
    result._leads = leads
    return result


_ffi.set_barrier_results(_result(leads=True), _result(leads=False))


@final
class Barrier(NotCopied, _ffi.BarrierBase):
    """A point that threads pass together, again and again.

    Args:
        n: how many threads must wait before all go on; 0 is as good as 1.

    A thread whose wait ends in another way (a timeout, a stop, Ctrl-C) is no longer counted, and
    the others wait on: a barrier never breaks.

    A captured barrier stays with its variable when a closure is moved.

    Raises:
        ValueError: `n` is negative.

    Thread safety: every method, from any thread.

    Mirrors `std::sync::Barrier`.

    >>> from pythread_rs import spawn
    >>> barrier = Barrier(3)
    >>> handles = [spawn(barrier.wait) for _ in range(3)]
    >>> sum(handle.join().unwrap().is_leader() for handle in handles)
    1
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("__weakref__",)
    __thread_send__ = "sync"
