"""What may be inside of something that threads share: only what is Sync."""

from pythread_rs import _ffi
from pythread_rs.ownership import NotSendError, is_sync
from pythread_rs.ownership._diagnostic import Diagnostic, Note
from pythread_rs.ownership._refusals import type_name

__all__ = ["must_be_sync"]


def must_be_sync(value: object, owner: str) -> None:
    """Refuse a value that must not be in an `owner`.

    Raises:
        NotSendError: several threads must not hold it.
    """
    if not is_sync(value):
        raise _refusal(value, owner)


def _refusal(value: object, owner: str) -> NotSendError:
    kind = type_name(value)
    headline = f"`{kind}` cannot be shared between threads safely"
    notes = (
        Note(f"the trait `Sync` is not implemented for `{kind}`", level="help"),
        f"required for `{owner}<{kind}>` to implement `Sync`",
    )
    return NotSendError(Diagnostic("E0277", headline, (), notes, (_fix(value, owner),)))


def _fix(value: object, owner: str) -> str:
    if callable(value) and owner == "LazyLock" and not isinstance(value, type):
        return "`move` the function, so that it owns what it captures"
    if _ffi.is_python_class(type(value)):
        return "wrap it in a `Mutex`, `freeze` it, or mark its class by `impl_sync`"
    return "wrap it in a `Mutex`, or `freeze` it"
