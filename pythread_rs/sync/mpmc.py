"""Channels with many senders and many receivers: Rust's `std::sync::mpmc`, crossbeam's channels."""

from __future__ import annotations

from typing import Any, Final, Generic, NoReturn, TypeVar, final

from pythread_rs import _ffi
from pythread_rs.sync._async import AsyncReceiver
from pythread_rs.sync._channel_errors import (
    RecvError,
    RecvTimeoutError,
    SendError,
    SendTimeoutError,
    TryRecvError,
    TrySendError,
)
from pythread_rs.sync._ends import Iter, TryIter, cannot_be_copied, cannot_be_pickled

__all__ = [
    "Receiver",
    "RecvError",
    "RecvTimeoutError",
    "SendError",
    "SendTimeoutError",
    "Sender",
    "TryRecvError",
    "TrySendError",
    "channel",
    "sync_channel",
]

_T = TypeVar("_T")


class _State:
    """What both ends tell about their channel."""

    __slots__ = ()

    def len(self) -> int:
        """Count the messages in the channel: Rust's `len`. Others may change it at any time."""
        return self._len()  # type: ignore[attr-defined, no-any-return]

    def is_empty(self) -> bool:
        """Tell whether no message is in the channel: Rust's `is_empty`."""
        return self._is_empty()  # type: ignore[attr-defined, no-any-return]

    def is_full(self) -> bool:
        """Tell whether a `send` would wait: Rust's `is_full`. A rendezvous is always full."""
        return self._is_full()  # type: ignore[attr-defined, no-any-return]

    @property
    def capacity(self) -> int | None:
        """How many messages fit; None without a bound: Rust's `capacity`."""
        return self._capacity  # type: ignore[attr-defined, no-any-return]

    def same_channel(self, other: object) -> bool:
        """Tell whether two ends are of one channel: Rust's `same_channel`.

        Args:
            other: a sender or a receiver.

        Raises:
            TypeError: it is none.
        """
        return self._same_channel(other)  # type: ignore[attr-defined, no-any-return]

    def __copy__(self) -> NoReturn:
        cannot_be_copied(self, clone=True)

    def __deepcopy__(self, memo: object) -> NoReturn:
        cannot_be_copied(self, clone=True)

    def __reduce__(self) -> NoReturn:
        cannot_be_pickled(self)


@final
class Sender(_State, _ffi.SenderBase[_T], Generic[_T]):
    """The sending half of a channel: Rust's `mpmc::Sender`. It can be cloned.

    Blocks: what does not say so does not wait.

    Thread safety: any thread may call any method.

    >>> tx, rx = sync_channel(1)
    >>> tx.send(1), tx.len(), tx.is_full(), tx.capacity
    (Ok(None), 1, True, 1)
    """

    __slots__ = ()
    __thread_send__ = "handle"

    def __repr__(self) -> str:
        return "Sender { .. }"


@final
class Receiver(_State, AsyncReceiver[_T], _ffi.ReceiverBase[_T], Generic[_T]):
    """The receiving half of a channel: Rust's `mpmc::Receiver`. It can be cloned.

    Each message goes to one receiver.

    Blocks: what does not say so does not wait.

    Thread safety: any thread may call any method.

    >>> tx, rx = channel()
    >>> other = rx.clone()
    >>> tx.send(1), tx.send(2), rx.recv(), other.recv()
    (Ok(None), Ok(None), Ok(1), Ok(2))
    """

    __slots__ = ()
    __thread_send__ = "handle"

    def clone(self) -> Receiver[_T]:
        """Make one more receiver of the same channel: Rust's `Receiver::clone`.

        Blocks: no.
        Thread safety: any thread.

        >>> tx, rx = channel()
        >>> rx.clone().same_channel(rx)
        True
        """
        return self._clone()

    def iter(self) -> Iter[_T]:
        """Return an iterator that waits for each message: Rust's `Receiver::iter`.

        >>> tx, rx = channel()
        >>> tx.send(1), tx.drop()
        (Ok(None), None)
        >>> list(rx.iter())
        [1]
        """
        return Iter(self)

    def try_iter(self) -> TryIter[_T]:
        """Return an iterator over the messages that are there: Rust's `Receiver::try_iter`.

        >>> tx, rx = channel()
        >>> tx.send(1)
        Ok(None)
        >>> list(rx.try_iter())
        [1]
        """
        return TryIter(self)

    def __repr__(self) -> str:
        return "Receiver { .. }"


# With a type argument, which a class by itself has not.
_SENDER: Final[type[Sender[Any]]] = Sender
_RECEIVER: Final[type[Receiver[Any]]] = Receiver


def channel() -> tuple[Sender[Any], Receiver[Any]]:
    """Make a channel without a bound: Rust's `mpmc::channel`, crossbeam's `unbounded`.

    Returns:
        The sender, whose `send` never waits, and the receiver.

    Blocks: no.
    Thread safety: any thread.

    >>> tx, rx = channel()
    >>> tx.send("hi"), rx.recv()
    (Ok(None), Ok('hi'))
    """
    return _ffi.channel(_SENDER, _RECEIVER, -1)


def sync_channel(bound: int, /) -> tuple[Sender[Any], Receiver[Any]]:
    """Make a channel that holds at most `bound` messages: Rust's `mpmc::sync_channel`.

    Args:
        bound: number of messages; with 0 each `send` waits until its message is received.

    Returns:
        The sender, whose `send` waits while the channel is full, and the receiver.

    Raises:
        ValueError: `bound` is negative.

    Blocks: no.
    Thread safety: any thread.

    >>> tx, rx = sync_channel(1)
    >>> tx.send(1), tx.try_send(2)
    (Ok(None), Err(TrySendError::Full(..)))
    """
    return _ffi.channel(_SENDER, _RECEIVER, _ffi.bound(bound))
