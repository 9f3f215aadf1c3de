"""select: wait for the first of several sends and receives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, final, overload

from pythread_rs import _ffi
from pythread_rs.result import Err, Ok
from pythread_rs.sync._channel_errors import _Plain

if TYPE_CHECKING:
    from datetime import timedelta

    from pythread_rs.result import Result
    from pythread_rs.sync._stop import StopToken

__all__ = [
    "Operation",
    "ReadyTimeoutError",
    "Select",
    "SelectTimeoutError",
    "Sending",
    "TryReadyError",
    "TrySelectError",
    "select",
    "try_select",
]

_D = TypeVar("_D")

Sending = _ffi.Sending
Operation: TypeAlias = (
    "_ffi.ReceiverBase[Any] | _ffi.OneshotReceiverBase[Any] | _ffi.TimerBase | Sending[Any]"
)

_NOTHING: Any = object()


class TrySelectError(_Plain):
    """Each operation would have to wait.

    Mirrors crossbeam's `TrySelectError`.

    >>> TrySelectError(), str(TrySelectError())
    (TrySelectError, 'all operations in select would block')
    """

    _text = "all operations in select would block"
    _debug = "TrySelectError"


class SelectTimeoutError(_Plain, TimeoutError):
    """No operation happened within the time.

    Mirrors crossbeam's `SelectTimeoutError`.

    >>> isinstance(SelectTimeoutError(), TimeoutError), str(SelectTimeoutError())
    (True, 'timed out waiting on select')
    """

    _text = "timed out waiting on select"
    _debug = "SelectTimeoutError"


class TryReadyError(_Plain):
    """No operation is ready.

    Mirrors crossbeam's `TryReadyError`.

    >>> str(TryReadyError())
    'none of the operations in select is ready'
    """

    _text = "none of the operations in select is ready"
    _debug = "TryReadyError"


class ReadyTimeoutError(_Plain, TimeoutError):
    """No operation was ready within the time.

    Mirrors crossbeam's `ReadyTimeoutError`.

    >>> isinstance(ReadyTimeoutError(), TimeoutError), str(ReadyTimeoutError())
    (True, 'timed out waiting on select')
    """

    _text = "timed out waiting on select"
    _debug = "ReadyTimeoutError"


def check_not_empty(operations: tuple[Any, ...] | list[Any], *, waits_for_ever: bool) -> None:
    """Refuse a wait that nothing can end."""
    if waits_for_ever and not operations:
        raise ValueError("no operations have been added to the select")


@overload
def select(
    *operations: Operation, stop: StopToken | None = None, biased: bool = False
) -> tuple[int, Result[Any, Any]]: ...
@overload
def select(
    *operations: Operation,
    timeout: float | timedelta | None,
    stop: StopToken | None = None,
    biased: bool = False,
) -> tuple[int | None, Result[Any, Any]]: ...
@overload
def select(
    *operations: Operation,
    default: _D,
    timeout: float | timedelta | None = 0.0,
    stop: StopToken | None = None,
    biased: bool = False,
) -> tuple[int, Result[Any, Any]] | tuple[None, Ok[_D]]: ...
def select(
    *operations: Operation,
    timeout: float | timedelta | None = None,
    default: Any = _NOTHING,
    stop: StopToken | None = None,
    biased: bool = False,
) -> tuple[int | None, Any]:
    """Wait until one of several operations has happened.

    Exactly one of them happens; the others are as they were, and what they would have sent is
    still in their `Sending`. Among those that need not wait, one is taken at random. A channel
    whose other side is gone does not make it wait either: its result is the `Err` of `recv` or
    `send`.

    Args:
        operations: receivers, `sender.sending(value)`, timers (`after`, `tick`), the receiver of
            a oneshot; any number, in any mix, one channel also several times.
        timeout: seconds to wait at most, or a timedelta; None waits for ever.
        default: what to return, as `(None, Ok(default))`, when no operation happened; with it and
            without a timeout nothing is waited for.
        stop: a `StopToken` that ends the wait.
        biased: take the first operation that need not wait instead of any.

    Returns:
        The place of the operation, counted from 0, and its result as `recv` or `send` returns it.
        When the time was over: `(None, Err(SelectTimeoutError()))`, a `TimeoutError`.

    Raises:
        TypeError: something else than an operation was given.
        ValueError: there is no operation, and no timeout and no default.
        UseAfterMoveError: an end was dropped, or a `Sending` was sent before.
        Stopped: the token stopped first; nothing has happened.
        RuntimeError: it would have to wait, and the interpreter is exiting.

    Blocks: until an operation has happened; at most `timeout`.
    Thread safety: any thread; each operation happens in one select only.

    Mirrors crossbeam's `select!`; Rust's std has none.

    >>> from pythread_rs.sync import mpsc
    >>> (tx1, rx1), (tx2, rx2) = mpsc.channel(), mpsc.channel()
    >>> tx2.send("hi")
    Ok(None)
    >>> match select(rx1, rx2, timeout=1.0):
    ...     case 0, Ok(message):
    ...         print("first", message)
    ...     case 1, Ok(message):
    ...         print("second", message)
    ...     case _, Err(SelectTimeoutError()):
    ...         print("nothing came")
    second hi
    """
    if timeout is None and default is not _NOTHING:
        timeout = 0.0
    check_not_empty(operations, waits_for_ever=timeout is None)
    found: tuple[int, Any] | None = _ffi.select(operations, timeout, stop, False, biased)
    if found is not None:
        return found
    return None, Err(SelectTimeoutError()) if default is _NOTHING else Ok(default)


def try_select(*operations: Operation, biased: bool = False) -> tuple[int | None, Result[Any, Any]]:
    """Do one of several operations if one need not wait.

    Args:
        operations: as for `select`.
        biased: take the first that need not wait instead of any.

    Returns:
        As `select`, or `(None, Err(TrySelectError()))`.

    Raises:
        TypeError, UseAfterMoveError: as `select`.

    Blocks: no.
    Thread safety: any thread.

    Mirrors crossbeam's `Select::try_select`.

    >>> from pythread_rs.sync import mpsc
    >>> tx, rx = mpsc.channel()
    >>> try_select(rx)
    (None, Err(TrySelectError))
    """
    found: tuple[int, Any] | None = _ffi.select(operations, 0.0, None, False, biased)
    return (None, Err(TrySelectError())) if found is None else found


@final
class Select:
    """A list of operations, built up at run time: crossbeam's `Select`.

    `recv` and `send` add an operation and return its index; each `select` does one of them. A
    receive stays in the list; a send is done once, and its place is empty afterwards. As a
    channel that has ended never makes a select wait, take it out with `remove`.

    Not as in Rust: a send is added with its value, `tx.sending(value)`, and `select` returns the
    result of the operation, not a token for it.

    Args:
        biased: the first operation that need not wait is taken, not any of them: `new_biased`.

    Blocks: as said with each method.
    Thread safety: one thread at a time.

    >>> from pythread_rs.sync import mpsc
    >>> tx, rx = mpsc.channel()
    >>> sel = Select()
    >>> sel.recv(rx), sel.send(tx.sending("hi"))
    (0, 1)
    >>> sel.select(), sel.select()
    ((1, Ok(None)), (0, Ok('hi')))
    """

    __slots__ = ("_biased", "_next", "_operations")

    def __init__(self, *, biased: bool = False) -> None:
        self._operations: dict[int, Operation] = {}
        self._next = 0
        self._biased = biased

    def recv(self, receiver: Operation, /) -> int:
        """Add a receive: crossbeam's `Select::recv`.

        Args:
            receiver: a receiver or a timer; it is not taken over.

        Returns:
            The index of the operation.

        Blocks: no.

        >>> from pythread_rs.sync import never
        >>> Select().recv(never())
        0
        """
        return self._add(receiver)

    def send(self, sending: Sending[Any], /) -> int:
        """Add a send: crossbeam's `Select::send`.

        Args:
            sending: `sender.sending(value)`, which keeps the value until it is sent.

        Returns:
            The index of the operation, which is done once.

        Raises:
            TypeError: something else was given.

        Blocks: no.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> sel = Select()
        >>> sel.send(tx.sending(1)), sel.select(), rx.recv()
        (0, (0, Ok(None)), Ok(1))
        """
        if not isinstance(sending, Sending):
            raise TypeError(f"not a `sender.sending(value)`: {type(sending).__name__}")
        return self._add(sending)

    def _add(self, operation: Operation) -> int:
        index = self._next
        self._operations[index] = operation
        self._next += 1
        return index

    def remove(self, index: int, /) -> None:
        """Take an operation out; the indices of the others stay: crossbeam's `Select::remove`.

        Args:
            index: what `recv` or `send` returned.

        Raises:
            IndexError: there is no such operation.

        Blocks: no.

        >>> from pythread_rs.sync import never
        >>> sel = Select()
        >>> sel.remove(sel.recv(never()))
        """
        if self._operations.pop(index, None) is None:
            raise IndexError(f"the select has no operation {index}")

    def _run(self, timeout: float | timedelta | None, stop: StopToken | None, watches: bool) -> Any:
        check_not_empty(list(self._operations), waits_for_ever=timeout is None)
        indices = tuple(self._operations)
        operations = tuple(self._operations.values())
        found: Any = _ffi.select(operations, timeout, stop, watches, self._biased)
        if found is None:
            return None
        place: int = found if watches else found[0]
        index = indices[place]
        if watches:
            return index
        if isinstance(self._operations[index], Sending):
            del self._operations[index]
        return index, found[1]

    def select(self, *, stop: StopToken | None = None) -> tuple[int, Result[Any, Any]]:
        """Wait until one operation has happened: crossbeam's `Select::select`.

        Args:
            stop: a `StopToken` that ends the wait.

        Returns:
            The index of the operation and its result.

        Raises:
            ValueError: there is no operation.
            UseAfterMoveError, Stopped, RuntimeError: as the function `select`.

        Blocks: until an operation has happened.

        >>> from pythread_rs.sync import after
        >>> sel = Select()
        >>> sel.recv(after(0))
        0
        >>> sel.select()[0]
        0
        """
        found: tuple[int, Result[Any, Any]] = self._run(None, stop, False)
        return found

    def try_select(self) -> tuple[int | None, Result[Any, Any]]:
        """Do one operation if one need not wait: crossbeam's `Select::try_select`.

        Returns:
            As `select`, or `(None, Err(TrySelectError()))`.

        Blocks: no.

        >>> Select().try_select()
        (None, Err(TrySelectError))
        """
        return self._run(0.0, None, False) or (None, Err(TrySelectError()))

    def select_timeout(
        self, timeout: float | timedelta, /, *, stop: StopToken | None = None
    ) -> tuple[int | None, Result[Any, Any]]:
        """Wait for an operation, no longer than a time: crossbeam's `Select::select_timeout`.

        Args:
            timeout: seconds, or a timedelta.
            stop: a `StopToken` that ends the wait.

        Returns:
            As `select`, or `(None, Err(SelectTimeoutError()))`.

        Blocks: at most `timeout`.

        >>> Select().select_timeout(0.001)
        (None, Err(SelectTimeoutError))
        """
        return self._run(timeout, stop, False) or (None, Err(SelectTimeoutError()))

    def select_deadline(
        self, deadline: float, /, *, stop: StopToken | None = None
    ) -> tuple[int | None, Result[Any, Any]]:
        """Wait for an operation until a time: crossbeam's `Select::select_deadline`.

        Args:
            deadline: seconds of `time.monotonic()`.
            stop: a `StopToken` that ends the wait.

        Returns:
            As `select_timeout`.

        Blocks: until `deadline` at the latest.

        >>> Select().select_deadline(0.0)
        (None, Err(SelectTimeoutError))
        """
        return self.select_timeout(_left(deadline), stop=stop)

    def ready(self, *, stop: StopToken | None = None) -> int:
        """Wait until an operation need not wait, and leave it undone: crossbeam's `Select::ready`.

        Another thread may do it first, so `try_recv` may still find nothing.

        Args:
            stop: a `StopToken` that ends the wait.

        Returns:
            The index of the operation.

        Raises:
            ValueError: there is no operation.

        Blocks: until an operation is ready.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> sel = Select()
        >>> sel.recv(rx), tx.send(1), sel.ready(), rx.try_recv()
        (0, Ok(None), 0, Ok(1))
        """
        index: int = self._run(None, stop, True)
        return index

    def try_ready(self) -> Result[int, TryReadyError]:
        """Return the index of an operation that need not wait: crossbeam's `Select::try_ready`.

        Returns:
            `Ok(index)` or `Err(TryReadyError())`.

        Blocks: no.

        >>> Select().try_ready()
        Err(TryReadyError)
        """
        index = self._run(0.0, None, True)
        return Err(TryReadyError()) if index is None else Ok(index)

    def ready_timeout(
        self, timeout: float | timedelta, /, *, stop: StopToken | None = None
    ) -> Result[int, ReadyTimeoutError]:
        """As `ready`, no longer than a time: crossbeam's `Select::ready_timeout`.

        Args:
            timeout: seconds, or a timedelta.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(index)` or `Err(ReadyTimeoutError())`.

        Blocks: at most `timeout`.

        >>> Select().ready_timeout(0.001)
        Err(ReadyTimeoutError)
        """
        index = self._run(timeout, stop, True)
        return Err(ReadyTimeoutError()) if index is None else Ok(index)

    def ready_deadline(
        self, deadline: float, /, *, stop: StopToken | None = None
    ) -> Result[int, ReadyTimeoutError]:
        """As `ready`, until a time: crossbeam's `Select::ready_deadline`.

        Args:
            deadline: seconds of `time.monotonic()`.
            stop: a `StopToken` that ends the wait.

        Returns:
            As `ready_timeout`.

        Blocks: until `deadline` at the latest.

        >>> Select().ready_deadline(0.0)
        Err(ReadyTimeoutError)
        """
        return self.ready_timeout(_left(deadline), stop=stop)

    def __repr__(self) -> str:
        return "Select { .. }"


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
