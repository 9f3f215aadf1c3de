"""Values in wrappers: owned through any number of calls, frozen, borrowed, or vouched for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar, cast, final, overload

from pythread_rs.ownership._errors import UseAfterMoveError

__all__ = ["AssumeSend", "Frozen", "Own", "Shared", "assume_send", "freeze", "shared"]

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class _Gone:
    """What a spent `Own` holds."""


_GONE: Final = _Gone()


@final
class Own(Generic[T]):
    """The owner of a value, which can be handed on through any number of calls.

    A variable, a parameter and a C function in between each count as one more holder of a plain
    value. They may all hold the `Own`: the value has one owner, and when that is moved to a thread
    every other reference on the `Own` is left with nothing.

    Args:
        value: what is owned. Others who hold it are found when it is moved to a thread.

    Blocks: no.
    Thread safety: belongs to one thread at a time, as its value does.

    Mirrors Rust's ownership of a local variable; `take` is a move out of it.

    >>> data = Own([1, 2, 3])
    >>> len(data.value)
    3
    >>> data.take()
    [1, 2, 3]
    >>> data
    Own { moved }
    """

    __slots__ = ("__weakref__", "_value")
    __thread_send__ = "send"

    def __init__(self, value: T) -> None:
        self._value: Any = value

    @property
    def value(self) -> T:
        """The value, which stays here (Rust: `&x` or `&mut x`).

        Raises:
            UseAfterMoveError: it has been moved.
        """
        self._check()
        return cast("T", self._value)

    def take(self) -> T:
        """Move the value out and return it (Rust: a move of the variable).

        Raises:
            UseAfterMoveError: it has been moved before.
        """
        self._check()
        value, self._value = self._value, _GONE
        return cast("T", value)

    def _put_back(self, value: T) -> None:
        self._value = value

    def _check(self) -> None:
        if self._value is _GONE:
            raise UseAfterMoveError("use of moved value: what this `Own` held was moved before")

    def __repr__(self) -> str:
        return "Own { moved }" if self._value is _GONE else f"Own {{ {self._value!r} }}"


@final
class AssumeSend(Generic[T]):
    """A value for which the programmer vouches; see `assume_send`."""

    __slots__ = ("__wrapped__", "value")
    __thread_send__ = "unwrapped"

    def __init__(self, value: T) -> None:
        self.value = value
        self.__wrapped__ = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the value, so that it can be given where a function is wanted."""
        return cast("Any", self.value)(*args, **kwargs)

    def __repr__(self) -> str:
        return f"AssumeSend {{ {self.value!r} }}"


def assume_send(value: T) -> T:
    """Say that a value may go to another thread, whatever the check would find.

    Nothing protects it then: two threads that change it at the same time are this line's fault.
    `spawn` hands out the value itself when the wrapper is its function or one of its arguments;
    anywhere else the wrapper stays, and `.value` is what it holds.

    Args:
        value: a function or an argument of `spawn`.

    Returns:
        A wrapper. It is declared as the value, which is what the thread gets.

    Blocks: no.
    Thread safety: any thread.

    Mirrors `unsafe impl Send`.

    >>> from pythread_rs import spawn
    >>> seen = []
    >>> spawn(assume_send(lambda: seen.append("here"))).join(), seen
    (Ok(None), ['here'])
    """
    return cast("T", AssumeSend(value))


@final
class Shared(Generic[T]):
    """A value that scoped threads use at the same time, made by `shared`.

    Mirrors `&T` in the closures of `std::thread::scope`.

    >>> shared([1, 2]).value
    [1, 2]
    """

    __slots__ = ("value",)
    __thread_send__ = "not_send"

    value: T

    def __init__(self, value: T) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"shared({self.value!r})"


def shared(value: T) -> Shared[T]:
    """Let the threads of a scope use one mutable value at the same time, through `.value`.

    The programmer vouches that all of them only read it, or that what they do is atomic.

    Args:
        value: what they share.

    Returns:
        A wrapper for the closures of a scope. No other thread takes it.

    Blocks: no.
    Thread safety: as that of the value.

    Mirrors `&x` in the closures of `std::thread::scope`.

    >>> from pythread_rs import scope
    >>> words = shared(["a", "b"])
    >>> with scope() as s:
    ...     first = s.spawn(lambda: words.value.copy())
    ...     second = s.spawn(lambda: words.value.copy())
    >>> first.join().unwrap() + second.join().unwrap()
    ['a', 'b', 'a', 'b']
    """
    return Shared(value)


# -- Frozen values. --------------------------------------------------------------------------------


@final
class Frozen(Mapping[K, V]):
    """A mapping that nobody can change, made by `freeze`.

    Mirrors `Arc<HashMap<K, V>>`.

    >>> freeze({"a": [1]})["a"]
    (1,)
    """

    __slots__ = ("_hash", "_items")
    __thread_send__ = "sync"
    _items: Mapping[K, V]

    def __init__(self, items: dict[K, V]) -> None:
        object.__setattr__(self, "_items", MappingProxyType(items))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a frozen mapping has no attribute to set: {name!r}")

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"Frozen({dict(self._items)!r})"


@overload
def freeze(value: list[T]) -> tuple[T, ...]: ...
@overload
def freeze(value: set[T]) -> frozenset[T]: ...
@overload
def freeze(value: dict[K, V]) -> Frozen[K, V]: ...
@overload
def freeze(value: bytearray) -> bytes: ...
@overload
def freeze(value: T) -> T: ...
def freeze(value: Any) -> Any:
    """Make an immutable copy, down to the last part, that any number of threads may read.

    Lists become tuples, sets frozensets, dicts read-only mappings, bytearrays bytes, numpy arrays
    read-only copies. What is immutable already is returned as it is.

    Args:
        value: what to freeze, made of these, of tuples, and of what is Copy or Sync.

    Returns:
        The frozen copy.

    Raises:
        NotSendError: a part of it cannot be frozen.
        RecursionError: it contains itself.

    Blocks: no, but it copies: about as long as `copy.deepcopy` of the same value.
    Thread safety: nobody may change the value meanwhile.

    Mirrors `Arc<T>` of an immutable value.

    >>> freeze({"primes": [2, 3, 5], "limit": 6})
    Frozen({'primes': (2, 3, 5), 'limit': 6})
    """
    from pythread_rs.ownership._freezing import frozen

    return frozen(value)
