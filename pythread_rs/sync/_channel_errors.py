"""Errors of channels: why nothing was sent, or received.

Exception
 +-- SendError                  every receiver is gone
 +-- TrySendError
 |    +-- TrySendError.Full
 |    +-- TrySendError.Disconnected
 +-- SendTimeoutError
 |    +-- SendTimeoutError.Timeout        (also a TimeoutError)
 |    +-- SendTimeoutError.Disconnected
 +-- RecvError                  the channel is empty, and every sender is gone
 +-- TryRecvError               TryRecvError.Empty, TryRecvError.Disconnected
 +-- RecvTimeoutError           RecvTimeoutError.Timeout (also a TimeoutError), .Disconnected

What holds a value is a class; what holds none is a value, so that both kinds can stand in a `case`
as they do in Rust.
"""

# ruff: noqa: N818 - the variants have Rust's names

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, Generic, TypeVar

from pythread_rs import _ffi
from pythread_rs.ownership import UseAfterMoveError
from pythread_rs.result import Err

__all__ = [
    "RecvError",
    "RecvTimeoutError",
    "SendError",
    "SendTimeoutError",
    "TryRecvError",
    "TrySendError",
]

T = TypeVar("T")

_CLOSED = "sending on a closed channel"


class _GivesBack(Exception, Generic[T]):
    """A failed send, which holds what was not sent."""

    __match_args__ = ("value",)
    _text: ClassVar[str] = _CLOSED
    _debug: ClassVar[str] = ""

    def __init__(self, value: T, /) -> None:
        super().__init__(self._text)
        self.value = value

    def into_inner(self) -> T:
        """Return what was not sent: crossbeam's `into_inner`."""
        return self.value

    def __repr__(self) -> str:
        return self._debug

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self.value == other.value)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # what was sent may change

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.value,)


class SendError(_GivesBack[T]):
    """Nothing was sent, as every receiver is gone: Rust's `mpsc::SendError`.

    Attributes:
        value: what was not sent.

    Blocks: no method does.

    Thread safety: any thread, as far as what it holds may be used there.

    >>> SendError(3), str(SendError(3)), SendError(3).value
    (SendError { .. }, 'sending on a closed channel', 3)
    """

    _debug = "SendError { .. }"


class TrySendError(_GivesBack[T]):
    """Nothing was sent, as that would have taken a wait: Rust's `mpsc::TrySendError`.

    Attributes:
        value: what was not sent.

    Blocks: no method does.

    Thread safety: any thread, as far as what it holds may be used there.

    >>> match Err(TrySendError.Full(3)):
    ...     case Err(TrySendError.Full(value)):
    ...         print(value)
    3
    """

    Full: ClassVar[type[TrySendError[Any]]]
    Disconnected: ClassVar[type[TrySendError[Any]]]

    def is_full(self) -> bool:
        """Tell whether the channel was full: crossbeam's `is_full`."""
        return isinstance(self, _Full)

    def is_disconnected(self) -> bool:
        """Tell whether every receiver was gone: crossbeam's `is_disconnected`."""
        return isinstance(self, _TryDisconnected)


class _Full(TrySendError[T]):
    """The channel had no room."""

    _text = "sending on a full channel"
    _debug = "TrySendError::Full(..)"


class _TryDisconnected(TrySendError[T]):
    """Every receiver was gone."""

    _debug = "TrySendError::Disconnected(..)"


class SendTimeoutError(_GivesBack[T]):
    """Nothing was sent within the time: Rust's `mpmc::SendTimeoutError`.

    Attributes:
        value: what was not sent.

    Blocks: no method does.

    Thread safety: any thread, as far as what it holds may be used there.

    >>> isinstance(SendTimeoutError.Timeout(3), TimeoutError)
    True
    """

    Timeout: ClassVar[type[SendTimeoutError[Any]]]
    Disconnected: ClassVar[type[SendTimeoutError[Any]]]

    def is_timeout(self) -> bool:
        """Tell whether the time was over: crossbeam's `is_timeout`."""
        return isinstance(self, _SendTimeout)

    def is_disconnected(self) -> bool:
        """Tell whether every receiver was gone: crossbeam's `is_disconnected`."""
        return isinstance(self, _SendTimeoutDisconnected)


class _SendTimeout(SendTimeoutError[T], TimeoutError):
    """The time was over."""

    _text = "timed out waiting on send operation"
    _debug = "SendTimeoutError::Timeout(..)"


class _SendTimeoutDisconnected(SendTimeoutError[T]):
    """Every receiver was gone."""

    _text = "sending on a disconnected channel"
    _debug = "SendTimeoutError::Disconnected(..)"


class _Plain(Exception):
    """An error that holds nothing: two of one class are equal."""

    _text: ClassVar[str] = ""
    _debug: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__(self._text)

    def __repr__(self) -> str:
        return self._debug

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()


