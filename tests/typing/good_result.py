"""What mypy --strict and pyright must infer about `pythread_rs.result`; every line is right."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Literal, Never, assert_type

from pythread_rs.result import Err, Ok, Result, UnwrapError, is_err, is_ok


def parse(text: str) -> Result[int, ValueError]:
    """A function with both outcomes."""
    try:
        return Ok(int(text))
    except ValueError as error:
        return Err(error)


def length(value: int) -> str:
    """A typed function to pass where a lambda would leave more to infer."""
    return "x" * value


def variants() -> None:
    assert_type(Ok(3), Ok[int])
    assert_type(Err("x"), Err[str])
    assert_type(Ok(3).value, int)
    assert_type(Err("x").error, str)
    assert_type(parse("3"), Ok[int] | Err[ValueError])
    assert_type(Ok(3).is_ok(), Literal[True])
    assert_type(Ok(3).is_err(), Literal[False])
    assert_type(Err(3).is_ok(), Literal[False])
    assert_type(Err(3).is_err(), Literal[True])
    assert_type(copy.copy(Ok(3)), Ok[int])


def covariance(narrow: Result[bool, KeyError]) -> Result[int, LookupError]:
    wide: Result[object, Exception] = narrow
    assert_type(wide.is_ok(), bool)
    return narrow


def narrowing_by_function(result: Result[int, str]) -> None:
    if is_ok(result):
        assert_type(result, Ok[int])
        assert_type(result.value, int)
    else:
        assert_type(result, Err[str])
        assert_type(result.error, str)
    if is_err(result):
        assert_type(result.error, str)
    else:
        assert_type(result.value, int)


def narrowing_by_isinstance(result: Result[int, str]) -> None:
    if isinstance(result, Ok):
        assert_type(result.value, int)
    else:
        assert_type(result.error, str)


def narrowing_by_match(result: Result[int, ValueError | KeyError]) -> int:
    match result:
        case Ok(value):
            assert_type(value, int)
            return value
        case Err(ValueError() as error):
            assert_type(error, ValueError)
            return 1
        case Err(error):
            assert_type(error, ValueError | KeyError)
            return 2


def union_questions(result: Result[int, str]) -> None:
    assert_type(result.is_ok(), bool)
    assert_type(result.is_ok_and(lambda value: value > 1), bool)
    assert_type(result.is_err_and(lambda error: error.startswith("x")), bool)
    assert_type(result.ok(), int | None)
    assert_type(result.err(), str | None)
    assert_type(list(result), list[int])
    for value in result:
        assert_type(value, int)
    for value in result.iter():
        assert_type(value, int)


def variant_iterators() -> None:
    assert_type(Ok(3).iter(), Iterator[int])
    assert_type(Err(3).iter(), Iterator[Never])


def union_maps(result: Result[int, str]) -> None:
    assert_type(result.map(length), Ok[str] | Err[str])
    assert_type(result.map(lambda value: value + 0.5), Ok[float] | Err[str])
    assert_type(result.map_err(len), Ok[int] | Err[int])
    assert_type(result.map_err(lambda error: error.encode()), Ok[int] | Err[bytes])
    assert_type(result.map_or(b"", lambda value: bytes(value)), bytes)
    assert_type(result.map_or_else(lambda error: error.encode(), lambda value: b"x"), bytes)
    assert_type(result.inspect(print), Ok[int] | Err[str])
    assert_type(result.inspect_err(print), Ok[int] | Err[str])
    assert_type(Ok(3).map(str), Ok[str])
    assert_type(Err(3).map_err(str), Err[str])


def half(value: int) -> Result[float, KeyError]:
    """The next step of a chain."""
    return Ok(value / 2) if value else Err(KeyError(value))


def rescue(error: str) -> Result[bytes, ValueError]:
    """Another way to a value."""
    return Ok(error.encode()) if error else Err(ValueError())


def union_chains(result: Result[int, str], other: Result[bytes, bool]) -> None:
    assert_type(result.and_then(half), Ok[float] | Err[KeyError] | Err[str])
    assert_type(result.and_then(lambda value: Ok(value + 0.5)), Ok[float] | Err[str])
    assert_type(result.or_else(rescue), Ok[int] | Ok[bytes] | Err[ValueError])
    assert_type(result.or_else(lambda error: Ok(error)), Ok[int] | Ok[str])
    assert_type(result.and_(other), Ok[bytes] | Err[bool] | Err[str])
    assert_type(result.or_(other), Ok[int] | Ok[bytes] | Err[bool])


def nested(result: Result[Result[int, str], bytes]) -> None:
    assert_type(result.flatten(), Ok[int] | Err[str] | Err[bytes])
    assert_type(Ok(Ok(3)).flatten(), Ok[int])
    assert_type(Ok(Err(3)).flatten(), Err[int])
    assert_type(Ok(half(3)).flatten(), Ok[float] | Err[KeyError])


def options(result: Result[int | None, str]) -> None:
    assert_type(result.transpose(), Ok[int] | Err[str] | None)
    assert_type(Ok(None).transpose(), None)


def union_values(result: Result[int, str], default: Callable[[], bytes]) -> None:
    assert_type(result.unwrap(), int)
    assert_type(result.expect("a number"), int)
    assert_type(result.unwrap_err(), str)
    assert_type(result.expect_err("a text"), str)
    assert_type(result.unwrap_or(0), int)
    assert_type(result.unwrap_or(None), int | None)
    assert_type(result.unwrap_or_else(len), int)
    assert_type(result.unwrap_or_default(int), int)
    assert_type(result.unwrap_or_default(default), int | bytes)
    assert_type(result.unwrap_or_raise(), int)
    assert_type(result.unwrap_or_raise(OSError), int)
    assert_type(result.unwrap_or_raise(lambda error: OSError(error.strip())), int)


def errors(error: UnwrapError) -> None:
    assert_type(error.result.is_ok(), bool)


def equality(result: Result[int, str]) -> None:
    assert_type(result == Ok(3), bool)
    assert_type(hash(result), int)
    assert_type({result: 1}[Ok(3)], int)
