"""What `Ok` and `Err` share: they never change, and they refuse to pass for a bool or a guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from ._err import Err
    from ._ok import Ok

# mypy takes this name for True, every other reader takes it as it stands.
MYPY = False

U = TypeVar("U")
F = TypeVar("F")
R = TypeVar("R", bound="Ok[Any] | Err[Any]")

_IMMUTABLE = "an `Ok` or `Err` never changes; make a new one, for example with `.map(...)`"
_NO_TRUTH_VALUE = "a Result has no truth value: write `if result.is_ok():` or `match result:`"
_NO_CONTEXT_MANAGER = (
    "a Result is no context manager: unwrap it first, `with result.unwrap() as g:`; "
    "for a mutex write `with mutex as guard:`"
)


class Variant:
    """The base of `Ok` and `Err`; private, because `isinstance(x, (Ok, Err))` says it better."""

    __slots__ = ()
    __thread_send__ = "transparent"

    # A Python object is true unless it says otherwise, so `if handle.join():` would take every
    # panic for a success. pyright reports such a line because of the `NoReturn`. mypy would take
    # the rest of the function for unreachable and stop checking it without a word, therefore it
    # does not see the method: its error code `truthy-bool` then reports the line.
    if not MYPY:

        def __bool__(self) -> NoReturn:
            """Refuse: an `Err` is not false and an `Ok` is not true."""
            raise TypeError(_NO_TRUTH_VALUE)

    # Hidden from type checkers, which then report `with result:` and an assignment themselves.
    if not TYPE_CHECKING:

        def __enter__(self) -> NoReturn:
            """Refuse: the guard is inside."""
            raise TypeError(_NO_CONTEXT_MANAGER)

        def __exit__(self, *exc_info: object) -> NoReturn:
            """Refuse; Python wants the pair before it calls `__enter__`."""
            raise TypeError(_NO_CONTEXT_MANAGER)

        def __setattr__(self, name: str, value: object) -> NoReturn:
            """Refuse: a result that is shared between threads must not change."""
            raise AttributeError(f"cannot set {name!r}: {_IMMUTABLE}")

        def __delattr__(self, name: str) -> NoReturn:
            """Refuse, as `__setattr__` does."""
            raise AttributeError(f"cannot delete {name!r}: {_IMMUTABLE}")


def check_result(value: object, method: str) -> None:
    """Refuse what is neither `Ok` nor `Err`, at the call that brought it in.

    Args:
        value: What a caller's function returned or what he passed.
        method: The `Result` method that needs it, for the text of the error.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, Variant):
        name = type(value).__name__
        raise TypeError(f"Result.{method} needs an `Ok` or an `Err` here, not {name}")
