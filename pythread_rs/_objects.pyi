"""Types of pythread_rs whose hot path is C."""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Reversible, Sequence, Sized
from contextlib import AbstractContextManager
from datetime import timedelta
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any, Generic, NoReturn, ParamSpec, Protocol, Self, TypeVar, final, overload

from pythread_rs.result import Result
from pythread_rs.sync import LockTimeoutError, PoisonError, TryLockError
from pythread_rs.sync._arc import Arc, Weak
from pythread_rs.sync._barrier import BarrierWaitResult
from pythread_rs.sync._channel_errors import (
    RecvError,
    RecvTimeoutError,
    SendError,
    SendTimeoutError,
    TryRecvError,
    TrySendError,
)
from pythread_rs.sync._once import OnceState
from pythread_rs.sync._ordering import Ordering
from pythread_rs.sync._timeout import WaitTimeoutError

_S = TypeVar("_S")
_T = TypeVar("_T")
_R = TypeVar("_R")

_T_co = TypeVar("_T_co", covariant=True)
_K_contra = TypeVar("_K_contra", contravariant=True)
_Exit = TypeVar("_Exit", bound=bool | None)
_P = ParamSpec("_P")

def connect(
    address: int,
    entry: Callable[[list[Any]], None],
    settle: Callable[[], None],
    main_thread: int,
    /,
) -> None:
    """Take the function table of `_native`, the function that runs a job on a new thread,
    one that resets what Python code left on it, and the ident of the main thread.
    """

def sleep(nanoseconds: int, stop: StopTokenBase | None = None, /) -> None:
    """Sleep, -1 for ever."""

def leak(object: object, /) -> None:
    """Never free the object."""

def set_results(ok: type, err: type, /) -> None:
    """Hand over the classes `Ok` and `Err`."""

def set_arcs(arc: type, weak: type, refuse: Callable[[str, Any, Any], NoReturn], /) -> None:
    """Hand over the public classes, and the function that raises refusals."""

@final
class Packet:
    """One thread: start it, wait for it, take its result."""

    def start(
        self, job: list[Any], name: str | None, stack_size: int, dedicated: bool, /
    ) -> tuple[int, int] | None:
        """Run entry(job) on a thread of its own. Return None, or the tuple (status, os_error)
        when nothing was started.
        """
    def start_native(
        self,
        signature: NativeSignature,
        address: int,
        args: tuple[Any, ...],
        owner: object,
        judge: Callable[[Any, int], BaseException | None] | None,
        name: str | None,
        stack_size: int,
        dedicated: bool,
        /,
    ) -> tuple[int, int] | None:
        """Call a C function on a thread of its own, and keep `owner` until it has ended;
        judge(result, errno) then returns a panic or None. Otherwise as start().
        """
    def wait(self, timeout: int, stop: StopTokenBase | None = None, /) -> int:
        """Wait at most `timeout` nanoseconds, -1 for ever. Return the final state, or the
        negative status with which the wait ended.
        """
    def is_finished(self) -> bool:
        """Tell whether the state is final. Never blocks."""
    def bell(self, make: Callable[[], Callable[[], None]], /) -> Any:
        """Return what the thread calls when nothing of its closure is left: make(), the same
        for every caller. None when it is too late; wait() then takes a moment at most.
        """
    def put_ok(self, value: object, /) -> None:
        """Leave the closure's value. Raise E0277 for one that is bound to its thread."""
    def put_err(self, panic: BaseException, /) -> None:
        """Leave the exception that left the closure."""
    def take(self, ok: Callable[[Any], Any], err: Callable[[Any], Any], /) -> Any:
        """Return the result, to one caller only: ok(value) or err(panic). The packet keeps it,
        for give_back(), until it is dropped; also when the call raises. Raise LookupError when
        it was taken, EOFError when the thread left none.
        """
    def give_back(self) -> None:
        """Undo take(): the caller was interrupted before it could keep the result."""
    def watcher(self) -> Packet:
        """Return a packet for the same thread that has no result: to wait without keeping
        the result alive.
        """
    def same(self, other: object, /) -> bool:
        """Tell whether two packets are of one thread."""

@final
class NativeSignature:
    """The types of a C function: a code, and for each parameter (code, item, size,
    flags, text).
    """

    def __init__(
        self, result: str, parameters: tuple[tuple[str, str, int, int, str], ...]
    ) -> None: ...
    def needs(self, args: tuple[Any, ...], /) -> int:
        """Return what is to be done before a call: 0 nothing, 1 ask who owns the
        buffers, 2 look for pointers of cffi and ctypes and for wrappers, too.
        """

def is_buffer(object: object, /) -> bool:
    """Tell whether a memoryview of it can be asked for."""

def is_mapped(address: int, /) -> bool:
    """Tell whether there is memory at an address."""

def native_capsule(capsule: object, /) -> tuple[int, str | None]:
    """Read (address, name) of a PyCapsule; the name may be None."""

def native_loop(
    pool: PoolBase,
    signature: NativeSignature,
    address: int,
    args: tuple[Any, ...],
    count: int,
    grain: int,
    check: int,
    /,
) -> tuple[Any, int] | None:
    """Call function(begin, end, *args) for blocks of range(count), here and on workers of
    the pool. Return None or the failure as (result, errno).
    """

@final
class Parker:
    """A token that one thread may wait for."""

    def park(self, timeout: int, stop: StopTokenBase | None = None, /) -> bool:
        """Wait at most `timeout` nanoseconds, -1 for ever, and take the token. Return whether
        it was there.
        """
    def unpark(self) -> None:
        """Leave the token, waking the thread that waits for it."""

class SenderBase(Generic[_T]):
    """The end of a channel that messages go into."""

    def send(
        self, value: _T, /, *, stop: StopTokenBase | None = None
    ) -> Result[None, SendError[_T]]:
        """Send a message: Rust's `Sender::send`.

        The value moves: whoever receives it is its only owner. It is checked as an argument of
        `spawn` is.

        Args:
            value: what to send; by position only.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(None)`, or `Err(SendError(value))` when every receiver is gone. `Ok` does not say
            that somebody will receive it.

        Raises:
            OwnershipError: the value may not be handed over; nothing was sent.
            Stopped: the token stopped first; nothing was sent. As with every exception that ends
                the wait, Ctrl-C too, the value is its attribute `unsent`.
            RuntimeError: it would have to wait, and the interpreter is exiting.

        Blocks: while a bounded channel is full; never on an unbounded one.
        Thread safety: any thread.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> tx.send(1)
        Ok(None)
        >>> del rx
        >>> tx.send(2)
        Err(SendError { .. })
        """
    def try_send(self, value: _T, /) -> Result[None, TrySendError[_T]]:
        """Send a message if that needs no wait: Rust's `SyncSender::try_send`.

        Args:
            value: what to send; checked as by `send`.

        Returns:
            `Ok(None)`, `Err(TrySendError.Full(value))`, or
            `Err(TrySendError.Disconnected(value))` when every receiver is gone. A rendezvous is
            full unless a receiver waits.

        Raises:
            OwnershipError: the value may not be handed over.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.sync_channel(1)
        >>> tx.try_send(1)
        Ok(None)
        >>> tx.try_send(2)
        Err(TrySendError::Full(..))
        """
    def send_timeout(
        self, value: _T, timeout: float | timedelta, /, *, stop: StopTokenBase | None = None
    ) -> Result[None, SendTimeoutError[_T]]:
        """Send a message, waiting for room no longer than a time: Rust's `Sender::send_timeout`.

        Args:
            value: what to send; checked as by `send`.
            timeout: seconds (float or timedelta).
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(None)`, `Err(SendTimeoutError.Timeout(value))` (a `TimeoutError`), or
            `Err(SendTimeoutError.Disconnected(value))`.

        Raises:
            OwnershipError: the value may not be handed over.
            Stopped, RuntimeError: as `send`.

        Blocks: at most `timeout`.
        Thread safety: any thread.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.sync_channel(0)
        >>> tx.send_timeout(1, 0.001)
        Err(SendTimeoutError::Timeout(..))
        """
    def send_deadline(
        self, value: _T, deadline: float, /, *, stop: StopTokenBase | None = None
    ) -> Result[None, SendTimeoutError[_T]]:
        """Send a message, waiting for room until a time: Rust's `Sender::send_deadline`.

        Args:
            value: what to send; checked as by `send`.
            deadline: seconds of `time.monotonic()`.
            stop: a `StopToken` that ends the wait.

        Returns:
            As `send_timeout`.

        Raises:
            As `send_timeout`.

        Blocks: until `deadline` at the latest.
        Thread safety: any thread.

        >>> import time
        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.sync_channel(0)
        >>> tx.send_deadline(1, time.monotonic() + 0.001)
        Err(SendTimeoutError::Timeout(..))
        """
    def sending(self, value: _T, /) -> Sending[_T]:
        """Make a send that `select` may do: an operation, not yet done.

        Args:
            value: what to send; checked as by `send`.

        Returns:
            A `Sending`. It keeps the value until a select has sent it.

        Raises:
            OwnershipError: the value may not be handed over.

        Blocks: no.
        Thread safety: any thread.

        Rust: `send(tx, value) -> result` in crossbeam's `select!`.

        >>> from pythread_rs.sync import mpsc, select
        >>> tx, rx = mpsc.channel()
        >>> select(rx, tx.sending(1))
        (1, Ok(None))
        """
    def send_async(self, value: _T, /) -> Coroutine[Any, Any, Result[None, SendError[_T]]]:
        """Send a message from a coroutine: `await tx.send_async(value)`.

        A cancelled send has sent nothing, or was done already.

        Args:
            value: what to send; checked as by `send`, at this call.

        Returns:
            A coroutine that returns what `send` returns.

        Raises:
            OwnershipError: the value may not be handed over.

        Blocks: no thread; the task waits while a bounded channel is full.
        Thread safety: any thread, under its own running event loop.

        >>> import asyncio
        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> async def main():
        ...     return await tx.send_async(1)
        >>> asyncio.run(main()), rx.recv()
        (Ok(None), Ok(1))
        """
    def clone(self) -> Self:
        """Make one more sender of the same channel: Rust's `Sender::clone`.

        Returns:
            The new sender. The channel ends when the last one is gone.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> tx.clone().send(1), rx.recv()
        (Ok(None), Ok(1))
        """
    def drop(self) -> None:
        """Drop this sender now: Rust's `drop(sender)`; `del` drops it when no other name is left.

        Returns:
            None, also when it was dropped before.

        Blocks: no.
        Thread safety: any thread. Twice does nothing.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> tx.drop()
        >>> rx.recv()
        Err(RecvError)
        """
    def is_disconnected(self) -> bool:
        """Tell whether every receiver is gone: Rust's `Sender::is_disconnected`.

        Blocks: no.
        Thread safety: any thread.
        """
    def _len(self) -> int: ...
    def _is_empty(self) -> bool: ...
    def _is_full(self) -> bool: ...
    def _same_channel(self, other: object, /) -> bool: ...
    @property
    def _capacity(self) -> int | None: ...

class ReceiverBase(Generic[_T]):
    """The end of a channel that messages come out of."""

    def recv(self, *, stop: StopTokenBase | None = None) -> Result[_T, RecvError]:
        """Wait for a message: Rust's `Receiver::recv`.

        Args:
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(message)`, or `Err(RecvError())` when the channel is empty and every sender is
            gone.

        Raises:
            Stopped: the token stopped first; no message was taken.
            RuntimeError: it would have to wait, and the interpreter is exiting.

        Blocks: until there is a message, or no sender.
        Thread safety: any thread; each message goes to one receiver.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> tx.send(1)
        Ok(None)
        >>> del tx
        >>> rx.recv(), rx.recv()
        (Ok(1), Err(RecvError))
        """
    def try_recv(self) -> Result[_T, TryRecvError]:
        """Take a message if one is there: Rust's `Receiver::try_recv`.

        Returns:
            `Ok(message)`, `Err(TryRecvError.Empty)`, or `Err(TryRecvError.Disconnected)` when
            no message will ever come.

        Blocks: no.
        Thread safety: any thread; each message goes to one receiver.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> rx.try_recv()
        Err(Empty)
        """
    def recv_timeout(
        self, timeout: float | timedelta, /, *, stop: StopTokenBase | None = None
    ) -> Result[_T, RecvTimeoutError]:
        """Wait for a message, no longer than a time: Rust's `Receiver::recv_timeout`.

        Args:
            timeout: seconds (float or timedelta).
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(message)`, `Err(RecvTimeoutError.Timeout)` (a `TimeoutError`), or
            `Err(RecvTimeoutError.Disconnected)`.

        Raises:
            Stopped, RuntimeError: as `recv`.

        Blocks: at most `timeout`.
        Thread safety: any thread; each message goes to one receiver.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> rx.recv_timeout(0.001)
        Err(Timeout)
        """
    def recv_deadline(
        self, deadline: float, /, *, stop: StopTokenBase | None = None
    ) -> Result[_T, RecvTimeoutError]:
        """Wait for a message until a time: Rust's `Receiver::recv_deadline`.

        Args:
            deadline: seconds of `time.monotonic()`.
            stop: a `StopToken` that ends the wait.

        Returns:
            As `recv_timeout`.

        Raises:
            Stopped, RuntimeError: as `recv`.

        Blocks: until `deadline` at the latest.
        Thread safety: any thread; each message goes to one receiver.

        >>> import time
        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> rx.recv_deadline(time.monotonic() + 0.001)
        Err(Timeout)
        """
    def __iter__(self) -> Iterator[_T]: ...
    def __next__(self) -> _T: ...
    def drop(self) -> None:
        """Drop this receiver now: Rust's `drop(receiver)`.

        `del` drops it when no other name is left. With the last one go the messages that
        are still in the channel, and senders are told; who waits on it gets a `RecvError`.

        Returns:
            None, also when it was dropped before.

        Blocks: no.
        Thread safety: any thread. Twice does nothing.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> rx.drop()
        >>> tx.send(1)
        Err(SendError { .. })
        """
    def is_disconnected(self) -> bool:
        """Tell whether every sender is gone: Rust's `Receiver::is_disconnected`.

        Messages may be left.

        Blocks: no.
        Thread safety: any thread.
        """
    def _try_next(self) -> _T: ...
    def _clone(self) -> Self: ...
    def _len(self) -> int: ...
    def _is_empty(self) -> bool: ...
    def _is_full(self) -> bool: ...
    def _same_channel(self, other: object, /) -> bool: ...
    @property
    def _capacity(self) -> int | None: ...

