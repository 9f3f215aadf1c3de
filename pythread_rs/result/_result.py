"""The type `Result[T, E]` and the two functions that tell a type checker which variant it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ._err import Err
from ._ok import Ok

if TYPE_CHECKING:
    # Not in `typing` before Python 3.13; type checkers know it without an installed package.
    from typing_extensions import TypeIs

T = TypeVar("T")
E = TypeVar("E")

Result: TypeAlias = Ok[T] | Err[E]


def is_ok(result: Ok[T] | Err[Any], /) -> TypeIs[Ok[T]]:
    """Tell whether `result` is an `Ok`, in a form that narrows its type: Rust's `Result::is_ok`.

    After `if is_ok(result):` mypy and pyright know that `result.value` exists, and in the `else`
    branch that `result.error` does. The method `result.is_ok()` answers the same but narrows
    nothing, because Python's type system has no such method.

    Args:
        result: Any `Ok` or `Err`.

    Returns:
        True for an `Ok`.

    Blocks: no.

    Thread safety: may be called by several threads at once.

    >>> from pythread_rs.result import Ok, is_ok
    >>> result = Ok(3)
    >>> if is_ok(result):
    ...     print(result.value)
    3
    """
    return isinstance(result, Ok)


def is_err(result: Ok[Any] | Err[E], /) -> TypeIs[Err[E]]:
    """Tell whether `result` is an `Err`, in a form that narrows its type: Rust's `Result::is_err`.

    The counterpart of `is_ok`.

    Args:
        result: Any `Ok` or `Err`.

    Returns:
        True for an `Err`.

    Blocks: no.

    Thread safety: may be called by several threads at once.

    >>> from pythread_rs.result import Err, is_err
    >>> result = Err(ValueError("x"))
    >>> if is_err(result):
    ...     print(result.error)
    x
    """
    return isinstance(result, Err)
