"""Arc and Weak: one value with several owners, of which each may be on another thread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast, final

from pythread_rs import _ffi
from pythread_rs.result import Err, Ok, Result
from pythread_rs.sync._arc_mut import ArcMut

__all__ = ["Arc", "Weak"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@final
class Arc(_ffi.ArcBase[T_co]):
    """One owner of a value that several threads share.

    `clone()` makes another owner of the same value; dropping an owner un-counts it; the value goes
    with the last one, on the thread that drops it. Each Python object is one owner: a second name
    for it (`b = a`) counts nothing, and what consumes it consumes it for both names.

    An Arc reads as its content does: attributes, methods, calls, items, `in`, `for`, `len`,
    comparison, hash, truth, formatting and `with` go there, so that `arc.lock()` and
    `with arc as guard:` work for an `Arc(Mutex(..))`. The methods below win over the content's of
    the same name: those are reached through `.value`, as in `arc.value.clone()`. Operators such as
    `+` take `.value`, and so does `isinstance`. Nothing can be assigned through an Arc.

    Args:
        value: the content. It must be Sync: immutable all through, a lock, or another shared
            handle. Put what is to be changed into a `Mutex`; `freeze` what is only read.

    Raises:
        NotSendError: E0277, the content is not Sync.
        MutableBorrowError: E0594, an attribute or an item was assigned through an Arc.

    Blocks: no.
    Thread safety: every method, from any thread. An Arc is a handle: a `move` takes it out of its
        variable, so give a thread a clone and keep your own.

    Mirrors `std::sync::Arc`.

    >>> from pythread_rs import spawn
    >>> words = Arc(("one", "two"))
    >>> spawn(len, words.clone()).join(), words[0], words.strong_count()
    (Ok(2), 'one', 1)
    """

    __slots__ = ()
    __thread_send__ = "handle"

    if TYPE_CHECKING:  # in C

        def __init__(self, value: T_co, /) -> None: ...

    def unwrap_or_clone(self) -> T_co:
        """Take the content if this is the only owner, else a clone of it; consumes the Arc.

        What is immutable is its own clone; anything else must have a method `clone`.

        Returns:
            The content, or the clone.

        Raises:
            UseAfterMoveError: the Arc was consumed before.
            TypeError: there are other owners, and the content has no `clone`.

        Blocks: only as the content's `clone` does.
        Thread safety: any thread.

        Mirrors `Arc::unwrap_or_clone`.

        >>> Arc(("a", "b")).unwrap_or_clone()
        ('a', 'b')
        """
        match self.try_unwrap():
            case Ok(value):
                return value
            case Err(shared):
                return cast("T_co", _cloned(shared.value))

    def get_mut(self) -> ArcMut[T_co] | None:
        """Return the place of the content, to assign to it, if nobody else can see it.

        Returns:
            An `ArcMut`, whose `value` can be assigned; None when there is another owner or a Weak.

        Raises:
            UseAfterMoveError: the Arc was consumed.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Arc::get_mut`.

        >>> five = Arc(5)
        >>> five.get_mut().value = 6
        >>> other = five.clone()
        >>> print(five.get_mut(), other)
        None 6
        """
        return ArcMut(self) if self.is_unique() else None

    def make_mut(self) -> ArcMut[T_co]:
        """Return the place of the content, which is cloned first if there are other owners.

        With Weaks and no other owner, the content moves on and the Weaks lead to nothing.

        Returns:
            An `ArcMut`, whose `value` can be assigned.

        Raises:
            UseAfterMoveError: the Arc was consumed.
            TypeError: there are other owners, and the content has no `clone`.

        Blocks: only as the content's `clone` does.
        Thread safety: any thread.

        Mirrors `Arc::make_mut`.

        >>> five = Arc(5)
        >>> other = five.clone()
        >>> other.make_mut().value += 1
        >>> five, other
        (5, 6)
        """
        self._arc_unshare(_cloned)
        return ArcMut(self)

    def downcast(self, cls: type[T]) -> Result[Arc[T], Arc[T_co]]:
        """Turn the Arc into one that is known to hold an instance of `cls`; consumes the Arc.

        Args:
            cls: the class that the content should have.

        Returns:
            `Ok(arc)`, or `Err(arc)` when the content is something else: the Arc under a new name.

        Raises:
            UseAfterMoveError: the Arc was consumed before.

        Blocks: no.
        Thread safety: any thread.

        Mirrors `Arc<dyn Any + Send + Sync>::downcast`.

        >>> Arc(5).downcast(int), Arc(5).downcast(str)
        (Ok(5), Err(5))
        """
        fits = isinstance(self.value, cls)
        arc: Arc[Any] = self._arc_hand_over()
        return Ok(arc) if fits else Err(arc)

    def __dir__(self) -> Iterable[str]:
        return sorted({*object.__dir__(self), *dir(self.value)})

    def __copy__(self) -> NoReturn:
        raise TypeError("an Arc is counted: write `arc.clone()` for another owner")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError(
            "an Arc is counted: write `arc.clone()` for another owner, and "
            "`Arc(copy.deepcopy(arc.value))` for another content"
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an Arc cannot be pickled: its owners share one process. Give a thread `arc.clone()`; "
            "pickle `arc.value`"
        )

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        self.__reduce__()


@final
class Weak(_ffi.WeakBase[T_co]):
    """A way to the content of an Arc that does not keep it alive. `Weak()` leads to nothing.

    Weaks break cycles: a parent owns its children by Arcs, and a child finds its parent by a Weak.

    Thread safety: every method, from any thread. A Weak is a handle, as an Arc is.

    Mirrors `std::sync::Weak`.

    >>> five = Arc(5)
    >>> weak = five.downgrade()
    >>> weak.upgrade() is not None, Weak().upgrade() is None
    (True, True)
    """

    __slots__ = ()
    __thread_send__ = "handle"

    def __copy__(self) -> NoReturn:
        raise TypeError("a Weak is counted: write `weak.clone()` for another one")

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Weak cannot be pickled: it leads to something in this process")


def _cloned(value: Any) -> Any:
    from pythread_rs.sync._arc_refusals import cloned

    return cloned(value)


def _refuse(why: str, who: Any, what: Any) -> NoReturn:
    from pythread_rs.sync._arc_refusals import refuse

    refuse(why, who, what)


_ffi.set_arcs(Arc, Weak, _refuse)
_ffi.consume(Arc, True)