class TaskBase(Generic[_T_co]):
    """One call that a pool has accepted."""

    def join(
        self, timeout: float | timedelta | None = None, *, stop: StopTokenBase | None = None
    ) -> Result[_T_co, BaseException]:
        """Wait for the task and take its result, consuming the handle.

        A worker of the pool that joins does not idle: it runs the task itself if nobody has begun
        it, else helps with what that task has made. Time spent so is not cut short by `timeout`
        or `stop`.

        Args:
            timeout: seconds to wait at most, or a timedelta; None waits for ever.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(value)` with what the function returned, or `Err(exception)` with the very
            exception that left it. A task that a fork left in the parent gives
            `Err(JoinError(...))`.

        Raises:
            TimeoutError: the time is over; the handle is as it was.
            Stopped: the token stopped first; the handle is as it was.
            UseAfterMoveError: the handle was joined or detached before.
            DeadlockError: the task joins itself, or one that waits for it on this thread.
            KeyboardInterrupt: Ctrl-C on the main thread; the handle is as it was.

        Blocks: yes, without the GIL.
        Thread safety: any thread; of several that join, one gets the result.

        Mirrors `std::thread::JoinHandle::join`.

        >>> from pythread_rs.pool import ThreadPool
        >>> with ThreadPool(1) as pool:
        ...     pool.spawn(sum, [1, 2, 3]).join()
        Ok(6)
        """
    def is_finished(self) -> bool:
        """Tell whether the task has ended: `join` would return at once.

        Blocks: no, it is one atomic load.
        Thread safety: any thread.

        Mirrors `std::thread::JoinHandle::is_finished`.
        """
    def detach(self) -> None:
        """Let the task go on alone, consuming the handle. Dropping the handle does the same. Returns nothing.

        Raises:
            UseAfterMoveError: the handle was joined or detached before.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `drop(handle)`.
        """
    def _panic(self) -> BaseException | None: ...
    def _help(self, timeout: int, /) -> bool: ...
    def _runner(self) -> int | None: ...
    def _run_here(self) -> None: ...
    def _bell(self, make: Callable[[], _T], /) -> _T | None: ...
    @property
    def _state(self) -> str: ...

class FutureBase:  # and the fields and `result` of concurrent.futures.Future
    """The fields of a Future, and its task."""

    def _help(self, timeout: int, /) -> bool: ...
    def _runner(self) -> int | None: ...

class TaskScopeBase:
    """A block whose end waits for the tasks in its _waiting."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

class PoolBase:
    """Workers, and the tasks for them."""

    def __new__(
        cls, threads: int, panic_handler: Callable[[BaseException], object] | None, /
    ) -> Self: ...
    def work(self, index: int, /) -> None:
        """Be a worker until the pool is closed and empty."""
    def spawn(
        self, handle: type[TaskBase[Any]], closure: list[Any], in_line: bool = False, /
    ) -> Any:
        """Check a closure and queue it."""
    def lend(
        self,
        handle: type[TaskBase[Any]],
        closure: list[Any],
        on_panic: Callable[[BaseException], object],
        waiting: list[Any],
        /,
    ) -> Any:
        """Queue a closure that the caller will wait for, as for all of the list."""
    def submit(
        self,
        future: type[FutureBase],
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        /,
    ) -> Any:
        """Queue a call whose outcome a Future gets."""
    def install(self, function: Callable[[], _T], /) -> _T:
        """Call it on a worker and wait."""
    def join(self, a: Callable[[], _S], b: Callable[[], _T], /) -> tuple[_S, _T]:
        """Call both, on a worker, and wait."""
    def broadcast(self, functions: tuple[Callable[[], _T], ...], /) -> list[_T]:
        """Call each on its worker and wait."""
    def close(self) -> None:
        """Take nothing more; workers end when all is done."""
    def drain(self, timeout: int, /) -> bool:
        """Take no Future more and wait; tell whether all are finished."""
    def stand_in(self) -> None:
        """Run what stands in the line, on any thread."""
    def queued_futures(self) -> list[Any]:
        """List those whose call has not begun."""
    def abandon(self) -> list[Any]:
        """Empty it in the child of a fork; list the Futures."""
    def here(self) -> int | None:
        """Return the calling worker's index, or None."""
    def is_closed(self) -> bool:
        """Tell whether the pool takes no more."""
    def statistics(self) -> dict[str, int]:
        """Count workers and tasks."""

def bulk(
    pool: PoolBase,
    op: int,
    function: Callable[..., Any],
    source: Any,
    progress: Callable[[int, int], object] | None,
    /,
) -> Any:
    """Apply a function to all items, on the pool's workers, and wait."""

def is_harmless(callable: object, /) -> bool:
    """Tell whether any number of threads may call it at once; False: not known."""

def current_pool() -> PoolBase | None:
    """Return the pool whose worker calls, or None."""

def set_pool_rules(
    panicked: Callable[[BaseException, Any, Any], None],
    lost: Callable[[], BaseException],
    lend: Callable[[Any, Any], tuple[Any, Any]],
    /,
) -> None:
    """Take Python's part."""

def channel(
    sender: type[_S], receiver: type[_R], capacity: int, exclusive: bool = False, /
) -> tuple[_S, _R]:
    """Make a pair of ends of the given types; a capacity of -1 is none. In an exclusive
    receiver one thread waits at a time.
    """

def count_waking() -> int:
    """Count the threads whose wait has ended and that do not run yet."""

def forget_waking() -> None:
    """In the child of a fork: they stayed in the parent."""

class TracedMessage:
    """A message on its way, traced."""

def trace_start(limit: int, files: str, describe: Callable[[], tuple[int, str]], /) -> int:
    """Note events from now on, at most about `limit`. Code in files whose names begin with
    `files` is passed over; describe() names a thread that is not ours. Return the time.
    """

def trace_stop() -> int:
    """Note nothing any more. Return the time."""

def trace_read() -> tuple[list[list[tuple[Any, ...]]], int]:
    """Return the events of each OS thread, and how many were dropped."""

def trace_note(kind: int, note: str, code: object, instruction: int, /) -> None:
    """Note an event."""

def trace_wrap(owner: object, name: str, what: str, role: int, /) -> None:
    """Follow the calls of a method of a C type, or of a function of this module."""

def trace_next(type: type, /) -> None:
    """Follow the loops over receivers."""

def trace_entry(
    run: Callable[[list[Any]], None], describe: Callable[[list[Any]], tuple[int, str]], /
) -> Callable[[list[Any]], None]:
    """Return what a new thread is to call instead of run."""

def trace_unbox(object: object, /) -> Any:
    """Return a message without its box."""

def set_watch(
    enter: Callable[[Any, str, bool], None] | None,
    leave: Callable[[], None] | None,
    took: Callable[[Any, bool], None] | None,
    let_go: Callable[[Any], None] | None,
    /,
) -> None:
    """Tell these of each wait and each lock; None for no longer."""

def set_refusals(callables: tuple[Callable[..., Any], ...], /) -> None:
    """Take what makes the errors of channels."""

@final
class Sending(Generic[_T]):
    """A message on its way: `sender.sending(value)`, an operation for `select`.

    It keeps the value until a select has sent it.

    Blocks: no.
    Thread safety: any thread.

    Mirrors an arm `send(tx, value)` of crossbeam's `select!`.

    >>> from pythread_rs.sync import mpsc, select
    >>> tx, rx = mpsc.channel()
    >>> select(tx.sending(1)), rx.recv()
    ((0, Ok(None)), Ok(1))
    """

    def into_inner(self) -> _T:
        """Take the value back: it is not sent any more.

        Returns:
            The value.

        Raises:
            UseAfterMoveError: it was sent, or a select has it.

        Blocks: no.
        Thread safety: any thread.

        Not in Rust, where a select takes the value when it sends.

        >>> from pythread_rs.sync import mpsc
        >>> tx, rx = mpsc.channel()
        >>> tx.sending(1).into_inner()
        1
        """
    def _is_spent(self) -> bool: ...

@final
class Ticket:
    """Operations that an event loop waits for."""

    def __new__(cls, operations: tuple[Any, ...], /) -> Self: ...
    def arm(self, callback: Callable[[], object], /) -> tuple[int, Any] | None:
        """Do an operation now, or have the callback called when one has been done."""
    def collect(self) -> tuple[int, Any] | None:
        """Stop waiting; return what was done, or None: it may be armed again."""
    def cancel(self) -> None:
        """Stop waiting, and put back what was received."""
    def delay(self) -> float | None:
        """Return the seconds until the next timer, or None."""

class TimerBase:
    """The part of `Timer` that is C."""

    def __new__(cls, delay: int, period: int | None, at: bool = False, /) -> Self: ...
    def _is_due(self) -> bool: ...
    def _is_spent(self) -> bool: ...

class OneshotSenderBase(Generic[_T]):
    """Sends one message."""

    def send(self, value: _T, /) -> Result[None, Any]:
        """Send the message: Rust's `oneshot::Sender::send`. It consumes the sender.

        Args:
            value: what to send; checked as an argument of `spawn` is.

        Returns:
            `Ok(None)`, or `Err(SendError(value))` when the receiver is gone.

        Raises:
            OwnershipError: the value may not be handed over; the sender is as it was.
            UseAfterMoveError: it has sent already.

        Blocks: no.
        Thread safety: any thread; one call succeeds.

        >>> from pythread_rs.sync import oneshot
        >>> tx, rx = oneshot.channel()
        >>> tx.send(1), rx.recv()
        (Ok(None), Ok(1))
        """
    def drop(self) -> None:
        """Drop this sender now: Rust's `drop(sender)`.

        Blocks: no.
        Thread safety: any thread.
        """
    def is_disconnected(self) -> bool:
        """Tell whether the receiver is gone.

        Blocks: no.
        Thread safety: any thread.
        """

class OneshotReceiverBase(Generic[_T]):
    """Receives one message."""

    def recv(self, *, stop: Any = None) -> Result[_T, Any]:
        """Wait for the message: Rust's `oneshot::Receiver::recv`. It consumes the receiver.

        Args:
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(message)`, or `Err(RecvError())` when the sender went without a message.

        Raises:
            Stopped: the token stopped first; the receiver is as it was.
            UseAfterMoveError: it has received already.
            RuntimeError: it would have to wait, and the interpreter is exiting.

        Blocks: until there is a message, or no sender.
        Thread safety: any thread.

        >>> from pythread_rs.sync import oneshot
        >>> tx, rx = oneshot.channel()
        >>> tx.drop()
        >>> rx.recv()
        Err(RecvError)
        """
    def try_recv(self) -> Result[_T, Any]:
        """Take the message if it is there: Rust's `oneshot::Receiver::try_recv`.

        Returns:
            `Ok(message)`, `Err(TryRecvError.Empty(receiver))`, which holds this receiver, to be
            used again, or `Err(TryRecvError.Disconnected)`.

        Raises:
            UseAfterMoveError: it has received already.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import oneshot
        >>> tx, rx = oneshot.channel()
        >>> rx.try_recv()
        Err(Empty(..))
        >>> tx.send(1), rx.try_recv()
        (Ok(None), Ok(1))
        """
    def recv_timeout(self, timeout: float | timedelta, /, *, stop: Any = None) -> Result[_T, Any]:
        """Wait for the message, no longer than a time: Rust's `oneshot::Receiver::recv_timeout`.

        Args:
            timeout: seconds (float or timedelta).
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(message)`, `Err(RecvTimeoutError.Timeout(receiver))` (a `TimeoutError`), which
            holds this receiver, to be used again, or `Err(RecvTimeoutError.Disconnected)`.

        Raises:
            Stopped, UseAfterMoveError, RuntimeError: as `recv`.

        Blocks: at most `timeout`.
        Thread safety: any thread.

        >>> from pythread_rs.sync import oneshot
        >>> tx, rx = oneshot.channel()
        >>> rx.recv_timeout(0.001)
        Err(Timeout(..))
        """
    def recv_deadline(self, deadline: float, /, *, stop: Any = None) -> Result[_T, Any]:
        """Wait for the message until a time: Rust's `oneshot::Receiver::recv_deadline`.

        Args:
            deadline: seconds of `time.monotonic()`.
            stop: a `StopToken` that ends the wait.

        Returns:
            As `recv_timeout`.

        Raises:
            As `recv_timeout`.

        Blocks: until `deadline` at the latest.
        Thread safety: any thread.

        >>> from pythread_rs.sync import oneshot
        >>> tx, rx = oneshot.channel()
        >>> rx.recv_deadline(0.0)
        Err(Timeout(..))
        """
    def is_ready(self) -> bool:
        """Tell whether the message is there: Rust's `Receiver::is_ready`.

        Blocks: no.
        Thread safety: any thread.
        """
    def drop(self) -> None:
        """Drop this receiver now: Rust's `drop(receiver)`.

        Blocks: no.
        Thread safety: any thread.
        """

def select(
    operations: Sequence[Any],
    timeout: float | timedelta | None,
    stop: Any,
    watches: bool,
    biased: bool,
    /,
) -> Any:
    """Do one of several operations; None when the time is over."""

def set_oneshot_errors(callables: tuple[Callable[..., Any], ...], /) -> None:
    """Take what makes the errors of oneshot channels."""

def set_send_async(make: Callable[[Any], Any], /) -> None:
    """Take what makes `send_async`."""

class _GetItem(Protocol[_K_contra, _T_co]):
    """The type of the None singleton."""

    def __getitem__(self, key: _K_contra, /) -> _T_co: ...

class _Contains(Protocol[_K_contra]):
    """The type of the None singleton."""

    def __contains__(self, item: _K_contra, /) -> bool: ...

