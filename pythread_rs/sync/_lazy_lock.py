"""LazyLock: a value that its first reader makes."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar, final

from pythread_rs import _ffi
from pythread_rs.sync._refusals import NotCopied
from pythread_rs.sync._value_mut import ValueMut, value_mut

__all__ = ["LazyLock"]

T = TypeVar("T")


@final
class LazyLock(NotCopied, _ffi.LazyLockBase[T], Generic[T]):
    """A value that is made when it is first read, by whichever thread reads it.

    Args:
        f: makes the value, called without arguments and once. It must not capture what other
            threads may change: `move` it if it captures anything else.

    Read it by `.value`, or use it as if it were the value: attributes, calls, items, `len`, `in`,
    iteration and `with` go through to it. Names of `LazyLock` itself come first.

    The value is shared, so it must be Sync. If `f` raises, it is poisoned, and every later use
    raises `OncePoisonedError`; so it is in the child of a fork if another thread was making it.

    A captured `LazyLock` stays with its variable when a closure is moved, and as a module's
    variable it may be used in spawned functions: it is a `static` with a lazy value.

    Raises:
        NotSendError: `f` captures what other threads may change.

    Thread safety: every method, from any thread.

    Mirrors `std::sync::LazyLock`.

    >>> lazy = LazyLock(lambda: "hello".upper())
    >>> lazy
    LazyLock(<uninit>)
    >>> lazy.lower(), lazy.value, len(lazy)
    ('hello', 'HELLO', 5)
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("__weakref__",)
    __thread_send__ = "sync"

    def get_mut(self) -> ValueMut[T] | None:
        """Return a reference by which the value can be assigned, or None if it is not made.

        Rust asks for `&mut self`: use it where no other thread uses the lock.

        Raises:
            UseAfterMoveError: `into_inner` has consumed it.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `std::sync::LazyLock::get_mut`.

        >>> LazyLock(int).get_mut()
        """
        return value_mut(self) if self.get() is not None or self.is_initialized() else None

    def force_mut(self) -> ValueMut[T]:
        """Make the value if need be, and return a reference by which it can be assigned.

        Raises:
            BaseException: whatever `force` raises.

        Blocks: while another thread makes the value, without the GIL.
        Thread safety: any thread.

        Mirrors `std::sync::LazyLock::force_mut`.

        >>> lazy = LazyLock(lambda: 92)
        >>> lazy.force_mut().value = 44
        >>> lazy.value
        44
        """
        self.force()
        return value_mut(self)

    # What Rust's `Deref` does.

    def __getattr__(self, name: str) -> Any:
        # Nobody who only asks what kind of object this is, as inspect and copy do, has it made.
        if name.startswith("__"):
            raise AttributeError(
                f"'LazyLock' object has no attribute {name!r}", name=name, obj=self
            )
        return getattr(self.force(), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.force()(*args, **kwargs)  # type: ignore[operator]

    def __getitem__(self, key: Any) -> Any:
        return self.force()[key]  # type: ignore[index]

    def __len__(self) -> int:
        return len(self.force())  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.force())  # type: ignore[call-overload, no-any-return]

    def __contains__(self, item: object) -> bool:
        return item in self.force()  # type: ignore[operator]

    def __bool__(self) -> bool:
        return bool(self.force())

    def __enter__(self) -> Any:
        value = self.force()
        return type(value).__enter__(value)  # type: ignore[attr-defined]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Any:
        value = self.force()
        return type(value).__exit__(value, kind, error, traceback)  # type: ignore[attr-defined]
