"""What the objects that threads share refuse: to be copied, and to be pickled."""

from typing import NoReturn

__all__ = ["NotCopied"]


class NotCopied:
    """A base of classes whose instances are what they are by being one."""

    __slots__ = ()

    def __copy__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} is shared by its users: it cannot be copied; use it under "
            "a second name"
        )

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} means nothing in another process: it cannot be pickled; "
            "give it to a thread"
        )
