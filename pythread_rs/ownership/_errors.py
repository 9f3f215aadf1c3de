"""Errors of ownership, each with the code that rustc gives to it."""

__all__ = ["OwnershipError", "UseAfterMoveError"]


class OwnershipError(TypeError):
    """A value was used against the rules of ownership. `code` is rustc's error code.

    Mirrors the borrow checker's errors.

    >>> issubclass(UseAfterMoveError, OwnershipError)
    True
    """

    code: str = ""


class UseAfterMoveError(OwnershipError):
    """A value was used after it had been moved: a handle was joined twice, for example.

    Mirrors rustc's E0382.

    >>> UseAfterMoveError.code
    'E0382'
    """

    code = "E0382"
