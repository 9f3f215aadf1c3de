"""The values of a thread's thread-locals, and the order in which they go."""

from typing import Any, final

__all__ = ["LocalValues"]


@final
class LocalValues:
    """Values by key, in order of first use; dropped last used first.

    A key whose value is being dropped, or has been, is in `gone`: a destructor that asks for it
    gets an error, and one that asks for another key may bring that one to life.
    """

    __slots__ = ("gone", "values")

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}
        self.gone: set[Any] = set()

    def drop_all(self) -> None:
        """Drop every value, also those that destructors add meanwhile."""
        while self.values:
            # popitem takes the pair out first: the destructor runs at `del`, and sees it gone.
            key, value = self.values.popitem()
            self.gone.add(key)
            del value

    def __del__(self) -> None:
        self.drop_all()