class RecvError(_Plain):
    """No message will ever come: Rust's `mpsc::RecvError`.

    Blocks: no method does.

    Thread safety: any thread.

    >>> RecvError(), str(RecvError()), RecvError() == RecvError()
    (RecvError, 'receiving on a closed channel', True)
    """

    _text = "receiving on a closed channel"
    _debug = "RecvError"


class TryRecvError(_Plain):
    """No message was there: Rust's `mpsc::TryRecvError`.

    Blocks: no method does.

    Thread safety: any thread.

    >>> match Err(TryRecvError.Empty):
    ...     case Err(TryRecvError.Empty):
    ...         print("nothing yet")
    nothing yet
    """

    Empty: ClassVar[TryRecvError]
    Disconnected: ClassVar[TryRecvError]

    def is_empty(self) -> bool:
        """Tell whether a message may still come: crossbeam's `is_empty`."""
        return isinstance(self, _Empty)

    def is_disconnected(self) -> bool:
        """Tell whether every sender was gone: crossbeam's `is_disconnected`."""
        return isinstance(self, _TryRecvDisconnected)


class _Empty(TryRecvError):
    """A message may still come."""

    _text = "receiving on an empty channel"
    _debug = "Empty"


class _TryRecvDisconnected(TryRecvError):
    """Every sender was gone."""

    _text = "receiving on a closed channel"
    _debug = "Disconnected"


class RecvTimeoutError(_Plain):
    """No message came within the time: Rust's `mpsc::RecvTimeoutError`.

    Blocks: no method does.

    Thread safety: any thread.

    >>> isinstance(RecvTimeoutError.Timeout, TimeoutError), RecvTimeoutError.Timeout
    (True, Timeout)
    """

    Timeout: ClassVar[RecvTimeoutError]
    Disconnected: ClassVar[RecvTimeoutError]

    def is_timeout(self) -> bool:
        """Tell whether the time was over: crossbeam's `is_timeout`."""
        return isinstance(self, _RecvTimeout)

    def is_disconnected(self) -> bool:
        """Tell whether every sender was gone: crossbeam's `is_disconnected`."""
        return isinstance(self, _RecvTimeoutDisconnected)


class _RecvTimeout(RecvTimeoutError, TimeoutError):
    """The time was over."""

    _text = "timed out waiting on channel"
    _debug = "Timeout"


class _RecvTimeoutDisconnected(RecvTimeoutError):
    """Every sender was gone."""

    _text = "channel is empty and sending half is closed"
    _debug = "Disconnected"


TrySendError.Full = _Full
TrySendError.Disconnected = _TryDisconnected
SendTimeoutError.Timeout = _SendTimeout
SendTimeoutError.Disconnected = _SendTimeoutDisconnected
TryRecvError.Empty = _Empty()
TryRecvError.Disconnected = _TryRecvDisconnected()
RecvTimeoutError.Timeout = _RecvTimeout()
RecvTimeoutError.Disconnected = _RecvTimeoutDisconnected()

for _outer, _name, _class in (
    (TrySendError, "Full", _Full),
    (TrySendError, "Disconnected", _TryDisconnected),
    (SendTimeoutError, "Timeout", _SendTimeout),
    (SendTimeoutError, "Disconnected", _SendTimeoutDisconnected),
):
    _class.__name__ = _name
    _class.__qualname__ = f"{_outer.__name__}.{_name}"


def _use_after_drop(end: object) -> UseAfterMoveError:
    return UseAfterMoveError(
        f"error[E0382]: use of moved value: this `{type(end).__name__}` was dropped before"
    )


def _with_value(error: type[_GivesBack[Any]]) -> Callable[[object], Err[Any]]:
    return lambda value: Err(error(value))


def _without(error: type[_Plain]) -> Callable[[], Err[Any]]:
    return lambda: Err(error())


# Each makes what one refusal of csrc/python/channel.h returns or raises, in its order.
_GIVE_BACK: Final = tuple(
    _with_value(error)
    for error in (
        SendError,
        _Full,
        _TryDisconnected,
        _SendTimeout,
        _SendTimeoutDisconnected,
    )
)
_REST: Final = (
    _without(RecvError),
    _without(_Empty),
    _without(_TryRecvDisconnected),
    _without(_RecvTimeout),
    _without(_RecvTimeoutDisconnected),
    _use_after_drop,
)


def connect(opened: Callable[[object], object] | None = None) -> None:
    """Hand to the C layer what makes the errors.

    Args:
        opened: makes of what was to be sent what is given back, when these differ.
    """
    give_back: tuple[Callable[..., Any], ...] = _GIVE_BACK
    if opened is not None:
        give_back = tuple(_opening(opened, make) for make in _GIVE_BACK)
    _ffi.set_refusals((*give_back, *_REST))


def _opening(
    opened: Callable[[object], object], make: Callable[[object], Err[Any]]
) -> Callable[[object], Err[Any]]:
    return lambda value: make(opened(value))


connect()
