"""`pythread_rs.result`: Rust's `Result` API, the behaviour as a plain value, and the refusals."""

from __future__ import annotations

import ast
import copy
import doctest
import gc
import pickle
import traceback
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args

import pytest

from pythread_rs import result as package
from pythread_rs.result import (
    Err,
    Ok,
    Result,
    UnwrapError,
    is_err,
    is_ok,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# The methods of Rust's `Result` that the package promises, under the names that Python allows.
RUST_METHODS = frozenset(
    "is_ok is_err is_ok_and is_err_and ok err map map_err map_or map_or_else inspect inspect_err "
    "and_ and_then or_ or_else unwrap unwrap_or unwrap_or_else unwrap_or_default expect unwrap_err "
    "expect_err flatten transpose iter".split()
)


# The same classes for calls that a type checker would rightly refuse.
AnyOk: Any = Ok
AnyErr: Any = Err


def never(*args: object) -> NoReturn:
    """Stand in for a function that must not be called."""
    pytest.fail(f"called with {args}")


def double(x: int) -> int:
    return 2 * x


class Unprintable(Exception):
    """A payload whose `repr` and `str` raise."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


# -- The API, method by method: what `Ok(2)` answers and what `Err(3)` answers. --------------------

ANSWERS: list[tuple[str, Callable[[Any], object], object, object]] = [
    ("is_ok", lambda r: r.is_ok(), True, False),
    ("is_err", lambda r: r.is_err(), False, True),
    ("function is_ok", is_ok, True, False),
    ("function is_err", is_err, False, True),
    ("is_ok_and true", lambda r: r.is_ok_and(lambda x: x == 2), True, False),
    ("is_ok_and false", lambda r: r.is_ok_and(lambda x: x == 9), False, False),
    ("is_err_and true", lambda r: r.is_err_and(lambda x: x == 3), False, True),
    ("is_err_and false", lambda r: r.is_err_and(lambda x: x == 9), False, False),
    ("is_ok_and gives a bool", lambda r: r.is_ok_and(lambda _: "yes"), True, False),
    ("is_err_and gives a bool", lambda r: r.is_err_and(lambda _: "yes"), False, True),
    ("ok", lambda r: r.ok(), 2, None),
    ("err", lambda r: r.err(), None, 3),
    ("map", lambda r: r.map(double), Ok(4), Err(3)),
    ("map_err", lambda r: r.map_err(double), Ok(2), Err(6)),
    ("map_or", lambda r: r.map_or(7, double), 4, 7),
    ("map_or_else", lambda r: r.map_or_else(lambda e: -e, double), 4, -3),
    ("and_ ok", lambda r: r.and_(Ok(7)), Ok(7), Err(3)),
    ("and_ err", lambda r: r.and_(Err(7)), Err(7), Err(3)),
    ("and_then ok", lambda r: r.and_then(lambda x: Ok(x + 5)), Ok(7), Err(3)),
    ("and_then err", lambda r: r.and_then(lambda x: Err(x + 5)), Err(7), Err(3)),
    ("or_ ok", lambda r: r.or_(Ok(7)), Ok(2), Ok(7)),
    ("or_ err", lambda r: r.or_(Err(7)), Ok(2), Err(7)),
    ("or_else ok", lambda r: r.or_else(lambda e: Ok(e + 4)), Ok(2), Ok(7)),
    ("or_else err", lambda r: r.or_else(lambda e: Err(e + 4)), Ok(2), Err(7)),
    ("unwrap_or", lambda r: r.unwrap_or(7), 2, 7),
    ("unwrap_or_else", lambda r: r.unwrap_or_else(double), 2, 6),
    ("unwrap_or_default", lambda r: r.unwrap_or_default(int), 2, 0),
    ("iter", lambda r: list(r.iter()), [2], []),
    ("for", list, [2], []),
    ("in", lambda r: 2 in r, True, False),
    ("transpose", lambda r: r.transpose(), Ok(2), Err(3)),
]


@pytest.mark.parametrize(
    ("ask", "of_ok", "of_err"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_answers_of_both_variants(
    ask: Callable[[Any], object], of_ok: object, of_err: object
) -> None:
    for made, expected in ((ask(Ok(2)), of_ok), (ask(Err(3)), of_err)):
        assert made == expected
        assert type(made) is type(expected)


def test_the_whole_api_is_there() -> None:
    for variant in (Ok, Err):
        public = {name for name in vars(variant) if not name.startswith("_")}
        assert public - {"value", "error"} == RUST_METHODS | {"unwrap_or_raise"}


def test_the_function_for_the_other_variant_is_not_called() -> None:
    ok, err = Ok(2), Err(3)
    assert ok.is_err_and(never) is False
    assert err.is_ok_and(never) is False
    assert ok.map_err(never) is ok
    assert err.map(never) is err
    assert ok.map_or_else(never, double) == 4
    assert err.map_or_else(double, never) == 6
    assert err.map_or(7, never) == 7
    assert ok.inspect_err(never) is ok
    assert err.inspect(never) is err
    assert err.and_then(never) is err
    assert ok.or_else(never) is ok
    assert ok.unwrap_or_else(never) == 2
    assert ok.unwrap_or_default(never) == 2
    assert ok.unwrap_or_raise(never) == 2


def test_inspect_passes_the_content_and_returns_the_result() -> None:
    seen: list[object] = []
    ok, err = Ok(2), Err(3)
    assert ok.inspect(seen.append) is ok
    assert err.inspect_err(seen.append) is err
    assert seen == [2, 3]


def test_an_exception_of_the_function_goes_through() -> None:
    ok, err = AnyOk(0), AnyErr(0)
    for call in (ok.map, ok.and_then, ok.inspect, err.map_err, err.or_else):
        with pytest.raises(ZeroDivisionError):
            call(lambda x: 1 // x)


def test_flatten_takes_one_layer() -> None:
    assert Ok(Ok(3)).flatten() == Ok(3)
    assert Ok(Err(3)).flatten() == Err(3)
    assert Ok(Ok(Ok(3))).flatten() == Ok(Ok(3))
    assert Err(Ok(3)).flatten() == Err(Ok(3))


def test_transpose_takes_none_for_no_value() -> None:
    assert Ok(None).transpose() is None
    assert Ok(0).transpose() == Ok(0)
    assert Err(None).transpose() == Err(None)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda: AnyOk(3).flatten(),
        lambda: AnyOk(3).and_(3),
        lambda: AnyOk(3).and_then(double),
        lambda: AnyErr(3).or_(None),
        lambda: AnyErr(3).or_else(double),
    ],
    ids=["flatten()", "and_(res)", "and_then(f)", "or_(res)", "or_else(f)"],
)
def test_a_plain_value_instead_of_a_result_is_refused(
    misuse: Callable[[], object], request: pytest.FixtureRequest
) -> None:
    with pytest.raises(TypeError, match="needs an `Ok` or an `Err` here, not") as caught:
        misuse()
    assert request.node.callspec.id in str(caught.value)


# -- A plain value. --------------------------------------------------------------------------------


def test_match_binds_the_content_and_its_class() -> None:
    def classify(result: Result[object, object]) -> str:
        match result:
            case Ok(int(n)):
                return f"int {n}"
            case Ok(value):
                return f"ok {value}"
            case Err(ValueError() as error):
                return f"ValueError {error}"
            case Err(error):
                return f"err {error}"

    assert classify(Ok(3)) == "int 3"
    assert classify(Ok("a")) == "ok a"
    assert classify(Err(ValueError("x"))) == "ValueError x"
    assert classify(Err(3)) == "err 3"


def test_attributes() -> None:
    assert (Ok(3).value, Err(3).error) == (3, 3)
    assert not hasattr(Ok(3), "error")
    assert not hasattr(Err(3), "value")
    assert not hasattr(Ok(3), "__dict__")
    assert not hasattr(Err(3), "__dict__")


@pytest.mark.parametrize("result", [Ok(3), Err(3)], ids=repr)
@pytest.mark.parametrize("name", ["value", "error", "other"])
def test_nothing_can_be_set_or_deleted(result: Any, name: str) -> None:
    before = repr(result)
    with pytest.raises(AttributeError, match=f"cannot set '{name}': an `Ok` or `Err` never"):
        setattr(result, name, 4)
    with pytest.raises(AttributeError, match=f"cannot delete '{name}': an `Ok` or `Err` never"):
        delattr(result, name)
    assert repr(result) == before


def test_equality_is_by_variant_and_content() -> None:
    assert Ok(1) == Ok(1)
    assert Err(1) == Err(1)
    assert Ok(1) == Ok(1.0)
    assert Ok(1) != Ok(2)
    assert Err(1) != Err(2)
    assert Ok(1) != Err(1)
    assert Err(1) != Ok(1)
    assert Ok(1) != 1
    assert Ok(float("nan")) != Ok(float("nan"))


def test_equality_is_a_bool_whatever_the_content_answers() -> None:
    class Odd:
        def __eq__(self, other: object) -> Any:
            return "perhaps"

        __hash__ = None  # type: ignore[assignment]

    assert (Ok(Odd()) == Ok(Odd())) is True
    assert (Err(Odd()) == Err(Odd())) is True


def test_hash_is_by_variant_and_content() -> None:
    assert len({Ok(1), Ok(1), Ok(1.0), Err(1), Err(1)}) == 2
    assert hash(Ok(1)) != hash(Err(1))
    for unhashable in (AnyOk([]), AnyErr([])):
        with pytest.raises(TypeError, match="unhashable type: 'list'"):
            hash(unhashable)


def test_repr_is_rusts_debug_form() -> None:
    assert repr(Ok(3)) == "Ok(3)"
    assert repr(Err(ValueError("x"))) == "Err(ValueError('x'))"
    assert str(Ok("a")) == "Ok('a')"
    assert repr(Ok(Err(None))) == "Ok(Err(None))"
    own: list[object] = []
    own.append(Ok(own))
    assert repr(own) == "[Ok([...])]"


@pytest.mark.parametrize("result", [Ok([1]), Err([1])], ids=repr)
def test_copies_and_pickles(result: Any) -> None:
    (content,) = result.__reduce__()[1]
    shallow, deep = copy.copy(result), copy.deepcopy(result)
    assert shallow == deep == result
    assert shallow.__reduce__()[1][0] is content
    assert deep.__reduce__()[1][0] is not content
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        loaded = pickle.loads(pickle.dumps(result, protocol))
        assert type(loaded) is type(result)
        assert loaded == result


def test_a_pickle_names_the_public_module() -> None:
    for name in ("Ok", "Err", "UnwrapError", "UnusedResultWarning"):
        assert getattr(package, name).__module__ == "pythread_rs.result"
    assert b"pythread_rs.result\n" in pickle.dumps(Ok(3), 0)


def test_no_order_no_subclass_no_keyword() -> None:
    with pytest.raises(TypeError, match="'<' not supported"):
        _ = AnyOk(1) < Ok(2)
    for variant, word in ((AnyOk, "value"), (AnyErr, "error")):
        with pytest.raises(TypeError, match="is final"):
            type("Sub", (variant,), {})
        with pytest.raises(TypeError):
            variant(**{word: 1})


def test_the_alias_works_at_run_time() -> None:
    alias: Any = Result
    assert get_args(alias[int, str]) == (Ok[int], Err[str])
    assert isinstance(Ok(3), (Ok, Err))
    assert not isinstance(3, (Ok, Err))
    made: Ok[int] = Ok[int](3)
    assert made == Ok(3)


# -- Refusals. -------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", [Ok(3), Err(3)], ids=repr)
def test_no_truth_value_and_no_context_manager(result: Any) -> None:
    with pytest.raises(TypeError) as caught:
        bool(result)
    assert str(caught.value) == (
        "a Result has no truth value: write `if result.is_ok():` or `match result:`"
    )
    with pytest.raises(TypeError) as caught, result:
        pytest.fail("entered")
    assert str(caught.value) == (
        "a Result is no context manager: unwrap it first, `with result.unwrap() as g:`; "
        "for a mutex write `with mutex as guard:`"
    )
    with pytest.raises(TypeError, match="no context manager"):
        result.__exit__(None, None, None)


# -- Unwrapping. -----------------------------------------------------------------------------------


def test_unwrapping_the_right_variant() -> None:
    assert Ok(3).unwrap() == Ok(3).expect("text") == 3
    assert Err(3).unwrap_err() == Err(3).expect_err("text") == 3


@pytest.mark.parametrize(
    ("unwrap", "text"),
    [
        (lambda: Err("x").unwrap(), "called `Result::unwrap()` on an `Err` value: 'x'"),
        (lambda: Err("x").expect("msg"), "msg: 'x'"),
        (lambda: Ok(3).unwrap_err(), "called `Result::unwrap_err()` on an `Ok` value: 3"),
        (lambda: Ok(3).expect_err("msg"), "msg: 3"),
        (
            lambda: Err("x").unwrap_or_raise(),
            "called `Result::unwrap_or_raise()` on an `Err` value: 'x'",
        ),
        (
            lambda: Err(Unprintable()).unwrap(),
            "called `Result::unwrap()` on an `Err` value: <unprintable Unprintable object>",
        ),
        (lambda: Err(Unprintable()).expect("msg"), "msg: <unprintable Unprintable object>"),
        (lambda: Ok(Unprintable()).expect_err("msg"), "msg: <unprintable Unprintable object>"),
    ],
)
def test_unwrapping_the_wrong_variant(unwrap: Callable[[], object], text: str) -> None:
    with pytest.raises(UnwrapError) as caught:
        unwrap()
    assert str(caught.value) == text
    assert caught.value.args == (text,)
    assert isinstance(caught.value.result, (Ok, Err))


@pytest.mark.parametrize("payload", [ValueError("x"), SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_unwrap_is_raised_from_the_payload(payload: BaseException) -> None:
    result = Err(payload)
    for unwrap in (result.unwrap, lambda: result.expect("msg")):
        with pytest.raises(UnwrapError) as caught:
            unwrap()
        assert caught.value.__cause__ is payload
        assert caught.value.result is result


def test_an_exception_that_is_a_value_causes_nothing() -> None:
    with pytest.raises(UnwrapError) as caught:
        Ok(ValueError("data")).unwrap_err()
    assert caught.value.__cause__ is None


def failing_worker() -> NoReturn:
    raise ValueError("from the worker")


def test_the_traceback_shows_both_sides() -> None:
    try:
        failing_worker()
    except ValueError as error:
        result = Err(error)
    with pytest.raises(UnwrapError) as caught:
        result.unwrap()
    text = "".join(traceback.format_exception(caught.value))
    worker, ours = text.index("in failing_worker"), text.index("in unwrap")
    assert worker < text.index("direct cause of the following exception") < ours
    assert "\npythread_rs.result.UnwrapError: called `Result::unwrap()`" in text


def test_unwrap_error_copies_and_pickles() -> None:
    error = UnwrapError("msg: 3", Err([3]))
    error.add_note("a note")
    protocols = range(pickle.HIGHEST_PROTOCOL + 1)
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in protocols]
    for other in (*copies, copy.copy(error), copy.deepcopy(error)):
        assert type(other) is UnwrapError
        assert (str(other), other.result) == ("msg: 3", Err([3]))
        assert other.__notes__ == ["a note"]


# -- unwrap_or_raise. ------------------------------------------------------------------------------


def test_unwrap_or_raise_makes_the_exception_from_the_error() -> None:
    with pytest.raises(OSError, match=r"^text$") as caught:
        Err("text").unwrap_or_raise(OSError)
    assert caught.value.__cause__ is None
    payload = ValueError("x")
    with pytest.raises(OSError, match=r"^seen: x$") as caught:
        Err(payload).unwrap_or_raise(lambda error: OSError(f"seen: {error}"))
    assert caught.value.__cause__ is payload


def test_unwrap_or_raise_raises_the_payload_itself() -> None:
    for payload in (ValueError("x"), KeyboardInterrupt(), SystemExit(3)):
        with pytest.raises(type(payload)) as caught:
            Err(payload).unwrap_or_raise()
        assert caught.value is payload


def test_unwrap_or_raise_makes_no_exception_its_own_cause() -> None:
    payload = ValueError("x")
    with pytest.raises(ValueError, match="x") as caught:
        Err(payload).unwrap_or_raise(lambda error: error)
    assert caught.value is payload
    assert payload.__cause__ is None


@pytest.mark.parametrize("factory", [str, lambda _error: ValueError])
def test_unwrap_or_raise_refuses_what_is_no_exception(factory: Any) -> None:
    with pytest.raises(TypeError, match="needs a callable that returns an exception, not"):
        Err("x").unwrap_or_raise(factory)


@pytest.mark.parametrize("factory", [None, RuntimeError], ids=["payload", "factory"])
def test_unwrap_or_raise_leaves_no_cycle(factory: Any) -> None:
    class Payload(ValueError):
        pass

    def raise_and_drop() -> weakref.ref[BaseException]:
        # No local may hold the exception: its traceback holds this frame.
        try:
            Err(Payload("x")).unwrap_or_raise(factory)
        except (Payload, RuntimeError) as error:
            return weakref.ref(error.__cause__ or error)

    gc.disable()
    try:
        assert raise_and_drop()() is None
    finally:
        gc.enable()


# -- The documentation, and what the package imports. ----------------------------------------------

PUBLIC = [getattr(package, name) for name in package.__all__ if name != "Result"]


def test_all_is_complete_and_sorted() -> None:
    assert package.__all__ == sorted(package.__all__)
    # pytest rewrites the assertions of what comes with a plugin, and adds names with an @.
    public = {n for n in vars(package) if not n.startswith(("_", "@"))} - {"annotations"}
    assert public == set(package.__all__)


@pytest.mark.parametrize("owner", PUBLIC, ids=lambda owner: owner.__name__)
def test_examples(owner: Any) -> None:
    # Without a module the finder takes methods from the private files too.
    finder = doctest.DocTestFinder(exclude_empty=False)
    found = finder.find(owner, owner.__name__, module=False, globs=dict(vars(package)))
    for test in found:
        name = test.name.rpartition(".")[2]
        if not name.startswith("_") and name not in {"value", "error"}:
            assert test.examples, f"{test.name} has no example"
        failed, _ = doctest.DocTestRunner().run(test)
        assert failed == 0, test.name
    if owner in {Ok, Err}:
        assert {f"{owner.__name__}.{name}" for name in RUST_METHODS} <= {t.name for t in found}


def test_the_package_imports_nothing_heavy_and_of_the_project_only_the_floor_below() -> None:
    light = {"__future__", "collections.abc", "typing", "typing_extensions", "warnings"}
    light |= {"pythread_rs._ffi"}
    files = sorted(Path(package.__file__).parent.glob("*.py"))
    assert len(files) >= 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= light, file
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 1 or (node.level == 0 and node.module in light), file
