"""Channels with many senders and one receiver: Rust's `std::sync::mpsc`."""

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
    "SyncSender",
    "TryRecvError",
    "TrySendError",
    "channel",
    "sync_channel",
]

_T = TypeVar("_T")


class _SenderParts(_ffi.SenderBase[_T], Generic[_T]):
    """What both kinds of senders have in common."""

    __slots__ = ()
    __thread_send__ = "handle"

    def __repr__(self) -> str:
        return f"{type(self).__name__} {{ .. }}"

    def __copy__(self) -> NoReturn:
        cannot_be_copied(self, clone=True)

    def __deepcopy__(self, memo: object) -> NoReturn:
        cannot_be_copied(self, clone=True)

    def __reduce__(self) -> NoReturn:
        cannot_be_pickled(self)


@final
class Sender(_SenderParts[_T]):
    """The sending half of `channel()`: Rust's `mpsc::Sender`.

    It can be cloned and used by any thread. A variable of it is moved out by `move`: give each
    thread a clone. When the last sender is gone, the receiver's loop ends.

    >>> from pythread_rs import move, spawn
    >>> tx, rx = channel()
    >>> for i in range(3):
    ...     handle = spawn(move(lambda tx=tx.clone(), i=i: tx.send(i)))
    >>> del tx
    >>> sorted(rx)
    [0, 1, 2]
    """

    __slots__ = ()


@final
class SyncSender(_SenderParts[_T]):
    """The sending half of `sync_channel(bound)`: Rust's `mpsc::SyncSender`.

    As `Sender`, but `send` waits while the channel is full.

    >>> tx, rx = sync_channel(1)
    >>> tx.send("a"), tx.try_send("b")
    (Ok(None), Err(TrySendError::Full(..)))
    """

    __slots__ = ()


@final
class Receiver(AsyncReceiver[_T], _ffi.ReceiverBase[_T], Generic[_T]):
    """The receiving half of `channel()` and `sync_channel(bound)`: Rust's `mpsc::Receiver`.

    It has one owner and cannot be cloned; `sync.mpmc` has receivers that can. `for message in
    receiver` waits for each message and ends when the channel is empty and every sender is gone.

    Blocks: what does not say so does not wait.

    Thread safety: one thread at a time; it may be moved from one to the other. Who receives
    while another thread waits in the same receiver gets `NotSendError` (E0277). `drop` and
    `is_disconnected` are for any thread.

    >>> tx, rx = channel()
    >>> tx.send("a"), tx.send("b"), tx.drop()
    (Ok(None), Ok(None), None)
    >>> [message for message in rx]
    ['a', 'b']
    """

    __slots__ = ()
    __thread_send__ = "handle"

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

        It never waits, and ends when the channel is empty.

        >>> tx, rx = channel()
        >>> tx.send(1)
        Ok(None)
        >>> list(rx.try_iter())
        [1]
        """
        return TryIter(self)

    def __repr__(self) -> str:
        return "Receiver { .. }"

    def __copy__(self) -> NoReturn:
        cannot_be_copied(self, clone=False)

    def __deepcopy__(self, memo: object) -> NoReturn:
        cannot_be_copied(self, clone=False)

    def __reduce__(self) -> NoReturn:
        cannot_be_pickled(self)


# With a type argument, which a class by itself has not.
_SENDER: Final[type[Sender[Any]]] = Sender
_SYNC_SENDER: Final[type[SyncSender[Any]]] = SyncSender
_RECEIVER: Final[type[Receiver[Any]]] = Receiver


def channel() -> tuple[Sender[Any], Receiver[Any]]:
    """Make a channel without a bound: Rust's `mpsc::channel`.

    Returns:
        The sender, whose `send` never waits, and the receiver.

    Blocks: no.
    Thread safety: any thread.

    >>> tx, rx = channel()
    >>> tx.send("hi"), rx.recv()
    (Ok(None), Ok('hi'))
    """
    return _ffi.channel(_SENDER, _RECEIVER, -1, True)


def sync_channel(bound: int, /) -> tuple[SyncSender[Any], Receiver[Any]]:
    """Make a channel that holds at most `bound` messages: Rust's `mpsc::sync_channel`.

    Args:
        bound: number of messages; with 0 each `send` waits until its message is received.

    Returns:
        The sender, whose `send` waits while the channel is full, and the receiver.

    Raises:
        ValueError: `bound` is negative.

    Blocks: no.
    Thread safety: any thread.

    >>> tx, rx = sync_channel(2)
    >>> tx.send(1), tx.send(2), tx.try_send(3)
    (Ok(None), Ok(None), Err(TrySendError::Full(..)))
    """
    return _ffi.channel(_SYNC_SENDER, _RECEIVER, _ffi.bound(bound), True)
