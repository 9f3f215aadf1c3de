"""thread_local and LocalKey: one value per thread, made on first use."""

from collections.abc import Callable
from typing import Any, Generic, NoReturn, TypeVar, final

from pythread_rs._runtime import LocalValues, current_info
from pythread_rs.result import Err, Ok, Result

__all__ = ["AccessError", "LocalKey", "thread_local"]

T = TypeVar("T")
R = TypeVar("R")

_MISSING: Any = object()
_TOO_LATE = "cannot access a Thread Local Storage value during or after destruction: AccessError"


class AccessError(RuntimeError):
    """A thread-local was asked for while, or after, its value was destroyed.

    Mirrors `std::thread::AccessError`.

    >>> str(AccessError())
    'already destroyed'
    """

    def __init__(self, text: str = "already destroyed") -> None:
        super().__init__(text)


@final
class LocalKey(Generic[T]):
    """A value of its own for each thread, made by `init` on the thread's first use.

    The values of a thread of this package are dropped when its closure has ended, the one used
    last first, on that thread and before `join` returns. Make keys at module level: a key stays
    alive as long as a thread has a value for it.

    Thread safety: every method acts on the calling thread's value only.

    Mirrors `std::thread::LocalKey`.

    >>> from pythread_rs import spawn
    >>> counter = thread_local(lambda: 0)
    >>> counter.set(5)
    >>> spawn(counter.get).join(), counter.get()
    (Ok(0), 5)
    """

    __slots__ = ("__weakref__", "_init")
    __thread_send__ = "sync"

    def __init__(self, init: Callable[[], T]) -> None:
        if not callable(init):
            raise TypeError(f"thread_local takes a function that makes the value, not {init!r}")
        self._init = init

    def with_(self, f: Callable[[T], R]) -> R:
        """Call `f` with the value and return what it returns.

        Raises:
            AccessError: the value is being destroyed, or was. Use `try_with` there.

        Blocks: only as `init` and `f` do.
        Thread safety: see the class.

        Mirrors `LocalKey::with`.

        >>> thread_local(lambda: [1, 2]).with_(len)
        2
        """
        return f(self.get())

    def try_with(self, f: Callable[[T], R]) -> Result[R, AccessError]:
        """Call `f` with the value; `Err(AccessError)` when it is being destroyed, or was.

        Returns:
            `Ok` with what `f` returned, or the error. What `f` raises is not caught.

        Blocks: only as `init` and `f` do.
        Thread safety: see the class.

        Mirrors `LocalKey::try_with`.

        >>> thread_local(lambda: [1, 2]).try_with(len)
        Ok(2)
        """
        values = self._values()
        if values is None:
            return Err(AccessError())
        return Ok(f(self._value(values)))

    def get(self) -> T:
        """Return the value, made now if this is the first use.

        Raises:
            AccessError: the value is being destroyed, or was.

        Blocks: only as `init` does.
        Thread safety: see the class.

        Mirrors `LocalKey<Cell<T>>::get`, without the copy.
        """
        return self._value(self._living())

    def set(self, value: T) -> None:
        """Replace the value, dropping the old one. `init` is not called on a first use.

        Raises:
            AccessError: the value is being destroyed, or was.

        Blocks: no.
        Thread safety: see the class.

        Mirrors `LocalKey<Cell<T>>::set`.
        """
        self._living().values[self] = value

    def take(self) -> T:
        """Take the value out; the next use makes a new one.

        Raises:
            AccessError: the value is being destroyed, or was.

        Blocks: only as `init` does.
        Thread safety: see the class.

        Mirrors `LocalKey<Cell<T>>::take`, with `init` in the place of `Default`.

        >>> key = thread_local(list)
        >>> key.get().append(1)
        >>> key.take(), key.get()
        ([1], [])
        """
        values = self._living()
        self._value(values)
        taken: T = values.values.pop(self)
        return taken

    def replace(self, value: T) -> T:
        """Put `value` in and return the old one.

        Raises:
            AccessError: the value is being destroyed, or was.

        Blocks: only as `init` does.
        Thread safety: see the class.

        Mirrors `LocalKey<Cell<T>>::replace`.

        >>> thread_local(lambda: 1).replace(2)
        1
        """
        values = self._living()
        old = self._value(values)
        values.values[self] = value
        return old

    def _values(self) -> LocalValues | None:
        """Return the thread's values, or None when this key's time is over."""
        info = current_info()
        values = info.values
        if values is None:
            values = info.values = LocalValues()
        return None if self in values.gone else values

    def _living(self) -> LocalValues:
        values = self._values()
        if values is None:
            raise AccessError(_TOO_LATE)
        return values

    def _value(self, values: LocalValues) -> T:
        value: T = values.values.get(self, _MISSING)
        if value is _MISSING:
            value = self._init()
            values.values[self] = value
        return value

    def __repr__(self) -> str:
        return "LocalKey { .. }"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a LocalKey belongs to its process: it cannot be pickled")


def thread_local(init: Callable[[], T]) -> LocalKey[T]:
    """Make a key whose value each thread makes for itself by `init()`.

    Args:
        init: called without arguments, at most once per thread and value.

    Returns:
        The key.

    Raises:
        TypeError: `init` is not callable.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `std::thread_local!`.

    >>> thread_local(lambda: 7).get()
    7
    """
    return LocalKey(init)