class ArcBase(Generic[_T_co]):
    """What every Arc can do."""

    def __init__(self, value: _T_co, /) -> None: ...
    @property
    def value(self) -> _T_co:
        """The content, which all owners share (Rust: `*arc`).

        Raises:
            UseAfterMoveError: the Arc was consumed.

        >>> from pythread_rs.sync import Arc
        >>> Arc(5).value + 1
        6
        """
    def clone(self) -> Self:
        """Make another owner of the same content, which is not copied.

        Another name for an Arc is no other owner: `b = a` counts nothing. A content's own
        `clone` is `arc.value.clone()`.

        Returns:
            An Arc of its own, to be given to another thread.

        Raises:
            UseAfterMoveError: the Arc was consumed.
            OverflowError: there are 2**31 owners.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Arc::clone`.

        >>> from pythread_rs.sync import Arc
        >>> five = Arc(5)
        >>> other = five.clone()
        >>> five.strong_count()
        2
        """
    def downgrade(self) -> Weak[_T_co]:
        """Make a Weak, which leads to the content and does not keep it alive.

        Returns:
            A new Weak.

        Raises:
            UseAfterMoveError: the Arc was consumed.
            OverflowError: there are 2**31 of them.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Arc::downgrade`.

        >>> from pythread_rs.sync import Arc
        >>> five = Arc(5)
        >>> five.downgrade().upgrade()
        5
        """
    def strong_count(self) -> int:
        """Count the owners of the content.

        Other threads may change the number before it is looked at.

        Raises:
            UseAfterMoveError: the Arc was consumed.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Arc::strong_count`.

        >>> from pythread_rs.sync import Arc
        >>> Arc(5).strong_count()
        1
        """
    def weak_count(self) -> int:
        """Count the Weaks that lead to the content.

        Other threads may change the number before it is looked at.

        Raises:
            UseAfterMoveError: the Arc was consumed.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Arc::weak_count`.

        >>> from pythread_rs.sync import Arc
        >>> five = Arc(5)
        >>> weak = five.downgrade()
        >>> five.weak_count()
        1
        """
    def is_unique(self) -> bool:
        """Tell whether this is the only owner, and no Weak is there.

        Raises:
            UseAfterMoveError: the Arc was consumed.

        Blocks: no.
        Thread safety: any thread; who is alone stays alone until he clones.

        Mirrors `Arc::is_unique` (unstable in Rust).

        >>> from pythread_rs.sync import Arc
        >>> Arc(5).is_unique()
        True
        """
    def ptr_eq(self, other: ArcBase[Any], /) -> bool:
        """Tell whether two Arcs own the same content; `==` compares contents.

        Args:
            other: another Arc.

        Returns:
            True for clones of each other.

        Raises:
            UseAfterMoveError: one of them was consumed.
            TypeError: `other` is no Arc.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Arc::ptr_eq`.

        >>> from pythread_rs.sync import Arc
        >>> five = Arc(5)
        >>> five.ptr_eq(five.clone()), five.ptr_eq(Arc(5)), five == Arc(5)
        (True, False, True)
        """
    def into_inner(self) -> _T_co | None:
        """Give up the Arc, and take the content if this was the last owner.

        Of several owners that all call it, exactly one gets the content, whatever the order.
        A content None looks as if there were others: use `try_unwrap` for it.

        Returns:
            The content, or None when there are other owners.

        Raises:
            UseAfterMoveError: the Arc was consumed before.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Arc::into_inner`.

        >>> from pythread_rs.sync import Arc
        >>> five = Arc(5)
        >>> other = five.clone()
        >>> print(five.into_inner(), other.into_inner())
        None 5
        """
    def try_unwrap(self) -> Result[_T_co, Arc[_T_co]]:
        """Take the content out, if this is the only owner.

        The Arc is consumed either way. Weaks do not matter, and lead to nothing afterwards.

        Returns:
            `Ok(content)`, or `Err(arc)` with the Arc, under its new name, when there are others.

        Raises:
            UseAfterMoveError: the Arc was consumed before.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Arc::try_unwrap`.

        >>> from pythread_rs.sync import Arc
        >>> Arc(5).try_unwrap()
        Ok(5)
        """
    @classmethod
    def new_cyclic(cls, data_fn: Callable[[Weak[_T]], _T], /) -> Arc[_T]:
        """Make an Arc whose content has a Weak that leads back to it.

        Args:
            data_fn: called with the Weak, returns the content. Until it has returned, the
                Weak's `upgrade` gives None. The Weak is its own: it may be kept or dropped.

        Returns:
            The Arc.

        Raises:
            NotSendError: the content is not Sync.

        Blocks: only as `data_fn` does.
        Thread safety: any thread.

        Mirrors `Arc::new_cyclic`.

        >>> from pythread_rs.sync import Arc
        >>> loop = Arc.new_cyclic(lambda me: ("me", me))
        >>> loop[1].upgrade().ptr_eq(loop)
        True
        """
    def _arc_hand_over(self) -> Any: ...
    def _arc_replace(self, value: object, /) -> bool: ...
    def _arc_unshare(self, clone: Callable[[Any], Any], /) -> None: ...
    # What is passed on to the content.
    def __getattr__(self, name: str, /) -> Any: ...
    def __call__(self: ArcBase[Callable[_P, _R]], *args: _P.args, **kwargs: _P.kwargs) -> _R: ...
    def __iter__(self: ArcBase[Iterable[_T]]) -> Iterator[_T]: ...
    def __reversed__(self: ArcBase[Reversible[_T]]) -> Iterator[_T]: ...
    def __len__(self: ArcBase[Sized]) -> int: ...
    @overload  # before the other: a sequence takes both
    def __getitem__(
        self: ArcBase[_GetItem[slice[Any, Any, Any], _R]], key: slice[Any, Any, Any], /
    ) -> _R: ...
    @overload
    def __getitem__(self: ArcBase[_GetItem[_K_contra, _R]], key: _K_contra, /) -> _R: ...
    def __contains__(self: ArcBase[_Contains[_K_contra]], item: _K_contra, /) -> bool: ...
    def __enter__(self: ArcBase[AbstractContextManager[_R, Any]]) -> _R: ...
    def __exit__(
        self: ArcBase[AbstractContextManager[Any, _Exit]],
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> _Exit: ...
    def __bool__(self) -> bool: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __lt__(self, other: Any, /) -> bool: ...
    def __le__(self, other: Any, /) -> bool: ...
    def __gt__(self, other: Any, /) -> bool: ...
    def __ge__(self, other: Any, /) -> bool: ...
    def __format__(self, spec: str, /) -> str: ...

class WeakBase(Generic[_T_co]):
    """What every Weak can do."""

    def clone(self) -> Self:
        """Make another Weak that leads to the same content.

        Returns:
            A Weak of its own.

        Raises:
            OverflowError: there are 2**31 of them.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Weak::clone`.

        >>> from pythread_rs.sync import Arc
        >>> five = Arc(5)
        >>> weak = five.downgrade()
        >>> weak.clone().ptr_eq(weak)
        True
        """
    def upgrade(self) -> Arc[_T_co] | None:
        """Make a new owner of the content, if it still has one.

        Compare with `is not None`: an Arc is as true as its content.

        Returns:
            An Arc, or None when the content is gone or not yet there.

        Raises:
            OverflowError: there are 2**31 owners.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Weak::upgrade`.

        >>> from pythread_rs.sync import Arc
        >>> five = Arc(5)
        >>> weak = five.downgrade()
        >>> print(weak.upgrade())
        5
        >>> del five
        >>> print(weak.upgrade())
        None
        """
    def strong_count(self) -> int:
        """Count the owners of the content; 0 when it is gone.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Weak::strong_count`.

        >>> from pythread_rs.sync import Arc, Weak
        >>> five = Arc(5)
        >>> five.downgrade().strong_count(), Weak().strong_count()
        (1, 0)
        """
    def weak_count(self) -> int:
        """Count the Weaks that lead to the content; 0 when it is gone.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Weak::weak_count`.

        >>> from pythread_rs.sync import Arc, Weak
        >>> five = Arc(5)
        >>> five.downgrade().weak_count(), Weak().weak_count()
        (1, 0)
        """
    def ptr_eq(self, other: WeakBase[Any], /) -> bool:
        """Tell whether two Weaks lead to the same content, or were made by `Weak()`.

        Args:
            other: another Weak.

        Returns:
            True for clones of each other, also when the content is gone.

        Raises:
            TypeError: `other` is no Weak.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Weak::ptr_eq`.

        >>> from pythread_rs.sync import Arc, Weak
        >>> Weak().ptr_eq(Weak()), Weak().ptr_eq(Arc(5).downgrade())
        (True, False)
        """

class ScopeBase:
    """A block whose end waits for the packets in its _waiting."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class Moved:
    """A closure that owns what it captures; it runs once."""

    _source: FunctionType | None
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def _give_back(self, closure: list[Any], /) -> None:
        """Undo what own() and move() did."""

class BarrierBase:
    """The part of `Barrier` that is C."""

    def __new__(cls, n: int) -> Self: ...
    def wait(self, *, stop: StopTokenBase | None = None) -> BarrierWaitResult:
        """Wait until as many threads as the barrier is for have called it.

        All that these threads did before happens before any of them goes on. Then the
        barrier starts again from nothing.

        Args:
            stop: a `StopToken` that ends the wait.

        Returns:
            A `BarrierWaitResult`; of each round one thread is the leader, here the one that
            came last.

        Raises:
            Stopped: `stop` was stopped; the thread is no longer counted.
            KeyboardInterrupt: Ctrl-C on the main thread; the same.
            RuntimeError: the interpreter is exiting.

        Blocks: yes, without the GIL; the last one does not.
        Thread safety: any thread.

        Mirrors `std::sync::Barrier::wait`.

        >>> from pythread_rs.sync import Barrier
        >>> Barrier(1).wait().is_leader()
        True
        """
    def wait_timeout(
        self, timeout: float | timedelta, *, stop: StopTokenBase | None = None
    ) -> Result[BarrierWaitResult, WaitTimeoutError]:
        """Wait as `wait` does, but at most `timeout`.

        A thread whose time is over is no longer counted, as if it had never come: the
        others wait on, and the barrier is not broken.

        Args:
            timeout: seconds, or a timedelta; at least 0.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(BarrierWaitResult)`, or `Err(WaitTimeoutError)`.

        Raises:
            ValueError: `timeout` is negative or NaN.
            Stopped, KeyboardInterrupt, RuntimeError: as `wait`.

        Blocks: at most `timeout`, without the GIL.
        Thread safety: any thread.

        Not in Rust, whose barriers wait for ever.

        >>> from pythread_rs.sync import Barrier
        >>> Barrier(2).wait_timeout(0.001)
        Err(WaitTimeoutError('timed out waiting on barrier'))
        """

def set_barrier_results(leader: object, other: object, /) -> None:
    """Hand over what `wait` returns."""

class WaitGroupBase:
    """The part of `WaitGroup` that is C."""

    def clone(self) -> Self:
        """Make one more share, which the waiters wait for, too.

        Raises:
            UseAfterMoveError: `wait` has consumed this share.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Clone` of `crossbeam_utils::sync::WaitGroup`.

        >>> from pythread_rs.sync import WaitGroup
        >>> group = WaitGroup()
        >>> other = group.clone()
        >>> group
        WaitGroup { count: 2 }
        """
    def wait(self, *, stop: StopTokenBase | None = None) -> None:
        """Drop this share and wait until every other one has been dropped.

        Args:
            stop: a `StopToken` that ends the wait.

        Raises:
            UseAfterMoveError: `wait` has consumed this share before.
            Stopped: `stop` was stopped; the share is as it was.
            KeyboardInterrupt: Ctrl-C on the main thread; the same.
            RuntimeError: the interpreter is exiting.

        Blocks: yes, without the GIL.
        Thread safety: any thread. What happened before a share was dropped happens before
        this returns.

        Mirrors `crossbeam_utils::sync::WaitGroup::wait`.

        >>> from pythread_rs.sync import WaitGroup
        >>> WaitGroup().wait()
        """
    def wait_timeout(
        self, timeout: float | timedelta, *, stop: StopTokenBase | None = None
    ) -> Result[None, WaitTimeoutError]:
        """Wait as `wait` does, but at most `timeout`.

        Args:
            timeout: seconds, or a timedelta; at least 0.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(None)`, or `Err(WaitTimeoutError)`: then the share is as it was.

        Raises:
            ValueError: `timeout` is negative or NaN.
            UseAfterMoveError, Stopped, KeyboardInterrupt, RuntimeError: as `wait`.

        Blocks: at most `timeout`, without the GIL.
        Thread safety: any thread.

        Not in Rust's crossbeam, whose groups wait for ever.

        >>> from pythread_rs.sync import WaitGroup
        >>> WaitGroup().wait_timeout(0.001)
        Ok(None)
        """

@final
class Token:
    """What one thread leaves and another takes."""

    def take(self, timeout: int, stop: StopTokenBase | None = None, /) -> bool:
        """Wait at most `timeout` nanoseconds, -1 for ever, and take the token. Return whether
        it was there.
        """
    def put(self) -> None:
        """Leave the token, waking the thread that waits for it."""

class OnceBase:
    """The part of `Once` that is C."""

    def call_once(
        self,
        f: Callable[[], object],
        *,
        timeout: float | timedelta | None = None,
        stop: StopTokenBase | None = None,
    ) -> None:
        """Call a function unless that was done before; wait for whoever does it now.

        When this returns, some function has been called and has ended, and all that it did
        can be seen.

        Args:
            f: what to call, without arguments.
            timeout: seconds to wait at most for another thread's call, or a timedelta; None
                waits for ever. The function itself may take longer.
            stop: a `StopToken` that ends that wait.

        Raises:
            OncePoisonedError: the function of an earlier call raised.
            DeadlockError: the function of this `Once` uses it.
            WaitTimeoutError: another thread's call has not ended in time.
            Stopped: `stop` was stopped.
            BaseException: whatever the function raises; it is poisoned then.

        Blocks: while another thread is at it, without the GIL.
        Thread safety: any thread.

        Mirrors `std::sync::Once::call_once`.

        >>> from pythread_rs.sync import Once
        >>> once = Once()
        >>> once.call_once(lambda: print('once'))
        once
        >>> once.call_once(lambda: print('twice'))
        """
    def call_once_force(
        self,
        f: Callable[[OnceState], object],
        *,
        timeout: float | timedelta | None = None,
        stop: StopTokenBase | None = None,
    ) -> None:
        """Call a function as `call_once` does, even after a function has raised.

        When this returns, a function has been called and has not raised.

        Args:
            f: what to call, with an `OnceState` that tells whether it is poisoned.
            timeout: seconds to wait at most for another thread's call, or a timedelta; None
                waits for ever. The function itself may take longer.
            stop: a `StopToken` that ends that wait.

        Raises:
            DeadlockError: the function of this `Once` uses it.
            WaitTimeoutError: another thread's call has not ended in time.
            Stopped: `stop` was stopped.
            BaseException: whatever the function raises; it is poisoned then.

        Blocks: while another thread is at it, without the GIL.
        Thread safety: any thread.

        Mirrors `std::sync::Once::call_once_force`.

        >>> from pythread_rs.sync import Once
        >>> Once().call_once_force(lambda state: print(state))
        OnceState { poisoned: false }
        """
    def is_completed(self) -> bool:
        """Tell whether a function has been called and has not raised.

        Blocks: no, it is one atomic load.
        Thread safety: any thread.

        Mirrors `std::sync::Once::is_completed`.

        >>> from pythread_rs.sync import Once
        >>> Once().is_completed()
        False
        """
    def _wait(self, force: bool, timeout: int, stop: StopTokenBase | None, /) -> bool:
        """Wait; tell whether it was completed within `timeout` nanoseconds."""

def set_once_states(clean: object, poisoned: object, /) -> None:
    """Hand over what `call_once_force` gives to its function."""

class OnceLockBase(Generic[_T]):
    """The part of `OnceLock` that is C."""

    def get(self) -> _T | None:
        """Return the value, or None if there is none yet.

        Raises:
            UseAfterMoveError: `into_inner` has consumed it.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `std::sync::OnceLock::get`.

        >>> from pythread_rs.sync import OnceLock
        >>> OnceLock().get()
        """
    def is_initialized(self) -> bool:
        """Tell whether there is a value, which may be None.

        Blocks: no, it is one atomic load.
        Thread safety: any thread.

        Mirrors `get().is_some()` of `std::sync::OnceLock`.

        >>> from pythread_rs.sync import OnceLock
        >>> OnceLock().is_initialized()
        False
        """
    def set(self, value: _T, /) -> Result[None, _T]:
        """Put a value in, if there is none; wait for whoever makes one now.

        Returns:
            `Ok(None)`, or `Err(value)` with the value given: there is one already.

        Raises:
            NotSendError: the value is not Sync, so that threads cannot share it.
            DeadlockError: called by the function that makes the value.
            UseAfterMoveError: `into_inner` has consumed it.

        Blocks: while another thread's function runs, without the GIL.
        Thread safety: any thread; one of several succeeds.

        Mirrors `std::sync::OnceLock::set`.

        >>> from pythread_rs.sync import OnceLock
        >>> cell = OnceLock()
        >>> cell.set(92), cell.set(62), cell.get()
        (Ok(None), Err(62), 92)
        """
    def get_or_init(
        self,
        f: Callable[[], _T],
        *,
        timeout: float | timedelta | None = None,
        stop: StopTokenBase | None = None,
    ) -> _T:
        """Return the value; if there is none, one of the callers makes it.

        A function that raises leaves it empty, and the next caller tries.

        Args:
            f: makes the value, called without arguments.
            timeout: seconds to wait at most for another thread's function, or a timedelta; None
                waits for ever.
            stop: a `StopToken` that ends that wait.

        Raises:
            NotSendError: what `f` returned is not Sync.
            DeadlockError: called by the function that makes the value.
            WaitTimeoutError: another thread's function has not ended in time.
            Stopped: `stop` was stopped.
            UseAfterMoveError: `into_inner` has consumed it.
            BaseException: whatever `f` raises.

        Blocks: while another thread's function runs, without the GIL.
        Thread safety: any thread; `f` runs on one.

        Mirrors `std::sync::OnceLock::get_or_init`.

        >>> from pythread_rs.sync import OnceLock
        >>> cell = OnceLock()
        >>> cell.get_or_init(lambda: 92), cell.get_or_init(lambda: 1 / 0)
        (92, 92)
        """
    def wait(self, *, stop: StopTokenBase | None = None) -> _T:
        """Wait until there is a value, and return it.

        Args:
            stop: a `StopToken` that ends the wait.

        Raises:
            Stopped: `stop` was stopped.
            DeadlockError: called by the function that makes the value.
            UseAfterMoveError: `into_inner` has consumed it.
            KeyboardInterrupt: Ctrl-C on the main thread.
            RuntimeError: the interpreter is exiting.

        Blocks: yes, without the GIL.
        Thread safety: any thread.

        Mirrors `std::sync::OnceLock::wait`.

        >>> from pythread_rs.sync import OnceLock
        >>> OnceLock.from_(3).wait()
        3
        """
    def wait_timeout(
        self, timeout: float | timedelta, *, stop: StopTokenBase | None = None
    ) -> Result[_T, WaitTimeoutError]:
        """Wait as `wait` does, but at most `timeout`.

        Args:
            timeout: seconds, or a timedelta; at least 0.
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(value)`, or `Err(WaitTimeoutError)`.

        Raises:
            ValueError: `timeout` is negative or NaN.
            Stopped, DeadlockError, UseAfterMoveError, KeyboardInterrupt, RuntimeError: as
                `wait`.

        Blocks: at most `timeout`, without the GIL.
        Thread safety: any thread.

        Not in Rust, which waits for ever.

        >>> from pythread_rs.sync import OnceLock
        >>> OnceLock().wait_timeout(0.001)
        Err(WaitTimeoutError('timed out waiting on OnceLock'))
        """
    def take(self) -> _T | None:
        """Take the value out, or None if there is none, and start from empty.

        Rust asks for `&mut self`: use it where no other thread uses the lock.

        Raises:
            UseAfterMoveError: `into_inner` has consumed it.

        Blocks: no.
        Thread safety: any thread; one of several gets the value.

        Mirrors `std::sync::OnceLock::take`.

        >>> from pythread_rs.sync import OnceLock
        >>> cell = OnceLock.from_(3)
        >>> cell.take(), cell
        (3, OnceLock(<uninit>))
        """
    def into_inner(self) -> _T | None:
        """Consume the lock; return its value, or None if there is none.

        Raises:
            UseAfterMoveError: it was consumed before.

        Blocks: no.
        Thread safety: any thread; one of several gets the value.

        Mirrors `std::sync::OnceLock::into_inner`.

        >>> from pythread_rs.sync import OnceLock
        >>> OnceLock.from_('hello').into_inner()
        'hello'
        """
    def _replace(self, value: _T, /) -> bool:
        """Put another value in the place of one; tell whether there was one."""

class LazyLockBase(Generic[_T]):
    """The part of `LazyLock` that is C."""

    def __new__(cls, f: Callable[[], _T]) -> Self: ...
    @property
    def value(self) -> _T:
        """The value, which the first reader makes; see `force` (Rust: `Deref`)."""
    def force(
        self,
        *,
        timeout: float | timedelta | None = None,
        stop: StopTokenBase | None = None,
    ) -> _T:
        """Return the value, which the first caller makes.

        Args:
            timeout: seconds to wait at most for another thread that makes it, or a timedelta;
                None waits for ever.
            stop: a `StopToken` that ends that wait.

        Raises:
            OncePoisonedError: the function raised, now or at another caller's time.
            DeadlockError: the function that makes the value reads it.
            NotSendError: what the function returned is not Sync.
            WaitTimeoutError: another thread has not made it in time.
            Stopped: `stop` was stopped.
            UseAfterMoveError: `into_inner` has consumed it.
            BaseException: whatever the function raises, at its caller.

        Blocks: while another thread makes the value, without the GIL.
        Thread safety: any thread; the function runs on one.

        Mirrors `std::sync::LazyLock::force`.

        >>> from pythread_rs.sync import LazyLock
        >>> LazyLock(lambda: 92).force()
        92
        """
    def get(self) -> _T | None:
        """Return the value if it has been made; None if not.

        Raises:
            UseAfterMoveError: `into_inner` has consumed it.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `std::sync::LazyLock::get`.

        >>> from pythread_rs.sync import LazyLock
        >>> LazyLock(lambda: 92).get()
        """
    def is_initialized(self) -> bool:
        """Tell whether the value has been made; it may be None.

        Blocks: no, it is one atomic load.
        Thread safety: any thread.

        Mirrors `get().is_some()` of `std::sync::LazyLock`.

        >>> from pythread_rs.sync import LazyLock
        >>> LazyLock(lambda: 92).is_initialized()
        False
        """
    def into_inner(self) -> Result[_T, Callable[[], _T]]:
        """Consume it, without making the value.

        Returns:
            `Ok(value)` if it has been made, or `Err(f)` with the function.

        Raises:
            OncePoisonedError: the function raised.
            DeadlockError: a thread is making the value.
            UseAfterMoveError: it was consumed before.

        Blocks: no.
        Thread safety: any thread; one of several gets the value.

        Mirrors `std::sync::LazyLock::into_inner` (nightly).

        >>> from pythread_rs.sync import LazyLock
        >>> LazyLock(int).into_inner()
        Err(<class 'int'>)
        """
    def _replace(self, value: _T, /) -> bool:
        """Put another value in the place of one; tell whether there was one."""

class StopTokenBase:
    """The part of `StopToken` that is C."""

    def stop(self) -> None:
        """Stop the token and every child of it, now and for ever; end their waits.

        It returns at once, and a second call does nothing.

        Blocks: no.
        Thread safety: any thread. What happened before this call happens before whatever
        follows from it.

        Not in Rust's std; other libraries call it `cancel`.

        >>> from pythread_rs.sync import StopToken
        >>> token = StopToken()
        >>> token.stop()
        >>> token.is_stopped()
        True
        """
    def is_stopped(self) -> bool:
        """Tell whether the token, or one above it, was stopped.

        Blocks: no, it is one atomic load.
        Thread safety: any thread.

        Not in Rust's std.

        >>> from pythread_rs.sync import StopToken
        >>> StopToken().is_stopped()
        False
        """
    def raise_if_stopped(self) -> None:
        """Raise `Stopped` if the token was stopped: a place where work may end.

        Otherwise it returns at once.

        Raises:
            Stopped: the token, or one above it, was stopped.

        Blocks: no.
        Thread safety: any thread.

        Not in Rust's std.

        >>> from pythread_rs.sync import StopToken
        >>> token = StopToken()
        >>> token.raise_if_stopped()
        >>> token.stop()
        >>> token.raise_if_stopped()
        Traceback (most recent call last):
        pythread_rs.sync.Stopped: the stop token was stopped
        """
    def wait(self, timeout: float | timedelta | None = None) -> bool:
        """Wait until the token is stopped: a sleep that `stop` ends.

        Args:
            timeout: seconds to wait at most, or a timedelta; None waits for ever.

        Returns:
            Whether the token is stopped; False when the time is over.

        Raises:
            ValueError: `timeout` is negative or NaN.
            KeyboardInterrupt: Ctrl-C on the main thread.
            RuntimeError: the interpreter is exiting.

        Blocks: at most `timeout`, without the GIL.
        Thread safety: any thread.

        Not in Rust's std.

        >>> from pythread_rs.sync import StopToken
        >>> StopToken().wait(0.001)
        False
        """
    def child(self) -> Self:
        """Make a token below this one: it is stopped with it, and can be stopped alone.

        Blocks: no.
        Thread safety: any thread.

        Not in Rust's std.

        >>> from pythread_rs.sync import StopToken
        >>> request = StopToken()
        >>> query = request.child()
        >>> query.stop()
        >>> request.is_stopped()
        False
        """

@final
class Emptied:
    """The variables that a handed-over value has left."""

    def _give_back(self, closure: list[Any], /) -> None:
        """Put the values back, which `closure` still holds."""

def own(closure: list[Any], /) -> Any:
    """Let a new thread own `[function, args, kwargs]`; return what undoes it."""

def move(function: Callable[_P, _T], /) -> Callable[_P, _T]:
    """Let a closure own the variables that it captures.

    The closure is copied with variables of its own, and so are the closures that it captures. The
    values go over: a variable of the caller that held one is empty afterwards, and whoever reads it
    gets a NameError at that line. Copy values, immutable ones through and through, and what is made
    for several threads (locks, queues, loggers) stay where they are, too.

    What comes back runs once. When `spawn` refuses it, the values are back in their variables.

    Args:
        f: a function, as an argument or below the decorator `@move`; or another callable, which is
            checked with all that it holds.

    Returns:
        A callable for one call, or for `spawn`.

    Raises:
        TypeError: `f` is not callable.
        UseAfterMoveError: a captured variable is empty, or is read later by the caller. Nothing
            has been moved.

    Blocks: no.
    Thread safety: the variables must be the calling thread's own.

    Mirrors `move || ...`.

    >>> from pythread_rs import spawn
    >>> def total():
    ...     data = [1, 2, 3]
    ...     return spawn(move(lambda: sum(data)))
    >>> total().join()
    Ok(6)
    """

def take(function: Callable[[], _T], /) -> _T:
    """Take the value out of a variable, which is empty afterwards.

    Args:
        f: a lambda that names the variable: `take(lambda: data)`.

    Returns:
        The value. The variable held the only reference, or somebody else holds the value, too.

    Raises:
        TypeError: `f` captures no variable, or several.
        UseAfterMoveError: the variable is empty, or is read later by the caller.
        StaticError: the variable is a global.

    Blocks: no.
    Thread safety: the variable must be the calling thread's own.

    Mirrors a move out of a variable.

    >>> def handed_on():
    ...     data = [1, 2, 3]
    ...     return take(lambda: data)
    >>> handed_on()
    [1, 2, 3]
    """

def examine(
    roots: tuple[Any, ...],
    frames: tuple[tuple[FrameType, frozenset[str]], ...],
    hooks: dict[int, tuple[Any, ...]],
    lent: int = 0,
    /,
) -> tuple[str, list[Any]] | Emptied | None:
    """Return None when all that the roots hold is held by nothing else, or the tuple
    (what is wrong, path to it from a root). What dead variables of the frames held leaves them;
    then the result is what puts it back.
    """

def take_over(value: _T, /) -> _T:
    """Take a value over as `spawn` does an argument, and return it."""

def consume(cls: type, sync: bool, /) -> None:
    """Have a call of the class take its only argument over; `sync`: share it."""

def share(value: _T, /) -> _T:
    """Take a value over as an `Arc` does, and return it."""

def running(frame: FrameType, address: int, /) -> FunctionType | None:
    """Return the function that a frame runs if it is the one at an address, or None."""

def mutable_nodes(objects: Iterable[object], /) -> dict[int, object]:
    """Return a dict, by id, of the mutable objects that can be reached."""

def is_item(value: object, /) -> bool:
    """Tell whether a value is a function without captures, a class, a module or a
    builtin.
    """

def is_frozen(value: object, /) -> bool:
    """Tell whether a value reaches nothing that can be changed."""

def globals_are_fine(function: object, /) -> bool:
    """Tell whether no global that a function names can be changed."""

def empty_cells(function: object, /) -> None:
    """Drop what a moved closure has captured, and its closures, too."""

def is_python_class(type: object, /) -> bool:
    """Tell whether a class was made by a class statement, not in C."""

def set_kind(type: type, kind: int, as_value: int, /) -> None:
    """Remember the kind of a type's instances and of the type as a value."""

def forget_kind(address: int, /) -> None:
    """Forget a type that goes."""

def forget_kinds() -> None:
    """Forget all kinds: the rules have changed."""

def kind_of(object: object, /) -> int:
    """Return the kind of an object."""

def known_kinds() -> int:
    """Return how many kinds are remembered."""

def set_rules(
    classify: Callable[[type], None],
    facts: Callable[[CodeType], tuple[tuple[str, ...], bool]],
    later: Callable[[FunctionType], int],
    refuse: Callable[[Any, str | None, str], None],
    thorough: Callable[[list[Any], Any], Any],
    at_top: Callable[[FunctionType], Any],
    put_back: Callable[[FunctionType, object], None],
    bound: Callable[[object], None],
    dead: Callable[[FrameType], frozenset[str]],
    settled: Callable[[CodeType], frozenset[str]],
    taken: Callable[[list[Any], int, bool], None],
    /,
) -> None:
    """Take the functions that decide what C cannot."""

def locals_of(frame: FrameType, /) -> dict[str, Any]:
    """Return a frame's variables in a dict that the frame does not keep."""

def follow_calls(wanted: bool, /) -> None:
    """Leave every check to Python, which looks at called functions, too."""

# -- Atomics.

def fence(order: Ordering, /) -> None:
    """Order what this thread did before against what it does afterwards.

    Args:
        order: an `Ordering`, stronger than Relaxed.

    Raises:
        TypeError: `order` is no `Ordering`.
        ValueError: it is Relaxed; there is no such thing as a relaxed fence.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `std::sync::atomic::fence`. Returns nothing.

    >>> fence(Ordering.SeqCst)
    """

def compiler_fence(order: Ordering, /) -> None:
    """Do what `fence` does towards signal handlers of the same thread only.

    CPython never reorders what bytecode does, so this is here for the sake of programs that are
    translated from Rust.

    Args:
        order: an `Ordering`, stronger than Relaxed.

    Raises:
        TypeError: `order` is no `Ordering`.
        ValueError: it is Relaxed; there is no such thing as a relaxed compiler fence.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `std::sync::atomic::compiler_fence`. Returns nothing.

    >>> compiler_fence(Ordering.AcqRel)
    """

def spin_loop() -> None:
    """Take one breath in a loop that waits for an atomic to change.

    On a build with the GIL the thread that is waited for may want it, so it is let go for a moment;
    on a free-threaded one the CPU is told that this is a spin loop. Waiting for longer is the
    business of `park`, a lock or a channel.

    Blocks: no; where another thread wants the GIL, until it is back.
    Thread safety: any thread.

    Mirrors `std::hint::spin_loop`. Returns nothing.

    >>> ready = AtomicBool(True)
    >>> while not ready.load():
    ...     spin_loop()
    """

def set_atomics(
    orderings: tuple[Ordering, ...], refuse: Callable[[object, str], NoReturn], /
) -> None:
    """Hand over Relaxed, Release, Acquire, AcqRel, SeqCst, and what raises E0277 for the
    content of an AtomicRef.
    """

@final
class AtomicBool:
    """A boolean that several threads change: Rust's `AtomicBool`.

    Args:
        v: the first value, True or False.

    Methods take `val`, `current` and `new`, which are booleans, too. Where a method takes an order, it is an `Ordering`, and None stands for SeqCst; a `failure`
    that is not given is the `success` without its release part. What a thread did before a store
    with Release has happened for whoever loads the stored value with Acquire.

    It has no truth value and cannot be copied or pickled. As a global it is a static of all
    threads; a closure that is moved shares it with its maker.

    Raises:
        TypeError: an argument is no boolean, or an order no `Ordering`.

    Blocks: no.
    Thread safety: made for any number of threads; each method is one atomic step.

    Mirrors `std::sync::atomic::AtomicBool`. There is no `get_mut`: nothing proves to Python that
    nobody else looks; use `store`.

    >>> ready = AtomicBool()
    >>> ready.store(True, Ordering.Release)
    >>> ready.load(Ordering.Acquire)
    True
    """

    def __init__(self, v: bool = False, /) -> None: ...
    def load(self, order: Ordering | None = None) -> bool:
        """Return the value: Rust's `load`.

        Raises:
            ValueError: `order` is Release or AcqRel.

        >>> AtomicBool(True).load()
        True
        """
    def store(self, val: bool, order: Ordering | None = None) -> None:
        """Store a value and return nothing: Rust's `store`.

        Raises:
            ValueError: `order` is Acquire or AcqRel.

        >>> atomic = AtomicBool(True)
        >>> atomic.store(False)
        >>> atomic.load()
        False
        """
    def swap(self, val: bool, order: Ordering | None = None) -> bool:
        """Store a value and return the one before: Rust's `swap`.

        >>> atomic = AtomicBool(True)
        >>> atomic.swap(False), atomic.load()
        (True, False)
        """
    def compare_exchange(
        self,
        current: bool,
        new: bool,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[bool, bool]:
        """Store `new` if the value is `current`: Rust's `compare_exchange`.

        Returns:
            `Ok` of the value before, or `Err` of the value, which is another one and stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicBool(True)
        >>> atomic.compare_exchange(True, False)
        Ok(True)
        >>> atomic.compare_exchange(True, False)
        Err(False)
        """
    def compare_exchange_weak(
        self,
        current: bool,
        new: bool,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[bool, bool]:
        """Do what `compare_exchange` does, or fail for no reason: Rust's `compare_exchange_weak`.

        For loops that try again anyhow.

        Returns:
            `Ok` of the value before, or `Err` of the value, which stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicBool(True)
        >>> while atomic.compare_exchange_weak(True, False).is_err():
        ...     pass
        >>> atomic.load()
        False
        """
    def fetch_and(self, val: bool, order: Ordering | None = None) -> bool:
        """Store `value and val` and return the value before: Rust's `fetch_and`.

        >>> atomic = AtomicBool(True)
        >>> atomic.fetch_and(False), atomic.load()
        (True, False)
        """
    def fetch_nand(self, val: bool, order: Ordering | None = None) -> bool:
        """Store `not (value and val)` and return the value before: Rust's `fetch_nand`.

        >>> atomic = AtomicBool(True)
        >>> atomic.fetch_nand(True), atomic.load()
        (True, False)
        """
    def fetch_or(self, val: bool, order: Ordering | None = None) -> bool:
        """Store `value or val` and return the value before: Rust's `fetch_or`.

        >>> atomic = AtomicBool(False)
        >>> atomic.fetch_or(True), atomic.load()
        (False, True)
        """
    def fetch_xor(self, val: bool, order: Ordering | None = None) -> bool:
        """Store `value != val` and return the value before: Rust's `fetch_xor`.

        >>> atomic = AtomicBool(True)
        >>> atomic.fetch_xor(True), atomic.load()
        (True, False)
        """
    def fetch_not(self, order: Ordering | None = None) -> bool:
        """Flip the value and return the one before: Rust's `fetch_not`.

        >>> atomic = AtomicBool(True)
        >>> atomic.fetch_not(), atomic.load()
        (True, False)
        """
    def fetch_update(
        self,
        f: Callable[[bool], bool | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[bool, bool]:
        """Replace the value by what `f` makes of it: Rust's `fetch_update`.

        The same as `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicBool(True)
        >>> atomic.fetch_update(lambda v: not v), atomic.load()
        (Ok(True), False)
        """
    def try_update(
        self,
        f: Callable[[bool], bool | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[bool, bool]:
        """Replace the value by what `f` makes of it: Rust's `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicBool(True)
        >>> atomic.try_update(lambda v: not v), atomic.load()
        (Ok(True), False)
        """
    def update(
        self,
        f: Callable[[bool], bool],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> bool:
        """Replace the value by what `f` makes of it, and return the one before: Rust's `update`.

        Args:
            f: gets the value and returns the new one. It is called again when another thread was
                faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicBool(True)
        >>> atomic.update(lambda v: not v), atomic.load()
        (True, False)
        """
    def into_inner(self) -> bool:
        """Return the value when no other thread uses the atomic any more: Rust's `into_inner`.

        The atomic stays as it is: Python cannot know who else holds it.

        >>> AtomicBool(True).into_inner()
        True
        """
    def __bool__(self) -> NoReturn: ...
    def __reduce__(self) -> NoReturn: ...

@final
class AtomicI64:
    """An integer of 64 bits that several threads change: Rust's `AtomicI64`.

    Arithmetic wraps around, as in Rust: it is done modulo 2**64. An argument that is no `i64`
    is an OverflowError, as it is a compile-time error in Rust.

    Args:
        v: the first value, `-9223372036854775808..=9223372036854775807`.

    Methods take `val`, `current` and `new` of the same range. Where a method takes an order, it is an `Ordering`, and None stands for SeqCst; a `failure`
    that is not given is the `success` without its release part. What a thread did before a store
    with Release has happened for whoever loads the stored value with Acquire.

    It has no truth value and cannot be copied or pickled. As a global it is a static of all
    threads; a closure that is moved shares it with its maker.

    Raises:
        TypeError: an argument is no integer, or an order no `Ordering`.
        OverflowError: an integer is out of range.

    Blocks: no.
    Thread safety: made for any number of threads; each method is one atomic step.

    Mirrors `std::sync::atomic::AtomicI64`. There is no `get_mut`: nothing proves to Python that nobody
    else looks; use `store`.

    >>> from pythread_rs import spawn
    >>> counter = AtomicI64()
    >>> handles = [spawn(counter.fetch_add, 1) for _ in range(4)]
    >>> [handle.join().is_ok() for handle in handles], counter
    ([True, True, True, True], 4)
    """

    def __init__(self, v: int = 0, /) -> None: ...
    def load(self, order: Ordering | None = None) -> int:
        """Return the value: Rust's `load`.

        Raises:
            ValueError: `order` is Release or AcqRel.

        >>> AtomicI64(5).load()
        5
        """
    def store(self, val: int, order: Ordering | None = None) -> None:
        """Store a value and return nothing: Rust's `store`.

        Raises:
            ValueError: `order` is Acquire or AcqRel.

        >>> atomic = AtomicI64(5)
        >>> atomic.store(6)
        >>> atomic.load()
        6
        """
    def swap(self, val: int, order: Ordering | None = None) -> int:
        """Store a value and return the one before: Rust's `swap`.

        >>> atomic = AtomicI64(5)
        >>> atomic.swap(6), atomic.load()
        (5, 6)
        """
    def compare_exchange(
        self,
        current: int,
        new: int,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[int, int]:
        """Store `new` if the value is `current`: Rust's `compare_exchange`.

        Returns:
            `Ok` of the value before, or `Err` of the value, which is another one and stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicI64(5)
        >>> atomic.compare_exchange(5, 6)
        Ok(5)
        >>> atomic.compare_exchange(5, 6)
        Err(6)
        """
    def compare_exchange_weak(
        self,
        current: int,
        new: int,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[int, int]:
        """Do what `compare_exchange` does, or fail for no reason: Rust's `compare_exchange_weak`.

        For loops that try again anyhow.

        Returns:
            `Ok` of the value before, or `Err` of the value, which stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicI64(5)
        >>> while atomic.compare_exchange_weak(5, 6).is_err():
        ...     pass
        >>> atomic.load()
        6
        """
    def fetch_add(self, val: int, order: Ordering | None = None) -> int:
        """Add, wrapping around, and return the value before: Rust's `fetch_add`.

        >>> atomic = AtomicI64(5)
        >>> atomic.fetch_add(2), atomic.load()
        (5, 7)
        """
    def fetch_sub(self, val: int, order: Ordering | None = None) -> int:
        """Subtract, wrapping around, and return the value before: Rust's `fetch_sub`.

        >>> atomic = AtomicI64(5)
        >>> atomic.fetch_sub(2), atomic.load()
        (5, 3)
        """
    def fetch_and(self, val: int, order: Ordering | None = None) -> int:
        """Keep the bits that `val` has, too, and return the value before: Rust's `fetch_and`.

        >>> atomic = AtomicI64(5)
        >>> atomic.fetch_and(6), atomic.load()
        (5, 4)
        """
    def fetch_nand(self, val: int, order: Ordering | None = None) -> int:
        """Store `~(value & val)` and return the value before: Rust's `fetch_nand`.

        >>> atomic = AtomicI64(5)
        >>> atomic.fetch_nand(4), atomic.load()
        (5, -5)
        """
    def fetch_or(self, val: int, order: Ordering | None = None) -> int:
        """Add the bits of `val` and return the value before: Rust's `fetch_or`.

        >>> atomic = AtomicI64(5)
        >>> atomic.fetch_or(6), atomic.load()
        (5, 7)
        """
    def fetch_xor(self, val: int, order: Ordering | None = None) -> int:
        """Flip the bits of `val` and return the value before: Rust's `fetch_xor`.

        >>> atomic = AtomicI64(5)
        >>> atomic.fetch_xor(6), atomic.load()
        (5, 3)
        """
    def fetch_max(self, val: int, order: Ordering | None = None) -> int:
        """Store the larger of the value and `val` and return the value before: Rust's `fetch_max`.

        >>> atomic = AtomicI64(5)
        >>> atomic.fetch_max(6), atomic.load()
        (5, 6)
        """
    def fetch_min(self, val: int, order: Ordering | None = None) -> int:
        """Store the smaller of the value and `val` and return the value before: Rust's `fetch_min`.

        >>> atomic = AtomicI64(5)
        >>> atomic.fetch_min(4), atomic.load()
        (5, 4)
        """
    def fetch_update(
        self,
        f: Callable[[int], int | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[int, int]:
        """Replace the value by what `f` makes of it: Rust's `fetch_update`.

        The same as `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicI64(5)
        >>> atomic.fetch_update(lambda v: v * 2), atomic.load()
        (Ok(5), 10)
        """
    def try_update(
        self,
        f: Callable[[int], int | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[int, int]:
        """Replace the value by what `f` makes of it: Rust's `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicI64(5)
        >>> atomic.try_update(lambda v: v * 2), atomic.load()
        (Ok(5), 10)
        """
    def update(
        self,
        f: Callable[[int], int],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> int:
        """Replace the value by what `f` makes of it, and return the one before: Rust's `update`.

        Args:
            f: gets the value and returns the new one. It is called again when another thread was
                faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicI64(5)
        >>> atomic.update(lambda v: v * 2), atomic.load()
        (5, 10)
        """
    def into_inner(self) -> int:
        """Return the value when no other thread uses the atomic any more: Rust's `into_inner`.

        The atomic stays as it is: Python cannot know who else holds it.

        >>> AtomicI64(5).into_inner()
        5
        """
    def __bool__(self) -> NoReturn: ...
    def __reduce__(self) -> NoReturn: ...

@final
class AtomicU64:
    """An integer of 64 bits, without a sign, that several threads change: Rust's `AtomicU64`.

    Arithmetic wraps around, as in Rust: it is done modulo 2**64. An argument that is no `u64`
    is an OverflowError, as it is a compile-time error in Rust.

    Args:
        v: the first value, `0..=18446744073709551615`.

    Methods take `val`, `current` and `new` of the same range. Where a method takes an order, it is an `Ordering`, and None stands for SeqCst; a `failure`
    that is not given is the `success` without its release part. What a thread did before a store
    with Release has happened for whoever loads the stored value with Acquire.

    It has no truth value and cannot be copied or pickled. As a global it is a static of all
    threads; a closure that is moved shares it with its maker.

    Raises:
        TypeError: an argument is no integer, or an order no `Ordering`.
        OverflowError: an integer is out of range.

    Blocks: no.
    Thread safety: made for any number of threads; each method is one atomic step.

    Mirrors `std::sync::atomic::AtomicU64`. There is no `get_mut`: nothing proves to Python that nobody
    else looks; use `store`.

    >>> from pythread_rs import spawn
    >>> counter = AtomicU64()
    >>> handles = [spawn(counter.fetch_add, 1) for _ in range(4)]
    >>> [handle.join().is_ok() for handle in handles], counter
    ([True, True, True, True], 4)
    """

    def __init__(self, v: int = 0, /) -> None: ...
    def load(self, order: Ordering | None = None) -> int:
        """Return the value: Rust's `load`.

        Raises:
            ValueError: `order` is Release or AcqRel.

        >>> AtomicU64(5).load()
        5
        """
    def store(self, val: int, order: Ordering | None = None) -> None:
        """Store a value and return nothing: Rust's `store`.

        Raises:
            ValueError: `order` is Acquire or AcqRel.

        >>> atomic = AtomicU64(5)
        >>> atomic.store(6)
        >>> atomic.load()
        6
        """
    def swap(self, val: int, order: Ordering | None = None) -> int:
        """Store a value and return the one before: Rust's `swap`.

        >>> atomic = AtomicU64(5)
        >>> atomic.swap(6), atomic.load()
        (5, 6)
        """
    def compare_exchange(
        self,
        current: int,
        new: int,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[int, int]:
        """Store `new` if the value is `current`: Rust's `compare_exchange`.

        Returns:
            `Ok` of the value before, or `Err` of the value, which is another one and stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicU64(5)
        >>> atomic.compare_exchange(5, 6)
        Ok(5)
        >>> atomic.compare_exchange(5, 6)
        Err(6)
        """
    def compare_exchange_weak(
        self,
        current: int,
        new: int,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[int, int]:
        """Do what `compare_exchange` does, or fail for no reason: Rust's `compare_exchange_weak`.

        For loops that try again anyhow.

        Returns:
            `Ok` of the value before, or `Err` of the value, which stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicU64(5)
        >>> while atomic.compare_exchange_weak(5, 6).is_err():
        ...     pass
        >>> atomic.load()
        6
        """
    def fetch_add(self, val: int, order: Ordering | None = None) -> int:
        """Add, wrapping around, and return the value before: Rust's `fetch_add`.

        >>> atomic = AtomicU64(5)
        >>> atomic.fetch_add(2), atomic.load()
        (5, 7)
        """
    def fetch_sub(self, val: int, order: Ordering | None = None) -> int:
        """Subtract, wrapping around, and return the value before: Rust's `fetch_sub`.

        >>> atomic = AtomicU64(5)
        >>> atomic.fetch_sub(2), atomic.load()
        (5, 3)
        """
    def fetch_and(self, val: int, order: Ordering | None = None) -> int:
        """Keep the bits that `val` has, too, and return the value before: Rust's `fetch_and`.

        >>> atomic = AtomicU64(5)
        >>> atomic.fetch_and(6), atomic.load()
        (5, 4)
        """
    def fetch_nand(self, val: int, order: Ordering | None = None) -> int:
        """Store `~(value & val)` and return the value before: Rust's `fetch_nand`.

        >>> atomic = AtomicU64(5)
        >>> atomic.fetch_nand(4), atomic.load()
        (5, 18446744073709551611)
        """
    def fetch_or(self, val: int, order: Ordering | None = None) -> int:
        """Add the bits of `val` and return the value before: Rust's `fetch_or`.

        >>> atomic = AtomicU64(5)
        >>> atomic.fetch_or(6), atomic.load()
        (5, 7)
        """
    def fetch_xor(self, val: int, order: Ordering | None = None) -> int:
        """Flip the bits of `val` and return the value before: Rust's `fetch_xor`.

        >>> atomic = AtomicU64(5)
        >>> atomic.fetch_xor(6), atomic.load()
        (5, 3)
        """
    def fetch_max(self, val: int, order: Ordering | None = None) -> int:
        """Store the larger of the value and `val` and return the value before: Rust's `fetch_max`.

        >>> atomic = AtomicU64(5)
        >>> atomic.fetch_max(6), atomic.load()
        (5, 6)
        """
    def fetch_min(self, val: int, order: Ordering | None = None) -> int:
        """Store the smaller of the value and `val` and return the value before: Rust's `fetch_min`.

        >>> atomic = AtomicU64(5)
        >>> atomic.fetch_min(4), atomic.load()
        (5, 4)
        """
    def fetch_update(
        self,
        f: Callable[[int], int | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[int, int]:
        """Replace the value by what `f` makes of it: Rust's `fetch_update`.

        The same as `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicU64(5)
        >>> atomic.fetch_update(lambda v: v * 2), atomic.load()
        (Ok(5), 10)
        """
    def try_update(
        self,
        f: Callable[[int], int | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[int, int]:
        """Replace the value by what `f` makes of it: Rust's `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicU64(5)
        >>> atomic.try_update(lambda v: v * 2), atomic.load()
        (Ok(5), 10)
        """
    def update(
        self,
        f: Callable[[int], int],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> int:
        """Replace the value by what `f` makes of it, and return the one before: Rust's `update`.

        Args:
            f: gets the value and returns the new one. It is called again when another thread was
                faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicU64(5)
        >>> atomic.update(lambda v: v * 2), atomic.load()
        (5, 10)
        """
    def into_inner(self) -> int:
        """Return the value when no other thread uses the atomic any more: Rust's `into_inner`.

        The atomic stays as it is: Python cannot know who else holds it.

        >>> AtomicU64(5).into_inner()
        5
        """
    def __bool__(self) -> NoReturn: ...
    def __reduce__(self) -> NoReturn: ...

@final
class AtomicIsize:
    """An integer of 64 bits, on every platform, that several threads change: Rust's `AtomicIsize`.

    Arithmetic wraps around, as in Rust: it is done modulo 2**64. An argument that is no `isize`
    is an OverflowError, as it is a compile-time error in Rust.

    Args:
        v: the first value, `-9223372036854775808..=9223372036854775807`.

    Methods take `val`, `current` and `new` of the same range. Where a method takes an order, it is an `Ordering`, and None stands for SeqCst; a `failure`
    that is not given is the `success` without its release part. What a thread did before a store
    with Release has happened for whoever loads the stored value with Acquire.

    It has no truth value and cannot be copied or pickled. As a global it is a static of all
    threads; a closure that is moved shares it with its maker.

    Raises:
        TypeError: an argument is no integer, or an order no `Ordering`.
        OverflowError: an integer is out of range.

    Blocks: no.
    Thread safety: made for any number of threads; each method is one atomic step.

    Mirrors `std::sync::atomic::AtomicIsize`. There is no `get_mut`: nothing proves to Python that nobody
    else looks; use `store`.

    >>> from pythread_rs import spawn
    >>> counter = AtomicIsize()
    >>> handles = [spawn(counter.fetch_add, 1) for _ in range(4)]
    >>> [handle.join().is_ok() for handle in handles], counter
    ([True, True, True, True], 4)
    """

    def __init__(self, v: int = 0, /) -> None: ...
    def load(self, order: Ordering | None = None) -> int:
        """Return the value: Rust's `load`.

        Raises:
            ValueError: `order` is Release or AcqRel.

        >>> AtomicIsize(5).load()
        5
        """
    def store(self, val: int, order: Ordering | None = None) -> None:
        """Store a value and return nothing: Rust's `store`.

        Raises:
            ValueError: `order` is Acquire or AcqRel.

        >>> atomic = AtomicIsize(5)
        >>> atomic.store(6)
        >>> atomic.load()
        6
        """
    def swap(self, val: int, order: Ordering | None = None) -> int:
        """Store a value and return the one before: Rust's `swap`.

        >>> atomic = AtomicIsize(5)
        >>> atomic.swap(6), atomic.load()
        (5, 6)
        """
    def compare_exchange(
        self,
        current: int,
        new: int,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[int, int]:
        """Store `new` if the value is `current`: Rust's `compare_exchange`.

        Returns:
            `Ok` of the value before, or `Err` of the value, which is another one and stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicIsize(5)
        >>> atomic.compare_exchange(5, 6)
        Ok(5)
        >>> atomic.compare_exchange(5, 6)
        Err(6)
        """
    def compare_exchange_weak(
        self,
        current: int,
        new: int,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[int, int]:
        """Do what `compare_exchange` does, or fail for no reason: Rust's `compare_exchange_weak`.

        For loops that try again anyhow.

        Returns:
            `Ok` of the value before, or `Err` of the value, which stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicIsize(5)
        >>> while atomic.compare_exchange_weak(5, 6).is_err():
        ...     pass
        >>> atomic.load()
        6
        """
    def fetch_add(self, val: int, order: Ordering | None = None) -> int:
        """Add, wrapping around, and return the value before: Rust's `fetch_add`.

        >>> atomic = AtomicIsize(5)
        >>> atomic.fetch_add(2), atomic.load()
        (5, 7)
        """
    def fetch_sub(self, val: int, order: Ordering | None = None) -> int:
        """Subtract, wrapping around, and return the value before: Rust's `fetch_sub`.

        >>> atomic = AtomicIsize(5)
        >>> atomic.fetch_sub(2), atomic.load()
        (5, 3)
        """
    def fetch_and(self, val: int, order: Ordering | None = None) -> int:
        """Keep the bits that `val` has, too, and return the value before: Rust's `fetch_and`.

        >>> atomic = AtomicIsize(5)
        >>> atomic.fetch_and(6), atomic.load()
        (5, 4)
        """
    def fetch_nand(self, val: int, order: Ordering | None = None) -> int:
        """Store `~(value & val)` and return the value before: Rust's `fetch_nand`.

        >>> atomic = AtomicIsize(5)
        >>> atomic.fetch_nand(4), atomic.load()
        (5, -5)
        """
    def fetch_or(self, val: int, order: Ordering | None = None) -> int:
        """Add the bits of `val` and return the value before: Rust's `fetch_or`.

        >>> atomic = AtomicIsize(5)
        >>> atomic.fetch_or(6), atomic.load()
        (5, 7)
        """
    def fetch_xor(self, val: int, order: Ordering | None = None) -> int:
        """Flip the bits of `val` and return the value before: Rust's `fetch_xor`.

        >>> atomic = AtomicIsize(5)
        >>> atomic.fetch_xor(6), atomic.load()
        (5, 3)
        """
    def fetch_max(self, val: int, order: Ordering | None = None) -> int:
        """Store the larger of the value and `val` and return the value before: Rust's `fetch_max`.

        >>> atomic = AtomicIsize(5)
        >>> atomic.fetch_max(6), atomic.load()
        (5, 6)
        """
    def fetch_min(self, val: int, order: Ordering | None = None) -> int:
        """Store the smaller of the value and `val` and return the value before: Rust's `fetch_min`.

        >>> atomic = AtomicIsize(5)
        >>> atomic.fetch_min(4), atomic.load()
        (5, 4)
        """
    def fetch_update(
        self,
        f: Callable[[int], int | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[int, int]:
        """Replace the value by what `f` makes of it: Rust's `fetch_update`.

        The same as `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicIsize(5)
        >>> atomic.fetch_update(lambda v: v * 2), atomic.load()
        (Ok(5), 10)
        """
    def try_update(
        self,
        f: Callable[[int], int | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[int, int]:
        """Replace the value by what `f` makes of it: Rust's `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicIsize(5)
        >>> atomic.try_update(lambda v: v * 2), atomic.load()
        (Ok(5), 10)
        """
    def update(
        self,
        f: Callable[[int], int],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> int:
        """Replace the value by what `f` makes of it, and return the one before: Rust's `update`.

        Args:
            f: gets the value and returns the new one. It is called again when another thread was
                faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicIsize(5)
        >>> atomic.update(lambda v: v * 2), atomic.load()
        (5, 10)
        """
    def into_inner(self) -> int:
        """Return the value when no other thread uses the atomic any more: Rust's `into_inner`.

        The atomic stays as it is: Python cannot know who else holds it.

        >>> AtomicIsize(5).into_inner()
        5
        """
    def __bool__(self) -> NoReturn: ...
    def __reduce__(self) -> NoReturn: ...

@final
class AtomicUsize:
    """An integer of 64 bits, on every platform, without a sign, that several threads change: Rust's `AtomicUsize`.

    Arithmetic wraps around, as in Rust: it is done modulo 2**64. An argument that is no `usize`
    is an OverflowError, as it is a compile-time error in Rust.

    Args:
        v: the first value, `0..=18446744073709551615`.

    Methods take `val`, `current` and `new` of the same range. Where a method takes an order, it is an `Ordering`, and None stands for SeqCst; a `failure`
    that is not given is the `success` without its release part. What a thread did before a store
    with Release has happened for whoever loads the stored value with Acquire.

    It has no truth value and cannot be copied or pickled. As a global it is a static of all
    threads; a closure that is moved shares it with its maker.

    Raises:
        TypeError: an argument is no integer, or an order no `Ordering`.
        OverflowError: an integer is out of range.

    Blocks: no.
    Thread safety: made for any number of threads; each method is one atomic step.

    Mirrors `std::sync::atomic::AtomicUsize`. There is no `get_mut`: nothing proves to Python that nobody
    else looks; use `store`.

    >>> from pythread_rs import spawn
    >>> counter = AtomicUsize()
    >>> handles = [spawn(counter.fetch_add, 1) for _ in range(4)]
    >>> [handle.join().is_ok() for handle in handles], counter
    ([True, True, True, True], 4)
    """

    def __init__(self, v: int = 0, /) -> None: ...
    def load(self, order: Ordering | None = None) -> int:
        """Return the value: Rust's `load`.

        Raises:
            ValueError: `order` is Release or AcqRel.

        >>> AtomicUsize(5).load()
        5
        """
    def store(self, val: int, order: Ordering | None = None) -> None:
        """Store a value and return nothing: Rust's `store`.

        Raises:
            ValueError: `order` is Acquire or AcqRel.

        >>> atomic = AtomicUsize(5)
        >>> atomic.store(6)
        >>> atomic.load()
        6
        """
    def swap(self, val: int, order: Ordering | None = None) -> int:
        """Store a value and return the one before: Rust's `swap`.

        >>> atomic = AtomicUsize(5)
        >>> atomic.swap(6), atomic.load()
        (5, 6)
        """
    def compare_exchange(
        self,
        current: int,
        new: int,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[int, int]:
        """Store `new` if the value is `current`: Rust's `compare_exchange`.

        Returns:
            `Ok` of the value before, or `Err` of the value, which is another one and stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicUsize(5)
        >>> atomic.compare_exchange(5, 6)
        Ok(5)
        >>> atomic.compare_exchange(5, 6)
        Err(6)
        """
    def compare_exchange_weak(
        self,
        current: int,
        new: int,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[int, int]:
        """Do what `compare_exchange` does, or fail for no reason: Rust's `compare_exchange_weak`.

        For loops that try again anyhow.

        Returns:
            `Ok` of the value before, or `Err` of the value, which stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicUsize(5)
        >>> while atomic.compare_exchange_weak(5, 6).is_err():
        ...     pass
        >>> atomic.load()
        6
        """
    def fetch_add(self, val: int, order: Ordering | None = None) -> int:
        """Add, wrapping around, and return the value before: Rust's `fetch_add`.

        >>> atomic = AtomicUsize(5)
        >>> atomic.fetch_add(2), atomic.load()
        (5, 7)
        """
    def fetch_sub(self, val: int, order: Ordering | None = None) -> int:
        """Subtract, wrapping around, and return the value before: Rust's `fetch_sub`.

        >>> atomic = AtomicUsize(5)
        >>> atomic.fetch_sub(2), atomic.load()
        (5, 3)
        """
    def fetch_and(self, val: int, order: Ordering | None = None) -> int:
        """Keep the bits that `val` has, too, and return the value before: Rust's `fetch_and`.

        >>> atomic = AtomicUsize(5)
        >>> atomic.fetch_and(6), atomic.load()
        (5, 4)
        """
    def fetch_nand(self, val: int, order: Ordering | None = None) -> int:
        """Store `~(value & val)` and return the value before: Rust's `fetch_nand`.

        >>> atomic = AtomicUsize(5)
        >>> atomic.fetch_nand(4), atomic.load()
        (5, 18446744073709551611)
        """
    def fetch_or(self, val: int, order: Ordering | None = None) -> int:
        """Add the bits of `val` and return the value before: Rust's `fetch_or`.

        >>> atomic = AtomicUsize(5)
        >>> atomic.fetch_or(6), atomic.load()
        (5, 7)
        """
    def fetch_xor(self, val: int, order: Ordering | None = None) -> int:
        """Flip the bits of `val` and return the value before: Rust's `fetch_xor`.

        >>> atomic = AtomicUsize(5)
        >>> atomic.fetch_xor(6), atomic.load()
        (5, 3)
        """
    def fetch_max(self, val: int, order: Ordering | None = None) -> int:
        """Store the larger of the value and `val` and return the value before: Rust's `fetch_max`.

        >>> atomic = AtomicUsize(5)
        >>> atomic.fetch_max(6), atomic.load()
        (5, 6)
        """
    def fetch_min(self, val: int, order: Ordering | None = None) -> int:
        """Store the smaller of the value and `val` and return the value before: Rust's `fetch_min`.

        >>> atomic = AtomicUsize(5)
        >>> atomic.fetch_min(4), atomic.load()
        (5, 4)
        """
    def fetch_update(
        self,
        f: Callable[[int], int | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[int, int]:
        """Replace the value by what `f` makes of it: Rust's `fetch_update`.

        The same as `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicUsize(5)
        >>> atomic.fetch_update(lambda v: v * 2), atomic.load()
        (Ok(5), 10)
        """
    def try_update(
        self,
        f: Callable[[int], int | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[int, int]:
        """Replace the value by what `f` makes of it: Rust's `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicUsize(5)
        >>> atomic.try_update(lambda v: v * 2), atomic.load()
        (Ok(5), 10)
        """
    def update(
        self,
        f: Callable[[int], int],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> int:
        """Replace the value by what `f` makes of it, and return the one before: Rust's `update`.

        Args:
            f: gets the value and returns the new one. It is called again when another thread was
                faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicUsize(5)
        >>> atomic.update(lambda v: v * 2), atomic.load()
        (5, 10)
        """
    def into_inner(self) -> int:
        """Return the value when no other thread uses the atomic any more: Rust's `into_inner`.

        The atomic stays as it is: Python cannot know who else holds it.

        >>> AtomicUsize(5).into_inner()
        5
        """
    def __bool__(self) -> NoReturn: ...
    def __reduce__(self) -> NoReturn: ...

@final
class AtomicRef(Generic[_T]):
    """A reference on one object, which several threads exchange: Rust's `AtomicPtr`.

    The object must be Sync: Copy, frozen, or made for several threads. Two objects are the same
    when `is` says so, whatever `==` says; equal numbers and strings may be two objects.

    Args:
        p: the first object.

    Methods take `val` and `new`, which must be Sync, and `current`, any object. Where a method takes an order, it is an `Ordering`, and None stands for SeqCst; a `failure`
    that is not given is the `success` without its release part. What a thread did before a store
    with Release has happened for whoever loads the stored value with Acquire.

    It has no truth value and cannot be copied or pickled. As a global it is a static of all
    threads; a closure that is moved shares it with its maker.

    Raises:
        TypeError: an order is no `Ordering`.
        NotSendError: an object is not Sync; nothing has changed.

    Blocks: no.
    Thread safety: made for any number of threads; each method is one atomic step.

    Mirrors `std::sync::atomic::AtomicPtr`, without arithmetic of addresses; what it leads to is
    kept alive, as by the crate `arc-swap`. There is no `get_mut`: use `store`.

    >>> settings = AtomicRef(("localhost", 80))
    >>> settings.swap(("localhost", 8080))
    ('localhost', 80)
    >>> settings.load()
    ('localhost', 8080)
    """

    @overload
    def __init__(self: AtomicRef[None]) -> None: ...
    @overload
    def __init__(self, p: _T, /) -> None: ...
    def load(self, order: Ordering | None = None) -> _T:
        """Return the value: Rust's `load`.

        Raises:
            ValueError: `order` is Release or AcqRel.

        >>> AtomicRef('a').load()
        'a'
        """
    def store(self, val: _T, order: Ordering | None = None) -> None:
        """Store a value and return nothing: Rust's `store`.

        Raises:
            ValueError: `order` is Acquire or AcqRel.

        >>> atomic = AtomicRef('a')
        >>> atomic.store('b')
        >>> atomic.load()
        'b'
        """
    def swap(self, val: _T, order: Ordering | None = None) -> _T:
        """Store a value and return the one before: Rust's `swap`.

        >>> atomic = AtomicRef('a')
        >>> atomic.swap('b'), atomic.load()
        ('a', 'b')
        """
    def compare_exchange(
        self,
        current: object,
        new: _T,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[_T, _T]:
        """Store `new` if the value is `current`: Rust's `compare_exchange`.

        Both are compared by identity.

        Returns:
            `Ok` of the value before, or `Err` of the value, which is another one and stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicRef('a')
        >>> atomic.compare_exchange('a', 'b')
        Ok('a')
        >>> atomic.compare_exchange('a', 'b')
        Err('b')
        """
    def compare_exchange_weak(
        self,
        current: object,
        new: _T,
        success: Ordering | None = None,
        failure: Ordering | None = None,
    ) -> Result[_T, _T]:
        """Do what `compare_exchange` does, or fail for no reason: Rust's `compare_exchange_weak`.

        For loops that try again anyhow.

        Returns:
            `Ok` of the value before, or `Err` of the value, which stays.

        Raises:
            ValueError: `failure` is Release or AcqRel.

        >>> atomic = AtomicRef('a')
        >>> while atomic.compare_exchange_weak('a', 'b').is_err():
        ...     pass
        >>> atomic.load()
        'b'
        """
    def fetch_update(
        self,
        f: Callable[[_T], _T | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[_T, _T]:
        """Replace the value by what `f` makes of it: Rust's `fetch_update`.

        The same as `try_update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicRef('a')
        >>> atomic.fetch_update(lambda v: v + 'b'), atomic.load()
        (Ok('a'), 'ab')
        """
    def try_update(
        self,
        f: Callable[[_T], _T | None],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> Result[_T, _T]:
        """Replace the value by what `f` makes of it: Rust's `try_update`.

        To store None, take `update`.

        Args:
            f: gets the value and returns the new one, or None to leave it. It is called again when
                another thread was faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Returns:
            `Ok` of the value before, or `Err` of the value when `f` returned None.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicRef('a')
        >>> atomic.try_update(lambda v: v + 'b'), atomic.load()
        (Ok('a'), 'ab')
        """
    def update(
        self,
        f: Callable[[_T], _T],
        set_order: Ordering | None = None,
        fetch_order: Ordering | None = None,
    ) -> _T:
        """Replace the value by what `f` makes of it, and return the one before: Rust's `update`.

        Args:
            f: gets the value and returns the new one. It is called again when another thread was
                faster.
            set_order: the `Ordering` of the change.
            fetch_order: that of the loads.

        Raises:
            ValueError: `fetch_order` is Release or AcqRel.
            Exception: what `f` raised; the value stays.

        Blocks: as `f` does.

        >>> atomic = AtomicRef('a')
        >>> atomic.update(lambda v: v + 'b'), atomic.load()
        ('a', 'ab')
        """
    def into_inner(self) -> _T:
        """Return the object, of which the atomic lets go: Rust's `into_inner`.

        None is left in its place: Python cannot know who else holds the atomic.

        >>> AtomicRef('a').into_inner()
        'a'
        """
    def __bool__(self) -> NoReturn: ...
    def __reduce__(self) -> NoReturn: ...

class _Guard(Generic[_T]):
    """The type of the None singleton."""

    def drop(self) -> None:
        """Release the lock now: Rust's `drop(guard)`.

        Nothing happens when it was released before.

        Blocks: no.
        Thread safety: the thread that took the lock.

        >>> from pythread_rs.sync import Mutex
        >>> mutex = Mutex(1)
        >>> guard = mutex.lock().unwrap()
        >>> guard.drop()
        >>> guard
        MutexGuard { <released> }
        """
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class MutexGuard(_Guard[_T]):
    """The right to use what a lock protects, until it is dropped: Rust's `MutexGuard`.

    It comes from its lock and is a context manager. It is released at the end of the `with`
    block, by `drop()`, or when its last reference goes. It stays on its thread.

    Blocks: no.
    Thread safety: the thread that took the lock.

    >>> from pythread_rs.sync import Mutex
    >>> with Mutex(5) as guard:
    ...     guard.value
    5
    """

    value: _T

@final
class RwLockReadGuard(_Guard[_T]):
    """The right to use what a lock protects, until it is dropped: Rust's `RwLockReadGuard`.

    It comes from its lock and is a context manager. It is released at the end of the `with`
    block, by `drop()`, or when its last reference goes. It stays on its thread.

    Blocks: no.
    Thread safety: the thread that took the lock.

    >>> from pythread_rs.sync import RwLock
    >>> with RwLock(5).reading() as guard:
    ...     guard.value
    5
    """

    @property
    def value(self) -> _T:
        """What the lock protects."""

@final
class RwLockWriteGuard(_Guard[_T]):
    """The right to use what a lock protects, until it is dropped: Rust's `RwLockWriteGuard`.

    It comes from its lock and is a context manager. It is released at the end of the `with`
    block, by `drop()`, or when its last reference goes. It stays on its thread.

    Blocks: no.
    Thread safety: the thread that took the lock.

    >>> from pythread_rs.sync import RwLock
    >>> with RwLock(5).writing() as guard:
    ...     guard.value
    5
    """

    value: _T
    def downgrade(self) -> RwLockReadGuard[_T]:
        """Read on, and let others read: Rust's `RwLockWriteGuard::downgrade`.

        No writer gets in between. This guard is consumed.

        Returns:
            The `RwLockReadGuard`.

        Raises:
            UseAfterMoveError: the guard was released before.

        Blocks: no.
        Thread safety: the thread that took the lock.

        >>> from pythread_rs.sync import RwLock
        >>> lock = RwLock(1)
        >>> writer = lock.write().unwrap()
        >>> writer.value = 2
        >>> reader = writer.downgrade()
        >>> lock.read().unwrap().value, reader.value
        (2, 2)
        """

@final
class ReentrantLockGuard(_Guard[_T]):
    """The right to use what a lock protects, until it is dropped: Rust's `ReentrantLockGuard`.

    It comes from its lock and is a context manager. It is released at the end of the `with`
    block, by `drop()`, or when its last reference goes. It stays on its thread.

    Blocks: no.
    Thread safety: the thread that took the lock.

    >>> from pythread_rs.sync import ReentrantLock
    >>> with ReentrantLock(5) as guard:
    ...     guard.value
    5
    """

    @property
    def value(self) -> _T:
        """What the lock protects."""

class _LockBase(Generic[_T]):
    """The type of the None singleton."""

    def __new__(cls, value: _T, /) -> Self: ...
    def is_poisoned(self) -> bool:
        """Tell whether a thread panicked while it could change the value: Rust's `is_poisoned`.

        Raises:
            UseAfterMoveError: `into_inner` has consumed the lock.

        Blocks: no.
        Thread safety: any thread; another may poison it at any time.

        >>> from pythread_rs.sync import Mutex
        >>> Mutex(5).is_poisoned()
        False
        """
    def clear_poison(self) -> None:
        """Say that the value is whole again: Rust's `clear_poison`.

        Raises:
            UseAfterMoveError: `into_inner` has consumed the lock.

        Blocks: no.
        Thread safety: any thread; sensible with the guard.

        >>> from pythread_rs.sync import Mutex
        >>> mutex = Mutex(5)
        >>> mutex.clear_poison()
        >>> mutex.is_poisoned()
        False
        """
    def _waiting(self) -> int:
        """Count the threads that wait for the lock."""
    def into_inner(self) -> Result[_T, PoisonError[_T]]:
        """Take the value out and consume the lock: Rust's `into_inner`.

        Whoever uses the lock afterwards, or waits for it now, gets UseAfterMoveError.

        Returns:
            `Ok(value)`; `Err(PoisonError)` with the value in it.

        Raises:
            BorrowError: a guard is out.
            UseAfterMoveError: the lock was consumed before.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import Mutex
        >>> Mutex(5).into_inner()
        Ok(5)
        """
    def set(self, value: _T, /) -> Result[None, PoisonError[_T]]:
        """Lock, put a value in and unlock: Rust's `Mutex::set` and `RwLock::set`.

        The old value is dropped after the lock has been released.

        Args:
            value: what to put in; by position only. It moves into the lock.

        Returns:
            `Ok(None)`; `Err(PoisonError(value))`, which gives the new value back.

        Raises:
            OwnershipError: somebody else goes on using the value; nothing has happened.
            DeadlockError, UseAfterMoveError, RuntimeError: as `lock` and `write`.

        Blocks: as `lock` and `write`.
        Thread safety: any thread.

        >>> from pythread_rs.sync import Mutex
        >>> mutex = Mutex(1)
        >>> mutex.set(2), mutex
        (Ok(None), Mutex { data: 2, poisoned: false, .. })
        """
    def replace(self, value: _T, /) -> Result[_T, PoisonError[_T]]:
        """Put a value in and return the old one: Rust's `Mutex::replace` and `RwLock::replace`.

        Args:
            value: what to put in; by position only. It moves into the lock.

        Returns:
            `Ok(old)`; `Err(PoisonError(value))`, which gives the new value back.

        Raises:
            OwnershipError: somebody else goes on using the value; nothing has happened.
            DeadlockError, UseAfterMoveError, RuntimeError: as `lock` and `write`.

        Blocks: as `lock` and `write`.
        Thread safety: any thread.

        >>> from pythread_rs.sync import RwLock
        >>> RwLock(1).replace(2)
        Ok(1)
        """

class MutexBase(_LockBase[_T]):
    """A value that one thread at a time may use."""

    def __enter__(self) -> MutexGuard[_T]: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def lock(
        self, *, stop: StopTokenBase | None = None
    ) -> Result[MutexGuard[_T], PoisonError[MutexGuard[_T]]]:
        """Wait for the lock and take it: Rust's `Mutex::lock`.

        Prefer `with mutex as guard:`, which cannot keep the lock by accident.

        Args:
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(guard)`; `Err(PoisonError)` when a thread panicked while it held the lock. The
            error has the guard, `error.into_inner()`: the lock is held in either case.

        Raises:
            DeadlockError: the calling thread has the lock already.
            Stopped: the token stopped first; the lock is not held.
            UseAfterMoveError: `into_inner` has consumed the mutex.
            RuntimeError: it would have to wait, and the interpreter is exiting.

        Blocks: while another thread has the lock.
        Thread safety: any thread.

        >>> from pythread_rs.sync import Mutex
        >>> mutex = Mutex(5)
        >>> guard = mutex.lock().unwrap()
        >>> guard.value += 1
        >>> guard.drop()
        >>> mutex
        Mutex { data: 6, poisoned: false, .. }
        """
    def try_lock(self) -> Result[MutexGuard[_T], TryLockError[MutexGuard[_T]]]:
        """Take the lock if it is free: Rust's `Mutex::try_lock`.

        Returns:
            `Ok(guard)`; `Err(TryLockError.WouldBlock)` when a thread has it, also the calling one;
            `Err(TryLockError.Poisoned(error))` when it was free and is poisoned: `error.into_inner()`
            is the guard.

        Raises:
            UseAfterMoveError: `into_inner` has consumed the mutex.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import Mutex
        >>> mutex = Mutex(5)
        >>> with mutex:
        ...     mutex.try_lock()
        Err("WouldBlock")
        """
    def get_mut(self) -> Result[MutexGuard[_T], PoisonError[MutexGuard[_T]]]:
        """Reach the value without a wait: Rust's `Mutex::get_mut`.

        Rust knows that nobody else has the mutex. Here that is looked up, and the value is reached
        through a guard, so that nobody else gets at it meanwhile.

        Returns:
            `Ok(guard)`; `Err(PoisonError)` with the guard in it.

        Raises:
            MutableBorrowError: a guard is out.
            UseAfterMoveError: `into_inner` has consumed the mutex.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import Mutex
        >>> mutex = Mutex(0)
        >>> mutex.get_mut().unwrap().value = 10
        >>> mutex.lock().unwrap().value
        10
        """
    def _lock_for(
        self, nanoseconds: int, stop: StopTokenBase | None, /
    ) -> Result[MutexGuard[_T], LockTimeoutError[MutexGuard[_T]]]: ...

class RwLockBase(_LockBase[_T]):
    """A value that many may read or one may write."""

    def read(
        self, *, stop: StopTokenBase | None = None
    ) -> Result[RwLockReadGuard[_T], PoisonError[RwLockReadGuard[_T]]]:
        """Wait until nobody writes, and read: Rust's `RwLock::read`.

        A reader waits behind a writer that waits, unless its thread reads already.

        Args:
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(guard)`, an `RwLockReadGuard`; `Err(PoisonError)` when a writer panicked. The error
            has the guard, `error.into_inner()`: the lock is held in either case.

        Raises:
            DeadlockError: the calling thread would wait for a guard of its own.
            Stopped: the token stopped first; the lock is not held.
            UseAfterMoveError: `into_inner` has consumed the lock.
            RuntimeError: it would have to wait, and the interpreter is exiting.

        Blocks: while another thread writes, or waits to.
        Thread safety: any thread.

        >>> from pythread_rs.sync import RwLock
        >>> lock = RwLock(5)
        >>> with lock.read().unwrap() as one, lock.read().unwrap() as two:
        ...     one.value + two.value
        10
        """
    def write(
        self, *, stop: StopTokenBase | None = None
    ) -> Result[RwLockWriteGuard[_T], PoisonError[RwLockWriteGuard[_T]]]:
        """Wait until nobody reads or writes, and write: Rust's `RwLock::write`.

        Args:
            stop: a `StopToken` that ends the wait.

        Returns:
            `Ok(guard)`, an `RwLockWriteGuard`; `Err(PoisonError)` when a writer panicked. The error
            has the guard, `error.into_inner()`: the lock is held in either case.

        Raises:
            DeadlockError: the calling thread would wait for a guard of its own.
            Stopped: the token stopped first; the lock is not held.
            UseAfterMoveError: `into_inner` has consumed the lock.
            RuntimeError: it would have to wait, and the interpreter is exiting.

        Blocks: while another thread reads or writes.
        Thread safety: any thread.

        >>> from pythread_rs.sync import RwLock
        >>> lock = RwLock(5)
        >>> with lock.write().unwrap() as guard:
        ...     guard.value += 1
        >>> lock
        RwLock { data: 6, poisoned: false, .. }
        """
    def try_read(self) -> Result[RwLockReadGuard[_T], TryLockError[RwLockReadGuard[_T]]]:
        """Read if that takes no wait: Rust's `RwLock::try_read`.

        Returns:
            `Ok(guard)`; `Err(TryLockError.WouldBlock)` when somebody writes or waits to;
            `Err(TryLockError.Poisoned(error))`: `error.into_inner()` is the guard.

        Raises:
            UseAfterMoveError: `into_inner` has consumed the lock.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import RwLock
        >>> lock = RwLock(5)
        >>> with lock.writing():
        ...     lock.try_read()
        Err("WouldBlock")
        """
    def try_write(self) -> Result[RwLockWriteGuard[_T], TryLockError[RwLockWriteGuard[_T]]]:
        """Write if that takes no wait: Rust's `RwLock::try_write`.

        Returns:
            `Ok(guard)`; `Err(TryLockError.WouldBlock)` when somebody reads or writes;
            `Err(TryLockError.Poisoned(error))`: `error.into_inner()` is the guard.

        Raises:
            UseAfterMoveError: `into_inner` has consumed the lock.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import RwLock
        >>> lock = RwLock(5)
        >>> with lock.reading():
        ...     lock.try_write()
        Err("WouldBlock")
        """
    def reading(self) -> RwLockReadGuard[_T]:
        """Do what `read().unwrap()` does, for `with lock.reading() as guard:`.

        Returns:
            The `RwLockReadGuard`.

        Raises:
            PoisonError: a writer panicked; the lock is not held.
            DeadlockError: the calling thread would wait for a guard of its own.
            UseAfterMoveError: `into_inner` has consumed the lock.
            RuntimeError: it would have to wait, and the interpreter is exiting.

        Blocks: as `read`.
        Thread safety: any thread.

        >>> from pythread_rs.sync import RwLock
        >>> lock = RwLock(5)
        >>> with lock.reading() as guard:
        ...     guard.value
        5
        """
    def writing(self) -> RwLockWriteGuard[_T]:
        """Do what `write().unwrap()` does, for `with lock.writing() as guard:`.

        Returns:
            The `RwLockWriteGuard`.

        Raises:
            PoisonError: a writer panicked; the lock is not held.
            DeadlockError: the calling thread would wait for a guard of its own.
            UseAfterMoveError: `into_inner` has consumed the lock.
            RuntimeError: it would have to wait, and the interpreter is exiting.

        Blocks: as `write`.
        Thread safety: any thread.

        >>> from pythread_rs.sync import RwLock
        >>> lock = RwLock(5)
        >>> with lock.writing() as guard:
        ...     guard.value = 6
        """
    def get_mut(self) -> Result[RwLockWriteGuard[_T], PoisonError[RwLockWriteGuard[_T]]]:
        """Reach the value without a wait: Rust's `RwLock::get_mut`. See `Mutex.get_mut`.

        Returns:
            `Ok(guard)`, an `RwLockWriteGuard`; `Err(PoisonError)` with the guard in it.

        Raises:
            MutableBorrowError: a guard is out.
            UseAfterMoveError: `into_inner` has consumed the lock.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import RwLock
        >>> lock = RwLock(0)
        >>> lock.get_mut().unwrap().value = 10
        >>> lock.read().unwrap().value
        10
        """
    def _read_for(
        self, nanoseconds: int, stop: StopTokenBase | None, /
    ) -> Result[RwLockReadGuard[_T], LockTimeoutError[RwLockReadGuard[_T]]]: ...
    def _write_for(
        self, nanoseconds: int, stop: StopTokenBase | None, /
    ) -> Result[RwLockWriteGuard[_T], LockTimeoutError[RwLockWriteGuard[_T]]]: ...

class ReentrantLockBase(Generic[_T]):
    """A value that one thread at a time may look at, repeatedly."""

    def __new__(cls, value: _T, /) -> Self: ...
    def __enter__(self) -> ReentrantLockGuard[_T]: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def lock(self, *, stop: StopTokenBase | None = None) -> ReentrantLockGuard[_T]:
        """Wait for the lock and take it once more: Rust's `ReentrantLock::lock`.

        Args:
            stop: a `StopToken` that ends the wait.

        Returns:
            The guard. Other threads wait until every guard of this thread is gone.

        Raises:
            Stopped: the token stopped first; the lock is not held.
            UseAfterMoveError: `into_inner` has consumed the lock.
            RuntimeError: it would have to wait, and the interpreter is exiting.
            OverflowError: the thread has taken it 4,294,967,295 times.

        Blocks: while another thread has the lock.
        Thread safety: any thread.

        >>> from pythread_rs.sync import ReentrantLock
        >>> lock = ReentrantLock([1])
        >>> with lock.lock() as one, lock.lock() as two:
        ...     one.value is two.value
        True
        """
    def try_lock(self) -> Result[ReentrantLockGuard[_T], TryLockError[ReentrantLockGuard[_T]]]:
        """Take the lock if no other thread has it: Rust's `ReentrantLock::try_lock`.

        Returns:
            `Ok(guard)`; `Err(TryLockError.WouldBlock)`.

        Raises:
            UseAfterMoveError: `into_inner` has consumed the lock.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import ReentrantLock
        >>> ReentrantLock(1).try_lock()
        Ok(1)
        """
    def get_mut(self) -> _T:
        """Return the value without a wait: Rust's `ReentrantLock::get_mut`.

        Here it is the object itself, which can be changed but not replaced.

        Raises:
            MutableBorrowError: a guard is out.
            UseAfterMoveError: `into_inner` has consumed the lock.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import ReentrantLock
        >>> lock = ReentrantLock([1])
        >>> lock.get_mut().append(2)
        >>> lock
        ReentrantLock { data: [1, 2], .. }
        """
    def _waiting(self) -> int:
        """Count the threads that wait for the lock."""
    def into_inner(self) -> _T:
        """Take the value out and consume the lock: Rust's `ReentrantLock::into_inner`.

        Returns:
            The value.

        Raises:
            BorrowError: a guard is out.
            UseAfterMoveError: the lock was consumed before.

        Blocks: no.
        Thread safety: any thread.

        >>> from pythread_rs.sync import ReentrantLock
        >>> ReentrantLock(5).into_inner()
        5
        """
    def _lock_for(
        self, nanoseconds: int, stop: StopTokenBase | None, /
    ) -> Result[ReentrantLockGuard[_T], LockTimeoutError[ReentrantLockGuard[_T]]]: ...

class CondvarBase:
    """Waiting for a change of what a Mutex protects."""

    def __new__(cls) -> Self: ...
    def wait(
        self, guard: MutexGuard[_T], /, *, stop: StopTokenBase | None = None
    ) -> Result[MutexGuard[_T], PoisonError[MutexGuard[_T]]]:
        """Release the lock, wait for a notification and take the lock again: Rust's `Condvar::wait`.

        The guard is consumed, and the same one comes back: both `guard = cv.wait(guard).unwrap()` and
        `cv.wait(guard)` work. A wait may end without a notification, so it belongs into a loop that
        looks at the value; `wait_while` is that loop.

        Args:
            guard: the `MutexGuard` of the calling thread; by position only.
            stop: a `StopToken` that ends the wait, for the mutex too.

        Returns:
            `Ok(guard)`; `Err(PoisonError)` with the guard in it when the mutex is poisoned.

        Raises:
            UseAfterMoveError: the guard was released before.
            Stopped: the token stopped first; the guard is released.
            RuntimeError: the interpreter is exiting; the guard is released.
            BaseException: what a signal handler raised, such as KeyboardInterrupt. The guard is
                released, as it was consumed.

        Blocks: until notified, then while another thread has the mutex.
        Thread safety: any thread. Guards of different mutexes may be waited with at once.

        >>> from pythread_rs import scope
        >>> from pythread_rs.sync import Condvar, Mutex
        >>> ready, changed = Mutex(False), Condvar()
        >>> def announce():
        ...     with ready as guard:
        ...         guard.value = True
        ...     changed.notify_one()
        >>> with scope() as s, ready as guard:
        ...     handle = s.spawn(announce)
        ...     while not guard.value:
        ...         guard = changed.wait(guard).unwrap()
        ...     guard.drop()
        """
    def _wait_for(
        self, guard: MutexGuard[Any], nanoseconds: int, stop: StopTokenBase | None, /
    ) -> int: ...
    def notify_one(self) -> None:
        """Wake one thread that waits, the one that began first: Rust's `Condvar::notify_one`.

        Nothing is kept for a thread that waits later.

        Blocks: no.
        Thread safety: any thread, with or without the mutex.

        >>> from pythread_rs.sync import Condvar
        >>> Condvar().notify_one()
        """
    def notify_all(self) -> None:
        """Wake every thread that waits now: Rust's `Condvar::notify_all`.

        Blocks: no.
        Thread safety: any thread, with or without the mutex.

        >>> from pythread_rs.sync import Condvar
        >>> Condvar().notify_all()
        """
    def _waiting(self) -> int:
        """Count the threads that wait and are not notified."""

def set_lock_errors(callables: tuple[Callable[[Any], BaseException], ...], /) -> None:
    """Take what makes the errors of locks."""

def set_panics(count: int, /) -> None:
    """Tell how often the calling thread is being unwound."""
