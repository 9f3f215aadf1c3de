"""Panic, panic and panic_any: how a thread's closure gives up."""

from typing import Final, NoReturn

__all__ = ["Panic", "panic", "panic_any"]

_EXPLICIT: Final = "explicit panic"


class Panic(Exception):  # noqa: N818  # Rust's word
    """What `panic` and `panic_any` raise: an exception around any payload.

    An ordinary exception that leaves a closure is a panic too and needs no `Panic` around it.
    `str()` of it is the payload's; it pickles when the payload does.

    Args:
        payload: anything; the text "explicit panic" if nothing is given, as in Rust.

    Thread safety: as for any exception, use it in one thread at a time.

    Mirrors the `Box<dyn Any + Send>` that a panic carries.

    >>> from pythread_rs import Err
    >>> match catch_unwind(panic_any, 5):
    ...     case Err(Panic(payload=int() as number)):
    ...         print(number)
    5
    >>> str(Panic("boom"))
    'boom'
    """

    __module__ = "pythread_rs.panic"
    __match_args__ = ("payload",)

    def __init__(self, payload: object = _EXPLICIT, /) -> None:
        super().__init__(payload)

    @property
    def payload(self) -> object:
        """What the panic carries (Rust: the content of the box)."""
        payload: object = self.args[0]
        return payload


def panic(message: str = _EXPLICIT, /) -> NoReturn:
    """Panic with a text.

    There are no format arguments: an f-string does what Rust's `panic!("{x}")` does.

    Args:
        message: the text, printed verbatim by the default hook.

    Raises:
        Panic: always.
        TypeError: `message` is not a str; any other payload goes through `panic_any`.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `panic!`.

    >>> from pythread_rs import spawn
    >>> spawn(panic, "boom").join()
    Err(Panic('boom'))
    """
    if not isinstance(message, str):
        kind = type(message).__name__
        raise TypeError(f"panic takes a str, not {kind}; panic_any takes any payload")
    raise Panic(message)


def panic_any(payload: object, /) -> NoReturn:
    """Panic with any payload.

    Args:
        payload: an exception is raised as it is, so that `case Err(ValueError())` finds it; any
            other object, an exception class included, arrives as `Panic(payload)`.

    Raises:
        BaseException: `payload` itself, if it is an exception.
        Panic: otherwise.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `std::panic::panic_any`.

    >>> from pythread_rs import spawn
    >>> spawn(panic_any, {"code": 5}).join()
    Err(Panic({'code': 5}))
    >>> spawn(panic_any, ValueError("bad")).join()
    Err(ValueError('bad'))
    """
    try:
        raise as_exception(payload)
    finally:
        # The traceback holds this frame: it must not hold the exception in return.
        del payload


def as_exception(payload: object) -> BaseException:
    """Return what is raised for a payload."""
    return payload if isinstance(payload, BaseException) else Panic(payload)
