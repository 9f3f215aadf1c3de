"""`Ok`, the variant of a `Result` that holds the value of what went well."""

# ruff: noqa: ARG002 - both variants take the same arguments, and one of them ignores some.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, TypeVar, final, overload

from ._errors import unwrap_failed
from ._variant import F, R, U, Variant, check_result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._err import Err

T_co = TypeVar("T_co", covariant=True)


@final
class Ok(Variant, Generic[T_co]):
    """The success of a `Result[T, E]`: Rust's `Ok(value)`.

    A plain value: it never changes, equals another `Ok` with an equal value, has a hash if the
    value has one, can be copied and pickled, and cannot be subclassed. It never equals an `Err`.

    Args:
        value: What to hold; by position only.

    Attributes:
        value: What it holds; read-only.

    Blocks: no method does, unless a function passed to it does.

    Thread safety: may be used by several threads at once, as far as `value` may be.

    >>> from pythread_rs.result import Err, Ok
    >>> match Ok(3):
    ...     case Ok(value):
    ...         print(value)
    ...     case Err(error):
    ...         print(error)
    3
    >>> Ok(3).value
    3
    >>> Ok(3) == Ok(3), Ok(3) == Err(3)
    (True, False)
    """

    __module__ = "pythread_rs.result"
    __match_args__ = ("value",)

    if TYPE_CHECKING:
        # A checker takes a slot for writable.
        @property
        def value(self) -> T_co: ...

    else:
        __slots__ = {"value": "What it holds; read-only."}

    def __init__(self, value: T_co, /) -> None:
        """Hold `value`."""
        _set_value(self, value)

    def __init_subclass__(cls) -> NoReturn:
        """Refuse: `match` and `==` rely on there being two variants."""
        raise TypeError("`Ok` is final: a Result is an `Ok` or an `Err`, and nothing else")

    def __repr__(self) -> str:
        """Show Rust's Debug form."""
        return f"Ok({self.value!r})"

    def __eq__(self, other: object) -> bool:
        """Compare the values of two `Ok`s."""
        if not isinstance(other, Ok):
            return NotImplemented
        # `bool`, as some contents answer `==` with something else. pyright cannot know the type
        # of the other content, and nothing depends on it.
        return bool(self.value == other.value)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]

    def __hash__(self) -> int:
        """Hash the value, other than an `Err` would."""
        return hash((Ok, self.value))

    def __reduce__(self) -> tuple[type[Ok[T_co]], tuple[T_co]]:
        """Copy and pickle through the constructor, as the value cannot be set afterwards."""
        return Ok, (self.value,)

    def __iter__(self) -> Iterator[T_co]:
        """Yield the value once, as `iter()` does."""
        return iter((self.value,))

    # Which variant it is.

    def is_ok(self) -> Literal[True]:
        """Return True: Rust's `Result::is_ok`. The function `is_ok(result)` also narrows the type.

        >>> Ok(3).is_ok()
        True
        """
        return True

    def is_err(self) -> Literal[False]:
        """Return False: Rust's `Result::is_err`. The function `is_err(result)` narrows the type.

        >>> Ok(3).is_err()
        False
        """
        return False

    def is_ok_and(self, f: Callable[[T_co], bool], /) -> bool:
        """Tell whether the value matches a predicate: Rust's `Result::is_ok_and`.

        Args:
            f: Called with the value.

        Returns:
            What `f` returned.

        >>> Ok(3).is_ok_and(lambda value: value > 1)
        True
        """
        return bool(f(self.value))

    def is_err_and(self, f: Callable[[Any], bool], /) -> Literal[False]:
        """Return False without a call of the predicate: Rust's `Result::is_err_and`.

        >>> Ok(3).is_err_and(lambda error: True)
        False
        """
        return False

    # What it holds, with None for Rust's `None`.

    def ok(self) -> T_co:
        """Return the value, where an `Err` returns None: Rust's `Result::ok`.

        >>> Ok(3).ok()
        3
        """
        return self.value

    def err(self) -> None:
        """Return None, where an `Err` returns its error: Rust's `Result::err`.

        >>> Ok(3).err()
        """

    def iter(self) -> Iterator[T_co]:
        """Return an iterator over the one value: Rust's `Result::iter`.

        A `for` loop over the `Ok` itself does the same.

        >>> list(Ok(3).iter())
        [3]
        """
        return iter((self.value,))

    # Another value.

    def map(self, f: Callable[[T_co], U], /) -> Ok[U]:
        """Apply a function to the value: Rust's `Result::map`.

        Args:
            f: Called with the value.

        Returns:
            An `Ok` of what `f` returned.

        Raises:
            BaseException: Whatever `f` raises; it does not become an `Err`.

        >>> Ok(3).map(str)
        Ok('3')
        """
        return Ok(f(self.value))

    def map_err(self, f: Callable[[Any], object], /) -> Ok[T_co]:
        """Return this `Ok` without a call of the function: Rust's `Result::map_err`.

        >>> Ok(3).map_err(str)
        Ok(3)
        """
        return self

    def map_or(self, default: object, f: Callable[[T_co], U], /) -> U:
        """Apply a function to the value: Rust's `Result::map_or`.

        Args:
            default: What an `Err` would return.
            f: Called with the value.

        Returns:
            What `f` returned.

        >>> Ok("foo").map_or(42, len)
        3
        """
        return f(self.value)

    def map_or_else(self, default: Callable[[Any], object], f: Callable[[T_co], U], /) -> U:
        """Apply the second function to the value: Rust's `Result::map_or_else`.

        Args:
            default: What an `Err` would call with its error.
            f: Called with the value.

        Returns:
            What `f` returned.

        >>> Ok("foo").map_or_else(lambda error: -1, len)
        3
        """
        return f(self.value)

    def inspect(self, f: Callable[[T_co], object], /) -> Ok[T_co]:
        """Call a function with the value and ignore what it returns: Rust's `Result::inspect`.

        Args:
            f: Called with the value.

        Returns:
            This `Ok`.

        >>> Ok(3).inspect(print).is_ok()
        3
        True
        """
        f(self.value)
        return self

    def inspect_err(self, f: Callable[[Any], object], /) -> Ok[T_co]:
        """Return this `Ok` without a call of the function: Rust's `Result::inspect_err`.

        >>> Ok(3).inspect_err(print)
        Ok(3)
        """
        return self

    # Another result.

    def and_(self, res: R, /) -> R:
        """Return the other result: Rust's `Result::and`, under a name that Python allows.

        Args:
            res: An `Ok` or `Err`.

        Returns:
            `res`.

        Raises:
            TypeError: `res` is no result.

        >>> Ok(3).and_(Ok("later"))
        Ok('later')
        """
        check_result(res, "and_(res)")
        return res

    def and_then(self, f: Callable[[T_co], R], /) -> R:
        """Go on with the next step that can fail: Rust's `Result::and_then`.

        Args:
            f: Called with the value; it returns an `Ok` or `Err`.

        Returns:
            What `f` returned.

        Raises:
            TypeError: That is no result; for a plain value use `map`.

        >>> from pythread_rs.result import Err, Ok
        >>> Ok(4).and_then(lambda value: Ok(value // 2) if value % 2 == 0 else Err("odd"))
        Ok(2)
        """
        result = f(self.value)
        check_result(result, "and_then(f)")
        return result

    def or_(self, res: Ok[Any] | Err[Any], /) -> Ok[T_co]:
        """Return this `Ok`: Rust's `Result::or`, under a name that Python allows.

        >>> Ok(3).or_(Ok(4))
        Ok(3)
        """
        return self

    def or_else(self, f: Callable[[Any], Ok[Any] | Err[Any]], /) -> Ok[T_co]:
        """Return this `Ok` without a call of the function: Rust's `Result::or_else`.

        >>> from pythread_rs.result import Err, Ok
        >>> Ok(3).or_else(Err)
        Ok(3)
        """
        return self

    # Overloads, because mypy does not hold a `self: Ok[R]` to the bound of `R`.
    @overload
    def flatten(self: Ok[Ok[U]]) -> Ok[U]: ...
    @overload
    def flatten(self: Ok[Err[F]]) -> Err[F]: ...
    @overload
    def flatten(self: Ok[Ok[U] | Err[F]]) -> Ok[U] | Err[F]: ...
    def flatten(self: Ok[Ok[Any] | Err[Any]]) -> Ok[Any] | Err[Any]:
        """Return the result inside: Rust's `Result::flatten`.

        Returns:
            The value, which is an `Ok` or `Err`.

        Raises:
            TypeError: The value is no result.

        >>> from pythread_rs.result import Err, Ok
        >>> Ok(Err("inner")).flatten()
        Err('inner')
        """
        check_result(self.value, "flatten()")
        return self.value

    @overload
    def transpose(self: Ok[None]) -> None: ...
    @overload
    def transpose(self: Ok[U | None]) -> Ok[U] | None: ...
    def transpose(self) -> Ok[Any] | None:
        """Turn a result of an option into an option of a result: Rust's `Result::transpose`.

        Python has no `Option`: None stands for Rust's `None`, anything else for `Some`.

        Returns:
            None for `Ok(None)`, else this `Ok`.

        >>> Ok(3).transpose()
        Ok(3)
        >>> Ok(None).transpose() is None
        True
        """
        return None if self.value is None else self

    # The value or something else.

    def unwrap(self) -> T_co:
        """Return the value: Rust's `Result::unwrap`.

        >>> Ok(3).unwrap()
        3
        """
        return self.value

    def expect(self, msg: str, /) -> T_co:
        """Return the value: Rust's `Result::expect`.

        Args:
            msg: What the `UnwrapError` of an `Err` would begin with.

        >>> Ok(3).expect("the worker must succeed")
        3
        """
        return self.value

    def unwrap_or(self, default: object, /) -> T_co:
        """Return the value, where an `Err` returns the default: Rust's `Result::unwrap_or`.

        >>> Ok(3).unwrap_or(0)
        3
        """
        return self.value

    def unwrap_or_else(self, op: Callable[[Any], object], /) -> T_co:
        """Return the value without a call of the function: Rust's `Result::unwrap_or_else`.

        >>> Ok(3).unwrap_or_else(len)
        3
        """
        return self.value

    def unwrap_or_default(self, factory: Callable[[], object], /) -> T_co:
        """Return the value: Rust's `Result::unwrap_or_default`.

        Args:
            factory: What an `Err` would call for a default, such as `int`. Rust infers the type;
                Python cannot.

        >>> Ok(3).unwrap_or_default(int)
        3
        """
        return self.value

    def unwrap_or_raise(self, exc: Callable[[Any], BaseException] | None = None, /) -> T_co:
        """Return the value; Rust writes `result?`.

        Args:
            exc: What an `Err` would make its exception with.

        >>> Ok(3).unwrap_or_raise(RuntimeError)
        3
        """
        return self.value

    def unwrap_err(self) -> NoReturn:
        """Refuse, as there is no error: Rust's `Result::unwrap_err`.

        Raises:
            UnwrapError: Always.

        >>> Ok(3).unwrap_err()
        Traceback (most recent call last):
        pythread_rs.result.UnwrapError: called `Result::unwrap_err()` on an `Ok` value: 3
        """
        message = "called `Result::unwrap_err()` on an `Ok` value"
        raise unwrap_failed(message, self, self.value)

    def expect_err(self, msg: str, /) -> NoReturn:
        """Refuse, as there is no error: Rust's `Result::expect_err`.

        Args:
            msg: What the text of the exception begins with.

        Raises:
            UnwrapError: Always.

        >>> Ok(3).expect_err("the worker should have failed")
        Traceback (most recent call last):
        pythread_rs.result.UnwrapError: the worker should have failed: 3
        """
        raise unwrap_failed(msg, self, self.value)


# The slot's own setter: it passes by the `__setattr__` that refuses, and costs less than the
# detour over `object.__setattr__`. `vars`, because a checker sees a property there.
_set_value: Callable[[Ok[Any], Any], None] = vars(Ok)["value"].__set__
