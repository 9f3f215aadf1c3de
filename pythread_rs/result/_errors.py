"""The exception that a refused `unwrap` raises, and the warning about an `Err` that nobody read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._err import Err
    from ._ok import Ok


class UnwrapError(Exception):
    """`unwrap`, `expect` or a relative of theirs was called on the wrong variant.

    Rust panics here, with the same text. When the refused `Err` holds an exception, that exception
    is the `__cause__`, so the traceback shows what happened in the other thread first and the
    `unwrap` second.

    Args:
        message: The text of the exception.
        result: The `Ok` or `Err` that was unwrapped.

    Attributes:
        result: The same object; `error.result.error` is the payload of a refused `Err`.

    Thread safety: as for any exception, use it in one thread at a time.

    >>> from pythread_rs.result import Err, UnwrapError
    >>> try:
    ...     Err(ValueError("x")).unwrap()
    ... except UnwrapError as error:
    ...     error.result, error.__cause__
    (Err(ValueError('x')), ValueError('x'))
    """

    __module__ = "pythread_rs.result"

    result: Ok[Any] | Err[Any]

    def __init__(self, message: str, result: Ok[Any] | Err[Any]) -> None:
        """Keep `result` beside the message; only the message is shown."""
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with both arguments: `Exception` alone would pass on the message only."""
        return type(self), (self.args[0], self.result), self.__dict__


class UnusedResultWarning(RuntimeWarning):
    """An `Err` that came out of a `join` was dropped, and nobody had looked at it.

    Issued only when the environment variable `PYTHREAD_RS_MUST_USE` is `1`. It mirrors rustc's lint
    `unused_must_use`, but at run time and for an `Err` only. The text names the payload and the
    line that spawned the thread; the place that the warning points at is where the `Err` was
    dropped.

    To turn it into a failure of the test suite, know that a warning made into an error is raised
    inside a destructor, where Python can only hand it to `sys.unraisablehook`; pytest reports that.

    >>> import warnings
    >>> from pythread_rs.result import UnusedResultWarning
    >>> warnings.simplefilter("ignore", UnusedResultWarning)
    """

    __module__ = "pythread_rs.result"


def safe_repr(value: object) -> str:
    """Return `repr(value)`, or a stand-in if that raises: a report must not fail on its subject."""
    try:
        return repr(value)
    except Exception:  # whatever a foreign `__repr__` raises
        return f"<unprintable {type(value).__name__} object>"


def unwrap_failed(message: str, result: Ok[Any] | Err[Any], payload: object) -> UnwrapError:
    """Return the `UnwrapError` with Rust's text, `message: payload`, and its cause.

    Args:
        message: What stands before the colon.
        result: The variant that was unwrapped.
        payload: What it holds.

    Returns:
        The exception, for the caller to raise.
    """
    error = UnwrapError(f"{message}: {safe_repr(payload)}", result)
    # An exception that is an `Ok` value is data: nothing went wrong in the thread that returned it.
    if isinstance(payload, BaseException) and result.is_err():
        error.__cause__ = payload
        # The payload is in the traceback now. What may not live as long as that, such as the lock
        # in a `PoisonError`, is let go here, as by Rust's unwinding.
        let_go = getattr(type(payload), "__unwrap_failed__", None)
        if let_go is not None:
            let_go(payload)
    return error
