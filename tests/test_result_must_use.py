"""The `Err` of `PYTHREAD_RS_MUST_USE=1`: it warns when it is dropped before anybody looked."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from pythread_rs.result import Err, Ok, UnusedResultWarning, UnwrapError, is_err
from pythread_rs.result._must_use import watched

if TYPE_CHECKING:
    from collections.abc import Callable


class Unprintable(Exception):
    """A payload whose `repr` raises."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def test_an_unread_err_warns_where_it_is_dropped() -> None:
    result = watched(ValueError("x"), "main.py:12")
    kept = [result]
    with pytest.warns(UnusedResultWarning) as record:
        del result, kept
    (warning,) = record
    assert str(warning.message) == (
        "unused `Err` that must be handled: ValueError('x') (thread spawned at main.py:12)"
    )
    assert warning.filename == __file__
    assert issubclass(UnusedResultWarning, RuntimeWarning)


def test_an_unread_unprintable_err_warns_too() -> None:
    with pytest.warns(UnusedResultWarning, match="<unprintable Unprintable object>"):
        watched(Unprintable(), "main.py:12")


def match_class(result: Any) -> None:
    match result:
        case Err():
            pass


def match_other(result: Any) -> None:
    match result:
        case Ok(_):
            pytest.fail("matched")


LOOKS: dict[str, Callable[[Any], object]] = {
    "attribute": lambda r: r.error,
    "method": lambda r: r.is_ok(),
    "hasattr": lambda r: hasattr(r, "nothing"),
    "repr": repr,
    "str": str,
    "equal": lambda r: r == Err(3),
    "equal reflected": lambda r: Err(3) == r,
    "not equal": lambda r: r != Err(3),
    "hash": hash,
    "iterate": list,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
    "isinstance": lambda r: isinstance(r, Ok),
    "is_err": is_err,
    "match class": match_class,
    "match other": match_other,
    "unwrap": lambda r: pytest.raises(UnwrapError, r.unwrap),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_a_look_silences(look: Callable[[Any], object]) -> None:
    result = watched(3, "main.py:12")
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        look(result)
        del result
    assert record == []


def test_a_watched_err_passes_for_an_err() -> None:
    payload = ValueError("x")
    result: Any = watched(payload, "main.py:12")
    match result:
        case Err(ValueError() as error):
            assert error is payload
        case _:
            pytest.fail("no match")
    assert isinstance(result, Err)
    assert not isinstance(result, Ok)
    assert result.__class__ is Err
    assert repr(result) == "Err(ValueError('x'))"
    assert result == Err(payload)
    assert Err(payload) == result
    assert result == watched(payload, "main.py:13")
    assert result != Ok(payload)
    assert hash(result) == hash(Err(payload))
    assert Ok(result).flatten() is result
    assert set(dir(result)) == set(dir(Err(3)))


def test_a_watched_err_refuses_what_an_err_refuses() -> None:
    payload = ValueError("x")
    result: Any = watched(payload, "main.py:12")
    with pytest.raises(AttributeError, match="cannot set 'error'"):
        result.error = 3
    with pytest.raises(AttributeError, match="'Err' object has no attribute 'value'"):
        _ = result.value
    with pytest.raises(TypeError, match="no truth value"):
        bool(result)
    with pytest.raises(TypeError, match="no context manager"), result:
        pytest.fail("entered")
    with pytest.raises(UnwrapError) as caught:
        result.unwrap()
    assert caught.value.__cause__ is payload


def test_a_watched_err_becomes_a_plain_one_in_a_copy() -> None:
    result = watched([3], "main.py:12")
    for made in (copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert type(made) is Err
        assert made == Err([3])


def test_an_unread_err_at_exit_makes_no_noise_of_its_own() -> None:
    program = (
        "from pythread_rs.result._must_use import watched\n"
        "result = watched(ValueError('x'), 'main.py:12')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "UnusedResultWarning: unused `Err` that must be handled: ValueError('x')" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
