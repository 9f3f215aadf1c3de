"""A ready hook: panics are records of `logging`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pythread_rs.panic._hook import Hook, set_hook, update_hook

if TYPE_CHECKING:
    import logging

    from pythread_rs.panic._info import PanicHookInfo

__all__ = ["log_panics"]

_CRITICAL: Final = 50  # logging.CRITICAL; logging itself is not loaded before it is used
_DEFAULT: Final = "pythread_rs.panic"


def log_panics(
    logger: logging.Logger | logging.LoggerAdapter[Any] | str | None = None,
    *,
    level: int = _CRITICAL,
    also_print: bool = False,
) -> None:
    """Make a panic hook that logs: one record for each panic, with its traceback.

    The message is that of the default hook in one line, `thread 'NAME' panicked at FILE:LINE:COL:
    TEXT`; `exc_info` is the exception, `threadName` the thread, and the record's attribute `panic`
    the `PanicHookInfo`, unless a LoggerAdapter has an `extra` of its own. Without handlers
    `logging` prints message and traceback on stderr. `take_hook` brings the default hook back.

    Args:
        logger: where to log, or the name of a logger; None is the logger "pythread_rs.panic".
        level: the level of the records; `logging.CRITICAL` by default, as a thread has ended.
        also_print: whether the hook that was set before runs, too, after the record.

    Raises:
        TypeError: `logger` is none.
        RuntimeError: the calling thread is panicking.

    Blocks: no. The hook blocks as the handlers of the logger do.
    Thread safety: any thread that is not panicking.

    Mirrors `log_panics::init` of Rust's crate log-panics.

    >>> import logging
    >>> class Printer(logging.Handler):
    ...     def emit(self, record):
    ...         print(record.levelname, record.panic.message, record.exc_info[0].__name__)
    >>> logger = logging.Logger("example")
    >>> logger.addHandler(Printer())
    >>> log_panics(logger)
    >>> catch_unwind(panic, "boom")
    CRITICAL boom Panic
    Err(Panic('boom'))
    >>> _ = take_hook()
    """
    target = _logger(logger)

    def hook(info: PanicHookInfo) -> None:
        panic = info.payload
        target.log(
            level,
            "thread '%s' panicked at %s: %s",
            "<unnamed>" if info.thread.name is None else info.thread.name,
            info.location or "<unknown>",
            info.message,
            exc_info=(type(panic), panic, panic.__traceback__),
            extra={"panic": info},
        )

    def both(previous: Hook, info: PanicHookInfo) -> None:
        hook(info)
        previous(info)

    if also_print:
        update_hook(both)
    else:
        set_hook(hook)


def _logger(given: Any) -> Any:
    if given is None or isinstance(given, str):
        import logging

        return logging.getLogger(_DEFAULT if given is None else given)
    if not callable(getattr(given, "log", None)):
        raise TypeError(f"a logger has a method `log`; {type(given).__name__} has none")
    return given
