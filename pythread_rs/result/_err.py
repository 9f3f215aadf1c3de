"""`Err`, the variant of a `Result` that holds the error of what went wrong."""

# ruff: noqa: ARG002 - both variants take the same arguments, and one of them ignores some.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, TypeVar, final

from ._errors import unwrap_failed
from ._variant import R, U, Variant, check_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Never

    from ._ok import Ok

E_co = TypeVar("E_co", covariant=True)


@final
class Err(Variant, Generic[E_co]):
    """The failure of a `Result[T, E]`: Rust's `Err(error)`.

    A plain value: it never changes, equals another `Err` with an equal error, has a hash if the
    error has one, can be copied and pickled, and cannot be subclassed. It never equals an `Ok`.
    The error is often the exception that ended a thread, but any object will do.

    Args:
        error: What to hold; by position only.

    Attributes:
        error: What it holds; read-only.

    Blocks: no method does, unless a function passed to it does.

    Thread safety: may be used by several threads at once, as far as `error` may be.

    >>> from pythread_rs.result import Err, Ok
    >>> match Err(ValueError("x")):
    ...     case Ok(value):
    ...         print(value)
    ...     case Err(ValueError() as error):
    ...         print(f"wrong value: {error}")
    wrong value: x
    >>> Err(3).error
    3
    """

    __module__ = "pythread_rs.result"
    __match_args__ = ("error",)

    if TYPE_CHECKING:
        # A checker takes a slot for writable.
        @property
        def error(self) -> E_co: ...

    else:
        __slots__ = {"error": "What it holds; read-only."}

    def __init__(self, error: E_co, /) -> None:
        """Hold `error`."""
        _set_error(self, error)

    def __init_subclass__(cls) -> NoReturn:
        """Refuse: `match` and `==` rely on there being two variants."""
        raise TypeError("`Err` is final: a Result is an `Ok` or an `Err`, and nothing else")

    def __repr__(self) -> str:
        """Show Rust's Debug form."""
        return f"Err({self.error!r})"

    def __eq__(self, other: object) -> bool:
        """Compare the errors of two `Err`s."""
        if not isinstance(other, Err):
            return NotImplemented
        # `bool`, as some contents answer `==` with something else. pyright cannot know the type
        # of the other content, and nothing depends on it.
        return bool(self.error == other.error)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]

    def __hash__(self) -> int:
        """Hash the error, other than an `Ok` would."""
        return hash((Err, self.error))

    def __reduce__(self) -> tuple[type[Err[E_co]], tuple[E_co]]:
        """Copy and pickle through the constructor, as the error cannot be set afterwards."""
        return Err, (self.error,)

    def __iter__(self) -> Iterator[Never]:
        """Yield nothing, as `iter()` does."""
        return iter(())

    # Which variant it is.

    def is_ok(self) -> Literal[False]:
        """Return False: Rust's `Result::is_ok`. The function `is_ok(result)` narrows the type.

        >>> Err("x").is_ok()
        False
        """
        return False

    def is_err(self) -> Literal[True]:
        """Return True: Rust's `Result::is_err`. The function `is_err(result)` narrows the type.

        >>> Err("x").is_err()
        True
        """
        return True

    def is_ok_and(self, f: Callable[[Any], bool], /) -> Literal[False]:
        """Return False without a call of the predicate: Rust's `Result::is_ok_and`.

        >>> Err("x").is_ok_and(lambda value: True)
        False
        """
        return False

    def is_err_and(self, f: Callable[[E_co], bool], /) -> bool:
        """Tell whether the error matches a predicate: Rust's `Result::is_err_and`.

        Args:
            f: Called with the error.

        Returns:
            What `f` returned.

        >>> Err(ValueError()).is_err_and(lambda error: isinstance(error, ValueError))
        True
        """
        return bool(f(self.error))

    # What it holds, with None for Rust's `None`.

    def ok(self) -> None:
        """Return None, where an `Ok` returns its value: Rust's `Result::ok`.

        >>> Err("x").ok()
        """

    def err(self) -> E_co:
        """Return the error, where an `Ok` returns None: Rust's `Result::err`.

        >>> Err("x").err()
        'x'
        """
        return self.error

    def iter(self) -> Iterator[Never]:
        """Return an iterator over nothing: Rust's `Result::iter`.

        A `for` loop over the `Err` itself does the same.

        >>> list(Err("x").iter())
        []
        """
        return iter(())

    # Another error.

    def map(self, f: Callable[[Any], object], /) -> Err[E_co]:
        """Return this `Err` without a call of the function: Rust's `Result::map`.

        >>> Err("x").map(len)
        Err('x')
        """
        return self

    def map_err(self, f: Callable[[E_co], U], /) -> Err[U]:
        """Apply a function to the error: Rust's `Result::map_err`.

        Args:
            f: Called with the error.

        Returns:
            An `Err` of what `f` returned.

        Raises:
            BaseException: Whatever `f` raises.

        >>> Err(ValueError("x")).map_err(str)
        Err('x')
        """
        return Err(f(self.error))

    def map_or(self, default: U, f: Callable[[Any], object], /) -> U:
        """Return the default without a call of the function: Rust's `Result::map_or`.

        Args:
            default: What to return.
            f: What an `Ok` would call with its value.

        Returns:
            `default`.

        >>> Err("x").map_or(42, len)
        42
        """
        return default

    def map_or_else(self, default: Callable[[E_co], U], f: Callable[[Any], object], /) -> U:
        """Apply the first function to the error: Rust's `Result::map_or_else`.

        Args:
            default: Called with the error.
            f: What an `Ok` would call with its value.

        Returns:
            What `default` returned.

        >>> Err("x").map_or_else(lambda error: f"failed: {error}", str)
        'failed: x'
        """
        return default(self.error)

    def inspect(self, f: Callable[[Any], object], /) -> Err[E_co]:
        """Return this `Err` without a call of the function: Rust's `Result::inspect`.

        >>> Err("x").inspect(print)
        Err('x')
        """
        return self

    def inspect_err(self, f: Callable[[E_co], object], /) -> Err[E_co]:
        """Call a function with the error and ignore what it returns: Rust's `Result::inspect_err`.

        Args:
            f: Called with the error.

        Returns:
            This `Err`.

        >>> Err("x").inspect_err(print).is_err()
        x
        True
        """
        f(self.error)
        return self

    # Another result.

    def and_(self, res: Ok[Any] | Err[Any], /) -> Err[E_co]:
        """Return this `Err`: Rust's `Result::and`, under a name that Python allows.

        >>> from pythread_rs.result import Err, Ok
        >>> Err("early").and_(Ok(3))
        Err('early')
        """
        return self

    def and_then(self, f: Callable[[Any], Ok[Any] | Err[Any]], /) -> Err[E_co]:
        """Return this `Err` without a call of the function: Rust's `Result::and_then`.

        >>> from pythread_rs.result import Err, Ok
        >>> Err("x").and_then(Ok)
        Err('x')
        """
        return self

    def or_(self, res: R, /) -> R:
        """Return the other result: Rust's `Result::or`, under a name that Python allows.

        Args:
            res: An `Ok` or `Err`.

        Returns:
            `res`.

        Raises:
            TypeError: `res` is no result.

        >>> from pythread_rs.result import Err, Ok
        >>> Err("x").or_(Ok(4))
        Ok(4)
        """
        check_result(res, "or_(res)")
        return res

    def or_else(self, f: Callable[[E_co], R], /) -> R:
        """Try something else: Rust's `Result::or_else`.

        Args:
            f: Called with the error; it returns an `Ok` or `Err`.

        Returns:
            What `f` returned.

        Raises:
            TypeError: That is no result; for a plain value use `unwrap_or_else`.

        >>> from pythread_rs.result import Err, Ok
        >>> Err("x").or_else(lambda error: Ok(0))
        Ok(0)
        """
        result = f(self.error)
        check_result(result, "or_else(f)")
        return result

    def flatten(self) -> Err[E_co]:
        """Return this `Err`, as there is no result inside: Rust's `Result::flatten`.

        >>> Err("outer").flatten()
        Err('outer')
        """
        return self

    def transpose(self) -> Err[E_co]:
        """Return this `Err`, which is Rust's `Some(Err(error))`: Rust's `Result::transpose`.

        >>> Err("x").transpose()
        Err('x')
        """
        return self

    # No value: something else, or an exception.

    def unwrap(self) -> NoReturn:
        """Refuse, as there is no value: Rust's `Result::unwrap`.

        Raises:
            UnwrapError: Always; `from` the error if that is an exception.

        >>> Err(ValueError("x")).unwrap()
        Traceback (most recent call last):
        pythread_rs.result.UnwrapError: called `Result::unwrap()` on an `Err` value: ValueError('x')
        """
        message = "called `Result::unwrap()` on an `Err` value"
        raise unwrap_failed(message, self, self.error)

    def expect(self, msg: str, /) -> NoReturn:
        """Refuse, as there is no value: Rust's `Result::expect`.

        Args:
            msg: What the text of the exception begins with.

        Raises:
            UnwrapError: Always; `from` the error if that is an exception.

        >>> Err(ValueError("x")).expect("the worker must succeed")
        Traceback (most recent call last):
        pythread_rs.result.UnwrapError: the worker must succeed: ValueError('x')
        """
        raise unwrap_failed(msg, self, self.error)

    def unwrap_or(self, default: U, /) -> U:
        """Return the default: Rust's `Result::unwrap_or`.

        >>> Err("x").unwrap_or(0)
        0
        """
        return default

    def unwrap_or_else(self, op: Callable[[E_co], U], /) -> U:
        """Compute a value from the error: Rust's `Result::unwrap_or_else`.

        Args:
            op: Called with the error.

        Returns:
            What `op` returned.

        >>> Err("foo").unwrap_or_else(len)
        3
        """
        return op(self.error)

    def unwrap_or_default(self, factory: Callable[[], U], /) -> U:
        """Return a fresh default: Rust's `Result::unwrap_or_default`.

        Args:
            factory: Called without arguments: a type such as `int` or `list`, or a function. Rust
                infers the type; Python cannot.

        Returns:
            What `factory` returned.

        >>> Err("x").unwrap_or_default(int)
        0
        """
        return factory()

    def unwrap_or_raise(self, exc: Callable[[E_co], BaseException] | None = None, /) -> NoReturn:
        """Raise the error as an exception; Rust writes `result?`.

        Args:
            exc: An exception type, or a function that returns an exception; called with the error.
                None raises the error itself if that is an exception, whatever its kind: a
                `SystemExit` or `KeyboardInterrupt` of the other thread too.

        Raises:
            BaseException: What `exc` returned, `from` the error if that is an exception; or,
                without `exc`, the error itself.
            UnwrapError: There is no `exc` and the error is no exception.
            TypeError: `exc` returned no exception.

        >>> Err("no route").unwrap_or_raise(OSError)
        Traceback (most recent call last):
        OSError: no route
        >>> Err(ValueError("x")).unwrap_or_raise()
        Traceback (most recent call last):
        ValueError: x
        """
        raised = self._exception(exc)
        try:
            raise raised
        finally:
            # The traceback keeps this frame, and the frame would keep the exception: a cycle.
            del self, exc, raised

    def _exception(self, exc: Callable[[E_co], object] | None) -> BaseException:
        """Return what `unwrap_or_raise(exc)` raises."""
        error = self.error
        if exc is None:
            if isinstance(error, BaseException):
                return error
            return unwrap_failed(
                "called `Result::unwrap_or_raise()` on an `Err` value", self, error
            )
        raised = exc(error)
        if not isinstance(raised, BaseException):
            name = type(raised).__name__
            raise TypeError(
                f"unwrap_or_raise needs a callable that returns an exception, not {name}"
            )
        if isinstance(error, BaseException) and raised is not error:
            raised.__cause__ = error
        return raised

    def unwrap_err(self) -> E_co:
        """Return the error: Rust's `Result::unwrap_err`.

        >>> Err("x").unwrap_err()
        'x'
        """
        return self.error

    def expect_err(self, msg: str, /) -> E_co:
        """Return the error: Rust's `Result::expect_err`.

        Args:
            msg: What the `UnwrapError` of an `Ok` would begin with.

        >>> Err("x").expect_err("the worker should have failed")
        'x'
        """
        return self.error


# The slot's own setter: it passes by the `__setattr__` that refuses, and costs less than the
# detour over `object.__setattr__`. `vars`, because a checker sees a property there.
_set_error: Callable[[Err[Any], Any], None] = vars(Err)["error"].__set__
