"""OnceLock: a value that is put in once and read by all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, NoReturn, TypeVar, cast, final

from pythread_rs import _ffi
from pythread_rs.result import Err, Ok, Result
from pythread_rs.sync._refusals import NotCopied
from pythread_rs.sync._value_mut import ValueMut, value_mut

__all__ = ["OnceLock"]

T = TypeVar("T")
E = TypeVar("E")


class _FailedError(Exception):
    """Carries an `Err` out of `get_or_init`."""

    def __init__(self, f: object, result: Err[object]) -> None:
        super().__init__()
        self.f = f
        self.result = result


@final
class OnceLock(NotCopied, _ffi.OnceLockBase[T], Generic[T]):
    """A place for one value: empty at first, then filled once, then read by any thread.

    Its value is shared, so it must be Sync: Copy, a lock, frozen, or one of this package's.
    A captured `OnceLock` stays with its variable when a closure is moved, and as a module's
    variable it may be used in spawned functions: it is what a `static` is made of.

    A function that raises leaves it empty. In the child of a fork, so does one that another
    thread was in.

    Thread safety: every method, from any thread.

    Mirrors `std::sync::OnceLock`.

    >>> from pythread_rs import spawn
    >>> winner = OnceLock()
    >>> handles = [spawn(winner.get_or_init, lambda: "first") for _ in range(3)]
    >>> {handle.join().unwrap() for handle in handles}
    {'first'}
    """

    __module__ = "pythread_rs.sync"
    __slots__ = ("__weakref__",)
    __thread_send__ = "sync"

    @classmethod
    def from_(cls, value: T, /) -> OnceLock[T]:
        """Make one with a value in it.

        Raises:
            NotSendError: the value is not Sync.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `From<T>` of `std::sync::OnceLock`, under a name that Python allows.

        >>> OnceLock.from_(3)
        OnceLock(3)
        """
        cell: OnceLock[T] = cls()
        cell.set(value)
        return cell

    def clone(self) -> OnceLock[T]:
        """Make another one with the same value, or another empty one.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Clone` of `std::sync::OnceLock`.

        >>> cell = OnceLock.from_(3)
        >>> cell.clone(), cell.clone() is cell
        (OnceLock(3), False)
        """
        copy: OnceLock[T] = OnceLock()
        value = self.get()
        if value is not None or self.is_initialized():
            copy.set(value)  # type: ignore[arg-type]  # None only if T has it
        return copy

    def try_insert(self, value: T, /) -> Result[T, tuple[T, T]]:
        """Put a value in, if there is none, and return the one that is in.

        Returns:
            `Ok(value)`, or `Err((current, value))` if there was one already.

        Raises:
            NotSendError, DeadlockError, UseAfterMoveError: as `set`.

        Blocks: while another thread's function runs, without the GIL.
        Thread safety: any thread.

        Mirrors `std::sync::OnceLock::try_insert` (nightly).

        >>> cell = OnceLock()
        >>> cell.try_insert(92), cell.try_insert(62)
        (Ok(92), Err((92, 62)))
        """
        if self.set(value).is_ok():
            return Ok(value)
        return Err((self.wait(), value))

    def get_or_try_init(self, f: Callable[[], Result[T, E]]) -> Result[T, E]:
        """Return the value; if there is none, one of the callers makes it, or fails.

        Args:
            f: returns `Ok(value)`, or an `Err`, which leaves the lock empty.

        Returns:
            `Ok(value)` with the value that is in, or the `Err` that `f` returned.

        Raises:
            TypeError: `f` returned neither.
            BaseException: whatever `get_or_init` raises.

        Blocks: while another thread's function runs, without the GIL.
        Thread safety: any thread; `f` runs on one at a time.

        Mirrors `std::sync::OnceLock::get_or_try_init` (nightly).

        >>> from pythread_rs import Err, Ok
        >>> cell = OnceLock()
        >>> cell.get_or_try_init(lambda: Err("not yet")), cell.get_or_try_init(lambda: Ok(92))
        (Err('not yet'), Ok(92))
        """

        def made() -> T:
            result: object = f()
            if isinstance(result, Ok):
                value: T = result.value
                return value
            if isinstance(result, Err):
                raise _FailedError(f, cast("Err[object]", result))
            raise TypeError(f"f must return an Ok or an Err, not {type(result).__name__}")

        try:
            return Ok(self.get_or_init(made))
        except _FailedError as failed:
            if failed.f is not f:
                raise
            return failed.result  # type: ignore[return-value]  # what f returned

    def get_mut(self) -> ValueMut[T] | None:
        """Return a reference by which the value can be assigned, or None if there is no value.

        Rust asks for `&mut self`: use it where no other thread uses the lock.

        Raises:
            UseAfterMoveError: `into_inner` has consumed it.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `std::sync::OnceLock::get_mut`.

        >>> cell = OnceLock.from_(92)
        >>> cell.get_mut().value = 93
        >>> cell
        OnceLock(93)
        """
        return value_mut(self) if self.get() is not None or self.is_initialized() else None

    def get_mut_or_init(self, f: Callable[[], T]) -> ValueMut[T]:
        """Return a reference as `get_mut` does, with `get_or_init(f)` before it.

        Args:
            f: makes the value, called without arguments.

        Raises:
            BaseException: whatever `get_or_init` raises.

        Blocks: while another thread's function runs, without the GIL.
        Thread safety: any thread.

        Mirrors `std::sync::OnceLock::get_mut_or_init` (nightly).

        >>> cell = OnceLock()
        >>> cell.get_mut_or_init(lambda: 92).value += 2
        >>> cell
        OnceLock(94)
        """
        self.get_or_init(f)
        return value_mut(self)

    def get_mut_or_try_init(self, f: Callable[[], Result[T, E]]) -> Result[ValueMut[T], E]:
        """Return a reference as `get_mut` does, with `get_or_try_init(f)` before it.

        Args:
            f: returns `Ok(value)`, or an `Err`, which leaves the lock empty.

        Returns:
            `Ok` of the reference, or the `Err` that `f` returned.

        Raises:
            BaseException: whatever `get_or_try_init` raises.

        Blocks: while another thread's function runs, without the GIL.
        Thread safety: any thread.

        Mirrors `std::sync::OnceLock::get_mut_or_try_init` (nightly).

        >>> from pythread_rs import Err
        >>> OnceLock().get_mut_or_try_init(lambda: Err("not yet"))
        Err('not yet')
        """
        return self.get_or_try_init(f).map(lambda _: value_mut(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OnceLock):
            return NotImplemented
        its: OnceLock[Any] = other  # pyright: ignore[reportUnknownVariableType]
        same = bool(self.get() == its.get())
        return same and self.is_initialized() == its.is_initialized()

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # what is equal now may not be so later

    def __copy__(self) -> NoReturn:
        raise TypeError("a OnceLock is shared by its users: use `.clone()` for another one")
