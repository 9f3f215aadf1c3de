"""Channels for one message: Rust's `std::sync::oneshot`.

Exception
 +-- SendError                  the receiver is gone
 +-- RecvError                  the sender went without a message
 +-- TryRecvError               TryRecvError.Empty (holds the receiver), .Disconnected
 +-- RecvTimeoutError
      +-- RecvTimeoutError.Timeout       (holds it; also a TimeoutError)
      +-- RecvTimeoutError.Disconnected
"""

# ruff: noqa: N818 - the variants have Rust's names

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, Generic, NoReturn, TypeVar, final

from pythread_rs import _ffi
from pythread_rs.result import Err
from pythread_rs.sync._async import AsyncReceiver
from pythread_rs.sync._channel_errors import RecvError, SendError, _Plain
from pythread_rs.sync._ends import cannot_be_copied, cannot_be_pickled

__all__ = [
    "Receiver",
    "RecvError",
    "RecvTimeoutError",
    "SendError",
    "Sender",
    "TryRecvError",
    "channel",
]

_T = TypeVar("_T")


class _NotYet(Exception):
    """What a receive says that may be tried again."""

    __match_args__ = ("receiver",)

    def __init__(self, receiver: Receiver[Any], /) -> None:
        super().__init__(self._text)
        self.receiver = receiver

    _text: ClassVar[str] = ""

    def __reduce__(self) -> NoReturn:
        cannot_be_pickled(self.receiver)


class TryRecvError(Exception):
    """No message was there: Rust's `oneshot::TryRecvError`.

    >>> tx, rx = channel()
    >>> match rx.try_recv():
    ...     case Err(TryRecvError.Empty(receiver)):
    ...         print(receiver is rx)
    True
    """

    Empty: ClassVar[type[_Empty]]
    Disconnected: ClassVar[TryRecvError]


@final
class _Empty(_NotYet, TryRecvError):
    """The message may still come."""

    _text = "receiving on an empty channel"

    def __repr__(self) -> str:
        return "Empty(..)"


@final
class _TryDisconnected(_Plain, TryRecvError):
    """The sender went without a message."""

    _text = "receiving on a closed channel"
    _debug = "Disconnected"


class RecvTimeoutError(Exception):
    """No message came within the time: Rust's `oneshot::RecvTimeoutError`.

    >>> tx, rx = channel()
    >>> match rx.recv_timeout(0.001):
    ...     case Err(RecvTimeoutError.Timeout(receiver)):
    ...         print(receiver is rx)
    True
    """

    Timeout: ClassVar[type[_Timeout]]
    Disconnected: ClassVar[RecvTimeoutError]


@final
class _Timeout(_NotYet, RecvTimeoutError, TimeoutError):
    """The time was over."""

    _text = "timed out waiting on channel"

    def __repr__(self) -> str:
        return "Timeout(..)"


@final
class _TimeoutDisconnected(_Plain, RecvTimeoutError):
    """The sender went without a message."""

    _text = "receiving on a closed channel"
    _debug = "Disconnected"


TryRecvError.Empty = _Empty
TryRecvError.Disconnected = _TryDisconnected()
RecvTimeoutError.Timeout = _Timeout
RecvTimeoutError.Disconnected = _TimeoutDisconnected()
_Empty.__name__, _Empty.__qualname__ = "Empty", "TryRecvError.Empty"
_Timeout.__name__, _Timeout.__qualname__ = "Timeout", "RecvTimeoutError.Timeout"


class _End:
    """What both ends refuse."""

    __slots__ = ()

    def __copy__(self) -> NoReturn:
        cannot_be_copied(self, clone=False)

    def __deepcopy__(self, memo: object) -> NoReturn:
        cannot_be_copied(self, clone=False)

    def __reduce__(self) -> NoReturn:
        cannot_be_pickled(self)


@final
class Sender(_End, _ffi.OneshotSenderBase[_T], Generic[_T]):
    """The sending half: Rust's `oneshot::Sender`. `send` consumes it.

    >>> tx, rx = channel()
    >>> tx.send("hi")
    Ok(None)
    >>> rx.recv()
    Ok('hi')
    """

    __slots__ = ()
    __thread_send__ = "handle"

    def __repr__(self) -> str:
        return "Sender { .. }"


@final
class Receiver(_End, AsyncReceiver[_T], _ffi.OneshotReceiverBase[_T], Generic[_T]):
    """The receiving half: Rust's `oneshot::Receiver`. The message consumes it.

    `select` and `await receiver.recv_async()` take it, too.

    >>> tx, rx = channel()
    >>> rx.is_ready(), tx.send("hi"), rx.is_ready()
    (False, Ok(None), True)
    """

    __slots__ = ()
    __thread_send__ = "handle"

    def __repr__(self) -> str:
        return "Receiver { .. }"


def _not_yet(error: type[_NotYet]) -> Callable[[Receiver[Any]], Err[Any]]:
    return lambda receiver: Err(error(receiver))


def _for_ever(error: type[_Plain]) -> Callable[[Receiver[Any]], Err[Any]]:
    return lambda _: Err(error())


_ffi.set_oneshot_errors(
    (
        _not_yet(_Empty),
        _for_ever(_TryDisconnected),
        _not_yet(_Timeout),
        _for_ever(_TimeoutDisconnected),
    )
)


_SENDER: Final[type[Sender[Any]]] = Sender
_RECEIVER: Final[type[Receiver[Any]]] = Receiver


def channel() -> tuple[Sender[Any], Receiver[Any]]:
    """Make a channel for one message: Rust's `oneshot::channel`.

    Returns:
        The sender and the receiver.

    Blocks: no.
    Thread safety: any thread.

    >>> from pythread_rs import move, spawn
    >>> def main():
    ...     tx, rx = channel()
    ...     spawn(move(lambda: tx.send(6 * 7)))
    ...     return rx.recv()
    >>> main()
    Ok(42)
    """
    return _ffi.channel(_SENDER, _RECEIVER, -1)
