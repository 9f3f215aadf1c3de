"""Mistakes with `pythread_rs.result` that mypy --strict and pyright must both report.

Every line that ends in the mark is wrong, and no other line is.
"""

# mypy: enable-error-code="truthy-bool"

from __future__ import annotations

from pythread_rs.result import Err, Ok, Result, is_ok


def wrong_payload() -> Result[int, str]:
    return Ok("three")  # E


def wrong_error() -> Result[int, str]:
    return Err(3)  # E


def wrong_annotation(result: Result[int, str]) -> None:
    value: str = result.unwrap()  # E
    print(value)


def wrong_attributes(result: Result[int, str]) -> None:
    print(Ok(3).error)  # E
    print(Err(3).value)  # E
    print(result.value)  # E
    print(result.error)  # E
    print(result.expected)  # E


def wrong_branch(result: Result[int, str]) -> None:
    if is_ok(result):
        print(result.error)  # E
    else:
        print(result.value)  # E


def wrong_attribute_in_match(result: Result[int, str]) -> int:
    match result:
        case Ok(value):
            return value
        case Err(error):
            return error  # E


def changed(ok: Ok[int], err: Err[str]) -> None:
    ok.value = 4  # E
    err.error = "y"  # E
    ok.note = "new"  # E


def refused(result: Result[int, str]) -> None:
    if result:  # E
        print("no truth value")


def refused_guard(result: Result[int, str]) -> None:
    with result:  # E
        print("no context manager")


def unordered(result: Result[int, str]) -> None:
    print(result < result)  # E


def wrong_constructions() -> None:
    print(Ok())  # E
    print(Err(1, 2))  # E
    print(Ok(value=3))  # E


def wrong_functions(result: Result[int, str]) -> None:
    result.map(3)  # E
    result.map(lambda: 3)  # E
    result.map_err(lambda error: error + 1)  # E
    result.is_ok_and(lambda value: value)  # E
    result.and_then(lambda value: value + 1)  # E
    result.or_else(lambda error: error)  # E
    result.and_(3)  # E
    result.or_(3)  # E
    result.unwrap_or_else(lambda: 0)  # E
    result.unwrap_or_default(0)  # E
    result.unwrap_or_raise("x")  # E
    result.unwrap_or_raise(str)  # E
    result.expect()  # E


def not_nested(flat: Ok[int]) -> None:
    flat.flatten()  # E
    Ok(3).flatten()  # E
